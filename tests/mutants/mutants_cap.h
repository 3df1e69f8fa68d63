/* SPDX-License-Identifier: MIT */
/* The mutants of caps.md, over several files: how each puts its function into a table. */
#ifndef DXV_TESTS_MUTANTS_CAP_H
#define DXV_TESTS_MUTANTS_CAP_H

#include "mutant.h"

/* What mutants_cap.c lists: functions for struct mutant, by the member that they stand in. */
#define MUTANT_ADAPTER(name)   void name(D3DDDI_ADAPTERFUNCS *funcs)
#define MUTANT_DEVICE(name)    void name(D3DDDI_DEVICEFUNCS *funcs)
#define MUTANT_OPEN(name)      HRESULT name(D3DDDIARG_OPENADAPTER *arg)
#define MUTANT_CALLBACKS(name) void name(D3DDDI_DEVICECALLBACKS *callbacks)

/* A GetCaps, and the function that puts it into the table: mutant_NAME. Its body follows. */
#define GET_CAPS(name)                                                                            \
	static HRESULT APIENTRY name##_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData); \
	MUTANT_ADAPTER(mutant_##name)                                                             \
	{                                                                                         \
		funcs->pfnGetCaps = name##_get_caps;                                              \
	}                                                                                         \
	static HRESULT APIENTRY name##_get_caps(HANDLE hAdapter, const D3DDDIARG_GETCAPS *pData)

/* The real driver's. */
#define REAL_GET_CAPS(pData) mutant_real_adapter.pfnGetCaps(hAdapter, (pData))

/* mutants_cap_open.c */
MUTANT_OPEN(mutant_writes_behind_the_adapter_table);
MUTANT_OPEN(mutant_version_of_windows_8);
MUTANT_OPEN(mutant_version_of_vista);
MUTANT_OPEN(mutant_opens_for_anything);
MUTANT_OPEN(mutant_opens_without_a_table);
MUTANT_OPEN(mutant_one_adapter_for_all);
MUTANT_OPEN(mutant_asks_with_another_handle);
MUTANT_OPEN(mutant_never_asks);
MUTANT_ADAPTER(mutant_no_close_adapter);
MUTANT_ADAPTER(mutant_closes_with_devices);
MUTANT_ADAPTER(mutant_closed_adapter_answers);
MUTANT_ADAPTER(mutant_few_devices);
MUTANT_ADAPTER(mutant_looks_at_the_command_buffer);
MUTANT_ADAPTER(mutant_writes_behind_the_device_table);
MUTANT_ADAPTER(mutant_device_without_callbacks);
MUTANT_ADAPTER(mutant_context_at_creation);
MUTANT_ADAPTER(mutant_wants_all_callbacks);

/* mutants_cap_device.c */
MUTANT_DEVICE(mutant_half_a_table);
MUTANT_DEVICE(mutant_slots_swapped);
MUTANT_DEVICE(mutant_empty_slot);
MUTANT_DEVICE(mutant_does_what_it_cannot);
MUTANT_DEVICE(mutant_foreign_resource);
MUTANT_DEVICE(mutant_no_key_exchange);
MUTANT_DEVICE(mutant_third_answer);
MUTANT_DEVICE(mutant_bit_without_function);
MUTANT_DEVICE(mutant_unlock_does_nothing);
MUTANT_DEVICE(mutant_refused_lock_calls_back);
MUTANT_DEVICE(mutant_callback_code_passed_on);
MUTANT_CALLBACKS(mutant_keep_allocate_result);
MUTANT_CALLBACKS(mutant_leaks_allocations);
MUTANT_CALLBACKS(mutant_another_device_handle);
MUTANT_CALLBACKS(mutant_deallocates_by_list);

/* mutants_cap_query.c */
MUTANT_ADAPTER(mutant_no_protection_e_notimpl);
MUTANT_ADAPTER(mutant_types_swapped);
MUTANT_ADAPTER(mutant_buffer_of_its_own);
MUTANT_ADAPTER(mutant_structure_changed);
MUTANT_ADAPTER(mutant_short_buffer);
MUTANT_ADAPTER(mutant_no_condition);
MUTANT_ADAPTER(mutant_unknown_type_answered);
MUTANT_ADAPTER(mutant_memory_counts_down);
MUTANT_ADAPTER(mutant_half_an_answer);
MUTANT_ADAPTER(mutant_idct_not_available);
MUTANT_ADAPTER(mutant_profile_ignored);
MUTANT_ADAPTER(mutant_any_crypto_type);
MUTANT_ADAPTER(mutant_no_union);
MUTANT_ADAPTER(mutant_union_loses_a_bit);
MUTANT_ADAPTER(mutant_union_for_any_profile);
MUTANT_ADAPTER(mutant_union_of_another_alignment);
MUTANT_ADAPTER(mutant_output_on_failure);
MUTANT_ADAPTER(mutant_guid_twice);
MUTANT_ADAPTER(mutant_unknown_profile_answered);

/* mutants_cap_members.c */
MUTANT_ADAPTER(mutant_function_without_bit);
MUTANT_ADAPTER(mutant_neither_software_nor_hardware);
MUTANT_ADAPTER(mutant_hardware_too);
MUTANT_ADAPTER(mutant_client_chooses);
MUTANT_ADAPTER(mutant_direct3d_11_bit);
MUTANT_ADAPTER(mutant_read_back_bit_alone);
MUTANT_ADAPTER(mutant_key_exchange_of_its_own);
MUTANT_ADAPTER(mutant_alignment_of_24);
MUTANT_ADAPTER(mutant_alignment_of_0);
MUTANT_ADAPTER(mutant_blocks_of_0);
MUTANT_ADAPTER(mutant_no_memory);
MUTANT_ADAPTER(mutant_all_the_memory);
MUTANT_ADAPTER(mutant_padding_left);
MUTANT_DEVICE(mutant_session_counted);
MUTANT_ADAPTER(mutant_memory_of_sessions);

/* mutants_cap_certificate.c */
MUTANT_ADAPTER(mutant_size_of_64_bits);
MUTANT_ADAPTER(mutant_size_without_condition);
MUTANT_ADAPTER(mutant_size_too_large);
MUTANT_ADAPTER(mutant_certificate_cut);
MUTANT_ADAPTER(mutant_another_each_time);
MUTANT_ADAPTER(mutant_certificate_type_3);
MUTANT_ADAPTER(mutant_api_channel);
MUTANT_ADAPTER(mutant_hardware_channel);
MUTANT_ADAPTER(mutant_certificate_for_any_type);
MUTANT_ADAPTER(mutant_channels_for_sessions);
MUTANT_ADAPTER(mutant_key_of_1024_bits);
MUTANT_ADAPTER(mutant_exponent_3);
MUTANT_ADAPTER(mutant_root_first);
MUTANT_ADAPTER(mutant_root_left_out);
MUTANT_ADAPTER(mutant_root_of_its_own);
MUTANT_ADAPTER(mutant_one_leaf_for_both);

#endif
