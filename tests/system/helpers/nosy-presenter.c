/* SPDX-License-Identifier: MIT */
/*
 * Stands between dxvault play and its presenter ($NOSY_PRESENTER), passes on what they say, and tries each NT handle that
 * comes by for itself: a line for each in $NOSY_LOG, with the HRESULT of opening it. Tries surfaces once more while the film
 * plays. With $NOSY_STALE the first token that it passes on is one that the service has given nobody.
 */
#include "runtime/runtime.h"
#include "tools/play_wire.h"
#include "wire/socket.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *log_file;
static struct rt_device *device;
static int kept[PLAY_SURFACES];
static unsigned int shown;

static void try_surface(const char *when, uint32_t index, int nt_handle)
{
	struct rt_resource *resource;
	HRESULT result = rt_resource_open(device, nt_handle, &resource);

	fprintf(log_file, "%s surface %u 0x%08X\n", when, index, (unsigned int)result);
	fflush(log_file);
}

static void look(const struct play_message *message, const struct wire_packet *packet)
{
	if (message->type == PLAY_SURFACE && packet->descriptor_count == 1 && message->index < PLAY_SURFACES) {
		try_surface("first", message->index, packet->descriptors[0]);
		kept[message->index] = fcntl(packet->descriptors[0], F_DUPFD_CLOEXEC, 3);
	}
	if (message->type == PLAY_SHOW && ++shown == 10) {
		for (uint32_t i = 0; i < PLAY_SURFACES; i++)
			try_surface("later", i, kept[i]);
	}
}

static void spoil_token(struct play_message *message)
{
	static bool done;

	if (message->type != PLAY_TOKEN || done || !getenv("NOSY_STALE"))
		return;
	done = true;
	message->token += 1u << 20;
}

/* False: one of the two has left. */
static bool pass_on(int from, int to, bool is_to_look)
{
	struct play_message message;
	struct wire_packet packet = { .data = &message, .capacity = sizeof(message) };
	bool good;

	if (wire_receive(from, &packet, 0) <= 0)
		return false;
	if (is_to_look)
		look(&message, &packet);
	else
		spoil_token(&message);
	good = wire_send(to, &packet, 0) >= 0;
	wire_packet_clear(&packet);
	return good;
}

static pid_t start_presenter(int socket)
{
	char number[16];
	char *arguments[] = { getenv("NOSY_PRESENTER"), number, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", socket);
	posix_spawn_file_actions_init(&actions);
	/* To its own number: that clears close-on-exec. */
	posix_spawn_file_actions_adddup2(&actions, socket, socket);
	if (!arguments[0] || posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ) != 0)
		errx(1, "no presenter");
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

int main(int argc, char **argv)
{
	const char *path = getenv("NOSY_LOG");
	int provider = argc == 2 ? atoi(argv[1]) : -1;
	struct rt_adapter *adapter;
	struct pollfd items[2];
	int ends[2];
	pid_t pid;

	log_file = path ? fopen(path, "we") : NULL;
	if (provider < 3 || !log_file || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ||
	    fcntl(provider, F_SETFD, FD_CLOEXEC) < 0)
		errx(1, "wrong use");
	if (rt_adapter_open(NULL, &adapter) != S_OK || rt_device_create(adapter, &device) != S_OK)
		errx(1, "no device");
	pid = start_presenter(ends[1]);
	close(ends[1]);

	items[0] = (struct pollfd) { .fd = provider, .events = POLLIN };
	items[1] = (struct pollfd) { .fd = ends[0], .events = POLLIN };
	while (poll(items, 2, -1) > 0) {
		/* The presenter's last words come before its end. */
		if (items[1].revents && !pass_on(ends[0], provider, /* is_to_look= */ false))
			break;
		if (items[0].revents && !pass_on(provider, ends[0], /* is_to_look= */ true))
			break;
	}
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
