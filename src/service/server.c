/* SPDX-License-Identifier: MIT */
/* Connections of clients, and how long the service stays. */
#include "service/server.h"

#include "gpu/gpu.h"
#include "service/peer.h"
#include "service/resume.h"
#include "util/list.h"
#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_CLIENT_US 5000000u

struct server {
	sd_event *event;
	struct dxgk_kernel *kernel;
	sd_event_source *listener;
	sd_event_source *collector;
	sd_event_source *idle;
	sd_event_source *waker; /* of the machine, from sleep */
	sd_event_source *worker;
	int work; /* an eventfd, always readable: the worker's turn comes round with the clients' turns */
	struct list connections;
	struct list busy;  /* clients whose request is done in parts */
	struct list ended; /* what they held is given back in parts */
	struct server_config config;
	bool leaves;
	uint64_t idle_us;
	bool weakness_is_logged;
	struct wire_packet request; /* one message at a time, whoever it is from */
	struct wire_packet reply;
};

struct connection {
	struct list link;
	struct list busy_link;
	struct server *server;
	struct dxgk_process *process;
	sd_event_source *source;
	sd_event_source *death; /* of its process */
	int socket;
	int process_descriptor; /* a pidfd; -1: not known yet, or never */
	uid_t user;
	pid_t pid;     /* before it is identified that of who made the socket */
	bool is_known; /* by the credentials of its first message */
};

static int on_idle(sd_event_source *source, uint64_t now, void *context)
{
	struct server *server = context;

	(void)source;
	(void)now;
	if (!list_is_empty(&server->connections))
		return 0;
	log_info("no client is left: leaving");
	return sd_event_exit(server->event, 0);
}

static void idle_arm(struct server *server)
{
	if (!server->leaves || !list_is_empty(&server->connections) || !list_is_empty(&server->ended))
		return;
	if (server->idle_us == 0) {
		(void)sd_event_exit(server->event, 0);
		return;
	}
	server->idle = sd_event_source_unref(server->idle);
	(void)sd_event_add_time_relative(server->event, &server->idle, CLOCK_MONOTONIC, server->idle_us, 0, on_idle,
					 server);
}

static int on_wake(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct server *server = context;

	(void)source;
	(void)events;
	resume_descriptor_clear(descriptor);
	dxgk_look(server->kernel);
	return 0;
}

static void work_arm(struct server *server)
{
	bool is_there = !list_is_empty(&server->busy) || !list_is_empty(&server->ended);

	(void)sd_event_source_set_enabled(server->worker, is_there ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void connection_end(struct connection *connection)
{
	const uint32_t budget = dxgk_process_is_heavy(connection->process) ? 0 : DXGK_TURN;
	struct server *server = connection->server;

	sd_event_source_disable_unref(connection->source);
	sd_event_source_disable_unref(connection->death);
	if (connection->process_descriptor >= 0)
		close(connection->process_descriptor);
	close(connection->socket);
	list_remove(&connection->busy_link);
	list_remove(&connection->link);
	if (dxgk_process_destroy_part(connection->process, budget)) {
		free(connection);
		idle_arm(server);
		return;
	}
	list_append(&server->ended, &connection->link);
	work_arm(server);
}

/* Whoever does not read its replies is not waited for. */
static int send_reply(struct connection *connection)
{
	struct server *server = connection->server;
	int result = wire_send(connection->socket, &server->reply, MSG_DONTWAIT);

	wire_packet_clear(&server->reply);
	return result;
}

/* Surfaces come after the start, so that their memory can only be told of then. */
static void log_weak_memory(struct server *server)
{
	const struct wire_header *header = server->reply.data;
	struct gpu_memory_report report;

	if (server->weakness_is_logged || header->type != WIRE_CREATE_ALLOCATION)
		return;
	gpu_memory_report(&report);
	if (report.surfaces == GPU_MEMORY_SECRET)
		return;
	log_warning("pictures are in %s memory: %s", gpu_memory_kind_name(report.surfaces), report.reason);
	server->weakness_is_logged = true;
}

static void go_on_with(struct connection *connection)
{
	struct server *server = connection->server;

	if (dxgk_continue(connection->process, &server->reply) > 0) {
		/* Behind those that are busy as well. */
		list_remove(&connection->busy_link);
		list_append(&server->busy, &connection->busy_link);
		return;
	}
	list_remove(&connection->busy_link);
	(void)sd_event_source_set_enabled(connection->source, SD_EVENT_ON);
	log_weak_memory(server);
	if (send_reply(connection) < 0)
		connection_end(connection);
}

static void go_on_ending(struct connection *connection)
{
	struct server *server = connection->server;

	list_remove(&connection->link);
	if (dxgk_process_destroy_part(connection->process, DXGK_TURN))
		free(connection);
	else
		list_append(&server->ended, &connection->link);
}

/*
 * A part a turn: a client that made a million objects does not keep the others waiting when it ends. Not a defer source of
 * the loop: that comes before everything else for as long as it is enabled.
 */
static int on_work(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct server *server = context;

	(void)source;
	(void)descriptor;
	(void)events;
	if (!list_is_empty(&server->busy))
		go_on_with(LIST_ENTRY(server->busy.next, struct connection, busy_link));
	if (!list_is_empty(&server->ended))
		go_on_ending(LIST_ENTRY(server->ended.next, struct connection, link));
	work_arm(server);
	if (list_is_empty(&server->ended))
		idle_arm(server);
	return 0;
}

/* A client library of another version is refused by name, so that whoever wonders finds out why. */
static void log_refused_hello(const struct connection *connection)
{
	const struct server *server = connection->server;
	const struct wire_hello *hello = server->request.data;
	const struct wire_header *answer = server->reply.data;

	if (hello->header.type == WIRE_HELLO && answer->status == STATUS_NOT_SUPPORTED)
		log_warning("client refused: user=%d process=%d protocol=%u own_protocol=%u", (int)connection->user,
			    (int)connection->pid, hello->version, WIRE_VERSION);
}

/* What it held ends with it, whoever has a copy of its socket. */
static int on_death(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct connection *connection = context;

	(void)source;
	(void)descriptor;
	(void)events;
	connection_end(connection);
	return 0;
}

/* Before the others: a message that comes after the death is another one's. */
static int watch_death(struct connection *connection)
{
	int result = sd_event_add_io(connection->server->event, &connection->death, connection->process_descriptor,
				     EPOLLIN, on_death, connection);

	return result < 0 ? result : sd_event_source_set_priority(connection->death, SD_EVENT_PRIORITY_IMPORTANT);
}

/* By its first message, and before that is looked at. Each message is the same process's (see peer_watch). */
static int connection_identify(struct connection *connection, pid_t sender)
{
	struct pollfd more = { .fd = connection->socket, .events = POLLIN };
	const struct server *server = connection->server;
	uint64_t birth;
	int result;

	if (connection->is_known)
		return sender == connection->pid ? 0 : -EPERM;
	result = peer_watch(sender, &connection->process_descriptor, &birth);
	if (result < 0)
		return result;
	/* Whoever waits for its answer has not said more. */
	if (poll(&more, 1, 0) != 0)
		return -EPROTO;
	if (connection->process_descriptor >= 0)
		result = watch_death(connection);
	if (result >= 0)
		result = dxgk_process_identify(connection->process, sender,
					       server->config.birth ? server->config.birth() : birth);
	if (result < 0)
		return result;
	connection->pid = sender;
	connection->is_known = true;
	return 0;
}

/* One message a turn: clients that have much to say wait for those that have little. */
static int connection_serve(struct connection *connection)
{
	struct server *server = connection->server;
	int result;

	result = wire_receive(connection->socket, &server->request, MSG_DONTWAIT);
	if (result == -EAGAIN)
		return 0;
	if (result <= 0)
		return result < 0 ? result : -ECONNRESET;
	result = connection_identify(connection, server->request.sender);
	if (result < 0) {
		wire_packet_clear(&server->request);
		return result;
	}
	result = dxgk_begin(connection->process, &server->request, &server->reply);
	if (result == 0) {
		log_refused_hello(connection);
		log_weak_memory(server);
		result = send_reply(connection);
	} else if (result > 0) {
		/* It is not listened to until it has its answer. */
		(void)sd_event_source_set_enabled(connection->source, SD_EVENT_OFF);
		list_append(&server->busy, &connection->busy_link);
		work_arm(server);
	}
	wire_packet_clear(&server->request);
	return result;
}

static int on_message(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct connection *connection = context;
	int result = -ECONNRESET;

	(void)source;
	(void)descriptor;
	if (events & EPOLLIN)
		result = connection_serve(connection);
	if (result < 0) {
		if (result != -ECONNRESET && result != -EPIPE)
			log_warning("client turned away: user=%d process=%d reason=\"%s\"", (int)connection->user,
				    (int)connection->pid, strerror(-result));
		connection_end(connection);
	}
	return 0;
}

int server_add_client(struct server *server, int socket)
{
	struct connection *connection = NULL;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	int on = 1;
	int result;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		result = -errno;
		goto fail;
	}
	if (!server->config.all_users && peer.uid != geteuid() && peer.uid != 0) {
		result = -EPERM;
		goto fail;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		result = -ENOMEM;
		goto fail;
	}
	connection->server = server;
	connection->socket = socket;
	connection->process_descriptor = -1;
	connection->user = peer.uid;
	connection->pid = peer.pid;
	list_init(&connection->link);
	list_init(&connection->busy_link);
	result = dxgk_process_create(server->kernel, peer.uid, &connection->process);
	if (result < 0)
		goto fail;
	result = sd_event_add_io(server->event, &connection->source, socket, EPOLLIN, on_message, connection);
	if (result < 0)
		goto fail;
	list_append(&server->connections, &connection->link);
	server->idle = sd_event_source_disable_unref(server->idle);
	return 0;

fail:
	log_warning("client refused: user=%d process=%d reason=\"%s\"", (int)peer.uid, (int)peer.pid,
		    strerror(-result));
	if (connection)
		dxgk_process_destroy(connection->process);
	free(connection);
	close(socket);
	return result;
}

static int on_connection(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct server *server = context;
	int socket;

	(void)source;
	(void)events;
	/* cppcheck-suppress nullPointer ; accept4(2) takes NULL where no address is wanted */
	socket = accept4(descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (socket < 0) {
		if (errno == EMFILE || errno == ENFILE) {
			/* It stays in the queue; without a pause the loop would spin on it. */
			log_warning("no descriptor is left for another client");
			usleep(1000);
		}
		return 0;
	}
	(void)server_add_client(server, socket);
	return 0;
}

static int on_collect(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	struct server *server = context;

	(void)source;
	(void)descriptor;
	(void)events;
	dxgk_collect(server->kernel);
	return 0;
}

int server_create(sd_event *event, struct dxgk_kernel *kernel, const struct server_config *config, struct server **ret)
{
	struct server *server = calloc(1, sizeof(*server));
	int result = -ENOMEM;

	if (!server)
		return -ENOMEM;
	server->event = event;
	server->kernel = kernel;
	server->config = *config;
	list_init(&server->connections);
	list_init(&server->busy);
	list_init(&server->ended);
	server->work = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	server->request.capacity = WIRE_MAX_MESSAGE;
	server->reply.capacity = WIRE_MAX_MESSAGE;
	server->request.data = malloc(WIRE_MAX_MESSAGE);
	server->reply.data = malloc(WIRE_MAX_MESSAGE);
	if (server->work < 0)
		result = -errno;
	else if (server->request.data && server->reply.data)
		result = sd_event_add_io(event, &server->collector, dxgk_poll_descriptor(kernel), EPOLLIN, on_collect,
					 server);
	if (result >= 0 && config->wake > 0)
		result = sd_event_add_io(event, &server->waker, config->wake, EPOLLIN, on_wake, server);
	if (result >= 0)
		result = sd_event_add_io(event, &server->worker, server->work, EPOLLIN, on_work, server);
	if (result >= 0)
		result = sd_event_source_set_enabled(server->worker, SD_EVENT_OFF);
	if (result < 0) {
		server_destroy(server);
		return result;
	}
	*ret = server;
	return 0;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	server->leaves = false;
	LIST_FOR_EACH(node, &server->connections)
	connection_end(LIST_ENTRY(node, struct connection, link));
	LIST_FOR_EACH(node, &server->ended)
	{
		struct connection *connection = LIST_ENTRY(node, struct connection, link);

		dxgk_process_destroy(connection->process);
		list_remove(&connection->link);
		free(connection);
	}
	sd_event_source_disable_unref(server->waker);
	sd_event_source_disable_unref(server->worker);
	if (server->work >= 0)
		close(server->work);
	sd_event_source_disable_unref(server->listener);
	sd_event_source_disable_unref(server->collector);
	sd_event_source_disable_unref(server->idle);
	/* Wrapped keys and challenge numbers went through here. */
	if (server->request.data)
		gpu_wipe(server->request.data, WIRE_MAX_MESSAGE);
	if (server->reply.data)
		gpu_wipe(server->reply.data, WIRE_MAX_MESSAGE);
	free(server->request.data);
	/* -Wanalyzer-double-free: two buffers, which the analyzer loses sight of while they are wiped */
	free(server->reply.data);
	free(server);
}

int server_listen(struct server *server, int listener)
{
	int on = 1;

	/* What is accepted has it from there: a client may say hello before server_add_client has looked at it. */
	if (setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return sd_event_add_io(server->event, &server->listener, listener, EPOLLIN, on_connection, server);
}

int server_leave_when_idle(struct server *server, unsigned int idle_seconds)
{
	server->leaves = true;
	server->idle_us = idle_seconds * 1000000ull;
	/* Who is to leave with its last client waits for the first one all the same. */
	if (server->idle_us == 0 && list_is_empty(&server->connections))
		return sd_event_add_time_relative(server->event, &server->idle, CLOCK_MONOTONIC, FIRST_CLIENT_US, 0,
						  on_idle, server);
	idle_arm(server);
	return 0;
}
