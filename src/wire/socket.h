/* SPDX-License-Identifier: MIT */
/* Packets with descriptors over a SOCK_SEQPACKET socket. */
#ifndef DXV_WIRE_SOCKET_H
#define DXV_WIRE_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A packet in memory. Descriptors in it belong to whoever holds it; wire_packet_clear closes them. */
struct wire_packet {
	void *data;
	size_t size;	 /* bytes in use */
	size_t capacity; /* bytes that data has room for */
	int descriptors[4];
	size_t descriptor_count;
	pid_t sender; /* of a packet received with credentials; 0: none came */
};

void wire_packet_clear(struct wire_packet *packet);

/*
 * Sends a packet whole. flags: MSG_DONTWAIT or 0. The packet's descriptors stay the caller's. Returns 0 or a negative
 * errno value.
 */
int wire_send(int socket, const struct wire_packet *packet, int flags);

/*
 * Receives one packet; its descriptors are close-on-exec. Returns 1; 0 at the end of the connection; -EMSGSIZE for a
 * packet that was too large or had too many descriptors (it is gone, its descriptors are closed); else a negative errno.
 */
int wire_receive(int socket, struct wire_packet *packet, int flags);

#endif
