/* SPDX-License-Identifier: MIT */
/* Which process is at the other end of a connection, and whether it lives. */
#ifndef DXV_SERVICE_PEER_H
#define DXV_SERVICE_PEER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Who sent the first message of a connection: *ret_descriptor is a pidfd, readable once that process has ended, and
 * *ret_birth tells it from all others that have its process number, before or after. Both are -1 and 0 where this cannot be
 * known: a sender in another PID namespace (0), a system without pidfds or /proc. -ESRCH: it has ended.
 *
 * SCM_CREDENTIALS names a number, whose process may have ended since, and which may be another's by now. That one is found
 * here then, and is taken for the sender. So two things are the caller's to see to, after this returned: that no second
 * message is there, since whoever has ended has sent all that it ever will, and that every further one comes from the same
 * number, while the pidfd says that its process lives. Then all that is done on the connection was asked for by the process
 * that was found, and nobody else learns more than its token, which is no secret. What remains: the kernel lets root send
 * whose credentials it likes, and the root of a container those of whoever is in that container.
 */
int peer_watch(pid_t pid, int *ret_descriptor, uint64_t *ret_birth);

/* The birth where pidfds have none (before Linux 6.9): ticks since the system's start. 0: it is not to be had. */
uint64_t peer_start_time(pid_t pid);

#endif
