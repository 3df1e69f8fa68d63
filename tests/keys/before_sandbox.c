/* SPDX-License-Identifier: MIT */
/* Stands before sandbox_enter, by the linker's --wrap: ready keys are read while files can be opened. */
#include "ready_keys.h"
#include "service/sandbox.h"

int __real_sandbox_enter(const struct sandbox_folders *folders, struct sandbox *ret);
int __wrap_sandbox_enter(const struct sandbox_folders *folders, struct sandbox *ret);

int __wrap_sandbox_enter(const struct sandbox_folders *folders, struct sandbox *ret)
{
	ready_keys_take();
	return __real_sandbox_enter(folders, ret);
}
