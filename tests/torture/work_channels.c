/* SPDX-License-Identifier: MIT */
/* A worker of the fault campaign: authenticated channels, whose answers are good, or refused because of a loss. */
#include "torture/worker.h"

#include "tools/channel.h"

enum { TURNS = 40 };

struct talk {
	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_session *session; /* tells of losses */
	struct channel *channel;
	bool is_protected;
};

static bool has_lost(const struct talk *talk)
{
	D3DKMT_QUERYPROTECTEDSESSIONSTATUS query = { .hHandle = rt_session_kernel_handle(talk->session) };

	return D3DKMTQueryProtectedSessionStatus(&query) != STATUS_SUCCESS ||
	       query.Status == D3DKMT_PROTECTED_SESSION_STATUS_INVALID || *rt_session_fence_value(talk->session) > 0;
}

static enum outcome judge(const struct talk *talk, const char *name, enum channel_result result)
{
	switch (result) {
	case CHANNEL_OK:
		worker.page->answers++;
		return DONE;
	case CHANNEL_REFUSED:
		if (channel_code(talk->channel) != D3DDDIERR_DEVICEREMOVED && has_lost(talk)) {
			worker.page->losses++;
			return KEYLESS;
		}
		return worker_judge(name, channel_code(talk->channel), false);
	case CHANNEL_FAILED:
		return worker_no_memory(name);
	default:
		worker_fail("%s: an answer that is %s", name, result == CHANNEL_FORGED ? "forged" : "another call's");
	}
}

static enum outcome exchange(struct talk *talk)
{
	struct trust *trust;
	enum outcome outcome = worker_trust(talk->adapter, D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL,
					    "the channels' certificate", &trust);

	if (outcome == DONE)
		outcome = judge(talk, "the channel's key",
				TIMED("AuthenticatedChannelKeyExchange", channel_exchange(talk->channel, trust)));
	trust_free(trust);
	return outcome;
}

static enum outcome open_talk(struct talk *talk)
{
	enum outcome outcome = TRY("OpenAdapter", rt_adapter_open(NULL, &talk->adapter), false);

	if (outcome == DONE)
		outcome = TRY("CreateDevice", rt_device_create(talk->adapter, &talk->device), false);
	if (outcome == DONE)
		outcome = TRY("CreateCryptoSession",
			      rt_session_create(talk->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0,
						&talk->session),
			      false);
	if (outcome == DONE)
		outcome = TRY("CreateAuthenticatedChannel",
			      channel_create(rt_device_funcs(talk->device), rt_device_handle(talk->device),
					     DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &talk->channel),
			      false);
	if (outcome == DONE)
		outcome = exchange(talk);
	return outcome == DONE ? judge(talk, "INITIALIZE", TIMED("INITIALIZE", channel_initialize(talk->channel)))
			       : outcome;
}

/* Asking for it again is no mistake. */
static enum outcome configure(struct talk *talk)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION command = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		.Protections = { .ProtectionEnabled = 1 },
	};
	enum outcome outcome;

	outcome = judge(talk, "PROTECTION",
			TIMED("ConfigureAuthenticatedChannel",
			      channel_command(talk->channel, &command.Parameters, sizeof(command))));
	talk->is_protected |= outcome == DONE;
	return outcome;
}

static enum outcome query(struct talk *talk)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT output;
	D3DAUTHENTICATEDCHANNEL_QUERY_INPUT input = { .QueryType = D3DAUTHENTICATEDQUERY_PROTECTION };
	enum outcome outcome;

	outcome = judge(talk, "PROTECTION?",
			TIMED("QueryAuthenticatedChannel",
			      channel_query(talk->channel, &input, sizeof(input), &output.Output, sizeof(output))));
	if (outcome == DONE && talk->is_protected && !output.ProtectionFlags.ProtectionEnabled)
		worker_fail("protection is said to be off, and was switched on");
	return outcome;
}

enum outcome work_channels(void)
{
	struct talk talk = { 0 };
	enum outcome outcome = open_talk(&talk);

	for (int i = 0; outcome == DONE && i < TURNS && worker_goes_on(); i++) {
		outcome = worker_random(3) == 0 ? configure(&talk) : query(&talk);
		worker_pause((unsigned int)worker_random(6000));
	}
	worker_begin("closing");
	channel_destroy(talk.channel);
	rt_session_close(talk.session);
	rt_device_close(talk.device);
	rt_adapter_close(talk.adapter);
	worker_end();
	return outcome;
}
