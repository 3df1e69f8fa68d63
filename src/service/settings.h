/* SPDX-License-Identifier: MIT */
/* The configuration file of dxvaultd: limits of users, and what tests want otherwise. */
#ifndef DXV_SERVICE_SETTINGS_H
#define DXV_SERVICE_SETTINGS_H

#include "dxgkrnl/kernel.h"
#include "gpu/gpu.h"
#include "kmd/kmd.h"
#include "util/log.h"

#include <stdbool.h>
#include <stddef.h>

struct settings {
	struct dxgk_limits limits;
	struct kmd_config driver; /* without its identity */
	bool all_users;
	unsigned int idle_seconds;
	enum log_level log_level;
	enum gpu_memory_kind memory;
	enum gpu_engine engine;
	uint32_t workers; /* engine workers */
};

void settings_default(struct settings *ret);

/*
 * Reads a text of lines "key = value"; empty lines and those that begin with # say nothing. A key that is unknown or
 * comes twice, or a bad value: -EINVAL, *ret_line is where and *ret_reason what is wrong, settings are as before.
 */
int settings_parse(const char *text, size_t size, struct settings *settings, unsigned int *ret_line,
		   const char **ret_reason);

/*
 * Reads path, or if that is NULL the first there is of /etc/dxvault/dxvaultd.conf and dxvault/dxvaultd.conf in the
 * user's configuration folder. Logs what is wrong; returns 0 (also where there is no file and none was named) or a
 * negative errno value.
 */
int settings_load(const char *path, struct settings *settings);

/* "secret", "locked", "plain". 0 or -EINVAL. */
int settings_parse_memory(const char *text, enum gpu_memory_kind *ret);

#endif
