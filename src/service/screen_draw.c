/* SPDX-License-Identifier: MIT */
/* Draws the contact sheet: up to twelve pictures in the order of their times, each with its time below. */
#include "screen_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MARGIN = 16,
	GAP = 12,
	LABEL_HEIGHT = 26,
	LABEL_TOP = 7,
	LABEL_SCALE = 2,
	BACKGROUND = 0x1c,
	LABEL_GREY = 0xc8,
};

static uint8_t to_byte(double value)
{
	/* NOLINTNEXTLINE(bugprone-incorrect-roundings): nothing negative is rounded */
	return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5);
}

/* A chroma sample at a luma position: between the four that surround it. */
static double chroma_at(const uint8_t *plane, uint32_t width, uint32_t height, uint32_t x, uint32_t y)
{
	uint32_t x0 = x % 2 ? x / 2 : x ? x / 2 - 1 : 0;
	uint32_t y0 = y % 2 ? y / 2 : y ? y / 2 - 1 : 0;
	uint32_t x1 = x0 + 1 < width && x ? x0 + 1 : x0;
	uint32_t y1 = y0 + 1 < height && y ? y0 + 1 : y0;
	double fx = x % 2 ? 0.25 : 0.75;
	double fy = y % 2 ? 0.25 : 0.75;
	double top = plane[y0 * width + x0] * (1 - fx) + plane[y0 * width + x1] * fx;
	double bottom = plane[y1 * width + x0] * (1 - fx) + plane[y1 * width + x1] * fx;

	return top * (1 - fy) + bottom * fy;
}

/* Limited range, BT.709 for what is high definition and BT.601 for the rest. */
static void yuv_pixel(const struct screen_thumbnail *picture, uint32_t x, uint32_t y, uint8_t rgb[3])
{
	size_t size = (size_t)picture->width * picture->height;
	const uint8_t *u_plane = picture->memory + size;
	const uint8_t *v_plane = u_plane + size / 4;
	double red = picture->is_hd ? 0.2126 : 0.299;
	double blue = picture->is_hd ? 0.0722 : 0.114;
	double luma = (picture->memory[y * picture->width + x] - 16) * 255.0 / 219;
	double u = (chroma_at(u_plane, picture->width / 2, picture->height / 2, x, y) - 128) * 255.0 / 112;
	double v = (chroma_at(v_plane, picture->width / 2, picture->height / 2, x, y) - 128) * 255.0 / 112;

	rgb[0] = to_byte(luma + v * (1 - red));
	rgb[1] = to_byte(luma - (u * (1 - blue) * blue + v * (1 - red) * red) / (1 - red - blue));
	rgb[2] = to_byte(luma + u * (1 - blue));
}

static void read_pixel(const struct screen_thumbnail *picture, uint32_t x, uint32_t y, uint8_t rgb[3])
{
	size_t size = (size_t)picture->width * picture->height;

	if (!picture->is_rgb) {
		yuv_pixel(picture, x, y, rgb);
		return;
	}
	for (unsigned int i = 0; i < 3; i++)
		rgb[i] = picture->memory[i * size + (size_t)y * picture->width + x];
}

/* Where the upright picture's pixel (x, y) lies in the one that was not turned yet. */
static void turn_back(const struct screen_thumbnail *picture, uint32_t x, uint32_t y, uint32_t *ret_x, uint32_t *ret_y)
{
	switch (picture->quarter_turns) {
	case 1:
		*ret_x = y;
		*ret_y = picture->height - 1 - x;
		break;
	case 2:
		*ret_x = picture->width - 1 - x;
		*ret_y = picture->height - 1 - y;
		break;
	case 3:
		*ret_x = picture->width - 1 - y;
		*ret_y = x;
		break;
	default:
		*ret_x = x;
		*ret_y = y;
		break;
	}
}

static void draw_picture(const struct screen_sheet *sheet, struct screen_image *image,
			 const struct screen_thumbnail *picture, uint32_t left, uint32_t top)
{
	bool turned = picture->quarter_turns % 2;
	uint32_t width = turned ? picture->height : picture->width;
	uint32_t height = turned ? picture->width : picture->height;
	char text[32];

	for (uint32_t y = 0; y < height; y++) {
		uint32_t row = top + (sheet->cell_height - height) / 2 + y;
		uint32_t column = left + (sheet->cell_width - width) / 2;

		for (uint32_t x = 0; x < width; x++) {
			uint32_t from_x;
			uint32_t from_y;

			turn_back(picture, x, y, &from_x, &from_y);
			read_pixel(picture, from_x, from_y,
				   image->pixels + ((size_t)row * image->width + column + x) * 3);
		}
	}
	snprintf(text, sizeof(text), "%02" PRIu64 ":%02" PRIu64 ".%" PRIu64, picture->tenths / 600,
		 picture->tenths / 10 % 60, picture->tenths % 10);
	screen_text_draw(image, text, left + (sheet->cell_width - screen_text_width(text, LABEL_SCALE)) / 2,
			 top + sheet->cell_height + LABEL_TOP, LABEL_SCALE, LABEL_GREY);
}

int screen_sheet_draw(const struct screen_sheet *sheet, struct screen_image *ret)
{
	uint32_t cells = sheet->kept < SHEET_CELLS ? sheet->kept : SHEET_CELLS;
	uint32_t columns = cells < SHEET_COLUMNS ? cells : SHEET_COLUMNS;
	uint32_t rows = (cells + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
	uint32_t step_x = sheet->cell_width + GAP;
	uint32_t step_y = sheet->cell_height + LABEL_HEIGHT + GAP;
	struct screen_image image = {
		.width = 2 * MARGIN - GAP + columns * step_x,
		.height = 2 * MARGIN - GAP + rows * step_y,
	};
	size_t size = (size_t)image.width * image.height * 3;

	/* Ordinary memory: these very bytes go into a file next. */
	image.pixels = malloc(size);
	if (!image.pixels)
		return -ENOMEM;
	memset(image.pixels, BACKGROUND, size);
	for (uint32_t i = 0; i < cells; i++) {
		uint32_t chosen = (2 * i + 1) * sheet->kept / (2 * cells);

		draw_picture(sheet, &image, &sheet->slots[chosen], MARGIN + i % SHEET_COLUMNS * step_x,
			     MARGIN + i / SHEET_COLUMNS * step_y);
	}
	*ret = image;
	return 0;
}
