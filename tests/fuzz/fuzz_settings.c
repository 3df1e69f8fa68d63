/* SPDX-License-Identifier: MIT */
/* What an operator writes: the service's configuration file and its options. */
#include "input.h"

#include "service/options.h"
#include "service/settings.h"

#include <getopt.h>
#include <stdlib.h>

enum { ARGUMENTS = 16 };

static void parse_settings(const struct fuzz_input *input)
{
	/* Padding is compared as well. */
	static struct settings before, settings;
	const char *reason = NULL;
	unsigned int line = 0;
	char *text = malloc(input->size ? input->size : 1);

	if (!text)
		abort();
	memcpy(text, input->data, input->size);
	settings_default(&before);
	memcpy(&settings, &before, sizeof(settings));
	if (settings_parse(text, input->size, &settings, &line, &reason) < 0) {
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): one is a copy of the other, padding and all */
		if (memcmp(&settings, &before, sizeof(settings)) != 0 || !reason || line == 0)
			abort();
	} else if (settings.workers == 0 || settings.workers > 64 || settings.limits.handles == 0 ||
		   settings.limits.protected_bytes < 4096 || settings.idle_seconds > 86400 ||
		   kmd_caps_normalise(settings.driver.caps) != settings.driver.caps) {
		abort();
	}
	free(text);
}

/* Arguments end with NUL. */
static void parse_options(struct fuzz_input *input)
{
	char name[] = "dxvaultd";
	char *argv[ARGUMENTS + 2] = { name };
	struct options options;
	char *text = malloc(input->size + 1);
	size_t at = 0;
	int argc = 1;

	if (!text)
		abort();
	memcpy(text, input->data, input->size);
	text[input->size] = '\0';
	while (at < input->size && argc <= ARGUMENTS) {
		argv[argc++] = text + at;
		at += strlen(text + at) + 1;
	}
	optind = 0;
	if (options_parse(argc, argv, &options) == OPTIONS_RUN) {
		if (options.client_count > OPTIONS_CLIENTS_MAX || options.idle_seconds > 86400)
			abort();
		for (unsigned int i = 0; i < options.client_count; i++) {
			if (options.clients[i] < 3)
				abort();
		}
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };

	if (fuzz_u8(&input) & 1)
		parse_options(&input);
	else
		parse_settings(&input);
	return 0;
}
