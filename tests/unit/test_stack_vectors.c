/* SPDX-License-Identifier: MIT */
/* Vectors through the DDI: SP 800-38A, RFC 4493, an OAEP block encoded elsewhere, and those of authenticated channels. */
#include "channel_vectors.h"
#include "kernel_fixture_stack.h"
#include "umd/umd_internal.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static const char NIST_KEY[] = "2b7e151628aed2a6abf7158809cf4f3c";
static const char NIST_TEXT[] = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51"
				"30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";

/* The numbers, and the test configuration, for which the vectors were made. */
static int setup(void **state)
{
	struct kmd_config driver;
	const struct ik_options options = { .real_driver = true, .driver = &driver };
	struct ik *ik;

	kmd_config_default(&driver);
	driver.first.channel = T_CHANNEL;
	driver.first.device = T_DEVICE;
	driver.first.output = T_OUTPUT;
	driver.outputs = 1;
	driver.has_decode = true;
	ik = ik_start(&options);
	ik_process(ik);
	*state = ik;
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static uint64_t be64(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

/* ciphertext goes in by DecryptionBlt under key and counter block; what then lies in the protected surface comes back. */
static void decrypt(struct st *st, struct rt_session *session, const uint8_t key[16], const uint8_t counter[16],
		    const uint8_t *ciphertext, uint8_t *ret, UINT size)
{
	const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, size / 4, 1);
	struct st_system system = st_system(st, &surface);
	struct rt_resource *protected = st_protected(st, &surface, /* shared= */ false);

	assert_int_equal(system.size, size);
	memcpy(system.memory, ciphertext, size);
	assert_int_equal(st_decrypt(st, rt_session_handle(session), system.handle, rt_resource_handle(protected), size,
				    be64(counter), be64(counter + 8), /* info= */ NULL),
			 S_OK);
	assert_int_equal(st_read(st, session, key, rt_resource_handle(protected), &system, ret, size), S_OK);
	rt_resource_close(protected);
	rt_resource_close(system.resource);
}

/* SP 800-38A F.5.2: CTR-AES128.Decrypt; and F.5.1 is the same the other way, so the text as "ciphertext" gives the other. */
static void sp_800_38a(void **state) /* BLT-01, BLT-03 */
{
	static const char cipher_hex[] = "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff"
					 "5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee";
	uint8_t key[16], counter[16], text[64], cipher[64], got[64];
	struct rt_session *session;
	struct st st;

	(void)state;
	st_hex(NIST_KEY, key, sizeof(key));
	st_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff", counter, sizeof(counter));
	st_hex(NIST_TEXT, text, sizeof(text));
	st_hex(cipher_hex, cipher, sizeof(cipher));
	st_open(&st);
	for (int way = 0; way < 2; way++) {
		session = st_session(&st);
		assert_int_equal(st_exchange(&st, session, key), S_OK);
		decrypt(&st, session, key, counter, way ? text : cipher, got, sizeof(got));
		assert_memory_equal(got, way ? cipher : text, sizeof(got));
		rt_session_close(session);
	}
	st_close(&st);
}

/* AES of one block by the driver: the key stream of the counter block that is the input. Each a session: IVs must grow. */
static void driver_aes(struct st *st, const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
	static const uint8_t zero[16];
	struct rt_session *session = st_session(st);

	assert_int_equal(st_exchange(st, session, key), S_OK);
	decrypt(st, session, key, in, zero, out, 16);
	rt_session_close(session);
}

static void rfc_4493(void **state) /* BLT-03, BLT-05, BLT-06 */
{
	static const struct {
		size_t size;
		const char *tag;
	} examples[] = {
		{ 0, "bb1d6929e95937287fa37d129b756746" },
		{ 16, "070a16b46b4d4144f79bdd9dd04a287c" },
		{ 40, "dfa66747de9ae63030ca32611497c827" },
		{ 64, "51f0bebf7e3b9d92fc49741779363cfe" },
	};
	uint8_t key[16], block[16] = { 0 }, expected[16], text[64], subkeys[2][16];
	struct st st;

	(void)state;
	st_hex(NIST_KEY, key, sizeof(key));
	st_hex(NIST_TEXT, text, sizeof(text));
	st_hex("fbeed618357133667c85e08f7236a8de", subkeys[0], 16);
	st_hex("f7ddac306ae266ccf90bc11ee46d513b", subkeys[1], 16);
	st_open(&st);
	driver_aes(&st, key, block, block);
	st_hex("7df76b0c1ab899b33e42f047b91b546f", expected, sizeof(expected));
	assert_memory_equal(block, expected, 16);

	for (size_t e = 0; e < sizeof(examples) / sizeof(examples[0]); e++) {
		const size_t size = examples[e].size, blocks = size == 0 ? 1 : (size + 15) / 16;
		const uint8_t *subkey = subkeys[size == 0 || size % 16 != 0];
		uint8_t padded[64] = { 0 };

		memcpy(padded, text, size);
		if (size < blocks * 16)
			padded[size] = 0x80;
		for (int i = 0; i < 16; i++)
			padded[(blocks - 1) * 16 + i] ^= subkey[i];
		memset(block, 0, sizeof(block));
		for (size_t b = 0; b < blocks; b++) {
			for (int i = 0; i < 16; i++)
				block[i] ^= padded[b * 16 + i];
			driver_aes(&st, key, block, block);
		}
		st_hex(examples[e].tag, expected, sizeof(expected));
		assert_memory_equal(block, expected, 16);
	}
	st_close(&st);
}

/* T8 of constants-channel.md: the encoded message is fixed, and only raised to the leaf's exponent here. */
static void an_oaep_block_from_elsewhere(void **state) /* CS-31, CS-32 */
{
	uint8_t encoded[256], blob[256], text[64], cipher[64], got[64], counter[16];
	struct rt_session *session;
	EVP_PKEY_CTX *context;
	size_t size, chain_size;
	const uint8_t *der;
	X509 *leaf;
	uint8_t *chain;
	struct st st;

	(void)state;
	st_hex(T8_ENCODED, encoded, sizeof(encoded));
	st_open(&st);
	assert_int_equal(rt_adapter_certificate(st.adapter, D3DDDI_CERTTYPE_CRYPTOSESSION, &chain, &chain_size), S_OK);
	der = chain;
	leaf = d2i_X509(NULL, &der, (long)chain_size);
	assert_non_null(leaf);
	session = st_session(&st);

	/* One byte of it changed is no OAEP block any more; the genuine one works after it. */
	for (int attempt = 0; attempt < 2; attempt++) {
		encoded[255] ^= attempt == 0;
		context = EVP_PKEY_CTX_new(X509_get0_pubkey(leaf), NULL);
		size = sizeof(blob);
		assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
		assert_true(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0);
		assert_int_equal(EVP_PKEY_encrypt(context, blob, &size, encoded, sizeof(encoded)), 1);
		EVP_PKEY_CTX_free(context);
		assert_int_equal(st_exchange_blob(&st, rt_session_handle(session), blob),
				 attempt == 0 ? E_INVALIDARG : S_OK);
		encoded[255] ^= attempt == 0;
	}
	X509_free(leaf);
	free(chain);

	/* The message in it was ST_K. */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7);
	st_iv(counter, 1, 0);
	st_ctr(ST_K, counter, text, cipher, sizeof(text));
	decrypt(&st, session, ST_K, counter, cipher, got, sizeof(got));
	assert_memory_equal(got, text, sizeof(text));
	st_close(&st);
}

/* ---- channels ------------------------------------------------------------------------------------------------ */

static UINT hex_size(const char *hex)
{
	UINT digits = 0;

	for (; *hex; hex++)
		digits += *hex != ' ';
	return digits / 2;
}

struct channel_call {
	const char *input, *output;
	UINT output_size; /* of a query; 0: a command */
	HRESULT result;
};

/* The output's bytes, and no others: neither behind what is written nor behind the buffer (AC-079, AC-096). */
static void channel_call(struct st *st, const struct channel_call *call, bool in_place)
{
	const UINT input_size = hex_size(call->input), written = hex_size(call->output);
	uint8_t input[72], output[96], wanted[96], *out = in_place ? input : output;
	HRESULT hr;

	st_hex(call->input, input, input_size);
	memset(output, 0xfd, sizeof(output));
	memcpy(wanted, out, in_place ? sizeof(input) : sizeof(output));
	if (in_place)
		st_hex(call->input, wanted, input_size);
	st_hex(call->output, wanted, written);
	if (call->output_size == 0)
		hr = st_channel_configure(st, input, input_size, out);
	else
		hr = st_channel_query(st, input, input_size, out, call->output_size);
	assert_int_equal(hr, call->result);
	assert_memory_equal(out, wanted, in_place ? input_size : sizeof(output));
}

static void open_channel(struct st *st)
{
	uint8_t blob[256];
	HANDLE channel;

	st_open(st);
	assert_int_equal(st_channel(st, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel), S_OK);
	assert_true((uintptr_t)channel == T_CHANNEL);
	st_blob(st, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, ST_K, blob);
	assert_int_equal(st_channel_exchange(st, channel, blob), S_OK);
}

static void channel_vectors(
	void **state) /* AC-055 to AC-060, AC-072 to AC-079, AC-096, AC-097, AC-101, AC-107, AC-108 */
{
	static const struct channel_call calls[] = {
		{ T1_IN, T1_OUT, 0, S_OK },	     { T2_IN, T2_OUT, 0, S_OK },
		{ T3_IN, T3_OUT, 0, E_INVALIDARG },  { T2_IN, T3B_OUT, 0, E_INVALIDARG },
		{ T4_IN, T4_OUT, 56, S_OK },	     { T5_IN, T5_OUT, 56, S_OK },
		{ T6_IN, T6_OUT, 64, E_INVALIDARG }, { T4_IN, T6B_OUT, 56, E_INVALIDARG },
	};
	struct st st;

	(void)state;
	open_channel(&st);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		channel_call(&st, &calls[i], /* in_place= */ false);
	st_close(&st);
}

static void channel_vectors_in_place(void **state) /* AC-056, AC-082: and padding that is not zero */
{
	static const struct channel_call calls[] = {
		{ T1_IN, T1_OUT, 0, S_OK },
		{ T2B_IN, T2_OUT, 0, S_OK },
		{ T3_IN, T3_OUT, 0, E_INVALIDARG },
		{ T2_IN, T3B_OUT, 0, E_INVALIDARG },
	};
	struct st st;

	(void)state;
	open_channel(&st);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		channel_call(&st, &calls[i], /* in_place= */ true);
	st_close(&st);
}

/* The user-mode driver gives out the handle of the vector. */
static HANDLE session_of_the_vector(const struct st *st)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	const uint64_t base = umd_handle_base;

	assert_int_equal(st->funcs->pfnCreateCryptoSession(st->handle, &arg), S_OK);
	umd_handle_base += T_SESSION - ((uintptr_t)arg.hCryptoSession + 16);
	arg.DecodeProfile = drv_test_profiles[0];
	assert_int_equal(st->funcs->pfnCreateCryptoSession(st->handle, &arg), S_OK);
	umd_handle_base = base;
	assert_true((uintptr_t)arg.hCryptoSession == T_SESSION);
	return arg.hCryptoSession;
}

static HANDLE decode_device(const struct st *st)
{
	DXVADDI_CONFIGPICTUREDECODE config = { 0 };
	D3DDDIARG_CREATEDECODEDEVICE arg = { .pGuid = &drv_test_profiles[0], .pConfig = &config };
	HANDLE decode = NULL;
	DXVADDI_PRIVATEDATA room = { .pData = &decode, .DataSize = sizeof(decode) };
	D3DDDIARG_DECODEEXTENSIONEXECUTE get = { .Function = DXVA2_DECODE_GET_DRIVER_HANDLE, .pPrivateOutput = &room };

	assert_int_equal(st->funcs->pfnCreateDecodeDevice(st->handle, &arg), S_OK);
	get.hDecode = arg.hDecode;
	assert_int_equal(st->funcs->pfnDecodeExtensionExecute(st->handle, &get), S_OK);
	return decode;
}

static void tie(struct st *st, HANDLE decode, HANDLE session)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURECRYPTOSESSION input = {
		.Parameters = {
			.ConfigureType = D3DAUTHENTICATEDCONFIGURE_CRYPTOSESSION,
			.hChannel = (HANDLE)(uintptr_t)T_CHANNEL,
			.SequenceNumber = 0x10000002,
		},
		.DXVA2DecodeHandle = decode,
		.CryptoSessionHandle = session,
		.DeviceHandle = (HANDLE)(uintptr_t)T_DEVICE,
	};
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT output;

	st_tag(ST_K, &input.Parameters.ConfigureType, sizeof(input) - sizeof(input.Parameters.omac),
	       input.Parameters.omac.Omac);
	assert_int_equal(st_channel_configure(st, &input, sizeof(input), &output), S_OK);
}

/* AC-058, AC-060, AC-099, AC-147 to AC-150: all of the vectors in their order, the one about an output among them. */
static void channel_vectors_with_an_output(void **state)
{
	static const struct channel_call calls[] = {
		{ T4_IN, T4_OUT, 56, S_OK },
		{ T5_IN, T5_OUT, 56, S_OK },
		{ T7_IN, T7_OUT, 80, S_OK },
		{ T6_IN, T6_OUT, 64, E_INVALIDARG },
	};
	static const struct channel_call before[] = { { T1_IN, T1_OUT, 0, S_OK }, { T2_IN, T2_OUT, 0, S_OK } };
	HANDLE session;
	struct st st;

	(void)state;
	open_channel(&st);
	session = session_of_the_vector(&st);
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		channel_call(&st, &before[i], /* in_place= */ false);
	tie(&st, decode_device(&st), session);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		channel_call(&st, &calls[i], /* in_place= */ false);
	st_close(&st);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(sp_800_38a),
		CASE(rfc_4493),
		CASE(an_oaep_block_from_elsewhere),
		CASE(channel_vectors),
		CASE(channel_vectors_in_place),
		CASE(channel_vectors_with_an_output),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
