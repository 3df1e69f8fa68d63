/* SPDX-License-Identifier: MIT */
/* Makes what leak-scan looks for of keys and other secrets. */
#include "leak-needles.h"

#include <ctype.h>
#include <err.h>
#include <openssl/aes.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY = 16, ROUNDS = 11, NUMBER_MAX = 512 };

/* ---- the table ------------------------------------------------------------------------------------------------ */

static int add_form(struct needles *needles, const char *name, const char *form)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s %s", name, form);
	if (needles->form_count == NEEDLE_FORMS_MAX)
		errx(2, "too many secrets");
	needles->forms[needles->form_count] = strdup(text);
	if (!needles->forms[needles->form_count])
		err(2, "memory");
	return (int)needles->form_count++;
}

/* What looks like nothing in particular would be found everywhere. */
static bool is_dull(const uint8_t *bytes)
{
	unsigned int kinds = 0;
	bool seen[256] = { false };

	for (size_t i = 0; i < NEEDLE_SIZE; i++) {
		kinds += !seen[bytes[i]];
		seen[bytes[i]] = true;
	}
	return kinds < 4;
}

static void add_needle(struct needles *needles, int form, const uint8_t *at, size_t more)
{
	uint64_t bytes;
	uint64_t hash;
	uint64_t i;

	if (is_dull(at))
		return;
	memcpy(&bytes, at, sizeof(bytes));
	hash = needle_hash(bytes);
	i = hash >> (64 - NEEDLE_FILTER_BITS);
	needles->filter[i / 64] |= UINT64_C(1) << (i % 64);
	i = hash >> (64 - NEEDLE_TABLE_BITS);
	/* A key that is another's round key counts as that one. */
	while (needles->table[i].form >= 0 &&
	       (needles->table[i].bytes != bytes || needles->table[i].more_size != more ||
		memcmp(needles->table[i].more, at + NEEDLE_SIZE, more) != 0))
		i = (i + 1) % (1 << NEEDLE_TABLE_BITS);
	if (needles->table[i].form >= 0)
		return;
	if (++needles->needle_count > (1 << NEEDLE_TABLE_BITS) / 2 || more > NEEDLE_MORE_MAX)
		errx(2, "too many secrets");
	needles->table[i] = (struct needle) { .bytes = bytes, .form = form, .more_size = (uint8_t)more };
	memcpy(needles->table[i].more, at + NEEDLE_SIZE, more);
}

/* Pieces of NEEDLE_SIZE and more bytes that begin at each multiple of step. */
static void add_pieces(struct needles *needles, const char *name, const char *form_name, const void *bytes, size_t size,
		       size_t step, size_t more)
{
	int form = add_form(needles, name, form_name);

	if (size < NEEDLE_SIZE + more)
		errx(2, "%s %s is too short", name, form_name);
	for (size_t i = 0; i + NEEDLE_SIZE + more <= size; i += step)
		add_needle(needles, form, (const uint8_t *)bytes + i, more);
}

static void add_bytes(struct needles *needles, const char *name, const char *form_name, const void *bytes, size_t size,
		      size_t step)
{
	add_pieces(needles, name, form_name, bytes, size, step, 0);
}

/* ---- AES ---------------------------------------------------------------------------------------------------- */

static void swap_words(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += 4) {
		uint8_t first = bytes[i];
		uint8_t second = bytes[i + 1];

		bytes[i] = bytes[i + 3];
		bytes[i + 1] = bytes[i + 2];
		bytes[i + 2] = second;
		bytes[i + 3] = first;
	}
}

/* Ways to write a byte, and what stands behind it. */
enum writing { LOWER, UPPER, C_HEX, DECIMAL };

static void add_written(struct needles *needles, const char *name, const char *form, enum writing writing,
			const char *behind, const uint8_t *bytes)
{
	char text[8 * KEY];
	size_t length = 0;
	size_t whole;

	for (size_t i = 0; i < KEY; i++) {
		char *at = text + length;
		size_t room = sizeof(text) - length;

		if (writing == LOWER)
			length += (size_t)snprintf(at, room, "%02x%s", bytes[i], behind);
		else if (writing == UPPER)
			length += (size_t)snprintf(at, room, "%02X%s", bytes[i], behind);
		else if (writing == C_HEX)
			length += (size_t)snprintf(at, room, "0x%02x%s", bytes[i], behind);
		else
			length += (size_t)snprintf(at, room, "%u%s", bytes[i], behind);
	}
	/* Half of it, or most of it where a byte takes few digits. */
	whole = length / 2 < 20 ? 20 : length / 2;
	add_pieces(needles, name, form, text, length, 1, whole - NEEDLE_SIZE);
}

/* In the order of FIPS 197, as AES-NI has them, and with the bytes of each word the other way, as code in C has them. */
static void add_schedule(struct needles *needles, const char *name, const char *kind, uint8_t *schedule)
{
	char form[64];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		(void)snprintf(form, sizeof(form), "%s-%u", kind, i);
		add_bytes(needles, name, form, schedule + (size_t)i * KEY, KEY, 4);
		(void)snprintf(form, sizeof(form), "%s-hex-%u", kind, i);
		add_written(needles, name, form, LOWER, "", schedule + (size_t)i * KEY);
		swap_words(schedule + (size_t)i * KEY, KEY);
		(void)snprintf(form, sizeof(form), "%s-swapped-%u", kind, i);
		add_bytes(needles, name, form, schedule + (size_t)i * KEY, KEY, 4);
	}
}

/* Which of both orders libcrypto has depends on its build: the first round key is the key. */
static void get_schedule(const uint8_t *key, bool decrypts, uint8_t schedule[ROUNDS * KEY])
{
	AES_KEY expanded;
	AES_KEY reference;

	if (AES_set_encrypt_key(key, 8 * KEY, &reference) != 0 ||
	    (decrypts ? AES_set_decrypt_key : AES_set_encrypt_key)(key, 8 * KEY, &expanded) != 0)
		errx(2, "libcrypto expands no key");
	memcpy(schedule, expanded.rd_key, (size_t)ROUNDS * KEY);
	if (memcmp(reference.rd_key, key, KEY) != 0)
		swap_words(schedule, (size_t)ROUNDS * KEY);
	if (memcmp(schedule + (decrypts ? 10 * KEY : 0), key, KEY) != 0)
		errx(2, "libcrypto expands keys in a way that is not known here");
}

/* RFC 4493: a block doubled, and doubled again. */
static void double_block(uint8_t block[KEY])
{
	unsigned int carry = 0;

	for (int i = KEY - 1; i >= 0; i--) {
		unsigned int doubled = block[i] * 2u + carry;

		block[i] = (uint8_t)doubled;
		carry = doubled >> 8;
	}
	block[KEY - 1] ^= carry ? 0x87 : 0;
}

static void add_subkeys(struct needles *needles, const char *name, const uint8_t *key)
{
	uint8_t block[KEY] = { 0 };
	AES_KEY expanded;

	if (AES_set_encrypt_key(key, 8 * KEY, &expanded) != 0)
		errx(2, "libcrypto expands no key");
	AES_encrypt(block, block, &expanded);
	double_block(block);
	add_bytes(needles, name, "subkey-1", block, KEY, 4);
	double_block(block);
	add_bytes(needles, name, "subkey-2", block, KEY, 4);
}

static void add_texts(struct needles *needles, const char *name, const uint8_t *bytes)
{
	unsigned char base64[2 * KEY];

	add_written(needles, name, "hex", LOWER, "", bytes);
	add_written(needles, name, "HEX", UPPER, "", bytes);
	add_written(needles, name, "hex-spaced", LOWER, " ", bytes);
	add_written(needles, name, "hex-colons", UPPER, ":", bytes);
	add_written(needles, name, "hex-array", C_HEX, ", ", bytes);
	add_written(needles, name, "decimal-array", DECIMAL, ", ", bytes);
	add_pieces(needles, name, "base64", base64, (size_t)EVP_EncodeBlock(base64, bytes, KEY) - 3, 4, NEEDLE_SIZE);
}

static void add_aes(struct needles *needles, const char *name, const uint8_t *key, size_t size)
{
	uint8_t schedule[ROUNDS * KEY];
	uint8_t reversed[KEY];

	if (size != KEY)
		errx(2, "%s is no key of AES-128", name);
	add_bytes(needles, name, "key", key, KEY, 1);
	get_schedule(key, false, schedule);
	add_schedule(needles, name, "round", schedule);
	get_schedule(key, true, schedule);
	add_schedule(needles, name, "decrypt-round", schedule);
	add_subkeys(needles, name, key);
	for (size_t i = 0; i < KEY; i++)
		reversed[i] = key[KEY - 1 - i];
	add_bytes(needles, name, "reversed", reversed, KEY, 4);
	add_texts(needles, name, key);
}

/* ---- RSA ---------------------------------------------------------------------------------------------------- */

static void add_number(struct needles *needles, const char *name, const EVP_PKEY *key, const char *parameter)
{
	uint8_t bytes[NUMBER_MAX];
	BIGNUM *number = NULL;
	char form[64];
	int size;

	if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
		errx(2, "%s has no %s", name, parameter);
	size = BN_num_bytes(number);
	if (size > NUMBER_MAX || BN_bn2binpad(number, bytes, size) != size)
		errx(2, "%s is too large", name);
	add_bytes(needles, name, parameter, bytes, (size_t)size, 8);
	/* As BIGNUM has it on most machines. */
	if (BN_bn2lebinpad(number, bytes, size) != size)
		errx(2, "%s is too large", name);
	(void)snprintf(form, sizeof(form), "%s-limbs", parameter);
	add_bytes(needles, name, form, bytes, (size_t)size, 8);
	BN_free(number);
}

static void add_rsa(struct needles *needles, const char *name, const char *path)
{
	static const char *const parameters[] = {
		OSSL_PKEY_PARAM_RSA_D,	       OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;

	if (!file)
		err(2, "%s", path);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (!key) {
		rewind(file);
		key = d2i_PrivateKey_fp(file, NULL);
	}
	fclose(file);
	if (!key)
		errx(2, "%s is no private key", path);
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		add_number(needles, name, key, parameters[i]);
	EVP_PKEY_free(key);
}

/* ---- the file ----------------------------------------------------------------------------------------------- */

static void add_tile(struct needles *needles, const char *name, const uint8_t *bytes, size_t size)
{
	uint8_t twice[2 * NUMBER_MAX];

	memcpy(twice, bytes, size);
	memcpy(twice + size, bytes, size);
	add_bytes(needles, name, "bytes", twice, size + NEEDLE_SIZE - 1, 1);
	if (size == KEY)
		add_texts(needles, name, bytes);
}

static size_t read_hex(const char *text, uint8_t *bytes)
{
	size_t length = strlen(text);

	if (length % 2 || length > (size_t)2 * NUMBER_MAX)
		errx(2, "%s: no bytes", text);
	for (size_t i = 0; i < length; i += 2) {
		char digits[3] = { text[i], text[i + 1], '\0' };
		char *end;

		bytes[i / 2] = (uint8_t)strtoul(digits, &end, 16);
		if (*end || !isxdigit((unsigned char)digits[0]))
			errx(2, "%s: no bytes", text);
	}
	return length / 2;
}

static void add_line(struct needles *needles, const char *kind, const char *name, const char *value)
{
	uint8_t bytes[NUMBER_MAX];

	if (strcmp(kind, "rsa") == 0)
		add_rsa(needles, name, value);
	else if (strcmp(kind, "text") == 0)
		add_bytes(needles, name, "text", value, strlen(value), 1);
	else if (strcmp(kind, "aes") == 0)
		add_aes(needles, name, bytes, read_hex(value, bytes));
	else if (strcmp(kind, "tile") == 0)
		add_tile(needles, name, bytes, read_hex(value, bytes));
	else if (strcmp(kind, "bytes") == 0)
		add_bytes(needles, name, "bytes", bytes, read_hex(value, bytes), 1);
	else
		errx(2, "%s: no kind of secret", kind);
}

struct needles *needles_load(const char *path)
{
	struct needles *needles = calloc(1, sizeof(*needles));
	FILE *file = fopen(path, "re");
	char line[4608];

	if (!needles || !file)
		err(2, "%s", path);
	for (size_t i = 0; i < 1 << NEEDLE_TABLE_BITS; i++)
		needles->table[i].form = -1;
	while (fgets(line, sizeof(line), file)) {
		char kind[16];
		char name[64];
		char value[4097];

		if (sscanf(line, "%15s %63s %4096s", kind, name, value) != 3)
			errx(2, "%s: %s", path, line);
		add_line(needles, kind, name, value);
	}
	fclose(file);
	if (needles->needle_count == 0)
		errx(2, "%s: no secret", path);
	return needles;
}

void needles_print_round(const char *key, unsigned int round)
{
	uint8_t schedule[ROUNDS * KEY];
	uint8_t bytes[NUMBER_MAX];

	if (read_hex(key, bytes) != KEY || round >= ROUNDS)
		errx(2, "no such round key");
	get_schedule(bytes, false, schedule);
	for (size_t i = 0; i < KEY; i++)
		printf("%02x", schedule[round * KEY + i]);
	puts("");
}
