/* SPDX-License-Identifier: MIT */
/*
 * A worker of the fault campaign: works round after round until it is told to stop, or killed.
 * usage: torture-worker pictures|sessions|channels|eating|beat PAGE NUMBER SEED PAGES LOG SHOWN
 * PAGES: a file of struct worker_page; PAGE is this worker's, and the one behind it is for a child. NUMBER is no other process's
 * of the campaign. It ends with 3, and a line, when it has seen what no fault explains.
 */
#include "torture/worker.h"

#include "tools/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LONG_NS = 50000000, BEAT_NS = 5000000, LATE_NS = 20000000, MS = 1000000 };

struct worker worker;

_Noreturn void worker_fail(const char *format, ...)
{
	char text[512];
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(text, sizeof(text) - 1, format, arguments);
	va_end(arguments);
	text[size] = '\n';
	(void)!write(STDERR_FILENO, text, (size_t)size + 1);
	_exit(WORKER_WRONG);
}

uint64_t worker_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t worker_random(uint64_t below)
{
	worker.random ^= worker.random << 13;
	worker.random ^= worker.random >> 7;
	worker.random ^= worker.random << 17;
	return worker.random % below;
}

void worker_pause(unsigned int microseconds)
{
	nanosleep(&(struct timespec) { .tv_nsec = (long)microseconds * 1000 }, NULL);
}

bool worker_goes_on(void)
{
	return !worker.page->stop;
}

/* ---- the clock ------------------------------------------------------------------------------------------ */

/* How long this thread has waited for a processor since it began; proc_pid_schedstat(5). */
static uint64_t waited_for_processor(void)
{
	char text[96] = "";
	unsigned long long ran = 0, waited = 0;

	if (worker.schedule < 0 || pread(worker.schedule, text, sizeof(text) - 1, 0) <= 0 ||
	    sscanf(text, "%llu %llu", &ran, &waited) != 2)
		return 0;
	return waited;
}

static uint64_t waited_before;

void worker_begin(const char *name)
{
	snprintf(worker.page->name, sizeof(worker.page->name), "%s", name);
	waited_before = waited_for_processor();
	worker.page->begin = worker_now();
	worker.page->sequence++;
}

static void note(const char *name, uint64_t begin, uint64_t end, uint64_t waited)
{
	char text[160];
	int size = snprintf(text, sizeof(text), "%d %llu %llu %llu %s\n", (int)getpid(), (unsigned long long)begin,
			    (unsigned long long)end, (unsigned long long)waited, name);

	(void)!write(worker.log, text, (size_t)size);
}

void worker_end(void)
{
	uint64_t end = worker_now();
	int error = errno;

	if (end - worker.page->begin > LONG_NS)
		note(worker.page->name, worker.page->begin, end, waited_for_processor() - waited_before);
	worker.page->sequence++;
	worker.page->operations++;
	errno = error;
}

/* Does nothing but look at the clock: when it is late, nothing ran on this machine. */
_Noreturn static void beat(void)
{
	uint64_t last = worker_now();

	for (;;) {
		uint64_t now;

		nanosleep(&(struct timespec) { .tv_nsec = BEAT_NS }, NULL);
		now = worker_now();
		if (now - last > BEAT_NS + LATE_NS)
			note("beat", last + BEAT_NS, now, 0);
		last = now;
		worker.page->operations++;
	}
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

enum outcome worker_no_memory(const char *what)
{
	if (!worker.page->is_short)
		worker_fail("%s: this process has no memory, and nobody took any", what);
	worker.page->refused++;
	return SHORTAGE;
}

enum outcome worker_judge(const char *name, HRESULT result, bool keys_are_lost)
{
	if (result == S_OK)
		return DONE;
	if (result == D3DDDIERR_DEVICEREMOVED) {
		worker.page->losses++;
		return LOST;
	}
	if (result == D3DDDIERR_INVALIDCALL && keys_are_lost) {
		worker.page->losses++;
		return KEYLESS;
	}
	if (worker.page->is_short && (result == E_OUTOFMEMORY || result == E_FAIL)) {
		worker.page->refused++;
		return SHORTAGE;
	}
	worker_fail("%s: 0x%08X (%s), which nothing explains", name, (unsigned int)result, rt_last_error());
}

enum outcome worker_judge_status(const char *name, NTSTATUS status)
{
	switch (status) {
	case STATUS_SUCCESS:
		return DONE;
	case STATUS_DEVICE_REMOVED:
		worker.page->losses++;
		return LOST;
	case STATUS_NO_MEMORY:
	case STATUS_QUOTA_EXCEEDED:
	case STATUS_INSUFFICIENT_RESOURCES:
		if (worker.page->is_short) {
			worker.page->refused++;
			return SHORTAGE;
		}
		break;
	default:
		break;
	}
	worker_fail("%s: status 0x%08X, which nothing explains", name, (unsigned int)status);
}

enum outcome worker_trust(struct rt_adapter *adapter, D3DDDI_CERTIFICATETYPE type, const char *name, struct trust **ret)
{
	uint8_t *chain = NULL, anchor[4096];
	UINT anchor_size = sizeof(anchor);
	const char *problem = "";
	enum outcome outcome;
	size_t size = 0;

	*ret = NULL;
	outcome = TRY(name, rt_adapter_certificate(adapter, type, &chain, &size), false);
	if (outcome != DONE)
		return outcome;
	outcome = TRY_KMT("the root", DxvaultGetRootCertificate(anchor, &anchor_size));
	if (outcome == DONE && trust_check(chain, size, anchor, anchor_size, ret, &problem) < 0) {
		if (!worker.page->is_short)
			worker_fail("a certificate that can't be trusted: %s", problem);
		outcome = SHORTAGE;
	}
	free(chain);
	return outcome;
}

/* ---- the process --------------------------------------------------------------------------------------------- */

static void open_schedule(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)getpid());
	worker.schedule = open(path, O_RDONLY | O_CLOEXEC);
}

void worker_become_child(void)
{
	uint32_t is_short = worker.page->is_short;

	worker.page++;
	worker.random += 0x9E3779B97F4A7C15;
	if (worker.schedule >= 0)
		close(worker.schedule);
	open_schedule();
	worker.page->stop = 0;
	worker.page->is_short |= is_short;
	worker.page->process = (uint64_t)getpid();
}

static void open_files(char **argv)
{
	unsigned long page = strtoul(argv[2], NULL, 10);
	int pages = open(argv[5], O_RDWR | O_CLOEXEC);
	struct worker_page *map;

	worker.number = (unsigned int)strtoul(argv[3], NULL, 10);
	worker.random = strtoull(argv[4], NULL, 10) * 2 + 1;
	worker.log = open(argv[6], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	worker.shown = open(argv[7], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	map = mmap(NULL, sizeof(*map) * WORKER_PAGES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, pages, 0);
	if (pages < 0 || worker.log < 0 || worker.shown < 0 || map == MAP_FAILED || page + 1 >= WORKER_PAGES_MAX)
		worker_fail("the campaign's files can't be opened");
	close(pages);
	worker.page = &map[page];
	open_schedule();
	worker.page->process = (uint64_t)getpid();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum outcome (*round)(void);
	} kinds[] = {
		{ "pictures", work_pictures },
		{ "sessions", work_sessions },
		{ "channels", work_channels },
		{ "eating", work_eating },
	};
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	enum outcome (*round)(void) = NULL;

	for (size_t i = 0; argc == 8 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) == 0)
			round = kinds[i].round;
	}
	if (argc != 8 || (!round && strcmp(argv[1], "beat") != 0))
		worker_fail("usage: torture-worker KIND PAGE NUMBER SEED PAGES LOG SHOWN");
	open_files(argv);
	signal(SIGPIPE, SIG_IGN);
	if (!round)
		beat();
	while (worker_goes_on()) {
		enum outcome outcome = round();

		worker.page->rounds += outcome == DONE;
		/* As a program would that wants to go on: a service that is gone stays gone until it connects anew. */
		if (outcome == LOST && TIMED("DxvaultQueryService", DxvaultQueryService(&info)) != STATUS_SUCCESS)
			DxvaultDisconnect();
		if (outcome != DONE)
			worker_pause((unsigned int)worker_random(20000));
	}
	DxvaultDisconnect();
	return 0;
}
