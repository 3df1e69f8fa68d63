/* SPDX-License-Identifier: MIT */
/* NT handles: descriptors that any process may hold, each worth one reference while a copy of it is open anywhere. */
#include "dxgkrnl/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The client's end of a socket pair is the handle, the service's end tells when the last copy of it is gone. What comes
 * back is known by its socket cookie: 64 bits that the Linux kernel never gives twice, where inode numbers wrap at 32 and
 * a patient client could make a socket that has the right one (KMT-56).
 */
static int socket_cookie(int descriptor, uint64_t *ret)
{
	socklen_t size = sizeof(*ret);

	return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, ret, &size) < 0 ? -errno : 0;
}

static struct dxgk_nt_handle **bucket_of(struct dxgk_kernel *kernel, uint64_t cookie)
{
	return &kernel->nt_buckets[cookie % kernel->nt_bucket_count];
}

static int buckets_grow(struct dxgk_kernel *kernel)
{
	size_t old_count = kernel->nt_bucket_count;
	struct dxgk_nt_handle **old = kernel->nt_buckets;
	size_t count = old_count ? old_count * 2 : 64;
	struct dxgk_nt_handle **grown;

	if (kernel->counts.nt_handles < old_count)
		return 0;
	grown = calloc(count, sizeof(*grown));
	if (!grown)
		return old_count > 0 ? 0 : -ENOMEM;
	kernel->nt_buckets = grown;
	kernel->nt_bucket_count = count;
	for (size_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct dxgk_nt_handle *handle = old[i];
			struct dxgk_nt_handle **bucket = bucket_of(kernel, handle->cookie);

			old[i] = handle->next;
			handle->next = *bucket;
			*bucket = handle;
		}
	}
	free(old);
	/* -Wanalyzer-malloc-leak: the kernel has it, and what hangs in its buckets */
	return 0;
}

NTSTATUS dxgk_nt_handle_create(struct dxgk_process *process, struct dxgk_object *object, bool readable,
			       int *ret_descriptor)
{
	struct dxgk_kernel *kernel = process->kernel;
	struct dxgk_nt_handle *handle = NULL;
	struct dxgk_nt_handle **bucket;
	int ends[2];

	if (process->user->nt_handles >= kernel->config.limits.nt_handles)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	handle = calloc(1, sizeof(*handle));
	/* -Wanalyzer-malloc-leak: what hangs in the buckets is no leak */
	if (!handle || buckets_grow(kernel) < 0 || socket_cookie(ends[1], &handle->cookie) < 0)
		goto fail;
	/* Nobody can send to us: a handle sent through itself would never be closed. */
	if (shutdown(ends[0], SHUT_RD) < 0)
		goto fail;
	if (epoll_ctl(kernel->epoll, EPOLL_CTL_ADD, ends[0],
		      &(struct epoll_event) { .events = 0, .data.ptr = handle }) < 0)
		goto fail;

	handle->object = object;
	handle->readable = readable;
	handle->descriptor = ends[0];
	handle->user = process->user;
	handle->user->references++;
	handle->user->nt_handles++;
	dxgk_object_ref(object);
	if (object->kind == DXGK_SESSION)
		((struct dxgk_session *)object)->nt_handles++;
	bucket = bucket_of(kernel, handle->cookie);
	handle->next = *bucket;
	*bucket = handle;
	kernel->counts.nt_handles++;
	*ret_descriptor = ends[1];
	return STATUS_SUCCESS;

fail:
	free(handle);
	close(ends[0]);
	close(ends[1]);
	return STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS dxgk_nt_handle_open(struct dxgk_kernel *kernel, int descriptor, enum dxgk_kind kind,
			     struct dxgk_object **ret_object)
{
	struct dxgk_nt_handle *handle;
	uint64_t cookie;

	if (!kernel->nt_buckets || socket_cookie(descriptor, &cookie) < 0)
		return STATUS_INVALID_HANDLE;
	for (handle = *bucket_of(kernel, cookie); handle && handle->cookie != cookie;)
		handle = handle->next;
	if (!handle)
		return STATUS_INVALID_HANDLE;
	if (handle->object->kind != kind)
		return STATUS_OBJECT_TYPE_MISMATCH;
	if (!handle->readable)
		return STATUS_ACCESS_DENIED;
	if (handle->removed)
		return STATUS_DEVICE_REMOVED;
	*ret_object = handle->object;
	return STATUS_SUCCESS;
}

static void handle_destroy(struct dxgk_kernel *kernel, struct dxgk_nt_handle *handle)
{
	struct dxgk_nt_handle **link = bucket_of(kernel, handle->cookie);

	while (*link != handle)
		link = &(*link)->next;
	*link = handle->next;
	/* Takes it out of the epoll set as well: the service's end has no other copy. */
	close(handle->descriptor);
	kernel->counts.nt_handles--;
	handle->user->nt_handles--;
	dxgk_user_unref(handle->user);
	if (handle->object->kind == DXGK_SESSION)
		((struct dxgk_session *)handle->object)->nt_handles--;
	dxgk_object_unref(handle->object);
	free(handle);
}

int dxgk_poll_descriptor(const struct dxgk_kernel *kernel)
{
	return kernel->epoll;
}

void dxgk_collect_locked(struct dxgk_kernel *kernel)
{
	struct epoll_event events[64];
	int count;

	if (kernel->counts.nt_handles == 0)
		return;
	do {
		count = epoll_wait(kernel->epoll, events, 64, 0);
		for (int i = 0; i < count; i++)
			handle_destroy(kernel, events[i].data.ptr);
	} while (count == 64);
}

void dxgk_collect(struct dxgk_kernel *kernel)
{
	dxgk_enter(kernel);
	dxgk_collect_locked(kernel);
	dxgk_leave(kernel);
}

void dxgk_nt_handles_remove(struct dxgk_kernel *kernel)
{
	for (size_t i = 0; i < kernel->nt_bucket_count; i++) {
		for (struct dxgk_nt_handle *handle = kernel->nt_buckets[i]; handle; handle = handle->next)
			handle->removed = true;
	}
}

void dxgk_nt_handles_clear(struct dxgk_kernel *kernel)
{
	for (size_t i = 0; i < kernel->nt_bucket_count; i++) {
		while (kernel->nt_buckets[i])
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is destroyed takes itself out of the bucket */
			handle_destroy(kernel, kernel->nt_buckets[i]);
	}
	free(kernel->nt_buckets);
	kernel->nt_buckets = NULL;
	kernel->nt_bucket_count = 0;
}

/* What the Windows documents call reading, and the two generic rights that include it (KMT-44). */
static bool access_reads(uint32_t access)
{
	return (access & (STANDARD_RIGHTS_READ | GENERIC_READ | GENERIC_ALL)) != 0;
}

static bool object_is_shareable(const struct dxgk_object *object)
{
	switch (object->kind) {
	case DXGK_SESSION:
		return true;
	case DXGK_FENCE:
		return ((const struct dxgk_fence *)object)->shareable;
	case DXGK_RESOURCE:
		return ((const struct dxgk_resource *)object)->shareable;
	default:
		return false;
	}
}

NTSTATUS dxgk_do_share_objects(struct dxgk_call *call)
{
	const struct wire_share_objects *request = DXGK_REQUEST(call, wire_share_objects);
	struct dxgk_object *object;
	enum dxgk_kind kind;
	NTSTATUS status;
	void *found;
	int descriptor;

	/* Windows shares a resource with its mutex and fence as one; nothing here is ever made of several. */
	if (request->count != 1)
		return STATUS_INVALID_PARAMETER;
	found = dxgk_handle_look(&call->process->handles, request->objects[0], &kind);
	if (!found)
		return STATUS_INVALID_PARAMETER;
	if (dxgk_handle_is_removed(&call->process->handles, request->objects[0]))
		return STATUS_DEVICE_REMOVED;
	switch (kind) {
	case DXGK_SESSION:
	case DXGK_FENCE:
		object = ((struct dxgk_view *)found)->object;
		break;
	case DXGK_RESOURCE:
		object = &((struct dxgk_open *)found)->resource->object;
		break;
	default:
		return STATUS_INVALID_PARAMETER;
	}
	if (!object_is_shareable(object))
		return STATUS_INVALID_PARAMETER;

	status = dxgk_nt_handle_create(call->process, object, access_reads(request->access), &descriptor);
	if (status != STATUS_SUCCESS)
		return status;
	(void)DXGK_REPLY(call, wire_header);
	call->reply->descriptors[call->reply->descriptor_count++] = descriptor;
	return STATUS_SUCCESS;
}
