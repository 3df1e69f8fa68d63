/* SPDX-License-Identifier: MIT */
/* The numbers by which drivers call protected sessions: never a pointer, so that a dead one is found out (KMT-25). */
#include "dxgkrnl/internal.h"

#include <pthread.h>
#include <stdlib.h>

/* A status callback names nothing but the session, so the numbers are unique over all kernels of this process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct entry {
	struct dxgk_session *session;
	uint32_t turn;
	uint32_t next_free;
} * entries;
static uint32_t entry_count;
static uint32_t entry_capacity;
static uint32_t entries_live;
static uint32_t first_free = UINT32_MAX;
static uint32_t turns; /* one for each number that was ever given, so that the table need not be kept for its memory */

#define ID_OF(place, turn) ((uint64_t)(turn) << 32 | ((place) + 1u))

/* An empty table is not worth its memory. */
static void table_clear(void)
{
	free(entries);
	entries = NULL;
	entry_count = 0;
	entry_capacity = 0;
	first_free = UINT32_MAX;
}

uint64_t dxgk_session_id_create(struct dxgk_session *session)
{
	uint64_t id = 0;
	uint32_t place;

	pthread_mutex_lock(&lock);
	if (first_free == UINT32_MAX && entry_count == entry_capacity) {
		uint32_t capacity = entry_capacity ? entry_capacity * 2 : 64;
		struct entry *grown = reallocarray(entries, capacity, sizeof(*entries));

		if (!grown)
			goto out;
		entries = grown;
		entry_capacity = capacity;
	}
	if (first_free != UINT32_MAX) {
		place = first_free;
		first_free = entries[place].next_free;
	} else {
		place = entry_count++;
	}
	/* Turn 0 is left out: a number never looks like a small one that somebody guessed. */
	if (++turns == 0)
		turns = 1;
	entries[place] = (struct entry) { .session = session, .turn = turns };
	entries_live++;
	id = ID_OF(place, turns);
out:
	pthread_mutex_unlock(&lock);
	return id;
}

static struct entry *entry_find(uint64_t id)
{
	uint32_t place = (uint32_t)id - 1u;

	if (place >= entry_count || !entries[place].session || ID_OF(place, entries[place].turn) != id)
		return NULL;
	return &entries[place];
}

void dxgk_session_id_destroy(uint64_t id)
{
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = entry_find(id);
	if (!entry)
		abort();
	entry->session = NULL;
	entry->next_free = first_free;
	first_free = (uint32_t)(entry - entries);
	if (--entries_live == 0)
		table_clear();
	pthread_mutex_unlock(&lock);
}

struct dxgk_session *dxgk_session_id_find(uint64_t id)
{
	struct dxgk_session *session = NULL;
	struct entry *entry;

	pthread_mutex_lock(&lock);
	entry = entry_find(id);
	if (entry)
		session = entry->session;
	pthread_mutex_unlock(&lock);
	return session;
}

struct dxgk_session *dxgk_session_id_next(const struct dxgk_kernel *kernel, uint32_t *place, uint32_t limit)
{
	struct dxgk_session *found = NULL;

	pthread_mutex_lock(&lock);
	for (; *place < entry_count && limit > 0 && !found; ++*place, limit--) {
		struct dxgk_session *session = entries[*place].session;

		/* Another kernel frees its sessions only after it has taken them out of here. */
		if (session && session->account->kernel == kernel)
			found = session;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

bool dxgk_session_id_more(uint32_t place)
{
	bool more;

	pthread_mutex_lock(&lock);
	more = place < entry_count;
	pthread_mutex_unlock(&lock);
	return more;
}
