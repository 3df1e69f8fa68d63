/* SPDX-License-Identifier: MIT */
/* dxvaultd: the graphics kernel, the kernel-mode driver and the GPU in one process that trusts no client. */
#include "config.h"
#include "dxgkrnl/kernel.h"
#include "gpu/gpu.h"
#include "kmd/kmd.h"
#include "service/listener.h"
#include "service/liveness.h"
#include "service/monitor.h"
#include "service/notify.h"
#include "service/options.h"
#include "service/resume.h"
#include "service/root_key.h"
#include "service/sandbox.h"
#include "service/server.h"
#include "service/settings.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

struct service {
	struct options options;
	struct settings settings;
	struct gpu_bytes root_key; /* until the identity has read it */
	struct gpu_bytes root_certificate;
	struct gpu_identity *identity;
	struct monitor *monitor;
	struct dxgk_kernel *kernel;
	struct listener listener;
	bool listens;
	int liveness; /* descriptor */
	struct resume resume;
	int wake; /* readable when the machine may have slept */
	sd_event *event;
	struct server *server;
	struct sandbox sandbox;
	int notify; /* systemd's socket */
	int ready;  /* where the parent waits to hear that clients can connect; -1: nobody waits */
};

static void describe(void *context, struct wire_service *ret)
{
	const struct service *service = context;
	struct gpu_memory_report report;

	gpu_memory_report(&report);
	ret->process_id = (uint32_t)getpid();
	ret->key_memory = report.keys;
	ret->surface_memory = report.surfaces;
	ret->key_bytes = report.key_bytes;
	ret->surface_bytes = report.surface_bytes;
	snprintf(ret->memory_reason, sizeof(ret->memory_reason), "%s", report.reason);
	snprintf(ret->engine, sizeof(ret->engine), "%s", gpu_engine_name());
	snprintf(ret->version, sizeof(ret->version), "%s", CONFIG_VERSION);
	ret->sandbox = service->sandbox.parts;
	memcpy(ret->sandbox_reason, service->sandbox.reason, sizeof(ret->sandbox_reason));
}

static void root_certificate(void *context, const uint8_t **ret, size_t *ret_size)
{
	struct service *service = context;

	gpu_identity_root(service->identity, ret, ret_size);
}

static NTSTATUS show_picture(void *context, const struct dxgk_picture *picture)
{
	struct service *service = context;

	return monitor_show(service->monitor, picture);
}

static bool has_slept(void *context)
{
	struct service *service = context;

	return resume_happened(&service->resume);
}

/* Nothing that this process holds may be looked at or inherited. */
static int protect_process(const struct options *options)
{
	struct rlimit limit;

	umask(0077);
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &(struct rlimit) { 0 }) < 0) {
		log_error("this process can't be closed to others: %s", strerror(errno));
		return -EPERM;
	}
	/* Each NT handle costs a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	signal(SIGPIPE, SIG_IGN);
	/* Ctrl-C is for the player: a service of its own leaves with it. */
	if (options->client_count > 0)
		signal(SIGINT, SIG_IGN);
	return 0;
}

/* The child goes on; the parent waits until it is ready, and returns its exit code. */
static int go_to_background(int *ret_ready)
{
	char answer;
	ssize_t got;
	int ends[2];
	pid_t pid;

	/* What the program that started us left open is none of ours to keep open. */
	(void)close_range(3, ~0u, 0);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	pid = fork();
	if (pid < 0)
		return EXIT_FAILURE;
	if (pid > 0) {
		close(ends[1]);
		do {
			got = read(ends[0], &answer, 1);
		} while (got < 0 && errno == EINTR);
		/* A child that ended without a word failed. */
		_exit(got == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(ends[0]);
	setsid();
	*ret_ready = ends[1];
	return -1;
}

/* In the background $NOTIFY_SOCKET is that of the program that started us, and what we are is none of its business. */
static void open_notify(struct service *service)
{
	if (service->options.background)
		return;
	service->notify = notify_open();
	if (service->notify < 0 && service->notify != -ENOENT)
		log_warning("systemd can't be told when clients can connect: %s", strerror(-service->notify));
}

static void tell_ready(struct service *service)
{
	if (service->ready >= 0) {
		(void)!write(service->ready, "", 1);
		close(service->ready);
		service->ready = -1;
	}
	notify_tell(service->notify, "READY=1");
}

static void free_root(struct service *service)
{
	gpu_secret_free(service->root_key.data);
	gpu_secret_free(service->root_certificate.data);
	service->root_key = (struct gpu_bytes) { 0 };
	service->root_certificate = (struct gpu_bytes) { 0 };
}

static int start_identity(struct service *service)
{
	int result = gpu_identity_start(&service->root_key, &service->root_certificate, &service->identity);

	free_root(service);
	if (result < 0)
		log_error("the root key can't be used: %s",
			  result == -EBADMSG ? "root.key and root.crt don't belong together" : strerror(-result));
	return result;
}

static int start_kernel(struct service *service)
{
	struct dxgk_config config = {
		.driver = &kmd_driver,
		.show_picture = service->monitor ? show_picture : NULL,
		.describe = describe,
		.root_certificate = root_certificate,
		.has_slept = has_slept,
		.context = service,
		.liveness = &service->liveness,
	};
	struct kmd_config driver = service->settings.driver;
	int result;

	/* This is the thread that answers requests and writes the object pages. */
	service->liveness = liveness_start();
	if (service->liveness < 0) {
		log_error("clients could not see this process die: %s", strerror(-service->liveness));
		return service->liveness;
	}
	resume_init(&service->resume, NULL);
	service->wake = resume_descriptor_create();
	if (service->wake < 0)
		log_warning("a sleep of the machine is noticed late: %s", strerror(-service->wake));
	driver.identity = service->identity;
	config.driver_context = &driver;
	config.limits = service->settings.limits;
	config.workers = service->settings.workers;
	result = dxgk_kernel_create(&config, &service->kernel);
	if (result < 0)
		log_error("the graphics kernel can't start: %s", strerror(-result));
	return result;
}

static int start_memory(const struct service *service)
{
	struct gpu_memory_report report;
	int result;

	result = gpu_memory_start(service->options.strict ? GPU_MEMORY_SECRET : GPU_MEMORY_PLAIN,
				  service->options.memory);
	/* Before libcrypto allocates anything: its memory holds private keys. */
	if (result == 0)
		result = gpu_route_libcrypto();
	gpu_memory_report(&report);
	if (result == -EPERM)
		log_error("--strict: memfd_secret memory is not to be had: %s", report.reason);
	else if (result < 0)
		log_error("no protected memory: %s", strerror(-result));
	else if (report.keys != GPU_MEMORY_SECRET)
		log_warning("keys are in %s memory: %s", gpu_memory_kind_name(report.keys), report.reason);
	return result;
}

static int start_engine(const struct service *service)
{
	int result = gpu_engine_start(service->settings.engine);

	if (result == -EOPNOTSUPP)
		log_error("engine = ipsec-mb: intel-ipsec-mb can't be used: %s", gpu_engine_missing());
	else if (result < 0)
		log_error("the AES engine can't start: %s", strerror(-result));
	else
		log_info("AES-CTR by %s", gpu_engine_name());
	return result;
}

static int start_server(struct service *service)
{
	const struct server_config config = {
		.all_users = service->settings.all_users,
		.wake = service->wake,
	};
	const struct options *options = &service->options;
	sigset_t signals;
	int result;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	if (options->client_count == 0)
		sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	result = sd_event_new(&service->event);
	if (result >= 0)
		result = sd_event_add_signal(service->event, NULL, SIGTERM, NULL, NULL);
	if (result >= 0 && options->client_count == 0)
		result = sd_event_add_signal(service->event, NULL, SIGINT, NULL, NULL);
	if (result >= 0)
		result = server_create(service->event, service->kernel, &config, &service->server);
	for (unsigned int i = 0; i < options->client_count && result >= 0; i++) {
		fcntl(options->clients[i], F_SETFD, FD_CLOEXEC);
		fcntl(options->clients[i], F_SETFL, O_NONBLOCK);
		result = server_add_client(service->server, options->clients[i]);
	}
	if (result >= 0 && service->listens)
		result = server_listen(service->server, service->listener.socket);
	/* systemd keeps the socket and may start us again whenever somebody comes. */
	if (result >= 0)
		result = server_leave_when_idle(service->server, options->client_count > 0 ? 0 : options->idle_seconds);
	if (result < 0)
		log_error("the event loop can't start: %s", strerror(-result));
	return result;
}

/*
 * Freed memory is put together with its neighbours at once, and goes back to the system a little at a time: by default
 * glibc saves that up, and somebody who frees a large piece waits until it is done for all the small ones.
 */
static void tune_heap(void)
{
#ifdef __GLIBC__
	mallopt(M_MXFAST, 0);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

/* All that needs more than the sandbox allows is done: nothing is opened by name any more, and no thread has started. */
static int start_sandbox(struct service *service)
{
	const struct options *options = &service->options;
	struct sandbox_folders folders = { .runtime = service->listener.folder, .screen = -1 };
	int result = 0;

	if (options->screen) {
		folders.screen = open(options->screen, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (folders.screen < 0)
			/* cppcheck-suppress memleak ; nothing was opened */
			return -errno;
	}
	if (chdir("/") < 0)
		result = -errno;
	else if (!sandbox_is_built())
		sandbox_leave_out(WIRE_SANDBOX_NOT_BUILT, "this build is instrumented", &service->sandbox);
	else if (options->no_sandbox)
		sandbox_leave_out(0, "switched off", &service->sandbox);
	else
		result = sandbox_enter(&folders, &service->sandbox);
	if (folders.screen >= 0)
		close(folders.screen);
	if (result < 0) {
		log_error("the sandbox can't be entered: %s", strerror(-result));
	} else if (sandbox_is_whole(&service->sandbox) || !sandbox_is_built()) {
		log_info("sandbox: %s", service->sandbox.reason[0] != '\0' ? service->sandbox.reason : "whole");
	} else if (options->strict) {
		log_error("--strict: the sandbox is not whole: %s", service->sandbox.reason);
		result = -EPERM;
	} else {
		log_warning("the sandbox is not whole: %s", service->sandbox.reason);
	}
	return result;
}

static int run(struct service *service)
{
	int result;

	/* First of all, and before memory is taken: a second service of the user leaves at once. */
	if (service->options.client_count == 0) {
		result = listener_open(service->settings.all_users, &service->listener);
		if (result == -EALREADY) {
			if (!service->options.background) {
				log_error("another service of this user runs");
				return result;
			}
			tell_ready(service);
			return 0;
		}
		if (result < 0)
			return result;
		service->listens = true;
	}
	result = start_memory(service);
	if (result >= 0)
		result = start_engine(service);
	if (result >= 0)
		result = root_key_load(&service->root_key, &service->root_certificate);
	if (result >= 0 && service->options.screen)
		result = monitor_open(service->options.screen, &service->monitor);
	open_notify(service);
	log_stay_open();
	if (result >= 0)
		result = start_sandbox(service);
	if (result >= 0)
		result = start_identity(service);
	if (result >= 0)
		result = start_kernel(service);
	if (result >= 0)
		result = start_server(service);
	if (result >= 0) {
		log_info("serving clients");
		tell_ready(service);
		result = sd_event_loop(service->event);
		notify_tell(service->notify, "STOPPING=1");
	}
	return result;
}

/* Everything is given back, so that what was not wiped is found by the tools that look for leaks. */
static int finish(struct service *service)
{
	int result;

	if (service->kernel)
		dxgk_stop(service->kernel);
	server_destroy(service->server);
	if (service->listens)
		listener_close(&service->listener);
	dxgk_kernel_destroy(service->kernel);
	result = monitor_close(service->monitor);
	free_root(service);
	gpu_identity_stop(service->identity);
	sd_event_unref(service->event);
	if (service->wake > 0)
		close(service->wake);
	if (service->liveness >= 0)
		close(service->liveness);
	if (service->notify >= 0)
		close(service->notify);
	return result;
}

/* The file has its say where no option was given. */
static int load_settings(struct service *service)
{
	struct options *options = &service->options;
	struct settings *settings = &service->settings;
	int result;

	log_start(options->has_log_level ? options->log_level : LOG_LEVEL_WARNING, options->background);
	settings_default(settings);
	result = settings_load(options->config, settings);
	if (!options->has_idle_seconds)
		options->idle_seconds = settings->idle_seconds;
	if (!options->has_log_level)
		options->log_level = settings->log_level;
	if (!options->has_memory)
		options->memory = settings->memory;
	log_start(options->log_level, options->background);
	/* What users show is not for whoever has the folder. */
	if (result >= 0 && options->screen && settings->all_users) {
		log_error("--screen: a service for all users has no screen");
		result = -EINVAL;
	}
	return result;
}

int main(int argc, char **argv)
{
	struct service service = { .listener.folder = -1, .liveness = -1, .notify = -1, .ready = -1 };
	int finished;
	int result;

	switch (options_parse(argc, argv, &service.options)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	default:
		return 2;
	}
	if (load_settings(&service) < 0 || protect_process(&service.options) < 0)
		return EXIT_FAILURE;
	tune_heap();
	if (service.options.background) {
		result = go_to_background(&service.ready);
		if (result >= 0)
			return result;
	}

	result = run(&service);
	finished = finish(&service);
	if (service.options.background && result == -EALREADY)
		return EXIT_SUCCESS;
	return result < 0 || finished < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
