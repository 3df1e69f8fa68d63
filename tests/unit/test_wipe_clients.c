/* SPDX-License-Identifier: MIT */
/* Clients one after the other on the whole stack: nothing of one's keys and pictures stays, or comes to another. */
#include "kernel_fixture_stack.h"
#include "wipe_probe.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OTHER_USER = IK_USER + 1, LARGEST = 256 * 256 * 4 };

static const struct ik_options real = { .real_driver = true };

static int setup(void **state)
{
	*state = ik_start(&real);
	return 0;
}

static int teardown(void **state)
{
	ik_stop(*state);
	return 0;
}

/* ---- between the driver and the GPU --------------------------------------------------------------------------- */

void __real_gpu_forget(void);
void __wrap_gpu_forget(void);
int __real_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size);
int __wrap_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size);

static atomic_uint forgets_of_workers, forgets_of_others;
static atomic_bool is_held; /* workers wait before they move bytes */
static atomic_uint arrivals;

void __wrap_gpu_forget(void)
{
	char name[16] = "";

	(void)pthread_getname_np(pthread_self(), name, sizeof(name));
	(*(strcmp(name, "dxvault-engine") == 0 ? &forgets_of_workers : &forgets_of_others))++;
	__real_gpu_forget();
}

int __wrap_gpu_ctr_part(struct gpu_key *key, struct gpu_worker *worker, const uint8_t iv[16],
			const struct gpu_pattern *pattern, uint64_t offset, const void *src, void *dst, size_t size)
{
	arrivals++;
	while (is_held)
		usleep(1000);
	return __real_gpu_ctr_part(key, worker, iv, pattern, offset, src, dst, size);
}

/* ---- a client ---------------------------------------------------------------------------------------------------- */

static uint8_t cipher[LARGEST];

static void random_bytes(uint8_t *bytes, size_t size)
{
	assert_int_equal(gpu_random(bytes, size), 0);
}

struct client {
	struct st st;
	struct rt_session *session;
	uint8_t key[16];
};

static void client_open(struct client *client)
{
	st_open(&client->st);
	client->session = st_session(&client->st);
	random_bytes(client->key, 16);
	assert_int_equal(st_exchange(&client->st, client->session, client->key), S_OK);
}

static struct rt_surface square(uint32_t side)
{
	return st_surface(D3DDDIFMT_A8R8G8B8, side, side);
}

/* The picture that comes of cipher: looked for from now on. */
static void know_picture(const uint8_t key[16], uint64_t number, size_t size)
{
	uint8_t iv[16], *plain = malloc(size);

	assert_non_null(plain);
	st_iv(iv, number, 0);
	st_ctr(key, iv, cipher, plain, size);
	wp_bulk("a picture", plain, size);
	explicit_bzero(plain, size);
	free(plain);
}

/* ---- what another one gets ------------------------------------------------------------------------------------------ */

static const uint32_t sides[] = { 4, 8, 16, 32, 64, 100, 128, 256 };
static D3DDDIENCRYPTED_BLOCK_INFO patterns[] = { { 0, 0, 16 }, { 64, 160, 16 }, { 0, 16, 2048 } };

enum { SIDES = sizeof(sides) / sizeof(sides[0]), PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static void write_pictures(struct client *client, struct rt_resource **ret)
{
	for (size_t i = 0; i < SIDES; i++) {
		const struct rt_surface surface = square(sides[i]);
		const struct st_system system = st_system(&client->st, &surface);

		memcpy(system.memory, cipher, system.size);
		ret[i] = st_protected(&client->st, &surface, false);
		assert_int_equal(st_decrypt(&client->st, rt_session_handle(client->session), system.handle,
					    rt_resource_handle(ret[i]), (UINT)system.size, i + 1, 0,
					    i < PATTERNS ? &patterns[i] : NULL),
				 S_OK);
		rt_resource_close(system.resource);
	}
}

/* New surfaces of the same sizes, of either kind: read by all means that there are. */
static void read_new_ones(struct client *client)
{
	static uint8_t got[LARGEST];
	static const uint8_t zeros[LARGEST];

	for (size_t i = 0; i < SIDES; i++) {
		const struct rt_surface surface = square(sides[i]);
		const struct st_system system = st_system(&client->st, &surface);
		struct rt_resource *protected = st_protected(&client->st, &surface, false);

		assert_memory_equal(system.memory, zeros, system.size);
		assert_int_equal(st_read(&client->st, client->session, client->key, rt_resource_handle(protected),
					 &system, got, (UINT)system.size),
				 S_OK);
		assert_memory_equal(got, zeros, system.size); /* BLT-103 */
		rt_resource_close(protected);
		rt_resource_close(system.resource);
	}
}

enum end { STAYS, SURFACES_END, SESSION_ENDS, DEVICE_ENDS, KEYS_ARE_LOST, ENDS };

static void nothing_comes_to_another_client(void **state) /* SEC-11 */
{
	struct ik *ik = *state;
	struct kmt_connection *processes[2];
	struct rt_resource *surfaces[SIDES];
	struct client a = { 0 }, b = { 0 };

	ik_need_users();
	processes[0] = ik_process_of(ik, IK_USER);
	processes[1] = ik_process_of(ik, OTHER_USER);
	for (enum end end = 0; end < ENDS; end++) {
		random_bytes(cipher, sizeof(cipher));
		wp_forget();
		kmt_connection_set(processes[0]);
		client_open(&a);
		write_pictures(&a, surfaces);
		know_picture(a.key, SIDES, LARGEST);
		wp_key("a session key", a.key);
		assert_true(wp_look_everywhere(/* is_protected= */ true) >= LARGEST / 4 - 2);
		if (end == SURFACES_END)
			for (size_t i = 0; i < SIDES; i++)
				rt_resource_close(surfaces[i]);
		if (end == SESSION_ENDS)
			rt_session_close(a.session);
		if (end == DEVICE_ENDS)
			st_close(&a.st);
		if (end == KEYS_ARE_LOST)
			ik_lose_keys(ik);

		kmt_connection_set(processes[1]);
		client_open(&b);
		read_new_ones(&b);
		st_close(&b.st);
		kmt_connection_set(processes[0]);
		if (end != DEVICE_ENDS)
			st_close(&a.st);
		ik_settle(ik);
		wp_assert_none(wp_look_everywhere(true), "after the client's device");
	}
}

/* ---- ends of clients -------------------------------------------------------------------------------------------------- */

enum { BLTS = 24, SIDE = 256 };

/* In a child that is about to die: no assertion, and nothing of libcrypto. Returns how far it came. */
static int child_work(struct ik *ik, int socket, const uint8_t blob[256])
{
	static const GUID none;
	static HRESULT results[BLTS];
	const struct rt_surface surface = square(SIDE);
	struct rt_session *session;
	struct rt_resource *system, *protected;
	D3DDDI_RESOURCEFLAGS flags = { .Value = 0 };
	struct st st;
	void *memory;
	size_t size;
	uint32_t pitch;

	kmt_connection_set(ik_child_connect(ik, socket));
	if (!kmt_connection_get() || rt_adapter_open_with(OpenAdapter, &st.adapter) != S_OK ||
	    rt_device_create(st.adapter, &st.device) != S_OK)
		return 1;
	st.funcs = rt_device_funcs(st.device);
	st.handle = rt_device_handle(st.device);
	if (rt_session_create(st.device, &D3DCRYPTOTYPE_AES128_CTR, &none, NULL, 0, &session) != S_OK ||
	    st_exchange_blob(&st, rt_session_handle(session), blob) != S_OK)
		return 2;
	if (rt_resource_create_system(st.device, &surface, &memory, &size, &pitch, &system) != S_OK ||
	    rt_resource_create_protected(st.device, &surface, flags, &protected) != S_OK)
		return 3;
	memcpy(memory, cipher, size);
	if (rt_queue_begin(st.device, BLTS, results) != S_OK)
		return 4;
	for (uint64_t i = 0; i < BLTS; i++)
		if (st_decrypt(&st, rt_session_handle(session), rt_resource_handle(system),
			       rt_resource_handle(protected), (UINT)size, i + 1, 0, NULL) != S_OK)
			return 5;
	return 0;
}

/* Killed with its blts in a ring, the first of them begun: none of it stays. */
static void a_client_dies(void **state) /* SEC-10, SEC-11 */
{
	struct ik *ik = *state;
	struct client parent = { 0 };
	uint8_t key[16], blob[256];
	siginfo_t info;
	uint32_t counted;
	int ends[2];
	char said = 0;

	if (!ik_over_wire())
		ik_skip_in_process("a process does not die in part");
	ik_process(ik);
	client_open(&parent);
	counted = ik_counts(ik).processes;
	for (int round = 0; round < 3; round++) {
		int socket = ik_connect(ik, IK_USER);
		pid_t child;

		random_bytes(cipher, sizeof(cipher));
		random_bytes(key, sizeof(key));
		st_blob(&parent.st, 2, key, blob);
		assert_int_equal(pipe(ends), 0);
		is_held = true;
		arrivals = 0;
		child = fork();
		if (child == 0) {
			said = (char)('0' + child_work(ik, socket, blob));
			(void)!write(ends[1], &said, 1);
			for (;;)
				pause();
		}
		close(socket);
		close(ends[1]);
		assert_int_equal(read(ends[0], &said, 1), 1);
		close(ends[0]);
		assert_int_equal(said, '0');
		while (arrivals == 0)
			usleep(1000);
		wp_forget();
		wp_key("the dead one's key", key);
		assert_true(wp_look_everywhere(true) > 0);
		/* One is in a worker's hand, the others are in the ring. */
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED), 0);
		assert_int_equal(arrivals, 1);
		is_held = false;
		while (ik_counts(ik).processes > counted)
			usleep(1000);
		for (uint64_t i = 0; i < BLTS; i++)
			know_picture(key, i + 1, 4096);
		wp_assert_none(wp_look_everywhere(true), "after the client's death");
	}
	st_close(&parent.st);
}

static void the_adapter_goes(void **state) /* SEC-10, SEC-11 */
{
	struct rt_resource *surfaces[SIDES];
	struct client client = { 0 };

	ik_process(*state);
	random_bytes(cipher, sizeof(cipher));
	client_open(&client);
	write_pictures(&client, surfaces);
	wp_forget();
	know_picture(client.key, SIDES, LARGEST);
	wp_key("a session key", client.key);
	(void)dxgk_remove_device(ik_acquire(*state));
	ik_release(*state);
	ik_settle(*state);
	wp_assert_none(wp_look_everywhere(true), "after the adapter");
	st_close(&client.st);
}

/* ---- what threads forget (SEC-12) -------------------------------------------------------------------------------------- */

/* Where there are rings workers do; without, and for all but blts, whoever calls the driver. */
static void threads_forget(void **state) /* SEC-12 */
{
	struct client client = { 0 };
	struct rt_resource *surfaces[SIDES];
	HRESULT results[2];
	unsigned int before;

	ik_process(*state);
	random_bytes(cipher, sizeof(cipher));
	before = forgets_of_others;
	client_open(&client);
	assert_true(forgets_of_others > before);
	if (ik_over_wire()) {
		before = forgets_of_workers;
		assert_int_equal(rt_queue_begin(client.st.device, 2, results), S_OK);
		assert_int_equal(rt_queue_end(client.st.device, NULL), S_OK);
		write_pictures(&client, surfaces);
		/* When one turns from this ring. */
		for (int i = 0; i < 20000 && forgets_of_workers == before; i++)
			usleep(1000);
		assert_true(forgets_of_workers > before);
	} else {
		before = forgets_of_others;
		write_pictures(&client, surfaces);
		assert_true(forgets_of_others >= before + SIDES);
	}
	st_close(&client.st);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_comes_to_another_client, setup, teardown),
		cmocka_unit_test_setup_teardown(a_client_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(the_adapter_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_forget, setup, teardown),
	};

	/* As in the service: what libcrypto keeps of a key is in the secret heap too. */
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) < 0 || gpu_route_libcrypto() < 0)
		return 2;
	return cmocka_run_group_tests_name("wipe_clients", tests, NULL, ik_group_teardown);
}
