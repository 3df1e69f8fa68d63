/* SPDX-License-Identifier: MIT */
/* A worker of the fault campaign: pictures into protected surfaces and out again, onto a screen where there is one. */
#include "torture/worker.h"

#include "tools/trust.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SURFACES = 4, KEY = 16, SIDE = 64, LARGE_SIDE = 512, TURNS = 40, COUNT_BITS = 18 };

/* A surface of each kind; what is in the protected one is picture number, if it is not 0. */
struct pair {
	struct rt_resource *system;
	struct rt_resource *protected;
	uint8_t *memory;
	uint32_t number;
};

struct client {
	struct rt_adapter *adapter;
	struct rt_device *device;
	const D3DDDI_DEVICEFUNCS *functions;
	HANDLE handle;
	struct rt_session *session;
	uint64_t losses; /* the fence's value before there was the key */
	uint64_t next_iv;
	uint8_t key[KEY];
	uint8_t read_back[KEY];
	uint32_t side;
	size_t size;
	struct pair pairs[SURFACES];
	uint8_t *plain[SURFACES]; /* what was put there */
	uint8_t *room;
	bool has_screen;
};

static uint32_t next_number; /* of pictures of this process */

static bool keys_are_lost(const struct client *client)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };

	if (!client->session)
		return false;
	query.hHandle = rt_session_kernel_handle(client->session);
	return D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS ||
	       query.Status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID ||
	       *rt_session_fence_value(client->session) != client->losses;
}

static bool aes(const EVP_CIPHER *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv, const void *in,
		void *out, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written = 0;
	bool good = context && EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, NULL) == 1 &&
		    EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
		    EVP_CipherUpdate(context, out, &written, in, (int)size) == 1;

	EVP_CIPHER_CTX_free(context);
	return good;
}

/* ---- from nothing to a key -------------------------------------------------------------------------------- */

static enum outcome wrap_key(struct client *client, uint8_t blob[TRUST_BLOB_SIZE])
{
	struct trust *trust;
	enum outcome outcome = worker_trust(client->adapter, D3DDDI_CERTTYPE_CRYPTOSESSION, "the certificate", &trust);
	bool good;

	if (outcome != DONE)
		return outcome;
	good = RAND_priv_bytes(client->key, KEY) == 1 && trust_encrypt(trust, client->key, KEY, blob) == 0;
	trust_free(trust);
	return good ? DONE : worker_no_memory("wrapping a key");
}

/* CS-13: also after a loss, on the same session. */
static enum outcome give_key(struct client *client)
{
	uint8_t blob[TRUST_BLOB_SIZE], wrapped[KEY];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { rt_session_handle(client->session), sizeof(blob), blob };
	D3DDDIARG_GETENCRYPTIONBLTKEY get = { rt_session_handle(client->session), wrapped, KEY };
	enum outcome outcome = wrap_key(client, blob);

	if (outcome != DONE)
		return outcome;
	client->losses = *rt_session_fence_value(client->session);
	outcome = TRY("CryptoSessionKeyExchange",
		      client->functions->pfnCryptoSessionKeyExchange(client->handle, &exchange), false);
	if (outcome != DONE)
		return outcome;
	outcome = TRY("GetEncryptionBltKey", client->functions->pfnGetEncryptionBltKey(client->handle, &get),
		      keys_are_lost(client));
	if (outcome == DONE && !aes(EVP_aes_128_ecb(), false, client->key, NULL, wrapped, client->read_back, KEY))
		return worker_no_memory("the read-back key");
	return outcome;
}

static enum outcome open_surface(struct client *client, struct pair *pair, uint8_t **ret_plain)
{
	struct rt_surface surface = {
		.format = D3DDDIFMT_A8R8G8B8, .width = client->side, .height = client->side, .refresh_rate = { 25, 1 }
	};
	enum outcome outcome;
	uint32_t pitch;
	void *memory;
	size_t size;

	outcome = TRY("CreateResource",
		      rt_resource_create_system(client->device, &surface, &memory, &size, &pitch, &pair->system),
		      false);
	if (outcome != DONE)
		return outcome;
	if (size != client->size || pitch != client->side * 4)
		worker_fail("a surface of %zu bytes and pitch %u", size, pitch);
	pair->memory = memory;
	outcome = TRY("CreateResource, protected",
		      rt_resource_create_protected(client->device, &surface, (D3DDDI_RESOURCEFLAGS) { .Value = 0 },
						   &pair->protected),
		      false);
	*ret_plain = malloc(size);
	if (outcome == DONE && !*ret_plain)
		return worker_no_memory("a picture");
	return outcome;
}

static enum outcome open_client(struct client *client)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	enum outcome outcome;

	outcome = TRY("OpenAdapter", rt_adapter_open(NULL, &client->adapter), false);
	if (outcome == DONE)
		outcome = TRY("CreateDevice", rt_device_create(client->adapter, &client->device), false);
	if (outcome != DONE)
		return outcome;
	client->functions = rt_device_funcs(client->device);
	client->handle = rt_device_handle(client->device);
	outcome = TRY(
		"CreateCryptoSession",
		rt_session_create(client->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0, &client->session),
		false);
	if (outcome == DONE)
		outcome = TRY_KMT("DxvaultQueryService", DxvaultQueryService(&info));
	client->has_screen = info.HasScreen != 0;
	client->side = worker_random(4) == 0 ? LARGE_SIDE : SIDE;
	client->size = (size_t)client->side * client->side * 4;
	client->room = malloc(client->size);
	if (outcome == DONE && !client->room)
		outcome = worker_no_memory("a picture");
	for (int i = 0; outcome == DONE && i < SURFACES; i++)
		outcome = open_surface(client, &client->pairs[i], &client->plain[i]);
	return outcome == DONE ? give_key(client) : outcome;
}

static void close_client(struct client *client)
{
	for (int i = 0; i < SURFACES; i++) {
		rt_resource_close(client->pairs[i].protected);
		rt_resource_close(client->pairs[i].system);
		free(client->plain[i]);
	}
	free(client->room);
	worker_begin("closing");
	rt_session_close(client->session);
	rt_device_close(client->device);
	rt_adapter_close(client->adapter);
	worker_end();
}

/* ---- pictures ------------------------------------------------------------------------------------------------ */

static uint32_t present_count(uint32_t number)
{
	return (worker.number + 1) << COUNT_BITS | number % (1u << COUNT_BITS);
}

/* Each picture is another one: what is shown or read back is this picture or none. */
static void draw(const struct client *client, uint8_t *picture, uint32_t number)
{
	uint64_t state = (uint64_t)getpid() << 32 | number;

	for (size_t i = 0; i < client->size; i += sizeof(state)) {
		state = state * 6364136223846793005 + 1442695040888963407;
		memcpy(picture + i, &state, sizeof(state));
	}
}

static bool prepare(struct client *client, int index, uint8_t iv[KEY])
{
	uint64_t number = ++client->next_iv;

	client->pairs[index].number = 0;
	memset(iv, 0, KEY);
	for (int i = 0; i < 8; i++)
		iv[i] = (uint8_t)(number >> (56 - 8 * i));
	next_number++;
	draw(client, client->plain[index], next_number);
	return aes(EVP_aes_128_ctr(), true, client->key, iv, client->plain[index], client->pairs[index].memory,
		   client->size);
}

static HRESULT decrypt(const struct client *client, int index, const uint8_t iv[KEY])
{
	const D3DDDIARG_DECRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(client->session),
		.hSrcResource = rt_resource_handle(client->pairs[index].system),
		.hDstResource = rt_resource_handle(client->pairs[index].protected),
		.SrcResourceSize = (UINT)client->size,
		.pIV = (void *)(uintptr_t)iv,
	};

	return client->functions->pfnDecryptionBlt(client->handle, &blt);
}

static enum outcome put(struct client *client, int index)
{
	uint8_t iv[KEY];
	HRESULT result;
	enum outcome outcome;

	if (!prepare(client, index, iv))
		return worker_no_memory("encrypting");
	result = TIMED("DecryptionBlt", decrypt(client, index, iv));
	outcome = worker_judge("DecryptionBlt", result, result != S_OK && keys_are_lost(client));
	if (outcome == DONE)
		client->pairs[index].number = next_number;
	return outcome;
}

static enum outcome put_all(struct client *client)
{
	HRESULT results[SURFACES] = { 0 };
	uint8_t iv[SURFACES][KEY];
	uint32_t numbers[SURFACES];
	enum outcome outcome;
	HRESULT result;
	UINT done = 0;

	outcome = TRY("BeginQueue", rt_queue_begin(client->device, SURFACES, results), false);
	for (int i = 0; outcome == DONE && i < SURFACES; i++) {
		if (!prepare(client, i, iv[i]))
			outcome = worker_no_memory("encrypting");
		numbers[i] = next_number;
		if (outcome != DONE)
			break;
		result = TIMED("queued DecryptionBlt", decrypt(client, i, iv[i]));
		outcome = worker_judge("queued DecryptionBlt", result, result != S_OK && keys_are_lost(client));
	}
	result = TIMED("EndQueue", rt_queue_end(client->device, &done));
	if (outcome != DONE)
		return outcome;
	for (UINT i = 0; i < done && i < SURFACES; i++) {
		if (results[i] == S_OK)
			client->pairs[i].number = numbers[i];
	}
	return worker_judge("EndQueue", result, result != S_OK && keys_are_lost(client));
}

static HRESULT copy_out(struct client *client, const char *name, const struct pair *pair, void *iv)
{
	D3DDDIARG_ENCRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(client->session),
		.hSrcResource = rt_resource_handle(pair->protected),
		.hDstResource = rt_resource_handle(pair->system),
		.DstResourceSize = (UINT)client->size,
		.pIV = iv,
	};

	return TIMED(name, client->functions->pfnEncryptionBlt(client->handle, &blt));
}

/* What comes out is what went in, or nothing comes out. */
static enum outcome get(struct client *client, int index)
{
	struct pair *pair = &client->pairs[index];
	uint8_t iv[KEY] = { 0 };
	enum outcome outcome;
	HRESULT result;

	if (pair->number == 0)
		return DONE;
	result = copy_out(client, "EncryptionBlt", pair, iv);
	outcome = worker_judge("EncryptionBlt", result, result != S_OK && keys_are_lost(client));
	if (outcome != DONE)
		return outcome;
	if (!aes(EVP_aes_128_ctr(), false, client->read_back, iv, pair->memory, client->room, client->size))
		return worker_no_memory("decrypting");
	if (memcmp(client->room, client->plain[index], client->size) != 0)
		worker_fail("a wrong picture: %u was read back, and is not what was put there", pair->number);
	worker.page->pictures++;
	return DONE;
}

static struct rt_present describe(const struct client *client, uint32_t number)
{
	return (struct rt_present) {
		.source = { 0, 0, (LONG)client->side, (LONG)client->side },
		.destination = { 0, 0, (LONG)client->side, (LONG)client->side },
		.count = present_count(number),
		.duration = 1,
	};
}

/* Said before it is handed over: a screen may show it even if this process is killed now. */
static enum outcome show(struct client *client, int index)
{
	struct pair *pair = &client->pairs[index];
	struct rt_present present = describe(client, pair->number);
	uint8_t digest[EVP_MAX_MD_SIZE];
	enum outcome outcome;
	char text[96];
	HRESULT result;
	int size;

	if (!client->has_screen || pair->number == 0)
		return DONE;
	if (EVP_Digest(client->plain[index], client->size, digest, NULL, EVP_md5(), NULL) != 1)
		return worker_no_memory("a checksum");
	size = snprintf(text, sizeof(text), "%u ", present.count);
	for (int i = 0; i < 16; i++)
		size += snprintf(text + size, sizeof(text) - (size_t)size, "%02x", digest[i]);
	text[size++] = '\n';
	if (write(worker.shown, text, (size_t)size) != size)
		worker_fail("the list of pictures can't be written");
	result = TIMED("Present", rt_present(client->device, pair->protected, &present));
	/* D3DDDIERR codes have none for a picture that is lost (BLT-123). */
	if (result == E_FAIL && keys_are_lost(client))
		result = D3DDDIERR_INVALIDCALL;
	outcome = worker_judge("Present", result, result != S_OK && keys_are_lost(client));
	worker.page->shown += outcome == DONE;
	return outcome;
}

/* BLT-123: of before the loss nothing comes out any more, whatever the new key. */
static void check_wiped(struct client *client)
{
	for (int i = 0; i < SURFACES; i++) {
		struct pair *pair = &client->pairs[i];
		uint8_t iv[KEY] = { 0 };
		struct rt_present present;
		HRESULT result;

		if (pair->number == 0)
			continue;
		result = copy_out(client, "EncryptionBlt after a loss", pair, iv);
		if (result == S_OK &&
		    aes(EVP_aes_128_ctr(), false, client->read_back, iv, pair->memory, client->room, client->size) &&
		    memcmp(client->room, client->plain[i], client->size) == 0)
			worker_fail("a wrong picture: %u outlived the loss of its key", pair->number);
		present = describe(client, pair->number);
		if (TIMED("Present after a loss", rt_present(client->device, pair->protected, &present)) == S_OK)
			worker_fail("a wrong picture: %u was shown after the loss of its key", pair->number);
		pair->number = 0;
	}
}

static enum outcome turn(struct client *client)
{
	int index = (int)worker_random(SURFACES);
	enum outcome outcome;

	outcome = worker_random(4) == 0 ? put_all(client) : put(client, index);
	if (outcome == DONE)
		outcome = get(client, index);
	if (outcome == DONE)
		outcome = show(client, index);
	if (outcome == KEYLESS) {
		/* Surfaces that were not written since hold what the lost key brought. */
		outcome = give_key(client);
		if (outcome == DONE)
			check_wiped(client);
		else if (outcome == KEYLESS)
			outcome = DONE; /* lost again: the next turn finds it */
	}
	return outcome;
}

enum outcome work_pictures(void)
{
	struct client client = { 0 };
	enum outcome outcome = open_client(&client);

	for (int i = 0; (outcome == DONE || outcome == KEYLESS) && i < TURNS && worker_goes_on(); i++) {
		outcome = turn(&client);
		worker_pause((unsigned int)worker_random(6000));
	}
	close_client(&client);
	return outcome;
}
