/* SPDX-License-Identifier: MIT */
/* The thirteen queries of authenticated channels (section 9 of authenticated-channel.md). */
#include "kmd/kmd_internal.h"

#include <dxvault/d3dcontentprotection.h>
#include <stddef.h>
#include <string.h>

typedef D3DAUTHENTICATEDCHANNEL_QUERY_INPUT plain_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT protection_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYCHANNELTYPE_OUTPUT channel_type_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYDEVICEHANDLE_OUTPUT device_handle_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYCRYPTOSESSION_INPUT session_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYCRYPTOSESSION_OUTPUT session_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESSCOUNT_OUTPUT process_count_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESS_INPUT process_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESS_OUTPUT process_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYUNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT_OUTPUT unrestricted_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTIDCOUNT_INPUT output_count_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTIDCOUNT_OUTPUT output_count_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTID_INPUT output_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTID_OUTPUT output_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYINFOBUSTYPE_OUTPUT bus_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYEVICTIONENCRYPTIONGUIDCOUNT_OUTPUT encryption_count_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYEVICTIONENCRYPTIONGUID_INPUT encryption_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERYEVICTIONENCRYPTIONGUID_OUTPUT encryption_out;
typedef D3DAUTHENTICATEDCHANNEL_QUERYUNCOMPRESSEDENCRYPTIONLEVEL_OUTPUT current_out;

_Static_assert(sizeof(output_out) == DRV_MESSAGE_OUTPUT && sizeof(output_in) <= DRV_MESSAGE_INPUT, "largest");

static HANDLE handle_of(uint64_t number)
{
	return (HANDLE)(uintptr_t)number;
}

/* ---- the channel and its device ------------------------------------------------------------------ */

static HRESULT protection(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	const D3DAUTHENTICATEDCHANNEL_PROTECTION_FLAGS flags = { .Value = kmd_device_level(channel->device) };

	(void)message;
	KMD_PUT(output, protection_out, ProtectionFlags, flags);
	return S_OK;
}

static HRESULT channel_type(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)message;
	KMD_PUT(output, channel_type_out, ChannelType, (D3DAUTHENTICATEDCHANNELTYPE)channel->type);
	return S_OK;
}

static HRESULT device_handle(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)message;
	KMD_PUT(output, device_handle_out, DeviceHandle, handle_of(channel->device->id));
	return S_OK;
}

static HRESULT crypto_session(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	struct kmd_device *device = channel->device;
	struct kmd_session *session;
	struct kmd_decode *decode;
	HANDLE handle;

	KMD_GET(message->input, session_in, DXVA2DecodeHandle, &handle);
	decode = kmd_decode_find(device, (uintptr_t)handle);
	if (!decode)
		return E_INVALIDARG;
	session = kmd_decode_session(device, decode);
	KMD_PUT(output, session_out, DXVA2DecodeHandle, handle);
	KMD_PUT(output, session_out, CryptoSessionHandle, handle_of(session ? decode->session_name : 0));
	KMD_PUT(output, session_out, DeviceHandle, handle_of(session ? device->id : 0));
	return S_OK;
}

/* ---- shared resources ---------------------------------------------------------------------------- */

static HRESULT process_count(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)message;
	KMD_PUT(output, process_count_out, NumRestrictedSharedResourceProcesses, kmd_grant_count(channel->device));
	return S_OK;
}

static HRESULT process(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	const struct kmd_grant *grant;
	UINT index;

	KMD_GET(message->input, process_in, ProcessIndex, &index);
	grant = kmd_grant_at(channel->device, index);
	if (!grant)
		return E_INVALIDARG;
	KMD_PUT(output, process_out, ProcessIndex, index);
	KMD_PUT(output, process_out, ProcessIdentifer, (D3DAUTHENTICATEDCHANNEL_PROCESSIDENTIFIERTYPE)grant->type);
	KMD_PUT(output, process_out, ProcessHandle, grant->process);
	return S_OK;
}

static HRESULT unrestricted(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)message;
	KMD_PUT(output, unrestricted_out, NumUnrestrictedProtectedSharedResources, channel->device->unrestricted);
	return S_OK;
}

/* ---- outputs ------------------------------------------------------------------------------------- */

static uint32_t count_outputs(const struct kmd_adapter *adapter)
{
	if (adapter->config.outputs >= 0)
		return (uint32_t)adapter->config.outputs;
	return adapter->kernel->ShowPicture ? 1 : 0;
}

/* How many show what the device presents for the session; one that is tied to no decode device has none (AC-149). */
static HRESULT find_outputs(struct kmd_device *device, const struct drv_escape_message *message, HANDLE device_handle,
			    HANDLE session_handle, uint32_t *ret_count)
{
	struct kmd_session *session = kmd_session_named(device, message->header.session, (uintptr_t)session_handle);

	if (!session || (uintptr_t)device_handle != device->id)
		return E_INVALIDARG;
	*ret_count = kmd_session_is_tied(device, session) ? count_outputs(device->adapter) : 0;
	return S_OK;
}

static HRESULT output_count(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	HANDLE device_handle, session_handle;
	uint32_t count;
	HRESULT hr;

	KMD_GET(message->input, output_count_in, DeviceHandle, &device_handle);
	KMD_GET(message->input, output_count_in, CryptoSessionHandle, &session_handle);
	hr = find_outputs(channel->device, message, device_handle, session_handle, &count);
	if (hr != S_OK)
		return hr;
	KMD_PUT(output, output_count_out, DeviceHandle, device_handle);
	KMD_PUT(output, output_count_out, CryptoSessionHandle, session_handle);
	KMD_PUT(output, output_count_out, NumOutputIDs, count);
	return S_OK;
}

static HRESULT output_id(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	HANDLE device_handle, session_handle;
	uint32_t count;
	UINT index;
	HRESULT hr;

	KMD_GET(message->input, output_in, DeviceHandle, &device_handle);
	KMD_GET(message->input, output_in, CryptoSessionHandle, &session_handle);
	KMD_GET(message->input, output_in, OutputIDIndex, &index);
	hr = find_outputs(channel->device, message, device_handle, session_handle, &count);
	if (hr != S_OK)
		return hr;
	if (index >= count)
		return E_INVALIDARG;
	KMD_PUT(output, output_out, DeviceHandle, device_handle);
	KMD_PUT(output, output_out, CryptoSessionHandle, session_handle);
	KMD_PUT(output, output_out, OutputIDIndex, index);
	KMD_PUT(output, output_out, OutputID, channel->device->adapter->config.first.output + index);
	return S_OK;
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* Protected memory is system memory, and whoever may reach it reaches all of it (AC-153). */
static HRESULT accessibility(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)channel;
	(void)message;
	KMD_PUT(output, bus_out, BusType, D3DBUSTYPE_OTHER);
	KMD_PUT(output, bus_out, bAccessibleInContiguousBlocks, TRUE);
	KMD_PUT(output, bus_out, bAccessibleInNonContiguousBlocks, TRUE);
	return S_OK;
}

static HRESULT encryption_count(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	(void)message;
	KMD_PUT(output, encryption_count_out, NumEncryptionGuids, channel->device->adapter->config.encryption_guids);
	return S_OK;
}

static HRESULT encryption_guid(struct kmd_channel *channel, const struct drv_escape_message *message, uint8_t *output)
{
	const GUID *guid;
	UINT index;

	KMD_GET(message->input, encryption_in, EncryptionGuidIndex, &index);
	guid = kmd_encryption_at(channel->device->adapter, index);
	if (!guid)
		return E_INVALIDARG;
	KMD_PUT(output, encryption_out, EncryptionGuidIndex, index);
	KMD_PUT(output, encryption_out, EncryptionGuid, *guid);
	return S_OK;
}

static HRESULT current_encryption(struct kmd_channel *channel, const struct drv_escape_message *message,
				  uint8_t *output)
{
	(void)message;
	KMD_PUT(output, current_out, EncryptionGuid, kmd_device_encryption(channel->device));
	return S_OK;
}

/* ---- which is which ------------------------------------------------------------------------------ */

#define QUERY(name, function, in, out, hardware)                                                  \
	{                                                                                         \
		.type = &D3DAUTHENTICATEDQUERY_##name, .run = function, .input_size = sizeof(in), \
		.output_size = sizeof(out), .is_for_hardware = (hardware),                        \
	}

const struct kmd_query kmd_queries[] = {
	QUERY(PROTECTION, protection, plain_in, protection_out, true),
	QUERY(CHANNELTYPE, channel_type, plain_in, channel_type_out, true),
	QUERY(DEVICEHANDLE, device_handle, plain_in, device_handle_out, true),
	QUERY(CRYPTOSESSION, crypto_session, session_in, session_out, true),
	QUERY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, process_count, plain_in, process_count_out, false),
	QUERY(RESTRICTEDSHAREDRESOURCEPROCESS, process, process_in, process_out, false),
	QUERY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, unrestricted, plain_in, unrestricted_out, false),
	QUERY(OUTPUTIDCOUNT, output_count, output_count_in, output_count_out, true),
	QUERY(OUTPUTID, output_id, output_in, output_out, true),
	QUERY(ACCESSIBILITYATTRIBUTES, accessibility, plain_in, bus_out, true),
	QUERY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT, encryption_count, plain_in, encryption_count_out, true),
	QUERY(ENCRYPTIONWHENACCESSIBLEGUID, encryption_guid, encryption_in, encryption_out, true),
	QUERY(CURRENTENCRYPTIONWHENACCESSIBLE, current_encryption, plain_in, current_out, true),
	{ 0 },
};
