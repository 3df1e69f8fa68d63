/* SPDX-License-Identifier: MIT */
/* How the service takes clients on: whom it refuses, and that what it lacks for one harms none of the others. */
#include "dxgkrnl/kernel.h"
#include "process_fixture.h"
#include "service/server.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what the system answers ------------------------------------------------------------------------------ */

enum call { NONE, CALLOC, MALLOC, EVENTFD, ADD_IO, SET_ENABLED, GETSOCKOPT, SETSOCKOPT, ACCEPT };

static uid_t peer; /* whom the socket names; (uid_t)-1: the real one */

static bool fails(enum call call)
{
	return pf_fails(call, EMFILE);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);
int __real_sd_event_add_io(sd_event *event, sd_event_source **ret, int descriptor, uint32_t events,
			   sd_event_io_handler_t handler, void *context);
int __wrap_sd_event_add_io(sd_event *event, sd_event_source **ret, int descriptor, uint32_t events,
			   sd_event_io_handler_t handler, void *context);
int __real_sd_event_source_set_enabled(sd_event_source *source, int enabled);
int __wrap_sd_event_source_set_enabled(sd_event_source *source, int enabled);
int __real_getsockopt(int socket, int level, int name, void *value, socklen_t *size);
int __wrap_getsockopt(int socket, int level, int name, void *value, socklen_t *size);
int __real_setsockopt(int socket, int level, int name, const void *value, socklen_t size);
int __wrap_setsockopt(int socket, int level, int name, const void *value, socklen_t size);
int __real_accept4(int socket, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int socket, struct sockaddr *address, socklen_t *size, int flags);

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(CALLOC) ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
	return fails(MALLOC) ? NULL : __real_malloc(size);
}

int __wrap_eventfd(unsigned int count, int flags)
{
	return fails(EVENTFD) ? -1 : __real_eventfd(count, flags);
}

int __wrap_sd_event_add_io(sd_event *event, sd_event_source **ret, int descriptor, uint32_t events,
			   sd_event_io_handler_t handler, void *context)
{
	return fails(ADD_IO) ? -ENOMEM : __real_sd_event_add_io(event, ret, descriptor, events, handler, context);
}

int __wrap_sd_event_source_set_enabled(sd_event_source *source, int enabled)
{
	return fails(SET_ENABLED) ? -ENOMEM : __real_sd_event_source_set_enabled(source, enabled);
}

int __wrap_getsockopt(int socket, int level, int name, void *value, socklen_t *size)
{
	int result = fails(GETSOCKOPT) ? -1 : __real_getsockopt(socket, level, name, value, size);

	if (result == 0 && name == SO_PEERCRED && peer != (uid_t)-1)
		((struct ucred *)value)->uid = peer;
	return result;
}

int __wrap_setsockopt(int socket, int level, int name, const void *value, socklen_t size)
{
	return fails(SETSOCKOPT) ? -1 : __real_setsockopt(socket, level, name, value, size);
}

int __wrap_accept4(int socket, struct sockaddr *address, socklen_t *size, int flags)
{
	return fails(ACCEPT) ? -1 : __real_accept4(socket, address, size, flags);
}

/* ---- a service with a driver that is there and no more ------------------------------------------------------------ */

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret_adapter)
{
	(void)interface;
	(void)context;
	*ret_adapter = &peer;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE adapter)
{
	(void)adapter;
}

static const struct dxgk_driver driver = { .StartDevice = start_device, .StopDevice = stop_device };

static struct {
	struct dxgk_kernel *kernel;
	struct server *server;
	sd_event *event;
	int descriptors; /* open before there was a client */
} bench;

static unsigned int clients(void)
{
	struct dxgk_counts counts;

	dxgk_counts(bench.kernel, &counts);
	return (unsigned int)counts.processes;
}

static int setup(void **state)
{
	struct dxgk_config config = { .driver = &driver };

	(void)state;
	pf_fail_at(NONE, 0);
	peer = (uid_t)-1;
	dxgk_limits_default(&config.limits);
	config.limits.processes = 3;
	if (dxgk_kernel_create(&config, &bench.kernel) < 0 || sd_event_new(&bench.event) < 0)
		return -1;
	bench.server = NULL;
	return 0;
}

static void start(bool for_all)
{
	const struct server_config config = { .all_users = for_all };

	assert_int_equal(server_create(bench.event, bench.kernel, &config, &bench.server), 0);
	bench.descriptors = pf_open_descriptors();
}

static int teardown(void **state)
{
	(void)state;
	server_destroy(bench.server);
	dxgk_kernel_destroy(bench.kernel);
	sd_event_unref(bench.event);
	return 0;
}

static int add(int *ret_end)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	*ret_end = ends[1];
	return server_add_client(bench.server, ends[0]);
}

/* Its end is closed, and nothing of it is left. */
static void assert_refused(int error)
{
	const unsigned int before = clients();
	uint8_t byte;
	int end;

	assert_int_equal(add(&end), -error);
	pf_fail_at(NONE, 0);
	assert_int_equal(recv(end, &byte, 1, MSG_DONTWAIT), 0);
	close(end);
	assert_int_equal(pf_open_descriptors(), bench.descriptors);
	assert_int_equal(clients(), before);
}

static void run_until_idle(void)
{
	while (sd_event_run(bench.event, 0) > 0)
		;
}

static void say_hello(int end)
{
	struct wire_hello hello = { .header = { sizeof(hello), WIRE_HELLO, 1, 0 }, .magic = WIRE_MAGIC };

	hello.version = WIRE_VERSION;
	assert_int_equal(send(end, &hello, sizeof(hello), 0), sizeof(hello));
}

static void assert_welcome(int end)
{
	struct wire_welcome answer;

	assert_int_equal(recv(end, &answer, sizeof(answer), MSG_DONTWAIT), sizeof(answer));
	assert_int_equal(answer.hello.header.status, STATUS_SUCCESS);
}

/* ---- cases ------------------------------------------------------------------------------------------------- */

static void test_no_server(void **state)
{
	static const struct {
		enum call call;
		unsigned int count;
		int error;
	} rows[] = {
		{ CALLOC, 1, -ENOMEM }, { EVENTFD, 1, -EMFILE },     { MALLOC, 2, -ENOMEM },
		{ ADD_IO, 3, -ENOMEM }, { SET_ENABLED, 1, -ENOMEM },
	};
	struct server_config config = { .wake = eventfd(0, EFD_CLOEXEC) };
	int before = pf_open_descriptors();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int at = 1; at <= rows[i].count; at++) {
			pf_fail_at(rows[i].call, at);
			assert_int_equal(server_create(bench.event, bench.kernel, &config, &bench.server),
					 rows[i].error);
			assert_true(pf_has_failed());
			assert_null(bench.server);
			assert_int_equal(pf_open_descriptors(), before);
		}
	}
	close(config.wake);
	start(false);
	pf_fail_at(SETSOCKOPT, 1);
	assert_int_equal(server_listen(bench.server, 0), -EMFILE);
	server_destroy(NULL);
}

/* The service is its own user's and root's, unless it is the machine's. */
static void test_whose_it_is(void **state)
{
	int ends[3];

	(void)state;
	start(false);
	peer = geteuid() + 1000;
	assert_refused(EPERM);
	assert_int_equal(clients(), 0);
	peer = geteuid();
	assert_int_equal(add(&ends[0]), 0);
	peer = 0;
	assert_int_equal(add(&ends[1]), 0);
	close(ends[0]);
	close(ends[1]);
	run_until_idle();
	server_destroy(bench.server);
	assert_int_equal(clients(), 0);

	start(true);
	peer = geteuid() + 1000;
	assert_int_equal(add(&ends[0]), 0);
	say_hello(ends[0]);
	run_until_idle();
	assert_welcome(ends[0]);
	close(ends[0]);
}

/* One client is served all the while that others can't be. */
static void test_what_one_client_lacks(void **state)
{
	static const struct {
		enum call call;
		int error;
	} rows[] = { { GETSOCKOPT, EMFILE }, { SETSOCKOPT, EMFILE }, { CALLOC, ENOMEM }, { ADD_IO, ENOMEM } };
	int end;

	(void)state;
	start(false);
	assert_int_equal(add(&end), 0);
	bench.descriptors = pf_open_descriptors();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pf_fail_at(rows[i].call, 1);
		assert_refused(rows[i].error);
		assert_int_equal(clients(), 1);
	}
	/* The allocation of its process, too. */
	pf_fail_at(CALLOC, 2);
	assert_refused(ENOMEM);
	say_hello(end);
	run_until_idle();
	assert_welcome(end);
	close(end);
}

static void test_as_many_as_a_user_may_have(void **state)
{
	int ends[3];

	(void)state;
	start(true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(add(&ends[i]), 0);
	bench.descriptors = pf_open_descriptors();
	assert_refused(EDQUOT);
	/* Another user is another matter. */
	peer = geteuid() + 1000;
	assert_int_equal(add(&ends[0]), 0);
	peer = (uid_t)-1;
	bench.descriptors++;
	bench.descriptors++;
	assert_refused(EDQUOT);
	close(ends[1]);
	run_until_idle();
	assert_int_equal(add(&ends[1]), 0);
}

/* Who comes while the service has no descriptor left waits, and is served when there is one. */
static void test_no_descriptor_for_another(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address);

	(void)state;
	start(false);
	/* A name of the kernel's choice, which is no file's. */
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_true(server_listen(bench.server, listener) >= 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
	say_hello(client);
	pf_fail_at(ACCEPT, 1);
	assert_true(sd_event_run(bench.event, 1000000) > 0);
	assert_true(pf_has_failed());
	assert_int_equal(clients(), 0);
	run_until_idle();
	assert_int_equal(clients(), 1);
	assert_welcome(client);
	close(client);
	close(listener);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_no_server),
		CASE(test_whose_it_is),
		CASE(test_what_one_client_lacks),
		CASE(test_as_many_as_a_user_may_have),
		CASE(test_no_descriptor_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
