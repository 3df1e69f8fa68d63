/* SPDX-License-Identifier: MIT */
/* Landlock: which files the service can reach by a name. What it has open already stays open. */
#include "service/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on all architectures. Debian 12's headers know the first ABI only, so what is used of all stands here. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define FS_READ_FILE   (1ull << 2)
#define FS_REMOVE_FILE (1ull << 5)

struct ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

/* Packed, as linux/landlock.h has it. */
struct path_beneath {
	uint64_t allowed_access;
	int32_t parent;
} __attribute__((packed));

/* What each ABI has brought; all of it is denied but for the rules below. */
static const struct ruleset brought[] = {
	{ .handled_access_fs = (1ull << 13) - 1 },	 /* 1: files and folders */
	{ .handled_access_fs = 1ull << 13 },		 /* 2: to move or link between folders */
	{ .handled_access_fs = 1ull << 14 },		 /* 3: to truncate */
	{ .handled_access_net = 1ull << 0 | 1ull << 1 }, /* 4: TCP, to bind and to connect */
	{ .handled_access_fs = 1ull << 15 },		 /* 5: ioctls of devices */
	{ .scoped = 1ull << 0 | 1ull << 1 },		 /* 6: abstract UNIX sockets, signals */
};

static struct ruleset ruleset_for(long abi)
{
	struct ruleset all = { 0 };

	for (long i = 0; i < abi && i < (long)(sizeof(brought) / sizeof(brought[0])); i++) {
		all.handled_access_fs |= brought[i].handled_access_fs;
		all.handled_access_net |= brought[i].handled_access_net;
		all.scoped |= brought[i].scoped;
	}
	return all;
}

static int allow(int ruleset, int folder, uint64_t access)
{
	const struct path_beneath rule = { .allowed_access = access, .parent = folder };

	return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

static int allow_path(int ruleset, const char *path, uint64_t access)
{
	int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (folder < 0)
		return -errno;
	result = allow(ruleset, folder, access);
	close(folder);
	return result;
}

/* Which folders there are is known now. */
static int add_rules(int ruleset, const struct sandbox_folders *folders)
{
	int result;

	/* stat and comm of clients. Of another process's memory Landlock itself keeps the service away, as ptrace(2) is. */
	result = allow_path(ruleset, "/proc", FS_READ_FILE);
	if (result == -ENOENT)
		result = 0;
	/* The socket and the lock, when the service leaves. */
	if (result == 0 && folders->runtime >= 0)
		result = allow(ruleset, folders->runtime, FS_REMOVE_FILE);
	/* A contact sheet on which there is nothing. */
	if (result == 0 && folders->screen >= 0)
		result = allow(ruleset, folders->screen, FS_REMOVE_FILE);
	return result;
}

int sandbox_restrict_files(const struct sandbox_folders *folders, const char **ret_reason)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	struct ruleset rules;
	int ruleset;
	int result;

	*ret_reason = "Landlock is not in this kernel, or off";
	if (abi < 1)
		return abi < 0 ? -errno : -ENOSYS;
	rules = ruleset_for(abi);
	*ret_reason = "Landlock failed";
	/* A kernel that knows less takes the longer structure: what it does not know is 0. */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (ruleset < 0)
		return -errno;
	result = add_rules(ruleset, folders);
	if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		result = -errno;
	close(ruleset);
	return result;
}
