/* SPDX-License-Identifier: MIT */
/* Tag slots: the vectors of RFC 4493 and of constants-channel.md, slots and their memory, what clearing one leaves. */
#include "gpu/gpu.h"
#include "secret_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- vectors ------------------------------------------------------------------------------------ */

static size_t from_hex(uint8_t *ret, const char *hex)
{
	size_t size = 0;

	for (; *hex != '\0'; hex++) {
		unsigned int byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		ret[size++] = (uint8_t)byte;
		hex++;
	}
	return size;
}

#define RFC_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define K	"000102030405060708090a0b0c0d0e0f"

#define M16 "6bc1bee22e409f96e93d7e117393172a"
#define M40 M16 "ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411"
#define M64 M40 "e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710"

#define INITIALIZE "db4b110623350a478dcafbc2845154f0"
#define PROTECTION "58564550473f6243bf99bfdfcde9ed29"
#define Q_PROTECT  "84b54ea895c4aa48b94d8bd2d6fbce05"
#define Q_TYPE	   "a5181bbcfbb1ab42bd94b5828b4bf7be"
#define Q_OUTPUT   "a3dc9d834e9be441b053892bd2a11ee7"
#define Q_PROCESS  "dbba9b64f4f03946a15b24393fc3abac"
#define CHANNEL	   "0110000000000000"

/* The bytes that the tag covers: from offset 16 on. */
static const struct vector {
	const char *name, *key, *message, *tag;
} vectors[] = {
	{ "T0.1", RFC_KEY, "", "bb1d6929e95937287fa37d129b756746" },
	{ "T0.2", RFC_KEY, M16, "070a16b46b4d4144f79bdd9dd04a287c" },
	{ "T0.3", RFC_KEY, M40, "dfa66747de9ae63030ca32611497c827" },
	{ "T0.4", RFC_KEY, M64, "51f0bebf7e3b9d92fc49741779363cfe" },
	{ "T1 in", K, INITIALIZE CHANNEL "0000000000000000 0000002000000010", "22878804f2f2412677d3c247d75a79b9" },
	{ "T1 out", K, INITIALIZE CHANNEL "0000000000000000", "81b918699ea5018734367026af501aff" },
	{ "T2 in", K, PROTECTION CHANNEL "0000001000000000 0300000000000000", "39b1e39851b1237597dae9e95357cb48" },
	{ "T2 out", K, PROTECTION CHANNEL "0000001000000000", "ccd41bac56187d72f66f8cd2c8f83669" },
	{ "T2b in", K, PROTECTION CHANNEL "00000010aaaaaaaa 03000000aaaaaaaa", "489c60e6db27dec3f82afce2e7ed5557" },
	{ "T3 in", K, PROTECTION CHANNEL "0100001000000000 0400000000000000", "608f4df0603cbdaa1ce6b62169027ab1" },
	{ "T3 out", K, PROTECTION CHANNEL "0100001057000780", "2fbf9206cf86510b2e28ff49963978fd" },
	{ "T4 out", K, Q_PROTECT CHANNEL "0000002000000000 0300000000000000", "7401c129be384d3fa06f0cd7e4407a03" },
	{ "T5 out", K, Q_TYPE CHANNEL "0100002000000000 0200000000000000", "f17619d5aa4b7137baf2a2c0cb1e00b8" },
	{ "T7 out", K,
	  Q_OUTPUT CHANNEL "0200002000000000 0220000000000000 0330000000000000 0000000000000000 8877665544332211",
	  "2d924aac2f3d3a8c14780254196714a5" },
	{ "T6 out", K, Q_PROCESS CHANNEL "0300002057000780 0000000000000000 0000000000000000",
	  "5c9fcd8365a2564653b42dae67a9a269" },
};

static struct gpu_mac *mac_create(const char *hex)
{
	uint8_t bytes[GPU_KEY_SIZE];
	struct gpu_mac *mac;

	from_hex(bytes, hex);
	assert_int_equal(gpu_mac_reserve(&mac), 0);
	assert_int_equal(gpu_mac_set(mac, bytes), 0);
	return mac;
}

static void test_vectors(void **state) /* AC-053, AC-055, AC-057, AC-058 */
{
	/* Both keys in one slot too, in turn: nothing of the message or key before is left in it. */
	struct gpu_mac *shared = mac_create(K);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *vector = &vectors[i];
		struct gpu_mac *mac = mac_create(vector->key);
		uint8_t message[64], key[16], wanted[16], got[16];
		size_t size = from_hex(message, vector->message);

		print_message("# vector %s\n", vector->name);
		from_hex(key, vector->key);
		from_hex(wanted, vector->tag);
		for (int round = 0; round < 2; round++) {
			memset(got, 0xee, sizeof(got));
			assert_int_equal(gpu_mac_compute(mac, message, size, got), 0);
			assert_memory_equal(got, wanted, 16);
			assert_int_equal(gpu_mac_set(shared, key), 0);
			assert_int_equal(gpu_mac_compute(shared, message, size, got), 0);
			assert_memory_equal(got, wanted, 16);
		}
		gpu_mac_free(mac);
	}
	gpu_mac_free(shared);
}

/* The readings of T2 that are wrong yield what the table says, and none of them is its tag (AC-055, AC-057, AC-059). */
static void test_wrong_readings(void **state)
{
	static const struct {
		const char *message, *tag;
	} wrong[] = {
		{ "00000000000000000000000000000000" PROTECTION CHANNEL "0000001000000000",
		  "4ba8547df18d7af9d0cc309d21c43bdb" },
		{ PROTECTION CHANNEL "00000010", "68120a3d69942e7583ead87907fb347a" },
		{ PROTECTION CHANNEL "00000010 03000000", "6876f970f85b9f3375f8dfe3a6352979" },
	};
	struct gpu_mac *mac = mac_create(K);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t message[64], wanted[16], got[16];
		size_t size = from_hex(message, wrong[i].message);

		from_hex(wanted, wrong[i].tag);
		assert_int_equal(gpu_mac_compute(mac, message, size, got), 0);
		assert_memory_equal(got, wanted, 16);
	}
	gpu_mac_free(mac);
}

/* Input and output may be the same memory (AC-082); nothing is written behind the 16 bytes. */
static void test_in_place(void **state)
{
	struct gpu_mac *mac = mac_create(RFC_KEY);
	uint8_t message[64], wanted[16], before[64];

	(void)state;
	assert_int_equal(from_hex(message, M64), 64);
	memcpy(before, message, sizeof(before));
	from_hex(wanted, "51f0bebf7e3b9d92fc49741779363cfe");
	assert_int_equal(gpu_mac_compute(mac, message, 64, message + 8), 0);
	assert_memory_equal(message + 8, wanted, 16);
	assert_memory_equal(message, before, 8);
	assert_memory_equal(message + 24, before + 24, 40);
	gpu_mac_free(mac);
}

/* ---- slots -------------------------------------------------------------------------------------- */

static void test_slot_empty(void **state)
{
	uint8_t bytes[16] = { 1 }, tag[16] = { 2 };
	struct gpu_mac *mac;

	(void)state;
	assert_int_equal(gpu_mac_reserve(&mac), 0);
	for (int round = 0; round < 3; round++) {
		assert_false(gpu_mac_is_set(mac));
		assert_int_equal(gpu_mac_compute(mac, bytes, sizeof(bytes), tag), -ENOKEY);
		assert_int_equal(gpu_mac_compute(mac, bytes, 0, tag), -ENOKEY);
		assert_int_equal(tag[0], 2);
		assert_int_equal(gpu_mac_set(mac, bytes), 0);
		assert_true(gpu_mac_is_set(mac));
		gpu_mac_clear(mac);
		gpu_mac_clear(mac);
	}
	gpu_mac_free(mac);
	gpu_mac_free(NULL);
}

/* Every key value is a key; zero is the one an implementation could take for "none". */
static void test_key_zero(void **state)
{
	struct gpu_mac *mac = mac_create("00000000000000000000000000000000");
	uint8_t message[16], got[16], wanted[16];

	(void)state;
	assert_true(gpu_mac_is_set(mac));
	/* AES of the zero block doubled (K1) and taken off again: what is left is AES of zero. */
	from_hex(message, "cdd297a9df1458771099f4b39468565c");
	from_hex(wanted, "66e94bd4ef8a2c3b884cfa59ca342b2e");
	assert_int_equal(gpu_mac_compute(mac, message, sizeof(message), got), 0);
	assert_memory_equal(got, wanted, 16);
	gpu_mac_free(mac);
}

/* Each slot has its own key, whatever the order of calls. */
static void test_slots_are_apart(void **state)
{
	struct gpu_mac *one = mac_create(RFC_KEY), *two = mac_create(K);
	uint8_t message[64], wanted[16], got[16];

	(void)state;
	from_hex(message, M64);
	from_hex(wanted, "51f0bebf7e3b9d92fc49741779363cfe");
	assert_int_equal(gpu_mac_compute(two, message, 40, got), 0);
	assert_int_equal(gpu_mac_compute(one, message, 64, got), 0);
	assert_memory_equal(got, wanted, 16);
	gpu_mac_clear(two);
	assert_int_equal(gpu_mac_compute(one, message, 64, got), 0);
	assert_memory_equal(got, wanted, 16);
	gpu_mac_free(two);
	assert_int_equal(gpu_mac_compute(one, message, 64, got), 0);
	assert_memory_equal(got, wanted, 16);
	gpu_mac_free(one);
}

/* What a signed answer needs is there when the command is accepted (AC-083): computing asks for no memory. */
static void test_computing_needs_no_memory(void **state)
{
	struct gpu_mac *mac = mac_create(RFC_KEY);
	unsigned int before = sp_allocations;
	uint8_t message[64], wanted[16], got[16];

	(void)state;
	from_hex(message, M64);
	from_hex(wanted, "dfa66747de9ae63030ca32611497c827");
	sp_refuse_after(0, /* lone= */ false);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(gpu_mac_compute(mac, message, 64, got), 0);
		assert_int_equal(gpu_mac_compute(mac, message, 40, got), 0);
		assert_memory_equal(got, wanted, 16);
		assert_int_equal(gpu_mac_compute(mac, message, 0, got), 0);
	}
	sp_refuse_none();
	assert_int_equal(sp_allocations, before);
	gpu_mac_free(mac);
}

/* Each allocation of a reservation refused in turn, alone and with all behind it. */
static void test_reserve_without_memory(void **state)
{
	(void)state;
	for (int lone = 0; lone < 2; lone++) {
		struct gpu_mac *mac = NULL;
		int refused = 0, r = -1;

		for (int n = 0; n < 100 && r != 0; n++) {
			sp_refuse_after(n, lone);
			r = gpu_mac_reserve(&mac);
			sp_refuse_none();
			if (r != 0) {
				assert_int_equal(r, -ENOMEM);
				assert_null(mac);
				refused++;
			}
		}
		assert_int_equal(r, 0);
		assert_true(refused >= 3);
		gpu_mac_free(mac);
	}
}

/* The same for a key: the slot is empty then, and good for the next one (AC-039). */
static void test_set_without_memory(void **state)
{
	static const char key_hex[] = RFC_KEY;
	uint8_t key[16], other[16] = { 7 }, message[40], wanted[16], got[16];

	(void)state;
	from_hex(key, key_hex);
	from_hex(message, M40);
	from_hex(wanted, "dfa66747de9ae63030ca32611497c827");
	for (int lone = 0; lone < 2; lone++) {
		int r = -1;

		for (int n = 0; n < 100 && r != 0; n++) {
			struct gpu_mac *mac;

			assert_int_equal(gpu_mac_reserve(&mac), 0);
			if (n % 2)
				assert_int_equal(gpu_mac_set(mac, other), 0);
			sp_refuse_after(n / 2, lone);
			r = gpu_mac_set(mac, key);
			sp_refuse_none();
			if (r != 0) {
				assert_true(r == -ENOMEM || r == -EIO);
				assert_false(gpu_mac_is_set(mac));
				assert_int_equal(gpu_mac_compute(mac, message, 40, got), -ENOKEY);
				assert_int_equal(gpu_mac_set(mac, key), 0);
			}
			assert_int_equal(gpu_mac_compute(mac, message, 40, got), 0);
			assert_memory_equal(got, wanted, 16);
			gpu_mac_free(mac);
		}
		assert_int_equal(r, 0);
	}
}

/* ---- what clearing leaves (AC-165) ----------------------------------------------------------------- */

/* Doubling in GF(2^128), as RFC 4493 makes its subkeys. */
static void doubled(const uint8_t in[16], uint8_t out[16])
{
	for (int i = 0; i < 16; i++)
		out[i] = (uint8_t)(in[i] << 1 | (i < 15 ? in[i + 1] >> 7 : 0));
	if (in[0] & 0x80)
		out[15] ^= 0x87;
}

/* K1 and K2 of RFC 4493. */
static void subkeys(const uint8_t key[16], uint8_t one[16], uint8_t two[16])
{
	static const uint8_t zeros[16];
	struct gpu_key *slot;
	uint8_t block[16];

	assert_int_equal(gpu_key_reserve(&slot), 0);
	assert_int_equal(gpu_key_set(slot, key), 0);
	assert_int_equal(gpu_key_wrap(slot, zeros, block), 0);
	gpu_key_free(slot);
	doubled(block, one);
	doubled(one, two);
}

/* Neither the key (the first round key is it) nor a subkey nor the last tag stays anywhere in the heap. */
static void test_key_wiped(void **state)
{
	(void)state;
	for (int release = 0; release < 4; release++) {
		uint8_t key[16], other[16] = { 9 }, one[16], two[16], tag[16];
		struct gpu_mac *mac;

		assert_int_equal(gpu_random(key, sizeof(key)), 0);
		assert_int_equal(gpu_mac_reserve(&mac), 0);
		assert_int_equal(gpu_mac_set(mac, key), 0);
		subkeys(key, one, two);
		assert_int_equal(gpu_mac_compute(mac, other, sizeof(other), tag), 0);
		assert_true(sp_mapping_count(mac, key) >= 1);
		assert_true(sp_mapping_count(mac, one) >= 1);
		switch (release) {
		case 0:
			gpu_mac_clear(mac);
			break;
		case 1:
			assert_int_equal(gpu_mac_set(mac, other), 0);
			break;
		case 2:
			/* Where there is no memory to write over the key, the whole slot goes (CS-07). */
			sp_refuse_after(0, /* lone= */ false);
			gpu_mac_clear(mac);
			sp_refuse_none();
			assert_false(gpu_mac_is_set(mac));
			break;
		default:
			gpu_mac_free(mac);
			break;
		}
		assert_int_equal(sp_mapping_count(mac, key), 0);
		assert_int_equal(sp_mapping_count(mac, one), 0);
		assert_int_equal(sp_mapping_count(mac, two), 0);
		assert_int_equal(sp_mapping_count(mac, tag), 0);
		if (release == 2)
			assert_int_equal(gpu_mac_set(mac, other), 0);
		if (release < 3)
			gpu_mac_free(mac);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_wrong_readings),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_slot_empty),
		cmocka_unit_test(test_key_zero),
		cmocka_unit_test(test_slots_are_apart),
		cmocka_unit_test(test_computing_needs_no_memory),
		cmocka_unit_test(test_reserve_without_memory),
		cmocka_unit_test(test_set_without_memory),
		cmocka_unit_test(test_key_wiped),
	};

	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || sp_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_mac", tests, NULL, NULL);
}
