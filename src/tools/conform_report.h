/* SPDX-License-Identifier: MIT */
/* What dxvault conform prints. */
#ifndef DXV_TOOLS_CONFORM_REPORT_H
#define DXV_TOOLS_CONFORM_REPORT_H

#include "conform/suite.h"

enum report_form { REPORT_TEXT, REPORT_VERBOSE, REPORT_TAP, REPORT_JSON };

/* Returns the exit status. */
int report_print(const struct cf_report *report, const struct cf_options *options, enum report_form form);
/* The rules and their tests. selected NULL: all that are in force. */
int report_list(const bool *selected);

/* ---- the forms ---- */

void report_text(const struct cf_report *report, const struct cf_options *options, bool is_verbose);
void report_tap(const struct cf_report *report, const struct cf_options *options);
void report_json(const struct cf_report *report, const struct cf_options *options);

/* How many rules of the family there are, DEC or AC, and why none of them is judged. */
size_t report_not_in_force(const char *family, const char **ret_why);
/* "held", "broken", "untested", "not judged", "not applicable". */
const char *report_verdict(enum cf_verdict verdict);

#endif
