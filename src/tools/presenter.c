/* SPDX-License-Identifier: MIT */
/* dxvault-presenter: shows the pictures of a protected session that another process fills. Holds no key, no picture. */
#include "runtime/runtime.h"
#include "tools/play_wire.h"
#include "wire/socket.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct presenter {
	int socket;
	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_resource *surfaces[PLAY_SURFACES];
	D3DKMT_HANDLE session;
	D3DKMT_HANDLE fence;
	const volatile UINT64 *losses; /* the fence's value */
	UINT64 losses_at_start;
	pthread_mutex_t send_lock;
	atomic_bool lost;
	uint64_t presented;
	uint32_t last_count;
};

static void send_message(struct presenter *presenter, const struct play_message *message)
{
	struct wire_packet packet = { .data = (void *)(uintptr_t)message, .size = sizeof(*message) };

	pthread_mutex_lock(&presenter->send_lock);
	/* A provider that is gone is noticed at the next receive. */
	(void)wire_send(presenter->socket, &packet, 0);
	pthread_mutex_unlock(&presenter->send_lock);
}

static bool fail(struct presenter *presenter, const char *what, int32_t status)
{
	struct play_message message = { .type = PLAY_FAILED, .status = status };

	snprintf(message.text, sizeof(message.text), "%s", what);
	send_message(presenter, &message);
	return false;
}

static void report_loss(struct presenter *presenter)
{
	if (!atomic_exchange(&presenter->lost, true))
		send_message(presenter, &(struct play_message) { .type = PLAY_LOST });
}

/* Sleeps on the fence: a loss is told at once, also while no picture comes. */
static void *watch_fence(void *context)
{
	struct presenter *presenter = context;
	UINT64 value = presenter->losses_at_start + 1;
	NTSTATUS status = D3DKMTWaitForSynchronizationObjectFromCpu(&(D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU) {
		.hDevice = rt_device_kernel_handle(presenter->device),
		.ObjectCount = 1,
		.ObjectHandleArray = &presenter->fence,
		.FenceValueArray = &value,
	});

	if (status == STATUS_SUCCESS)
		report_loss(presenter);
	else
		(void)fail(presenter, "watching the fence", status);
	return NULL;
}

static bool session_is_good(struct presenter *presenter)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = presenter->session };

	if (D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS)
		return fail(presenter, "D3DKMTQueryProtectedSessionStatus", STATUS_INVALID_PARAMETER);
	if (query.Status == D3DKMT_PROTECTED_SESSION_STATUS_OK && *presenter->losses == presenter->losses_at_start)
		return true;
	report_loss(presenter);
	return false;
}

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
	pthread_t thread;

	if (status != STATUS_SUCCESS)
		return fail(presenter, "D3DKMTOpenSyncObjectFromNtHandle2", status);
	presenter->fence = open.hSyncObject;
	presenter->losses = open.MonitoredFence.FenceValueCPUVirtualAddress;
	presenter->losses_at_start = *presenter->losses;
	if (pthread_create(&thread, NULL, watch_fence, presenter) != 0)
		return fail(presenter, "a thread to watch the fence", STATUS_NO_MEMORY);
	pthread_detach(thread);
	return true;
}

static bool open_surface(struct presenter *presenter, uint32_t index, int nt_handle)
{
	HRESULT result;

	if (index >= PLAY_SURFACES || presenter->surfaces[index])
		return fail(presenter, "a surface out of turn", STATUS_INVALID_PARAMETER);
	result = rt_resource_open(presenter->device, nt_handle, &presenter->surfaces[index]);
	return FAILED(result) ? fail(presenter, "OpenResource", result) : true;
}

static bool show(struct presenter *presenter, const struct play_message *message)
{
	struct rt_present present = {
		.source = { 0, 0, (LONG)message->width, (LONG)message->height },
		.destination = { 0, 0, (LONG)message->shown_width, (LONG)message->shown_height },
		.count = message->count,
		.duration = message->duration,
	};
	HRESULT result;

	if (message->index >= PLAY_SURFACES || !presenter->surfaces[message->index] || !presenter->session ||
	    !presenter->losses || (presenter->presented > 0 && message->count <= presenter->last_count))
		return fail(presenter, "a picture out of turn", STATUS_INVALID_PARAMETER);
	if (!session_is_good(presenter))
		return false;
	result = rt_present(presenter->device, presenter->surfaces[message->index], &present);
	/* A loss in the meantime is the reason, if there was one. */
	if (FAILED(result))
		return session_is_good(presenter) ? fail(presenter, "Present", result) : false;
	presenter->presented++;
	presenter->last_count = message->count;
	send_message(presenter, &(struct play_message) { .type = PLAY_SHOWN,
							 .index = message->index,
							 .presented = presenter->presented });
	return true;
}

static bool answer(struct presenter *presenter, const struct play_message *message, int nt_handle)
{
	switch (message->type) {
	case PLAY_SESSION:
		return open_session(presenter, nt_handle);
	case PLAY_FENCE:
		return open_fence(presenter, nt_handle);
	case PLAY_SURFACE:
		return open_surface(presenter, message->index, nt_handle);
	case PLAY_SHOW:
		return show(presenter, message);
	case PLAY_END:
		if (presenter->losses && session_is_good(presenter))
			send_message(presenter, &(struct play_message) { .type = PLAY_DONE,
									 .status = D3DKMT_PROTECTED_SESSION_STATUS_OK,
									 .presented = presenter->presented });
		return false;
	default:
		return fail(presenter, "a message out of turn", STATUS_INVALID_PARAMETER);
	}
}

/* By this number the provider lets this process open the surfaces. */
static bool tell_token(struct presenter *presenter)
{
	struct play_message message = { .type = PLAY_TOKEN };
	NTSTATUS status = DxvaultGetProcessToken(&message.token);

	if (status != STATUS_SUCCESS)
		return fail(presenter, "DxvaultGetProcessToken", status);
	send_message(presenter, &message);
	return true;
}

static void present_all(struct presenter *presenter)
{
	struct play_message message;
	struct wire_packet packet = { .data = &message, .capacity = sizeof(message) };
	bool more = true;

	while (more && wire_receive(presenter->socket, &packet, 0) > 0 && packet.size == sizeof(message)) {
		more = answer(presenter, &message, packet.descriptor_count > 0 ? packet.descriptors[0] : -1);
		wire_packet_clear(&packet);
	}
}

int main(int argc, char **argv)
{
	struct presenter presenter = { .send_lock = PTHREAD_MUTEX_INITIALIZER };
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

	result = rt_adapter_open(NULL, &presenter.adapter);
	if (SUCCEEDED(result))
		result = rt_device_create(presenter.adapter, &presenter.device);
	if (FAILED(result))
		(void)fail(&presenter, "CreateDevice", result);
	else if (tell_token(&presenter))
		present_all(&presenter);
	/* The watching thread may sleep on: the kernel side gives back what this process held. */
	_exit(EXIT_SUCCESS);
}
