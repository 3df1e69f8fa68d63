/* SPDX-License-Identifier: MIT */
/* Decode devices as the channel's CRYPTOSESSION sees them: what they are called, and which session they are tied to. */
#include "kmd/kmd_internal.h"

#include <stdlib.h>
#include <string.h>

enum { DECODES_MAX = 64 }; /* of one device: each is looked at by some queries */

uint8_t kmd_profile_find(const struct kmd_adapter *adapter, const GUID *profile)
{
	for (uint8_t i = 0; adapter->config.has_decode && i < DRV_TEST_PROFILES; i++) {
		if (memcmp(profile, &drv_test_profiles[i], sizeof(*profile)) == 0)
			return i;
	}
	return KMD_NO_PROFILE;
}

HRESULT kmd_create_decode(struct kmd_device *device, struct drv_escape_decode *escape)
{
	struct kmd_adapter *adapter = device->adapter;
	const uint8_t profile = kmd_profile_find(adapter, &escape->profile);
	struct kmd_decode *decode;

	if (profile == KMD_NO_PROFILE)
		return D3DDDIERR_NOTAVAILABLE;
	if (device->decode_count == DECODES_MAX)
		return E_OUTOFMEMORY;
	decode = calloc(1, sizeof(*decode));
	if (!decode)
		return E_OUTOFMEMORY;
	decode->handle = adapter->next_decode++;
	decode->profile = profile;
	list_append(&device->decodes, &decode->link);
	device->decode_count++;
	escape->decode = decode->handle;
	return S_OK;
}

struct kmd_decode *kmd_decode_find(const struct kmd_device *device, uint64_t handle)
{
	struct list *link;

	for (link = device->decodes.next; link != &device->decodes; link = link->next) {
		struct kmd_decode *decode = LIST_ENTRY(link, struct kmd_decode, link);

		if (decode->handle == handle)
			return decode;
	}
	return NULL;
}

void kmd_decode_free(struct kmd_device *device, struct kmd_decode *decode)
{
	list_remove(&decode->link);
	device->decode_count--;
	free(decode);
}

HRESULT kmd_destroy_decode(struct kmd_device *device, const struct drv_escape_decode *escape)
{
	struct kmd_decode *decode = kmd_decode_find(device, escape->decode);

	if (!decode)
		return E_INVALIDARG;
	kmd_decode_free(device, decode);
	return S_OK;
}

void kmd_decode_tie(struct kmd_decode *decode, D3DKMT_HANDLE handle, uint64_t name, const struct kmd_session *session,
		    struct kmd_channel *owner)
{
	decode->session = handle;
	decode->session_name = name;
	decode->session_number = session->number;
	decode->owner = owner;
}

/*
 * A client destroys a crypto session by closing its handle, while other processes may keep the session open: so it is the
 * handle that is looked at each time (AC-123).
 */
struct kmd_session *kmd_decode_session(struct kmd_device *device, struct kmd_decode *decode)
{
	struct kmd_session *session = decode->session ? kmd_find_session(device, decode->session) : NULL;

	if (session && session->number == decode->session_number)
		return session;
	decode->session = 0;
	decode->owner = NULL;
	return NULL;
}

struct kmd_session *kmd_session_named(struct kmd_device *device, D3DKMT_HANDLE handle, uint64_t name)
{
	struct kmd_session *session = name != 0 ? kmd_find_session(device, handle) : NULL;
	struct list *link;

	for (link = device->decodes.next; session && link != &device->decodes; link = link->next) {
		struct kmd_decode *decode = LIST_ENTRY(link, struct kmd_decode, link);

		if (kmd_decode_session(device, decode) == session && decode->session_name != name)
			return NULL;
	}
	return session;
}

bool kmd_session_is_tied(struct kmd_device *device, const struct kmd_session *session)
{
	struct list *link;

	for (link = device->decodes.next; link != &device->decodes; link = link->next) {
		if (kmd_decode_session(device, LIST_ENTRY(link, struct kmd_decode, link)) == session)
			return true;
	}
	return false;
}

void kmd_decodes_disown(struct kmd_device *device, const struct kmd_channel *owner)
{
	struct list *link;

	for (link = device->decodes.next; link != &device->decodes; link = link->next) {
		struct kmd_decode *decode = LIST_ENTRY(link, struct kmd_decode, link);

		if (decode->owner == owner)
			decode->owner = NULL;
	}
}
