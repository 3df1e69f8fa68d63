/* SPDX-License-Identifier: MIT */
/* Which of the driver's functions a test called, for reports. */
#include "conform/trace.h"

#include "conform/conform.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { KEPT = 6 };

struct call {
	const char *name;
	HRESULT result;
	unsigned int times; /* in a row */
};

static char *in_call;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for its bytes: a test may have threads (CS-11) */
static D3DDDI_ADAPTERFUNCS adapter;
static D3DDDI_DEVICEFUNCS device;
static bool has_adapter, has_device;
static _Thread_local struct call calls[KEPT];
static _Thread_local size_t call_count; /* since the last look; the newest KEPT are there */

static void set_in_call(const char *name)
{
	if (!in_call)
		return;
	pthread_mutex_lock(&lock);
	snprintf(in_call, CF_TRACE_NAME, "%s", name);
	pthread_mutex_unlock(&lock);
}

static HRESULT leave(const char *name, HRESULT hr)
{
	struct call *last = call_count > 0 ? &calls[(call_count - 1) % KEPT] : NULL;

	set_in_call("");
	if (last && last->name == name && last->result == hr)
		last->times++;
	else
		calls[call_count++ % KEPT] = (struct call) { .name = name, .result = hr, .times = 1 };
	return hr;
}

#define WATCH(table, name, type)                                           \
	static HRESULT APIENTRY watch_##name(HANDLE handle, type argument) \
	{                                                                  \
		static const char text[] = #name;                          \
                                                                           \
		set_in_call(text);                                         \
		return leave(text, table.pfn##name(handle, argument));     \
	}
#define WATCH_HANDLE(table, name)                            \
	static HRESULT APIENTRY watch_##name(HANDLE handle)  \
	{                                                    \
		static const char text[] = #name;            \
                                                             \
		set_in_call(text);                           \
		return leave(text, table.pfn##name(handle)); \
	}

/* clang-format off */
WATCH(adapter, GetCaps, const D3DDDIARG_GETCAPS *)
WATCH(adapter, CreateDevice, D3DDDIARG_CREATEDEVICE *)
WATCH_HANDLE(adapter, CloseAdapter)

#define FOR_EACH_WATCHED(do)                                                  \
	do(device, CreateAuthenticatedChannel, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *) \
	do(device, AuthenticatedChannelKeyExchange, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *) \
	do(device, QueryAuthenticatedChannel, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *) \
	do(device, ConfigureAuthenticatedChannel, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *) \
	do(device, DestroyAuthenticatedChannel, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *) \
	do(device, CreateCryptoSession, D3DDDIARG_CREATECRYPTOSESSION *)      \
	do(device, CryptoSessionKeyExchange, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *) \
	do(device, DestroyCryptoSession, const D3DDDIARG_DESTROYCRYPTOSESSION *) \
	do(device, EncryptionBlt, const D3DDDIARG_ENCRYPTIONBLT *)            \
	do(device, GetPitch, D3DDDIARG_GETPITCH *)                            \
	do(device, StartSessionKeyRefresh, const D3DDDIARG_STARTSESSIONKEYREFRESH *) \
	do(device, FinishSessionKeyRefresh, const D3DDDIARG_FINISHSESSIONKEYREFRESH *) \
	do(device, GetEncryptionBltKey, const D3DDDIARG_GETENCRYPTIONBLTKEY *) \
	do(device, DecryptionBlt, const D3DDDIARG_DECRYPTIONBLT *)            \
	do(device, Lock, D3DDDIARG_LOCK *)                                    \
	do(device, Unlock, const D3DDDIARG_UNLOCK *)                          \
	do(device, LockAsync, D3DDDIARG_LOCKASYNC *)                          \
	do(device, UnlockAsync, const D3DDDIARG_UNLOCKASYNC *)                \
	do(device, CreateResource, D3DDDIARG_CREATERESOURCE *)                \
	do(device, DestroyResource, HANDLE)                                   \
	do(device, OpenResource, D3DDDIARG_OPENRESOURCE *)                    \
	do(device, Present, const D3DDDIARG_PRESENT *)                        \
	do(device, Blt, VOID *)                                               \
	do(device, TexBlt, VOID *)                                            \
	do(device, CaptureToSysMem, VOID *)                                   \
	do(device, ColorFill, VOID *)                                         \
	do(device, CreateDecodeDevice, D3DDDIARG_CREATEDECODEDEVICE *)        \
	do(device, DestroyDecodeDevice, HANDLE)                               \
	do(device, DecodeExtensionExecute, const D3DDDIARG_DECODEEXTENSIONEXECUTE *)

FOR_EACH_WATCHED(WATCH)
WATCH_HANDLE(device, DestroyDevice)
/* clang-format on */

#define PUT(table, name, type) funcs->pfn##name = watch_##name;

void cf_trace_into(char shared[CF_TRACE_NAME])
{
	in_call = shared;
	in_call[0] = '\0';
}

/* The functions above know one table only. */
static bool is_first(const void *funcs, void *known, size_t size, bool *has_known)
{
	if (*has_known)
		return memcmp(funcs, known, size) == 0;
	memcpy(known, funcs, size);
	*has_known = true;
	return true;
}

void cf_trace_adapter_table(D3DDDI_ADAPTERFUNCS *funcs)
{
	if (!is_first(funcs, &adapter, sizeof(adapter), &has_adapter))
		return;
	PUT(adapter, GetCaps, )
	PUT(adapter, CreateDevice, )
	PUT(adapter, CloseAdapter, )
}

void cf_trace_device_table(D3DDDI_DEVICEFUNCS *funcs)
{
	if (!is_first(funcs, &device, sizeof(device), &has_device))
		return;
	FOR_EACH_WATCHED(PUT)
	PUT(device, DestroyDevice, )
}

void cf_trace_take(char ret[CF_TRACE_TEXT])
{
	size_t first = call_count > KEPT ? call_count - KEPT : 0;
	size_t at = 0;

	ret[0] = '\0';
	for (size_t i = first; i < call_count && at < CF_TRACE_TEXT; i++) {
		const struct call *call = &calls[i % KEPT];
		char times[24] = "";

		if (call->times > 1)
			snprintf(times, sizeof(times), " (%u times)", call->times);
		at += (size_t)snprintf(ret + at, CF_TRACE_TEXT - at, "%s%s %s%s",
				       i > first ? ", "
				       : first	 ? "..., "
						 : "",
				       call->name, cf_code_name(NULL, call->result), times);
	}
	call_count = 0;
}
