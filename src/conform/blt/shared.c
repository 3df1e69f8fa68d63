/* SPDX-License-Identifier: MIT */
/* Shared resources: who may open them, and what an opener gets. */
#include "conform/ac/ac.h"
#include "conform/blt/blt.h"

#include <string.h>

#define NO_SHARING "its resources are not shared by the kernel"

struct shared {
	struct blt b;
	struct rt_resource *resource;
	int nt_handle;
};

/* flags beside SharedResource; of 16 x 1 pixels. b's protected surface is the shared one, where that is protected. */
static struct shared open_shared(struct cf *cf, uint32_t flags)
{
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	struct shared s = { .b = blt_open(cf) };

	CF_NEED(cf, rt_resource_create_video(s.b.device.rt, &surface,
					     (D3DDDI_RESOURCEFLAGS) { .Value = BLT_SHARED | flags }, &s.resource));
	if (rt_resource_share(s.resource, &s.nt_handle) != S_OK)
		cf_skip(cf, NO_SHARING);
	if (flags & BLT_RESTRICTED_CONTENT)
		s.b.protected.h = rt_resource_handle(s.resource);
	return s;
}

static HRESULT open_in(const struct cf_device *device, int nt_handle)
{
	struct rt_resource *resource;

	return rt_resource_open(device->rt, nt_handle, &resource);
}

static HRESULT lock_opened(const struct cf_device *device, struct rt_resource *resource)
{
	D3DDDIARG_LOCK arg = { .hResource = rt_resource_handle(resource) };

	return device->f->pfnLock(device->h, &arg);
}

/* ---- without restriction -------------------------------------------------------------------------------------- */

static void opens_ordinary(struct cf *cf, void *context)
{
	const struct shared *s = context;
	const struct cf_device device = cf_device(cf);

	CF_OK(cf, "BLT-113", open_in(&device, s->nt_handle));
}

static void an_ordinary_one_opens(struct cf *cf)
{
	struct shared s = open_shared(cf, 0);
	const struct cf_device other = cf_device(cf);

	CF_OK(cf, "BLT-113", open_in(&other, s.nt_handle));
	cf_in_another_process(cf, opens_ordinary, &s);
}

/* EncryptionBlt of the opened surface through a session of the opener's. */
static HRESULT read_as_opener(struct cf *cf, struct blt *b)
{
	uint8_t iv[16], wrapped[CF_KEY];
	D3DDDIARG_ENCRYPTIONBLT arg = blt_encryption(b, iv);

	CF_NEED(cf, cf_read_back_key(&b->device, b->session, wrapped));
	return blt_encrypt(&b->device, &arg);
}

static void opens_protected(struct cf *cf, void *context)
{
	const struct shared *s = context;
	struct blt b = blt_open(cf);
	struct rt_resource *resource;

	if (!CF_OK(cf, "BLT-113", rt_resource_open(b.device.rt, s->nt_handle, &resource)))
		return;
	b.protected.h = rt_resource_handle(resource);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		CF_DECIDED(cf, "BLT-113", E_ACCESSDENIED, read_as_opener(cf, &b));
		CF_DECIDED(cf, "BLT-123", E_ACCESSDENIED, read_as_opener(cf, &b));
	}
	CF_DECIDED(cf, "BLT-113", E_ACCESSDENIED, lock_opened(&b.device, resource));
	/* What it writes itself it may read, and then nobody else may. */
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY)) {
		CF_NEED(cf, blt_with_iv(&b, cf_fresh_iv(cf), 0));
		CF_DECIDED(cf, "BLT-123", S_OK, read_as_opener(cf, &b));
	}
}

static void a_protected_one_stays_closed(struct cf *cf)
{
	struct shared s = open_shared(cf, BLT_RESTRICTED_CONTENT);
	struct ac_channel channel;
	struct ac_message message;
	uint8_t plain[BLT_MOST];

	/* By the creator: for whoever holds it. */
	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON)) {
		channel = ac_channel_ready(cf, &s.b.device, AC_SOFTWARE);
		message = ac_protection(&channel, 1);
		CF_NEED(cf, ac_send(&s.b.device, &message));
	}
	cf_pattern(plain, s.b.size, 6);
	blt_put(cf, &s.b, plain);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACK))
		blt_holds(cf, &s.b, "BLT-123", CF_BY_DECISION, plain, s.b.size, "a shared surface, for its writer");
	cf_in_another_process(cf, opens_protected, &s);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		CF_DECIDED(cf, "BLT-123", E_ACCESSDENIED, read_as_opener(cf, &s.b));
}

static void protected_in_each_device(struct cf *cf)
{
	struct shared s = open_shared(cf, BLT_RESTRICTED_CONTENT);
	struct blt b = blt_open(cf);
	struct rt_resource *resource;
	uint8_t plain[BLT_MOST];

	if (!cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON))
		cf_skip(cf, "protection is switched by channels: protection-of-any-holder shows it");
	cf_pattern(plain, s.b.size, 7);
	blt_put(cf, &s.b, plain);
	CF_NEED(cf, rt_resource_open(b.device.rt, s.nt_handle, &resource));
	CF_DECIDED(cf, "BLT-112", E_ACCESSDENIED, lock_opened(&b.device, resource));
	CF_DECIDED(cf, "BLT-112", E_ACCESSDENIED, lock_opened(&s.b.device, s.resource));
	b.protected.h = rt_resource_handle(resource);
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		CF_DECIDED(cf, "BLT-112", E_ACCESSDENIED, read_as_opener(cf, &b));
	/* Nor when its creator has gone. */
	rt_resource_close(s.resource);
	CF_DECIDED(cf, "BLT-112", E_ACCESSDENIED, lock_opened(&b.device, resource));
	if (cf_has(cf, D3DCPCAPS_ENCRYPTEDREADBACKKEY))
		CF_DECIDED(cf, "BLT-112", E_ACCESSDENIED, read_as_opener(cf, &b));
}

/* ---- RestrictSharedAccess ---------------------------------------------------------------------------------------- */

static void may_not_open(struct cf *cf, void *context)
{
	const struct shared *s = context;
	const struct cf_device device = cf_device(cf);

	CF_FAILS(cf, "BLT-109", E_ACCESSDENIED, open_in(&device, s->nt_handle));
}

static void only_its_own_process_opens(struct cf *cf)
{
	struct shared s = open_shared(cf, BLT_RESTRICTED_CONTENT | BLT_RESTRICT_SHARED_ACCESS);
	const struct cf_device other = cf_device(cf);

	CF_OK(cf, "BLT-109", open_in(&other, s.nt_handle));
	cf_in_another_process(cf, may_not_open, &s);
	/* And the same without protected content. */
	s = open_shared(cf, BLT_RESTRICT_SHARED_ACCESS);
	CF_OK(cf, "BLT-109", open_in(&other, s.nt_handle));
	cf_in_another_process(cf, may_not_open, &s);
}

const struct cf_test blt_shared_tests[] = {
	{ "shared-ordinary", "BLT-113", an_ordinary_one_opens },
	{ "shared-protected", "BLT-113 BLT-123", a_protected_one_stays_closed },
	{ "shared-protected-without-alwayson", "BLT-113 BLT-123", a_protected_one_stays_closed,
	  .variant = AC_SWITCHED },
	{ "shared-in-another-device", "BLT-112", protected_in_each_device },
	{ "shared-restricted", "BLT-109", only_its_own_process_opens },
	{ 0 },
};
