/* SPDX-License-Identifier: MIT */
/* Services of the suite's own, which no other program meets. */
#include "conform/service.h"

#include "conform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_MS 60000
#define LEAVE_LIMIT_MS 20000
#define LOOK_AGAIN_MS  2

static int make_path(char path[PATH_MAX], const char *folder, const char *name)
{
	int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);

	return length < 0 || length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* ---- folders -------------------------------------------------------------------------------------------- */

int cf_services_open(char ret_folder[PATH_MAX])
{
	const char *temporary = secure_getenv("TMPDIR");
	char state[PATH_MAX];
	int result;

	if (!temporary || temporary[0] != '/')
		temporary = "/tmp";
	result = make_path(ret_folder, temporary, "dxvault-conform-XXXXXX");
	if (result < 0)
		return result;
	if (!mkdtemp(ret_folder))
		return -errno;
	result = make_path(state, ret_folder, "state");
	if (result == 0 && mkdir(state, 0700) < 0)
		result = -errno;
	if (result < 0)
		cf_services_close(ret_folder);
	return result;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	(void)remove(path);
	return 0;
}

void cf_services_close(const char *folder)
{
	(void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int write_settings(const struct cf_service *service)
{
	char path[PATH_MAX];
	FILE *file;
	int result;

	result = make_path(path, service->folder, "settings");
	if (result < 0)
		return result;
	file = fopen(path, "wxe");
	if (!file)
		return -errno;
	if (service->variant)
		fprintf(file, "caps = 0x%x\n", service->variant);
	if (service->settings)
		fputs(service->settings, file);
	/* Who has another program stand in for the service may share one where the settings are the same. */
	if (service->is_private)
		fputs("# for one test alone\n", file);
	return fclose(file) == 0 ? 0 : -errno;
}

/* ---- processes ------------------------------------------------------------------------------------------ */

static void redirect(const char *path, int flags, int to)
{
	int descriptor = open(path, flags, 0600);

	if (descriptor < 0 || dup2(descriptor, to) < 0)
		_exit(127);
	close(descriptor);
}

/* A socket without a file; its address as sd_notify(3) wants it. */
static int open_notify(int *ret, char *address, size_t size)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(name);
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result = 0;

	if (descriptor < 0)
		return -errno;
	if (bind(descriptor, (struct sockaddr *)&name, sizeof(name.sun_family)) < 0 ||
	    getsockname(descriptor, (struct sockaddr *)&name, &length) < 0) {
		result = -errno;
		close(descriptor);
		return result;
	}
	snprintf(address, size, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1), name.sun_path + 1);
	*ret = descriptor;
	return 0;
}

_Noreturn static void become(const struct cf_service *service, const char *path, const char *folder, const char *notify,
			     pid_t parent)
{
	char settings[PATH_MAX], log[PATH_MAX], state[PATH_MAX];

	cf_process_reset_signals();
	/* Not the terminal's Ctrl-C, but never longer than the suite. */
	setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	if (make_path(settings, service->folder, "settings") < 0 || make_path(log, service->folder, "log") < 0 ||
	    make_path(state, folder, "state") < 0)
		_exit(127);
	redirect("/dev/null", O_RDONLY, STDIN_FILENO);
	redirect(log, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(127);
	setenv("DXVAULT_RUNTIME_DIR", service->folder, 1);
	/* A root key is made there, which takes a while: who runs the suite often may keep one. */
	setenv("DXVAULT_STATE_DIR", state, 0);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	setenv("NOTIFY_SOCKET", notify, 1);
	execl(path, path, "--foreground", "--config", settings, "--idle-seconds", "86400", "--log-level", "error",
	      (char *)NULL);
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

int cf_service_start(struct cf_service *service, const char *path, const char *folder, unsigned int number)
{
	const pid_t self = getpid();
	char name[16], notify[128];
	int result;

	snprintf(name, sizeof(name), "%u", number);
	result = make_path(service->folder, folder, name);
	if (result < 0)
		return result;
	if (mkdir(service->folder, 0700) < 0)
		return -errno;
	result = write_settings(service);
	if (result < 0)
		return result;
	result = open_notify(&service->notify, notify, sizeof(notify));
	if (result < 0)
		return result;
	service->pid = fork();
	if (service->pid == 0)
		become(service, path, folder, notify, self);
	if (service->pid < 0) {
		result = -errno;
		close(service->notify);
		service->pid = 0;
	}
	return result;
}

/* The last line that it wrote. */
static void read_log(const struct cf_service *service, char *text, size_t size)
{
	char path[PATH_MAX], line[256] = "";
	FILE *file = NULL;

	text[0] = '\0';
	if (make_path(path, service->folder, "log") == 0)
		file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

static void forget(struct cf_service *service)
{
	close(service->notify);
	service->pid = 0;
	service->is_ready = false;
}

static void describe_end(const struct cf_service *service, int status, char *why, size_t size)
{
	char said[256];

	read_log(service, said, sizeof(said));
	if (WIFSIGNALED(status))
		snprintf(why, size, "the service ended by signal %d%s%s", WTERMSIG(status), *said ? ": " : "", said);
	else
		snprintf(why, size, "the service ended with status %d%s%s", WEXITSTATUS(status), *said ? ": " : "",
			 said);
}

bool cf_service_is_alive(struct cf_service *service, char *why, size_t size)
{
	int status = 0;

	if (service->pid == 0)
		return false;
	if (waitpid(service->pid, &status, WNOHANG) != service->pid)
		return true;
	forget(service);
	describe_end(service, status, why, size);
	return false;
}

static bool says_ready(const struct cf_service *service)
{
	char text[64];
	ssize_t length = recv(service->notify, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (length < 0)
		return false;
	text[length] = '\0';
	return strcmp(text, "READY=1") == 0;
}

bool cf_service_wait(struct cf_service *service, char *why, size_t size)
{
	const int64_t limit = cf_process_now() + START_LIMIT_MS;

	while (!service->is_ready) {
		if (!cf_service_is_alive(service, why, size))
			return false;
		service->is_ready = says_ready(service);
		if (service->is_ready)
			break;
		if (cf_process_now() >= limit) {
			snprintf(why, size, "the service does not come up");
			return false;
		}
		if (!cf_process_sleep(LOOK_AGAIN_MS))
			return false;
	}
	return true;
}

void cf_service_stop(struct cf_service *service)
{
	if (service->pid != 0)
		kill(service->pid, SIGTERM);
	service->is_ready = false;
}

bool cf_service_finish(struct cf_service *service, char *why, size_t size)
{
	const int64_t limit = cf_process_now() + LEAVE_LIMIT_MS;
	int status = 0;

	if (service->pid == 0)
		return true;
	cf_service_stop(service);
	while (waitpid(service->pid, &status, WNOHANG) == 0) {
		if (cf_process_now() >= limit)
			kill(service->pid, SIGKILL);
		usleep(LOOK_AGAIN_MS * 1000);
	}
	forget(service);
	/* The signal itself ends one that has not got as far as serving. */
	if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))
		return true;
	describe_end(service, status, why, size);
	return false;
}

void cf_service_use(const struct cf_service *service)
{
	setenv("DXVAULT_RUNTIME_DIR", service->folder, 1);
	/* None is started in its place, should it end. */
	setenv("DXVAULT_SERVICE", "/nonexistent/dxvaultd", 1);
	unsetenv("DXVAULT_SOCKET_FD");
}
