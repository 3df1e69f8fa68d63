/* SPDX-License-Identifier: MIT */
/* GETCERTIFICATESIZE and GETCERTIFICATE as queries: CAP-64 to CAP-72. */
#include "conform/cap/cap.h"

#include <openssl/x509.h>
#include <string.h>

enum {
	CHANNEL = 1,
	SESSION = 2,
	CHANNEL_API = 1,
	CHANNEL_SOFTWARE = 2,
	CHANNEL_HARDWARE = 3,
	BEHIND = 16,
	LIMIT = 1 << 20
};

static HRESULT query_size(struct cf *cf, DDICERTIFICATEINFO info, UINT *ret)
{
	return cap_query(cf, D3DDDICAPS_GETCERTIFICATESIZE, &info, ret, sizeof(*ret));
}

static HRESULT query_bytes(struct cf *cf, DDICERTIFICATEINFO info, void *ret, UINT size)
{
	return cap_query(cf, D3DDDICAPS_GETCERTIFICATE, &info, ret, size);
}

static DDICERTIFICATEINFO for_sessions(void)
{
	return cap_certificate_info(SESSION, CHANNEL_SOFTWARE, &D3DCRYPTOTYPE_AES128_CTR);
}

static UINT need_size(struct cf *cf)
{
	UINT size = 0;

	cap_require_certificate(cf);
	CF_NEED(cf, query_size(cf, for_sessions(), &size));
	if (size == 0 || size > LIMIT)
		cf_give_up(cf, "the certificate has %u bytes", size);
	return size;
}

/* One of two, filled. A test that ends early leaves nothing behind. */
static uint8_t *room(unsigned int number, uint8_t fill)
{
	static _Alignas(16) uint8_t rooms[2][LIMIT + BEHIND];

	memset(rooms[number], fill, sizeof(rooms[number]));
	return rooms[number];
}

static void size_is_a_number(struct cf *cf)
{
	UINT answer[2] = { 0, 0xc3c3c3c3 };

	cap_require_certificate(cf);
	if (!CF_OK(cf, "CAP-64", query_size(cf, for_sessions(), answer)))
		return;
	CF_TRUE(cf, "CAP-64", answer[0] > 0, "the size is 0");
	CF_TRUE(cf, "CAP-64", answer[1] == 0xc3c3c3c3, "more than 32 bits were written");
}

static void size_wants_the_same_condition(struct cf *cf)
{
	UINT size = 77;

	cap_require_certificate(cf);
	CF_DECIDED(cf, "CAP-65", E_INVALIDARG, cap_query(cf, D3DDDICAPS_GETCERTIFICATESIZE, NULL, &size, sizeof(size)));
	CF_TRUE_DECIDED(cf, "CAP-65", size == 77, "a refused query wrote the size %u", size);
}

static void bytes_fill_the_buffer(struct cf *cf)
{
	const UINT size = need_size(cf);
	uint8_t *first = room(0, 0x00), *second = room(1, CAP_FILL);

	if (!CF_OK(cf, "CAP-66", query_bytes(cf, for_sessions(), first, size)) ||
	    !CF_OK(cf, "CAP-66", query_bytes(cf, for_sessions(), second, size)))
		return;
	CF_BYTES(cf, "CAP-66", first, second, size,
		 "the certificate in a buffer filled with 0x00 and in one filled with 0xc3");
	CF_TRUE(cf, "CAP-66", cf_is_all(second + size, BEHIND, CAP_FILL), "more than %u bytes were written", size);
	CF_TRUE(cf, "CAP-66", !cf_is_all(second, size, CAP_FILL), "nothing was written");

	memset(second, CAP_FILL, size + BEHIND);
	CF_DECIDED(cf, "CAP-67", E_INVALIDARG, query_bytes(cf, for_sessions(), second, size - 1));
	CF_DECIDED(cf, "CAP-67", E_INVALIDARG, query_bytes(cf, for_sessions(), second, 0));
	CF_TRUE_DECIDED(cf, "CAP-67", cf_is_all(second, size + BEHIND, CAP_FILL),
			"a query with too small a buffer wrote into it");
	CF_DECIDED(cf, "CAP-67", S_OK, query_bytes(cf, for_sessions(), second, size + BEHIND));
	CF_TRUE_DECIDED(cf, "CAP-67", cf_is_all(second + size, BEHIND, CAP_FILL),
			"bytes behind the certificate in a larger buffer were written");
}

/* What the restart of a service changes is for tests/system/service.sh to see. */
static void the_same_each_time(struct cf *cf)
{
	const UINT size = need_size(cf);
	uint8_t *first = room(0, 0), *second = room(1, 0);
	struct cf_device device = cf_device(cf);
	HANDLE session = cf_session(cf, &device);
	uint8_t key[CF_KEY];
	UINT again = 0;

	CF_OK(cf, "CAP-68", query_bytes(cf, for_sessions(), first, size));
	cf_key(68, key);
	CF_NEED(cf, cf_exchange(cf, &device, session, key));
	CF_OK(cf, "CAP-68", query_size(cf, for_sessions(), &again));
	CF_TRUE(cf, "CAP-68", again == size, "the size was %u and is %u", size, again);
	CF_OK(cf, "CAP-68", query_bytes(cf, for_sessions(), second, size));
	CF_BYTES(cf, "CAP-68", first, second, size, "the certificate when it is asked for again");
}

/* ---- which certificate ---------------------------------------------------------------------------------------- */

/* Both queries answer alike; what is refused writes nothing. */
static void check_refused(struct cf *cf, const char *rule, bool page, HRESULT want, DDICERTIFICATEINFO info)
{
	_Alignas(16) uint8_t room[4096];
	UINT size = 77;
	HRESULT hr;

	memset(room, CAP_FILL, sizeof(room));
	hr = query_size(cf, info, &size);
	if (page)
		CF_FAILS(cf, rule, want, hr);
	else
		CF_DECIDED(cf, rule, want, hr);
	hr = query_bytes(cf, info, room, sizeof(room));
	if (page)
		CF_FAILS(cf, rule, want, hr);
	else
		CF_DECIDED(cf, rule, want, hr);
	CF_TRUE_DECIDED(cf, rule, size == 77 && cf_is_all(room, sizeof(room), CAP_FILL),
			"a refused query wrote an answer");
}

static void types_of_certificate(struct cf *cf)
{
	UINT plain = need_size(cf), size = 0;

	check_refused(cf, "CAP-69", false, E_INVALIDARG, cap_certificate_info(0, 2, &D3DCRYPTOTYPE_AES128_CTR));
	check_refused(cf, "CAP-69", false, E_INVALIDARG, cap_certificate_info(3, 2, &D3DCRYPTOTYPE_AES128_CTR));
	/* The member that CertificateType does not select. */
	CF_DECIDED(cf, "CAP-69", S_OK,
		   query_size(cf, cap_certificate_info(SESSION, 0x5a5a5a5a, &D3DCRYPTOTYPE_AES128_CTR), &size));
	CF_TRUE_DECIDED(cf, "CAP-69", size == plain, "the size is %u, and with another ChannelType %u", plain, size);
	if (query_size(cf, cap_certificate_info(CHANNEL, CHANNEL_SOFTWARE, &D3DCRYPTOTYPE_AES128_CTR), &plain) == S_OK)
		CF_DECIDED(cf, "CAP-69", S_OK,
			   query_size(cf, cap_certificate_info(CHANNEL, CHANNEL_SOFTWARE, &cap_unknown_guid), &size));
}

static void no_certificate_for_the_api_channel(struct cf *cf)
{
	(void)cf_caps(cf);
	check_refused(cf, "CAP-70", true, D3DDDIERR_NOTAVAILABLE,
		      cap_certificate_info(CHANNEL, CHANNEL_API, &D3DCRYPTOTYPE_AES128_CTR));
}

static bool is_x509(const uint8_t *bytes, UINT size)
{
	const unsigned char *at = bytes;
	X509 *certificate = d2i_X509(NULL, &at, (long)size);
	const bool parsed = certificate != NULL;

	X509_free(certificate);
	return parsed;
}

static void driver_channels(struct cf *cf)
{
	UINT size = 0;
	uint8_t *bytes;
	HRESULT hr;

	(void)cf_caps(cf);
	for (UINT channel = CHANNEL_SOFTWARE; channel <= CHANNEL_HARDWARE; channel++) {
		const DDICERTIFICATEINFO info = cap_certificate_info(CHANNEL, channel, &D3DCRYPTOTYPE_AES128_CTR);

		hr = query_size(cf, info, &size);
		CF_DECIDED(cf, "CAP-71", channel == CHANNEL_SOFTWARE ? S_OK : D3DDDIERR_NOTAVAILABLE, hr);
		if (hr != S_OK)
			continue;
		if (size > LIMIT)
			cf_give_up(cf, "channel %u's certificate has %u bytes", channel, size);
		bytes = room(0, 0);
		CF_OK(cf, "CAP-71", query_bytes(cf, info, bytes, size));
		CF_TRUE(cf, "CAP-71", is_x509(bytes, size), "channel %u's %u bytes are no X.509 certificate", channel,
			size);
	}
	check_refused(cf, "CAP-71", false, D3DDDIERR_NOTAVAILABLE,
		      cap_certificate_info(CHANNEL, CHANNEL_HARDWARE, &D3DCRYPTOTYPE_AES128_CTR));
}

static void crypto_types(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps;
	UINT size = 0;

	(void)cf_caps(cf);
	CF_DECIDED(cf, "CAP-72", S_OK, query_size(cf, for_sessions(), &size));
	check_refused(cf, "CAP-72", false, D3DDDIERR_NOTAVAILABLE,
		      cap_certificate_info(SESSION, CHANNEL_SOFTWARE, &cap_unknown_guid));
	check_refused(cf, "CAP-72", false, D3DDDIERR_NOTAVAILABLE,
		      cap_certificate_info(SESSION, CHANNEL_SOFTWARE, &cap_zero_guid));
	if (cap_pair(cf, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid, &caps) != S_OK)
		check_refused(cf, "CAP-72", false, D3DDDIERR_NOTAVAILABLE,
			      cap_certificate_info(SESSION, CHANNEL_SOFTWARE, &D3DCRYPTOTYPE_PROPRIETARY));
}

const struct cf_test cap_tests_certificate[] = {
	{ "certificate-size", "CAP-64", size_is_a_number },
	{ "certificate-size-condition", "CAP-65", size_wants_the_same_condition },
	{ "certificate-bytes", "CAP-66 CAP-67", bytes_fill_the_buffer },
	{ "certificate-again", "CAP-68", the_same_each_time },
	{ "certificate-types", "CAP-69", types_of_certificate },
	{ "certificate-api-channel", "CAP-70", no_certificate_for_the_api_channel },
	{ "certificate-driver-channels", "CAP-71", driver_channels },
	{ "certificate-crypto-types", "CAP-72", crypto_types },
	{ 0 },
};
