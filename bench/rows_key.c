/* SPDX-License-Identifier: MIT */
/* The row of key exchanges, against what costs the time in them: a decryption by an RSA key. */
#include "bench/ddi.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

struct decrypter {
	EVP_PKEY *key;
	uint8_t blob[TRUST_BLOB_SIZE];
};

/* A context for each, as for messages of different senders; OAEP and MGF1 with SHA-512 as CS-31 has them. */
static EVP_PKEY_CTX *open_context(const struct decrypter *decrypter, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(decrypter->key, NULL);

	BENCH_MUST(context && init(context) == 1);
	BENCH_MUST(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1);
	BENCH_MUST(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha512()) == 1);
	return context;
}

static void open_decrypter(struct decrypter *ret)
{
	static const uint8_t secret[DDI_KEY] = { 1 };
	size_t size = sizeof(ret->blob);
	EVP_PKEY_CTX *context;

	ret->key = EVP_RSA_gen(2048);
	BENCH_MUST(ret->key);
	context = open_context(ret, EVP_PKEY_encrypt_init);
	BENCH_MUST(EVP_PKEY_encrypt(context, ret->blob, &size, secret, sizeof(secret)) == 1);
	EVP_PKEY_CTX_free(context);
}

static void decrypt_once(void *argument)
{
	const struct decrypter *decrypter = argument;
	EVP_PKEY_CTX *context = open_context(decrypter, EVP_PKEY_decrypt_init);
	uint8_t payload[TRUST_BLOB_SIZE];
	size_t size = sizeof(payload);

	BENCH_MUST(EVP_PKEY_decrypt(context, payload, &size, decrypter->blob, sizeof(decrypter->blob)) == 1);
	BENCH_MUST(size == DDI_KEY);
	EVP_PKEY_CTX_free(context);
}

static void run(struct bench_run *run)
{
	static struct ddi ddi;
	struct decrypter decrypter;
	struct bench_loop value = { .once = ddi_exchange_once, .context = &ddi };
	struct bench_loop baseline = { .once = decrypt_once, .context = &decrypter };

	/* It is a round trip too. */
	bench_services_stay(run, BENCH_SERVICE_ALL);
	cf_service_use(bench_service(run, BENCH_SERVICE_ALL));
	ddi_open(&ddi);
	open_decrypter(&decrypter);
	bench_compare(run, &(struct bench_side) { bench_loop_per_second, &value },
		      &(struct bench_side) { bench_loop_per_second, &baseline });
}

const struct bench_row bench_key_rows[] = {
	{ "key.exchange", "/s", "RSA-2048 private decrypts, OAEP with SHA-512", BENCH_AT_LEAST, 0.9,
	  1u << BENCH_SERVICE_ALL, run },
	{ NULL },
};
