/* SPDX-License-Identifier: MIT */
/* Faults on command, and a second process. */
#include "conform/cf.h"

#include <dxvault/dxvault.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

/* In a child: ends with its parent, and has a connection and handles of its own (src/kmt/connection.c). */
static void become_peer(struct cf *cf, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	cf->is_peer = true;
	cf->adapter = NULL;
	memset(cf->keys, 0, sizeof(cf->keys));
	(void)cf_adapter(cf);
}

static pid_t fork_peer(struct cf *cf)
{
	const pid_t self = getpid();
	const pid_t pid = fork();

	if (pid < 0)
		cf_give_up(cf, "no other process can be made: %s", strerror(errno));
	if (pid == 0)
		become_peer(cf, self);
	return pid;
}

static void wait_for_peer(struct cf *cf, pid_t pid)
{
	int status;

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

void cf_in_another_process(struct cf *cf, void (*peer)(struct cf *cf, void *context), void *context)
{
	const pid_t pid = fork_peer(cf);

	if (pid == 0) {
		peer(cf, context);
		_exit(0);
	}
	wait_for_peer(cf, pid);
}

/* Packets of one number each: whole, or not there. */
static bool receive(int socket, uint64_t *ret)
{
	ssize_t size;

	do {
		size = recv(socket, ret, sizeof(*ret), 0);
	} while (size < 0 && errno == EINTR);
	return size == sizeof(*ret);
}

static bool transmit(int socket, uint64_t number)
{
	return send(socket, &number, sizeof(number), MSG_NOSIGNAL) == sizeof(number);
}

struct cf_peer cf_peer_start(struct cf *cf, uint64_t (*answer)(struct cf *cf, uint64_t question, void *context),
			     void *context)
{
	struct cf_peer peer;
	uint64_t question;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		cf_give_up(cf, "no socket for the other process: %s", strerror(errno));
	peer = (struct cf_peer) { .pid = fork_peer(cf), .socket = ends[0] };
	if (peer.pid == 0) {
		close(ends[0]);
		while (receive(ends[1], &question) && transmit(ends[1], answer(cf, question, context)))
			;
		_exit(0);
	}
	close(ends[1]);
	return peer;
}

uint64_t cf_peer_ask(struct cf *cf, struct cf_peer *peer, uint64_t question)
{
	uint64_t answer;

	if (transmit(peer->socket, question) && receive(peer->socket, &answer))
		return answer;
	wait_for_peer(cf, peer->pid);
	cf_give_up(cf, "the other process gave no answer");
}

void cf_peer_end(struct cf *cf, struct cf_peer *peer)
{
	/* Closing alone is not enough: peers that were made later have a copy. */
	(void)shutdown(peer->socket, SHUT_RDWR);
	close(peer->socket);
	wait_for_peer(cf, peer->pid);
}
