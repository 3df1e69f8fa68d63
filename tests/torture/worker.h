/* SPDX-License-Identifier: MIT */
/* What the workers of the fault campaign share: the clock of their operations, and which refusals are right. */
#ifndef DXV_TORTURE_WORKER_H
#define DXV_TORTURE_WORKER_H

#include "runtime/runtime.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct trust;

enum { WORKER_WRONG = 3, WORKER_PAGES_MAX = 64 };

/* One for each process, read by tests/torture/watch.py while it works: its layout stands there too. */
struct worker_page {
	_Atomic uint64_t sequence; /* odd: an operation is under way */
	_Atomic uint64_t begin;	   /* of it; ns of CLOCK_MONOTONIC */
	char name[32];		   /* of it */
	_Atomic uint64_t process;
	_Atomic uint64_t operations;
	_Atomic uint64_t pictures; /* that were read back and right */
	_Atomic uint64_t shown;
	_Atomic uint64_t losses;  /* of keys, or of the adapter or service, that this process met */
	_Atomic uint64_t refused; /* for want of memory or descriptors */
	_Atomic uint64_t rounds;
	_Atomic uint64_t waits;	  /* for fences of another process, that came */
	_Atomic uint64_t answers; /* of channels, with good tags */
	/* The campaign's orders. */
	_Atomic uint32_t stop;
	_Atomic uint32_t is_short; /* of memory or descriptors, here or in the service */
};

enum outcome {
	DONE,
	LOST,	  /* adapter or service: all handles are gone */
	KEYLESS,  /* the keys are lost */
	SHORTAGE, /* refused for want of something */
};

struct worker {
	struct worker_page *page;
	unsigned int number; /* of this worker, in all of the campaign */
	uint64_t random;
	int log;   /* operations that took long */
	int shown; /* what was handed to a screen */
	int schedule;
};

extern struct worker worker;

_Noreturn void worker_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t worker_now(void);
uint64_t worker_random(uint64_t below);
void worker_pause(unsigned int microseconds);
bool worker_goes_on(void);
/* In a forked child: the page behind its parent's is its own. */
void worker_become_child(void);

/* One operation, clocked. */
void worker_begin(const char *name);
void worker_end(void);
#define TIMED(name, call)               \
	({                              \
		worker_begin(name);     \
		__auto_type r = (call); \
		worker_end();           \
		r;                      \
	})

/* What an answer means. Ends the worker where no fault explains it. session: whose loss explains D3DDDIERR_INVALIDCALL. */
enum outcome worker_judge(const char *name, HRESULT result, bool keys_are_lost);
enum outcome worker_judge_status(const char *name, NTSTATUS status);
/* lost is asked after the call. */
#define TRY(name, call, lost)                         \
	({                                            \
		HRESULT answered = TIMED(name, call); \
		worker_judge(name, answered, (lost)); \
	})
#define TRY_KMT(name, call) worker_judge_status(name, TIMED(name, call))
/* This process itself had no memory. */
enum outcome worker_no_memory(const char *what);

/* The adapter's certificate of that kind, checked: what a key is wrapped for, or NULL. The caller frees it. */
enum outcome worker_trust(struct rt_adapter *adapter, D3DDDI_CERTIFICATETYPE type, const char *name,
			  struct trust **ret);

/* One round of each kind, from nothing to nothing. */
enum outcome work_pictures(void);
enum outcome work_sessions(void);
enum outcome work_channels(void);
enum outcome work_eating(void);

#endif
