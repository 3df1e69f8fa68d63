/* SPDX-License-Identifier: MIT */
/* The presenter's way: a shared surface opened in a second process, and what reaches the monitor of it. */
#include "kernel_fixture_stack.h"

#include <string.h>
#include <unistd.h>

enum { WIDTH = 20, HEIGHT = 6 };

struct stage {
	struct ik *ik;
	struct kmt_connection *first, *second;
	struct st provider, presenter;
	struct rt_session *session;
	struct rt_resource *made, *opened;
	struct st_system system;
	uint8_t plain[32 * 9]; /* NV12: pitch 32, rows 6 × 3/2 */
};

static const struct rt_present usual = {
	.source = { 0, 0, WIDTH, HEIGHT },
	.destination = { 0, 0, WIDTH, HEIGHT },
	.count = 1,
	.duration = 1,
};

/* The provider has written a picture; the presenter's process is the calling thread's. */
static void stage_open(struct stage *stage, bool no_screen)
{
	const struct ik_options options = { .real_driver = true, .no_screen = no_screen };
	const struct rt_surface surface = st_surface(D3DDDIFMT_NV12, WIDTH, HEIGHT);
	uint8_t iv[16];
	int nt_handle;

	stage->ik = ik_start(&options);
	stage->first = ik_process(stage->ik);
	st_open(&stage->provider);
	stage->session = st_session(&stage->provider);
	assert_int_equal(st_exchange(&stage->provider, stage->session, ST_K), S_OK);
	stage->system = st_system(&stage->provider, &surface);
	assert_int_equal(stage->system.pitch, 32);
	assert_int_equal(stage->system.size, sizeof(stage->plain));
	stage->made = st_protected(&stage->provider, &surface, true);
	for (size_t i = 0; i < sizeof(stage->plain); i++)
		stage->plain[i] = (uint8_t)(i * 13 + 1);
	st_iv(iv, 1, 0);
	st_ctr(ST_K, iv, stage->plain, stage->system.memory, sizeof(stage->plain));
	assert_int_equal(st_decrypt(&stage->provider, rt_session_handle(stage->session), stage->system.handle,
				    rt_resource_handle(stage->made), sizeof(stage->plain), 1, 0, NULL),
			 S_OK);
	assert_int_equal(rt_resource_share(stage->made, &nt_handle), S_OK);
	stage->second = ik_process(stage->ik);
	st_open(&stage->presenter);
	assert_int_equal(rt_resource_open(stage->presenter.device, nt_handle, &stage->opened), S_OK);
	close(nt_handle);
}

static void stage_close(struct stage *stage)
{
	kmt_connection_set(stage->second);
	st_close(&stage->presenter);
	kmt_connection_set(stage->first);
	if (stage->provider.device)
		st_close(&stage->provider);
	ik_stop(stage->ik);
}

static void assert_rect(const RECT *is, LONG left, LONG top, LONG right, LONG bottom)
{
	assert_int_equal(is->left, left);
	assert_int_equal(is->top, top);
	assert_int_equal(is->right, right);
	assert_int_equal(is->bottom, bottom);
}

static void the_picture_reaches_the_monitor(void **state)
{
	static const struct rt_present present = {
		.source = { 2, 1, 18, 5 },
		.destination = { 0, 0, 64, 36 },
		.count = 77,
		.duration = 3,
	};
	const struct dxgk_picture *picture;
	struct stage stage;

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	picture = &stage.ik->screen.picture;
	assert_int_equal(ik_counts(stage.ik).contexts, 0); /* CAP-24: before the first submission there is none */
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &present), S_OK);
	assert_int_equal(ik_counts(stage.ik).contexts, 1);
	assert_int_equal(stage.ik->screen.shown, 1);
	assert_int_equal(picture->width, WIDTH);
	assert_int_equal(picture->height, HEIGHT);
	assert_int_equal(picture->pitch, 32);
	assert_int_equal(picture->format, D3DDDIFMT_NV12);
	assert_int_equal(picture->refresh_rate.Numerator, 24000);
	assert_int_equal(picture->refresh_rate.Denominator, 1001);
	assert_int_equal(picture->rotation, D3DDDI_ROTATION_IDENTITY);
	assert_rect(&picture->source, 2, 1, 18, 5);
	assert_rect(&picture->destination, 0, 0, 64, 36);
	assert_int_equal(picture->count, 77);
	assert_int_equal(picture->duration, 3);
	assert_int_equal(stage.ik->screen.size, sizeof(stage.plain));
	assert_memory_equal(stage.ik->screen.bytes, stage.plain, sizeof(stage.plain));

	/* The maker may as well; each device has its context, once. */
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	kmt_connection_set(stage.first);
	assert_int_equal(rt_present(stage.provider.device, stage.made, &usual), S_OK);
	assert_int_equal(stage.ik->screen.shown, 3);
	assert_int_equal(ik_counts(stage.ik).contexts, 2);
	stage_close(&stage);
}

static void bad_rectangles_are_refused(void **state) /* CAP-27 */
{
	static const RECT bad[] = {
		{ -1, 0, 10, 5 },
		{ 0, -1, 10, 5 },
		{ 0, 0, WIDTH + 1, HEIGHT },
		{ 0, 0, WIDTH, HEIGHT + 1 },
		{ 5, 0, 5, HEIGHT },
		{ 6, 0, 5, HEIGHT },
		{ 0, 3, WIDTH, 3 },
		{ 0, 0, 0, 0 },
		{ INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX },
		{ 0, 0, INT32_MAX, HEIGHT },
		{ WIDTH, 0, WIDTH + 1, HEIGHT },
	};
	struct stage stage;

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rt_present present = usual;

		present.source = bad[i];
		assert_int_equal(rt_present(stage.presenter.device, stage.opened, &present), E_FAIL);
	}
	assert_int_equal(stage.ik->screen.shown, 0);
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	stage_close(&stage);
}

/* Without rectangles it is the whole surface, and the flags are those of whoever calls the driver (AC-113). */
static void a_present_by_the_table_says_how(void **state)
{
	D3DDDIARG_PRESENT arg = { 0 };
	struct rt_present present = usual;
	struct stage stage;

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	arg.hSrcResource = rt_resource_handle(stage.opened);
	for (int turn = 0; turn < 4; turn++) {
		const struct dxgk_picture *shown = &stage.ik->screen.picture;

		arg.Flags.Flip = turn % 2 == 0;
		assert_int_equal(stage.presenter.funcs->pfnPresent(stage.presenter.handle, &arg), S_OK);
		assert_int_equal(shown->is_flip, turn % 2 == 0);
		assert_int_equal(shown->source.right - shown->source.left, WIDTH);
		assert_int_equal(shown->source.bottom - shown->source.top, HEIGHT);
		present.windowed = turn % 2 == 0;
		assert_int_equal(rt_present(stage.presenter.device, stage.opened, &present), S_OK);
		assert_int_equal(shown->is_flip, turn % 2 != 0);
		assert_memory_equal(&shown->source, &usual.source, sizeof(usual.source));
	}
	assert_int_equal(stage.ik->screen.shown, 8);
	/* Nothing is noted of a call that the driver refused, and it comes to the driver as it is. */
	assert_int_equal(stage.presenter.funcs->pfnPresent(stage.presenter.handle, NULL), E_INVALIDARG);
	assert_int_equal(stage.presenter.funcs->pfnPresent(NULL, &arg), E_INVALIDARG);
	stage_close(&stage);
}

static void what_cannot_be_presented(void **state)
{
	const struct rt_surface surface = st_surface(D3DDDIFMT_NV12, WIDTH, HEIGHT);
	struct st_system system;
	struct stage stage;
	D3DDDIARG_PRESENT arg = { 0 };

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	system = st_system(&stage.presenter, &surface);
	assert_int_equal(rt_present(stage.presenter.device, system.resource, &usual), E_INVALIDARG);
	assert_int_equal(rt_present(stage.presenter.device, stage.made, &usual), E_INVALIDARG); /* the other device's */
	arg.hSrcResource = rt_resource_handle(stage.opened);
	arg.hDstResource = rt_resource_handle(stage.opened);
	assert_int_equal(stage.presenter.funcs->pfnPresent(stage.presenter.handle, &arg), E_INVALIDARG);
	arg.hDstResource = NULL;
	arg.SrcSubResourceIndex = 1;
	assert_int_equal(stage.presenter.funcs->pfnPresent(stage.presenter.handle, &arg), E_INVALIDARG);
	assert_int_equal(stage.ik->screen.shown, 0);
	stage_close(&stage);
}

static void without_a_monitor_nothing_leaves(void **state)
{
	struct stage stage;
	DXVAULT_SERVICE_INFO info = { .Version = DXVAULT_SERVICE_INFO_VERSION };

	(void)state;
	stage_open(&stage, /* no_screen= */ true);
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	assert_int_equal(stage.ik->screen.shown, 0);
	assert_null(stage.ik->screen.bytes);
	assert_int_equal(DxvaultQueryService(&info), STATUS_SUCCESS);
	assert_int_equal(info.HasScreen, 0);
	assert_int_equal(info.Clients, 2);
	assert_int_equal(info.ProtectedSessions, 1);
	assert_int_equal(info.ProcessId, 0); /* in-process mode says so */
	stage_close(&stage);
}

static void the_monitor_may_refuse(void **state)
{
	struct stage stage;

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	stage.ik->screen.status = STATUS_NO_MEMORY;
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), E_OUTOFMEMORY);
	/* AC-113 */
	stage.ik->screen.status = STATUS_ACCESS_DENIED;
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), E_ACCESSDENIED);
	stage.ik->screen.status = STATUS_SUCCESS;
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	assert_int_equal(stage.ik->screen.shown, 3);
	stage_close(&stage);
}

static void the_provider_goes_in_mid_film(void **state) /* KMT-17, KMT-34, CS-13 */
{
	struct stage stage;
	struct rt_session *theirs;
	uint8_t back[32 * 9];
	const struct rt_surface surface = st_surface(D3DDDIFMT_NV12, WIDTH, HEIGHT);
	struct st_system there;

	(void)state;
	stage_open(&stage, /* no_screen= */ false);
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	assert_memory_equal(stage.ik->screen.bytes, stage.plain, sizeof(stage.plain));
	kmt_connection_set(stage.first);
	/* Its device is destroyed with the session alive in nobody's hands but its own. */
	st_close(&stage.provider);
	kmt_connection_set(stage.second);
	assert_int_equal(ik_counts(stage.ik).sessions, 0);
	/* The surface lives as long as it is open; what was in it is nobody's to read. */
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), S_OK);
	theirs = st_session(&stage.presenter);
	there = st_system(&stage.presenter, &surface);
	assert_int_equal(st_exchange(&stage.presenter, theirs, ST_K), S_OK);
	assert_int_equal(
		st_read(&stage.presenter, theirs, ST_K, rt_resource_handle(stage.opened), &there, back, sizeof(back)),
		E_ACCESSDENIED);
	/* What was lost is no picture: the monitor is not shown the zeroes. */
	ik_lose_keys(stage.ik);
	assert_int_equal(stage.ik->screen.shown, 2);
	assert_int_equal(rt_present(stage.presenter.device, stage.opened, &usual), E_FAIL);
	assert_int_equal(stage.ik->screen.shown, 2);
	stage_close(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_picture_reaches_the_monitor),  cmocka_unit_test(bad_rectangles_are_refused),
		cmocka_unit_test(a_present_by_the_table_says_how),  cmocka_unit_test(what_cannot_be_presented),
		cmocka_unit_test(without_a_monitor_nothing_leaves), cmocka_unit_test(the_monitor_may_refuse),
		cmocka_unit_test(the_provider_goes_in_mid_film),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
