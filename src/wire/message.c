/* SPDX-License-Identifier: MIT */
/* The shapes that requests may have, and proof that no structure has hidden padding. */
#include "wire/message.h"
#include "wire/ring.h"

#include <assert.h>
#include <stddef.h>

static_assert(sizeof(struct wire_header) == 16, "wire layout");
static_assert(sizeof(struct wire_handle) == 24, "wire layout");
static_assert(sizeof(struct wire_hello) == 32, "wire layout");
static_assert(sizeof(struct wire_welcome) == 40, "wire layout");
static_assert(sizeof(struct wire_liveness) == 4, "wire layout");
static_assert(sizeof(struct wire_object_page) == 24, "wire layout");
static_assert(sizeof(struct wire_slot) == 16, "wire layout");
static_assert(sizeof(struct wire_service) == 16 + 14 * 4 + 16 + 320, "wire layout");
static_assert(sizeof(struct wire_adapter) == 24, "wire layout");
static_assert(sizeof(struct wire_query_adapter_info) == 32, "wire layout");
static_assert(sizeof(struct wire_device_state) == 32, "wire layout");
static_assert(sizeof(struct wire_create_fence) == 40, "wire layout");
static_assert(sizeof(struct wire_signal_fences) == 24 + 16 * WIRE_MAX_SIGNALS, "wire layout");
static_assert(sizeof(struct wire_create_memory) == 32, "wire layout");
static_assert(sizeof(struct wire_create_allocation_item) == 24, "wire layout");
static_assert(sizeof(struct wire_create_allocation) == 40, "wire layout");
static_assert(sizeof(struct wire_lock_allocation) == 48, "wire layout");
static_assert(sizeof(struct wire_query_resource) == 32, "wire layout");
static_assert(sizeof(struct wire_open_resource) == 40, "wire layout");
static_assert(sizeof(struct wire_share_objects) == 40, "wire layout");
static_assert(sizeof(struct wire_escape) == 40, "wire layout");
static_assert(sizeof(struct wire_present) == 72, "wire layout");
static_assert(sizeof(struct wire_create_session) == 32, "wire layout");
static_assert(sizeof(struct wire_query_session) == 24, "wire layout");
static_assert(sizeof(struct wire_session_item) == 96, "wire layout");
static_assert(sizeof(struct wire_list_sessions) == 32, "wire layout");
static_assert(sizeof(struct wire_list_sessions) + WIRE_MAX_LISTED * sizeof(struct wire_session_item) <=
		      WIRE_MAX_MESSAGE,
	      "a full list fits");
static_assert(sizeof(struct wire_invalidate) == 32, "wire layout");
static_assert(sizeof(struct wire_designate_compositor) == 24, "wire layout");
static_assert(sizeof(struct wire_ring_entry) == 128, "wire layout");
static_assert(offsetof(struct wire_ring, completed) == 64, "wire layout");
static_assert(offsetof(struct wire_ring, entries) == 128, "wire layout");
static_assert(sizeof(struct wire_ring) == 128 + 128 * WIRE_RING_ENTRIES, "wire layout");
static_assert((WIRE_RING_ENTRIES & (WIRE_RING_ENTRIES - 1)) == 0, "the counters wrap at a multiple of the entries");

#define FIXED(text, type)                           \
	{                                           \
		text, sizeof(type), sizeof(type), 0 \
	}
#define FIXED_WITH_DESCRIPTOR(text, type)           \
	{                                           \
		text, sizeof(type), sizeof(type), 1 \
	}
#define VARIABLE(text, type)                            \
	{                                               \
		text, sizeof(type), WIRE_MAX_MESSAGE, 0 \
	}

static const struct wire_rule rules[WIRE_TYPE_END] = {
	[WIRE_HELLO] = FIXED("hello", struct wire_hello),
	[WIRE_OBJECT_PAGE] = FIXED("object page", struct wire_object_page),
	[WIRE_QUERY_SERVICE] = FIXED("query service", struct wire_header),
	[WIRE_ROOT_CERTIFICATE] = FIXED("root certificate", struct wire_header),
	[WIRE_ENUM_ADAPTERS] = FIXED("enum adapters", struct wire_header),
	[WIRE_OPEN_ADAPTER] = FIXED("open adapter", struct wire_adapter),
	[WIRE_CLOSE_ADAPTER] = FIXED("close adapter", struct wire_handle),
	[WIRE_QUERY_ADAPTER_INFO] = VARIABLE("query adapter info", struct wire_query_adapter_info),
	[WIRE_CREATE_DEVICE] = FIXED("create device", struct wire_handle),
	[WIRE_DESTROY_DEVICE] = FIXED("destroy device", struct wire_handle),
	[WIRE_GET_DEVICE_STATE] = FIXED("get device state", struct wire_device_state),
	[WIRE_CREATE_CONTEXT] = FIXED("create context", struct wire_handle),
	[WIRE_DESTROY_CONTEXT] = FIXED("destroy context", struct wire_handle),
	[WIRE_CREATE_FENCE] = FIXED("create fence", struct wire_create_fence),
	[WIRE_DESTROY_FENCE] = FIXED("destroy fence", struct wire_handle),
	[WIRE_SIGNAL_FENCES] = FIXED("signal fences", struct wire_signal_fences),
	[WIRE_OPEN_FENCE] = FIXED_WITH_DESCRIPTOR("open fence", struct wire_handle),
	[WIRE_CREATE_MEMORY] = FIXED("create memory", struct wire_create_memory),
	[WIRE_DESTROY_MEMORY] = FIXED("destroy memory", struct wire_handle),
	[WIRE_CREATE_ALLOCATION] = VARIABLE("create allocation", struct wire_create_allocation),
	[WIRE_DESTROY_ALLOCATION] = FIXED("destroy allocation", struct wire_handle),
	[WIRE_LOCK_ALLOCATION] = FIXED("lock allocation", struct wire_lock_allocation),
	[WIRE_QUERY_RESOURCE] = FIXED_WITH_DESCRIPTOR("query resource", struct wire_header),
	[WIRE_OPEN_RESOURCE] = FIXED_WITH_DESCRIPTOR("open resource", struct wire_open_resource),
	[WIRE_SHARE_OBJECTS] = FIXED("share objects", struct wire_share_objects),
	[WIRE_ESCAPE] = VARIABLE("escape", struct wire_escape),
	[WIRE_PRESENT] = FIXED("present", struct wire_present),
	[WIRE_CREATE_SESSION] = VARIABLE("create session", struct wire_create_session),
	[WIRE_DESTROY_SESSION] = FIXED("destroy session", struct wire_handle),
	[WIRE_QUERY_SESSION] = FIXED_WITH_DESCRIPTOR("query session", struct wire_header),
	[WIRE_OPEN_SESSION] = FIXED_WITH_DESCRIPTOR("open session", struct wire_header),
	[WIRE_LIST_SESSIONS] = FIXED("list sessions", struct wire_list_sessions),
	[WIRE_INVALIDATE] = FIXED("invalidate", struct wire_invalidate),
	[WIRE_DESIGNATE_COMPOSITOR] = FIXED("designate compositor", struct wire_designate_compositor),
	[WIRE_CREATE_RING] = FIXED("create ring", struct wire_handle),
};

const struct wire_rule *wire_rule_get(uint32_t type)
{
	if (type >= WIRE_TYPE_END || !rules[type].name)
		return NULL;
	return &rules[type];
}
