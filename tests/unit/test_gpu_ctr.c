/* SPDX-License-Identifier: MIT */
/* AES-CTR by each engine, held against an AES-CTR built from single blocks, and so against each other. */
#include "gpu/gpu.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ThreadSanitizer watches each byte of them, and there is one thread here. */
#ifdef __SANITIZE_THREAD__
#define CASES	    10000
#define LARGE_CASES 200
#else
#define CASES	    100000
#define LARGE_CASES 4000
#endif

enum {
	CASES_FOR_A_KEY = 50,
	SMALL = 4096,
	LARGE = 40000, /* several times what a worker's scratch memory holds */
	GUARD = 64,
};

/* ---- the engines that this machine has ---------------------------------------------------------- */

struct side {
	enum gpu_engine engine;
	const char *name;
	struct gpu_key *key;
	struct gpu_worker *worker;
};

static struct side sides[2] = {
	{ .engine = GPU_ENGINE_LIBCRYPTO, .name = "libcrypto" },
	{ .engine = GPU_ENGINE_IPSEC_MB, .name = "intel-ipsec-mb AVX512" },
};
static size_t side_count;

static int sides_open(void **state)
{
	(void)state;
	assert_string_equal(gpu_engine_name(), "none");
	for (size_t i = 0; i < 2; i++) {
		int r = gpu_engine_start(sides[i].engine);

		if (r == -EOPNOTSUPP && sides[i].engine == GPU_ENGINE_IPSEC_MB) {
			print_message("# libcrypto is tested alone; intel-ipsec-mb is not: %s\n", gpu_engine_missing());
			break;
		}
		assert_int_equal(r, 0);
		assert_string_equal(gpu_engine_name(), sides[i].name);
		assert_int_equal(gpu_key_reserve(&sides[i].key), 0);
		assert_int_equal(gpu_worker_create(&sides[i].worker), 0);
		side_count++;
	}
	return 0;
}

static int sides_close(void **state)
{
	(void)state;
	for (size_t i = 0; i < side_count; i++) {
		gpu_key_free(sides[i].key);
		gpu_worker_destroy(sides[i].worker);
	}
	gpu_worker_destroy(NULL);
	return 0;
}

/* ---- AES-CTR from single blocks ----------------------------------------------------------------- */

static EVP_CIPHER_CTX *blocks_context;

static void keys_set(const uint8_t key[GPU_KEY_SIZE])
{
	for (size_t i = 0; i < side_count; i++)
		assert_int_equal(gpu_key_set(sides[i].key, key), 0);
	if (blocks_context == NULL)
		blocks_context = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(blocks_context, EVP_aes_128_ecb(), NULL, key, NULL), 1);
}

/* BLT-03 and BLT-65 word by word. What a carry out of Count does is in no rule; both engines go on as here. */
static void expect(const uint8_t iv[GPU_IV_SIZE], const struct gpu_pattern *pattern, const uint8_t *src, uint8_t *dst,
		   size_t size)
{
	static uint8_t counters[LARGE], stream[LARGE];
	uint8_t counter[GPU_IV_SIZE];
	size_t used = 0;
	int written;

	memcpy(counter, iv, sizeof(counter));
	for (size_t i = 0; i < (size + 15) / 16; i++) {
		memcpy(counters + 16 * i, counter, 16);
		for (int k = 15; k >= 0 && ++counter[k] == 0; k--)
			;
	}
	assert_int_equal(EVP_EncryptUpdate(blocks_context, stream, &written, counters, (int)((size + 15) & ~15ul)), 1);
	for (size_t at = 0; at < size; at += 16) {
		size_t run = size - at < 16 ? size - at : 16;
		bool encrypted = pattern == NULL || at < pattern->first;

		if (!encrypted && pattern->encrypt > 0)
			encrypted = (at - pattern->first) % ((uint64_t)pattern->skip + pattern->encrypt) >=
				    pattern->skip;
		for (size_t i = 0; i < run; i++)
			dst[at + i] = encrypted ? src[at + i] ^ stream[used + i] : src[at + i];
		used += encrypted ? 16 : 0;
	}
}

/* ---- random numbers ----------------------------------------------------------------------------- */

static uint64_t chance_state;

static uint64_t chance(void)
{
	uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t below(uint64_t limit)
{
	return chance() % limit;
}

static void fill(void *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)memory)[i] = (uint8_t)chance();
}

static void counter_make(uint64_t high, uint64_t low, uint8_t ret[GPU_IV_SIZE])
{
	for (int i = 0; i < 8; i++) {
		ret[7 - i] = (uint8_t)(high >> 8 * i);
		ret[15 - i] = (uint8_t)(low >> 8 * i);
	}
}

/* A quarter anywhere, half around a boundary of 2^32, a quarter so that the last block is Count's last or nearly so. */
static uint64_t count_make(size_t size)
{
	uint64_t blocks = (size + 15) / 16;

	switch (below(4)) {
	case 0:
		return chance() % (UINT64_MAX - blocks);
	case 1:
		return 0 - blocks - (below(2) ? 0 : below(300));
	default:
		return (1 + below(UINT32_MAX) % (below(2) ? 2 : UINT32_MAX)) * (UINT64_C(1) << 32) - below(300);
	}
}

static uint32_t run_make(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return 0xfffffff0u;
	case 2:
		return 16 * (uint32_t)below(256);
	default:
		return 16 * (uint32_t)below(12);
	}
}

static const struct gpu_pattern *pattern_make(size_t size, struct gpu_pattern *pattern)
{
	if (below(3) == 0)
		return NULL;
	pattern->first = 16 * (uint32_t)below(below(2) ? size / 16 + 1 : 1);
	pattern->skip = run_make();
	pattern->encrypt = run_make();
	return pattern;
}

/* ---- the engines against it ---------------------------------------------------------------------- */

struct transfer {
	uint8_t iv[GPU_IV_SIZE];
	const struct gpu_pattern *pattern;
	const uint8_t *src;
	size_t size;
};

/* Sometimes whole, sometimes in parts. */
static int crypt_somehow(const struct side *side, const struct transfer *transfer, uint8_t *dst)
{
	size_t at = 0;
	int r = 0;

	if (below(2))
		return gpu_ctr(side->key, transfer->iv, transfer->pattern, transfer->src, dst, transfer->size);
	do {
		size_t part = 16 * below(transfer->size / 16 + 2);

		part = part < transfer->size - at ? part : transfer->size - at;
		r = gpu_ctr_part(side->key, side->worker, transfer->iv, transfer->pattern, at, transfer->src + at,
				 dst + at, part);
		at += part;
	} while (r == 0 && at < transfer->size);
	return r;
}

static bool is_filled(const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (at[i] != 0xee)
			return false;
	}
	return true;
}

static bool transfer_holds(const struct transfer *transfer, unsigned int dst_offset)
{
	static uint8_t wanted[LARGE], room[GUARD + 64 + LARGE + GUARD];
	uint8_t *dst = room + GUARD + dst_offset;
	bool holds = true;

	expect(transfer->iv, transfer->pattern, transfer->src, wanted, transfer->size);
	for (size_t i = 0; i < side_count && holds; i++) {
		memset(dst - GUARD, 0xee, transfer->size + (size_t)2 * GUARD);
		holds = crypt_somehow(&sides[i], transfer, dst) == 0 && memcmp(dst, wanted, transfer->size) == 0 &&
			is_filled(dst - GUARD, GUARD) && is_filled(dst + transfer->size, GUARD);
		if (!holds)
			print_error("%s differs\n", sides[i].name);
	}
	return holds;
}

static void random_transfers(unsigned int cases, size_t size_limit)
{
	static uint8_t src[64 + LARGE];
	uint8_t key[GPU_KEY_SIZE];
	uint64_t seed;

	assert_int_equal(gpu_random(&seed, sizeof(seed)), 0);
	chance_state = seed;
	fill(src, sizeof(src));
	for (unsigned int i = 0; i < cases; i++) {
		unsigned int src_offset = (unsigned int)below(64);
		unsigned int dst_offset = (unsigned int)below(64);
		struct gpu_pattern pattern;
		struct transfer transfer = {
			.src = src + src_offset,
			.size = 1 + below(below(2) ? 300 : size_limit),
		};
		uint64_t count = count_make(transfer.size);

		if (i % CASES_FOR_A_KEY == 0) {
			fill(key, sizeof(key));
			keys_set(key);
		}
		counter_make(chance(), count, transfer.iv);
		transfer.pattern = pattern_make(transfer.size, &pattern);
		if (transfer_holds(&transfer, dst_offset))
			continue;
		print_error("seed 0x%" PRIx64 ", case %u of %zu: %zu bytes from +%u to +%u, count 0x%" PRIx64 "\n",
			    seed, i, size_limit, transfer.size, src_offset, dst_offset, count);
		if (transfer.pattern != NULL)
			print_error("pattern %u %u %u\n", pattern.first, pattern.skip, pattern.encrypt);
		fail();
	}
}

/* BLT-03, BLT-04, BLT-65 to BLT-74: 100,000 transfers of 1 to 4096 bytes by each engine. */
static void test_random_transfers(void **state)
{
	(void)state;
	random_transfers(CASES, SMALL);
}

static void test_random_large_transfers(void **state)
{
	(void)state;
	random_transfers(LARGE_CASES, LARGE);
}

/* That the loop above compared two engines, not one with itself. */
static void test_engines_were_compared(void **state)
{
	uint8_t block[16] = { 0 }, out[16];

	(void)state;
	if (side_count < 2)
		skip();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(gpu_ctr_part(sides[i].key, sides[1 - i].worker, block, NULL, 0, block, out, 16),
				 -EINVAL);
}

/* BLT-03, BLT-04: each distance to 2^32, and to Count's end and beyond, with each number of blocks up to 70. */
static void test_boundaries(void **state)
{
	static const size_t tails[] = { 0, 1, 15 };
	static const uint64_t boundaries[] = { UINT64_C(1) << 32, UINT64_C(0xabcdef) << 32, 0 };
	uint8_t src[71 * 16], key[GPU_KEY_SIZE];

	(void)state;
	fill(src, sizeof(src));
	fill(key, sizeof(key));
	keys_set(key);
	for (size_t i = 0; i < sizeof(boundaries) / sizeof(boundaries[0]); i++) {
		for (uint64_t before = 0; before <= 40; before++) {
			for (size_t blocks = 1; blocks <= 70; blocks++) {
				struct transfer transfer = { .src = src, .size = 16 * blocks + tails[blocks % 3] };

				counter_make(0xffffffffffffffff - i, boundaries[i] - before, transfer.iv);
				if (!transfer_holds(&transfer, 0))
					fail_msg("%" PRIu64 " before %" PRIx64 ", %zu bytes", before, boundaries[i],
						 transfer.size);
			}
		}
	}
}

/* NIST SP 800-38A, F.5.1 CTR-AES128.Encrypt and F.5.2 CTR-AES128.Decrypt. */
static void test_vector_nist(void **state)
{
	static const uint8_t key[16] = "\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c";
	static const uint8_t iv[16] = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
	static const uint8_t plain[64] = "\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a"
					 "\xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf\x8e\x51"
					 "\x30\xc8\x1c\x46\xa3\x5c\xe4\x11\xe5\xfb\xc1\x19\x1a\x0a\x52\xef"
					 "\xf6\x9f\x24\x45\xdf\x4f\x9b\x17\xad\x2b\x41\x7b\xe6\x6c\x37\x10";
	static const uint8_t cipher[64] = "\x87\x4d\x61\x91\xb6\x20\xe3\x26\x1b\xef\x68\x64\x99\x0d\xb6\xce"
					  "\x98\x06\xf6\x6b\x79\x70\xfd\xff\x86\x17\x18\x7b\xb9\xff\xfd\xff"
					  "\x5a\xe4\xdf\x3e\xdb\xd5\xd3\x5e\x5b\x4f\x09\x02\x0d\xb0\x3e\xab"
					  "\x1e\x03\x1d\xda\x2f\xbe\x03\xd1\x79\x21\x70\xa0\xf3\x00\x9c\xee";
	uint8_t out[64];

	(void)state;
	keys_set(key);
	for (size_t i = 0; i < side_count; i++) {
		assert_int_equal(gpu_ctr(sides[i].key, iv, NULL, plain, out, sizeof(out)), 0);
		assert_memory_equal(out, cipher, sizeof(out));
		assert_int_equal(gpu_ctr(sides[i].key, iv, NULL, cipher, out, sizeof(out)), 0);
		assert_memory_equal(out, plain, sizeof(out));
		assert_int_equal(gpu_ctr_part(sides[i].key, sides[i].worker, iv, NULL, 48, plain + 48, out, 16), 0);
		assert_memory_equal(out, cipher + 48, 16);
	}
}

/* ---- the ends of memory -------------------------------------------------------------------------- */

enum { ROOM = 2 * SMALL };

/* Memory on both sides of which there is none. */
static uint8_t *room_map(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *base = mmap(NULL, ROOM + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(base != MAP_FAILED && ROOM % page == 0);
	assert_int_equal(mprotect(base + page, ROOM, PROT_READ | PROT_WRITE), 0);
	return base + page;
}

static void room_unmap(uint8_t *room)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	munmap(room - page, ROOM + 2 * page);
}

/* Nothing before or behind src is read, nothing before or behind dst is touched: it would be a crash. */
static void test_ends_of_memory(void **state)
{
	uint8_t *src = room_map(), *dst = room_map();
	uint8_t iv[GPU_IV_SIZE] = { [15] = 0xf0 }, wanted[SMALL], key[GPU_KEY_SIZE] = { 7 };

	(void)state;
	keys_set(key);
	fill(src, ROOM);
	for (size_t size = 1; size <= SMALL; size += size < 700 ? 1 : 61) {
		for (size_t i = 0; i < 2 * side_count; i++) {
			const struct side *side = &sides[i / 2];
			const uint8_t *from = i % 2 ? src + ROOM - size : src;
			uint8_t *to = i % 2 ? dst + ROOM - size : dst;

			expect(iv, NULL, from, wanted, size);
			assert_int_equal(gpu_ctr(side->key, iv, NULL, from, to, size), 0);
			assert_memory_equal(to, wanted, size);
		}
	}
	room_unmap(src);
	room_unmap(dst);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

/* CS-46, CS-52: the last key set is the one in use; a cleared slot does nothing. */
static void test_keys_set_and_cleared(void **state)
{
	uint8_t first[GPU_KEY_SIZE] = { 1 }, second[GPU_KEY_SIZE] = { 2 }, iv[GPU_IV_SIZE] = { 3 };
	uint8_t src[100] = { 4 }, out[100], wanted[100], old[100];

	(void)state;
	keys_set(first);
	expect(iv, NULL, src, old, sizeof(src));
	keys_set(second);
	expect(iv, NULL, src, wanted, sizeof(src));
	assert_memory_not_equal(old, wanted, sizeof(old));
	for (size_t i = 0; i < side_count; i++) {
		const struct side *side = &sides[i];

		assert_int_equal(gpu_ctr(side->key, iv, NULL, src, out, sizeof(out)), 0);
		assert_memory_equal(out, wanted, sizeof(out));
		gpu_key_clear(side->key);
		memset(out, 0xee, sizeof(out));
		assert_int_equal(gpu_ctr(side->key, iv, NULL, src, out, sizeof(out)), -ENOKEY);
		assert_int_equal(gpu_ctr_part(side->key, side->worker, iv, NULL, 0, src, out, sizeof(out)), -ENOKEY);
		assert_true(is_filled(out, sizeof(out)));
		assert_int_equal(gpu_key_set(side->key, first), 0);
		assert_int_equal(gpu_ctr_part(side->key, side->worker, iv, NULL, 0, src, out, sizeof(out)), 0);
		assert_memory_equal(out, old, sizeof(out));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector_nist),
		cmocka_unit_test(test_random_transfers),
		cmocka_unit_test(test_random_large_transfers),
		cmocka_unit_test(test_engines_were_compared),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_ends_of_memory),
		cmocka_unit_test(test_keys_set_and_cleared),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_ctr", tests, sides_open, sides_close);
}
