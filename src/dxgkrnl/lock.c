/* SPDX-License-Identifier: MIT */
/* What serialises the calls of a driver: requests on one side, engine workers on the other, requests first. */
#include "dxgkrnl/internal.h"

#include <assert.h>

void dxgk_lock_init(struct dxgk_lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	pthread_cond_init(&lock->finished, NULL);
	pthread_cond_init(&lock->passed, NULL);
}

void dxgk_lock_destroy(struct dxgk_lock *lock)
{
	pthread_cond_destroy(&lock->passed);
	pthread_cond_destroy(&lock->finished);
	pthread_mutex_destroy(&lock->mutex);
}

/* A worker that begins one small transfer after the other would hardly let anybody else in. */
static void take_first(struct dxgk_lock *lock)
{
	if (pthread_mutex_trylock(&lock->mutex) == 0)
		return;
	atomic_fetch_add(&lock->wanted, 1);
	pthread_mutex_lock(&lock->mutex);
	atomic_fetch_sub(&lock->wanted, 1);
}

static void give_back(struct dxgk_kernel *kernel)
{
	struct dxgk_lock *lock = &kernel->lock;

	lock->is_inside = false;
	if (lock->has_waited)
		lock->waits--;
	lock->has_waited = false;
	if (lock->held_back > 0)
		pthread_cond_broadcast(&lock->passed);
	/* Whatever a ring was waiting for, it may have ended with this request. */
	if (kernel->engine)
		dxgk_engine_unblock(kernel->engine);
	pthread_mutex_unlock(&lock->mutex);
}

/* Until something changes for those that are held back. */
static void stay_back(struct dxgk_lock *lock)
{
	lock->held_back++;
	pthread_cond_wait(&lock->passed, &lock->mutex);
	lock->held_back--;
}

void dxgk_enter(struct dxgk_kernel *kernel)
{
	struct dxgk_lock *lock = &kernel->lock;

	take_first(lock);
	while (lock->is_losing)
		stay_back(lock);
	lock->is_inside = true;
	lock->requester = pthread_self();
	dxgk_lose_after_sleep(kernel);
}

void dxgk_leave(struct dxgk_kernel *kernel)
{
	give_back(kernel);
}

void dxgk_look(struct dxgk_kernel *kernel)
{
	dxgk_enter(kernel);
	dxgk_leave(kernel);
}

/*
 * By a worker, which is to others as a request: none begins meanwhile, nor a ring's command, and one that is half-way ends
 * first. What that one holds, it could not give back otherwise.
 */
static void lose_first(struct dxgk_kernel *kernel, const bool *is_closed)
{
	struct dxgk_lock *lock = &kernel->lock;

	lock->is_losing = true;
	lock->waits++;
	while ((lock->is_inside || lock->is_apart) && !*is_closed)
		stay_back(lock);
	/* Whoever waits for this worker is inside. The next that comes sees to it. */
	if (!*is_closed)
		dxgk_lose_after_sleep(kernel);
	lock->waits--;
	lock->is_losing = false;
	if (lock->held_back > 0)
		pthread_cond_broadcast(&lock->passed);
}

void dxgk_worker_give_way(struct dxgk_kernel *kernel, const bool *is_closed)
{
	struct dxgk_lock *lock = &kernel->lock;

	while (!*is_closed && (lock->waits > 0 || atomic_load_explicit(&lock->wanted, memory_order_relaxed) > 0))
		stay_back(lock);
	if (!*is_closed && dxgk_has_slept(kernel))
		lose_first(kernel, is_closed);
}

void dxgk_worker_lock(struct dxgk_kernel *kernel)
{
	pthread_mutex_lock(&kernel->lock.mutex);
}

void dxgk_worker_leave(struct dxgk_kernel *kernel)
{
	pthread_mutex_unlock(&kernel->lock.mutex);
}

void dxgk_transfer_begun(struct dxgk_kernel *kernel)
{
	kernel->lock.transfers++;
}

void dxgk_transfer_finished(struct dxgk_kernel *kernel)
{
	kernel->lock.transfers--;
	dxgk_wake_waiter(kernel);
	dxgk_engine_unblock(kernel->engine);
}

void dxgk_wake_waiter(struct dxgk_kernel *kernel)
{
	if (kernel->lock.waits > 0)
		pthread_cond_broadcast(&kernel->lock.finished);
}

void dxgk_wait(struct dxgk_kernel *kernel)
{
	struct dxgk_lock *lock = &kernel->lock;
	struct dxgk_process *caller = kernel->caller;
	struct dxgk_device *device = kernel->caller_device;

	if (lock->is_inside && pthread_equal(lock->requester, pthread_self()) && !lock->has_waited) {
		lock->has_waited = true;
		lock->waits++;
	}
	/* Those that were held back look whether what they work for is closed. */
	if (lock->held_back > 0)
		pthread_cond_broadcast(&lock->passed);
	pthread_cond_wait(&lock->finished, &lock->mutex);
	kernel->caller = caller;
	kernel->caller_device = device;
}

void dxgk_cb_wait_for_transfer(HANDLE handle)
{
	struct dxgk_kernel *kernel = handle;

	assert(kernel->lock.transfers > 0);
	dxgk_wait(kernel);
}

void dxgk_cb_unlock(HANDLE handle)
{
	struct dxgk_kernel *kernel = handle;
	struct dxgk_lock *lock = &kernel->lock;

	assert(!lock->is_apart);
	lock->apart_caller = kernel->caller;
	lock->apart_device = kernel->caller_device;
	lock->is_apart = true;
	/* Others may begin meanwhile; what was settled before is so no more. */
	give_back(kernel);
}

void dxgk_cb_lock(HANDLE handle)
{
	struct dxgk_kernel *kernel = handle;
	struct dxgk_lock *lock = &kernel->lock;

	take_first(lock);
	lock->is_apart = false;
	lock->is_inside = true;
	kernel->caller = lock->apart_caller;
	kernel->caller_device = lock->apart_device;
}
