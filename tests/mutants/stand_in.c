/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the service that the suite starts for itself: making RSA keys takes longer than most tests, so that the
 * mutants that run one after another are served by one. What is no plain service, or not the first, is a real one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value) {
		fprintf(stderr, "%s is not set\n", name);
		exit(EXIT_FAILURE);
	}
	return value;
}

int main(int argc, char **argv)
{
	const char *folder = variable("DXVAULT_RUNTIME_DIR"), *name = strrchr(folder, '/'),
		   *slot = getenv("MUTANT_SLOT");
	char shared[108], own[108];
	sigset_t signals;
	int number;

	(void)argc;
	setenv("DXVAULT_STATE_DIR", variable("STAND_IN_STATE"), 1);
	snprintf(shared, sizeof(shared), "%s/%s/service.sock", variable("STAND_IN_SHARED"), slot ? slot : "none");
	snprintf(own, sizeof(own), "%s/service.sock", folder);
	if (!name || strcmp(name, "/0") != 0 || access(shared, F_OK) < 0) {
		execv(variable("STAND_IN_SERVICE"), argv);
		perror("execv");
		return EXIT_FAILURE;
	}

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (symlink(shared, own) < 0) {
		perror(own);
		return EXIT_FAILURE;
	}
	sd_notify(/* unset_environment= */ 0, "READY=1");
	sigwait(&signals, &number);
	return EXIT_SUCCESS;
}
