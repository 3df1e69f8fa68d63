/* SPDX-License-Identifier: MIT */
/* The adapter: the driver's table, start and stop, configuration, and what the user-mode half may ask. */
#include "kmd/kmd_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPS_DEFAULT                                                                                              \
	(D3DCPCAPS_SOFTWARE | D3DCPCAPS_PROTECTIONALWAYSON | D3DCPCAPS_PARTIALDECRYPTION | D3DCPCAPS_CONTENTKEY | \
	 D3DCPCAPS_FRESHENSESSIONKEY | D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY)
#define CAPS_CHANNELS		      ((uint32_t)(D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE))
#define CAPS_READBACK		      ((uint32_t)(D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY))
#define PROTECTED_MEMORY_SIZE_DEFAULT 0x10000000u

/* No number of one kind is ever one of another, nor a pointer, nor a handle of the user-mode half. */
#define FIRST_CHANNEL 0xc4a1000000000001u
#define FIRST_DEVICE  0xc4d1000000000001u
#define FIRST_DECODE  0xc4e1000000000001u
#define FIRST_OUTPUT  0xc4f1000000000001u

_Static_assert(CAPS_DEFAULT == 0xFD, "CAP-54");

void kmd_config_default(struct kmd_config *ret)
{
	*ret = (struct kmd_config) {
		.caps = CAPS_DEFAULT,
		.protected_memory_size = PROTECTED_MEMORY_SIZE_DEFAULT,
		.has_decryption_blt = true,
		.has_get_pitch = true,
		.channel_types = D3DCPCAPS_SOFTWARE,
		.outputs = -1,
		.first = {
			.channel = FIRST_CHANNEL,
			.device = FIRST_DEVICE,
			.decode = FIRST_DECODE,
			.output = FIRST_OUTPUT,
		},
	};
}

uint32_t kmd_caps_normalise(uint32_t caps)
{
	/* The default holds every bit that this driver can keep; the others speak of hardware or of decoding. */
	caps &= CAPS_DEFAULT;
	if ((caps & CAPS_READBACK) != CAPS_READBACK)
		caps &= ~CAPS_READBACK;
	return caps | D3DCPCAPS_SOFTWARE;
}

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret_hAdapter)
{
	const struct kmd_config *config = context;
	struct kmd_adapter *adapter;

	if (!interface || !config || !config->identity || !(config->channel_types & CAPS_CHANNELS) ||
	    config->encryption_guids > KMD_ENCRYPTION_GUIDS || config->outputs > KMD_OUTPUTS)
		return STATUS_INVALID_PARAMETER;

	adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return STATUS_NO_MEMORY;
	adapter->kernel = interface;
	adapter->config = *config;
	adapter->config.caps = (kmd_caps_normalise(config->caps) & ~CAPS_CHANNELS) |
			       (config->channel_types & CAPS_CHANNELS);
	adapter->next_channel = config->first.channel;
	adapter->next_device = config->first.device;
	adapter->next_decode = config->first.decode;
	if (gpu_random(&adapter->seal, sizeof(adapter->seal)) < 0) {
		free(adapter);
		return STATUS_UNSUCCESSFUL;
	}
	list_init(&adapter->sessions);
	list_init(&adapter->allocations);
	list_init(&adapter->channels);
	list_init(&adapter->transfers);

	*ret_hAdapter = adapter;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE hAdapter)
{
	struct kmd_adapter *adapter = hAdapter;

	/* The graphics kernel has destroyed all of them before: else it holds handles to freed memory. */
	assert(list_is_empty(&adapter->sessions));
	assert(list_is_empty(&adapter->allocations));
	assert(list_is_empty(&adapter->channels));
	assert(list_is_empty(&adapter->transfers));
	assert(adapter->workers == 0);
	free(adapter);
}

static NTSTATUS answer(const DXGKARG_QUERYADAPTERINFO *arg, const void *data, size_t size)
{
	if (!arg->pOutputData || arg->OutputDataSize < size)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(arg->pOutputData, data, size);
	return STATUS_SUCCESS;
}

static NTSTATUS query_caps(const struct kmd_adapter *adapter, const DXGKARG_QUERYADAPTERINFO *arg)
{
	const struct drv_caps caps = {
		.magic = DRV_MAGIC,
		.caps = adapter->config.caps,
		.protected_memory_size = adapter->config.protected_memory_size,
		.has_decryption_blt = adapter->config.has_decryption_blt,
		.has_get_pitch = adapter->config.has_get_pitch,
		.decode_profiles = adapter->config.has_decode ? DRV_TEST_PROFILES : 0,
	};

	return answer(arg, &caps, sizeof(caps));
}

static NTSTATUS query_memory(const DXGKARG_QUERYADAPTERINFO *arg)
{
	struct drv_memory memory = { .magic = DRV_MAGIC };
	struct gpu_memory_report report;

	gpu_memory_report(&report);
	memory.keys = report.keys;
	memory.surfaces = report.surfaces;
	memory.key_bytes = report.key_bytes;
	memory.surface_bytes = report.surface_bytes;
	snprintf(memory.reason, sizeof(memory.reason), "%s", report.reason);
	snprintf(memory.engine, sizeof(memory.engine), "%s", gpu_engine_name());
	return answer(arg, &memory, sizeof(memory));
}

static NTSTATUS query_certificate(const struct kmd_adapter *adapter, uint32_t type, const DXGKARG_QUERYADAPTERINFO *arg)
{
	struct drv_certificate header = { .magic = DRV_MAGIC };
	const uint8_t *chain;
	enum gpu_leaf leaf;
	size_t size;
	int r;

	switch (type) {
	case D3DDDI_CERTTYPE_CRYPTOSESSION:
		leaf = GPU_LEAF_SESSION;
		break;
	case D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL:
		leaf = GPU_LEAF_CHANNEL;
		break;
	default:
		return STATUS_INVALID_PARAMETER;
	}
	if (!arg->pOutputData || arg->OutputDataSize < sizeof(header))
		return STATUS_BUFFER_TOO_SMALL;
	r = gpu_identity_chain(adapter->config.identity, leaf, &chain, &size);
	/* Whoever asks early asks again: nobody else waits meanwhile. */
	if (r == -EAGAIN)
		return STATUS_DEVICE_NOT_READY;
	if (r < 0)
		return STATUS_UNSUCCESSFUL;

	header.size = (uint32_t)size;
	memcpy(arg->pOutputData, &header, sizeof(header));
	if (arg->OutputDataSize - sizeof(header) >= size)
		memcpy((uint8_t *)arg->pOutputData + sizeof(header), chain, size);
	return STATUS_SUCCESS;
}

static NTSTATUS query_adapter_info(HANDLE hAdapter, const DXGKARG_QUERYADAPTERINFO *arg)
{
	const struct kmd_adapter *adapter = hAdapter;
	struct drv_query query;

	if (arg->Type != DXGKQAITYPE_UMDRIVERPRIVATE)
		return STATUS_NOT_SUPPORTED;
	if (!arg->pInputData || arg->InputDataSize < sizeof(query))
		return STATUS_INVALID_PARAMETER;
	memcpy(&query, arg->pInputData, sizeof(query));
	if (query.magic != DRV_MAGIC || query.reserved != 0)
		return STATUS_INVALID_PARAMETER;

	switch (query.type) {
	case DRV_QUERY_CAPS:
		return query_caps(adapter, arg);
	case DRV_QUERY_CERTIFICATE:
		return query_certificate(adapter, query.leaf, arg);
	case DRV_QUERY_MEMORY:
		return query_memory(arg);
	default:
		return STATUS_INVALID_PARAMETER;
	}
}

const struct dxgk_driver kmd_driver = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
	.DxgkDdiQueryAdapterInfo = query_adapter_info,
	.DxgkDdiCreateDevice = kmd_create_device,
	.DxgkDdiDestroyDevice = kmd_destroy_device,
	.DxgkDdiCreateAllocation = kmd_create_allocation,
	.DxgkDdiDestroyAllocation = kmd_destroy_allocation,
	.DxgkDdiDescribeAllocation = kmd_describe_allocation,
	.DxgkDdiOpenAllocation = kmd_open_allocation,
	.DxgkDdiCloseAllocation = kmd_close_allocation,
	.DxgkDdiEscape = kmd_escape,
	.DxgkDdiCreateProtectedSession = kmd_create_session,
	.DxgkDdiDestroyProtectedSession = kmd_destroy_session,
	.MapSystemMemory = kmd_map_system_memory,
	.Present = kmd_present,
	.LoseKeys = kmd_lose_keys,
	.LoseSessionKeys = kmd_lose_session_keys,
	.OrphanSession = kmd_orphan_session,
	.CreateWorker = kmd_create_worker,
	.DestroyWorker = kmd_destroy_worker,
	.BeginTransfer = kmd_begin_transfer,
	.RunTransfer = kmd_run_transfer,
	.FinishTransfer = kmd_finish_transfer,
	.Forget = gpu_forget,
	.DescribeSession = kmd_describe_session,
};
