/* SPDX-License-Identifier: MIT */
/* Records of a test as packets of a SOCK_SEQPACKET socket. */
#include "conform/record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MAGIC	0x43465231u /* "CFR1" */
#define STRINGS 5

struct header {
	uint32_t magic;
	uint8_t kind;
	uint8_t basis;
	uint8_t form;
	uint8_t held;
	uint8_t is_exact;
	uint8_t unused[3];
};

int cf_record_send(int socket, const struct cf_record *record)
{
	const struct header header = {
		.magic = MAGIC,
		.kind = (uint8_t)record->kind,
		.basis = (uint8_t)record->basis,
		.form = (uint8_t)record->form,
		.held = record->held,
		.is_exact = record->is_exact,
	};
	const char *strings[STRINGS] = { record->rule, record->call, record->got, record->wanted, record->calls };
	struct cf_record_buffer packet;
	const size_t each = (sizeof(packet.bytes) - sizeof(header)) / STRINGS;
	size_t at = sizeof(header);
	ssize_t sent;

	memcpy(packet.bytes, &header, sizeof(header));
	for (size_t i = 0; i < STRINGS; i++) {
		const char *string = strings[i] ? strings[i] : "";
		size_t length = strnlen(string, each - 1);

		memcpy(packet.bytes + at, string, length);
		packet.bytes[at + length] = '\0';
		at += length + 1;
	}
	do {
		sent = send(socket, packet.bytes, at, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int cf_record_receive(int socket, struct cf_record_buffer *buffer, struct cf_record *ret)
{
	const char *strings[STRINGS];
	struct header header;
	ssize_t size;
	size_t at = sizeof(header);

	do {
		size = recv(socket, buffer->bytes, sizeof(buffer->bytes), MSG_DONTWAIT);
	} while (size < 0 && errno == EINTR);
	if (size <= 0)
		return size < 0 ? -errno : 0;
	if ((size_t)size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, buffer->bytes, sizeof(header));
	for (size_t i = 0; i < STRINGS; i++) {
		const char *end = memchr(buffer->bytes + at, '\0', (size_t)size - at);

		if (!end)
			return -EBADMSG;
		strings[i] = buffer->bytes + at;
		at = (size_t)(end - buffer->bytes) + 1;
	}
	if (header.magic != MAGIC || header.kind < CF_RECORD_CHECK || header.kind > CF_RECORD_DONE ||
	    header.basis > CF_RECORD_FAILS || header.form > CF_RECORD_END || at != (size_t)size)
		return -EBADMSG;
	*ret = (struct cf_record) {
		.kind = (enum cf_record_kind)header.kind,
		.basis = (enum cf_record_basis)header.basis,
		.form = (enum cf_record_form)header.form,
		.held = header.held != 0,
		.is_exact = header.is_exact != 0,
		.rule = strings[0],
		.call = strings[1],
		.got = strings[2],
		.wanted = strings[3],
		.calls = strings[4],
	};
	return 1;
}
