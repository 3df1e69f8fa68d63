/* SPDX-License-Identifier: MIT */
/* Which functions a driver has, and whether its capability bits say so: CAP-29 to CAP-33, CAP-44. */
#include "conform/ac/ac.h"
#include "conform/cap/cap.h"

#include <string.h>

static void required_functions_are_there(struct cf *cf)
{
	struct ac_required required[AC_REQUIRED];
	struct cf_device device;

	if (cf_caps(cf)->Caps == 0)
		cf_skip(cf, "the driver offers no content protection");
	device = cf_device(cf);
	ac_call_required(cf, &device, required);
	/* In the words of both rules: they must be there, and without them there must be no capabilities. */
	for (size_t i = 0; i < AC_REQUIRED; i++) {
		const HRESULT hr = required[i].result;
		/* The suite's table answers for NULL with NOTAVAILABLE. */
		const bool is_there = hr != E_NOTIMPL && hr != D3DDDIERR_NOTAVAILABLE;

		CF_TRUE(cf, "CAP-29", is_there, "Caps is 0x%x, but %s answered %s", cf_caps(cf)->Caps, required[i].name,
			cf_code_name(cf, hr));
		CF_TRUE(cf, "CAP-30", is_there, "Caps is 0x%x, but %s answered %s", cf_caps(cf)->Caps, required[i].name,
			cf_code_name(cf, hr));
	}
}

static void no_protection_is_said_one_way_or_the_other(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps = { 0 };
	HRESULT hr = cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, &caps);

	if (hr == S_OK && caps.Caps != 0)
		cf_not_applicable(cf, "CAP-33", "the driver offers content protection");
	else
		CF_TRUE(cf, "CAP-33", hr == S_OK || hr == D3DDDIERR_NOTAVAILABLE, "the capability query answered %s",
			cf_code_name(cf, hr));
}

/* ---- the six optional functions ----------------------------------------------------------------------------- */

/* All that is needed to call any of them rightly. */
struct scene {
	struct cf_device device;
	HANDLE session;
	uint8_t key[CF_KEY];
	struct cf_surface inner, outer;
};

enum optional {
	PITCH,
	START,
	FINISH,
	READ_BACK_KEY,
	ENCRYPT,
	DECRYPT,
	DECRYPT_PARTIAL,
	DECRYPT_CONTENT_KEY,
	OPTIONALS
};

static const struct {
	const char *name;
	uint32_t caps; /* the bits that say that it is there; 0: none does */
} optional[OPTIONALS] = {
	[PITCH] = { "GetPitch", 0 },
	[START] = { "StartSessionKeyRefresh", D3DCPCAPS_FRESHENSESSIONKEY },
	[FINISH] = { "FinishSessionKeyRefresh", D3DCPCAPS_FRESHENSESSIONKEY },
	[READ_BACK_KEY] = { "GetEncryptionBltKey", D3DCPCAPS_ENCRYPTEDREADBACKKEY },
	[ENCRYPT] = { "EncryptionBlt", D3DCPCAPS_ENCRYPTEDREADBACK },
	[DECRYPT] = { "DecryptionBlt", 0 },
	[DECRYPT_PARTIAL] = { "DecryptionBlt with encrypted blocks", D3DCPCAPS_PARTIALDECRYPTION },
	[DECRYPT_CONTENT_KEY] = { "DecryptionBlt with a content key", D3DCPCAPS_CONTENTKEY },
};

static void set_up(struct cf *cf, struct scene *scene)
{
	(void)cf_caps(cf);
	memset(scene, 0, sizeof(*scene));
	scene->device = cf_device(cf);
	scene->session = cf_session(cf, &scene->device);
	cf_key(31, scene->key);
	CF_NEED(cf, cf_exchange(cf, &scene->device, scene->session, scene->key));
	scene->inner = cf_protected(cf, &scene->device, D3DDDIFMT_A8R8G8B8, 32, 16);
	scene->outer = cf_system(cf, &scene->device, D3DDDIFMT_A8R8G8B8, 32, 16);
}

/* In their order: Finish comes behind Start, EncryptionBlt behind the read-back key and a surface that was written. */
static HRESULT call(struct cf *cf, struct scene *scene, enum optional function)
{
	static const D3DDDIENCRYPTED_BLOCK_INFO blocks = { 16, 4, 3 };
	D3DDDIENCRYPTED_BLOCK_INFO info = blocks;
	const struct cf_device *device = &scene->device;
	uint8_t bytes[CF_KEY], iv[16];
	UINT pitch;

	cf_iv(iv, cf_fresh_iv(cf), 0);
	switch (function) {
	case PITCH:
		return cf_pitch(device, scene->session, scene->inner.h, &pitch);
	case START:
		return cf_start_refresh(device, scene->session, bytes);
	case FINISH:
		return cf_finish_refresh(device, scene->session);
	case READ_BACK_KEY:
		return cf_read_back_key(device, scene->session, bytes);
	case ENCRYPT:
		return cf_encrypt(device, scene->session, &scene->inner, &scene->outer, iv);
	case DECRYPT:
		return cf_decrypt(device, scene->session, &scene->outer, &scene->inner, iv);
	case DECRYPT_PARTIAL:
		return cf_decrypt_with(device, scene->session, &scene->outer, &scene->inner, iv, NULL, &info);
	case DECRYPT_CONTENT_KEY:
		cf_ecb(scene->key, /* encrypt= */ true, cf_key_c, bytes);
		return cf_decrypt_with(device, scene->session, &scene->outer, &scene->inner, iv, bytes, NULL);
	default:
		return E_NOTIMPL;
	}
}

static HRESULT results[OPTIONALS];

/*
 * EncryptionBlt comes last of all: it wants content that this very session and exchange brought. A refresh changes the
 * session key and comes before; the key that then counts is only wanted for the content key, whose value matters not.
 */
static void call_all(struct cf *cf, struct scene *scene)
{
	static const enum optional order[OPTIONALS] = { START,	 FINISH,	DECRYPT_PARTIAL, DECRYPT_CONTENT_KEY,
							DECRYPT, READ_BACK_KEY, ENCRYPT,	 PITCH };

	for (int i = 0; i < OPTIONALS; i++)
		results[order[i]] = call(cf, scene, order[i]);
}

/* Before all that wants a pitch to be set up. */
static HRESULT call_get_pitch(struct cf *cf)
{
	const D3DDDI_SURFACEINFO surface = { .Width = 32, .Height = 16 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = &surface,
		.SurfCount = 1,
		.MipLevels = 1,
		.Flags = { .RestrictedContent = 1 },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	struct cf_device device = cf_device(cf);
	const HANDLE session = cf_session(cf, &device);
	HANDLE resource;
	UINT pitch;

	CF_NEED(cf, cf_create_resource(cf, &device, &arg, &resource));
	return cf_pitch(&device, session, resource, &pitch);
}

static void optional_functions_work_or_say_so(struct cf *cf)
{
	struct scene scene;
	HRESULT hr;

	(void)cf_caps(cf);
	hr = call_get_pitch(cf);
	if (!CF_TRUE(cf, "CAP-31", hr == S_OK || hr == D3DDDIERR_NOTAVAILABLE, "GetPitch, called rightly, answered %s",
		     cf_code_name(cf, hr)))
		return;
	set_up(cf, &scene);
	call_all(cf, &scene);
	for (int i = PITCH; i <= DECRYPT; i++)
		CF_TRUE(cf, "CAP-31", results[i] == S_OK || results[i] == D3DDDIERR_NOTAVAILABLE,
			"%s, called rightly, answered %s", optional[i].name, cf_code_name(cf, results[i]));
}

/* The code for what DecryptionBlt itself refuses is our choice; that it refuses is not. */
static void judge_bit(struct cf *cf, const char *rule, enum optional function)
{
	const HRESULT hr = results[function];

	if (cf_has(cf, optional[function].caps))
		CF_TRUE(cf, rule, hr != D3DDDIERR_NOTAVAILABLE, "Caps is 0x%x, but %s answered %s", cf_caps(cf)->Caps,
			optional[function].name, cf_code_name(cf, hr));
	else if (function > DECRYPT)
		CF_FAILS(cf, rule, D3DDDIERR_NOTAVAILABLE, hr);
	else
		CF_TRUE(cf, rule, hr == D3DDDIERR_NOTAVAILABLE, "Caps is 0x%x, but %s answered %s", cf_caps(cf)->Caps,
			optional[function].name, cf_code_name(cf, hr));
}

static void bits_and_functions_agree(struct cf *cf)
{
	struct scene scene;

	set_up(cf, &scene);
	call_all(cf, &scene);
	for (int i = 0; i < OPTIONALS; i++) {
		/* What has no bit may be there or not; what is part of DecryptionBlt cannot be there without it. */
		if (optional[i].caps == 0 || (i > DECRYPT && results[DECRYPT] == D3DDDIERR_NOTAVAILABLE))
			continue;
		judge_bit(cf, "CAP-32", (enum optional)i);
		judge_bit(cf, "CAP-44", (enum optional)i);
	}
}

const struct cf_test cap_tests_functions[] = {
	{ "required-functions", "CAP-29 CAP-30", required_functions_are_there },
	{ "no-content-protection", "CAP-33", no_protection_is_said_one_way_or_the_other },
	{ "optional-functions", "CAP-31", optional_functions_work_or_say_so },
	{ "bits-and-functions", "CAP-32 CAP-44", bits_and_functions_agree },
	{ "optional-functions-none", "CAP-31", optional_functions_work_or_say_so, .variant = 0x05 },
	{ "bits-and-functions-none", "CAP-32 CAP-44", bits_and_functions_agree, .variant = 0x05 },
	{ "bits-and-functions-partial-and-refresh", "CAP-32 CAP-44", bits_and_functions_agree, .variant = 0x2d },
	{ "bits-and-functions-content-key-and-read-back", "CAP-32 CAP-44", bits_and_functions_agree, .variant = 0xd5 },
	{ 0 },
};
