/* SPDX-License-Identifier: MIT */
/* SEC-32. Escapes of all commands and sizes, one after the other, on two devices, with losses between. */
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t command[FUZZ_COMMAND_MAX];

	fuzz_world_begin(fuzz_u8(&input) & 0x7f);
	fuzz_furnish(0);
	if (fuzz_u8(&input) & 1)
		fuzz_add_device(0);
	for (uint32_t i = 0; input.size > 0 && i < 64; i++) {
		const uint8_t code = fuzz_u8(&input);
		const uint8_t loss = (code & 31) == 31 ? fuzz_u8(&input) : 0;

		if (loss & 1)
			fuzz_lose(FUZZ_LOSE_KEYS);
		else if (loss & 2)
			fuzz_lose(FUZZ_TEARDOWN);
		else if (loss & 4)
			fuzz_lose(FUZZ_REMOVE_DEVICE);
		fuzz_escape(&input, 0, command, fuzz_command(&input, 0, code, command));
	}
	fuzz_world_end();
	return 0;
}
