/* SPDX-License-Identifier: MIT */
/* Rules of blt.md that need more than one process, on the whole stack. */
#include "kernel_fixture_stack.h"

#include <unistd.h>

static const struct ik_options real = { .real_driver = true };

static int setup(void **state)
{
	*state = ik_start(&real);
	ik_process(*state);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

static int share_restricted(struct st *st, struct rt_resource **ret)
{
	const struct rt_surface surface = st_surface(D3DDDIFMT_A8R8G8B8, 16, 1);
	const D3DDDI_RESOURCEFLAGS flags = { .SharedResource = 1, .RestrictSharedAccess = 1 };
	int nt_handle;

	assert_int_equal(rt_resource_create_protected(st->device, &surface, flags, ret), S_OK);
	assert_int_equal(rt_resource_share(*ret, &nt_handle), S_OK);
	return nt_handle;
}

/* BLT-109: all devices of the creating process, and no other process, not even when the creator is gone. */
static void restricted_sharing_stays_in_the_process(void **state)
{
	struct kmt_connection *first = kmt_connection_get(), *second;
	struct rt_resource *resource, *opened;
	struct st st, same, other;
	int nt_handle;

	st_open(&st);
	nt_handle = share_restricted(&st, &resource);
	st_open(&same);
	assert_int_equal(rt_resource_open(same.device, nt_handle, &opened), S_OK);

	second = ik_process(*state);
	st_open(&other);
	assert_int_equal(rt_resource_open(other.device, nt_handle, &opened), E_ACCESSDENIED);

	/* The NT handle keeps the resource; its owner's devices go, and a new one may open it again. */
	kmt_connection_set(first);
	st_close(&same);
	st_close(&st);
	kmt_connection_set(second);
	assert_int_equal(rt_resource_open(other.device, nt_handle, &opened), E_ACCESSDENIED);
	kmt_connection_set(first);
	st_open(&st);
	assert_int_equal(rt_resource_open(st.device, nt_handle, &opened), S_OK);
	st_close(&st);

	/* Without its process nobody may; nor one that comes later, wherever its record lies in memory. */
	ik_kill(*state, first);
	ik_settle(*state);
	for (int i = 0; i < 20; i++) {
		ik_process(*state);
		st_open(&st);
		assert_int_equal(rt_resource_open(st.device, nt_handle, &opened), E_ACCESSDENIED);
		st_close(&st);
	}
	kmt_connection_set(second);
	assert_int_equal(rt_resource_open(other.device, nt_handle, &opened), E_ACCESSDENIED);
	st_close(&other);
	close(nt_handle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(restricted_sharing_stays_in_the_process, setup, teardown),
	};

	return cmocka_run_group_tests_name("rules_blt", tests, NULL, ik_group_teardown);
}
