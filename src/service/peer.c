/* SPDX-License-Identifier: MIT */
/* Which process is at the other end of a connection, and whether it lives. */
#include "service/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Since Linux 6.9 a pidfd lies on a file system of its own, where each process has an inode number that is not given twice. */
#define PIDFS_MAGIC 0x50494446

/* Field 22 of stat(5) in proc(5), where the name in field 2 may hold anything, and the first field behind it is the 3rd. */
#define START_TIME 22

uint64_t peer_start_time(pid_t pid)
{
	char text[1024];
	char path[32];
	const char *at;
	ssize_t length;
	int descriptor;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return 0;
	length = read(descriptor, text, sizeof(text) - 1);
	close(descriptor);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < START_TIME; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static uint64_t birth_of(int descriptor, pid_t pid)
{
	struct statfs system;
	struct stat status;

	if (fstatfs(descriptor, &system) == 0 && system.f_type == PIDFS_MAGIC && fstat(descriptor, &status) == 0)
		return status.st_ino;
	return peer_start_time(pid);
}

int peer_watch(pid_t pid, int *ret_descriptor, uint64_t *ret_birth)
{
	struct pollfd item = { .events = POLLIN };
	uint64_t birth;

	*ret_descriptor = -1;
	*ret_birth = 0;
	if (pid <= 0)
		return 0;
	item.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (item.fd < 0)
		return errno == ENOSYS || errno == EPERM ? 0 : -errno;
	birth = birth_of(item.fd, pid);
	/* Its number was its own all the while, so what was read is its birth. */
	if (poll(&item, 1, 0) != 0) {
		close(item.fd);
		return -ESRCH;
	}
	*ret_descriptor = item.fd;
	*ret_birth = birth;
	return 0;
}
