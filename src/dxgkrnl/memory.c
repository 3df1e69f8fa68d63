/* SPDX-License-Identifier: MIT */
/* System memory that a client and the service both map. */
#include "dxgkrnl/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The pages exist before either side touches them, and the file never shrinks: no access of the service can fault. */
int dxgk_memory_file_create(const char *name, uint64_t size, int *ret_descriptor, void **ret_map)
{
	int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map;
	int result;

	if (descriptor < 0)
		return -errno;
	if (fallocate(descriptor, 0, 0, (off_t)size) < 0 ||
	    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		result = -errno;
		close(descriptor);
		return result;
	}
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	if (map == MAP_FAILED) {
		result = -errno;
		close(descriptor);
		return result;
	}
	*ret_descriptor = descriptor;
	*ret_map = map;
	return 0;
}

NTSTATUS dxgk_memory_create(struct dxgk_process *process, uint64_t size, struct dxgk_memory **ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t limit = process->kernel->config.limits.shared_bytes;
	struct dxgk_memory *memory;

	if (size == 0 || size > limit)
		return size == 0 ? STATUS_INVALID_PARAMETER : STATUS_NO_MEMORY;
	size = (size + page - 1) / page * page;
	if (size > limit - process->account->shared_bytes)
		return STATUS_NO_MEMORY;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return STATUS_NO_MEMORY;
	if (dxgk_memory_file_create("dxvault-memory", size, &memory->descriptor, &memory->map) < 0) {
		free(memory);
		return STATUS_NO_MEMORY;
	}
	memory->kernel = process->kernel;
	memory->account = process->account;
	memory->account->references++;
	memory->account->shared_bytes += size;
	memory->references = 1;
	memory->size = size;
	memory->kernel->counts.memories++;
	dxgk_process_has_size(process, size);
	*ret = memory;
	return STATUS_SUCCESS;
}

void dxgk_memory_unref(struct dxgk_memory *memory)
{
	if (!memory || --memory->references > 0)
		return;
	munmap(memory->map, memory->size);
	close(memory->descriptor);
	memory->account->shared_bytes -= memory->size;
	dxgk_account_unref(memory->account);
	memory->kernel->counts.memories--;
	free(memory);
}

NTSTATUS dxgk_do_create_memory(struct dxgk_call *call)
{
	const struct wire_create_memory *request = DXGK_REQUEST(call, wire_create_memory);
	struct dxgk_process *process = call->process;
	struct dxgk_memory *memory;
	struct wire_handle *reply;
	uint32_t handle;
	NTSTATUS status;

	if (!dxgk_process_get(process, request->device, DXGK_DEVICE))
		return STATUS_INVALID_PARAMETER;
	status = dxgk_memory_create(process, request->size, &memory);
	if (status != STATUS_SUCCESS)
		return status;
	handle = dxgk_process_reserve_handle(process, /* slot= */ false);
	if (!handle) {
		dxgk_memory_unref(memory);
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	reply = DXGK_REPLY(call, wire_handle);
	reply->handle = handle;
	status = dxgk_reply_descriptor(call, memory->descriptor);
	if (status != STATUS_SUCCESS) {
		dxgk_process_release_handle(process, handle);
		dxgk_memory_unref(memory);
		return status;
	}
	dxgk_handle_set(&process->handles, handle, DXGK_MEMORY, memory);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_destroy_memory(struct dxgk_call *call)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_memory *memory = dxgk_process_get_to_release(call->process, request->handle, DXGK_MEMORY);

	if (!memory)
		return STATUS_INVALID_PARAMETER;
	dxgk_process_release_handle(call->process, request->handle);
	/* Allocations in it keep it. */
	dxgk_memory_unref(memory);
	return STATUS_SUCCESS;
}
