/* SPDX-License-Identifier: MIT */
/* The recording runtime: callbacks, and a kernel half that moves bytes without a cipher. */
#include "umd_fixture_private.h"

#include <stdlib.h>
#include <string.h>

const GUID UF_ZERO;
const GUID UF_RANDOM_GUID = { 0x12345678, 0x9abc, 0xdef0, { 1, 2, 3, 4, 5, 6, 7, 8 } };

struct uf *uf_current;

/* ---- memory failures ---------------------------------------------------------------------------- */

void *__real_calloc(size_t count, size_t size) __attribute__((weak));
void *__wrap_calloc(size_t count, size_t size);

static int calloc_left = -1;

void *__wrap_calloc(size_t count, size_t size)
{
	if (calloc_left == 0) {
		calloc_left = -1;
		return NULL;
	}
	if (calloc_left > 0)
		calloc_left--;
	return __real_calloc(count, size);
}

bool uf_can_fail_calloc(void)
{
	return __real_calloc != NULL;
}

void uf_fail_calloc(int next_ok)
{
	calloc_left = next_ok;
}

void uf_fail_calloc_off(void)
{
	calloc_left = -1;
}

/* ---- the kernel half ------------------------------------------------------------------------------ */

HRESULT uf_answer(HRESULT injected)
{
	return uf_current->is_removed ? DEVICEREMOVED : injected;
}

static struct uf_allocation *find_allocation(D3DKMT_HANDLE handle)
{
	for (int i = 0; i < UF_ALLOCATIONS; i++) {
		if (handle && uf_current->allocations[i].handle == handle)
			return &uf_current->allocations[i];
	}
	return NULL;
}

static struct uf_session *find_session(D3DKMT_HANDLE handle)
{
	for (int i = 0; i < UF_SESSIONS; i++) {
		if (handle && uf_current->sessions[i].handle == handle)
			return &uf_current->sessions[i];
	}
	return NULL;
}

static uint8_t *bytes_of(struct uf_allocation *allocation)
{
	return allocation->in_place ? allocation->in_place : allocation->memory;
}

static HRESULT run_blt(struct uf_session *session, struct drv_escape_blt *blt, bool is_encryption)
{
	struct uf_allocation *source = find_allocation(blt->source), *destination = find_allocation(blt->destination);

	uf_current->seen_blt = *blt;
	assert_non_null(source);
	assert_non_null(destination);
	assert_int_equal(blt->reserved, 0);
	if (!session->has_key || (is_encryption && !session->has_readback))
		return INVALIDCALL;
	if (blt->flags & DRV_BLT_LOCKED)
		return INVALIDCALL;
	if (blt->flags & DRV_BLT_NO_MEMORY)
		return E_OUTOFMEMORY;
	memcpy(bytes_of(destination), bytes_of(source), destination->size);
	if (is_encryption) {
		memset(blt->iv, 0x1f, sizeof(blt->iv));
		blt->iv[0] = (uint8_t)++uf_current->encryptions;
	}
	return S_OK;
}

static HRESULT run_key(struct uf_session *session, uint32_t command, struct drv_escape_key *key)
{
	if (!session->has_key)
		return INVALIDCALL;
	switch (command) {
	case DRV_COMMAND_START_REFRESH:
		session->has_pending = true;
		memset(key->value, 0x51, sizeof(key->value));
		return S_OK;
	case DRV_COMMAND_FINISH_REFRESH:
		if (!session->has_pending)
			return INVALIDCALL;
		session->has_pending = false;
		return S_OK;
	default:
		session->has_readback = true;
		memset(key->value, 0x52, sizeof(key->value));
		return S_OK;
	}
}

/* Goes with its surface. */
static void set_locked(struct uf_allocation *surface, bool is_locked)
{
	uf_current->locked_surfaces += is_locked - surface->is_locked;
	surface->is_locked = is_locked;
}

static HRESULT run_lock(const struct drv_escape_lock *lock, bool is_unlock)
{
	struct uf_allocation *surface = find_allocation(lock->surface), *staging = find_allocation(lock->staging);

	if (uf_current->command_result != S_OK)
		return uf_current->command_result;
	if (!is_unlock && uf_current->failing_lock > 0 && --uf_current->failing_lock == 0)
		return E_ACCESSDENIED;
	assert_non_null(surface);
	assert_true(surface->info.flags & UF_RESTRICTED);
	if (is_unlock)
		assert_true(surface->is_locked);
	if (lock->staging) {
		assert_non_null(staging);
		assert_int_equal(staging->info.pool, D3DDDIPOOL_SYSTEMMEM);
		assert_int_equal(staging->info.flags, 0);
		assert_int_equal(staging->info.format, surface->info.format);
		assert_int_equal(staging->info.width, surface->info.width);
		assert_int_equal(staging->info.height, surface->info.height);
		if (is_unlock)
			memcpy(surface->memory, staging->memory, surface->size);
		else
			memcpy(staging->memory, surface->memory, surface->size);
	}
	set_locked(surface, !is_unlock);
	return S_OK;
}

static HRESULT run_decode(struct drv_escape_decode *decode, bool is_end)
{
	static uint64_t last;

	assert_int_equal(decode->decode != 0, is_end);
	/* What is refused was not made. */
	if (uf_current->command_result == S_OK)
		uf_current->live_decodes += is_end ? -1 : 1;
	if (!is_end)
		decode->decode = ++last;
	return S_OK;
}

HRESULT uf_run(struct drv_escape *escape, size_t size)
{
	struct uf_session *session = find_session(escape->session);

	if (escape->command == DRV_COMMAND_PING) {
		uf_current->calls.ping++;
		assert_int_equal(size, sizeof(*escape));
		return S_OK;
	}
	if (escape->command == DRV_COMMAND_LOCK || escape->command == DRV_COMMAND_UNLOCK) {
		assert_int_equal(size, sizeof(struct drv_escape_lock));
		assert_int_equal(escape->session, 0);
		return run_lock((struct drv_escape_lock *)escape, escape->command == DRV_COMMAND_UNLOCK);
	}
	if (escape->command == DRV_COMMAND_CREATE_DECODE || escape->command == DRV_COMMAND_DESTROY_DECODE) {
		assert_int_equal(size, sizeof(struct drv_escape_decode));
		return run_decode((struct drv_escape_decode *)escape, escape->command == DRV_COMMAND_DESTROY_DECODE);
	}
	assert_non_null(session);
	assert_ptr_equal(session->device, uf_current->seen_device);
	switch (escape->command) {
	case DRV_COMMAND_KEY_EXCHANGE:
		assert_int_equal(size, sizeof(struct drv_escape_key_exchange));
		if (((struct drv_escape_key_exchange *)escape)->blob[0] == 0xff)
			return INVALIDARG;
		session->has_key = true;
		session->has_pending = session->has_readback = false;
		return S_OK;
	case DRV_COMMAND_START_REFRESH:
	case DRV_COMMAND_FINISH_REFRESH:
	case DRV_COMMAND_GET_READBACK_KEY:
		assert_int_equal(size, sizeof(struct drv_escape_key));
		return run_key(session, escape->command, (struct drv_escape_key *)escape);
	case DRV_COMMAND_ENCRYPTION_BLT:
	case DRV_COMMAND_DECRYPTION_BLT:
		assert_int_equal(size, sizeof(struct drv_escape_blt));
		return run_blt(session, (struct drv_escape_blt *)escape, escape->command == DRV_COMMAND_ENCRYPTION_BLT);
	case DRV_COMMAND_GET_PITCH: {
		struct drv_escape_pitch *pitch = (struct drv_escape_pitch *)escape;
		struct uf_allocation *allocation = find_allocation(pitch->allocation);
		uint64_t bytes;

		assert_int_equal(size, sizeof(*pitch));
		assert_non_null(allocation);
		drv_surface_layout(allocation->info.format, allocation->info.width, allocation->info.height,
				   &pitch->pitch, &bytes);
		return S_OK;
	}
	default:
		fail_msg("command %u", escape->command);
		return E_FAIL;
	}
}

/* ---- callbacks ---------------------------------------------------------------------------------- */

static HRESULT APIENTRY query_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *data)
{
	struct drv_query query;

	uf_current->calls.query++;
	uf_current->seen_adapter = hAdapter;
	if (uf_answer(uf_current->query_result) != S_OK)
		return uf_answer(uf_current->query_result);
	assert_true(data->PrivateDriverDataSize >= sizeof(query));
	memcpy(&query, data->pPrivateDriverData, sizeof(query));
	assert_int_equal(query.magic, DRV_MAGIC);
	if (query.type == DRV_QUERY_CAPS) {
		assert_true(data->PrivateDriverDataSize >= sizeof(uf_current->caps));
		memcpy(data->pPrivateDriverData, &uf_current->caps, sizeof(uf_current->caps));
	} else {
		const struct drv_certificate header = { .magic = DRV_MAGIC, .size = UF_CERTIFICATE_SIZE };

		assert_int_equal(query.type, DRV_QUERY_CERTIFICATE);
		memcpy(data->pPrivateDriverData, &header, sizeof(header));
		if (data->PrivateDriverDataSize >= sizeof(header) + header.size)
			memset((uint8_t *)data->pPrivateDriverData + sizeof(header), (int)query.leaf, header.size);
	}
	return S_OK;
}

static HRESULT add_allocation(HANDLE resource, D3DDDI_ALLOCATIONINFO *info)
{
	for (int i = 0; i < UF_ALLOCATIONS; i++) {
		struct uf_allocation *allocation = &uf_current->allocations[i];
		uint32_t pitch;

		if (allocation->handle)
			continue;
		assert_int_equal(info->PrivateDriverDataSize, sizeof(allocation->info));
		*allocation = (struct uf_allocation) { .handle = uf_current->next_handle += 0x40,
						       .resource = resource };
		memcpy(&allocation->info, info->pPrivateDriverData, sizeof(allocation->info));
		assert_int_equal(allocation->info.magic, DRV_MAGIC);
		assert_true(drv_surface_layout(allocation->info.format, allocation->info.width, allocation->info.height,
					       &pitch, &allocation->size));
		allocation->in_place = (uint8_t *)(uintptr_t)info->pSystemMem;
		if (!allocation->in_place) {
			allocation->memory = malloc(allocation->size);
			memset(allocation->memory, 0, allocation->size);
		}
		info->hAllocation = allocation->handle;
		return S_OK;
	}
	return E_OUTOFMEMORY;
}

static HRESULT APIENTRY allocate_cb(HANDLE hDevice, D3DDDICB_ALLOCATE *data)
{
	uf_current->calls.allocate++;
	uf_current->seen_device = hDevice;
	uf_current->seen_allocations = data->NumAllocations;
	uf_assert_settled(hDevice);
	if (uf_answer(uf_current->allocate_result) != S_OK)
		return uf_answer(uf_current->allocate_result);
	for (UINT i = 0; i < data->NumAllocations; i++) {
		if (data->pAllocationInfo[i].pSystemMem && !uf_current->shares_memory)
			return INVALIDARG;
	}
	for (UINT i = 0; i < data->NumAllocations; i++)
		assert_hr(add_allocation(data->hResource, &data->pAllocationInfo[i]), S_OK);
	data->hKMResource = uf_current->next_handle += 0x40;
	return S_OK;
}

static void drop_allocation(struct uf_allocation *allocation)
{
	/* Released while mapped: against CAP-26. */
	assert_int_equal(allocation->locks, 0);
	set_locked(allocation, false);
	free(allocation->memory);
	*allocation = (struct uf_allocation) { 0 };
}

static HRESULT APIENTRY deallocate_cb(HANDLE hDevice, const D3DDDICB_DEALLOCATE *data)
{
	uf_current->calls.deallocate++;
	uf_current->seen_device = hDevice;
	uf_current->seen_deallocate = *data;
	uf_assert_settled(hDevice);
	for (int i = 0; i < UF_ALLOCATIONS; i++) {
		if (uf_current->allocations[i].handle && data->hResource &&
		    uf_current->allocations[i].resource == data->hResource)
			drop_allocation(&uf_current->allocations[i]);
	}
	for (UINT i = 0; i < data->NumAllocations; i++)
		drop_allocation(find_allocation(data->HandleList[i]));
	return S_OK;
}

static HRESULT APIENTRY lock_cb(HANDLE hDevice, D3DDDICB_LOCK *data)
{
	struct uf_allocation *allocation = find_allocation(data->hAllocation);

	uf_current->calls.lock++;
	uf_current->seen_device = hDevice;
	if (uf_answer(uf_current->lock_result) != S_OK)
		return uf_answer(uf_current->lock_result);
	assert_non_null(allocation);
	assert_false(allocation->info.flags & 0x40000000u);
	allocation->locks++;
	data->pData = bytes_of(allocation);
	return S_OK;
}

static HRESULT APIENTRY unlock_cb(HANDLE hDevice, const D3DDDICB_UNLOCK *data)
{
	uf_current->calls.unlock++;
	uf_current->seen_device = hDevice;
	uf_assert_settled(hDevice);
	if (uf_answer(uf_current->unlock_result) != S_OK)
		return uf_answer(uf_current->unlock_result);
	for (UINT i = 0; i < data->NumAllocations; i++)
		find_allocation(data->phAllocations[i])->locks--;
	return S_OK;
}

static HRESULT APIENTRY escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data)
{
	struct drv_escape *escape = data->pPrivateDriverData;

	uf_current->calls.escape++;
	uf_current->seen_adapter = hAdapter;
	uf_current->seen_device = data->hDevice;
	if (uf_answer(uf_current->escape_result) != S_OK)
		return uf_answer(uf_current->escape_result);
	assert_int_equal(escape->magic, DRV_MAGIC);
	assert_int_equal(data->Flags.NoAdapterSynchronization, escape->command == DRV_COMMAND_ENCRYPTION_BLT ||
								       escape->command == DRV_COMMAND_DECRYPTION_BLT);
	assert_int_equal(data->Flags.Value & ~8u, 0);
	if (escape->command != DRV_COMMAND_PING)
		uf_assert_settled(data->hDevice);
	escape->result = uf_run(escape, data->PrivateDriverDataSize);
	if (escape->command != DRV_COMMAND_PING && uf_current->command_result != S_OK)
		escape->result = uf_current->command_result;
	return S_OK;
}

static HRESULT APIENTRY create_context_cb(HANDLE hDevice, D3DDDICB_CREATECONTEXT *data)
{
	uf_current->calls.create_context++;
	uf_current->seen_device = hDevice;
	uf_assert_settled(hDevice);
	if (uf_answer(uf_current->context_result) != S_OK)
		return uf_answer(uf_current->context_result);
	data->hContext = UF_RUNTIME_CONTEXT;
	return S_OK;
}

static HRESULT APIENTRY destroy_context_cb(HANDLE hDevice, const D3DDDICB_DESTROYCONTEXT *data)
{
	uf_current->calls.destroy_context++;
	uf_current->seen_device = hDevice;
	assert_ptr_equal(data->hContext, UF_RUNTIME_CONTEXT);
	return uf_answer(S_OK);
}

static HRESULT APIENTRY present_cb(HANDLE hDevice, const D3DDDICB_PRESENT *data)
{
	uf_current->calls.present++;
	uf_current->seen_device = hDevice;
	uf_assert_settled(hDevice);
	uf_current->seen_present = *data;
	return uf_answer(uf_current->present_result);
}

static HRESULT APIENTRY create_session_cb(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *data)
{
	uf_current->calls.create_session++;
	uf_current->seen_device = hDevice;
	uf_assert_settled(hDevice);
	if (uf_answer(uf_current->session_result) != S_OK)
		return uf_answer(uf_current->session_result);
	for (int i = 0; i < UF_SESSIONS; i++) {
		struct uf_session *session = &uf_current->sessions[i];

		if (session->handle)
			continue;
		*session = (struct uf_session) { .handle = uf_current->next_handle += 0x40, .device = hDevice };
		assert_int_equal(data->PrivateDriverDataSize, sizeof(session->info));
		memcpy(&session->info, data->pPrivateDriverData, sizeof(session->info));
		data->hProtectedSession = session->handle;
		return S_OK;
	}
	return E_OUTOFMEMORY;
}

static HRESULT APIENTRY destroy_session_cb(HANDLE hDevice, const DXVAULTCB_DESTROYPROTECTEDSESSION *data)
{
	struct uf_session *session = find_session(data->hProtectedSession);

	uf_current->calls.destroy_session++;
	uf_current->seen_device = hDevice;
	uf_assert_settled(hDevice);
	assert_non_null(session);
	assert_ptr_equal(session->device, hDevice);
	*session = (struct uf_session) { 0 };
	return uf_answer(S_OK);
}

/* ---- start and stop ----------------------------------------------------------------------------- */

struct uf *uf_start_with(uint32_t caps, bool open)
{
	struct uf *uf = malloc(sizeof(*uf));

	memset(uf, 0, sizeof(*uf));
	uf->caps = (struct drv_caps) {
		.magic = DRV_MAGIC,
		.caps = caps,
		.protected_memory_size = 0x10000000,
		.has_decryption_blt = 1,
		.has_get_pitch = 1,
	};
	uf->shares_memory = true;
	uf->adapter_callbacks.pfnQueryAdapterInfoCb = query_cb;
	uf->device_callbacks = (DXVAULT_DEVICECALLBACKS){
		.Callbacks = {
			.pfnAllocateCb = allocate_cb,
			.pfnDeallocateCb = deallocate_cb,
			.pfnPresentCb = present_cb,
			.pfnLockCb = lock_cb,
			.pfnUnlockCb = unlock_cb,
			.pfnEscapeCb = escape_cb,
			.pfnCreateContextCb = create_context_cb,
			.pfnDestroyContextCb = destroy_context_cb,
		},
		.pfnCreateProtectedSessionCb = create_session_cb,
		.pfnDestroyProtectedSessionCb = destroy_session_cb,
		.pfnQueueEscapeCb = uf_queue_escape_cb,
		.pfnWaitEscapesCb = uf_wait_escapes_cb,
	};
	uf->device_flags = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS;
	uf_current = uf;
	if (open)
		uf_open(uf);
	return uf;
}

struct uf *uf_start(void)
{
	return uf_start_with(0xfd, /* open= */ true);
}

D3DDDIARG_OPENADAPTER uf_open_arg(struct uf *uf)
{
	return (D3DDDIARG_OPENADAPTER) {
		.hAdapter = UF_RUNTIME_ADAPTER,
		.Interface = 9,
		.Version = 0x2003,
		.pAdapterCallbacks = &uf->adapter_callbacks,
		.pAdapterFuncs = &uf->adapter_funcs,
	};
}

D3DDDIARG_CREATEDEVICE uf_device_arg(struct uf *uf, int n)
{
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = UF_RUNTIME_DEVICE(n),
		.Interface = 9,
		.Version = 0x2003,
		.pCallbacks = &uf->device_callbacks.Callbacks,
		.pDeviceFuncs = &uf->funcs,
	};

	arg.Flags.Value = uf->device_flags;
	return arg;
}

void uf_open(struct uf *uf)
{
	D3DDDIARG_OPENADAPTER open = uf_open_arg(uf);

	assert_hr(OpenAdapter(&open), S_OK);
	uf->adapter = open.hAdapter;
	for (int i = 0; i < 2; i++) {
		D3DDDIARG_CREATEDEVICE arg = uf_device_arg(uf, i);

		assert_hr(uf->adapter_funcs.pfnCreateDevice(uf->adapter, &arg), S_OK);
		uf->devices[i] = arg.hDevice;
	}
}

void uf_stop(struct uf *uf)
{
	uf_fail_calloc_off();
	for (int i = 0; i < 2; i++) {
		if (uf->devices[i])
			assert_hr(uf->funcs.pfnDestroyDevice(uf->devices[i]), S_OK);
	}
	if (uf->adapter)
		assert_hr(uf->adapter_funcs.pfnCloseAdapter(uf->adapter), S_OK);
	assert_int_equal(uf_live_allocations(uf), 0);
	assert_int_equal(uf_live_sessions(uf), 0);
	assert_int_equal(uf->calls.create_context, uf->calls.destroy_context);
	uf_current = NULL;
	free(uf);
}

/* ---- shorthands --------------------------------------------------------------------------------- */

HANDLE uf_session(struct uf *uf, int device)
{
	D3DDDIARG_CREATECRYPTOSESSION arg = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };

	assert_hr(uf->funcs.pfnCreateCryptoSession(uf->devices[device], &arg), S_OK);
	return arg.hCryptoSession;
}

HANDLE uf_session_with_key(struct uf *uf, int device)
{
	uint8_t blob[256] = { 1 }, key[16];
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE exchange = { .DataSize = sizeof(blob), .pData = blob };
	D3DDDIARG_GETENCRYPTIONBLTKEY get = { .pReadBackKey = key, .KeySize = sizeof(key) };

	exchange.hCryptoSession = get.hCryptoSession = uf_session(uf, device);
	assert_hr(uf->funcs.pfnCryptoSessionKeyExchange(uf->devices[device], &exchange), S_OK);
	assert_hr(uf->funcs.pfnGetEncryptionBltKey(uf->devices[device], &get), S_OK);
	return exchange.hCryptoSession;
}

HANDLE uf_resource(struct uf *uf, int device, D3DDDI_POOL pool, uint32_t flags, UINT width, UINT height, void *memory)
{
	static uintptr_t runtime = 0x10000;
	const D3DDDI_SURFACEINFO surface = {
		.Width = width,
		.Height = height,
		.pSysMem = memory,
		.SysMemPitch = memory ? width * 4 + 4 : 0,
	};
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = pool,
		.pSurfList = &surface,
		.SurfCount = 1,
		.hResource = (HANDLE)(runtime += 0x10),
	};

	arg.Flags.Value = flags;
	assert_hr(uf->funcs.pfnCreateResource(uf->devices[device], &arg), S_OK);
	return arg.hResource;
}

HRESULT uf_destroy_resource(struct uf *uf, int device, HANDLE resource)
{
	return uf->funcs.pfnDestroyResource(uf->devices[device], resource);
}

struct uf_allocation *uf_allocation_of(struct uf *uf, uint32_t pool)
{
	for (int i = 0; i < UF_ALLOCATIONS; i++) {
		if (uf->allocations[i].handle && uf->allocations[i].info.pool == pool)
			return &uf->allocations[i];
	}
	return NULL;
}

int uf_live_allocations(const struct uf *uf)
{
	int n = 0;

	for (int i = 0; i < UF_ALLOCATIONS; i++)
		n += uf->allocations[i].handle != 0;
	return n;
}

int uf_live_sessions(const struct uf *uf)
{
	int n = 0;

	for (int i = 0; i < UF_SESSIONS; i++)
		n += uf->sessions[i].handle != 0;
	return n;
}

/* ---- the bench ---------------------------------------------------------------------------------- */

void uf_bench_start(struct uf_bench *b, bool shares_memory)
{
	uf_bench_start_with(b, 0xfd, shares_memory);
}

static void fill_bench(struct uf_bench *b, bool shares_memory)
{
	b->uf->shares_memory = shares_memory;
	b->device = b->uf->devices[0];
	b->session = uf_session_with_key(b->uf, 0);
	b->protected = uf_resource(b->uf, 0, D3DDDIPOOL_VIDEOMEMORY, UF_RESTRICTED, 16, 1, NULL);
	for (size_t i = 0; i < sizeof(b->memory); i++)
		b->memory[i] = (uint8_t)i;
	b->system = uf_resource(b->uf, 0, D3DDDIPOOL_SYSTEMMEM, 0, 16, 1, b->memory);
}

void uf_bench_start_with(struct uf_bench *b, uint32_t caps, bool shares_memory)
{
	memset(b, 0, sizeof(*b));
	b->uf = uf_start_with(caps, /* open= */ true);
	fill_bench(b, shares_memory);
}

void uf_bench_start_queueing(struct uf_bench *b, bool shares_memory)
{
	memset(b, 0, sizeof(*b));
	b->uf = uf_start_with(0xfd, /* open= */ false);
	b->uf->device_flags |= DXVAULT_CREATEDEVICE_QUEUED_BLTS;
	uf_open(b->uf);
	fill_bench(b, shares_memory);
}

D3DDDIARG_DECRYPTIONBLT uf_decryption(struct uf_bench *b)
{
	return (D3DDDIARG_DECRYPTIONBLT) { .hCryptoSession = b->session,
					   .hSrcResource = b->system,
					   .hDstResource = b->protected,
					   .SrcResourceSize = 64,
					   .pIV = b->iv };
}

D3DDDIARG_ENCRYPTIONBLT uf_encryption(struct uf_bench *b)
{
	return (D3DDDIARG_ENCRYPTIONBLT) { .hCryptoSession = b->session,
					   .hSrcResource = b->protected,
					   .hDstResource = b->system,
					   .DstResourceSize = 64,
					   .pIV = b->iv };
}

HRESULT uf_decrypt(struct uf_bench *b, const D3DDDIARG_DECRYPTIONBLT *arg)
{
	return b->uf->funcs.pfnDecryptionBlt(b->device, arg);
}

HRESULT uf_encrypt(struct uf_bench *b, const D3DDDIARG_ENCRYPTIONBLT *arg)
{
	return b->uf->funcs.pfnEncryptionBlt(b->device, arg);
}

HRESULT uf_lock(struct uf_bench *b, HANDLE resource, uint32_t flags, D3DDDIARG_LOCK *ret)
{
	memset(ret, 0xc3, sizeof(*ret));
	ret->hResource = resource;
	ret->SubResourceIndex = 0;
	ret->Flags.Value = flags;
	return b->uf->funcs.pfnLock(b->device, ret);
}

HRESULT uf_unlock(struct uf_bench *b, HANDLE resource, uint32_t flags)
{
	D3DDDIARG_UNLOCK arg = { .hResource = resource };

	arg.Flags.Value = flags;
	return b->uf->funcs.pfnUnlock(b->device, &arg);
}

HRESULT uf_create(struct uf *uf, D3DDDIFORMAT format, D3DDDI_POOL pool, uint32_t flags, const D3DDDI_SURFACEINFO *list,
		  UINT count, HANDLE *ret)
{
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = format, .Pool = pool, .pSurfList = list, .SurfCount = count, .hResource = (HANDLE)0x4000
	};
	HRESULT hr;

	arg.Flags.Value = flags;
	hr = uf->funcs.pfnCreateResource(uf->devices[0], &arg);
	if (hr == S_OK) {
		assert_ptr_not_equal(arg.hResource, (HANDLE)0x4000); /* BLT-108 */
		*ret = arg.hResource;
	} else {
		assert_ptr_equal(arg.hResource, (HANDLE)0x4000);
	}
	return hr;
}
