/* SPDX-License-Identifier: MIT */
/* The provider: decodes the film, and hands each picture, encrypted under the session key, to the protected surfaces. */
#include "runtime/runtime.h"
#include "tools/command.h"
#include "tools/play.h"
#include "tools/play_wire.h"
#include "tools/text.h"
#include "tools/trust.h"
#include "wire/socket.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KEY_SIZE = 16, IV_SIZE = 16 };

volatile sig_atomic_t play_interrupted;

struct provider {
	const struct play_options *options;
	struct film *film;
	const struct film_info *info;
	struct play_processes *processes;
	struct play_progress progress;

	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_session *session;
	struct rt_resource *surfaces[PLAY_SURFACES];
	bool surface_is_free[PLAY_SURFACES];
	struct rt_resource *system; /* the encrypted picture on its way */
	uint8_t *system_memory;
	size_t size; /* linear bytes of a surface */
	uint32_t pitch;

	EVP_CIPHER_CTX *cipher; /* holds the session key */
	uint8_t *picture;	/* the clear one */
	uint64_t next_iv;
	uint64_t sent;
	uint64_t shown;
	bool lost;
};

static int stop(struct provider *provider, int code)
{
	play_progress_end(&provider->progress);
	return code;
}

/* Says what went wrong, by the deepest cause that is known. */
static int fail_call(struct provider *provider, const char *what, HRESULT result)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	char number[16];

	play_progress_end(&provider->progress);
	/* The service may be there still, without the adapter that this process opened. */
	if (result == D3DDDIERR_DEVICEREMOVED && DxvaultQueryService(&info) == STATUS_SUCCESS)
		return command_fail("the adapter was removed after %" PRIu64 " frames", provider->shown);
	if (result == D3DDDIERR_DEVICEREMOVED && play_processes_service_told(provider->processes))
		return EXIT_FAILURE;
	if (result == D3DDDIERR_DEVICEREMOVED)
		return command_fail("the service is gone: it was stopped, or it failed");
	return command_fail("%s: %s", what, text_hresult(result, number, sizeof(number)));
}

static bool session_is_invalid(struct provider *provider)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = rt_session_kernel_handle(provider->session) };

	return D3DKMTQueryProtectedSessionStatus(&query) == STATUS_SUCCESS &&
	       query.Status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
}

static int report_loss(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	provider->lost = true;
	/* A service that ends takes the content first. */
	if (DxvaultQueryService(&info) != STATUS_SUCCESS)
		return fail_call(provider, "the service", D3DDDIERR_DEVICEREMOVED);
	play_progress_end(&provider->progress);
	return command_fail("the protected session lost its content after %" PRIu64 " frames", provider->shown);
}

/* ---- the way to the presenter ------------------------------------------------------------------------ */

static int presenter_is_gone(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	if (play_interrupted)
		return stop(provider, EXIT_INTERRUPTED);
	/* A presenter whose service died leaves too: the deeper cause is the one to tell. */
	if (DxvaultQueryService(&info) != STATUS_SUCCESS)
		return fail_call(provider, "the service", D3DDDIERR_DEVICEREMOVED);
	return stop(provider, command_fail("the presenter ended before the film did"));
}

/* One message of the presenter's. */
static int hear(struct provider *provider, bool *ret_done)
{
	struct play_message message;
	struct wire_packet packet = { .data = &message, .capacity = sizeof(message) };
	int result;

	result = wire_receive(provider->processes->socket, &packet, 0);
	/* It left without reading everything. That is told once, in front of what it had said before. */
	if (result == -ECONNRESET)
		result = wire_receive(provider->processes->socket, &packet, 0);
	if (result <= 0 || packet.size != sizeof(message) || packet.descriptor_count > 0) {
		wire_packet_clear(&packet);
		return presenter_is_gone(provider);
	}
	switch (message.type) {
	case PLAY_SHOWN:
		if (message.index >= PLAY_SURFACES)
			return presenter_is_gone(provider);
		provider->surface_is_free[message.index] = true;
		provider->shown = message.presented;
		play_progress_update(&provider->progress, provider->shown);
		return EXIT_SUCCESS;
	case PLAY_DONE:
		provider->shown = message.presented;
		*ret_done = true;
		return EXIT_SUCCESS;
	case PLAY_LOST:
		return report_loss(provider);
	default:
		message.text[sizeof(message.text) - 1] = '\0';
		if (message.status == (int32_t)D3DDDIERR_DEVICEREMOVED || message.status == STATUS_DEVICE_REMOVED)
			return fail_call(provider, "the service", D3DDDIERR_DEVICEREMOVED);
		play_progress_end(&provider->progress);
		return command_fail("the presenter failed: %s: 0x%08X", message.text, (unsigned int)message.status);
	}
}

static int say(struct provider *provider, const struct play_message *message, int nt_handle)
{
	struct wire_packet packet = {
		.data = (void *)(uintptr_t)message,
		.size = sizeof(*message),
		.descriptors = { nt_handle },
		.descriptor_count = nt_handle >= 0 ? 1 : 0,
	};
	int result;
	bool done = false;

	if (wire_send(provider->processes->socket, &packet, 0) >= 0)
		return EXIT_SUCCESS;
	/* It has left. Why, it may have said before. */
	do
		result = hear(provider, &done);
	while (result == EXIT_SUCCESS);
	return result;
}

/* Waits for the presenter, and for Ctrl-C. */
static int listen_to_presenter(struct provider *provider, bool wait, bool *ret_done)
{
	struct pollfd item = { .fd = provider->processes->socket, .events = POLLIN };

	for (;;) {
		int ready;

		if (play_interrupted)
			return stop(provider, EXIT_INTERRUPTED);
		ready = poll(&item, 1, wait ? 200 : 0);
		if (ready > 0)
			return hear(provider, ret_done);
		if (ready == 0 && !wait)
			return EXIT_SUCCESS;
		if (ready < 0 && errno != EINTR)
			return presenter_is_gone(provider);
	}
}

/* ---- the session --------------------------------------------------------------------------------------- */

/* What this player trusts: its own copy, if it was given one. */
static int read_anchor(struct provider *provider, uint8_t **ret, size_t *ret_size)
{
	UINT size = 0;

	if (provider->options->trust) {
		if (trust_read_file(provider->options->trust, ret, ret_size) < 0)
			return command_fail("%s is no certificate", provider->options->trust);
		return EXIT_SUCCESS;
	}
	*ret = NULL;
	if (DxvaultGetRootCertificate(NULL, &size) == STATUS_SUCCESS)
		*ret = malloc(size);
	if (!*ret || DxvaultGetRootCertificate(*ret, &size) != STATUS_SUCCESS) {
		free(*ret);
		*ret = NULL;
		(void)fail_call(provider, "the trust anchor", D3DDDIERR_DEVICEREMOVED);
		return EXIT_FAILURE;
	}
	*ret_size = size;
	return EXIT_SUCCESS;
}

static int check_driver(struct provider *provider, struct trust **ret)
{
	const char *problem = "";
	D3DCONTENTPROTECTIONCAPS caps;
	uint8_t *anchor = NULL;
	size_t anchor_size = 0;
	uint8_t *chain = NULL;
	size_t chain_size = 0;
	HRESULT result;
	int checked;

	result = rt_adapter_content_protection_caps(provider->adapter, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, &caps);
	if (FAILED(result))
		return fail_call(provider, "the driver's content protection", result);
	if (memcmp(&caps.KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		return stop(provider, command_fail("the driver has no RSAES-OAEP key exchange"));
	result = rt_adapter_certificate(provider->adapter, D3DDDI_CERTTYPE_CRYPTOSESSION, &chain, &chain_size);
	if (FAILED(result))
		return fail_call(provider, "the driver's certificate", result);
	checked = read_anchor(provider, &anchor, &anchor_size);
	if (checked != EXIT_SUCCESS) {
		free(chain);
		return stop(provider, checked);
	}
	checked = trust_check(chain, chain_size, anchor, anchor_size, ret, &problem);
	free(chain);
	free(anchor);
	return checked < 0 ? stop(provider, command_fail("%s", problem)) : EXIT_SUCCESS;
}

/* Makes a session key, and gives it to the driver and to this process's cipher. */
static int exchange_key(struct provider *provider, struct trust *trust)
{
	D3DDDIARG_CRYPTOSESSIONKEYEXCHANGE argument = { .DataSize = TRUST_BLOB_SIZE };
	uint8_t blob[TRUST_BLOB_SIZE];
	uint8_t key[KEY_SIZE];
	HRESULT result;
	bool good;

	good = RAND_priv_bytes(key, sizeof(key)) == 1 && trust_encrypt(trust, key, sizeof(key), blob) == 0;
	provider->cipher = EVP_CIPHER_CTX_new();
	good = good && provider->cipher &&
	       EVP_EncryptInit_ex2(provider->cipher, EVP_aes_128_ctr(), key, NULL, NULL) == 1;
	explicit_bzero(key, sizeof(key));
	if (!good)
		return stop(provider, command_fail("no session key can be made"));
	argument.hCryptoSession = rt_session_handle(provider->session);
	argument.pData = blob;
	result = rt_device_funcs(provider->device)
			 ->pfnCryptoSessionKeyExchange(rt_device_handle(provider->device), &argument);
	return FAILED(result) ? fail_call(provider, "CryptoSessionKeyExchange", result) : EXIT_SUCCESS;
}

static int open_session(struct provider *provider)
{
	struct trust *trust = NULL;
	HRESULT result;
	int code;

	result = rt_adapter_open(NULL, &provider->adapter);
	if (result == D3DDDIERR_DEVICEREMOVED && !provider->options->screen)
		return stop(provider, command_fail("no service to be had: dxvaultd --foreground tells why"));
	if (FAILED(result) && rt_last_error()[0] && result != D3DDDIERR_DEVICEREMOVED)
		return stop(provider, command_fail("no adapter: %s", rt_last_error()));
	if (SUCCEEDED(result))
		result = rt_device_create(provider->adapter, &provider->device);
	if (FAILED(result))
		return fail_call(provider, "CreateDevice", result);
	result = rt_session_create(provider->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0,
				   &provider->session);
	if (FAILED(result))
		return fail_call(provider, "CreateCryptoSession", result);
	code = check_driver(provider, &trust);
	if (code == EXIT_SUCCESS)
		code = exchange_key(provider, trust);
	trust_free(trust);
	return code;
}

/* ---- the surfaces ---------------------------------------------------------------------------------------- */

static D3DDDI_ROTATION rotation_of(int degrees)
{
	switch (degrees) {
	case 90:
		return D3DDDI_ROTATION_90;
	case 180:
		return D3DDDI_ROTATION_180;
	case 270:
		return D3DDDI_ROTATION_270;
	default:
		return D3DDDI_ROTATION_IDENTITY;
	}
}

/* A strict service has no other memory to put a surface in. */
static int fail_surface(struct provider *provider, HRESULT result)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	if (result == E_OUTOFMEMORY && provider->options->strict && DxvaultQueryService(&info) == STATUS_SUCCESS &&
	    info.MemoryReason[0])
		return stop(provider,
			    command_fail("--strict: memfd_secret memory is not to be had: %s", info.MemoryReason));
	return fail_call(provider, "a protected surface", result);
}

static int make_surfaces(struct provider *provider)
{
	/* NV12 has one colour for four pixels: an odd picture lies in the corner of an even surface. */
	struct rt_surface surface = {
		.format = D3DDDIFMT_NV12,
		.width = (provider->info->width + 1) & ~1u,
		.height = (provider->info->height + 1) & ~1u,
		.refresh_rate = { (UINT)provider->info->rate_numerator, (UINT)provider->info->rate_denominator },
		.rotation = rotation_of(provider->info->rotation),
	};
	D3DDDI_RESOURCEFLAGS flags = { .SharedResource = 1 };
	D3DDDIARG_GETPITCH pitch = { 0 };
	void *memory;
	HRESULT result;

	result = rt_resource_create_system(provider->device, &surface, &memory, &provider->size, &provider->pitch,
					   &provider->system);
	if (FAILED(result))
		return fail_call(provider, "a system-memory surface", result);
	provider->system_memory = memory;
	for (int i = 0; i < PLAY_SURFACES; i++) {
		result = rt_resource_create_protected(provider->device, &surface, flags, &provider->surfaces[i]);
		if (FAILED(result))
			return fail_surface(provider, result);
		provider->surface_is_free[i] = true;
	}
	pitch.hCryptoSession = rt_session_handle(provider->session);
	pitch.hResource = rt_resource_handle(provider->surfaces[0]);
	result = rt_device_funcs(provider->device)->pfnGetPitch(rt_device_handle(provider->device), &pitch);
	if (FAILED(result))
		return fail_call(provider, "GetPitch", result);
	provider->pitch = pitch.Pitch;
	/* Rows may be shorter than the pitch: what lies between stays zero. */
	provider->picture = calloc(1, provider->size);
	if (!provider->picture)
		return stop(provider, command_fail("out of memory"));
	return EXIT_SUCCESS;
}

static int give(struct provider *provider, enum play_type type, uint32_t index, HRESULT shared, int nt_handle)
{
	int code;

	if (FAILED(shared))
		return fail_call(provider, "D3DKMTShareObjects", shared);
	code = say(provider, &(struct play_message) { .type = type, .index = index }, nt_handle);
	close(nt_handle);
	return code;
}

static int share_all(struct provider *provider)
{
	int nt_handle = -1;
	HRESULT result;
	int code;

	result = rt_session_share(provider->session, &nt_handle);
	code = give(provider, PLAY_SESSION, 0, result, nt_handle);
	if (code != EXIT_SUCCESS)
		return code;
	result = rt_session_share_fence(provider->session, &nt_handle);
	code = give(provider, PLAY_FENCE, 0, result, nt_handle);
	for (uint32_t i = 0; i < PLAY_SURFACES && code == EXIT_SUCCESS; i++) {
		result = rt_resource_share(provider->surfaces[i], &nt_handle);
		code = give(provider, PLAY_SURFACE, i, result, nt_handle);
	}
	return code;
}

/* What holds the pictures is known once the surfaces are there. */
static int check_memory(struct provider *provider, DXVAULT_SERVICE_INFO *ret)
{
	ret->Version = DXVAULT_SERVICE_INFO_VERSION;
	if (DxvaultQueryService(ret) != STATUS_SUCCESS)
		return fail_call(provider, "the service", D3DDDIERR_DEVICEREMOVED);
	if (provider->options->strict && (ret->KeyMemory != 0 || ret->SurfaceMemory != 0))
		return stop(provider,
			    command_fail("--strict: memfd_secret memory is not to be had: %s", ret->MemoryReason));
	return EXIT_SUCCESS;
}

/* ---- the film ---------------------------------------------------------------------------------------------- */

static void store_big_endian(uint8_t *memory, uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		memory[i] = (uint8_t)value;
}

/* An odd picture's colours begin behind the surface's rows, not behind its own. */
static int read_picture(struct provider *provider)
{
	size_t rows = provider->info->height;
	uint8_t *colours = provider->picture + rows * provider->pitch;

	if (film_read_nv12(provider->film, provider->picture, provider->pitch) != FILM_OK)
		return stop(provider, command_fail("%s", film_error(provider->film)));
	if (rows % 2) {
		memmove(colours + provider->pitch, colours, (rows + 1) / 2 * provider->pitch);
		memset(colours, 0, provider->pitch);
	}
	return EXIT_SUCCESS;
}

/* A fresh IV for each picture, and Count from 0 (BLT-01, BLT-09). */
static int put_picture(struct provider *provider, uint32_t index)
{
	uint8_t iv[IV_SIZE] = { 0 };
	D3DDDIARG_DECRYPTIONBLT argument = {
		.hCryptoSession = rt_session_handle(provider->session),
		.hSrcResource = rt_resource_handle(provider->system),
		.hDstResource = rt_resource_handle(provider->surfaces[index]),
		.SrcResourceSize = (UINT)provider->size,
		.pIV = iv,
	};
	HRESULT result;
	int done = 0;
	int code;

	store_big_endian(iv, ++provider->next_iv);
	code = read_picture(provider);
	if (code != EXIT_SUCCESS)
		return code;
	if (EVP_EncryptInit_ex2(provider->cipher, NULL, NULL, iv, NULL) != 1 ||
	    EVP_EncryptUpdate(provider->cipher, provider->system_memory, &done, provider->picture,
			      (int)provider->size) != 1)
		return stop(provider, command_fail("a picture can't be encrypted"));
	result = rt_device_funcs(provider->device)->pfnDecryptionBlt(rt_device_handle(provider->device), &argument);
	/* Without its keys the session is in the state of one that never had any; the status says why. */
	if (result == D3DDDIERR_INVALIDCALL && session_is_invalid(provider))
		return report_loss(provider);
	return FAILED(result) ? fail_call(provider, "DecryptionBlt", result) : EXIT_SUCCESS;
}

/* The picture as a person should see it: pixels may not be square. */
static uint32_t shown_width(const struct film_info *info)
{
	uint64_t width = info->width;

	if (info->sar_numerator > 0 && info->sar_denominator > 0)
		width = (width * (unsigned int)info->sar_numerator + (unsigned int)info->sar_denominator / 2) /
			(unsigned int)info->sar_denominator;
	return width > 0 && width <= 16384 ? (uint32_t)width : info->width;
}

static int show_picture(struct provider *provider, uint32_t index, const struct film_frame *frame)
{
	uint32_t width = shown_width(provider->info);
	uint32_t height = provider->info->height;
	/* The screen is told the size of the upright picture. */
	bool turned = provider->info->rotation % 180 != 0;

	provider->surface_is_free[index] = false;
	provider->sent++;
	return say(provider,
		   &(struct play_message) {
			   .type = PLAY_SHOW,
			   .index = index,
			   .count = frame->count,
			   .duration = frame->duration,
			   .width = provider->info->width,
			   .height = provider->info->height,
			   .shown_width = turned ? height : width,
			   .shown_height = turned ? width : height,
		   },
		   -1);
}

/* Takes in what the presenter has said, and waits until there is a surface to fill. */
static int find_surface(struct provider *provider, uint32_t *ret)
{
	bool done = false;
	bool wait = false;

	for (;;) {
		int code = listen_to_presenter(provider, wait, &done);

		if (code != EXIT_SUCCESS)
			return code;
		for (uint32_t i = 0; i < PLAY_SURFACES; i++) {
			if (provider->surface_is_free[i]) {
				*ret = i;
				return EXIT_SUCCESS;
			}
		}
		wait = true;
	}
}

static int play_film(struct provider *provider)
{
	struct film_frame frame;
	enum film_result got;
	bool done = false;
	uint32_t index = 0;
	int code;

	while ((got = film_next(provider->film, &frame)) == FILM_OK) {
		code = find_surface(provider, &index);
		if (code == EXIT_SUCCESS)
			code = put_picture(provider, index);
		if (code == EXIT_SUCCESS)
			code = show_picture(provider, index, &frame);
		if (code != EXIT_SUCCESS)
			return code;
	}
	if (play_interrupted)
		return stop(provider, EXIT_INTERRUPTED);
	if (got != FILM_END)
		return stop(provider, command_fail("%s", film_error(provider->film)));
	if (provider->sent == 0)
		return stop(provider, command_fail("%s has no picture", provider->options->file));
	code = say(provider, &(struct play_message) { .type = PLAY_END }, -1);
	while (code == EXIT_SUCCESS && !done)
		code = listen_to_presenter(provider, /* wait= */ true, &done);
	return code;
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int play_provide(const struct play_options *options, struct film *film, struct play_processes *processes,
		 struct play_result *ret)
{
	struct provider provider = {
		.options = options,
		.film = film,
		.info = film_info(film),
		.processes = processes,
	};
	double start;
	int code;

	code = open_session(&provider);
	if (code == EXIT_SUCCESS)
		code = make_surfaces(&provider);
	if (code == EXIT_SUCCESS)
		code = check_memory(&provider, &ret->service);
	if (code == EXIT_SUCCESS)
		code = share_all(&provider);
	if (code == EXIT_SUCCESS) {
		start = now_seconds();
		play_progress_start(&provider.progress, options,
				    provider.info->frames > 0 ? (uint64_t)provider.info->frames : 0);
		code = play_film(&provider);
		ret->seconds = now_seconds() - start;
		play_progress_end(&provider.progress);
	}
	ret->presented = provider.shown;
	ret->lost = provider.lost;

	for (int i = 0; i < PLAY_SURFACES; i++)
		rt_resource_close(provider.surfaces[i]);
	rt_resource_close(provider.system);
	rt_session_close(provider.session);
	rt_device_close(provider.device);
	rt_adapter_close(provider.adapter);
	EVP_CIPHER_CTX_free(provider.cipher);
	if (provider.picture) {
		explicit_bzero(provider.picture, provider.size);
		free(provider.picture);
	}
	return code;
}
