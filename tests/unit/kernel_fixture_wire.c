/* SPDX-License-Identifier: MIT */
/* The service's own code around a graphics kernel of this process: an event loop in a thread, clients over sockets. */
#include "kernel_fixture_wire.h"

#include "kernel_fixture.h"
#include "service/liveness.h"
#include "service/server.h"
#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct ik_wire {
	pthread_mutex_t lock; /* the loop's, but while it sleeps */
	pthread_cond_t turn;  /* of the loop is over */
	pthread_t thread;
	struct dxgk_kernel *kernel;
	struct server *server;
	sd_event *event;
	struct sockaddr_un address;
	socklen_t address_size;
	int listener;
	int waker;     /* of the thread, to stop */
	int *liveness; /* -1: not made yet */
	bool stops;
};

static void *loop(void *argument)
{
	struct ik_wire *wire = argument;
	struct pollfd items[2] = {
		{ .fd = sd_event_get_fd(wire->event), .events = POLLIN },
		{ .fd = wire->waker, .events = POLLIN },
	};

	pthread_mutex_lock(&wire->lock);
	*wire->liveness = liveness_start();
	if (*wire->liveness < 0)
		abort();
	while (!wire->stops) {
		int ready = sd_event_prepare(wire->event);

		pthread_cond_broadcast(&wire->turn);
		if (ready == 0) {
			pthread_mutex_unlock(&wire->lock);
			(void)poll(items, 2, -1);
			pthread_mutex_lock(&wire->lock);
			ready = sd_event_wait(wire->event, 0);
		}
		if (ready > 0)
			ready = sd_event_dispatch(wire->event);
		if (ready < 0)
			abort();
	}
	pthread_mutex_unlock(&wire->lock);
	return NULL;
}

/* A name that nobody else has. */
static void listen_somewhere(struct ik_wire *wire)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };

	wire->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(wire->listener >= 0);
	assert_int_equal(bind(wire->listener, (const struct sockaddr *)&any, sizeof(any.sun_family)), 0);
	assert_int_equal(listen(wire->listener, 128), 0);
	wire->address_size = sizeof(wire->address);
	assert_int_equal(getsockname(wire->listener, (struct sockaddr *)&wire->address, &wire->address_size), 0);
}

struct ik_wire *ik_wire_start(struct dxgk_kernel *kernel, int *liveness, uint64_t (*birth)(void))
{
	const struct server_config config = { .all_users = true, .birth = birth };
	struct ik_wire *wire = calloc(1, sizeof(*wire));

	assert_non_null(wire);
	/* It warns of each client that it turns away, and these tests are full of such. */
	log_start(LOG_LEVEL_ERROR, /* to_syslog= */ false);
	pthread_mutex_init(&wire->lock, NULL);
	pthread_cond_init(&wire->turn, NULL);
	wire->kernel = kernel;
	wire->liveness = liveness;
	*liveness = -1;
	wire->waker = eventfd(0, EFD_CLOEXEC);
	assert_true(wire->waker >= 0);
	listen_somewhere(wire);
	assert_true(sd_event_new(&wire->event) >= 0);
	assert_true(server_create(wire->event, kernel, &config, &wire->server) >= 0);
	assert_true(server_listen(wire->server, wire->listener) >= 0);
	assert_int_equal(pthread_create(&wire->thread, NULL, loop, wire), 0);
	pthread_mutex_lock(&wire->lock);
	while (*liveness < 0)
		pthread_cond_wait(&wire->turn, &wire->lock);
	pthread_mutex_unlock(&wire->lock);
	return wire;
}

void ik_wire_stop(struct ik_wire *wire)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&wire->lock);
	wire->stops = true;
	pthread_mutex_unlock(&wire->lock);
	assert_int_equal(write(wire->waker, &one, sizeof(one)), sizeof(one));
	pthread_join(wire->thread, NULL);
	server_destroy(wire->server);
	sd_event_unref(wire->event);
	close(wire->listener);
	close(wire->waker);
	dxgk_kernel_destroy(wire->kernel);
	close(*wire->liveness);
	pthread_cond_destroy(&wire->turn);
	pthread_mutex_destroy(&wire->lock);
	free(wire);
}

/* Of this thread alone: the C library would tell all of them. */
static void become(uid_t user)
{
	assert_int_equal(syscall(SYS_setresuid, (uid_t)-1, user, (uid_t)-1), 0);
	/* Else the leak checker may not look at this process any more. */
	assert_int_equal(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

int ik_wire_connect(struct ik_wire *wire, uid_t user)
{
	const uid_t own = geteuid();
	int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int result;

	assert_true(descriptor >= 0);
	if (user != own)
		become(user);
	result = connect(descriptor, (const struct sockaddr *)&wire->address, wire->address_size);
	if (user != own)
		become(own);
	assert_int_equal(result, 0);
	return descriptor;
}

struct dxgk_kernel *ik_wire_acquire(struct ik_wire *wire)
{
	pthread_mutex_lock(&wire->lock);
	return wire->kernel;
}

void ik_wire_release(struct ik_wire *wire)
{
	pthread_mutex_unlock(&wire->lock);
}

void ik_wire_settle(struct ik_wire *wire)
{
	struct pollfd item = { .fd = sd_event_get_fd(wire->event), .events = POLLIN };

	pthread_mutex_lock(&wire->lock);
	/* With the lock here the loop sleeps, or is about to: what it knows of is done. */
	while (poll(&item, 1, 0) > 0)
		pthread_cond_wait(&wire->turn, &wire->lock);
	pthread_mutex_unlock(&wire->lock);
}
