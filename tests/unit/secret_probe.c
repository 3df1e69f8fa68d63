/* SPDX-License-Identifier: MIT */
/* Secret memory as a test sees it: how often it is asked for, that it runs out, and what of a secret is still in it. */
#include "secret_probe.h"

#include "gpu/gpu.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

/* ---- refusals ------------------------------------------------------------------------------------ */

atomic_uint sp_allocations;
static atomic_int allocations_left = -1; /* negative: no limit */
static bool is_lone;

void sp_refuse_after(int count, bool lone)
{
	is_lone = lone;
	allocations_left = count;
}

void sp_refuse_none(void)
{
	allocations_left = -1;
}

bool sp_is_refused(void)
{
	sp_allocations++;
	if (allocations_left < 0)
		return false;
	if (allocations_left > 0) {
		allocations_left--;
		return false;
	}
	if (is_lone)
		allocations_left = -1;
	return true;
}

/* ---- libcrypto ----------------------------------------------------------------------------------- */

static void *counted_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size == 0 || sp_is_refused() ? NULL : gpu_secret_alloc(size);
}

static void *counted_realloc(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return size > 0 && sp_is_refused() ? NULL : gpu_secret_realloc(memory, size);
}

static void counted_free(void *memory, const char *file, int line)
{
	(void)file;
	(void)line;
	gpu_secret_free(memory);
}

int sp_route_libcrypto(void)
{
	return CRYPTO_set_mem_functions(counted_alloc, counted_realloc, counted_free) == 1 ? 0 : -1;
}

/* ---- what is left -------------------------------------------------------------------------------- */

unsigned int sp_mapping_count(const void *where, const uint8_t bytes[16])
{
	unsigned long start = 0, end = 0;
	unsigned int count = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start <= (uintptr_t)where && (uintptr_t)where < end)
			break;
	}
	fclose(maps);
	if (start == 0 || start > (uintptr_t)where || (uintptr_t)where >= end) {
		fail();
		return 0;
	}
	for (const uint8_t *at = (const uint8_t *)start; at + 16 <= (const uint8_t *)end; at += 4)
		count += memcmp(at, bytes, 16) == 0;
	return count;
}
