/* SPDX-License-Identifier: MIT */
/* The parts of dxvault play: options, processes, the provider, what the user sees. */
#ifndef DXV_TOOLS_PLAY_H
#define DXV_TOOLS_PLAY_H

#include "tools/film.h"

#include <dxvault/dxvault.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PLAY_KEYS_MAX = 16, PLAY_LOSSES_MAX = 64 };

enum play_cause {
	PLAY_NO_LOSS,
	PLAY_LOSS_KEYS,	   /* the session's, and the channel's */
	PLAY_LOSS_DEVICE,  /* the adapter, with all handles */
	PLAY_LOSS_MEMORY,  /* protected memory is used up when the surfaces have to be made anew */
	PLAY_LOSS_SERVICE, /* it went away, or cut one of the two off */
};

/* What the film is to go through at a picture, counted from 1. */
struct play_order {
	enum play_cause cause;
	uint64_t at;
};

struct play_options {
	const char *file;
	struct film_key keys[PLAY_KEYS_MAX];
	size_t key_count;
	const char *screen; /* folder; NULL: none */
	const char *trust;  /* certificate file of the trust anchor; NULL: what the service says */
	bool json;
	bool strict;
	struct play_order orders[PLAY_LOSSES_MAX];
	size_t order_count;
};

/* play.c: the one name that the module exports. Arguments and result as of main. */
__attribute__((visibility("default"))) int play_run(int argc, char **argv);

/* play_processes.c: the presenter, and with a screen or an ordered loss a service of this film alone. */
struct play_processes {
	pid_t service; /* 0: the shared one is used */
	pid_t presenter;
	int socket; /* to the presenter */
};

/* Starts what is needed and lets this process and the presenter connect. Prints what is wrong; 0 or -1. */
int play_processes_start(const struct play_options *options, struct play_processes *ret);
/* Whether a service of this film's own gave up by itself: it has then said why, on the same standard error. */
bool play_processes_service_told(struct play_processes *processes);
/* Kills the presenter: when this returns it shows nothing any more. */
void play_processes_stop_presenter(struct play_processes *processes);
/*
 * Waits for both to leave, which they do once this process has closed its ends; whoever does not is killed after some
 * seconds. Returns 0, or -1 if the service could not finish the screen's files.
 */
int play_processes_finish(struct play_processes *processes);

/* play_provider.c */
struct play_loss {
	enum play_cause cause;
	bool is_ordered;
	uint64_t at;	      /* ordered: that picture; else the last that had been handed to the presenter */
	uint64_t seen_before; /* the presenter noticed before it showed this picture; 0: it did not */
	bool read_invalid;    /* the status, when it noticed */
	uint64_t black;	      /* pictures in whose place the screen showed black */
	uint64_t absent;      /* in whose place it showed nothing new */
	double key_ms;	      /* from the loss, as the provider noticed it, to a new key */
	uint64_t resumed;     /* the first picture under that; 0: the film was at its end */
	uint64_t claimed;     /* protected bytes that were claimed until there was no more */
};

struct play_result {
	uint64_t sent;
	uint64_t presented;
	double seconds;
	D3DKMT_PROTECTED_SESSION_STATUS status; /* of the session, behind the film */
	struct play_loss losses[PLAY_LOSSES_MAX];
	uint64_t loss_count;	      /* may be larger: the first ones are kept */
	uint64_t checks;	      /* how often the channel said that protection is on */
	bool channel_key_is_locked;   /* in memory */
	DXVAULT_SERVICE_INFO service; /* while the film played */
};

/* Set by SIGINT and SIGTERM. */
extern volatile sig_atomic_t play_interrupted;

/* Plays the film to the presenter. Prints what is wrong; EXIT_SUCCESS, EXIT_FAILURE or EXIT_INTERRUPTED. */
int play_provide(const struct play_options *options, struct film *film, struct play_processes *processes,
		 struct play_result *ret);

/* play_report.c */
int64_t play_now_ms(void); /* CLOCK_MONOTONIC */

struct play_progress {
	bool active;
	bool is_terminal;
	uint64_t total; /* 0: unknown */
	int64_t last_ms;
	unsigned int last_tenth;
};

void play_progress_start(struct play_progress *progress, const struct play_options *options, uint64_t total);
void play_progress_update(struct play_progress *progress, uint64_t shown);
/* Leaves the line free for what comes next. */
void play_progress_end(struct play_progress *progress);
void play_report(const struct play_options *options, const struct film_info *film, const struct play_result *result);

#endif
