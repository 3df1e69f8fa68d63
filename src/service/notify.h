/* SPDX-License-Identifier: MIT */
/* Tells systemd what the service is at, by a socket that is opened before the sandbox. */
#ifndef DXV_SERVICE_NOTIFY_H
#define DXV_SERVICE_NOTIFY_H

/* A descriptor, or a negative errno value: -ENOENT where nobody wants to know. */
int notify_open(void);

/* sd_notify(3) says what there is to tell. */
void notify_tell(int descriptor, const char *state);

#endif
