/* SPDX-License-Identifier: MIT */
/* Protected memory: kinds, fallbacks, guards, wiping, random numbers. */
#include "gpu/gpu.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

static bool memory_is(const void *memory, uint8_t value, size_t size)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool keys_are_secret(void)
{
	struct gpu_memory_report report;

	gpu_memory_report(&report);
	if (report.keys != GPU_MEMORY_SECRET)
		print_message("skipped: no memfd_secret here: %s\n", report.reason);
	return report.keys == GPU_MEMORY_SECRET;
}

/* What another process would do; the kernel refuses it the same for this one. */
static ssize_t remote_read(const void *memory, size_t size)
{
	uint8_t copy[64];
	struct iovec local = { copy, size };
	struct iovec remote = { (void *)(uintptr_t)memory, size };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

static void test_start_again(void **state)
{
	(void)state;
	assert_int_equal(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET), 0);
	assert_int_equal(gpu_memory_start(GPU_MEMORY_SECRET, GPU_MEMORY_SECRET), -EALREADY);
}

static void test_kind_names(void **state)
{
	(void)state;
	assert_string_equal(gpu_memory_kind_name(GPU_MEMORY_SECRET), "memfd_secret");
	assert_string_equal(gpu_memory_kind_name(GPU_MEMORY_LOCKED), "mlock");
	assert_string_equal(gpu_memory_kind_name(GPU_MEMORY_PLAIN), "unlocked");
}

static void test_surface_sizes(void **state)
{
	struct gpu_memory_report before, during, after;
	uint8_t *memory = NULL;
	void *untouched = &before;

	(void)state;
	gpu_memory_report(&before);
	assert_int_equal(gpu_surface_memory_map(3 * page_size() + 1, (void **)&memory), 0);
	assert_int_equal((uintptr_t)memory % page_size(), 0);
	assert_true(memory_is(memory, 0, 4 * page_size()));
	memset(memory, 0xa5, 4 * page_size());
	gpu_memory_report(&during);
	assert_int_equal(during.surface_bytes - before.surface_bytes, 4 * page_size());
	gpu_surface_memory_unmap(memory, 3 * page_size() + 1);
	gpu_memory_report(&after);
	assert_int_equal(after.surface_bytes, before.surface_bytes);

	assert_int_equal(gpu_surface_memory_map(0, &untouched), -EINVAL);
	assert_int_equal(gpu_surface_memory_map(SIZE_MAX, &untouched), -ENOMEM);
	assert_int_equal(gpu_surface_memory_map(SIZE_MAX / 2, &untouched), -ENOMEM);
	assert_ptr_equal(untouched, &before);
	gpu_surface_memory_unmap(NULL, 4096);
}

/* In the parent: a child has none of the memory, so a fault there would prove nothing about guards. */
static sigjmp_buf fault_return;

static void fault_catch(int number)
{
	(void)number;
	siglongjmp(fault_return, 1);
}

static bool touch_faults(volatile uint8_t *address)
{
	struct sigaction action = { .sa_handler = fault_catch };
	struct sigaction old_segv, old_bus;
	volatile bool faulted = true;

	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, &old_segv);
	sigaction(SIGBUS, &action, &old_bus);
	if (sigsetjmp(fault_return, 1) == 0) {
		(void)*address;
		*address = 1;
		faulted = false;
	}
	sigaction(SIGSEGV, &old_segv, NULL);
	sigaction(SIGBUS, &old_bus, NULL);
	return faulted;
}

static void test_surface_guards(void **state)
{
	size_t size = 2 * page_size();
	uint8_t *memory;

	(void)state;
	assert_int_equal(gpu_surface_memory_map(size, (void **)&memory), 0);
	assert_false(touch_faults(memory));
	assert_false(touch_faults(memory + size - 1));
	assert_true(touch_faults(memory - 1));
	assert_true(touch_faults(memory + size));
	gpu_surface_memory_unmap(memory, size);
}

static void test_secret_unreadable(void **state)
{
	uint8_t ordinary[64] = { 1 };
	uint8_t *surface;
	uint8_t *key;

	(void)state;
	if (!keys_are_secret())
		skip();
	assert_int_equal(remote_read(ordinary, sizeof(ordinary)), sizeof(ordinary));
	key = gpu_secret_alloc(64);
	memset(key, 1, 64);
	assert_int_equal(remote_read(key, 64), -1);
	assert_int_equal(errno, EFAULT);
	gpu_secret_free(key);

	assert_int_equal(gpu_surface_memory_map(4096, (void **)&surface), 0);
	surface[0] = 1;
	assert_int_equal(remote_read(surface, 64), -1);
	assert_int_equal(errno, EFAULT);
	gpu_surface_memory_unmap(surface, 4096);
}

/* The address is a hole in the child, or is whatever fell into the hole: either way not the secret. */
static void test_secret_not_in_child(void **state)
{
	uint8_t *key = gpu_secret_alloc(4096);
	pid_t child;
	int status;

	(void)state;
	memset(key, 0xd7, 4096);
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
		_exit(memory_is(key, 0xd7, 4096) ? 42 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	gpu_secret_free(key);
}

/* An unmap that did not wipe would leave the bytes in the page: a second mapping of it, made first, shows them. */
static void test_surface_wiped(void **state)
{
	uint8_t *memory;
	uint8_t *alias;

	(void)state;
	if (!keys_are_secret())
		skip();
	assert_int_equal(gpu_surface_memory_map(2 * page_size(), (void **)&memory), 0);
	memset(memory, 0x5a, 2 * page_size());
	/* old_size 0: a second mapping of the same shared pages */
	alias = mremap(memory, 0, 2 * page_size(), MREMAP_MAYMOVE);
	assert_ptr_not_equal(alias, MAP_FAILED);
	assert_true(memory_is(alias, 0x5a, 2 * page_size()));
	gpu_surface_memory_unmap(memory, page_size() + 1);
	assert_true(memory_is(alias, 0, 2 * page_size()));
	munmap(alias, 2 * page_size());
}

static void test_wipe_and_equal(void **state)
{
	uint8_t a[33], b[33];

	(void)state;
	memset(a, 1, sizeof(a));
	memcpy(b, a, sizeof(b));
	assert_true(gpu_equal(a, b, sizeof(a)));
	b[32] ^= 0x80;
	assert_false(gpu_equal(a, b, sizeof(a)));
	assert_true(gpu_equal(a, b, 32));
	gpu_wipe(a + 1, 31);
	assert_int_equal(a[0], 1);
	assert_true(memory_is(a + 1, 0, 31));
	assert_int_equal(a[32], 1);
	gpu_wipe(NULL, 0);
}

/* CS-14: 1000 values differ; a generator that cannot deliver fails the call, and nothing is written. */
static void test_random(void **state)
{
	static uint8_t values[1000][16];
	uint8_t untouched[16];

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(gpu_random(values[i], 16), 0);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(values[i], values[j], 16);
	}
	memset(untouched, 7, sizeof(untouched));
	gpu_random_fail_next(2);
	assert_int_equal(gpu_random(untouched, sizeof(untouched)), -EIO);
	assert_int_equal(gpu_random(untouched, sizeof(untouched)), -EIO);
	assert_true(memory_is(untouched, 7, sizeof(untouched)));
	assert_int_equal(gpu_random(untouched, sizeof(untouched)), 0);
	assert_false(memory_is(untouched, 7, sizeof(untouched)));
}

/* ---- in a process of its own: each starts this program anew ------------------------------------- */

static int run_child(const char *name)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		execl("/proc/self/exe", program, name, (char *)NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define EXPECT(condition)                                                               \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)

static void limit_memlock(rlim_t limit)
{
	EXPECT(setrlimit(RLIMIT_MEMLOCK, &(struct rlimit) { limit, limit }) == 0);
	if (getuid() == 0)
		EXPECT(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

/* The kernel has it at all; else what follows is another test. */
static bool kernel_has_secret(const struct gpu_memory_report *report)
{
	return strstr(report->reason, "ENOSYS") == NULL;
}

static void child_limit_8m(void)
{
	enum { MIB = 1 << 20 };
	struct gpu_memory_report report;
	uint8_t *surfaces[6];

	limit_memlock(8 * MIB);
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	for (size_t i = 0; i < 6; i++) {
		EXPECT(gpu_surface_memory_map(2 * MIB, (void **)&surfaces[i]) == 0);
		EXPECT(memory_is(surfaces[i], 0, 2 * MIB));
		memset(surfaces[i], 1, 2 * MIB);
	}
	/* Keys that come after still find room. */
	for (size_t i = 0; i < 3000; i++)
		EXPECT(gpu_secret_alloc(1000) != NULL);
	gpu_memory_report(&report);
	if (kernel_has_secret(&report))
		EXPECT(report.keys == GPU_MEMORY_SECRET);
	else
		EXPECT(report.keys == GPU_MEMORY_LOCKED);
	EXPECT(report.key_bytes >= 3 * MIB);
	EXPECT(report.surfaces == GPU_MEMORY_PLAIN);
	EXPECT(report.surface_bytes == 12 * MIB);
	EXPECT(strstr(report.reason, "RLIMIT_MEMLOCK (8 MiB)") != NULL);
	/* Given back, the room is there again for surfaces. */
	for (size_t i = 0; i < 6; i++)
		gpu_surface_memory_unmap(surfaces[i], 2 * MIB);
	gpu_memory_report(&report);
	EXPECT(report.surface_bytes == 0);
}

static void child_limit_0(void)
{
	struct gpu_memory_report report;
	void *surface;

	limit_memlock(0);
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	EXPECT(gpu_secret_alloc(1000) != NULL);
	EXPECT(gpu_surface_memory_map(1, &surface) == 0);
	gpu_memory_report(&report);
	EXPECT(report.keys == GPU_MEMORY_PLAIN && report.surfaces == GPU_MEMORY_PLAIN);
	EXPECT(report.reason[0] != '\0');
}

static void child_strict_refuses(void)
{
	struct gpu_memory_report report;

	limit_memlock(0);
	EXPECT(gpu_memory_start(GPU_MEMORY_SECRET, GPU_MEMORY_SECRET) == -EPERM);
	gpu_memory_report(&report);
	EXPECT(report.reason[0] != '\0');
	EXPECT(report.key_bytes == 0);
	EXPECT(gpu_memory_start(GPU_MEMORY_LOCKED, GPU_MEMORY_SECRET) == -EPERM);
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
}

static void child_strict_surface(void)
{
	struct gpu_memory_report report;
	void *surface = &report;

	limit_memlock(8 << 20);
	if (gpu_memory_start(GPU_MEMORY_SECRET, GPU_MEMORY_SECRET) == -EPERM) {
		gpu_memory_report(&report);
		EXPECT(!kernel_has_secret(&report));
		return;
	}
	EXPECT(gpu_surface_memory_map(16 << 20, &surface) == -EPERM);
	EXPECT(surface == &report);
	gpu_memory_report(&report);
	EXPECT(report.surface_bytes == 0 && report.surfaces == GPU_MEMORY_SECRET);
	/* Each is given back in full: else the limit would be reached. */
	for (size_t i = 0; i < 100; i++) {
		EXPECT(gpu_surface_memory_map(1 << 20, &surface) == 0);
		gpu_surface_memory_unmap(surface, 1 << 20);
	}
}

static void forced(enum gpu_memory_kind kind)
{
	uint8_t ordinary[64];
	struct gpu_memory_report report;
	void *surface;
	uint8_t *key;

	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, kind) == 0);
	key = gpu_secret_alloc(64);
	memset(key, 1, 64);
	EXPECT(gpu_surface_memory_map(1, &surface) == 0);
	gpu_memory_report(&report);
	EXPECT(report.keys >= kind && report.surfaces >= kind);
	EXPECT(kind != GPU_MEMORY_PLAIN || report.keys == kind);
	EXPECT(strstr(report.reason, "memfd_secret was ruled out") != NULL);
	EXPECT((strstr(report.reason, "mlock was ruled out") != NULL) == (kind == GPU_MEMORY_PLAIN));
	/* The measure of test_secret_unreadable can tell kinds apart; and these two are zero in a child. */
	EXPECT(remote_read(ordinary, 64) == 64 && remote_read(key, 64) == 64);
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(memory_is(key, 0, 64) ? 0 : 1);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void child_forced_locked(void)
{
	forced(GPU_MEMORY_LOCKED);
}

static void child_forced_plain(void)
{
	forced(GPU_MEMORY_PLAIN);
}

static void child_forced_against_allowed(void)
{
	EXPECT(gpu_memory_start(GPU_MEMORY_SECRET, GPU_MEMORY_LOCKED) == -EPERM);
}

static void child_no_start(void)
{
	gpu_secret_alloc(1);
}

static void child_double_free(void)
{
	void *memory;

	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	memory = gpu_secret_alloc(100);
	gpu_secret_alloc(100);
	gpu_secret_free(memory);
	gpu_secret_free(memory);
}

static void child_overrun(void)
{
	uint8_t *memory;

	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	memory = gpu_secret_alloc(96);
	memory[96] ^= 1;
	gpu_secret_free(memory);
}

static void write_config(char *path)
{
	static const char text[] = "openssl_conf = init\n[init]\nalg_section = algorithms\n"
				   "[algorithms]\ndefault_properties = fips=yes\n";
	int fd = mkstemp(path);

	EXPECT(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1 && close(fd) == 0);
}

static void child_route(void)
{
	char config[] = "/tmp/dxvault-test-XXXXXX";
	EVP_MD *digest;
	struct gpu_memory_report report;
	uint8_t *memory;

	write_config(config);
	EXPECT(setenv("OPENSSL_CONF", config, 1) == 0);
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	EXPECT(gpu_route_libcrypto() == 0);
	gpu_memory_report(&report);
	/* The file was not read: read, it would leave no usable SHA-256. */
	digest = EVP_MD_fetch(NULL, "SHA256", NULL);
	EXPECT(unlink(config) == 0);
	EXPECT(digest != NULL);
	EVP_MD_free(digest);
	EXPECT(OPENSSL_malloc(0) == NULL);
	memory = OPENSSL_zalloc(64);
	EXPECT(memory != NULL);
	EXPECT(report.keys != GPU_MEMORY_SECRET || remote_read(memory, 64) == -1);
	memset(memory, 1, 64);
	memory = OPENSSL_realloc(memory, 100000);
	EXPECT(memory_is(memory, 1, 64));
	OPENSSL_free(memory);
	memory = OPENSSL_realloc(NULL, 10);
	EXPECT(OPENSSL_realloc(memory, 0) == NULL);
	EXPECT(gpu_route_libcrypto() == 0);
}

static void *foreign_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void child_route_foreign(void)
{
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	EXPECT(CRYPTO_set_mem_functions(foreign_alloc, NULL, NULL) == 1);
	EXPECT(gpu_route_libcrypto() == -EBUSY);
}

static void child_route_late(void)
{
	EXPECT(gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0);
	OPENSSL_free(OPENSSL_malloc(1));
	EXPECT(gpu_route_libcrypto() == -EBUSY);
}

static const struct child {
	const char *name;
	void (*run)(void);
	int expected;
} children[] = {
	{ "limit_8m", child_limit_8m, 0 },
	{ "limit_0", child_limit_0, 0 },
	{ "strict_refuses", child_strict_refuses, 0 },
	{ "strict_surface", child_strict_surface, 0 },
	{ "forced_locked", child_forced_locked, 0 },
	{ "forced_plain", child_forced_plain, 0 },
	{ "forced_against_allowed", child_forced_against_allowed, 0 },
	{ "no_start", child_no_start, -SIGABRT },
	{ "double_free", child_double_free, -SIGABRT },
	{ "overrun", child_overrun, -SIGABRT },
	{ "route", child_route, 0 },
	{ "route_foreign", child_route_foreign, 0 },
	{ "route_late", child_route_late, 0 },
};

static void test_children(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		int result = run_child(children[i].name);

		if (result != children[i].expected)
			fail_msg("%s: %d", children[i].name, result);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_again),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_surface_sizes),
		cmocka_unit_test(test_surface_guards),
		cmocka_unit_test(test_secret_unreadable),
		cmocka_unit_test(test_secret_not_in_child),
		cmocka_unit_test(test_surface_wiped),
		cmocka_unit_test(test_wipe_and_equal),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_children),
	};

	program = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof(children) / sizeof(children[0]); i++) {
		if (strcmp(argv[1], children[i].name) == 0) {
			setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 });
			children[i].run();
			return 0;
		}
	}
	if (argc > 1 || gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0)
		return 2;
	return cmocka_run_group_tests_name("gpu_memory", tests, NULL, NULL);
}
