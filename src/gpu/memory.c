/* SPDX-License-Identifier: MIT */
/* Memory that other processes, core files and swap do not see: the strongest kind that the system grants. */
#include "gpu/private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447 /* the same on every architecture that has it */
#endif

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;

/* Guards all that follows, and each walk down the kinds: two at once would mislead the probe of keys_have_room(). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool configured;
static enum gpu_memory_kind weakest;
static enum gpu_memory_kind strongest;
static struct gpu_memory_report report;
static char reason_secret[64]; /* why memfd_secret was not used, the first time */
static char reason_locked[60]; /* the same for mlock */

const char *gpu_memory_kind_name(enum gpu_memory_kind kind)
{
	switch (kind) {
	case GPU_MEMORY_SECRET:
		return "memfd_secret";
	case GPU_MEMORY_LOCKED:
		return "mlock";
	case GPU_MEMORY_PLAIN:
		return "unlocked";
	}
	return "unknown";
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes that a purpose's memory of this size takes between its guard pages; 0: too large. */
static size_t page_round(size_t size)
{
	size_t page = page_size();

	return size > SIZE_MAX - 4 * page ? 0 : (size + page - 1) & ~(page - 1);
}

static uint64_t memlock_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/* error 0: the kind was to be had, but keys come first. Only the first reason is kept: the later ones follow from it. */
static void reason_note(enum gpu_memory_kind kind, int error)
{
	char *text = kind == GPU_MEMORY_SECRET ? reason_secret : reason_locked;
	size_t room = kind == GPU_MEMORY_SECRET ? sizeof(reason_secret) : sizeof(reason_locked);
	const char *name = gpu_memory_kind_name(kind);
	uint64_t limit = memlock_limit();
	bool mib = limit % (1 << 20) == 0;
	unsigned long long shown = limit >> (mib ? 20 : 10);
	const char *unit = mib ? "MiB" : "KiB";
	const char *error_name = strerrorname_np(error);

	if (text[0] != '\0')
		return;
	if (error == 0)
		snprintf(text, room, "RLIMIT_MEMLOCK (%llu %s) is kept for keys", shown, unit);
	else if (error == ECANCELED)
		snprintf(text, room, "%s was ruled out by request", name);
	else if (error == ENOSYS)
		snprintf(text, room, "%s is not in this kernel, or off (ENOSYS)", name);
	else if ((error == EAGAIN || error == ENOMEM || error == EPERM) && limit != UINT64_MAX)
		snprintf(text, room, "RLIMIT_MEMLOCK (%llu %s) leaves no room", shown, unit);
	else
		snprintf(text, room, "%s failed (%s)", name, error_name != NULL ? error_name : "?");
}

static int mapping_get_secret(size_t total, char **ret)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *base = MAP_FAILED;
	int r;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)total) == 0)
		base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r = base == MAP_FAILED ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	/* Shared memory would be a child's too. */
	if (madvise(base, total, MADV_DONTFORK) < 0) {
		r = -errno;
		munmap(base, total);
		return r;
	}
	*ret = base;
	return 0;
}

static int mapping_get_anonymous(size_t total, bool locked, char **ret)
{
	size_t page = page_size();
	char *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r = 0;

	if (base == MAP_FAILED)
		return -ENOMEM;
	/* On fault: else one client's huge surface would keep the others waiting while it is filled with pages. */
	if (madvise(base, total, MADV_DONTDUMP) < 0 || madvise(base, total, MADV_WIPEONFORK) < 0 ||
	    (locked && mlock2(base + page, total - 2 * page, MLOCK_ONFAULT) < 0)) {
		r = -errno;
		munmap(base, total);
		return r;
	}
	*ret = base;
	return 0;
}

/*
 * Guards are cut out of the mapping, not put round it with MAP_FIXED: a MAP_FIXED that fails can leave a hole, and what
 * another thread maps into the hole would be overwritten by the next kind's attempt.
 */
static int mapping_get(enum gpu_memory_kind kind, size_t total, char **ret)
{
	size_t page = page_size();
	char *base = NULL;
	int r;

	if (kind == GPU_MEMORY_SECRET)
		r = mapping_get_secret(total, &base);
	else
		r = mapping_get_anonymous(total, kind == GPU_MEMORY_LOCKED, &base);
	if (r < 0)
		return r;
	if (mprotect(base, page, PROT_NONE) < 0 || mprotect(base + total - page, page, PROT_NONE) < 0) {
		munmap(base, total);
		return -ENOMEM; /* no room for more areas: no other kind has it either */
	}
	*ret = base;
	return 0;
}

/*
 * Half of a RLIMIT_MEMLOCK stays with the keys. Whether it binds at all is for the kernel to say (CAP_IPC_LOCK,
 * user namespaces), so this asks it: no page is touched.
 */
static bool keys_have_room(void)
{
	uint64_t limit = memlock_limit();
	size_t wanted;
	void *probe;
	bool room;

	if (limit == UINT64_MAX || report.key_bytes >= limit / 2)
		return true;
	wanted = page_round((size_t)(limit / 2 - report.key_bytes));
	probe = mmap(NULL, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (probe == MAP_FAILED)
		return false;
	room = mlock2(probe, wanted, MLOCK_ONFAULT) == 0;
	munmap(probe, wanted);
	return room;
}

static int mapping_get_strongest(enum gpu_purpose purpose, size_t total, enum gpu_memory_kind *ret_kind, char **ret)
{
	enum gpu_memory_kind kind;
	char *base = NULL;
	int r;

	for (kind = GPU_MEMORY_SECRET; kind < strongest; kind++)
		reason_note(kind, ECANCELED);
	for (; kind <= weakest; kind++) {
		r = mapping_get(kind, total, &base);
		if (r == 0 && purpose == GPU_FOR_SURFACES && kind < GPU_MEMORY_PLAIN && !keys_have_room()) {
			munmap(base, total);
			reason_note(kind, 0);
			continue;
		}
		if (r == 0) {
			*ret_kind = kind;
			*ret = base;
			return 0;
		}
		if (kind == GPU_MEMORY_PLAIN)
			return -ENOMEM;
		reason_note(kind, -r);
	}
	return -EPERM;
}

int gpu_memory_map(enum gpu_purpose purpose, size_t size, void **ret)
{
	size_t page = page_size();
	size_t rounded = page_round(size);
	enum gpu_memory_kind kind = GPU_MEMORY_PLAIN;
	char *base = NULL;
	int r;

	if (rounded == 0)
		return size == 0 ? -EINVAL : -ENOMEM;
	pthread_mutex_lock(&lock);
	if (!configured)
		gpu_panic("protected memory was asked for before gpu_memory_start");
	r = mapping_get_strongest(purpose, rounded + 2 * page, &kind, &base);
	if (r == 0 && purpose == GPU_FOR_KEYS) {
		report.key_bytes += rounded;
		report.keys = kind > report.keys ? kind : report.keys;
	} else if (r == 0) {
		report.surface_bytes += rounded;
		report.surfaces = kind > report.surfaces ? kind : report.surfaces;
	}
	pthread_mutex_unlock(&lock);
	if (r == 0)
		*ret = base + page;
	return r;
}

void gpu_memory_unmap(enum gpu_purpose purpose, void *memory, size_t size)
{
	size_t page = page_size();
	size_t rounded = page_round(size);

	if (memory == NULL)
		return;
	gpu_wipe(memory, rounded);
	if (munmap((char *)memory - page, rounded + 2 * page) < 0)
		gpu_panic("protected memory could not be unmapped");
	pthread_mutex_lock(&lock);
	if (purpose == GPU_FOR_KEYS)
		report.key_bytes -= rounded;
	else
		report.surface_bytes -= rounded;
	pthread_mutex_unlock(&lock);
}

int gpu_surface_memory_map(size_t size, void **ret)
{
	return gpu_memory_map(GPU_FOR_SURFACES, size, ret);
}

void gpu_surface_memory_unmap(void *memory, size_t size)
{
	gpu_memory_unmap(GPU_FOR_SURFACES, memory, size);
}

int gpu_memory_start(enum gpu_memory_kind weakest_allowed, enum gpu_memory_kind force)
{
	int r = 0;

	pthread_mutex_lock(&start_lock);
	if (started) {
		r = weakest == weakest_allowed && strongest == force ? 0 : -EALREADY;
		goto out;
	}
	pthread_mutex_lock(&lock);
	configured = true;
	weakest = weakest_allowed;
	strongest = force;
	reason_secret[0] = '\0';
	reason_locked[0] = '\0';
	pthread_mutex_unlock(&lock);
	r = gpu_heap_start();
	started = r == 0;
out:
	pthread_mutex_unlock(&start_lock);
	return r;
}

void gpu_memory_report(struct gpu_memory_report *ret)
{
	bool both;

	pthread_mutex_lock(&lock);
	*ret = report;
	/* One limit is the reason for both, and said once. */
	both = reason_secret[0] != '\0' && reason_locked[0] != '\0' && strcmp(reason_secret, reason_locked) != 0;
	snprintf(ret->reason, sizeof(ret->reason), "%s%s%s", reason_secret, both ? "; " : "",
		 both || reason_secret[0] == '\0' ? reason_locked : "");
	pthread_mutex_unlock(&lock);
}
