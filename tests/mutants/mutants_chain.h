/* SPDX-License-Identifier: MIT */
/* For mutants that give out another certificate chain than the driver's. */
#ifndef DXV_TESTS_MUTANTS_CHAIN_H
#define DXV_TESTS_MUTANTS_CHAIN_H

#include "mutant.h"

enum { MUTANT_CHAIN = 65536 };

struct mutant_chain {
	uint8_t bytes[MUTANT_CHAIN];
	size_t size;
};

/* What any driver has a certificate of that type for: AES128_CTR, and software channels. */
DDICERTIFICATEINFO mutant_certificate(D3DDDI_CERTIFICATETYPE type);
/* The driver's answer as if the caller had asked for that. */
HRESULT mutant_ask_certificate(HANDLE adapter, const D3DDDIARG_GETCAPS *asked, D3DDDI_CERTIFICATETYPE type);

/* The driver's own. */
HRESULT mutant_chain_ask(HANDLE adapter, const DDICERTIFICATEINFO *info, struct mutant_chain *ret);
/* The same of mutant_certificate, which must be there; where its last certificate, the root, begins. */
size_t mutant_chain_read(HANDLE adapter, D3DDDI_CERTIFICATETYPE type, struct mutant_chain *ret);
/* Behind it a self-signed certificate of a new RSA key. */
void mutant_chain_append(struct mutant_chain *chain, unsigned int bits, unsigned int exponent);
/* The root before all others. */
void mutant_chain_turn(const struct mutant_chain *chain, size_t root, struct mutant_chain *ret);

bool mutant_asks_size(const D3DDDIARG_GETCAPS *asked); /* of a certificate */
/* Answers both certificate queries with this chain. */
HRESULT mutant_chain_give(const struct mutant_chain *chain, const D3DDDIARG_GETCAPS *asked);

#endif
