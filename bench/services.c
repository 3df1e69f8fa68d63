/* SPDX-License-Identifier: MIT */
/* Services of the benchmark's own: in a temporary folder, with settings of their own, gone with it. */
#include "bench/ddi.h"
#include "conform/process.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_SECONDS = 60 };

/* What stands in the settings of each. */
static const char *const settings[BENCH_SERVICES] = {
	[BENCH_SERVICE_ONE] = "workers = 1\n",
	[BENCH_SERVICE_TWO] = "workers = 2\n",
	[BENCH_SERVICE_FULL] = "handles = 16777216\nsessions = 16777216\n",
};

bool bench_services_open(struct bench *bench, char *why, size_t size)
{
	int result = cf_services_open(bench->folder);

	if (result < 0)
		snprintf(why, size, "no folder for services: %s", strerror(-result));
	return result == 0;
}

static void settle(int socket, void *service)
{
	(void)socket;
	cf_service_use(service);
	ddi_settle();
}

static void ignore(const struct cf_record *record, void *context)
{
	(void)record;
	(void)context;
}

/* One after the other: the first makes the root key that the others find. */
static bool start(struct bench *bench, unsigned int number, char *why, size_t size)
{
	struct cf_service *service = &bench->services[number];
	char path[PATH_MAX];
	int result;

	if (service->pid != 0)
		return true;
	if (snprintf(path, sizeof(path), "%s/src/service/dxvaultd", bench->build) >= (int)sizeof(path))
		return false;
	*service = (struct cf_service) { .settings = settings[number] };
	result = cf_service_start(service, path, bench->folder, number);
	if (result < 0) {
		snprintf(why, size, "%s: %s", path, strerror(-result));
		return false;
	}
	if (!cf_service_wait(service, why, size))
		return false;
	/* One that is not believed anyway need not be waited for. */
	if (bench->repetitions > 1)
		(void)cf_process_run(settle, service, SETTLE_SECONDS, ignore);
	return true;
}

bool bench_services_start(struct bench *bench, unsigned int services, char *why, size_t size)
{
	for (unsigned int i = 0; i < BENCH_SERVICES; i++) {
		if ((services & 1u << i) && !start(bench, i, why, size))
			return false;
	}
	return true;
}

/* At once, for the one that would have a million sessions to give back first. */
void bench_services_end(struct bench *bench, enum bench_service service)
{
	char why[256];

	if (bench->services[service].pid == 0)
		return;
	kill(bench->services[service].pid, SIGKILL);
	(void)cf_service_finish(&bench->services[service], why, sizeof(why));
}

void bench_services_close(struct bench *bench)
{
	char why[256];

	bench_services_end(bench, BENCH_SERVICE_FULL);
	for (unsigned int i = 0; i < BENCH_SERVICES; i++)
		cf_service_stop(&bench->services[i]);
	for (unsigned int i = 0; i < BENCH_SERVICES; i++) {
		if (!cf_service_finish(&bench->services[i], why, sizeof(why)))
			fprintf(stderr, "bench: %s\n", why);
	}
	if (bench->folder[0])
		cf_services_close(bench->folder);
}

const struct cf_service *bench_service(const struct bench_run *run, enum bench_service service)
{
	return &run->bench->services[service];
}

/* A process's number is that of its first thread, and affinity is a thread's. */
void bench_services_stay(const struct bench_run *run, enum bench_service service)
{
	cpu_set_t own;

	bench_stay(/* one= */ true);
	BENCH_MUST(sched_getaffinity(0, sizeof(own), &own) == 0);
	BENCH_MUST(sched_setaffinity(bench_service(run, service)->pid, sizeof(own), &own) == 0);
}

void bench_services_roam(const struct bench *bench)
{
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	for (unsigned int i = 0; i < BENCH_SERVICES; i++) {
		if (bench->services[i].pid != 0)
			(void)sched_setaffinity(bench->services[i].pid, sizeof(all), &all);
	}
}
