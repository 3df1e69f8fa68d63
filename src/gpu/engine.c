/* SPDX-License-Identifier: MIT */
/* Which library does AES-CTR, and what the threads need that use it. */
#include "gpu/private.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

static pthread_mutex_t choice_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(enum gpu_engine) chosen; /* GPU_ENGINE_AUTO: not yet */
static _Atomic(const char *) broken;	/* what came out only when the engine was tried */

static pthread_mutex_t ordinary_lock = PTHREAD_MUTEX_INITIALIZER;
static struct gpu_worker *ordinary; /* made with the first choice of intel-ipsec-mb, kept for the process */

#ifdef CONFIG_IPSEC_MB
static const char *ipsec_mb_missing(void)
{
	const char *why = atomic_load(&broken);

	return why != NULL ? why : gpu_ipsec_mb_missing();
}

static int manager_create(struct gpu_worker *worker)
{
	return gpu_ipsec_mb_manager_create(&worker->manager);
}

static void manager_destroy(struct gpu_worker *worker)
{
	gpu_ipsec_mb_manager_destroy(worker->manager);
}
#else
static const char *ipsec_mb_missing(void)
{
	return "dxvault was built without it";
}

static int manager_create(struct gpu_worker *worker)
{
	return -EOPNOTSUPP;
}

static void manager_destroy(struct gpu_worker *worker)
{
}
#endif

static int worker_create(enum gpu_engine engine, struct gpu_worker **ret)
{
	struct gpu_worker *worker = gpu_secret_alloc(sizeof(*worker));
	int r;

	if (worker == NULL)
		return -ENOMEM;
	worker->engine = engine;
	r = engine == GPU_ENGINE_IPSEC_MB ? manager_create(worker) : gpu_ctr_context_create(&worker->ctr);
	if (r < 0) {
		gpu_worker_destroy(worker);
		return r;
	}
	*ret = worker;
	return 0;
}

static int ordinary_prepare(void)
{
	int r;

	if (ipsec_mb_missing() != NULL)
		return -EOPNOTSUPP;
	if (ordinary != NULL)
		return 0;
	r = worker_create(GPU_ENGINE_IPSEC_MB, &ordinary);
	if (r == -EOPNOTSUPP)
		atomic_store(&broken, "its self-test failed");
	return r;
}

/* Under choice_lock. */
static int choose(enum gpu_engine wanted)
{
	enum gpu_engine engine = wanted == GPU_ENGINE_AUTO ? GPU_ENGINE_IPSEC_MB : wanted;
	int r = engine == GPU_ENGINE_IPSEC_MB ? ordinary_prepare() : 0;

	if (r == -EOPNOTSUPP && wanted == GPU_ENGINE_AUTO) {
		engine = GPU_ENGINE_LIBCRYPTO;
		r = 0;
	}
	if (r == 0)
		atomic_store(&chosen, engine);
	return r;
}

int gpu_engine_start(enum gpu_engine engine)
{
	/* Wrapping is libcrypto's in any case. */
	int r = gpu_ciphers_fetch();

	if (r < 0)
		return r;
	pthread_mutex_lock(&choice_lock);
	r = choose(engine);
	pthread_mutex_unlock(&choice_lock);
	return r;
}

int gpu_engine_current(enum gpu_engine *ret)
{
	int r = 0;

	pthread_mutex_lock(&choice_lock);
	if (atomic_load(&chosen) == GPU_ENGINE_AUTO)
		r = choose(GPU_ENGINE_AUTO);
	if (r == 0)
		*ret = atomic_load(&chosen);
	pthread_mutex_unlock(&choice_lock);
	return r;
}

const char *gpu_engine_missing(void)
{
	return ipsec_mb_missing();
}

const char *gpu_engine_name(void)
{
	switch (atomic_load(&chosen)) {
	case GPU_ENGINE_LIBCRYPTO:
		return "libcrypto";
	case GPU_ENGINE_IPSEC_MB:
		return "intel-ipsec-mb AVX512";
	case GPU_ENGINE_AUTO:
		break;
	}
	return "none";
}

struct gpu_worker *gpu_engine_worker_lock(void)
{
	pthread_mutex_lock(&ordinary_lock);
	return ordinary;
}

void gpu_engine_worker_unlock(void)
{
	pthread_mutex_unlock(&ordinary_lock);
}

int gpu_worker_create(struct gpu_worker **ret)
{
	enum gpu_engine engine = GPU_ENGINE_AUTO;
	int r = gpu_ciphers_fetch();

	if (r == 0)
		r = gpu_engine_current(&engine);
	if (r == 0)
		r = worker_create(engine, ret);
	return r == -EOPNOTSUPP ? -EIO : r;
}

void gpu_worker_destroy(struct gpu_worker *worker)
{
	if (worker == NULL)
		return;
	EVP_CIPHER_CTX_free(worker->ctr);
	manager_destroy(worker);
	gpu_secret_free(worker);
}
