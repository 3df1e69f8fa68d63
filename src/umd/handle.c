/* SPDX-License-Identifier: MIT */
/* The registry of live objects: a handle is looked up, never followed, so that any value may be passed for one. */
#include "umd/umd_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * No address of this machine begins so: a handle of ours is never equal to a pointer, which is what a runtime's handle
 * mostly is (CAP-11, BLT-108).
 */
#define HANDLE_BASE 0xd9d9000000000000u
#define HANDLE_STEP 16u

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct umd_objects shared; /* adapters and devices, under mutex */
uint64_t umd_handle_base = HANDLE_BASE;
static _Atomic uint64_t issued; /* never goes back, so no value is given twice (CS-47) */

/* What a device owns is its own, and nobody calls it from two threads (CS-11): its objects are found without a lock. */
static struct umd_objects *acquire(const struct umd_object *owner)
{
	if (owner && owner->kind == UMD_DEVICE)
		return &((struct umd_device *)(uintptr_t)owner)->objects;
	pthread_mutex_lock(&mutex);
	return &shared;
}

static void release(const struct umd_objects *objects)
{
	if (objects == &shared)
		pthread_mutex_unlock(&mutex);
}

static size_t bucket_count(const struct umd_objects *objects)
{
	return objects->buckets ? objects->bucket_count : UMD_FIRST_BUCKETS;
}

/* Values rise by one step each: their low bits spread the objects evenly. */
static struct umd_object **bucket_of(struct umd_objects *objects, HANDLE handle)
{
	struct umd_object **buckets = objects->buckets ? objects->buckets : objects->first_buckets;

	return &buckets[((uintptr_t)handle / HANDLE_STEP) & (bucket_count(objects) - 1)];
}

static void insert(struct umd_objects *objects, struct umd_object *object)
{
	struct umd_object **bucket = bucket_of(objects, object->handle);

	object->next = *bucket;
	*bucket = object;
}

/* Without memory the chains stay long, and that is all. */
static void grow(struct umd_objects *objects)
{
	struct umd_object **old = objects->buckets ? objects->buckets : objects->first_buckets;
	const size_t count = bucket_count(objects);
	struct umd_object **table = calloc(count * 4, sizeof(struct umd_object *));

	if (!table)
		return;
	objects->buckets = table;
	objects->bucket_count = count * 4;
	for (size_t i = 0; i < count; i++) {
		while (old[i]) {
			struct umd_object *object = old[i];

			old[i] = object->next;
			insert(objects, object);
		}
	}
	/* -Wanalyzer-malloc-leak: what hangs in the buckets is no leak */
	if (old != objects->first_buckets)
		free(old);
}

static void shrink(struct umd_objects *objects)
{
	free(objects->buckets);
	objects->buckets = NULL;
}

void umd_object_add(struct umd_object *object, enum umd_kind kind, struct umd_object *owner)
{
	struct umd_objects *objects = acquire(owner);
	const uint64_t number = atomic_fetch_add(&issued, 1) + 1;

	object->handle = (HANDLE)(uintptr_t)(umd_handle_base + number * HANDLE_STEP);
	object->kind = kind;
	object->owner = owner;
	object->children = 0;
	if (owner)
		owner->children++;
	if (++objects->count > bucket_count(objects) * 2)
		grow(objects);
	insert(objects, object);
	release(objects);
}

struct umd_object *umd_object_find(HANDLE handle, enum umd_kind kind, const struct umd_object *owner)
{
	struct umd_objects *objects = acquire(owner);
	struct umd_object *object;

	for (object = *bucket_of(objects, handle); object; object = object->next) {
		if (object->handle == handle)
			break;
	}
	if (object && object->kind != kind)
		object = NULL;
	release(objects);
	return object;
}

bool umd_object_remove(struct umd_object *object)
{
	struct umd_objects *objects = acquire(object->owner);
	struct umd_object **link;
	bool is_free;

	is_free = object->children == 0;
	if (is_free) {
		for (link = bucket_of(objects, object->handle); *link != object; link = &(*link)->next)
			;
		*link = object->next;
		if (object->owner)
			object->owner->children--;
		if (--objects->count == 0)
			shrink(objects);
	}
	release(objects);
	return is_free;
}
