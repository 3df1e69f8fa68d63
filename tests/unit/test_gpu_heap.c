/* SPDX-License-Identifier: MIT */
/* The secret heap against a model: contents, wiping, arenas, threads. What it aborts on is in test_gpu_memory.c. */
#include "gpu/gpu.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static bool memory_is(const void *memory, uint8_t value, size_t size)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static void test_heap_basics(void **state)
{
	void *zero = gpu_secret_alloc(0);
	uint8_t *a = gpu_secret_alloc(100);
	uint8_t *b;

	(void)state;
	assert_non_null(zero);
	assert_int_equal((uintptr_t)a % 16, 0);
	assert_true(memory_is(a, 0, 100));
	memset(a, 0xee, 100);
	b = gpu_secret_realloc(a, 5000);
	assert_true(memory_is(b, 0xee, 100));
	b = gpu_secret_realloc(b, 10);
	assert_true(memory_is(b, 0xee, 10));
	b = gpu_secret_realloc(b, 100); /* what the shrinking cut off was wiped */
	assert_true(memory_is(b, 0xee, 10) && memory_is(b + 10, 0, 90));
	assert_null(gpu_secret_realloc(b, 0));
	gpu_secret_free(gpu_secret_realloc(NULL, 7));
	gpu_secret_free(zero);
	gpu_secret_free(NULL);
	assert_null(gpu_secret_alloc(SIZE_MAX));
	assert_null(gpu_secret_alloc(SIZE_MAX - 15));
}

/* CS-46. The first 16 bytes of a freed block are the heap's own links. */
static void test_heap_freed_is_wiped(void **state)
{
	uint8_t *before = gpu_secret_alloc(64);
	uint8_t *block = gpu_secret_alloc(4096);
	uint8_t *after = gpu_secret_alloc(64);
	uint8_t *moved;

	(void)state;
	memset(block, 0xc3, 4096);
	gpu_secret_free(block);
	assert_true(memory_is(block + 16, 0, 4096 - 16));

	block = gpu_secret_alloc(4096);
	gpu_secret_free(after);
	after = gpu_secret_alloc(64);
	memset(block, 0xc3, 4096);
	moved = gpu_secret_realloc(block, 200000);
	assert_true(memory_is(moved, 0xc3, 4096));
	if (moved != block)
		assert_true(memory_is(block + 16, 0, 4096 - 16));
	gpu_secret_free(moved);
	gpu_secret_free(before);
	gpu_secret_free(after);
}

/* Arenas come and go with what they hold. */
static void test_heap_arenas(void **state)
{
	enum { COUNT = 24 };
	struct gpu_memory_report before, during, after;
	uint8_t *blocks[COUNT];

	(void)state;
	gpu_memory_report(&before);
	for (size_t i = 0; i < COUNT; i++) {
		blocks[i] = gpu_secret_alloc(700000);
		assert_non_null(blocks[i]);
		assert_true(memory_is(blocks[i], 0, 700000));
		memset(blocks[i], (int)i + 1, 700000);
	}
	gpu_memory_report(&during);
	assert_true(during.key_bytes >= before.key_bytes + COUNT * 700000 - (1 << 20));
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(memory_is(blocks[i], (uint8_t)(i + 1), 700000));
		gpu_secret_free(blocks[i]);
	}
	gpu_memory_report(&after);
	/* some are kept in store */
	assert_true(after.key_bytes <= before.key_bytes + (6 << 20));
	blocks[0] = gpu_secret_alloc(32 << 20);
	assert_true(memory_is(blocks[0], 0, 32 << 20));
	gpu_secret_free(blocks[0]);
}

struct item {
	uint8_t *memory;
	size_t size;
	uint8_t value;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static size_t next_size(uint32_t *seed)
{
	static const uint32_t limits[] = { 16, 64, 300, 300, 1500, 5000, 70000 };

	return next_random(seed) % limits[next_random(seed) % 7];
}

/* Returns how often the heap and the model differ: an assertion must not leave a thread. */
static void *heap_stress(void *data)
{
	enum { ITEMS = 400, ROUNDS = 40000 };
	struct item *items = calloc(ITEMS, sizeof(*items));
	uint32_t seed = *(uint32_t *)data;
	uintptr_t wrong = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct item *item = &items[next_random(&seed) % ITEMS];
		size_t size = next_size(&seed);
		size_t kept = size < item->size ? size : item->size;

		if (item->memory == NULL) {
			item->memory = gpu_secret_alloc(size);
			wrong += item->memory == NULL || !memory_is(item->memory, 0, size);
		} else if (next_random(&seed) % 2 == 0 && size > 0) {
			item->memory = gpu_secret_realloc(item->memory, size);
			wrong += item->memory == NULL || !memory_is(item->memory, item->value, kept);
		} else {
			wrong += !memory_is(item->memory, item->value, item->size);
			gpu_secret_free(item->memory);
			item->memory = NULL;
		}
		item->size = item->memory != NULL ? size : 0;
		item->value = (uint8_t)next_random(&seed);
		if (item->memory != NULL)
			memset(item->memory, item->value, item->size);
	}
	for (size_t i = 0; i < ITEMS; i++) {
		wrong += items[i].memory != NULL && !memory_is(items[i].memory, items[i].value, items[i].size);
		gpu_secret_free(items[i].memory);
	}
	free(items);
	return (void *)wrong;
}

static void test_heap_stress(void **state)
{
	uint32_t seeds[2] = { 12345, 987654321 };
	pthread_t threads[2];
	void *wrong;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, heap_stress, &seeds[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap_basics),
		cmocka_unit_test(test_heap_freed_is_wiped),
		cmocka_unit_test(test_heap_arenas),
		cmocka_unit_test(test_heap_stress),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_heap", tests, NULL, NULL);
}
