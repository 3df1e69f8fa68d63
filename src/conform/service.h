/* SPDX-License-Identifier: MIT */
/* Services of the suite's own, which no other program meets. */
#ifndef DXV_CONFORM_SERVICE_H
#define DXV_CONFORM_SERVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cf_service {
	uint32_t variant;      /* D3DCPCAPS_* it is to offer; 0: what it offers by itself */
	const char *settings;  /* more lines for its settings; NULL: none */
	bool is_private;       /* of one test */
	char folder[PATH_MAX]; /* "": not started yet */
	pid_t pid;	       /* 0: not running */
	int notify;	       /* where it says that it serves, as to systemd; good while pid is not 0 */
	bool is_ready;
};

/* Makes the folder that all services live in. Returns 0 or a negative errno value. */
int cf_services_open(char ret_folder[PATH_MAX]);
/* Removes it with all that is in it. */
void cf_services_close(const char *folder);

/* Returns at once: 0 or a negative errno value. */
int cf_service_start(struct cf_service *service, const char *path, const char *folder, unsigned int number);
/* Waits until it serves. False: it does not, why says why, or the suite is to stop. */
bool cf_service_wait(struct cf_service *service, char *why, size_t size);
/* Whether it still runs; reaps it if not, and says how it ended. */
bool cf_service_is_alive(struct cf_service *service, char *why, size_t size);
/* Asks it to leave; finish waits until it has. False: it did not end well, why says how. */
void cf_service_stop(struct cf_service *service);
bool cf_service_finish(struct cf_service *service, char *why, size_t size);
/* In the process of a test: from now on its calls go there, and nowhere else. */
void cf_service_use(const struct cf_service *service);

#endif
