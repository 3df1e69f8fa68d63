/* SPDX-License-Identifier: MIT */
/* Buffers of authenticated channels. The first channel has its key; tags are right unless the input says otherwise. */
#include "world.h"

static void run(const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = { bytes, size };
	uint8_t command[FUZZ_COMMAND_MAX];
	const uint8_t code = fuzz_u8(&input);

	fuzz_escape(&input, 0, command, fuzz_command(&input, 0, code, command));
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

	fuzz_world_begin(fuzz_u8(&input));
	fuzz_world_furnish();
	run(create, sizeof(create));
	run(exchange, sizeof(exchange));
	run(initialize, sizeof(initialize));
	run(profile, sizeof(profile));
	for (uint32_t i = 0; input.size > 0 && i < 64; i++) {
		const uint8_t selector = fuzz_u8(&input);
		const uint8_t code = codes[selector % sizeof(codes)] | (selector & 0xc0);

		fuzz_escape(&input, 0, command, fuzz_command(&input, 0, code, command));
	}
	fuzz_world_end();
	return 0;
}
