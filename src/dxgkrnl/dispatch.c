/* SPDX-License-Identifier: MIT */
/* From a request to the function that answers it, and the answer's shape. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static dxgk_handler *const handlers[WIRE_TYPE_END] = {
	[WIRE_HELLO] = dxgk_do_hello,
	[WIRE_OBJECT_PAGE] = dxgk_do_object_page,
	[WIRE_QUERY_SERVICE] = dxgk_do_query_service,
	[WIRE_ROOT_CERTIFICATE] = dxgk_do_root_certificate,
	[WIRE_ENUM_ADAPTERS] = dxgk_do_enum_adapters,
	[WIRE_OPEN_ADAPTER] = dxgk_do_open_adapter,
	[WIRE_CLOSE_ADAPTER] = dxgk_do_close_adapter,
	[WIRE_QUERY_ADAPTER_INFO] = dxgk_do_query_adapter_info,
	[WIRE_CREATE_DEVICE] = dxgk_do_create_device,
	[WIRE_DESTROY_DEVICE] = dxgk_do_destroy_device,
	[WIRE_GET_DEVICE_STATE] = dxgk_do_get_device_state,
	[WIRE_CREATE_CONTEXT] = dxgk_do_create_context,
	[WIRE_DESTROY_CONTEXT] = dxgk_do_destroy_context,
	[WIRE_CREATE_FENCE] = dxgk_do_create_fence,
	[WIRE_DESTROY_FENCE] = dxgk_do_destroy_fence,
	[WIRE_SIGNAL_FENCES] = dxgk_do_signal_fences,
	[WIRE_OPEN_FENCE] = dxgk_do_open_fence,
	[WIRE_CREATE_MEMORY] = dxgk_do_create_memory,
	[WIRE_DESTROY_MEMORY] = dxgk_do_destroy_memory,
	[WIRE_CREATE_ALLOCATION] = dxgk_do_create_allocation,
	[WIRE_DESTROY_ALLOCATION] = dxgk_do_destroy_allocation,
	[WIRE_LOCK_ALLOCATION] = dxgk_do_lock_allocation,
	[WIRE_QUERY_RESOURCE] = dxgk_do_query_resource,
	[WIRE_OPEN_RESOURCE] = dxgk_do_open_resource,
	[WIRE_SHARE_OBJECTS] = dxgk_do_share_objects,
	[WIRE_ESCAPE] = dxgk_do_escape,
	[WIRE_PRESENT] = dxgk_do_present,
	[WIRE_CREATE_SESSION] = dxgk_do_create_session,
	[WIRE_DESTROY_SESSION] = dxgk_do_destroy_session,
	[WIRE_QUERY_SESSION] = dxgk_do_query_session,
	[WIRE_OPEN_SESSION] = dxgk_do_open_session,
	[WIRE_LIST_SESSIONS] = dxgk_do_list_sessions,
	[WIRE_INVALIDATE] = dxgk_do_invalidate,
	[WIRE_DESIGNATE_COMPOSITOR] = dxgk_do_designate_compositor,
	[WIRE_CREATE_RING] = dxgk_do_create_ring,
};

void *dxgk_reply(struct dxgk_call *call, size_t size)
{
	const size_t head = sizeof(struct wire_header);

	assert(size >= head && size <= call->reply->capacity);
	memset((uint8_t *)call->reply->data + head, 0, size - head);
	call->reply->size = size;
	return call->reply->data;
}

void dxgk_reply_append(struct dxgk_call *call, const void *data, size_t size)
{
	assert(size <= call->reply->capacity - call->reply->size);
	if (size > 0)
		memcpy((uint8_t *)call->reply->data + call->reply->size, data, size);
	call->reply->size += size;
}

NTSTATUS dxgk_reply_descriptor(struct dxgk_call *call, int descriptor)
{
	int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	call->reply->descriptors[call->reply->descriptor_count++] = copy;
	return STATUS_SUCCESS;
}

/* What no client library sends: it earns no answer. */
static int request_check(const struct dxgk_process *process, const struct wire_packet *request)
{
	const struct wire_header *header = request->data;
	const struct wire_rule *rule;

	if (request->size < sizeof(*header) || header->size != request->size)
		return -EPROTO;
	rule = wire_rule_get(header->type);
	if (!rule || request->size < rule->minimum || request->size > rule->maximum ||
	    request->descriptor_count != rule->descriptors)
		return -EPROTO;
	if (process->greeted == (header->type == WIRE_HELLO))
		return -EPROTO;
	return 0;
}

static void answer(struct dxgk_process *process, const struct wire_header *asked, NTSTATUS status,
		   struct wire_packet *reply)
{
	struct wire_header *header = reply->data;

	if (status != STATUS_SUCCESS && process->met_removed)
		status = STATUS_DEVICE_REMOVED;
	/* BUFFER_TOO_SMALL carries the true sizes (KMT-62), a refused hello this side's version. */
	if (status != STATUS_SUCCESS && status != STATUS_BUFFER_TOO_SMALL &&
	    !(asked->type == WIRE_HELLO && status == STATUS_NOT_SUPPORTED)) {
		wire_packet_clear(reply);
		reply->size = sizeof(*header);
	}
	*header = (struct wire_header) {
		.size = (uint32_t)reply->size,
		.type = asked->type,
		.sequence = asked->sequence,
		.status = status,
	};
}

/* Whether it may move, fill or wipe many bytes: all in one turn, for it is seen as one. */
static bool is_heavy(const struct dxgk_process *process, const struct wire_packet *request)
{
	const struct wire_header *asked = request->data;

	switch (asked->type) {
	case WIRE_CREATE_MEMORY:
		return ((const struct wire_create_memory *)request->data)->size >= DXGK_HEAVY;
	case WIRE_CREATE_ALLOCATION:
		return true;
	case WIRE_DESTROY_DEVICE:
	case WIRE_DESTROY_MEMORY:
	case WIRE_DESTROY_ALLOCATION:
	case WIRE_DESTROY_SESSION:
	case WIRE_ESCAPE:
		return dxgk_process_is_heavy(process);
	case WIRE_PRESENT:
		return process->kernel->config.show_picture && dxgk_process_is_heavy(process);
	default:
		return false;
	}
}

/* Of what is heavy one is done for each turn of all others, however many ask for it. False: no memory for that. */
static bool put_off(struct dxgk_process *process, const struct wire_packet *request)
{
	assert(request->descriptor_count == 0);
	process->put_off = malloc(request->size);
	if (process->put_off)
		memcpy(process->put_off, request->data, request->size);
	return process->put_off != NULL;
}

static int end_part(struct dxgk_process *process, struct wire_packet *reply)
{
	uint32_t budget = DXGK_TURN;

	if (!dxgk_device_destroy_part(process->ending, &budget))
		return 1;
	process->ending = NULL;
	reply->size = sizeof(struct wire_header);
	reply->descriptor_count = 0;
	answer(process, &process->pending, STATUS_SUCCESS, reply);
	return 0;
}

static int do_request(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply)
{
	struct dxgk_call call = { .process = process, .request = request, .reply = reply };
	const struct wire_header *asked = request->data;
	NTSTATUS status;

	dxgk_collect_locked(process->kernel);
	reply->size = sizeof(struct wire_header);
	reply->descriptor_count = 0;
	process->met_removed = false;
	status = handlers[asked->type](&call);
	if (status == STATUS_PENDING) {
		process->pending = *asked;
		return end_part(process, reply);
	}
	answer(process, asked, status, reply);
	return 0;
}

static int do_put_off(struct dxgk_process *process, struct wire_packet *reply)
{
	struct wire_header *asked = process->put_off;
	const struct wire_packet request = { .data = asked, .size = asked->size };
	int result;

	process->put_off = NULL;
	result = do_request(process, &request, reply);
	explicit_bzero(asked, request.size);
	free(asked);
	return result;
}

static int continue_locked(struct dxgk_process *process, struct wire_packet *reply)
{
	return process->put_off ? do_put_off(process, reply) : end_part(process, reply);
}

static int begin_locked(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply)
{
	int result;

	assert(reply->capacity >= WIRE_MAX_MESSAGE && !process->ending && !process->put_off && process->identity);
	result = request_check(process, request);
	if (result < 0)
		return result;
	if (is_heavy(process, request) && put_off(process, request))
		return 1;
	return do_request(process, request, reply);
}

int dxgk_begin(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply)
{
	int result;

	dxgk_enter(process->kernel);
	result = begin_locked(process, request, reply);
	dxgk_leave(process->kernel);
	return result;
}

int dxgk_continue(struct dxgk_process *process, struct wire_packet *reply)
{
	int result;

	dxgk_enter(process->kernel);
	result = continue_locked(process, reply);
	dxgk_leave(process->kernel);
	return result;
}

int dxgk_transact(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply)
{
	int result = dxgk_begin(process, request, reply);

	while (result == 1)
		result = dxgk_continue(process, reply);
	return result;
}
