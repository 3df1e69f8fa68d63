/* SPDX-License-Identifier: MIT */
/* For service.sh: writes the certificate chain that the driver has for that D3DDDI_CERTTYPE_*, leaf first. */
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const uint32_t type = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	struct rt_adapter *adapter;
	uint8_t *chain;
	size_t size;

	if (rt_adapter_open(NULL, &adapter) != S_OK || rt_adapter_certificate(adapter, type, &chain, &size) != S_OK)
		return EXIT_FAILURE;
	fwrite(chain, 1, size, stdout);
	free(chain);
	rt_adapter_close(adapter);
	return EXIT_SUCCESS;
}
