/* SPDX-License-Identifier: MIT */
/* Certificate chains as an input describes them, and whether a chain is one: by signatures alone, without the verifier. */
#include "chain.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* Who there is: the root, an authority below it, a stranger, and two leaves that sign nothing. */
enum { ROOT, BELOW, STRANGER, SIGNERS, LEAF = SIGNERS, SHORT_LEAF, KEYS, CERTIFICATES = 4, WAY_MAX = 10 };

static EVP_PKEY *keys[KEYS];

/* A public key needs no primes that somebody knows. */
static EVP_PKEY *rsa_key(unsigned int bits)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	unsigned char modulus[256];
	unsigned int exponent = 65537;
	EVP_PKEY *key = NULL;
	OSSL_PARAM parameters[3] = {
		OSSL_PARAM_construct_BN("n", modulus, bits / 8),
		OSSL_PARAM_construct_uint("e", &exponent),
		OSSL_PARAM_construct_end(),
	};

	/* In the byte order of this machine: odd, and as long as it says. */
	for (size_t i = 0; i < sizeof(modulus); i++)
		modulus[i] = (unsigned char)(i * 151 + 1);
	modulus[bits / 8 - 1] |= 0x80;
	if (!context || EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) <= 0)
		abort();
	EVP_PKEY_CTX_free(context);
	return key;
}

static void make_keys(void)
{
	for (int i = 0; i < SIGNERS; i++) {
		unsigned char seed[32] = { (unsigned char)i, 'k' };

		keys[i] = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
		if (!keys[i])
			abort();
	}
	keys[LEAF] = rsa_key(2048);
	keys[SHORT_LEAF] = rsa_key(1024);
}

static void set_name(X509_NAME *name, uint8_t number)
{
	const unsigned char text[] = { (unsigned char)('A' + number % KEYS) };

	if (!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, sizeof(text), -1, 0))
		abort();
}

static void add_constraints(X509 *certificate, bool is_authority)
{
	BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();

	if (!constraints)
		abort();
	constraints->ca = is_authority ? 0xff : 0;
	if (X509_add1_ext_i2d(certificate, NID_basic_constraints, constraints, 1, X509V3_ADD_APPEND) != 1)
		abort();
	BASIC_CONSTRAINTS_free(constraints);
}

/* Subject, issuer, signer and key as a good chain has them for this place; each of them as the input has it, if it says so. */
static X509 *build_one(struct fuzz_input *input, uint8_t place, uint8_t count)
{
	static const uint8_t whose[CERTIFICATES] = { LEAF, BELOW, ROOT, ROOT };
	const uint8_t switches = fuzz_u8(input);
	const bool is_last = place == count - 1;
	uint8_t subject = is_last ? ROOT : whose[place];
	uint8_t issuer = !is_last && whose[place] == LEAF && count > 2 ? BELOW : ROOT;
	uint8_t signer = issuer, key = subject;
	X509 *certificate = X509_new();

	if (switches & 1)
		subject = fuzz_u8(input) % KEYS;
	if (switches & 2)
		issuer = fuzz_u8(input) % KEYS;
	if (switches & 4)
		signer = fuzz_u8(input) % SIGNERS;
	if (switches & 8)
		key = fuzz_u8(input) % KEYS;
	/* Of today, not yet, or not any more. */
	if (!certificate || !X509_set_version(certificate, switches & 128 ? X509_VERSION_1 : X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(certificate), place + 1) ||
	    !ASN1_TIME_set_string(X509_getm_notBefore(certificate),
				  switches & 16 ? "21251231235959Z" : "20000101000000Z") ||
	    !ASN1_TIME_set_string(X509_getm_notAfter(certificate),
				  switches & 32 ? "20010101000000Z" : "99991231235959Z") ||
	    !X509_set_pubkey(certificate, keys[key]))
		abort();
	set_name(X509_get_subject_name(certificate), subject);
	set_name(X509_get_issuer_name(certificate), issuer);
	if (!(switches & 128))
		add_constraints(certificate, (subject < SIGNERS) != ((switches & 64) != 0));
	if (X509_sign(certificate, keys[signer], NULL) <= 0)
		abort();
	return certificate;
}

size_t chain_build(struct fuzz_input *input, uint8_t chain[CHAIN_BYTES], const uint8_t **ret_anchor,
		   size_t *ret_anchor_size)
{
	const uint8_t shape = fuzz_u8(input);
	const uint8_t count = shape % CERTIFICATES + 1;
	/* Which of them is the anchor; mostly the last. */
	const uint8_t anchor = shape & 16 ? (shape >> 5) % count : count - 1;
	uint8_t *at = chain;

	if (!keys[ROOT])
		make_keys();
	for (uint8_t i = 0; i < count; i++) {
		X509 *certificate = build_one(input, i, count);
		uint8_t *begin = at;

		if (i2d_X509(certificate, &at) <= 0)
			abort();
		X509_free(certificate);
		if (i == anchor) {
			*ret_anchor = begin;
			*ret_anchor_size = (size_t)(at - begin);
		}
	}
	/* Any byte behind the signing. */
	if (shape & 4) {
		const uint16_t place = (uint16_t)fuzz_u32(input);

		chain[place % (size_t)(at - chain)] ^= fuzz_u8(input);
	}
	return (size_t)(at - chain);
}

/* ---- the judge -------------------------------------------------------------------------------------- */

static bool is_of_its_time(const X509 *certificate)
{
	return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

static bool is_signed_by(X509 *certificate, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return key && X509_verify(certificate, key) == 1 && X509_check_ca(issuer) > 0;
}

/* Depth first: there are few. */
static bool leads_to(X509 *from, X509 *anchor, X509 **others, size_t count, unsigned int depth)
{
	if (!is_of_its_time(from) || depth == WAY_MAX)
		return false;
	if (X509_cmp(from, anchor) == 0)
		return true;
	if (is_signed_by(from, anchor) && is_of_its_time(anchor))
		return true;
	for (size_t i = 0; i < count; i++) {
		if (others[i] != from && is_signed_by(from, others[i]) &&
		    leads_to(others[i], anchor, others, count, depth + 1))
			return true;
	}
	return false;
}

bool chain_is_sound(const uint8_t *chain, size_t chain_size, const uint8_t *anchor_data, size_t anchor_size)
{
	const unsigned char *at = anchor_data;
	X509 *anchor = d2i_X509(NULL, &at, (long)anchor_size);
	X509 *certificates[WAY_MAX];
	size_t count = 0;
	bool is_sound;

	for (at = chain; count < WAY_MAX && at < chain + chain_size; count++) {
		certificates[count] = d2i_X509(NULL, &at, (long)(chain + chain_size - at));
		if (!certificates[count])
			break;
	}
	is_sound = anchor && count >= 2 && at == chain + chain_size &&
		   EVP_PKEY_get_base_id(X509_get0_pubkey(certificates[0])) == EVP_PKEY_RSA &&
		   EVP_PKEY_get_bits(X509_get0_pubkey(certificates[0])) == 2048 &&
		   leads_to(certificates[0], anchor, certificates, count, 0);
	while (count > 0)
		X509_free(certificates[--count]);
	X509_free(anchor);
	return is_sound;
}
