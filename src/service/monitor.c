/* SPDX-License-Identifier: MIT */
/* Plugs in the virtual screen, which lives in a module of its own. */
#include "service/monitor.h"

#include "config.h"
#include "service/screen.h"
#include "util/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A service without a screen, the common one, carries no picture library: it starts sooner and has less to attack. */
struct monitor {
	void *module;
	struct screen *screen;
	int (*show)(struct screen *screen, const struct dxgk_picture *picture);
	int (*close)(struct screen *screen);
	int result;
};

/* Beside this program, as in the build tree; else where it was installed. */
static void *module_open(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (length > 0) {
		path[length] = '\0';
		slash = strrchr(path, '/');
		if (slash) {
			snprintf(slash, (size_t)(path + sizeof(path) - slash), "/%s", CONFIG_SCREEN_MODULE);
			if (access(path, R_OK) == 0)
				return dlopen(path, RTLD_NOW | RTLD_LOCAL);
		}
	}
	return dlopen(CONFIG_MODULEDIR "/" CONFIG_SCREEN_MODULE, RTLD_NOW | RTLD_LOCAL);
}

int monitor_open(const char *folder, struct monitor **ret)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int (*open)(const char *folder, struct screen **ret_screen);
	int result = -ENOENT;

	if (!monitor)
		return -ENOMEM;
	monitor->module = module_open();
	if (!monitor->module) {
		log_error("the screen's module can't be loaded: %s", dlerror());
		goto fail;
	}
	*(void **)&open = dlsym(monitor->module, "screen_open");
	*(void **)&monitor->show = dlsym(monitor->module, "screen_show");
	*(void **)&monitor->close = dlsym(monitor->module, "screen_close");
	if (!open || !monitor->show || !monitor->close) {
		log_error("the screen's module is not ours");
		goto fail;
	}
	result = open(folder, &monitor->screen);
	if (result < 0) {
		log_error("screen folder %s: %s", folder, strerror(-result));
		goto fail;
	}
	*ret = monitor;
	return 0;

fail:
	free(monitor);
	return result;
}

NTSTATUS monitor_show(struct monitor *monitor, const struct dxgk_picture *picture)
{
	int result;

	if (monitor->result < 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	result = monitor->show(monitor->screen, picture);
	if (result == -EINVAL)
		return STATUS_INVALID_PARAMETER;
	if (result < 0) {
		log_error("the screen can't be written: %s", strerror(-result));
		monitor->result = result;
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	return STATUS_SUCCESS;
}

int monitor_close(struct monitor *monitor)
{
	int result;
	int closed;

	if (!monitor)
		return 0;
	result = monitor->result;
	closed = monitor->close(monitor->screen);
	if (closed < 0 && result == 0) {
		log_error("the contact sheet can't be written: %s", strerror(-closed));
		result = closed;
	}
	free(monitor);
	return result;
}
