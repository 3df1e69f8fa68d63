/* SPDX-License-Identifier: MIT */
/* The service's own loop, with hostile clients at the other ends of its sockets. */
#include "service/server.h"
#include "util/log.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More turns than any request takes. */
enum { TURNS_MAX = 1000 };

struct fuzz_server {
	sd_event *event;
	struct server *server;
};

static struct fuzz_server *server;
static uint64_t births;

static uint64_t birth(void)
{
	return ++births;
}

/* Until nothing is left to do. */
static void run(void)
{
	for (uint32_t i = 0; i < TURNS_MAX; i++) {
		const int result = sd_event_run(server->event, 0);

		FUZZ_CHECK(result >= 0);
		if (result == 0)
			return;
	}
	FUZZ_CHECK(!"the service comes to rest");
}

struct fuzz_server *fuzz_server_create(struct dxgk_kernel *kernel)
{
	const struct server_config config = { .birth = birth };
	struct fuzz_server *created = calloc(1, sizeof(*created));

	FUZZ_CHECK(created);
	log_start(LOG_LEVEL_ERROR, false);
	FUZZ_CHECK(sd_event_new(&created->event) >= 0);
	FUZZ_CHECK(server_create(created->event, kernel, &config, &created->server) == 0);
	return created;
}

void fuzz_server_destroy(struct fuzz_server *old)
{
	if (!old)
		return;
	server_destroy(old->server);
	sd_event_unref(old->event);
	free(old);
}

void fuzz_server_begin(struct fuzz_server *used)
{
	int pair[2];

	server = used;
	births = FUZZ_CLIENTS;
	for (uint32_t i = 0; i < FUZZ_HOSTILE; i++) {
		FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
		FUZZ_CHECK(server_add_client(server->server, pair[0]) == 0);
		fuzz_world.clients[i].socket = pair[1];
	}
}

void fuzz_server_hang_up(struct fuzz_client *client)
{
	if (client->socket < 0)
		return;
	close(client->socket);
	client->socket = -1;
	run();
}

void fuzz_server_end(void)
{
	run();
}

/* Four descriptors stand for more than any packet may have: wire_send has no room for those. */
static bool send_raw(int socket, const struct wire_packet *request)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(request->descriptors))];
	} control = { 0 };
	struct iovec part = { .iov_base = request->data, .iov_len = request->size };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	struct cmsghdr *item = CMSG_FIRSTHDR(&message);

	if (request->descriptor_count < sizeof(request->descriptors) / sizeof(int))
		return wire_send(socket, request, MSG_DONTWAIT) == 0;
	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = SCM_RIGHTS;
	item->cmsg_len = CMSG_LEN(2 * sizeof(request->descriptors));
	memcpy(CMSG_DATA(item), request->descriptors, sizeof(request->descriptors));
	memcpy(CMSG_DATA(item) + sizeof(request->descriptors), request->descriptors, sizeof(request->descriptors));
	return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* Answers that nobody waited for. */
static bool drain(int socket, struct wire_packet *reply)
{
	int result;

	do {
		run();
		result = wire_receive(socket, reply, MSG_DONTWAIT);
		wire_packet_clear(reply);
	} while (result == 1);
	return result == -EAGAIN;
}

int fuzz_server_transact(struct fuzz_client *client, const struct wire_packet *request, struct wire_packet *reply,
			 bool waits)
{
	int result;

	if (client->socket < 0)
		return -EPIPE;
	if (waits && !drain(client->socket, reply))
		return -EPIPE;
	if (!send_raw(client->socket, request))
		return -EPIPE;
	if (!waits)
		return 0;
	run();
	/* There is an answer, or there is the end. */
	result = wire_receive(client->socket, reply, MSG_DONTWAIT);
	FUZZ_CHECK(result != -EAGAIN);
	return result == 1 ? 0 : -EPIPE;
}
