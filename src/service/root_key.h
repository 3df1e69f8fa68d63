/* SPDX-License-Identifier: MIT */
/* The installation's root key and certificate, in the state directory. */
#ifndef DXV_SERVICE_ROOT_KEY_H
#define DXV_SERVICE_ROOT_KEY_H

#include "gpu/gpu.h"

/*
 * Reads root.key and root.crt from $DXVAULT_STATE_DIR, else $XDG_STATE_HOME/dxvault, else ~/.local/state/dxvault; makes
 * them where there are none. The key is in memory of gpu_secret_alloc. Logs what is wrong; returns 0 or a negative errno.
 */
int root_key_load(struct gpu_bytes *ret_key, struct gpu_bytes *ret_certificate);

#endif
