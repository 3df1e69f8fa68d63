/* SPDX-License-Identifier: MIT */
/*
 * The driver's functions as the graphics kernel calls them, watched. What is refused changes nothing: an escape that is none,
 * and a command of a channel without the right tag (SEC-32, SEC-33).
 */
#include "kmd/kmd_internal.h"
#include "world.h"

#include <stdlib.h>

/* All structures of the driver are made of words. */
__attribute__((no_sanitize("address", "coverage"))) static uint64_t add(uint64_t digest, const void *memory,
									size_t size)
{
	const uint64_t *words = memory;

	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		digest = (digest ^ words[i]) * 0x100000001b3u;
	return digest ^ digest >> 29;
}

/* Of all that the driver knows: its device's, and of all devices what an escape could reach. */
static uint64_t digest_of(const struct kmd_device *device)
{
	const struct kmd_adapter *adapter = device->adapter;
	uint64_t digest = add(1, device, sizeof(*device));

	digest = add(digest, adapter, sizeof(*adapter));
	digest = add(digest, device->grants, device->grant_count * sizeof(*device->grants));
	for (const struct list *link = adapter->sessions.next; link != &adapter->sessions; link = link->next)
		digest = add(digest, LIST_ENTRY(link, struct kmd_session, link), sizeof(struct kmd_session));
	for (const struct list *link = adapter->allocations.next; link != &adapter->allocations; link = link->next)
		digest = add(digest, LIST_ENTRY(link, struct kmd_allocation, link), sizeof(struct kmd_allocation));
	for (const struct list *link = adapter->channels.next; link != &adapter->channels; link = link->next)
		digest = add(digest, LIST_ENTRY(link, struct kmd_channel, link), sizeof(struct kmd_channel));
	for (const struct list *link = device->decodes.next; link != &device->decodes; link = link->next)
		digest = add(digest, LIST_ENTRY(link, struct kmd_decode, link), sizeof(struct kmd_decode));
	return digest;
}

/* By whom the command's tag can only come. */
static bool is_authentic(const struct kmd_device *device, const struct drv_escape_message *message)
{
	const struct kmd_channel *channel;
	uint8_t tag[GPU_TAG_SIZE];
	uint64_t handle;

	memcpy(&handle, message->input + 32, sizeof(handle));
	channel = kmd_channel_find(device, handle);
	if (!channel || !channel->mac || message->input_size < GPU_TAG_SIZE ||
	    message->input_size > sizeof(message->input))
		return false;
	FUZZ_CHECK(gpu_mac_compute(channel->mac, message->input + GPU_TAG_SIZE, message->input_size - GPU_TAG_SIZE,
				   tag) == 0);
	return memcmp(tag, message->input, sizeof(tag)) == 0;
}

static bool is_message(const DXGKARG_ESCAPE *arg, struct drv_escape_message *ret)
{
	if (arg->PrivateDriverDataSize != sizeof(*ret))
		return false;
	memcpy(ret, arg->pPrivateDriverData, sizeof(*ret));
	return ret->header.magic == DRV_MAGIC && ret->header.command == DRV_COMMAND_CONFIGURE_CHANNEL;
}

static NTSTATUS escape_and_look(HANDLE adapter, const DXGKARG_ESCAPE *arg)
{
	const struct kmd_device *device = arg->hDevice;
	struct drv_escape_message message;
	const bool is_forged = device && is_message(arg, &message) && !is_authentic(device, &message);
	const uint64_t before = device ? digest_of(device) : 0;
	const NTSTATUS status = kmd_driver.DxgkDdiEscape(adapter, arg);

	if (!device) {
		FUZZ_CHECK(status != STATUS_SUCCESS);
	} else if (status != STATUS_SUCCESS || is_forged) {
		FUZZ_CHECK(digest_of(device) == before);
	}
	if (status == STATUS_SUCCESS && is_forged) {
		memcpy(&message, arg->pPrivateDriverData, sizeof(message));
		/* Nor does it sign anything. */
		FUZZ_CHECK(message.header.result != S_OK);
		FUZZ_CHECK(memcmp(message.output, (const uint8_t[GPU_TAG_SIZE]) { 0 }, GPU_TAG_SIZE) == 0);
	}
	return status;
}

/* In a block of exactly that size, for the sanitizer. */
NTSTATUS fuzz_watch_escape(HANDLE adapter, const DXGKARG_ESCAPE *arg)
{
	DXGKARG_ESCAPE own = *arg;
	NTSTATUS status;

	own.pPrivateDriverData = malloc(arg->PrivateDriverDataSize);
	FUZZ_CHECK(own.pPrivateDriverData);
	memcpy(own.pPrivateDriverData, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	status = escape_and_look(adapter, &own);
	memcpy(arg->pPrivateDriverData, own.pPrivateDriverData, arg->PrivateDriverDataSize);
	free(own.pPrivateDriverData);
	return status;
}

/* The same; and what the driver looks at is nothing that a client writes to meanwhile, and no more than there is. */
NTSTATUS fuzz_watch_begin_transfer(HANDLE adapter, HANDLE worker, const DXGKARG_ESCAPE *arg, UINT64 *ret_size)
{
	DXGKARG_ESCAPE own = *arg;
	NTSTATUS status;

	FUZZ_CHECK(arg->PrivateDriverDataSize <= WIRE_RING_DATA && !fuzz_is_shared(arg->pPrivateDriverData));
	own.pPrivateDriverData = malloc(arg->PrivateDriverDataSize);
	FUZZ_CHECK(own.pPrivateDriverData);
	memcpy(own.pPrivateDriverData, arg->pPrivateDriverData, arg->PrivateDriverDataSize);
	status = kmd_driver.BeginTransfer(adapter, worker, &own, ret_size);
	memcpy(arg->pPrivateDriverData, own.pPrivateDriverData, arg->PrivateDriverDataSize);
	free(own.pPrivateDriverData);
	return status;
}

/* Of a pixel in the first plane. */
static size_t bytes_of(D3DDDIFORMAT format)
{
	switch (format) {
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		return 4;
	case D3DDDIFMT_YUY2:
	case D3DDDIFMT_UYVY:
		return 2;
	default:
		return 1;
	}
}

/* As a screen does it: each row of the part that is shown. */
NTSTATUS fuzz_watch_picture(void *context, const struct dxgk_picture *picture)
{
	const volatile uint8_t *memory = picture->memory;

	FUZZ_CHECK(picture->width > 0 && picture->height > 0 && picture->pitch > 0);
	FUZZ_CHECK(picture->source.left >= 0 && picture->source.top >= 0 &&
		   picture->source.left < picture->source.right && picture->source.top < picture->source.bottom &&
		   (uint32_t)picture->source.right <= picture->width &&
		   (uint32_t)picture->source.bottom <= picture->height);
	for (uint32_t y = 0; y < picture->height; y++)
		(void)memory[(size_t)y * picture->pitch + (size_t)picture->width * bytes_of(picture->format) - 1];
	return STATUS_SUCCESS;
}
