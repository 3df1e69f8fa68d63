/* SPDX-License-Identifier: MIT */
/* Client processes and their tokens (AC-127), which of them is the compositor, and what a driver asks of them. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* No number that a driver gives to its own objects. */
#define FIRST_TOKEN 0xc4b1000000000001u

static_assert(sizeof(HANDLE) == sizeof(uint64_t), "hKmdProcess holds a token");

static struct list *token_bucket(struct dxgk_kernel *kernel, uint64_t token)
{
	return &kernel->identities_by_token[token % DXGK_IDENTITY_BUCKETS];
}

static struct list *pid_bucket(struct dxgk_kernel *kernel, pid_t pid)
{
	return &kernel->identities_by_pid[(uint32_t)pid % DXGK_IDENTITY_BUCKETS];
}

void dxgk_identities_init(struct dxgk_kernel *kernel)
{
	kernel->next_token = FIRST_TOKEN;
	for (size_t i = 0; i < DXGK_IDENTITY_BUCKETS; i++) {
		list_init(&kernel->identities_by_token[i]);
		list_init(&kernel->identities_by_pid[i]);
	}
}

static struct dxgk_identity *find_by_birth(struct dxgk_kernel *kernel, pid_t pid, uint64_t birth)
{
	LIST_FOR_EACH(node, pid_bucket(kernel, pid))
	{
		struct dxgk_identity *identity = LIST_ENTRY(node, struct dxgk_identity, pid_link);

		if (identity->pid == pid && identity->birth == birth)
			return identity;
	}
	return NULL;
}

static struct dxgk_identity *find_by_token(struct dxgk_kernel *kernel, uint64_t token)
{
	LIST_FOR_EACH(node, token_bucket(kernel, token))
	{
		struct dxgk_identity *identity = LIST_ENTRY(node, struct dxgk_identity, token_link);

		if (identity->token == token)
			return identity;
	}
	return NULL;
}

struct dxgk_identity *dxgk_identity_ref(struct dxgk_kernel *kernel, pid_t pid, uint64_t birth)
{
	const bool is_known = pid != 0 && birth != 0;
	struct dxgk_identity *identity = is_known ? find_by_birth(kernel, pid, birth) : NULL;

	if (identity) {
		identity->connections++;
		return identity;
	}
	identity = calloc(1, sizeof(*identity));
	if (!identity)
		return NULL;
	identity->token = kernel->next_token++;
	identity->pid = pid;
	identity->birth = birth;
	identity->connections = 1;
	list_init(&identity->pid_link);
	list_append(token_bucket(kernel, identity->token), &identity->token_link);
	if (is_known)
		list_append(pid_bucket(kernel, pid), &identity->pid_link);
	return identity;
}

void dxgk_identity_unref(struct dxgk_kernel *kernel, struct dxgk_identity *identity)
{
	if (--identity->connections > 0)
		return;
	if (kernel->compositor == identity)
		kernel->compositor = NULL;
	list_remove(&identity->token_link);
	list_remove(&identity->pid_link);
	free(identity);
}

HANDLE dxgk_identity_handle(const struct dxgk_identity *identity)
{
	return (HANDLE)(uintptr_t)identity->token;
}

bool dxgk_cb_is_process_alive(HANDLE handle, HANDLE process)
{
	return find_by_token(handle, (uintptr_t)process) != NULL;
}

HANDLE dxgk_cb_get_compositor(HANDLE handle)
{
	const struct dxgk_kernel *kernel = handle;

	return kernel->compositor ? dxgk_identity_handle(kernel->compositor) : NULL;
}

NTSTATUS dxgk_do_designate_compositor(struct dxgk_call *call)
{
	const struct wire_designate_compositor *request = DXGK_REQUEST(call, wire_designate_compositor);
	struct dxgk_kernel *kernel = call->process->kernel;
	struct dxgk_identity *identity = NULL;

	if (!dxgk_process_is_operator(call->process))
		return STATUS_ACCESS_DENIED;
	if (request->token) {
		identity = find_by_token(kernel, request->token);
		if (!identity)
			return STATUS_INVALID_PARAMETER;
	}
	kernel->compositor = identity;
	(void)DXGK_REPLY(call, wire_header);
	return STATUS_SUCCESS;
}
