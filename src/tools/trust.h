/* SPDX-License-Identifier: MIT */
/* The driver's certificate chain as a player sees it: checked against the trust anchor, then used. */
#ifndef DXV_TOOLS_TRUST_H
#define DXV_TOOLS_TRUST_H

#include <stddef.h>
#include <stdint.h>

enum { TRUST_BLOB_SIZE = 256 };

struct trust;

/*
 * Checks a chain of DER certificates (leaf first, root last, CAP-75) for the anchor: a DER certificate. The leaf must hold
 * an RSA-2048 key. Returns 0, or -1 with a few words in *ret_problem.
 */
int trust_check(const uint8_t *chain, size_t chain_size, const uint8_t *anchor, size_t anchor_size, struct trust **ret,
		const char **ret_problem);
/* RSAES-OAEP with SHA-512, MGF1-SHA-512, no label (CS-31). 0 or -1. */
int trust_encrypt(struct trust *trust, const uint8_t *key, size_t key_size, uint8_t blob[TRUST_BLOB_SIZE]);
void trust_free(struct trust *trust); /* NULL is allowed */

/* Reads one certificate from a PEM or DER file as DER; the caller frees it. 0 or -1. */
int trust_read_file(const char *path, uint8_t **ret, size_t *ret_size);

#endif
