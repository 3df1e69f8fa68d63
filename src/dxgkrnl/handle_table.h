/* SPDX-License-Identifier: MIT */
/* Local handles of a process: 32-bit values that mean one object, of one kind, and are stale for long after. */
#ifndef DXV_DXGKRNL_HANDLE_TABLE_H
#define DXV_DXGKRNL_HANDLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dxgk_kind {
	DXGK_FREE,
	DXGK_ADAPTER,
	DXGK_DEVICE,
	DXGK_CONTEXT,
	DXGK_FENCE,
	DXGK_SESSION,
	DXGK_MEMORY,
	DXGK_RESOURCE,
	DXGK_ALLOCATION,
	DXGK_KIND_END,
};

enum {
	DXGK_HANDLES_MAX = 1 << 24,
	DXGK_HANDLES_WAITING = 1024, /* free slots that wait before one is used again (KMT-73) */
};

struct dxgk_entry {
	void *object;
	uint32_t
		handle_and_kind; /* bits 5:0 are zero in a handle (KMT-70): the kind stands there, and whether it is removed */
	uint32_t next_free;
};

struct dxgk_handle_table {
	uint32_t first; /* the index of the first entry; behind the highest one comes 0. Set while the table is empty */
	struct dxgk_entry *entries;
	uint32_t used;	   /* entries that were ever given out */
	uint32_t capacity; /* entries that there is memory for */
	uint32_t live;
	uint32_t first_free; /* free entries wait in a queue */
	uint32_t last_free;
	uint32_t waiting;
};

/* An all-zero table is empty. */
void dxgk_handle_table_clear(struct dxgk_handle_table *table);

/* Returns a new handle that means nothing yet, or 0: no memory, or no value is left. */
uint32_t dxgk_handle_reserve(struct dxgk_handle_table *table);
/* Gives a reserved handle its meaning. */
void dxgk_handle_set(struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind kind, void *object);
/* Takes back a live or reserved handle. */
void dxgk_handle_release(struct dxgk_handle_table *table, uint32_t handle);

/* The object behind a handle of a kind; NULL if the value is stale, foreign or of another kind. */
void *dxgk_handle_get(const struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind kind);
/* The same for any kind. */
void *dxgk_handle_look(const struct dxgk_handle_table *table, uint32_t handle, enum dxgk_kind *ret_kind);

/* Marks every live handle: the adapter behind it is gone. They go on meaning what they did, so that they can be released. */
void dxgk_handle_remove_all(struct dxgk_handle_table *table);
bool dxgk_handle_is_removed(const struct dxgk_handle_table *table, uint32_t handle);

/* The first live handle in entry *place or behind; 0 at the end. Moves *place behind it. */
uint32_t dxgk_handle_next(const struct dxgk_handle_table *table, uint32_t *place, enum dxgk_kind *ret_kind,
			  void **ret_object);
/* The last live handle before entry *place; 0 at the beginning. Moves *place to its entry. */
uint32_t dxgk_handle_previous(const struct dxgk_handle_table *table, uint32_t *place, enum dxgk_kind *ret_kind,
			      void **ret_object);

#endif
