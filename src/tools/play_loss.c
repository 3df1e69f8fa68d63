/* SPDX-License-Identifier: MIT */
/* Protected content is lost while the film plays, by order or from outside; the provider brings it back. */
#include "tools/command.h"
#include "tools/play_provider.h"
#include "tools/text.h"

#include <stdlib.h>
#include <time.h>

/* ATTEMPTS: without a picture in between. */
enum { ATTEMPTS = 20, PAUSE_MS = 100, PRESENTER_LIMIT_MS = 5000 };

static double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- what is noted --------------------------------------------------------------------------------------------- */

struct play_loss *provider_loss(struct provider *provider, enum play_cause cause, bool is_ordered)
{
	struct play_result *result = provider->result;

	if (provider->loss)
		return provider->loss;
	provider->loss = result->loss_count < PLAY_LOSSES_MAX ? &result->losses[result->loss_count]
							      : &provider->loss_beyond;
	result->loss_count++;
	*provider->loss = (struct play_loss) {
		.cause = cause,
		.is_ordered = is_ordered,
		.at = provider->sent + is_ordered,
	};
	provider->loss_start = now_seconds();
	provider->loss_is_heard = false;
	return provider->loss;
}

void provider_note_loss(struct provider *provider, const struct play_message *message)
{
	struct play_loss *loss = provider_loss(provider, PLAY_NO_LOSS, /* is_ordered= */ false);

	provider->loss_is_heard = true;
	if (loss->seen_before > 0)
		return;
	loss->seen_before = message->number;
	loss->read_invalid = message->status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
}

void provider_note_outcome(struct provider *provider, const struct play_message *message)
{
	switch (message->outcome) {
	case PLAY_OUTCOME_SHOWN:
		break;
	case PLAY_OUTCOME_BLACK:
		provider_loss(provider, PLAY_NO_LOSS, /* is_ordered= */ false)->black++;
		break;
	default:
		provider_loss(provider, PLAY_NO_LOSS, /* is_ordered= */ false)->absent++;
		break;
	}
}

void provider_note_sent(struct provider *provider)
{
	provider->sent++;
	provider->attempts = 0;
	if (provider->recovered)
		provider->recovered->resumed = provider->sent;
	provider->recovered = NULL;
}

/* ---- losing -------------------------------------------------------------------------------------------------------- */

int provider_lose(struct provider *provider, enum play_cause cause)
{
	NTSTATUS status;
	char number[16];

	(void)provider_loss(provider, cause, /* is_ordered= */ true);
	status = DxvaultInvalidate(cause == PLAY_LOSS_DEVICE ? DXVAULT_LOSS_DEVICE : DXVAULT_LOSS_KEYS, 0, NULL);
	/* A service that is gone has done it too. */
	if (status == STATUS_SUCCESS || status == STATUS_DEVICE_REMOVED)
		return EXIT_SUCCESS;
	return provider_stop(
		provider, command_fail("the ordered loss: %s", text_hresult((HRESULT)status, number, sizeof(number))));
}

/* ---- what there is to lose ------------------------------------------------------------------------------------------- */

void provider_close(struct provider *provider)
{
	provider->is_whole = false;
	provider_close_surfaces(provider);
	play_channel_close(&provider->channel);
	rt_session_close(provider->session);
	rt_device_close(provider->device);
	rt_adapter_close(provider->adapter);
	EVP_CIPHER_CTX_free(provider->cipher);
	provider->session = NULL;
	provider->device = NULL;
	provider->adapter = NULL;
	provider->cipher = NULL;
}

/* This process comes first: if there has to be a service it starts it, and the presenter finds the same one. */
int provider_connect(struct provider *provider)
{
	int code = provider_open_session(provider);

	if (code != EXIT_SUCCESS)
		return code;
	provider->presenter = 0;
	provider->generation++;
	code = provider_say(provider, &(struct play_message) { .type = PLAY_AGAIN, .generation = provider->generation },
			    -1);
	return code == EXIT_SUCCESS ? provider_admit_presenter(provider) : code;
}

int provider_equip(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info;
	int code = provider_make_surfaces(provider);

	if (code == EXIT_SUCCESS)
		code = provider_check_memory(provider, &info);
	if (code == EXIT_SUCCESS)
		code = provider_share_all(provider);
	provider->is_whole = code == EXIT_SUCCESS;
	return code;
}

/* ---- bringing it back ---------------------------------------------------------------------------------------------- */

static bool all_are_free(const struct provider *provider)
{
	for (int i = 0; i < PLAY_SURFACES; i++) {
		if (!provider->surface_is_free[i])
			return false;
	}
	return true;
}

int provider_wait_idle(struct provider *provider)
{
	bool done = false;
	int code = EXIT_SUCCESS;

	while (code == EXIT_SUCCESS && !all_are_free(provider))
		code = provider_listen(provider, /* wait= */ true, &done);
	return code;
}

/* Before there is a new key the presenter has seen that the old one was lost, and has let go of what it had. */
static int wait_for_presenter(struct provider *provider, bool must_be_heard)
{
	bool done = false;
	int code;

	provider->expects_loss = true;
	code = provider_wait_idle(provider);
	while (code == EXIT_SUCCESS && must_be_heard && !provider->loss_is_heard)
		code = provider_listen(provider, /* wait= */ true, &done);
	provider->expects_loss = false;
	return code;
}

/* What a loss has interrupted in the making is made once more from the beginning. */
static bool adapter_is_there(const struct provider *provider)
{
	D3DKMT_GETDEVICESTATE state = { .StateType = D3DKMT_DEVICESTATE_EXECUTION };

	if (!provider->is_whole)
		return false;
	state.hDevice = rt_device_kernel_handle(provider->device);
	return D3DKMTGetDeviceState(&state) == STATUS_SUCCESS && state.ExecutionState == D3DKMT_DEVICEEXECUTION_ACTIVE;
}

static enum play_cause find_cause(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	if (DxvaultQueryService(&info) != STATUS_SUCCESS)
		return PLAY_LOSS_SERVICE;
	if (!adapter_is_there(provider))
		return PLAY_LOSS_DEVICE;
	/* Else it is the presenter alone that has lost its service. */
	return provider_is_lost(provider) ? PLAY_LOSS_KEYS : PLAY_LOSS_SERVICE;
}

static int renew_keys(struct provider *provider)
{
	int code = provider_renew_keys(provider);

	/* A new channel must find the list as the old one left it. */
	return code == EXIT_SUCCESS ? provider_admit_presenter(provider) : code;
}

static int renew_everything(struct provider *provider)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	int code;

	provider_close(provider);
	if (DxvaultQueryService(&info) != STATUS_SUCCESS)
		DxvaultDisconnect();
	code = provider_connect(provider);
	return code == EXIT_SUCCESS ? provider_equip(provider) : code;
}

int provider_resume(struct provider *provider)
{
	if (!play_channel_check(&provider->channel, provider->position))
		return provider_fail_channel(provider);
	provider->loss->key_ms = (now_seconds() - provider->loss_start) * 1000;
	provider->recovered = provider->loss;
	provider->loss = NULL;
	return EXIT_SUCCESS;
}

static int recover_once(struct provider *provider)
{
	enum play_cause cause = find_cause(provider);
	int code;

	if (!provider->loss->is_ordered && cause > provider->loss->cause)
		provider->loss->cause = cause;
	/* One that is about to go still answers, and is not yet followed by another one. */
	if (cause == PLAY_LOSS_SERVICE && provider->attempts > 1)
		nanosleep(&(struct timespec) { .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	/* A service of this film's own does not come again. */
	if (cause == PLAY_LOSS_SERVICE && provider->processes->service > 0)
		return provider_report_loss(provider);
	provider->deadline_ms = play_now_ms() + PRESENTER_LIMIT_MS;
	code = wait_for_presenter(provider, /* must_be_heard= */ cause == PLAY_LOSS_KEYS);
	if (code == EXIT_SUCCESS) {
		provider->loss_is_heard = false;
		code = cause == PLAY_LOSS_KEYS ? renew_keys(provider) : renew_everything(provider);
	}
	provider->deadline_ms = 0;
	return code == EXIT_SUCCESS ? provider_resume(provider) : code;
}

int provider_recover(struct provider *provider)
{
	int code;

	(void)provider_loss(provider, PLAY_NO_LOSS, /* is_ordered= */ false);
	provider->is_recovering = true;
	do {
		if (play_interrupted)
			code = provider_stop(provider, EXIT_INTERRUPTED);
		else if (provider->attempts++ == ATTEMPTS)
			code = provider_report_loss(provider);
		else
			code = recover_once(provider);
	} while (code == PROVIDER_LOST);
	provider->is_recovering = false;
	return code;
}
