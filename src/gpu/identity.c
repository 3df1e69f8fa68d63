/* SPDX-License-Identifier: MIT */
/* The device's identity: two RSA keys made anew at each start, their certificates, and what only they can open. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEAF_BITS = GPU_OAEP_SIZE * 8, REST_SECONDS = 3 };

struct leaf {
	bool done; /* the rest is settled, and nobody writes it any more but for the key */
	int error;
	EVP_PKEY *key;	 /* guarded by the lock */
	bool is_suspect; /* the same: it was used while there was no memory */
	uint8_t *chain;
	size_t chain_size;
};

struct gpu_identity {
	pthread_mutex_t lock; /* guards done and wanted */
	pthread_cond_t changed;
	pthread_t thread;
	atomic_bool stop;
	bool wanted[GPU_LEAF_COUNT]; /* somebody waits for it */
	struct leaf leaves[GPU_LEAF_COUNT];
	EVP_PKEY *root_key; /* the thread's alone */
	X509 *root;
	uint8_t *root_bytes;
	size_t root_size;
};

static const char *const leaf_names[GPU_LEAF_COUNT] = {
	[GPU_LEAF_CHANNEL] = "dxvault channel ",
	[GPU_LEAF_SESSION] = "dxvault session ",
};

/*
 * All that exchanges and slots look for in libcrypto, while nobody needs it: where memory lacks when libcrypto looks for a
 * kind of algorithm for the first time, it may never find it again.
 */
static int algorithms_fetch(void)
{
	EVP_ASYM_CIPHER *rsa;
	int r = gpu_ciphers_fetch();

	if (r == 0)
		r = gpu_mac_fetch();
	if (r < 0)
		return r;
	gpu_crypto_begin();
	rsa = EVP_ASYM_CIPHER_fetch(NULL, "RSA", NULL);
	if (rsa == NULL)
		return gpu_crypto_error(-EIO);
	EVP_ASYM_CIPHER_free(rsa);
	return 0;
}

static int leaf_create(const struct gpu_identity *identity, enum gpu_leaf which, struct leaf *ret)
{
	struct leaf leaf = { .done = true };
	X509 *certificate = NULL;
	uint8_t *end;
	int size;
	int r;

	r = algorithms_fetch();
	if (r == 0)
		r = gpu_rsa_create(LEAF_BITS, &identity->stop, &leaf.key);
	if (r == 0)
		r = gpu_certificate_create(leaf.key, leaf_names[which], identity->root, identity->root_key,
					   &certificate);
	if (r < 0)
		goto out;
	size = i2d_X509(certificate, NULL);
	if (size <= 0) {
		r = gpu_crypto_error(-EIO);
		goto out;
	}
	leaf.chain_size = (size_t)size + identity->root_size;
	leaf.chain = end = malloc(leaf.chain_size);
	if (leaf.chain == NULL) {
		r = -ENOMEM;
		goto out;
	}
	i2d_X509(certificate, &end);
	memcpy(end, identity->root_bytes, identity->root_size);
	*ret = leaf;
	leaf = (struct leaf) { 0 };
out:
	X509_free(certificate);
	EVP_PKEY_free(leaf.key);
	return r;
}

/* A leaf that nobody asked for yet leaves the processor to whoever started the service for something else. */
static void rest(struct gpu_identity *identity, enum gpu_leaf which)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += REST_SECONDS;
	pthread_mutex_lock(&identity->lock);
	while (!identity->stop && !identity->wanted[which]) {
		if (pthread_cond_timedwait(&identity->changed, &identity->lock, &until) != 0)
			break;
	}
	pthread_mutex_unlock(&identity->lock);
}

static void *identity_run(void *data)
{
	static const enum gpu_leaf order[] = { GPU_LEAF_SESSION, GPU_LEAF_CHANNEL };
	struct gpu_identity *identity = data;

	for (size_t i = 0; i < GPU_LEAF_COUNT; i++) {
		struct leaf leaf = { .done = true };

		if (i > 0)
			rest(identity, order[i]);
		leaf.error = identity->stop ? -ECANCELED : leaf_create(identity, order[i], &leaf);
		pthread_mutex_lock(&identity->lock);
		identity->leaves[order[i]] = leaf;
		pthread_cond_broadcast(&identity->changed);
		pthread_mutex_unlock(&identity->lock);
	}
	EVP_PKEY_free(identity->root_key); /* wiped */
	identity->root_key = NULL;
	return NULL;
}

/* Nothing may follow the DER: what is not understood is not certified. */
static EVP_PKEY *root_key_decode(const struct gpu_bytes *bytes)
{
	const unsigned char *next = bytes->data;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &next, (long)bytes->size);
	EVP_PKEY *key = NULL;

	if (info != NULL && next == bytes->data + bytes->size)
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

static X509 *root_decode(const struct gpu_bytes *bytes)
{
	const unsigned char *next = bytes->data;
	X509 *root = d2i_X509(NULL, &next, (long)bytes->size);

	if (root != NULL && next != bytes->data + bytes->size) {
		X509_free(root);
		root = NULL;
	}
	return root;
}

static int root_load(struct gpu_identity *identity, const struct gpu_bytes *key, const struct gpu_bytes *certificate)
{
	gpu_crypto_begin();
	identity->root_key = root_key_decode(key);
	identity->root = root_decode(certificate);
	if (identity->root_key == NULL || identity->root == NULL ||
	    EVP_PKEY_get_base_id(identity->root_key) != EVP_PKEY_RSA ||
	    X509_check_private_key(identity->root, identity->root_key) != 1 || X509_check_ca(identity->root) != 1 ||
	    X509_self_signed(identity->root, 1) != 1)
		return gpu_crypto_error(-EBADMSG);
	identity->root_bytes = malloc(certificate->size);
	if (identity->root_bytes == NULL)
		return -ENOMEM;
	memcpy(identity->root_bytes, certificate->data, certificate->size);
	identity->root_size = certificate->size;
	return 0;
}

static void identity_free(struct gpu_identity *identity)
{
	for (size_t i = 0; i < GPU_LEAF_COUNT; i++) {
		EVP_PKEY_free(identity->leaves[i].key);
		free(identity->leaves[i].chain);
	}
	EVP_PKEY_free(identity->root_key);
	X509_free(identity->root);
	free(identity->root_bytes);
	pthread_cond_destroy(&identity->changed);
	pthread_mutex_destroy(&identity->lock);
	free(identity);
}

/* The thread takes no signal: they are for whoever runs the process. */
static int thread_start(struct gpu_identity *identity)
{
	sigset_t all;
	sigset_t old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = -pthread_create(&identity->thread, NULL, identity_run, identity);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0 ? 0 : -ENOMEM;
}

int gpu_identity_start(const struct gpu_bytes *root_key, const struct gpu_bytes *root_certificate,
		       struct gpu_identity **ret)
{
	struct gpu_identity *identity = calloc(1, sizeof(*identity));
	pthread_condattr_t attributes;
	int r;

	if (identity == NULL)
		return -ENOMEM;
	pthread_mutex_init(&identity->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&identity->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	r = root_load(identity, root_key, root_certificate);
	if (r == 0)
		r = thread_start(identity);
	if (r < 0) {
		identity_free(identity);
		return r;
	}
	*ret = identity;
	return 0;
}

void gpu_identity_stop(struct gpu_identity *identity)
{
	if (identity == NULL)
		return;
	pthread_mutex_lock(&identity->lock);
	identity->stop = true;
	pthread_cond_broadcast(&identity->changed);
	pthread_mutex_unlock(&identity->lock);
	pthread_join(identity->thread, NULL);
	identity_free(identity);
}

/* 0 and the leaf, -EIO if making it failed, -EAGAIN if it is not made yet and is not waited for. */
static int leaf_get(struct gpu_identity *identity, enum gpu_leaf which, bool wait, const struct leaf **ret)
{
	const struct leaf *leaf = &identity->leaves[which];
	bool done;

	pthread_mutex_lock(&identity->lock);
	if (!leaf->done) {
		identity->wanted[which] = true;
		pthread_cond_broadcast(&identity->changed);
	}
	while (wait && !leaf->done)
		pthread_cond_wait(&identity->changed, &identity->lock);
	done = leaf->done;
	pthread_mutex_unlock(&identity->lock);
	if (!done)
		return -EAGAIN;
	if (leaf->error != 0)
		return -EIO;
	*ret = leaf;
	return 0;
}

int gpu_identity_wait(struct gpu_identity *identity, enum gpu_leaf leaf)
{
	const struct leaf *made;

	return leaf_get(identity, leaf, /* wait= */ true, &made);
}

int gpu_identity_chain(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t **ret, size_t *ret_size)
{
	const struct leaf *made;
	int r = leaf_get(identity, leaf, /* wait= */ false, &made);

	if (r < 0)
		return r;
	*ret = made->chain;
	*ret_size = made->chain_size;
	return 0;
}

void gpu_identity_root(struct gpu_identity *identity, const uint8_t **ret, size_t *ret_size)
{
	*ret = identity->root_bytes;
	*ret_size = identity->root_size;
}

/*
 * A reference to the key of a leaf that is made. libcrypto keeps a blinding with the key, and changes it at each use: where
 * it lacks memory meanwhile, it can leave the two halves at odds, and good ciphertexts would be refused from then on. So a
 * key that saw this gives way to a copy, which has no blinding yet. -ENOMEM.
 */
static int leaf_key_ref(struct gpu_identity *identity, enum gpu_leaf which, EVP_PKEY **ret)
{
	struct leaf *leaf = &identity->leaves[which];
	EVP_PKEY *copy;
	int r = 0;

	pthread_mutex_lock(&identity->lock);
	if (leaf->is_suspect) {
		copy = EVP_PKEY_dup(leaf->key);
		if (copy != NULL) {
			EVP_PKEY_free(leaf->key);
			leaf->key = copy;
			leaf->is_suspect = false;
		} else {
			r = -ENOMEM;
		}
	}
	if (r == 0) {
		EVP_PKEY_up_ref(leaf->key);
		*ret = leaf->key;
	}
	pthread_mutex_unlock(&identity->lock);
	return r;
}

static void leaf_key_unref(struct gpu_identity *identity, enum gpu_leaf which, EVP_PKEY *key, bool is_suspect)
{
	struct leaf *leaf = &identity->leaves[which];

	pthread_mutex_lock(&identity->lock);
	if (is_suspect && leaf->key == key)
		leaf->is_suspect = true;
	pthread_mutex_unlock(&identity->lock);
	EVP_PKEY_free(key);
}

int gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t ciphertext[GPU_OAEP_SIZE],
			void *payload, size_t size)
{
	size_t clear_size = GPU_OAEP_SIZE;
	EVP_PKEY_CTX *context = NULL;
	const struct leaf *made;
	EVP_PKEY *key = NULL;
	uint8_t *clear = NULL;
	size_t wrong;
	int r;

	r = leaf_get(identity, leaf, /* wait= */ false, &made);
	if (r < 0)
		return r;
	gpu_crypto_begin();
	r = leaf_key_ref(identity, leaf, &key);
	if (r < 0)
		goto out;
	r = -ENOMEM;
	clear = gpu_secret_alloc(GPU_OAEP_SIZE);
	if (clear == NULL)
		goto out;
	r = -EIO;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (context == NULL || EVP_PKEY_decrypt_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha512()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha512()) != 1)
		goto out;
	/* Bad padding and a wrong length leave by the same way (CS-33, SEC-40). */
	r = -EBADMSG;
	wrong = (size_t)EVP_PKEY_decrypt(context, clear, &clear_size, ciphertext, GPU_OAEP_SIZE) ^ 1;
	wrong |= clear_size ^ size;
	if (wrong == 0) {
		memcpy(payload, clear, size);
		r = 0;
	}
out:
	if (r < 0)
		r = gpu_crypto_error(r);
	EVP_PKEY_CTX_free(context);
	gpu_secret_free(clear);
	if (key != NULL)
		leaf_key_unref(identity, leaf, key, r == -ENOMEM || gpu_crypto_is_starved());
	gpu_forget_deep();
	return r;
}
