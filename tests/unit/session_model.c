/* SPDX-License-Identifier: MIT */
/* The rules of crypto sessions and transfers, told once more: what each call must answer, and what it changes (CS-75). */
#include "session_model.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

/* ---- AES ------------------------------------------------------------------------------------------------ */

void model_aes_block(const uint8_t key[16], bool encrypt, const uint8_t in[16], uint8_t out[16])
{
	static EVP_CIPHER_CTX *context;
	int size;

	if (!context)
		context = EVP_CIPHER_CTX_new();
	EVP_CipherInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL, encrypt);
	EVP_CIPHER_CTX_set_padding(context, 0);
	EVP_CipherUpdate(context, out, &size, in, 16);
}

/* Whether the block at that offset is an encrypted one. */
static bool is_encrypted(const D3DDDIENCRYPTED_BLOCK_INFO *info, uint64_t offset)
{
	uint64_t skip, encrypt;

	if (!info || offset < info->NumEncryptedBytesAtBeginning)
		return true;
	skip = info->NumBytesInSkipPattern;
	encrypt = info->NumBytesInEncryptPattern;
	if (encrypt == 0)
		return false; /* BLT-67, BLT-70, BLT-71 */
	return (offset - info->NumEncryptedBytesAtBeginning) % (skip + encrypt) >= skip;
}

void model_aes_ctr(const uint8_t key[16], const uint8_t iv[16], const D3DDDIENCRYPTED_BLOCK_INFO *info,
		   const uint8_t *in, uint8_t *out, uint32_t size)
{
	uint8_t counter[16], stream[16];

	memcpy(counter, iv, 16);
	for (uint32_t at = 0; at < size; at += 16) {
		if (!is_encrypted(info, at)) {
			memmove(out + at, in + at, 16);
			continue;
		}
		model_aes_block(key, true, counter, stream);
		for (int i = 0; i < 16; i++)
			out[at + i] = in[at + i] ^ stream[i];
		for (int i = 15; i >= 8 && ++counter[i] == 0; i--)
			;
	}
}

/* ---- what all calls begin with ---------------------------------------------------------------------------- */

static bool is_device(const struct model *model, int device)
{
	return device != MODEL_NONE && model->has_device[device];
}

/* Steps 1, 2, 4 and 5 of CS-71 and BLT-120: S_OK, or what the call answers. */
static HRESULT check_head(const struct model *model, int device, int session)
{
	if (!is_device(model, device))
		return E_INVALIDARG;
	if (model->is_removed)
		return D3DDDIERR_DEVICEREMOVED;
	if (session == MODEL_NONE || !model->sessions[session].is_live || model->sessions[session].device != device)
		return E_INVALIDARG;
	return S_OK;
}

/* ---- sessions ------------------------------------------------------------------------------------------------ */

HRESULT model_create(const struct model *model, int device, bool is_known_type, bool is_zero_profile)
{
	if (!is_device(model, device))
		return E_INVALIDARG;
	if (model->is_removed)
		return D3DDDIERR_DEVICEREMOVED;
	if (!is_known_type)
		return D3DDDIERR_NOTAVAILABLE;			     /* CS-17, CS-18, CS-21 */
	return is_zero_profile ? S_OK : D3DDDIERR_UNSUPPORTEDCRYPTO; /* CS-20 */
}

int model_create_done(struct model *model, int device)
{
	for (int i = 0; i < MODEL_SESSIONS; i++) {
		if (model->sessions[i].is_live)
			continue;
		model->sessions[i] = (struct model_session) { .is_live = true, .device = device, .id = ++model->ids };
		return i;
	}
	return MODEL_NONE;
}

HRESULT model_destroy(const struct model *model, int device, int session)
{
	struct model present = *model;

	present.is_removed = false; /* CS-12 */
	return check_head(&present, device, session);
}

void model_destroy_done(struct model *model, int session)
{
	model->sessions[session].is_live = false;
}

HRESULT model_exchange(const struct model *model, int device, int session, const struct model_exchange *arg)
{
	HRESULT hr = check_head(model, device, session);

	if (hr != S_OK)
		return hr;
	return arg->has_data && arg->size == 256 && arg->is_good ? S_OK : E_INVALIDARG;
}

void model_exchange_done(struct model *model, int session, const uint8_t key[16])
{
	struct model_session *s = &model->sessions[session];

	memcpy(s->key, key, 16);
	s->exchange = ++model->ids;
	s->has_number = false;
	s->has_readback = false;
}

static HRESULT check_value(const struct model *model, int device, int session, bool has_buffer, uint32_t size)
{
	HRESULT hr = check_head(model, device, session);

	if (hr != S_OK)
		return hr;
	if (!has_buffer || size != 16)
		return E_INVALIDARG;
	return model->sessions[session].exchange ? S_OK : D3DDDIERR_INVALIDCALL;
}

HRESULT model_start(const struct model *model, int device, int session, bool has_buffer, uint32_t size)
{
	return check_value(model, device, session, has_buffer, size);
}

void model_start_done(struct model *model, int session, const uint8_t number[16])
{
	model->sessions[session].has_number = true;
	memcpy(model->sessions[session].number, number, 16);
}

HRESULT model_finish(const struct model *model, int device, int session)
{
	HRESULT hr = check_head(model, device, session);

	if (hr != S_OK)
		return hr;
	return model->sessions[session].exchange && model->sessions[session].has_number ? S_OK : D3DDDIERR_INVALIDCALL;
}

void model_finish_done(struct model *model, int session)
{
	struct model_session *s = &model->sessions[session];

	for (int i = 0; i < 16; i++)
		s->key[i] ^= s->number[i];
	s->has_number = false;
}

HRESULT model_get_key(const struct model *model, int device, int session, bool has_buffer, uint32_t size)
{
	return check_value(model, device, session, has_buffer, size);
}

void model_get_key_done(struct model *model, int session, const uint8_t wrapped[16])
{
	struct model_session *s = &model->sessions[session];

	model_aes_block(s->key, false, wrapped, s->readback);
	s->has_readback = true;
}

/* ---- transfers ------------------------------------------------------------------------------------------------- */

static uint64_t load_number(const uint8_t bytes[8])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number * 256 + bytes[i];
	return number;
}

static const struct model_content *content_of(const struct model *model, const struct model_blt *blt)
{
	const struct model_resource *resource = &model->resources[blt->protected_resource];

	return &model->contents[resource->surfaces[blt->protected_index].content];
}

static bool is_resource(const struct model *model, int device, int resource)
{
	return resource != MODEL_NONE && model->resources[resource].is_live &&
	       model->resources[resource].device == device;
}

/* Steps 1 to 10 of BLT-120 but for 7, which the default never refuses. */
static HRESULT check_blt(const struct model *model, const struct model_blt *blt)
{
	const struct model_resource *protected, *system;
	HRESULT hr = check_head(model, blt->device, blt->session);

	if (hr != S_OK)
		return hr;
	if (!blt->has_iv)
		return E_INVALIDARG;
	if (!is_resource(model, blt->device, blt->protected_resource) ||
	    !is_resource(model, blt->device, blt->system_resource))
		return E_INVALIDARG;
	protected = &model->resources[blt->protected_resource];
	system = &model->resources[blt->system_resource];
	if (blt->protected_index >= (uint32_t) protected->count || blt->system_index >= (uint32_t)system->count)
		return E_INVALIDARG;
	if (protected->is_system || !protected->is_protected || !protected->is_blt_kind || !system->is_system)
		return E_INVALIDARG;
	if (protected->format != system->format || protected->width != system->width ||
	    protected->height != system->height)
		return E_INVALIDARG;
	if (blt->size % 16 != 0 || blt->size < content_of(model, blt)->size || !system->is_aligned)
		return E_INVALIDARG;
	return S_OK;
}

static bool is_locked(const struct model *model, const struct model_blt *blt)
{
	return model->resources[blt->system_resource].surfaces[blt->system_index].is_locked ||
	       model->resources[blt->protected_resource].surfaces[blt->protected_index].is_locked;
}

HRESULT model_encrypt(const struct model *model, const struct model_blt *blt)
{
	const struct model_content *content;
	const struct model_session *session;
	HRESULT hr = check_blt(model, blt);

	if (hr != S_OK)
		return hr;
	session = &model->sessions[blt->session];
	content = content_of(model, blt);
	if (!session->exchange || !session->has_readback)
		return D3DDDIERR_INVALIDCALL; /* BLT-18 */
	if (content->session != 0 && (content->session != session->id || content->exchange != session->exchange))
		return E_ACCESSDENIED; /* BLT-123 */
	return is_locked(model, blt) ? D3DDDIERR_INVALIDCALL : S_OK;
}

bool model_encrypt_is_first(const struct model *model, const struct model_blt *blt)
{
	return !model->sessions[blt->session].has_vector;
}

bool model_encrypt_done(struct model *model, const struct model_blt *blt, const uint8_t iv[16], const uint8_t *cipher)
{
	const struct model_content *content = content_of(model, blt);
	struct model_session *session = &model->sessions[blt->session];
	uint8_t clear[MODEL_BYTES];

	if (session->has_vector && load_number(iv) != session->vector)
		return false; /* BLT-23, BLT-24 */
	if (!session->has_vector && load_number(iv) >= UINT64_C(1) << 63)
		return false; /* BLT-22 */
	if (load_number(iv + 8) != 0)
		return false; /* BLT-25 */
	session->has_vector = true;
	session->vector = load_number(iv) + 1;
	model_aes_ctr(session->readback, iv, NULL, cipher, clear, content->size);
	return memcmp(clear, content->bytes, content->size) == 0;
}

/* Step 11, looked at block by block. */
static bool is_info_good(const struct model_blt *blt, uint32_t size)
{
	const D3DDDIENCRYPTED_BLOCK_INFO *info = blt->info;
	uint64_t blocks = 0;

	if (info && (info->NumEncryptedBytesAtBeginning % 16 || info->NumBytesInSkipPattern % 16 ||
		     info->NumBytesInEncryptPattern % 16 || info->NumEncryptedBytesAtBeginning > size))
		return false;
	for (uint32_t at = 0; at < size; at += 16)
		blocks += is_encrypted(info, at);
	/* The last block's number is Count + blocks - 1, and must exist (BLT-04, BLT-77). */
	return blocks == 0 || UINT64_MAX - load_number(blt->iv + 8) >= blocks - 1;
}

static void key_of(const struct model *model, const struct model_blt *blt, uint8_t ret[16])
{
	const struct model_session *session = &model->sessions[blt->session];

	if (blt->content_key)
		model_aes_block(session->key, false, blt->content_key, ret);
	else
		memcpy(ret, session->key, 16);
}

static int find_used(const struct model_session *session, const uint8_t key[16])
{
	int i = 0;

	while (i < session->used_count && memcmp(session->used[i].key, key, 16) != 0)
		i++;
	return i;
}

HRESULT model_decrypt(const struct model *model, const struct model_blt *blt)
{
	const struct model_session *session;
	HRESULT hr = check_blt(model, blt);
	uint8_t key[16];
	int used;

	if (hr != S_OK)
		return hr;
	if (!is_info_good(blt, content_of(model, blt)->size))
		return E_INVALIDARG;
	session = &model->sessions[blt->session];
	if (!session->exchange || is_locked(model, blt))
		return D3DDDIERR_INVALIDCALL;
	key_of(model, blt, key);
	used = find_used(session, key);
	if (used < session->used_count && load_number(blt->iv) <= session->used[used].iv)
		return D3DDDIERR_INVALIDCALL; /* BLT-07, BLT-08 */
	return S_OK;
}

void model_decrypt_done(struct model *model, const struct model_blt *blt, const uint8_t *cipher)
{
	struct model_content *content = &model->contents[content_of(model, blt) - model->contents];
	struct model_session *session = &model->sessions[blt->session];
	uint8_t key[16];
	int used;

	key_of(model, blt, key);
	used = find_used(session, key);
	if (used == session->used_count) {
		assert(used < MODEL_KEYS);
		session->used_count++;
	}
	memcpy(session->used[used].key, key, 16);
	session->used[used].iv = load_number(blt->iv);
	content->session = session->id;
	content->exchange = session->exchange;
	model_aes_ctr(key, blt->iv, blt->info, cipher, content->bytes, content->size);
}

HRESULT model_get_pitch(const struct model *model, int device, int session, int resource, uint32_t index,
			uint32_t *ret_pitch)
{
	const struct model_resource *found;
	HRESULT hr = check_head(model, device, session);

	if (hr != S_OK)
		return hr;
	if (!is_resource(model, device, resource) || index >= (uint32_t)model->resources[resource].count)
		return E_INVALIDARG;
	found = &model->resources[resource];
	*ret_pitch = found->is_system ? found->memory_pitch : model->contents[found->surfaces[index].content].pitch;
	return S_OK;
}

/* ---- resources ------------------------------------------------------------------------------------------------ */

static uint32_t up(uint32_t value, uint32_t multiple)
{
	return (value + multiple - 1) / multiple * multiple;
}

bool model_layout(uint32_t format, uint32_t width, uint32_t height, uint32_t *ret_pitch, uint32_t *ret_size)
{
	uint32_t row, rows = height;

	if (format == D3DDDIFMT_A8R8G8B8 || format == D3DDDIFMT_X8R8G8B8) {
		row = width * 4;
	} else if (format == D3DDDIFMT_YUY2 || format == D3DDDIFMT_UYVY) {
		row = up(width, 2) * 2;
	} else if (format == D3DDDIFMT_NV12) {
		row = up(width, 2);
		rows = up(height, 2) * 3 / 2;
	} else {
		return false;
	}
	*ret_pitch = up(row, 16);
	*ret_size = *ret_pitch * rows;
	return true;
}

static int add_content(struct model *model, const struct model_resource *kind)
{
	for (int i = 0; i < MODEL_CONTENTS; i++) {
		struct model_content *content = &model->contents[i];

		if (content->views > 0)
			continue;
		*content = (struct model_content) { .views = 1 };
		if (!model_layout(kind->format, kind->width, kind->height, &content->pitch, &content->size))
			assert(0);
		assert(content->size <= MODEL_BYTES);
		return i;
	}
	return MODEL_NONE;
}

int model_add_resource(struct model *model, const struct model_resource *kind)
{
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		struct model_resource *resource = &model->resources[i];

		if (resource->is_live)
			continue;
		*resource = *kind;
		resource->is_live = true;
		for (int k = 0; k < resource->count; k++)
			resource->surfaces[k].content = kind->is_system ? MODEL_NONE : add_content(model, kind);
		return i;
	}
	return MODEL_NONE;
}

int model_open_resource(struct model *model, int opened, int device)
{
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		struct model_resource *resource = &model->resources[i];

		if (resource->is_live)
			continue;
		*resource = model->resources[opened];
		resource->device = device;
		for (int k = 0; k < resource->count; k++) {
			resource->surfaces[k].is_locked = false;
			model->contents[resource->surfaces[k].content].views++;
		}
		return i;
	}
	return MODEL_NONE;
}

HRESULT model_destroy_resource(const struct model *model, int device, int resource)
{
	return is_device(model, device) && is_resource(model, device, resource) ? S_OK : E_INVALIDARG;
}

void model_destroy_resource_done(struct model *model, int resource)
{
	struct model_resource *gone = &model->resources[resource];

	gone->is_live = false;
	for (int k = 0; k < gone->count; k++) {
		if (gone->surfaces[k].content != MODEL_NONE)
			model->contents[gone->surfaces[k].content].views--;
	}
}

HRESULT model_lock(const struct model *model, int device, int resource, uint32_t index)
{
	const struct model_resource *found;

	if (!is_device(model, device) || !is_resource(model, device, resource))
		return E_INVALIDARG;
	found = &model->resources[resource];
	if (index >= (uint32_t)found->count)
		return E_INVALIDARG;
	if (found->is_protected)
		return E_ACCESSDENIED; /* BLT-94, BLT-96 */
	return found->surfaces[index].is_locked ? E_INVALIDARG : S_OK;
}

HRESULT model_unlock(const struct model *model, int device, int resource, uint32_t index)
{
	if (!is_device(model, device) || !is_resource(model, device, resource) ||
	    index >= (uint32_t)model->resources[resource].count ||
	    !model->resources[resource].surfaces[index].is_locked)
		return E_INVALIDARG; /* BLT-99 */
	return S_OK;
}

/* ---- what happens to all -------------------------------------------------------------------------------------- */

/* CS-13: zero, and closed to all until it is written again. */
static void wipe(struct model_content *content)
{
	memset(content->bytes, 0, sizeof(content->bytes));
	content->exchange = 0;
}

void model_lose_session(struct model *model, int session)
{
	struct model_session *lost = &model->sessions[session];

	lost->exchange = 0;
	lost->has_number = false;
	lost->has_readback = false;
	for (int i = 0; i < MODEL_CONTENTS; i++) {
		if (model->contents[i].session == lost->id)
			wipe(&model->contents[i]);
	}
}

void model_lose_all(struct model *model)
{
	for (int i = 0; i < MODEL_SESSIONS; i++)
		model_lose_session(model, i);
	for (int i = 0; i < MODEL_CONTENTS; i++) {
		if (model->contents[i].session != 0)
			wipe(&model->contents[i]);
	}
}

void model_remove(struct model *model)
{
	model_lose_all(model);
	model->is_removed = true;
}

void model_destroy_device(struct model *model, int device)
{
	for (int i = 0; i < MODEL_SESSIONS; i++) {
		if (model->sessions[i].is_live && model->sessions[i].device == device)
			model_destroy_done(model, i);
	}
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		if (model->resources[i].is_live && model->resources[i].device == device)
			model_destroy_resource_done(model, i);
	}
	model->has_device[device] = false;
}
