/* SPDX-License-Identifier: MIT */
/* Queued blts: between BeginQueue and EndQueue a blt is handed to the kernel half, and its answer taken later. */
#include "umd/umd_internal.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS 64u /* how many may be unanswered, the same as of DxvaultQueueEscape */

/* E_PENDING, which no blt has for a result: the kernel half has not answered. */
#define UNANSWERED ((HRESULT)0x8000000A)

/* A blt that is not answered yet. Until then all of escape is the kernel's. */
struct record {
	struct drv_escape_blt escape;
	struct umd_surface *system;
	void *iv; /* EncryptionBlt: where its vector goes; else NULL */
};

/* Made with the device's first queue and kept. The blts have numbers from 1 on, which go on from queue to queue. */
struct umd_queue {
	HRESULT *results; /* NULL: no queue has begun */
	uint32_t room;	  /* for so many */
	HRESULT failure;  /* the first result that is not S_OK */
	uint64_t first;	  /* the last number before this queue */
	uint64_t queued;  /* the last number */
	uint64_t answered;
	uint64_t encryption; /* the last EncryptionBlt */
	uint64_t copying;    /* the last one whose bytes are copied to the application's memory with the answer */
	struct record records[RECORDS];
};

static struct record *record_of(struct umd_queue *queue, uint64_t number)
{
	return &queue->records[number % RECORDS];
}

static void take_answer(struct umd_queue *queue, HRESULT unanswered)
{
	const struct record *record = record_of(queue, ++queue->answered);
	HRESULT hr = record->escape.header.result;

	if (hr == UNANSWERED)
		hr = unanswered;
	if (hr == S_OK && record->iv) {
		umd_system_from_kernel(record->system);
		memcpy(record->iv, record->escape.iv, sizeof(record->escape.iv));
	}
	if (queue->failure == S_OK)
		queue->failure = hr;
	queue->results[queue->answered - queue->first - 1] = hr;
}

static void wait_until(struct umd_device *device, uint64_t number)
{
	struct umd_queue *queue = device->queue;
	HRESULT hr;

	if (number <= queue->answered)
		return;
	hr = umd_callback_result(device->callbacks.wait_escapes(device->runtime, (UINT)(queue->queued - number)));
	/* After a failure none is under way, and those that the kernel half answered have their answers. */
	if (hr != S_OK)
		number = queue->queued;
	while (queue->answered < number)
		take_answer(queue, hr == S_OK ? E_FAIL : hr);
}

bool umd_queue_is_open(const struct umd_device *device)
{
	return device->queue && device->queue->results;
}

void umd_queue_settle(struct umd_device *device)
{
	if (umd_queue_is_open(device))
		wait_until(device, device->queue->queued);
}

void umd_queue_free(struct umd_device *device)
{
	free(device->queue);
	device->queue = NULL;
}

/* ---- blts --------------------------------------------------------------------------------------- */

struct drv_escape_blt *umd_queue_record(struct umd_device *device, struct drv_escape_blt *own)
{
	struct umd_queue *queue = device->queue;

	if (!umd_queue_is_open(device))
		return own;
	if (queue->queued - queue->answered == RECORDS)
		wait_until(device, queue->queued - RECORDS / 2);
	return &record_of(queue, queue->queued + 1)->escape;
}

HRESULT umd_queue_admit(struct umd_device *device, const struct umd_surface *system, bool is_encryption)
{
	const struct umd_queue *queue = device->queue;

	if (!umd_queue_is_open(device))
		return S_OK;
	if (queue->queued - queue->first >= queue->room)
		return D3DDDIERR_INVALIDCALL;
	/*
	 * With a copy, DecryptionBlt reads the application's memory now, and EncryptionBlt writes to it with its answer;
	 * in place the kernel half does it, in its turn. Two surfaces may have memory in common.
	 */
	if (!system->is_staged) {
		wait_until(device, queue->copying);
		return S_OK;
	}
	if (!is_encryption)
		wait_until(device, queue->encryption);
	/* The copy serves one transfer at a time. */
	wait_until(device, system->last_blt);
	return S_OK;
}

HRESULT umd_queue_blt(struct umd_device *device, enum drv_command command, struct drv_escape_blt *escape,
		      struct umd_surface *system, void *iv)
{
	struct umd_queue *queue = device->queue;
	struct record *record = record_of(queue, queue->queued + 1);
	const D3DDDICB_ESCAPE arg = umd_escape_describe(device, command, escape, sizeof(*escape));
	HRESULT hr;

	record->system = system;
	record->iv = iv;
	escape->header.result = UNANSWERED;
	hr = umd_callback_result(device->callbacks.queue_escape(device->adapter->runtime, &arg));
	if (hr != S_OK)
		return hr;
	queue->queued++;
	if (iv)
		queue->encryption = queue->queued;
	if (system->is_staged) {
		system->last_blt = queue->queued;
		if (iv)
			queue->copying = queue->queued;
	}
	return S_OK;
}

/* ---- the entries -------------------------------------------------------------------------------- */

HRESULT APIENTRY umd_begin_queue(HANDLE hDevice, const DXVAULTARG_BEGINQUEUE *pData)
{
	struct umd_device *device = umd_device_find(hDevice);
	struct umd_queue *queue;

	if (!device || !pData || !pData->pResults || pData->MaxBlts == 0)
		return E_INVALIDARG;
	if (umd_queue_is_open(device))
		return D3DDDIERR_INVALIDCALL;
	if (!device->callbacks.queue_escape || !device->callbacks.wait_escapes)
		return E_FAIL;
	if (!device->queue)
		device->queue = calloc(1, sizeof(*device->queue));
	queue = device->queue;
	if (!queue)
		return E_OUTOFMEMORY;
	queue->results = pData->pResults;
	queue->room = pData->MaxBlts;
	queue->failure = S_OK;
	queue->first = queue->queued;
	return S_OK;
}

HRESULT APIENTRY umd_end_queue(HANDLE hDevice, UINT *pCount)
{
	struct umd_device *device = umd_device_find(hDevice);

	if (!device)
		return E_INVALIDARG;
	if (!umd_queue_is_open(device))
		return D3DDDIERR_INVALIDCALL;
	if (pCount)
		*pCount = (UINT)(device->queue->queued - device->queue->first);
	device->queue->results = NULL;
	return device->queue->failure;
}
