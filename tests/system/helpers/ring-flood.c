/* SPDX-License-Identifier: MIT */
/* A client that fills its ring with blts until it is killed. */
#include "bench/ddi.h"

#include <stdio.h>
#include <stdlib.h>

enum { BYTES_MAX = 64 << 20 };

int main(int argc, char **argv)
{
	size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	static struct bench_result result;
	static struct ddi ddi;

	if (size == 0)
		return EXIT_FAILURE;
	bench_measure_into(&result);
	ddi_open(&ddi);
	ddi_make_pairs(&ddi, size, size * 32 <= BYTES_MAX ? 32 : (unsigned int)(BYTES_MAX / size));
	ddi_decrypt_queued(&ddi);
	puts("ready");
	fflush(stdout);
	for (;;)
		ddi_decrypt_queued(&ddi);
}
