/* SPDX-License-Identifier: MIT */
/* A sandbox of which a part can't be had: that part is not claimed, the reason is said, and the others are entered. */
#include "service/sandbox.h"
#include "wire/message.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef CONFIG_SECCOMP
#include <seccomp.h>
#endif

#include <cmocka.h>

enum { LANDLOCK_CREATE = 444, LANDLOCK_RULE = 445, LANDLOCK_RESTRICT = 446 };

/*
 * Nothing of it happens to this process: what it would ask of the system is answered here, and noted.
 */
static struct {
	/* Errors, 0: none. */
	int capget, capset, landlock_version, landlock_create, landlock_restrict, open_proc, limit;
	unsigned int failing_rule; /* the how manieth, from 1; 0: none */
	int filter_init, filter_attribute, filter_rule, filter_load;
	long abi;
	bool has_capabilities, has_threads;

	/* Noted. */
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
	bool is_set, is_restricted, is_filtered;
	uint64_t handled_files;
	unsigned int rules, filter_rules, dropped;
	int open; /* rulesets and filters that were not given back */
} fake;

struct path_rule {
	uint64_t access;
	int32_t folder;
} __attribute__((packed));

static int answer(int error)
{
	errno = error;
	return error != 0 ? -1 : 0;
}

static long capabilities_get(struct __user_cap_data_struct *ret)
{
	memset(ret, fake.has_capabilities ? 0xff : 0, _LINUX_CAPABILITY_U32S_3 * sizeof(*ret));
	return answer(fake.capget);
}

static long capabilities_set(const struct __user_cap_data_struct *data)
{
	if (fake.capset == 0) {
		memcpy(fake.set, data, sizeof(fake.set));
		fake.is_set = true;
	}
	return answer(fake.capset);
}

static long ruleset_create(const uint64_t *rules, size_t size, unsigned int flags)
{
	if (flags != 0)
		return fake.landlock_version != 0 ? answer(fake.landlock_version) : fake.abi;
	assert_true(size >= sizeof(uint64_t));
	fake.handled_files = rules[0];
	if (fake.landlock_create != 0)
		return answer(fake.landlock_create);
	fake.open++;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long rule_add(const struct path_rule *rule)
{
	/* To read what is in /proc, to remove what is in the service's folders, and no more. */
	assert_true(rule->access == 1u << 2 || rule->access == 1u << 5);
	fake.rules++;
	return answer(fake.rules == fake.failing_rule ? EINVAL : 0);
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	va_list list;
	void *first, *second, *third;

	va_start(list, number);
	first = va_arg(list, void *);
	second = va_arg(list, void *);
	third = va_arg(list, void *);
	va_end(list);
	switch (number) {
	case SYS_capget:
		return capabilities_get(second);
	case SYS_capset:
		return capabilities_set(second);
	case LANDLOCK_CREATE:
		return ruleset_create(first, (size_t)second, (unsigned int)(uintptr_t)third);
	case LANDLOCK_RULE:
		return rule_add(third);
	case LANDLOCK_RESTRICT:
		fake.is_restricted = fake.landlock_restrict == 0;
		return answer(fake.landlock_restrict);
	default:
		fail_msg("system call %ld", number);
		return -1;
	}
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	va_list list;
	unsigned long capability;

	va_start(list, option);
	capability = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_CAPBSET_READ)
		return capability < 40 ? 1 : answer(EINVAL);
	fake.dropped += option == PR_CAPBSET_DROP;
	return 0;
}

int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit64(__rlimit_resource_t resource, const struct rlimit *limit)
{
	assert_int_equal(resource, RLIMIT_MEMLOCK);
	assert_true(limit->rlim_cur == RLIM_INFINITY);
	return answer(fake.limit);
}

int __wrap_stat64(const char *path, struct stat *ret);
int __wrap_stat64(const char *path, struct stat *ret)
{
	assert_string_equal(path, "/proc/self/task");
	*ret = (struct stat) { .st_nlink = fake.has_threads ? 4 : 3 };
	return 0;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	if (strcmp(path, "/proc") == 0 && fake.open_proc != 0)
		return answer(fake.open_proc);
	return __real_open64(path, flags);
}

int __real_close(int descriptor);
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
	char path[32], target[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	if (readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "/dev/null") == 0)
		fake.open--;
	return __real_close(descriptor);
}

#ifdef CONFIG_SECCOMP
scmp_filter_ctx __real_seccomp_init(uint32_t action);
scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
int __real_seccomp_attr_set(scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value);
int __wrap_seccomp_attr_set(scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value);
int __real_seccomp_rule_add_array(scmp_filter_ctx filter, uint32_t action, int number, unsigned int count,
				  const struct scmp_arg_cmp *arguments);
int __wrap_seccomp_rule_add_array(scmp_filter_ctx filter, uint32_t action, int number, unsigned int count,
				  const struct scmp_arg_cmp *arguments);
int __wrap_seccomp_load(const scmp_filter_ctx filter);
void __real_seccomp_release(scmp_filter_ctx filter);
void __wrap_seccomp_release(scmp_filter_ctx filter);

scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	assert_int_equal(action, SCMP_ACT_KILL_PROCESS);
	if (fake.filter_init != 0)
		return NULL;
	fake.open++;
	return __real_seccomp_init(action);
}

int __wrap_seccomp_attr_set(scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value)
{
	return fake.filter_attribute != 0 ? -fake.filter_attribute : __real_seccomp_attr_set(filter, attribute, value);
}

int __wrap_seccomp_rule_add_array(scmp_filter_ctx filter, uint32_t action, int number, unsigned int count,
				  const struct scmp_arg_cmp *arguments)
{
	assert_true(action != SCMP_ACT_KILL_PROCESS);
	fake.filter_rules++;
	if (fake.filter_rules == (unsigned int)fake.filter_rule)
		return -EFAULT;
	return __real_seccomp_rule_add_array(filter, action, number, count, arguments);
}

int __wrap_seccomp_load(const scmp_filter_ctx filter)
{
	(void)filter;
	fake.is_filtered = fake.filter_load == 0;
	return -fake.filter_load;
}

void __wrap_seccomp_release(scmp_filter_ctx filter)
{
	fake.open--;
	__real_seccomp_release(filter);
}
#endif

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.abi = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fake.open;
}

#ifdef CONFIG_SECCOMP
#define FILTER WIRE_SANDBOX_SECCOMP
#else
#define FILTER 0u
#endif

static const struct sandbox_folders folders = { .runtime = 0, .screen = 0 };
static struct sandbox sandbox;

static void enter(void)
{
	memset(&sandbox, 0x5a, sizeof(sandbox));
	assert_int_equal(sandbox_enter(&folders, &sandbox), 0);
	assert_int_equal(sandbox_is_whole(&sandbox), sandbox.reason[0] == '\0');
}

#ifdef CONFIG_SECCOMP

static void test_all_of_it(void **state)
{
	(void)state;
	enter();
	assert_true(sandbox_is_whole(&sandbox));
	assert_int_equal(sandbox.parts, WIRE_SANDBOX_CAPABILITIES | WIRE_SANDBOX_LANDLOCK | FILTER);
	assert_true(fake.is_restricted && fake.is_filtered);
	assert_int_equal(fake.rules, 3);
	assert_int_equal(fake.dropped, 40);
	/* Where there is nothing to remove and no /proc. */
	setup(NULL);
	fake.open_proc = ENOENT;
	assert_int_equal(sandbox_enter(&(struct sandbox_folders) { -1, -1 }, &sandbox), 0);
	assert_true(sandbox_is_whole(&sandbox));
	assert_int_equal(fake.rules, 0);
}

static void assert_lacks(uint32_t part, const char *reason)
{
	enter();
	assert_int_equal(sandbox.parts, (WIRE_SANDBOX_CAPABILITIES | WIRE_SANDBOX_LANDLOCK | FILTER) & ~part);
	assert_string_equal(sandbox.reason, reason);
	assert_int_equal(fake.is_restricted, part != WIRE_SANDBOX_LANDLOCK);
	assert_int_equal(fake.is_filtered, part != FILTER);
	assert_int_equal(fake.open, 0);
	setup(NULL);
}

static void test_a_part_that_is_missing(void **state)
{
	(void)state;
	fake.capget = EPERM;
	assert_lacks(WIRE_SANDBOX_CAPABILITIES, "capabilities can't be dropped (EPERM)");
	fake.has_capabilities = true;
	fake.capset = EPERM;
	assert_lacks(WIRE_SANDBOX_CAPABILITIES, "capabilities can't be dropped (EPERM)");
	fake.landlock_version = EOPNOTSUPP;
	assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock is not in this kernel, or off (EOPNOTSUPP)");
	fake.abi = 0;
	assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock is not in this kernel, or off (ENOSYS)");
	fake.landlock_create = EMFILE;
	assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock failed (EMFILE)");
	fake.landlock_restrict = EPERM;
	assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock failed (EPERM)");
	fake.open_proc = EACCES;
	assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock failed (EACCES)");
	for (unsigned int rule = 1; rule <= 3; rule++) {
		fake.failing_rule = rule;
		assert_lacks(WIRE_SANDBOX_LANDLOCK, "Landlock failed (EINVAL)");
	}
	fake.filter_init = 1;
	assert_lacks(FILTER, "system calls can't be filtered (ENOMEM)");
	fake.filter_attribute = EACCES;
	assert_lacks(FILTER, "system calls can't be filtered (EACCES)");
	fake.filter_load = EINVAL;
	assert_lacks(FILTER, "system calls can't be filtered (EINVAL)");
}

/* A list with a hole is no list: it is not entered. */
static void test_a_rule_that_is_missing(void **state)
{
	unsigned int rules;

	(void)state;
	enter();
	rules = fake.filter_rules;
	assert_true(rules > 80);
	for (unsigned int rule = 1; rule <= rules; rule += 9) {
		setup(NULL);
		fake.filter_rule = (int)rule;
		assert_lacks(FILTER, "system calls can't be filtered (EFAULT)");
	}
}

static void test_all_parts_are_missing(void **state)
{
	(void)state;
	fake.capget = EPERM;
	fake.abi = 0;
	fake.filter_load = EINVAL;
	enter();
	assert_int_equal(sandbox.parts, 0);
	assert_string_equal(sandbox.reason,
			    "capabilities can't be dropped (EPERM); Landlock is not in this kernel, or off "
			    "(ENOSYS); system calls can't be filtered (EINVAL)");
}

#endif

/* What a newer kernel can keep away is kept away, and no bit beyond what is known of it. */
static void test_each_abi(void **state)
{
	static const struct {
		long abi;
		uint64_t files;
	} rows[] = { { 1, 0x1fff }, { 2, 0x3fff }, { 3, 0x7fff }, { 4, 0x7fff },
		     { 5, 0xffff }, { 6, 0xffff }, { 99, 0xffff } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake.abi = rows[i].abi;
		enter();
		assert_true(sandbox.parts & WIRE_SANDBOX_LANDLOCK);
		assert_int_equal(fake.handled_files, rows[i].files);
		fake.rules = fake.filter_rules = 0;
	}
}

/* The right to lock memory stays where the limit can't be raised in its place, and nothing but it. */
static void test_the_right_to_lock_memory(void **state)
{
	(void)state;
	fake.has_capabilities = true;
	enter();
	assert_true(sandbox.parts & WIRE_SANDBOX_CAPABILITIES);
	assert_true(fake.is_set);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		assert_int_equal(fake.set[i].effective | fake.set[i].permitted | fake.set[i].inheritable, 0);
	setup(NULL);
	fake.has_capabilities = true;
	fake.limit = EPERM;
	enter();
	assert_false(sandbox.parts & WIRE_SANDBOX_CAPABILITIES);
	assert_true(sandbox.parts & WIRE_SANDBOX_MEMORY_LOCK);
	assert_int_equal(fake.set[0].permitted, 1u << CAP_IPC_LOCK);
	assert_int_equal(fake.set[0].effective, 1u << CAP_IPC_LOCK);
	assert_int_equal(fake.set[0].inheritable, 0);
	assert_int_equal(fake.set[1].effective | fake.set[1].permitted | fake.set[1].inheritable, 0);
}

/* Other threads would stay outside. */
static void test_too_late(void **state)
{
	(void)state;
	fake.has_threads = true;
	assert_int_equal(sandbox_enter(&folders, &sandbox), -EBUSY);
	assert_false(fake.is_restricted || fake.is_filtered || fake.is_set);
	assert_int_equal(fake.dropped, 0);
}

static void test_not_entered(void **state)
{
	(void)state;
	sandbox_leave_out(0, "switched off", &sandbox);
	assert_int_equal(sandbox.parts, 0);
	assert_string_equal(sandbox.reason, "switched off");
	assert_false(sandbox_is_whole(&sandbox));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
#ifdef CONFIG_SECCOMP
		CASE(test_all_of_it),
		CASE(test_a_part_that_is_missing),
		CASE(test_a_rule_that_is_missing),
		CASE(test_all_parts_are_missing),
#endif
		CASE(test_each_abi),
		CASE(test_the_right_to_lock_memory),
		CASE(test_too_late),
		CASE(test_not_entered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
