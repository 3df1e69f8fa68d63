/* SPDX-License-Identifier: MIT */
/* Presents: a picture goes from video memory to the monitor, and never through a client. */
#include "kmd/kmd_internal.h"

static bool is_within(const RECT *rect, uint32_t width, uint32_t height)
{
	return rect->left >= 0 && rect->top >= 0 && rect->left < rect->right && rect->top < rect->bottom &&
	       (uint32_t)rect->right <= width && (uint32_t)rect->bottom <= height;
}

NTSTATUS kmd_present(HANDLE hDevice, HANDLE hAllocation, struct dxgk_picture *picture)
{
	const struct kmd_device *device = hDevice;
	const struct kmd_open_allocation *open = hAllocation;
	const struct dxgk_interface *kernel = device->adapter->kernel;
	struct kmd_allocation *allocation;
	struct kmd_transfer transfer = { 0 };
	NTSTATUS status;

	if (!open || open->device != device)
		return STATUS_INVALID_PARAMETER;
	allocation = open->allocation;
	kmd_allocation_settle(allocation);
	if (kmd_allocation_is_system(allocation) || !allocation->memory)
		return STATUS_INVALID_PARAMETER;
	if (!is_within(&picture->source, allocation->info.width, allocation->info.height))
		return STATUS_INVALID_PARAMETER;
	/* Somebody who has it open asks that it fills the screen or is not shown (AC-113). */
	if (allocation->guards[KMD_FULLSCREEN_REQUIRED] > 0 && !picture->is_flip)
		return STATUS_ACCESS_DENIED;
	/* A wiped surface is no picture: the monitor keeps what it shows. */
	if (kmd_allocation_is_lost(allocation))
		return STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST;

	if (!kernel->ShowPicture)
		return STATUS_SUCCESS;
	picture->memory = allocation->memory;
	picture->pitch = allocation->pitch;
	transfer.source = allocation;
	kmd_transfer_enter(allocation->adapter, &transfer);
	kernel->Unlock(kernel->DeviceHandle);
	status = kernel->ShowPicture(kernel->DeviceHandle, picture);
	kernel->Lock(kernel->DeviceHandle);
	kmd_transfer_leave(&transfer);
	gpu_forget();
	return status;
}
