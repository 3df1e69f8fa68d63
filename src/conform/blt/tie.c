/* SPDX-License-Identifier: MIT */
/* Content belongs to the session and the key exchange that brought it. */
#include "conform/blt/blt.h"

#include <string.h>

/* A session of b's device with a key and a read-back key of its own. */
static HANDLE reader(struct cf *cf, const struct blt *b, const uint8_t key[CF_KEY], uint8_t ret_read_back[CF_KEY])
{
	HANDLE session = blt_session(cf, &b->device, key);
	uint8_t wrapped[CF_KEY];

	CF_NEED(cf, cf_read_back_key(&b->device, session, wrapped));
	cf_ecb(key, /* encrypt= */ false, wrapped, ret_read_back);
	return session;
}

static struct blt open_tied(struct cf *cf, uint8_t *ret_plain)
{
	struct blt b;

	cf_require_caps(cf, D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY, "it has no read-back key");
	b = blt_open(cf);
	cf_pattern(ret_plain, b.size, 77);
	blt_put(cf, &b, ret_plain);
	return b;
}

/* EncryptionBlt through a session that may not read: the code, and that nothing was written. */
static void is_refused(struct cf *cf, const struct blt *b, HANDLE session)
{
	uint8_t iv[16], before[BLT_MOST];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(b, iv);

	arg.hCryptoSession = session;
	memset(iv, 0xc3, sizeof(iv));
	memset(b->out.memory, 0x77, b->size);
	CF_DECIDED(cf, "BLT-123", E_ACCESSDENIED, blt_encrypt(&b->device, &arg));
	memset(before, 0x77, b->size);
	CF_BYTES_DECIDED(cf, "BLT-123", before, b->out.memory, b->size, "the destination of a refused EncryptionBlt");
	memset(before, 0xc3, sizeof(iv));
	CF_BYTES_DECIDED(cf, "BLT-123", before, iv, sizeof(iv), "pIV of a refused EncryptionBlt");
}

static uint64_t allowed_iv(struct cf *cf, const struct blt *b, HANDLE session)
{
	uint8_t iv[16];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(b, iv);
	uint64_t value = 0;

	arg.hCryptoSession = session;
	CF_DECIDED(cf, "BLT-123", S_OK, blt_encrypt(&b->device, &arg));
	for (size_t i = 0; i < 8; i++)
		value = value << 8 | iv[i];
	return value;
}

static void another_session_may_not(struct cf *cf)
{
	uint8_t plain[BLT_MOST], read_back[CF_KEY];
	struct blt b = open_tied(cf, plain);
	HANDLE other = reader(cf, &b, cf_key_c, read_back);
	struct cf_surface virgin = cf_protected(cf, &b.device, D3DDDIFMT_A8R8G8B8, 16, 1), mine = b.protected;
	uint64_t first, next;

	/* What nobody wrote anybody may read; and a refused call takes no vector. */
	b.protected = virgin;
	first = allowed_iv(cf, &b, other);
	b.protected = mine;
	is_refused(cf, &b, other);
	b.protected = virgin;
	next = allowed_iv(cf, &b, other);
	CF_TRUE_DECIDED(cf, "BLT-123", next == first + 1, "a refused EncryptionBlt took a vector");
	b.protected = mine;
	/* The same key makes no difference. */
	is_refused(cf, &b, reader(cf, &b, b.key, read_back));
	blt_holds(cf, &b, "BLT-123", CF_BY_DECISION, plain, b.size, "the content, for the session that brought it");
}

static void a_refresh_does_not_cut_it(struct cf *cf)
{
	uint8_t plain[BLT_MOST];
	struct blt b = open_tied(cf, plain);

	blt_refresh(cf, &b);
	blt_holds(cf, &b, "BLT-123", CF_BY_DECISION, plain, b.size, "the content after Start and Finish");
	memset(b.read_back, 0, CF_KEY);
	blt_holds(cf, &b, "BLT-123", CF_BY_DECISION, plain, b.size, "the content with a read-back key made later");
}

static void an_exchange_cuts_it(struct cf *cf)
{
	uint8_t plain[BLT_MOST], wrapped[CF_KEY], blob[CF_BLOB];
	struct blt b = open_tied(cf, plain);

	/* The same blob, twice. */
	cf_wrap(cf, 2, b.key, CF_KEY, blob);
	CF_NEED(cf, cf_exchange_blob(&b.device, b.session, blob));
	CF_NEED(cf, cf_read_back_key(&b.device, b.session, wrapped));
	is_refused(cf, &b, b.session);
	blt_put(cf, &b, plain);
	allowed_iv(cf, &b, b.session);
	CF_NEED(cf, cf_exchange_blob(&b.device, b.session, blob));
	CF_NEED(cf, cf_read_back_key(&b.device, b.session, wrapped));
	is_refused(cf, &b, b.session);
	/* A failed exchange cuts nothing. */
	blt_put(cf, &b, plain);
	blob[7] ^= 1;
	cf_exchange_blob(&b.device, b.session, blob);
	allowed_iv(cf, &b, b.session);
}

static void the_end_of_the_session_frees_nobody(struct cf *cf)
{
	uint8_t plain[BLT_MOST], read_back[CF_KEY];
	struct blt b = open_tied(cf, plain);
	HANDLE other = reader(cf, &b, cf_key_c, read_back);

	CF_NEED(cf, cf_destroy_session(&b.device, b.session));
	is_refused(cf, &b, other);
	is_refused(cf, &b, reader(cf, &b, cf_key_k, read_back));
}

static void the_last_writer_has_it(struct cf *cf)
{
	uint8_t plain[BLT_MOST], wrapped[CF_KEY];
	struct blt b = open_tied(cf, plain), second = b;

	second.session = blt_session(cf, &b.device, cf_key_c);
	memcpy(second.key, cf_key_c, CF_KEY);
	memset(second.read_back, 0, CF_KEY);
	CF_NEED(cf, cf_read_back_key(&b.device, b.session, wrapped));
	cf_pattern(plain, b.size, 78);
	blt_put(cf, &second, plain);
	blt_holds(cf, &second, "BLT-123", CF_BY_DECISION, plain, b.size, "the content, for its last writer");
	is_refused(cf, &b, b.session);
	/* A transfer that failed does not tie. */
	cf_pattern(plain, b.size, 79);
	{
		uint8_t iv[16];
		D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&b, iv);

		cf_iv(iv, cf_fresh_iv(cf), UINT64_MAX);
		if (blt_decrypt(&b.device, &arg) != S_OK)
			is_refused(cf, &b, b.session);
	}
}

static void nobody_reads_after_key_loss(struct cf *cf)
{
	uint8_t plain[BLT_MOST], wrapped[CF_KEY];
	struct blt b = open_tied(cf, plain);

	cf_lose_keys(cf);
	CF_NEED(cf, cf_exchange(cf, &b.device, b.session, b.key));
	CF_NEED(cf, cf_read_back_key(&b.device, b.session, wrapped));
	is_refused(cf, &b, b.session);
	memset(b.read_back, 0, CF_KEY);
	blt_put(cf, &b, plain);
	blt_holds(cf, &b, "BLT-123", CF_BY_DECISION, plain, b.size, "the content that was brought anew");
}

const struct cf_test blt_tie_tests[] = {
	{ "tie-other-session", "BLT-123", another_session_may_not },
	{ "tie-refresh", "BLT-123", a_refresh_does_not_cut_it },
	{ "tie-new-exchange", "BLT-123", an_exchange_cuts_it },
	{ "tie-session-destroyed", "BLT-123", the_end_of_the_session_frees_nobody },
	{ "tie-last-writer", "BLT-123", the_last_writer_has_it },
	{ "tie-key-loss", "BLT-123", nobody_reads_after_key_loss },
	{ 0 },
};
