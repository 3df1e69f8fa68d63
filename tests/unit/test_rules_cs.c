/* SPDX-License-Identifier: MIT */
/* Rules of crypto-session.md that no caller of the DDI can see, and that no other test shows. */
#include "kmd_fixture.h"

#include <string.h>

/* A place in protected memory, and the secret that stood there. */
struct site {
	const uint8_t *at;
	uint8_t secret[GPU_KEY_SIZE];
};

enum { SITES = 32, CONTENT_KEYS = 12 };

struct sites {
	struct site list[SITES];
	size_t count;
};

static void note(struct sites *sites, const uint8_t *at)
{
	static const uint8_t zero[GPU_KEY_SIZE];
	struct site *site = &sites->list[sites->count++];

	assert_true(sites->count <= SITES);
	assert_memory_not_equal(at, zero, GPU_KEY_SIZE); /* or its absence would show nothing */
	site->at = at;
	memcpy(site->secret, at, GPU_KEY_SIZE);
}

/* A session that holds all it can: key, pending number, read-back key, and a history of several keys. */
static D3DKMT_HANDLE full_session(struct kf *kf, int device)
{
	D3DKMT_HANDLE session = kf_session(kf, device);
	D3DKMT_HANDLE system = kf_system(kf, device, 16, 1), protected = kf_protected(kf, device, 16, 1);
	uint8_t value[GPU_KEY_SIZE], wrapped[GPU_KEY_SIZE];

	assert_int_equal(kf_exchange(kf, device, session, KF_C), S_OK);
	for (int i = 0; i < CONTENT_KEYS; i++) {
		memset(wrapped, i + 1, sizeof(wrapped));
		assert_int_equal(kf_decrypt_content(kf, device, session, system, protected, 1, wrapped), S_OK);
	}
	assert_int_equal(kf_decrypt(kf, device, session, system, protected, 1), S_OK);
	assert_int_equal(kf_readback_key(kf, device, session, value), S_OK);
	assert_int_equal(kf_start_refresh(kf, device, session, value), S_OK);
	return session;
}

static void note_all(struct sites *sites, const struct kmd_session *session)
{
	note(sites, gpu_key_bytes(session->key));
	note(sites, gpu_key_bytes(session->readback));
	note(sites, session->secrets->pending);
	assert_int_equal(session->history.count, CONTENT_KEYS + 1);
	for (size_t i = 0; i < session->history.count; i++)
		note(sites, session->history.entries[i].name);
}

static void assert_gone(const struct sites *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		assert_memory_not_equal(sites->list[i].at, sites->list[i].secret, GPU_KEY_SIZE);
}

/* CS-46: when a session goes, nothing of it stands in memory any more: key, read-back key, pending number, history. */
static void a_session_leaves_nothing(void **state)
{
	struct sites sites = { .count = 0 };
	struct kf *kf = kf_start(NULL);
	const int device = kf_device(kf);
	/* Another keeps the memory in which the first one's secrets lay. */
	const D3DKMT_HANDLE other = full_session(kf, device), session = full_session(kf, device);

	(void)state;
	note_all(&sites, kf_session_inside(kf, session));
	kf_session_destroy(kf, session);
	assert_gone(&sites);
	assert_int_equal(kf_finish_refresh(kf, device, other), S_OK);
	kf_stop(kf);
}

static int teardown_all(void **state)
{
	(void)state;
	kf_identity_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_leaves_nothing),
	};

	return cmocka_run_group_tests_name("rules_cs", tests, NULL, teardown_all);
}
