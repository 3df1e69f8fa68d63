/* SPDX-License-Identifier: MIT */
/* The provider's parts, and what they share: session, channel, surfaces, the way to the presenter, the film. */
#ifndef DXV_TOOLS_PLAY_PROVIDER_H
#define DXV_TOOLS_PLAY_PROVIDER_H

#include "runtime/runtime.h"
#include "tools/play.h"
#include "tools/play_channel.h"
#include "tools/play_wire.h"

#include <openssl/evp.h>

/*
 * Functions that return int say what is wrong, once, and give the code that dxvault play ends with: EXIT_SUCCESS to go on.
 * Once there was an adapter they may give PROVIDER_LOST instead, and say nothing: provider_recover is for that.
 */
enum { PROVIDER_LOST = -1, PROVIDER_NO_MEMORY = -2 };

struct provider {
	const struct play_options *options;
	struct film *film;
	const struct film_info *info;
	struct play_processes *processes;
	struct play_progress progress;

	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_session *session;
	struct play_channel channel;
	struct rt_resource *surfaces[PLAY_SURFACES];
	bool surface_is_free[PLAY_SURFACES];
	struct rt_resource *system; /* the encrypted picture on its way */
	uint8_t *system_memory;
	size_t size; /* linear bytes of a surface */
	uint32_t pitch;

	EVP_CIPHER_CTX *cipher; /* holds the session key */
	uint8_t *picture;	/* the clear one */
	uint64_t next_iv;
	uint64_t presenter; /* its process token; 0: it has not told it */
	double position;    /* seconds into the film */
	uint64_t sent;
	uint64_t answered; /* the last picture that the presenter has dealt with */
	uint64_t shown;
	bool can_recover; /* there was an adapter */
	bool is_playing;  /* the first picture may go */

	/* Losses: play_loss.c */
	struct play_result *result;
	struct play_loss *loss;	      /* the present one; NULL: there is none */
	struct play_loss *recovered;  /* the last one, until a picture goes */
	struct play_loss loss_beyond; /* one that result has no room for */
	double loss_start;
	uint64_t losses;     /* the fence's value under which pictures are written */
	uint32_t generation; /* how often all was made anew */
	bool loss_is_heard;  /* the presenter has told of it */
	bool is_whole;	     /* the presenter has all that there is to have */
	bool expects_loss;   /* that it tells of it is no news */
	bool is_recovering;
	bool is_starving;      /* that there is no memory is what was ordered */
	int64_t deadline_ms;   /* for the presenter; 0: none */
	unsigned int attempts; /* to recover, since the last picture */
};

/* ---- play_link.c: the way to the presenter, and what is said when something ends ------------------------------- */

/* Nothing is said; code is handed on. */
int provider_stop(struct provider *provider, int code);
/* A call failed: says why, by the deepest cause that is known. */
int provider_fail_call(struct provider *provider, const char *what, HRESULT result);
/* Whether there was a loss since the session's key; and what is said where the film can't go on. */
bool provider_is_lost(struct provider *provider);
int provider_report_loss(struct provider *provider);
/* The channel has a problem. The presenter shows nothing after that. */
int provider_fail_channel(struct provider *provider);
/* The channel does not let the presenter in. */
int provider_fail_admission(struct provider *provider);

/* Ends the presenter, and hears what it had said. */
void provider_dismiss_presenter(struct provider *provider);

/* nt_handle: a descriptor to send along, or -1. */
int provider_say(struct provider *provider, const struct play_message *message, int nt_handle);
/* What the presenter has said; wait: until it says something. Watches for Ctrl-C and over the protection meanwhile. */
int provider_listen(struct provider *provider, bool wait, bool *ret_done);

/* ---- play_session.c: driver, certificates, session, channel ----------------------------------------------------- */

int provider_open_session(struct provider *provider);
/* A new key for the same session, and a new channel (CS-13). */
int provider_renew_keys(struct provider *provider);
/* The presenter's process, and no other, may open what is shared from now on. */
int provider_admit_presenter(struct provider *provider);

/* ---- play_surface.c --------------------------------------------------------------------------------------------- */

/* Tells the presenter what a black picture has to be like. */
int provider_describe_screen(struct provider *provider);
int provider_make_surfaces(struct provider *provider);
void provider_close_surfaces(struct provider *provider);
int provider_share_all(struct provider *provider);
/* What holds the pictures is known once the surfaces are there. */
int provider_check_memory(struct provider *provider, DXVAULT_SERVICE_INFO *ret);

/* ---- play_loss.c: content is lost, and brought back ------------------------------------------------------------- */

/* The loss that is under way; else a new one of this cause. */
struct play_loss *provider_loss(struct provider *provider, enum play_cause cause, bool is_ordered);
/* Makes keys or adapter be lost, at the picture that goes next. */
int provider_lose(struct provider *provider, enum play_cause cause);
/* What the presenter has told of a loss; of a picture; and that one goes to it. */
void provider_note_loss(struct provider *provider, const struct play_message *message);
void provider_note_outcome(struct provider *provider, const struct play_message *message);
void provider_note_sent(struct provider *provider);
/* Waits until the presenter has given back all surfaces. */
int provider_wait_idle(struct provider *provider);
/* After PROVIDER_LOST: brings keys, or everything, back. EXIT_SUCCESS: the film can go on. */
int provider_recover(struct provider *provider);

/* All but the film and the presenter; connect and equip are its parts with and without surfaces. */
void provider_close(struct provider *provider);
int provider_connect(struct provider *provider);
int provider_equip(struct provider *provider);
/* Behind a loss, with all of it there: is it protected? Then the loss is over. */
int provider_resume(struct provider *provider);

/* ---- play_starve.c ---------------------------------------------------------------------------------------------- */

/* Makes everything anew, and finds no protected memory for the surfaces: this picture is black. Then there is some again. */
int provider_starve(struct provider *provider, struct play_message *picture);

#endif
