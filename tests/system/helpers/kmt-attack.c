/* SPDX-License-Identifier: MIT */
/*
 * One who speaks the protocol and means no good. usage: kmt-attack SOCKET SECONDS [untimed]
 * Runs attack after attack, each on connections of its own, while a second client measures how long its calls take
 * beside it. Fails if an attack gets what it should not, or that client is not served within twice its usual time
 * (untimed: however long it takes).
 */
#include "wire/message.h"
#include "wire/socket.h"

#include <dxvault/d3dkmthk.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                  \
	do {                                                                                \
		if (!(condition)) {                                                         \
			fprintf(stderr, "%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                            \
		}                                                                           \
	} while (0)

#define GONE ((int64_t)1 << 40)

static const char *path;
static unsigned int seed;
static _Alignas(8) uint8_t asked[WIRE_MAX_MESSAGE * 2];
static _Alignas(8) uint8_t answered[WIRE_MAX_MESSAGE];
static double end;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* Nothing here waits for long: a service that does not answer has failed. */
	struct timeval limit = { .tv_sec = 5 };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	REQUIRE(descriptor >= 0);
	/* A service that has just begun has its socket there before it listens. */
	for (int i = 0; connect(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0; i++) {
		REQUIRE(errno == ECONNREFUSED && i < 500);
		usleep(10000);
	}
	REQUIRE(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	return descriptor;
}

static int send_bytes(int socket, size_t size, int descriptor)
{
	struct wire_packet packet = { .data = asked, .size = size };

	if (descriptor >= 0)
		packet.descriptors[packet.descriptor_count++] = descriptor;
	return wire_send(socket, &packet, 0);
}

static void *request(enum wire_type type, size_t size)
{
	struct wire_header *header = (void *)asked;

	memset(asked, 0, size);
	header->type = type;
	header->size = (uint32_t)size;
	return header;
}

/* The answer's status; GONE if the service ended the connection. *ret_descriptor: what came along. */
static int64_t ask(int socket, int descriptor, int *ret_descriptor)
{
	const struct wire_header *header = (const void *)answered;
	struct wire_packet reply = { .data = answered, .capacity = sizeof(answered) };
	int result;

	if (send_bytes(socket, ((const struct wire_header *)(const void *)asked)->size, descriptor) < 0)
		return GONE;
	result = wire_receive(socket, &reply, 0);
	REQUIRE(result != -EAGAIN);
	if (result <= 0)
		return GONE;
	if (ret_descriptor && reply.descriptor_count == 1)
		*ret_descriptor = reply.descriptors[0];
	else
		wire_packet_clear(&reply);
	return header->status;
}

static int64_t say_hello(int socket, uint64_t magic, uint32_t version)
{
	struct wire_hello *hello = request(WIRE_HELLO, sizeof(*hello));

	hello->magic = magic;
	hello->version = version;
	return ask(socket, -1, NULL);
}

static int greet(void)
{
	int socket = dial();

	REQUIRE(say_hello(socket, WIRE_MAGIC, WIRE_VERSION) == STATUS_SUCCESS);
	return socket;
}

static int64_t ask_handle(int socket, enum wire_type type, uint32_t handle)
{
	struct wire_handle *message = request(type, sizeof(*message));

	message->handle = handle;
	return ask(socket, -1, NULL);
}

static uint32_t answered_handle(void)
{
	return ((const struct wire_handle *)(const void *)answered)->handle;
}

static uint32_t open_device(int socket)
{
	struct wire_adapter *adapter;

	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	REQUIRE(ask(socket, -1, NULL) == STATUS_SUCCESS);
	adapter = request(WIRE_OPEN_ADAPTER, sizeof(*adapter));
	adapter->luid_low = ((const struct wire_adapter *)(const void *)answered)->luid_low;
	REQUIRE(ask(socket, -1, NULL) == STATUS_SUCCESS);
	REQUIRE(ask_handle(socket, WIRE_CREATE_DEVICE, answered_handle()) == STATUS_SUCCESS);
	return answered_handle();
}

static int64_t make_fence(int socket, uint32_t device)
{
	struct wire_create_fence *fence = request(WIRE_CREATE_FENCE, sizeof(*fence));

	fence->device = device;
	fence->type = D3DDDI_MONITORED_FENCE;
	return ask(socket, -1, NULL);
}

static int64_t make_session(int socket, uint32_t device, uint32_t fence)
{
	struct wire_create_session *session = request(WIRE_CREATE_SESSION, sizeof(*session));

	session->device = device;
	session->fence = fence;
	return ask(socket, -1, NULL);
}

/* ---- the attacks ---------------------------------------------------------------------------------- */

/* Every kind of request with handles that were never given to it (KMT-57). */
static void guess_handles(void)
{
	int mine = greet(), other = greet();
	uint32_t device = open_device(other);

	for (uint32_t index = 0; index < 64; index++) {
		for (uint32_t turn = 0; turn < 4; turn++) {
			uint32_t handle = turn << 30 | index << 6;

			REQUIRE(ask_handle(mine, WIRE_DESTROY_SESSION, handle) == STATUS_INVALID_PARAMETER);
			REQUIRE(ask_handle(mine, WIRE_DESTROY_DEVICE, handle) == STATUS_INVALID_PARAMETER);
			REQUIRE(ask_handle(mine, WIRE_DESTROY_FENCE, handle | index) == STATUS_INVALID_PARAMETER);
			REQUIRE(make_fence(mine, handle) == STATUS_INVALID_PARAMETER);
		}
	}
	REQUIRE(make_fence(other, device) == STATUS_SUCCESS);
	close(mine);
	close(other);
}

/* Descriptors that the service never gave, and one that it gave, of another kind and closed (KMT-51, KMT-56). */
static void replay_descriptors(void)
{
	int socket = greet();
	int foreign[2], page = -1, shared = -1;
	uint32_t device = open_device(socket), fence;
	struct wire_share_objects *share;

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, foreign) == 0);
	(void)request(WIRE_OBJECT_PAGE, sizeof(struct wire_object_page));
	REQUIRE(ask(socket, -1, &page) == STATUS_SUCCESS && page >= 0);
	/* What is given to be read can't be written. */
	REQUIRE(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0) == MAP_FAILED);
	REQUIRE(ftruncate(page, 0) < 0);
	REQUIRE(make_fence(socket, device) == STATUS_SUCCESS);
	fence = answered_handle();
	REQUIRE(make_session(socket, device, fence) == STATUS_SUCCESS);
	share = request(WIRE_SHARE_OBJECTS, sizeof(*share));
	share->count = 1;
	share->access = GENERIC_ALL;
	share->objects[0] = answered_handle();
	REQUIRE(ask(socket, -1, &shared) == STATUS_SUCCESS && shared >= 0);

	for (int i = 0; i < 100; i++) {
		const int wrong[] = { foreign[0], page, socket };

		request(WIRE_OPEN_SESSION, sizeof(struct wire_header));
		REQUIRE(ask(socket, wrong[i % 3], NULL) == STATUS_INVALID_HANDLE);
		request(WIRE_OPEN_FENCE, sizeof(struct wire_handle));
		REQUIRE(ask(socket, shared, NULL) == STATUS_OBJECT_TYPE_MISMATCH);
	}
	/* Its own end, sent to be kept in flight for ever, is still dropped with the connection (KMT-35). */
	REQUIRE(send_bytes(foreign[0], 1, shared) == 0);
	close(foreign[0]);
	close(foreign[1]);
	close(page);
	close(shared);
	close(socket);
}

/* Bytes of no sense at all, too many and too few of them, in any order. */
static void send_nonsense(void)
{
	static const size_t sizes[] = { 0, 1, 3, 15, 16, 17, 24, 4096, WIRE_MAX_MESSAGE, WIRE_MAX_MESSAGE + 1 };

	for (int i = 0; i < 200; i++) {
		int socket = i % 2 ? greet() : dial();
		size_t size = sizes[(unsigned int)rand_r(&seed) % (sizeof(sizes) / sizeof(sizes[0]))];
		struct wire_packet reply = { .data = answered, .capacity = sizeof(answered) };
		struct wire_header *header = (void *)asked;
		int result;

		for (size_t j = 0; j < size; j++)
			asked[j] = (uint8_t)rand_r(&seed);
		if (i % 4 == 1)
			header->type = (uint32_t)rand_r(&seed) % (WIRE_TYPE_END + 2);
		if (i % 8 == 1)
			header->size = (uint32_t)size;
		if (send_bytes(socket, size, i % 5 == 0 ? socket : -1) == 0) {
			result = wire_receive(socket, &reply, 0);
			REQUIRE(result != -EAGAIN);
			/* By chance it made sense: then the answer belongs to it. */
			if (result > 0)
				REQUIRE(memcmp(answered + 4, asked + 4, 8) == 0 && i % 8 == 1);
			wire_packet_clear(&reply);
		}
		close(socket);
	}
}

/* Hellos of another version, of another service, twice, and requests before the first. */
static void mistake_protocol(void)
{
	int socket = dial();

	REQUIRE(say_hello(socket, WIRE_MAGIC, WIRE_VERSION + 1) == STATUS_NOT_SUPPORTED);
	REQUIRE(((const struct wire_hello *)(const void *)answered)->header.size == sizeof(struct wire_hello) &&
		((const struct wire_hello *)(const void *)answered)->version == WIRE_VERSION);
	close(socket);
	socket = dial();
	REQUIRE(say_hello(socket, WIRE_MAGIC + 1, WIRE_VERSION) == STATUS_INVALID_PARAMETER);
	close(socket);
	socket = greet();
	REQUIRE(say_hello(socket, WIRE_MAGIC, WIRE_VERSION) == GONE);
	close(socket);
	socket = dial();
	REQUIRE(ask_handle(socket, WIRE_CREATE_DEVICE, 0x40000000) == GONE);
	close(socket);
}

/* Asks and asks, and reads no answer: it is not waited for. */
static void hold_back(void)
{
	int socket = greet();
	int sent = 0;

	request(WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	while (send_bytes(socket, sizeof(struct wire_header), -1) == 0)
		REQUIRE(++sent < 1000000);
	close(socket);
	/* The other way round: a connection that says nothing, and one that stops in the middle of its start. */
	close(dial());
	socket = greet();
	usleep(1000);
	close(socket);
}

/* The largest requests there are, one after the other. */
static void send_much(void)
{
	int socket = greet();
	uint32_t device = open_device(socket), fence;
	double limit = now() + 0.2;

	REQUIRE(make_fence(socket, device) == STATUS_SUCCESS);
	fence = answered_handle();
	while (now() < limit) {
		struct wire_create_session *session;
		size_t size = sizeof(*session) + (size_t)2 * WIRE_MAX_PRIVATE_DATA;

		session = request(WIRE_CREATE_SESSION, size);
		session->device = device;
		session->fence = fence;
		session->driver_size = WIRE_MAX_PRIVATE_DATA;
		session->runtime_size = WIRE_MAX_PRIVATE_DATA;
		REQUIRE(ask(socket, -1, NULL) == STATUS_SUCCESS);
		REQUIRE(ask_handle(socket, WIRE_DESTROY_SESSION, answered_handle()) == STATUS_SUCCESS);
	}
	close(socket);
}

/* Handles until there are no more, then their end all at once. The test has set the limit to some thousands. */
static void exhaust_quota(void)
{
	int socket = greet();
	uint32_t device = open_device(socket);
	int64_t status;
	int made = 0;

	while ((status = make_fence(socket, device)) == STATUS_SUCCESS)
		REQUIRE(++made < 1000000);
	REQUIRE(status == STATUS_INSUFFICIENT_RESOURCES);
	close(socket);
}

/* Not on the processor where the service and its other client are: it may cost that client the service's time alone. */
static void step_aside(void)
{
	cpu_set_t processors;

	memset(&processors, 0xff, sizeof(processors));
	CPU_CLR(sched_getcpu(), &processors);
	/* Fails where there is no other. */
	(void)sched_setaffinity(0, sizeof(processors), &processors);
}

static void attack(void)
{
	static void (*const attacks[])(void) = {
		guess_handles, replay_descriptors, send_nonsense, mistake_protocol, hold_back, send_much,
	};

	step_aside();
	signal(SIGPIPE, SIG_IGN);
	for (unsigned int i = 0; now() < end; i++)
		attacks[i % (sizeof(attacks) / sizeof(attacks[0]))]();
	exit(0);
}

/* ---- the client beside it ------------------------------------------------------------------------- */

enum { SAMPLES_MAX = 1 << 20 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The usual time of a round of calls, microseconds. */
static double measure(double seconds, unsigned int *ret_count)
{
	double *samples = calloc(SAMPLES_MAX, sizeof(*samples));
	int socket = greet();
	uint32_t device = open_device(socket);
	double limit = now() + seconds, median;
	unsigned int count = 0;

	REQUIRE(samples);
	while (count < SAMPLES_MAX && now() < limit) {
		double start = now();
		uint32_t fence, session;

		REQUIRE(make_fence(socket, device) == STATUS_SUCCESS);
		fence = answered_handle();
		REQUIRE(make_session(socket, device, fence) == STATUS_SUCCESS);
		session = answered_handle();
		REQUIRE(ask_handle(socket, WIRE_DESTROY_SESSION, session) == STATUS_SUCCESS);
		REQUIRE(ask_handle(socket, WIRE_DESTROY_FENCE, fence) == STATUS_SUCCESS);
		samples[count++] = (now() - start) * 1e6;
		/* As a program does that has something else to do as well. */
		usleep(200);
	}
	close(socket);
	REQUIRE(count > 10);
	qsort(samples, count, sizeof(*samples), compare);
	median = samples[count / 2];
	free(samples);
	*ret_count = count;
	return median;
}

static pid_t start_attack(void (*function)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		function();
		exit(0);
	}
	return pid;
}

static void finish_attack(pid_t pid)
{
	int status;

	REQUIRE(waitpid(pid, &status, 0) == pid);
	REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* How many times as long a round takes beside the attacker as before and after it. */
static double compare_times(double seconds)
{
	double before, beside, after;
	unsigned int count;
	pid_t attacker;

	before = measure(seconds / 4, &count);
	/* It goes on for longer than what is measured beside it. */
	end = now() + seconds + 0.1;
	attacker = start_attack(attack);
	beside = measure(seconds, &count);
	finish_attack(attacker);
	after = measure(seconds / 4, &count);
	printf("alone %.0f us a round, beside the attacker %.0f us (%u rounds), after it %.0f us\n", before, beside,
	       count, after);
	return beside / (before < after ? before : after);
}

int main(int argc, char **argv)
{
	double seconds = argc >= 3 ? atof(argv[2]) : 0, times = 0;
	unsigned int count;

	REQUIRE(seconds > 0);
	path = argv[1];
	seed = (unsigned int)getpid();
	printf("seed %u\n", seed);
	/* A busy machine makes the difference larger in one turn or the other, but not in each of them. */
	for (int i = 0; i < 6 && (i == 0 || times > 2); i++)
		times = compare_times(seconds);
	finish_attack(start_attack(exhaust_quota));
	/* Its handles are given back in parts; then the quota is free again. */
	(void)measure(seconds / 4, &count);
	printf("%.2f times as long beside the attacker\n", times);
	REQUIRE(times <= 2 || argc > 3);
	return 0;
}
