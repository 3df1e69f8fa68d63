/* SPDX-License-Identifier: MIT */
/* The secrets that leak-scan looks for, in the forms in which libraries hold them. */
#ifndef DXV_TESTS_LEAK_NEEDLES_H
#define DXV_TESTS_LEAK_NEEDLES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * As few bytes in a row are found: half an AES key, which chance brings to one place in 2^64. What is written in digits is
 * looked at further.
 */
enum {
	NEEDLE_SIZE = 8,
	NEEDLE_MORE_MAX = 56,
	NEEDLE_FILTER_BITS = 20,
	NEEDLE_TABLE_BITS = 17,
	NEEDLE_FORMS_MAX = 16384
};

struct needle {
	uint64_t bytes;
	int form; /* -1: nothing here */
	uint8_t more_size;
	uint8_t more[NEEDLE_MORE_MAX];
};

struct needles {
	uint64_t filter[(1 << NEEDLE_FILTER_BITS) / 64];
	struct needle table[1 << NEEDLE_TABLE_BITS];
	size_t needle_count;
	char *forms[NEEDLE_FORMS_MAX];
	size_t form_count;
};

/*
 * Of a file with a line a secret, NAME without spaces:
 *	aes NAME HEX		a key of AES-128, its round keys both ways, its subkeys for OMAC, and what people write of it
 *	rsa NAME FILE		the private numbers of a key in PEM or DER
 *	tile NAME HEX		bytes that repeat, beginning anywhere
 *	bytes NAME HEX		bytes
 *	text NAME TEXT		text, at least 8 characters
 * Ends the program where it can't be understood.
 */
struct needles *needles_load(const char *path);

/* The key in hexadecimal digits; round 0 to 10. */
void needles_print_round(const char *key, unsigned int round);

static inline uint64_t needle_hash(uint64_t bytes)
{
	return bytes * UINT64_C(0x9e3779b97f4a7c15);
}

/* The form of a secret that begins here, where there are room bytes, NEEDLE_SIZE at least; -1: none. */
static inline int needles_find(const struct needles *needles, const uint8_t *at, size_t room)
{
	uint64_t bytes;
	uint64_t hash;
	uint64_t bit;

	memcpy(&bytes, at, sizeof(bytes));
	hash = needle_hash(bytes);
	bit = hash >> (64 - NEEDLE_FILTER_BITS);
	if (!(needles->filter[bit / 64] >> (bit % 64) & 1))
		return -1;
	for (uint64_t i = hash >> (64 - NEEDLE_TABLE_BITS);; i = (i + 1) % (1 << NEEDLE_TABLE_BITS)) {
		const struct needle *needle = &needles->table[i];

		if (needle->form < 0)
			return -1;
		if (needle->bytes == bytes && room >= NEEDLE_SIZE + (size_t)needle->more_size &&
		    memcmp(at + NEEDLE_SIZE, needle->more, needle->more_size) == 0)
			return needle->form;
	}
}

#endif
