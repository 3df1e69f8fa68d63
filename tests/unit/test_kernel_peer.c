/* SPDX-License-Identifier: MIT */
/* Which process is at the other end, as the system tells it, and that none speaks for another (AC-127, D-40). */
#include "kernel_fixture.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = ik_start(&(const struct ik_options) { .real_births = true });
	return 0;
}

/* ---- a client without a library ------------------------------------------------------------------------------------ */

static bool put(int socket, const void *message)
{
	const struct wire_header *header = message;

	return send(socket, message, header->size, MSG_NOSIGNAL) == (ssize_t)header->size;
}

static bool put_hello(int socket)
{
	const struct wire_hello hello = {
		.header = { .size = sizeof(hello), .type = WIRE_HELLO },
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
	};

	return put(socket, &hello);
}

static bool put_request(int socket)
{
	const struct wire_header request = { .size = sizeof(request), .type = WIRE_ENUM_ADAPTERS };

	return put(socket, &request);
}

/* 0: the service has hung up. */
static uint32_t get(int socket, void *reply, size_t size)
{
	ssize_t length = recv(socket, reply, size, 0);

	return length > 0 ? ((const struct wire_header *)reply)->type : 0;
}

/* The token that comes, without a library; 0: it hangs up. */
static UINT64 get_token(int socket)
{
	struct wire_welcome welcome = { 0 };

	if (get(socket, &welcome, sizeof(welcome)) != WIRE_HELLO || welcome.hello.header.size != sizeof(welcome))
		return 0;
	return welcome.token;
}

static bool is_served(int socket)
{
	struct wire_adapter adapter;

	return put_request(socket) && get(socket, &adapter, sizeof(adapter)) == WIRE_ENUM_ADAPTERS;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

/* A child of this program has copies of the service's ends as well, on which nobody would hang up. */
static void keep_only(int one, int two, int three)
{
	for (int i = 3; i < 1024; i++) {
		if (i != one && i != two && i != three)
			close(i);
	}
}

static void end_child(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_process_is_known_by_its_connections(void **state) /* AC-127 */
{
	int socket = ik_connect(*state, IK_USER);
	int wait[2], tell[2];
	UINT64 mine, childs = 0;
	pid_t child;

	ik_process(*state);
	mine = ik_token();
	ik_process(*state);
	assert_int_equal(ik_token(), mine);
	assert_int_equal(pipe(wait) | pipe(tell), 0);
	child = fork();
	if (child == 0) {
		/* Made by its parent, and its own from the first message on. */
		UINT64 first = put_hello(socket) ? get_token(socket) : 0;

		keep_only(socket, wait[0], tell[1]);
		(void)!write(tell[1], &first, sizeof(first));
		(void)!read(wait[0], &first, 1);
		_exit(is_served(socket) ? 0 : 1);
	}
	close(socket);
	close(wait[0]);
	assert_int_equal(read(tell[0], &childs, sizeof(childs)), sizeof(childs));
	assert_true(childs != 0 && childs != mine);
	assert_true(ik_is_alive(*state, childs));
	close(wait[1]);
	end_child(child);
	assert_false(ik_is_alive(*state, childs));
	assert_true(ik_is_alive(*state, mine));
	close(tell[0]);
	close(tell[1]);
}

static void a_child_does_not_speak_for_its_parent(void **state) /* AC-127, SEC-37 */
{
	int socket = ik_connect(*state, IK_USER);
	UINT64 mine;
	pid_t child;

	assert_true(put_hello(socket));
	mine = get_token(socket);
	assert_true(mine != 0);
	assert_true(is_served(socket));
	child = fork();
	if (child == 0) {
		keep_only(socket, -1, -1);
		_exit(is_served(socket) ? 1 : 0);
	}
	end_child(child);
	/* Whoever lends its connection loses it. */
	assert_false(is_served(socket));
	assert_false(ik_is_alive(*state, mine));
	assert_int_equal(ik_counts(*state).processes, 0);
	close(socket);
}

/* A copy of the socket, in whichever process, does not keep a process alive that has ended. */
static void a_process_ends_with_its_last_breath(void **state) /* AC-125, AC-127 */
{
	int socket = ik_connect(*state, IK_USER);
	UINT64 childs;
	int wait[2];
	pid_t child;

	assert_int_equal(pipe(wait), 0);
	child = fork();
	if (child == 0) {
		char byte;

		keep_only(socket, wait[0], -1);
		(void)!read(wait[0], &byte, put_hello(socket));
		_exit(0);
	}
	childs = get_token(socket);
	assert_true(childs != 0);
	assert_true(ik_is_alive(*state, childs));
	close(wait[0]);
	close(wait[1]);
	end_child(child);
	assert_false(ik_is_alive(*state, childs));
	assert_int_equal(ik_counts(*state).processes, 0);
	assert_false(is_served(socket));
	close(socket);
}

/* What a process says that ends before it is known was said by nobody. */
static void the_dead_say_nothing(void **state) /* AC-127 */
{
	int socket = ik_connect(*state, IK_USER);
	pid_t child;

	ik_settle(*state);
	(void)ik_acquire(*state);
	child = fork();
	if (child == 0)
		_exit(put_hello(socket) ? 0 : 1);
	end_child(child);
	ik_release(*state);
	assert_int_equal(get_token(socket), 0);
	assert_int_equal(ik_counts(*state).processes, 0);
	close(socket);
}

/* Else one who ends could leave requests that are taken for those of the next process with its number. */
static void nobody_goes_on_before_the_answer(void **state) /* AC-127 */
{
	int socket = ik_connect(*state, IK_USER);

	ik_settle(*state);
	(void)ik_acquire(*state);
	assert_true(put_hello(socket) && put_request(socket));
	ik_release(*state);
	assert_int_equal(get_token(socket), 0);
	assert_int_equal(ik_counts(*state).processes, 0);
	close(socket);
}

/* A child with the number of one that has ended; -1: that is not allowed here. */
static pid_t fork_as(pid_t number)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

/*
 * The whole attack: a process connects, leaves its socket to another one and ends, and a third one, which knows of nothing,
 * gets its number. What was left on the socket, and what its heir says, is not the third one's.
 */
static void a_number_that_is_given_again_does_not_forge(void **state) /* AC-127, D-40 */
{
	for (int queued = 0; queued < 2; queued++) {
		int socket = ik_connect(*state, IK_USER), victims = ik_connect(*state, IK_USER);
		UINT64 victim = 0, heir;
		int wait[2], tell[2];
		pid_t number, child;

		ik_settle(*state);
		assert_int_equal(pipe(wait) | pipe(tell), 0);
		(void)ik_acquire(*state);
		number = fork();
		if (number == 0)
			_exit(put_hello(socket) && (!queued || put_request(socket)) ? 0 : 1);
		end_child(number);
		child = fork_as(number);
		if (child == 0) {
			UINT64 token = put_hello(victims) ? get_token(victims) : 0;

			keep_only(victims, wait[0], tell[1]);
			(void)!write(tell[1], &token, sizeof(token));
			(void)!read(wait[0], &token, 1);
			_exit(is_served(victims) ? 0 : 1);
		}
		ik_release(*state);
		close(wait[0]);
		if (child > 0) {
			assert_int_equal(child, number);
			assert_int_equal(read(tell[0], &victim, sizeof(victim)), sizeof(victim));
			assert_true(victim != 0);
		}
		/* It may learn the token, which is no secret, and say nothing. */
		heir = get_token(socket);
		assert_true(heir == 0 || child < 0 || (!queued && heir == victim));
		assert_false(is_served(socket));
		if (child > 0)
			assert_true(ik_is_alive(*state, victim));
		close(wait[1]);
		if (child > 0) {
			end_child(child);
			assert_false(ik_is_alive(*state, victim));
		}
		assert_int_equal(ik_counts(*state).processes, child > 0 ? 0 : 1);
		close(socket);
		close(victims);
		close(tell[0]);
		close(tell[1]);
		if (child < 0) {
			print_message("# skipped: process numbers can't be chosen here\n");
			skip();
		}
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, ik_teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_process_is_known_by_its_connections), CASE(a_child_does_not_speak_for_its_parent),
		CASE(a_process_ends_with_its_last_breath),   CASE(the_dead_say_nothing),
		CASE(nobody_goes_on_before_the_answer),	     CASE(a_number_that_is_given_again_does_not_forge),
	};

	if (!ik_over_wire()) {
		printf("1..0 # SKIP in-process there are no other processes\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
