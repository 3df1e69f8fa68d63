/* SPDX-License-Identifier: MIT */
/* What operations with secrets leave on the stack and in registers: nothing of a key, key stream or plaintext (SEC-12). */
#include "kmd_fixture_channel.h"
#include "wipe_probe.h"

#include "gpu/private.h"
#include "service/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 64, SIZE = WIDTH * WIDTH * 4, WORDS_OF_FORGETTING = 8 };

/* ---- the probe finds what is there ------------------------------------------------------------------- */

static uint8_t planted[64];

static void plant_nothing(void *argument)
{
	(void)argument;
}

static void plant_below(void *argument)
{
	uint8_t copy[3000];

	(void)argument;
	for (size_t i = 0; i < 16; i++)
		((volatile uint8_t *)copy)[1001 + i] = planted[i];
	__asm__ volatile("" ::"r"(copy) : "memory");
}

static void plant_half(void *argument)
{
	uint8_t copy[64];

	(void)argument;
	for (size_t i = 0; i < 8; i++)
		((volatile uint8_t *)copy)[3 + i] = planted[5 + i];
	__asm__ volatile("" ::"r"(copy) : "memory");
}

#if defined(__x86_64__)
static void plant_general(void *argument)
{
	(void)argument;
	__asm__ volatile("mov %0, %%r9" ::"m"(planted) : "r9");
}

static void plant_low(void *argument)
{
	(void)argument;
	__asm__ volatile("movdqu %0, %%xmm13" ::"m"(planted) : "xmm13");
}

static void plant_upper(void *argument)
{
	(void)argument;
	__asm__ volatile("vmovdqu %0, %%ymm3\n vpxor %%xmm1, %%xmm1, %%xmm1" ::"m"(planted) : "xmm1", "xmm3");
}

static void plant_high(void *argument)
{
	(void)argument;
	__asm__ volatile("vmovdqu64 %0, %%zmm29" ::"m"(planted));
}

static void plant_mask(void *argument)
{
	(void)argument;
	__asm__ volatile("kmovq %0, %%k5" ::"m"(planted));
}
#endif

/* Behind a pointer of a pointer: functions are not data. */
static void plant_and_forget(void *argument)
{
	void (*const *plant)(void *) = argument;

	(*plant)(NULL);
	gpu_forget();
}

static void test_probe_finds_what_is_planted(void **state)
{
	(void)state;
	wp_need_stack();
	wp_forget();
	assert_int_equal(gpu_random(planted, sizeof(planted)), 0);
	assert_int_equal(wp_look_behind(plant_below, NULL), 0);
	wp_key("planted", planted);
	assert_int_equal(wp_look_behind(plant_nothing, NULL), 0);
	/* A byte beside it may be the secret's next one by chance. */
	assert_in_range(wp_look_behind(plant_below, NULL), 9, 11);
	assert_true(wp_depth() > 1000);
	assert_in_range(wp_look_behind(plant_half, NULL), 1, 3);
#if defined(__x86_64__)
	assert_in_range(wp_look_behind(plant_general, NULL), 1, 3);
	assert_in_range(wp_look_behind(plant_low, NULL), 9, 11);
	if (__builtin_cpu_supports("avx512bw")) {
		wp_secret("planted", planted, sizeof(planted));
		assert_true(wp_look_behind(plant_upper, NULL) >= 9);
		assert_true(wp_look_behind(plant_high, NULL) >= 9);
		assert_in_range(wp_look_behind(plant_mask, NULL), 1, 3);
	}
#endif
}

/* What stands before the end of each entry does away with all of it. */
static void test_forget(void **state) /* SEC-12 */
{
	void (*const plants[])(void *) = {
		plant_below,
		plant_half,
#if defined(__x86_64__)
		plant_general,
		plant_low,
		plant_upper,
		plant_high,
		plant_mask,
#endif
	};

	(void)state;
	wp_need_stack();
	wp_forget();
	assert_int_equal(gpu_random(planted, sizeof(planted)), 0);
	wp_secret("planted", planted, sizeof(planted));
	for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
		if (i > 3 && !__builtin_cpu_supports("avx512bw"))
			continue;
		assert_true(wp_look_behind(plants[i], NULL) > 0);
		wp_assert_none(wp_look_behind(plant_and_forget, (void *)&plants[i]), "gpu_forget");
	}
}

/* ---- a world with keys that are known ------------------------------------------------------------------ */

/* One escape, and by what it goes: the driver's own entries are what is looked behind. */
struct call {
	struct kf *kf;
	int device;
	DXGKARG_ESCAPE arg;
	HANDLE owner, worker;
	uint64_t size;
	HANDLE object;
	struct dxgk_picture picture;
	NTSTATUS status;
};

struct world {
	struct kf *kf;
	int device;
	D3DKMT_HANDLE session, cipher, out, inside;
	uint8_t key[16], content_key[16], wrapped[16], readback[16];
	uint8_t plain[SIZE];
	uint64_t iv;
	HANDLE workers[2];
};

static void by_escape(void *argument)
{
	struct call *call = argument;

	call->status = kmd_driver.DxgkDdiEscape(call->kf->adapter, &call->arg);
}

static void by_worker(void *argument)
{
	struct call *call = argument;

	call->status = kmd_driver.BeginTransfer(call->kf->adapter, call->owner, &call->arg, &call->size);
	if (call->status == STATUS_SUCCESS && call->size > 0) {
		kmd_driver.RunTransfer(call->owner, call->owner, 0, call->size);
		kmd_driver.FinishTransfer(call->owner, &call->arg);
	}
	kmd_driver.Forget();
}

static void by_helper(void *argument)
{
	struct call *call = argument;

	kmd_driver.RunTransfer(call->owner, call->worker, call->size / 2, call->size / 2);
	kmd_driver.Forget();
}

static void look_behind_end(struct world *w, const char *what, void (*function)(void *), struct call *call)
{
	unsigned int count;

	w->kf->calling = w->device;
	count = wp_look_behind(function, call);
	w->kf->calling = -1;
	wp_assert_none(count, what);
}

/* Below the entry's own frame nothing is as it was, secret or not. */
static void look_behind(struct world *w, const char *what, void (*function)(void *), struct call *call)
{
	look_behind_end(w, what, function, call);
	if (wp_words_below(1024) > WORDS_OF_FORGETTING)
		fail_msg("%s: %u words of its stack are as they were", what, wp_words_below(1024));
}

static HRESULT escape(struct world *w, const char *what, void *data, UINT size)
{
	struct call call = { .kf = w->kf, .device = w->device };

	call.arg = (DXGKARG_ESCAPE) {
		.hDevice = w->kf->devices[w->device],
		.pPrivateDriverData = data,
		.PrivateDriverDataSize = size,
	};
	look_behind(w, what, by_escape, &call);
	assert_int_equal(call.status, STATUS_SUCCESS);
	return ((struct drv_escape *)data)->result;
}

static struct drv_escape header(const struct world *w, uint32_t command)
{
	return (struct drv_escape) { .magic = DRV_MAGIC, .command = command, .result = 1, .session = w->session };
}

static HRESULT exchange(struct world *w, const char *what, const void *payload, size_t size)
{
	struct drv_escape_key_exchange message = { .header = header(w, DRV_COMMAND_KEY_EXCHANGE) };

	kf_blob(GPU_LEAF_SESSION, "SHA512", "", payload, size, message.blob);
	return escape(w, what, &message, sizeof(message));
}

static void random_key(const char *name, uint8_t ret[16])
{
	assert_int_equal(gpu_random(ret, 16), 0);
	wp_key(name, ret);
}

static void know_readback_key(struct world *w, const char *what)
{
	struct drv_escape_key message = { .header = header(w, DRV_COMMAND_GET_READBACK_KEY) };

	random_key("the read-back key", w->readback);
	kf_random = w->readback;
	assert_int_equal(escape(w, what, &message, sizeof(message)), S_OK);
	kf_random = NULL;
}

static void world_open(struct world *w, enum gpu_engine engine)
{
	struct kmd_config config;

	memset(w, 0, sizeof(*w));
	assert_int_equal(gpu_engine_start(engine), 0);
	wp_forget();
	kf_config(&config);
	config.caps |= D3DCPCAPS_CONTENTKEY | D3DCPCAPS_PARTIALDECRYPTION;
	w->kf = kf_start(&config);
	w->device = kf_device(w->kf);
	w->session = kf_session(w->kf, w->device);
	w->cipher = kf_system(w->kf, w->device, WIDTH, WIDTH);
	w->out = kf_system(w->kf, w->device, WIDTH, WIDTH);
	w->inside = kf_protected(w->kf, w->device, WIDTH, WIDTH);
	for (int i = 0; i < 2; i++)
		w->workers[i] = kf_worker(w->kf);
	random_key("the session key", w->key);
	random_key("the content key", w->content_key);
	assert_int_equal(gpu_random(w->plain, SIZE), 0);
	wp_bulk("the plaintext", w->plain, SIZE);
}

static void world_key(struct world *w)
{
	assert_int_equal(exchange(w, "key exchange", w->key, 16), S_OK);
	kf_aes(w->key, 1, w->content_key, w->wrapped);
}

static void world_close(struct world *w)
{
	kf_stop(w->kf);
}

/* With DXVAULT_TEST_ENGINE that one alone. */
static bool has_engine(enum gpu_engine engine)
{
	return engine == GPU_ENGINE_LIBCRYPTO || (!gpu_engine_missing() && !getenv("DXVAULT_TEST_ENGINE"));
}

static void engine_named(char *ret, size_t size, const char *what)
{
	snprintf(ret, size, "%s (%s)", what, gpu_engine_name());
}

#define WITH_EACH_ENGINE(engine)                                                                     \
	for (enum gpu_engine engine = GPU_ENGINE_LIBCRYPTO; engine <= GPU_ENGINE_IPSEC_MB; engine++) \
		if (has_engine(engine))

/* ---- keys ---------------------------------------------------------------------------------------------- */

static void test_session_keys(void **state) /* SEC-12 */
{
	struct drv_escape_key message;
	struct world w;
	uint8_t number[16], fresh[17];

	(void)state;
	wp_need_stack();
	WITH_EACH_ENGINE(engine)
	{
		world_open(&w, engine);
		world_key(&w);
		know_readback_key(&w, "read-back key");

		message = (struct drv_escape_key) { .header = header(&w, DRV_COMMAND_START_REFRESH) };
		assert_int_equal(escape(&w, "start of a refresh", &message, sizeof(message)), S_OK);
		memcpy(number, message.value, 16);
		for (int i = 0; i < 16; i++)
			w.key[i] ^= number[i];
		wp_key("the refreshed key", w.key);
		message = (struct drv_escape_key) { .header = header(&w, DRV_COMMAND_FINISH_REFRESH) };
		assert_int_equal(escape(&w, "refresh", &message, sizeof(message)), S_OK);

		/* Refused, and taken by a session that has a key. */
		assert_int_equal(gpu_random(fresh, sizeof(fresh)), 0);
		wp_secret("what was unwrapped", fresh, sizeof(fresh));
		wp_key("what was unwrapped", fresh);
		assert_int_equal(exchange(&w, "refused key exchange", fresh, 17), E_INVALIDARG);
		assert_int_equal(exchange(&w, "second key exchange", fresh, 16), S_OK);
		world_close(&w);
	}
}

static void test_channel_keys(void **state) /* SEC-12 */
{
	struct drv_escape_channel_key exchange_message = { .header = { .magic = DRV_MAGIC } };
	struct drv_escape_message message;
	struct kf_channel channel;
	const uint32_t flags = 1;
	struct world w;

	(void)state;
	wp_need_stack();
	world_open(&w, GPU_ENGINE_AUTO);
	channel = kf_channel(w.kf, w.device, KF_SOFTWARE);
	random_key("the channel's key", channel.key);
	exchange_message.header.command = DRV_COMMAND_CHANNEL_KEY_EXCHANGE;
	exchange_message.channel = channel.handle;
	kf_blob(GPU_LEAF_CHANNEL, "SHA512", "", channel.key, 16, exchange_message.blob);
	assert_int_equal(escape(&w, "key exchange of a channel", &exchange_message, sizeof(exchange_message)), S_OK);
	kf_initialise(&channel, 1, 1);

	message = kf_message(&channel, KF_PROTECTION, channel.next_configure++, &flags, sizeof(flags));
	assert_int_equal(escape(&w, "command of a channel", &message, sizeof(message)), S_OK);
	message = kf_message(&channel, KF_Q_PROTECTION, channel.next_query++, NULL, 0);
	assert_int_equal(escape(&w, "query of a channel", &message, sizeof(message)), S_OK);

	/* What the tag should have been is as good as a key for one message. */
	message = kf_message(&channel, KF_PROTECTION, channel.next_configure++, &flags, sizeof(flags));
	wp_secret("the right tag", message.input, 16);
	memset(message.input, 0, 16);
	assert_int_equal(escape(&w, "command with a wrong tag", &message, sizeof(message)), E_INVALIDARG);
	world_close(&w);
}

/* ---- blts ---------------------------------------------------------------------------------------------- */

static void know_key_stream(const uint8_t key[16], const uint8_t iv[16])
{
	static const uint8_t zeros[SIZE];
	uint8_t *stream = malloc(SIZE);

	assert_non_null(stream);
	kf_ctr(key, iv, zeros, stream, SIZE);
	wp_bulk("key stream", stream, SIZE);
	free(stream);
}

/* Long runs, short runs in both orders, a clear first part, one block. */
static const D3DDDIENCRYPTED_BLOCK_INFO patterns[] = {
	{ 0, 0, 16 }, { 0, 16, 16 }, { 48, 144, 16 }, { 2048, 4096, 2048 }, { 64, 0, 0 }, { 0, 256, 48 },
};

enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

/* The blt under the pattern: none for PATTERNS. Encrypts the plaintext as the application does. */
static struct drv_escape_blt decryption(struct world *w, int pattern, bool has_content_key)
{
	const uint8_t *key = has_content_key ? w->content_key : w->key;
	struct drv_escape_blt blt = kf_blt(w->kf, w->session, DRV_COMMAND_DECRYPTION_BLT, w->cipher, w->inside);
	uint8_t *bytes = kf_bytes(w->kf, w->cipher);
	uint8_t *gathered = malloc(SIZE);
	size_t count = 0, at;
	struct {
		uint32_t first, skip, encrypt;
	} info = { 0, 0, 16 };

	assert_non_null(gathered);
	kf_iv(blt.iv, ++w->iv, 0);
	if (has_content_key) {
		blt.flags |= DRV_BLT_HAS_CONTENT_KEY;
		memcpy(blt.content_key, w->wrapped, 16);
	}
	if (pattern < PATTERNS) {
		blt.flags |= DRV_BLT_HAS_BLOCK_INFO;
		blt.block_info = patterns[pattern];
		info.first = patterns[pattern].NumEncryptedBytesAtBeginning;
		info.skip = patterns[pattern].NumBytesInSkipPattern;
		info.encrypt = patterns[pattern].NumBytesInEncryptPattern;
	}
#define IS_ENCRYPTED(at) \
	((at) < info.first || (info.encrypt > 0 && ((at)-info.first) % (info.skip + info.encrypt) >= info.skip))
	for (at = 0; at < SIZE; at += 16) {
		if (IS_ENCRYPTED(at)) {
			memcpy(gathered + count, w->plain + at, 16);
			count += 16;
		}
	}
	kf_ctr(key, blt.iv, gathered, gathered, count);
	count = 0;
	/* What is clear on its way in is no secret: it must not look like one. */
	memset(bytes, 0x11, SIZE);
	for (at = 0; at < SIZE; at += 16) {
		if (IS_ENCRYPTED(at)) {
			memcpy(bytes + at, gathered + count, 16);
			count += 16;
		}
	}
	free(gathered);
	know_key_stream(key, blt.iv);
	return blt;
}

static void test_decryption(void **state) /* SEC-12 */
{
	struct world w;
	char what[96];

	(void)state;
	wp_need_stack();
	WITH_EACH_ENGINE(engine)
	{
		for (int pattern = 0; pattern <= PATTERNS; pattern++) {
			for (int content_key = 0; content_key < 2; content_key++) {
				struct drv_escape_blt blt;

				world_open(&w, engine);
				world_key(&w);
				blt = decryption(&w, pattern, content_key);
				engine_named(what, sizeof(what), "DecryptionBlt");
				assert_int_equal(escape(&w, what, &blt, sizeof(blt)), S_OK);
				if (pattern == PATTERNS)
					assert_memory_equal(kf_inside(w.kf, w.inside), w.plain, SIZE);
				/* The same again is refused: after its content key was unwrapped. */
				assert_int_equal(escape(&w, "refused DecryptionBlt", &blt, sizeof(blt)),
						 D3DDDIERR_INVALIDCALL);
				world_close(&w);
			}
		}
	}
}

static void run_by_worker(struct world *w, const char *what, struct drv_escape_blt *blt, HRESULT expected)
{
	struct call call = { .kf = w->kf, .device = w->device, .owner = w->workers[0] };

	call.arg = (DXGKARG_ESCAPE) {
		.hDevice = w->kf->devices[w->device],
		.pPrivateDriverData = blt,
		.PrivateDriverDataSize = sizeof(*blt),
	};
	look_behind(w, what, by_worker, &call);
	assert_int_equal(call.status, STATUS_SUCCESS);
	assert_int_equal(blt->header.result, expected);
}

static void test_workers(void **state) /* SEC-12 */
{
	struct world w;
	char what[96];

	(void)state;
	wp_need_stack();
	WITH_EACH_ENGINE(engine)
	{
		for (int pattern = 0; pattern <= PATTERNS; pattern++) {
			struct call call = { 0 };
			struct drv_escape_blt blt;

			world_open(&w, engine);
			world_key(&w);
			engine_named(what, sizeof(what), "blt of a worker");
			blt = decryption(&w, pattern, true);
			run_by_worker(&w, what, &blt, S_OK);
			run_by_worker(&w, "refused blt of a worker", &blt, D3DDDIERR_INVALIDCALL);

			/* Another worker's part, while the owner has the slot's own schedule in use. */
			blt = decryption(&w, pattern, true);
			call = (struct call) { .kf = w.kf, .owner = w.workers[0], .worker = w.workers[1] };
			assert_int_equal(kf_begin(w.kf, call.owner, w.device, &blt, &call.size), STATUS_SUCCESS);
			assert_int_equal(call.size, SIZE);
			if (engine == GPU_ENGINE_LIBCRYPTO)
				(void)atomic_flag_test_and_set(
					&kf_session_inside(w.kf, w.session)->spare->ctr_is_taken);
			engine_named(what, sizeof(what), "a helper's part");
			look_behind(&w, what, by_helper, &call);
			atomic_flag_clear(&kf_session_inside(w.kf, w.session)->spare->ctr_is_taken);
			kmd_driver.RunTransfer(call.owner, call.owner, 0, SIZE / 2);
			kf_finish(call.owner, &blt);
			assert_int_equal(blt.header.result, S_OK);
			world_close(&w);
		}
	}
}

static void test_encryption(void **state) /* SEC-12 */
{
	struct drv_escape_blt blt;
	struct world w;
	uint8_t iv[16];
	char what[96];

	(void)state;
	wp_need_stack();
	WITH_EACH_ENGINE(engine)
	{
		world_open(&w, engine);
		world_key(&w);
		know_readback_key(&w, "read-back key");
		blt = decryption(&w, PATTERNS, false);
		assert_int_equal(escape(&w, "DecryptionBlt", &blt, sizeof(blt)), S_OK);
		assert_int_equal(kf_encrypt(w.kf, w.device, w.session, w.inside, w.out, iv), S_OK);
		for (int i = 0; i < 2; i++) {
			kf_iv(iv, kf_iv_number(iv) + 1, 0);
			know_key_stream(w.readback, iv);
			blt = kf_blt(w.kf, w.session, DRV_COMMAND_ENCRYPTION_BLT, w.inside, w.out);
			engine_named(what, sizeof(what), "EncryptionBlt");
			if (i == 0)
				assert_int_equal(escape(&w, what, &blt, sizeof(blt)), S_OK);
			else
				run_by_worker(&w, what, &blt, S_OK);
			assert_memory_equal(blt.iv, iv, 16);
		}
		world_close(&w);
	}
}

/* ---- pictures -------------------------------------------------------------------------------------------- */

static struct screen *screen;

static NTSTATUS show(HANDLE DeviceHandle, const struct dxgk_picture *picture)
{
	(void)DeviceHandle;
	return screen_show(screen, picture) == 0 ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL;
}

static void by_present(void *argument)
{
	struct call *call = argument;

	call->status = kmd_driver.Present(call->kf->devices[call->device], call->object, &call->picture);
}

static void test_present(void **state) /* SEC-12 */
{
	static const uint32_t formats[] = { D3DDDIFMT_A8R8G8B8, D3DDDIFMT_NV12, D3DDDIFMT_YUY2 };
	char folder[] = "/tmp/test_wipe.XXXXXX";
	struct world w;

	(void)state;
	wp_need_stack();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(screen_open(folder, &screen), 0);
	world_open(&w, GPU_ENGINE_AUTO);
	w.kf->kernel.ShowPicture = show;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const D3DDDI_RESOURCEFLAGS flags = { .RestrictedContent = 1 };
		const struct drv_allocation info = kf_info(D3DDDIPOOL_VIDEOMEMORY, flags.Value, formats[i], WIDTH,
							   WIDTH);
		struct call call = { .kf = w.kf, .device = w.device };
		struct kmd_allocation *allocation;
		D3DKMT_HANDLE handle = 0;

		assert_int_equal(kf_allocate(w.kf, w.device, &info, 1, &handle), STATUS_SUCCESS);
		allocation = kf_object(w.kf, handle)->driver;
		memcpy(allocation->memory, w.plain, (size_t)allocation->size);
		call.object = kf_object(w.kf, handle)->opened[w.device];
		call.picture = (struct dxgk_picture) {
			.count = (UINT)i + 1,
			.duration = 1,
			.width = WIDTH,
			.height = WIDTH,
			.format = (D3DDDIFORMAT)formats[i],
			.rotation = D3DDDI_ROTATION_IDENTITY,
			.refresh_rate = { 60, 1 },
			.source = { 0, 0, WIDTH, WIDTH },
			.destination = { 0, 0, WIDTH, WIDTH },
		};
		look_behind(&w, "Present", by_present, &call);
		assert_int_equal(call.status, STATUS_SUCCESS);
	}
	world_close(&w);
	assert_int_equal(screen_close(screen), 0);
	assert_int_equal(unlinkat(AT_FDCWD, folder, AT_REMOVEDIR) == 0 || errno == ENOTEMPTY, 1);
}

/* ---- ends ------------------------------------------------------------------------------------------------ */

static void by_destroy_session(void *argument)
{
	struct call *call = argument;

	call->status = kmd_driver.DxgkDdiDestroyProtectedSession(call->kf->adapter, call->object);
}

static void by_destroy_device(void *argument)
{
	struct call *call = argument;

	call->status = kmd_driver.DxgkDdiDestroyDevice(call->object);
}

static void by_loss(void *argument)
{
	struct call *call = argument;

	kmd_driver.LoseKeys(call->kf->adapter);
}

static void by_session_loss(void *argument)
{
	struct call *call = argument;

	kmd_driver.LoseSessionKeys(call->kf->adapter, call->object);
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

static void test_ends(void **state) /* SEC-12 */
{
	void (*const functions[])(void *) = { by_destroy_session, by_destroy_device, by_loss, by_session_loss };
	static const char *const names[] = { "end of a session", "end of a device", "loss of all", "loss of one" };
	struct world w;

	(void)state;
	wp_need_stack();
	WITH_EACH_ENGINE(engine)
	{
		for (int i = 0; i < 4; i++) {
			struct call call;
			struct drv_escape_blt blt;
			struct kf_channel channel;

			world_open(&w, engine);
			world_key(&w);
			know_readback_key(&w, "read-back key");
			channel = kf_channel_ready(w.kf, w.device, KF_SOFTWARE);
			wp_key("the channel's key", channel.key);
			blt = decryption(&w, PATTERNS, true);
			assert_int_equal(escape(&w, "DecryptionBlt", &blt, sizeof(blt)), S_OK);
			call = (struct call) { .kf = w.kf, .device = w.device };
			call.object = kf_session_inside(w.kf, w.session);
			if (i == 1) {
				/* The fixture closes what is open; the driver's part comes then. */
				kf_free(w.kf, w.inside);
				kf_free(w.kf, w.cipher);
				kf_free(w.kf, w.out);
				call.object = w.kf->devices[w.device];
			}
			if (i == 0)
				kf_object(w.kf, w.session)->driver = NULL;
			/* What they call for reads no secret, and goes not deep. */
			look_behind_end(&w, names[i], functions[i], &call);
			if (i == 0)
				kf_object(w.kf, w.session)->type = 0;
			if (i == 1)
				w.kf->devices[w.device] = NULL;
			world_close(&w);
		}
	}
}

/*
 * As NAME-libcrypto this runs on a processor without instructions for AES, as far as libcrypto knows, which then clears after
 * itself less carefully. It looks for them when it is loaded.
 */
static void without_aes(char **argv)
{
	const char *engine = getenv("DXVAULT_TEST_ENGINE");

	if (!engine || strcmp(engine, "libcrypto") != 0 || getenv("OPENSSL_ia32cap"))
		return;
	setenv("OPENSSL_ia32cap", "~0x200000200000000", 1);
	execv("/proc/self/exe", argv);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe_finds_what_is_planted),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_session_keys),
		cmocka_unit_test(test_channel_keys),
		cmocka_unit_test(test_decryption),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_encryption),
		cmocka_unit_test(test_present),
		cmocka_unit_test(test_ends),
	};

	without_aes(argv);
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("wipe_stack", tests, NULL, teardown_all);
}
