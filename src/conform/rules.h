/* SPDX-License-Identifier: MIT */
/* The rulebook as a table, made from docs/rules when dxvault is built, and who tests which rule. */
#ifndef DXV_CONFORM_RULES_H
#define DXV_CONFORM_RULES_H

#include "conform/conform.h"

/* By whose word a rule stands. */
enum cf_rule_basis {
	CF_RULE_PAGE,	  /* a page of Microsoft's */
	CF_RULE_PARTLY,	  /* the page, with decisions of this project's in it */
	CF_RULE_DECISION, /* this project's decision alone */
};

struct cf_rule {
	const char *id;
	const char *text;	/* plain, without Markdown */
	const char *observable; /* what to call, and what comes */
	const char *source;	/* keys: docs/rules/crypto-session.md */
	enum cf_rule_basis basis;
};

/* What a key in a source stands for. */
struct cf_source {
	const char *key;
	const char *meaning;
};

/* Ends with a NULL key. */
extern const struct cf_source cf_sources[];

/* By family in the order CS, BLT, CAP, DEC, AC, then by number. */
extern const struct cf_rule cf_rules[];
extern const size_t cf_rule_count;

/* NULL: there is none. */
const struct cf_rule *cf_rule_find(const char *id);
/* The index in cf_rules of a rule's name that is length bytes long; -1: there is none. */
int cf_rule_index(const char *id, size_t length);

/* Whether it is one of CS, BLT, CAP, DEC, AC. */
bool cf_rule_is_of(const struct cf_rule *rule, const char *family);
/* Rules that the suite judges; the others' subject is not in force: why, in a line. */
bool cf_rule_is_in_force(const struct cf_rule *rule);
const char *cf_rule_why_not_in_force(const struct cf_rule *rule);

/* Why no caller of the DDI can see it; NULL: a test shows it. */
const char *cf_rule_why_unseen(const struct cf_rule *rule);

/* Calls visit for each test of the suite, in their order. */
void cf_tests_visit(void (*visit)(const struct cf_test *test, void *context), void *context);
/* Steps through "CS-38 BLT-123": the next name, whose length goes to *ret_length; NULL at the end. */
const char *cf_rule_names_next(const char *at, size_t *ret_length);
bool cf_test_lists(const struct cf_test *test, const char *rule);

#endif
