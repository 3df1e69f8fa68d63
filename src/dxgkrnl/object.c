/* SPDX-License-Identifier: MIT */
/* Counted objects, and the local handles by which processes see them. */
#include "dxgkrnl/internal.h"

#include <assert.h>
#include <stdlib.h>

void dxgk_object_ref(struct dxgk_object *object)
{
	object->references++;
}

void dxgk_object_unref(struct dxgk_object *object)
{
	assert(object->references > 0);
	if (--object->references > 0)
		return;
	switch (object->kind) {
	case DXGK_FENCE:
		dxgk_fence_free((struct dxgk_fence *)object);
		break;
	case DXGK_SESSION:
		dxgk_session_free((struct dxgk_session *)object);
		break;
	case DXGK_RESOURCE:
		dxgk_resource_free((struct dxgk_resource *)object);
		break;
	default:
		abort();
	}
}

static struct list *object_views(struct dxgk_object *object)
{
	return object->kind == DXGK_FENCE ? &((struct dxgk_fence *)object)->views
					  : &((struct dxgk_session *)object)->views;
}

struct dxgk_view *dxgk_view_create(struct dxgk_process *process, struct dxgk_object *object)
{
	struct dxgk_view *view;

	/* All of them are visited when it changes, while others wait. */
	if (object->kind == DXGK_FENCE ? ((struct dxgk_fence *)object)->view_count >= DXGK_FENCE_VIEWS_MAX
				       : object->references >= DXGK_SESSION_VIEWS_MAX)
		return NULL;
	view = malloc(sizeof(*view));
	if (!view)
		return NULL;
	view->handle = dxgk_process_reserve_handle(process, /* slot= */ true);
	if (!view->handle) {
		free(view);
		return NULL;
	}
	view->process = process;
	view->object = object;
	dxgk_object_ref(object);
	list_append(object_views(object), &view->link);
	dxgk_handle_set(&process->handles, view->handle, object->kind, view);
	if (object->kind == DXGK_FENCE) {
		((struct dxgk_fence *)object)->view_count++;
		dxgk_fence_show(view);
	} else {
		dxgk_session_show(view);
	}
	return view;
}

void dxgk_view_destroy(struct dxgk_view *view)
{
	struct dxgk_object *object = view->object;

	list_remove(&view->link);
	if (object->kind == DXGK_FENCE)
		((struct dxgk_fence *)object)->view_count--;
	dxgk_process_release_handle(view->process, view->handle);
	free(view);
	dxgk_object_unref(object);
}

NTSTATUS dxgk_reply_view(struct dxgk_call *call, struct dxgk_object *object)
{
	const struct dxgk_view *view = dxgk_view_create(call->process, object);

	if (!view)
		return STATUS_INSUFFICIENT_RESOURCES;
	DXGK_REPLY(call, wire_handle)->handle = view->handle;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_release_view(struct dxgk_call *call, enum dxgk_kind kind)
{
	const struct wire_handle *request = DXGK_REQUEST(call, wire_handle);
	struct dxgk_view *view = dxgk_process_get_to_release(call->process, request->handle, kind);

	if (!view)
		return STATUS_INVALID_PARAMETER;
	dxgk_view_destroy(view);
	return STATUS_SUCCESS;
}
