/* SPDX-License-Identifier: MIT */
/*
 * A provider with keys of all kinds, and pictures that are one tile over and over: leak-scan.sh. Its session key, content
 * key, tile and channel key come from RAND_priv_bytes, in this order (leak-hook.c); the read-back key and the refreshed session
 * key go to the file that is named. Then it does what it is told, a letter a line: w(ork) until the next line, d(rop) all keys
 * and pictures that it has itself, c(lose) the session and channel, q(uit).
 */
#include "runtime/runtime.h"
#include "tools/play_channel.h"

#include <dxvault/dxvault.h>
#include <err.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { KEY = 16, EDGE = 512, SIZE = EDGE * EDGE * 4 };

/* In pages of their own, which are wiped. */
struct secrets {
	uint8_t session[KEY];
	uint8_t content[KEY];
	uint8_t tile[KEY];
	uint8_t read_back[KEY];
	uint8_t clear[SIZE];
};

struct client {
	struct rt_adapter *adapter;
	struct rt_device *device;
	const D3DDDI_DEVICEFUNCS *functions;
	HANDLE handle;
	struct rt_session *session;
	struct play_channel channel;
	struct rt_resource *protected[2]; /* written under the session key, under the content key */
	struct rt_resource *system;
	uint8_t *memory;
	uint8_t wrapped[KEY]; /* the content key */
	uint64_t iv;
	struct secrets *secrets;
};

static void must(const char *what, bool good)
{
	if (!good)
		errx(1, "%s", what);
}
#define MUST(call) must(#call, (call))

static void get_random(uint8_t bytes[KEY])
{
	MUST(RAND_priv_bytes(bytes, KEY) == 1);
}

static void aes(const EVP_CIPHER *cipher, bool encrypts, const uint8_t *key, const uint8_t *iv, const void *in,
		void *out, size_t size)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written;

	MUST(context && EVP_CipherInit_ex2(context, cipher, key, iv, encrypts, NULL) == 1);
	MUST(EVP_CIPHER_CTX_set_padding(context, 0) == 1);
	MUST(EVP_CipherUpdate(context, out, &written, in, (int)size) == 1);
	EVP_CIPHER_CTX_free(context);
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static struct trust *get_trust(struct client *client, uint32_t type)
{
	uint8_t anchor[4096];
	UINT anchor_size = sizeof(anchor);
	const char *problem = "";
	struct trust *trust = NULL;
	uint8_t *chain;
	size_t size;

	MUST(rt_adapter_certificate(client->adapter, type, &chain, &size) == S_OK);
	MUST(DxvaultGetRootCertificate(anchor, &anchor_size) == STATUS_SUCCESS);
	if (trust_check(chain, size, anchor, anchor_size, &trust, &problem) < 0)
		errx(1, "%s", problem);
	free(chain);
	return trust;
}

static void exchange(struct client *client)
{
	struct trust *trust = get_trust(client, D3DDDI_CERTTYPE_CRYPTOSESSION);
	uint8_t blob[TRUST_BLOB_SIZE];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE argument = {
		.hCryptoSession = rt_session_handle(client->session),
		.DataSize = sizeof(blob),
		.pData = blob,
	};

	MUST(trust_encrypt(trust, client->secrets->session, KEY, blob) == 0);
	MUST(client->functions->pfnCryptoSessionKeyExchange(client->handle, &argument) == S_OK);
	trust_free(trust);
}

static void get_read_back(struct client *client, int file)
{
	uint8_t wrapped[KEY];
	D3DDDIARG_GETENCRYPTIONBLTKEY get = {
		.hCryptoSession = rt_session_handle(client->session),
		.pReadBackKey = wrapped,
		.KeySize = sizeof(wrapped),
	};

	MUST(client->functions->pfnGetEncryptionBltKey(client->handle, &get) == S_OK);
	aes(EVP_aes_128_ecb(), /* encrypts= */ false, client->secrets->session, NULL, wrapped,
	    client->secrets->read_back, KEY);
	MUST(write(file, client->secrets->read_back, KEY) == KEY);
}

static void refresh(struct client *client, int file)
{
	uint8_t number[KEY];
	const D3DDDIARG_STARTSESSIONKEYREFRESH start = {
		.hCryptoSession = rt_session_handle(client->session),
		.pRandomNumber = number,
		.RandomNumberSize = sizeof(number),
	};
	const D3DDDIARG_FINISHSESSIONKEYREFRESH finish = { .hCryptoSession = start.hCryptoSession };

	MUST(client->functions->pfnStartSessionKeyRefresh(client->handle, &start) == S_OK);
	MUST(client->functions->pfnFinishSessionKeyRefresh(client->handle, &finish) == S_OK);
	for (size_t i = 0; i < KEY; i++)
		client->secrets->session[i] ^= number[i];
	MUST(write(file, client->secrets->session, KEY) == KEY);
}

/* ---- pictures -------------------------------------------------------------------------------------------- */

static void set_iv(struct client *client, uint8_t ret[KEY])
{
	uint64_t number = ++client->iv;

	memset(ret, 0, KEY);
	for (unsigned int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(number >> (56 - 8 * i));
}

static void put(struct client *client, unsigned int index)
{
	uint8_t iv[KEY];
	const D3DDDIARG_DECRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(client->session),
		.hSrcResource = rt_resource_handle(client->system),
		.hDstResource = rt_resource_handle(client->protected[index]),
		.SrcResourceSize = SIZE,
		.pContentKey = index == 1 ? client->wrapped : NULL,
		.pIV = iv,
	};

	set_iv(client, iv);
	aes(EVP_aes_128_ctr(), /* encrypts= */ true, index == 1 ? client->secrets->content : client->secrets->session,
	    iv, client->secrets->clear, client->memory, SIZE);
	MUST(client->functions->pfnDecryptionBlt(client->handle, &blt) == S_OK);
}

static void get(struct client *client, unsigned int index, uint8_t iv[KEY])
{
	D3DDDIARG_ENCRYPTIONBLT blt = {
		.hCryptoSession = rt_session_handle(client->session),
		.hSrcResource = rt_resource_handle(client->protected[index]),
		.hDstResource = rt_resource_handle(client->system),
		.DstResourceSize = SIZE,
	};

	blt.pIV = iv;
	MUST(client->functions->pfnEncryptionBlt(client->handle, &blt) == S_OK);
}

/* The tile was in both surfaces: else nothing could have been found. */
static void check(struct client *client)
{
	uint8_t *clear = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t iv[KEY];

	MUST(clear != MAP_FAILED);
	for (unsigned int i = 0; i < 2; i++) {
		put(client, i);
		get(client, i, iv);
		aes(EVP_aes_128_ctr(), /* encrypts= */ false, client->secrets->read_back, iv, client->memory, clear,
		    SIZE);
		MUST(memcmp(clear, client->secrets->clear, SIZE) == 0);
	}
	explicit_bzero(clear, SIZE);
	munmap(clear, SIZE);
}

static void work(struct client *client)
{
	struct pollfd item = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t iv[KEY];

	while (poll(&item, 1, 0) == 0) {
		for (unsigned int i = 0; i < 2; i++) {
			put(client, i);
			get(client, i, iv);
		}
	}
}

/* ---- all of it ------------------------------------------------------------------------------------------- */

static void open_all(struct client *client, const char *path)
{
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = EDGE, .height = EDGE };
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct trust *trust;
	uint32_t pitch;
	void *memory;
	size_t size;

	client->secrets = mmap(NULL, sizeof(*client->secrets), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
	MUST(file >= 0 && client->secrets != MAP_FAILED);
	MUST(rt_adapter_open(NULL, &client->adapter) == S_OK);
	MUST(rt_device_create(client->adapter, &client->device) == S_OK);
	client->functions = rt_device_funcs(client->device);
	client->handle = rt_device_handle(client->device);
	MUST(rt_session_create(client->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0, &client->session) ==
	     S_OK);
	get_random(client->secrets->session);
	get_random(client->secrets->content);
	get_random(client->secrets->tile);
	exchange(client);
	get_read_back(client, file);
	refresh(client, file);
	trust = get_trust(client, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL);
	MUST(play_channel_open(&client->channel, client->functions, client->handle, trust));
	trust_free(trust);
	MUST(rt_resource_create_system(client->device, &surface, &memory, &size, &pitch, &client->system) == S_OK);
	MUST(size == SIZE);
	client->memory = memory;
	for (unsigned int i = 0; i < 2; i++)
		MUST(rt_resource_create_protected(client->device, &surface, (D3DDDI_RESOURCEFLAGS) { .Value = 0 },
						  &client->protected[i]) == S_OK);
	aes(EVP_aes_128_ecb(), /* encrypts= */ true, client->secrets->session, NULL, client->secrets->content,
	    client->wrapped, KEY);
	for (size_t i = 0; i < SIZE; i += KEY)
		memcpy(client->secrets->clear + i, client->secrets->tile, KEY);
	close(file);
}

/* What the service must keep to itself from here on: an opener of objects, for the log. */
static void tell(struct client *client, const char *what)
{
	UINT64 token = 0;

	MUST(DxvaultGetProcessToken(&token) == STATUS_SUCCESS);
	printf("%s token %llu session %u\n", what, (unsigned long long)token,
	       client->session ? (unsigned int)rt_session_kernel_handle(client->session) : 0);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct client client;
	char line[8];

	if (argc != 2)
		errx(2, "wrong use");
	/* For comparison with the service, the same user may look: Yama would forbid that on some systems. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	open_all(&client, argv[1]);
	check(&client);
	tell(&client, "ready");
	while (read(STDIN_FILENO, line, 2) == 2 && line[0] != 'q') {
		if (line[0] == 'w') {
			tell(&client, "working");
			work(&client);
		} else if (line[0] == 'd') {
			explicit_bzero(client.secrets, sizeof(*client.secrets));
			tell(&client, "dropped");
		} else if (line[0] == 'c') {
			play_channel_close(&client.channel);
			for (unsigned int i = 0; i < 2; i++)
				rt_resource_close(client.protected[i]);
			rt_session_close(client.session);
			client.session = NULL;
			tell(&client, "closed");
		}
	}
	return 0;
}
