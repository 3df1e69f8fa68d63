/* SPDX-License-Identifier: MIT */
/* Authenticated channels: the application's buffers go to the kernel half, which has the key, and answers come back. */
#include "umd/umd_internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT command_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERY_INPUT query_in;
typedef D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT answer_out;

_Static_assert(sizeof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT) == sizeof(answer_out), "one header for both");

/* ---- objects ------------------------------------------------------------------------------------ */

static struct umd_channel *find(const struct umd_device *device, HANDLE handle)
{
	struct list *link;

	for (link = device->channels.next; link != &device->channels; link = link->next) {
		struct umd_channel *channel = LIST_ENTRY(link, struct umd_channel, link);

		if (channel->handle == handle)
			return channel;
	}
	return NULL;
}

HRESULT APIENTRY umd_create_channel(HANDLE hDevice, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct drv_escape_channel escape = { 0 };
	struct umd_channel *channel;
	HRESULT hr;

	if (!device || !pData)
		return E_INVALIDARG;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return umd_refuse(device, E_OUTOFMEMORY);
	escape.type = pData->ChannelType;
	hr = umd_escape(device, DRV_COMMAND_CREATE_CHANNEL, &escape, sizeof(escape));
	if (hr != S_OK) {
		free(channel);
		return hr;
	}
	channel->handle = (HANDLE)(uintptr_t)escape.channel;
	list_append(&device->channels, &channel->link);
	pData->hChannel = channel->handle;
	/* -Wanalyzer-malloc-leak: the channel is in the list */
	return S_OK;
}

void umd_channel_free(struct umd_device *device, struct umd_channel *channel)
{
	struct drv_escape_channel escape = { .channel = (uintptr_t)channel->handle };

	/* Where the adapter is gone, the channel goes with the kernel's device; for us it has gone now (AC-163). */
	(void)umd_escape(device, DRV_COMMAND_DESTROY_CHANNEL, &escape, sizeof(escape));
	list_remove(&channel->link);
	free(channel);
}

HRESULT APIENTRY umd_destroy_channel(HANDLE hDevice, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_channel *channel;

	if (!device || !pData)
		return E_INVALIDARG;
	channel = find(device, pData->hChannel);
	if (!channel)
		return E_INVALIDARG;
	umd_channel_free(device, channel);
	return S_OK;
}

HRESULT APIENTRY umd_channel_key_exchange(HANDLE hDevice, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct drv_escape_channel_key escape;

	if (!device || !pData || !pData->pData)
		return E_INVALIDARG;
	if (pData->DataSize != sizeof(escape.blob))
		return umd_refuse(device, E_INVALIDARG);
	memset(&escape, 0, sizeof(escape));
	escape.channel = (uintptr_t)pData->hChannel;
	memcpy(escape.blob, pData->pData, sizeof(escape.blob));
	return umd_escape(device, DRV_COMMAND_CHANNEL_KEY_EXCHANGE, &escape, sizeof(escape));
}

/* ---- messages ----------------------------------------------------------------------------------- */

/* Where an input names a crypto session; 0: it does not. */
static size_t session_offset(bool is_command, const GUID *type)
{
	if (is_command)
		return umd_guid_equal(type, &D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION)
			       ? offsetof(D3DAUTHENTICATEDCHANNEL_CONFIGURECRYPTOSESSION, CryptoSessionHandle)
			       : 0;
	if (umd_guid_equal(type, &D3DAUTHENTICATEDQUERY_OUTPUTIDCOUNT))
		return offsetof(D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTIDCOUNT_INPUT, CryptoSessionHandle);
	if (umd_guid_equal(type, &D3DAUTHENTICATEDQUERY_OUTPUTID))
		return offsetof(D3DAUTHENTICATEDCHANNEL_QUERYOUTPUTID_INPUT, CryptoSessionHandle);
	return 0;
}

/* The kernel half knows sessions by the kernel's handles; those in the buffer are under the application's tag. */
static D3DKMT_HANDLE named_session(const struct umd_device *device, const struct drv_escape_message *escape,
				   bool is_command)
{
	struct umd_object *object;
	size_t offset;
	HANDLE handle;
	GUID type;

	memcpy(&type, escape->input + (is_command ? offsetof(command_in, ConfigureType) : 0), sizeof(type));
	offset = session_offset(is_command, &type);
	if (offset == 0)
		return 0;
	memcpy(&handle, escape->input + offset, sizeof(handle));
	object = umd_object_find(handle, UMD_SESSION, &device->object);
	return object ? ((struct umd_session *)object)->kernel : 0;
}

/* An answer that the kernel half did not get to make: nothing in it but what came, and why (D-32). */
static HRESULT answer_bare(const struct drv_escape_message *escape, bool is_command, void *ret_output, HRESULT hr)
{
	const size_t header = is_command ? offsetof(command_in, ConfigureType) : 0;
	const answer_out out = { .ReturnCode = hr };

	memcpy(ret_output, &out, sizeof(out));
	if (escape)
		memcpy((uint8_t *)ret_output + offsetof(answer_out, QueryType), escape->input + header,
		       offsetof(answer_out, ReturnCode) - offsetof(answer_out, QueryType));
	return hr;
}

/* What lies between the header's first member and the return code is laid out alike in all of them. */
_Static_assert(offsetof(answer_out, ReturnCode) - offsetof(answer_out, QueryType) ==
		       offsetof(query_in, SequenceNumber) + sizeof(UINT),
	       "query");
_Static_assert(offsetof(answer_out, ReturnCode) - offsetof(answer_out, QueryType) ==
		       offsetof(command_in, SequenceNumber) + sizeof(UINT) - offsetof(command_in, ConfigureType),
	       "command");

static size_t header_size(bool is_command)
{
	return is_command ? sizeof(command_in) : sizeof(query_in);
}

/* The input is read once, all of it, before a byte of the output is written (AC-082). */
static HRESULT send(struct umd_device *device, enum drv_command command, const void *input, uint32_t input_size,
		    void *ret_output, uint32_t output_size)
{
	const bool is_command = command == DRV_COMMAND_CONFIGURE_CHANNEL;
	struct drv_escape_message escape;
	HRESULT hr;

	memset(&escape, 0, sizeof(escape));
	escape.input_size = input_size;
	escape.output_size = output_size;
	/* A size that no message has is refused by its header alone: what it claims may not be there. */
	memcpy(escape.input, input, input_size <= sizeof(escape.input) ? input_size : header_size(is_command));
	escape.header.session = named_session(device, &escape, is_command);

	hr = umd_escape(device, command, &escape, sizeof(escape));
	if (escape.written == 0 || escape.written > sizeof(escape.output) || escape.written > output_size)
		return answer_bare(&escape, is_command, ret_output, hr == S_OK ? E_FAIL : hr);
	memcpy(ret_output, escape.output, escape.written);
	return hr;
}

HRESULT APIENTRY umd_configure_channel(HANDLE hDevice, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *pData)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device || !pData || !pData->pInputData || !pData->pOutputData)
		return E_INVALIDARG;
	if (pData->InputSize < sizeof(command_in))
		return answer_bare(NULL, /* is_command= */ true, pData->pOutputData, E_INVALIDARG);
	return send(device, DRV_COMMAND_CONFIGURE_CHANNEL, pData->pInputData, pData->InputSize, pData->pOutputData,
		    sizeof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT));
}

HRESULT APIENTRY umd_query_channel(HANDLE hDevice, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *pData)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device || !pData || !pData->pInputData || !pData->pOutputData)
		return E_INVALIDARG;
	/* No room for an answer (AC-085). */
	if (pData->OutputSize < sizeof(answer_out))
		return E_INVALIDARG;
	if (pData->InputSize < sizeof(query_in))
		return answer_bare(NULL, /* is_command= */ false, pData->pOutputData, E_INVALIDARG);
	return send(device, DRV_COMMAND_QUERY_CHANNEL, pData->pInputData, pData->InputSize, pData->pOutputData,
		    pData->OutputSize);
}
