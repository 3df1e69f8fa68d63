/* SPDX-License-Identifier: MIT */
/* A heap in protected memory, for keys and for libcrypto: free bytes are zero bytes. */
#include "gpu/private.h"

#include <pthread.h>
#include <string.h>

/*
 * Arenas of protected memory are cut into blocks; free blocks hang in bins by size, and merge with their neighbours at
 * once. Sizes count units of 16 bytes. All that is free is zero except a free block's header and links, so a fresh block
 * needs no clearing. A header's seal tells a stray write or a stray pointer before it does more damage.
 */
enum {
	UNIT = 16,
	ARENA_SIZE = 1 << 20, /* small beside the customary RLIMIT_MEMLOCK of 8 MiB */
	ARENA_GROWTH_MAX = 64 << 20,
	ARENA_SPARE = 3 << 20,
	UNITS_MAX = (1 << 26) - 1, /* 1 GiB */
	EXACT_BINS = 32,
	BINS = 384, /* the exact ones, then 16 to each power of two up to 2^26 */
};

struct block {
	uint32_t before; /* units of the block before; 0: there is none */
	uint32_t tag;	 /* units << 1 | in use; the arena's last block is in use and has no units */
	uint64_t seal;
};

struct links {
	struct block *next;
	struct block *previous;
};

struct arena {
	size_t size;
	uint64_t permanent; /* the first one stays */
};

_Static_assert(sizeof(struct block) == UNIT && sizeof(struct links) == UNIT && sizeof(struct arena) == UNIT,
	       "a unit each");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seal_secret;
static struct block *bins[BINS];
static uint64_t bins_filled[BINS / 64];
static size_t arenas_size;
static size_t arenas_empty; /* bytes of those that are empty and not permanent */

static uint32_t block_units(const struct block *block)
{
	return block->tag >> 1;
}

static bool block_is_used(const struct block *block)
{
	return block->tag & 1;
}

static struct block *block_next(struct block *block)
{
	return block + 1 + block_units(block);
}

static struct links *block_links(struct block *block)
{
	return (struct links *)(block + 1);
}

static uint64_t block_seal(const struct block *block)
{
	uint64_t content = (uint64_t)block->before << 32 | block->tag;

	return (content ^ seal_secret ^ (uintptr_t)block) * UINT64_C(0x9e3779b97f4a7c15);
}

static void block_write(struct block *block, uint32_t before, uint32_t units, bool used)
{
	block->before = before;
	block->tag = units << 1 | used;
	block->seal = block_seal(block);
}

static void block_check(const struct block *block)
{
	if (block->seal != block_seal(block))
		gpu_panic("the secret heap is damaged, or a pointer is not of this heap");
}

static struct block *block_of(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	if ((uintptr_t)memory % UNIT != 0)
		gpu_panic("a pointer is not of the secret heap");
	block_check(block);
	if (!block_is_used(block))
		gpu_panic("a pointer into the secret heap was freed twice");
	return block;
}

/* A block that spans its arena: neither neighbour exists. */
static bool block_is_arena(struct block *block)
{
	return block->before == 0 && block_units(block_next(block)) == 0;
}

static struct arena *block_arena(struct block *first)
{
	return (struct arena *)first - 1;
}

static unsigned int bin_of(uint32_t units)
{
	unsigned int log;

	if (units < EXACT_BINS)
		return units;
	log = 31 - (unsigned int)__builtin_clz(units);
	return EXACT_BINS + (log - 5) * 16 + ((units >> (log - 4)) & 15);
}

/* The least size of which every block, and every block of a higher bin, holds units. */
static uint32_t bin_round(uint32_t units)
{
	uint32_t step;

	if (units < EXACT_BINS)
		return units;
	step = UINT32_C(1) << (31 - (unsigned int)__builtin_clz(units) - 4);
	return (units + step - 1) & ~(step - 1);
}

static void bin_insert(struct block *block)
{
	unsigned int bin = bin_of(block_units(block));
	struct links *links = block_links(block);

	links->previous = NULL;
	links->next = bins[bin];
	if (links->next != NULL)
		block_links(links->next)->previous = block;
	bins[bin] = block;
	bins_filled[bin / 64] |= UINT64_C(1) << bin % 64;
	if (block_is_arena(block) && !block_arena(block)->permanent)
		arenas_empty += block_arena(block)->size;
}

/* Leaves zeros where the links were. */
static void bin_remove(struct block *block)
{
	unsigned int bin = bin_of(block_units(block));
	struct links *links = block_links(block);

	if (block_is_arena(block) && !block_arena(block)->permanent)
		arenas_empty -= block_arena(block)->size;
	if (links->next != NULL) {
		block_check(links->next);
		block_links(links->next)->previous = links->previous;
	}
	if (links->previous != NULL) {
		block_check(links->previous);
		block_links(links->previous)->next = links->next;
	} else {
		bins[bin] = links->next;
		if (bins[bin] == NULL)
			bins_filled[bin / 64] &= ~(UINT64_C(1) << bin % 64);
	}
	*links = (struct links) { 0 };
}

static struct block *bin_find(uint32_t units)
{
	unsigned int bin = bin_of(bin_round(units));
	unsigned int word = bin / 64;
	uint64_t filled = bins_filled[word] & (~UINT64_C(0) << bin % 64);

	while (filled == 0) {
		if (++word == BINS / 64)
			return NULL;
		filled = bins_filled[word];
	}
	return bins[word * 64 + (unsigned int)__builtin_ctzll(filled)];
}

/* Room for a block of this many units. */
static int arena_add(uint32_t units, bool permanent)
{
	size_t overhead = sizeof(struct arena) + 2 * sizeof(struct block);
	size_t needed = (size_t)bin_round(units) * UNIT + overhead;
	size_t size = arenas_size / 8;
	struct arena *arena;
	struct block *block;
	void *memory;
	int r;

	/* Growing with the whole keeps the number of mappings small. */
	size = size > ARENA_GROWTH_MAX ? ARENA_GROWTH_MAX : size;
	size = size < needed ? needed : size;
	size = (size + ARENA_SIZE - 1) & ~(size_t)(ARENA_SIZE - 1);
	r = gpu_memory_map(GPU_FOR_KEYS, size, &memory);
	if (r < 0)
		return r;
	arena = memory;
	*arena = (struct arena) { .size = size, .permanent = permanent };
	arenas_size += size;
	units = (uint32_t)((size - overhead) / UNIT);
	block = (struct block *)(arena + 1);
	block_write(block, 0, units, false);
	block_write(block_next(block), units, 0, true);
	bin_insert(block);
	return 0;
}

int gpu_heap_start(void)
{
	int r = gpu_random(&seal_secret, sizeof(seal_secret));

	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	r = arena_add(1, true);
	pthread_mutex_unlock(&lock);
	return r;
}

/* Joins a block in use with what is free behind it, and cuts it to units; what falls off is zero already. */
static void block_resize(struct block *block, uint32_t units)
{
	struct block *after = block_next(block);
	uint32_t whole = block_units(block);
	struct block *rest = block + 1 + units;

	block_check(after);
	if (!block_is_used(after)) {
		bin_remove(after);
		whole += 1 + block_units(after);
		*after = (struct block) { 0 };
	}
	if (whole - units < 2) { /* no room for a header and a unit */
		block_write(block, block->before, whole, true);
		after = block_next(block);
		block_write(after, whole, block_units(after), true);
		return;
	}
	block_write(block, block->before, units, true);
	block_write(rest, units, whole - units - 1, false);
	after = block_next(rest);
	block_write(after, whole - units - 1, block_units(after), true);
	bin_insert(rest);
}

/* Zero bytes still make a block; more than the heap can hold make none. */
static uint32_t units_of(size_t size)
{
	if (size > (size_t)UNITS_MAX / 2 * UNIT)
		return 0;
	return size == 0 ? 1 : (uint32_t)((size + UNIT - 1) / UNIT);
}

static void *heap_alloc(uint32_t units)
{
	struct block *block;

	if (units == 0)
		return NULL;
	block = bin_find(units);
	if (block == NULL) {
		if (arena_add(units, false) < 0)
			return NULL;
		block = bin_find(units);
	}
	block_check(block);
	bin_remove(block);
	block_write(block, block->before, block_units(block), true);
	block_resize(block, units);
	return block + 1;
}

/* Empty bytes worth keeping: a page of memfd_secret takes microseconds to get, but what is kept is kept from others. */
static size_t arenas_spare(void)
{
	return arenas_size / 4 < ARENA_SPARE ? ARENA_SPARE : arenas_size / 4;
}

static void heap_free(struct block *block)
{
	struct block *after = block_next(block);
	uint32_t units = block_units(block);
	struct arena *arena;

	block_check(after);
	gpu_wipe(block + 1, (size_t)units * UNIT);
	if (!block_is_used(after)) {
		bin_remove(after);
		units += 1 + block_units(after);
		*after = (struct block) { 0 };
	}
	if (block->before > 0) {
		struct block *previous = block - 1 - block->before;

		block_check(previous);
		if (!block_is_used(previous)) {
			bin_remove(previous);
			units += 1 + block_units(previous);
			*block = (struct block) { 0 };
			block = previous;
		}
	}
	block_write(block, block->before, units, false);
	after = block_next(block);
	block_write(after, units, block_units(after), true);
	arena = block_arena(block);
	if (block_is_arena(block) && !arena->permanent && arenas_empty + arena->size > arenas_spare()) {
		arenas_size -= arena->size;
		gpu_memory_unmap(GPU_FOR_KEYS, arena, arena->size);
		return;
	}
	bin_insert(block);
}

/* In place if it can be. NULL: out of memory, and the block is as it was. */
static void *heap_realloc(struct block *block, size_t size)
{
	struct block *after = block_next(block);
	uint32_t units = units_of(size);
	uint32_t old = block_units(block);
	void *memory;

	if (units == 0)
		return NULL;
	if (units <= old) {
		gpu_wipe((char *)(block + 1) + size, (size_t)old * UNIT - size);
		if (units < old)
			block_resize(block, units);
		return block + 1;
	}
	block_check(after);
	if (!block_is_used(after) && old + 1 + block_units(after) >= units) {
		block_resize(block, units);
		return block + 1;
	}
	memory = heap_alloc(units);
	if (memory == NULL)
		return NULL;
	memcpy(memory, block + 1, (size_t)old * UNIT);
	heap_free(block);
	return memory;
}

void *gpu_secret_alloc(size_t size)
{
	void *memory;

	pthread_mutex_lock(&lock);
	memory = heap_alloc(units_of(size));
	pthread_mutex_unlock(&lock);
	return memory;
}

void gpu_secret_free(void *memory)
{
	if (memory == NULL)
		return;
	pthread_mutex_lock(&lock);
	heap_free(block_of(memory));
	pthread_mutex_unlock(&lock);
}

void *gpu_secret_realloc(void *memory, size_t size)
{
	void *moved;

	if (memory == NULL)
		return gpu_secret_alloc(size);
	if (size == 0) {
		gpu_secret_free(memory);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	moved = heap_realloc(block_of(memory), size);
	pthread_mutex_unlock(&lock);
	return moved;
}
