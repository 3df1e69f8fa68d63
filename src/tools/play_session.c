/* SPDX-License-Identifier: MIT */
/* The provider before its first picture: driver, certificates, crypto session and authenticated channel. */
#include "tools/command.h"
#include "tools/play_provider.h"
#include "tools/trust.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 16 };

/* What this player trusts: its own copy, if it was given one. */
static int read_anchor(struct provider *provider, uint8_t **ret, size_t *ret_size)
{
	UINT size = 0;

	if (provider->options->trust) {
		if (trust_read_file(provider->options->trust, ret, ret_size) < 0)
			return command_fail("%s is no certificate", provider->options->trust);
		return EXIT_SUCCESS;
	}
	*ret = NULL;
	if (DxvaultGetRootCertificate(NULL, &size) == STATUS_SUCCESS)
		*ret = malloc(size);
	if (!*ret || DxvaultGetRootCertificate(*ret, &size) != STATUS_SUCCESS) {
		free(*ret);
		*ret = NULL;
		return provider_fail_call(provider, "the trust anchor", D3DDDIERR_DEVICEREMOVED);
	}
	*ret_size = size;
	return EXIT_SUCCESS;
}

/* The key of one of the driver's certificates, which must lead to the anchor. */
static int check_certificate(struct provider *provider, uint32_t type, const uint8_t *anchor, size_t anchor_size,
			     struct trust **ret)
{
	const char *problem = "";
	uint8_t *chain = NULL;
	size_t chain_size = 0;
	HRESULT result;
	int checked;

	result = rt_adapter_certificate(provider->adapter, type, &chain, &chain_size);
	if (FAILED(result))
		return provider_fail_call(provider, "the driver's certificate", result);
	checked = trust_check(chain, chain_size, anchor, anchor_size, ret, &problem);
	free(chain);
	return checked < 0 ? provider_stop(provider, command_fail("%s", problem)) : EXIT_SUCCESS;
}

static int check_caps(struct provider *provider)
{
	D3DCONTENTPROTECTIONCAPS caps;
	HRESULT result;

	result = rt_adapter_content_protection_caps(provider->adapter, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, &caps);
	if (FAILED(result))
		return provider_fail_call(provider, "the driver's content protection", result);
	if (memcmp(&caps.KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		return provider_stop(provider, command_fail("the driver has no RSAES-OAEP key exchange"));
	return EXIT_SUCCESS;
}

/* Makes a session key, and gives it to the driver and to this process's cipher. */
static int exchange_key(struct provider *provider, struct trust *trust)
{
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE argument = { .DataSize = TRUST_BLOB_SIZE };
	uint8_t blob[TRUST_BLOB_SIZE];
	uint8_t key[KEY_SIZE];
	HRESULT result;
	bool good;

	good = RAND_priv_bytes(key, sizeof(key)) == 1 && trust_encrypt(trust, key, sizeof(key), blob) == 0;
	EVP_CIPHER_CTX_free(provider->cipher);
	provider->cipher = EVP_CIPHER_CTX_new();
	good = good && provider->cipher &&
	       EVP_EncryptInit_ex2(provider->cipher, EVP_aes_128_ctr(), key, NULL, NULL) == 1;
	explicit_bzero(key, sizeof(key));
	if (!good)
		return provider_stop(provider, command_fail("no session key can be made"));
	argument.hCryptoSession = rt_session_handle(provider->session);
	argument.pData = blob;
	result = rt_device_funcs(provider->device)
			 ->pfnCryptoSessionKeyExchange(rt_device_handle(provider->device), &argument);
	return FAILED(result) ? provider_fail_call(provider, "CryptoSessionKeyExchange", result) : EXIT_SUCCESS;
}

static int open_channel(struct provider *provider, struct trust *trust)
{
	if (!play_channel_open(&provider->channel, rt_device_funcs(provider->device),
			       rt_device_handle(provider->device), trust))
		return provider_fail_channel(provider);
	return EXIT_SUCCESS;
}

/* Session and channel have a certificate each, and both lead to one anchor. */
static int exchange_keys(struct provider *provider)
{
	uint8_t *anchor = NULL;
	size_t anchor_size = 0;
	struct trust *session = NULL;
	struct trust *channel = NULL;
	int code;

	/* Before the key: a loss behind it is then one of this key. */
	provider->losses = *rt_session_fence_value(provider->session);
	code = read_anchor(provider, &anchor, &anchor_size);
	if (code != EXIT_SUCCESS)
		return provider_stop(provider, code);
	code = check_certificate(provider, D3DDDI_CERTTYPE_CRYPTOSESSION, anchor, anchor_size, &session);
	if (code == EXIT_SUCCESS)
		code = check_certificate(provider, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, anchor, anchor_size,
					 &channel);
	if (code == EXIT_SUCCESS)
		code = exchange_key(provider, session);
	if (code == EXIT_SUCCESS)
		code = open_channel(provider, channel);
	trust_free(session);
	trust_free(channel);
	free(anchor);
	return code;
}

int provider_open_session(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	HRESULT result;
	int code;

	result = rt_adapter_open(NULL, &provider->adapter);
	/* Removed while it was opened: where there is a service, there is another one. */
	if (result == D3DDDIERR_DEVICEREMOVED && DxvaultQueryService(&info) == STATUS_SUCCESS)
		provider->can_recover = true;
	if (result == D3DDDIERR_DEVICEREMOVED && provider->processes->service == 0 && !provider->can_recover)
		return provider_stop(provider, command_fail("no service to be had: dxvaultd --foreground tells why"));
	if (FAILED(result) && !provider->can_recover && rt_last_error()[0] && result != D3DDDIERR_DEVICEREMOVED)
		return provider_stop(provider, command_fail("no adapter: %s", rt_last_error()));
	provider->can_recover |= SUCCEEDED(result);
	if (SUCCEEDED(result))
		result = rt_device_create(provider->adapter, &provider->device);
	if (FAILED(result))
		return provider_fail_call(provider, "CreateDevice", result);
	result = rt_session_create(provider->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0,
				   &provider->session);
	if (FAILED(result))
		return provider_fail_call(provider, "CreateCryptoSession", result);
	code = check_caps(provider);
	return code == EXIT_SUCCESS ? exchange_keys(provider) : code;
}

int provider_renew_keys(struct provider *provider)
{
	play_channel_close(&provider->channel);
	return exchange_keys(provider);
}

int provider_admit_presenter(struct provider *provider)
{
	bool done = false;
	int code = EXIT_SUCCESS;

	while (code == EXIT_SUCCESS && provider->presenter == 0)
		code = provider_listen(provider, /* wait= */ true, &done);
	if (code == EXIT_SUCCESS && !play_channel_admit(&provider->channel, provider->presenter))
		code = provider_fail_admission(provider);
	return code;
}
