/* SPDX-License-Identifier: MIT */
/* The groups of tests of blt.md, and the rules that the DDI cannot show. */
#include "conform/blt/blt.h"

const struct cf_group cf_groups_blt[] = {
	{ "counter", blt_counter_tests },
	{ "history", blt_history_tests },
	{ "encryption", blt_encryption_tests },
	{ "surfaces", blt_surface_tests },
	{ "tie", blt_tie_tests },
	{ "decryption", blt_decryption_tests },
	{ "partial", blt_partial_tests },
	{ "content-key", blt_content_key_tests },
	{ "pitch", blt_pitch_tests },
	{ "resources", blt_resource_tests },
	{ "lock", blt_lock_tests },
	{ "shared", blt_shared_tests },
	{ "system-memory", blt_system_memory_tests },
	{ "order", blt_order_tests },
	{ "vectors", blt_vector_tests },
	{ 0 },
};

const struct cf_unseen cf_unseen_blt[] = {
	{ "BLT-02", "DXVADDI_PVP_HW_IV reaches a driver by decoding alone, which is not in force (decode.md)" },
	{ "BLT-13", "needs a decode device: decoding is not in force (decode.md)" },
	{ "BLT-29", "is about crypto types other than AES128_CTR, which the suite has no key exchange for" },
	{ "BLT-107", "CreateResource2 came with interface version 0x3004; the suite opens drivers at 0x2003" },
	{ 0 },
};
