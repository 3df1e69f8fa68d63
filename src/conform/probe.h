/* SPDX-License-Identifier: MIT */
/* The first look at a driver, before the tests: is there one, and what does it say of itself. */
#ifndef DXV_CONFORM_PROBE_H
#define DXV_CONFORM_PROBE_H

#include "conform/cf.h"

#define CF_FACT_DRIVER	   "driver"	/* its file */
#define CF_FACT_IMPOSSIBLE "impossible" /* why no test can be run */
#define CF_FACT_CAPS	   "caps"
#define CF_FACT_MISSING	   "missing" /* one function of content protection that is not there */

/* In a process of its own: the driver may crash. */
void cf_probe(struct cf *cf);

#endif
