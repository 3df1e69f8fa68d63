/* SPDX-License-Identifier: MIT */
/* What dxvault play asks of its authenticated channel: protection on, the presenter alone let in, and is it still so? */
#include "tools/play_channel.h"

#include <time.h>

/* Bits of D3DAUTHENTICATEDCHANNEL_PROTECTION_FLAGS: ProtectionEnabled and OverlayOrFullscreenRequired. */
enum { WANTED = 1u << 0 | 1u << 1 };
enum { PERIOD_MS = 1000 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool fail(struct play_channel *channel, const char *problem)
{
	channel->problem = problem;
	channel->code = S_OK;
	return false;
}

static bool is_good(struct play_channel *channel, enum channel_result result)
{
	switch (result) {
	case CHANNEL_OK:
		return true;
	case CHANNEL_REFUSED:
		channel->problem = "the driver refuses";
		channel->code = channel_code(channel->channel);
		return false;
	case CHANNEL_FORGED:
		return fail(channel, "the driver's answer is not authentic");
	case CHANNEL_FOREIGN:
		return fail(channel, "the driver's answer is one to another question");
	default:
		return fail(channel, "the driver can't be asked");
	}
}

/* A query that has no body, and whose answer has one number. */
#define ASK(channel, type, output)                                                                                \
	is_good(channel,                                                                                          \
		channel_query((channel)->channel, &(D3DAUTHENTICATEDCHANNEL_QUERY_INPUT) { .QueryType = (type) }, \
			      sizeof(D3DAUTHENTICATEDCHANNEL_QUERY_INPUT), &(output)->Output, sizeof(*(output))))

/* ---- before the film --------------------------------------------------------------------------------------- */

/* Whoever made the channel may have made another than was asked for. */
static bool check_type(struct play_channel *channel)
{
	D3DAUTHENTICATEDCHANNEL_QUERYCHANNELTYPE_OUTPUT type = { 0 };
	D3DAUTHENTICATEDCHANNEL_QUERYDEVICEHANDLE_OUTPUT device = { 0 };

	if (!ASK(channel, D3DAUTHENTICATEDQUERY_CHANNELTYPE, &type))
		return false;
	if (type.ChannelType != D3DAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE)
		return fail(channel, "the driver's channel is not of the type that was asked for");
	if (!ASK(channel, D3DAUTHENTICATEDQUERY_DEVICEHANDLE, &device))
		return false;
	return device.DeviceHandle ? true : fail(channel, "the driver's channel has no device");
}

static bool switch_on(struct play_channel *channel)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGUREPROTECTION command = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_PROTECTION,
		.Protections.Value = WANTED,
	};

	return is_good(channel, channel_command(channel->channel, &command.Parameters, sizeof(command)));
}

bool play_channel_open(struct play_channel *channel, const D3DDDI_DEVICEFUNCS *funcs, HANDLE device,
		       struct trust *trust)
{
	HRESULT result = channel_create(funcs, device, DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE, &channel->channel);

	if (result != S_OK) {
		channel->problem = "the driver gives no authenticated channel";
		channel->code = result;
		return false;
	}
	return is_good(channel, channel_exchange(channel->channel, trust)) &&
	       is_good(channel, channel_initialize(channel->channel)) && check_type(channel) && switch_on(channel);
}

void play_channel_close(struct play_channel *channel)
{
	channel_destroy(channel->channel);
	channel->channel = NULL;
}

bool play_channel_admit(struct play_channel *channel, uint64_t token)
{
	D3DAUTHENTICATEDCHANNEL_CONFIGURESHAREDRESOURCE command = {
		.Parameters.ConfigureType = D3DAUTHENTICATEDCONFIGURE_SHAREDRESOURCE,
		.ProcessIdentiferType = PROCESSIDTYPE_HANDLE,
		.ProcessHandle = (HANDLE)(uintptr_t)token,
		.AllowAccess = TRUE,
	};
	D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESSCOUNT_OUTPUT count = { 0 };
	D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESS_INPUT which = {
		.Input.QueryType = D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESS,
	};
	D3DAUTHENTICATEDCHANNEL_QUERYRESTRICTEDSHAREDRESOURCEPROCESS_OUTPUT process = { 0 };

	if (!is_good(channel, channel_command(channel->channel, &command.Parameters, sizeof(command))) ||
	    !ASK(channel, D3DAUTHENTICATEDQUERY_RESTRICTEDSHAREDRESOURCEPROCESSCOUNT, &count) ||
	    !is_good(channel,
		     channel_query(channel->channel, &which.Input, sizeof(which), &process.Output, sizeof(process))))
		return false;
	if (count.NumRestrictedSharedResourceProcesses != 1 || process.ProcessIdentifer != PROCESSIDTYPE_HANDLE ||
	    process.ProcessHandle != command.ProcessHandle)
		return fail(channel, "another process than the presenter may open the surfaces");
	return true;
}

bool play_channel_check_surfaces(struct play_channel *channel)
{
	D3DAUTHENTICATEDCHANNEL_QUERYUNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT_OUTPUT count = { 0 };

	if (!ASK(channel, D3DAUTHENTICATEDQUERY_UNRESTRICTEDPROTECTEDSHAREDRESOURCECOUNT, &count))
		return false;
	if (count.NumUnrestrictedProtectedSharedResources != 0)
		return fail(channel, "any process may open a surface");
	return true;
}

/* ---- while it plays ------------------------------------------------------------------------------------------ */

bool play_channel_check(struct play_channel *channel, double film)
{
	D3DAUTHENTICATEDCHANNEL_QUERYPROTECTION_OUTPUT protection = { 0 };

	if (!ASK(channel, D3DAUTHENTICATEDQUERY_PROTECTION, &protection))
		return false;
	if ((protection.ProtectionFlags.Value & WANTED) != WANTED)
		return fail(channel, "it is switched off");
	channel->checks++;
	channel->checked_ms = now_ms();
	channel->checked_film = film;
	return true;
}

bool play_channel_is_due(const struct play_channel *channel, double film)
{
	return film - channel->checked_film >= PERIOD_MS / 1000.0 || now_ms() - channel->checked_ms >= PERIOD_MS;
}
