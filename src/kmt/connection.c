/* SPDX-License-Identifier: MIT */
/* A client's connection to the graphics kernel side, and one request over it. */
#include "kmt/connection.h"

#include "kmt/async.h"
#include "kmt/memory.h"
#include "kmt/service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct kmt_connection {
	struct kmt_transport transport;
	pthread_mutex_t lock;
	uint32_t sequence;
	atomic_bool lost;
	const struct wire_slot *_Atomic pages[WIRE_PAGES];
	struct wire_packet request;
	struct wire_packet reply;
};

#define PAGE_BYTES (WIRE_SLOTS * sizeof(struct wire_slot))

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kmt_connection *_Atomic process_connection; /* written under the lock */
/* Looked at by every call, so it lies where that takes no call of its own. */
static _Thread_local struct kmt_connection *thread_connection __attribute__((tls_model("initial-exec")));
static pthread_once_t forks_watched = PTHREAD_ONCE_INIT;

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

static bool say_hello(struct kmt_connection *connection)
{
	struct wire_hello *hello = request_begin(connection, WIRE_HELLO, sizeof(*hello));
	NTSTATUS status;

	hello->magic = WIRE_MAGIC;
	hello->version = WIRE_VERSION;
	status = transact_locked(connection, sizeof(*hello));
	if (status == STATUS_NOT_SUPPORTED)
		errno = EPROTONOSUPPORT;
	return status == STATUS_SUCCESS;
}

static void connection_free(struct kmt_connection *connection)
{
	connection->transport.close(connection->transport.context);
	for (size_t i = 0; i < WIRE_PAGES; i++) {
		if (connection->pages[i])
			munmap((void *)(uintptr_t)connection->pages[i], PAGE_BYTES);
	}
	pthread_mutex_destroy(&connection->lock);
	free(connection->request.data);
	free(connection->reply.data);
	free(connection);
}

static void watch_forks(void);

struct kmt_connection *kmt_connection_create(const struct kmt_transport *transport)
{
	struct kmt_connection *connection;

	pthread_once(&forks_watched, watch_forks);
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		transport->close(transport->context);
		return NULL;
	}
	connection->transport = *transport;
	pthread_mutex_init(&connection->lock, NULL);
	connection->request.capacity = WIRE_MAX_MESSAGE;
	connection->reply.capacity = WIRE_MAX_MESSAGE;
	connection->request.data = malloc(WIRE_MAX_MESSAGE);
	connection->reply.data = malloc(WIRE_MAX_MESSAGE);
	errno = 0;
	if (!connection->request.data || !connection->reply.data || !say_hello(connection)) {
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
 * Locks are taken in this order: of kmt/memory.c, process_lock, a connection's, of kmt/async.c.
 *
 * A forked child has none of its parent's handles: it makes a connection of its own at its next call (KMT-83). The
 * parent's is left as it is, but for the child's copy of the socket, which would keep the parent's objects alive.
 */
static void fork_prepare(void)
{
	kmt_memory_lock();
	pthread_mutex_lock(&process_lock);
	if (process_connection)
		pthread_mutex_lock(&process_connection->lock);
	kmt_async_lock();
}

static void fork_parent(void)
{
	kmt_async_unlock();
	if (process_connection)
		pthread_mutex_unlock(&process_connection->lock);
	pthread_mutex_unlock(&process_lock);
	kmt_memory_unlock();
}

static void fork_child(void)
{
	kmt_async_child();
	kmt_memory_unlock();
	if (process_connection) {
		kmt_memory_forget(process_connection, /* unmap= */ false);
		process_connection->transport.close(process_connection->transport.context);
	}
	process_connection = NULL;
	thread_connection = NULL;
	pthread_mutex_unlock(&process_lock);
}

static void watch_forks(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

struct kmt_connection *kmt_connection_get(void)
{
	struct kmt_connection *connection = thread_connection;

	if (connection)
		return connection;
	/* Status is asked for often, by many threads: no lock once there is a connection. */
	connection = atomic_load_explicit(&process_connection, memory_order_acquire);
	if (connection)
		return connection;
	pthread_once(&forks_watched, watch_forks);
	pthread_mutex_lock(&process_lock);
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
	pthread_mutex_unlock(&process_lock);
	kmt_connection_destroy(connection);
}

void kmt_connection_set(struct kmt_connection *connection)
{
	thread_connection = connection;
}

bool kmt_connection_is_lost(struct kmt_connection *connection)
{
	return connection->lost;
}

bool kmt_connection_check(struct kmt_connection *connection)
{
	if (!connection->lost && !connection->transport.is_alive(connection->transport.context))
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

bool kmt_device_is_live(D3DKMT_HANDLE device)
{
	struct kmt_connection *connection = kmt_connection_get();
	const struct wire_slot *slot = connection ? kmt_connection_slot(connection, device) : NULL;

	return slot && WIRE_SLOT_KIND(slot->state) == WIRE_SLOT_DEVICE;
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

NTSTATUS kmt_finish_new(struct kmt_call *call, enum wire_type destroy, D3DKMT_HANDLE *ret_handle,
			const struct wire_slot **ret_slot)
{
	struct kmt_connection *connection = call->connection;
	const struct wire_slot *slot;
	D3DKMT_HANDLE handle = 0;
	NTSTATUS status;

	status = kmt_transact(call, sizeof(struct wire_handle));
	if (status == STATUS_SUCCESS)
		handle = KMT_REPLY(call, wire_handle)->handle;
	kmt_end(call);
	if (status != STATUS_SUCCESS)
		return status;
	slot = kmt_connection_map_slot(connection, handle);
	if (!slot) {
		(void)kmt_call_handle(destroy, handle);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	*ret_handle = handle;
	if (ret_slot)
		*ret_slot = slot;
	return STATUS_SUCCESS;
}

NTSTATUS kmt_call_handle(enum wire_type type, D3DKMT_HANDLE handle)
{
	struct wire_handle *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, type, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->handle = handle;
	status = kmt_transact(&call, sizeof(struct wire_header));
	kmt_end(&call);
	return status;
}

NTSTATUS kmt_call_create(enum wire_type type, D3DKMT_HANDLE parent, D3DKMT_HANDLE *ret_handle)
{
	struct wire_handle *request;
	struct kmt_call call;
	NTSTATUS status;

	request = kmt_begin(&call, type, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->handle = parent;
	status = kmt_transact(&call, sizeof(struct wire_handle));
	if (status == STATUS_SUCCESS)
		*ret_handle = KMT_REPLY(&call, wire_handle)->handle;
	kmt_end(&call);
	return status;
}

int kmt_nt_handle_descriptor(HANDLE handle)
{
	intptr_t value = (intptr_t)handle;

	/* 0 is NULL, which is no handle even where it is an open descriptor (KMT-03). */
	if (value <= 0 || value > INT32_MAX || fcntl((int)value, F_GETFD) < 0)
		return -1;
	return (int)value;
}
