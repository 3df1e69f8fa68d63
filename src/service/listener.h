/* SPDX-License-Identifier: MIT */
/* The socket on which the service of a user listens. */
#ifndef DXV_SERVICE_LISTENER_H
#define DXV_SERVICE_LISTENER_H

#include <stdbool.h>

struct listener {
	int socket;
	int folder;
	int lock;
	bool is_inherited; /* from systemd, which listens on when we leave */
};

/*
 * Takes over systemd's socket, or makes one in the runtime directory, for_all in that of the machine. Logs what is wrong. Returns 0, -EALREADY (another
 * service of this user runs), or another negative errno value.
 */
int listener_open(bool for_all, struct listener *ret);
void listener_close(struct listener *listener);

#endif
