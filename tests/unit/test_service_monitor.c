/* SPDX-License-Identifier: MIT */
/* How the service plugs in its screen: a module that is missing or not ours, and a screen that stops taking pictures. */
#include "service/monitor.h"
#include "service/screen.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a module ---------------------------------------------------------------------------------------------- */

static struct {
	bool is_missing;
	const char *lacks;     /* a name that it does not export */
	int open, show, close; /* results */
	int opened, shown, closed;
} module;

static int fake_open(const char *folder, struct screen **ret)
{
	assert_string_equal(folder, "folder");
	*ret = (struct screen *)&module;
	module.opened++;
	return module.open;
}

static int fake_show(struct screen *screen, const struct dxgk_picture *picture)
{
	assert_ptr_equal(screen, &module);
	assert_non_null(picture);
	module.shown++;
	return module.show;
}

static int fake_close(struct screen *screen)
{
	assert_ptr_equal(screen, &module);
	module.closed++;
	return module.close;
}

void *__wrap_dlopen(const char *path, int flags);
void *__wrap_dlsym(void *handle, const char *name);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_dlopen(const char *path, int flags)
{
	/* By its whole path: nobody else's module of that name. */
	assert_int_equal(path[0], '/');
	assert_non_null(strstr(path, "/dxvault-screen.so"));
	assert_true(flags & RTLD_NOW);
	return module.is_missing ? NULL : &module;
}

void *__wrap_dlsym(void *handle, const char *name)
{
	static const struct {
		const char *name;
		void (*function)(void);
	} exports[] = {
		{ "screen_open", (void (*)(void))fake_open },
		{ "screen_show", (void (*)(void))fake_show },
		{ "screen_close", (void (*)(void))fake_close },
	};

	assert_ptr_equal(handle, &module);
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(name, exports[i].name) == 0 && (!module.lacks || strcmp(name, module.lacks) != 0))
			return *(void *const *)(const void *)&exports[i].function;
	}
	return NULL;
}

static bool has_no_memory;

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_memory ? NULL : __real_calloc(count, size);
}

static int reset(void **state)
{
	(void)state;
	memset(&module, 0, sizeof(module));
	has_no_memory = false;
	return 0;
}

static const struct dxgk_picture picture;

/* ---- cases ------------------------------------------------------------------------------------------------- */

static void test_no_module(void **state)
{
	static const char *const names[] = { "screen_open", "screen_show", "screen_close" };
	struct monitor *monitor = NULL;

	(void)state;
	module.is_missing = true;
	assert_int_equal(monitor_open("folder", &monitor), -ENOENT);
	module.is_missing = false;
	for (size_t i = 0; i < 3; i++) {
		module.lacks = names[i];
		assert_int_equal(monitor_open("folder", &monitor), -ENOENT);
	}
	module.lacks = NULL;
	has_no_memory = true;
	assert_int_equal(monitor_open("folder", &monitor), -ENOMEM);
	has_no_memory = false;
	assert_int_equal(module.opened, 0);
	module.open = -EACCES;
	assert_int_equal(monitor_open("folder", &monitor), -EACCES);
	assert_null(monitor);
	assert_int_equal(module.closed, 0);
}

/* A picture that makes no sense is its sender's affair; a screen that can't be written is everybody's, from then on. */
static void test_a_screen_that_fails(void **state)
{
	struct monitor *monitor;

	(void)state;
	assert_int_equal(monitor_open("folder", &monitor), 0);
	assert_int_equal(monitor_show(monitor, &picture), STATUS_SUCCESS);
	module.show = -EINVAL;
	assert_int_equal(monitor_show(monitor, &picture), STATUS_INVALID_PARAMETER);
	module.show = 0;
	assert_int_equal(monitor_show(monitor, &picture), STATUS_SUCCESS);
	module.show = -ENOSPC;
	assert_int_equal(monitor_show(monitor, &picture), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(module.shown, 4);
	module.show = 0;
	assert_int_equal(monitor_show(monitor, &picture), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(module.shown, 4);
	/* The first failure is what it ends with. */
	module.close = -EIO;
	assert_int_equal(monitor_close(monitor), -ENOSPC);
	assert_int_equal(module.closed, 1);
}

static void test_an_end_that_fails(void **state)
{
	struct monitor *monitor;

	(void)state;
	assert_int_equal(monitor_close(NULL), 0);
	assert_int_equal(monitor_open("folder", &monitor), 0);
	assert_int_equal(monitor_close(monitor), 0);
	assert_int_equal(monitor_open("folder", &monitor), 0);
	module.close = -EFBIG;
	assert_int_equal(monitor_close(monitor), -EFBIG);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, reset)
	const struct CMUnitTest tests[] = {
		CASE(test_no_module),
		CASE(test_a_screen_that_fails),
		CASE(test_an_end_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
