/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the services that the suite starts for itself: making RSA keys takes longer than most tests, so that the
 * mutants that run one after another are served by the same few, one for each settings file that is common. For any other
 * file, and where a test wants a service of its own, it becomes a real one.
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { SETTINGS_LIMIT = 4096 };

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "%s is not set\n", name);
		exit(EXIT_FAILURE);
	}
	return value;
}

/* False: there is none, or it is longer. */
static bool read_settings(const char *folder, char ret[SETTINGS_LIMIT])
{
	char path[PATH_MAX];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/settings", folder);
	file = fopen(path, "re");
	if (!file)
		return false;
	size = fread(ret, 1, SETTINGS_LIMIT, file);
	fclose(file);
	if (size == SETTINGS_LIMIT)
		return false;
	ret[size] = '\0';
	return true;
}

/* The socket of the service among shared that has the settings of folder. */
static bool find_shared(const char *shared, const char *folder, char ret[PATH_MAX])
{
	char wanted[SETTINGS_LIMIT], settings[SETTINGS_LIMIT], candidate[PATH_MAX];
	struct dirent *entry;
	bool is_found = false;
	DIR *list;

	list = read_settings(folder, wanted) ? opendir(shared) : NULL;
	while (list && !is_found && (entry = readdir(list))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(candidate, sizeof(candidate), "%s/%s", shared, entry->d_name) >= (int)sizeof(candidate))
			continue;
		is_found = read_settings(candidate, settings) && strcmp(settings, wanted) == 0 &&
			   snprintf(ret, PATH_MAX, "%s/service.sock", candidate) < PATH_MAX && access(ret, F_OK) == 0;
	}
	if (list)
		closedir(list);
	return is_found;
}

int main(int argc, char **argv)
{
	const char *folder = variable("DXVAULT_RUNTIME_DIR"), *slot = getenv("MUTANT_SLOT");
	char shared[PATH_MAX], socket[PATH_MAX], own[PATH_MAX];
	sigset_t signals;
	int number;

	(void)argc;
	setenv("DXVAULT_STATE_DIR", variable("STAND_IN_STATE"), 1);
	snprintf(shared, sizeof(shared), "%s/%s", variable("STAND_IN_SHARED"), slot ? slot : "none");
	snprintf(own, sizeof(own), "%s/service.sock", folder);
	if (!find_shared(shared, folder, socket)) {
		execv(variable("STAND_IN_SERVICE"), argv);
		perror("execv");
		return EXIT_FAILURE;
	}

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (symlink(socket, own) < 0) {
		perror(own);
		return EXIT_FAILURE;
	}
	sd_notify(/* unset_environment= */ 0, "READY=1");
	sigwait(&signals, &number);
	return EXIT_SUCCESS;
}
