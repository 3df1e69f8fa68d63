/* SPDX-License-Identifier: MIT */
/* Packets with descriptors over a SOCK_SEQPACKET socket. */
#include "wire/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX (sizeof(((struct wire_packet *)NULL)->descriptors) / sizeof(int))

void wire_packet_clear(struct wire_packet *packet)
{
	for (size_t i = 0; i < packet->descriptor_count; i++)
		close(packet->descriptors[i]);
	packet->descriptor_count = 0;
	packet->size = 0;
	packet->sender = 0;
}

int wire_send(int socket, const struct wire_packet *packet, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
	} control = { 0 };
	struct iovec part = { .iov_base = packet->data, .iov_len = packet->size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (packet->descriptor_count > 0) {
		size_t bytes = sizeof(int) * packet->descriptor_count;
		struct cmsghdr *item;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(bytes);
		item = &control.align;
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(item), packet->descriptors, bytes);
	}

	do {
		sent = sendmsg(socket, &message, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);

	if (sent < 0)
		return -errno;
	return (size_t)sent == packet->size ? 0 : -EMSGSIZE;
}

/* Takes over every descriptor there is; those beyond the room are closed. Returns false if there were such. */
static bool take_control(struct msghdr *message, struct wire_packet *packet)
{
	bool fits = true;

	for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
		if (item->cmsg_level != SOL_SOCKET)
			continue;
		if (item->cmsg_type == SCM_CREDENTIALS) {
			struct ucred sender;

			memcpy(&sender, CMSG_DATA(item), sizeof(sender));
			packet->sender = sender.pid;
		}
		if (item->cmsg_type != SCM_RIGHTS)
			continue;

		size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < count; i++) {
			int descriptor;

			memcpy(&descriptor, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
			if (packet->descriptor_count < DESCRIPTORS_MAX) {
				packet->descriptors[packet->descriptor_count++] = descriptor;
			} else {
				close(descriptor);
				fits = false;
			}
		}
	}
	return fits;
}

int wire_receive(int socket, struct wire_packet *packet, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { .iov_base = packet->data, .iov_len = packet->capacity };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	bool fits;
	ssize_t received;

	packet->size = 0;
	packet->descriptor_count = 0;
	packet->sender = 0;

	do {
		received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	} while (received < 0 && errno == EINTR);

	if (received < 0)
		return -errno;

	fits = take_control(&message, packet);
	if (!fits || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		wire_packet_clear(packet);
		return -EMSGSIZE;
	}
	if (received == 0) {
		wire_packet_clear(packet);
		return 0;
	}
	packet->size = (size_t)received;
	return 1;
}
