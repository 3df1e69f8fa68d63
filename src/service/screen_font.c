/* SPDX-License-Identifier: MIT */
/* A font for times: digits, ':' and '.', five dots wide and seven high. */
#include "screen_private.h"

#include <string.h>

enum { GLYPH_WIDTH = 5, GLYPH_HEIGHT = 7, GLYPH_ADVANCE = 6, NARROW_ADVANCE = 3 };

static const char glyph_names[] = "0123456789:.";

/* One byte a row from the top, the leftmost dot in bit 4; the last two are two dots wide. */
static const uint8_t glyphs[][GLYPH_HEIGHT] = {
	{ 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e }, { 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e },
	{ 0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f }, { 0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e },
	{ 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 }, { 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e },
	{ 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e }, { 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 },
	{ 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e }, { 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c },
	{ 0x00, 0x00, 0x10, 0x00, 0x10, 0x00, 0x00 }, { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10 },
};

static uint32_t advance(char c)
{
	return c == ':' || c == '.' ? NARROW_ADVANCE : GLYPH_ADVANCE;
}

uint32_t screen_text_width(const char *text, uint32_t scale)
{
	uint32_t width = 0;

	for (; *text; text++)
		width += advance(*text) * scale;
	return width ? width - scale : 0;
}

static void draw_dot(struct screen_image *image, uint32_t x, uint32_t y, uint32_t scale, uint8_t grey)
{
	for (uint32_t i = y; i < y + scale && i < image->height; i++) {
		for (uint32_t j = x; j < x + scale && j < image->width; j++)
			memset(image->pixels + ((size_t)i * image->width + j) * 3, grey, 3);
	}
}

void screen_text_draw(struct screen_image *image, const char *text, uint32_t x, uint32_t y, uint32_t scale,
		      uint8_t grey)
{
	for (; *text; x += advance(*text) * scale, text++) {
		const char *name = strchr(glyph_names, *text);

		for (unsigned int dot = 0; name && dot < GLYPH_WIDTH * GLYPH_HEIGHT; dot++) {
			unsigned int row = dot / GLYPH_WIDTH;
			unsigned int column = dot % GLYPH_WIDTH;

			if (glyphs[name - glyph_names][row] & (0x10 >> column))
				draw_dot(image, x + column * scale, y + row * scale, scale, grey);
		}
	}
}
