/* SPDX-License-Identifier: MIT */
/* A worker of the fault campaign: takes all it can get, of the service and of its own descriptors, then gives it back or dies. */
#include "torture/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SHARES = 200, SURFACES = 64, DESCRIPTORS = 512, SIDE = 1024 };

struct eaten {
	struct rt_adapter *adapter;
	struct rt_device *device;
	struct rt_session *session;
	int shares[SHARES];
	int share_count;
	struct rt_resource *surfaces[SURFACES];
	int surface_count;
	int descriptors[DESCRIPTORS];
	int descriptor_count;
};

/* Up to what the service grants: the campaign's settings leave room for some. */
static enum outcome eat_surfaces(struct eaten *eaten)
{
	struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = SIDE, .height = SIDE };

	while (eaten->surface_count < SURFACES) {
		HRESULT result = TIMED("CreateResource, until there is none",
				       rt_resource_create_protected(eaten->device, &surface,
								    (D3DDDI_RESOURCEFLAGS) { .Value = 0 },
								    &eaten->surfaces[eaten->surface_count]));

		if (result == E_OUTOFMEMORY) {
			worker.page->refused++;
			return DONE;
		}
		if (result != S_OK)
			return worker_judge("CreateResource, until there is none", result, false);
		eaten->surface_count++;
	}
	return DONE;
}

static enum outcome eat_shares(struct eaten *eaten)
{
	while (eaten->share_count < SHARES) {
		HRESULT result = TIMED("ShareObjects",
				       rt_session_share(eaten->session, &eaten->shares[eaten->share_count]));

		if (result == E_OUTOFMEMORY) {
			worker.page->refused++;
			return DONE;
		}
		if (result != S_OK)
			return worker_judge("ShareObjects", result, false);
		eaten->share_count++;
	}
	return DONE;
}

static void eat_descriptors(struct eaten *eaten)
{
	while (eaten->descriptor_count < DESCRIPTORS) {
		int one = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (one < 0)
			return;
		eaten->descriptors[eaten->descriptor_count++] = one;
	}
}

static void give_descriptors_back(struct eaten *eaten)
{
	while (eaten->descriptor_count > 0)
		close(eaten->descriptors[--eaten->descriptor_count]);
}

static void give_back(struct eaten *eaten)
{
	give_descriptors_back(eaten);
	while (eaten->share_count > 0)
		close(eaten->shares[--eaten->share_count]);
	worker_begin("closing");
	while (eaten->surface_count > 0)
		rt_resource_close(eaten->surfaces[--eaten->surface_count]);
	rt_session_close(eaten->session);
	rt_device_close(eaten->device);
	rt_adapter_close(eaten->adapter);
	worker_end();
}

/* With no descriptor left whatever needs one is refused, and nothing else happens. */
static enum outcome work_without_descriptors(struct eaten *eaten)
{
	D3DCONTENTPROTECTIONCAPS caps;
	enum outcome outcome = eat_shares(eaten);

	if (outcome != DONE)
		return outcome;
	return TRY("the capabilities",
		   rt_adapter_content_protection_caps(eaten->adapter, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, &caps),
		   false);
}

static enum outcome open_all(struct eaten *eaten)
{
	enum outcome outcome = TRY("OpenAdapter", rt_adapter_open(NULL, &eaten->adapter), false);

	if (outcome == DONE)
		outcome = TRY("CreateDevice", rt_device_create(eaten->adapter, &eaten->device), false);
	return outcome == DONE ? TRY("CreateCryptoSession",
				     rt_session_create(eaten->device, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, NULL, 0,
						       &eaten->session),
				     false)
			       : outcome;
}

enum outcome work_eating(void)
{
	struct eaten eaten = { 0 };
	enum outcome outcome;

	/* The soft limit alone: a service that this process starts raises its own. */
	setrlimit(RLIMIT_NOFILE, &(struct rlimit) { .rlim_cur = 256, .rlim_max = 4096 });
	outcome = open_all(&eaten);
	if (outcome == DONE)
		outcome = eat_surfaces(&eaten);
	if (outcome == DONE) {
		eat_descriptors(&eaten);
		outcome = work_without_descriptors(&eaten);
		give_descriptors_back(&eaten);
	}
	if (outcome == DONE)
		outcome = eat_shares(&eaten);
	/* Half of them die with all that they have (SEC-52). The campaign starts another one. */
	if (outcome == DONE && worker_random(2) == 0) {
		worker.page->rounds++;
		raise(SIGKILL);
	}
	give_back(&eaten);
	worker_pause((unsigned int)(50000 + worker_random(100000)));
	return outcome;
}
