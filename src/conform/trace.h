/* SPDX-License-Identifier: MIT */
/* Which of the driver's functions a test called, for reports: what came before a check, and what a crash interrupted. */
#ifndef DXV_CONFORM_TRACE_H
#define DXV_CONFORM_TRACE_H

#include <dxvault/d3dumddi.h>
#include <stddef.h>

enum { CF_TRACE_NAME = 48, CF_TRACE_TEXT = 400 };

/* Where the name of the function that runs is written, "" outside of all; shared with the suite's process. */
void cf_trace_into(char shared[CF_TRACE_NAME]);

/* Puts watching functions over the driver's. A second table that differs from the first of its kind stays as it is. */
void cf_trace_adapter_table(D3DDDI_ADAPTERFUNCS *funcs);
void cf_trace_device_table(D3DDDI_DEVICEFUNCS *funcs);

/* The calls of this thread since the last time, "CreateResource S_OK, Lock E_ACCESSDENIED"; the newest if they are many. */
void cf_trace_take(char ret[CF_TRACE_TEXT]);

#endif
