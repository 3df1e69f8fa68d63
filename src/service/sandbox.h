/* SPDX-License-Identifier: MIT */
/* What the service takes from itself before it serves clients: it can't be given back. */
#ifndef DXV_SERVICE_SANDBOX_H
#define DXV_SERVICE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* The parts of a sandbox, as WIRE_SANDBOX_... in wire/message.h. */
struct sandbox {
	uint32_t parts;	  /* those that are in force */
	char reason[128]; /* why not all of them; empty if all are */
};

/* Folders in which files may be removed, by descriptors; -1: there is none. */
struct sandbox_folders {
	int runtime;
	int screen;
};

/*
 * For the whole process, which must have one thread yet. 0: what *ret says is in force, which may be less than all where the
 * system or the build lacks something. -EBUSY: there are more threads.
 */
int sandbox_enter(const struct sandbox_folders *folders, struct sandbox *ret);

bool sandbox_is_whole(const struct sandbox *sandbox);

/* Not entered, and why. parts: WIRE_SANDBOX_NOT_BUILT or 0. */
void sandbox_leave_out(uint32_t parts, const char *reason, struct sandbox *ret);

/* Whether this build has a sandbox to enter; what instruments programs makes system calls of its own. */
bool sandbox_is_built(void);

/* ---- the parts ------------------------------------------------------------------------------------ */

/* Each: 0, or a negative errno value, and *ret_reason is what failed; nothing is in force then. */

/*
 * Bounding and ambient sets, too, as far as this process may. *ret_part: WIRE_SANDBOX_CAPABILITIES, or
 * WIRE_SANDBOX_MEMORY_LOCK if CAP_IPC_LOCK had to stay.
 */
int sandbox_drop_capabilities(uint32_t *ret_part, const char **ret_reason);

/* System calls that are not on the list kill the process. */
int sandbox_filter_calls(const char **ret_reason);

/* No file but those of /proc can be opened, none removed but in these folders. */
int sandbox_restrict_files(const struct sandbox_folders *folders, const char **ret_reason);

#endif
