/* SPDX-License-Identifier: MIT */
/* The socket on which the service of a user listens. */
#include "service/listener.h"

#include "util/log.h"
#include "util/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static int take_inherited(struct listener *ret)
{
	int count = sd_listen_fds(/* unset_environment= */ 1);

	if (count == 0)
		return -ENOENT;
	if (count != 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 1) <= 0) {
		log_error("systemd gave something else than one listening SOCK_SEQPACKET socket");
		return -EINVAL;
	}
	*ret = (struct listener) {
		.socket = SD_LISTEN_FDS_START,
		.folder = -1,
		.lock = -1,
		.is_inherited = true,
	};
	return 0;
}

/* Whoever has the lock is the service of this user; a socket that lies about is then a dead one's. */
static int lock_take(int folder)
{
	struct stat locked;
	struct stat named;
	int result;
	int lock;

	do {
		lock = openat(folder, RUNTIME_LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (lock < 0)
			return -errno;
		if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
			result = errno == EWOULDBLOCK ? -EALREADY : -errno;
			close(lock);
			return result;
		}
		/* A service that left took the name away after we had opened it: then the next one locks another file. */
		if (fstat(lock, &locked) == 0 && fstatat(folder, RUNTIME_LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    locked.st_ino == named.st_ino && locked.st_dev == named.st_dev)
			return lock;
		close(lock);
	} while (true);
}

#define UNFINISHED RUNTIME_SOCKET_NAME ".new"

static int socket_make(int folder, mode_t mode)
{
	struct sockaddr_un address;
	int descriptor;
	int on = 1;
	int result;

	descriptor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -errno;
	/*
	 * It has its name when it can be connected to, and not before. Who then comes before the service is ready has a hello
	 * that says who it is from.
	 */
	runtime_dir_socket_address(folder, UNFINISHED, &address);
	if ((unlinkat(folder, UNFINISHED, 0) < 0 && errno != ENOENT) ||
	    bind(descriptor, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(folder, UNFINISHED, mode, 0) < 0 ||
	    setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 || listen(descriptor, 128) < 0 ||
	    renameat(folder, UNFINISHED, folder, RUNTIME_SOCKET_NAME) < 0) {
		result = -errno;
		close(descriptor);
		return result;
	}
	return descriptor;
}

/* The folder of the machine has to be the service's own: it makes files there. */
static int system_folder_open(int *ret_folder)
{
	uid_t owner;
	int result;

	result = runtime_dir_open_system(ret_folder, &owner);
	if (result == 0 && owner != geteuid()) {
		close(*ret_folder);
		*ret_folder = -1;
		return -EPERM;
	}
	return result;
}

static int folder_open(bool for_all, int *ret_folder)
{
	char path[PATH_MAX] = RUNTIME_SYSTEM_DIR;
	const char *wanted = for_all ? "not a folder of this user that nobody else writes to"
				     : "not a folder of this user with mode 0700";
	int result;

	result = for_all ? system_folder_open(ret_folder) : runtime_dir_open(/* create= */ true, ret_folder, path);
	if (result < 0)
		log_error("runtime directory %s: %s", path, result == -EPERM ? wanted : strerror(-result));
	return result;
}

int listener_open(bool for_all, struct listener *ret)
{
	struct listener listener = { .socket = -1, .folder = -1, .lock = -1 };
	int result;

	result = take_inherited(ret);
	if (result != -ENOENT)
		return result;
	result = folder_open(for_all, &listener.folder);
	if (result < 0)
		return result;
	listener.lock = lock_take(listener.folder);
	if (listener.lock >= 0)
		listener.socket = socket_make(listener.folder, for_all ? 0666 : 0600);
	result = listener.lock < 0 ? listener.lock : listener.socket;
	if (result < 0) {
		if (result != -EALREADY)
			log_error("the socket can't be made: %s", strerror(-result));
		if (listener.lock >= 0)
			close(listener.lock);
		close(listener.folder);
		return result;
	}
	*ret = listener;
	return 0;
}

void listener_close(struct listener *listener)
{
	if (!listener->is_inherited) {
		/* While the lock is held, so that it is not another one's. The lock file goes last and with the lock. */
		unlinkat(listener->folder, RUNTIME_SOCKET_NAME, 0);
		close(listener->socket);
		unlinkat(listener->folder, RUNTIME_LOCK_NAME, 0);
		close(listener->lock);
		close(listener->folder);
		return;
	}
	close(listener->socket);
}
