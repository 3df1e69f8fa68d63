/* SPDX-License-Identifier: MIT */
/* A client of the Direct3D 9 DDI with a crypto session, its key and surfaces. */
#include "bench/ddi.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

static void must(const char *call, HRESULT result)
{
	if (result != S_OK)
		bench_fail("%s: 0x%08x", call, (unsigned int)result);
}
#define MUST(call) must(#call, call)

static void set_iv(uint8_t ret[16], uint64_t number)
{
	memset(ret, 0, 16);
	for (unsigned int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(number >> (56 - 8 * i));
}

/* ---- session ---------------------------------------------------------------------------------------------- */

static void wrap_key(struct ddi *ddi)
{
	uint8_t *chain, anchor[4096];
	UINT anchor_size = sizeof(anchor);
	struct trust *trust;
	const char *problem = "";
	size_t size;

	MUST(rt_adapter_certificate(ddi->adapter, D3DDDI_CERTTYPE_CRYPTOSESSION, &chain, &size));
	BENCH_MUST(DxvaultGetRootCertificate(anchor, &anchor_size) == STATUS_SUCCESS);
	if (trust_check(chain, size, anchor, anchor_size, &trust, &problem) < 0)
		bench_fail("%s", problem);
	free(chain);
	BENCH_MUST(RAND_priv_bytes(ddi->key, sizeof(ddi->key)) == 1);
	BENCH_MUST(trust_encrypt(trust, ddi->key, sizeof(ddi->key), ddi->blob) == 0);
	trust_free(trust);
}

void ddi_exchange_once(void *context)
{
	struct ddi *ddi = context;
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = {
		.hCryptoSession = rt_session_handle(ddi->session),
		.DataSize = sizeof(ddi->blob),
		.pData = ddi->blob,
	};

	MUST(ddi->functions->pfnCryptoSessionKeyExchange(ddi->handle, &exchange));
}

void ddi_open(struct ddi *ddi)
{
	*ddi = (struct ddi) { .iv = 1 };
	if (rt_adapter_open(NULL, &ddi->adapter) != S_OK)
		bench_fail("the driver can't be opened: %s", rt_last_error());
	MUST(rt_device_create(ddi->adapter, &ddi->device));
	ddi->functions = rt_device_funcs(ddi->device);
	ddi->handle = rt_device_handle(ddi->device);
	MUST(rt_session_create(ddi->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0, &ddi->session));
	wrap_key(ddi);
	ddi_exchange_once(ddi);
}

void ddi_settle(void)
{
	static const uint32_t types[] = { D3DDDI_CERTTYPE_CRYPTOSESSION, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL };
	struct rt_adapter *adapter;
	uint8_t *chain;
	size_t size;

	MUST(rt_adapter_open(NULL, &adapter));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		MUST(rt_adapter_certificate(adapter, types[i], &chain, &size));
		free(chain);
	}
	rt_adapter_close(adapter);
}

/* ---- surfaces --------------------------------------------------------------------------------------------- */

/* Random bytes, over and over: those of a large surface take longer to draw than to move. */
static void fill(uint8_t *memory, size_t size)
{
	size_t filled = size < 65536 ? size : 65536;

	BENCH_MUST(RAND_bytes(memory, (int)filled) == 1);
	for (; filled < size; filled += filled)
		memcpy(memory + filled, memory, filled < size - filled ? filled : size - filled);
}

/* Twice as wide as high, or square; 2048 x 1536 for the 12 MiB of a large picture. */
static void get_extent(size_t size, struct rt_surface *surface)
{
	uint32_t width = 32;

	if (size % 3 == 0) {
		surface->width = 2048;
		surface->height = (uint32_t)(size / 4 / 2048);
		return;
	}
	while ((size_t)width * width * 4 < size)
		width *= 2;
	surface->width = width;
	surface->height = (uint32_t)(size / 4 / width);
}

void ddi_make_pairs(struct ddi *ddi, size_t size, unsigned int count)
{
	struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8 };

	BENCH_MUST(count <= DDI_PAIRS_MAX);
	get_extent(size, &surface);
	ddi->size = size;
	ddi->count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct ddi_pair *pair = &ddi->pairs[i];
		size_t made;
		uint32_t pitch;

		MUST(rt_resource_create_system(ddi->device, &surface, &pair->memory, &made, &pitch, &pair->system));
		BENCH_MUST(made == size);
		fill(pair->memory, size);
		MUST(rt_resource_create_protected(ddi->device, &surface, (D3DDDI_RESOURCEFLAGS) { .Value = 0 },
						  &pair->protected));
	}
}

void ddi_buffers(const struct ddi *ddi, bool out, struct baseline_copy *ret)
{
	*ret = (struct baseline_copy) { .size = ddi->size, .pairs = ddi->count };
	for (unsigned int i = 0; i < ddi->count; i++) {
		void *memory = baseline_memory(ddi->size);

		ret->from[i] = out ? memory : ddi->pairs[i].memory;
		ret->to[i] = out ? ddi->pairs[i].memory : memory;
	}
}

/* ---- transfers -------------------------------------------------------------------------------------------- */

static void decrypt(struct ddi *ddi, const struct ddi_pair *pair, const uint8_t iv[16])
{
	const D3DDDIARG_DECRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(ddi->session),
		.hSrcResource = rt_resource_handle(pair->system),
		.hDstResource = rt_resource_handle(pair->protected),
		.SrcResourceSize = (UINT)ddi->size,
		.pIV = (void *)(uintptr_t)iv,
	};

	MUST(ddi->functions->pfnDecryptionBlt(ddi->handle, &blt));
}

static void encrypt(struct ddi *ddi, const struct ddi_pair *pair, uint8_t ret_iv[16])
{
	D3DDDIARG_ENCRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(ddi->session),
		.hSrcResource = rt_resource_handle(pair->protected),
		.hDstResource = rt_resource_handle(pair->system),
		.DstResourceSize = (UINT)ddi->size,
	};

	blt.pIV = ret_iv;
	MUST(ddi->functions->pfnEncryptionBlt(ddi->handle, &blt));
}

static struct ddi_pair *next_pair(struct ddi *ddi)
{
	struct ddi_pair *pair = &ddi->pairs[ddi->next];

	ddi->next = (ddi->next + 1) % ddi->count;
	return pair;
}

void ddi_decrypt_once(void *context)
{
	struct ddi *ddi = context;
	struct ddi_pair *pair = next_pair(ddi);

	set_iv(pair->iv, ddi->iv++);
	pair->last = DDI_DECRYPTED;
	decrypt(ddi, pair, pair->iv);
}

void ddi_encrypt_once(void *context)
{
	struct ddi *ddi = context;
	struct ddi_pair *pair = next_pair(ddi);

	pair->last = DDI_ENCRYPTED;
	encrypt(ddi, pair, pair->iv);
}

void ddi_decrypt_queued(void *context)
{
	struct ddi *ddi = context;
	HRESULT results[DDI_PAIRS_MAX];
	UINT done = 0;

	MUST(rt_queue_begin(ddi->device, ddi->count, results));
	for (unsigned int i = 0; i < ddi->count; i++)
		ddi_decrypt_once(ddi);
	MUST(rt_queue_end(ddi->device, &done));
	BENCH_MUST(done == ddi->count);
}

/* ---- the check -------------------------------------------------------------------------------------------- */

static void aes(const EVP_CIPHER *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv, const void *in,
		void *out, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written;

	BENCH_MUST(context && EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, NULL) == 1);
	BENCH_MUST(EVP_CIPHER_CTX_set_padding(context, 0) == 1);
	BENCH_MUST(EVP_CipherUpdate(context, out, &written, in, (int)size) == 1);
	EVP_CIPHER_CTX_free(context);
}

/* It stays the same until a key is exchanged. */
static void get_read_back_key(struct ddi *ddi)
{
	uint8_t wrapped[DDI_KEY];
	D3DDDIARG_GETENCRYPTIONBLTKEY get = {
		.hCryptoSession = rt_session_handle(ddi->session),
		.KeySize = sizeof(wrapped),
	};

	if (ddi->has_read_back)
		return;
	get.pReadBackKey = wrapped;
	MUST(ddi->functions->pfnGetEncryptionBltKey(ddi->handle, &get));
	aes(EVP_aes_128_ecb(), /* encrypts= */ false, ddi->key, NULL, wrapped, ddi->read_back, sizeof(wrapped));
	ddi->has_read_back = true;
}

/* The digest of what is behind the bytes in system memory. */
static void digest_of(const struct ddi *ddi, const struct ddi_pair *pair, const uint8_t *key, uint8_t *room,
		      uint8_t ret[32])
{
	aes(EVP_aes_128_ctr(), /* encrypts= */ false, key, pair->iv, pair->memory, room, ddi->size);
	BENCH_MUST(EVP_Digest(room, ddi->size, ret, NULL, EVP_sha256(), NULL) == 1);
}

static void check_pair(struct ddi *ddi, struct ddi_pair *pair, uint8_t *room)
{
	uint8_t seen[32];

	if (pair->last == DDI_FRESH) {
		set_iv(pair->iv, ddi->iv++);
		decrypt(ddi, pair, pair->iv);
	}
	if (pair->last != DDI_ENCRYPTED) {
		digest_of(ddi, pair, ddi->key, room, pair->digest);
		memset(pair->memory, 0, ddi->size);
		encrypt(ddi, pair, pair->iv);
		pair->last = DDI_ENCRYPTED;
	}
	digest_of(ddi, pair, ddi->read_back, room, seen);
	if (memcmp(seen, pair->digest, sizeof(seen)) != 0)
		bench_fail("a surface does not hold what was put there");
}

void ddi_check(struct ddi *ddi)
{
	uint8_t *room = malloc(ddi->size);

	BENCH_MUST(room);
	get_read_back_key(ddi);
	for (unsigned int i = 0; i < ddi->count; i++)
		check_pair(ddi, &ddi->pairs[i], room);
	free(room);
}
