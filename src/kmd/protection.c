/* SPDX-License-Identifier: MIT */
/* Protection of surfaces: what the channels of those who have them open ask for together. */
#include "kmd/kmd_internal.h"

enum { OPENS_MAX = 1 << 16 }; /* of one device: a command that changes its level visits them all in one turn */

static bool is_always_on(const struct kmd_adapter *adapter)
{
	return adapter->config.caps & D3DCPCAPS_PROTECTIONALWAYSON;
}

void kmd_device_settle(const struct kmd_device *device)
{
	if (!is_always_on(device->adapter) && !list_is_empty(&device->opens))
		kmd_adapter_settle(device->adapter);
}

uint32_t kmd_device_level(const struct kmd_device *device)
{
	return device->level | (is_always_on(device->adapter) ? 1u << KMD_PROTECTION_ENABLED : 0);
}

bool kmd_allocation_is_guarded(const struct kmd_allocation *allocation)
{
	return is_always_on(allocation->adapter) || allocation->guards[KMD_PROTECTION_ENABLED] > 0;
}

/* A moment after the last protection fell, somebody could read what was protected (BLT-112). */
static void guards_fell(struct kmd_allocation *allocation)
{
	if (!kmd_allocation_is_guarded(allocation))
		kmd_allocation_wipe(allocation);
}

static void guards_add(struct kmd_allocation *allocation, uint32_t flags)
{
	for (uint32_t i = 0; i < KMD_PROTECTIONS; i++)
		allocation->guards[i] += flags >> i & 1;
}

static void guards_take(struct kmd_allocation *allocation, uint32_t flags)
{
	for (uint32_t i = 0; i < KMD_PROTECTIONS; i++)
		allocation->guards[i] -= flags >> i & 1;
	if (flags & 1u << KMD_PROTECTION_ENABLED)
		guards_fell(allocation);
}

bool kmd_guards_enter(struct kmd_open_allocation *open)
{
	struct kmd_device *device = open->device;

	list_init(&open->device_link);
	if (!kmd_allocation_is_protected(open->allocation))
		return true;
	if (device->open_count == OPENS_MAX)
		return false;
	device->open_count++;
	list_append(&device->opens, &open->device_link);
	guards_add(open->allocation, device->level);
	return true;
}

void kmd_guards_leave(struct kmd_open_allocation *open)
{
	if (!kmd_allocation_is_protected(open->allocation))
		return;
	open->device->open_count--;
	list_remove(&open->device_link);
	guards_take(open->allocation, open->device->level);
}

void kmd_device_update_level(struct kmd_device *device)
{
	uint32_t old = device->level, now = 0;
	struct list *link;

	for (link = device->channels.next; link != &device->channels; link = link->next)
		now |= LIST_ENTRY(link, struct kmd_channel, device_link)->protection;
	if (now == old)
		return;
	device->level = now;
	for (link = device->opens.next; link != &device->opens; link = link->next) {
		struct kmd_allocation *allocation =
			LIST_ENTRY(link, struct kmd_open_allocation, device_link)->allocation;

		guards_add(allocation, now & ~old);
		guards_take(allocation, old & ~now);
	}
}
