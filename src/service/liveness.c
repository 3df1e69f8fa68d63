/* SPDX-License-Identifier: MIT */
/* What tells clients that this process has died, without a call of theirs and whatever killed it. */
#include "service/liveness.h"

#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the Linux kernel walks when the thread ends: the futexes that it holds. */
struct held {
	struct robust_list_head head;
	struct robust_list entry;
};

/* The word is a robust futex that the thread holds for ever: the kernel marks it when the thread ends. */
static int hold(struct wire_liveness *liveness)
{
	/* Shared, though with nobody: the private memory of a process that is killed for lack of memory may go first. */
	struct held *held = mmap(NULL, sizeof(*held), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (held == MAP_FAILED)
		return -errno;
	held->entry.next = &held->head.list;
	held->head.list.next = &held->entry;
	held->head.futex_offset = (char *)&liveness->owner - (char *)&held->entry;
	atomic_store(&liveness->owner, (uint32_t)gettid());
	/* In place of libc's own list, which is empty. */
	if (syscall(SYS_set_robust_list, &held->head, sizeof(held->head)) < 0) {
		int result = -errno;

		munmap(held, sizeof(*held));
		return result;
	}
	return 0;
}

int liveness_start(void)
{
	int descriptor = memfd_create("dxvault-liveness", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map = MAP_FAILED;
	int result = 0;

	if (descriptor < 0)
		return -errno;
	if (ftruncate(descriptor, sizeof(struct wire_liveness)) < 0) {
		result = -errno;
		goto fail;
	}
	map = mmap(NULL, sizeof(struct wire_liveness), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (map == MAP_FAILED ||
	    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		result = -errno;
		goto fail;
	}
	result = hold(map);
	if (result < 0)
		goto fail;
	return descriptor;

fail:
	if (map != MAP_FAILED)
		munmap(map, sizeof(struct wire_liveness));
	close(descriptor);
	return result;
}
