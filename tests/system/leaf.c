/* SPDX-License-Identifier: MIT */
/* For service.sh: writes the certificate chain that the driver has for crypto sessions, leaf first. */
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct rt_adapter *adapter;
	uint8_t *chain;
	size_t size;

	if (rt_adapter_open(NULL, &adapter) != S_OK ||
	    rt_adapter_certificate(adapter, D3DDDI_CERTTYPE_CRYPTOSESSION, &chain, &size) != S_OK)
		return EXIT_FAILURE;
	fwrite(chain, 1, size, stdout);
	free(chain);
	rt_adapter_close(adapter);
	return EXIT_SUCCESS;
}
