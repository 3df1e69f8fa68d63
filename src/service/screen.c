/* SPDX-License-Identifier: MIT */
/* The virtual screen: its folder and two files. */
#include "screen_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <libavutil/log.h>

static const char lines_name[] = "screen.framemd5";
static const char sheet_name[] = "contact-sheet.png";

struct screen {
	int folder;
	int lines_file;
	int sheet_file;
	struct screen_md5 lines;
	struct screen_sheet sheet;
};

/* Never writes through what lies there: it may be a link that someone else made. */
static int create_file(int folder, const char *name, int flags, int *ret_file)
{
	int file;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | flags, 0644);
	if (file < 0)
		return -errno;
	*ret_file = file;
	return 0;
}

static void close_file(int file)
{
	if (file >= 0)
		close(file);
}

static void free_screen(struct screen *screen)
{
	screen_md5_stop(&screen->lines);
	screen_sheet_stop(&screen->sheet);
	close_file(screen->lines_file);
	close_file(screen->sheet_file);
	close_file(screen->folder);
	free(screen);
}

static int open_files(struct screen *screen, const char *folder)
{
	int result;

	screen->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (screen->folder < 0)
		return -errno;
	result = create_file(screen->folder, lines_name, O_APPEND, &screen->lines_file);
	if (result < 0)
		return result;
	result = create_file(screen->folder, sheet_name, 0, &screen->sheet_file);
	if (result == 0)
		result = screen_md5_start(&screen->lines, screen->lines_file);
	if (result < 0)
		unlinkat(screen->folder, lines_name, 0);
	if (result < 0 && screen->sheet_file >= 0)
		unlinkat(screen->folder, sheet_name, 0);
	return result;
}

int screen_open(const char *folder, struct screen **ret_screen)
{
	struct screen *screen = calloc(1, sizeof(*screen));
	int result;

	if (!screen)
		return -ENOMEM;
	av_log_set_level(AV_LOG_QUIET);
	screen->folder = -1;
	screen->lines_file = -1;
	screen->sheet_file = -1;
	screen_sheet_start(&screen->sheet);
	result = open_files(screen, folder);
	if (result < 0) {
		free_screen(screen);
		return result;
	}
	*ret_screen = screen;
	return 0;
}

int screen_show(struct screen *screen, const struct dxgk_picture *picture)
{
	struct screen_view view;
	int result = screen_view_make(picture, &view);

	if (result == 0)
		result = screen_md5_write(&screen->lines, &view);
	if (result == 0)
		screen_sheet_offer(&screen->sheet, &view);
	return result;
}

int screen_close(struct screen *screen)
{
	struct screen_image image;
	int result = 0;

	if (!screen)
		return 0;
	if (screen->sheet.kept > 0) {
		result = screen_sheet_draw(&screen->sheet, &image);
		if (result == 0) {
			result = screen_png_write(screen->sheet_file, &image);
			free(image.pixels);
		}
	}
	if (screen->sheet.kept == 0 || result < 0)
		unlinkat(screen->folder, sheet_name, 0);
	free_screen(screen);
	return result;
}
