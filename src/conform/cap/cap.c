/* SPDX-License-Identifier: MIT */
/* Queries and what else the tests of caps.md share. */
#include "conform/cap/cap.h"
#include "runtime/runtime_internal.h"

#include <dlfcn.h>
#include <string.h>

const GUID cap_zero_guid = { 0 };
const GUID cap_unknown_guid = { 0x6f1d0c2a, 0x3b54, 0x4e8f, { 0x91, 0x07, 0xd2, 0x5c, 0x7e, 0x4a, 0x83, 0x16 } };
const GUID cap_mpeg2_idct = { 0x1b81be6a, 0xa0c7, 0x11d3, { 0xb9, 0x84, 0x00, 0xc0, 0x4f, 0x2e, 0x73, 0xc5 } };

HRESULT cap_query(struct cf *cf, UINT type, void *info, void *data, UINT size)
{
	D3DDDIARG_GETCAPS arg = { .Type = (D3DDDICAPS_TYPE)type, .pInfo = info, .pData = data, .DataSize = size };

	return cf_get_caps(cf, &arg);
}

HRESULT cap_pair(struct cf *cf, const GUID *type, const GUID *profile, D3DCONTENTPROTECTIONCAPS *ret)
{
	DDICONTENTPROTECTIONCAPS pair = { .CryptoType = *type, .DecodeProfile = *profile };

	return cap_query(cf, D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, ret, sizeof(*ret));
}

DDICERTIFICATEINFO cap_certificate_info(UINT type, UINT channel, const GUID *crypto_type)
{
	return (DDICERTIFICATEINFO) {
		.CertificateType = (D3DDDI_CERTIFICATETYPE)type,
		.ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)channel,
		.CryptoSessionType = *crypto_type,
	};
}

void cap_require_certificate(struct cf *cf)
{
	if (memcmp(&cf_caps(cf)->KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		cf_skip(cf, "its key exchange for AES128_CTR is not RSAES_OAEP, so there need be no certificate");
}

cap_open_fn cap_open_adapter(struct cf *cf)
{
	void *symbol = dlsym(cf_adapter(cf)->library, "OpenAdapter");

	if (!symbol)
		cf_give_up(cf, "OpenAdapter: %s", dlerror());
	return (cap_open_fn)(uintptr_t)symbol;
}
