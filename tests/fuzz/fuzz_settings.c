/* SPDX-License-Identifier: MIT */
/* SEC-35. What an operator writes: the service's configuration file and its options. */
#include "input.h"

#include "service/options.h"
#include "service/settings.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARGUMENTS = 16 };

/* What dxvaultd(8) allows, said once more (SEC-35). */
static bool is_in_bounds(const struct settings *settings)
{
	const uint64_t tib = (uint64_t)1 << 40;
	const struct {
		uint64_t value, minimum, maximum;
	} bounds[] = {
		{ settings->limits.handles, 1, 1 << 24 },
		{ settings->limits.processes, 1, 1 << 20 },
		{ settings->limits.nt_handles, 0, 1 << 20 },
		{ settings->limits.sessions, 0, 1 << 24 },
		{ settings->limits.rings, 0, 1024 },
		{ settings->workers, 1, 64 },
		{ settings->limits.protected_bytes, 4096, tib },
		{ settings->limits.shared_bytes, 4096, tib },
		{ settings->idle_seconds, 0, 86400 },
		{ settings->driver.encryption_guids, 0, KMD_ENCRYPTION_GUIDS },
		{ (uint64_t)(settings->driver.outputs + 1), 0, KMD_OUTPUTS + 1 },
		{ settings->log_level, LOG_LEVEL_ERROR, LOG_LEVEL_DEBUG },
		{ settings->memory, GPU_MEMORY_SECRET, GPU_MEMORY_PLAIN },
		{ settings->engine, GPU_ENGINE_AUTO, GPU_ENGINE_IPSEC_MB },
		{ settings->driver.caps, kmd_caps_normalise(settings->driver.caps), settings->driver.caps },
		{ settings->driver.protected_memory_size, settings->limits.protected_bytes,
		  settings->limits.protected_bytes },
		{ *(const uint8_t *)&settings->driver.has_decryption_blt, 0, 1 },
		{ *(const uint8_t *)&settings->driver.has_get_pitch, 0, 1 },
		{ *(const uint8_t *)&settings->driver.has_decode, 0, 1 },
		{ *(const uint8_t *)&settings->all_users, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		if (bounds[i].value < bounds[i].minimum || bounds[i].value > bounds[i].maximum)
			return false;
	}
	return true;
}

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
		/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): one is a copy of the other */
		if (memcmp(&settings, &before, sizeof(settings)) != 0 || !reason || line == 0)
			abort();
	} else if (!is_in_bounds(&settings)) {
		fprintf(stderr, "settings out of their bounds were accepted\n");
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
