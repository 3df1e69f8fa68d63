/* SPDX-License-Identifier: MIT */
/* Where the service of a user listens. */
#ifndef DXV_UTIL_RUNTIME_DIR_H
#define DXV_UTIL_RUNTIME_DIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define RUNTIME_SOCKET_NAME "service.sock"
#define RUNTIME_LOCK_NAME   "service.lock"
#define RUNTIME_SYSTEM_DIR  "/run/dxvault"

/*
 * Opens $DXVAULT_RUNTIME_DIR, else $XDG_RUNTIME_DIR/dxvault, else /tmp/dxvault-UID. It must be a folder (no symbolic link)
 * of this user with mode 0700; create makes it so where it is missing. Returns 0 and an O_PATH descriptor, or -ENOENT,
 * -EPERM (owner or mode is wrong), or another negative errno value. ret_path, if not NULL, is its path, for messages.
 */
int runtime_dir_open(bool create, int *ret_descriptor, char ret_path[PATH_MAX]);

/*
 * Opens /run/dxvault, where the service of the whole machine listens. Only root makes folders in /run, so that whoever
 * owns this one was chosen by the administrator: *ret_owner. It must be a folder that nobody else writes to. Returns as
 * above.
 */
int runtime_dir_open_system(int *ret_descriptor, uid_t *ret_owner);

/*
 * Where a client is to connect: the folder of its own user if there is a socket in it; else, unless $DXVAULT_RUNTIME_DIR
 * names one, that of the machine if there is a socket in it; else the first again. *ret_owner: who, besides root, may
 * run the service there.
 */
int runtime_dir_find(int *ret_descriptor, uid_t *ret_owner);

/* The address of a file in it, short enough whatever the folder's path is. */
void runtime_dir_socket_address(int descriptor, const char *name, struct sockaddr_un *ret);

#endif
