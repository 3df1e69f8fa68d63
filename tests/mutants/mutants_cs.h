/* SPDX-License-Identifier: MIT */
/* The mutants of session key refresh and of the read-back key; mutants_cs.c lists them with the others. */
#ifndef DXV_TESTS_MUTANTS_CS_H
#define DXV_TESTS_MUTANTS_CS_H

#include "mutants_session.h"

/* Function in mutants_cs_keys.c, name, rules, is it strict. */
#define MUTANTS_OF_KEYS(ROW)                                                                  \
	ROW(finish_is_s_false, "finish-is-s-false", "CS-01", true)                            \
	ROW(null_device_is_the_last, "null-device-is-the-last", "CS-02", true)                \
	ROW(null_data_is_fine, "null-data-is-fine", "CS-03", true)                            \
	ROW(refresh_by_any_device, "refresh-by-any-device", "CS-05", false)                   \
	ROW(wrong_code_of_a_device, "wrong-code-of-a-device", "CS-05", true)                  \
	ROW(failed_start_takes_a_number, "failed-start-takes-a-number", "CS-06", true)        \
	ROW(size_is_written_back, "size-is-written-back", "CS-09", false)                     \
	ROW(left_out_is_notimpl, "left-out-is-notimpl", "CS-10 CS-61", false)                 \
	ROW(loss_goes_unnoticed, "loss-goes-unnoticed", "CS-13", true)                        \
	ROW(one_random_byte, "one-random-byte", "CS-14 CS-52", true)                          \
	ROW(constant_number, "constant-number", "CS-48 CS-14", false)                         \
	ROW(short_number, "short-number", "CS-48", false)                                     \
	ROW(refresh_at_start, "refresh-at-start", "CS-48", false)                             \
	ROW(any_number_size, "any-number-size", "CS-49", true)                                \
	ROW(failed_start_writes, "failed-start-writes", "CS-49", true)                        \
	ROW(null_number_is_fine, "null-number-is-fine", "CS-50", true)                        \
	ROW(long_number, "long-number", "CS-51", true)                                        \
	ROW(finish_does_nothing, "finish-does-nothing", "CS-52 CS-53", false)                 \
	ROW(finish_without_start, "finish-without-start", "CS-53", true)                      \
	ROW(number_is_not_consumed, "number-is-not-consumed", "CS-54", true)                  \
	ROW(start_without_a_key, "start-without-a-key", "CS-55", true)                        \
	ROW(second_start_is_refused, "second-start-is-refused", "CS-56", true)                \
	ROW(second_start_repeats, "second-start-repeats", "CS-56", true)                      \
	ROW(content_key_ignored, "content-key-ignored", "CS-57", false)                       \
	ROW(finish_drops_read_back_key, "finish-drops-read-back-key", "CS-58", true)          \
	ROW(history_outlives_refresh, "history-outlives-refresh", "CS-59", true)              \
	ROW(only_start_is_offered, "only-start-is-offered", "CS-61", false)                   \
	ROW(left_out_is_invalidcall, "left-out-is-invalidcall", "CS-61 CS-10", false)         \
	ROW(switch_one_blt_late, "switch-one-blt-late", "CS-62 CS-52", false)                 \
	ROW(same_read_back_key, "same-read-back-key", "CS-63 CS-14", false)                   \
	ROW(wrap_is_not_ecb, "wrap-is-not-ecb", "CS-64", false)                               \
	ROW(any_read_back_size, "any-read-back-size", "CS-65", true)                          \
	ROW(long_read_back_key, "long-read-back-key", "CS-65", true)                          \
	ROW(null_read_back_key, "null-read-back-key", "CS-66", true)                          \
	ROW(read_back_without_a_key, "read-back-without-a-key", "CS-67", true)                \
	ROW(no_read_back_while_pending, "no-read-back-while-pending", "CS-68", true)          \
	ROW(old_read_back_key_stays, "old-read-back-key-stays", "CS-69 CS-64", true)          \
	ROW(read_back_left_out_but_answers, "read-back-left-out-but-answers", "CS-70", false) \
	ROW(state_before_size, "state-before-size", "CS-71 CS-73", true)                      \
	ROW(offer_before_null, "offer-before-null", "CS-71", true)                            \
	ROW(session_before_offer, "session-before-offer", "CS-73 CS-71", true)                \
	ROW(second_start_ends_refresh, "second-start-ends-refresh", "CS-74 CS-56", true)

#define DECLARE_MUTANT(function, name, rules, is_strict) void function(D3DDDI_DEVICEFUNCS *funcs);
MUTANTS_OF_KEYS(DECLARE_MUTANT)
#undef DECLARE_MUTANT

/* Puts functions into slots, and tracking over them. */
#define MUTATE(name, slot, function)         \
	void name(D3DDDI_DEVICEFUNCS *funcs) \
	{                                    \
		funcs->slot = function;      \
		mutant_track(funcs);         \
	}
#define MUTATE_TWO(name, slot, function, other_slot, other_function) \
	void name(D3DDDI_DEVICEFUNCS *funcs)                         \
	{                                                            \
		funcs->slot = function;                              \
		funcs->other_slot = other_function;                  \
		mutant_track(funcs);                                 \
	}

/* The device that the session was created on, whoever calls. */
HANDLE mutant_owner(HANDLE device, HANDLE session);

#endif
