/* SPDX-License-Identifier: MIT */
/* A client's connection to the graphics kernel side, and one request over it. */
#include "kmt/connection.h"

#include "kmt/async.h"
#include "kmt/memory.h"
#include "kmt/rings.h"
#include "kmt/service.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * In memory that the Linux kernel clears in a child, however it was forked: what the child finds is nobody's connection,
 * without pages.
 */
struct kmt_connection {
	bool is_own; /* of this process */
	struct kmt_transport transport;
	pthread_mutex_t lock;
	uint32_t sequence;
	atomic_bool lost;
	uint64_t token;			      /* of this process */
	const struct wire_liveness *liveness; /* NULL: the other side is no process of its own */
	const struct wire_slot *_Atomic pages[WIRE_PAGES];
	struct kmt_rings rings;
	struct wire_packet request;
	struct wire_packet reply;
	_Alignas(16) uint8_t request_bytes[WIRE_MAX_MESSAGE];
	_Alignas(16) uint8_t reply_bytes[WIRE_MAX_MESSAGE];
};

#define PAGE_BYTES (WIRE_SLOTS * sizeof(struct wire_slot))

/* Behind the index of every handle that this process was given, or one that it was forked from. */
static _Atomic uint32_t handles_end;

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kmt_connection *_Atomic process_connection; /* written under the lock */
/* Looked at by every call, so it lies where that takes no call of its own. */
static _Thread_local struct kmt_connection *thread_connection __attribute__((tls_model("initial-exec")));
static pthread_once_t forks_watched = PTHREAD_ONCE_INIT;
/* The process's connection's, for the child. */
static struct kmt_transport forking;
static struct kmt_rings forking_rings;

static void note_handle(uint32_t handle)
{
	uint32_t end = atomic_load_explicit(&handles_end, memory_order_relaxed);

	while (end <= WIRE_HANDLE_INDEX(handle) &&
	       !atomic_compare_exchange_weak_explicit(&handles_end, &end, WIRE_HANDLE_INDEX(handle) + 1,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static void note_allocations(const struct wire_packet *reply, uint32_t resource, uint32_t count, size_t size)
{
	const struct wire_create_allocation_item *items = (const void *)((const uint8_t *)reply->data + size);

	note_handle(resource);
	for (uint32_t i = 0; i < count && i < (reply->size - size) / sizeof(*items); i++)
		note_handle(items[i].allocation);
}

/* Remembers the handles that a good reply brings, of whichever kind. */
static void note_handles(const struct wire_packet *reply)
{
	const struct wire_create_allocation *created = reply->data;
	const struct wire_open_resource *opened = reply->data;
	const struct wire_handle *made = reply->data;

	switch (made->header.type) {
	case WIRE_OPEN_ADAPTER:
	case WIRE_CREATE_DEVICE:
	case WIRE_CREATE_CONTEXT:
	case WIRE_CREATE_FENCE:
	case WIRE_OPEN_FENCE:
	case WIRE_CREATE_MEMORY:
	case WIRE_CREATE_SESSION:
	case WIRE_OPEN_SESSION:
		note_handle(made->handle);
		break;
	case WIRE_CREATE_ALLOCATION:
		note_allocations(reply, created->resource, created->count, sizeof(*created));
		break;
	case WIRE_OPEN_RESOURCE:
		note_allocations(reply, opened->resource, opened->count, sizeof(*opened));
		break;
	default:
		break;
	}
}

/* Sends what stands in request; the connection is locked. */
static NTSTATUS transact_locked(struct kmt_connection *connection, size_t size)
{
	struct wire_header *asked = connection->request.data;
	const struct wire_header *answer = connection->reply.data;
	int result;

	if (connection->lost)
		return STATUS_DEVICE_REMOVED;
	asked->size = (uint32_t)connection->request.size;
	asked->sequence = ++connection->sequence;
	result = connection->transport.transact(connection->transport.context, &connection->request,
						&connection->reply);
	/* A service that answers out of turn can't be understood any more. */
	if (result < 0 || connection->reply.size < sizeof(*answer) || answer->size != connection->reply.size ||
	    answer->type != asked->type || answer->sequence != asked->sequence ||
	    (answer->status == STATUS_SUCCESS && connection->reply.size < size)) {
		wire_packet_clear(&connection->reply);
		connection->lost = true;
		return STATUS_DEVICE_REMOVED;
	}
	if (answer->status == STATUS_SUCCESS)
		note_handles(&connection->reply);
	return answer->status;
}

static void *request_begin(struct kmt_connection *connection, enum wire_type type, size_t size)
{
	struct wire_header *header = connection->request.data;

	memset(header, 0, size);
	header->type = type;
	connection->request.size = size;
	connection->request.descriptor_count = 0;
	return header;
}

/* What came with the reply to the hello. Returns 0 or a negative errno value. */
static int liveness_map(struct kmt_connection *connection)
{
	void *map;

	/* The descriptor is lost on the way where this process has no room for another one. */
	if (connection->reply.descriptor_count != 1)
		return -EMFILE;
	map = mmap(NULL, sizeof(struct wire_liveness), PROT_READ, MAP_SHARED, connection->reply.descriptors[0], 0);
	if (map == MAP_FAILED)
		return -errno;
	connection->liveness = map;
	return 0;
}

static bool say_hello(struct kmt_connection *connection)
{
	struct wire_hello *hello = request_begin(connection, WIRE_HELLO, sizeof(*hello));
	const struct wire_hello *answer = connection->reply.data;
	const struct wire_welcome *welcome = connection->reply.data;
	NTSTATUS status;
	int result = 0;

	hello->magic = WIRE_MAGIC;
	hello->version = WIRE_VERSION;
	hello->extra = connection->transport.first_index;
	status = transact_locked(connection, sizeof(*welcome));
	if (status == STATUS_NOT_SUPPORTED) {
		/* Version 1 does not say. */
		fprintf(stderr, "dxvault: the service speaks version %u of the protocol, this library version %u\n",
			connection->reply.size >= sizeof(*answer) ? answer->version : 1, WIRE_VERSION);
		errno = EPROTONOSUPPORT;
	}
	if (status == STATUS_SUCCESS)
		connection->token = welcome->token;
	if (status == STATUS_SUCCESS && answer->extra == 1)
		result = liveness_map(connection);
	wire_packet_clear(&connection->reply);
	if (result < 0)
		errno = -result;
	return status == STATUS_SUCCESS && result == 0;
}

static void connection_free(struct kmt_connection *connection)
{
	kmt_rings_destroy(&connection->rings);
	connection->transport.close(connection->transport.context);
	for (size_t i = 0; i < WIRE_PAGES; i++) {
		if (connection->pages[i])
			munmap((void *)(uintptr_t)connection->pages[i], PAGE_BYTES);
	}
	if (connection->liveness)
		munmap((void *)(uintptr_t)connection->liveness, sizeof(*connection->liveness));
	pthread_mutex_destroy(&connection->lock);
	munmap(connection, sizeof(*connection));
}

static struct kmt_connection *connection_allocate(void)
{
	void *memory = mmap(NULL, sizeof(struct kmt_connection), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, sizeof(struct kmt_connection), MADV_WIPEONFORK) < 0) {
		munmap(memory, sizeof(struct kmt_connection));
		return NULL;
	}
	return memory;
}

static void watch_forks(void);

struct kmt_connection *kmt_connection_create(const struct kmt_transport *transport)
{
	struct kmt_connection *connection;

	pthread_once(&forks_watched, watch_forks);
	connection = connection_allocate();
	if (!connection) {
		transport->close(transport->context);
		errno = ENOMEM;
		return NULL;
	}
	connection->is_own = true;
	connection->transport = *transport;
	pthread_mutex_init(&connection->lock, NULL);
	kmt_rings_init(&connection->rings);
	connection->request.capacity = WIRE_MAX_MESSAGE;
	connection->reply.capacity = WIRE_MAX_MESSAGE;
	connection->request.data = connection->request_bytes;
	connection->reply.data = connection->reply_bytes;
	errno = 0;
	if (!say_hello(connection)) {
		int error = errno;

		connection_free(connection);
		errno = error;
		return NULL;
	}
	return connection;
}

void kmt_connection_destroy(struct kmt_connection *connection)
{
	if (!connection)
		return;
	kmt_async_forget(connection);
	kmt_memory_forget(connection, /* unmap= */ true);
	connection_free(connection);
}

/*
 * Locks are taken in this order: of kmt/memory.c, process_lock, of a connection's rings, the connection's, of kmt/async.c.
 *
 * A forked child has none of its parent's handles: it makes a connection of its own at its next call, whose handles have
 * other values than those that the parent had (KMT-83). The parent's is left as it is, but for the child's copy of the
 * socket, which would keep the parent's objects alive.
 */
static void fork_prepare(void)
{
	kmt_memory_lock();
	pthread_mutex_lock(&process_lock);
	if (process_connection) {
		kmt_rings_lock(&process_connection->rings);
		pthread_mutex_lock(&process_connection->lock);
		forking = process_connection->transport;
		forking_rings = process_connection->rings;
	}
	kmt_async_lock();
}

static void fork_parent(void)
{
	kmt_async_unlock();
	if (process_connection) {
		pthread_mutex_unlock(&process_connection->lock);
		kmt_rings_unlock(&process_connection->rings);
	}
	pthread_mutex_unlock(&process_lock);
	kmt_memory_unlock();
}

static void fork_child(void)
{
	struct kmt_connection *parents = process_connection;

	kmt_async_child();
	process_connection = NULL;
	thread_connection = NULL;
	pthread_mutex_unlock(&process_lock);
	kmt_memory_unlock();
	/* Else it was one already that a fork without handlers had wiped. */
	if (parents && forking.close) {
		kmt_memory_forget(parents, /* unmap= */ false);
		kmt_rings_child(&forking_rings);
		forking.close(forking.context);
	}
}

static void watch_forks(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

struct kmt_connection *kmt_connection_get(void)
{
	struct kmt_connection *connection = thread_connection;

	if (connection && connection->is_own)
		return connection;
	/* Status is asked for often, by many threads: no lock once there is a connection. */
	connection = atomic_load_explicit(&process_connection, memory_order_acquire);
	if (connection && connection->is_own)
		return connection;
	pthread_once(&forks_watched, watch_forks);
	pthread_mutex_lock(&process_lock);
	/* A child of a fork that calls no handlers, such as _Fork or clone(2). Such a parent had one thread: POSIX. */
	if (process_connection && !process_connection->is_own) {
		kmt_async_abandon();
		process_connection = NULL;
	}
	/* A lost one stays: its handles must not come to mean another service's objects. */
	if (!process_connection)
		process_connection = kmt_service_connect();
	connection = process_connection;
	pthread_mutex_unlock(&process_lock);
	return connection;
}

void kmt_connection_disconnect(void)
{
	struct kmt_connection *connection;

	pthread_mutex_lock(&process_lock);
	connection = process_connection;
	process_connection = NULL;
	/* What a fork that calls no handlers left. */
	if (connection && !connection->is_own) {
		kmt_async_abandon();
		connection = NULL;
	}
	pthread_mutex_unlock(&process_lock);
	/* Else the next one could be served before: it would be another connection of the same process. */
	if (connection && connection->transport.finish)
		connection->transport.finish(connection->transport.context);
	kmt_connection_destroy(connection);
}

void kmt_connection_set(struct kmt_connection *connection)
{
	thread_connection = connection;
}

uint32_t kmt_connection_handles_end(void)
{
	return handles_end % (WIRE_PAGES * WIRE_SLOTS);
}

bool kmt_connection_is_lost(struct kmt_connection *connection)
{
	return connection->lost ||
	       (connection->liveness && (connection->liveness->owner & (uint32_t)FUTEX_OWNER_DIED) != 0);
}

bool kmt_connection_check(struct kmt_connection *connection)
{
	if (kmt_connection_is_lost(connection) || !connection->transport.is_alive(connection->transport.context))
		connection->lost = true;
	return !connection->lost;
}

bool kmt_connection_ask(struct kmt_connection *connection)
{
	bool alive;

	pthread_mutex_lock(&connection->lock);
	(void)request_begin(connection, WIRE_ENUM_ADAPTERS, sizeof(struct wire_header));
	(void)transact_locked(connection, sizeof(struct wire_adapter));
	wire_packet_clear(&connection->reply);
	alive = !connection->lost;
	pthread_mutex_unlock(&connection->lock);
	return alive;
}

void kmt_reply_refuse(const struct wire_packet *request, struct wire_packet *reply, NTSTATUS status)
{
	struct wire_header *answer = reply->data;

	memcpy(answer, request->data, sizeof(*answer));
	answer->size = sizeof(*answer);
	answer->status = status;
	reply->size = sizeof(*answer);
	reply->descriptor_count = 0;
}

void kmt_connection_lose(struct kmt_connection *connection)
{
	connection->lost = true;
}

struct kmt_rings *kmt_connection_rings(struct kmt_connection *connection)
{
	return &connection->rings;
}

uint64_t kmt_connection_token(const struct kmt_connection *connection)
{
	return connection->token;
}

const struct wire_slot *kmt_connection_slot(struct kmt_connection *connection, D3DKMT_HANDLE handle)
{
	uint32_t index = WIRE_HANDLE_INDEX(handle);
	const struct wire_slot *page = connection->pages[index / WIRE_SLOTS];
	const struct wire_slot *slot;

	if (!page || !handle)
		return NULL;
	slot = &page[index % WIRE_SLOTS];
	return slot->handle == handle ? slot : NULL;
}

const struct wire_slot *kmt_connection_map_slot(struct kmt_connection *connection, D3DKMT_HANDLE handle)
{
	uint32_t number = WIRE_HANDLE_INDEX(handle) / WIRE_SLOTS;
	void *page = MAP_FAILED;

	pthread_mutex_lock(&connection->lock);
	if (!connection->pages[number]) {
		struct wire_object_page *request = request_begin(connection, WIRE_OBJECT_PAGE, sizeof(*request));

		request->page = number;
		if (transact_locked(connection, sizeof(*request)) == STATUS_SUCCESS &&
		    connection->reply.descriptor_count == 1)
			page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, connection->reply.descriptors[0], 0);
		wire_packet_clear(&connection->reply);
		if (page != MAP_FAILED)
			connection->pages[number] = page;
	}
	pthread_mutex_unlock(&connection->lock);
	return kmt_connection_slot(connection, handle);
}

void *kmt_begin(struct kmt_call *call, enum wire_type type, size_t size)
{
	struct kmt_connection *connection = kmt_connection_get();

	if (!connection)
		return NULL;
	pthread_mutex_lock(&connection->lock);
	*call = (struct kmt_call) {
		.connection = connection,
		.request = &connection->request,
		.reply = &connection->reply,
	};
	return request_begin(connection, type, size);
}

void kmt_append(struct kmt_call *call, const void *data, size_t size)
{
	assert(size <= call->request->capacity - call->request->size);
	if (size > 0)
		memcpy((uint8_t *)call->request->data + call->request->size, data, size);
	call->request->size += size;
}

void kmt_attach(struct kmt_call *call, int descriptor)
{
	call->request->descriptors[call->request->descriptor_count++] = descriptor;
}

NTSTATUS kmt_transact(struct kmt_call *call, size_t size)
{
	return transact_locked(call->connection, size);
}

int kmt_take_descriptor(struct kmt_call *call)
{
	if (call->reply->descriptor_count == 0)
		return -1;
	return call->reply->descriptors[--call->reply->descriptor_count];
}

void kmt_end(struct kmt_call *call)
{
	wire_packet_clear(call->reply);
	pthread_mutex_unlock(&call->connection->lock);
}
