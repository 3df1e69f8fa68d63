/* SPDX-License-Identifier: MIT */
/* The service's own pieces: what it notices of a sleep (KMT-24), who its clients are, whose turn it is, its configuration. */
#include "service/peer.h"
#include "service/resume.h"
#include "service/server.h"
#include "service/settings.h"

#include <dxvault/d3dcontentprotection.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static uint64_t slept;	  /* of the machine, so far */
static uint64_t stumbles; /* the process waits so long between two readings */
static uint64_t stumbled;

static uint64_t fake_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	stumbled += stumbles;
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec + stumbled + (id == CLOCK_BOOTTIME ? slept : 0);
}

static void test_resume_is_noticed_once(void **state)
{
	struct resume resume;

	(void)state;
	slept = 5 * SECOND;
	resume_init(&resume, fake_clock);
	assert_false(resume_happened(&resume));
	/* A busy machine is no sleeping one. */
	stumbles = SECOND;
	for (int i = 0; i < 5; i++)
		assert_false(resume_happened(&resume));
	stumbles = 0;
	assert_false(resume_happened(&resume));
	slept += SECOND / 2;
	assert_true(resume_happened(&resume));
	assert_false(resume_happened(&resume));
	slept += 1000 * SECOND;
	assert_true(resume_happened(&resume));
	assert_false(resume_happened(&resume));
	resume_init(&resume, NULL);
	assert_false(resume_happened(&resume));
}

/* ---- a server with a driver that only counts ------------------------------------------------------ */

static int losses;

static NTSTATUS start_device(const struct dxgk_interface *interface, void *context, HANDLE *ret_adapter)
{
	(void)context;
	*ret_adapter = (HANDLE)(uintptr_t)interface;
	return STATUS_SUCCESS;
}

static void stop_device(HANDLE adapter)
{
	(void)adapter;
}

static NTSTATUS create_device(HANDLE adapter, DXGKARG_CREATEDEVICE *arg)
{
	arg->hDevice = adapter;
	return STATUS_SUCCESS;
}

static NTSTATUS destroy_device(HANDLE device)
{
	(void)device;
	return STATUS_SUCCESS;
}

static NTSTATUS create_session(HANDLE adapter, DXGKARG_CREATEPROTECTEDSESSION *arg)
{
	arg->hProtectedSession = adapter;
	return STATUS_SUCCESS;
}

static NTSTATUS destroy_session(HANDLE adapter, HANDLE session)
{
	(void)adapter;
	(void)session;
	return STATUS_SUCCESS;
}

static int escapes;

static NTSTATUS count_escape(HANDLE adapter, const DXGKARG_ESCAPE *arg)
{
	(void)adapter;
	(void)arg;
	escapes++;
	return STATUS_SUCCESS;
}

static void lose_keys(HANDLE adapter)
{
	(void)adapter;
	losses++;
}

static const struct dxgk_driver driver = {
	.StartDevice = start_device,
	.StopDevice = stop_device,
	.DxgkDdiCreateDevice = create_device,
	.DxgkDdiDestroyDevice = destroy_device,
	.DxgkDdiEscape = count_escape,
	.DxgkDdiCreateProtectedSession = create_session,
	.DxgkDdiDestroyProtectedSession = destroy_session,
	.LoseKeys = lose_keys,
};

static _Alignas(8) uint8_t buffer[4096];

static void *request(enum wire_type type, size_t size)
{
	struct wire_header *header = (void *)buffer;

	memset(buffer, 0, size);
	header->size = (uint32_t)size;
	header->type = type;
	return header;
}

static uint32_t ask(sd_event *event, int socket)
{
	const struct wire_handle *reply = (const void *)buffer;

	assert_true(send(socket, buffer, reply->header.size, 0) > 0);
	while (recv(socket, buffer, sizeof(buffer), MSG_DONTWAIT) < 0)
		assert_true(sd_event_run(event, 1000000) > 0);
	assert_int_equal(reply->header.status, STATUS_SUCCESS);
	return reply->handle;
}

static uint32_t ask_handle(sd_event *event, int socket, enum wire_type type, uint32_t handle)
{
	((struct wire_handle *)request(type, sizeof(struct wire_handle)))->handle = handle;
	return ask(event, socket);
}

/* What a client has. */
struct client {
	int socket;
	uint32_t adapter;
	uint32_t device;
	uint32_t fence;
};

static uint32_t make_session(sd_event *event, const struct client *client)
{
	struct wire_create_session *session = request(WIRE_CREATE_SESSION, sizeof(*session));

	session->device = client->device;
	session->fence = client->fence;
	return ask(event, client->socket);
}

static void make_device(sd_event *event, struct client *client)
{
	struct wire_create_fence *fence;
	struct wire_adapter *adapter;
	struct wire_hello *hello;
	uint32_t handle;

	hello = request(WIRE_HELLO, sizeof(*hello));
	hello->magic = WIRE_MAGIC;
	hello->version = WIRE_VERSION;
	(void)ask(event, client->socket);
	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	(void)ask(event, client->socket);
	adapter = (void *)buffer;
	handle = adapter->luid_low;
	adapter = request(WIRE_OPEN_ADAPTER, sizeof(*adapter));
	adapter->luid_low = handle;
	client->adapter = ask(event, client->socket);
	client->device = ask_handle(event, client->socket, WIRE_CREATE_DEVICE, client->adapter);
	fence = request(WIRE_CREATE_FENCE, sizeof(*fence));
	fence->device = client->device;
	fence->type = D3DDDI_MONITORED_FENCE;
	client->fence = ask(event, client->socket);
}

static struct resume resume;

static bool has_slept(void *context)
{
	(void)context;
	return resume_happened(&resume);
}

/* The clock jumps when the machine wakes, and that is all that this descriptor tells. */
static void test_a_jump_of_the_clock_wakes(void **state) /* KMT-24 */
{
	struct pollfd item = { .fd = resume_descriptor_create(), .events = POLLIN };
	struct timespec now;

	(void)state;
	assert_true(item.fd >= 0);
	assert_int_equal(poll(&item, 1, 50), 0);
	resume_descriptor_clear(item.fd);
	assert_int_equal(poll(&item, 1, 0), 0);
	clock_gettime(CLOCK_REALTIME, &now);
	if (!getenv("DXVAULT_LONG") || clock_settime(CLOCK_REALTIME, &now) < 0) {
		close(item.fd);
		print_message("# skipped: the clock is set in make check-long alone, by root\n");
		skip();
	}
	assert_int_equal(poll(&item, 1, 5000), 1);
	resume_descriptor_clear(item.fd);
	assert_int_equal(poll(&item, 1, 0), 0);
	close(item.fd);
}

/* KMT-24, SEC-53: a sleep is noticed before the next request is answered, and without one, as long as there are sessions. */
static void test_sleep_loses_sessions(void **state)
{
	struct server_config config = { .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct dxgk_config kernel_config = { .driver = &driver, .has_slept = has_slept };
	struct dxgk_kernel *kernel;
	struct server *server;
	sd_event *event;
	struct client client;
	uint32_t session;
	int ends[2];

	(void)state;
	losses = 0;
	resume_init(&resume, fake_clock);
	dxgk_limits_default(&kernel_config.limits);
	assert_int_equal(dxgk_kernel_create(&kernel_config, &kernel), 0);
	assert_true(sd_event_new(&event) >= 0);
	assert_true(server_create(event, kernel, &config, &server) >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(server_add_client(server, ends[0]), 0);
	client.socket = ends[1];
	make_device(event, &client);
	session = make_session(event, &client);
	assert_int_equal(losses, 0);

	slept += SECOND;
	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	(void)ask(event, ends[1]);
	assert_int_equal(losses, 1);

	slept += SECOND;
	assert_int_equal(eventfd_write(config.wake, 1), 0);
	while (losses == 1)
		assert_true(sd_event_run(event, 5000000) > 0);
	assert_int_equal(losses, 2);

	/* A clock that was set is no sleep. */
	assert_int_equal(eventfd_write(config.wake, 1), 0);
	assert_true(sd_event_run(event, 5000000) > 0);
	assert_int_equal(losses, 2);

	/* Sessions or not, nothing wakes a service that has nothing to do. */
	assert_int_equal(sd_event_run(event, 1500000), 0);
	(void)ask_handle(event, ends[1], WIRE_DESTROY_SESSION, session);
	assert_int_equal(sd_event_run(event, 0), 0);
	assert_int_equal(losses, 2);

	close(ends[1]);
	server_destroy(server);
	close(config.wake);
	sd_event_unref(event);
	dxgk_kernel_destroy(kernel);
}

/* ---- who is at the other end --------------------------------------------------------------------------- */

static void test_a_peer_is_born_once(void **state) /* AC-127 */
{
	int watched[3];
	uint64_t births[3];
	int wait[2];
	pid_t child;

	(void)state;
	assert_int_equal(peer_watch(getpid(), &watched[0], &births[0]), 0);
	assert_int_equal(peer_watch(getpid(), &watched[1], &births[1]), 0);
	assert_true(births[0] != 0);
	assert_true(births[0] == births[1]);
	assert_int_equal(pipe(wait), 0);
	child = fork();
	if (child == 0) {
		char byte;

		close(wait[1]);
		_exit((int)read(wait[0], &byte, 1));
	}
	assert_int_equal(peer_watch(child, &watched[2], &births[2]), 0);
	assert_true(births[2] != 0);
	assert_int_equal(poll(&(struct pollfd) { .fd = watched[2], .events = POLLIN }, 1, 0), 0);
	if (births[2] != peer_start_time(child))
		assert_true(births[2] != births[0]);
	close(wait[1]);
	close(wait[0]);
	/* It says so when it has ended, before its number is given back, and then the number is nobody's. */
	assert_int_equal(poll(&(struct pollfd) { .fd = watched[2], .events = POLLIN }, 1, -1), 1);
	close(watched[2]);
	assert_int_equal(peer_watch(child, &watched[2], &births[2]), -ESRCH);
	assert_int_equal(watched[2], -1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(peer_watch(child, &watched[2], &births[2]), -ESRCH);
	assert_int_equal(watched[2], -1);
	close(watched[0]);
	close(watched[1]);

	/* Of another PID namespace. */
	assert_int_equal(peer_watch(0, &watched[0], &births[0]), 0);
	assert_int_equal(watched[0], -1);
	assert_int_equal(births[0], 0);
}

/* The 22nd field, whatever the process calls itself. */
static void test_a_peer_has_a_start_time(void **state) /* AC-127 */
{
	static const char *const names[] = { "plain", "a ) (b 1 2 3", ") R 1 1 1", "x\ny" };
	const long ticks = sysconf(_SC_CLK_TCK);
	uint64_t first = peer_start_time(getpid());
	char before[16], after[16];
	struct timespec now;

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, before), 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	assert_true(first != 0);
	assert_true(first <= (uint64_t)(now.tv_sec * ticks + now.tv_nsec / (1000000000 / ticks)));
	/* No test of ours runs for an hour. */
	assert_true(first + 3600 * (uint64_t)ticks > (uint64_t)now.tv_sec * (uint64_t)ticks);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		assert_int_equal(prctl(PR_GET_NAME, after), 0);
		assert_string_equal(after, names[i]);
		assert_true(peer_start_time(getpid()) == first);
	}
	assert_int_equal(prctl(PR_SET_NAME, before), 0);
	assert_int_equal(peer_start_time(INT32_MAX), 0);
}

/* ---- nobody waits long for others ------------------------------------------------------------------ */

/* Turns of the loop that an answer may take while the service takes much back: one for each that has something to do. */
enum { OBJECTS = 20000, TURNS = 6 };

struct bench {
	struct dxgk_kernel *kernel;
	struct server *server;
	sd_event *event;
	struct client clients[2];
};

static int bench_start(void **state)
{
	static const struct server_config config;
	struct dxgk_config kernel_config = { .driver = &driver };
	struct bench *bench = calloc(1, sizeof(*bench));
	int ends[2];

	dxgk_limits_default(&kernel_config.limits);
	assert_int_equal(dxgk_kernel_create(&kernel_config, &bench->kernel), 0);
	assert_true(sd_event_new(&bench->event) >= 0);
	assert_true(server_create(bench->event, bench->kernel, &config, &bench->server) >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
		assert_int_equal(server_add_client(bench->server, ends[0]), 0);
		bench->clients[i].socket = ends[1];
		make_device(bench->event, &bench->clients[i]);
	}
	*state = bench;
	return 0;
}

static int bench_start_large(void **state)
{
	const struct bench *bench;

	(void)bench_start(state);
	bench = *state;
	for (int i = 0; i < OBJECTS / 2; i++) {
		(void)make_session(bench->event, &bench->clients[0]);
		(void)ask_handle(bench->event, bench->clients[0].socket, WIRE_CREATE_CONTEXT, bench->clients[0].device);
	}
	return 0;
}

static int bench_stop(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < 2; i++) {
		if (bench->clients[i].socket >= 0)
			close(bench->clients[i].socket);
	}
	server_destroy(bench->server);
	sd_event_unref(bench->event);
	dxgk_kernel_destroy(bench->kernel);
	free(bench);
	return 0;
}

static void destroy_device_later(struct bench *bench)
{
	struct wire_handle *message = request(WIRE_DESTROY_DEVICE, sizeof(*message));

	message->handle = bench->clients[0].device;
	assert_true(send(bench->clients[0].socket, message, sizeof(*message), 0) > 0);
}

/* The second client asks, and has its answer within so many turns. */
static void ask_in_turns(struct bench *bench, int limit)
{
	const struct wire_header *reply = (const void *)buffer;
	int turns = 0;

	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	assert_true(send(bench->clients[1].socket, buffer, sizeof(struct wire_header), 0) > 0);
	while (recv(bench->clients[1].socket, buffer, sizeof(buffer), MSG_DONTWAIT) < 0) {
		assert_true(sd_event_run(bench->event, 1000000) > 0);
		if (++turns > limit)
			fail_msg("the answer did not come in %d turns", limit);
	}
	assert_int_equal(reply->status, STATUS_SUCCESS);
}

static void ask_beside(struct bench *bench)
{
	ask_in_turns(bench, TURNS);
}

static struct dxgk_counts counts_of(const struct bench *bench)
{
	struct dxgk_counts counts;

	dxgk_counts(bench->kernel, &counts);
	return counts;
}

static void test_a_large_device_goes_in_parts(void **state) /* SEC-36 */
{
	struct bench *bench = *state;
	struct wire_header reply;
	int answers = 0;

	destroy_device_later(bench);
	while (recv(bench->clients[0].socket, &reply, sizeof(reply), MSG_DONTWAIT) < 0) {
		uint32_t contexts = counts_of(bench).contexts;

		ask_beside(bench);
		assert_true(contexts - counts_of(bench).contexts <= TURNS * DXGK_TURN);
		answers++;
	}
	assert_int_equal(reply.type, WIRE_DESTROY_DEVICE);
	assert_int_equal(reply.status, STATUS_SUCCESS);
	assert_true(answers >= OBJECTS / DXGK_TURN / TURNS);
	assert_int_equal(counts_of(bench).devices, 1);
	assert_int_equal(counts_of(bench).contexts, 0);
	/* It is listened to again. */
	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	(void)ask(bench->event, bench->clients[0].socket);
}

static void test_a_large_client_goes_in_parts(void **state) /* SEC-36 */
{
	struct bench *bench = *state;
	int answers = 0;

	close(bench->clients[0].socket);
	bench->clients[0].socket = -1;
	while (counts_of(bench).processes > 1) {
		uint32_t sessions = counts_of(bench).sessions;

		ask_beside(bench);
		assert_true(sessions - counts_of(bench).sessions <= TURNS * DXGK_TURN);
		answers++;
	}
	assert_true(answers >= OBJECTS / DXGK_TURN / TURNS);
	assert_int_equal(counts_of(bench).devices, 1);
	assert_int_equal(counts_of(bench).sessions, 0);
}

/* The one that waits for its answer dies, or the service ends, in the middle. */
static void test_a_large_device_of_a_dead_client(void **state)
{
	struct bench *bench = *state;

	destroy_device_later(bench);
	for (int i = 0; i < 10; i++)
		ask_beside(bench);
	assert_int_equal(counts_of(bench).devices, 2);
	close(bench->clients[0].socket);
	bench->clients[0].socket = -1;
	while (counts_of(bench).processes > 1)
		ask_beside(bench);
	assert_int_equal(counts_of(bench).devices, 1);
	assert_int_equal(counts_of(bench).sessions, 0);
}

static void test_the_end_amid_a_large_device(void **state)
{
	struct bench *bench = *state;

	destroy_device_later(bench);
	for (int i = 0; i < 10; i++)
		ask_beside(bench);
	assert_int_equal(counts_of(bench).devices, 2);
	dxgk_stop(bench->kernel);
}

/* ---- nor for many others ---------------------------------------------------------------------------- */

enum { HEAVY = 8, HEAVY_BYTES = 4 << 20 };

static void add_client(const struct bench *bench, struct client *client)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(server_add_client(bench->server, ends[0]), 0);
	client->socket = ends[1];
	make_device(bench->event, client);
}

static void escape_later(const struct client *client)
{
	struct wire_escape *message = request(WIRE_ESCAPE, sizeof(*message));

	message->adapter = client->adapter;
	message->device = client->device;
	assert_true(send(client->socket, message, sizeof(*message), 0) > 0);
}

/* SEC-36: who has large surfaces has blts by messages, and an end, that last. One of all those goes before one light request. */
static void test_heavy_requests_go_one_by_one(void **state)
{
	struct bench *bench = *state;
	struct client heavy[HEAVY];

	for (int i = 0; i < HEAVY; i++) {
		struct wire_create_memory *memory;

		add_client(bench, &heavy[i]);
		memory = request(WIRE_CREATE_MEMORY, sizeof(*memory));
		memory->device = heavy[i].device;
		memory->size = HEAVY_BYTES;
		(void)ask(bench->event, heavy[i].socket);
	}
	escapes = 0;
	for (int i = 0; i < HEAVY; i++)
		escape_later(&heavy[i]);
	for (int done = 0; escapes < HEAVY; done = escapes) {
		ask_in_turns(bench, HEAVY + TURNS);
		assert_true(escapes - done <= 2);
	}
	for (int i = 0; i < HEAVY; i++) {
		const struct wire_header *reply = (const void *)buffer;

		while (recv(heavy[i].socket, buffer, sizeof(buffer), MSG_DONTWAIT) < 0)
			assert_true(sd_event_run(bench->event, 1000000) > 0);
		assert_int_equal(reply->type, WIRE_ESCAPE);
		assert_int_equal(reply->status, STATUS_SUCCESS);
	}

	/* They die; some with requests that are put off, or that nobody has read yet. */
	for (int i = 0; i < 2; i++) {
		escape_later(&heavy[i]);
		ask_in_turns(bench, HEAVY + TURNS);
		escape_later(&heavy[i + 2]);
	}
	for (int i = 0; i < HEAVY; i++)
		close(heavy[i].socket);
	while (counts_of(bench).processes > 2) {
		uint32_t processes = counts_of(bench).processes;

		ask_in_turns(bench, 2 * HEAVY + TURNS);
		assert_true(processes - counts_of(bench).processes <= 2);
	}
	assert_int_equal(counts_of(bench).devices, 2);
}

static void test_settings(void **state)
{
	static const char text[] = "# all of them\n\n handles=7 \r\nconnections = 8\nnt-handles = 0\nsessions = 9\n"
				   "protected-memory = 3M\nshared-memory = 1G\nidle-seconds = 0\ndecryption-blt = no\n"
				   "get-pitch = no\ncaps = 0x1D\nallow-users = all\nlog-level = debug\nmemory = plain\n"
				   "test-channels = both\ntest-encryption = 2\ntest-outputs = 16\ntest-decode = yes\n"
				   "engine = ipsec-mb\nrings = 3\nworkers = 64";
	struct settings settings, before;
	const char *reason;
	unsigned int line;

	(void)state;
	settings_default(&settings);
	assert_int_equal(settings_parse("", 0, &settings, &line, &reason), 0);
	assert_false(settings.all_users);
	assert_int_equal(settings.engine, GPU_ENGINE_AUTO);
	assert_in_range(settings.workers, 1, 64);
	assert_int_equal(settings.limits.rings, 256);
	assert_int_equal(settings_parse("workers = 0", 11, &settings, &line, &reason), -EINVAL);
	assert_int_equal(settings_parse("workers = 65", 12, &settings, &line, &reason), -EINVAL);
	assert_int_equal(settings_parse("rings = 1025", 12, &settings, &line, &reason), -EINVAL);
	assert_int_equal(settings_parse(text, sizeof(text) - 1, &settings, &line, &reason), 0);
	assert_int_equal(settings.limits.handles, 7);
	assert_int_equal(settings.limits.processes, 8);
	assert_int_equal(settings.limits.nt_handles, 0);
	assert_int_equal(settings.limits.sessions, 9);
	assert_int_equal(settings.limits.protected_bytes, 3 << 20);
	assert_int_equal(settings.driver.protected_memory_size, 3 << 20);
	assert_int_equal(settings.limits.shared_bytes, 1 << 30);
	assert_int_equal(settings.idle_seconds, 0);
	assert_false(settings.driver.has_decryption_blt);
	assert_false(settings.driver.has_get_pitch);
	assert_int_equal(settings.driver.caps, 0x1d);
	assert_true(settings.all_users);
	assert_int_equal(settings.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(settings.memory, GPU_MEMORY_PLAIN);
	assert_int_equal(settings.driver.channel_types, D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE);
	assert_int_equal(settings.driver.encryption_guids, 2);
	assert_int_equal(settings.driver.outputs, 16);
	assert_true(settings.driver.has_decode);
	assert_int_equal(settings.engine, GPU_ENGINE_IPSEC_MB);
	assert_int_equal(settings.limits.rings, 3);
	assert_int_equal(settings.workers, 64);

	/* A file with a mistake changes nothing. */
	before = settings;
	assert_int_equal(settings_parse("handles = 5\n\nx", 14, &settings, &line, &reason), -EINVAL);
	assert_int_equal(line, 3);
	assert_string_equal(reason, "not key = value");
	assert_memory_equal(&settings, &before, sizeof(settings));
}

/* D-41: what is claimed for tests is claimed by name, and by default nothing is (AC-004, AC-151, AC-154). */
static void test_settings_of_tests(void **state)
{
	static const char *const bad[] = {
		"test-channels = yes",	  "test-channels =",	   "test-channels = Both", "test-encryption = 3",
		"test-encryption = none", "test-outputs = 17",	   "test-outputs = -1",	   "test-decode = 1",
		"test-decode =",	  "test-encryption = 0x1",
	};
	static const struct {
		const char *text;
		uint32_t types;
	} good[] = {
		{ "test-channels = software", D3DCPCAPS_SOFTWARE },
		{ "test-channels = hardware", D3DCPCAPS_HARDWARE },
	};
	static const char none[] = "test-encryption = 0\ntest-outputs = 0\ntest-decode = no";
	struct settings settings, before;
	const char *reason;
	unsigned int line;

	(void)state;
	settings_default(&settings);
	assert_int_equal(settings.driver.channel_types, D3DCPCAPS_SOFTWARE);
	assert_int_equal(settings.driver.encryption_guids, 0);
	assert_int_equal(settings.driver.outputs, -1);
	assert_false(settings.driver.has_decode);
	before = settings;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(settings_parse(bad[i], strlen(bad[i]), &settings, &line, &reason), -EINVAL);
		assert_string_equal(reason, "bad value");
		assert_memory_equal(&settings, &before, sizeof(settings));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(settings_parse(good[i].text, strlen(good[i].text), &settings, &line, &reason), 0);
		assert_int_equal(settings.driver.channel_types, good[i].types);
	}
	assert_int_equal(settings_parse(none, sizeof(none) - 1, &settings, &line, &reason), 0);
	assert_int_equal(settings.driver.outputs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume_is_noticed_once),
		cmocka_unit_test(test_a_jump_of_the_clock_wakes),
		cmocka_unit_test(test_sleep_loses_sessions),
		cmocka_unit_test(test_a_peer_is_born_once),
		cmocka_unit_test(test_a_peer_has_a_start_time),
#define TURN_CASE(name) cmocka_unit_test_setup_teardown(name, bench_start_large, bench_stop)
		TURN_CASE(test_a_large_device_goes_in_parts),
		TURN_CASE(test_a_large_client_goes_in_parts),
		TURN_CASE(test_a_large_device_of_a_dead_client),
		TURN_CASE(test_the_end_amid_a_large_device),
		cmocka_unit_test_setup_teardown(test_heavy_requests_go_one_by_one, bench_start, bench_stop),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_settings_of_tests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
