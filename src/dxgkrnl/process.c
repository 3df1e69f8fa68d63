/* SPDX-License-Identifier: MIT */
/* Processes: their handles, their object pages, what is charged to them and their users. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Objects that ended processes gave back. */
#define TRIM_AFTER 32768

struct dxgk_user *dxgk_user_ref(struct dxgk_kernel *kernel, uid_t id)
{
	struct dxgk_user *user;

	LIST_FOR_EACH(node, &kernel->users)
	{
		user = LIST_ENTRY(node, struct dxgk_user, link);
		if (user->id == id) {
			user->references++;
			return user;
		}
	}

	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->id = id;
	user->references = 1;
	list_append(&kernel->users, &user->link);
	return user;
}

void dxgk_user_unref(struct dxgk_user *user)
{
	if (--user->references > 0)
		return;
	list_remove(&user->link);
	free(user);
}

void dxgk_account_unref(struct dxgk_account *account)
{
	if (--account->references > 0)
		return;
	dxgk_user_unref(account->user);
	free(account);
}

/* Now, while the process is surely there: its number may mean another one when the operator asks. */
void dxgk_account_read_command(struct dxgk_account *account)
{
	char path[32];
	ssize_t length;
	int descriptor;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)account->pid);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return;
	length = read(descriptor, account->command, sizeof(account->command) - 1);
	close(descriptor);
	/* The last byte is the line's end. */
	account->command[length > 0 ? length - 1 : 0] = '\0';
}

static int create_locked(struct dxgk_kernel *kernel, uid_t user_id, struct dxgk_process **ret)
{
	struct dxgk_user *user = dxgk_user_ref(kernel, user_id);
	struct dxgk_process *process = NULL;
	int result = -ENOMEM;

	if (!user)
		return -ENOMEM;
	if (user->processes >= kernel->config.limits.processes) {
		result = -EDQUOT;
		goto fail;
	}

	process = calloc(1, sizeof(*process));
	if (!process)
		goto fail;
	process->account = calloc(1, sizeof(*process->account));
	if (!process->account)
		goto fail;
	*process->account = (struct dxgk_account) {
		.kernel = kernel,
		.user = dxgk_user_ref(kernel, user_id),
		.references = 1,
	};
	process->kernel = kernel;
	process->user = user;
	list_append(&kernel->processes, &process->link);
	user->processes++;
	kernel->counts.processes++;
	*ret = process;
	return 0;

fail:
	free(process);
	dxgk_user_unref(user);
	/* -Wanalyzer-malloc-leak: who has other processes stays in the list */
	return result;
}

int dxgk_process_create(struct dxgk_kernel *kernel, uid_t user_id, struct dxgk_process **ret)
{
	int result;

	dxgk_enter(kernel);
	result = create_locked(kernel, user_id, ret);
	dxgk_leave(kernel);
	return result;
}

int dxgk_process_identify(struct dxgk_process *process, pid_t pid, uint64_t birth)
{
	assert(!process->identity);
	dxgk_enter(process->kernel);
	process->identity = dxgk_identity_ref(process->kernel, pid, birth);
	dxgk_leave(process->kernel);
	if (!process->identity)
		return -ENOMEM;
	process->account->pid = pid;
	return 0;
}

/* Returns false if there is something left of it. */
static bool destroy_one(struct dxgk_process *process, uint32_t handle, enum dxgk_kind kind, void *object,
			uint32_t *budget)
{
	switch (kind) {
	case DXGK_SESSION:
	case DXGK_FENCE:
		dxgk_view_destroy(object);
		break;
	case DXGK_RESOURCE:
		dxgk_open_destroy(object);
		break;
	case DXGK_CONTEXT:
		dxgk_context_destroy(object);
		break;
	case DXGK_DEVICE:
		return dxgk_device_destroy_part(object, budget);
	case DXGK_MEMORY:
		dxgk_process_release_handle(process, handle);
		dxgk_memory_unref(object);
		break;
	case DXGK_ADAPTER:
		dxgk_process_release_handle(process, handle);
		break;
	default: /* an allocation goes with its resource */
		break;
	}
	return true;
}

/* What many small objects leave stays with malloc otherwise. */
static void trim_heap(struct dxgk_kernel *kernel)
{
	kernel->untrimmed = 0;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

/*
 * From the last handle to the first, so that what was allocated together is freed together, and whole pages go back to the
 * system by and by. Returns false when the budget is spent and there may be more.
 */
static bool destroy_handles(struct dxgk_process *process, uint32_t budget)
{
	struct dxgk_handle_table *table = &process->handles;
	uint32_t place = table->used - process->destroyed;
	enum dxgk_kind kind;
	uint32_t handle;
	void *object;

	while ((handle = dxgk_handle_previous(table, &place, &kind, &object)) != 0) {
		if (!destroy_one(process, handle, kind, object, &budget))
			return false;
		process->destroyed = table->used - place;
		if (++process->kernel->untrimmed >= TRIM_AFTER)
			trim_heap(process->kernel);
		if (budget <= 1)
			return table->live == 0;
		budget--;
	}
	return true;
}

static bool destroy_part_locked(struct dxgk_process *process, uint32_t budget)
{
	struct dxgk_kernel *kernel = process->kernel;

	/* It has ended, however long it takes to give all back. */
	if (process->identity)
		dxgk_identity_unref(kernel, process->identity);
	process->identity = NULL;
	free(process->put_off);
	process->put_off = NULL;
	if (budget == 0 || !destroy_handles(process, budget))
		return false;
	dxgk_handle_table_clear(&process->handles);
	for (size_t i = 0; i < WIRE_PAGES; i++) {
		if (!process->pages[i].slots)
			continue;
		munmap(process->pages[i].slots, WIRE_SLOTS * sizeof(struct wire_slot));
		close(process->pages[i].descriptor);
	}
	list_remove(&process->link);
	dxgk_account_unref(process->account);
	process->user->processes--;
	dxgk_user_unref(process->user);
	kernel->counts.processes--;
	free(process);
	if (kernel->is_swollen && kernel->counts.sessions == 0) {
		kernel->is_swollen = false;
		trim_heap(kernel);
	}
	return true;
}

bool dxgk_process_destroy_part(struct dxgk_process *process, uint32_t budget)
{
	struct dxgk_kernel *kernel = process->kernel;
	bool is_gone;

	dxgk_enter(kernel);
	is_gone = destroy_part_locked(process, budget);
	dxgk_leave(kernel);
	return is_gone;
}

void dxgk_process_destroy(struct dxgk_process *process)
{
	while (process && !dxgk_process_destroy_part(process, UINT32_MAX))
		;
}

void dxgk_process_remove(struct dxgk_process *process)
{
	enum dxgk_kind kind;
	uint32_t index = 0;
	uint32_t handle;
	void *object;

	dxgk_handle_remove_all(&process->handles);
	while ((handle = dxgk_handle_next(&process->handles, &index, &kind, &object)) != 0) {
		if (kind == DXGK_DEVICE)
			atomic_store(&dxgk_process_slot(process, handle)->state,
				     WIRE_SLOT_STATE(WIRE_SLOT_DEVICE, WIRE_DEVICE_REMOVED));
	}
	/* Behind the devices' states: who wakes and looks at them finds them removed. */
	for (index = 0; dxgk_handle_next(&process->handles, &index, &kind, &object) != 0;) {
		if (kind == DXGK_FENCE)
			dxgk_fence_wake(object);
	}
}

bool dxgk_process_is_operator(const struct dxgk_process *process)
{
	return process->user->id == 0 || process->user->id == geteuid();
}

void dxgk_process_has_size(struct dxgk_process *process, uint64_t size)
{
	if (size > process->largest)
		process->largest = size;
}

bool dxgk_process_is_heavy(const struct dxgk_process *process)
{
	return process->largest >= DXGK_HEAVY;
}

/* A memory file that the client can map to read, and never to write, shrink or grow. */
static int page_create(struct dxgk_page *page)
{
	size_t size = WIRE_SLOTS * sizeof(struct wire_slot);
	int descriptor = memfd_create("dxvault-objects", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *slots;

	if (descriptor < 0)
		return -errno;
	if (ftruncate(descriptor, (off_t)size) < 0)
		goto fail;
	slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (slots == MAP_FAILED)
		goto fail;
	if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		munmap(slots, size);
		goto fail;
	}
	page->descriptor = descriptor;
	page->slots = slots;
	return 0;

fail:
	close(descriptor);
	return -ENOMEM;
}

uint32_t dxgk_process_reserve_handle(struct dxgk_process *process, bool slot)
{
	struct dxgk_page *page;
	uint32_t handle;

	if (process->user->handles >= process->kernel->config.limits.handles)
		return 0;
	handle = dxgk_handle_reserve(&process->handles);
	if (!handle)
		return 0;
	page = &process->pages[WIRE_HANDLE_INDEX(handle) / WIRE_SLOTS];
	if (slot && !page->slots && page_create(page) < 0) {
		dxgk_handle_release(&process->handles, handle);
		return 0;
	}
	process->user->handles++;
	return handle;
}

void dxgk_process_release_handle(struct dxgk_process *process, uint32_t handle)
{
	if (!process->kernel->is_stopping && process->pages[WIRE_HANDLE_INDEX(handle) / WIRE_SLOTS].slots)
		atomic_store(&dxgk_process_slot(process, handle)->handle, 0);
	dxgk_handle_release(&process->handles, handle);
	process->user->handles--;
}

struct wire_slot *dxgk_process_slot(struct dxgk_process *process, uint32_t handle)
{
	uint32_t index = WIRE_HANDLE_INDEX(handle);

	return &process->pages[index / WIRE_SLOTS].slots[index % WIRE_SLOTS];
}

void *dxgk_process_get(struct dxgk_process *process, uint32_t handle, enum dxgk_kind kind)
{
	void *object = dxgk_handle_get(&process->handles, handle, kind);

	if (object && dxgk_handle_is_removed(&process->handles, handle)) {
		process->met_removed = true;
		return NULL;
	}
	return object;
}

void *dxgk_process_get_to_release(struct dxgk_process *process, uint32_t handle, enum dxgk_kind kind)
{
	return dxgk_handle_get(&process->handles, handle, kind);
}

NTSTATUS dxgk_do_hello(struct dxgk_call *call)
{
	const struct wire_hello *request = DXGK_REQUEST(call, wire_hello);
	const int *liveness = call->process->kernel->config.liveness;
	struct wire_hello *reply = DXGK_REPLY(call, wire_hello);
	uint64_t token = call->process->identity->token;

	if (request->magic != WIRE_MAGIC)
		return STATUS_INVALID_PARAMETER;
	reply->magic = WIRE_MAGIC;
	reply->version = WIRE_VERSION;
	if (request->version != WIRE_VERSION)
		return STATUS_NOT_SUPPORTED;
	if (request->extra >= DXGK_HANDLES_MAX)
		return STATUS_INVALID_PARAMETER;
	if (liveness && dxgk_reply_descriptor(call, *liveness) != STATUS_SUCCESS)
		return STATUS_INSUFFICIENT_RESOURCES;
	reply->extra = liveness != NULL;
	dxgk_reply_append(call, &token, sizeof(token));
	call->process->handles.first = request->extra;
	call->process->greeted = true;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_object_page(struct dxgk_call *call)
{
	const struct wire_object_page *request = DXGK_REQUEST(call, wire_object_page);
	struct wire_object_page *reply;

	if (request->page >= WIRE_PAGES || !call->process->pages[request->page].slots)
		return STATUS_INVALID_PARAMETER;
	reply = DXGK_REPLY(call, wire_object_page);
	reply->page = request->page;
	return dxgk_reply_descriptor(call, call->process->pages[request->page].descriptor);
}
