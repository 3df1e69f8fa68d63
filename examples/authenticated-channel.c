/* SPDX-License-Identifier: MIT */
/* An authenticated channel from nothing: exchange a key, switch protection on, and ask, under tags, whether it is. */
#include <dxvault/d3dcontentprotection.h>
#include <dxvault/dxvault.h>
#include <err.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

static void must(const char *call, unsigned int code)
{
	if (code != 0)
		errx(1, "%s: 0x%08X", call, code);
}
#define MUST(call)	   must(#call, (unsigned int)(call))
#define MUST_BE(condition) must(#condition, (condition) ? 0 : (unsigned int)E_FAIL)

/* ---- the driver: crypto-session.c has the callbacks that surfaces and sessions need besides ------------------ */

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

static HRESULT APIENTRY escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data)
{
	D3DKMT_ESCAPE escape = { .hAdapter = adapter, .hDevice = device, .Type = D3DKMT_ESCAPE_DRIVERPRIVATE };

	(void)hAdapter;
	escape.Flags = data->Flags; /* transfers go by a shorter way */
	escape.pPrivateDriverData = data->pPrivateDriverData;
	escape.PrivateDriverDataSize = data->PrivateDriverDataSize;
	return result(D3DKMTEscape(&escape));
}

static D3DDDI_ADAPTERFUNCS adapter_funcs;
static D3DDDI_DEVICEFUNCS ddi;
static HANDLE driver_adapter, driver; /* the driver's handles, for every call of its tables */

static void open_driver(void)
{
	static const D3DDDI_ADAPTERCALLBACKS adapter_callbacks = { .pfnQueryAdapterInfoCb = query_adapter_info_cb };
	static const D3DDDI_DEVICECALLBACKS callbacks = { .pfnEscapeCb = escape_cb };
	D3DKMT_ADAPTERINFO info = { 0 };
	D3DKMT_ENUMADAPTERS2 list = { .NumAdapters = 1, .pAdapters = &info };
	D3DKMT_CREATEDEVICE kernel_device = { 0 };
	D3DDDIARG_OPENADAPTER open = { &adapter, .Interface = 9, .Version = D3D_UMD_INTERFACE_VERSION_WIN7,
				       .pAdapterCallbacks = &adapter_callbacks, .pAdapterFuncs = &adapter_funcs };
	D3DDDIARG_CREATEDEVICE create = { &device, .Interface = 9, .Version = D3D_UMD_INTERFACE_VERSION_WIN7,
					  .pCallbacks = &callbacks, .pDeviceFuncs = &ddi };

	MUST(D3DKMTEnumAdapters2(&list)); /* starts the service of this user, if none runs */
	adapter = kernel_device.hAdapter = info.hAdapter;
	MUST(D3DKMTCreateDevice(&kernel_device));
	device = kernel_device.hDevice;
	MUST(OpenAdapter(&open)); /* of libdxvault-umd.so */
	driver_adapter = open.hAdapter;
	MUST(adapter_funcs.pfnCreateDevice(driver_adapter, &create));
	driver = create.hDevice;
}

/* ---- the key --------------------------------------------------------------------------------------------------- */

static HANDLE channel;
static uint8_t key[16];

/* The channels' certificate is another one than the sessions'. Its chain counts for nothing unless it leads to the root. */
static void wrap(uint8_t blob[256])
{
	DDICERTIFICATEINFO type = { D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL,
				    DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
				    { 0 } };
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
	MUST_BE(EVP_PKEY_encrypt(rsa, blob, &blob_size, key, sizeof(key)) == 1);
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static UINT next_command, next_query;

/* AES-128-CMAC of all that follows the tag, padding included. */
static void make_tag(const void *message, size_t size, D3D_OMAC *tag)
{
	size_t written = 0;

	MUST_BE(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, sizeof(key),
			  (const uint8_t *)message + sizeof(*tag), size - sizeof(*tag), tag->Omac, sizeof(tag->Omac),
			  &written) &&
		written == sizeof(*tag));
}

/* Whether an answer comes from who has the key, and is one to this very call. */
static void believe(const void *answer, size_t size, const GUID *type, UINT number)
{
	const D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT *header = answer; /* commands and queries have the same */
	D3D_OMAC tag;

	make_tag(answer, size, &tag);
	MUST_BE(CRYPTO_memcmp(&tag, &header->omac, sizeof(tag)) == 0);
	MUST_BE(memcmp(&header->QueryType, type, sizeof(*type)) == 0 && header->hChannel == channel &&
		header->SequenceNumber == number);
	MUST(header->ReturnCode);
}

/* input begins a structure whose ConfigureType is set; INITIALIZE's number is 0, and nobody looks at it. */
static void command(D3DAUTHENTICATEDCHANNEL_CONFIGURE_INPUT *input, size_t size, UINT number)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURE_OUTPUT output = { 0 };

	input->hChannel = channel;
	input->SequenceNumber = number;
	make_tag(input, size, &input->omac);
	MUST(ddi.pfnConfigureAuthenticatedChannel(
		driver, &(D3DDDIARG_CONFIGUREAUTHENTICATEDCHANNEL) { (UINT)size, input, &output }));
	believe(&output, sizeof(output), &input->ConfigureType, number);
}

/* Queries carry no tag, so anyone may ask. Random gaps between the numbers keep others from asking for us in advance. */
static void query(GUID type, D3DAUTHENTICATEDCHANNEL_QUERY_OUTPUT *output, size_t size)
{
	D3DAUTHENTICATEDCHANNEL_QUERY_INPUT input = { .QueryType = type, .hChannel = channel };
	uint8_t gap;

	MUST_BE(RAND_bytes(&gap, sizeof(gap)) == 1);
	input.SequenceNumber = next_query + gap;
	next_query = input.SequenceNumber + 1;
	MUST(ddi.pfnQueryAuthenticatedChannel(
		driver, &(D3DDDIARG_QUERYAUTHENTICATEDCHANNEL) { sizeof(input), &input, (UINT)size, output }));
	believe(output, size, &type, input.SequenceNumber);
}

/* ---- a conversation ------------------------------------------------------------------------------------------------ */

/* A random number with room above it: one that is used up does not come round. */
static UINT first_number(void)
{
	UINT number;

	MUST_BE(RAND_bytes((unsigned char *)&number, sizeof(number)) == 1);
	return number >> 2;
}

int main(void)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL create = { .ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE };
	D3DAUTHENTICATEDCHANNEL_CONFIGUREINITIALIZE initialize = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_INITIALIZE,
	};
	D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION protect = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		.Protections = { .ProtectionEnabled = 1 },
	};
	D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE admit = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE,
		.ProcessIdentiferType = PROCESSIDTYPE_HANDLE,
		.AllowAccess = TRUE,
	};
	D3DAUTHENTICATEDCHANNEL_QUERYCHANNELTYPE_OUTPUT type = { 0 };
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT protection = { 0 };
	uint8_t blob[256];
	UINT64 token;

	open_driver();
	MUST(ddi.pfnCreateAuthenticatedChannel(driver, &create));
	channel = create.hChannel; /* what all buffers name it by */
	MUST_BE(RAND_priv_bytes(key, sizeof(key)) == 1);
	wrap(blob);
	MUST(ddi.pfnAuthenticatedChannelKeyExchange(
		driver, &(D3DDDIARG_AUTHENTICATEDCHANNELKEYEXCHANGE) { channel, sizeof(blob), blob }));

	initialize.StartSequenceConfigure = next_command = first_number();
	initialize.StartSequenceQuery = next_query = first_number();
	command(&initialize.Parameters, sizeof(initialize), 0);
	query(D3DAUTHENTICATEDQUERY_CHANNELTYPE, &type.Output, sizeof(type));
	MUST_BE(type.ChannelType == D3DAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE);
	command(&protect.Parameters, sizeof(protect), next_command++);

	/* Resources with RestrictSharedAccess open for processes in the device's list alone. This one stands for another. */
	MUST(DxvaultGetProcessToken(&token));
	admit.ProcessHandle = (HANDLE)(uintptr_t)token;
	command(&admit.Parameters, sizeof(admit), next_command++);

	/* A player asks this again and again, and stops when it gets no good answer. */
	query(D3DAUTHENTICATEDQUERY_PROTECTION, &protection.Output, sizeof(protection));
	MUST_BE(protection.ProtectionFlags.ProtectionEnabled);
	puts("protection is on, says the channel");
	MUST(ddi.pfnDestroyAuthenticatedChannel(driver, &(D3DDDIARG_DESTROYAUTHENTICATEDCHANNEL) { channel }));
	OPENSSL_cleanse(key, sizeof(key));
	return 0; /* what a process held goes back when it ends */
}
