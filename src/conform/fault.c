/* SPDX-License-Identifier: MIT */
/* Faults on command, and a second process. */
#include "conform/cf.h"

#include <dxvault/dxvault.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void lose(struct cf *cf, DXVAULT_LOSS what)
{
	NTSTATUS status;

	if (!cf_is_dxvault(cf))
		cf_skip(cf, "the fault can only be made where dxvault's graphics kernel is below the driver");
	status = DxvaultInvalidate(what, 0, NULL);
	if (status != STATUS_SUCCESS)
		cf_give_up(cf, "the service makes no fault: status 0x%08X", (unsigned int)status);
}

void cf_lose_keys(struct cf *cf)
{
	lose(cf, DXVAULT_LOSS_KEYS);
}

void cf_remove_adapter(struct cf *cf)
{
	if (!cf->test->is_private)
		cf_give_up(cf, "a test that shares its service with others must not remove the adapter");
	lose(cf, DXVAULT_LOSS_DEVICE);
}

/* ---- another process ------------------------------------------------------------------------------------ */

_Noreturn static void run_peer(struct cf *cf, void (*peer)(struct cf *cf, void *context), void *context, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* The connection, and all handles behind it, are the parent's (src/kmt/connection.c). */
	cf->is_peer = true;
	cf->adapter = NULL;
	memset(cf->keys, 0, sizeof(cf->keys));
	(void)cf_adapter(cf);
	peer(cf, context);
	_exit(0);
}

void cf_in_another_process(struct cf *cf, void (*peer)(struct cf *cf, void *context), void *context)
{
	const pid_t self = getpid();
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		cf_give_up(cf, "no other process can be made: %s", strerror(errno));
	if (pid == 0)
		run_peer(cf, peer, context, self);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			cf_give_up(cf, "the other process is lost: %s", strerror(errno));
	}
	/* It gave up or skipped, and said so. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(0);
	/* As if it had happened here: the suite sees how. */
	if (WIFSIGNALED(status)) {
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
