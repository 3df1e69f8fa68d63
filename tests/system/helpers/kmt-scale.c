/* SPDX-License-Identifier: MIT */
/*
 * Many live sessions over several processes, each with a fence of its own.
 * usage: kmt-scale SESSIONS PROCESSES [OTHER]
 * OTHER is the runtime directory of a second service, which has nothing yet: the first tenth of the sessions is made there.
 * Prints what it measured; fails if any object stays, and with OTHER if creation gets slower, a session costs too much, or
 * memory stays.
 */
#include "kmt-client.h"
#include "measure.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 64, BATCHES_MAX = 64, BYTES_PER_SESSION = 512 };

/* ---- processes that make sessions ------------------------------------------------------------------- */

struct maker {
	int orders; /* one byte: make a batch; closed: end, and the handles go with the process */
	int answers;
};

/* How long a batch took. */
struct took {
	double wall;
	double work;
};

static _Noreturn void make(int orders, int answers, unsigned int batch)
{
	D3DKMT_HANDLE device = kc_device(kc_adapter());
	UINT service = kc_service().ProcessId;
	char byte;

	while (read(orders, &byte, 1) == 1) {
		struct took took = { .wall = now(), .work = work_of(service) };

		for (unsigned int i = 0; i < batch; i++)
			(void)kc_session(device, kc_fence(device, NULL));
		took = (struct took) { .wall = now() - took.wall, .work = work_of(service) - took.work };
		REQUIRE(write(answers, &took, sizeof(took)) == sizeof(took));
	}
	_exit(0);
}

/* other: the runtime directory of another service than everybody's, or NULL. */
static struct maker start_maker(unsigned int batch, const char *other)
{
	int orders[2], answers[2];
	pid_t child;

	REQUIRE(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		/* Nobody else's pipe stays open here. */
		REQUIRE(dup2(orders[0], 3) == 3 && dup2(answers[1], 4) == 4);
		closefrom(5);
		if (other)
			setenv("DXVAULT_RUNTIME_DIR", other, 1);
		make(3, 4, batch);
	}
	close(orders[0]);
	close(answers[1]);
	return (struct maker) { .orders = orders[1], .answers = answers[0] };
}

static void order(const struct maker *maker)
{
	REQUIRE(write(maker->orders, "", 1) == 1);
}

static struct took answer(const struct maker *maker)
{
	struct took took = { 0 };

	REQUIRE(read(maker->answers, &took, sizeof(took)) == sizeof(took));
	return took;
}

static void end_maker(const struct maker *maker)
{
	close(maker->orders);
	close(maker->answers);
	REQUIRE(wait(NULL) > 0);
}

/* ---- as fast at the end as at the start --------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The sum without the slowest fifth, in which the machine was busy with other things. */
static double usual(double *times, unsigned int count)
{
	double sum = 0;

	qsort(times, count, sizeof(*times), compare);
	for (unsigned int i = 0; i < count - count / 5; i++)
		sum += times[i];
	return sum;
}

/*
 * The last tenth of the sessions, made in turns with a first tenth in another service, so that a busy machine slows both.
 * The rate of the last one, the first being 1: by the clock on the wall, or by the service's work if that says more.
 */
static double compare_rates(struct maker *last, unsigned int tenth, unsigned int batch, const char *other)
{
	static double first_wall[BATCHES_MAX], first_work[BATCHES_MAX], last_wall[BATCHES_MAX], last_work[BATCHES_MAX];
	struct maker first = start_maker(batch, other);
	unsigned int count = tenth / batch;
	double wall, work;

	REQUIRE(count <= BATCHES_MAX);
	*last = start_maker(batch, NULL);
	for (unsigned int i = 0; i < count; i++) {
		struct took took;

		order(&first);
		took = answer(&first);
		first_wall[i] = took.wall;
		first_work[i] = took.work;
		order(last);
		took = answer(last);
		last_wall[i] = took.wall;
		last_work[i] = took.work;
	}
	end_maker(&first);
	wall = usual(first_wall, count) / usual(last_wall, count);
	work = usual(last_work, count);
	work = work > 0 ? usual(first_work, count) / work : 0;
	printf("the last tenth went at %.2f of the first one's rate, %.2f by the service's work\n", wall, work);
	return work > wall ? work : wall;
}

static double wait_until_gone(double limit)
{
	double start = now();
	DXVAULT_SERVICE_INFO info;

	do {
		usleep(20000);
		info = kc_service();
	} while ((info.ProtectedSessions || info.Fences || info.Devices || info.Clients > 1) && now() - start < limit);
	REQUIRE(info.ProtectedSessions == 0 && info.Fences == 0 && info.Devices == 0 && info.Clients == 1);
	return now() - start;
}

int main(int argc, char **argv)
{
	unsigned int total = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	unsigned int processes = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	const char *other = argc > 3 ? argv[3] : NULL;
	unsigned int tenth = other ? total / 10 : 0, batch = tenth / 40;
	struct maker makers[PROCESSES_MAX] = { 0 }, last = { 0 };
	double before, full, after, bytes, start, best = 0;
	UINT service;

	REQUIRE(total >= 1000 && processes > 0 && processes <= PROCESSES_MAX && (total - tenth) % processes == 0);
	REQUIRE(!other || tenth % batch == 0);

	/* Once round, so that what a first session takes for good is not counted. */
	{
		D3DKMT_HANDLE device = kc_device(kc_adapter());
		D3DKMT_HANDLE fence = kc_fence(device, NULL);

		CHECK(kc_destroy_session(kc_session(device, fence)));
		CHECK(kc_destroy_fence(fence));
		CHECK(kc_destroy_device(device));
	}
	service = kc_service().ProcessId;
	before = resident(service);

	start = now();
	for (unsigned int i = 0; i < processes; i++) {
		makers[i] = start_maker((total - tenth) / processes, NULL);
		order(&makers[i]);
	}
	for (unsigned int i = 0; i < processes; i++)
		(void)answer(&makers[i]);
	printf("%u sessions in %.1f s\n", total - tenth, now() - start);
	/* What else runs on the machine makes a difference where there is none, but does not hide one for long. */
	for (int i = 0; other && i < 6 && best < 0.8; i++) {
		double rate;

		if (i > 0) {
			end_maker(&last);
			while (kc_service().ProtectedSessions > total - tenth)
				usleep(20000);
		}
		rate = compare_rates(&last, tenth, batch, other);
		best = rate > best ? rate : best;
	}
	REQUIRE(kc_service().ProtectedSessions == total);
	full = resident(service);
	bytes = (full - before) / total;
	printf("service: %.1f MiB before, %.1f MiB with %u sessions: %.0f bytes each\n", before / 1048576,
	       full / 1048576, total, bytes);

	for (unsigned int i = 0; i < processes; i++)
		end_maker(&makers[i]);
	if (other)
		end_maker(&last);
	printf("everything was given back %.2f s after the processes had ended", wait_until_gone(60));
	after = resident(service);
	printf("; %.1f MiB stayed\n", after / 1048576);

	if (!other)
		return 0;
	REQUIRE(bytes <= BYTES_PER_SESSION);
	REQUIRE(best >= 0.8);
	/* malloc keeps some of what is in use by other things. */
	REQUIRE(after - before < 2 * 1048576 + (full - before) / 50);
	return 0;
}
