/* SPDX-License-Identifier: MIT */
/* Local handles of a process: 32-bit values that mean one object, of one kind, and are stale for long after. */
#include "dxgkrnl/handle_table.h"

#include <assert.h>
#include <stdlib.h>

#define KIND_MASK	       0x1fu
#define REMOVED		       0x20u
#define LOW_MASK	       (KIND_MASK | REMOVED)
#define INDEX(handle)	       (((handle) >> 6) & 0xffffffu)
#define TURN(handle)	       ((handle) >> 30)
#define HANDLE_OF(index, turn) ((turn) << 30 | (index) << 6)

static_assert(DXGK_KIND_END <= KIND_MASK, "kinds share a word with the handle");

/* Where the entry of a handle stands; at or behind table->used for a handle that was never given out. */
static uint32_t place_of(const struct dxgk_handle_table *table, uint32_t handle)
{
	return (INDEX(handle) - table->first) % DXGK_HANDLES_MAX;
}

static uint32_t handle_at(const struct dxgk_handle_table *table, uint32_t place, uint32_t turn)
{
	return HANDLE_OF((place + table->first) % DXGK_HANDLES_MAX, turn);
}

void dxgk_handle_table_clear(struct dxgk_handle_table *table)
{
	free(table->entries);
	*table = (struct dxgk_handle_table) { 0 };
}

static int table_grow(struct dxgk_handle_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 32;
	struct dxgk_entry *entries = reallocarray(table->entries, capacity, sizeof(*entries));

	if (!entries)
		return -1;
	table->entries = entries;
	table->capacity = capacity;
	return 0;
}

static uint32_t reserve_fresh(struct dxgk_handle_table *table)
{
	uint32_t place = table->used;
	uint32_t handle = handle_at(table, place, 1);

	if (place == table->capacity && table_grow(table) < 0)
		return 0;
	table->used++;
	table->entries[place] = (struct dxgk_entry) { .handle_and_kind = handle };
	return handle;
}

static uint32_t reserve_again(struct dxgk_handle_table *table)
{
	uint32_t place = table->first_free;
	struct dxgk_entry *entry = &table->entries[place];
	uint32_t handle = handle_at(table, place, TURN(entry->handle_and_kind) % 3 + 1);

	table->first_free = entry->next_free;
	table->waiting--;
	entry->handle_and_kind = handle;
	return handle;
}

uint32_t dxgk_handle_reserve(struct dxgk_handle_table *table)
{
	uint32_t handle = 0;

	if (table->waiting > DXGK_HANDLES_WAITING)
		handle = reserve_again(table);
	else if (table->used < DXGK_HANDLES_MAX)
		handle = reserve_fresh(table);
	if (handle)
		table->live++;
	return handle;
}

void dxgk_handle_set(struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind kind, void *object)
{
	struct dxgk_entry *entry = &table->entries[place_of(table, handle)];

	assert(entry->handle_and_kind == handle);
	entry->handle_and_kind = handle | (uint32_t)kind;
	entry->object = object;
}

void dxgk_handle_release(struct dxgk_handle_table *table, uint32_t handle)
{
	uint32_t place = place_of(table, handle);
	struct dxgk_entry *entry = &table->entries[place];

	assert(place < table->used && (entry->handle_and_kind & ~LOW_MASK) == handle);
	entry->handle_and_kind = handle;
	entry->object = NULL;
	if (table->waiting > 0)
		table->entries[table->last_free].next_free = place;
	else
		table->first_free = place;
	table->last_free = place;
	table->waiting++;
	table->live--;
}

void *dxgk_handle_look(const struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind *ret_kind)
{
	const struct dxgk_entry *entry;

	if ((handle & LOW_MASK) || place_of(table, handle) >= table->used)
		return NULL;
	entry = &table->entries[place_of(table, handle)];
	if ((entry->handle_and_kind & ~LOW_MASK) != handle || !entry->object)
		return NULL;
	*ret_kind = (enum dxgk_kind)(entry->handle_and_kind & KIND_MASK);
	return entry->object;
}

void *dxgk_handle_get(const struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind kind)
{
	enum dxgk_kind found;
	void *object = dxgk_handle_look(table, handle, &found);

	return object && found == kind ? object : NULL;
}

void dxgk_handle_remove_all(struct dxgk_handle_table *table)
{
	for (uint32_t i = 0; i < table->used; i++) {
		if (table->entries[i].object)
			table->entries[i].handle_and_kind |= REMOVED;
	}
}

bool dxgk_handle_is_removed(const struct dxgk_handle_table *table, uint32_t handle)
{
	uint32_t place = place_of(table, handle);

	return place < table->used && (table->entries[place].handle_and_kind & REMOVED);
}

uint32_t dxgk_handle_previous(const struct dxgk_handle_table *table, uint32_t *place, enum dxgk_kind *ret_kind,
			      void **ret_object)
{
	while (*place > 0) {
		const struct dxgk_entry *entry = &table->entries[--*place];

		if (!entry->object)
			continue;
		*ret_kind = (enum dxgk_kind)(entry->handle_and_kind & KIND_MASK);
		*ret_object = entry->object;
		return entry->handle_and_kind & ~LOW_MASK;
	}
	return 0;
}

uint32_t dxgk_handle_next(const struct dxgk_handle_table *table, uint32_t *place, enum dxgk_kind *ret_kind,
			  void **ret_object)
{
	for (; *place < table->used; ++*place) {
		const struct dxgk_entry *entry = &table->entries[*place];

		if (!entry->object)
			continue;
		++*place;
		*ret_kind = (enum dxgk_kind)(entry->handle_and_kind & KIND_MASK);
		*ret_object = entry->object;
		return entry->handle_and_kind & ~LOW_MASK;
	}
	return 0;
}
