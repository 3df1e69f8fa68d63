/* SPDX-License-Identifier: MIT */
/* What rows are compared with: copies, libcrypto in the calling process, bare round trips. */
#include "bench/baseline.h"

#include <dxvault/dxvault.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MEMORY_SECRET, MEMORY_LOCKED, MEMORY_PLAIN };

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* ---- copies ----------------------------------------------------------------------------------------------- */

static void *map_secret(size_t size)
{
	int descriptor = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *memory = MAP_FAILED;

	if (descriptor < 0)
		return MAP_FAILED;
	if (ftruncate(descriptor, (off_t)size) == 0)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	close(descriptor);
	return memory;
}

void *baseline_memory(size_t size)
{
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };
	void *memory = MAP_FAILED;

	BENCH_MUST(DxvaultQueryService(&info) == STATUS_SUCCESS);
	if (info.SurfaceMemory == MEMORY_SECRET)
		memory = map_secret(size);
	if (memory == MAP_FAILED) {
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		BENCH_MUST(memory != MAP_FAILED);
		if (info.SurfaceMemory != MEMORY_PLAIN)
			(void)mlock(memory, size);
	}
	memset(memory, 1, size);
	return memory;
}

void baseline_copy_once(void *context)
{
	struct baseline_copy *copy = context;

	memcpy(copy->to[copy->next], copy->from[copy->next], copy->size);
	copy->next = (copy->next + 1) % copy->pairs;
}

/* ---- libcrypto ---------------------------------------------------------------------------------------------- */

void baseline_evp_open(struct baseline_evp *evp, const struct baseline_copy *buffers)
{
	uint8_t key[16];

	*evp = (struct baseline_evp) { .buffers = *buffers, .context = EVP_CIPHER_CTX_new() };
	BENCH_MUST(RAND_bytes(key, sizeof(key)) == 1 && evp->context);
	BENCH_MUST(EVP_EncryptInit_ex2(evp->context, EVP_aes_128_ctr(), key, NULL, NULL) == 1);
}

void baseline_evp_once(void *context)
{
	struct baseline_evp *evp = context;
	struct baseline_copy *buffers = &evp->buffers;
	uint8_t iv[16] = { 0 };
	int written;

	evp->iv++;
	for (unsigned int i = 0; i < 8; i++)
		iv[i] = (uint8_t)(evp->iv >> (56 - 8 * i));
	BENCH_MUST(EVP_EncryptInit_ex2(evp->context, NULL, NULL, iv, NULL) == 1);
	BENCH_MUST(EVP_EncryptUpdate(evp->context, buffers->to[buffers->next], &written, buffers->from[buffers->next],
				     (int)buffers->size) == 1);
	buffers->next = (buffers->next + 1) % buffers->pairs;
}

/* ---- round trips -------------------------------------------------------------------------------------------- */

enum { PACKET_MAX = 256 };

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static bool transmit(int socket, void *packet, size_t size, int descriptor)
{
	struct iovec part = { .iov_base = packet, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { { 0 } };

	if (descriptor >= 0) {
		struct cmsghdr *header;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Gives back the size; *ret_descriptor is -1 if none came. */
static ssize_t receive(int socket, void *packet, size_t size, int *ret_descriptor)
{
	struct iovec part = { .iov_base = packet, .iov_len = size };
	union control control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*ret_descriptor = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_descriptor, CMSG_DATA(header), sizeof(int));
	return got;
}

static _Noreturn void answer(int socket)
{
	char packet[PACKET_MAX];
	int descriptor;
	ssize_t got;

	while ((got = receive(socket, packet, sizeof(packet), &descriptor)) > 0) {
		if (descriptor >= 0)
			close(descriptor);
		if (!transmit(socket, packet, (size_t)got, -1))
			break;
	}
	_exit(EXIT_SUCCESS);
}

void baseline_echo_open(struct baseline_echo *echo, size_t size, bool with_descriptor)
{
	int ends[2];
	pid_t child;

	BENCH_MUST(size <= PACKET_MAX && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	child = fork();
	BENCH_MUST(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		bench_stay(/* one= */ true);
		answer(ends[1]);
	}
	close(ends[1]);
	*echo = (struct baseline_echo) { .socket = ends[0], .descriptor = -1, .size = size };
	if (with_descriptor) {
		/* As an NT handle is: one end of a socket pair. */
		BENCH_MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
		echo->descriptor = ends[0];
	}
}

void baseline_echo_once(void *context)
{
	const struct baseline_echo *echo = context;
	char packet[PACKET_MAX] = { 0 };
	int descriptor;

	BENCH_MUST(transmit(echo->socket, packet, echo->size, echo->descriptor));
	BENCH_MUST(receive(echo->socket, packet, sizeof(packet), &descriptor) == (ssize_t)echo->size);
}

void baseline_echo_twice(void *context)
{
	baseline_echo_once(context);
	baseline_echo_once(context);
}
