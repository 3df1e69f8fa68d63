/* SPDX-License-Identifier: MIT */
/* The man in the middle: numbers in messages, tags, what kinds of messages there are, and a notebook of ties. */
#include "mutants_ac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

UINT ac_u32(const uint8_t *bytes, size_t offset)
{
	UINT value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

UINT64 ac_u64(const uint8_t *bytes, size_t offset)
{
	UINT64 value;

	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

void ac_put_u32(uint8_t *bytes, size_t offset, UINT value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

void ac_put_u64(uint8_t *bytes, size_t offset, UINT64 value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

void ac_mac(const uint8_t key[AC_KEY], const void *data, size_t size, uint8_t ret[AC_TAG])
{
	static EVP_MAC *algorithm;
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char[]) { "AES-128-CBC" }, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *context;

	if (!algorithm)
		algorithm = EVP_MAC_fetch(NULL, "CMAC", NULL);
	context = algorithm ? EVP_MAC_CTX_new(algorithm) : NULL;
	if (!context || EVP_MAC_init(context, key, AC_KEY, parameters) != 1 ||
	    EVP_MAC_update(context, data, size) != 1 || EVP_MAC_final(context, ret, NULL, AC_TAG) != 1)
		abort();
	EVP_MAC_CTX_free(context);
}

/* ---- what there is ---------------------------------------------------------------------------------------------- */

struct kind {
	const GUID *type;
	bool is_command;
	UINT input_size, output_size;
};

static const struct kind *kind_of(bool is_command, const GUID *type)
{
	static const struct kind kinds[] = {
		{ AC_CFG(INITIALIZE), true, 56, 48 },
		{ AC_CFG(PROTECTION), true, 56, 48 },
		{ AC_CFG(CRYPTOSESSION), true, 72, 48 },
		{ AC_CFG(SHAREDRESOURCE), true, 72, 48 },
		{ AC_CFG(ENCRYPTIONWHENACCESSIBLE), true, 64, 48 },
		{ AC_QRY(PROTECTION), false, 32, 56 },
		{ AC_QRY(CHANNELTYPE), false, 32, 56 },
		{ AC_QRY(DEVICEHANDLE), false, 32, 56 },
		{ AC_QRY(CRYPTOSESSION), false, 40, 72 },
		{ AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESSCOUNT), false, 32, 56 },
		{ AC_QRY(RESTRICTEDSHAREDRESOURCEPROCESS), false, 40, 64 },
		{ AC_QRY(UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT), false, 32, 56 },
		{ AC_QRY(OUTPUTIDCOUNT), false, 48, 72 },
		{ AC_QRY(OUTPUTID), false, 56, 80 },
		{ AC_QRY(ACCESSIBILITYATTRIBUTES), false, 32, 64 },
		{ AC_QRY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT), false, 32, 56 },
		{ AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID), false, 40, 72 },
		{ AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE), false, 32, 64 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].is_command == is_command && memcmp(kinds[i].type, type, sizeof(*type)) == 0)
			return &kinds[i];
	}
	return NULL;
}

UINT ac_input_size(bool is_command, const GUID *type)
{
	const struct kind *kind = kind_of(is_command, type);

	return kind ? kind->input_size : 0;
}

UINT ac_output_size(bool is_command, const GUID *type)
{
	const struct kind *kind = kind_of(is_command, type);

	return kind ? kind->output_size : 0;
}

bool ac_is(const struct ac_call *call, const GUID *type)
{
	return memcmp(&call->type, type, sizeof(*type)) == 0;
}

bool ac_answer_with(struct ac_call *call, HRESULT result)
{
	memset(call->answer, 0, sizeof(call->answer));
	call->result = result;
	return true;
}

/* ---- ties ------------------------------------------------------------------------------------------------------- */

struct ac_tie ac_ties[AC_TIES];

struct ac_tie *ac_tie_of(UINT64 decode)
{
	for (size_t i = 0; i < AC_TIES; i++) {
		if (ac_ties[i].decode == 0)
			ac_ties[i].decode = decode;
		if (ac_ties[i].decode == decode)
			return &ac_ties[i];
	}
	return &ac_ties[0];
}

void ac_note_tie(struct ac_call *call)
{
	const UINT64 decode = ac_u64(call->input, AC_HEADER);

	if (call->step == AC_ACCEPTED && call->result == S_OK && call->is_command && ac_is(call, AC_CFG(CRYPTOSESSION)))
		*ac_tie_of(decode) = (struct ac_tie) {
			.decode = decode,
			.session = ac_u64(call->input, AC_HEADER + 8),
			.owner = call->channel,
		};
}
