/* SPDX-License-Identifier: MIT */
/* One call, made again and again with another of its allocations failing, until none is left to fail. */
#include "failing_scenario.h"

#include "process_fixture.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* More than any call makes: a call that never comes to its end is a fault too. */
#define TRIES_MAX 5000

enum mode { ALONE, ONWARDS };

/* The thread that made the leaves frees what it has when it ends: a balance that is drawn meanwhile is wrong. */
static void wait_for_threads(int count)
{
	for (int i = 0; i < 30000 && pf_threads() > count; i++)
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	assert_int_equal(pf_threads(), count);
}

static void *say_number(void *number)
{
	*(pid_t *)number = gettid();
	return NULL;
}

/* ThreadSanitizer adds one of its own to the first that is made. */
static int count_threads_with_sanitizer(void)
{
	char path[64];
	pthread_t thread;
	pid_t number;

	assert_int_equal(pthread_create(&thread, NULL, say_number, &number), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)number);
	while (access(path, F_OK) == 0)
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	return pf_threads();
}

int failing_setup(void **state)
{
	int threads = count_threads_with_sanitizer();

	(void)state;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_route_libcrypto(), 0);
	assert_int_equal(gpu_identity_wait(ik_identity(), GPU_LEAF_SESSION), 0);
	assert_int_equal(gpu_identity_wait(ik_identity(), GPU_LEAF_CHANNEL), 0);
	wait_for_threads(threads);
	return 0;
}

int failing_teardown(void **state)
{
	return ik_group_teardown(state);
}

/* libcrypto keeps the names of its last errors for each thread. */
static struct fail_alloc_balance balance(void)
{
	OPENSSL_thread_stop();
	return fail_alloc_balance();
}

static void scene_begin(const struct failing_scenario *scenario, struct scene *scene)
{
	const struct ik_options real = {
		.real_driver = true, .no_screen = true, .caps = scenario->caps, .driver = scenario->driver
	};

	memset(scene, 0, sizeof(*scene));
	scene->nt_handle = -1;
	scene->ik = ik_start(&real);
	scene->process = ik_process_of(scene->ik, geteuid());
	assert_non_null(scene->process);
}

static void scene_end(const struct failing_scenario *scenario, struct scene *scene)
{
	kmt_connection_set(scene->process);
	if (scenario->clean)
		scenario->clean(scene);
	if (scene->st.device)
		st_close(&scene->st);
	if (scene->nt_handle >= 0)
		close(scene->nt_handle);
	ik_stop(scene->ik);
}

static bool is_expected(const struct failing_scenario *scenario, int32_t status)
{
	for (size_t i = 0; i < 2; i++) {
		if (status != 0 && scenario->statuses[i] == status)
			return true;
	}
	return false;
}

static int32_t call_failing(const struct failing_scenario *scenario, struct scene *scene, enum mode mode,
			    unsigned int n, unsigned int *ret_failed)
{
	int32_t status;

	if (mode == ALONE)
		fail_alloc_at(n);
	else
		fail_alloc_from(n);
	status = scenario->call(scene);
	*ret_failed = fail_alloc_stop();
	return status;
}

/* Returns false when nothing failed any more. */
static bool try_once(const struct failing_scenario *scenario, enum mode mode, unsigned int n, unsigned int *refusals)
{
	struct dxgk_counts before, after;
	unsigned int failed;
	struct scene scene;
	int32_t status;

	scene_begin(scenario, &scene);
	if (scenario->prepare)
		scenario->prepare(&scene);
	before = ik_counts(scene.ik);
	status = call_failing(scenario, &scene, mode, n, &failed);
	if (status != 0) {
		if (failed == 0 || scenario->never_fails || !is_expected(scenario, status))
			fail_msg("%s: allocation %u%s failed (%u in all), status 0x%08x", scenario->name, n,
				 mode == ALONE ? "" : " and all behind it", failed, (unsigned int)status);
		++*refusals;
		after = ik_counts(scene.ik);
		if (memcmp(&before, &after, sizeof(before)) != 0)
			fail_msg("%s: allocation %u failed, and the counts of objects have changed", scenario->name, n);
		if (scenario->refused)
			scenario->refused(&scene);
		status = scenario->call(&scene);
		if (status != 0)
			fail_msg("%s: after allocation %u failed the call does not work any more: 0x%08x",
				 scenario->name, n, (unsigned int)status);
	}
	if (scenario->done)
		scenario->done(&scene);
	scene_end(scenario, &scene);
	return failed > 0;
}

static void run_mode(const struct failing_scenario *scenario, enum mode mode)
{
	unsigned int refusals = 0, n = 0;
	bool more = true;

	while (more) {
		struct fail_alloc_balance before = balance(), after;

		assert_true(++n < TRIES_MAX);
		more = try_once(scenario, mode, n, &refusals);
		after = balance();
		if (memcmp(&before, &after, sizeof(before)) != 0)
			fail_msg("%s: allocation %u%s failed, and %+ld blocks, %+ld mappings, %+ld secrets are left",
				 scenario->name, n, mode == ALONE ? "" : " and all behind it",
				 after.blocks - before.blocks, after.mappings - before.mappings,
				 after.secrets - before.secrets);
	}
	/* A scenario in which nothing was refused has shown nothing of refusals. */
	if (!scenario->never_fails)
		assert_true(refusals > 0);
	print_message("# %s: %u allocations, %u refusals%s\n", scenario->name, n - 1, refusals,
		      mode == ALONE ? "" : " with all behind it");
}

void failing_run(const struct failing_scenario *scenario)
{
	unsigned int refusals = 0;

	/* What libraries keep from their first use on is no leak. */
	assert_true(try_once(scenario, ALONE, ~0u, &refusals) == false);
	run_mode(scenario, ALONE);
	run_mode(scenario, ONWARDS);
}
