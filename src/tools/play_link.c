/* SPDX-License-Identifier: MIT */
/* The provider's way to the presenter, and what is said when one of the two, or what they rest on, comes to its end. */
#include "tools/command.h"
#include "tools/play_provider.h"
#include "tools/text.h"
#include "wire/socket.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

volatile sig_atomic_t play_interrupted;

int provider_stop(struct provider *provider, int code)
{
	play_progress_end(&provider->progress);
	return code;
}

/* Why nothing answers any more. */
static int tell_removal(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	play_progress_end(&provider->progress);
	/* The service may be there still, without the adapter that this process opened. */
	if (DxvaultQueryService(&info) == STATUS_SUCCESS)
		return command_fail("the adapter was removed after %" PRIu64 " frames", provider->shown);
	if (play_processes_service_told(provider->processes))
		return EXIT_FAILURE;
	return command_fail("the service is gone: it was stopped, or it failed");
}

int provider_fail_call(struct provider *provider, const char *what, HRESULT result)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	char number[16];

	/* Without its keys the session is in the state of one that never had any; the status says why. */
	if (provider->can_recover && (result == D3DDDIERR_DEVICEREMOVED || provider_is_lost(provider) ||
				      DxvaultQueryService(&info) != STATUS_SUCCESS))
		return PROVIDER_LOST;
	if (result == D3DDDIERR_DEVICEREMOVED)
		return tell_removal(provider);
	play_progress_end(&provider->progress);
	return command_fail("%s: %s", what, text_hresult(result, number, sizeof(number)));
}

bool provider_is_lost(struct provider *provider)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { 0 };
	const volatile UINT64 *losses;

	if (!provider->session)
		return false;
	query.hHandle = rt_session_kernel_handle(provider->session);
	losses = rt_session_fence_value(provider->session);
	return D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS ||
	       query.Status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID || !losses || *losses != provider->losses;
}

int provider_report_loss(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	enum play_cause cause = provider->loss ? provider->loss->cause : PLAY_LOSS_KEYS;

	/* A service that ends takes the content first. */
	if (cause == PLAY_LOSS_DEVICE || DxvaultQueryService(&info) != STATUS_SUCCESS)
		return tell_removal(provider);
	play_progress_end(&provider->progress);
	if (cause == PLAY_LOSS_SERVICE)
		return command_fail("the service is gone: it was stopped, or it failed");
	return command_fail("the protected session lost its content after %" PRIu64 " frames", provider->shown);
}

/* What a presenter that is dead had said, so that the number of frames is right. */
static void hear_out(struct provider *provider)
{
	struct play_message message;
	struct wire_packet packet = { .data = &message, .capacity = sizeof(message) };
	bool was_reset = false;

	for (;;) {
		int result = wire_receive(provider->processes->socket, &packet, MSG_DONTWAIT);

		if (result == -ECONNRESET && !was_reset) {
			was_reset = true;
			continue;
		}
		if (result <= 0)
			return;
		if (packet.size == sizeof(message) && message.type == PLAY_SHOWN)
			provider->shown = message.presented;
		wire_packet_clear(&packet);
	}
}

void provider_dismiss_presenter(struct provider *provider)
{
	play_processes_stop_presenter(provider->processes);
	hear_out(provider);
}

int provider_fail_channel(struct provider *provider)
{
	const struct play_channel *channel = &provider->channel;
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	char reason[96];
	char number[16];

	/* A channel has its key no longer than the sessions have theirs, and goes with its adapter. */
	if (provider->can_recover && !play_interrupted && channel->code != S_OK &&
	    (channel->code == D3DDDIERR_DEVICEREMOVED || provider_is_lost(provider) ||
	     DxvaultQueryService(&info) != STATUS_SUCCESS))
		return PROVIDER_LOST;
	/* First of all: it has been handed pictures that it has not shown yet. */
	provider_dismiss_presenter(provider);
	if (play_interrupted)
		return provider_stop(provider, EXIT_INTERRUPTED);
	if (channel->code == D3DDDIERR_DEVICEREMOVED || DxvaultQueryService(&info) != STATUS_SUCCESS)
		return tell_removal(provider);
	if (provider_is_lost(provider))
		return provider_report_loss(provider);
	play_progress_end(&provider->progress);
	if (channel->code == S_OK)
		snprintf(reason, sizeof(reason), "%s", channel->problem);
	else
		snprintf(reason, sizeof(reason), "%s: %s", channel->problem,
			 text_hresult(channel->code, number, sizeof(number)));
	if (provider->is_playing)
		return command_fail("protection was lost after %" PRIu64 " frames: %s", provider->shown, reason);
	return command_fail("no protection to be had: %s", reason);
}

/* ---- the way to the presenter ------------------------------------------------------------------------ */

static int presenter_is_gone(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	if (play_interrupted)
		return provider_stop(provider, EXIT_INTERRUPTED);
	/* A presenter whose service died leaves too: the deeper cause is the one to tell. */
	if (DxvaultQueryService(&info) != STATUS_SUCCESS)
		return tell_removal(provider);
	return provider_stop(provider, command_fail("the presenter ended before the film did"));
}

/* Its end of the socket is closed, whatever it had said before. */
static bool presenter_has_left(const struct provider *provider)
{
	struct pollfd item = { .fd = provider->processes->socket };

	return poll(&item, 1, 0) > 0 && (item.revents & POLLHUP) != 0;
}

int provider_fail_admission(struct provider *provider)
{
	if (presenter_has_left(provider))
		return presenter_is_gone(provider);
	/* The service knows no process of that token: the presenter told the one that it had from another service. */
	if (provider->can_recover && provider->channel.code == E_INVALIDARG && provider->processes->service == 0)
		return PROVIDER_LOST;
	return provider_fail_channel(provider);
}

/* It could not be made to let go of what was lost. */
static int presenter_is_silent(struct provider *provider)
{
	provider_dismiss_presenter(provider);
	return provider_report_loss(provider);
}

/* One message of the presenter's. */
static int hear(struct provider *provider, bool *ret_done)
{
	struct play_message message = { 0 };
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
	case PLAY_TOKEN:
		/* Of before a loss: there comes another one. */
		if (message.generation != provider->generation)
			return EXIT_SUCCESS;
		if (provider->presenter != 0 || message.token == 0)
			return presenter_is_gone(provider);
		provider->presenter = message.token;
		return EXIT_SUCCESS;
	case PLAY_SHOWN:
		if (message.index >= PLAY_SURFACES && message.index != PLAY_NO_SURFACE)
			return presenter_is_gone(provider);
		if (message.index < PLAY_SURFACES)
			provider->surface_is_free[message.index] = true;
		provider->answered = message.number;
		provider->shown = message.presented;
		provider_note_outcome(provider, &message);
		play_progress_update(&provider->progress, provider->shown);
		return EXIT_SUCCESS;
	case PLAY_DONE:
		provider->shown = message.presented;
		*ret_done = true;
		return EXIT_SUCCESS;
	case PLAY_LOST:
		if (!provider->can_recover)
			return provider_report_loss(provider);
		provider_note_loss(provider, &message);
		/* Of objects that were given up meanwhile, a loss is no news. */
		return provider->expects_loss || message.generation != provider->generation ? EXIT_SUCCESS
											    : PROVIDER_LOST;
	default:
		message.text[sizeof(message.text) - 1] = '\0';
		play_progress_end(&provider->progress);
		return command_fail("the presenter failed: %s: 0x%08X", message.text, (unsigned int)message.status);
	}
}

int provider_say(struct provider *provider, const struct play_message *message, int nt_handle)
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
	while (result == EXIT_SUCCESS || result == PROVIDER_LOST);
	return result;
}

int provider_listen(struct provider *provider, bool wait, bool *ret_done)
{
	struct pollfd item = { .fd = provider->processes->socket, .events = POLLIN };

	for (;;) {
		int ready;

		if (play_interrupted)
			return provider_stop(provider, EXIT_INTERRUPTED);
		if (provider->deadline_ms > 0 && play_now_ms() >= provider->deadline_ms)
			return presenter_is_silent(provider);
		if (provider->is_playing && !provider->is_recovering &&
		    play_channel_is_due(&provider->channel, provider->position) &&
		    !play_channel_check(&provider->channel, provider->position))
			return provider_fail_channel(provider);
		ready = poll(&item, 1, wait ? 200 : 0);
		if (ready > 0)
			return hear(provider, ret_done);
		if (ready == 0 && !wait)
			return EXIT_SUCCESS;
		if (ready < 0 && errno != EINTR)
			return presenter_is_gone(provider);
	}
}
