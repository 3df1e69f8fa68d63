/* SPDX-License-Identifier: MIT */
/* Protected sessions: creation, destruction, loss of keys, and what the graphics kernel is told of it. */
#include "kmd/kmd_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Outcomes of looking at a session's private data. */
enum session_kind { SESSION_REFUSED, SESSION_BARE, SESSION_CRYPTO };

/*
 * A session whose private data is not ours was made by a program that speaks to the graphics kernel alone (KMT-10): it
 * has a status and a fence, and there is no key to exchange.
 */
static enum session_kind read_private_data(const struct kmd_adapter *adapter, const void *data, size_t size,
					   uint8_t *ret_profile)
{
	static const GUID none;
	struct drv_session info;
	uint32_t magic;

	if (!data || size < sizeof(magic))
		return SESSION_BARE;
	memcpy(&magic, data, sizeof(magic));
	if (magic != DRV_MAGIC)
		return SESSION_BARE;

	if (size != sizeof(info))
		return SESSION_REFUSED;
	memcpy(&info, data, sizeof(info));
	if (info.reserved != 0)
		return SESSION_REFUSED;
	/* One crypto type (CS-18), and no decoding, so that no profile can use it (CS-20) but the test configuration's. */
	*ret_profile = kmd_profile_find(adapter, &info.decode_profile);
	if (memcmp(&info.crypto_type, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID)) != 0 ||
	    (*ret_profile == KMD_NO_PROFILE && memcmp(&info.decode_profile, &none, sizeof(GUID)) != 0))
		return SESSION_REFUSED;
	return SESSION_CRYPTO;
}

NTSTATUS kmd_create_session(HANDLE hAdapter, DXGKARG_CREATEPROTECTEDSESSION *arg)
{
	struct kmd_adapter *adapter = hAdapter;
	struct kmd_session *session;
	enum session_kind kind;
	uint8_t profile = KMD_NO_PROFILE;

	kind = read_private_data(adapter, arg->pPrivateDriverData, arg->PrivateDriverDataSize, &profile);
	if (kind == SESSION_REFUSED)
		return STATUS_INVALID_PARAMETER;

	session = calloc(1, sizeof(*session));
	if (!session)
		return STATUS_NO_MEMORY;
	session->adapter = adapter;
	session->kernel_handle = arg->hProtectedSession;
	session->number = ++adapter->sessions_made;
	session->is_crypto = kind == SESSION_CRYPTO;
	session->profile = profile;
	list_append(&adapter->sessions, &session->link);

	arg->hProtectedSession = session;
	return STATUS_SUCCESS;
}

void kmd_session_free(struct kmd_session *session)
{
	gpu_key_free(session->key);
	gpu_key_free(session->readback);
	gpu_key_free(session->spare);
	gpu_secret_free(session->secrets);
	kmd_history_free(&session->history);
	gpu_wipe(session, sizeof(*session));
	free(session);
}

static void leave_device(struct kmd_session *session)
{
	if (session->device)
		session->device->sessions--;
	session->device = NULL;
}

NTSTATUS kmd_destroy_session(HANDLE hAdapter, HANDLE hProtectedSession)
{
	struct kmd_session *session = hProtectedSession;

	(void)hAdapter;
	kmd_session_settle(session);
	/* What it wrote stays tied to it, so that nobody can read that any more (BLT-123). */
	while (session->written)
		kmd_allocation_untie(session->written);
	leave_device(session);
	list_remove(&session->link);
	kmd_session_free(session);
	return STATUS_SUCCESS;
}

static void report(const struct kmd_session *session, DXGK_PROTECTED_SESSION_STATUS status)
{
	const DXGKARGCB_PROTECTEDSESSIONSTATUS arg = {
		.hProtectedSession = session->kernel_handle,
		.Status = status,
	};

	/* A refusal says that the session is dying: nobody is left to be told. */
	session->adapter->kernel->DxgkCbSetProtectedSessionStatus(&arg);
}

void kmd_session_recover(struct kmd_session *session)
{
	if (!session->is_lost)
		return;
	session->is_lost = false;
	report(session, DXGK_PROTECTED_SESSION_STATUS_OK);
}

/* Back to state S1. The histories and the read-back counter stay (CS-13, BLT-24). */
static void lose_keys(struct kmd_session *session)
{
	session->exchange = 0;
	session->has_pending = false;
	session->is_lost = true;
	if (session->key)
		gpu_key_clear(session->key);
	if (session->readback)
		gpu_key_clear(session->readback);
	if (session->spare)
		gpu_key_clear(session->spare);
	if (session->secrets)
		gpu_wipe(session->secrets, sizeof(*session->secrets));
}

static void wipe_surfaces_of(const struct kmd_session *session)
{
	while (session->written)
		kmd_allocation_wipe(session->written);
}

void kmd_lose_keys(HANDLE hAdapter)
{
	struct kmd_adapter *adapter = hAdapter;
	struct list *link;

	kmd_adapter_settle(adapter);
	/* First the keys, then the content, and when all is gone the word of it. */
	for (link = adapter->channels.next; link != &adapter->channels; link = link->next)
		kmd_channel_lose_key(LIST_ENTRY(link, struct kmd_channel, link));
	for (link = adapter->sessions.next; link != &adapter->sessions; link = link->next)
		lose_keys(LIST_ENTRY(link, struct kmd_session, link));

	for (link = adapter->allocations.next; link != &adapter->allocations; link = link->next) {
		struct kmd_allocation *allocation = LIST_ENTRY(link, struct kmd_allocation, link);

		/* The surfaces of destroyed sessions as well: content must not outlive its key. */
		if (allocation->tie.session != 0)
			kmd_allocation_wipe(allocation);
	}

	for (link = adapter->sessions.next; link != &adapter->sessions; link = link->next)
		report(LIST_ENTRY(link, struct kmd_session, link), DXGK_PROTECTED_SESSION_STATUS_INVALID);
}

/* One session, by command of the operator or because something is wrong with it. */
static void lose_session(struct kmd_session *session)
{
	kmd_content_settle(session);
	lose_keys(session);
	wipe_surfaces_of(session);
	report(session, DXGK_PROTECTED_SESSION_STATUS_INVALID);
}

void kmd_lose_session_keys(HANDLE hAdapter, HANDLE hProtectedSession)
{
	(void)hAdapter;
	lose_session(hProtectedSession);
}

static uint64_t seal_of(const struct kmd_session *session)
{
	return session->adapter->seal ^ session->exchange;
}

void kmd_session_seal(struct kmd_session *session)
{
	session->secrets->seal_before = seal_of(session);
	session->secrets->seal_behind = ~seal_of(session);
}

bool kmd_session_is_sealed(const struct kmd_session *session)
{
	const struct kmd_secrets *secrets = session->secrets;

	/* Without a key there is nothing that could be taken, and nothing is sealed. */
	if (!kmd_session_has_key(session))
		return true;
	return secrets->seal_before == seal_of(session) && secrets->seal_behind == ~seal_of(session);
}

bool kmd_session_check_seals(struct kmd_session *session)
{
	if (kmd_session_is_sealed(session))
		return true;
	lose_session(session);
	return false;
}

void kmd_describe_session(HANDLE hAdapter, HANDLE hProtectedSession, char *text, SIZE_T size)
{
	const struct kmd_session *session = hProtectedSession;

	(void)hAdapter;
	snprintf(text, size, "%s", session->is_crypto ? "AES128-CTR" : "none");
}

void kmd_orphan_session(HANDLE hAdapter, HANDLE hProtectedSession)
{
	struct kmd_session *session = hProtectedSession;

	(void)hAdapter;
	kmd_content_settle(session);
	leave_device(session);
	session->is_orphan = true;
	lose_session(session);
}
