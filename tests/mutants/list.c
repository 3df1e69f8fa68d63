/* SPDX-License-Identifier: MIT */
/* mutant-list: a line a mutant: its name, "strict" or "page", the rule that must be reported broken, its other rules. */
#include "mutant.h"

#include <stdio.h>
#include <string.h>

static const struct mutant *const families[] = { MUTANT_FAMILIES };

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

static unsigned int count_of(const char *name)
{
	unsigned int count = 0;

	for (size_t i = 0; i < FAMILIES; i++) {
		for (const struct mutant *m = families[i]; m->name; m++)
			count += strcmp(m->name, name) == 0;
	}
	return count;
}

int main(void)
{
	int result = 0;

	for (size_t i = 0; i < FAMILIES; i++) {
		for (const struct mutant *m = families[i]; m->name; m++) {
			printf("%s %s %s\n", m->name, m->is_strict ? "strict" : "page", m->rules);
			/* Of two with one name only one would ever run. */
			if (count_of(m->name) != 1) {
				fprintf(stderr, "mutant-list: two mutants are called %s\n", m->name);
				result = 1;
			}
		}
	}
	return result;
}
