/* SPDX-License-Identifier: MIT */
/* Loads dxvault play, so that the other subcommands start without the libraries that read films. */
#include "config.h"
#include "tools/command.h"
#include "tools/program.h"

#include <dlfcn.h>
#include <limits.h>

int command_play(int argc, char **argv)
{
	int (*run)(int argc, char **argv) = NULL;
	char path[PATH_MAX];
	void *module;

	program_path(CONFIG_PLAY_MODULE, CONFIG_MODULEDIR "/" CONFIG_PLAY_MODULE, path);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module)
		*(void **)&run = dlsym(module, "play_run");
	if (!run)
		/* cppcheck-suppress resourceLeak ; it stays loaded while the process lives */
		return command_fail("the player can't be loaded: %s", dlerror());
	/* cppcheck-suppress resourceLeak ; so it does */
	return run(argc, argv);
}
