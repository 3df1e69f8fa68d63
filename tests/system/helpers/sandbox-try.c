/* SPDX-License-Identifier: MIT */
/*
 * LD_PRELOADed into dxvaultd: sandbox.sh. In place of the event loop, from inside the sandbox, it does what $DXVAULT_TRY
 * names, with $DXVAULT_TRY_ARGUMENT, says how that went, and ends. The system seems to lack what $DXVAULT_TRY_WITHOUT names:
 * capset, landlock, seccomp.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

struct sd_event;
int sd_event_loop(struct sd_event *event);
int seccomp_load(void *filter);

/* Negative with errno where the call was refused. Without a sandbox some fail as well, but all return. */
typedef long attempt(void);

static const char *argument(void)
{
	const char *text = getenv("DXVAULT_TRY_ARGUMENT");

	return text ? text : "";
}

static pid_t other_process(void)
{
	return (pid_t)strtol(argument(), NULL, 10);
}

/* ---- what a system may lack ----------------------------------------------------------------------- */

static bool is_without(const char *what)
{
	const char *text = getenv("DXVAULT_TRY_WITHOUT");

	return text && strcmp(text, what) == 0;
}

/* In place of libc's, with as many arguments as there may be. */
long syscall(long __sysno, ...)
{
	long (*next)(long, long, long, long, long, long,
		     long) = (long (*)(long, long, long, long, long, long, long))dlsym(RTLD_NEXT, "syscall");
	long arguments[6];
	va_list list;

	if (__sysno == SYS_landlock_create_ruleset && is_without("landlock")) {
		errno = ENOSYS;
		return -1;
	}
	if (__sysno == SYS_capset && is_without("capset")) {
		errno = EPERM;
		return -1;
	}
	va_start(list, __sysno);
	for (size_t i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	return next(__sysno, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

/* In place of libseccomp's. */
int seccomp_load(void *filter)
{
	int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "seccomp_load");

	return is_without("seccomp") || !next ? -EINVAL : next(filter);
}

/* ---- what kills ----------------------------------------------------------------------------------- */

static long try_create(void)
{
	return open(argument(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static long try_write(void)
{
	return open(argument(), O_RDWR | O_CLOEXEC);
}

static long try_truncate(void)
{
	return truncate(argument(), 0);
}

static long try_temporary(void)
{
	return open(argument(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static long try_mkdir(void)
{
	return mkdir(argument(), 0700);
}

static long try_rename(void)
{
	return rename(argument(), argument());
}

static long try_chmod(void)
{
	return chmod(argument(), 0777);
}

static long try_execve(void)
{
	return execl("/bin/true", "true", NULL);
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long try_vfork(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD | CLONE_NEWUSER | CLONE_THREAD, NULL, NULL, NULL,
		       NULL);
}

static long try_new_namespace(void)
{
	return syscall(SYS_clone, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID, NULL,
		       NULL, NULL, NULL);
}

static long try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long try_alg(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0);
}

static long try_datagrams(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
}

static long try_connect(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		abort();
	return connect(ends[0], (const struct sockaddr *)&address, sizeof(address));
}

static long try_sendto(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		abort();
	return sendto(ends[0], "", 1, 0, (const struct sockaddr *)&address, sizeof(address));
}

static long try_setsockopt(void)
{
	int ends[2];
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		abort();
	return setsockopt(ends[0], SOL_SOCKET, SO_DEBUG, &on, sizeof(on));
}

static long try_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

static long try_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		abort();
	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long try_make_code_with_key(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		abort();
	return syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_SEIZE, other_process(), NULL, NULL);
}

static long try_read_process(void)
{
	char byte;
	struct iovec here = { &byte, 1 };

	return process_vm_readv(other_process(), &here, 1, &here, 1, 0);
}

static long try_write_process(void)
{
	char byte = 0;
	struct iovec here = { &byte, 1 };

	return process_vm_writev(other_process(), &here, 1, &here, 1, 0);
}

static long try_kill(void)
{
	return kill(other_process(), 0);
}

static long try_tgkill(void)
{
	return syscall(SYS_tgkill, other_process(), other_process(), 0);
}

static long try_pidfd_signal(void)
{
	return syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, other_process(), 0), 0, NULL, 0);
}

static long try_pidfd_getfd(void)
{
	return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, other_process(), 0), 0, 0);
}

static long try_setuid(void)
{
	return syscall(SYS_setuid, getuid());
}

static long try_capset(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return syscall(SYS_capset, &header, data);
}

static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_setns(void)
{
	return setns(-1, 0);
}

static long try_mount(void)
{
	return mount("none", "/", "tmpfs-of-no-kind", 0, NULL);
}

static long try_chroot(void)
{
	return chroot("/");
}

static long try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long try_perf(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static long try_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long try_keyctl(void)
{
	return syscall(SYS_keyctl, 0, -3, 0);
}

static long try_personality(void)
{
	return personality(READ_IMPLIES_EXEC);
}

static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC);
}

static long try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static long try_raise_limit(void)
{
	const struct rlimit limit = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &limit);
}

static long try_limit_of_another(void)
{
	struct rlimit limit;

	return syscall(SYS_prlimit64, other_process(), RLIMIT_CORE, NULL, &limit);
}

static long try_priority(void)
{
	cpu_set_t all;

	CPU_ZERO(&all);
	CPU_SET(0, &all);
	return sched_setaffinity(other_process(), sizeof(all), &all);
}

static long try_terminal(void)
{
	return ioctl(STDERR_FILENO, TIOCSTI, "");
}

static long try_owner(void)
{
	return fcntl(STDERR_FILENO, F_SETOWN, other_process());
}

static long try_unknown(void)
{
	return syscall(100000);
}

#ifdef __x86_64__
/* The same calls by other numbers, which a filter has to know. */
static long try_x32(void)
{
	return syscall(0x40000000 | SYS_getpid);
}

static long try_i386(void)
{
	long result = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result;
}
#endif

/* ---- what is refused ------------------------------------------------------------------------------ */

static long try_open(void)
{
	return open(argument(), O_RDONLY | O_CLOEXEC);
}

static long try_open_folder(void)
{
	return open(argument(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long try_remove(void)
{
	return unlinkat(AT_FDCWD, argument(), 0);
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

/* ---- what goes on working ------------------------------------------------------------------------- */

static long try_abort(void)
{
	abort();
}

static long try_log(void)
{
	openlog("dxvaultd", 0, LOG_DAEMON);
	closelog();
	syslog(LOG_DEBUG, "tried");
	return 0;
}

static const struct {
	const char *name;
	attempt *function;
} attempts[] = {
	{ "create", try_create },
	{ "write", try_write },
	{ "truncate", try_truncate },
	{ "temporary", try_temporary },
	{ "mkdir", try_mkdir },
	{ "rename", try_rename },
	{ "chmod", try_chmod },
	{ "execve", try_execve },
	{ "fork", try_fork },
	{ "vfork", try_vfork },
	{ "new-namespace", try_new_namespace },
	{ "inet", try_inet },
	{ "netlink", try_netlink },
	{ "alg", try_alg },
	{ "datagrams", try_datagrams },
	{ "connect", try_connect },
	{ "sendto", try_sendto },
	{ "setsockopt", try_setsockopt },
	{ "map-code", try_map_code },
	{ "make-code", try_make_code },
	{ "make-code-with-key", try_make_code_with_key },
	{ "ptrace", try_ptrace },
	{ "read-process", try_read_process },
	{ "write-process", try_write_process },
	{ "kill", try_kill },
	{ "tgkill", try_tgkill },
	{ "pidfd-signal", try_pidfd_signal },
	{ "pidfd-getfd", try_pidfd_getfd },
	{ "setuid", try_setuid },
	{ "capset", try_capset },
	{ "unshare", try_unshare },
	{ "setns", try_setns },
	{ "mount", try_mount },
	{ "chroot", try_chroot },
	{ "bpf", try_bpf },
	{ "perf", try_perf },
	{ "uring", try_uring },
	{ "keyctl", try_keyctl },
	{ "personality", try_personality },
	{ "userfaultfd", try_userfaultfd },
	{ "dumpable", try_dumpable },
	{ "raise-limit", try_raise_limit },
	{ "limit-of-another", try_limit_of_another },
	{ "priority", try_priority },
	{ "terminal", try_terminal },
	{ "owner", try_owner },
	{ "unknown", try_unknown },
#ifdef __x86_64__
	{ "x32", try_x32 },
	{ "i386", try_i386 },
#endif
	{ "open", try_open },
	{ "open-folder", try_open_folder },
	{ "remove", try_remove },
	{ "unix", try_unix },
	{ "clone3", try_clone3 },
	{ "abort", try_abort },
	{ "log", try_log },
};

static int list(void)
{
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		printf("%s\n", attempts[i].name);
	fflush(stdout);
	_exit(0);
}

int sd_event_loop(struct sd_event *event)
{
	int (*next)(struct sd_event *) = (int (*)(struct sd_event *))dlsym(RTLD_NEXT, "sd_event_loop");
	const char *name = getenv("DXVAULT_TRY");
	char line[64];
	long result;

	if (!name)
		return next ? next(event) : -ENOSYS;
	if (strcmp(name, "list") == 0)
		return list();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		if (strcmp(name, attempts[i].name) != 0)
			continue;
		errno = 0;
		result = attempts[i].function();
		(void)snprintf(line, sizeof(line), "%s\n", result < 0 ? strerrorname_np(errno) : "done");
		(void)!write(STDOUT_FILENO, line, strlen(line));
		_exit(0);
	}
	_exit(99);
}
