/* SPDX-License-Identifier: MIT */
/* Keeps small copies of pictures at even distances, for a contact sheet of a film whose length is not known. */
#include "screen_private.h"

#include "gpu/gpu.h"

#include <string.h>

enum {
	CELL_WIDTH = 320,
	CELL_HEIGHT = 320,
	CELL_LEAST = 128, /* room for the time below it */
	LATEST_TENTHS = 99999 * 600,
	WHOLE = 256, /* the weight of a source row or column that counts in full */
};

void screen_sheet_start(struct screen_sheet *sheet)
{
	*sheet = (struct screen_sheet) { .stride = 1 };
}

void screen_sheet_stop(struct screen_sheet *sheet)
{
	for (unsigned int i = 0; i < SHEET_SLOTS; i++)
		gpu_surface_memory_unmap(sheet->slots[i].memory, sheet->slots[i].capacity);
	screen_sheet_start(sheet);
}

/* The largest size of the shape that fits; even, because chroma has half of it. */
static void fit(uint32_t width, uint32_t height, uint32_t most_width, uint32_t most_height, uint32_t *ret_width,
		uint32_t *ret_height)
{
	uint64_t w = most_width;
	uint64_t h = ((uint64_t)most_width * height + width / 2) / width;

	if (h > most_height) {
		h = most_height;
		w = ((uint64_t)most_height * width + height / 2) / height;
	}
	*ret_width = w < 2 ? 2 : (uint32_t)w & ~1u;
	*ret_height = h < 2 ? 2 : (uint32_t)h & ~1u;
}

/* The share of [from, to) that lies in cell at; both in WHOLEs of cells. */
static uint32_t overlap(uint64_t from, uint64_t to, uint32_t at)
{
	uint64_t low = (uint64_t)at * WHOLE;
	uint64_t high = low + WHOLE;

	low = low < from ? from : low;
	high = high > to ? to : high;
	return high > low ? (uint32_t)(high - low) : 0;
}

/* Adds a part of one source row, times weight, to one row of sums. */
static void add_row(const struct screen_plane *plane, uint32_t y, uint32_t weight, uint32_t width, uint64_t *sums)
{
	const uint8_t *row = plane->first + y * plane->pitch;

	for (uint32_t x = 0; x < width; x++) {
		uint64_t from = (uint64_t)x * plane->width * WHOLE / width;
		uint64_t to = (uint64_t)(x + 1) * plane->width * WHOLE / width;
		uint32_t first = (uint32_t)(from / WHOLE);
		uint32_t last = (uint32_t)((to - 1) / WHOLE);
		uint64_t sum = (uint64_t)row[first * plane->step] * overlap(from, to, first);

		for (uint32_t i = first + 1; i < last; i++)
			sum += (uint64_t)row[i * plane->step] * WHOLE;
		if (last > first)
			sum += (uint64_t)row[last * plane->step] * overlap(from, to, last);
		sums[x] += sum * weight / (to - from);
	}
}

/*
 * Each pixel becomes the mean of the area that it covers. Done here and not by libswscale because that may read past the
 * end of a row, where a surface has its guard page, and copies rows into memory that is not protected.
 */
static void shrink(const struct screen_plane *plane, uint32_t width, uint32_t height, uint8_t *target)
{
	uint64_t sums[CELL_WIDTH > CELL_HEIGHT ? CELL_WIDTH : CELL_HEIGHT];

	for (uint32_t y = 0; y < height; y++) {
		uint64_t from = (uint64_t)y * plane->height * WHOLE / height;
		uint64_t to = (uint64_t)(y + 1) * plane->height * WHOLE / height;

		memset(sums, 0, sizeof(sums));
		for (uint32_t i = (uint32_t)(from / WHOLE); i <= (uint32_t)((to - 1) / WHOLE); i++)
			add_row(plane, i, overlap(from, to, i), width, sums);
		for (uint32_t x = 0; x < width; x++)
			target[y * width + x] = (uint8_t)((sums[x] + (to - from) / 2) / (to - from));
	}
	gpu_wipe(sums, sizeof(sums));
}

/* Memory once taken serves all the pictures that the slot will hold. */
static bool reserve(struct screen_thumbnail *slot, size_t size)
{
	void *memory;

	if (slot->capacity >= size)
		return true;
	if (gpu_surface_memory_map(size, &memory) < 0)
		return false;
	gpu_surface_memory_unmap(slot->memory, slot->capacity);
	slot->memory = memory;
	slot->capacity = size;
	return true;
}

/* A client may claim any rate; what no label could hold is cut off. */
static uint64_t tenths_of(const struct screen_view *view)
{
	double tenths = 10.0 * view->count * view->rate_denominator / view->rate_numerator;

	return tenths < LATEST_TENTHS ? (uint64_t)(tenths + 1e-6) : LATEST_TENTHS;
}

static bool take(struct screen_sheet *sheet, struct screen_thumbnail *slot, const struct screen_view *view)
{
	bool turned = view->quarter_turns % 2;
	uint32_t width;
	uint32_t height;
	size_t luma;

	fit(view->shown_width, view->shown_height, sheet->cell_width, sheet->cell_height, &width, &height);
	if (turned) {
		uint32_t swap = width;

		width = height;
		height = swap;
	}
	luma = (size_t)width * height;
	if (!reserve(slot, view->is_rgb ? 3 * luma : luma + luma / 2))
		return false;
	slot->width = width;
	slot->height = height;
	slot->is_rgb = view->is_rgb;
	slot->is_hd = view->height >= 720;
	slot->quarter_turns = view->quarter_turns;
	slot->tenths = tenths_of(view);

	shrink(&view->planes[0], width, height, slot->memory);
	if (view->is_rgb) {
		shrink(&view->planes[1], width, height, slot->memory + luma);
		shrink(&view->planes[2], width, height, slot->memory + 2 * luma);
	} else {
		shrink(&view->planes[1], width / 2, height / 2, slot->memory + luma);
		shrink(&view->planes[2], width / 2, height / 2, slot->memory + luma + luma / 4);
	}
	return true;
}

/* Keeps every second one. The others' memory stays, for later pictures. */
static void thin_out(struct screen_sheet *sheet)
{
	for (unsigned int i = 1; 2 * i < sheet->kept; i++) {
		struct screen_thumbnail swap = sheet->slots[i];

		sheet->slots[i] = sheet->slots[(size_t)2 * i];
		sheet->slots[(size_t)2 * i] = swap;
	}
	sheet->kept = (sheet->kept + 1) / 2;
	sheet->stride *= 2;
}

void screen_sheet_offer(struct screen_sheet *sheet, const struct screen_view *view)
{
	uint64_t number = sheet->seen++;

	if (number % sheet->stride)
		return;
	if (sheet->cell_width == 0) {
		uint32_t width = view->shown_width > CELL_WIDTH ? CELL_WIDTH : view->shown_width;

		fit(view->shown_width, view->shown_height, width < CELL_LEAST ? CELL_LEAST : width, CELL_HEIGHT,
		    &sheet->cell_width, &sheet->cell_height);
		if (sheet->cell_width < CELL_LEAST)
			sheet->cell_width = CELL_LEAST;
	}
	if (sheet->kept == SHEET_SLOTS)
		thin_out(sheet);
	if (number % sheet->stride)
		return;
	/* Where no memory is left, the sheet does with fewer. */
	if (take(sheet, &sheet->slots[sheet->kept], view))
		sheet->kept++;
	else if (sheet->kept > SHEET_CELLS)
		thin_out(sheet);
}
