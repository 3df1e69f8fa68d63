/* SPDX-License-Identifier: MIT */
/* Connections of clients, and how long the service stays. */
#ifndef DXV_SERVICE_SERVER_H
#define DXV_SERVICE_SERVER_H

#include "dxgkrnl/kernel.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

struct server;

struct server_config {
	bool all_users; /* else those of the service's own user and root */
	/* From resume_descriptor_create; stays the caller's. 0: a sleep of the machine is noticed at the next request. */
	int wake;
	/* The birth of a client's process, for tests in which one process plays several. NULL: as peer_watch says. */
	uint64_t (*birth)(void);
};

/* Serves clients of a graphics kernel on an event loop. 0 or a negative errno value. */
int server_create(sd_event *event, struct dxgk_kernel *kernel, const struct server_config *config, struct server **ret);
/* Ends every connection. NULL is allowed. */
void server_destroy(struct server *server);

/* Accepts clients from a listening socket, which stays the caller's. */
int server_listen(struct server *server, int listener);
/* Serves a connected socket; takes it over. */
int server_add_client(struct server *server, int socket);

/* Ends the loop idle_seconds after the last client is gone, or if none comes in that time; 0: with the last client. */
int server_leave_when_idle(struct server *server, unsigned int idle_seconds);

#endif
