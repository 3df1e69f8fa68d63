/* SPDX-License-Identifier: MIT */
/* The root key in the state directory: where it lies, whom it is refused from, and that it is there whole or not at all. */
#include "process_fixture.h"
#include "service/root_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY	    "a key that is not one"
#define CERTIFICATE "a certificate that is not one either"

static char top[PATH_MAX];	 /* of the case */
static char state_dir[PATH_MAX]; /* top/state */

/* ---- what the system and the GPU answer ---------------------------------------------------------- */

enum call { NONE, ROOT_CREATE, SECRET_ALLOC, WRITE, WRITE_PART, FSYNC, RENAME, READ_PART };

static enum call failing;
static unsigned int failing_at; /* the how manieth of them, from 1 */
static unsigned int made;	/* roots */
static int secrets;		/* allocated and not freed */
static struct passwd *user;

static bool fails(enum call call)
{
	return failing == call && --failing_at == 0;
}

void *__real_gpu_secret_alloc(size_t size);
void *__wrap_gpu_secret_alloc(size_t size);
void __real_gpu_secret_free(void *memory);
void __wrap_gpu_secret_free(void *memory);
int __wrap_gpu_root_create(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate);
ssize_t __real_write(int descriptor, const void *data, size_t size);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
ssize_t __real_read(int descriptor, void *data, size_t size);
ssize_t __wrap_read(int descriptor, void *data, size_t size);
int __wrap_fsync(int descriptor);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
struct passwd *__wrap_getpwuid(uid_t id);

void *__wrap_gpu_secret_alloc(size_t size)
{
	void *memory = fails(SECRET_ALLOC) ? NULL : __real_gpu_secret_alloc(size);

	secrets += memory != NULL;
	return memory;
}

void __wrap_gpu_secret_free(void *memory)
{
	secrets -= memory != NULL;
	__real_gpu_secret_free(memory);
}

static struct gpu_bytes secret_copy(const char *text)
{
	struct gpu_bytes bytes = { .data = gpu_secret_alloc(strlen(text)), .size = strlen(text) };

	assert_non_null(bytes.data);
	memcpy(bytes.data, text, bytes.size);
	return bytes;
}

int __wrap_gpu_root_create(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate)
{
	if (fails(ROOT_CREATE))
		return -EIO;
	*ret_key = secret_copy(KEY);
	*ret_certificate = secret_copy(CERTIFICATE);
	made++;
	return 0;
}

ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
	if (fails(WRITE)) {
		errno = ENOSPC;
		return -1;
	}
	return __real_write(descriptor, data, fails(WRITE_PART) ? size / 2 : size);
}

ssize_t __wrap_read(int descriptor, void *data, size_t size)
{
	return __real_read(descriptor, data, fails(READ_PART) ? size - 1 : size);
}

/* What the disk does is no matter here, and takes its time. */
int __wrap_fsync(int descriptor)
{
	(void)descriptor;
	errno = EDQUOT;
	return fails(FSYNC) ? -1 : 0;
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	errno = EROFS;
	return fails(RENAME) ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

struct passwd *__wrap_getpwuid(uid_t id)
{
	(void)id;
	return user;
}

/* ---- the cases' own ------------------------------------------------------------------------------ */

static int start(void **state)
{
	(void)state;
	return gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_PLAIN);
}

static int begin(void **state)
{
	const char *temporary = getenv("TMPDIR");

	(void)state;
	snprintf(top, sizeof(top), "%s/dxvault-test-root.XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(top))
		return -1;
	assert_true(snprintf(state_dir, sizeof(state_dir), "%s/state", top) < (int)sizeof(state_dir));
	setenv("DXVAULT_STATE_DIR", state_dir, 1);
	failing = NONE;
	made = 0;
	secrets = 0;
	user = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	return pf_remove_tree(top);
}

static const char *path_of(const char *name)
{
	static char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	return path;
}

static bool is_there(const char *name)
{
	struct stat info;

	return lstat(path_of(name), &info) == 0;
}

static void assert_bytes(const struct gpu_bytes *bytes, const char *text)
{
	assert_int_equal(bytes->size, strlen(text));
	assert_memory_equal(bytes->data, text, bytes->size);
}

static void load(void)
{
	struct gpu_bytes key;
	struct gpu_bytes certificate;

	assert_int_equal(root_key_load(&key, &certificate), 0);
	assert_bytes(&key, KEY);
	assert_bytes(&certificate, CERTIFICATE);
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
	assert_int_equal(secrets, 0);
}

/* Nothing of it stays in memory. */
static void assert_refused(int error)
{
	struct gpu_bytes key;
	struct gpu_bytes certificate;

	assert_int_equal(root_key_load(&key, &certificate), -error);
	assert_int_equal(secrets, 0);
}

static void assert_mode(const char *path, mode_t mode)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, mode);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	int descriptor = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(descriptor >= 0);
	assert_int_equal(__real_write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(descriptor, mode), 0);
	close(descriptor);
}

/* ---- cases --------------------------------------------------------------------------------------- */

static void test_made_once(void **state)
{
	(void)state;
	load();
	assert_mode(state_dir, 0700);
	assert_mode(path_of("root.key"), 0600);
	assert_mode(path_of("root.crt"), 0600);
	load();
	assert_int_equal(made, 1);
}

static void test_where_it_lies(void **state)
{
	struct passwd entry = { .pw_dir = top };

	(void)state;
	/* A path that depends on where the service was started is none. */
	setenv("DXVAULT_STATE_DIR", "state", 1);
	setenv("XDG_STATE_HOME", top, 1);
	load();
	snprintf(state_dir, sizeof(state_dir), "%.4000s/dxvault", top);
	assert_true(is_there("root.key"));
	setenv("XDG_STATE_HOME", "xdg", 1);
	setenv("HOME", top, 1);
	load();
	snprintf(state_dir, sizeof(state_dir), "%.4000s/.local/state/dxvault", top);
	assert_true(is_there("root.key"));
	assert_mode(state_dir, 0700);
	assert_int_equal(made, 2);
	setenv("HOME", "home", 1);
	user = &entry;
	load();
	unsetenv("HOME");
	load();
	assert_int_equal(made, 2);
	entry.pw_dir = (char *)"none";
	assert_refused(ENOENT);
	user = NULL;
	assert_refused(ENOENT);
}

static void test_no_folder_for_it(void **state)
{
	char path[PATH_MAX + 16];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[PATH_MAX] = '\0';
	setenv("DXVAULT_STATE_DIR", path, 1);
	assert_refused(ENAMETOOLONG);
	/* A name that no folder can have. */
	path[1000] = '\0';
	setenv("DXVAULT_STATE_DIR", path, 1);
	assert_refused(ENAMETOOLONG);
	/* A file is in the way, at the end and on the way. */
	snprintf(path, sizeof(path), "%s/file", top);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	setenv("DXVAULT_STATE_DIR", path, 1);
	assert_refused(ENOTDIR);
	snprintf(path, sizeof(path), "%.4000s/file/below/it", top);
	setenv("DXVAULT_STATE_DIR", path, 1);
	assert_refused(ENOTDIR);
	assert_int_equal(made, 0);
}

/* What others could have read or written is not the installation's. */
static void test_files_of_others(void **state)
{
	static const mode_t of_the_key[] = { 0640, 0604, 0620, 0602, 0610, 0601 };
	static const mode_t of_the_certificate[] = { 0620, 0602, 0666 };

	(void)state;
	load();
	for (size_t i = 0; i < sizeof(of_the_key) / sizeof(of_the_key[0]); i++) {
		assert_int_equal(chmod(path_of("root.key"), of_the_key[i]), 0);
		assert_refused(EPERM);
	}
	assert_int_equal(chmod(path_of("root.key"), 0400), 0);
	load();
	for (size_t i = 0; i < sizeof(of_the_certificate) / sizeof(of_the_certificate[0]); i++) {
		assert_int_equal(chmod(path_of("root.crt"), of_the_certificate[i]), 0);
		assert_refused(EPERM);
	}
	assert_int_equal(chmod(path_of("root.crt"), 0644), 0);
	load();
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("root.key"), 65534, (gid_t)-1), 0);
		assert_refused(EPERM);
		assert_int_equal(chown(path_of("root.key"), 0, (gid_t)-1), 0);
		assert_int_equal(chown(path_of("root.crt"), 65534, (gid_t)-1), 0);
		assert_refused(EPERM);
	}
	assert_int_equal(made, 1);
}

static void test_files_that_are_none(void **state)
{
	char large[16386];

	(void)state;
	load();
	write_file("root.crt", "", 0600);
	assert_refused(EPERM);
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	write_file("root.crt", large, 0600);
	assert_refused(EPERM);
	assert_int_equal(unlink(path_of("root.crt")), 0);
	assert_refused(ENOENT);
	assert_int_equal(symlink("root.key", path_of("root.crt")), 0);
	assert_refused(ELOOP);
	assert_int_equal(unlink(path_of("root.key")), 0);
	assert_int_equal(mkdir(path_of("root.key"), 0700), 0);
	assert_refused(EPERM);
	assert_int_equal(made, 1);
}

static void test_reading_fails(void **state)
{
	(void)state;
	load();
	for (unsigned int at = 1; at <= 2; at++) {
		failing = READ_PART;
		failing_at = at;
		assert_refused(EIO);
		failing = SECRET_ALLOC;
		failing_at = at;
		assert_refused(ENOMEM);
	}
	load();
	assert_int_equal(made, 1);
}

/* Neither half of a file nor a key without its certificate: the next start makes both. */
static void test_writing_fails(void **state)
{
	static const struct {
		enum call call;
		int error;
	} ways[] = {
		{ WRITE, ENOSPC },
		{ WRITE_PART, EIO },
		{ FSYNC, EDQUOT },
		{ RENAME, EROFS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		for (unsigned int at = 1; at <= 2; at++) {
			failing = ways[i].call;
			failing_at = at;
			assert_refused(ways[i].error);
			assert_false(is_there("root.key"));
			assert_false(is_there("root.key.new"));
			assert_false(is_there("root.crt.new"));
		}
	}
	/* Where a file can't even be begun. */
	assert_int_equal(mkdir(path_of("root.key.new"), 0700), 0);
	assert_refused(EISDIR);
	assert_int_equal(rmdir(path_of("root.key.new")), 0);
	failing = ROOT_CREATE;
	failing_at = 1;
	assert_refused(EIO);
	assert_false(is_there("root.key"));
	load();
	load();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(test_made_once),	    CASE(test_where_it_lies),	    CASE(test_no_folder_for_it),
		CASE(test_files_of_others), CASE(test_files_that_are_none), CASE(test_reading_fails),
		CASE(test_writing_fails),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
