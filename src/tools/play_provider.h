/* SPDX-License-Identifier: MIT */
/* The provider's parts, and what they share: session, channel, surfaces, the way to the presenter, the film. */
#ifndef DXV_TOOLS_PLAY_PROVIDER_H
#define DXV_TOOLS_PLAY_PROVIDER_H

#include "runtime/runtime.h"
#include "tools/play.h"
#include "tools/play_channel.h"
#include "tools/play_wire.h"

#include <openssl/evp.h>

/* Functions that return int say what is wrong, once, and give the code that dxvault play ends with: EXIT_SUCCESS to go on. */
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
	uint64_t shown;
	bool is_playing; /* the first picture may go */
	bool lost;
};

/* ---- play_link.c: the way to the presenter, and what is said when something ends ------------------------------- */

/* Nothing is said; code is handed on. */
int provider_stop(struct provider *provider, int code);
/* A call failed: says why, by the deepest cause that is known. */
int provider_fail_call(struct provider *provider, const char *what, HRESULT result);
/* Whether the protected session reads INVALID; and what is said then. */
bool provider_session_is_invalid(struct provider *provider);
int provider_report_loss(struct provider *provider);
/* The channel has a problem. The presenter shows nothing after that. */
int provider_fail_channel(struct provider *provider);

/* nt_handle: a descriptor to send along, or -1. */
int provider_say(struct provider *provider, const struct play_message *message, int nt_handle);
/* What the presenter has said; wait: until it says something. Watches for Ctrl-C and over the protection meanwhile. */
int provider_listen(struct provider *provider, bool wait, bool *ret_done);

/* ---- play_session.c: driver, certificates, session, channel ----------------------------------------------------- */

int provider_open_session(struct provider *provider);
/* The presenter's process, and no other, may open what is shared from now on. */
int provider_admit_presenter(struct provider *provider);

/* ---- play_surface.c --------------------------------------------------------------------------------------------- */

int provider_make_surfaces(struct provider *provider);
int provider_share_all(struct provider *provider);
/* What holds the pictures is known once the surfaces are there. */
int provider_check_memory(struct provider *provider, DXVAULT_SERVICE_INFO *ret);

#endif
