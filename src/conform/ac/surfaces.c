/* SPDX-License-Identifier: MIT */
/* Tests of authenticated-channel.md: what protection does to surfaces, in all devices that hold them. */
#include "conform/ac/ac.h"
#include "conform/blt/blt.h"

#include <string.h>
#include <unistd.h>

enum { ENABLED = 1, FULL_SCREEN = 2 };

#define ALWAYS_ON "protection is always on: Lock never works"

static bool is_always_on(struct cf *cf)
{
	return cf_has(cf, D3DCPCAPS_PROTECTIONALWAYSON);
}

static void set(struct cf *cf, struct ac_channel *channel, UINT value)
{
	struct ac_message message = ac_protection(channel, value);

	CF_NEED(cf, ac_send(&channel->device, &message));
}

/* ---- Lock ------------------------------------------------------------------------------------------------------- */

static bool is_refused(struct cf *cf, const char *rule, const struct cf_device *device, HANDLE surface)
{
	uint8_t seen[1];

	return AC_CODE(cf, rule, E_ACCESSDENIED, ac_look(device, surface, seen, sizeof(seen)));
}

static void shows(struct cf *cf, const char *rule, const struct cf_device *device, HANDLE surface, const void *want,
		  size_t size, const char *what)
{
	static uint8_t seen[BLT_MOST];

	if (AC_CODE(cf, rule, S_OK, ac_look(device, surface, seen, size)))
		AC_BYTES(cf, rule, want, seen, size, what);
}

static const uint8_t zeroes[BLT_MOST];

static void is_wiped(struct cf *cf, const char *rule, const struct cf_device *device, HANDLE surface, size_t size)
{
	shows(cf, rule, device, surface, zeroes, size, "a surface whose protection fell");
}

static void lock_always_refused(struct cf *cf)
{
	struct blt b = blt_open_bare(cf);
	struct ac_channel channel = ac_channel_ready(cf, &b.device, AC_SOFTWARE);
	static const UINT values[] = { 1, 0, 2, 3, 0 };

	cf_require_caps(cf, D3DCPCAPS_PROTECTIONALWAYSON, "protection is switched by channels");
	is_refused(cf, "AC-112", &b.device, b.protected.h);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		set(cf, &channel, values[i]);
		is_refused(cf, "AC-112", &b.device, b.protected.h);
	}
	CF_NEED(cf, ac_destroy(&b.device, channel.h));
	is_refused(cf, "AC-112", &b.device, b.protected.h);
}

static void lock_follows_protection(struct cf *cf)
{
	struct blt b = blt_open(cf);
	struct ac_channel channel = ac_channel_ready(cf, &b.device, AC_SOFTWARE), other;
	uint8_t plain[BLT_MOST];

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	cf_pattern(plain, b.size, 40);
	blt_put(cf, &b, plain);
	shows(cf, "AC-112", &b.device, b.protected.h, plain, b.size, "a surface before protection");
	/* The other flag is about screens. */
	set(cf, &channel, FULL_SCREEN);
	shows(cf, "AC-112", &b.device, b.protected.h, plain, b.size, "a surface that needs a full screen");

	for (int i = 0; i < 2; i++) {
		set(cf, &channel, ENABLED);
		is_refused(cf, "AC-112", &b.device, b.protected.h);
		cf_pattern(plain, b.size, 41);
		blt_put(cf, &b, plain);
		is_refused(cf, "AC-112", &b.device, b.protected.h);
		set(cf, &channel, 0);
		is_wiped(cf, "AC-112", &b.device, b.protected.h, b.size);
	}

	/* A surface that was made meanwhile, and as long as any channel has it. */
	set(cf, &channel, ENABLED);
	b.protected = cf_protected(cf, &b.device, D3DDDIFMT_A8R8G8B8, 16, 1);
	blt_put(cf, &b, plain);
	is_refused(cf, "AC-112", &b.device, b.protected.h);
	other = ac_channel_ready(cf, &b.device, AC_SOFTWARE);
	set(cf, &other, ENABLED);
	set(cf, &channel, 0);
	is_refused(cf, "AC-112", &b.device, b.protected.h);
	set(cf, &other, FULL_SCREEN);
	is_wiped(cf, "AC-112", &b.device, b.protected.h, b.size);
}

/* ---- surfaces that several devices hold --------------------------------------------------------------------------- */

struct shared {
	struct blt b; /* of the creator; b.protected is the surface */
	struct ac_channel channel;
	struct rt_resource *resource;
	int nt_handle;
	uint8_t plain[BLT_MOST];
};

struct opener {
	struct cf_device device;
	struct ac_channel channel;
	struct rt_resource *resource;
};

static void open_shared(struct cf *cf, struct shared *s)
{
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };

	s->b = blt_open(cf);
	s->channel = ac_channel_ready(cf, &s->b.device, AC_SOFTWARE);
	CF_NEED(cf, rt_resource_create_protected(s->b.device.rt, &surface,
						 (D3DDDI_RESOURCEFLAGS) { .Value = BLT_SHARED }, &s->resource));
	if (rt_resource_share(s->resource, &s->nt_handle) != S_OK)
		cf_skip(cf, "its resources are not shared by the kernel");
	s->b.protected.h = rt_resource_handle(s->resource);
}

/* level: what the opener's device asks for, from before it opens it. */
static struct opener open_in(struct cf *cf, const struct shared *s, UINT level)
{
	struct opener o = { .device = cf_device(cf) };

	o.channel = ac_channel_ready(cf, &o.device, AC_SOFTWARE);
	if (level)
		set(cf, &o.channel, level);
	CF_NEED(cf, rt_resource_open(o.device.rt, s->nt_handle, &o.resource));
	return o;
}

static void put(struct cf *cf, struct shared *s, uint32_t seed)
{
	cf_pattern(s->plain, s->b.size, seed);
	blt_put(cf, &s->b, s->plain);
}

static void refused_to_all(struct cf *cf, const struct shared *s, const struct opener *o)
{
	is_refused(cf, "AC-114", &s->b.device, s->b.protected.h);
	is_refused(cf, "BLT-112", &s->b.device, s->b.protected.h);
	is_refused(cf, "AC-114", &o->device, rt_resource_handle(o->resource));
	is_refused(cf, "BLT-112", &o->device, rt_resource_handle(o->resource));
}

static void wiped_for_all(struct cf *cf, const struct shared *s, const struct opener *o)
{
	is_wiped(cf, "AC-114", &s->b.device, s->b.protected.h, s->b.size);
	is_wiped(cf, "BLT-112", &s->b.device, s->b.protected.h, s->b.size);
	if (o)
		is_wiped(cf, "AC-114", &o->device, rt_resource_handle(o->resource), s->b.size);
}

static void any_holder_protects(struct cf *cf)
{
	struct blt elsewhere;
	struct shared s;
	struct opener o, late;
	uint8_t plain[BLT_MOST];

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	open_shared(cf, &s);
	o = open_in(cf, &s, 0);
	elsewhere = blt_open(cf);
	cf_pattern(plain, elsewhere.size, 42);
	blt_put(cf, &elsewhere, plain);
	put(cf, &s, 43);
	shows(cf, "BLT-112", &o.device, rt_resource_handle(o.resource), s.plain, s.b.size, "an opened surface");

	/* The opener's alone; and its level is not the creator's. */
	set(cf, &o.channel, ENABLED);
	refused_to_all(cf, &s, &o);
	AC_TRUE(cf, "AC-114", ac_protection_level(cf, &s.channel) == 0, "another device's level is this one's");
	put(cf, &s, 44);
	refused_to_all(cf, &s, &o);
	set(cf, &s.channel, ENABLED);
	set(cf, &o.channel, 0);
	refused_to_all(cf, &s, &o);
	AC_TRUE(cf, "AC-114", ac_protection_level(cf, &o.channel) == 0, "another device's level is this one's");
	set(cf, &s.channel, 0);
	wiped_for_all(cf, &s, &o);

	/* The creator's alone. */
	set(cf, &s.channel, ENABLED);
	put(cf, &s, 45);
	refused_to_all(cf, &s, &o);
	set(cf, &s.channel, 0);
	wiped_for_all(cf, &s, &o);

	/* A device that is protected when it opens the surface. */
	late = open_in(cf, &s, ENABLED);
	put(cf, &s, 51);
	refused_to_all(cf, &s, &o);
	refused_to_all(cf, &s, &late);
	set(cf, &late.channel, 0);
	wiped_for_all(cf, &s, &o);
	shows(cf, "AC-114", &elsewhere.device, elsewhere.protected.h, plain, elsewhere.size,
	      "a surface of a device that nobody protects");
}

static void falls_with_the_channel(struct cf *cf)
{
	struct shared s;
	struct opener o;

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	open_shared(cf, &s);
	o = open_in(cf, &s, 0);
	set(cf, &s.channel, ENABLED);
	set(cf, &o.channel, ENABLED);
	put(cf, &s, 46);
	CF_NEED(cf, ac_destroy(&o.device, o.channel.h));
	refused_to_all(cf, &s, &o);
	CF_NEED(cf, ac_destroy(&s.b.device, s.channel.h));
	wiped_for_all(cf, &s, &o);
}

static void falls_with_the_device(struct cf *cf)
{
	struct shared s;
	struct opener o, another;

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	open_shared(cf, &s);
	o = open_in(cf, &s, 0);
	another = open_in(cf, &s, 0);
	set(cf, &o.channel, ENABLED);
	set(cf, &another.channel, ENABLED);
	put(cf, &s, 47);
	cf_device_close(cf, &another.device);
	refused_to_all(cf, &s, &o);
	cf_device_close(cf, &o.device);
	wiped_for_all(cf, &s, NULL);
}

/* A holder that gives the surface away does not protect it any more; what it protected is not left behind. */
static void falls_with_the_hold(struct cf *cf)
{
	struct shared s;
	struct opener o;

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	open_shared(cf, &s);
	o = open_in(cf, &s, 0);
	set(cf, &o.channel, ENABLED);
	put(cf, &s, 48);
	refused_to_all(cf, &s, &o);
	rt_resource_close(o.resource);
	wiped_for_all(cf, &s, NULL);
}

enum { OPEN_AND_ENABLE, LOOK };

static uint64_t protecting_peer(struct cf *cf, uint64_t question, void *context)
{
	static struct opener o;
	uint8_t seen[1];

	if (question == OPEN_AND_ENABLE) {
		o = open_in(cf, context, ENABLED);
		return S_OK;
	}
	return (uint32_t)ac_look(&o.device, rt_resource_handle(o.resource), seen, sizeof(seen));
}

/* Once the kernel has heard of the end of the process: what Lock shows then, the first time. */
static HRESULT look_until_it_works(const struct cf_device *device, HANDLE surface, void *ret, size_t size)
{
	HRESULT hr = E_FAIL;

	for (int i = 0; hr != S_OK && i < 5000; i++) {
		if (i > 0)
			usleep(2000);
		hr = ac_look(device, surface, ret, size);
	}
	return hr;
}

static void falls_with_the_process(struct cf *cf)
{
	static uint8_t seen[BLT_MOST];
	struct shared s;
	struct cf_peer peer;

	if (is_always_on(cf))
		cf_skip(cf, ALWAYS_ON);
	open_shared(cf, &s);
	peer = cf_peer_start(cf, protecting_peer, &s);
	(void)cf_peer_ask(cf, &peer, OPEN_AND_ENABLE);
	put(cf, &s, 49);
	is_refused(cf, "AC-114", &s.b.device, s.b.protected.h);
	is_refused(cf, "BLT-112", &s.b.device, s.b.protected.h);
	AC_CODE(cf, "BLT-112", E_ACCESSDENIED, (HRESULT)cf_peer_ask(cf, &peer, LOOK));
	set(cf, &s.channel, ENABLED);
	set(cf, &s.channel, 0);
	is_refused(cf, "BLT-112", &s.b.device, s.b.protected.h);
	cf_peer_end(cf, &peer);
	if (!AC_CODE(cf, "BLT-112", S_OK, look_until_it_works(&s.b.device, s.b.protected.h, seen, s.b.size)))
		return;
	AC_BYTES(cf, "BLT-112", zeroes, seen, s.b.size, "a surface whose protector ended");
	AC_BYTES(cf, "AC-114", zeroes, seen, s.b.size, "a surface whose protector ended");
}

/* ---- Present ---------------------------------------------------------------------------------------------------- */

static HRESULT present(const struct cf_device *device, struct rt_resource *resource, bool is_full_screen)
{
	const struct rt_present arg = {
		.source = { .right = 16, .bottom = 1 },
		.destination = { .right = 16, .bottom = 1 },
		.windowed = !is_full_screen,
	};

	return rt_present(device->rt, resource, &arg);
}

static void presents_to(struct cf *cf, const struct cf_device *device, struct rt_resource *resource, HRESULT window)
{
	AC_CODE(cf, "AC-113", window, present(device, resource, /* is_full_screen= */ false));
	AC_CODE(cf, "AC-113", S_OK, present(device, resource, /* is_full_screen= */ true));
}

static void windows_are_refused(struct cf *cf)
{
	static const UINT values[] = { 0, ENABLED, ENABLED | FULL_SCREEN, FULL_SCREEN, ENABLED, FULL_SCREEN, 0 };
	const struct rt_surface surface = { .format = D3DDDIFMT_A8R8G8B8, .width = 16, .height = 1 };
	struct rt_resource *ordinary;
	struct shared s;

	open_shared(cf, &s);
	CF_NEED(cf, rt_resource_create_video(s.b.device.rt, &surface, (D3DDDI_RESOURCEFLAGS) { 0 }, &ordinary));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		set(cf, &s.channel, values[i]);
		/* Where protection fell the surface was wiped, and that is no picture. */
		put(cf, &s, 50);
		presents_to(cf, &s.b.device, s.resource, values[i] & FULL_SCREEN ? E_ACCESSDENIED : S_OK);
		presents_to(cf, &s.b.device, ordinary, S_OK);
	}
}

static void windows_are_refused_for_any_holder(struct cf *cf)
{
	struct shared s;
	struct opener o;

	open_shared(cf, &s);
	o = open_in(cf, &s, FULL_SCREEN);
	presents_to(cf, &s.b.device, s.resource, E_ACCESSDENIED);
	presents_to(cf, &o.device, o.resource, E_ACCESSDENIED);
	set(cf, &o.channel, 0);
	set(cf, &s.channel, FULL_SCREEN);
	presents_to(cf, &o.device, o.resource, E_ACCESSDENIED);
	CF_NEED(cf, ac_destroy(&s.b.device, s.channel.h));
	presents_to(cf, &s.b.device, s.resource, S_OK);
	presents_to(cf, &o.device, o.resource, S_OK);
}

const struct cf_test ac_tests_surfaces[] = {
	{ "protection-lock", "AC-112", lock_always_refused },
	{ "protection-lock-switched", "AC-112", lock_follows_protection, .variant = AC_SWITCHED },
	{ "protection-present", "AC-113", windows_are_refused },
	{ "protection-present-switched", "AC-113", windows_are_refused, .variant = AC_SWITCHED },
	{ "protection-present-shared", "AC-113", windows_are_refused_for_any_holder },
	{ "protection-of-any-holder", "AC-114 BLT-112", any_holder_protects, .variant = AC_SWITCHED },
	{ "protection-ends-with-channel", "AC-114 BLT-112", falls_with_the_channel, .variant = AC_SWITCHED },
	{ "protection-ends-with-device", "AC-114 BLT-112", falls_with_the_device, .variant = AC_SWITCHED },
	{ "protection-ends-with-hold", "AC-114 BLT-112", falls_with_the_hold, .variant = AC_SWITCHED },
	{ "protection-ends-with-process", "AC-114 BLT-112", falls_with_the_process, .variant = AC_SWITCHED },
	{ 0 },
};
