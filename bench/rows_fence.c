/* SPDX-License-Identifier: MIT */
/* The row of a loss: from its report in the service until a waiter in this process runs, against a bare futex. */
#include "bench/kernel.h"
#include "bench/loss.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct waiter {
	struct loss_board *board;
	int orders;
	D3DKMT_HANDLE device;
};

enum { WAITS_MIN = 25, WAITS_MAX = 2048 };

static void order(const struct waiter *waiter, char what)
{
	BENCH_MUST(write(waiter->orders, &what, 1) == 1);
}

/* ---- the two waits ------------------------------------------------------------------------------------------ */

/* Each loss needs a session that has something to lose. */
static double wait_for_loss(const struct waiter *waiter)
{
	D3DKMT_HANDLE fence = kernel_fence(waiter->device), session = kernel_session(waiter->device, fence);
	const UINT64 moved = 1;
	const D3DKMT_WAITFORSYNCHRONIZATIONOBJECTFROMCPU wait = {
		.hDevice = waiter->device,
		.ObjectCount = 1,
		.ObjectHandleArray = &fence,
		.FenceValueArray = &moved,
	};
	int64_t end;

	order(waiter, LOSS_KEYS);
	kernel_must("D3DKMTWaitForSynchronizationObjectFromCpu", D3DKMTWaitForSynchronizationObjectFromCpu(&wait));
	end = bench_now();
	BENCH_MUST(kernel_status(session) == D3DKMT_PROTECTED_SESSION_STATUS_INVALID);
	kernel_destroy_session(session);
	kernel_destroy_fence(fence);
	return (double)(end - atomic_load(&waiter->board->reported)) * 1e-3;
}

static double wait_for_futex(const struct waiter *waiter)
{
	const uint32_t before = atomic_load(&waiter->board->word);
	int64_t end;

	order(waiter, LOSS_WAKE);
	while (atomic_load(&waiter->board->word) == before)
		(void)syscall(SYS_futex, &waiter->board->word, FUTEX_WAIT, before, NULL, NULL, 0);
	end = bench_now();
	return (double)(end - atomic_load(&waiter->board->reported)) * 1e-3;
}

static double p50(const struct waiter *waiter, int64_t slice_ns, double (*once)(const struct waiter *))
{
	static double took[WAITS_MAX];
	/* Most of a wait is the pause before it, and no two are alike. */
	const int64_t end = bench_now() + 4 * slice_ns;
	size_t count = 0;

	while (count < WAITS_MAX && (count < WAITS_MIN || bench_now() < end))
		took[count++] = once(waiter);
	return bench_median(took, count);
}

static double measure_loss(void *waiter, int64_t slice_ns)
{
	return p50(waiter, slice_ns, wait_for_loss);
}

static double measure_futex(void *waiter, int64_t slice_ns)
{
	return p50(waiter, slice_ns, wait_for_futex);
}

/* ---- the service --------------------------------------------------------------------------------------------- */

static struct loss_board *make_board(int *ret_descriptor)
{
	struct loss_board *board;

	*ret_descriptor = memfd_create("bench-loss", MFD_CLOEXEC);
	BENCH_MUST(*ret_descriptor >= 0 && ftruncate(*ret_descriptor, sizeof(*board)) == 0);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, *ret_descriptor, 0);
	BENCH_MUST(board != MAP_FAILED);
	return board;
}

/* A descriptor that none of those of bench-loss can be in the way of. */
static int out_of_the_way(int descriptor)
{
	int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, LOSS_BOARD + 1);

	BENCH_MUST(moved >= 0);
	close(descriptor);
	return moved;
}

static pid_t start_loss(const struct bench *bench, int client, int orders, int board)
{
	char path[PATH_MAX + 32], *arguments[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	pid_t child;

	snprintf(path, sizeof(path), "%s/bench/bench-loss", bench->build);
	BENCH_MUST(posix_spawn_file_actions_init(&actions) == 0);
	BENCH_MUST(posix_spawn_file_actions_adddup2(&actions, client, LOSS_CLIENT) == 0);
	BENCH_MUST(posix_spawn_file_actions_adddup2(&actions, orders, LOSS_ORDERS) == 0);
	BENCH_MUST(posix_spawn_file_actions_adddup2(&actions, board, LOSS_BOARD) == 0);
	if (posix_spawn(&child, path, &actions, NULL, arguments, environ) != 0)
		bench_fail("%s can't be started", path);
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

static void run(struct bench_run *run)
{
	struct waiter waiter;
	int client[2], orders[2], board;
	char number[16], state[PATH_MAX + 16];
	int status = -1;
	pid_t child;

	/* bench-loss is started there too. */
	bench_stay(/* one= */ true);
	waiter.board = make_board(&board);
	BENCH_MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, client) == 0);
	BENCH_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, orders) == 0);
	client[1] = out_of_the_way(client[1]);
	orders[1] = out_of_the_way(orders[1]);
	board = out_of_the_way(board);
	snprintf(state, sizeof(state), "%s/state", run->bench->folder);
	setenv("DXVAULT_STATE_DIR", state, 0);
	child = start_loss(run->bench, client[1], orders[1], board);
	close(client[1]);
	close(orders[1]);
	snprintf(number, sizeof(number), "%d", client[0]);
	setenv("DXVAULT_SOCKET_FD", number, 1);
	waiter.orders = orders[0];
	waiter.device = kernel_device();
	bench_compare(run, &(struct bench_side) { measure_loss, &waiter },
		      &(struct bench_side) { measure_futex, &waiter });
	/* It ends with its orders. */
	close(orders[0]);
	BENCH_MUST(waitpid(child, &status, 0) == child && status == 0);
}

const struct bench_row bench_fence_rows[] = {
	{ "fence.wake", "us", "a futex between two processes", BENCH_AT_MOST, 1.5, 0, run },
	{ NULL },
};
