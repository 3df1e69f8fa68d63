/* SPDX-License-Identifier: MIT */
/* dxvault-presenter: shows the pictures of a protected session that another process fills. Holds no key, no picture. */
#include "runtime/runtime.h"
#include "tools/play_wire.h"
#include "wire/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* The darkest picture of video's limited range. */
enum { BLACK_LUMA = 16, NO_COLOUR = 128 };

struct presenter {
	int socket;
	int event; /* the fence moved, or can't any more */
	struct rt_surface screen;
	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_resource *black; /* an ordinary surface: nothing protected is needed to show it */
	struct rt_resource *surfaces[PLAY_SURFACES];
	D3DKMT_HANDLE session;
	D3DKMT_HANDLE fence;
	const volatile UINT64 *losses; /* the fence's value; NULL: no session yet */
	UINT64 losses_watched;	       /* at this value the event comes */
	UINT64 losses_told;
	bool is_lost; /* and the provider was told */
	bool is_dead; /* the adapter or the service went away: nothing works until PLAY_AGAIN */
	uint32_t generation;
	bool has_shown;
	uint64_t number; /* of the last picture that was dealt with */
	uint64_t presented;
	uint32_t last_count;
};

static void send_message(struct presenter *presenter, const struct play_message *message)
{
	struct wire_packet packet = { .data = (void *)(uintptr_t)message, .size = sizeof(*message) };

	/* A provider that is gone is noticed at the next receive. */
	(void)wire_send(presenter->socket, &packet, 0);
}

static bool service_is_there(void)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	return DxvaultQueryService(&info) == STATUS_SUCCESS;
}

static void tell_loss(struct presenter *presenter, D3DKMT_PROTECTED_SESSION_STATUS status)
{
	UINT64 losses = presenter->losses ? *presenter->losses : 0;

	if (presenter->is_lost && presenter->losses_told == losses)
		return;
	presenter->is_lost = true;
	presenter->losses_told = losses;
	send_message(presenter, &(struct play_message) { .type = PLAY_LOST,
							 .status = (int32_t)status,
							 .generation = presenter->generation,
							 .number = presenter->number + 1 });
}

/* Returns whether to go on: what is left after a removed adapter is to wait for PLAY_AGAIN. */
static bool fail(struct presenter *presenter, const char *what, int32_t status)
{
	struct play_message message = { .type = PLAY_FAILED, .status = status };

	if (status == (int32_t)D3DDDIERR_DEVICEREMOVED || status == (int32_t)STATUS_DEVICE_REMOVED ||
	    !service_is_there()) {
		presenter->is_dead = true;
		tell_loss(presenter, D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
		return true;
	}
	snprintf(message.text, sizeof(message.text), "%s", what);
	send_message(presenter, &message);
	return false;
}

/* ---- losses ------------------------------------------------------------------------------------------------- */

/* The event comes at the first loss that was not told, and when there can be none any more. */
static bool watch_fence(struct presenter *presenter)
{
	NTSTATUS status;

	presenter->losses_watched = presenter->losses_told + 1;
	status = D3DKMTWaitForSynchronizationObjectFromCpu(&(D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU) {
		.hDevice = rt_device_kernel_handle(presenter->device),
		.ObjectCount = 1,
		.ObjectHandleArray = &presenter->fence,
		.FenceValueArray = &presenter->losses_watched,
		.hAsyncEvent = (HANDLE)(intptr_t)presenter->event,
	});
	return status == STATUS_SUCCESS || fail(presenter, "watching the fence", status);
}

/*
 * Whether what was written under this count of losses is still there. Neither question needs the service. The fence also
 * tells of a loss behind which a new key has made the status OK again (KMT-21).
 */
static bool content_is_good(struct presenter *presenter, UINT64 losses)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = presenter->session };

	if (!presenter->losses)
		return false;
	if (D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS)
		query.Status = D3DKMT_PROTECTED_SESSION_STATUS_INVALID;
	if (query.Status == D3DKMT_PROTECTED_SESSION_STATUS_OK && *presenter->losses == losses)
		return true;
	tell_loss(presenter, query.Status);
	return false;
}

static bool answer_event(struct presenter *presenter)
{
	uint64_t count;

	if (read(presenter->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return fail(presenter, "the fence's event", STATUS_INVALID_PARAMETER);
	/* It may be late: that of a fence that was let go of, or of a loss that a picture has met before. */
	if (!presenter->losses || presenter->is_dead)
		return true;
	(void)content_is_good(presenter, presenter->losses_told);
	return presenter->losses_told < presenter->losses_watched || watch_fence(presenter);
}

/* ---- what the provider sends ---------------------------------------------------------------------------------- */

static bool open_session(struct presenter *presenter, int nt_handle)
{
	D3DKMT_QUERYPROTECTEDSESSIONINFOFROMNTHANDLE info = { .hNtHandle = (HANDLE)(intptr_t)nt_handle };
	D3DKMT_OPENPROTECTEDSESSIONFROMNTHANDLE open = { .hNtHandle = (HANDLE)(intptr_t)nt_handle };
	NTSTATUS status;

	status = D3DKMTQueryProtectedSessionInfoFromNtHandle(&info);
	if (status != STATUS_SUCCESS)
		return fail(presenter, "D3DKMTQueryProtectedSessionInfoFromNtHandle", status);
	status = D3DKMTOpenProtectedSessionFromNtHandle(&open);
	if (status != STATUS_SUCCESS)
		return fail(presenter, "D3DKMTOpenProtectedSessionFromNtHandle", status);
	presenter->session = open.hHandle;
	return true;
}

static bool open_fence(struct presenter *presenter, int nt_handle)
{
	D3DKMT_OPENSYNCOBJECTFROMNTHANDLE2 open = {
		.hNtHandle = (HANDLE)(intptr_t)nt_handle,
		.hDevice = rt_device_kernel_handle(presenter->device),
	};
	NTSTATUS status = D3DKMTOpenSyncObjectFromNtHandle2(&open);

	if (status != STATUS_SUCCESS)
		return fail(presenter, "D3DKMTOpenSyncObjectFromNtHandle2", status);
	presenter->fence = open.hSyncObject;
	presenter->losses = open.MonitoredFence.FenceValueCPUVirtualAddress;
	presenter->losses_told = *presenter->losses;
	presenter->is_lost = false;
	/* One that came before is not counted from here on. */
	(void)content_is_good(presenter, presenter->losses_told);
	return watch_fence(presenter);
}

static bool open_surface(struct presenter *presenter, uint32_t index, int nt_handle)
{
	HRESULT result;

	if (index >= PLAY_SURFACES || presenter->surfaces[index])
		return fail(presenter, "a surface out of turn", STATUS_INVALID_PARAMETER);
	result = rt_resource_open(presenter->device, nt_handle, &presenter->surfaces[index]);
	return FAILED(result) ? fail(presenter, "OpenResource", result) : true;
}

/* NV12: the rows of the luma, then half as many of the colours. */
static HRESULT paint_black(struct presenter *presenter)
{
	HANDLE device = rt_device_handle(presenter->device);
	D3DDDIARG_LOCK lock = { .hResource = rt_resource_handle(presenter->black) };
	D3DDDIARG_UNLOCK unlock = { .hResource = lock.hResource };
	HRESULT result = rt_device_funcs(presenter->device)->pfnLock(device, &lock);
	size_t luma;

	if (result != S_OK)
		return result;
	luma = (size_t)lock.Pitch * presenter->screen.height;
	memset(lock.pSurfData, BLACK_LUMA, luma);
	memset((uint8_t *)lock.pSurfData + luma, NO_COLOUR, luma / 2);
	return rt_device_funcs(presenter->device)->pfnUnlock(device, &unlock);
}

/* Made before it is needed: when content is lost there may be no memory to be had. */
static bool make_black(struct presenter *presenter)
{
	HRESULT result = rt_resource_create_video(presenter->device, &presenter->screen,
						  (D3DDDI_RESOURCEFLAGS) { .Value = 0 }, &presenter->black);

	if (result == S_OK)
		result = paint_black(presenter);
	return FAILED(result) ? fail(presenter, "a black surface", result) : true;
}

static bool take_screen(struct presenter *presenter, const struct play_message *message)
{
	presenter->screen = (struct rt_surface) {
		.format = D3DDDIFMT_NV12,
		.width = message->width,
		.height = message->height,
		.refresh_rate = { message->rate_numerator, message->rate_denominator },
		.rotation = (D3DDDI_ROTATION)message->rotation,
	};
	if (presenter->black)
		return fail(presenter, "a screen out of turn", STATUS_INVALID_PARAMETER);
	return presenter->is_dead || make_black(presenter);
}

/* ---- the adapter ------------------------------------------------------------------------------------------------- */

/* By this number the provider lets this process open the surfaces. */
static bool tell_token(struct presenter *presenter)
{
	struct play_message message = { .type = PLAY_TOKEN, .generation = presenter->generation };
	NTSTATUS status = DxvaultGetProcessToken(&message.token);

	if (status != STATUS_SUCCESS)
		return fail(presenter, "DxvaultGetProcessToken", status);
	send_message(presenter, &message);
	return true;
}

/* With its device goes all that was opened on it. */
static void let_go(struct presenter *presenter, struct rt_adapter *adapter)
{
	(void)D3DKMTDestroyProtectedSession(&(D3DKMT_DESTROYPROTECTEDSESSION) { .hHandle = presenter->session });
	(void)D3DKMTDestroySynchronizationObject(
		&(D3DKMT_DESTROYSYNCHRONIZATIONOBJECT) { .hSyncObject = presenter->fence });
	rt_device_close(presenter->device);
	rt_adapter_close(adapter);
	presenter->device = NULL;
	presenter->black = NULL;
	memset(presenter->surfaces, 0, sizeof(presenter->surfaces));
	presenter->session = 0;
	presenter->fence = 0;
}

/* All is closed, and the adapter open again, if there is one. The new one comes first, so that the driver stays loaded. */
static bool open_adapter(struct presenter *presenter)
{
	struct rt_adapter *old = presenter->adapter;
	HRESULT result;

	presenter->adapter = NULL;
	presenter->losses = NULL;
	result = rt_adapter_open(NULL, &presenter->adapter);
	let_go(presenter, old);
	presenter->is_dead = false;
	if (SUCCEEDED(result))
		result = rt_device_create(presenter->adapter, &presenter->device);
	if (FAILED(result))
		return fail(presenter, "CreateDevice", result);
	return make_black(presenter);
}

static bool open_again(struct presenter *presenter, uint32_t generation)
{
	(void)content_is_good(presenter, presenter->losses_told);
	presenter->losses = NULL;
	if (!service_is_there())
		DxvaultDisconnect();
	presenter->generation = generation;
	presenter->is_lost = false;
	presenter->losses_told = 0;
	return open_adapter(presenter) && (presenter->is_dead || tell_token(presenter));
}

/* ---- pictures -------------------------------------------------------------------------------------------------- */

static HRESULT present(struct presenter *presenter, struct rt_resource *surface, const struct play_message *message)
{
	struct rt_present present = {
		.source = { 0, 0, (LONG)message->width, (LONG)message->height },
		.destination = { 0, 0, (LONG)message->shown_width, (LONG)message->shown_height },
		.count = message->count,
		.duration = message->duration,
	};

	return rt_present(presenter->device, surface, &present);
}

/* The picture itself, if its content is there from before the present to behind it. */
static HRESULT show_picture(struct presenter *presenter, const struct play_message *message, bool *ret_good)
{
	HRESULT result;

	*ret_good = message->index < PLAY_SURFACES && presenter->surfaces[message->index] &&
		    content_is_good(presenter, message->losses);
	if (!*ret_good)
		return S_OK;
	presenter->is_lost = false;
	result = present(presenter, presenter->surfaces[message->index], message);
	/* The service shows no surface that was wiped. A loss in the meantime is the reason, if there was one. */
	if (FAILED(result) && !content_is_good(presenter, message->losses)) {
		*ret_good = false;
		return S_OK;
	}
	return result;
}

/* Its end takes the content too, and is no loss: nobody waits for what was left to show. */
static bool provider_is_gone(const struct presenter *presenter)
{
	struct pollfd item = { .fd = presenter->socket };

	return poll(&item, 1, 0) > 0 && (item.revents & POLLHUP) != 0;
}

/* Black goes where the adapter was removed, too: a new one is there at once. A service that is gone is waited for. */
static bool show_black(struct presenter *presenter, const struct play_message *message, HRESULT *ret_result)
{
	*ret_result = presenter->is_dead ? D3DDDIERR_DEVICEREMOVED : present(presenter, presenter->black, message);
	if (*ret_result != D3DDDIERR_DEVICEREMOVED || !service_is_there())
		return true;
	if (!open_adapter(presenter))
		return false;
	if (!presenter->is_dead)
		*ret_result = present(presenter, presenter->black, message);
	return true;
}

static bool is_in_turn(const struct presenter *presenter, const struct play_message *message)
{
	if (message->number <= presenter->number || (presenter->has_shown && message->count <= presenter->last_count))
		return false;
	if (presenter->is_dead || presenter->is_lost || message->index == PLAY_NO_SURFACE)
		return presenter->is_dead || presenter->black;
	return message->index < PLAY_SURFACES && presenter->surfaces[message->index] && presenter->losses;
}

static bool show(struct presenter *presenter, const struct play_message *message)
{
	struct play_message answer = { .type = PLAY_SHOWN, .index = message->index, .number = message->number };
	HRESULT result = S_OK;
	bool is_good = false;

	if (!is_in_turn(presenter, message))
		return fail(presenter, "a picture out of turn", STATUS_INVALID_PARAMETER);
	if (!presenter->is_dead)
		result = show_picture(presenter, message, &is_good);
	answer.outcome = is_good ? PLAY_OUTCOME_SHOWN : PLAY_OUTCOME_BLACK;
	if (!is_good && provider_is_gone(presenter))
		return false;
	if (SUCCEEDED(result) && !is_good && !show_black(presenter, message, &result))
		return false;
	if (FAILED(result)) {
		answer.outcome = PLAY_OUTCOME_ABSENT;
		if (!fail(presenter, "Present", result))
			return false;
	}
	presenter->number = message->number;
	presenter->last_count = message->count;
	presenter->has_shown = true;
	presenter->presented += answer.outcome == PLAY_OUTCOME_SHOWN;
	answer.presented = presenter->presented;
	send_message(presenter, &answer);
	return true;
}

/* ---- the provider's messages --------------------------------------------------------------------------------------- */

static bool answer(struct presenter *presenter, const struct play_message *message, int nt_handle)
{
	/* What was sent for the objects of before. */
	if (presenter->is_dead &&
	    (message->type == PLAY_SESSION || message->type == PLAY_FENCE || message->type == PLAY_SURFACE))
		return true;
	switch (message->type) {
	case PLAY_SCREEN:
		return take_screen(presenter, message);
	case PLAY_SESSION:
		return open_session(presenter, nt_handle);
	case PLAY_FENCE:
		return open_fence(presenter, nt_handle);
	case PLAY_SURFACE:
		return open_surface(presenter, message->index, nt_handle);
	case PLAY_SHOW:
		return show(presenter, message);
	case PLAY_AGAIN:
		return open_again(presenter, message->generation);
	case PLAY_END:
		send_message(presenter,
			     &(struct play_message) { .type = PLAY_DONE, .presented = presenter->presented });
		return false;
	default:
		return fail(presenter, "a message out of turn", STATUS_INVALID_PARAMETER);
	}
}

/* Returns false when the provider is gone, or all is said. */
static bool answer_message(struct presenter *presenter)
{
	struct play_message message = { 0 };
	struct wire_packet packet = { .data = &message, .capacity = sizeof(message) };
	bool more = false;

	if (wire_receive(presenter->socket, &packet, 0) > 0 && packet.size == sizeof(message))
		more = answer(presenter, &message, packet.descriptor_count > 0 ? packet.descriptors[0] : -1);
	wire_packet_clear(&packet);
	return more;
}

/* A loss is told at once, also while no picture comes. */
static void present_all(struct presenter *presenter)
{
	struct pollfd items[2] = { { .fd = presenter->event, .events = POLLIN },
				   { .fd = presenter->socket, .events = POLLIN } };
	bool more = true;

	while (more) {
		if (poll(items, 2, -1) < 0) {
			more = errno == EINTR;
			continue;
		}
		if (items[0].revents)
			more = answer_event(presenter);
		if (more && items[1].revents)
			more = answer_message(presenter);
	}
}

int main(int argc, char **argv)
{
	struct presenter presenter = { 0 };
	HRESULT result;
	char *end;
	long number;

	number = argc == 2 ? strtol(argv[1], &end, 10) : -1;
	if (number < 3 || *end != '\0') {
		fputs("dxvault-presenter: a part of dxvault play, not for use by hand\n", stderr);
		return 2;
	}
	presenter.socket = (int)number;
	/* Not for a service that this process may start: the provider could not tell that this end is gone. */
	fcntl(presenter.socket, F_SETFD, FD_CLOEXEC);
	/* Ctrl-C is for the provider; this one leaves when the provider's end of the socket is closed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);

	presenter.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = presenter.event < 0 ? E_OUTOFMEMORY : rt_adapter_open(NULL, &presenter.adapter);
	if (SUCCEEDED(result))
		result = rt_device_create(presenter.adapter, &presenter.device);
	if (FAILED(result) ? fail(&presenter, "CreateDevice", result) : tell_token(&presenter))
		present_all(&presenter);
	/* The kernel side gives back what this process held. */
	_exit(EXIT_SUCCESS);
}
