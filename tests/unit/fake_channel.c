/* SPDX-License-Identifier: MIT */
/* A driver with one authenticated channel, for tests of an application's side: it keeps the rules, but for what it is told. */
#include "fake_channel.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

/* ---- the driver ------------------------------------------------------------------------------------------- */

struct fake_channel fake_channel;

struct trust *fake_channel_trust;
static EVP_PKEY *leaf_key;

void fake_channel_tag(const uint8_t *key, const uint8_t *message, size_t size, uint8_t *ret)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	char cipher[] = "AES-128-CBC";
	OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string("cipher", cipher, 0), OSSL_PARAM_END };
	size_t written = 0;

	assert_int_equal(EVP_MAC_init(context, key, FAKE_KEY, parameters), 1);
	assert_int_equal(EVP_MAC_update(context, message + FAKE_TAG, size - FAKE_TAG), 1);
	assert_int_equal(EVP_MAC_final(context, ret, &written, FAKE_TAG), 1);
	assert_int_equal(written, FAKE_TAG);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

static HRESULT sign(uint8_t *answer, size_t size)
{
	HRESULT result = fake_channel.signed_refusal;

	if (fake_channel.is_silent)
		return S_OK;
	memcpy(answer + 44, &result, sizeof(result));
	if (result != S_OK)
		memset(answer + FAKE_HEADER, 0, size - FAKE_HEADER);
	if (fake_channel.bend)
		fake_channel.bend(answer, size);
	fake_channel_tag(fake_channel.key, answer, size, answer);
	if (fake_channel.flip >= 0 && (size_t)fake_channel.flip < size * 8)
		answer[fake_channel.flip / 8] ^= (uint8_t)(1 << fake_channel.flip % 8);
	return fake_channel.is_lying ? S_OK : result;
}

static HRESULT APIENTRY fake_create(HANDLE device, D3DDDIARG_CREATEAUTHENTICATEDCHANNEL *data)
{
	(void)device;
	if (fake_channel.create != S_OK)
		return fake_channel.create;
	assert_int_equal(data->ChannelType, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE);
	fake_channel.channel = (HANDLE)(uintptr_t)0x1001;
	data->hChannel = fake_channel.channel;
	return S_OK;
}

static HRESULT APIENTRY fake_exchange(HANDLE device, D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE *data)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, leaf_key, NULL);
	uint8_t plain[256];
	size_t size = sizeof(plain);

	(void)device;
	assert_ptr_equal(data->hChannel, fake_channel.channel);
	assert_int_equal(data->DataSize, 256);
	assert_int_equal(EVP_PKEY_decrypt_init(context), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha512()), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha512()), 1);
	assert_int_equal(EVP_PKEY_decrypt(context, plain, &size, data->pData, data->DataSize), 1);
	EVP_PKEY_CTX_free(context);
	assert_int_equal(size, FAKE_KEY);
	if (fake_channel.exchange != S_OK)
		return fake_channel.exchange;
	assert_false(fake_channel.has_key);
	memcpy(fake_channel.key, plain, FAKE_KEY);
	explicit_bzero(plain, sizeof(plain));
	fake_channel.has_key = true;
	return S_OK;
}

static void obey(const uint8_t *input, UINT size)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT header;

	memcpy(&header, input, sizeof(header));
	if (memcmp(&header.ConfigureType, &D3DAUTHENTICATEDCONFIGURE_INITIALIZE, sizeof(GUID)) == 0) {
		D3DAUTHENTICATEDCHANNEL_CONFIGUREINITIALIZE body;

		assert_int_equal(size, sizeof(body));
		memcpy(&body, input, sizeof(body));
		fake_channel.next_command = body.StartSequenceConfigure;
		fake_channel.next_query = fake_channel.first_query = body.StartSequenceQuery;
		fake_channel.is_initialised = true;
		return;
	}
	assert_true(fake_channel.is_initialised);
	assert_int_equal(header.SequenceNumber, fake_channel.next_command);
	fake_channel.next_command++;
	if (memcmp(&header.ConfigureType, &D3DAUTHENTICATEDCONFIGURE_PROTECTION, sizeof(GUID)) == 0) {
		D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION body;

		assert_int_equal(size, sizeof(body));
		memcpy(&body, input, sizeof(body));
		fake_channel.level = body.Protections.Value;
	} else {
		D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE body;

		assert_memory_equal(&header.ConfigureType, &D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE, sizeof(GUID));
		assert_int_equal(size, sizeof(body));
		memcpy(&body, input, sizeof(body));
		assert_int_equal(body.ProcessIdentiferType, PROCESSIDTYPE_HANDLE);
		assert_true(body.AllowAccess);
		fake_channel.listed = (uintptr_t)body.ProcessHandle;
	}
}

static HRESULT APIENTRY fake_configure(HANDLE device, const D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL *data)
{
	uint8_t tag[FAKE_TAG];
	uint8_t *output = data->pOutputData;

	(void)device;
	fake_channel.commands++;
	if (fake_channel.refusal != S_OK)
		return fake_channel.refusal;
	assert_true(fake_channel.has_key);
	fake_channel_tag(fake_channel.key, data->pInputData, data->InputSize, tag);
	assert_memory_equal(data->pInputData, tag, FAKE_TAG);
	assert_memory_equal((const uint8_t *)data->pInputData + 32, &fake_channel.channel, sizeof(HANDLE));
	if (fake_channel.signed_refusal == S_OK)
		obey(data->pInputData, data->InputSize);
	if (!fake_channel.is_silent)
		memcpy(output + FAKE_TAG, (const uint8_t *)data->pInputData + FAKE_TAG, 28);
	return sign(output, FAKE_HEADER);
}

/* The body of an answer. */
static void fill(const GUID *type, uint8_t *body, UINT input_size, UINT body_size)
{
	const struct {
		const GUID *type;
		UINT size;
		uint64_t value;
	} plain[] = {
		{ &D3DAUTHENTICATEDQUERY_PROTECTION, 8, fake_channel.level },
		{ &D3DAUTHENTICATEDQUERY_CHANNELTYPE, 8, fake_channel.type },
		{ &D3DAUTHENTICATEDQUERY_DEVICEHANDLE, 8, /* the device's id */ 0x2002 },
		{ &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, 8, fake_channel.processes },
		{ &D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, 8, fake_channel.unrestricted },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (memcmp(type, plain[i].type, sizeof(GUID)) != 0)
			continue;
		assert_int_equal(input_size, 32);
		assert_int_equal(body_size, plain[i].size);
		memcpy(body, &plain[i].value, plain[i].size);
		return;
	}
	assert_memory_equal(type, &D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS, sizeof(GUID));
	assert_int_equal(input_size, 40);
	assert_int_equal(body_size, 16);
	body[4] = PROCESSIDTYPE_HANDLE;
	memcpy(body + 8, &fake_channel.listed, 8);
}

static HRESULT APIENTRY fake_query(HANDLE device, const D3DDDIARG_QUERYAUTHENTICATEDCHANNEL *data)
{
	D3DAUTHENTICATEDCHANNEL_QUERY_INPUT input;
	uint8_t *output = data->pOutputData;

	(void)device;
	memcpy(&input, data->pInputData, sizeof(input));
	fake_channel.numbers[fake_channel.queries % 80] = input.SequenceNumber;
	fake_channel.queries++;
	if (fake_channel.refusal != S_OK)
		return fake_channel.refusal;
	assert_true(fake_channel.is_initialised);
	assert_ptr_equal(input.hChannel, fake_channel.channel);
	assert_true(input.SequenceNumber >= fake_channel.next_query); /* AC-046 */
	fake_channel.next_query = (uint64_t)input.SequenceNumber + 1;
	if (!fake_channel.is_silent) {
		memcpy(output + FAKE_TAG, &input, 28);
		memset(output + FAKE_HEADER, 0, data->OutputSize - FAKE_HEADER);
		fill(&input.QueryType, output + FAKE_HEADER, data->InputSize, data->OutputSize - FAKE_HEADER);
	}
	return sign(output, data->OutputSize);
}

static HRESULT APIENTRY fake_destroy(HANDLE device, const D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL *data)
{
	(void)device;
	assert_ptr_equal(data->hChannel, fake_channel.channel);
	fake_channel.channel = NULL;
	return S_OK;
}

const D3DDDI_DEVICEFUNCS fake_channel_funcs = {
	.pfnCreateAuthenticatedChannel = fake_create,
	.pfnAuthenticatedChannelKeyExchange = fake_exchange,
	.pfnQueryAuthenticatedChannel = fake_query,
	.pfnConfigureAuthenticatedChannel = fake_configure,
	.pfnDestroyAuthenticatedChannel = fake_destroy,
};

/* ---- a certificate ------------------------------------------------------------------------------------------ */

static X509 *certify(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(certificate, key);
	if (!issuer) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

		assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
	return certificate;
}

int fake_channel_start(void **state)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-256");
	X509 *root = certify(root_key, "root", NULL, root_key);
	unsigned char chain[8192], *at = chain, *anchor;
	const char *problem;
	X509 *leaf;

	(void)state;
	leaf_key = EVP_RSA_gen(2048);
	leaf = certify(leaf_key, "channel", root, root_key);
	i2d_X509(leaf, &at);
	anchor = at;
	i2d_X509(root, &at);
	assert_int_equal(
		trust_check(chain, (size_t)(at - chain), anchor, (size_t)(at - anchor), &fake_channel_trust, &problem),
		0);
	X509_free(leaf);
	X509_free(root);
	EVP_PKEY_free(root_key);
	return 0;
}

int fake_channel_end(void **state)
{
	(void)state;
	trust_free(fake_channel_trust);
	EVP_PKEY_free(leaf_key);
	return 0;
}

int fake_channel_reset(void **state)
{
	(void)state;
	fake_channel =
		(struct fake_channel) { .flip = -1, .type = D3DAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, .processes = 1 };
	return 0;
}
