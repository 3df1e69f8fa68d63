/* SPDX-License-Identifier: MIT */
/* In-process mode: the client library straight into a graphics kernel of this process. */
#include "kmt/in_process.h"

#include "util/list.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct kmt_in_process {
	pthread_mutex_t lock;
	struct dxgk_kernel *kernel;
	struct list links;
	uint32_t references; /* one is the owner's, one each connection's */
};

/* The other end of a connection. */
struct link {
	struct list link;
	struct kmt_in_process *mode;
	struct dxgk_process *process; /* NULL: closed by the other side */
};

/* Under the lock; gives it back. */
static void mode_unref(struct kmt_in_process *mode)
{
	bool last = --mode->references == 0;

	pthread_mutex_unlock(&mode->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&mode->lock);
	free(mode);
}

struct kmt_in_process *kmt_in_process_create(struct dxgk_kernel *kernel)
{
	struct kmt_in_process *mode = calloc(1, sizeof(*mode));

	if (!mode)
		return NULL;
	pthread_mutex_init(&mode->lock, NULL);
	mode->kernel = kernel;
	mode->references = 1;
	list_init(&mode->links);
	return mode;
}

/* Under the lock. */
static void link_cut(struct link *link)
{
	dxgk_process_destroy(link->process);
	link->process = NULL;
}

void kmt_in_process_destroy(struct kmt_in_process *mode)
{
	if (!mode)
		return;
	pthread_mutex_lock(&mode->lock);
	LIST_FOR_EACH(node, &mode->links)
	link_cut(LIST_ENTRY(node, struct link, link));
	dxgk_kernel_destroy(mode->kernel);
	mode->kernel = NULL;
	mode_unref(mode);
}

struct dxgk_kernel *kmt_in_process_acquire(struct kmt_in_process *mode)
{
	pthread_mutex_lock(&mode->lock);
	return mode->kernel;
}

void kmt_in_process_release(struct kmt_in_process *mode)
{
	pthread_mutex_unlock(&mode->lock);
}

/* What SCM_RIGHTS does: the kernel side gets copies, and closes them. */
static int descriptors_copy(const struct wire_packet *request, struct wire_packet *ret)
{
	*ret = *request;
	ret->descriptor_count = 0;
	for (size_t i = 0; i < request->descriptor_count; i++) {
		int copy = fcntl(request->descriptors[i], F_DUPFD_CLOEXEC, 3);

		if (copy < 0) {
			int result = -errno;

			wire_packet_clear(ret);
			return result;
		}
		ret->descriptors[ret->descriptor_count++] = copy;
	}
	return 0;
}

static int transact(void *context, const struct wire_packet *request, struct wire_packet *reply)
{
	struct link *link = context;
	struct wire_packet copy;
	int result;

	result = descriptors_copy(request, &copy);
	/* Not the end of the connection, as over a socket. */
	if (result < 0) {
		kmt_reply_refuse(request, reply,
				 result == -EBADF ? STATUS_INVALID_HANDLE : STATUS_INSUFFICIENT_RESOURCES);
		return 0;
	}
	pthread_mutex_lock(&link->mode->lock);
	result = link->process ? dxgk_transact(link->process, &copy, reply) : -ECONNRESET;
	/* The service hangs up on who talks nonsense. */
	if (result == -EPROTO)
		link_cut(link);
	pthread_mutex_unlock(&link->mode->lock);
	wire_packet_clear(&copy);
	return result;
}

static bool is_alive(void *context)
{
	struct link *link = context;
	bool alive;

	pthread_mutex_lock(&link->mode->lock);
	alive = link->process != NULL;
	pthread_mutex_unlock(&link->mode->lock);
	return alive;
}

static void close_link(void *context)
{
	struct link *link = context;
	struct kmt_in_process *mode = link->mode;

	pthread_mutex_lock(&mode->lock);
	link_cut(link);
	list_remove(&link->link);
	free(link);
	mode_unref(mode);
}

struct kmt_connection *kmt_in_process_connect(struct kmt_in_process *mode, uid_t user, pid_t pid)
{
	return kmt_in_process_connect_as(mode, user, pid, /* birth= */ 0);
}

struct kmt_connection *kmt_in_process_connect_as(struct kmt_in_process *mode, uid_t user, pid_t pid, uint64_t birth)
{
	struct link *link = calloc(1, sizeof(*link));
	struct kmt_transport transport = {
		.transact = transact,
		.is_alive = is_alive,
		.close = close_link,
		.context = link,
	};
	int result;

	if (!link)
		return NULL;
	pthread_mutex_lock(&mode->lock);
	result = mode->kernel ? dxgk_process_create(mode->kernel, user, &link->process) : -ECONNREFUSED;
	if (result == 0)
		result = dxgk_process_identify(link->process, pid, birth);
	if (result < 0) {
		dxgk_process_destroy(link->process);
		pthread_mutex_unlock(&mode->lock);
		free(link);
		return NULL;
	}
	link->mode = mode;
	mode->references++;
	list_append(&mode->links, &link->link);
	pthread_mutex_unlock(&mode->lock);
	return kmt_connection_create(&transport);
}
