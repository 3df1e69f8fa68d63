/* SPDX-License-Identifier: MIT */
/* What tells clients that this process has died, without a call of theirs and whatever killed it. */
#ifndef DXV_SERVICE_LIVENESS_H
#define DXV_SERVICE_LIVENESS_H

/*
 * Makes the memory of struct wire_liveness for the calling thread, which is to be the one that writes the object pages and
 * stays until the process ends. Nothing in that thread may use robust mutexes of libc. Returns a descriptor that clients
 * can map to read alone, or a negative errno value.
 */
int liveness_start(void);

#endif
