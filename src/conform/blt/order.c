/* SPDX-License-Identifier: MIT */
/* The order of the checks in the two transfers: two faults at once, and the code of the earlier. */
#include "conform/blt/blt.h"

#include <stdio.h>
#include <string.h>

/* What a call is made of; a fault spoils one part of it. */
struct call {
	HANDLE device;
	D3DDDIARG_DECRYPTIONBLT in;
	D3DDDIARG_ENCRYPTIONBLT out;
};

/* What the faults are made from. */
struct parts {
	struct blt b, elsewhere;
	HANDLE dead_session, keyless_session, reader; /* reader: a key, and no read-back key */
	HANDLE dead_resource, ordinary, misaligned, locked;
	HANDLE foreign_content; /* written by another session */
	uint8_t iv[16], used_iv[16], last_iv[16], ret_iv[16];
	D3DDDIENCRYPTED_BLOCK_INFO odd_info;
};

/* Two faults of one part do not go together. */
enum part { DEVICE, SESSION, VECTOR, PROTECTED, INDEX, SYSTEM, SIZE, INFO };

struct fault {
	const char *name;
	int step; /* of BLT-120 */
	enum part part;
	HRESULT result;
	void (*spoil)(struct call *call, struct parts *parts);
	bool in_only, out_only;
};

static void no_device(struct call *call, struct parts *parts)
{
	(void)parts;
	call->device = NULL;
}

static void dead_session(struct call *call, struct parts *parts)
{
	call->in.hCryptoSession = call->out.hCryptoSession = parts->dead_session;
}

static void foreign_session(struct call *call, struct parts *parts)
{
	call->in.hCryptoSession = call->out.hCryptoSession = parts->elsewhere.session;
}

static void no_vector(struct call *call, struct parts *parts)
{
	(void)parts;
	call->in.pIV = call->out.pIV = NULL;
}

static void dead_resource(struct call *call, struct parts *parts)
{
	call->in.hDstResource = call->out.hSrcResource = parts->dead_resource;
}

static void index_beyond(struct call *call, struct parts *parts)
{
	(void)parts;
	call->in.SrcSubResourceIndex = call->out.DstSubResourceIndex = 1;
}

static void ordinary_surface(struct call *call, struct parts *parts)
{
	call->in.hDstResource = call->out.hSrcResource = parts->ordinary;
}

static void too_small(struct call *call, struct parts *parts)
{
	call->in.SrcResourceSize = call->out.DstResourceSize = parts->b.whole - 16;
}

static void misaligned(struct call *call, struct parts *parts)
{
	call->in.hSrcResource = call->out.hDstResource = parts->misaligned;
}

static void odd_info(struct call *call, struct parts *parts)
{
	call->in.pEncryptedBlockInfo = &parts->odd_info;
}

static void count_ends(struct call *call, struct parts *parts)
{
	call->in.pIV = parts->last_iv;
}

static void no_key(struct call *call, struct parts *parts)
{
	call->in.hCryptoSession = call->out.hCryptoSession = parts->keyless_session;
}

static void no_read_back_key(struct call *call, struct parts *parts)
{
	call->out.hCryptoSession = parts->reader;
}

static void others_content(struct call *call, struct parts *parts)
{
	call->in.hDstResource = call->out.hSrcResource = parts->foreign_content;
}

static void locked_surface(struct call *call, struct parts *parts)
{
	call->in.hSrcResource = call->out.hDstResource = parts->locked;
}

static void used_vector(struct call *call, struct parts *parts)
{
	call->in.pIV = parts->used_iv;
}

static const struct fault faults[] = {
	{ "hDevice NULL", 1, DEVICE, E_INVALIDARG, no_device },
	{ "a dead session", 4, SESSION, E_INVALIDARG, dead_session },
	{ "a session of another device", 5, SESSION, E_INVALIDARG, foreign_session },
	{ "pIV NULL", 6, VECTOR, E_INVALIDARG, no_vector },
	{ "a dead resource", 8, PROTECTED, E_INVALIDARG, dead_resource },
	{ "an index beyond the list", 8, INDEX, E_INVALIDARG, index_beyond },
	{ "a surface that is not protected", 9, PROTECTED, E_INVALIDARG, ordinary_surface },
	{ "too small a size", 10, SIZE, E_INVALIDARG, too_small },
	{ "a misaligned address", 10, SYSTEM, E_INVALIDARG, misaligned },
	{ "block info that is no multiple", 11, INFO, E_INVALIDARG, odd_info, .in_only = true },
	{ "a Count that ends too early", 11, VECTOR, E_INVALIDARG, count_ends, .in_only = true },
	{ "no session key", 12, SESSION, D3DDDIERR_INVALIDCALL, no_key },
	{ "no read-back key", 12, SESSION, D3DDDIERR_INVALIDCALL, no_read_back_key, .out_only = true },
	{ "content of another session", 13, PROTECTED, E_ACCESSDENIED, others_content, .out_only = true },
	{ "a locked surface", 14, SYSTEM, D3DDDIERR_INVALIDCALL, locked_surface },
	{ "a used vector", 15, VECTOR, D3DDDIERR_INVALIDCALL, used_vector, .in_only = true },
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static void open_parts(struct cf *cf, struct parts *p)
{
	struct blt writer;
	D3DDDIARG_LOCK lock = { 0 };
	uint8_t wrapped[CF_KEY];
	struct cf_surface dead, foreign;

	*p = (struct parts) { .b = blt_open(cf), .elsewhere = blt_open(cf), .odd_info = { 8, 16, 16 } };
	p->keyless_session = blt_session(cf, &p->b.device, NULL);
	p->reader = blt_session(cf, &p->b.device, cf_key_c);
	p->dead_session = blt_session(cf, &p->b.device, NULL);
	CF_NEED(cf, cf_destroy_session(&p->b.device, p->dead_session));
	dead = cf_protected(cf, &p->b.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	p->dead_resource = dead.h;
	CF_NEED(cf, cf_destroy_resource(&p->b.device, dead.h));
	p->ordinary = blt_surface(cf, &p->b, D3DDDIPOOL_VIDEOMEMORY, 0);
	p->misaligned = blt_system_at(cf, &p->b, blt_memory(cf, p->b.whole + 64) + 8);
	p->locked = blt_system_at(cf, &p->b, blt_memory(cf, p->b.whole));
	lock.hResource = p->locked;
	CF_NEED(cf, p->b.device.f->pfnLock(p->b.device.h, &lock));

	/* What a third session wrote. */
	foreign = cf_protected(cf, &p->b.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	p->foreign_content = foreign.h;
	writer = p->b;
	writer.session = blt_session(cf, &p->b.device, cf_key_k);
	writer.protected = foreign;
	CF_NEED(cf, blt_with_iv(&writer, cf_fresh_iv(cf), 0));

	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		CF_NEED(cf, cf_read_back_key(&p->b.device, p->b.session, wrapped));
	cf_iv(p->used_iv, cf_fresh_iv(cf), 0);
	{
		const D3DDDIARG_DECRYPTIONBLT arg = blt_decryption(&p->b, p->used_iv);

		CF_NEED(cf, blt_decrypt(&p->b.device, &arg));
	}
	cf_iv(p->last_iv, UINT64_MAX, UINT64_MAX);
}

static struct call make_call(struct cf *cf, struct parts *p)
{
	cf_iv(p->iv, cf_fresh_iv(cf), 0);
	return (struct call) {
		.device = p->b.device.h,
		.in = blt_decryption(&p->b, p->iv),
		.out = blt_encryption(&p->b, p->ret_iv),
	};
}

static HRESULT run(const struct parts *p, const struct call *call, bool is_in)
{
	return is_in ? p->b.device.f->pfnDecryptionBlt(call->device, &call->in)
		     : p->b.device.f->pfnEncryptionBlt(call->device, &call->out);
}

static bool fits(const struct fault *fault, bool is_in, const struct parts *p)
{
	if (is_in ? fault->out_only : fault->in_only)
		return false;
	return fault->spoil != ordinary_surface || p->ordinary;
}

static void pairs(struct cf *cf, struct parts *p, bool is_in)
{
	for (size_t i = 0; i < FAULTS; i++) {
		for (size_t j = i; j < FAULTS; j++) {
			struct call call = make_call(cf, p);
			char text[160];

			if (!fits(&faults[i], is_in, p) || !fits(&faults[j], is_in, p) ||
			    (i != j && faults[i].part == faults[j].part))
				continue;
			faults[i].spoil(&call, p);
			if (j != i)
				faults[j].spoil(&call, p);
			/* The table is in the order of the steps. */
			snprintf(text, sizeof(text), "%s with %s and %s", is_in ? "DecryptionBlt" : "EncryptionBlt",
				 faults[i].name, j == i ? "no other fault" : faults[j].name);
			cf_check_code(cf, "BLT-120", CF_BY_DECISION, faults[i].result, run(p, &call, is_in), text);
		}
	}
}

static void pairs_of_faults(struct cf *cf)
{
	static struct parts p;
	struct call call;

	if (blt_block(cf) != 16 || blt_start(cf) != 16)
		cf_skip(cf, "its alignments are not 16, which the faults are made for");
	open_parts(cf, &p);
	if (!cf_has(cf, D3DCPCAPS_PARTIALDECRYPTION))
		p.odd_info = (D3DDDIENCRYPTED_BLOCK_INFO) { 0 };
	call = make_call(cf, &p);
	CF_DECIDED(cf, "BLT-120", S_OK, run(&p, &call, true));
	pairs(cf, &p, /* is_in= */ true);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		CF_DECIDED(cf, "BLT-120", S_OK, run(&p, &call, false));
		pairs(cf, &p, /* is_in= */ false);
	}
	/* Step 1, its other half. */
	CF_DECIDED(cf, "BLT-120", E_INVALIDARG, p.b.device.f->pfnDecryptionBlt(p.b.device.h, NULL));
	CF_DECIDED(cf, "BLT-120", E_INVALIDARG, p.b.device.f->pfnEncryptionBlt(p.b.device.h, NULL));
	/* And with all that, nothing was broken. */
	call = make_call(cf, &p);
	CF_DECIDED(cf, "BLT-120", S_OK, run(&p, &call, true));
}

/* One by one, as the rulebook names them. */
static void examples(struct cf *cf)
{
	static struct parts p;
	struct call call;

	if (blt_block(cf) != 16 || blt_start(cf) != 16)
		cf_skip(cf, "its alignments are not 16, which the faults are made for");
	open_parts(cf, &p);

	call = make_call(cf, &p);
	no_key(&call, &p);
	too_small(&call, &p);
	CF_DECIDED(cf, "BLT-121", E_INVALIDARG, run(&p, &call, true));
	call = make_call(cf, &p);
	too_small(&call, &p);
	used_vector(&call, &p);
	CF_DECIDED(cf, "BLT-121", E_INVALIDARG, run(&p, &call, true));
	call = make_call(cf, &p);
	no_key(&call, &p);
	used_vector(&call, &p);
	CF_DECIDED(cf, "BLT-121", D3DDDIERR_INVALIDCALL, run(&p, &call, true));
	if (!cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		return;
	call = make_call(cf, &p);
	others_content(&call, &p);
	no_read_back_key(&call, &p);
	CF_DECIDED(cf, "BLT-121", D3DDDIERR_INVALIDCALL, run(&p, &call, false));
	call = make_call(cf, &p);
	others_content(&call, &p);
	locked_surface(&call, &p);
	CF_DECIDED(cf, "BLT-121", E_ACCESSDENIED, run(&p, &call, false));
}

/* Step 2: behind step 1, before all others. */
static void the_adapter_is_gone(struct cf *cf)
{
	static struct parts p;

	if (blt_block(cf) != 16 || blt_start(cf) != 16)
		cf_skip(cf, "its alignments are not 16, which the faults are made for");
	open_parts(cf, &p);
	cf_remove_adapter(cf);
	for (size_t i = 0; i < FAULTS; i++) {
		for (int is_in = 0; is_in < 2; is_in++) {
			struct call call = make_call(cf, &p);
			char text[160];

			if (!fits(&faults[i], is_in, &p))
				continue;
			faults[i].spoil(&call, &p);
			snprintf(text, sizeof(text), "%s without the adapter and with %s",
				 is_in ? "DecryptionBlt" : "EncryptionBlt", faults[i].name);
			cf_check_code(cf, faults[i].step == 4 ? "BLT-121" : "BLT-120", CF_BY_DECISION,
				      faults[i].step == 1 ? E_INVALIDARG : D3DDDIERR_DEVICEREMOVED,
				      run(&p, &call, is_in), text);
		}
	}
}

const struct cf_test blt_order_tests[] = {
	{ "order-pairs-of-faults", "BLT-120", pairs_of_faults },
	{ "order-examples", "BLT-121", examples },
	{ "order-adapter-removed", "BLT-120 BLT-121", the_adapter_is_gone, .is_private = true },
	{ 0 },
};
