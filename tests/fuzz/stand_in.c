/* SPDX-License-Identifier: MIT */
/* In the place of what takes long or is different each time: RSA keys, random numbers. And what is taken is counted. */
#include "gpu/private.h"
#include "world.h"

#include <errno.h>
#include <sanitizer/lsan_interface.h>
#include <unistd.h>

/* make coverage builds this without sanitizers. */
#pragma weak __lsan_register_root_region
#pragma weak __lsan_unregister_root_region

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

int __real_gpu_memory_map(enum gpu_purpose purpose, size_t size, void **ret);
void __real_gpu_memory_unmap(enum gpu_purpose purpose, void *memory, size_t size);
int __wrap_gpu_memory_map(enum gpu_purpose purpose, size_t size, void **ret);
void __wrap_gpu_memory_unmap(enum gpu_purpose purpose, void *memory, size_t size);
int __wrap_fallocate64(int descriptor, int mode, off_t offset, off_t size);

int __wrap_gpu_random(void *memory, size_t size);
int __wrap_gpu_identity_unwrap(struct gpu_identity *identity, enum gpu_leaf leaf,
			       const uint8_t ciphertext[GPU_OAEP_SIZE], void *payload, size_t size);
int __wrap_gpu_identity_chain(struct gpu_identity *identity, enum gpu_leaf leaf, const uint8_t **ret, size_t *ret_size);

void fuzz_stand_in_begin(uint64_t seed)
{
	state = seed;
}

struct fuzz_in_use fuzz_in_use(void)
{
	return (struct fuzz_in_use) { secrets, surface_bytes };
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

/* What only key slots point to is no leak: those are in the secret heap. */
int __wrap_gpu_memory_map(enum gpu_purpose purpose, size_t size, void **ret)
{
	const int result = __real_gpu_memory_map(purpose, size, ret);

	if (result == 0 && __lsan_register_root_region)
		__lsan_register_root_region(*ret, size);
	return result;
}

void __wrap_gpu_memory_unmap(enum gpu_purpose purpose, void *memory, size_t size)
{
	if (__lsan_unregister_root_region)
		__lsan_unregister_root_region(memory, size);
	__real_gpu_memory_unmap(purpose, memory, size);
}

/* Pages that nobody touches need not be there. */
int __wrap_fallocate64(int descriptor, int mode, off_t offset, off_t size)
{
	FUZZ_CHECK(mode == 0 && offset == 0);
	return ftruncate(descriptor, size);
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
