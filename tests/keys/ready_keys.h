/* SPDX-License-Identifier: MIT */
/* RSA keys that are made once for many tests. */
#ifndef DXV_TESTS_READY_KEYS_H
#define DXV_TESTS_READY_KEYS_H

/* For a process that can't open files when it makes its keys. */
void ready_keys_take(void);

#endif
