/* SPDX-License-Identifier: MIT */
/* The recording runtime's queue of escapes: a kernel half that answers as late as it may, refuses, or goes away. */
#include "umd_fixture_private.h"

#include <string.h>

#define FIRST_DEVICE ((uintptr_t)UF_RUNTIME_DEVICE(0))

static int *queued_count(HANDLE hDevice)
{
	return &uf_current->queued_count[((uintptr_t)hDevice - FIRST_DEVICE) % 2];
}

/* What a callback is called for comes after all that is queued. */
void uf_assert_settled(HANDLE hDevice)
{
	assert_int_equal(*queued_count(hDevice), 0);
}

static void do_queued(HANDLE hDevice, struct uf_queued *queued)
{
	struct drv_escape *header = &queued->after.header;

	uf_current->seen_device = hDevice;
	queued->after = queued->before;
	header->result = uf_run(header, sizeof(queued->after));
	if (uf_current->command_result != S_OK)
		header->result = uf_current->command_result;
}

HRESULT APIENTRY uf_queue_escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data)
{
	int *count = queued_count(data->hDevice);
	struct uf_queued *queued = &uf_current->queued[((uintptr_t)data->hDevice - FIRST_DEVICE) % 2][*count];

	uf_current->calls.queue++;
	uf_current->seen_adapter = hAdapter;
	assert_true(data->Flags.NoAdapterSynchronization);
	assert_int_equal(data->PrivateDriverDataSize, sizeof(queued->before));
	if (uf_answer(uf_current->queue_result) != S_OK)
		return uf_answer(uf_current->queue_result);
	assert_true(*count < UF_QUEUED);
	queued->escape = data->pPrivateDriverData;
	queued->before = *queued->escape;
	assert_int_equal(queued->before.header.magic, DRV_MAGIC);
	if (uf_current->is_eager)
		do_queued(data->hDevice, queued);
	(*count)++;
	return S_OK;
}

/* S_OK, or what becomes of the escape instead of an answer. */
static HRESULT answer_queued(HANDLE hDevice, struct uf_queued *queued)
{
	if (uf_current->removed_at > 0 && --uf_current->removed_at == 0)
		uf_current->is_removed = true;
	if (uf_current->is_removed)
		return DEVICEREMOVED;
	assert_memory_equal(queued->escape, &queued->before, sizeof(queued->before));
	if (uf_current->refused_escape > 0 && --uf_current->refused_escape == 0)
		return uf_current->refusal != S_OK ? uf_current->refusal : E_FAIL;
	if (!uf_current->is_eager)
		do_queued(hDevice, queued);
	*queued->escape = queued->after;
	return S_OK;
}

/* As late as can be, and in order. */
HRESULT APIENTRY uf_wait_escapes_cb(HANDLE hDevice, UINT left)
{
	const int device = (int)(((uintptr_t)hDevice - FIRST_DEVICE) % 2);
	int *count = queued_count(hDevice), done = 0;
	struct uf_queued *queued = uf_current->queued[device];
	HRESULT first = S_OK;

	uf_current->calls.wait++;
	uf_current->seen_device = hDevice;
	uf_current->seen_left = left;
	assert_true((int)left < *count);
	while (*count - done > (first == S_OK ? (int)left : 0)) {
		HRESULT hr = answer_queued(hDevice, &queued[done++]);

		if (first == S_OK)
			first = hr;
	}
	*count -= done;
	memmove(queued, queued + done, (size_t)*count * sizeof(*queued));
	return first;
}

/* ---- the driver's two entries ------------------------------------------------------------------- */

HRESULT uf_begin(struct uf_bench *b, UINT max_blts, HRESULT *results)
{
	return b->uf->extended.pfnBeginQueue(b->device,
					     &(DXVAULTARG_BEGINQUEUE) { .MaxBlts = max_blts, .pResults = results });
}

HRESULT uf_end(struct uf_bench *b, UINT *count)
{
	return b->uf->extended.pfnEndQueue(b->device, count);
}
