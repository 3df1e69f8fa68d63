/* SPDX-License-Identifier: MIT */
/* Waits that end in an event instead of a return: one thread sleeps for all of them. */
#include "kmt/async.h"

#include "util/list.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How long the thread stays for another wait: it must not keep a program that is otherwise at its end. */
#define IDLE_NS 1000000000L
/* How often it looks at words that had no room among those that it sleeps on. */
#define CROWDED_NS 1000000L
/* It calls nothing deep. */
#define STACK_BYTES ((size_t)256 * 1024)

struct pending {
	struct list link;
	struct kmt_wait wait;
	int event; /* our own copy of the descriptor */
};

/* The last of the library's locks: nobody takes another one that is held over a call while holding it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list waits = { &waits, &waits };
static bool thread_runs;
/* What the thread sleeps on besides the fences: moves when the list does. */
static _Atomic uint32_t changes;

void kmt_async_lock(void)
{
	pthread_mutex_lock(&lock);
}

void kmt_async_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/*
 * Whether a descriptor is an eventfd: the kernel says so in its fdinfo, which is documented and, other than a write that
 * tries, leaves no trace in a descriptor that is something else. Of the thread: /proc/self is empty when main has ended.
 */
static NTSTATUS event_check(int descriptor)
{
	char path[64];
	char text[512];
	ssize_t length;
	int info;

	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", descriptor);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0 && errno != ENOENT)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (info < 0)
		return access("/proc/thread-self/fdinfo", F_OK) < 0 ? STATUS_NOT_SUPPORTED : STATUS_INVALID_HANDLE;
	length = read(info, text, sizeof(text) - 1);
	close(info);
	text[length > 0 ? length : 0] = '\0';
	return strstr(text, "\neventfd-count:") ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* A count that has no room for 1 more is as signalled as can be, and a write would block. */
static void event_signal(int event)
{
	struct pollfd item = { .fd = event, .events = POLLOUT };
	const uint64_t one = 1;
	ssize_t written;

	if (poll(&item, 1, 0) != 1 || !(item.revents & POLLOUT))
		return;
	do {
		written = write(event, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
}

static void pending_free(struct pending *pending)
{
	list_remove(&pending->link);
	close(pending->event);
	free(pending);
}

static void pending_end(struct pending *pending)
{
	event_signal(pending->event);
	pending_free(pending);
}

/* Under the lock: the thread looks at the list again. */
static void thread_wake(void)
{
	atomic_fetch_add(&changes, 1);
	syscall(SYS_futex, (uint32_t *)&changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/*
 * Under the lock: ends the waits that are over, and gathers what the others sleep on behind futexes[0]. Returns how many
 * words there are, or KMT_FUTEXES_MAX + 1 where some found no room.
 */
static size_t waits_look(struct kmt_futex futexes[KMT_FUTEXES_MAX])
{
	struct kmt_futex found[D3DDDI_MAX_OBJECT_WAITED_ON];
	struct kmt_connection *alive = NULL;
	size_t count = 1;

	LIST_FOR_EACH(node, &waits)
	{
		struct pending *pending = LIST_ENTRY(node, struct pending, link);
		struct kmt_connection *connection = pending->wait.connection;
		NTSTATUS status;
		UINT more = 0;

		status = kmt_wait_look(&pending->wait, found, &more);
		/* Waits of one connection mostly stand together, and one look at the service is enough for them. */
		if (status == STATUS_PENDING && connection != alive) {
			if (kmt_connection_check(connection))
				alive = connection;
			else
				status = STATUS_DEVICE_REMOVED;
		}
		/* However it ended, nobody shall sleep on an event that never comes. */
		if (status != STATUS_PENDING) {
			pending_end(pending);
			continue;
		}
		if (count + more > KMT_FUTEXES_MAX) {
			count = KMT_FUTEXES_MAX + 1;
			continue;
		}
		memcpy(&futexes[count], found, more * sizeof(found[0]));
		count += more;
	}
	return count;
}

static void *thread_run(void *unused)
{
	struct kmt_futex futexes[KMT_FUTEXES_MAX] = { { .word = &changes } };
	bool was_idle = false;

	for (;;) {
		uint32_t seen;
		size_t count;
		bool idle;

		pthread_mutex_lock(&lock);
		seen = atomic_load(&changes);
		count = waits_look(futexes);
		idle = list_is_empty(&waits);
		if (idle && was_idle && futexes[0].seen == seen) {
			thread_runs = false;
			pthread_mutex_unlock(&lock);
			return NULL;
		}
		was_idle = idle;
		futexes[0].seen = seen;
		pthread_mutex_unlock(&lock);
		if (count > KMT_FUTEXES_MAX)
			kmt_futexes_sleep(futexes, 1, CROWDED_NS);
		else
			kmt_futexes_sleep(futexes, count, idle ? IDLE_NS : KMT_WAIT_LOOK_NS);
	}
}

/* Under the lock. Signals are for the program's own threads. */
static bool thread_ensure(void)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t before;
	pthread_t thread;

	if (thread_runs)
		return true;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	thread_runs = pthread_create(&thread, &attributes, thread_run, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (thread_runs)
		pthread_setname_np(thread, "dxvault-wait");
	return thread_runs;
}

NTSTATUS kmt_async_wait(const struct kmt_wait *wait, HANDLE event)
{
	struct kmt_futex futexes[D3DDDI_MAX_OBJECT_WAITED_ON];
	int descriptor = kmt_nt_handle_descriptor(event);
	struct pending *pending;
	NTSTATUS status;
	bool runs;
	UINT count;

	status = descriptor < 0 ? STATUS_INVALID_HANDLE : event_check(descriptor);
	if (status != STATUS_SUCCESS)
		return status;
	status = kmt_wait_look(wait, futexes, &count);
	if (status == STATUS_PENDING && !kmt_connection_check(wait->connection))
		status = STATUS_DEVICE_REMOVED;
	if (status == STATUS_SUCCESS)
		event_signal(descriptor);
	if (status != STATUS_PENDING)
		return status;

	pending = malloc(sizeof(*pending));
	if (!pending)
		return STATUS_INSUFFICIENT_RESOURCES;
	pending->wait = *wait;
	pending->event = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
	if (pending->event < 0) {
		free(pending);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	pthread_mutex_lock(&lock);
	list_append(&waits, &pending->link);
	runs = thread_ensure();
	if (runs)
		thread_wake();
	else
		pending_free(pending);
	pthread_mutex_unlock(&lock);
	return runs ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

void kmt_async_forget(const struct kmt_connection *connection)
{
	pthread_mutex_lock(&lock);
	LIST_FOR_EACH(node, &waits)
	{
		struct pending *pending = LIST_ENTRY(node, struct pending, link);

		if (pending->wait.connection == connection)
			pending_end(pending);
	}
	/* The thread may sleep on words that are about to go: it takes others. */
	if (thread_runs)
		thread_wake();
	pthread_mutex_unlock(&lock);
}

void kmt_async_child(void)
{
	/* The events are the parent's to signal, and a copy here would be one too many. */
	LIST_FOR_EACH(node, &waits)
	pending_free(LIST_ENTRY(node, struct pending, link));
	thread_runs = false;
	pthread_mutex_unlock(&lock);
}

void kmt_async_abandon(void)
{
	pthread_mutex_lock(&lock);
	/* Their events have numbers that may mean something else by now: they are left alone. */
	list_init(&waits);
	thread_runs = false;
	pthread_mutex_unlock(&lock);
}
