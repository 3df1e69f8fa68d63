/* SPDX-License-Identifier: MIT */
/* The five commands of authenticated channels (section 8 of authenticated-channel.md). */
#include "kmd/kmd_internal.h"

#include <dxvault/d3dcontentprotection.h>
#include <stddef.h>
#include <string.h>

typedef D3DAUTHENTICATEDCHANNEL_CONFIGUREINITIALIZE initialize_in;
typedef D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION protection_in;
typedef D3DAUTHENTICATEDCHANNEL_CONFIGURECRYPTOSESSION session_in;
typedef D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE sharing_in;
typedef D3DAUTHENTICATEDCHANNEL_CONFIGUREUNCOMPRESSEDENCRYPTION encryption_in;

_Static_assert(sizeof(session_in) == DRV_MESSAGE_INPUT && sizeof(sharing_in) == DRV_MESSAGE_INPUT, "largest");

static const GUID none;

static bool guid_is(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static HRESULT initialize(struct kmd_channel *channel, const struct drv_escape_message *message)
{
	UINT first_query, first_command;

	KMD_GET(message->input, initialize_in, StartSequenceQuery, &first_query);
	KMD_GET(message->input, initialize_in, StartSequenceConfigure, &first_command);
	channel->next_query = first_query;
	channel->next_command = first_command;
	channel->is_initialised = true;
	return S_OK;
}

/* ---- PROTECTION --------------------------------------------------------------------------------- */

/* What the other channels of the device hold, the lost ones too (AC-170). */
static uint32_t flags_of_others(const struct kmd_channel *channel)
{
	const struct list *channels = &channel->device->channels;
	uint32_t flags = 0;

	for (struct list *link = channels->next; link != channels; link = link->next) {
		const struct kmd_channel *other = LIST_ENTRY(link, struct kmd_channel, device_link);

		if (other != channel)
			flags |= other->protection;
	}
	return flags;
}

static HRESULT protection(struct kmd_channel *channel, const struct drv_escape_message *message)
{
	D3DAUTHENTICATEDCHANNEL_PROTECTION_FLAGS flags;

	kmd_device_settle(channel->device);
	KMD_GET(message->input, protection_in, Protections, &flags);
	if (flags.Reserved != 0)
		return E_INVALIDARG;
	/* Who does not hold a flag cannot ask for an end of it (AC-110). */
	if (flags_of_others(channel) & ~flags.Value & ~channel->protection)
		return E_INVALIDARG;
	channel->protection = flags.Value;
	kmd_device_update_level(channel->device);
	return S_OK;
}

/* ---- CRYPTOSESSION ------------------------------------------------------------------------------ */

static HRESULT crypto_session(struct kmd_channel *channel, const struct drv_escape_message *message)
{
	struct kmd_device *device = channel->device;
	HANDLE decode_handle, session_handle, device_handle;
	struct kmd_session *session, *present;
	struct kmd_decode *decode;

	KMD_GET(message->input, session_in, DXVA2DecodeHandle, &decode_handle);
	KMD_GET(message->input, session_in, CryptoSessionHandle, &session_handle);
	KMD_GET(message->input, session_in, DeviceHandle, &device_handle);
	decode = kmd_decode_find(device, (uintptr_t)decode_handle);
	session = kmd_session_named(device, message->header.session, (uintptr_t)session_handle);
	if (!decode || !session || (uintptr_t)device_handle != device->id || session->profile != decode->profile)
		return E_INVALIDARG;

	present = kmd_decode_session(device, decode);
	/* The identical wish of another channel is granted, and makes it no owner (AC-122). */
	if (present && decode->owner && decode->owner != channel)
		return present == session ? S_OK : E_INVALIDARG;
	kmd_decode_tie(decode, message->header.session, (uintptr_t)session_handle, session, channel);
	return S_OK;
}

/* ---- SHAREDRESOURCE ----------------------------------------------------------------------------- */

static HRESULT shared_resource(struct kmd_channel *channel, const struct drv_escape_message *message)
{
	struct kmd_device *device = channel->device;
	const struct dxgk_interface *kernel = device->adapter->kernel;
	D3DAUTHENTICATEDCHANNEL_PROCESSIDENTIFIERTYPE type;
	HANDLE process;
	BOOL allow;

	KMD_GET(message->input, sharing_in, ProcessIdentiferType, &type);
	KMD_GET(message->input, sharing_in, ProcessHandle, &process);
	KMD_GET(message->input, sharing_in, AllowAccess, &allow);
	switch ((uint32_t)type) {
	case PROCESSIDTYPE_DWM:
		process = NULL;
		break;
	case PROCESSIDTYPE_HANDLE:
		if (!process || !kernel->IsProcessAlive(kernel->DeviceHandle, process))
			return E_INVALIDARG;
		break;
	default:
		return E_INVALIDARG;
	}
	if (allow)
		return kmd_grant_add(device, type, process);
	kmd_grant_remove(device, type, process);
	return S_OK;
}

/* ---- ENCRYPTIONWHENACCESSIBLE ------------------------------------------------------------------- */

/* Two GUIDs that no encryption has: the test configuration's (D-41). */
static const GUID encryptions[KMD_ENCRYPTION_GUIDS] = {
	{ 0x5f0b5f14, 0x7d0d, 0x4bd6, { 0x8e, 0x0a, 0x2f, 0x49, 0x4c, 0x3b, 0x9d, 0x61 } },
	{ 0xa9d6e0c3, 0x3f5b, 0x4c1f, { 0xb1, 0x67, 0x90, 0x5e, 0xd8, 0x12, 0x7a, 0x04 } },
};

const GUID *kmd_encryption_at(const struct kmd_adapter *adapter, uint32_t index)
{
	return index < adapter->config.encryption_guids ? &encryptions[index] : NULL;
}

static bool is_on_offer(const struct kmd_adapter *adapter, const GUID *guid)
{
	for (uint32_t i = 0; i < adapter->config.encryption_guids; i++) {
		if (guid_is(&encryptions[i], guid))
			return true;
	}
	return false;
}

/* All that hold one hold the same. except may be NULL. */
static GUID held_by(const struct kmd_device *device, const struct kmd_channel *except)
{
	for (struct list *link = device->channels.next; link != &device->channels; link = link->next) {
		const struct kmd_channel *channel = LIST_ENTRY(link, struct kmd_channel, device_link);

		if (channel != except && !guid_is(&channel->encryption, &none))
			return channel->encryption;
	}
	return none;
}

GUID kmd_device_encryption(const struct kmd_device *device)
{
	return held_by(device, NULL);
}

static HRESULT encryption(struct kmd_channel *channel, const struct drv_escape_message *message)
{
	const GUID others = held_by(channel->device, channel);
	GUID wanted;

	KMD_GET(message->input, encryption_in, EncryptionGuid, &wanted);
	if (guid_is(&wanted, &none)) {
		/* It can give up its own hold, and no other one's (AC-137, AC-138). */
		if (guid_is(&channel->encryption, &none) && !guid_is(&others, &none))
			return E_INVALIDARG;
	} else if (!is_on_offer(channel->device->adapter, &wanted) ||
		   (!guid_is(&others, &none) && !guid_is(&others, &wanted))) {
		return E_INVALIDARG;
	}
	channel->encryption = wanted;
	return S_OK;
}

const struct kmd_command kmd_commands[] = {
	{
		.type = &D3DAUTHENTICATEDCONFIGURE_INITIALIZE,
		.run = initialize,
		.size = sizeof(initialize_in),
		.is_initialize = true,
		.is_for_hardware = true,
	},
	{
		.type = &D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		.run = protection,
		.size = sizeof(protection_in),
		.is_for_hardware = true,
	},
	{
		.type = &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION,
		.run = crypto_session,
		.size = sizeof(session_in),
		.is_for_hardware = true,
	},
	{
		.type = &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE,
		.run = shared_resource,
		.size = sizeof(sharing_in),
	},
	{
		.type = &D3DAUTHENTICATEDCONFIGURE_ENCRYPTIONWHENACCESSIBLE,
		.run = encryption,
		.size = sizeof(encryption_in),
		.is_for_hardware = true,
	},
	{ 0 },
};
