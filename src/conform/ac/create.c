/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: making channels: types, handles, several of them, what a failed Create leaves. */
#include "conform/ac/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The driver's capability bits for a type of channel. */
static uint32_t bit_of(UINT type)
{
	return type == AC_SOFTWARE ? D3DCPCAPS_SOFTWARE : D3DCPCAPS_HARDWARE;
}

static void both_types(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	HANDLE channel = NULL;

	for (UINT type = AC_SOFTWARE; type <= AC_HARDWARE; type++) {
		if (!cf_has(cf, bit_of(type)))
			continue;
		channel = NULL;
		AC_CODE(cf, "AC-001", S_OK, ac_create(&device, type, &channel));
		AC_TRUE(cf, "AC-001", channel != NULL, "a channel of type %u has handle %p", type, channel);
	}
}

static void no_other_type(struct cf *cf)
{
	static const UINT types[] = { 0, 1, 4, 0xffffffff, 0x7fffffff, 0x102, 0x10002, 0x80000002 };
	const struct cf_device device = cf_device(cf);
	HANDLE channel;
	char text[64];

	(void)cf_caps(cf);
	for (size_t i = 0; i < AC_COUNT(types); i++) {
		snprintf(text, sizeof(text), "CreateAuthenticatedChannel of type 0x%x", types[i]);
		ac_check_code(cf, "AC-002", D3DDDIERR_NOTAVAILABLE, ac_create(&device, types[i], &channel), text);
	}
}

static void a_type_goes_with_its_bit(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	HANDLE channel;

	for (UINT type = AC_SOFTWARE; type <= AC_HARDWARE; type++)
		AC_CODE(cf, "AC-003", cf_has(cf, bit_of(type)) ? S_OK : D3DDDIERR_NOTAVAILABLE,
			ac_create(&device, type, &channel));
}

/* What a test configuration says is what the driver reports; what goes with that is judged as everywhere. */
static void expect_types(struct cf *cf, uint32_t bits)
{
	const uint32_t reported = cf_caps(cf)->Caps & (D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE);

	if (reported != bits)
		cf_give_up(cf, "the test configuration has types 0x%x, and the driver reports 0x%x", bits, reported);
	a_type_goes_with_its_bit(cf);
}

static void hardware_alone(struct cf *cf)
{
	expect_types(cf, D3DCPCAPS_HARDWARE);
}

static void hardware_and_software(struct cf *cf)
{
	expect_types(cf, D3DCPCAPS_HARDWARE | D3DCPCAPS_SOFTWARE);
}

static void software_claims_no_hardware(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	HANDLE channel;

	if (!cf_is_dxvault(cf) && cf_has(cf, D3DCPCAPS_HARDWARE))
		cf_skip(cf, "the driver reports protection by hardware");
	AC_TRUE(cf, "AC-004", !cf_has(cf, D3DCPCAPS_HARDWARE), "Caps is 0x%x", cf_caps(cf)->Caps);
	AC_CODE(cf, "AC-004", D3DDDIERR_NOTAVAILABLE, ac_create(&device, AC_HARDWARE, &channel));
}

/* ---- the structure and the handle ------------------------------------------------------------------------------ */

/* Whole, padding included. */
static D3DDDIARG_CREATEAUTHENTICATEDCHANNEL filled(UINT type)
{
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL arg;

	memset(&arg, 0xa5, sizeof(arg));
	arg.ChannelType = (DDIAUTHENTICATEDCHANNELTYPE)type;
	return arg;
}

static void handle_in_its_member(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL arg, due;
	struct ac_channel channel = { .device = device };
	struct ac_message message;

	(void)cf_caps(cf);
	arg = due = filled(AC_SOFTWARE);
	AC_CODE(cf, "AC-006", S_OK, device.f->pfnCreateAuthenticatedChannel(device.h, &arg));
	AC_TRUE(cf, "AC-006", arg.hChannel != due.hChannel, "hChannel is as it was: %p", arg.hChannel);
	due.hChannel = arg.hChannel;
	AC_BYTES(cf, "AC-006", &due, &arg, sizeof(arg), "the create structure but for hChannel");
	/* And every later call carries it. */
	channel.h = arg.hChannel;
	cf_key(6, channel.key);
	AC_CODE(cf, "AC-006", S_OK, ac_exchange(cf, &device, channel.h, channel.key));
	message = ac_initialize(&channel, 0, AC_FIRST_COMMAND, AC_FIRST_QUERY);
	ac_accepted(cf, "AC-006", &channel, &message);
	AC_CODE(cf, "AC-006", S_OK, ac_destroy(&device, channel.h));
}

enum { HANDLES = 10000 };

/* Half of them in this process, half in another. */
struct handles {
	HANDLE all[2 * HANDLES];
	size_t count;
	HRESULT failure;
};

static void make_many(struct cf *cf, void *context)
{
	const struct cf_device device = cf_device(cf);
	struct handles *handles = context;

	for (size_t i = 0; i < HANDLES && handles->failure == S_OK; i++) {
		HANDLE channel = NULL;

		handles->failure = ac_create(&device, AC_SOFTWARE, &channel);
		if (handles->failure == S_OK) {
			handles->all[handles->count++] = channel;
			handles->failure = ac_destroy(&device, channel);
		}
	}
}

static int compare_handles(const void *a, const void *b)
{
	const HANDLE *first = a, *second = b;

	return (*first > *second) - (*first < *second);
}

static void handles_are_never_used_again(struct cf *cf)
{
	struct handles *handles = mmap(NULL, sizeof(*handles), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
				       0);
	size_t repeated = 0;

	cf_require_caps(cf, D3DCPCAPS_SOFTWARE, "the driver offers no software channels");
	if (handles == MAP_FAILED)
		cf_give_up(cf, "no memory that two processes share");
	make_many(cf, handles);
	cf_in_another_process(cf, make_many, handles);
	AC_CODE(cf, "AC-008", S_OK, handles->failure);
	qsort(handles->all, handles->count, sizeof(handles->all[0]), compare_handles);
	for (size_t i = 0; i < handles->count; i++)
		repeated += !handles->all[i] || (i > 0 && handles->all[i] == handles->all[i - 1]);
	AC_TRUE(cf, "AC-008", repeated == 0, "%zu of %zu handles are 0 or were there before", repeated, handles->count);
}

static void a_failed_create_changes_nothing(struct cf *cf)
{
	static const UINT types[] = { 0, 1, 4, 0xffffffff };
	const struct cf_device device = cf_device(cf);
	D3DDDIARG_CREATEAUTHENTICATEDCHANNEL arg, before;

	(void)cf_caps(cf);
	for (size_t i = 0; i < AC_COUNT(types); i++) {
		arg = before = filled(types[i]);
		AC_CODE(cf, "AC-009", D3DDDIERR_NOTAVAILABLE, device.f->pfnCreateAuthenticatedChannel(device.h, &arg));
		AC_BYTES(cf, "AC-009", &before, &arg, sizeof(arg), "the structure of a refused Create");
		AC_CODE(cf, "AC-009", E_INVALIDARG, ac_destroy(&device, arg.hChannel));
	}
}

/* ---- several channels -------------------------------------------------------------------------------------------- */

static void check_two(struct cf *cf, const struct cf_device *device, UINT first, UINT second)
{
	HANDLE handles[2] = { NULL, NULL };
	struct ac_message message;
	struct ac_channel a, b;

	/* Ones that are not needed, since what follows gives up where there are no two. */
	AC_CODE(cf, "AC-010", S_OK, ac_create(device, first, &handles[0]));
	AC_CODE(cf, "AC-010", S_OK, ac_create(device, second, &handles[1]));
	AC_TRUE(cf, "AC-010", handles[0] != handles[1], "two channels have the handle %p", handles[0]);
	a = ac_channel_ready(cf, device, first);
	b = ac_channel_ready(cf, device, second);
	AC_TRUE(cf, "AC-010", a.h != b.h, "two channels have the handle %p", a.h);
	/* Each has its own key ... */
	message = ac_protection(&b, 0);
	ac_sign(&message, a.key);
	ac_refused_bare(cf, "AC-010", device, E_INVALIDARG, &message);
	ac_sign(&message, b.key);
	ac_accepted(cf, "AC-010", &b, &message);
	/* ... its own counters: the number that B has used up is new to A ... */
	message = ac_protection(&a, 2);
	ac_accepted(cf, "AC-010", &a, &message);
	/* ... and its own settings: what A gives up B still holds. */
	message = ac_protection(&b, 2);
	ac_accepted(cf, "AC-010", &b, &message);
	message = ac_protection(&a, 0);
	ac_accepted(cf, "AC-010", &a, &message);
	AC_TRUE(cf, "AC-010", ac_protection_level(cf, &a) & 2, "the flag that B holds is gone");
	message = ac_protection(&b, 0);
	ac_accepted(cf, "AC-010", &b, &message);
	AC_TRUE(cf, "AC-010", !(ac_protection_level(cf, &a) & 2), "the flag that nobody holds is there");
	CF_NEED(cf, ac_destroy(device, a.h));
	CF_NEED(cf, ac_destroy(device, b.h));
	CF_NEED(cf, ac_destroy(device, handles[0]));
	CF_NEED(cf, ac_destroy(device, handles[1]));
}

static void several_channels(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);

	check_two(cf, &device, AC_SOFTWARE, AC_SOFTWARE);
}

static void several_types(struct cf *cf)
{
	const struct cf_device device = cf_device(cf);

	check_two(cf, &device, AC_SOFTWARE, AC_HARDWARE);
	check_two(cf, &device, AC_HARDWARE, AC_HARDWARE);
}

/* ---- what has to be there ------------------------------------------------------------------------------------------- */

static void all_eight_functions(struct cf *cf)
{
	struct ac_required required[AC_REQUIRED];
	const struct cf_device device = cf_device(cf);

	if (cf_caps(cf)->Caps == 0)
		cf_skip(cf, "the driver offers no content protection");
	ac_call_required(cf, &device, required);
	for (size_t i = 0; i < AC_REQUIRED; i++)
		AC_TRUE(cf, "AC-018", required[i].result != E_NOTIMPL && required[i].result != D3DDDIERR_NOTAVAILABLE,
			"Caps is 0x%x, but %s answered %s", cf_caps(cf)->Caps, required[i].name,
			cf_code_name(cf, required[i].result));
}

const struct cf_test ac_tests_create[] = {
	{ "channel-types", "AC-001", both_types },
	{ "channel-types-in-test-configuration", "AC-001", both_types, .settings = AC_EVERYTHING },
	{ "channel-other-types", "AC-002", no_other_type },
	{ "channel-other-types-in-test-configuration", "AC-002", no_other_type, .settings = AC_EVERYTHING },
	{ "channel-types-and-bits", "AC-003", a_type_goes_with_its_bit },
	{ "channel-types-both", "AC-003", hardware_and_software, .settings = AC_EVERYTHING },
	{ "channel-types-hardware", "AC-003", hardware_alone, .settings = "test-channels = hardware\n" },
	{ "channel-no-hardware-claimed", "AC-004", software_claims_no_hardware },
	{ "channel-handle", "AC-006", handle_in_its_member },
	{ "channel-handles-differ", "AC-008", handles_are_never_used_again },
	{ "channel-create-refused", "AC-009", a_failed_create_changes_nothing },
	{ "channel-several", "AC-010", several_channels },
	{ "channel-several-types", "AC-010", several_types, .settings = AC_EVERYTHING },
	{ "channel-functions", "AC-018", all_eight_functions },
	{ 0 },
};
