/* SPDX-License-Identifier: MIT */
/* Enters the sandbox, part by part, and drops the capabilities. */
#include "service/sandbox.h"

#include "config.h"
#include "wire/message.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct __user_cap_data_struct capability_data[_LINUX_CAPABILITY_U32S_3];

/* ---- capabilities --------------------------------------------------------------------------------- */

static int get_capabilities(capability_data ret)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	memset(ret, 0, sizeof(capability_data));
	return syscall(SYS_capget, &header, ret) < 0 ? -errno : 0;
}

static bool has_any(const capability_data data)
{
	uint32_t any = 0;

	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		any |= data[i].effective | data[i].permitted | data[i].inheritable;
	return any != 0;
}

/*
 * CAP_IPC_LOCK sets root's memory free of RLIMIT_MEMLOCK. Without the capability the limit itself has to; where it can't be
 * raised, the capability stays: pictures in memory that core files and swap see are worse than a right to lock memory.
 */
static bool needs_memory_lock(const capability_data data)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	return (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) &&
	       setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0;
}

int sandbox_drop_capabilities(uint32_t *ret_part, const char **ret_reason)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	capability_data data;
	bool keeps = false;
	int result;

	*ret_reason = "capabilities can't be dropped";
	/* Both fail for whoever has nothing to drop. What the bounding set holds then, no_new_privs keeps out of reach. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i) >= 0; i++)
		(void)prctl(PR_CAPBSET_DROP, i);
	result = get_capabilities(data);
	if (result == 0 && has_any(data)) {
		keeps = needs_memory_lock(data);
		memset(data, 0, sizeof(data));
		if (keeps) {
			data[CAP_TO_INDEX(CAP_IPC_LOCK)].permitted = CAP_TO_MASK(CAP_IPC_LOCK);
			data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective = CAP_TO_MASK(CAP_IPC_LOCK);
		}
		if (syscall(SYS_capset, &header, data) < 0)
			result = -errno;
	}
	*ret_part = keeps ? WIRE_SANDBOX_MEMORY_LOCK : WIRE_SANDBOX_CAPABILITIES;
	return result;
}

/* ---- all parts ------------------------------------------------------------------------------------ */

static void note(struct sandbox *sandbox, const char *reason, int error)
{
	const char *name = error < 0 ? strerrorname_np(-error) : NULL;
	size_t length = strlen(sandbox->reason);

	(void)snprintf(sandbox->reason + length, sizeof(sandbox->reason) - length, "%s%s%s%s%s", length > 0 ? "; " : "",
		       reason, name ? " (" : "", name ? name : "", name ? ")" : "");
}

static void add(struct sandbox *sandbox, uint32_t part, int result, const char *reason)
{
	if (result < 0)
		note(sandbox, reason, result);
	else
		sandbox->parts |= part;
}

bool sandbox_is_built(void)
{
#ifdef CONFIG_INSTRUMENTED
	return false;
#else
	return true;
#endif
}

bool sandbox_is_whole(const struct sandbox *sandbox)
{
	return sandbox->reason[0] == '\0';
}

void sandbox_leave_out(uint32_t parts, const char *reason, struct sandbox *ret)
{
	*ret = (struct sandbox) { .parts = parts };
	note(ret, reason, 0);
}

/* Capabilities and Landlock are a thread's own: one that ran already would stay outside. */
static bool has_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3;
}

int sandbox_enter(const struct sandbox_folders *folders, struct sandbox *ret)
{
	const char *reason = NULL;
	struct sandbox sandbox = { 0 };
	uint32_t part;
	int result;

	if (has_threads())
		return -EBUSY;
	result = sandbox_drop_capabilities(&part, &reason);
	add(&sandbox, part, result, reason);
	result = sandbox_restrict_files(folders, &reason);
	add(&sandbox, WIRE_SANDBOX_LANDLOCK, result, reason);
	/* Last: it has none of the calls above. */
	result = sandbox_filter_calls(&reason);
	add(&sandbox, WIRE_SANDBOX_SECCOMP, result, reason);
	*ret = sandbox;
	return 0;
}
