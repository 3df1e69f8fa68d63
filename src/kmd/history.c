/* SPDX-License-Identifier: MIT */
/* The counter history of a session: the last IV number used with each of its keys. */
#include "kmd/kmd_internal.h"

#include <errno.h>
#include <string.h>

/* BLT-14 wants 256. Grown step by step: most sessions use one key, and protected memory is scarce. */
#define HISTORY_FIRST 8
#define HISTORY_LIMIT 256

/* Looks at every entry, so that the time tells nothing about the key. Returns count if there is none. */
static size_t find(const struct kmd_history *history, const uint8_t name[GPU_BLOCK_SIZE])
{
	size_t found = history->count;

	for (size_t i = 0; i < history->count; i++)
		if (gpu_equal(history->entries[i].name, name, GPU_BLOCK_SIZE))
			found = i;
	return found;
}

static size_t find_oldest(const struct kmd_history *history)
{
	size_t oldest = 0;

	for (size_t i = 1; i < history->count; i++)
		if (history->entries[i].used < history->entries[oldest].used)
			oldest = i;
	return oldest;
}

bool kmd_history_allows(const struct kmd_history *history, const uint8_t name[GPU_BLOCK_SIZE], uint64_t iv)
{
	size_t i = find(history, name);

	return i == history->count || iv > history->entries[i].iv;
}

int kmd_history_reserve(struct kmd_history *history)
{
	struct kmd_history_entry *entries;
	uint32_t room;

	if (history->count < history->room || history->room == HISTORY_LIMIT)
		return 0;

	room = history->room == 0 ? HISTORY_FIRST : history->room * 2;
	entries = gpu_secret_realloc(history->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	history->entries = entries;
	history->room = room;
	return 0;
}

void kmd_history_record(struct kmd_history *history, const uint8_t name[GPU_BLOCK_SIZE], uint64_t iv)
{
	size_t i = find(history, name);

	if (i == history->count) {
		if (history->count < history->room)
			history->count++;
		else
			i = find_oldest(history);
		memcpy(history->entries[i].name, name, GPU_BLOCK_SIZE);
	}
	history->entries[i].iv = iv;
	history->entries[i].used = ++history->uses;
}

void kmd_history_free(struct kmd_history *history)
{
	gpu_secret_free(history->entries);
	*history = (struct kmd_history) { 0 };
}
