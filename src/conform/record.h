/* SPDX-License-Identifier: MIT */
/* What the process of a test tells the suite: one packet for each check, so that a crash leaves no half line. */
#ifndef DXV_CONFORM_RECORD_H
#define DXV_CONFORM_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cf_record_kind {
	CF_RECORD_CHECK = 1,	  /* rule, call, got, wanted, calls */
	CF_RECORD_NOT_APPLICABLE, /* rule, got: why */
	CF_RECORD_SKIP,		  /* got: why. The test has ended */
	CF_RECORD_GIVE_UP,	  /* got: why. The test has ended */
	CF_RECORD_FAULT,	  /* got: what is wrong with the suite itself */
	CF_RECORD_FACT,		  /* call: which; got: what. Of the probe, before all tests */
	CF_RECORD_DONE,		  /* the test came to its end */
};

/* By whose word the check is judged. */
enum cf_record_basis {
	CF_RECORD_PAGE,
	CF_RECORD_DECISION,
	CF_RECORD_FAILS, /* the page wants a failure, the decision a code */
};

/* What a check compares. */
enum cf_record_form {
	CF_RECORD_CODE,	     /* call: C text; got, wanted: codes */
	CF_RECORD_CONDITION, /* call: C text; got: what was seen */
	CF_RECORD_BYTES,     /* call: which bytes; got, wanted: from the first that differs on */
	CF_RECORD_END,	     /* got: how the test ended, without a check */
};

struct cf_record {
	enum cf_record_kind kind;
	enum cf_record_basis basis;
	enum cf_record_form form;
	bool held;				/* as the page wants it; of a decision's check, as that wants it */
	bool is_exact;				/* CF_RECORD_FAILS: it was the decision's code */
	const char *rule, *call, *got, *wanted; /* never NULL after cf_record_receive */
	const char *calls;			/* of the driver, since the check before; the same */
};

/* A room for one packet; the strings of a received record point into it. */
struct cf_record_buffer {
	_Alignas(8) char bytes[4096];
};

/* 0 or a negative errno value. Strings that are too long are cut; NULL is "". Any thread. */
int cf_record_send(int socket, const struct cf_record *record);
/* 1: there is one; 0: the other end is closed; -EBADMSG: not one of ours; or another negative errno value. */
int cf_record_receive(int socket, struct cf_record_buffer *buffer, struct cf_record *ret);

#endif
