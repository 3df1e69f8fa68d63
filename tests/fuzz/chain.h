/* SPDX-License-Identifier: MIT */
/* Certificate chains as an input describes them, and whether a chain is one: by signatures alone, without the verifier. */
#ifndef DXV_TESTS_FUZZ_CHAIN_H
#define DXV_TESTS_FUZZ_CHAIN_H

#include "input.h"

#include <stdbool.h>

enum { CHAIN_BYTES = 16384 };

/* Appends up to four certificates, as DER, and gives the anchor; returns the chain's size. */
size_t chain_build(struct fuzz_input *input, uint8_t chain[CHAIN_BYTES], const uint8_t **ret_anchor,
		   size_t *ret_anchor_size);

/*
 * Whether a chain that was accepted may be: the leaf has an RSA-2048 key, and from it a way leads to the anchor, each
 * certificate of it being of its time and signed by the next one, which is an authority's.
 */
bool chain_is_sound(const uint8_t *chain, size_t chain_size, const uint8_t *anchor, size_t anchor_size);

#endif
