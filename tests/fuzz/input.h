/* SPDX-License-Identifier: MIT */
/* What a fuzzer gives, taken from the front piece by piece; behind its end are zeros. */
#ifndef DXV_TESTS_FUZZ_INPUT_H
#define DXV_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

static inline void fuzz_bytes(struct fuzz_input *input, void *ret, size_t size)
{
	const size_t there = size < input->size ? size : input->size;

	memset(ret, 0, size);
	if (there > 0)
		memcpy(ret, input->data, there);
	input->data += there;
	input->size -= there;
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
	uint8_t value;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint32_t fuzz_u32(struct fuzz_input *input)
{
	uint32_t value;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

static inline uint64_t fuzz_u64(struct fuzz_input *input)
{
	uint64_t value;

	fuzz_bytes(input, &value, sizeof(value));
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
