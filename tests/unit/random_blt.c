/* SPDX-License-Identifier: MIT */
/* Random transfers: EncryptionBlt, DecryptionBlt, GetPitch. */
#include "random_world.h"

#include <inttypes.h>

static uint32_t size_of(int resource)
{
	uint32_t pitch, size = 64;
	const struct model_resource *found = &rw_world.model.resources[resource == MODEL_NONE ? 0 : resource];

	if (resource != MODEL_NONE)
		(void)model_layout(found->format, found->width, found->height, &pitch, &size);
	return size;
}

/* One that a transfer takes, if the device has any. */
static int pick_protected(int device)
{
	int start = (int)rw_below(MODEL_RESOURCES);

	for (int i = 0; i < MODEL_RESOURCES && !rw_one_in(40); i++) {
		int at = (start + i) % MODEL_RESOURCES;
		const struct model_resource *resource = &rw_world.model.resources[at];

		if (resource->is_live && resource->device == device && resource->is_protected && resource->is_blt_kind)
			return at;
	}
	return rw_pick_resource(device, false);
}

/* One that can read, which most have not come to. */
static int pick_reader(int device)
{
	int start = (int)rw_below(MODEL_SESSIONS);

	for (int i = 0; i < MODEL_SESSIONS && !rw_one_in(16); i++) {
		int at = (start + i) % MODEL_SESSIONS;
		const struct model_session *session = &rw_world.model.sessions[at];

		if (session->is_live && session->device == device && session->has_readback)
			return at;
	}
	return rw_pick_session(device);
}

static void pick_blt(struct model_blt *blt, bool is_read)
{
	static const int more[] = { -16, 16, 1, 32, -64 };

	blt->device = rw_pick_device();
	blt->session = is_read ? pick_reader(blt->device) : rw_pick_session(blt->device);
	blt->protected_resource = pick_protected(blt->device);
	blt->system_resource = rw_pick_partner(blt->device, blt->protected_resource);
	blt->protected_index = rw_pick_index(blt->protected_resource);
	blt->system_index = rw_pick_index(blt->system_resource);
	blt->size = size_of(blt->protected_resource);
	if (rw_one_in(12))
		blt->size += (uint32_t)more[rw_below(5)];
	blt->has_iv = !rw_one_in(50);
}

/* Where a transfer's bytes are, with guards behind; NULL where no good call will look. */
static uint8_t *memory_of(const struct model_blt *blt)
{
	if (blt->system_resource == MODEL_NONE || blt->system_index >= MODEL_SURFACES)
		return NULL;
	return rw_world.resources[blt->system_resource].memory[blt->system_index];
}

void rw_call_encrypt(void)
{
	uint8_t iv[16], iv_before[16], before[RW_SLOT];
	struct model_blt blt = { 0 };
	D3DDDIARG_ENCRYPTIONBLT arg, arg_before;
	HRESULT expected, hr;
	unsigned int may = RW_MEMORY;
	uint8_t *memory;

	pick_blt(&blt, /* is_read= */ true);
	arg = (D3DDDIARG_ENCRYPTIONBLT) {
		.hCryptoSession = rw_session_handle(&blt.session),
		.hSrcResource = rw_resource_handle(blt.protected_resource),
		.SrcSubResourceIndex = blt.protected_index,
		.hDstResource = rw_resource_handle(blt.system_resource),
		.DstSubResourceIndex = blt.system_index,
		.DstResourceSize = blt.size,
		.pIV = blt.has_iv ? iv : NULL,
	};
	arg_before = arg;
	memset(iv, 0x5c, sizeof(iv));
	memcpy(iv_before, iv, sizeof(iv));
	memory = memory_of(&blt);
	if (memory) {
		memset(memory, (int)rw_below(256), RW_SLOT);
		memcpy(before, memory, RW_SLOT);
	}
	expected = model_encrypt(&rw_world.model, &blt);
	if (expected == S_OK && model_encrypt_is_first(&rw_world.model, &blt))
		may |= RW_RANDOM;
	RW_TELL("encrypt d%d s%d r%d.%u to r%d.%u size %u%s", blt.device, blt.session, blt.protected_resource,
		blt.protected_index, blt.system_resource, blt.system_index, blt.size, blt.has_iv ? "" : " no IV");
	rw_fault_begin(3);
	hr = rw_funcs(blt.device)->pfnEncryptionBlt(rw_device_handle(blt.device), &arg);
	rw_fault_end();
	/* Memory is asked for before random numbers are, or not at all. */
	if (rw_fault.failed && hr == E_OUTOFMEMORY)
		may &= ~(unsigned int)RW_RANDOM;
	RW_CHECK(rw_is_same(&arg, &arg_before, sizeof(arg)));
	if (rw_judge(RW_ENCRYPT, expected, hr, may)) {
		RW_CHECK(memory != NULL);
		uint32_t size = size_of(blt.protected_resource);

		RW_CHECK(model_encrypt_done(&rw_world.model, &blt, iv, memory));
		RW_CHECK(rw_is_same(memory + size, before + size, RW_SLOT - size)); /* BLT-28 */
	} else {
		RW_CHECK(rw_is_same(iv, iv_before, sizeof(iv))); /* BLT-20 */
		RW_CHECK(!memory || rw_is_same(memory, before, RW_SLOT));
	}
}

static void pick_info(D3DDDIENCRYPTED_BLOCK_INFO *info)
{
	static const UINT values[] = { 0, 16, 32, 48, 96, 0x80000000u, 8, 0xfffffff0u };

	info->NumEncryptedBytesAtBeginning = values[rw_below(rw_one_in(8) ? 8 : 4)];
	info->NumBytesInSkipPattern = values[rw_below(rw_one_in(12) ? 8 : 5)];
	info->NumBytesInEncryptPattern = values[rw_below(rw_one_in(12) ? 8 : 5)];
}

/* A number above all that the session used, or one of those, or one between. */
static uint64_t pick_iv_number(int session)
{
	const struct model_session *s = &rw_world.model.sessions[session == MODEL_NONE ? 0 : session];

	if (rw_one_in(5) && s->used_count > 0)
		return s->used[rw_below((unsigned int)s->used_count)].iv;
	if (rw_one_in(6))
		return rw_below(4);
	rw_world.highest += 1 + rw_below(3);
	return rw_world.highest;
}

static void pick_count(uint8_t count[8])
{
	static const uint64_t values[] = {
		0, 1, 0xfffffffe, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 3, UINT64_MAX - 5
	};
	uint64_t value = values[rw_below(rw_one_in(4) ? 7 : 3)];

	for (int i = 7; i >= 0; i--, value >>= 8)
		count[i] = (uint8_t)value;
}

/* One of the few keys, wrapped so that it is found again, or bytes that nobody wrapped. */
static void pick_content_key(int session, uint8_t wrapped[16])
{
	if (session != MODEL_NONE && !rw_one_in(6)) {
		model_aes_block(rw_world.model.sessions[session].key, true, rw_keys[rw_below(RW_KEYS)], wrapped);
		return;
	}
	for (int i = 0; i < 16; i++)
		wrapped[i] = (uint8_t)rw_chance();
}

void rw_call_decrypt(void)
{
	uint8_t before[RW_SLOT], wrapped[17], wrapped_before[17];
	D3DDDIENCRYPTED_BLOCK_INFO info;
	struct model_blt blt = { 0 };
	D3DDDIARG_DECRYPTIONBLT arg;
	HRESULT expected, hr;
	uint64_t number;
	uint8_t iv[16];
	uint8_t *memory;

	pick_blt(&blt, /* is_read= */ false);
	arg = (D3DDDIARG_DECRYPTIONBLT) {
		.hCryptoSession = rw_session_handle(&blt.session),
		.hSrcResource = rw_resource_handle(blt.system_resource),
		.SrcSubResourceIndex = blt.system_index,
		.SrcResourceSize = blt.size,
		.hDstResource = rw_resource_handle(blt.protected_resource),
		.DstSubResourceIndex = blt.protected_index,
		.pIV = blt.has_iv ? iv : NULL,
	};
	number = pick_iv_number(blt.session);
	for (int i = 7; i >= 0; i--)
		iv[i] = (uint8_t)(number >> (8 * (7 - i)));
	pick_count(iv + 8);
	memcpy(blt.iv, iv, 16);
	if (rw_one_in(3)) { /* at an odd address (BLT-51) */
		pick_content_key(blt.session, wrapped + 1);
		memcpy(wrapped_before, wrapped, sizeof(wrapped));
		arg.pContentKey = wrapped + 1;
		blt.content_key = wrapped_before + 1;
	}
	if (rw_one_in(3)) {
		pick_info(&info);
		arg.pEncryptedBlockInfo = &info;
		blt.info = &info;
	}
	memory = memory_of(&blt);
	for (size_t i = 0; memory && i < RW_SLOT; i += 8) {
		uint64_t bytes = rw_chance();

		memcpy(memory + i, &bytes, 8);
	}
	if (memory)
		memcpy(before, memory, RW_SLOT);
	expected = model_decrypt(&rw_world.model, &blt);
	RW_TELL("decrypt d%d s%d r%d.%u to r%d.%u size %u iv %" PRIu64 " count ..%02x%s%s", blt.device, blt.session,
		blt.system_resource, blt.system_index, blt.protected_resource, blt.protected_index, blt.size, number,
		iv[15], blt.content_key ? " content key" : "", blt.info ? " partial" : "");
	rw_fault_begin(3);
	hr = rw_funcs(blt.device)->pfnDecryptionBlt(rw_device_handle(blt.device), &arg);
	rw_fault_end();
	if (rw_judge(RW_DECRYPT, expected, hr, RW_MEMORY))
		model_decrypt_done(&rw_world.model, &blt, before);
	RW_CHECK(!memory || rw_is_same(memory, before, RW_SLOT)); /* BLT-47 */
	RW_CHECK(rw_is_same(iv, blt.iv, 16));			  /* BLT-50 */
	RW_CHECK(!blt.content_key || rw_is_same(wrapped, wrapped_before, sizeof(wrapped)));
}

void rw_call_get_pitch(void)
{
	int device = rw_pick_device(), session = rw_pick_session(device),
	    resource = rw_pick_resource(device, rw_one_in(3));
	uint32_t pitch = 0x5c5c, index = rw_pick_index(resource);
	D3DDDIARG_GETPITCH arg = { .Pitch = 0x5c5c, .SubResourceIndex = index };
	HRESULT expected, hr;

	arg.hCryptoSession = rw_session_handle(&session);
	arg.hResource = rw_resource_handle(resource);
	expected = model_get_pitch(&rw_world.model, device, session, resource, index, &pitch);
	RW_TELL("get pitch d%d s%d r%d.%u", device, session, resource, index);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnGetPitch(rw_device_handle(device), &arg);
	rw_fault_end();
	(void)rw_judge(RW_GET_PITCH, expected, hr, RW_NEVER);
	RW_CHECK(arg.Pitch == pitch);
}
