/* SPDX-License-Identifier: MIT */
/* How each session stands, by what went through the table. */
#include "mutants_session.h"

#include <pthread.h>
#include <stdlib.h>

enum { ROOM = 1 << 14 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mutant_session sessions[ROOM];
static size_t count;
static D3DDDI_DEVICEFUNCS next;

struct mutant_session *mutant_session(HANDLE session)
{
	struct mutant_session *found = NULL;

	pthread_mutex_lock(&mutex);
	for (size_t i = count; i-- > 0 && !found;) {
		if (sessions[i].handle == session)
			found = &sessions[i];
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

struct mutant_session *mutant_session_on(HANDLE device)
{
	struct mutant_session *found = NULL;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < count && !found; i++) {
		if (sessions[i].device == device && !sessions[i].is_dead)
			found = &sessions[i];
	}
	pthread_mutex_unlock(&mutex);
	return found;
}

unsigned int mutant_sessions_alive(void)
{
	unsigned int alive = 0;

	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < count; i++)
		alive += !sessions[i].is_dead;
	pthread_mutex_unlock(&mutex);
	return alive;
}

/* ---- between the table and the mutant ------------------------------------------------------------------ */

static HRESULT APIENTRY create(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData)
{
	HRESULT hr = next.pfnCreateCryptoSession(hDevice, pData);

	if (hr != S_OK)
		return hr;
	pthread_mutex_lock(&mutex);
	if (count == ROOM)
		abort();
	sessions[count++] = (struct mutant_session) { .handle = pData->hCryptoSession, .device = hDevice };
	pthread_mutex_unlock(&mutex);
	return hr;
}

static HRESULT APIENTRY exchange(HANDLE hDevice, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *pData)
{
	HRESULT hr = next.pfnCryptoSessionKeyExchange(hDevice, pData);
	struct mutant_session *session = hr == S_OK ? mutant_session(pData->hCryptoSession) : NULL;

	if (session) {
		session->has_key = true;
		session->had_number = session->has_number;
		session->has_number = false;
		session->exchanges++;
	}
	return hr;
}

static HRESULT APIENTRY start(HANDLE hDevice, const D3DDDIARG_STARTSESSIONKEYREFRESH *pData)
{
	HRESULT hr = next.pfnStartSessionKeyRefresh(hDevice, pData);
	struct mutant_session *session = hr == S_OK ? mutant_session(pData->hCryptoSession) : NULL;

	if (session)
		session->has_number = true;
	return hr;
}

static HRESULT APIENTRY finish(HANDLE hDevice, const D3DDDIARG_FINISHSESSIONKEYREFRESH *pData)
{
	HRESULT hr = next.pfnFinishSessionKeyRefresh(hDevice, pData);
	struct mutant_session *session = hr == S_OK && pData ? mutant_session(pData->hCryptoSession) : NULL;

	if (session) {
		session->has_number = false;
		session->finishes++;
	}
	return hr;
}

static HRESULT APIENTRY read_back_key(HANDLE hDevice, const D3DDDIARG_GETENCRYPTIONBLTKEY *pData)
{
	HRESULT hr = next.pfnGetEncryptionBltKey(hDevice, pData);
	struct mutant_session *session = hr == S_OK ? mutant_session(pData->hCryptoSession) : NULL;

	if (session)
		session->reads++;
	return hr;
}

static HRESULT APIENTRY destroy(HANDLE hDevice, const D3DDDIARG_DESTROYCRYPTOSESSION *pData)
{
	HANDLE handle = pData ? pData->hCryptoSession : NULL;
	HRESULT hr = next.pfnDestroyCryptoSession(hDevice, pData);
	struct mutant_session *session = hr == S_OK ? mutant_session(handle) : NULL;

	if (session)
		session->is_dead = true;
	return hr;
}

static HRESULT APIENTRY destroy_device(HANDLE hDevice)
{
	HRESULT hr = next.pfnDestroyDevice(hDevice);

	if (hr != S_OK)
		return hr;
	pthread_mutex_lock(&mutex);
	for (size_t i = 0; i < count; i++) {
		if (sessions[i].device == hDevice)
			sessions[i].is_dead = sessions[i].device_is_gone = true;
	}
	pthread_mutex_unlock(&mutex);
	return hr;
}

void mutant_track(D3DDDI_DEVICEFUNCS *funcs)
{
	next = *funcs;
	funcs->pfnCreateCryptoSession = create;
	funcs->pfnCryptoSessionKeyExchange = exchange;
	funcs->pfnStartSessionKeyRefresh = start;
	funcs->pfnFinishSessionKeyRefresh = finish;
	funcs->pfnGetEncryptionBltKey = read_back_key;
	funcs->pfnDestroyCryptoSession = destroy;
	funcs->pfnDestroyDevice = destroy_device;
}

/* ---- handles of the mutant's own ------------------------------------------------------------------------- */

#define FIRST_HANDLE 0x10000u
#define HANDLE_STEP  16u

static struct {
	HANDLE device, real; /* real NULL: free */
} slots[ROOM];
static bool is_per_device;

static HANDLE handle_of(size_t slot)
{
	return (HANDLE)(uintptr_t)(FIRST_HANDLE + slot * HANDLE_STEP);
}

/* The n-th handle of a device is the n-th slot of that device; or, over all, simply the n-th. */
static HANDLE issue(HANDLE device, HANDLE real)
{
	for (size_t slot = 0; slot < ROOM; slot++) {
		size_t number = slot;

		if (slots[slot].real || (is_per_device && slots[slot].device && slots[slot].device != device))
			continue;
		slots[slot].device = device;
		slots[slot].real = real;
		if (is_per_device) {
			number = 0;
			for (size_t i = 0; i < slot; i++)
				number += slots[i].device == device;
		}
		return handle_of(number);
	}
	abort();
}

static HANDLE *find(HANDLE device, HANDLE handle)
{
	size_t number = 0;

	for (size_t slot = 0; slot < ROOM; slot++) {
		if (!is_per_device && slots[slot].real && handle_of(slot) == handle)
			return &slots[slot].real;
		if (!is_per_device || slots[slot].device != device)
			continue;
		if (handle_of(number++) == handle)
			return slots[slot].real ? &slots[slot].real : NULL;
	}
	return NULL;
}

static HANDLE real_of(HANDLE device, HANDLE handle)
{
	HANDLE *slot = find(device, handle);

	return slot ? *slot : NULL;
}

#define WITH_OWN_HANDLE(name, slot, type, parameter)                          \
	static HRESULT APIENTRY name(HANDLE hDevice, parameter pData)         \
	{                                                                     \
		type arg;                                                     \
                                                                              \
		if (!pData)                                                   \
			return mutant_real.slot(hDevice, NULL);               \
		arg = *pData;                                                 \
		arg.hCryptoSession = real_of(hDevice, pData->hCryptoSession); \
		return mutant_real.slot(hDevice, &arg);                       \
	}
#define READS(name, slot, type) WITH_OWN_HANDLE(name, slot, type, const type *)

WITH_OWN_HANDLE(own_exchange, pfnCryptoSessionKeyExchange, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE,
		D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE *)
READS(own_start, pfnStartSessionKeyRefresh, D3DDDIARG_STARTSESSIONKEYREFRESH)
READS(own_finish, pfnFinishSessionKeyRefresh, D3DDDIARG_FINISHSESSIONKEYREFRESH)
READS(own_read_back_key, pfnGetEncryptionBltKey, D3DDDIARG_GETENCRYPTIONBLTKEY)
READS(own_encrypt, pfnEncryptionBlt, D3DDDIARG_ENCRYPTIONBLT)
READS(own_decrypt, pfnDecryptionBlt, D3DDDIARG_DECRYPTIONBLT)

static HRESULT APIENTRY own_pitch(HANDLE hDevice, D3DDDIARG_GETPITCH *pData)
{
	HANDLE theirs;
	HRESULT hr;

	if (!pData)
		return mutant_real.pfnGetPitch(hDevice, NULL);
	theirs = pData->hCryptoSession;
	pData->hCryptoSession = real_of(hDevice, theirs);
	hr = mutant_real.pfnGetPitch(hDevice, pData);
	pData->hCryptoSession = theirs;
	return hr;
}

static HRESULT APIENTRY own_create(HANDLE hDevice, D3DDDIARG_CREATECRYPTOSESSION *pData)
{
	HRESULT hr = mutant_real.pfnCreateCryptoSession(hDevice, pData);

	if (hr == S_OK)
		pData->hCryptoSession = issue(hDevice, pData->hCryptoSession);
	return hr;
}

static HRESULT APIENTRY own_destroy(HANDLE hDevice, const D3DDDIARG_DESTROYCRYPTOSESSION *pData)
{
	HANDLE *slot = pData ? find(hDevice, pData->hCryptoSession) : NULL;
	const D3DDDIARG_DESTROYCRYPTOSESSION arg = { slot ? *slot : NULL };
	HRESULT hr = mutant_real.pfnDestroyCryptoSession(hDevice, pData ? &arg : NULL);

	if (hr == S_OK && slot)
		*slot = NULL;
	return hr;
}

static void use_own_handles(D3DDDI_DEVICEFUNCS *funcs)
{
	funcs->pfnCreateCryptoSession = own_create;
	funcs->pfnDestroyCryptoSession = own_destroy;
	funcs->pfnCryptoSessionKeyExchange = own_exchange;
	funcs->pfnStartSessionKeyRefresh = own_start;
	funcs->pfnFinishSessionKeyRefresh = own_finish;
	funcs->pfnGetEncryptionBltKey = own_read_back_key;
	funcs->pfnEncryptionBlt = own_encrypt;
	funcs->pfnDecryptionBlt = own_decrypt;
	funcs->pfnGetPitch = own_pitch;
}

void mutant_handles_again(D3DDDI_DEVICEFUNCS *funcs)
{
	use_own_handles(funcs);
}

void mutant_handles_per_device(D3DDDI_DEVICEFUNCS *funcs)
{
	is_per_device = true;
	use_own_handles(funcs);
}
