/* SPDX-License-Identifier: MIT */
/* An application's side of an authenticated channel: its key, its numbers, and which answers it believes. */
#include "tools/channel.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	KEY_SIZE = 16,
	KEY_PAGE = 4096,
	FIRST_NUMBER_BITS = 30, /* leaves most of the numbers to be used */
	STEP_BITS = 14,
};

/* What a tag covers begins behind it, and an answer's header is the same for commands and queries. */
#define COVERED sizeof(D3D_OMAC)
typedef D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT answer_header;
static_assert(offsetof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT, ConfigureType) == COVERED, "AC-055");
static_assert(offsetof(answer_header, QueryType) == COVERED, "AC-058");
static_assert(sizeof(answer_header) == sizeof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT) &&
		      offsetof(answer_header, QueryType) ==
			      offsetof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT, ConfigureType) &&
		      offsetof(answer_header, ReturnCode) ==
			      offsetof(D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT, ReturnCode),
	      "one header");

struct channel {
	const D3DDDI_DEVICEFUNCS *funcs;
	HANDLE device;
	HANDLE handle;
	uint8_t *key; /* KEY_PAGE bytes */
	bool is_locked;
	uint64_t next_command; /* above UINT32_MAX: used up */
	uint64_t next_query;
	HRESULT code;
};

/* ---- the key ------------------------------------------------------------------------------------------- */

static bool key_allocate(struct channel *channel)
{
	void *page = mmap(NULL, KEY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	if (madvise(page, KEY_PAGE, MADV_DONTDUMP) < 0 || madvise(page, KEY_PAGE, MADV_WIPEONFORK) < 0) {
		munmap(page, KEY_PAGE);
		return false;
	}
	channel->is_locked = mlock2(page, KEY_PAGE, 0) == 0;
	channel->key = page;
	return true;
}

static void key_free(struct channel *channel)
{
	if (!channel->key)
		return;
	explicit_bzero(channel->key, KEY_PAGE);
	munmap(channel->key, KEY_PAGE);
	channel->key = NULL;
}

/* The tag of a message, over all that follows its first 16 bytes (AC-053 to AC-059). */
static bool make_tag(const struct channel *channel, const void *message, size_t size, uint8_t tag[D3D_OMAC_SIZE])
{
	const uint8_t *bytes = message;
	size_t written = 0;

	return EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, channel->key, KEY_SIZE, bytes + COVERED,
			 size - COVERED, tag, D3D_OMAC_SIZE, &written) &&
	       written == D3D_OMAC_SIZE;
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static enum channel_result refused(struct channel *channel, HRESULT code)
{
	channel->code = code;
	return CHANNEL_REFUSED;
}

/*
 * What the call returned is the word of whoever stands between; it is believed only where it is a refusal, which nobody
 * gains anything by. All else is in the answer, under the tag.
 */
static enum channel_result judge(struct channel *channel, HRESULT returned, const answer_header *answer, size_t size,
				 const GUID *type, UINT number)
{
	uint8_t tag[D3D_OMAC_SIZE];

	if (returned != S_OK)
		return refused(channel, returned);
	if (!make_tag(channel, answer, size, tag))
		return CHANNEL_FAILED;
	if (CRYPTO_memcmp(tag, answer->omac.Omac, sizeof(tag)) != 0)
		return CHANNEL_FORGED;
	if (memcmp(&answer->QueryType, type, sizeof(*type)) != 0 || answer->hChannel != channel->handle ||
	    answer->SequenceNumber != number)
		return CHANNEL_FOREIGN;
	return answer->ReturnCode == S_OK ? CHANNEL_OK : refused(channel, answer->ReturnCode);
}

static enum channel_result send_command(struct channel *channel, D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT *input,
					size_t size, UINT number)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT output = { 0 };
	D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL argument = {
		.InputSize = (UINT)size,
		.pInputData = input,
		.pOutputData = &output,
	};
	GUID type = input->ConfigureType;
	HRESULT returned;

	channel->code = S_OK;
	if (!channel->key)
		return CHANNEL_FAILED;
	input->hChannel = channel->handle;
	input->SequenceNumber = number;
	if (!make_tag(channel, input, size, input->omac.Omac))
		return CHANNEL_FAILED;
	returned = channel->funcs->pfnConfigureAuthenticatedChannel(channel->device, &argument);
	return judge(channel, returned, (const answer_header *)(const void *)&output, sizeof(output), &type, number);
}

/* ---- the channel ------------------------------------------------------------------------------------------ */

HRESULT channel_create(const D3DDDI_DEVICEFUNCS *funcs, HANDLE device, DDIAUTHENTICATEDCHANNELTYPE type,
		       struct channel **ret)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL argument = { .ChannelType = type };
	struct channel *channel;
	HRESULT result;

	if (!funcs->pfnCreateAuthenticatedChannel || !funcs->pfnAuthenticatedChannelKeyExchange ||
	    !funcs->pfnConfigureAuthenticatedChannel || !funcs->pfnQueryAuthenticatedChannel ||
	    !funcs->pfnDestroyAuthenticatedChannel)
		return D3DDDIERR_NOTAVAILABLE;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		return E_OUTOFMEMORY;
	result = funcs->pfnCreateAuthenticatedChannel(device, &argument);
	if (result != S_OK) {
		free(channel);
		return FAILED(result) ? result : E_FAIL;
	}
	channel->funcs = funcs;
	channel->device = device;
	channel->handle = argument.hChannel;
	*ret = channel;
	return S_OK;
}

void channel_destroy(struct channel *channel)
{
	if (!channel)
		return;
	(void)channel->funcs->pfnDestroyAuthenticatedChannel(
		channel->device, &(D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL) { .hChannel = channel->handle });
	key_free(channel);
	free(channel);
}

enum channel_result channel_exchange(struct channel *channel, struct trust *trust)
{
	D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE argument = {
		.hChannel = channel->handle,
		.DataSize = TRUST_BLOB_SIZE,
	};
	uint8_t blob[TRUST_BLOB_SIZE];
	HRESULT result;

	channel->code = S_OK;
	if (channel->key || !key_allocate(channel))
		return CHANNEL_FAILED;
	if (RAND_priv_bytes(channel->key, KEY_SIZE) != 1 || trust_encrypt(trust, channel->key, KEY_SIZE, blob) < 0) {
		key_free(channel);
		return CHANNEL_FAILED;
	}
	argument.pData = blob;
	result = channel->funcs->pfnAuthenticatedChannelKeyExchange(channel->device, &argument);
	if (result == S_OK)
		return CHANNEL_OK;
	key_free(channel);
	return refused(channel, result);
}

bool channel_key_is_locked(const struct channel *channel)
{
	return channel->key && channel->is_locked;
}

static bool random_bits(unsigned int bits, uint64_t *ret)
{
	uint32_t value;

	if (RAND_bytes((unsigned char *)&value, sizeof(value)) != 1)
		return false;
	*ret = value & ((UINT32_C(1) << bits) - 1);
	return true;
}

enum channel_result channel_initialize(struct channel *channel)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGUREINITIALIZE command = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_INITIALIZE,
	};
	uint64_t first_command, first_query;
	enum channel_result result;

	channel->code = S_OK;
	if (!random_bits(FIRST_NUMBER_BITS, &first_command) || !random_bits(FIRST_NUMBER_BITS, &first_query))
		return CHANNEL_FAILED;
	command.StartSequenceConfigure = (UINT)first_command;
	command.StartSequenceQuery = (UINT)first_query;
	result = send_command(channel, &command.Parameters, sizeof(command), /* number= */ 0);
	if (result == CHANNEL_OK) {
		channel->next_command = first_command;
		channel->next_query = first_query;
	}
	return result;
}

enum channel_result channel_command(struct channel *channel, D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT *input,
				    size_t size)
{
	channel->code = S_OK;
	if (channel->next_command > UINT32_MAX)
		return CHANNEL_FAILED;
	return send_command(channel, input, size, (UINT)channel->next_command++);
}

enum channel_result channel_query(struct channel *channel, D3DAUTHENTICATEDCHANNEL_QUERY_INPUT *input,
				  size_t input_size, D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT *output, size_t output_size)
{
	D3DDDIARG_QUERYAUTHENTICATEDCHANNEL argument = {
		.InputSize = (UINT)input_size,
		.pInputData = input,
		.OutputSize = (UINT)output_size,
		.pOutputData = output,
	};
	GUID type = input->QueryType;
	enum channel_result result;
	uint64_t step;
	UINT number;

	/* An answer that the driver does not write must not be one that it wrote before. */
	memset(output, 0, output_size);
	channel->code = S_OK;
	if (!channel->key || !random_bits(STEP_BITS, &step) || channel->next_query + step > UINT32_MAX)
		return CHANNEL_FAILED;
	number = (UINT)(channel->next_query + step);
	channel->next_query += step + 1;
	input->hChannel = channel->handle;
	input->SequenceNumber = number;
	result = judge(channel, channel->funcs->pfnQueryAuthenticatedChannel(channel->device, &argument), output,
		       output_size, &type, number);
	if (result != CHANNEL_OK)
		memset(output, 0, output_size);
	return result;
}

HRESULT channel_code(const struct channel *channel)
{
	return channel->code;
}
