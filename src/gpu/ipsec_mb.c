/* SPDX-License-Identifier: MIT */
/* AES-128-CTR by intel-ipsec-mb, on processors that have VAES and AVX-512. */
#include "gpu/private.h"

#include <endian.h>
#include <errno.h>
#include <intel-ipsec-mb.h>
#include <string.h>

/* What its code for VAES needs, and that it clears the registers in which it had keys. */
#define FEATURES (IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA)

#define MANAGER_ALIGNMENT 64u
#define CHUNK_MAX	  ((uint64_t)1 << 30) /* whole blocks; far from what 32 bits hold */

/* Behind the manager, because that has to be aligned better than the heap does it. */
static void **manager_block(struct IMB_MGR *manager, size_t size)
{
	return (void **)(void *)((char *)manager + size);
}

static size_t manager_size(void)
{
	return (imb_get_mb_mgr_size() + MANAGER_ALIGNMENT - 1) & ~(size_t)(MANAGER_ALIGNMENT - 1);
}

const char *gpu_ipsec_mb_missing(void)
{
	uint64_t features = imb_get_feature_flags();

	/* The library asks the processor, but not whether the system saves the registers: the compiler's own test does. */
	if ((features & IMB_CPUFLAGS_AVX512_T2) != IMB_CPUFLAGS_AVX512_T2 || !__builtin_cpu_supports("avx512f"))
		return "this processor has no VAES with AVX-512";
	if ((features & FEATURES) != FEATURES)
		return "this intel-ipsec-mb leaves keys in registers";
	return NULL;
}

int gpu_ipsec_mb_manager_create(struct IMB_MGR **ret)
{
	size_t size = manager_size();
	char *block = gpu_secret_alloc(size + sizeof(void *) + MANAGER_ALIGNMENT);
	struct IMB_MGR *manager;

	if (block == NULL)
		return -ENOMEM;
	manager = (void *)(((uintptr_t)block + MANAGER_ALIGNMENT - 1) & ~(uintptr_t)(MANAGER_ALIGNMENT - 1));
	*manager_block(manager, size) = block;
	if (imb_set_pointers_mb_mgr(manager, 0, 1) != NULL)
		init_mb_mgr_auto(manager, NULL);
	if (manager->used_arch != IMB_ARCH_AVX512 || (manager->features & FEATURES) != FEATURES ||
	    !(manager->features & IMB_FEATURE_SELF_TEST_PASS)) {
		gpu_ipsec_mb_manager_destroy(manager);
		return -EOPNOTSUPP;
	}
	*ret = manager;
	return 0;
}

void gpu_ipsec_mb_manager_destroy(struct IMB_MGR *manager)
{
	if (manager != NULL)
		gpu_secret_free(*manager_block(manager, manager_size()));
}

void gpu_ipsec_mb_expand(const uint8_t key[GPU_KEY_SIZE], uint8_t schedule[GPU_SCHEDULE_SIZE])
{
	/* AES-CTR never decrypts a block: the other half of the schedule is not made. */
	aes_keyexp_128_enc_avx512(key, schedule);
}

/* The library steps the low 32 bits of the counter alone: how far it can go until they wrap. */
static uint64_t bytes_until_wrap(const uint8_t counter[GPU_IV_SIZE])
{
	uint32_t low;

	memcpy(&low, counter + (GPU_IV_SIZE - sizeof(low)), sizeof(low));
	return (((uint64_t)1 << 32) - be32toh(low)) * GPU_BLOCK_SIZE;
}

/*
 * src may change meanwhile. The library loads up to one block more than it needs at the start of 256 bytes and more, drops
 * it and loads it again: each byte of dst still comes from one read of src, and dst is never read.
 */
int gpu_ipsec_mb_crypt(struct IMB_MGR *manager, const uint8_t schedule[GPU_SCHEDULE_SIZE], uint8_t counter[GPU_IV_SIZE],
		       const uint8_t *src, uint8_t *dst, size_t size)
{
	IMB_JOB job = {
		.enc_keys = schedule,
		.key_len_in_bytes = GPU_KEY_SIZE,
		.iv = counter,
		.iv_len_in_bytes = GPU_IV_SIZE,
	};

	while (size > 0) {
		uint64_t room = bytes_until_wrap(counter);
		uint64_t chunk = room < CHUNK_MAX ? room : CHUNK_MAX;

		chunk = chunk < size ? chunk : size;
		job.src = src;
		job.dst = dst;
		job.msg_len_to_cipher_in_bytes = chunk;
		/* Done on return: nothing waits in the manager. */
		if (IMB_SUBMIT_CIPHER_BURST(manager, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) != 1)
			return -EIO;
		gpu_counter_add(counter, chunk / GPU_BLOCK_SIZE);
		src += chunk;
		dst += chunk;
		size -= chunk;
	}
	return 0;
}
