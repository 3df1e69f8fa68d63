/* SPDX-License-Identifier: MIT */
/* What the members of D3DCONTENTPROTECTIONCAPS may be: CAP-53, CAP-54, CAP-56 to CAP-63. */
#include "conform/cap/cap.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENCRYPTS = D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE,
	DEFAULT_CAPS = 0xfd,
	DIRECT3D_11_BITS = ~0x3ff,
	DEFAULT_MEMORY = 0x10000000,
};

static void encrypts_in_software_or_hardware(struct cf *cf)
{
	const uint32_t caps = cf_caps(cf)->Caps;

	CF_TRUE(cf, "CAP-53", caps == 0 || (caps & ENCRYPTS) != 0,
		"Caps is 0x%x, with neither D3DCPCAPS_SOFTWARE nor D3DCPCAPS_HARDWARE", caps);
	CF_TRUE_DECIDED(cf, "CAP-53", (caps & ENCRYPTS) == D3DCPCAPS_SOFTWARE, "Caps is 0x%x", caps);
}

/* ---- CAP-54: who chooses ------------------------------------------------------------------------------------ */

static void default_is_protection(struct cf *cf)
{
	CF_TRUE_DECIDED(cf, "CAP-54", cf_caps(cf)->Caps == DEFAULT_CAPS, "Caps is 0x%x", cf_caps(cf)->Caps);
}

static void check_of_a_peer(struct cf *cf, void *context)
{
	const uint32_t *expected = context;

	CF_TRUE_DECIDED(cf, "CAP-54", cf_caps(cf)->Caps == *expected, "Caps is 0x%x in a process of its own",
			cf_caps(cf)->Caps);
}

/* Names that a client might try. The service runs already: only what the client's own side reads could matter. */
static void a_client_cannot_choose(struct cf *cf)
{
	static const char *const names[] = { "DXVAULT_CAPS", "DXVAULT_CONFIG", "DXVAULT_VARIANT", "DXVAULT_UMD_CAPS",
					     "DXVAULT_PROTECTION" };
	uint32_t expected = DEFAULT_CAPS;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)setenv(names[i], "0xf9", /* overwrite= */ 1);
	cf_in_another_process(cf, check_of_a_peer, &expected);
}

static void variant_is_for_all_clients(struct cf *cf)
{
	uint32_t expected = D3DCPCAPS_SOFTWARE | D3DCPCAPS_PARTIALDECRYPTION | D3DCPCAPS_CONTENTKEY |
			    D3DCPCAPS_FRESHENSESSIONKEY | D3DCPCAPS_ENCRYPTEDREADBACK | D3DCPCAPS_ENCRYPTEDREADBACKKEY;

	CF_TRUE_DECIDED(cf, "CAP-54", cf_caps(cf)->Caps == expected, "Caps is 0x%x", cf_caps(cf)->Caps);
	cf_in_another_process(cf, check_of_a_peer, &expected);
}

/* ---- bits --------------------------------------------------------------------------------------------------- */

static void bits_make_sense(struct cf *cf)
{
	const GUID *const types[] = { &D3DCRYPTOTYPE_AES128_CTR, &D3DCRYPTOTYPE_PROPRIETARY, &cap_zero_guid };

	(void)cf_caps(cf);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		D3DCONTENTPROTECTIONCAPS caps;

		if (cap_pair(cf, types[i], &cap_zero_guid, &caps) != S_OK)
			continue;
		CF_TRUE_DECIDED(cf, "CAP-56", (caps.Caps & (uint32_t)DIRECT3D_11_BITS) == 0, "Caps is 0x%x", caps.Caps);
		CF_TRUE_DECIDED(cf, "CAP-57",
				!(caps.Caps & D3DCPCAPS_ENCRYPTEDREADBACK) ==
					!(caps.Caps & D3DCPCAPS_ENCRYPTEDREADBACKKEY),
				"Caps is 0x%x, with one of the two read-back bits", caps.Caps);
	}
}

/* ---- the other members -------------------------------------------------------------------------------------- */

static bool is_guid(const GUID *a, const GUID *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void names_a_key_exchange(struct cf *cf)
{
	const GUID *exchange = &cf_caps(cf)->KeyExchangeType;

	CF_TRUE(cf, "CAP-58", is_guid(exchange, &D3DKEYEXCHANGE_RSAES_OAEP) || is_guid(exchange, &D3DKEYEXCHANGE_DXVA),
		"KeyExchangeType begins with %08x, which is neither RSAES_OAEP nor DXVA",
		(unsigned int)exchange->Data1);
	CF_TRUE_DECIDED(cf, "CAP-58", is_guid(exchange, &D3DKEYEXCHANGE_RSAES_OAEP), "KeyExchangeType begins with %08x",
			(unsigned int)exchange->Data1);
}

static bool is_power_of_two(UINT value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static void alignments(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps = cf_caps(cf);

	CF_TRUE(cf, "CAP-59", caps->BufferAlignmentStart >= 1,
		"BufferAlignmentStart is 0, which nothing is a multiple of");
	CF_TRUE_DECIDED(cf, "CAP-59", is_power_of_two(caps->BufferAlignmentStart), "BufferAlignmentStart is %u",
			caps->BufferAlignmentStart);
	CF_TRUE_DECIDED(cf, "CAP-59", caps->BufferAlignmentStart == 16, "BufferAlignmentStart is %u",
			caps->BufferAlignmentStart);
	CF_TRUE(cf, "CAP-60", caps->BlockAlignmentSize >= 1, "BlockAlignmentSize is 0, which nothing is a multiple of");
	CF_TRUE_DECIDED(cf, "CAP-60", caps->BlockAlignmentSize == 16, "BlockAlignmentSize is %u",
			caps->BlockAlignmentSize);
}

static void protected_memory(struct cf *cf)
{
	const D3DCONTENTPROTECTIONCAPS *caps = cf_caps(cf);
	const D3DDDI_SURFACEINFO surface = { .Width = 16384, .Height = 16384 };
	const uint64_t size = (uint64_t)surface.Width * surface.Height * 4;
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = &surface,
		.SurfCount = 1,
		.MipLevels = 1,
		.Flags = { .RestrictedContent = 1 },
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	struct cf_device device;
	HANDLE resource;

	CF_TRUE(cf, "CAP-61", caps->ProtectedMemorySize != 0, "ProtectedMemorySize is 0");
	CF_TRUE_DECIDED(cf, "CAP-61", caps->ProtectedMemorySize == DEFAULT_MEMORY, "ProtectedMemorySize is %llu",
			(unsigned long long)caps->ProtectedMemorySize);
	if (caps->ProtectedMemorySize >= size)
		return;
	device = cf_device(cf);
	CF_DECIDED(cf, "CAP-61", E_OUTOFMEMORY, cf_create_resource(cf, &device, &arg, &resource));
}

static void constant_for_the_adapter(struct cf *cf)
{
	struct cf_device device;
	D3DCONTENTPROTECTIONCAPS before, after;
	struct cf_surface surface;
	uint8_t key[CF_KEY];
	HANDLE session;

	(void)cf_caps(cf);
	memset(&before, CAP_FILL, sizeof(before));
	memset(&after, CAP_FILL, sizeof(after));
	CF_NEED(cf, cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, &before));
	device = cf_device(cf);
	session = cf_session(cf, &device);
	cf_key(62, key);
	CF_NEED(cf, cf_exchange(cf, &device, session, key));
	surface = cf_protected(cf, &device, D3DDDIFMT_A8R8G8B8, 64, 64);
	CF_NEED(cf, cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, &after));
	CF_BYTES_DECIDED(cf, "CAP-62", &before, &after, sizeof(before), "the capabilities while a session is used");
	CF_NEED(cf, cf_destroy_resource(&device, surface.h));
	CF_NEED(cf, cf_destroy_session(&device, session));
	CF_NEED(cf, cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, &after));
	CF_BYTES_DECIDED(cf, "CAP-62", &before, &after, sizeof(before), "the capabilities after a session was used");
}

static void padding_is_zero(struct cf *cf)
{
	_Alignas(16) uint8_t caps[sizeof(D3DCONTENTPROTECTIONCAPS)];

	(void)cf_caps(cf);
	memset(caps, CAP_FILL, sizeof(caps));
	CF_NEED(cf, cap_pair(cf, &D3DCRYPTOTYPE_AES128_CTR, &cap_zero_guid, (D3DCONTENTPROTECTIONCAPS *)(void *)caps));
	CF_TRUE_DECIDED(cf, "CAP-63", cf_is_all(caps + 28, 4, 0), "bytes 28 to 31 are %02x %02x %02x %02x", caps[28],
			caps[29], caps[30], caps[31]);
}

const struct cf_test cap_tests_members[] = {
	{ "caps-software-or-hardware", "CAP-53", encrypts_in_software_or_hardware },
	{ "caps-default", "CAP-54", default_is_protection },
	{ "caps-not-the-clients-choice", "CAP-54", a_client_cannot_choose },
	{ "caps-variant-for-all", "CAP-54", variant_is_for_all_clients, .variant = 0xf9 },
	{ "caps-bits", "CAP-56 CAP-57", bits_make_sense },
	{ "caps-bits-read-back-alone", "CAP-56 CAP-57", bits_make_sense, .variant = 0x05 },
	{ "caps-key-exchange", "CAP-58", names_a_key_exchange },
	{ "caps-alignments", "CAP-59 CAP-60", alignments },
	{ "caps-protected-memory", "CAP-61", protected_memory },
	{ "caps-constant", "CAP-62", constant_for_the_adapter },
	{ "caps-padding", "CAP-63", padding_is_zero },
	{ 0 },
};
