/* SPDX-License-Identifier: MIT */
/* What a driver is told and may ask: what it charges, who composes the desktop, how a picture is presented. */
#include "kernel_fixture.h"

#include <string.h>
#include <unistd.h>

enum { HANDLES = 20 };

static int setup(void **state)
{
	*state = ik_start(NULL);
	return 0;
}

static int setup_few_handles(void **state)
{
	struct ik_options options = { 0 };

	dxgk_limits_default(&options.limits);
	options.limits.handles = HANDLES;
	*state = ik_start(&options);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

/* ---- charges ------------------------------------------------------------------------------------------------------ */

static bool charge(struct ik *ik, HANDLE device, int count)
{
	bool charged;

	(void)ik_acquire(ik);
	charged = ik_recorder.interface->ChargeObjects(device, count);
	ik_release(ik);
	return charged;
}

/* How many handles the user has left. */
static int count_left(struct ik *ik, HANDLE device)
{
	int count = 0;

	while (charge(ik, device, 1))
		count++;
	assert_true(charge(ik, device, -count));
	return count;
}

static void charges_count_as_handles(void **state)
{
	D3DKMT_HANDLE device;
	HANDLE kernel;
	int left;

	ik_process(*state);
	device = ik_device();
	kernel = ik_recorder.kernel_device;
	left = count_left(*state, kernel);
	assert_int_equal(left, HANDLES - 2);
	assert_true(charge(*state, kernel, left - 1));
	assert_false(charge(*state, kernel, 2));
	assert_false(charge(*state, kernel, INT32_MAX));
	assert_int_equal(count_left(*state, kernel), 1);
	(void)ik_fence(device);
	assert_false(charge(*state, kernel, 1));
	assert_true(charge(*state, kernel, 0));
	assert_true(charge(*state, kernel, -3));
	assert_int_equal(count_left(*state, kernel), 3);
	/* All of it, so that the driver's own books are even. */
	assert_true(charge(*state, kernel, 4 - left));
}

/* Of all processes of a user, and of no other's. */
static void charges_are_the_users(void **state)
{
	HANDLE first, second;

	ik_process(*state);
	(void)ik_device();
	first = ik_recorder.kernel_device;
	ik_process(*state);
	(void)ik_device();
	second = ik_recorder.kernel_device;
	assert_true(charge(*state, first, 10));
	assert_int_equal(count_left(*state, second), HANDLES - 4 - 10);
	ik_need_users();
	assert_non_null(ik_process_of(*state, IK_USER + 1));
	(void)ik_device();
	assert_int_equal(count_left(*state, ik_recorder.kernel_device), HANDLES - 2);
}

/* What the driver forgets goes with the device, however that goes. */
static void charges_end_with_the_device(void **state)
{
	struct kmt_connection *process;
	D3DKMT_HANDLE device;
	HANDLE first;

	ik_process(*state);
	(void)ik_device();
	first = ik_recorder.kernel_device;
	process = ik_process(*state);
	device = ik_device();
	assert_true(charge(*state, ik_recorder.kernel_device, 10));
	assert_int_equal(count_left(*state, first), HANDLES - 4 - 10);
	assert_int_equal(ik_destroy_device(device), STATUS_SUCCESS);
	assert_int_equal(count_left(*state, first), HANDLES - 3);

	ik_recorder.charge_in_create = 10;
	(void)ik_device();
	assert_true(ik_recorder.charged);
	assert_int_equal(count_left(*state, first), HANDLES - 5 - 10);
	ik_kill(*state, process);
	assert_int_equal(count_left(*state, first), HANDLES - 2);
}

static void charges_end_with_a_device_that_is_not_made(void **state)
{
	D3DKMT_CREATEDEVICE arg = { 0 };
	HANDLE first;

	ik_process(*state);
	(void)ik_device();
	first = ik_recorder.kernel_device;
	arg.hAdapter = ik_adapter();
	ik_recorder.charge_in_create = 10;
	ik_recorder.create_device_status = STATUS_NO_MEMORY;
	assert_int_equal(D3DKMTCreateDevice(&arg), STATUS_NO_MEMORY);
	assert_true(ik_recorder.charged);
	assert_int_equal(count_left(*state, first), HANDLES - 3);
}

/* ---- the compositor ------------------------------------------------------------------------------------------------ */

static UINT64 compositor(struct ik *ik)
{
	HANDLE process;

	ik_settle(ik);
	(void)ik_acquire(ik);
	process = ik_recorder.interface->GetCompositor(ik_recorder.interface->DeviceHandle);
	ik_release(ik);
	return (uintptr_t)process;
}

static UINT64 token(void)
{
	UINT64 token = 0;

	assert_int_equal(DxvaultGetProcessToken(&token), STATUS_SUCCESS);
	return token;
}

static void an_operator_designates_the_compositor(void **state) /* AC-133 */
{
	struct kmt_connection *first, *again, *operator;
	UINT64 tokens[2];

	first = ik_process(*state);
	tokens[0] = token();
	again = ik_process_again(*state);
	ik_process(*state);
	tokens[1] = token();
	operator= ik_process_of(*state, geteuid());
	assert_int_equal(compositor(*state), 0);
	assert_int_equal(DxvaultDesignateCompositor(tokens[0]), STATUS_SUCCESS);
	assert_int_equal(compositor(*state), tokens[0]);
	assert_int_equal(DxvaultDesignateCompositor(tokens[0]), STATUS_SUCCESS);
	assert_int_equal(DxvaultDesignateCompositor(tokens[1]), STATUS_SUCCESS);
	assert_int_equal(compositor(*state), tokens[1]);
	assert_int_equal(DxvaultDesignateCompositor(0), STATUS_SUCCESS);
	assert_int_equal(compositor(*state), 0);
	assert_int_equal(DxvaultDesignateCompositor(0), STATUS_SUCCESS);

	/* It ends with its process, and not before, and the role does not wait for anybody. */
	assert_int_equal(DxvaultDesignateCompositor(tokens[0]), STATUS_SUCCESS);
	ik_kill(*state, first);
	assert_int_equal(compositor(*state), tokens[0]);
	ik_kill(*state, again);
	assert_int_equal(compositor(*state), 0);
	kmt_connection_set(operator);
	assert_int_equal(DxvaultDesignateCompositor(tokens[0]), STATUS_INVALID_PARAMETER);
	assert_int_equal(compositor(*state), 0);
}

static void the_compositor_is_a_live_process(void **state) /* AC-133 */
{
	UINT64 mine;

	assert_non_null(ik_process_of(*state, geteuid()));
	mine = token();
	assert_int_equal(DxvaultDesignateCompositor(mine), STATUS_SUCCESS);
	assert_int_equal(DxvaultDesignateCompositor(mine + 1), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultDesignateCompositor((UINT64)getpid()), STATUS_INVALID_PARAMETER);
	assert_int_equal(DxvaultDesignateCompositor(UINT64_MAX), STATUS_INVALID_PARAMETER);
	assert_int_equal(compositor(*state), mine);
}

static void no_other_designates_the_compositor(void **state) /* AC-133 */
{
	UINT64 operators;

	ik_need_users();
	assert_non_null(ik_process_of(*state, geteuid()));
	operators = token();
	assert_int_equal(DxvaultDesignateCompositor(operators), STATUS_SUCCESS);
	assert_non_null(ik_process_of(*state, geteuid() + 1));
	assert_int_equal(DxvaultDesignateCompositor(token()), STATUS_ACCESS_DENIED);
	assert_int_equal(DxvaultDesignateCompositor(operators), STATUS_ACCESS_DENIED);
	assert_int_equal(DxvaultDesignateCompositor(0), STATUS_ACCESS_DENIED);
	assert_int_equal(DxvaultDesignateCompositor(1), STATUS_ACCESS_DENIED);
	assert_int_equal(compositor(*state), operators);
}

static void nobody_designates_when_the_service_is_gone(void **state)
{
	assert_non_null(ik_process_of(*state, geteuid()));
	ik_end_service(*state);
	assert_int_equal(DxvaultDesignateCompositor(0), STATUS_DEVICE_REMOVED);
}

/* ---- presents ------------------------------------------------------------------------------------------------------ */

static D3DKMT_PRESENT present_of(D3DKMT_HANDLE device)
{
	static struct ik_allocation_data data = { .size = 64 };
	D3DDDI_ALLOCATIONINFO2 allocation = { .pPrivateDriverData = &data, .PrivateDriverDataSize = sizeof(data) };
	D3DKMT_CREATEALLOCATION create = { .hDevice = device, .NumAllocations = 1, .pAllocationInfo2 = &allocation };
	D3DKMT_CREATECONTEXTVIRTUAL context = { .hDevice = device };

	create.Flags.CreateResource = 1;
	assert_int_equal(D3DKMTCreateAllocation2(&create), STATUS_SUCCESS);
	assert_int_equal(D3DKMTCreateContextVirtual(&context), STATUS_SUCCESS);
	return (D3DKMT_PRESENT) { .hContext = context.hContext, .hSource = allocation.hAllocation };
}

static void assert_rect(const RECT *rect, LONG left, LONG top, LONG right, LONG bottom)
{
	const RECT wanted = { left, top, right, bottom };

	assert_memory_equal(rect, &wanted, sizeof(wanted));
}

static void a_flip_is_said_to_be_one(void **state) /* AC-113 */
{
	D3DKMT_PRESENT present;

	ik_process(*state);
	present = present_of(ik_device());
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_false(ik_recorder.picture.is_flip);
	present.Flags.Flip = 1;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_true(ik_recorder.picture.is_flip);
	/* What else there is says nothing of it. */
	present.Flags.Value = 0xffffffffu;
	present.Flags.Flip = 0;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_false(ik_recorder.picture.is_flip);
}

static void without_rectangles_it_is_the_surface(void **state)
{
	D3DKMT_PRESENT present;

	ik_process(*state);
	present = present_of(ik_device());
	present.SrcRect = (RECT) { 1, 0, 5, 1 };
	present.DstRect = (RECT) { 10, 20, 30, 40 };
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_rect(&ik_recorder.picture.source, 0, 0, 16, 1);
	assert_rect(&ik_recorder.picture.destination, 0, 0, 16, 1);
	ik_recorder.rotation = D3DDDI_ROTATION_90;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_rect(&ik_recorder.picture.destination, 0, 0, 1, 16);
	present.Flags.SrcRectValid = 1;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_rect(&ik_recorder.picture.source, 1, 0, 5, 1);
	assert_rect(&ik_recorder.picture.destination, 0, 0, 1, 4);
	ik_recorder.rotation = D3DDDI_ROTATION_180;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_rect(&ik_recorder.picture.destination, 0, 0, 4, 1);
	present.Flags.DstRectValid = 1;
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
	assert_rect(&ik_recorder.picture.destination, 10, 20, 30, 40);
	/* The kernel does sums with them, whatever they are. */
	present.Flags.DstRectValid = 0;
	present.SrcRect = (RECT) { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX };
	assert_int_equal(D3DKMTPresent(&present), STATUS_SUCCESS);
}

int main(void)
{
#define CASE(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FEW_CASE(name) cmocka_unit_test_setup_teardown(name, setup_few_handles, teardown)
	const struct CMUnitTest tests[] = {
		FEW_CASE(charges_count_as_handles),
		FEW_CASE(charges_are_the_users),
		FEW_CASE(charges_end_with_the_device),
		FEW_CASE(charges_end_with_a_device_that_is_not_made),
		CASE(an_operator_designates_the_compositor),
		CASE(the_compositor_is_a_live_process),
		CASE(no_other_designates_the_compositor),
		CASE(nobody_designates_when_the_service_is_gone),
		CASE(a_flip_is_said_to_be_one),
		CASE(without_rectangles_it_is_the_surface),
	};

	return cmocka_run_group_tests(tests, NULL, ik_group_teardown);
}
