/* SPDX-License-Identifier: MIT */
/* What the files of the virtual screen share. */
#ifndef DXV_SERVICE_SCREEN_PRIVATE_H
#define DXV_SERVICE_SCREEN_PRIVATE_H

#include "screen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

/* One component of a picture: its value at (x, y) is first[y * pitch + x * step]. */
struct screen_plane {
	const uint8_t *first;
	size_t pitch;
	size_t step;
	uint32_t width;
	uint32_t height;
};

/* Rows that lie one after the other, hashed without what pads them. */
struct screen_rows {
	const uint8_t *first;
	size_t pitch;
	size_t bytes;
	uint32_t count;
};

/* A picture whose every number has been checked: nothing that it leads to lies outside the surface. */
struct screen_view {
	uint32_t width; /* of the part to show */
	uint32_t height;
	uint32_t shown_width; /* on the screen, upright */
	uint32_t shown_height;
	unsigned int quarter_turns; /* clockwise, to stand upright */
	uint32_t aspect_numerator;  /* of a pixel, before the turn */
	uint32_t aspect_denominator;
	uint32_t rate_numerator;
	uint32_t rate_denominator;
	uint32_t count;
	uint32_t duration;
	bool is_rgb;
	struct screen_plane planes[3]; /* Y, U, V or R, G, B */
	struct screen_rows rows[2];
};

/* screen_view.c. -EINVAL: not a picture that can be shown. */
int screen_view_make(const struct dxgk_picture *picture, struct screen_view *ret);

/* screen_md5.c */
struct screen_md5 {
	int file;
	bool started;
	EVP_MD *md5;
	EVP_MD_CTX *context;
};

int screen_md5_start(struct screen_md5 *lines, int file); /* -ENOTSUP: libcrypto has no MD5 */
int screen_md5_write(struct screen_md5 *lines, const struct screen_view *view);
void screen_md5_stop(struct screen_md5 *lines);

/* screen_sheet.c */
enum { SHEET_SLOTS = 24, SHEET_COLUMNS = 4, SHEET_CELLS = 12 };

/* A small copy: planes Y, U, V (U and V of half the size) or R, G, B, one after the other in protected memory. */
struct screen_thumbnail {
	uint8_t *memory;
	size_t capacity;
	uint32_t width;
	uint32_t height;
	bool is_rgb;
	bool is_hd;
	unsigned int quarter_turns;
	uint64_t tenths; /* its time in tenths of a second */
};

struct screen_sheet {
	struct screen_thumbnail slots[SHEET_SLOTS];
	unsigned int kept;
	uint64_t seen;
	uint64_t stride;
	uint32_t cell_width; /* as the first picture wants it */
	uint32_t cell_height;
};

void screen_sheet_start(struct screen_sheet *sheet);
void screen_sheet_offer(struct screen_sheet *sheet, const struct screen_view *view);
void screen_sheet_stop(struct screen_sheet *sheet);

/* screen_draw.c. An RGB image of 3 bytes a pixel, to be freed. -ENOMEM. */
struct screen_image {
	uint8_t *pixels;
	uint32_t width;
	uint32_t height;
};

int screen_sheet_draw(const struct screen_sheet *sheet, struct screen_image *ret);
/* screen_font.c. Text of digits, ':' and '.', its top left at (x, y); scale: pixels a dot. */
uint32_t screen_text_width(const char *text, uint32_t scale);
void screen_text_draw(struct screen_image *image, const char *text, uint32_t x, uint32_t y, uint32_t scale,
		      uint8_t grey);

/* screen_png.c */
int screen_png_write(int file, const struct screen_image *image);

#endif
