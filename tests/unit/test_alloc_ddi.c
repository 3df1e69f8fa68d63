/* SPDX-License-Identifier: MIT */
/* Each entry of the DDI with each of its allocations failing: the documented code, nothing changed, nothing left. */
#include "failing_scenario.h"

#include <stdlib.h>
#include <string.h>

/* 64 linear bytes, as in the vectors. */
#define SURFACE st_surface(D3DDDIFMT_A8R8G8B8, 16, 1)
#define SIZE	64u

static const GUID none;

/* ---- where scenes begin --------------------------------------------------------------------------------- */

static void open_device(struct scene *scene)
{
	st_open(&scene->st);
}

static void make_session(struct scene *scene)
{
	open_device(scene);
	scene->session = st_session(&scene->st);
	scene->handle = rt_session_handle(scene->session);
}

static HRESULT exchange(struct scene *scene)
{
	return st_exchange_blob(&scene->st, scene->handle, scene->blob);
}

static void make_blob(struct scene *scene, const uint8_t key[16])
{
	memcpy(scene->key, key, 16);
	st_blob(&scene->st, 2, key, scene->blob);
}

static void make_first_blob(struct scene *scene)
{
	make_session(scene);
	make_blob(scene, ST_K);
}

static void make_key(struct scene *scene)
{
	make_first_blob(scene);
	assert_int_equal(exchange(scene), S_OK);
}

static void make_surfaces(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;

	make_key(scene);
	scene->system = st_system(&scene->st, &surface);
	scene->protected = st_protected(&scene->st, &surface, /* shared= */ false);
}

/* The application's own memory, which the service can't see: the driver copies. */
static void make_staged_surfaces(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;

	make_key(scene);
	scene->memory = aligned_alloc(16, SIZE);
	scene->system = st_system_own(&scene->st, &surface, scene->memory, SIZE);
	scene->protected = st_protected(&scene->st, &surface, /* shared= */ false);
}

static void free_memory(struct scene *scene)
{
	if (scene->st.device)
		st_close(&scene->st);
	free(scene->memory);
}

static void encrypt_into(uint8_t *memory, const uint8_t key[16], uint64_t iv)
{
	uint8_t plain[SIZE], block[16];

	fail_alloc_hold();
	for (size_t i = 0; i < SIZE; i++)
		plain[i] = (uint8_t)(iv * 7 + i);
	st_iv(block, iv, 0);
	st_ctr(key, block, plain, memory, SIZE);
	fail_alloc_go_on();
}

/* Brings a picture under the session key with that IV. */
static HRESULT bring(struct scene *scene, uint64_t iv)
{
	encrypt_into(scene->system.memory, scene->key, iv);
	return st_decrypt(&scene->st, scene->handle, scene->system.handle, rt_resource_handle(scene->protected), SIZE,
			  iv, 0, NULL);
}

/* The protected surface holds the picture of that IV, read with a read-back key. */
static void assert_picture_by(struct scene *scene, const uint8_t readback[16], uint64_t iv)
{
	uint8_t block[16], clear[SIZE];

	assert_int_equal(st_encrypt(&scene->st, scene->handle, rt_resource_handle(scene->protected),
				    scene->system.handle, SIZE, block),
			 S_OK);
	st_ctr(readback, block, scene->system.memory, clear, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(clear[i], (uint8_t)(iv * 7 + i));
}

static void assert_picture(struct scene *scene, uint64_t iv)
{
	uint8_t readback[16];

	assert_int_equal(st_readback_key(&scene->st, scene->handle, scene->key, readback), S_OK);
	assert_picture_by(scene, readback, iv);
}

/* ---- adapter, capabilities, device ---------------------------------------------------------------------- */

static int32_t call_open_adapter(struct scene *scene)
{
	struct rt_adapter *const pattern = (struct rt_adapter *)0x77;
	struct rt_adapter *adapter = pattern;
	HRESULT hr = rt_adapter_open_with(OpenAdapter, &adapter);

	if (hr == S_OK)
		scene->st.adapter = adapter;
	else
		assert_ptr_equal(adapter, pattern);
	return hr;
}

static void close_adapter(struct scene *scene)
{
	rt_adapter_close(scene->st.adapter);
}

/* The entry itself, with an adapter of the kernel's that is open already. */
static HRESULT APIENTRY query_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *pData)
{
	const struct scene *scene = hAdapter;
	const D3DKMT_QUERYADAPTERINFO arg = {
		.hAdapter = scene->adapter,
		.Type = KMTQAITYPE_UMDRIVERPRIVATE,
		.pPrivateDriverData = pData->pPrivateDriverData,
		.PrivateDriverDataSize = pData->PrivateDriverDataSize,
	};

	return rt_hresult_from_status(D3DKMTQueryAdapterInfo(&arg));
}

static void open_kernel_adapter(struct scene *scene)
{
	scene->adapter = ik_adapter();
}

static D3DDDI_ADAPTERFUNCS adapter_funcs;

static int32_t call_open_adapter_entry(struct scene *scene)
{
	const D3DDDI_ADAPTERCALLBACKS callbacks = { .pfnQueryAdapterInfoCb = query_cb };
	D3DDDIARG_OPENADAPTER arg = {
		.hAdapter = scene,
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pAdapterCallbacks = &callbacks,
		.pAdapterFuncs = &adapter_funcs,
	};
	const D3DDDIARG_OPENADAPTER before = arg;
	HRESULT hr;

	memset(&adapter_funcs, 0, sizeof(adapter_funcs));
	hr = OpenAdapter(&arg);
	if (hr == S_OK) {
		scene->handle = arg.hAdapter;
	} else {
		assert_memory_equal(&arg, &before, sizeof(arg));
		assert_null(adapter_funcs.pfnGetCaps);
	}
	return hr;
}

static void close_adapter_entry(struct scene *scene)
{
	assert_int_equal(adapter_funcs.pfnCloseAdapter(scene->handle), S_OK);
}

static int32_t call_caps(struct scene *scene)
{
	D3DCONTENTPROTECTIONCAPS caps;

	return rt_adapter_content_protection_caps(scene->st.adapter, &D3DCRYPTOTYPE_AES128_CTR, &none, &caps);
}

static int32_t call_certificate(struct scene *scene)
{
	DDICERTIFICATEINFO info = {
		.CertificateType = D3DDDI_CERTTYPE_CRYPTOSESSION,
		.CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR,
	};
	const D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCERTIFICATE,
		.pInfo = &info,
		.pData = scene->bytes,
		.DataSize = sizeof(scene->bytes),
	};
	HRESULT hr;

	memset(scene->bytes, 0x5c, sizeof(scene->bytes));
	hr = rt_adapter_funcs(scene->st.adapter)->pfnGetCaps(rt_adapter_handle(scene->st.adapter), &arg);
	for (size_t i = 0; hr != S_OK && i < sizeof(scene->bytes); i++)
		assert_int_equal(scene->bytes[i], 0x5c);
	return hr;
}

static int32_t call_certificate_of_runtime(struct scene *scene)
{
	uint8_t *const pattern = scene->bytes;
	uint8_t *chain = pattern;
	size_t size = 77;
	HRESULT hr = rt_adapter_certificate(scene->st.adapter, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL, &chain, &size);

	if (hr == S_OK)
		free(chain);
	else
		assert_true(chain == pattern && size == 77);
	return hr;
}

static void open_adapter(struct scene *scene)
{
	assert_int_equal(rt_adapter_open_with(OpenAdapter, &scene->st.adapter), S_OK);
}

static int32_t call_create_device(struct scene *scene)
{
	struct rt_device *const pattern = (struct rt_device *)0x77;
	struct rt_device *device = pattern;
	HRESULT hr = rt_device_create(scene->st.adapter, &device);

	if (hr == S_OK)
		scene->st.device = device;
	else
		assert_ptr_equal(device, pattern);
	return hr;
}

/* The second device of the DDI on one of the runtime's. */
static int32_t call_create_device_entry(struct scene *scene)
{
	D3DDDI_DEVICEFUNCS funcs;
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = scene->st.device,
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &(const D3DDDI_DEVICECALLBACKS) { 0 },
		.pDeviceFuncs = &funcs,
	};
	const D3DDDIARG_CREATEDEVICE before = arg;
	HRESULT hr;

	memset(&funcs, 0x5c, sizeof(funcs));
	hr = rt_adapter_funcs(scene->st.adapter)->pfnCreateDevice(rt_adapter_handle(scene->st.adapter), &arg);
	if (hr == S_OK) {
		scene->handle = arg.hDevice;
		return hr;
	}
	assert_memory_equal(&arg, &before, sizeof(arg));
	for (size_t i = 0; i < sizeof(funcs); i++)
		assert_int_equal(((uint8_t *)&funcs)[i], 0x5c);
	return hr;
}

static void destroy_device_entry(struct scene *scene)
{
	assert_int_equal(scene->st.funcs->pfnDestroyDevice(scene->handle), S_OK);
}

static int32_t call_close_device(struct scene *scene)
{
	st_close(&scene->st);
	return S_OK;
}

/* ---- sessions ----------------------------------------------------------------------------------------------- */

static int32_t call_create_session(struct scene *scene)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = {
		.CryptoType = D3DCRYPTOTYPE_AES128_CTR,
		.hCryptoSession = (HANDLE)0x5c5c,
	};
	const D3DDDIARG_CREATECRYPTOSESSION before = arg;
	HRESULT hr = scene->st.funcs->pfnCreateCryptoSession(scene->st.handle, &arg);

	if (hr == S_OK)
		scene->handle = arg.hCryptoSession;
	else
		assert_memory_equal(&arg, &before, sizeof(arg)); /* CS-06, CS-23 */
	return hr;
}

static int32_t call_create_session_of_runtime(struct scene *scene)
{
	struct rt_session *const pattern = (struct rt_session *)0x77;
	struct rt_session *session = pattern;
	HRESULT hr = rt_session_create(scene->st.device, &D3DCRYPTOTYPE_AES128_CTR, &none, "runtime", 8, &session);

	if (hr != S_OK)
		assert_ptr_equal(session, pattern);
	return hr;
}

/* A type that there is not: found out before memory is asked for (CS-72). */
static int32_t call_create_unknown(struct scene *scene)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = { .Data1 = 7 } };

	return scene->st.funcs->pfnCreateCryptoSession(scene->st.handle, &arg) == D3DDDIERR_NOTAVAILABLE ? S_OK
													 : E_FAIL;
}

static int32_t call_exchange(struct scene *scene)
{
	uint8_t copy[256];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE arg = { .hCryptoSession = scene->handle, .DataSize = 256, .pData = copy };
	const D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE before = arg;
	HRESULT hr;

	memcpy(copy, scene->blob, sizeof(copy));
	hr = scene->st.funcs->pfnCryptoSessionKeyExchange(scene->st.handle, &arg);
	assert_memory_equal(&arg, &before, sizeof(arg));
	assert_memory_equal(copy, scene->blob, sizeof(copy)); /* CS-35 */
	return hr;
}

/* No key came: what needs one still says so. */
static void still_without_key(struct scene *scene)
{
	uint8_t number[16];
	const D3DDDIARG_STARTSESSIONKEYREFRESH start = {
		.hCryptoSession = scene->handle,
		.pRandomNumber = number,
		.RandomNumberSize = 16,
	};

	assert_int_equal(scene->st.funcs->pfnStartSessionKeyRefresh(scene->st.handle, &start), D3DDDIERR_INVALIDCALL);
}

/* The state of a session that has all there is: a key, a pending number, a read-back key, content, a history. */
struct state {
	uint8_t number[16];
	uint8_t readback[16];
	uint8_t wrapped[16]; /* as GetEncryptionBltKey gave it */
};

static struct state *state_of(struct scene *scene)
{
	return (struct state *)(void *)scene->bytes;
}

static HRESULT start(struct scene *scene)
{
	const D3DDDIARG_STARTSESSIONKEYREFRESH arg = {
		.hCryptoSession = scene->handle,
		.pRandomNumber = state_of(scene)->number,
		.RandomNumberSize = 16,
	};

	return scene->st.funcs->pfnStartSessionKeyRefresh(scene->st.handle, &arg);
}

static HRESULT finish(struct scene *scene)
{
	const D3DDDIARG_FINISHSESSIONKEYREFRESH arg = { .hCryptoSession = scene->handle };

	return scene->st.funcs->pfnFinishSessionKeyRefresh(scene->st.handle, &arg);
}

static void make_full_state(struct scene *scene)
{
	struct state *state = state_of(scene);

	make_surfaces(scene);
	assert_int_equal(bring(scene, 5), S_OK);
	assert_int_equal(start(scene), S_OK);
	assert_int_equal(st_readback_key(&scene->st, scene->handle, scene->key, state->readback), S_OK);
}

static void make_second_blob(struct scene *scene)
{
	make_full_state(scene);
	st_blob(&scene->st, 2, ST_C, scene->blob);
}

/* CS-06, CS-39: key, number, read-back key, history and tie are all as before; brings it to the refreshed key. */
static void state_is_kept(struct scene *scene)
{
	const struct state *state = state_of(scene);

	assert_picture_by(scene, state->readback, 5);
	assert_int_equal(bring(scene, 5), D3DDDIERR_INVALIDCALL);
	assert_int_equal(bring(scene, 6), S_OK);
	assert_picture_by(scene, state->readback, 6);
	assert_int_equal(finish(scene), S_OK);
	for (int i = 0; i < 16; i++)
		scene->key[i] ^= state->number[i];
	assert_int_equal(bring(scene, 1), S_OK);
	assert_picture_by(scene, state->readback, 1);
}

static void second_key_works(struct scene *scene)
{
	memcpy(scene->key, ST_C, 16);
	assert_int_equal(finish(scene), D3DDDIERR_INVALIDCALL); /* CS-38 */
	assert_int_equal(bring(scene, 1), S_OK);
	assert_picture(scene, 1);
}

static int32_t call_exchange_bad(struct scene *scene)
{
	/* Alike whatever is wrong (CS-33); without memory nobody can tell. */
	HRESULT hr = call_exchange(scene);

	return hr == E_INVALIDARG ? S_OK : hr;
}

static void make_bad_blob(struct scene *scene)
{
	make_full_state(scene);
	st_blob(&scene->st, 2, ST_C, scene->blob);
	scene->blob[100] ^= 1;
}

static int32_t call_start(struct scene *scene)
{
	return start(scene);
}

static int32_t call_finish(struct scene *scene)
{
	return finish(scene);
}

static void refresh_is_done(struct scene *scene)
{
	for (int i = 0; i < 16; i++)
		scene->key[i] ^= state_of(scene)->number[i];
	assert_int_equal(bring(scene, 1), S_OK);
	assert_picture_by(scene, state_of(scene)->readback, 1);
}

static void start_is_done(struct scene *scene)
{
	assert_int_equal(finish(scene), S_OK);
	refresh_is_done(scene);
}

static int32_t call_readback_key(struct scene *scene)
{
	uint8_t wrapped[16];
	const D3DDDIARG_GETENCRYPTIONBLTKEY arg = {
		.hCryptoSession = scene->handle,
		.pReadBackKey = wrapped,
		.KeySize = 16,
	};
	HRESULT hr = scene->st.funcs->pfnGetEncryptionBltKey(scene->st.handle, &arg);

	memcpy(state_of(scene)->wrapped, wrapped, 16);
	return hr;
}

static void readback_key_works(struct scene *scene)
{
	uint8_t readback[16];

	st_ecb(scene->key, 0, state_of(scene)->wrapped, readback);
	assert_picture_by(scene, readback, 5);
}

static int32_t call_destroy_session(struct scene *scene)
{
	const D3DDDIARG_DESTROYCRYPTOSESSION arg = { .hCryptoSession = scene->handle };

	return scene->st.funcs->pfnDestroyCryptoSession(scene->st.handle, &arg);
}

/* ---- transfers ------------------------------------------------------------------------------------------------ */

static void make_picture(struct scene *scene)
{
	make_surfaces(scene);
	assert_int_equal(bring(scene, 5), S_OK);
	assert_int_equal(st_readback_key(&scene->st, scene->handle, scene->key, state_of(scene)->readback), S_OK);
}

/* The destination's memory is mapped at the first transfer. */
static void make_staged_picture(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;
	struct st_system shared;

	make_staged_surfaces(scene);
	shared = scene->system;
	scene->system = st_system(&scene->st, &surface);
	assert_int_equal(bring(scene, 5), S_OK);
	scene->system = shared;
	assert_int_equal(st_readback_key(&scene->st, scene->handle, scene->key, state_of(scene)->readback), S_OK);
}

static int32_t call_encrypt(struct scene *scene)
{
	uint8_t iv[16];
	HRESULT hr;

	memset(scene->system.memory, 0x33, SIZE);
	hr = st_encrypt(&scene->st, scene->handle, rt_resource_handle(scene->protected), scene->system.handle, SIZE,
			iv);
	memcpy(state_of(scene)->number, iv, 16);
	for (size_t i = 0; hr != S_OK && i < 16; i++)
		assert_int_equal(iv[i], 0xee); /* BLT-20 */
	for (size_t i = 0; hr != S_OK && i < SIZE; i++)
		assert_int_equal(scene->system.memory[i], 0x33);
	return hr;
}

static void encryption_is_right(struct scene *scene)
{
	uint8_t clear[SIZE];

	st_ctr(state_of(scene)->readback, state_of(scene)->number, scene->system.memory, clear, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(clear[i], (uint8_t)(5 * 7 + i));
}

static int32_t call_decrypt(struct scene *scene)
{
	return bring(scene, 9);
}

static void decryption_is_right(struct scene *scene)
{
	assert_int_equal(bring(scene, 9), D3DDDIERR_INVALIDCALL);
	assert_picture(scene, 9);
}

/* Nine keys: the history grows at its first entry and at the ninth. */
static void fill_history(struct scene *scene)
{
	make_surfaces(scene);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(bring(scene, 5), S_OK);
		assert_int_equal(start(scene), S_OK);
		assert_int_equal(finish(scene), S_OK);
		for (int k = 0; k < 16; k++)
			scene->key[k] ^= state_of(scene)->number[k];
	}
}

/* The refused one changed nothing: the picture of the key before is not tied anew, the IV not used. */
static void picture_is_kept(struct scene *scene)
{
	assert_picture(scene, 5);
}

static void surface_is_unwritten(struct scene *scene)
{
	uint8_t readback[16], iv[16], clear[SIZE], zero[SIZE] = { 0 };

	assert_int_equal(st_readback_key(&scene->st, scene->handle, scene->key, readback), S_OK);
	assert_int_equal(st_encrypt(&scene->st, scene->handle, rt_resource_handle(scene->protected),
				    scene->system.handle, SIZE, iv),
			 S_OK);
	st_ctr(readback, iv, scene->system.memory, clear, SIZE);
	assert_memory_equal(clear, zero, SIZE);
}

/* A content key, and the first 16 of 64 bytes encrypted. */
static int32_t call_decrypt_with_all(struct scene *scene)
{
	D3DDDIENCRYPTED_BLOCK_INFO info = { .NumEncryptedBytesAtBeginning = 16 };
	uint8_t wrapped[16], iv[16], cipher[SIZE];
	const D3DDDIARG_DECRYPTIONBLT arg = {
		.hCryptoSession = scene->handle,
		.hSrcResource = scene->system.handle,
		.SrcResourceSize = SIZE,
		.hDstResource = rt_resource_handle(scene->protected),
		.pContentKey = wrapped,
		.pEncryptedBlockInfo = &info,
		.pIV = iv,
	};

	fail_alloc_hold();
	st_ecb(scene->key, 1, ST_C, wrapped);
	fail_alloc_go_on();
	st_iv(iv, 9, 0);
	encrypt_into(cipher, ST_C, 9);
	for (size_t i = 0; i < SIZE; i++)
		scene->system.memory[i] = i < 16 ? cipher[i] : (uint8_t)(9 * 7 + i);
	return scene->st.funcs->pfnDecryptionBlt(scene->st.handle, &arg);
}

static int32_t get_pitch(struct scene *scene, HANDLE resource)
{
	D3DDDIARG_GETPITCH arg = { .hCryptoSession = scene->handle, .hResource = resource, .Pitch = 0x5c5c };
	HRESULT hr = scene->st.funcs->pfnGetPitch(scene->st.handle, &arg);

	assert_int_equal(arg.Pitch, SIZE);
	return hr;
}

static int32_t call_get_pitch(struct scene *scene)
{
	return get_pitch(scene, rt_resource_handle(scene->protected));
}

static int32_t call_get_system_pitch(struct scene *scene)
{
	return get_pitch(scene, scene->system.handle);
}

/* ---- resources -------------------------------------------------------------------------------------------------- */

static int32_t create(struct scene *scene, D3DDDI_POOL pool, D3DDDI_RESOURCEFLAGS flags, void *memory, UINT count)
{
	static int runtime_handle;
	const D3DDDI_SURFACEINFO list[3] = {
		{ .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = SIZE },
		{ .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = SIZE },
		{ .Width = 16, .Height = 1, .pSysMem = memory, .SysMemPitch = SIZE },
	};
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = pool,
		.pSurfList = list,
		.SurfCount = count,
		.hResource = &runtime_handle,
		.Flags = flags,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	const D3DDDIARG_CREATERESOURCE before = arg;
	HRESULT hr = scene->st.funcs->pfnCreateResource(scene->st.handle, &arg);

	if (hr == S_OK)
		scene->handle = arg.hResource;
	else
		assert_memory_equal(&arg, &before, sizeof(arg));
	return hr;
}

static int32_t call_create_protected(struct scene *scene)
{
	return create(scene, D3DDDIPOOL_VIDEOMEMORY, (D3DDDI_RESOURCEFLAGS) { .RestrictedContent = 1 }, NULL, 3);
}

static int32_t call_create_ordinary(struct scene *scene)
{
	return create(scene, D3DDDIPOOL_VIDEOMEMORY, (D3DDDI_RESOURCEFLAGS) { .Value = 0 }, NULL, 2);
}

static int32_t call_create_system(struct scene *scene)
{
	return create(scene, D3DDDIPOOL_SYSTEMMEM, (D3DDDI_RESOURCEFLAGS) { .Value = 0 }, scene->memory, 1);
}

static void make_system_memory(struct scene *scene)
{
	open_device(scene);
	scene->memory = DxvaultAllocateSystemMemory(rt_device_kernel_handle(scene->st.device), 4096);
	assert_non_null(scene->memory);
}

static void make_own_memory(struct scene *scene)
{
	open_device(scene);
	scene->memory = aligned_alloc(16, SIZE);
}

static int32_t call_create_protected_of_runtime(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;
	struct rt_resource *const pattern = (struct rt_resource *)0x77;
	struct rt_resource *resource = pattern;
	HRESULT hr = rt_resource_create_protected(scene->st.device, &surface,
						  (D3DDDI_RESOURCEFLAGS) { .SharedResource = 1 }, &resource);

	if (hr == S_OK)
		scene->protected = resource;
	else
		assert_ptr_equal(resource, pattern);
	return hr;
}

static int32_t call_create_system_of_runtime(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;
	struct rt_resource *const pattern = (struct rt_resource *)0x77;
	struct rt_resource *resource = pattern;
	void *memory = scene;
	uint32_t pitch = 77;
	size_t size = 77;
	HRESULT hr = rt_resource_create_system(scene->st.device, &surface, &memory, &size, &pitch, &resource);

	if (hr == S_OK)
		scene->system = (struct st_system) { resource, rt_resource_handle(resource), memory, size, pitch };
	else
		assert_true(resource == pattern && memory == scene && size == 77 && pitch == 77);
	return hr;
}

/* A key and a picture through whichever memory it became. */
static void system_works(struct scene *scene)
{
	const struct rt_surface surface = SURFACE;

	scene->session = st_session(&scene->st);
	scene->handle = rt_session_handle(scene->session);
	make_blob(scene, ST_K);
	assert_int_equal(exchange(scene), S_OK);
	scene->protected = st_protected(&scene->st, &surface, /* shared= */ false);
	assert_int_equal(bring(scene, 3), S_OK);
	assert_picture(scene, 3);
}

static void make_shared(struct scene *scene)
{
	assert_int_equal(call_create_protected_of_runtime(scene), S_OK);
	assert_int_equal(rt_resource_share(scene->protected, &scene->nt_handle), S_OK);
}

static void share_surface(struct scene *scene)
{
	open_device(scene);
	make_shared(scene);
}

static int32_t call_open_resource(struct scene *scene)
{
	struct rt_resource *const pattern = (struct rt_resource *)0x77;
	struct rt_resource *resource = pattern;
	HRESULT hr = rt_resource_open(scene->st.device, scene->nt_handle, &resource);

	if (hr != S_OK)
		assert_ptr_equal(resource, pattern);
	return hr;
}

static int32_t call_share_resource(struct scene *scene)
{
	int nt_handle = -77;
	HRESULT hr = rt_resource_share(scene->protected, &nt_handle);

	if (hr == S_OK)
		scene->nt_handle = nt_handle;
	else
		assert_int_equal(nt_handle, -77);
	return hr;
}

static void make_unshared(struct scene *scene)
{
	open_device(scene);
	assert_int_equal(call_create_protected_of_runtime(scene), S_OK);
}

static void make_ordinary(struct scene *scene)
{
	open_device(scene);
	assert_int_equal(call_create_ordinary(scene), S_OK);
}

static int32_t call_lock(struct scene *scene)
{
	D3DDDIARG_LOCK arg = { .hResource = scene->handle, .pSurfData = scene, .Pitch = 77, .SlicePitch = 77 };
	const D3DDDIARG_LOCK before = arg;
	HRESULT hr = scene->st.funcs->pfnLock(scene->st.handle, &arg);

	if (hr != S_OK)
		assert_memory_equal(&arg, &before, sizeof(arg));
	return hr;
}

static int32_t call_unlock(struct scene *scene)
{
	const D3DDDIARG_UNLOCK arg = { .hResource = scene->handle };

	return scene->st.funcs->pfnUnlock(scene->st.handle, &arg);
}

static void is_unlocked(struct scene *scene)
{
	assert_int_equal(call_unlock(scene), E_INVALIDARG);
}

static void make_locked(struct scene *scene)
{
	make_ordinary(scene);
	assert_int_equal(call_lock(scene), S_OK);
}

static int32_t call_lock_protected(struct scene *scene)
{
	D3DDDIARG_LOCK arg = { .hResource = rt_resource_handle(scene->protected) };

	return scene->st.funcs->pfnLock(scene->st.handle, &arg) == E_ACCESSDENIED ? S_OK : E_FAIL;
}

/* Where protection is off (BLT-95); the picture's place is the scene's handle from here on. */
static void make_lockable(struct scene *scene)
{
	make_surfaces(scene);
	assert_int_equal(bring(scene, 5), S_OK);
	scene->handle = rt_resource_handle(scene->protected);
}

static void make_lock_of_protected(struct scene *scene)
{
	make_lockable(scene);
	assert_int_equal(call_lock(scene), S_OK);
}

/* Not locked for the kernel half either (BLT-40), and the picture stands. */
static void is_not_locked_there(struct scene *scene)
{
	is_unlocked(scene);
	scene->handle = rt_session_handle(scene->session);
	assert_picture(scene, 5);
	assert_int_equal(bring(scene, 6), S_OK);
	assert_picture(scene, 6);
	assert_int_equal(bring(scene, 7), S_OK);
	scene->handle = rt_resource_handle(scene->protected);
}

static void lock_shows_the_picture(struct scene *scene)
{
	const uint8_t *shown = scene->memory;

	for (size_t i = 0; i < SIZE; i++)
		assert_true(shown[i] == (uint8_t)(5 * 7 + i) || shown[i] == (uint8_t)(7 * 7 + i));
	assert_int_equal(call_unlock(scene), S_OK);
	scene->memory = NULL;
}

static int32_t call_lock_open(struct scene *scene)
{
	D3DDDIARG_LOCK arg = { .hResource = scene->handle, .pSurfData = scene, .Pitch = 77, .SlicePitch = 77 };
	const D3DDDIARG_LOCK before = arg;
	HRESULT hr = scene->st.funcs->pfnLock(scene->st.handle, &arg);

	if (hr == S_OK)
		scene->memory = arg.pSurfData;
	else
		assert_memory_equal(&arg, &before, sizeof(arg));
	return hr;
}

static int32_t call_destroy_resource(struct scene *scene)
{
	return scene->st.funcs->pfnDestroyResource(scene->st.handle, scene->handle);
}

static int32_t call_present(struct scene *scene)
{
	const struct rt_present present = { { 0, 0, 16, 1 }, { 0, 0, 16, 1 }, 1, 1 };

	return rt_present(scene->st.device, scene->protected, &present);
}

/* ---- the scenarios -------------------------------------------------------------------------------------------------- */

#define LACKS_MEMORY .statuses = { E_OUTOFMEMORY }

static const struct failing_scenario scenarios[] = {
	{ "OpenAdapter", open_kernel_adapter, call_open_adapter_entry, .clean = close_adapter_entry, LACKS_MEMORY },
	{ "rt_adapter_open", NULL, call_open_adapter, .clean = close_adapter, LACKS_MEMORY },
	{ "GetCaps (content protection)", open_device, call_caps, .never_fails = true },
	{ "GetCaps (certificate)", open_device, call_certificate, LACKS_MEMORY },
	{ "rt_adapter_certificate", open_device, call_certificate_of_runtime, LACKS_MEMORY },
	{ "CreateDevice", open_device, call_create_device_entry, .clean = destroy_device_entry, LACKS_MEMORY },
	{ "rt_device_create", open_adapter, call_create_device, .clean = NULL, LACKS_MEMORY },
	{ "DestroyDevice", make_full_state, call_close_device, .never_fails = true }, /* CS-45 */

	{ "CreateCryptoSession", open_device, call_create_session, LACKS_MEMORY }, /* CS-07 */
	{ "rt_session_create", open_device, call_create_session_of_runtime, LACKS_MEMORY },
	{ "CreateCryptoSession (unknown type)", open_device, call_create_unknown, .never_fails = true }, /* CS-72 */
	{ "CryptoSessionKeyExchange (first)", make_first_blob, call_exchange, still_without_key, LACKS_MEMORY },
	{ "CryptoSessionKeyExchange (second)", make_second_blob, call_exchange, NULL, second_key_works, LACKS_MEMORY },
	{ "StartSessionKeyRefresh", make_full_state, call_start, NULL, start_is_done, .never_fails = true },
	{ "FinishSessionKeyRefresh", make_full_state, call_finish, NULL, refresh_is_done, .never_fails = true },
	{ "GetEncryptionBltKey", make_picture, call_readback_key, NULL, readback_key_works, .never_fails = true },
	{ "DestroyCryptoSession", make_full_state, call_destroy_session, .never_fails = true }, /* CS-08 */

	{ "EncryptionBlt", make_picture, call_encrypt, NULL, encryption_is_right, .never_fails = true },
	{ "EncryptionBlt (staged)", make_staged_picture, call_encrypt, NULL, encryption_is_right, free_memory,
	  LACKS_MEMORY },
	{ "DecryptionBlt (first key)", make_surfaces, call_decrypt, surface_is_unwritten, decryption_is_right,
	  LACKS_MEMORY },
	{ "DecryptionBlt (ninth key)", fill_history, call_decrypt, NULL, decryption_is_right, LACKS_MEMORY },
	{ "DecryptionBlt (same key)", make_picture, call_decrypt, NULL, decryption_is_right, .never_fails = true },
	{ "DecryptionBlt (staged)", make_staged_surfaces, call_decrypt, surface_is_unwritten, decryption_is_right,
	  free_memory, LACKS_MEMORY },
	{ "DecryptionBlt (content key, partial)", make_surfaces, call_decrypt_with_all, surface_is_unwritten, NULL,
	  LACKS_MEMORY },
	{ "DecryptionBlt (content key, over a picture)", make_picture, call_decrypt_with_all, picture_is_kept, NULL,
	  .never_fails = true },
	{ "GetPitch", make_surfaces, call_get_pitch, .never_fails = true },
	{ "GetPitch (system memory)", make_surfaces, call_get_system_pitch, .never_fails = true },

	{ "CreateResource (protected)", open_device, call_create_protected, LACKS_MEMORY },
	{ "CreateResource (ordinary)", open_device, call_create_ordinary, LACKS_MEMORY },
	{ "CreateResource (shared memory)", make_system_memory, call_create_system, LACKS_MEMORY },
	{ "CreateResource (own memory)", make_own_memory, call_create_system, .clean = free_memory, LACKS_MEMORY },
	{ "rt_resource_create_protected", open_device, call_create_protected_of_runtime, LACKS_MEMORY },
	{ "rt_resource_create_system", open_device, call_create_system_of_runtime, NULL, system_works, LACKS_MEMORY },
	{ "rt_resource_share", make_unshared, call_share_resource, LACKS_MEMORY },
	{ "OpenResource", share_surface, call_open_resource, LACKS_MEMORY },
	{ "Lock (ordinary)", make_ordinary, call_lock, is_unlocked, LACKS_MEMORY },
	{ "Lock (protected)", make_surfaces, call_lock_protected, .never_fails = true }, /* BLT-94 */
	{ "Lock (protected, protection off)", make_lockable, call_lock_open, is_not_locked_there,
	  lock_shows_the_picture, .caps = 0xf9, LACKS_MEMORY },
	{ "Unlock", make_locked, call_unlock, .never_fails = true },
	{ "Unlock (protected)", make_lock_of_protected, call_unlock, NULL, is_not_locked_there, .caps = 0xf9,
	  .never_fails = true },
	{ "DestroyResource", make_ordinary, call_destroy_resource, .never_fails = true },
	{ "Present (first)", make_unshared, call_present, LACKS_MEMORY },
};

static void second_key_after_refusal(struct scene *scene)
{
	memcpy(scene->key, ST_C, 16);
	assert_int_equal(bring(scene, 1), S_OK);
	assert_picture(scene, 1);
}

/* What was there is looked at after the refusal, which changes it: the exchange behind that has less to show. */
static const struct failing_scenario exchange_keeps = {
	"CryptoSessionKeyExchange (state kept)",
	make_second_blob,
	call_exchange,
	state_is_kept,
	second_key_after_refusal,
	LACKS_MEMORY,
};

static const struct failing_scenario bad_exchange_keeps = {
	"CryptoSessionKeyExchange (bad blob)", make_bad_blob, call_exchange_bad, NULL, state_is_kept, LACKS_MEMORY,
};

static void every_entry_without_memory(void **state) /* CS-06, CS-07, CS-08, CS-45, CS-72 */
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		failing_run(&scenarios[i]);
}

static void a_refused_exchange_keeps_all(void **state) /* CS-06, CS-39 */
{
	(void)state;
	failing_run(&exchange_keeps);
	failing_run(&bad_exchange_keeps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_without_memory),
		cmocka_unit_test(a_refused_exchange_keeps_all),
	};

	return cmocka_run_group_tests(tests, failing_setup, failing_teardown);
}
