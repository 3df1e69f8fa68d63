/* SPDX-License-Identifier: MIT */
/* What the tests said, gathered by rule, and the verdicts. */
#ifndef DXV_CONFORM_TALLY_H
#define DXV_CONFORM_TALLY_H

#include "conform/process.h"
#include "conform/suite.h"

struct cf_tally;

/* selected: as in struct cf_options. */
struct cf_tally *cf_tally_create(bool is_strict, const bool *selected);
void cf_tally_free(struct cf_tally *tally);

/* What comes between begin and end is of that test. */
void cf_tally_begin(struct cf_tally *tally, const struct cf_test *test);
void cf_tally_record(struct cf_tally *tally, const struct cf_record *record);
/* in_call: the function of the driver that ran at the end; "": none. */
void cf_tally_end(struct cf_tally *tally, const struct cf_process_result *result, unsigned int seconds,
		  const char *in_call);
void cf_tally_fault(struct cf_tally *tally, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves what was gathered into the report. */
void cf_tally_judge(struct cf_tally *tally, struct cf_report *report);

#endif
