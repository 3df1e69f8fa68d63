/* SPDX-License-Identifier: MIT */
/* The configuration file of dxvaultd: limits of users, and what tests want otherwise. */
#include "service/settings.h"

#include <dxvault/d3dcontentprotection.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FILE  "/etc/dxvault/dxvaultd.conf"
#define FILE_MAXIMUM 65536u
#define IDLE_SECONDS 5
#define TIB	     ((uint64_t)1 << 40)
#define WORKERS_MAX  64u

struct key {
	const char *name;
	int (*parse)(const struct key *key, const char *value, struct settings *settings);
	size_t offset; /* of the member, where one parser serves several keys */
	uint64_t minimum;
	uint64_t maximum;
};

/* One for each processor that this process may use. */
static uint32_t workers_default(void)
{
	cpu_set_t processors;
	uint32_t count;

	CPU_ZERO(&processors);
	if (sched_getaffinity(0, sizeof(processors), &processors) < 0)
		return 1;
	count = (uint32_t)CPU_COUNT(&processors);
	return count < WORKERS_MAX ? count : WORKERS_MAX;
}

void settings_default(struct settings *ret)
{
	*ret = (struct settings) {
		.idle_seconds = IDLE_SECONDS,
		.log_level = LOG_LEVEL_WARNING,
		.memory = GPU_MEMORY_SECRET,
		.engine = GPU_ENGINE_AUTO,
		.workers = workers_default(),
	};
	kmd_config_default(&ret->driver);
	dxgk_limits_default(&ret->limits);
	ret->limits.protected_bytes = ret->driver.protected_memory_size;
}

/* Digits alone: no sign, no blank, no other base than the given one. */
static int parse_digits(const char *text, size_t length, unsigned int base, uint64_t *ret)
{
	uint64_t value = 0;

	if (length == 0)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		unsigned int digit = base;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return -EINVAL;
		value = value * base + digit;
	}
	*ret = value;
	return 0;
}

static int parse_in_range(const struct key *key, const char *value, size_t length, uint64_t *ret)
{
	if (parse_digits(value, length, 10, ret) < 0 || *ret < key->minimum || *ret > key->maximum)
		return -EINVAL;
	return 0;
}

static int parse_count(const struct key *key, const char *value, struct settings *settings)
{
	uint64_t number;

	if (parse_in_range(key, value, strlen(value), &number) < 0)
		return -EINVAL;
	*(uint32_t *)(void *)((char *)settings + key->offset) = (uint32_t)number;
	return 0;
}

/* Bytes, or with K, M or G behind the number that many times more. */
static int parse_size(const struct key *key, const char *value, struct settings *settings)
{
	size_t length = strlen(value);
	unsigned int shift = 0;
	uint64_t number;

	if (length > 0) {
		switch (value[length - 1]) {
		case 'K':
			shift = 10;
			break;
		case 'M':
			shift = 20;
			break;
		case 'G':
			shift = 30;
			break;
		default:
			break;
		}
	}
	if (shift > 0)
		length--;
	if (parse_digits(value, length, 10, &number) < 0 || number > key->maximum >> shift)
		return -EINVAL;
	number <<= shift;
	if (number < key->minimum)
		return -EINVAL;
	*(uint64_t *)(void *)((char *)settings + key->offset) = number;
	/* A single surface may be as large as all of a process together. */
	settings->driver.protected_memory_size = settings->limits.protected_bytes;
	return 0;
}

static int parse_flag(const struct key *key, const char *value, struct settings *settings)
{
	bool *flag = (bool *)(void *)((char *)settings + key->offset);

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -EINVAL;
	*flag = value[0] == 'y';
	return 0;
}

/* Only what the driver can keep: it would drop the rest without a word. */
static int parse_caps(const struct key *key, const char *value, struct settings *settings)
{
	uint64_t caps;

	(void)key;
	if (value[0] != '0' || value[1] != 'x' || parse_digits(value + 2, strlen(value + 2), 16, &caps) < 0 ||
	    caps > UINT32_MAX || kmd_caps_normalise((uint32_t)caps) != caps)
		return -EINVAL;
	settings->driver.caps = (uint32_t)caps;
	return 0;
}

static int parse_channels(const struct key *key, const char *value, struct settings *settings)
{
	static const struct {
		const char *name;
		uint32_t types;
	} choices[] = {
		{ "software", D3DCPCAPS_SOFTWARE },
		{ "hardware", D3DCPCAPS_HARDWARE },
		{ "both", D3DCPCAPS_SOFTWARE | D3DCPCAPS_HARDWARE },
	};

	(void)key;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(value, choices[i].name) == 0) {
			settings->driver.channel_types = choices[i].types;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_users(const struct key *key, const char *value, struct settings *settings)
{
	(void)key;
	if (strcmp(value, "own") != 0 && strcmp(value, "all") != 0)
		return -EINVAL;
	settings->all_users = value[0] == 'a';
	return 0;
}

static int parse_log_level(const struct key *key, const char *value, struct settings *settings)
{
	(void)key;
	return log_level_parse(value, &settings->log_level);
}

int settings_parse_memory(const char *text, enum gpu_memory_kind *ret)
{
	static const char *const names[] = {
		[GPU_MEMORY_SECRET] = "secret",
		[GPU_MEMORY_LOCKED] = "locked",
		[GPU_MEMORY_PLAIN] = "plain",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum gpu_memory_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_memory(const struct key *key, const char *value, struct settings *settings)
{
	(void)key;
	return settings_parse_memory(value, &settings->memory);
}

static int parse_engine(const struct key *key, const char *value, struct settings *settings)
{
	static const char *const names[] = {
		[GPU_ENGINE_AUTO] = "auto",
		[GPU_ENGINE_LIBCRYPTO] = "libcrypto",
		[GPU_ENGINE_IPSEC_MB] = "ipsec-mb",
	};

	(void)key;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			settings->engine = (enum gpu_engine)i;
			return 0;
		}
	}
	return -EINVAL;
}

#define MEMBER(name) offsetof(struct settings, name)

static const struct key keys[] = {
	{ "handles", parse_count, MEMBER(limits.handles), 1, 1u << 24 },
	{ "connections", parse_count, MEMBER(limits.processes), 1, 1u << 20 },
	{ "nt-handles", parse_count, MEMBER(limits.nt_handles), 0, 1u << 20 },
	{ "sessions", parse_count, MEMBER(limits.sessions), 0, 1u << 24 },
	{ "rings", parse_count, MEMBER(limits.rings), 0, 1024 },
	{ "workers", parse_count, MEMBER(workers), 1, WORKERS_MAX },
	{ "protected-memory", parse_size, MEMBER(limits.protected_bytes), 4096, TIB },
	{ "shared-memory", parse_size, MEMBER(limits.shared_bytes), 4096, TIB },
	{ "idle-seconds", parse_count, MEMBER(idle_seconds), 0, 86400 },
	{ "decryption-blt", parse_flag, MEMBER(driver.has_decryption_blt), 0, 0 },
	{ "get-pitch", parse_flag, MEMBER(driver.has_get_pitch), 0, 0 },
	{ "caps", parse_caps, 0, 0, 0 },
	{ "test-channels", parse_channels, 0, 0, 0 },
	{ "test-encryption", parse_count, MEMBER(driver.encryption_guids), 0, KMD_ENCRYPTION_GUIDS },
	{ "test-outputs", parse_count, MEMBER(driver.outputs), 0, KMD_OUTPUTS },
	{ "test-decode", parse_flag, MEMBER(driver.has_decode), 0, 0 },
	{ "allow-users", parse_users, 0, 0, 0 },
	{ "log-level", parse_log_level, 0, 0, 0 },
	{ "memory", parse_memory, 0, 0, 0 },
	{ "engine", parse_engine, 0, 0, 0 },
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

_Static_assert(sizeof(unsigned int) == sizeof(uint32_t), "idle_seconds is written as the limits are");
_Static_assert(KMD_OUTPUTS <= INT32_MAX, "outputs has a sign, and is written as the limits are");
_Static_assert(KEY_COUNT <= 32, "a bit for each key");

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without the blanks on either side; cuts the text at the end. */
static char *trim(char *text)
{
	size_t length;

	while (is_blank(*text))
		text++;
	length = strlen(text);
	while (length > 0 && is_blank(text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* NULL: the line is good, or says nothing. */
static const char *parse_line(char *line, struct settings *settings, uint32_t *seen)
{
	char *name = trim(line);
	char *value;

	if (name[0] == '\0' || name[0] == '#')
		return NULL;
	value = strchr(name, '=');
	if (!value)
		return "not key = value";
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(name, keys[i].name) != 0)
			continue;
		if (*seen & 1u << i)
			return "the key comes twice";
		*seen |= 1u << i;
		return keys[i].parse(&keys[i], value, settings) < 0 ? "bad value" : NULL;
	}
	return "unknown key";
}

int settings_parse(const char *text, size_t size, struct settings *settings, unsigned int *ret_line,
		   const char **ret_reason)
{
	struct settings changed = *settings;
	uint32_t seen = 0;
	size_t at = 0;

	for (*ret_line = 1; at < size; ++*ret_line) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;
		char line[256];

		*ret_reason = NULL;
		if (length >= sizeof(line)) {
			*ret_reason = "the line is too long";
		} else if (memchr(text + at, '\0', length)) {
			*ret_reason = "not a text";
		} else {
			memcpy(line, text + at, length);
			line[length] = '\0';
			*ret_reason = parse_line(line, &changed, &seen);
		}
		if (*ret_reason)
			return -EINVAL;
		at += length + 1;
	}
	*settings = changed;
	return 0;
}

static int read_file(const char *path, char **ret_text, size_t *ret_size)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = NULL;
	size_t size = 0;
	ssize_t length = 0;

	if (descriptor < 0)
		return -errno;
	text = malloc(FILE_MAXIMUM + 1);
	while (text && size <= FILE_MAXIMUM) {
		length = read(descriptor, text + size, FILE_MAXIMUM + 1 - size);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			break;
		size += (size_t)length;
	}
	if (!text || length < 0 || size > FILE_MAXIMUM) {
		int result = !text ? -ENOMEM : length < 0 ? -errno : -EFBIG;

		free(text);
		close(descriptor);
		return result;
	}
	close(descriptor);
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static int load(const char *path, struct settings *settings)
{
	const char *reason;
	unsigned int line;
	char *text = NULL;
	size_t size = 0;
	int result;

	result = read_file(path, &text, &size);
	if (result < 0)
		return result;
	result = settings_parse(text, size, settings, &line, &reason);
	free(text);
	if (result < 0)
		log_error("%s:%u: %s", path, line, reason);
	return result;
}

int settings_load(const char *path, struct settings *settings)
{
	const char *folder = secure_getenv("XDG_CONFIG_HOME");
	const char *home = secure_getenv("HOME");
	const char *tried = path ? path : SYSTEM_FILE;
	char own[PATH_MAX];
	int length = -1;
	int result;

	result = load(tried, settings);
	if (!path && (result == -ENOENT || result == -ENOTDIR)) {
		if (folder && folder[0] == '/')
			length = snprintf(own, sizeof(own), "%s/dxvault/dxvaultd.conf", folder);
		else if (home && home[0] == '/')
			length = snprintf(own, sizeof(own), "%s/.config/dxvault/dxvaultd.conf", home);
		if (length < 0 || (size_t)length >= sizeof(own))
			return 0;
		tried = own;
		result = load(own, settings);
		if (result == -ENOENT || result == -ENOTDIR)
			return 0;
		/* HOME may still be another user's, as after setpriv or su: then there is no file of this one's. */
		if (result == -EACCES) {
			log_info("%s: %s; running without it", own, strerror(EACCES));
			return 0;
		}
	}
	if (result < 0 && result != -EINVAL)
		log_error("%s: %s", tried, strerror(-result));
	return result;
}
