/* SPDX-License-Identifier: MIT */
/* Many blts and one wait: a queue of surfaces goes in, another comes out. What comes before is as in crypto-session.c. */
#include <dxvault/d3dcontentprotection.h>
#include <dxvault/dxvault.h>
#include <err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 16, PITCH = WIDTH * 4, SIZE = PITCH * HEIGHT, COUNT = 100 };

static void must(const char *call, unsigned int code)
{
	if (code != 0)
		errx(1, "%s: 0x%08X", call, code);
}
#define MUST(call)	   must(#call, (unsigned int)(call))
#define MUST_BE(condition) must(#condition, (condition) ? 0 : (unsigned int)E_FAIL)

/* A runtime's callbacks: each is one D3DKMT call. A real one finds these two by the handle that it gave the driver. */
static D3DKMT_HANDLE adapter, device;

static HRESULT result(NTSTATUS status)
{
	return status == STATUS_SUCCESS ? S_OK : status == STATUS_DEVICE_REMOVED ? D3DDDIERR_DEVICEREMOVED : E_FAIL;
}

static HRESULT APIENTRY query_adapter_info_cb(HANDLE hAdapter, const D3DDDICB_QUERYADAPTERINFO *data)
{
	(void)hAdapter;
	return result(D3DKMTQueryAdapterInfo(&(D3DKMT_QUERYADAPTERINFO) {
		adapter, KMTQAITYPE_UMDRIVERPRIVATE, data->pPrivateDriverData, data->PrivateDriverDataSize }));
}

static D3DKMT_ESCAPE kernel_escape(const D3DDDICB_ESCAPE *data)
{
	D3DKMT_ESCAPE escape = { .hAdapter = adapter, .hDevice = device, .Type = D3DKMT_ESCAPE_DRIVERPRIVATE };

	escape.Flags = data->Flags; /* transfers go by a shorter way */
	escape.pPrivateDriverData = data->pPrivateDriverData;
	escape.PrivateDriverDataSize = data->PrivateDriverDataSize;
	return escape;
}

static HRESULT APIENTRY escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data)
{
	const D3DKMT_ESCAPE escape = kernel_escape(data);

	(void)hAdapter;
	return result(D3DKMTEscape(&escape));
}

/* The two that a queue needs: the same call without its wait, and the wait. */
static HRESULT APIENTRY queue_escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data)
{
	const D3DKMT_ESCAPE escape = kernel_escape(data);

	(void)hAdapter;
	return result(DxvaultQueueEscape(&escape));
}

static HRESULT APIENTRY wait_escapes_cb(HANDLE hDevice, UINT left)
{
	(void)hDevice;
	return result(DxvaultWaitEscapes(device, left));
}

static HRESULT APIENTRY allocate_cb(HANDLE hDevice, D3DDDICB_ALLOCATE *data)
{
	D3DDDI_ALLOCATIONINFO2 info = { 0 };
	D3DKMT_CREATEALLOCATION create = { .hDevice = device, .NumAllocations = 1, .pAllocationInfo2 = &info };
	NTSTATUS status;

	(void)hDevice;
	if (data->NumAllocations != 1) /* a surface without mipmaps is one allocation */
		return E_FAIL;
	info.pSystemMem = data->pAllocationInfo->pSystemMem;
	info.pPrivateDriverData = data->pAllocationInfo->pPrivateDriverData;
	info.PrivateDriverDataSize = data->pAllocationInfo->PrivateDriverDataSize;
	create.Flags.CreateResource = 1;
	status = D3DKMTCreateAllocation2(&create);
	data->hKMResource = create.hResource;
	data->pAllocationInfo->hAllocation = info.hAllocation;
	return result(status);
}

static HRESULT APIENTRY create_session_cb(HANDLE hDevice, DXVAULTCB_CREATEPROTECTEDSESSION *data)
{
	D3DKMT_CREATESYNCHRONIZATIONOBJECT2 fence = { .hDevice = device, .Info = { .Type = D3DDDI_MONITORED_FENCE } };
	D3DKMT_CREATEPROTECTEDSESSION session = { .hDevice = device };
	NTSTATUS status = D3DKMTCreateSynchronizationObject2(&fence);

	(void)hDevice;
	session.hSyncObject = fence.hSyncObject; /* moves when the session loses its content */
	session.pPrivateDriverData = data->pPrivateDriverData;
	session.PrivateDriverDataSize = data->PrivateDriverDataSize;
	status = status == STATUS_SUCCESS ? D3DKMTCreateProtectedSession(&session) : status;
	data->hProtectedSession = session.hHandle;
	return result(status);
}

static D3DDDI_ADAPTERFUNCS adapter_funcs;
static DXVAULT_DEVICEFUNCS funcs; /* the table of Direct3D 9, and two more behind it */
static const D3DDDI_DEVICEFUNCS *const ddi = &funcs.Functions;
static HANDLE driver_adapter, driver; /* the driver's handles, for every call of its tables */

static void open_driver(void)
{
	static const D3DDDI_ADAPTERCALLBACKS adapter_callbacks = { .pfnQueryAdapterInfoCb = query_adapter_info_cb };
	static const DXVAULT_DEVICECALLBACKS callbacks = { { .pfnAllocateCb = allocate_cb, .pfnEscapeCb = escape_cb },
							   .pfnCreateProtectedSessionCb = create_session_cb,
							   .pfnQueueEscapeCb = queue_escape_cb,
							   .pfnWaitEscapesCb = wait_escapes_cb };
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE kernel_device = { 0 };
	D3DDDIARG_OPENADAPTER open = { &adapter, .Interface = 9, .Version = D3D_UMD_INTERFACE_VERSION_WIN7,
				       .pAdapterCallbacks = &adapter_callbacks, .pAdapterFuncs = &adapter_funcs };
	D3DDDIARG_CREATEDEVICE create = { &device, .Interface = 9, .Version = D3D_UMD_INTERFACE_VERSION_WIN7,
					  .pCallbacks = &callbacks.Callbacks, .pDeviceFuncs = &funcs.Functions };

	MUST(D3DKMTEnumAdapters2(&list)); /* starts the service of this user, if none runs */
	adapter = kernel_device.hAdapter = info.hAdapter;
	MUST(D3DKMTCreateDevice(&kernel_device));
	device = kernel_device.hDevice;
	MUST(OpenAdapter(&open)); /* of libdxvault-umd.so */
	driver_adapter = open.hAdapter;
	create.Flags.Value = DXVAULT_CREATEDEVICE_PROTECTED_SESSIONS | DXVAULT_CREATEDEVICE_QUEUED_BLTS;
	MUST(adapter_funcs.pfnCreateDevice(driver_adapter, &create));
	driver = create.hDevice;
}

/* The chain is leaf first, root last, and counts for nothing unless it leads to a root that came by another way. */
static void wrap(const uint8_t key[16], uint8_t blob[256])
{
	DDICERTIFICATEINFO type = { D3DDDI_CERTTYPE_CRYPTOSESSION, .CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR };
	uint8_t chain[16384], root[4096];
	const uint8_t *at = chain, *at_root = root;
	UINT size = 0, root_size = sizeof(root);
	D3DDDIARG_GETCAPS caps = { D3DDDICAPS_GETCERTIFICATESIZE, &type, &size, sizeof(size) };
	STACK_OF(X509) *certificates = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	EVP_PKEY_CTX *rsa;
	size_t blob_size = 256;

	MUST(adapter_funcs.pfnGetCaps(driver_adapter, &caps));
	MUST_BE(size <= sizeof(chain));
	caps = (D3DDDIARG_GETCAPS) { D3DDDICAPS_GETCERTIFICATE, &type, chain, size };
	MUST(adapter_funcs.pfnGetCaps(driver_adapter, &caps));
	MUST(DxvaultGetRootCertificate(root, &root_size)); /* a player has it built in */
	while (at < chain + size)
		MUST_BE(sk_X509_push(certificates, d2i_X509(NULL, &at, chain + size - at)) > 0);
	MUST_BE(X509_STORE_add_cert(store, d2i_X509(NULL, &at_root, root_size)) == 1);
	MUST_BE(X509_STORE_CTX_init(check, store, sk_X509_value(certificates, 0), certificates) == 1);
	MUST_BE(X509_verify_cert(check) == 1);
	rsa = EVP_PKEY_CTX_new(X509_get0_pubkey(sk_X509_value(certificates, 0)), NULL);
	MUST_BE(EVP_PKEY_encrypt_init(rsa) == 1 && EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_OAEP_PADDING) == 1);
	MUST_BE(EVP_PKEY_CTX_set_rsa_oaep_md(rsa, EVP_sha512()) == 1); /* and MGF1 with the same */
	MUST_BE(EVP_PKEY_encrypt(rsa, blob, &blob_size, key, 16) == 1);
}

static void aes(const EVP_CIPHER *cipher, int encrypt, uint8_t *key, uint8_t *iv, const void *in, void *out, int n)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	MUST_BE(EVP_CipherInit_ex(context, cipher, NULL, key, iv, encrypt) == 1);
	MUST_BE(EVP_CIPHER_CTX_set_padding(context, 0) == 1 && EVP_CipherUpdate(context, out, &n, in, n) == 1);
	EVP_CIPHER_CTX_free(context);
}

/* memory NULL: a protected surface, which nobody but the service reads or writes. */
static HANDLE create_surface(uintptr_t number, void *memory)
{
	const D3DDDI_SURFACEINFO info = { WIDTH, HEIGHT, .pSysMem = memory, .SysMemPitch = memory ? PITCH : 0 };
	D3DDDIARG_CREATERESOURCE create = { .Format = D3DDDIFMT_A8R8G8B8, .pSurfList = &info, .SurfCount = 1 };

	create.Pool = memory ? D3DDDIPOOL_SYSTEMMEM : D3DDDIPOOL_VIDEOMEMORY;
	create.Flags.RestrictedContent = memory == NULL;
	create.Rotation = D3DDDI_ROTATION_IDENTITY;
	create.hResource = (HANDLE)number; /* in: ours; out: the driver's */
	MUST(ddi->pfnCreateResource(driver, &create));
	return create.hResource;
}

static D3DDDIARG_ENCRYPTIONBLT out[COUNT];
static HRESULT results[COUNT];
static uint8_t plain[COUNT][SIZE], back[SIZE], iv[COUNT][16];

/* Encrypted in the application, decrypted by the service, all at once. */
static void move_in(HANDLE session, uint8_t key[16], uint8_t *memory)
{
	for (int i = 0; i < COUNT; i++) {
		iv[i][7] = (uint8_t)(i + 1); /* IVs rise; bytes 8 to 15 are Count */
		aes(EVP_aes_128_ctr(), 1, key, iv[i], plain[i], memory + (size_t)i * SIZE, SIZE);
	}
	MUST(funcs.pfnBeginQueue(driver, &(DXVAULTARG_BEGINQUEUE) { COUNT, results }));
	for (int i = 0; i < COUNT; i++) {
		D3DDDIARG_DECRYPTIONBLT in = { .hCryptoSession = session, .SrcResourceSize = SIZE, .pIV = iv[i] };

		in.hSrcResource = out[i].hDstResource;
		in.hDstResource = out[i].hSrcResource;
		MUST(ddi->pfnDecryptionBlt(driver, &in)); /* reads in and iv now, the surface later */
	}
	MUST(funcs.pfnEndQueue(driver, NULL)); /* else the first failure: results has them all */
}

/* The vectors come with the bytes, so nothing is read before the queue has ended. */
static void move_out(HANDLE session, uint8_t key[16], const uint8_t *memory)
{
	uint8_t wrapped[16], read_back_key[16];

	MUST(ddi->pfnGetEncryptionBltKey(driver, &(D3DDDIARG_GETENCRYPTIONBLTKEY) { session, wrapped, 16 }));
	aes(EVP_aes_128_ecb(), 0, key, NULL, wrapped, read_back_key, sizeof(wrapped));
	MUST(funcs.pfnBeginQueue(driver, &(DXVAULTARG_BEGINQUEUE) { COUNT, results }));
	for (int i = 0; i < COUNT; i++)
		MUST(ddi->pfnEncryptionBlt(driver, &out[i]));
	MUST(funcs.pfnEndQueue(driver, NULL));
	for (int i = 0; i < COUNT; i++) {
		aes(EVP_aes_128_ctr(), 0, read_back_key, iv[i], memory + (size_t)i * SIZE, back, SIZE);
		MUST_BE(memcmp(back, plain[i], SIZE) == 0);
	}
}

int main(void)
{
	uint8_t key[16], blob[256], *memory;
	D3DDDIARG_CREATECRYPTOSESSION session = { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };

	open_driver();
	MUST_BE((memory = DxvaultAllocateSystemMemory(device, (SIZE_T)COUNT * SIZE)) != NULL);
	MUST(ddi->pfnCreateCryptoSession(driver, &session));
	MUST_BE(RAND_priv_bytes(key, sizeof(key)) == 1 && RAND_bytes(plain[0], sizeof(plain)) == 1);
	wrap(key, blob);
	MUST(ddi->pfnCryptoSessionKeyExchange(
		driver, &(D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE) { session.hCryptoSession, sizeof(blob), blob }));
	for (size_t i = 0; i < COUNT; i++) {
		out[i] = (D3DDDIARG_ENCRYPTIONBLT) { session.hCryptoSession, .DstResourceSize = SIZE, .pIV = iv[i] };
		out[i].hSrcResource = create_surface(2 * i + 1, NULL);
		out[i].hDstResource = create_surface(2 * i + 2, memory + i * SIZE);
	}
	move_in(session.hCryptoSession, key, memory);
	move_out(session.hCryptoSession, key, memory);
	printf("%d surfaces went in and came back\n", COUNT);
	return 0; /* what a process held goes back when it ends */
}
