/* SPDX-License-Identifier: MIT */
/* SEC-33. Buffers of authenticated channels. The first channel has its key; tags are right unless the input says otherwise. */
#include "world.h"

#include <dxvault/d3dcontentprotection.h>

/* With one of the profiles of the decode devices: it can be tied to one. */
static void create_session(void)
{
	struct drv_session session = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR };

	session.decode_profile = drv_test_profiles[0];
	(void)fuzz_create_session(0, fuzz_handle(0, DXGK_DEVICE, 0), &session, sizeof(session));
}

/* The fourth one: it can be opened by those on the list alone. */
static void create_surface(void)
{
	const D3DDDI_RESOURCEFLAGS flags = { .RestrictedContent = 1, .RestrictSharedAccess = 1, .SharedResource = 1 };
	const struct drv_allocation info = { .magic = DRV_MAGIC,
					     .format = D3DDDIFMT_A8R8G8B8,
					     .pool = D3DDDIPOOL_VIDEOMEMORY,
					     .flags = flags.Value,
					     .width = 16,
					     .height = 16,
					     .rotation = D3DDDI_ROTATION_IDENTITY,
					     .refresh_numerator = 60,
					     .refresh_denominator = 1 };
	const uint32_t count = fuzz_world.clients[0].counts[DXGK_RESOURCE];

	fuzz_create_allocation(0, fuzz_handle(0, DXGK_DEVICE, 0), &info, sizeof(info), 0);
	FUZZ_CHECK(fuzz_world.clients[0].counts[DXGK_RESOURCE] == count + 1);
}

/* Another process opens the protected surface, which it may if it is on the list. */
static void visit(void)
{
	struct wire_share_objects share = { .header = fuzz_header(WIRE_SHARE_OBJECTS, sizeof(share)),
					    .count = 1,
					    .access = UINT32_MAX,
					    .objects = { fuzz_handle(0, DXGK_RESOURCE, 3) } };
	struct wire_open_resource open = { .header = fuzz_header(WIRE_OPEN_RESOURCE, sizeof(open)) };

	if (fuzz_world.clients[1].counts[DXGK_DEVICE] == 0)
		fuzz_greet(1);
	if (!fuzz_send(0, &share, -1) || fuzz_world.descriptor_count == 0)
		return;
	open.device = fuzz_handle(1, DXGK_DEVICE, 0);
	(void)fuzz_send(1, &open, fuzz_world.descriptors[fuzz_world.descriptor_count - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Each command as fuzz_command reads it: a software channel, its key, the numbers from which it counts. */
	static const uint8_t create[] = { DRV_COMMAND_CREATE_CHANNEL, 2 };
	static const uint8_t exchange[] = { DRV_COMMAND_CHANNEL_KEY_EXCHANGE, 0, 7 };
	static const uint8_t initialize[] = { DRV_COMMAND_CONFIGURE_CHANNEL, 0, 0, 0 };
	static const uint8_t profile[] = { DRV_COMMAND_CREATE_DECODE, 0 };
	static const uint8_t codes[] = {
		DRV_COMMAND_CONFIGURE_CHANNEL, DRV_COMMAND_CONFIGURE_CHANNEL,	 DRV_COMMAND_CONFIGURE_CHANNEL,
		DRV_COMMAND_CREATE_CHANNEL,    DRV_COMMAND_CHANNEL_KEY_EXCHANGE, DRV_COMMAND_DESTROY_CHANNEL,
		DRV_COMMAND_CREATE_DECODE,     DRV_COMMAND_DESTROY_DECODE,
	};
	struct fuzz_input input = { data, size };
	uint8_t command[FUZZ_COMMAND_MAX];

	fuzz_world_begin(fuzz_u8(&input) & 0x7f);
	fuzz_furnish(0);
	fuzz_run(0, create, sizeof(create));
	fuzz_run(0, exchange, sizeof(exchange));
	fuzz_run(0, initialize, sizeof(initialize));
	fuzz_run(0, profile, sizeof(profile));
	create_session();
	create_surface();
	for (uint32_t i = 0; input.size > 0 && i < 64; i++) {
		const uint8_t selector = fuzz_u8(&input);
		const uint8_t code = codes[selector % sizeof(codes)] | (selector & 0xc0);

		if ((selector & 0x3f) == 0x3f) {
			visit();
			continue;
		}
		fuzz_escape(&input, 0, command, fuzz_command(&input, 0, code, command));
	}
	fuzz_world_end();
	return 0;
}
