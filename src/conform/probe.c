/* SPDX-License-Identifier: MIT */
/* The first look at a driver, before the tests: is there one, and what does it say of itself. */
#include "conform/probe.h"

#include "runtime/runtime_internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell(struct cf *cf, const char *fact, const char *what)
{
	(void)cf_record_send(cf->socket, &(struct cf_record) { .kind = CF_RECORD_FACT, .call = fact, .got = what });
}

static void tell_file(struct cf *cf, const char *name)
{
	char path[PATH_MAX];

	tell(cf, CF_FACT_DRIVER, realpath(name, path) ? path : name);
}

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ D3DCPCAPS_SOFTWARE, "SOFTWARE" },
	{ D3DCPCAPS_HARDWARE, "HARDWARE" },
	{ D3DCPCAPS_PROTECTIONALWAYSON, "PROTECTIONALWAYSON" },
	{ D3DCPCAPS_PARTIALDECRYPTION, "PARTIALDECRYPTION" },
	{ D3DCPCAPS_CONTENTKEY, "CONTENTKEY" },
	{ D3DCPCAPS_FRESHENSESSIONKEY, "FRESHENSESSIONKEY" },
	{ D3DCPCAPS_ENCRYPTEDREADBACK, "ENCRYPTEDREADBACK" },
	{ D3DCPCAPS_ENCRYPTEDREADBACKKEY, "ENCRYPTEDREADBACKKEY" },
	{ D3DCPCAPS_SEQUENTIAL_CTR_IV, "SEQUENTIAL_CTR_IV" },
	{ D3DCPCAPS_ENCRYPTSLICEDATAONLY, "ENCRYPTSLICEDATAONLY" },
};

static void tell_caps(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps;
	HRESULT hr = cf_caps_try(cf, &caps);
	char text[512];
	size_t at;

	if (hr != S_OK) {
		snprintf(text, sizeof(text), "none: GetCaps answers %s", cf_code_name(cf, hr));
		tell(cf, CF_FACT_CAPS, text);
		return;
	}
	at = (size_t)snprintf(text, sizeof(text), "0x%x", (unsigned int)caps->Caps);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (caps->Caps & names[i].bit && at < sizeof(text))
			at += (size_t)snprintf(text + at, sizeof(text) - at, " %s", names[i].name);
	}
	tell(cf, CF_FACT_CAPS, text);
}

/* An empty structure is a bad argument to all of them, and E_NOTIMPL is no answer to that. */
#define LOOK(name, type)                                                               \
	do {                                                                           \
		type empty = { 0 };                                                    \
                                                                                       \
		if (!device->funcs.pfn##name)                                          \
			tell(cf, CF_FACT_MISSING, #name " (no function)");             \
		else if (device->funcs.pfn##name(device->driver, &empty) == E_NOTIMPL) \
			tell(cf, CF_FACT_MISSING, #name " (E_NOTIMPL)");               \
	} while (0)

static void tell_missing(struct cf *cf)
{
	struct rt_device *device;

	if (rt_device_create(cf_adapter(cf), &device) != S_OK) {
		tell(cf, CF_FACT_MISSING, "CreateDevice (fails)");
		return;
	}
	LOOK(CreateAuthenticatedChannel, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL);
	LOOK(AuthenticatedChannelKeyExchange, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE);
	LOOK(QueryAuthenticatedChannel, D3DDDIARG_QUERYAUTHENTICATEDCHANNEL);
	LOOK(ConfigureAuthenticatedChannel, D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL);
	LOOK(DestroyAuthenticatedChannel, D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL);
	LOOK(CreateCryptoSession, D3DDDIARG_CREATECRYPTOSESSION);
	LOOK(CryptoSessionKeyExchange, D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE);
	LOOK(DestroyCryptoSession, D3DDDIARG_DESTROYCRYPTOSESSION);
	LOOK(EncryptionBlt, D3DDDIARG_ENCRYPTIONBLT);
	LOOK(GetPitch, D3DDDIARG_GETPITCH);
	LOOK(StartSessionKeyRefresh, D3DDDIARG_STARTSESSIONKEYREFRESH);
	LOOK(FinishSessionKeyRefresh, D3DDDIARG_FINISHSESSIONKEYREFRESH);
	LOOK(GetEncryptionBltKey, D3DDDIARG_GETENCRYPTIONBLTKEY);
	LOOK(DecryptionBlt, D3DDDIARG_DECRYPTIONBLT);
}

void cf_probe(struct cf *cf)
{
	const struct link_map *map = NULL;
	const char *why;
	HRESULT hr;

	hr = cf_adapter_try(cf, &cf->adapter, &why);
	if (hr == E_FAIL && strcmp(why, "OpenAdapter failed") != 0) {
		tell(cf, CF_FACT_IMPOSSIBLE, why);
		return;
	}
	if (hr == D3DDDIERR_DEVICEREMOVED) {
		tell(cf, CF_FACT_IMPOSSIBLE, "the service does not answer");
		return;
	}
	if (hr != S_OK) {
		tell(cf, CF_FACT_MISSING, "OpenAdapter (fails)");
		return;
	}
	if (dlinfo(cf->adapter->library, RTLD_DI_LINKMAP, (void *)&map) == 0 && map)
		tell_file(cf, map->l_name);
	tell_caps(cf);
	tell_missing(cf);
}
