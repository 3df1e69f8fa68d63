/* SPDX-License-Identifier: MIT */
/* Which system calls the service makes once it is ready. Any other one kills it. */
#include "service/sandbox.h"

#include "config.h"

#include <errno.h>

#ifdef CONFIG_SECCOMP

#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * By name: what the library does not know, it can't allow, and a libc of its time does not call. Some stand here for what
 * another libc, or a later one, calls instead.
 */
static const char *const allowed[] = {
	/* memory */
	"brk",
	"madvise",
	"memfd_create",
	"memfd_secret",
	"mlock",
	"mlock2",
	"mremap",
	"munlock",
	"munmap",
	/* descriptors; what can be opened is below */
	"close",
	"fallocate",
	"fstat",
	"fstatfs",
	"ftruncate",
	"lseek",
	"newfstatat",
	"pidfd_open",
	"read",
	"readv",
	"statx",
	"unlinkat",
	"write",
	"writev",
	/* events */
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"poll",
	"ppoll",
	"signalfd4",
	"timerfd_create",
	"timerfd_settime",
	/* sockets; a new one is below */
	"accept4",
	"recvfrom",
	"recvmsg",
	"sendmsg",
	"shutdown",
	/* threads; a new one is below */
	"exit",
	"exit_group",
	"futex",
	"futex_requeue",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"getcpu",
	"getpid",
	"gettid",
	"rseq",
	"sched_getaffinity",
	"sched_yield",
	"set_robust_list",
	/* signals of its own */
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	/* clocks; most of them need no call */
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"gettimeofday",
	"nanosleep",
	"time",
	/* questions about itself and the machine */
	"getegid",
	"geteuid",
	"getgid",
	"getrandom",
	"getrlimit",
	"getuid",
	"sysinfo",
	"uname",
};

/* An int may have anything in the upper half of its register. */
#define IS(at, value)	     SCMP_CMP(at, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(value))
#define HAS(at, mask, value) SCMP_CMP(at, SCMP_CMP_MASKED_EQ, (mask), (value))
#define IS_NULL(at)	     SCMP_CMP(at, SCMP_CMP_EQ, 0)

#define OPEN_MASK   (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | (O_TMPFILE & ~O_DIRECTORY))
#define SOCKET_TYPE (0xffffffffu & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))

/* clone(2): a thread, and in the namespaces of the others. */
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define CLONE_MASK (THREAD | NAMESPACES | CLONE_PTRACE | CLONE_VFORK | CLONE_UNTRACED | CLONE_PIDFD | CLONE_IO)

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

struct rule {
	const char *name;
	uint32_t action;
	unsigned int count;
	struct scmp_arg_cmp arguments[3];
};

static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
	int number = seccomp_syscall_resolve_name(rule->name);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, rule->action, number, rule->count, rule->arguments);
}

static int add_rules(scmp_filter_ctx filter)
{
	const uint32_t allow = SCMP_ACT_ALLOW;
	const struct rule rules[] = {
		/* From now on no memory becomes code. */
		{ "mmap", allow, 1, { HAS(2, PROT_EXEC, 0) } },
		{ "mprotect", allow, 1, { HAS(2, PROT_EXEC, 0) } },
		{ "openat", allow, 1, { HAS(2, OPEN_MASK, O_RDONLY) } },
		{ "open", allow, 1, { HAS(1, OPEN_MASK, O_RDONLY) } },
		{ "fcntl", allow, 1, { IS(1, F_DUPFD_CLOEXEC) } },
		{ "fcntl", allow, 1, { IS(1, F_GETFD) } },
		{ "fcntl", allow, 1, { IS(1, F_SETFD) } },
		{ "fcntl", allow, 1, { IS(1, F_GETFL) } },
		{ "fcntl", allow, 1, { IS(1, F_SETFL) } },
		{ "fcntl", allow, 1, { IS(1, F_ADD_SEALS) } },
		{ "fcntl", allow, 1, { IS(1, F_GET_SEALS) } },
		/* stdio asks whether a file is a terminal, and is content with a no. */
		{ "ioctl", SCMP_ACT_ERRNO(ENOTTY), 1, { IS(1, TCGETS) } },
		/* NT handles. Nothing can be connected to: somebody there might do what the service may not. */
		{ "socketpair", allow, 2, { IS(0, AF_UNIX), HAS(1, SOCKET_TYPE, SOCK_SEQPACKET) } },
		/* syslog(3), where its socket broke. */
		{ "socket", SCMP_ACT_ERRNO(EACCES), 1, { IS(0, AF_UNIX) } },
		{ "sendto", allow, 1, { IS_NULL(4) } },
		{ "getsockopt", allow, 1, { IS(1, SOL_SOCKET) } },
		{ "setsockopt", allow, 2, { IS(1, SOL_SOCKET), IS(2, SO_PASSCRED) } },
		{ "clone", allow, 1, { HAS(CLONE_FLAGS, CLONE_MASK, THREAD) } },
		/* Its flags are in memory, where they can't be looked at. libc then calls clone. */
		{ "clone3", SCMP_ACT_ERRNO(ENOSYS), 0, { { 0 } } },
		{ "sched_setaffinity", allow, 1, { IS(0, 0) } },
		{ "prctl", allow, 1, { IS(0, PR_SET_NAME) } },
		{ "prlimit64", allow, 2, { IS(0, 0), IS_NULL(2) } },
		/* abort(3) */
		{ "tgkill", allow, 1, { IS(0, getpid()) } },
	};
	int result = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && result == 0; i++)
		result = add_rule(filter, &(struct rule) { .name = allowed[i], .action = allow });
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && result == 0; i++)
		result = add_rule(filter, &rules[i]);
	return result;
}

int sandbox_filter_calls(const char **ret_reason)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result;

	*ret_reason = "system calls can't be filtered";
	if (!filter)
		return -ENOMEM;
	result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree: the time that a call takes does not grow with the list. */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = add_rules(filter);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

#else

int sandbox_filter_calls(const char **ret_reason)
{
	*ret_reason = "built without libseccomp";
	return -ENOSYS;
}

#endif
