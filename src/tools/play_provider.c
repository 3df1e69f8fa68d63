/* SPDX-License-Identifier: MIT */
/* The provider: decodes the film, and hands each picture, encrypted under the session key, to the protected surfaces. */
#include "tools/command.h"
#include "tools/play_provider.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IV_SIZE = 16 };

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
		return provider_stop(provider, command_fail("%s", film_error(provider->film)));
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
		return provider_stop(provider, command_fail("a picture can't be encrypted"));
	result = rt_device_funcs(provider->device)->pfnDecryptionBlt(rt_device_handle(provider->device), &argument);
	return FAILED(result) ? provider_fail_call(provider, "DecryptionBlt", result) : EXIT_SUCCESS;
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

static struct play_message describe_picture(const struct film_info *info, const struct film_frame *frame)
{
	uint32_t width = shown_width(info);
	/* The screen is told the size of the upright picture. */
	bool turned = info->rotation % 180 != 0;

	return (struct play_message) {
		.type = PLAY_SHOW,
		.count = frame->count,
		.duration = frame->duration,
		.width = info->width,
		.height = info->height,
		.shown_width = turned ? info->height : width,
		.shown_height = turned ? width : info->height,
	};
}

static int show_picture(struct provider *provider, uint32_t index, struct play_message *picture)
{
	provider->surface_is_free[index] = false;
	provider_note_sent(provider);
	picture->index = index;
	picture->number = provider->sent;
	picture->losses = provider->losses;
	return provider_say(provider, picture, -1);
}

/* Takes in what the presenter has said, and waits until there is a surface to fill. */
static int find_surface(struct provider *provider, uint32_t *ret)
{
	bool done = false;
	bool wait = false;

	for (;;) {
		int code = provider_listen(provider, wait, &done);

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

static double seconds_at(const struct film_info *info, uint32_t count)
{
	return info->rate_numerator > 0 ? (double)count * info->rate_denominator / info->rate_numerator : 0;
}

static enum play_cause ordered_loss(const struct play_options *options, uint64_t number)
{
	for (size_t i = 0; i < options->order_count; i++) {
		if (options->orders[i].at == number)
			return options->orders[i].cause;
	}
	return PLAY_NO_LOSS;
}

static int send_picture(struct provider *provider, struct play_message *picture)
{
	enum play_cause cause = ordered_loss(provider->options, provider->sent + 1);
	uint32_t index = 0;
	int code;

	if (cause == PLAY_LOSS_MEMORY)
		return provider_starve(provider, picture);
	code = find_surface(provider, &index);
	if (code == EXIT_SUCCESS)
		code = put_picture(provider, index);
	/* Behind the last moment at which this process could notice by itself: the presenter has to. */
	if (code == EXIT_SUCCESS && cause != PLAY_NO_LOSS)
		code = provider_lose(provider, cause);
	return code == EXIT_SUCCESS ? show_picture(provider, index, picture) : code;
}

/* A picture that the presenter did not get yet goes once more, under a new key. */
static int play_picture(struct provider *provider, struct play_message *picture)
{
	uint64_t number = provider->sent + 1;
	int code;

	do {
		code = send_picture(provider, picture);
		if (code == PROVIDER_LOST)
			code = provider_recover(provider);
	} while (code == EXIT_SUCCESS && provider->sent < number);
	return code;
}

/* Until all of it was shown, and was protected, its last second too. */
static int end_film(struct provider *provider)
{
	bool done = false;
	int code;

	do {
		code = provider_wait_idle(provider);
		if (code == EXIT_SUCCESS && play_channel_check(&provider->channel, provider->position))
			break;
		if (code == EXIT_SUCCESS)
			code = provider_fail_channel(provider);
		if (code == PROVIDER_LOST)
			code = provider_recover(provider);
	} while (code == EXIT_SUCCESS);
	if (code == EXIT_SUCCESS)
		code = provider_say(provider, &(struct play_message) { .type = PLAY_END }, -1);
	provider->is_recovering = true; /* what is lost now was shown */
	provider->expects_loss = true;
	while (code == EXIT_SUCCESS && !done)
		code = provider_listen(provider, /* wait= */ true, &done);
	return code;
}

static int play_film(struct provider *provider)
{
	struct play_message picture;
	struct film_frame frame;
	enum film_result got;
	int code;

	while ((got = film_next(provider->film, &frame)) == FILM_OK) {
		provider->position = seconds_at(provider->info, frame.count);
		picture = describe_picture(provider->info, &frame);
		code = play_picture(provider, &picture);
		if (code != EXIT_SUCCESS)
			return code;
	}
	if (play_interrupted)
		return provider_stop(provider, EXIT_INTERRUPTED);
	if (got != FILM_END)
		return provider_stop(provider, command_fail("%s", film_error(provider->film)));
	if (provider->sent == 0)
		return provider_stop(provider, command_fail("%s has no picture", provider->options->file));
	return end_film(provider);
}

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static D3DKMT_PROTECTED_SESSION_STATUS session_status(const struct provider *provider)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };

	if (provider->session)
		query.hHandle = rt_session_kernel_handle(provider->session);
	return D3DKMTQueryProtectedSessionStatus(&query) == STATUS_SUCCESS ? query.Status
									   : D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
}

/* All that a film needs before its first picture. */
static int start(struct provider *provider)
{
	int code;

	for (int i = 0; i < PLAY_SURFACES; i++)
		provider->surface_is_free[i] = true;
	code = provider_describe_screen(provider);
	if (code == EXIT_SUCCESS)
		code = provider_open_session(provider);
	if (code == EXIT_SUCCESS)
		code = provider_admit_presenter(provider);
	if (code == EXIT_SUCCESS)
		code = provider_equip(provider);
	if (code == EXIT_SUCCESS && !play_channel_check(&provider->channel, /* film= */ 0))
		code = provider_fail_channel(provider);
	if (code == PROVIDER_LOST)
		code = provider_recover(provider);
	while (code == EXIT_SUCCESS &&
	       (code = provider_check_memory(provider, &provider->result->service)) == PROVIDER_LOST)
		code = provider_recover(provider);
	return code;
}

int play_provide(const struct play_options *options, struct film *film, struct play_processes *processes,
		 struct play_result *ret)
{
	struct provider provider = {
		.options = options,
		.film = film,
		.info = film_info(film),
		.processes = processes,
		.result = ret,
	};
	double begin;
	int code;

	code = start(&provider);
	if (code == EXIT_SUCCESS) {
		provider.is_playing = true;
		ret->channel_key_is_locked = channel_key_is_locked(provider.channel.channel);
		begin = now_seconds();
		play_progress_start(&provider.progress, options,
				    provider.info->frames > 0 ? (uint64_t)provider.info->frames : 0);
		code = play_film(&provider);
		ret->seconds = now_seconds() - begin;
		play_progress_end(&provider.progress);
	}
	/* Pictures that it has not shown yet go with the session, and are not to be seen as a loss. */
	if (code != EXIT_SUCCESS)
		provider_dismiss_presenter(&provider);
	ret->sent = provider.sent;
	ret->presented = provider.shown;
	ret->checks = provider.channel.checks;
	ret->status = session_status(&provider);

	provider_close(&provider);
	if (provider.picture) {
		explicit_bzero(provider.picture, provider.size);
		free(provider.picture);
	}
	return code;
}
