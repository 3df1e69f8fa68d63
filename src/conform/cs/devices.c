/* SPDX-License-Identifier: MIT */
/* A session and the device that created it; two devices on two threads. */
#include "conform/cs/cs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Only the session is the other device's: the surfaces are the calling device's own. */
static void another_device_is_refused(struct cf *cf)
{
	static struct cs_bench bench, elsewhere;

	cs_open_keyed(cf, &bench);
	cs_open_keyed(cf, &elsewhere);
	if (cs_offers(&bench, CS_READ_BACK_KEY))
		CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
	for (int entry = 0; entry < CS_ENTRIES; entry++) {
		char text[96];

		if (!cs_offers(&bench, entry))
			continue;
		snprintf(text, sizeof(text), "%s(a session of another device)", cs_name(entry));
		cf_check_fails(cf, "CS-05", E_INVALIDARG, cs_call(&elsewhere, entry, elsewhere.device.h, bench.session),
			       text);
		/* What the call needs that the one before took away. */
		if (entry == CS_FINISH)
			CF_NEED(cf, cs_call(&bench, CS_START, bench.device.h, bench.session));
		if (entry == CS_ENCRYPT && cs_offers(&bench, CS_READ_BACK_KEY))
			CF_NEED(cf, cs_call(&bench, CS_READ_BACK_KEY, bench.device.h, bench.session));
		snprintf(text, sizeof(text), "%s(the same on its own device)", cs_name(entry));
		cf_check_code(cf, "CS-05", CF_BY_PAGE, S_OK, cs_call(&bench, entry, bench.device.h, bench.session),
			      text);
	}
}

/* A refusal through the other device left the key alone. */
static void another_device_changes_no_key(struct cf *cf)
{
	static struct cs_bench bench, elsewhere;
	uint8_t other[CF_KEY], blob[CF_BLOB];

	cs_open_keyed(cf, &bench);
	cs_open_keyed(cf, &elsewhere);
	cs_need_transfers(&bench);
	cf_key(1, other);
	cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, other, sizeof(other), blob);
	CF_FAILS(cf, "CS-05", E_INVALIDARG, cf_exchange_blob(&elsewhere.device, bench.session, blob));
	CF_OK(cf, "CS-05", cs_put(&bench, cf_key_k, 5));
	CF_OK(cf, "CS-05", cs_get(&bench, cf_key_k));
	CF_TRUE(cf, "CS-05", cs_is_picture(&bench), "another picture came back: the key was replaced");
}

/* ---- two threads ------------------------------------------------------------------------------------------- */

enum { ROUNDS = 500 }; /* of each: 1000 exchanges and transfers in all */

struct worker {
	struct cs_bench bench;
	uint8_t key[CF_KEY];
	int refused, wrong;
};

/* No check here: those are the main thread's. A vector of the thread's own, since the test's counter is shared. */
static void one_round(struct worker *worker, uint64_t round)
{
	struct cs_bench *bench = &worker->bench;
	const size_t size = bench->protected.size;
	uint8_t wrapped[CF_KEY], key[CF_KEY], iv[CF_KEY];

	worker->refused += cf_exchange_blob(&bench->device, bench->session, bench->blob) != S_OK;
	cf_pattern(bench->plain, size, (uint32_t)round);
	cf_iv(iv, round, 0);
	cf_ctr(worker->key, iv, bench->plain, bench->system.memory, size);
	worker->refused += cf_decrypt(&bench->device, bench->session, &bench->system, &bench->protected, iv) != S_OK;
	worker->refused += cf_read_back_key(&bench->device, bench->session, wrapped) != S_OK;
	cf_ecb(worker->key, /* encrypt= */ false, wrapped, key);
	worker->refused += cf_encrypt(&bench->device, bench->session, &bench->protected, &bench->system, iv) != S_OK;
	cf_ctr(key, iv, bench->system.memory, bench->back, size);
	worker->wrong += !cs_is_picture(bench);
}

static void *work(void *argument)
{
	for (uint64_t round = 1; round <= ROUNDS; round++)
		one_round(argument, round);
	return NULL;
}

static void two_devices_on_two_threads(struct cf *cf)
{
	static struct worker workers[2];
	pthread_t threads[2];

	for (uint32_t i = 0; i < 2; i++) {
		cs_open(cf, &workers[i].bench);
		cs_need_transfers(&workers[i].bench);
		cs_need_read_back_key(cf);
		cf_key(10 + i, workers[i].key);
		cf_wrap(cf, D3DDDI_CERTTYPE_CRYPTOSESSION, workers[i].key, CF_KEY, workers[i].bench.blob);
	}
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			cf_give_up(cf, "no thread");
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++) {
		CF_TRUE_DECIDED(cf, "CS-11", workers[i].refused == 0, "%d calls of thread %d failed",
				workers[i].refused, i);
		CF_TRUE_DECIDED(cf, "CS-11", workers[i].wrong == 0, "%d pictures of thread %d came back wrong",
				workers[i].wrong, i);
	}
}

const struct cf_test cs_tests_devices[] = {
	{ .name = "another-device-is-refused", .rules = "CS-05", .run = another_device_is_refused },
	{ .name = "another-device-changes-no-key", .rules = "CS-05", .run = another_device_changes_no_key },
	{ .name = "two-devices-on-two-threads", .rules = "CS-11", .run = two_devices_on_two_threads },
	{ 0 },
};
