/* SPDX-License-Identifier: MIT */
/* What the rows of the benchmark share: how a side of a comparison is measured, and where the results go. */
#ifndef DXV_BENCH_BENCH_H
#define DXV_BENCH_BENCH_H

#include "conform/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_REPETITIONS_MAX = 31 };

/* Services of this run, started when a row that needs them comes. */
enum bench_service {
	BENCH_SERVICE_ALL,  /* as it comes: an engine worker for each processor */
	BENCH_SERVICE_ONE,  /* one engine worker */
	BENCH_SERVICE_TWO,  /* two */
	BENCH_SERVICE_FULL, /* for very many sessions */
	BENCH_SERVICES,
};

struct bench {
	unsigned int repetitions;   /* odd */
	int64_t slice_ns;	    /* how long one side of a repetition takes, about */
	unsigned int full_sessions; /* of session.open.at_1M: on one side */
	unsigned int few_sessions;  /* and on the other */
	int64_t idle_ns;	    /* how long idle.cpu looks */
	const char *clip;	    /* a film of play.1080p; NULL: made once */
	const char *clip_key;
	const char *curve; /* file for throughput over size; NULL: none */
	size_t curve_size; /* the largest in it, at most */
	char build[PATH_MAX];
	char folder[PATH_MAX]; /* of the services */
	struct cf_service services[BENCH_SERVICES];
};

enum bench_goal { BENCH_NO_GOAL, BENCH_AT_LEAST, BENCH_AT_MOST };

struct bench_run;

struct bench_row {
	const char *name;
	const char *unit; /* of value and baseline */
	const char *baseline;
	enum bench_goal goal_kind;
	double goal;
	unsigned int services; /* bits 1 << enum bench_service */
	/* In a process of its own, which ends with it; calls bench_compare once, or fills in the result itself. */
	void (*run)(struct bench_run *run);
	double argument; /* of run, where one function serves several rows */
};

struct bench_run {
	const struct bench *bench;
	const struct bench_row *row;
	struct bench_result *result;
};

/* In memory that a row's process shares with the one that prints. */
struct bench_result {
	unsigned int count; /* of repetitions; 0: it was not measured */
	bool no_goal;	    /* the goal is not for this machine */
	double value[BENCH_REPETITIONS_MAX];
	double baseline[BENCH_REPETITIONS_MAX];
	char note[192]; /* or why not */
};

/* ---- rows (rows_*.c) ------------------------------------------------------------------------------- */

/* Each ends with a row whose name is NULL. */
extern const struct bench_row bench_blt_rows[], bench_status_rows[], bench_fence_rows[], bench_session_rows[],
	bench_key_rows[], bench_play_rows[], bench_idle_rows[], bench_scale_rows[], bench_curve_rows[];

/* ---- measuring (measure.c) -------------------------------------------------------------------------- */

int64_t bench_now(void); /* nanoseconds, CLOCK_MONOTONIC */
void bench_sleep(int64_t ns);
double bench_median(double *values, size_t count); /* sorts them */

/* A side of a comparison: measure takes about slice_ns and returns what the row's unit says. */
struct bench_side {
	double (*measure)(void *context, int64_t slice_ns);
	void *context;
};

/* Repetitions of both sides in turns; that is the row's result. */
void bench_compare(struct bench_run *run, const struct bench_side *value, const struct bench_side *baseline);

/* Something done many times. */
struct bench_loop {
	void (*once)(void *context);
	void *context;
	double bytes;	/* of one time; for bench_loop_rate */
	uint64_t count; /* in a slice; 0: not known yet */
};

/* Of a struct bench_loop, for struct bench_side. */
double bench_loop_ns(void *context, int64_t slice_ns);	 /* of one time */
double bench_loop_rate(void *context, int64_t slice_ns); /* GB/s: bytes in a nanosecond */
double bench_loop_per_second(void *context, int64_t slice_ns);
/*
 * Rates of both, one time of the one and one of the other in turns: neither finds in the cache what it left there itself, where
 * all that the two touch is about as large as the cache.
 */
void bench_compare_in_turns(struct bench_run *run, const struct bench_loop *value, const struct bench_loop *baseline);
/* Each time by itself, and the median: microseconds. after (may be NULL) comes outside the timing. */
struct bench_calls {
	void (*once)(void *context);
	void (*after)(void *context);
	void *context;
};
double bench_calls_p50_us(void *context, int64_t slice_ns);

/*
 * The calling process, and what it starts, on one processor; false: on all that it began with. For round trips: whether the
 * system wakes a process on the processor of the one that it answers, or on another one, changes their time fivefold, and
 * from run to run.
 */
void bench_stay(bool one);

/* In a row's process: where its result is. */
void bench_measure_into(struct bench_result *result);
/* Ends a row's process, or one of its children: it was not measured, for this reason. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define BENCH_MUST(condition)                                                        \
	do {                                                                         \
		if (!(condition))                                                    \
			bench_fail("%s:%d: not %s", __FILE__, __LINE__, #condition); \
	} while (0)

/* ---- a child process that measures by order (agent.c) ----------------------------------------------- */

struct bench_agent {
	pid_t pid;
	int orders;
	int answers;
};

/*
 * service NULL: none. In the child: state = prepare(argument), and for each order measure(state, slice). Returns at once:
 * bench_agent_wait says when it is prepared.
 */
void bench_agent_start(struct bench_agent *agent, const struct cf_service *service, void *(*prepare)(void *argument),
		       void *argument, double (*measure)(void *state, int64_t slice_ns));
void bench_agent_wait(struct bench_agent *agent);
double bench_agent_measure(void *context, int64_t slice_ns); /* for struct bench_side, of an agent */
/* The same in two halves, for several at once. start: a bench_now() at which it is to begin. */
void bench_agent_order(struct bench_agent *agent, int64_t start, int64_t slice_ns);
double bench_agent_answer(struct bench_agent *agent);
void bench_agent_end(struct bench_agent *agent);

/* ---- services (services.c) ---------------------------------------------------------------------------- */

bool bench_services_open(struct bench *bench, char *why, size_t size);
bool bench_services_start(struct bench *bench, unsigned int services, char *why, size_t size);
void bench_services_end(struct bench *bench, enum bench_service service);
void bench_services_close(struct bench *bench);
const struct cf_service *bench_service(const struct bench_run *run, enum bench_service service);
/* bench_stay(true), and the thread of that service that answers calls stays too, until the row is over. */
void bench_services_stay(const struct bench_run *run, enum bench_service service);
void bench_services_roam(const struct bench *bench);

/* ---- the table and the file (report.c) ------------------------------------------------------------------ */

void report_head(const struct bench *bench);
void report_row(const struct bench_row *row, const struct bench_result *result);
int report_write(const char *path); /* JSON, all rows so far; 0 or -1 */

#endif
