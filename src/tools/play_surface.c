/* SPDX-License-Identifier: MIT */
/* The provider's surfaces: one in system memory, the protected ones, and the presenter's handles of these. */
#include "tools/command.h"
#include "tools/play_provider.h"

#include <stdlib.h>
#include <unistd.h>

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

	if (result == E_OUTOFMEMORY && provider->is_starving)
		return PROVIDER_NO_MEMORY;
	if (result == E_OUTOFMEMORY && provider->options->strict && DxvaultQueryService(&info) == STATUS_SUCCESS &&
	    info.MemoryReason[0])
		return provider_stop(provider, command_fail("--strict: memfd_secret memory is not to be had: %s",
							    info.MemoryReason));
	return provider_fail_call(provider, "a protected surface", result);
}

/* NV12 has one colour for four pixels: an odd picture lies in the corner of an even surface. */
static struct rt_surface describe_surface(const struct film_info *info)
{
	return (struct rt_surface) {
		.format = D3DDDIFMT_NV12,
		.width = (info->width + 1) & ~1u,
		.height = (info->height + 1) & ~1u,
		.refresh_rate = { (UINT)info->rate_numerator, (UINT)info->rate_denominator },
		.rotation = rotation_of(info->rotation),
	};
}

int provider_describe_screen(struct provider *provider)
{
	const struct rt_surface surface = describe_surface(provider->info);

	return provider_say(provider,
			    &(struct play_message) {
				    .type = PLAY_SCREEN,
				    .width = surface.width,
				    .height = surface.height,
				    .rate_numerator = surface.refresh_rate.Numerator,
				    .rate_denominator = surface.refresh_rate.Denominator,
				    .rotation = surface.rotation,
			    },
			    -1);
}

int provider_make_surfaces(struct provider *provider)
{
	struct rt_surface surface = describe_surface(provider->info);
	D3DDDI_RESOURCEFLAGS flags = { .SharedResource = 1, .RestrictSharedAccess = 1 };
	D3DDDIARG_GETPITCH pitch = { 0 };
	void *memory;
	HRESULT result;

	result = rt_resource_create_system(provider->device, &surface, &memory, &provider->size, &provider->pitch,
					   &provider->system);
	if (FAILED(result))
		return provider_fail_call(provider, "a system-memory surface", result);
	provider->system_memory = memory;
	for (int i = 0; i < PLAY_SURFACES; i++) {
		result = rt_resource_create_protected(provider->device, &surface, flags, &provider->surfaces[i]);
		if (FAILED(result))
			return fail_surface(provider, result);
		provider->surface_is_free[i] = true;
	}
	if (!play_channel_check_surfaces(&provider->channel))
		return provider_fail_channel(provider);
	pitch.hCryptoSession = rt_session_handle(provider->session);
	pitch.hResource = rt_resource_handle(provider->surfaces[0]);
	result = rt_device_funcs(provider->device)->pfnGetPitch(rt_device_handle(provider->device), &pitch);
	if (FAILED(result))
		return provider_fail_call(provider, "GetPitch", result);
	provider->pitch = pitch.Pitch;
	/* Rows may be shorter than the pitch: what lies between stays zero. */
	if (!provider->picture)
		provider->picture = calloc(1, provider->size);
	if (!provider->picture)
		return provider_stop(provider, command_fail("out of memory"));
	return EXIT_SUCCESS;
}

void provider_close_surfaces(struct provider *provider)
{
	for (int i = 0; i < PLAY_SURFACES; i++) {
		rt_resource_close(provider->surfaces[i]);
		provider->surfaces[i] = NULL;
	}
	rt_resource_close(provider->system);
	provider->system = NULL;
	provider->system_memory = NULL;
}

static int give(struct provider *provider, enum play_type type, uint32_t index, HRESULT shared, int nt_handle)
{
	int code;

	if (FAILED(shared))
		return provider_fail_call(provider, "D3DKMTShareObjects", shared);
	code = provider_say(provider, &(struct play_message) { .type = type, .index = index }, nt_handle);
	close(nt_handle);
	return code;
}

int provider_share_all(struct provider *provider)
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

int provider_check_memory(struct provider *provider, DXVAULT_SERVICE_INFO *ret)
{
	ret->Version = DXVAULT_SERVICE_INFO_VERSION;
	if (DxvaultQueryService(ret) != STATUS_SUCCESS)
		return provider_fail_call(provider, "the service", D3DDDIERR_DEVICEREMOVED);
	if (provider->options->strict && (ret->KeyMemory != 0 || ret->SurfaceMemory != 0))
		return provider_stop(provider, command_fail("--strict: memfd_secret memory is not to be had: %s",
							    ret->MemoryReason));
	if (provider->options->strict && ret->SandboxReason[0] && !(ret->Sandbox & DXVAULT_SANDBOX_NOT_BUILT))
		return provider_stop(
			provider, command_fail("--strict: the service's sandbox is not whole: %s", ret->SandboxReason));
	if (provider->options->strict && !channel_key_is_locked(provider->channel.channel))
		return provider_stop(provider, command_fail("--strict: the channel's key can't be locked into memory"));
	return EXIT_SUCCESS;
}
