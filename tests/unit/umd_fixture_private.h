/* SPDX-License-Identifier: MIT */
/* What the files of the recording runtime call in each other. */
#ifndef DXV_TESTS_UMD_FIXTURE_PRIVATE_H
#define DXV_TESTS_UMD_FIXTURE_PRIVATE_H

#include "umd_fixture.h"

extern struct uf *uf_current;

/* What a callback says: injected, unless the adapter is gone. */
HRESULT uf_answer(HRESULT injected);
/* The kernel half's answer to a command. */
HRESULT uf_run(struct drv_escape *escape, size_t size);

/* In a callback whose work has to come after all that is queued. */
void uf_assert_settled(HANDLE hDevice);
HRESULT APIENTRY uf_queue_escape_cb(HANDLE hAdapter, const D3DDDICB_ESCAPE *data);
HRESULT APIENTRY uf_wait_escapes_cb(HANDLE hDevice, UINT left);

#endif
