/* SPDX-License-Identifier: MIT */
/* Child processes that are clients of a service of their own choice, and measure by order. */
#include "bench/bench.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
	int64_t start; /* 0: at once */
	int64_t slice;
};

/* Most of it asleep, the rest not: who sleeps to the end wakes late. */
static void wait_until(int64_t start)
{
	int64_t left = start - bench_now();

	if (left > 1000000)
		bench_sleep(left - 500000);
	while (bench_now() < start)
		;
}

static _Noreturn void serve(int orders, int answers, double (*measure)(void *state, int64_t slice_ns), void *state)
{
	struct order order;

	while (read(orders, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
		double value;

		if (order.start != 0)
			wait_until(order.start);
		value = measure(state, order.slice);
		BENCH_MUST(write(answers, &value, sizeof(value)) == (ssize_t)sizeof(value));
	}
	_exit(EXIT_SUCCESS);
}

void bench_agent_start(struct bench_agent *agent, const struct cf_service *service, void *(*prepare)(void *argument),
		       void *argument, double (*measure)(void *state, int64_t slice_ns))
{
	const pid_t parent = getpid();
	int orders[2], answers[2];

	BENCH_MUST(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0);
	agent->pid = fork();
	BENCH_MUST(agent->pid >= 0);
	if (agent->pid == 0) {
		double ready = 0;
		void *state;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
		if (service)
			cf_service_use(service);
		state = prepare(argument);
		BENCH_MUST(write(answers[1], &ready, sizeof(ready)) == (ssize_t)sizeof(ready));
		serve(orders[0], answers[1], measure, state);
	}
	close(orders[0]);
	close(answers[1]);
	agent->orders = orders[1];
	agent->answers = answers[0];
}

void bench_agent_wait(struct bench_agent *agent)
{
	(void)bench_agent_answer(agent);
}

void bench_agent_order(struct bench_agent *agent, int64_t start, int64_t slice_ns)
{
	const struct order order = { .start = start, .slice = slice_ns };

	BENCH_MUST(write(agent->orders, &order, sizeof(order)) == (ssize_t)sizeof(order));
}

double bench_agent_answer(struct bench_agent *agent)
{
	double value;

	if (read(agent->answers, &value, sizeof(value)) != (ssize_t)sizeof(value))
		bench_fail("a measuring process has ended");
	return value;
}

double bench_agent_measure(void *context, int64_t slice_ns)
{
	bench_agent_order(context, /* start= */ 0, slice_ns);
	return bench_agent_answer(context);
}

void bench_agent_end(struct bench_agent *agent)
{
	close(agent->orders);
	close(agent->answers);
	kill(agent->pid, SIGKILL);
	(void)waitpid(agent->pid, NULL, 0);
}
