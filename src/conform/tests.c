/* SPDX-License-Identifier: MIT */
/* All tests, all rules, and which belong together. */
#include "conform/rules.h"

#include <string.h>

static const struct cf_group *const families[] = { cf_groups_cs, cf_groups_blt, cf_groups_cap, cf_groups_ac };
static const struct cf_unseen *const unseen[] = { cf_unseen_cs, cf_unseen_blt, cf_unseen_cap, cf_unseen_ac };

int cf_rule_index(const char *id, size_t length)
{
	for (size_t i = 0; i < cf_rule_count; i++) {
		if (strncmp(cf_rules[i].id, id, length) == 0 && cf_rules[i].id[length] == '\0')
			return (int)i;
	}
	return -1;
}

const struct cf_rule *cf_rule_find(const char *id)
{
	int index = cf_rule_index(id, strlen(id));

	return index < 0 ? NULL : &cf_rules[index];
}

bool cf_rule_is_of(const struct cf_rule *rule, const char *family)
{
	size_t length = strlen(family);

	return strncmp(rule->id, family, length) == 0 && rule->id[length] == '-';
}

const char *cf_rule_why_not_in_force(const struct cf_rule *rule)
{
	if (cf_rule_is_of(rule, "DEC"))
		return "decoding is not in force yet";
	return NULL;
}

bool cf_rule_is_in_force(const struct cf_rule *rule)
{
	return !cf_rule_why_not_in_force(rule);
}

const char *cf_rule_why_unseen(const struct cf_rule *rule)
{
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		for (const struct cf_unseen *at = unseen[i]; at->rule; at++) {
			if (strcmp(at->rule, rule->id) == 0)
				return at->why;
		}
	}
	return NULL;
}

void cf_tests_visit(void (*visit)(const struct cf_test *test, void *context), void *context)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (const struct cf_group *group = families[i]; group->name; group++) {
			for (const struct cf_test *test = group->tests; test->name; test++)
				visit(test, context);
		}
	}
}

const char *cf_rule_names_next(const char *at, size_t *ret_length)
{
	at += strspn(at, " ");
	*ret_length = strcspn(at, " ");
	return *ret_length > 0 ? at : NULL;
}

bool cf_test_lists(const struct cf_test *test, const char *rule)
{
	size_t length, wanted = strlen(rule);

	for (const char *at = test->rules; (at = cf_rule_names_next(at, &length)); at += length) {
		if (length == wanted && memcmp(at, rule, length) == 0)
			return true;
	}
	return false;
}
