/* SPDX-License-Identifier: MIT */
/* Mutants of the queries about the device: level, type, id, bus, encryption on offer. */
#include "mutants_ac.h"

#include <string.h>

enum { BUS = 48, IN_BLOCKS = 52, IN_PIECES = 56, PADDING = 60, IN_INDEX = 32, OUT_INDEX = 48, OUT_GUID = 52 };

static bool is_answer(const struct ac_call *call, const GUID *type)
{
	return call->step == AC_ACCEPTED && call->class == AC_SIGNED && call->result == S_OK && !call->is_command &&
	       ac_is(call, type);
}

static void level_with_more(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(PROTECTION)))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) | 4);
}

static void level_unasked(struct ac_call *call)
{
	/* Without the bit of AC-109 that is always set. */
	if (is_answer(call, AC_QRY(PROTECTION)))
		ac_put_u32(call->answer, AC_HEADER, call->channel->flags);
}

static void always_software(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CHANNELTYPE)))
		ac_put_u32(call->answer, AC_HEADER, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE);
}

static void always_type_1(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CHANNELTYPE)))
		ac_put_u32(call->answer, AC_HEADER, 1);
}

/* ---- device ids ------------------------------------------------------------------------------------------------------------- */

static void id_of_channel(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, (uintptr_t)call->channel->handle);
}

static void id_of_process(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, 0x2002);
}

static void id_is_zero(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, 0);
}

/* Of 5 bits: they come again. */
static void short_id(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, (ac_u64(call->answer, AC_HEADER) & 0x1f) | 0x100);
}

/* The driver's pointer or number, which is each process's own. */
static void id_is_handle(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, (uintptr_t)call->device);
}

static void id_changes(struct ac_call *call)
{
	static UINT64 count;

	if (is_answer(call, AC_QRY(DEVICEHANDLE)))
		ac_put_u64(call->answer, AC_HEADER, ac_u64(call->answer, AC_HEADER) + (++count << 40));
}

/* ---- bus -------------------------------------------------------------------------------------------------------------------- */

static void modifier_alone(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ACCESSIBILITYATTRIBUTES)))
		ac_put_u32(call->answer, BUS, D3DBUSTYPE_PCI | D3DBUSIMPL_MODIFIER_INSIDE_OF_CHIPSET);
}

static void other_base(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ACCESSIBILITYATTRIBUTES)))
		ac_put_u32(call->answer, BUS, 5);
}

static void true_is_minus_1(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ACCESSIBILITYATTRIBUTES)))
		ac_put_u32(call->answer, IN_BLOCKS, 0xffffffff);
}

static void pci_express(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ACCESSIBILITYATTRIBUTES)))
		ac_put_u32(call->answer, BUS, D3DBUSTYPE_PCIEXPRESS);
}

static void inaccessible(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ACCESSIBILITYATTRIBUTES)))
		ac_put_u32(call->answer, IN_PIECES, 0);
}

/* ---- encryption -------------------------------------------------------------------------------------------------------------- */

static void one_guid(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT)) && ac_u32(call->answer, AC_HEADER) == 0)
		ac_put_u32(call->answer, AC_HEADER, 1);
}

static void one_guid_more(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUIDCOUNT)))
		ac_put_u32(call->answer, AC_HEADER, ac_u32(call->answer, AC_HEADER) + 1);
}

static void guid_after_header(struct ac_call *call)
{
	GUID guid;

	if (!is_answer(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)))
		return;
	memcpy(&guid, call->answer + OUT_GUID, sizeof(guid));
	memset(call->answer + OUT_INDEX, 0, 24);
	memcpy(call->answer + OUT_INDEX, &guid, sizeof(guid));
}

static void guid_aligned(struct ac_call *call)
{
	if (!is_answer(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)))
		return;
	memmove(call->answer + 56, call->answer + OUT_GUID, sizeof(GUID));
	memset(call->answer + OUT_GUID, 0, 4);
}

static void the_same_guid(struct ac_call *call)
{
	static GUID first;
	static bool is_known;

	if (!is_answer(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)))
		return;
	if (!is_known)
		memcpy(&first, call->answer + OUT_GUID, sizeof(first));
	is_known = true;
	memcpy(call->answer + OUT_GUID, &first, sizeof(first));
}

static bool guid_at_count(struct ac_call *call)
{
	if (call->is_command || !ac_is(call, AC_QRY(ENCRYPTIONWHENACCESSIBLEGUID)))
		return false;
	ac_do(call, call->channel);
	if (call->result == E_INVALIDARG) {
		memcpy(call->answer + OUT_INDEX, call->input + IN_INDEX, 4);
		call->result = S_OK;
	}
	return true;
}

static void never_current(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE)))
		memset(call->answer + AC_HEADER, 0, sizeof(GUID));
}

static void own_current(struct ac_call *call)
{
	if (is_answer(call, AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE)))
		memcpy(call->answer + AC_HEADER, &call->channel->encryption, sizeof(GUID));
}

/* An answer of 56 bytes, as for the count. */
static void short_current(struct ac_call *call)
{
	if (call->step == AC_IS_WHOLE && !call->is_command && ac_is(call, AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE)) &&
	    call->input_size == AC_QUERY_HEADER && call->output_size == 56 && call->channel->is_initialised) {
		call->class = AC_SIGNED;
		call->written = 56;
		call->result = S_OK;
	}
}

static void current_from_start(struct ac_call *call)
{
	static const GUID none;

	if (is_answer(call, AC_QRY(CURRENTENCRYPTIONWHENACCESSIBLE)) &&
	    memcmp(call->answer + AC_HEADER, &none, sizeof(none)) == 0)
		memcpy(call->answer + AC_HEADER, &D3DCRYPTOTYPE_AES128_CTR, sizeof(GUID));
}

const struct mutant mutants_ac_query[] = {
	{ "level-with-reserved-flags", "AC-139", true, AC_BENT(.after = level_with_more) },
	{ "always-on-is-not-told", "AC-139 AC-109", true, AC_BENT(.after = level_unasked) },
	{ "type-is-always-software", "AC-140", false, AC_BENT(.after = always_software) },
	{ "type-is-always-1", "AC-140", false, AC_BENT(.after = always_type_1) },
	{ "device-id-of-a-channel", "AC-141", true, AC_BENT(.after = id_of_channel) },
	{ "device-id-of-a-process", "AC-141", true, AC_BENT(.after = id_of_process) },
	{ "device-id-is-zero", "AC-141", true, AC_BENT(.after = id_is_zero) },
	{ "device-ids-again", "AC-141", true, AC_BENT(.after = short_id) },
	{ "device-id-is-the-handle", "AC-141", true, AC_BENT(.after = id_is_handle) },
	{ "device-id-changes", "AC-141", true, AC_BENT(.after = id_changes) },
	{ "bus-modifier-alone", "AC-152", false, AC_BENT(.after = modifier_alone) },
	{ "bus-of-type-5", "AC-152", false, AC_BENT(.after = other_base) },
	{ "true-is-minus-1", "AC-152", false, AC_BENT(.after = true_is_minus_1) },
	{ "bus-is-pci-express", "AC-153", true, AC_BENT(.after = pci_express) },
	{ "memory-is-inaccessible", "AC-153", true, AC_BENT(.after = inaccessible) },
	{ "one-encryption-on-offer", "AC-154", true, AC_BENT(.after = one_guid) },
	{ "one-encryption-more", "AC-154 AC-155", true, AC_BENT(.after = one_guid_more) },
	{ "guid-behind-the-header", "AC-155", true, AC_BENT(.after = guid_after_header) },
	{ "guid-on-a-boundary-of-8", "AC-155", true, AC_BENT(.after = guid_aligned) },
	{ "guids-are-the-same", "AC-155", true, AC_BENT(.after = the_same_guid) },
	{ "guid-at-count", "AC-155", true, AC_BENT(.act = guid_at_count) },
	{ "never-any-current-encryption", "AC-156 AC-134", true, AC_BENT(.after = never_current) },
	{ "encryption-of-a-channel", "AC-134 AC-137", false, AC_BENT(.after = own_current) },
	{ "current-encryption-in-56-bytes", "AC-156", true, AC_BENT(.after = short_current) },
	{ "encryption-from-the-start", "AC-156 AC-136", true, AC_BENT(.after = current_from_start) },
	{ 0 },
};
