/* SPDX-License-Identifier: MIT */
/* AES-128-CTR over a buffer, whole or in the encrypted runs of a pattern. */
#include "gpu/private.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

/* What libcrypto takes at once: an int, and whole blocks, so that the counter goes on where it stopped. */
#define CHUNK_MAX ((size_t)(INT_MAX & ~(GPU_BLOCK_SIZE - 1)))

/* Encrypted runs shorter than this are collected and encrypted together, in few calls. */
enum { LONG_RUN = 1024 };

/*
 * A transfer under way. The counter goes on from run to run of a pattern without a word (BLT-74): libcrypto's in its
 * context, intel-ipsec-mb's here.
 */
struct stream {
	const struct gpu_key *key;
	EVP_CIPHER_CTX *context;
	struct IMB_MGR *manager;
	uint8_t *scratch; /* GPU_SCRATCH_SIZE in protected memory; NULL: there is none */
	uint8_t counter[GPU_IV_SIZE];
};

static int libcrypto_crypt(EVP_CIPHER_CTX *context, const uint8_t *src, uint8_t *dst, size_t size)
{
	while (size > 0) {
		size_t chunk = size < CHUNK_MAX ? size : CHUNK_MAX;
		int done;

		if (EVP_EncryptUpdate(context, dst, &done, src, (int)chunk) != 1 || (size_t)done != chunk)
			return -EIO;
		src += chunk;
		dst += chunk;
		size -= chunk;
	}
	return 0;
}

static int run_crypt(struct stream *stream, const uint8_t *src, uint8_t *dst, size_t size)
{
#ifdef CONFIG_IPSEC_MB
	if (stream->manager != NULL)
		return gpu_ipsec_mb_crypt(stream->manager, stream->key->schedule, stream->counter, src, dst, size);
#endif
	return libcrypto_crypt(stream->context, src, dst, size);
}

void gpu_counter_add(uint8_t counter[GPU_IV_SIZE], uint64_t blocks)
{
	uint64_t halves[2];

	memcpy(halves, counter, sizeof(halves));
	blocks += be64toh(halves[1]);
	/* A carry out of Count: callers see to it that no block comes after it (BLT-04). */
	if (blocks < be64toh(halves[1]))
		halves[0] = htobe64(be64toh(halves[0]) + 1);
	halves[1] = htobe64(blocks);
	memcpy(counter, halves, sizeof(halves));
}

static size_t size_min(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

static bool pattern_is_whole(const struct gpu_pattern *pattern)
{
	return pattern == NULL || (pattern->skip == 0 && pattern->encrypt > 0);
}

uint64_t gpu_pattern_blocks(const struct gpu_pattern *pattern, uint64_t size)
{
	uint64_t encrypted = size;

	if (!pattern_is_whole(pattern)) {
		uint64_t first = pattern->first < size ? pattern->first : size;
		uint64_t period = (uint64_t)pattern->skip + pattern->encrypt;

		encrypted = first;
		if (pattern->encrypt > 0) {
			uint64_t rest = (size - first) % period;

			encrypted += (size - first) / period * pattern->encrypt;
			encrypted += rest > pattern->skip ? rest - pattern->skip : 0;
		}
	}
	return encrypted / GPU_BLOCK_SIZE + (encrypted % GPU_BLOCK_SIZE != 0);
}

/* Where in its pattern a transfer is. */
struct place {
	const struct gpu_pattern *pattern;
	uint64_t left; /* bytes of this run */
	bool encrypted;
};

static struct place place_find(const struct gpu_pattern *pattern, uint64_t at)
{
	uint64_t period = (uint64_t)pattern->skip + pattern->encrypt;
	uint64_t phase;

	if (at < pattern->first)
		return (struct place) { pattern, pattern->first - at, true };
	if (pattern->encrypt == 0)
		return (struct place) { pattern, UINT64_MAX, false };
	phase = (at - pattern->first) % period;
	if (phase < pattern->skip)
		return (struct place) { pattern, pattern->skip - phase, false };
	return (struct place) { pattern, period - phase, true };
}

static void place_advance(struct place *place, size_t size)
{
	const struct gpu_pattern *pattern = place->pattern;

	place->left -= size;
	if (place->left > 0)
		return;
	place->encrypted = !place->encrypted;
	if (place->encrypted)
		place->left = pattern->encrypt;
	else
		place->left = pattern->encrypt > 0 ? pattern->skip : UINT64_MAX;
}

/* Copies the bytes to encrypt from a stretch without long runs, as many as scratch holds. Returns the stretch's size. */
static size_t stretch_collect(struct place place, const uint8_t *src, size_t size, uint8_t *scratch, size_t *ret_used)
{
	size_t used = 0;
	size_t at = 0;

	while (at < size && used < GPU_SCRATCH_SIZE && !(place.encrypted && place.left >= LONG_RUN)) {
		size_t run = size_min(place.left, size - at);

		if (place.encrypted) {
			run = size_min(run, GPU_SCRATCH_SIZE - used);
			memcpy(scratch + used, src + at, run);
			used += run;
		}
		at += run;
		place_advance(&place, run);
	}
	*ret_used = used;
	return at;
}

/* The other way: the encrypted bytes from scratch, and the clear ones past it. */
static void stretch_spread(struct place *place, const uint8_t *src, uint8_t *dst, size_t size, const uint8_t *scratch)
{
	size_t used = 0;
	size_t run;

	for (size_t at = 0; at < size; at += run) {
		run = size_min(place->left, size - at);
		if (place->encrypted) {
			memcpy(dst + at, scratch + used, run);
			used += run;
		} else {
			memcpy(dst + at, src + at, run);
		}
		place_advance(place, run);
	}
}

static int pattern_crypt(struct stream *stream, const struct gpu_pattern *pattern, uint64_t offset, const uint8_t *src,
			 uint8_t *dst, size_t size)
{
	struct place place = place_find(pattern, offset);
	size_t most = 0;
	size_t at = 0;
	int r = 0;

	while (r == 0 && at < size) {
		size_t run = size_min(place.left, size - at);
		size_t used;

		if (stream->scratch != NULL && !(place.encrypted && place.left >= LONG_RUN)) {
			run = stretch_collect(place, src + at, size - at, stream->scratch, &used);
			most = used > most ? used : most;
			r = run_crypt(stream, stream->scratch, stream->scratch, used);
			if (r == 0)
				stretch_spread(&place, src + at, dst + at, run, stream->scratch);
		} else if (place.encrypted) {
			r = run_crypt(stream, src + at, dst + at, run);
			place_advance(&place, run);
		} else {
			memcpy(dst + at, src + at, run);
			place_advance(&place, run);
		}
		at += run;
	}
	gpu_wipe(stream->scratch, most);
	return r;
}

static int stream_crypt(struct stream *stream, const struct gpu_pattern *pattern, uint64_t offset, const void *src,
			void *dst, size_t size)
{
	int r = -EIO;

	gpu_counter_add(stream->counter, gpu_pattern_blocks(pattern, offset));
	if (stream->context == NULL || EVP_EncryptInit_ex2(stream->context, NULL, NULL, stream->counter, NULL) == 1) {
		if (pattern_is_whole(pattern))
			r = run_crypt(stream, src, dst, size);
		else
			r = pattern_crypt(stream, pattern, offset, src, dst, size);
	}
	if (r < 0)
		ERR_clear_error();
	return r;
}

/* With the context of the slot, or if another thread has that, with one's own. */
static int libcrypto_part(struct gpu_key *key, EVP_CIPHER_CTX *own, struct stream *stream,
			  const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size)
{
	int r = -EIO;

	if (!atomic_flag_test_and_set_explicit(&key->ctr_is_taken, memory_order_acquire)) {
		stream->context = key->ctr;
		r = stream_crypt(stream, pattern, offset, src, dst, size);
		atomic_flag_clear_explicit(&key->ctr_is_taken, memory_order_release);
		return r;
	}
	stream->context = own;
	if (EVP_EncryptInit_ex2(own, NULL, key->bytes, NULL, NULL) == 1)
		r = stream_crypt(stream, pattern, offset, src, dst, size);
	else
		ERR_clear_error();
	gpu_ctr_context_wipe(own);
	return r;
}

int gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[GPU_IV_SIZE],
		 const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size)
{
	struct stream stream = { .key = key, .manager = worker->manager, .scratch = worker->scratch };

	if (worker->engine != key->engine)
		return -EINVAL;
	if (!key->set)
		return -ENOKEY;
	memcpy(stream.counter, iv, sizeof(stream.counter));
	if (key->engine == GPU_ENGINE_LIBCRYPTO)
		return libcrypto_part(key, worker->ctr, &stream, pattern, offset, src, dst, size);
	return stream_crypt(&stream, pattern, offset, src, dst, size);
}

int gpu_ctr(struct gpu_key *key, const uint8_t iv[GPU_IV_SIZE], const struct gpu_pattern *pattern, const void *src,
	    void *dst, size_t size)
{
	struct stream stream = { .key = key, .context = key->ctr };
	int r;

	if (!key->set)
		return -ENOKEY;
	if (key->engine == GPU_ENGINE_IPSEC_MB) {
		r = gpu_ctr_part(key, gpu_engine_worker_lock(), iv, pattern, 0, src, dst, size);
		gpu_engine_worker_unlock();
		return r;
	}
	memcpy(stream.counter, iv, sizeof(stream.counter));
	return stream_crypt(&stream, pattern, 0, src, dst, size);
}
