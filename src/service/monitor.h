/* SPDX-License-Identifier: MIT */
/* Plugs in the virtual screen, which lives in a module of its own. */
#ifndef DXV_SERVICE_MONITOR_H
#define DXV_SERVICE_MONITOR_H

#include "dxgkrnl/driver.h"

struct monitor;

/* Loads the module and opens the folder. Logs what is wrong; returns 0 or a negative errno value. */
int monitor_open(const char *folder, struct monitor **ret);
/* Shows one picture. A screen that failed once shows no more. */
NTSTATUS monitor_show(struct monitor *monitor, const struct dxgk_picture *picture);
/* Finishes the files. Returns the first error of the whole run. NULL is allowed. */
int monitor_close(struct monitor *monitor);

#endif
