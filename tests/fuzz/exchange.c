/* SPDX-License-Identifier: MIT */
/* Requests of clients, their answers, and what clients learn from these. */
#include "world.h"

#include <stdlib.h>
#include <unistd.h>

static uint8_t answer[WIRE_MAX_MESSAGE];

struct wire_header fuzz_header(uint32_t type, size_t size)
{
	return (struct wire_header) { .size = (uint32_t)size, .type = type };
}

static void remember(struct fuzz_client *client, enum dxgk_kind kind, uint32_t handle)
{
	if (handle == 0)
		return;
	client->handles[kind][client->counts[kind] % FUZZ_SEEN] = handle;
	client->counts[kind]++;
}

uint32_t fuzz_handle(uint32_t number, enum dxgk_kind kind, uint8_t selector)
{
	const struct fuzz_client *client = &fuzz_world.clients[number];
	uint32_t count;

	if (selector == 0xff)
		return 0;
	if (selector & 0x80)
		kind = selector % DXGK_KIND_END;
	count = client->counts[kind] < FUZZ_SEEN ? client->counts[kind] : FUZZ_SEEN;
	return count > 0 ? client->handles[kind][selector % count] : 0x40000000u | (uint32_t)selector << 6;
}

static void learn_listed(const struct wire_list_sessions *reply)
{
	const struct wire_session_item *items = (const void *)(reply + 1);

	FUZZ_CHECK(reply->header.size == sizeof(*reply) + reply->count * sizeof(*items));
	if (reply->count > 0)
		fuzz_world.listed = items[reply->count - 1].session;
}

static void learn(struct fuzz_client *client, const struct wire_header *header)
{
	const struct wire_create_allocation_item *items = NULL;
	const struct wire_handle *reply = (const void *)header;
	uint32_t count = 0;

	switch (header->type) {
	case WIRE_HELLO:
		client->token = ((const struct wire_welcome *)(const void *)header)->token;
		break;
	case WIRE_OPEN_ADAPTER:
		remember(client, DXGK_ADAPTER, reply->handle);
		break;
	case WIRE_CREATE_DEVICE:
		remember(client, DXGK_DEVICE, reply->handle);
		break;
	case WIRE_CREATE_CONTEXT:
		remember(client, DXGK_CONTEXT, reply->handle);
		break;
	case WIRE_CREATE_FENCE:
	case WIRE_OPEN_FENCE:
		remember(client, DXGK_FENCE, reply->handle);
		break;
	case WIRE_CREATE_MEMORY:
		remember(client, DXGK_MEMORY, reply->handle);
		break;
	case WIRE_CREATE_SESSION:
	case WIRE_OPEN_SESSION:
		remember(client, DXGK_SESSION, reply->handle);
		break;
	case WIRE_CREATE_ALLOCATION:
		remember(client, DXGK_RESOURCE,
			 ((const struct wire_create_allocation *)(const void *)header)->resource);
		count = ((const struct wire_create_allocation *)(const void *)header)->count;
		items = (const void *)((const struct wire_create_allocation *)(const void *)header + 1);
		FUZZ_CHECK(header->size == sizeof(struct wire_create_allocation) + count * sizeof(*items));
		break;
	case WIRE_OPEN_RESOURCE:
		remember(client, DXGK_RESOURCE, ((const struct wire_open_resource *)(const void *)header)->resource);
		count = ((const struct wire_open_resource *)(const void *)header)->count;
		items = (const void *)((const struct wire_open_resource *)(const void *)header + 1);
		FUZZ_CHECK(header->size >= sizeof(struct wire_open_resource) + count * sizeof(*items));
		break;
	case WIRE_LIST_SESSIONS:
		learn_listed((const void *)header);
		break;
	default:
		break;
	}
	for (uint32_t i = 0; i < count; i++)
		remember(client, DXGK_ALLOCATION, items[i].allocation);
}

static void keep_descriptors(uint32_t number, struct wire_packet *reply)
{
	for (size_t i = 0; i < reply->descriptor_count; i++) {
		if (number != FUZZ_WITNESS && fuzz_world.descriptor_count < FUZZ_SEEN)
			fuzz_world.descriptors[fuzz_world.descriptor_count++] = reply->descriptors[i];
		else
			close(reply->descriptors[i]);
	}
}

/* Whoever reads behind the request's end is found out. */
static int transact(struct dxgk_process *process, const struct wire_packet *request, struct wire_packet *reply)
{
	struct wire_packet packet = *request;
	int result;

	packet.data = malloc(packet.size);
	FUZZ_CHECK(packet.data);
	memcpy(packet.data, request->data, packet.size);
	result = dxgk_transact(process, &packet, reply);
	free(packet.data);
	return result;
}

/* Over sockets all are of this user. */
static bool is_operator(uint32_t number)
{
	return number == 1 || fuzz_world.is_served;
}

static void look_at(uint32_t number, const struct wire_header *asked, struct wire_packet *reply)
{
	const struct wire_header *header = (const void *)answer;

	FUZZ_CHECK(reply->size >= sizeof(*header) && reply->size <= sizeof(answer));
	FUZZ_CHECK(header->size == reply->size && header->type == asked->type && header->sequence == asked->sequence);
	FUZZ_CHECK(header->status != STATUS_PENDING && header->status != STATUS_RETRY);
	FUZZ_CHECK(reply->descriptor_count <= WIRE_MAX_DESCRIPTORS);
	if (number != FUZZ_WITNESS)
		fuzz_look_for_picture(answer, reply->size);
	if (header->status == STATUS_SUCCESS) {
		learn(&fuzz_world.clients[number], header);
		if (header->type == WIRE_INVALIDATE)
			FUZZ_CHECK(is_operator(number));
		if (header->type == WIRE_INVALIDATE)
			fuzz_world.has_lost |= fuzz_witness_is_meant(fuzz_world.witness, (const void *)asked);
	} else {
		FUZZ_CHECK(reply->descriptor_count == 0);
	}
	keep_descriptors(number, reply);
}

const struct wire_header *fuzz_send_packet(uint32_t number, const struct wire_packet *request, bool waits)
{
	struct wire_packet reply = { .data = answer, .capacity = sizeof(answer) };
	struct fuzz_client *client = &fuzz_world.clients[number];
	int result;

	if (!client->process && client->socket < 0)
		return NULL;
	if (client->process)
		result = transact(client->process, request, &reply);
	else
		result = fuzz_server_transact(client, request, &reply, waits);
	if (result < 0) {
		fuzz_hang_up(number);
		return NULL;
	}
	FUZZ_CHECK(result == 0);
	if (!waits && !client->process)
		return NULL;
	look_at(number, request->data, &reply);
	return (const void *)answer;
}

const struct wire_header *fuzz_send(uint32_t number, const void *request, int descriptor)
{
	struct wire_packet packet = { .data = (void *)(uintptr_t)request,
				      .size = ((const struct wire_header *)request)->size };

	if (descriptor >= 0)
		packet.descriptors[packet.descriptor_count++] = descriptor;
	return fuzz_send_packet(number, &packet, true);
}
