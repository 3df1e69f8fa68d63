/* SPDX-License-Identifier: MIT */
/* The kernel-mode driver of the software GPU as the graphics kernel loads it. */
#ifndef DXV_KMD_KMD_H
#define DXV_KMD_KMD_H

#include "dxgkrnl/driver.h"
#include "gpu/gpu.h"

#include <stdbool.h>
#include <stdint.h>

/* The table of the driver. Its StartDevice takes a struct kmd_config as context. */
extern const struct dxgk_driver kmd_driver;

/* What the service is configured to offer; copied by StartDevice. identity must outlive the adapter. */
struct kmd_config {
	uint32_t caps;			/* D3DCPCAPS_*; normalised as kmd_caps_normalise says */
	uint64_t protected_memory_size; /* no single surface may be larger; the sum is the graphics kernel's to hold */
	bool has_decryption_blt;
	bool has_get_pitch;
	struct gpu_identity *identity;

	/* Test configurations (D-41): what the rules speak of and this driver does not have. */
	uint32_t
		channel_types; /* D3DCPCAPS_SOFTWARE, D3DCPCAPS_HARDWARE or both; they are in the caps that are reported */
	uint32_t encryption_guids; /* how many are on offer for ENCRYPTIONWHENACCESSIBLE: up to KMD_ENCRYPTION_GUIDS */
	int32_t outputs;	   /* that show what is presented; negative: the monitor, if there is one */
	bool has_decode;	   /* decode devices that can be tied to a session, and decode nothing */
	/* The first numbers that are given out; they go up from there. */
	struct {
		uint64_t channel;
		uint64_t device;
		uint64_t decode;
		uint64_t output;
	} first;
};

enum { KMD_ENCRYPTION_GUIDS = 2, KMD_OUTPUTS = 16 };

/* 0xFD (CAP-54), 256 MiB (CAP-61), both functions, no identity, no test configuration. */
void kmd_config_default(struct kmd_config *ret);

/*
 * The set of capabilities that this driver offers when asked for caps: SOFTWARE and never HARDWARE (CAP-53), nothing
 * that needs decoding or lies above 0x200 (CAP-55, CAP-56), read-back only with its key and the key only with read-back
 * (CAP-57, BLT-26). A caller that wants to warn of a change compares the two.
 */
uint32_t kmd_caps_normalise(uint32_t caps);

#endif
