/* SPDX-License-Identifier: MIT */
/* Packets over a socket from a hostile sender: more descriptors than there is room for, too many bytes, none at all. */
#include "process_fixture.h"
#include "wire/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ROOM (sizeof(((struct wire_packet *)NULL)->descriptors) / sizeof(int))
#define MANY 64

static int ends[2];
static uint8_t bytes[32];
static struct wire_packet packet = { .data = bytes, .capacity = sizeof(bytes) };

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What wire_send can't send. */
static void send_raw(const void *data, size_t size, unsigned int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MANY)];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *item;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		item = CMSG_FIRSTHDR(&message);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof(int) * count);
		for (unsigned int i = 0; i < count; i++)
			memcpy(CMSG_DATA(item) + i * sizeof(int), &ends[0], sizeof(int));
	}
	assert_int_equal(sendmsg(ends[0], &message, MSG_NOSIGNAL), (ssize_t)size);
}

static void test_a_packet(void **state)
{
	uint8_t sent[8] = "packet";
	int before = pf_open_descriptors();
	struct wire_packet out = { .data = sent, .size = sizeof(sent) };

	(void)state;
	for (size_t count = 0; count <= ROOM; count++) {
		out.descriptor_count = count;
		for (size_t i = 0; i < count; i++)
			out.descriptors[i] = ends[0];
		assert_int_equal(wire_send(ends[0], &out, 0), 0);
		assert_int_equal(wire_receive(ends[1], &packet, 0), 1);
		assert_int_equal(packet.size, sizeof(sent));
		assert_memory_equal(bytes, sent, sizeof(sent));
		assert_int_equal(packet.descriptor_count, count);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(fcntl(packet.descriptors[i], F_GETFD), FD_CLOEXEC);
		wire_packet_clear(&packet);
		assert_int_equal(pf_open_descriptors(), before);
	}
	assert_int_equal(wire_receive(ends[1], &packet, MSG_DONTWAIT), -EAGAIN);
}

/* Nobody fills this process with descriptors that it does not know of. */
static void test_more_descriptors_than_room(void **state)
{
	int before = pf_open_descriptors();
	int on = 1;

	(void)state;
	for (int named = 0; named < 2; named++) {
		for (unsigned int count = ROOM + 1; count <= MANY; count++) {
			send_raw("packet", 6, count);
			assert_int_equal(wire_receive(ends[1], &packet, 0), -EMSGSIZE);
			assert_int_equal(packet.size, 0);
			assert_int_equal(packet.descriptor_count, 0);
			assert_int_equal(pf_open_descriptors(), before);
		}
		/* With the sender's name beside them there is less room for them. */
		assert_int_equal(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	}
	send_raw("next", 4, 1);
	assert_int_equal(wire_receive(ends[1], &packet, 0), 1);
	assert_int_equal(packet.size, 4);
	assert_int_equal(packet.descriptor_count, 1);
	assert_int_equal(packet.sender, getpid());
	wire_packet_clear(&packet);
	assert_int_equal(packet.sender, 0);
	assert_int_equal(pf_open_descriptors(), before);
}

static void test_more_bytes_than_room(void **state)
{
	uint8_t large[sizeof(bytes) + 1] = { 0 };
	int before = pf_open_descriptors();

	(void)state;
	send_raw(large, sizeof(large), 2);
	assert_int_equal(wire_receive(ends[1], &packet, 0), -EMSGSIZE);
	assert_int_equal(packet.size, 0);
	assert_int_equal(pf_open_descriptors(), before);
	send_raw(large, sizeof(bytes), 0);
	assert_int_equal(wire_receive(ends[1], &packet, 0), 1);
	assert_int_equal(packet.size, sizeof(bytes));
}

/* An empty packet is what a closed end looks like, descriptors or not. */
static void test_no_bytes(void **state)
{
	int before = pf_open_descriptors();

	(void)state;
	send_raw("", 0, 2);
	assert_int_equal(wire_receive(ends[1], &packet, 0), 0);
	assert_int_equal(packet.descriptor_count, 0);
	assert_int_equal(pf_open_descriptors(), before);
	assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
	assert_int_equal(wire_receive(ends[1], &packet, 0), 0);
}

static void test_an_end_that_is_gone(void **state)
{
	struct wire_packet out = { .data = bytes, .size = 4 };

	(void)state;
	/* No signal either. */
	assert_int_equal(shutdown(ends[1], SHUT_RD), 0);
	assert_int_equal(wire_send(ends[0], &out, 0), -EPIPE);
	out.descriptor_count = 1;
	out.descriptors[0] = -1;
	assert_int_equal(wire_send(ends[1], &out, 0), -EBADF);
	assert_int_equal(wire_receive(-1, &packet, 0), -EBADF);
}

/* ---- a signal on the way ----------------------------------------------------------------------------------- */

static bool interrupts;

ssize_t __real_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int socket, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags);

static bool is_interrupted(void)
{
	bool result = interrupts;

	interrupts = false;
	errno = EINTR;
	return result;
}

ssize_t __wrap_sendmsg(int socket, const struct msghdr *message, int flags)
{
	return is_interrupted() ? -1 : __real_sendmsg(socket, message, flags);
}

ssize_t __wrap_recvmsg(int socket, struct msghdr *message, int flags)
{
	return is_interrupted() ? -1 : __real_recvmsg(socket, message, flags);
}

static void test_a_signal_on_the_way(void **state)
{
	struct wire_packet out = { .data = bytes, .size = 4 };

	(void)state;
	interrupts = true;
	assert_int_equal(wire_send(ends[0], &out, 0), 0);
	interrupts = true;
	assert_int_equal(wire_receive(ends[1], &packet, 0), 1);
	assert_int_equal(packet.size, 4);
	assert_int_equal(wire_receive(ends[1], &packet, 0), -EAGAIN);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_packet), CASE(test_more_descriptors_than_room), CASE(test_more_bytes_than_room),
		CASE(test_no_bytes), CASE(test_an_end_that_is_gone),	    CASE(test_a_signal_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
