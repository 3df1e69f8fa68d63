/* SPDX-License-Identifier: MIT */
/* In the place of what takes long or is different each time: RSA keys, random numbers. And what is taken is counted. */
#include "world.h"

#include <errno.h>

void (*fuzz_on_unwrap)(void);

static uint64_t state;
static size_t secrets, surface_bytes;

void *__real_gpu_secret_alloc(size_t size);
void __real_gpu_secret_free(void *memory);
void *__real_gpu_secret_realloc(void *memory, size_t size);
int __real_gpu_surface_memory_map(size_t size, void **ret);
void __real_gpu_surface_memory_unmap(void *memory, size_t size);
void *__wrap_gpu_secret_alloc(size_t size);
void __wrap_gpu_secret_free(void *memory);
void *__wrap_gpu_secret_realloc(void *memory, size_t size);
int __wrap_gpu_surface_memory_map(size_t size, void **ret);
void __wrap_gpu_surface_memory_unmap(void *memory, size_t size);

int __wrap_gpu_random(void *memory, size_t size);
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf,
			       const uint8_t ciphertext[GPU_OAEP_SIZE], void *payload, size_t size);
int __wrap_gpu_identity_chain(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t **ret, size_t *ret_size);

void fuzz_stand_in_begin(void)
{
	state = 1;
	secrets = 0;
	surface_bytes = 0;
}

void fuzz_stand_in_end(void)
{
	FUZZ_CHECK(secrets == 0);
	FUZZ_CHECK(surface_bytes == 0);
}

void *__wrap_gpu_secret_alloc(size_t size)
{
	void *memory = __real_gpu_secret_alloc(size);

	secrets += memory != NULL;
	return memory;
}

void __wrap_gpu_secret_free(void *memory)
{
	secrets -= memory != NULL;
	__real_gpu_secret_free(memory);
}

void *__wrap_gpu_secret_realloc(void *memory, size_t size)
{
	void *moved = __real_gpu_secret_realloc(memory, size);

	if (!memory)
		secrets += moved != NULL;
	else if (size == 0)
		secrets--;
	return moved;
}

int __wrap_gpu_surface_memory_map(size_t size, void **ret)
{
	int result = __real_gpu_surface_memory_map(size, ret);

	surface_bytes += result == 0 ? size : 0;
	return result;
}

void __wrap_gpu_surface_memory_unmap(void *memory, size_t size)
{
	surface_bytes -= memory ? size : 0;
	__real_gpu_surface_memory_unmap(memory, size);
}

int __wrap_gpu_random(void *memory, size_t size)
{
	uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(state >> 56);
	}
	return 0;
}

/* A good ciphertext is 'K' and the key. */
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf,
			       const uint8_t ciphertext[GPU_OAEP_SIZE], void *payload, size_t size)
{
	if (fuzz_on_unwrap)
		fuzz_on_unwrap();
	if (ciphertext[0] != 'K')
		return -EBADMSG;
	memcpy(payload, ciphertext + 1, size);
	return 0;
}

/* Larger for one leaf than for the other; the bytes are nobody's business here. */
int __wrap_gpu_identity_chain(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t **ret, size_t *ret_size)
{
	static const uint8_t chain[3000];

	*ret = chain;
	*ret_size = leaf == GPU_LEAF_SESSION ? sizeof(chain) : sizeof(chain) / 2;
	return 0;
}
