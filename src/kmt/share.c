/* SPDX-License-Identifier: MIT */
/* NT handles of shared objects, and what dxvault adds: a look at the service, and how it knows this process. */
#include "kmt/connection.h"
#include "kmt/entry.h"

#include <dxvault/dxvault.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The standard streams' numbers stay theirs, even where they are closed (KMT-40). */
static int move_up(int descriptor)
{
	int moved;

	if (descriptor > 2)
		return descriptor;
	moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
	close(descriptor);
	return moved;
}

NTSTATUS APIENTRY kmt_share_objects(UINT count, CONST D3DKMT_HANDLE *objects, POBJECT_ATTRIBUTES attributes,
				    DWORD access, HANDLE *nt_handle)
{
	struct wire_share_objects *request;
	struct kmt_call call;
	NTSTATUS status;
	int descriptor;
	bool inherit;

	if (count == 0 || count > WIRE_MAX_SHARED_OBJECTS || !objects || !nt_handle)
		return STATUS_INVALID_PARAMETER;
	inherit = attributes && (attributes->Attributes & OBJ_INHERIT);
	request = kmt_begin(&call, WIRE_SHARE_OBJECTS, sizeof(*request));
	if (!request)
		return STATUS_DEVICE_REMOVED;
	request->count = count;
	request->access = access;
	memcpy(request->objects, objects, count * sizeof(*objects));
	status = kmt_transact(&call, sizeof(struct wire_header));
	descriptor = kmt_take_descriptor(&call);
	kmt_end(&call);
	if (status != STATUS_SUCCESS)
		return status;

	descriptor = move_up(descriptor);
	if (descriptor < 0)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (inherit)
		(void)fcntl(descriptor, F_SETFD, 0);
	*nt_handle = (HANDLE)(intptr_t)descriptor;
	return STATUS_SUCCESS;
}

NTSTATUS APIENTRY DxvaultQueryService(DXVAULT_SERVICE_INFO *pInfo)
{
	const struct wire_service *reply;
	struct kmt_call call;
	NTSTATUS status;

	if (!pInfo || pInfo->Version != DXVAULT_SERVICE_INFO_VERSION)
		return STATUS_INVALID_PARAMETER;
	if (!kmt_begin(&call, WIRE_QUERY_SERVICE, sizeof(struct wire_header)))
		return STATUS_DEVICE_REMOVED;
	status = kmt_transact(&call, sizeof(*reply));
	reply = KMT_REPLY(&call, wire_service);
	if (status == STATUS_SUCCESS) {
		*pInfo = (DXVAULT_SERVICE_INFO) {
			.Version = DXVAULT_SERVICE_INFO_VERSION,
			.ProcessId = reply->process_id,
			.Clients = reply->clients,
			.Devices = reply->devices,
			.Contexts = reply->contexts,
			.Fences = reply->fences,
			.ProtectedSessions = reply->sessions,
			.Allocations = reply->allocations,
			.Resources = reply->resources,
			.NtHandles = reply->nt_handles,
			.HasScreen = reply->has_screen,
			.KeyMemory = reply->key_memory,
			.SurfaceMemory = reply->surface_memory,
			.TeardownCount = reply->teardown_count,
			.KeyBytes = reply->key_bytes,
			.SurfaceBytes = reply->surface_bytes,
			.Sandbox = reply->sandbox,
		};
		memcpy(pInfo->MemoryReason, reply->memory_reason, sizeof(pInfo->MemoryReason));
		memcpy(pInfo->Engine, reply->engine, sizeof(pInfo->Engine));
		memcpy(pInfo->ServiceVersion, reply->version, sizeof(pInfo->ServiceVersion));
		memcpy(pInfo->SandboxReason, reply->sandbox_reason, sizeof(pInfo->SandboxReason));
	}
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY DxvaultGetRootCertificate(VOID *pBuffer, UINT *pSize)
{
	struct kmt_call call;
	NTSTATUS status;

	if (!pSize)
		return STATUS_INVALID_PARAMETER;
	if (!kmt_begin(&call, WIRE_ROOT_CERTIFICATE, sizeof(struct wire_header)))
		return STATUS_DEVICE_REMOVED;
	status = kmt_transact(&call, sizeof(struct wire_header));
	if (status == STATUS_SUCCESS) {
		UINT size = (UINT)(call.reply->size - sizeof(struct wire_header));

		if (pBuffer && *pSize < size)
			status = STATUS_BUFFER_TOO_SMALL;
		else if (pBuffer)
			memcpy(pBuffer, KMT_REPLY(&call, wire_header) + 1, size);
		*pSize = size;
	}
	kmt_end(&call);
	return status;
}

NTSTATUS APIENTRY DxvaultGetProcessToken(UINT64 *pToken)
{
	struct kmt_connection *connection;

	if (!pToken)
		return STATUS_INVALID_PARAMETER;
	connection = kmt_connection_get();
	/* A service that is gone knows nobody. */
	if (!connection || !kmt_connection_check(connection))
		return STATUS_DEVICE_REMOVED;
	*pToken = kmt_connection_token(connection);
	return STATUS_SUCCESS;
}

VOID APIENTRY DxvaultDisconnect(VOID)
{
	kmt_connection_disconnect();
}
