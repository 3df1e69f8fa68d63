/* SPDX-License-Identifier: MIT */
/* Where the service of a user listens. */
#include "util/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir_path(char path[PATH_MAX])
{
	const char *dir = secure_getenv("DXVAULT_RUNTIME_DIR");
	int length;

	if (dir && dir[0] == '/')
		length = snprintf(path, PATH_MAX, "%s", dir);
	else if ((dir = secure_getenv("XDG_RUNTIME_DIR")) && dir[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/dxvault", dir);
	else
		length = snprintf(path, PATH_MAX, "/tmp/dxvault-%u", (unsigned int)geteuid());
	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int runtime_dir_open(bool create, int *ret_descriptor, char ret_path[PATH_MAX])
{
	char buffer[PATH_MAX];
	char *path = ret_path ? ret_path : buffer;
	struct stat info;
	int descriptor;
	int result;

	result = dir_path(path);
	if (result < 0)
		return result;
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* Whoever made it first, in a folder that all may write to, is found out by owner and mode. */
	descriptor = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(descriptor, &info) < 0) {
		result = -errno;
		close(descriptor);
		return result;
	}
	if (info.st_uid != geteuid() || (info.st_mode & 07777) != 0700) {
		close(descriptor);
		return -EPERM;
	}
	*ret_descriptor = descriptor;
	return 0;
}

int runtime_dir_open_system(int *ret_descriptor, uid_t *ret_owner)
{
	int descriptor = open(RUNTIME_SYSTEM_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;

	if (descriptor < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(descriptor, &info) < 0 || (info.st_mode & 022)) {
		close(descriptor);
		return -EPERM;
	}
	*ret_descriptor = descriptor;
	*ret_owner = info.st_uid;
	return 0;
}

static bool has_socket(int descriptor)
{
	struct stat info;

	return fstatat(descriptor, RUNTIME_SOCKET_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(info.st_mode);
}

int runtime_dir_find(int *ret_descriptor, uid_t *ret_owner)
{
	int descriptor = -1;
	uid_t owner = 0;
	int result;

	result = runtime_dir_open(/* create= */ false, &descriptor, /* ret_path= */ NULL);
	/* A folder of one's own that is not as it should be is an error, and no reason to look elsewhere. */
	if ((result == -ENOENT || (result == 0 && !has_socket(descriptor))) && !secure_getenv("DXVAULT_RUNTIME_DIR")) {
		int system_descriptor = -1;

		if (runtime_dir_open_system(&system_descriptor, &owner) == 0) {
			if (has_socket(system_descriptor)) {
				if (descriptor >= 0)
					close(descriptor);
				*ret_descriptor = system_descriptor;
				*ret_owner = owner;
				return 0;
			}
			close(system_descriptor);
		}
	}
	if (result < 0)
		return result;
	*ret_descriptor = descriptor;
	*ret_owner = geteuid();
	return 0;
}

void runtime_dir_socket_address(int descriptor, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", descriptor, name);
}
