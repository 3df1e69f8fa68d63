/* SPDX-License-Identifier: MIT */
/* The row of a whole film: dxvault play without a screen, against FFmpeg that decodes the same file to nowhere. */
#include "bench/bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static double run_program(const char *const *arguments)
{
	posix_spawn_file_actions_t actions;
	int64_t start = bench_now();
	int status = -1;
	pid_t child;

	BENCH_MUST(posix_spawn_file_actions_init(&actions) == 0);
	BENCH_MUST(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0);
	if (posix_spawnp(&child, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ) != 0)
		bench_fail("%s can't be started", arguments[0]);
	posix_spawn_file_actions_destroy(&actions);
	BENCH_MUST(waitpid(child, &status, 0) == child);
	if (status != 0)
		bench_fail("%s failed", arguments[0]);
	return (double)(bench_now() - start) * 1e-9;
}

/* One film takes as long as it takes. */
static double measure(void *arguments, int64_t slice_ns)
{
	(void)slice_ns;
	return run_program(arguments);
}

static void run(struct bench_run *run)
{
	const struct bench *bench = run->bench;
	char player[PATH_MAX + 32], made[PATH_MAX + 32];
	const char *clip = bench->clip;

	snprintf(player, sizeof(player), "%s/src/tools/dxvault", bench->build);
	if (!clip) {
		snprintf(made, sizeof(made), "%s/bench/1080p.mp4", bench->build);
		clip = made;
		if (access(clip, R_OK) != 0)
			(void)run_program(
				(const char *const[]) { BENCH_FOLDER "/make-clip", clip, bench->clip_key, NULL });
	}
	cf_service_use(bench_service(run, BENCH_SERVICE_ALL));
	bench_compare(run,
		      &(struct bench_side) { measure, (const char *[]) { player, "play", clip, "--key", bench->clip_key,
									 "--json", NULL } },
		      &(struct bench_side) { measure, (const char *[]) { "ffmpeg", "-nostdin", "-v", "error",
									 "-decryption_key", bench->clip_key, "-i", clip,
									 "-map", "0:v", "-f", "null", "-", NULL } });
}

const struct bench_row bench_play_rows[] = {
	{ "play.1080p", "s", "FFmpeg decoding the same file to null", BENCH_AT_MOST, 1.25, 1u << BENCH_SERVICE_ALL,
	  run },
	{ NULL },
};
