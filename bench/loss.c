/* SPDX-License-Identifier: MIT */
/* bench-loss: the service's own code with one client, where the moment of a loss can be written down. */
#include "bench/loss.h"

#include "dxgkrnl/kernel.h"
#include "gpu/gpu.h"
#include "kmd/kmd.h"
#include "service/liveness.h"
#include "service/root_key.h"
#include "service/server.h"
#include "util/log.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct dxgk_kernel *kernel;
static struct gpu_identity *identity;
static struct loss_board *board;

static void must(const char *what, int result)
{
	if (result < 0)
		errx(EXIT_FAILURE, "%s: %d", what, result);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int on_order(sd_event_source *source, int descriptor, uint32_t events, void *context)
{
	char order;

	(void)context;
	(void)events;
	if (read(descriptor, &order, 1) != 1)
		return sd_event_exit(sd_event_source_get_event(source), 0);
	nanosleep(&(struct timespec) { .tv_nsec = LOSS_DELAY_NS }, NULL);
	atomic_store(&board->reported, now());
	if (order == LOSS_KEYS) {
		(void)dxgk_lose_keys(kernel);
	} else {
		atomic_fetch_add(&board->word, 1);
		(void)syscall(SYS_futex, &board->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	}
	return 0;
}

static void start_kernel(void)
{
	static int liveness;
	struct kmd_config driver;
	struct dxgk_config config = { .driver = &kmd_driver, .driver_context = &driver, .liveness = &liveness };
	struct gpu_bytes key, certificate;

	must("memory", gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET));
	must("libcrypto", gpu_route_libcrypto());
	must("engine", gpu_engine_start(GPU_ENGINE_AUTO));
	must("root key", root_key_load(&key, &certificate));
	must("identity", gpu_identity_start(&key, &certificate, &identity));
	gpu_secret_free(key.data);
	gpu_secret_free(certificate.data);
	/* Its thread makes keys meanwhile, on our processor. */
	must("session leaf", gpu_identity_wait(identity, GPU_LEAF_SESSION));
	must("channel leaf", gpu_identity_wait(identity, GPU_LEAF_CHANNEL));
	liveness = liveness_start();
	must("liveness", liveness);
	kmd_config_default(&driver);
	driver.identity = identity;
	dxgk_limits_default(&config.limits);
	must("graphics kernel", dxgk_kernel_create(&config, &kernel));
}

int main(void)
{
	const struct server_config config = { .all_users = false };
	struct server *server;
	sd_event *event;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_start(LOG_LEVEL_ERROR, /* to_syslog= */ false);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, LOSS_BOARD, 0);
	if (board == MAP_FAILED)
		err(EXIT_FAILURE, "board");
	start_kernel();
	must("event loop", sd_event_new(&event));
	must("server", server_create(event, kernel, &config, &server));
	if (fcntl(LOSS_CLIENT, F_SETFL, O_NONBLOCK) < 0)
		err(EXIT_FAILURE, "client");
	must("client", server_add_client(server, LOSS_CLIENT));
	must("orders", sd_event_add_io(event, NULL, LOSS_ORDERS, EPOLLIN, on_order, NULL));
	must("event loop", sd_event_loop(event));
	server_destroy(server);
	dxgk_kernel_destroy(kernel);
	gpu_identity_stop(identity);
	sd_event_unref(event);
	return EXIT_SUCCESS;
}
