/* SPDX-License-Identifier: MIT */
/* The registry of live objects: a handle is looked up, never followed, so that any value may be passed for one. */
#include "umd/umd_internal.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * No address of this machine begins so: a handle of ours is never equal to a pointer, which is what a runtime's handle
 * mostly is (CAP-11, BLT-108).
 */
#define HANDLE_BASE 0xd9d9000000000000u
#define HANDLE_STEP 16u

#define FIRST_BUCKETS 256u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct umd_object *first_buckets[FIRST_BUCKETS];
static struct umd_object **buckets = first_buckets;
static size_t bucket_count = FIRST_BUCKETS; /* a power of two */
static size_t object_count;
uint64_t umd_handle_base = HANDLE_BASE;
static uint64_t issued; /* never goes back, so no value is given twice (CS-47) */

/* Values rise by one step each: their low bits spread the objects evenly. */
static struct umd_object **bucket_of(struct umd_object **table, size_t count, HANDLE handle)
{
	return &table[((uintptr_t)handle / HANDLE_STEP) & (count - 1)];
}

static void insert(struct umd_object **table, size_t count, struct umd_object *object)
{
	struct umd_object **bucket = bucket_of(table, count, object->handle);

	object->next = *bucket;
	*bucket = object;
}

/* Without memory the chains stay long, and that is all. */
static void grow(void)
{
	size_t count = bucket_count * 4;
	struct umd_object **table = calloc(count, sizeof(*table));

	if (!table)
		return;
	for (size_t i = 0; i < bucket_count; i++) {
		while (buckets[i]) {
			struct umd_object *object = buckets[i];

			buckets[i] = object->next;
			insert(table, count, object);
		}
	}
	if (buckets != first_buckets)
		free(buckets);
	buckets = table;
	bucket_count = count;
}

static void shrink(void)
{
	if (buckets == first_buckets)
		return;
	free(buckets);
	buckets = first_buckets;
	bucket_count = FIRST_BUCKETS;
}

void umd_object_add(struct umd_object *object, enum umd_kind kind, struct umd_object *owner)
{
	pthread_mutex_lock(&mutex);
	object->handle = (HANDLE)(uintptr_t)(umd_handle_base + ++issued * HANDLE_STEP);
	object->kind = kind;
	object->owner = owner;
	object->children = 0;
	if (owner)
		owner->children++;
	if (++object_count > bucket_count * 2)
		grow();
	insert(buckets, bucket_count, object);
	pthread_mutex_unlock(&mutex);
}

struct umd_object *umd_object_find(HANDLE handle, enum umd_kind kind, const struct umd_object *owner)
{
	struct umd_object *object;

	pthread_mutex_lock(&mutex);
	for (object = *bucket_of(buckets, bucket_count, handle); object; object = object->next) {
		if (object->handle == handle)
			break;
	}
	/* The owner is compared here: another device's object may go away as soon as the lock is released. */
	if (object && (object->kind != kind || (owner && object->owner != owner)))
		object = NULL;
	pthread_mutex_unlock(&mutex);
	return object;
}

bool umd_object_remove(struct umd_object *object)
{
	struct umd_object **link;
	bool is_free;

	pthread_mutex_lock(&mutex);
	is_free = object->children == 0;
	if (is_free) {
		for (link = bucket_of(buckets, bucket_count, object->handle); *link != object; link = &(*link)->next)
			;
		*link = object->next;
		if (object->owner)
			object->owner->children--;
		if (--object_count == 0)
			shrink();
	}
	pthread_mutex_unlock(&mutex);
	return is_free;
}
