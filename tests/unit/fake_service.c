/* SPDX-License-Identifier: MIT */
/* A service that answers the client's library as the test wants. */
#include "fake_service.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fs_service fs_service;
struct kmt_connection *fs_connection;

static int transact(void *context, const struct wire_packet *request, struct wire_packet *reply)
{
	const struct wire_header *asked = request->data;
	struct wire_header *answer = reply->data;

	(void)context;
	reply->descriptor_count = 0;
	if (asked->type == WIRE_HELLO && fs_service.answers_hello) {
		memset(reply->data, 0, sizeof(struct wire_welcome));
		reply->size = sizeof(struct wire_welcome);
		*answer = (struct wire_header) { (uint32_t)reply->size, asked->type, asked->sequence, STATUS_SUCCESS };
		return 0;
	}
	if (asked->type == WIRE_OBJECT_PAGE && fs_service.page > 0) {
		kmt_reply_refuse(request, reply, STATUS_SUCCESS);
		reply->size = sizeof(struct wire_object_page);
		answer->size = sizeof(struct wire_object_page);
		reply->descriptors[reply->descriptor_count++] = fcntl(fs_service.page, F_DUPFD_CLOEXEC, 3);
		return 0;
	}
	fs_service.asked++;
	fs_service.last_type = asked->type;
	if (fs_service.lie == GONE)
		return -ECONNRESET;
	reply->size = fs_service.lie == HONEST && fs_service.status == STATUS_SUCCESS ? fs_service.size
										      : sizeof(*answer);
	memcpy(reply->data, fs_service.answer, reply->size);
	*answer = (struct wire_header) { (uint32_t)reply->size, asked->type, asked->sequence, STATUS_SUCCESS };
	switch (fs_service.lie) {
	case HONEST:
		answer->status = fs_service.status;
		return 0;
	case NO_HEADER:
		reply->size = sizeof(*answer) - 1;
		break;
	case ANOTHER_SIZE:
		answer->size++;
		break;
	case ANOTHER_TYPE:
		answer->type++;
		break;
	case ANOTHER_NUMBER:
		answer->sequence--;
		break;
	default:
		break;
	}
	/* What comes along must not stay open. */
	reply->descriptors[reply->descriptor_count++] = fcntl(0, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static bool is_alive(void *context)
{
	(void)context;
	return true;
}

static void close_transport(void *context)
{
	(void)context;
	fs_service.closed++;
}

struct kmt_connection *fs_connect(void)
{
	return kmt_connection_create(&(struct kmt_transport) {
		.transact = transact,
		.is_alive = is_alive,
		.close = close_transport,
	});
}

void fs_make_device_known(void)
{
	const struct wire_slot slot = { .handle = HANDLE_VALUE, .state = WIRE_SLOT_STATE(WIRE_SLOT_DEVICE, 0) };
	int page = memfd_create("page", MFD_CLOEXEC);

	assert_int_equal(ftruncate(page, (off_t)(WIRE_SLOTS * sizeof(slot))), 0);
	assert_int_equal(pwrite(page, &slot, sizeof(slot), (off_t)(WIRE_HANDLE_INDEX(HANDLE_VALUE) * sizeof(slot))),
			 (ssize_t)sizeof(slot));
	fs_service.page = page;
	assert_non_null(kmt_connection_map_slot(fs_connection, HANDLE_VALUE));
	close(page);
}

/* The process's own connection: there is none. */
struct kmt_connection *__wrap_kmt_service_connect(void);
struct kmt_connection *__wrap_kmt_service_connect(void)
{
	return NULL;
}

int fs_setup(void **state)
{
	(void)state;
	memset(&fs_service, 0, sizeof(fs_service));
	fs_service.answers_hello = true;
	fs_connection = fs_connect();
	kmt_connection_set(fs_connection);
	return fs_connection ? 0 : -1;
}

int fs_teardown(void **state)
{
	(void)state;
	kmt_connection_set(NULL);
	kmt_connection_destroy(fs_connection);
	return fs_service.closed == 1 ? 0 : -1;
}
