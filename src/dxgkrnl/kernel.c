/* SPDX-License-Identifier: MIT */
/* The graphics kernel itself: its one adapter, its driver, and what may be asked of the whole. */
#include "dxgkrnl/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

void dxgk_limits_default(struct dxgk_limits *ret)
{
	*ret = (struct dxgk_limits) {
		.handles = DXGK_HANDLES_MAX,
		.processes = 1024,
		.nt_handles = 4096,
		.sessions = 4u << 20,
		.rings = 256,
		.protected_bytes = 256ull << 20,
		.shared_bytes = 1024ull << 20,
	};
}

/* Only what the caller's own handles mean, on the device that it called with. */
static PVOID cb_get_handle_data(HANDLE handle, const DXGKARGCB_GETHANDLEDATA *argument)
{
	struct dxgk_kernel *kernel = handle;
	struct dxgk_open_allocation *allocation;
	struct dxgk_view *view;

	if (!argument || !kernel->caller)
		return NULL;
	if (argument->Type == DXGK_HANDLE_PROTECTED_SESSION) {
		struct dxgk_session *session;

		view = dxgk_process_get(kernel->caller, argument->hObject, DXGK_SESSION);
		if (!view || !kernel->caller_device)
			return NULL;
		session = (struct dxgk_session *)view->object;
		return session->device == kernel->caller_device->id ? session->driver_handle : NULL;
	}
	if (argument->Type != DXGK_HANDLE_ALLOCATION)
		return NULL;
	allocation = dxgk_process_get(kernel->caller, argument->hObject, DXGK_ALLOCATION);
	if (!allocation || allocation->open->device != kernel->caller_device)
		return NULL;
	if (argument->Flags.DeviceSpecific)
		return allocation->driver_handle;
	return allocation->open->resource->allocations[allocation - allocation->open->allocations].driver_handle;
}

static NTSTATUS cb_show_picture(HANDLE handle, const struct dxgk_picture *picture)
{
	struct dxgk_kernel *kernel = handle;

	return kernel->config.show_picture(kernel->config.context, picture);
}

int dxgk_kernel_create(const struct dxgk_config *config, struct dxgk_kernel **ret)
{
	struct dxgk_kernel *kernel = calloc(1, sizeof(*kernel));
	int result = -ENOMEM;

	if (!kernel)
		return -ENOMEM;
	kernel->config = *config;
	kernel->driver = config->driver;
	list_init(&kernel->users);
	list_init(&kernel->processes);
	dxgk_identities_init(kernel);
	dxgk_lock_init(&kernel->lock);
	kernel->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (kernel->epoll < 0) {
		result = -errno;
		goto fail;
	}
	kernel->interface = (struct dxgk_interface) {
		.DeviceHandle = kernel,
		.DxgkCbSetProtectedSessionStatus = dxgk_cb_set_protected_session_status,
		.DxgkCbHardwareContentProtectionTeardown = dxgk_cb_teardown,
		.DxgkCbGetHandleData = cb_get_handle_data,
		.IsProcessAlive = dxgk_cb_is_process_alive,
		.GetCompositor = dxgk_cb_get_compositor,
		.ChargeObjects = dxgk_cb_charge_objects,
		.Unlock = dxgk_cb_unlock,
		.Lock = dxgk_cb_lock,
		.WaitForTransfer = dxgk_cb_wait_for_transfer,
		.ShowPicture = config->show_picture ? cb_show_picture : NULL,
	};
	if (kernel->driver->StartDevice(&kernel->interface, config->driver_context, &kernel->adapter) != STATUS_SUCCESS)
		goto fail_epoll;
	*ret = kernel;
	return 0;

fail_epoll:
	close(kernel->epoll);
fail:
	dxgk_lock_destroy(&kernel->lock);
	free(kernel);
	return result;
}

void dxgk_kernel_destroy(struct dxgk_kernel *kernel)
{
	if (!kernel)
		return;
	dxgk_engine_destroy(kernel->engine);
	kernel->engine = NULL;
	dxgk_enter(kernel);
	dxgk_nt_handles_clear(kernel);
	kernel->driver->StopDevice(kernel->adapter);
	dxgk_leave(kernel);
	dxgk_lock_destroy(&kernel->lock);
	close(kernel->epoll);
	free(kernel);
}

void dxgk_counts(const struct dxgk_kernel *kernel, struct dxgk_counts *ret)
{
	*ret = kernel->counts;
}

NTSTATUS dxgk_do_query_service(struct dxgk_call *call)
{
	struct dxgk_kernel *kernel = call->process->kernel;
	struct wire_service *reply = DXGK_REPLY(call, wire_service);

	if (kernel->config.describe)
		kernel->config.describe(kernel->config.context, reply);
	reply->clients = kernel->counts.processes;
	reply->devices = kernel->counts.devices;
	reply->contexts = kernel->counts.contexts;
	reply->fences = kernel->counts.fences;
	reply->sessions = kernel->counts.sessions;
	reply->allocations = kernel->counts.allocations;
	reply->resources = kernel->counts.resources;
	reply->nt_handles = kernel->counts.nt_handles;
	reply->teardown_count = kernel->counts.teardowns;
	reply->has_screen = kernel->config.show_picture != NULL;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_root_certificate(struct dxgk_call *call)
{
	struct dxgk_kernel *kernel = call->process->kernel;
	const uint8_t *data;
	size_t size;

	if (!kernel->config.root_certificate)
		return STATUS_NOT_SUPPORTED;
	kernel->config.root_certificate(kernel->config.context, &data, &size);
	if (size > WIRE_MAX_MESSAGE - sizeof(struct wire_header))
		return STATUS_NOT_SUPPORTED;
	(void)DXGK_REPLY(call, wire_header);
	dxgk_reply_append(call, data, size);
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_escape_check(struct dxgk_process *process, uint32_t adapter, uint32_t device, uint32_t type,
			   uint32_t context, struct dxgk_device **ret)
{
	struct dxgk_device *found = NULL;

	if (!dxgk_process_get(process, adapter, DXGK_ADAPTER))
		return STATUS_INVALID_PARAMETER;
	if (device) {
		found = dxgk_process_get(process, device, DXGK_DEVICE);
		if (!found)
			return STATUS_INVALID_PARAMETER;
	}
	if (type != D3DKMT_ESCAPE_DRIVERPRIVATE)
		return STATUS_NOT_SUPPORTED;
	if (context)
		return STATUS_INVALID_PARAMETER;
	*ret = found;
	return STATUS_SUCCESS;
}

NTSTATUS dxgk_do_escape(struct dxgk_call *call)
{
	const struct wire_escape *request = DXGK_REQUEST(call, wire_escape);
	struct dxgk_process *process = call->process;
	struct dxgk_kernel *kernel = process->kernel;
	struct dxgk_device *device = NULL;
	DXGKARG_ESCAPE argument = { 0 };
	struct wire_escape *reply;
	NTSTATUS status;

	status = dxgk_escape_check(process, request->adapter, request->device, request->type, request->context,
				   &device);
	if (status != STATUS_SUCCESS)
		return status;
	if (request->size > WIRE_MAX_PRIVATE_DATA || call->request->size != sizeof(*request) + request->size)
		return STATUS_INVALID_PARAMETER;

	reply = DXGK_REPLY(call, wire_escape);
	reply->size = request->size;
	dxgk_reply_append(call, request + 1, request->size);
	argument.hDevice = device ? device->driver_handle : NULL;
	argument.Flags.Value = request->flags;
	argument.pPrivateDriverData = reply + 1;
	argument.PrivateDriverDataSize = request->size;

	kernel->caller = process;
	kernel->caller_device = device;
	status = kernel->driver->DxgkDdiEscape(kernel->adapter, &argument);
	kernel->caller = NULL;
	kernel->caller_device = NULL;
	return status;
}
