/* SPDX-License-Identifier: MIT */
/* The escapes of the user-mode half: which command, which size, which capability, whose session. */
#include "kmd/kmd_internal.h"

#include <string.h>

union any_escape {
	struct drv_escape header;
	struct drv_escape_key_exchange key_exchange;
	struct drv_escape_key key;
	struct drv_escape_blt blt;
	struct drv_escape_pitch pitch;
	struct drv_escape_lock lock;
	struct drv_escape_channel channel;
	struct drv_escape_channel_key channel_key;
	struct drv_escape_message message;
	struct drv_escape_decode decode;
};

typedef HRESULT (*handler_fn)(struct kmd_device *device, struct kmd_session *session, union any_escape *escape);

static HRESULT handle_ping(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	(void)device;
	(void)session;
	(void)escape;
	return S_OK;
}

static HRESULT handle_key_exchange(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	(void)device;
	return kmd_key_exchange(session, &escape->key_exchange);
}

static HRESULT handle_start_refresh(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	(void)device;
	return kmd_start_refresh(session, &escape->key);
}

static HRESULT handle_finish_refresh(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	(void)device;
	(void)escape;
	return kmd_finish_refresh(session);
}

static HRESULT handle_get_readback_key(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	(void)device;
	return kmd_get_readback_key(session, &escape->key);
}

static HRESULT handle_blt(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	return kmd_blt(device, session, &escape->blt);
}

/* No key is needed; the session only names the owner (BLT-87). */
static HRESULT handle_get_pitch(struct kmd_device *device, struct kmd_session *session, union any_escape *escape)
{
	const struct kmd_allocation *allocation = kmd_find_allocation(device, escape->pitch.allocation);

	(void)session;
	if (!allocation)
		return E_INVALIDARG;
	escape->pitch.pitch = allocation->pitch;
	return S_OK;
}

/* Commands of the device, which name no session. */
#define DEVICE_HANDLER(name, function, member)                                                                         \
	static HRESULT handle_##name(struct kmd_device *device, struct kmd_session *session, union any_escape *escape) \
	{                                                                                                              \
		(void)session;                                                                                         \
		return function(device, &escape->member);                                                              \
	}

DEVICE_HANDLER(lock, kmd_lock, lock)
DEVICE_HANDLER(unlock, kmd_unlock, lock)
DEVICE_HANDLER(create_channel, kmd_create_channel, channel)
DEVICE_HANDLER(destroy_channel, kmd_destroy_channel, channel)
DEVICE_HANDLER(channel_key_exchange, kmd_channel_key_exchange, channel_key)
DEVICE_HANDLER(configure_channel, kmd_configure_channel, message)
DEVICE_HANDLER(query_channel, kmd_query_channel, message)
DEVICE_HANDLER(create_decode, kmd_create_decode, decode)
DEVICE_HANDLER(destroy_decode, kmd_destroy_decode, decode)

/* How a command is offered: by a bit of the capabilities or by a switch of the configuration (CAP-32). */
enum offer { OFFER_ALWAYS, OFFER_CAPS, OFFER_DECRYPTION_BLT, OFFER_GET_PITCH };

static const struct command {
	handler_fn handler;
	uint32_t size;
	uint32_t caps;	    /* OFFER_CAPS: the bit that must be set */
	uint32_t blt_flags; /* of a blt: the DRV_BLT_* that it may have */
	enum offer offer;
	bool has_session;
} commands[] = {
	[DRV_COMMAND_PING] = {
		.handler = handle_ping,
		.size = sizeof(struct drv_escape),
	},
	[DRV_COMMAND_KEY_EXCHANGE] = {
		.handler = handle_key_exchange,
		.size = sizeof(struct drv_escape_key_exchange),
		.has_session = true,
	},
	[DRV_COMMAND_START_REFRESH] = {
		.handler = handle_start_refresh,
		.size = sizeof(struct drv_escape_key),
		.offer = OFFER_CAPS,
		.caps = D3DCPCAPS_FRESHENSESSIONKEY,
		.has_session = true,
	},
	[DRV_COMMAND_FINISH_REFRESH] = {
		.handler = handle_finish_refresh,
		.size = sizeof(struct drv_escape_key),
		.offer = OFFER_CAPS,
		.caps = D3DCPCAPS_FRESHENSESSIONKEY,
		.has_session = true,
	},
	[DRV_COMMAND_GET_READBACK_KEY] = {
		.handler = handle_get_readback_key,
		.size = sizeof(struct drv_escape_key),
		.offer = OFFER_CAPS,
		.caps = D3DCPCAPS_ENCRYPTEDREADBACKKEY,
		.has_session = true,
	},
	[DRV_COMMAND_ENCRYPTION_BLT] = {
		.handler = handle_blt,
		.size = sizeof(struct drv_escape_blt),
		.offer = OFFER_CAPS,
		.caps = D3DCPCAPS_ENCRYPTEDREADBACK,
		.blt_flags = DRV_BLT_LOCKED | DRV_BLT_NO_MEMORY,
		.has_session = true,
	},
	[DRV_COMMAND_DECRYPTION_BLT] = {
		.handler = handle_blt,
		.size = sizeof(struct drv_escape_blt),
		.offer = OFFER_DECRYPTION_BLT,
		.blt_flags = DRV_BLT_HAS_BLOCK_INFO | DRV_BLT_HAS_CONTENT_KEY | DRV_BLT_LOCKED | DRV_BLT_NO_MEMORY,
		.has_session = true,
	},
	[DRV_COMMAND_GET_PITCH] = {
		.handler = handle_get_pitch,
		.size = sizeof(struct drv_escape_pitch),
		.offer = OFFER_GET_PITCH,
		.has_session = true,
	},
	[DRV_COMMAND_LOCK] = {
		.handler = handle_lock,
		.size = sizeof(struct drv_escape_lock),
	},
	[DRV_COMMAND_UNLOCK] = {
		.handler = handle_unlock,
		.size = sizeof(struct drv_escape_lock),
	},
	[DRV_COMMAND_CREATE_CHANNEL] = {
		.handler = handle_create_channel,
		.size = sizeof(struct drv_escape_channel),
	},
	[DRV_COMMAND_DESTROY_CHANNEL] = {
		.handler = handle_destroy_channel,
		.size = sizeof(struct drv_escape_channel),
	},
	[DRV_COMMAND_CHANNEL_KEY_EXCHANGE] = {
		.handler = handle_channel_key_exchange,
		.size = sizeof(struct drv_escape_channel_key),
	},
	[DRV_COMMAND_CONFIGURE_CHANNEL] = {
		.handler = handle_configure_channel,
		.size = sizeof(struct drv_escape_message),
	},
	[DRV_COMMAND_QUERY_CHANNEL] = {
		.handler = handle_query_channel,
		.size = sizeof(struct drv_escape_message),
	},
	[DRV_COMMAND_CREATE_DECODE] = {
		.handler = handle_create_decode,
		.size = sizeof(struct drv_escape_decode),
	},
	[DRV_COMMAND_DESTROY_DECODE] = {
		.handler = handle_destroy_decode,
		.size = sizeof(struct drv_escape_decode),
	},
};

static bool is_offered(const struct kmd_config *config, const struct command *command)
{
	switch (command->offer) {
	case OFFER_CAPS:
		return config->caps & command->caps;
	case OFFER_DECRYPTION_BLT:
		return config->has_decryption_blt;
	case OFFER_GET_PITCH:
		return config->has_get_pitch;
	case OFFER_ALWAYS:
	default:
		return true;
	}
}

static void *find_object(struct kmd_device *device, D3DKMT_HANDLE handle, DXGK_HANDLE_TYPE type)
{
	const struct dxgk_interface *kernel = device->adapter->kernel;
	DXGKARGCB_GETHANDLEDATA arg = { .hObject = handle, .Type = type };

	arg.Flags.DeviceSpecific = 1;
	/* cppcheck-suppress returnDanglingLifetime ; it answers with the object, not with a part of the question */
	return kernel->DxgkCbGetHandleData(kernel->DeviceHandle, &arg);
}

struct kmd_open_allocation *kmd_find_open_allocation(struct kmd_device *device, D3DKMT_HANDLE handle)
{
	struct kmd_open_allocation *open = find_object(device, handle, DXGK_HANDLE_ALLOCATION);

	return open && open->device == device ? open : NULL;
}

struct kmd_allocation *kmd_find_allocation(struct kmd_device *device, D3DKMT_HANDLE handle)
{
	const struct kmd_open_allocation *open = kmd_find_open_allocation(device, handle);

	return open ? open->allocation : NULL;
}

/* Steps 4 and 5: live, of this device, and made as a crypto session (CS-04, CS-05). */
static struct kmd_session *look_up_session(struct kmd_device *device, D3DKMT_HANDLE handle)
{
	struct kmd_session *session = find_object(device, handle, DXGK_HANDLE_PROTECTED_SESSION);

	if (!session || !session->is_crypto || session->is_orphan)
		return NULL;
	return session->device && session->device != device ? NULL : session;
}

/* Remembered, so that the end of the device finds it. */
static void enter_device(struct kmd_session *session, struct kmd_device *device)
{
	if (!session->device)
		device->sessions++;
	session->device = device;
}

struct kmd_session *kmd_find_session(struct kmd_device *device, D3DKMT_HANDLE handle)
{
	struct kmd_session *session = look_up_session(device, handle);

	if (session)
		enter_device(session, device);
	return session;
}

static HRESULT run(struct kmd_device *device, const struct command *command, union any_escape *escape)
{
	struct kmd_session *session = NULL;

	/* Step 3 comes before the session (CS-73). */
	if (!is_offered(&device->adapter->config, command))
		return D3DDDIERR_NOTAVAILABLE;
	if (command->has_session) {
		session = kmd_find_session(device, escape->header.session);
		if (!session)
			return E_INVALIDARG;
		kmd_session_settle(session);
		/* A broken seal is a fault: this call fails, the next ones find a session without a key (CS-13). */
		if (!kmd_session_check_seals(session))
			return E_FAIL;
	}
	return command->handler(device, session, escape);
}

/* run() for a worker, who waits for nobody: STATUS_RETRY comes before anything is decided. */
static NTSTATUS begin(struct kmd_worker *worker, struct kmd_device *device, const struct command *command,
		      const struct drv_escape_blt *escape, HRESULT *ret, uint64_t *ret_size)
{
	struct kmd_allocation *source, *destination;
	struct kmd_session *session;

	*ret = D3DDDIERR_NOTAVAILABLE;
	if (!is_offered(&device->adapter->config, command))
		return STATUS_SUCCESS;
	*ret = E_INVALIDARG;
	session = look_up_session(device, escape->header.session);
	if (!session)
		return STATUS_SUCCESS;
	source = kmd_find_allocation(device, escape->source);
	destination = kmd_find_allocation(device, escape->destination);
	if (kmd_session_is_held(session) || (source && kmd_allocation_is_held(source)) ||
	    (destination && kmd_allocation_is_held(destination)))
		return STATUS_RETRY;
	/* The loss wipes what it wrote, so another session must not be writing there. */
	if (!kmd_session_is_sealed(session) && kmd_content_is_held(session))
		return STATUS_RETRY;

	enter_device(session, device);
	*ret = E_FAIL;
	if (kmd_session_check_seals(session))
		*ret = kmd_worker_begin(worker, session, source, destination, escape, ret_size);
	return STATUS_SUCCESS;
}

/* What no user-mode half of ours would send. */
static bool is_well_formed(const struct command *command, const union any_escape *escape)
{
	switch (escape->header.command) {
	case DRV_COMMAND_ENCRYPTION_BLT:
	case DRV_COMMAND_DECRYPTION_BLT:
		return escape->blt.reserved == 0 && (escape->blt.flags & ~command->blt_flags) == 0;
	case DRV_COMMAND_CREATE_CHANNEL:
	case DRV_COMMAND_DESTROY_CHANNEL:
		return escape->channel.reserved == 0;
	case DRV_COMMAND_CONFIGURE_CHANNEL:
	case DRV_COMMAND_QUERY_CHANNEL:
		return escape->message.reserved == 0 && escape->message.written == 0;
	default:
		return true;
	}
}

static const struct command *find_command(const void *data, size_t size)
{
	struct drv_escape header;

	if (!data || size < sizeof(header))
		return NULL;
	memcpy(&header, data, sizeof(header));
	if (header.magic != DRV_MAGIC || header.command >= sizeof(commands) / sizeof(commands[0]))
		return NULL;
	if (!commands[header.command].handler || commands[header.command].size != size)
		return NULL;
	return &commands[header.command];
}

/* A copy of a command that is well-formed; NULL: it is none. */
static const struct command *read_escape(const DXGKARG_ESCAPE *arg, union any_escape *ret)
{
	const struct command *command = find_command(arg->pPrivateDriverData, arg->PrivateDriverDataSize);

	if (!arg->hDevice || !command)
		return NULL;
	memcpy(ret, arg->pPrivateDriverData, command->size);
	return is_well_formed(command, ret) ? command : NULL;
}

/* A handler writes its outputs on success only, a channel's answer apart: so all of it may go back. */
static void answer(const DXGKARG_ESCAPE *arg, const struct command *command, union any_escape *escape, HRESULT hr)
{
	escape->header.result = hr;
	memcpy(arg->pPrivateDriverData, escape, command->size);
	gpu_wipe(escape, sizeof(*escape));
}

NTSTATUS kmd_escape(HANDLE hAdapter, const DXGKARG_ESCAPE *arg)
{
	union any_escape escape;
	const struct command *command = read_escape(arg, &escape);

	(void)hAdapter;
	if (!command)
		return STATUS_INVALID_PARAMETER;
	answer(arg, command, &escape, run(arg->hDevice, command, &escape));
	gpu_forget();
	return STATUS_SUCCESS;
}

NTSTATUS kmd_begin_transfer(HANDLE hAdapter, HANDLE hWorker, const DXGKARG_ESCAPE *arg, UINT64 *ret_size)
{
	union any_escape escape;
	const struct command *command = read_escape(arg, &escape);
	uint64_t size = 0;
	NTSTATUS status;
	HRESULT hr;

	(void)hAdapter;
	if (!command || command->handler != handle_blt)
		return STATUS_INVALID_PARAMETER;
	status = begin(hWorker, arg->hDevice, command, &escape.blt, &hr, &size);
	if (status != STATUS_SUCCESS)
		return status;
	if (size == 0)
		answer(arg, command, &escape, hr);
	*ret_size = size;
	return STATUS_SUCCESS;
}
