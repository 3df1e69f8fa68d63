/* SPDX-License-Identifier: MIT */
/* The engine workers: threads that look at rings, do their commands, and help each other with large ones. */
#include "dxgkrnl/internal.h"
#include "util/spin.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	/* What a worker does for one ring before it looks at the others. */
	BATCH_COMMANDS = 32,
	BATCH_BYTES = 512 << 10,
	/* From here on it pays to wake another worker, to help or to watch meanwhile: some ten microseconds of work. */
	LONG_TRANSFER = 512 << 10,
	PART = 128 << 10, /* a multiple of what RunTransfer asks for */
	/* One to two microseconds. */
	LINGER_LOOKS = 48,
	/* A look at the doorbells is a call of the system. */
	LOOK_EACH = 16,
	/* ns */
	MOVE_EACH = 10000000,
};

#define STOP UINT64_MAX /* in an event: not a ring's place */

struct worker {
	struct dxgk_engine *engine;
	pthread_t thread;
	HANDLE driver_handle;
	struct dxgk_command command;
	struct spin_rest rest;
	uint64_t moved; /* when it last stepped aside */
	/* The transfer that others may help with. */
	struct list job_link;
	_Atomic uint64_t next; /* offset of the part that nobody has taken yet */
	_Atomic uint32_t helpers;
};

struct dxgk_engine {
	struct dxgk_kernel *kernel;
	pthread_mutex_t lock;	/* taken under the kernel's, never the other way round */
	pthread_cond_t changed; /* there is something to do for a worker that waits here */
	struct list hot;	/* rings that workers look at; those beyond it ring their doorbell */
	struct list jobs;	/* of workers with parts to give */
	struct dxgk_ring *rings[DXGK_RINGS_MAX];
	int epoll;
	int kick; /* an eventfd: wakes the sentinel */
	bool is_stopping;
	bool is_kicked;		  /* and the sentinel has not come yet */
	bool has_spinner;	  /* a worker looks at the hot rings again and again */
	bool has_sentinel;	  /* a worker sleeps until a doorbell rings */
	uint32_t looks;		  /* chances to look at the doorbells */
	uint32_t waiting;	  /* workers at changed */
	uint32_t count;		  /* workers */
	_Atomic uint32_t blocked; /* rings */
	struct spin spin;
	struct worker workers[];
};

/* Somebody who sleeps looks at everything again. Those who are awake do anyway, before they sleep. */
static void wake_one(struct dxgk_engine *engine)
{
	static const uint64_t one = 1;

	if (engine->waiting > 0) {
		pthread_cond_signal(&engine->changed);
	} else if (engine->has_sentinel && !engine->is_kicked) {
		engine->is_kicked = true;
		(void)!write(engine->kick, &one, sizeof(one));
	}
}

/* ---- rings ---------------------------------------------------------------------------------------- */

static void heat(struct dxgk_ring *ring)
{
	atomic_store(&ring->shared->service_sleeps, 0);
	list_remove(&ring->link);
	list_append(&ring->engine->hot, &ring->link);
}

/* No worker looks at it until its doorbell rings. False: there is something in it after all. */
static bool cool(struct dxgk_ring *ring)
{
	atomic_store(&ring->shared->service_sleeps, 1);
	if (dxgk_ring_pending(ring) != 0) {
		atomic_store(&ring->shared->service_sleeps, 0);
		return false;
	}
	list_remove(&ring->link);
	return true;
}

static bool is_ready(const struct dxgk_ring *ring)
{
	return !ring->is_taken && !ring->is_blocked && dxgk_ring_pending(ring) != 0;
}

/* The next ring with work; it goes behind the others. */
static struct dxgk_ring *take_ring(struct dxgk_engine *engine)
{
	struct dxgk_ring *found = NULL;

	for (struct list *link = engine->hot.next; link != &engine->hot; link = link->next) {
		struct dxgk_ring *ring = LIST_ENTRY(link, struct dxgk_ring, link);

		if (!is_ready(ring))
			continue;
		if (found) {
			wake_one(engine);
			break;
		}
		found = ring;
	}
	if (!found)
		return NULL;
	found->is_taken = true;
	list_remove(&found->link);
	list_append(&engine->hot, &found->link);
	return found;
}

/* All that can sleep do. False: one of them has work. */
static bool cool_all(struct dxgk_engine *engine)
{
	bool all = true;

	LIST_FOR_EACH(node, &engine->hot)
	{
		struct dxgk_ring *ring = LIST_ENTRY(node, struct dxgk_ring, link);

		if (!ring->is_taken && !ring->is_blocked)
			all &= cool(ring);
	}
	return all;
}

void dxgk_engine_unblock(struct dxgk_engine *engine)
{
	if (atomic_load_explicit(&engine->blocked, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&engine->lock);
	for (struct list *link = engine->hot.next; link != &engine->hot; link = link->next)
		LIST_ENTRY(link, struct dxgk_ring, link)->is_blocked = false;
	atomic_store(&engine->blocked, 0);
	wake_one(engine);
	pthread_mutex_unlock(&engine->lock);
}

NTSTATUS dxgk_engine_add(struct dxgk_engine *engine, struct dxgk_ring *ring)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
	uint32_t place = 0;

	pthread_mutex_lock(&engine->lock);
	while (place < DXGK_RINGS_MAX && engine->rings[place])
		place++;
	event.data.u64 = place;
	if (place < DXGK_RINGS_MAX && epoll_ctl(engine->epoll, EPOLL_CTL_ADD, ring->doorbell, &event) == 0) {
		engine->rings[place] = ring;
		ring->place = place;
		status = STATUS_SUCCESS;
	}
	pthread_mutex_unlock(&engine->lock);
	return status;
}

void dxgk_engine_remove(struct dxgk_engine *engine, struct dxgk_ring *ring)
{
	pthread_mutex_lock(&engine->lock);
	(void)epoll_ctl(engine->epoll, EPOLL_CTL_DEL, ring->doorbell, NULL);
	engine->rings[ring->place] = NULL;
	list_remove(&ring->link);
	ring->is_closed = true;
	pthread_mutex_unlock(&engine->lock);
	/* It becomes false under the kernel's lock, which whoever calls this holds but for the wait. */
	while (ring->is_taken)
		dxgk_wait(engine->kernel);
}

/* ---- commands ------------------------------------------------------------------------------------- */

static void forget(const struct dxgk_engine *engine)
{
	if (engine->kernel->driver->Forget)
		engine->kernel->driver->Forget();
}

/* Does parts of a worker's transfer until none is left. */
static void run_parts(struct worker *owner, const struct worker *worker)
{
	const struct dxgk_driver *driver = worker->engine->kernel->driver;
	const uint64_t size = owner->command.size;
	uint64_t offset;

	while ((offset = atomic_fetch_add(&owner->next, PART)) < size)
		driver->RunTransfer(owner->driver_handle, worker->driver_handle, offset,
				    size - offset < PART ? size - offset : PART);
}

/* A helper has one part left to do when all are taken. */
static void wait_for_helpers(struct worker *worker)
{
	for (unsigned int turns = 0; atomic_load(&worker->helpers) > 0; turns++) {
		if (turns % 1024 == 1023)
			sched_yield();
		spin_pause();
	}
}

static void run_together(struct worker *worker)
{
	struct dxgk_engine *engine = worker->engine;

	atomic_store(&worker->next, 0);
	pthread_mutex_lock(&engine->lock);
	list_append(&engine->jobs, &worker->job_link);
	wake_one(engine);
	for (uint64_t parts = worker->command.size / PART; parts > 4 && engine->waiting > 1; parts /= 2)
		pthread_cond_signal(&engine->changed);
	pthread_mutex_unlock(&engine->lock);

	run_parts(worker, worker);

	pthread_mutex_lock(&engine->lock);
	list_remove(&worker->job_link);
	pthread_mutex_unlock(&engine->lock);
	wait_for_helpers(worker);
}

static void run(struct worker *worker)
{
	struct dxgk_engine *engine = worker->engine;
	const struct dxgk_command *command = &worker->command;

	if (command->size >= LONG_TRANSFER && engine->count > 1)
		run_together(worker);
	else
		engine->kernel->driver->RunTransfer(worker->driver_handle, worker->driver_handle, 0, command->size);
}

/* Under the kernel's lock, which is given up while bytes move. Returns how many did. */
static uint64_t do_command(struct worker *worker, struct dxgk_ring *ring)
{
	struct dxgk_kernel *kernel = worker->engine->kernel;
	struct dxgk_command *command = &worker->command;
	const uint64_t size = command->size;

	if (size > 0) {
		dxgk_transfer_begun(kernel);
		dxgk_worker_leave(kernel);
		run(worker);
		dxgk_worker_lock(kernel);
		kernel->driver->FinishTransfer(worker->driver_handle, &command->argument);
		dxgk_transfer_finished(kernel);
	}
	if (!ring->is_closed && dxgk_ring_answer(ring, command)) {
		dxgk_worker_leave(kernel);
		dxgk_ring_wake(ring);
		dxgk_worker_lock(kernel);
	}
	return size;
}

static void set_blocked(struct dxgk_ring *ring)
{
	struct dxgk_engine *engine = ring->engine;

	pthread_mutex_lock(&engine->lock);
	ring->is_blocked = true;
	atomic_fetch_add(&engine->blocked, 1);
	pthread_mutex_unlock(&engine->lock);
}

/*
 * A client that waits for each answer has its next command there a moment later. To keep the ring that long, and to look at
 * it with no lock in between, makes its round trip shorter. Gives the kernel's lock up. Returns how many commands wait.
 */
static uint32_t linger(const struct dxgk_engine *engine, const struct dxgk_ring *ring)
{
	uint32_t pending = 0;

	dxgk_worker_leave(engine->kernel);
	for (unsigned int i = 0; i < LINGER_LOOKS && pending == 0; i++) {
		spin_pause();
		pending = dxgk_ring_pending(ring);
	}
	if (pending > 0)
		dxgk_ring_prefetch(ring);
	dxgk_worker_lock(engine->kernel);
	return pending;
}

/* Until the ring is empty, or others have waited long enough. */
static void serve(struct worker *worker, struct dxgk_ring *ring)
{
	struct dxgk_engine *engine = worker->engine;
	struct dxgk_kernel *kernel = engine->kernel;
	bool is_broken = false;
	uint64_t bytes = 0;
	uint32_t pending;

	dxgk_ring_prefetch(ring);
	dxgk_worker_lock(kernel);
	for (uint32_t i = 0; i < BATCH_COMMANDS && bytes < BATCH_BYTES; i++) {
		pending = dxgk_ring_pending(ring);
		if (pending == 0)
			pending = linger(engine, ring);
		if (pending == 0)
			break;
		if (pending > WIRE_RING_ENTRIES) {
			is_broken = true;
			dxgk_ring_break(ring);
			break;
		}
		/* Behind the look: what was submitted after a sleep of the machine must not meet the keys of before. */
		dxgk_worker_give_way(kernel, &ring->is_closed);
		if (ring->is_closed)
			break;
		if (!dxgk_ring_begin(ring, worker->driver_handle, &worker->command)) {
			set_blocked(ring);
			break;
		}
		bytes += do_command(worker, ring);
	}
	pthread_mutex_lock(&engine->lock);
	ring->is_taken = false;
	if (is_broken) {
		ring->is_broken = true;
		list_remove(&ring->link);
	}
	if (ring->is_closed)
		dxgk_wake_waiter(kernel);
	pthread_mutex_unlock(&engine->lock);
	dxgk_worker_leave(kernel);
	forget(engine);
}

/* ---- workers -------------------------------------------------------------------------------------- */

/* All below is under the engine's lock, which is given up where it says so. */

/* Whose transfer has parts that nobody has taken yet. */
static struct worker *find_job(const struct dxgk_engine *engine)
{
	for (struct list *link = engine->jobs.next; link != &engine->jobs; link = link->next) {
		struct worker *owner = LIST_ENTRY(link, struct worker, job_link);

		if (atomic_load(&owner->next) < owner->command.size)
			return owner;
	}
	return NULL;
}

/* Gives the lock up. False: nobody needs help. */
static bool help(struct worker *worker)
{
	struct dxgk_engine *engine = worker->engine;
	struct worker *owner = find_job(engine);

	if (!owner)
		return false;
	atomic_fetch_add(&owner->helpers, 1);
	pthread_mutex_unlock(&engine->lock);
	run_parts(owner, worker);
	atomic_fetch_sub(&owner->helpers, 1);
	forget(engine);
	pthread_mutex_lock(&engine->lock);
	return true;
}

/* Gives the lock up. False: nothing. */
static bool work(struct worker *worker)
{
	struct dxgk_engine *engine = worker->engine;
	struct dxgk_ring *ring = take_ring(engine);

	if (!ring)
		return help(worker);
	pthread_mutex_unlock(&engine->lock);
	serve(worker, ring);
	pthread_mutex_lock(&engine->lock);
	return true;
}

static bool is_something_ready(const struct dxgk_engine *engine)
{
	for (struct list *link = engine->hot.next; link != &engine->hot; link = link->next)
		if (is_ready(LIST_ENTRY(link, struct dxgk_ring, link)))
			return true;
	return find_job(engine) != NULL;
}

static void on_event(struct dxgk_engine *engine, const struct epoll_event *event)
{
	struct dxgk_ring *ring = event->data.u64 < DXGK_RINGS_MAX ? engine->rings[event->data.u64] : NULL;

	/* NULL: the kick, or a ring that is gone; its place may be another's by now, who is looked at for nothing. */
	if (ring && !ring->is_broken)
		heat(ring);
}

/* Doorbells may ring while nobody sleeps at them, and those who are awake have enough to do with other rings. */
static void look_at_doorbells(struct dxgk_engine *engine)
{
	struct epoll_event events[16];
	int count;

	if (engine->has_sentinel || engine->looks++ % LOOK_EACH != 0)
		return;
	count = epoll_wait(engine->epoll, events, 16, 0);
	for (int i = 0; i < count; i++)
		on_event(engine, &events[i]);
}

/* Not too often: whoever is there may have been put there for a good reason. */
static void rest(struct worker *worker)
{
	uint64_t now;

	if (!spin_rest(&worker->rest))
		return;
	now = spin_clock();
	if (now - worker->moved < MOVE_EACH)
		return;
	worker->moved = now;
	spin_step_aside();
}

/* Looks again and again, and gives the lock up in between. Returns when there is work or the budget is spent. */
static void spin(struct worker *worker)
{
	struct dxgk_engine *engine = worker->engine;
	const uint64_t begin = spin_clock();
	bool found = false;

	engine->has_spinner = true;
	while (!engine->is_stopping && !found && spin_clock() - begin < engine->spin.budget) {
		pthread_mutex_unlock(&engine->lock);
		rest(worker);
		pthread_mutex_lock(&engine->lock);
		look_at_doorbells(engine);
		found = is_something_ready(engine);
	}
	engine->has_spinner = false;
	if (found)
		spin_learn(&engine->spin, spin_clock() - begin);
}

/* Sleeps until a doorbell rings; gives the lock up. */
static void watch(struct dxgk_engine *engine)
{
	const uint64_t begin = spin_clock();
	struct epoll_event events[16];
	int count;

	engine->has_sentinel = true;
	pthread_mutex_unlock(&engine->lock);
	count = epoll_wait(engine->epoll, events, 16, -1);
	pthread_mutex_lock(&engine->lock);
	engine->has_sentinel = false;
	engine->is_kicked = false;
	for (int i = 0; i < count; i++)
		on_event(engine, &events[i]);
	spin_learn(&engine->spin, spin_clock() - begin);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct dxgk_engine *engine = worker->engine;

	/* Here: of another thread it is set by a file of /proc. */
	(void)pthread_setname_np(pthread_self(), "dxvault-engine");
	pthread_mutex_lock(&engine->lock);
	while (!engine->is_stopping) {
		look_at_doorbells(engine);
		if (work(worker))
			continue;
		if (!list_is_empty(&engine->hot) && !engine->has_spinner) {
			spin(worker);
			if (engine->is_stopping || is_something_ready(engine) || !cool_all(engine))
				continue;
		}
		if (!engine->has_sentinel) {
			watch(engine);
		} else {
			engine->waiting++;
			pthread_cond_wait(&engine->changed, &engine->lock);
			engine->waiting--;
		}
	}
	pthread_mutex_unlock(&engine->lock);
	return NULL;
}

/* Signals are the service's main thread's. */
static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -result;
}

static NTSTATUS start_worker(struct dxgk_engine *engine)
{
	struct dxgk_kernel *kernel = engine->kernel;
	struct worker *worker = &engine->workers[engine->count];
	NTSTATUS status;

	worker->engine = engine;
	list_init(&worker->job_link);
	status = kernel->driver->CreateWorker(kernel->adapter, &worker->driver_handle);
	if (status != STATUS_SUCCESS)
		return status;
	if (start_thread(worker) < 0) {
		kernel->driver->DestroyWorker(worker->driver_handle);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	engine->count++;
	return STATUS_SUCCESS;
}

static int open_descriptors(struct dxgk_engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = STOP };

	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	engine->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->epoll < 0 || engine->kick < 0)
		return -errno;
	return epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->kick, &event) < 0 ? -errno : 0;
}

NTSTATUS dxgk_engine_create(struct dxgk_kernel *kernel, struct dxgk_engine **ret)
{
	const uint32_t workers = kernel->config.workers;
	struct dxgk_engine *engine;
	NTSTATUS status = STATUS_SUCCESS;

	if (workers == 0 || !kernel->driver->CreateWorker)
		return STATUS_NOT_SUPPORTED;
	engine = calloc(1, sizeof(*engine) + workers * sizeof(struct worker));
	if (!engine)
		return STATUS_NO_MEMORY;
	engine->kernel = kernel;
	list_init(&engine->hot);
	list_init(&engine->jobs);
	spin_init(&engine->spin);
	pthread_mutex_init(&engine->lock, NULL);
	pthread_cond_init(&engine->changed, NULL);
	if (open_descriptors(engine) < 0)
		status = STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < workers && status == STATUS_SUCCESS; i++)
		status = start_worker(engine);
	/* Fewer than asked for do as well. */
	if (engine->count == 0) {
		dxgk_engine_destroy(engine);
		return status;
	}
	*ret = engine;
	return STATUS_SUCCESS;
}

static void stop_workers(struct dxgk_engine *engine)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&engine->lock);
	engine->is_stopping = true;
	pthread_cond_broadcast(&engine->changed);
	(void)!write(engine->kick, &one, sizeof(one));
	pthread_mutex_unlock(&engine->lock);
	for (uint32_t i = 0; i < engine->count; i++) {
		pthread_join(engine->workers[i].thread, NULL);
		engine->kernel->driver->DestroyWorker(engine->workers[i].driver_handle);
	}
}

void dxgk_engine_destroy(struct dxgk_engine *engine)
{
	if (!engine)
		return;
	if (engine->count > 0)
		stop_workers(engine);
	if (engine->epoll >= 0)
		close(engine->epoll);
	if (engine->kick >= 0)
		close(engine->kick);
	pthread_cond_destroy(&engine->changed);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}
