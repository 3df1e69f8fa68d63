/* SPDX-License-Identifier: MIT */
/* Where the other programs of dxvault are. */
#include "tools/program.h"

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void program_path(const char *beside, const char *installed, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (length > 0) {
		self[length] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			snprintf(slash + 1, (size_t)(self + sizeof(self) - slash - 1), "%s", beside);
			if (access(self, X_OK) == 0) {
				snprintf(path, PATH_MAX, "%s", self);
				return;
			}
		}
	}
	snprintf(path, PATH_MAX, "%s", installed);
}

void program_service(char path[PATH_MAX])
{
	const char *chosen = secure_getenv("DXVAULT_SERVICE");

	if (chosen) {
		snprintf(path, PATH_MAX, "%s", chosen);
		return;
	}
	program_path("../service/dxvaultd", CONFIG_BINDIR "/dxvaultd", path);
	if (access(path, X_OK) < 0)
		program_path("dxvaultd", CONFIG_BINDIR "/dxvaultd", path);
}
