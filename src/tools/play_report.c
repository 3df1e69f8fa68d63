/* SPDX-License-Identifier: MIT */
/* What the user of dxvault play sees: progress while it plays, a summary behind it. */
#include "tools/play.h"
#include "tools/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 40, UPDATE_MS = 50 };

int64_t play_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void play_progress_start(struct play_progress *progress, const struct play_options *options, uint64_t total)
{
	*progress = (struct play_progress) {
		.active = !options->json || isatty(STDERR_FILENO),
		.is_terminal = isatty(STDERR_FILENO),
		.total = total,
	};
}

static void draw_bar(uint64_t shown, uint64_t total)
{
	unsigned int filled = (unsigned int)((shown < total ? shown : total) * BAR_WIDTH / total);
	char bar[BAR_WIDTH + 1];

	memset(bar, '#', filled);
	memset(bar + filled, '.', BAR_WIDTH - filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %" PRIu64 " of about %" PRIu64 " pictures ", bar, shown, total);
}

void play_progress_update(struct play_progress *progress, uint64_t shown)
{
	int64_t now;

	if (!progress->active)
		return;
	if (progress->is_terminal) {
		now = play_now_ms();
		if (now - progress->last_ms < UPDATE_MS)
			return;
		progress->last_ms = now;
		if (progress->total > 0)
			draw_bar(shown, progress->total);
		else
			fprintf(stderr, "\r%" PRIu64 " pictures ", shown);
	} else if (progress->total > 0) {
		unsigned int tenth = (unsigned int)(shown * 10 / progress->total);

		if (tenth > progress->last_tenth && tenth <= 10)
			fprintf(stderr, "%u%%: %" PRIu64 " pictures\n", tenth * 10, shown);
		progress->last_tenth = tenth;
	}
}

void play_progress_end(struct play_progress *progress)
{
	if (progress->active && progress->is_terminal)
		fputs("\r\033[K", stderr);
	progress->active = false;
}

/* ---- losses -------------------------------------------------------------------------------------------------- */

static const char *name_cause(enum play_cause cause)
{
	switch (cause) {
	case PLAY_LOSS_DEVICE:
		return "device";
	case PLAY_LOSS_MEMORY:
		return "memory";
	case PLAY_LOSS_SERVICE:
		return "service";
	default:
		return "keys";
	}
}

static void print_loss(const struct play_loss *loss)
{
	static const char *const texts[] = {
		[PLAY_NO_LOSS] = "keys lost",		[PLAY_LOSS_KEYS] = "keys lost",
		[PLAY_LOSS_DEVICE] = "adapter removed", [PLAY_LOSS_MEMORY] = "protected memory used up",
		[PLAY_LOSS_SERVICE] = "service gone",
	};

	printf("Loss:             %s picture %" PRIu64 ": %s", loss->is_ordered ? "at" : "noticed behind", loss->at,
	       texts[loss->cause]);
	if (loss->claimed > 0)
		printf(" (%" PRIu64 " bytes until it was refused)", loss->claimed);
	if (loss->seen_before > 0)
		printf("; the presenter %s before picture %" PRIu64,
		       loss->read_invalid ? "read INVALID" : "saw the fence", loss->seen_before);
	printf("; %" PRIu64 " black, %" PRIu64 " absent; new key after %.1f ms; ", loss->black, loss->absent,
	       loss->key_ms);
	if (loss->resumed > 0)
		printf("on again with picture %" PRIu64 "\n", loss->resumed);
	else
		printf("the film was at its end\n");
}

static uint64_t kept_losses(const struct play_result *result)
{
	return result->loss_count < PLAY_LOSSES_MAX ? result->loss_count : PLAY_LOSSES_MAX;
}

static void print_losses(const struct play_options *options, const struct play_result *result)
{
	for (uint64_t i = 0; i < kept_losses(result); i++)
		print_loss(&result->losses[i]);
	if (result->loss_count > PLAY_LOSSES_MAX)
		printf("Loss:             and %" PRIu64 " more\n", result->loss_count - PLAY_LOSSES_MAX);
	for (size_t i = 0; i < options->order_count; i++) {
		if (options->orders[i].at > result->sent)
			printf("Loss:             at picture %" PRIu64 ": not reached, the film has %" PRIu64 "\n",
			       options->orders[i].at, result->sent);
	}
}

static void print_json_number(const char *name, uint64_t number)
{
	if (number > 0)
		printf("\"%s\": %" PRIu64 ", ", name, number);
	else
		printf("\"%s\": null, ", name);
}

static void print_json_losses(const struct play_options *options, const struct play_result *result)
{
	const char *separator = "";

	printf(",\n  \"losses\": [");
	for (uint64_t i = 0; i < kept_losses(result); i++) {
		const struct play_loss *loss = &result->losses[i];

		printf("%s\n    {\"cause\": \"%s\", \"ordered\": %s, \"at\": %" PRIu64 ", ", separator,
		       name_cause(loss->cause), loss->is_ordered ? "true" : "false", loss->at);
		print_json_number("seen_before", loss->seen_before);
		printf("\"read_invalid\": %s, \"black\": %" PRIu64 ", \"absent\": %" PRIu64 ", ",
		       loss->read_invalid ? "true" : "false", loss->black, loss->absent);
		print_json_number("bytes_claimed", loss->claimed);
		print_json_number("resumed_at", loss->resumed);
		printf("\"key_ms\": %.3f}", loss->key_ms);
		separator = ",";
	}
	printf("%s],\n  \"losses_total\": %" PRIu64 ",\n  \"losses_not_reached\": [", *separator ? "\n  " : "",
	       result->loss_count);
	separator = "";
	for (size_t i = 0; i < options->order_count; i++) {
		if (options->orders[i].at <= result->sent)
			continue;
		printf("%s%" PRIu64, separator, options->orders[i].at);
		separator = ", ";
	}
	printf("]");
}

/* ---- the summary --------------------------------------------------------------------------------------------- */

static const char *name_status(const struct play_result *result)
{
	return result->status == D3DKMT_PROTECTED_SESSION_STATUS_OK ? "OK" : "INVALID";
}

static void report_json(const struct play_options *options, const struct film_info *film,
			const struct play_result *result)
{
	printf("{\n  \"file\": ");
	text_json_string(stdout, options->file);
	printf(",\n  \"width\": %u,\n  \"height\": %u,\n  \"encrypted\": %s,\n  \"frames_presented\": %" PRIu64
	       ",\n  \"seconds\": %.3f,\n  \"pictures_per_second\": %.1f,\n",
	       film->width, film->height, film->encrypted ? "true" : "false", result->presented, result->seconds,
	       result->seconds > 0 ? (double)result->presented / result->seconds : 0);
	printf("  \"key_memory\": \"%s\",\n  \"picture_memory\": \"%s\",\n  \"memory_reason\": ",
	       text_memory_kind(result->service.KeyMemory), text_memory_kind(result->service.SurfaceMemory));
	text_json_string(stdout, result->service.MemoryReason);
	printf(",\n  \"protection_checks\": %" PRIu64 ",\n  \"channel_key_locked\": %s,\n  \"session_status\": \"%s\"",
	       result->checks, result->channel_key_is_locked ? "true" : "false", name_status(result));
	print_json_losses(options, result);
	printf(",\n  \"contact_sheet\": ");
	if (options->screen) {
		char path[4200];

		snprintf(path, sizeof(path), "%s/contact-sheet.png", options->screen);
		text_json_string(stdout, path);
		printf(",\n  \"framemd5\": ");
		snprintf(path, sizeof(path), "%s/screen.framemd5", options->screen);
		text_json_string(stdout, path);
		printf("\n}\n");
	} else {
		printf("null,\n  \"framemd5\": null\n}\n");
	}
}

void play_report(const struct play_options *options, const struct film_info *film, const struct play_result *result)
{
	char memory[256];

	if (options->json) {
		report_json(options, film, result);
		return;
	}
	text_memory(&result->service, memory, sizeof(memory));
	printf("Presented:        %" PRIu64 " frames of %ux%u in %.2f s, %.0f pictures per second\n", result->presented,
	       film->width, film->height, result->seconds,
	       result->seconds > 0 ? (double)result->presented / result->seconds : 0);
	printf("Film:             %s\n", film->encrypted ? "encrypted (cenc)" : "clear");
	printf("Protected memory: %s\n", memory);
	printf("Protection:       enabled, checked %" PRIu64 " times%s\n", result->checks,
	       result->channel_key_is_locked ? "" : "; the channel's key may be swapped out: RLIMIT_MEMLOCK");
	print_losses(options, result);
	printf("Session status:   %s\n", name_status(result));
	if (options->screen) {
		printf("Contact sheet:    %s/contact-sheet.png\n", options->screen);
		printf("Frame checksums:  %s/screen.framemd5\n", options->screen);
	}
}
