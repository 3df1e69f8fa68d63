/* SPDX-License-Identifier: MIT */
/* The installation's root key and certificate, in the state directory. */
#include "service/root_key.h"

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME	 "root.key"
#define CERTIFICATE_NAME "root.crt"
#define FILE_SIZE_MAX	 16384

static int state_path(char path[PATH_MAX])
{
	const char *dir = secure_getenv("DXVAULT_STATE_DIR");
	const struct passwd *user;
	int length;

	if (dir && dir[0] == '/') {
		length = snprintf(path, PATH_MAX, "%s", dir);
	} else if ((dir = secure_getenv("XDG_STATE_HOME")) && dir[0] == '/') {
		length = snprintf(path, PATH_MAX, "%s/dxvault", dir);
	} else {
		dir = secure_getenv("HOME");
		/* cppcheck-suppress getpwuidCalled ; there is one thread yet */
		if ((!dir || dir[0] != '/') && (user = getpwuid(geteuid())))
			dir = user->pw_dir;
		if (!dir || dir[0] != '/')
			return -ENOENT;
		length = snprintf(path, PATH_MAX, "%s/.local/state/dxvault", dir);
	}
	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_folders(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		int result;

		*slash = '\0';
		result = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (result < 0)
			return result;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* Nobody else may read the key; a file that others could write is not trusted to be ours. */
static int file_read(int folder, const char *name, mode_t forbidden, struct gpu_bytes *ret)
{
	int descriptor = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct gpu_bytes bytes = { 0 };
	struct stat info;
	ssize_t got;
	int result;

	if (descriptor < 0)
		return -errno;
	if (fstat(descriptor, &info) < 0) {
		result = -errno;
	} else if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & forbidden) ||
		   info.st_size <= 0 || info.st_size > FILE_SIZE_MAX) {
		result = -EPERM;
	} else {
		bytes.size = (size_t)info.st_size;
		bytes.data = gpu_secret_alloc(bytes.size);
		got = bytes.data ? read(descriptor, bytes.data, bytes.size) : -1;
		result = !bytes.data ? -ENOMEM : got == (ssize_t)bytes.size ? 0 : -EIO;
	}
	close(descriptor);
	if (result < 0) {
		gpu_secret_free(bytes.data);
		return result;
	}
	*ret = bytes;
	return 0;
}

/* Whole or not at all. */
static int file_write(int folder, const char *name, const struct gpu_bytes *bytes)
{
	char temporary[64];
	int descriptor;
	int result = 0;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	descriptor = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (descriptor < 0)
		return -errno;
	errno = EIO;
	if (write(descriptor, bytes->data, bytes->size) != (ssize_t)bytes->size || fsync(descriptor) < 0)
		result = -errno;
	if (close(descriptor) < 0 && result == 0)
		result = -errno;
	if (result == 0 && renameat(folder, temporary, folder, name) < 0)
		result = -errno;
	if (result < 0)
		unlinkat(folder, temporary, 0);
	return result;
}

static int create(int folder, struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate)
{
	struct gpu_bytes certificate;
	struct gpu_bytes key;
	int result;

	result = gpu_root_create(&key, &certificate);
	if (result < 0)
		return result;
	/* The key comes last: where it is, both are. */
	result = file_write(folder, CERTIFICATE_NAME, &certificate);
	if (result == 0)
		result = file_write(folder, KEY_NAME, &key);
	if (result < 0) {
		gpu_secret_free(key.data);
		gpu_secret_free(certificate.data);
		return result;
	}
	*ret_key = key;
	*ret_certificate = certificate;
	return 0;
}

int root_key_load(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate)
{
	char path[PATH_MAX];
	int folder;
	int result;

	result = state_path(path);
	if (result < 0) {
		log_error("no state directory: set DXVAULT_STATE_DIR");
		return result;
	}
	result = make_folders(path);
	folder = result < 0 ? result : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		result = result < 0 ? result : -errno;
		log_error("state directory %s: %s", path, strerror(-result));
		return result;
	}

	/* Two services that start at once make one root. */
	flock(folder, LOCK_EX);
	result = file_read(folder, KEY_NAME, 0077, ret_key);
	if (result == -ENOENT) {
		result = create(folder, ret_key, ret_certificate);
		if (result == 0)
			log_info("made a root key for this installation in %s", path);
	} else if (result == 0) {
		result = file_read(folder, CERTIFICATE_NAME, 0022, ret_certificate);
		if (result < 0)
			gpu_secret_free(ret_key->data);
	}
	close(folder);
	if (result < 0)
		log_error("root key in %s: %s", path,
			  result == -EPERM ? "wrong owner, mode or size" : strerror(-result));
	return result;
}
