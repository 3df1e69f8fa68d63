/* SPDX-License-Identifier: MIT */
/* One test, in its process. */
#ifndef DXV_CONFORM_RUN_H
#define DXV_CONFORM_RUN_H

#include "conform/cf.h"

/* Returns when the test came to its end; it may end the process instead. */
void cf_run_test(struct cf *cf);

#endif
