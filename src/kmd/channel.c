/* SPDX-License-Identifier: MIT */
/* Authenticated channels: making, key exchange, end, loss. */
#include "kmd/kmd_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 256 }; /* of one device: they are looked for one by one, and end with it in one turn */

/* A type goes with the capability bit of its name (AC-003). */
static bool is_offered(const struct kmd_adapter *adapter, uint32_t type)
{
	switch (type) {
	case DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE:
		return adapter->config.caps & D3DCPCAPS_SOFTWARE;
	case DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE:
		return adapter->config.caps & D3DCPCAPS_HARDWARE;
	default:
		return false;
	}
}

HRESULT kmd_create_channel(struct kmd_device *device, struct drv_escape_channel *escape)
{
	struct kmd_adapter *adapter = device->adapter;
	struct kmd_channel *channel;

	if (!is_offered(adapter, escape->type))
		return D3DDDIERR_NOTAVAILABLE;
	if (device->channel_count == CHANNELS_MAX)
		return E_OUTOFMEMORY;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return E_OUTOFMEMORY;
	if (!adapter->kernel->ChargeObjects(device->kernel_handle, 1)) {
		free(channel);
		return E_OUTOFMEMORY;
	}
	channel->device = device;
	channel->type = escape->type;
	channel->handle = adapter->next_channel++;
	list_append(&adapter->channels, &channel->link);
	list_append(&device->channels, &channel->device_link);
	device->channel_count++;
	escape->channel = channel->handle;
	return S_OK;
}

struct kmd_channel *kmd_channel_find(const struct kmd_device *device, uint64_t handle)
{
	struct list *link;

	for (link = device->channels.next; link != &device->channels; link = link->next) {
		struct kmd_channel *channel = LIST_ENTRY(link, struct kmd_channel, device_link);

		if (channel->handle == handle)
			return channel;
	}
	return NULL;
}

void kmd_channel_free(struct kmd_channel *channel)
{
	struct kmd_device *device = channel->device;

	list_remove(&channel->link);
	list_remove(&channel->device_link);
	device->channel_count--;
	(void)device->adapter->kernel->ChargeObjects(device->kernel_handle, -1);
	gpu_mac_free(channel->mac);
	free(channel);
}

HRESULT kmd_destroy_channel(struct kmd_device *device, const struct drv_escape_channel *escape)
{
	struct kmd_channel *channel = kmd_channel_find(device, escape->channel);

	if (!channel)
		return E_INVALIDARG;
	kmd_device_settle(device);
	/* Its own flags and its hold on an encryption go; grants and ties stay (AC-158 to AC-162). */
	kmd_decodes_disown(device, channel);
	kmd_channel_free(channel);
	kmd_device_update_level(device);
	return S_OK;
}

/* Workers go on during the work of RSA. They know nothing of channels. */
static int unwrap(const struct kmd_channel *channel, const uint8_t *blob, struct gpu_mac *mac)
{
	const struct kmd_adapter *adapter = channel->device->adapter;
	uint8_t *key = gpu_secret_alloc(GPU_KEY_SIZE);
	int r;

	if (!key)
		return -ENOMEM;
	adapter->kernel->Unlock(adapter->kernel->DeviceHandle);
	r = gpu_identity_unwrap(adapter->config.identity, GPU_LEAF_CHANNEL, blob, key, GPU_KEY_SIZE);
	adapter->kernel->Lock(adapter->kernel->DeviceHandle);
	if (r == 0)
		r = gpu_mac_set(mac, key);
	gpu_secret_free(key);
	return r;
}

HRESULT kmd_channel_key_exchange(struct kmd_device *device, const struct drv_escape_channel_key *escape)
{
	struct kmd_channel *channel = kmd_channel_find(device, escape->channel);
	struct gpu_mac *mac;
	int r;

	/* One key for life: a second would hand a channel with live protections to whoever comes (AC-040, AC-171). */
	if (!channel || channel->mac || channel->is_lost)
		return E_INVALIDARG;
	r = gpu_mac_reserve(&mac);
	if (r < 0)
		return kmd_result(r);
	r = unwrap(channel, escape->blob, mac);
	if (r < 0) {
		gpu_mac_free(mac);
		return kmd_result(r);
	}
	channel->mac = mac;
	return S_OK;
}

void kmd_channel_lose_key(struct kmd_channel *channel)
{
	if (!channel->mac)
		return;
	gpu_mac_free(channel->mac);
	channel->mac = NULL;
	channel->is_lost = true;
}
