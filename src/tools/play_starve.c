/* SPDX-License-Identifier: MIT */
/* The surfaces have to be made anew while somebody holds all protected memory. */
#include "tools/command.h"
#include "tools/play_provider.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST = 8192, SMALLEST = 16, CLAIMS = 4096 };

struct claims {
	struct rt_resource *surfaces[CLAIMS];
	size_t count;
	uint64_t bytes;
};

/* Squares of ever smaller size, each until it is refused. */
static int claim(struct provider *provider, struct claims *claims)
{
	struct rt_surface surface = { .format = D3DDDIFMT_NV12 };
	HRESULT result = E_OUTOFMEMORY;

	for (uint32_t size = LARGEST; size >= SMALLEST && result == E_OUTOFMEMORY; size /= 2) {
		surface.width = size;
		surface.height = size;
		for (result = S_OK; result == S_OK && claims->count < CLAIMS;) {
			result = rt_resource_create_protected(provider->device, &surface,
							      (D3DDDI_RESOURCEFLAGS) { .Value = 0 },
							      &claims->surfaces[claims->count]);
			if (result == S_OK) {
				claims->count++;
				claims->bytes += (uint64_t)size * size * 3 / 2;
			}
		}
	}
	if (result == S_OK)
		return provider_stop(provider, command_fail("protected memory can't be used up"));
	return result == E_OUTOFMEMORY ? EXIT_SUCCESS : provider_fail_call(provider, "a protected surface", result);
}

static void give_back(struct claims *claims)
{
	while (claims->count > 0)
		rt_resource_close(claims->surfaces[--claims->count]);
}

/* Waits until the presenter has shown black for it. */
static int show_black(struct provider *provider, struct play_message *picture)
{
	bool done = false;
	int code;

	provider_note_sent(provider);
	picture->number = provider->sent;
	picture->index = PLAY_NO_SURFACE;
	code = provider_say(provider, picture, -1);
	while (code == EXIT_SUCCESS && provider->answered < provider->sent)
		code = provider_listen(provider, /* wait= */ true, &done);
	return code;
}

static int starve(struct provider *provider, struct play_message *picture, struct claims *claims)
{
	int code = claim(provider, claims);

	if (code != EXIT_SUCCESS)
		return code;
	provider->loss->claimed = claims->bytes;
	provider->is_starving = true;
	code = provider_make_surfaces(provider);
	provider->is_starving = false;
	provider_close_surfaces(provider);
	if (code == EXIT_SUCCESS)
		return provider_stop(provider, command_fail("protected memory was used up, and there were surfaces"));
	return code == PROVIDER_NO_MEMORY ? show_black(provider, picture) : code;
}

int provider_starve(struct provider *provider, struct play_message *picture)
{
	struct claims *claims;
	int code = provider_wait_idle(provider);

	if (code != EXIT_SUCCESS)
		return code;
	claims = calloc(1, sizeof(*claims));
	if (!claims)
		return provider_stop(provider, command_fail("out of memory"));
	(void)provider_loss(provider, PLAY_LOSS_MEMORY, /* is_ordered= */ true);
	provider->is_recovering = true;
	provider_close(provider);
	code = provider_connect(provider);
	if (code == EXIT_SUCCESS)
		code = starve(provider, picture, claims);
	give_back(claims);
	free(claims);
	if (code == EXIT_SUCCESS)
		code = provider_equip(provider);
	provider->is_recovering = false;
	return code == EXIT_SUCCESS ? provider_resume(provider) : code;
}
