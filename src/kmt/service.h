/* SPDX-License-Identifier: MIT */
/* Finding the service, or starting it. */
#ifndef DXV_KMT_SERVICE_H
#define DXV_KMT_SERVICE_H

struct kmt_connection;

/*
 * The connection that $DXVAULT_SOCKET_FD names, once, where a parent gave one; else the service of this user, started if
 * none runs. NULL: there is none to be had.
 */
struct kmt_connection *kmt_service_connect(void);
/* A connection over a connected socket, which it takes over. NULL: as kmt_connection_create. */
struct kmt_connection *kmt_service_connect_over(int descriptor);

#endif
