/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: the certificate of channels: its two queries, its chain, its key. */
#include "conform/ac/bench.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHANNEL = D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL,
	SESSION = D3DDDI_CERTTYPE_CRYPTOSESSION,
	MOST = 1 << 16,
	BEHIND = 16,
	CERTIFICATES = 8,
};

/* ---- the queries -------------------------------------------------------------------------------------------- */

static HRESULT query(struct cf *cf, D3DDDICAPS_TYPE what, UINT certificate, UINT channel, const GUID *crypto_type,
		     void *data, UINT size)
{
	DDICERTIFICATEINFO info = {
		.CertificateType = (D3DDDI_CERTIFICATETYPE)certificate,
		.ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)channel,
		.CryptoSessionType = *crypto_type,
	};
	D3DDDIARG_GETCAPS arg = { .Type = what, .pInfo = &info, .pData = data, .DataSize = size };

	return cf_get_caps(cf, &arg);
}

static HRESULT query_size(struct cf *cf, UINT channel, UINT *ret)
{
	return query(cf, D3DDDICAPS_GETCERTIFICATESIZE, CHANNEL, channel, &D3DCRYPTOTYPE_AES128_CTR, ret, sizeof(*ret));
}

static HRESULT query_bytes(struct cf *cf, UINT channel, void *ret, UINT size)
{
	return query(cf, D3DDDICAPS_GETCERTIFICATE, CHANNEL, channel, &D3DCRYPTOTYPE_AES128_CTR, ret, size);
}

static UINT need_size(struct cf *cf)
{
	UINT size = 0;

	cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	CF_NEED(cf, query_size(cf, AC_SOFTWARE, &size));
	if (size == 0 || size > MOST)
		cf_give_up(cf, "the certificate has %u bytes", size);
	return size;
}

/* One of two, filled. */
static uint8_t *room(int number)
{
	static _Alignas(16) uint8_t rooms[2][MOST + BEHIND];

	memset(rooms[number], AC_FILL, sizeof(rooms[number]));
	return rooms[number];
}

/* The first thing that this process asks of the driver. */
static void no_channel_is_needed(struct cf *cf)
{
	UINT size = 0;
	HRESULT hr = query_size(cf, AC_SOFTWARE, &size);

	if (hr != S_OK)
		cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	if (!AC_CODE(cf, "AC-019", S_OK, hr) || size > MOST)
		return;
	AC_CODE(cf, "AC-019", S_OK, query_bytes(cf, AC_SOFTWARE, room(0), size));
}

static void size_is_one_number(struct cf *cf)
{
	UINT answer[2] = { 0, 0xc3c3c3c3 };

	cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	AC_CODE(cf, "AC-020", S_OK, query_size(cf, AC_SOFTWARE, answer));
	AC_TRUE(cf, "AC-020", answer[0] > 0, "the size is 0");
	AC_TRUE(cf, "AC-020", answer[1] == 0xc3c3c3c3, "more than 32 bits were written");
	for (UINT size = 0; size < 4; size++) {
		answer[0] = 0xc3c3c3c3;
		AC_CODE(cf, "AC-020", E_INVALIDARG,
			query(cf, D3DDDICAPS_GETCERTIFICATESIZE, CHANNEL, AC_SOFTWARE, &D3DCRYPTOTYPE_AES128_CTR,
			      answer, size));
		AC_TRUE(cf, "AC-020", answer[0] == 0xc3c3c3c3, "a refused query wrote %08x", answer[0]);
	}
	AC_CODE(cf, "AC-020", S_OK,
		query(cf, D3DDDICAPS_GETCERTIFICATESIZE, CHANNEL, AC_SOFTWARE, &D3DCRYPTOTYPE_AES128_CTR, answer,
		      sizeof(answer)));
}

static void the_chain_is_copied(struct cf *cf)
{
	const UINT size = need_size(cf);
	uint8_t *first = room(0), *second = room(1);

	AC_CODE(cf, "AC-021", S_OK, query_bytes(cf, AC_SOFTWARE, first, size));
	AC_TRUE(cf, "AC-021", first[0] == 0x30, "the first byte is %02x, and not that of a certificate", first[0]);
	/* Whatever stood there before. */
	memset(second, 0, size);
	AC_CODE(cf, "AC-021", S_OK, query_bytes(cf, AC_SOFTWARE, second, size));
	AC_BYTES(cf, "AC-021", first, second, size, "the chain in two buffers");
}

static void buffers_of_other_sizes(struct cf *cf)
{
	const UINT size = need_size(cf);
	const UINT small[] = { size - 1, size / 2, 1, 0 };
	uint8_t *bytes = room(0);

	for (size_t i = 0; i < AC_COUNT(small); i++) {
		AC_CODE(cf, "AC-022", E_INVALIDARG, query_bytes(cf, AC_SOFTWARE, bytes, small[i]));
		AC_TRUE(cf, "AC-022", cf_is_all(bytes, size, AC_FILL), "a buffer of %u bytes was written", small[i]);
	}
	AC_CODE(cf, "AC-022", S_OK, query_bytes(cf, AC_SOFTWARE, bytes, size + BEHIND));
	AC_TRUE(cf, "AC-022", !cf_is_all(bytes, size, AC_FILL), "nothing was written");
	AC_TRUE(cf, "AC-022", cf_is_all(bytes + size, BEHIND, AC_FILL), "bytes behind the chain were written");
}

static void the_same_while_the_service_lives(struct cf *cf)
{
	const UINT size = need_size(cf);
	uint8_t *first = room(0), *second = room(1);
	struct cf_device device = cf_device(cf);
	UINT again = 0;

	AC_CODE(cf, "AC-023", S_OK, query_bytes(cf, AC_SOFTWARE, first, size));
	(void)ac_channel_ready(cf, &device, AC_SOFTWARE);
	cf_device_close(cf, &device);
	AC_CODE(cf, "AC-023", S_OK, query_size(cf, AC_SOFTWARE, &again));
	AC_TRUE(cf, "AC-023", again == size, "the size was %u and is %u", size, again);
	AC_CODE(cf, "AC-023", S_OK, query_bytes(cf, AC_SOFTWARE, second, size));
	AC_BYTES(cf, "AC-023", first, second, size, "the chain when it is asked for again");
}

/* ---- which certificate ---------------------------------------------------------------------------------------- */

/* Both queries answer alike, and write nothing. */
static void check_refused(struct cf *cf, const char *rule, HRESULT want, UINT certificate, UINT channel)
{
	uint8_t *bytes = room(0);
	UINT size = 77;
	char text[96];

	snprintf(text, sizeof(text), "GETCERTIFICATESIZE(certificate %u, channel 0x%x)", certificate, channel);
	ac_check_code(cf, rule, want,
		      query(cf, D3DDDICAPS_GETCERTIFICATESIZE, certificate, channel, &D3DCRYPTOTYPE_AES128_CTR, &size,
			    sizeof(size)),
		      text);
	snprintf(text, sizeof(text), "GETCERTIFICATE(certificate %u, channel 0x%x)", certificate, channel);
	ac_check_code(
		cf, rule, want,
		query(cf, D3DDDICAPS_GETCERTIFICATE, certificate, channel, &D3DCRYPTOTYPE_AES128_CTR, bytes, MOST),
		text);
	AC_TRUE(cf, rule, size == 77 && cf_is_all(bytes, MOST, AC_FILL), "a refused query wrote an answer");
}

static void none_for_the_runtimes_own(struct cf *cf)
{
	(void)cf_caps(cf);
	check_refused(cf, "AC-024", D3DDDIERR_NOTAVAILABLE, CHANNEL, D3DAUTHENTICATEDCHANNEL_D3D9);
}

static void none_for_other_types(struct cf *cf)
{
	static const UINT other[] = { 0, 4, 0x102, 0xffffffff };
	UINT size;

	for (UINT type = AC_SOFTWARE; type <= AC_HARDWARE; type++) {
		if (cf_has(cf, type == AC_SOFTWARE ? D3DCPCAPS_SOFTWARE : D3DCPCAPS_HARDWARE))
			AC_CODE(cf, "AC-025", S_OK, query_size(cf, type, &size));
		else
			check_refused(cf, "AC-025", D3DDDIERR_NOTAVAILABLE, CHANNEL, type);
	}
	for (size_t i = 0; i < AC_COUNT(other); i++)
		check_refused(cf, "AC-025", D3DDDIERR_NOTAVAILABLE, CHANNEL, other[i]);
	check_refused(cf, "AC-025", E_INVALIDARG, 0, AC_SOFTWARE);
	check_refused(cf, "AC-025", E_INVALIDARG, 3, AC_SOFTWARE);
	check_refused(cf, "AC-025", E_INVALIDARG, 0xffffffff, AC_SOFTWARE);
}

static void the_crypto_type_is_ignored(struct cf *cf)
{
	const GUID *const types[] = { &ac_random_guid, &ac_no_guid, &D3DCRYPTOTYPE_PROPRIETARY };
	const UINT size = need_size(cf);
	uint8_t *first = room(0), *second = room(1);
	UINT same;

	CF_NEED(cf, query_bytes(cf, AC_SOFTWARE, first, size));
	for (size_t i = 0; i < AC_COUNT(types); i++) {
		same = 0;
		AC_CODE(cf, "AC-026", S_OK,
			query(cf, D3DDDICAPS_GETCERTIFICATESIZE, CHANNEL, AC_SOFTWARE, types[i], &same, sizeof(same)));
		AC_TRUE(cf, "AC-026", same == size, "the size is %u, and with another crypto type %u", size, same);
		memset(second, AC_FILL, size);
		AC_CODE(cf, "AC-026", S_OK,
			query(cf, D3DDDICAPS_GETCERTIFICATE, CHANNEL, AC_SOFTWARE, types[i], second, size));
		AC_BYTES(cf, "AC-026", first, second, size, "the chain with another crypto type");
	}
}

/* ---- the chain -------------------------------------------------------------------------------------------------- */

struct chain {
	const uint8_t *bytes;
	size_t size;
	unsigned int count;
	X509 *certificates[CERTIFICATES];
	size_t end; /* of the last of them */
};

/* As many certificates as stand one after another; gives up where there is none. */
static struct chain read_chain(struct cf *cf, UINT type)
{
	struct chain chain = { 0 };
	const unsigned char *at;

	cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	cf_certificate(cf, type, &chain.bytes, &chain.size);
	at = chain.bytes;
	while (chain.count < CERTIFICATES && at < chain.bytes + chain.size) {
		X509 *certificate = d2i_X509(NULL, &at, (long)(chain.bytes + chain.size - at));

		if (!certificate)
			break;
		chain.certificates[chain.count++] = certificate;
		chain.end = (size_t)(at - chain.bytes);
	}
	if (chain.count == 0)
		cf_give_up(cf, "certificate type %u does not begin with an X.509 certificate", type);
	return chain;
}

static X509 *root_of(const struct chain *chain)
{
	return chain->certificates[chain->count - 1];
}

static void the_leaf_has_an_rsa_key(struct cf *cf)
{
	const struct chain chain = read_chain(cf, CHANNEL);
	EVP_PKEY *key = X509_get0_pubkey(chain.certificates[0]);

	if (AC_TRUE(cf, "AC-027", key && EVP_PKEY_is_a(key, "RSA"), "the leaf has no RSA key"))
		AC_TRUE(cf, "AC-027", EVP_PKEY_get_bits(key) == 2048 && EVP_PKEY_get_size(key) == CF_BLOB,
			"the leaf's key has %d bits", EVP_PKEY_get_bits(key));
}

static void leaf_first_root_last(struct cf *cf)
{
	const struct chain chain = read_chain(cf, CHANNEL);

	AC_TRUE(cf, "AC-028", chain.count >= 2 && chain.end == chain.size, "%u certificates fill %zu of %zu bytes",
		chain.count, chain.end, chain.size);
	for (unsigned int i = 0; i < chain.count; i++) {
		X509 *issuer = chain.certificates[i + 1 < chain.count ? i + 1 : i];

		AC_TRUE(cf, "AC-028",
			X509_NAME_cmp(X509_get_issuer_name(chain.certificates[i]), X509_get_subject_name(issuer)) == 0,
			"certificate %u does not name the next as its issuer, nor the last itself", i);
		AC_TRUE(cf, "AC-028", X509_verify(chain.certificates[i], X509_get0_pubkey(issuer)) == 1,
			"the signature of certificate %u is not by the key of the next", i);
	}
}

/* Whether the leaf leads to that root, the chain's own between them, as an application would ask. */
static bool is_anchored(const struct chain *chain, X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	bool good = store && context && between && X509_STORE_add_cert(store, anchor) == 1;

	for (unsigned int i = 1; i < chain->count && good; i++)
		good = sk_X509_push(between, chain->certificates[i]) > 0;
	good = good && X509_STORE_CTX_init(context, store, chain->certificates[0], between) == 1 &&
	       X509_verify_cert(context) == 1;
	sk_X509_free(between);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return good;
}

static void the_installations_root_is_the_anchor(struct cf *cf)
{
	struct chain chain;
	uint8_t *bytes;
	const unsigned char *at;
	X509 *root;
	UINT size = 0;

	if (!cf_is_dxvault(cf))
		cf_skip(cf, "another driver's root is its vendor's affair");
	chain = read_chain(cf, CHANNEL);
	if (DxvaultGetRootCertificate(NULL, &size) != STATUS_SUCCESS || !(bytes = malloc(size ? size : 1)) ||
	    DxvaultGetRootCertificate(bytes, &size) != STATUS_SUCCESS)
		cf_give_up(cf, "DxvaultGetRootCertificate gives no root");
	at = bytes;
	root = d2i_X509(NULL, &at, (long)size);
	if (!root)
		cf_give_up(cf, "the installation's root is no certificate");
	AC_TRUE(cf, "AC-029", is_anchored(&chain, root), "the chain does not lead to the installation's root");
	X509_free(root);
	free(bytes);
}

/* ---- two leaves, two keys, one root ------------------------------------------------------------------------------ */

static void two_leaves(struct cf *cf)
{
	const struct chain channel = read_chain(cf, CHANNEL), session = read_chain(cf, SESSION);

	AC_TRUE(cf, "AC-030", X509_cmp(channel.certificates[0], session.certificates[0]) != 0,
		"the two leaf certificates are the same");
	AC_TRUE(cf, "AC-030",
		EVP_PKEY_eq(X509_get0_pubkey(channel.certificates[0]), X509_get0_pubkey(session.certificates[0])) != 1,
		"the two leaf certificates have the same key");
	AC_TRUE(cf, "AC-030", X509_cmp(root_of(&channel), root_of(&session)) == 0,
		"the two chains end in different roots");
}

static void a_blob_of_the_other_kind(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	const struct ac_channel channel = ac_channel_new(cf, &device, AC_SOFTWARE);
	const HANDLE session = cf_session(cf, &device);
	uint8_t for_channel[CF_BLOB], for_session[CF_BLOB], key[CF_KEY];

	cf_key(30, key);
	cf_wrap(cf, CHANNEL, key, CF_KEY, for_channel);
	cf_wrap(cf, SESSION, key, CF_KEY, for_session);
	AC_CODE(cf, "AC-030", E_INVALIDARG, ac_exchange_blob(&device, channel.h, for_session));
	AC_CODE(cf, "AC-030", E_INVALIDARG, cf_exchange_blob(&device, session, for_channel));
	AC_CODE(cf, "AC-030", S_OK, ac_exchange_blob(&device, channel.h, for_channel));
	AC_CODE(cf, "AC-030", S_OK, cf_exchange_blob(&device, session, for_session));
}

const struct cf_test ac_tests_certificate[] = {
	{ "channel-certificate-first-of-all", "AC-019", no_channel_is_needed },
	{ "channel-certificate-size", "AC-020", size_is_one_number },
	{ "channel-certificate-bytes", "AC-021", the_chain_is_copied },
	{ "channel-certificate-buffers", "AC-022", buffers_of_other_sizes },
	{ "channel-certificate-again", "AC-023", the_same_while_the_service_lives },
	{ "channel-certificate-api-channel", "AC-024", none_for_the_runtimes_own },
	{ "channel-certificate-types", "AC-025", none_for_other_types },
	{ "channel-certificate-types-both", "AC-025", none_for_other_types, .settings = AC_EVERYTHING },
	{ "channel-certificate-types-hardware", "AC-025", none_for_other_types,
	  .settings = "test-channels = hardware\n" },
	{ "channel-certificate-crypto-type", "AC-026", the_crypto_type_is_ignored },
	{ "channel-certificate-key", "AC-027", the_leaf_has_an_rsa_key },
	{ "channel-certificate-chain", "AC-028", leaf_first_root_last },
	{ "channel-certificate-anchor", "AC-029", the_installations_root_is_the_anchor },
	{ "channel-certificate-two-leaves", "AC-030", two_leaves },
	{ "channel-certificate-two-keys", "AC-030", a_blob_of_the_other_kind },
	{ 0 },
};
