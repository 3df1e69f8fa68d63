/* SPDX-License-Identifier: MIT */
/* Checks a picture and finds its bytes. The numbers come from a client; the driver's checks are not relied on. */
#include "screen_private.h"

#include <errno.h>

enum { MAX_SIZE = 16384 };

struct area {
	uint32_t left;
	uint32_t top;
	uint32_t width;
	uint32_t height;
};

static uint32_t half(uint32_t value)
{
	return (value + 1) / 2;
}

static bool read_rectangle(const RECT *rectangle, int64_t *ret_width, int64_t *ret_height)
{
	*ret_width = (int64_t)rectangle->right - rectangle->left;
	*ret_height = (int64_t)rectangle->bottom - rectangle->top;
	return *ret_width > 0 && *ret_width <= MAX_SIZE && *ret_height > 0 && *ret_height <= MAX_SIZE;
}

static bool find_source(const struct dxgk_picture *picture, struct area *ret)
{
	const RECT *source = &picture->source;
	int64_t width;
	int64_t height;

	if (!read_rectangle(source, &width, &height) || source->left < 0 || source->top < 0 ||
	    (uint32_t)source->right > picture->width || (uint32_t)source->bottom > picture->height)
		return false;
	*ret = (struct area) { (uint32_t)source->left, (uint32_t)source->top, (uint32_t)width, (uint32_t)height };
	return true;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static bool set_screen(struct screen_view *view, const struct dxgk_picture *picture)
{
	int64_t width;
	int64_t height;
	uint32_t divisor;

	if (!read_rectangle(&picture->destination, &width, &height))
		return false;
	if (picture->rotation < D3DDDI_ROTATION_IDENTITY || picture->rotation > D3DDDI_ROTATION_270)
		return false;
	view->shown_width = (uint32_t)width;
	view->shown_height = (uint32_t)height;
	view->quarter_turns = (unsigned int)picture->rotation - D3DDDI_ROTATION_IDENTITY;
	if (view->quarter_turns % 2) {
		int64_t turned = width;

		width = height;
		height = turned;
	}
	/* The shape of a pixel: how much the picture is widened, and how much heightened. */
	view->aspect_numerator = (uint32_t)width * view->height;
	view->aspect_denominator = (uint32_t)height * view->width;
	divisor = common_divisor(view->aspect_numerator, view->aspect_denominator);
	view->aspect_numerator /= divisor;
	view->aspect_denominator /= divisor;
	return true;
}

static bool set_nv12(struct screen_view *view, const struct dxgk_picture *picture, const struct area *area)
{
	const uint8_t *memory = picture->memory;
	size_t pitch = picture->pitch;
	const uint8_t *luma = memory + area->top * pitch + area->left;
	const uint8_t *chroma = memory + picture->height * pitch + area->top / 2 * pitch + area->left;
	uint32_t width = half(area->width);
	uint32_t height = half(area->height);

	if (area->left % 2 || area->top % 2 || pitch < (size_t)2 * half(picture->width))
		return false;
	view->planes[0] = (struct screen_plane) { luma, pitch, 1, area->width, area->height };
	view->planes[1] = (struct screen_plane) { chroma, pitch, 2, width, height };
	view->planes[2] = (struct screen_plane) { chroma + 1, pitch, 2, width, height };
	view->rows[0] = (struct screen_rows) { luma, pitch, area->width, area->height };
	view->rows[1] = (struct screen_rows) { chroma, pitch, 2 * (size_t)width, height };
	return true;
}

/* y, u, v: where they lie in the four bytes of two pixels. */
static bool set_packed_yuv(struct screen_view *view, const struct dxgk_picture *picture, const struct area *area,
			   unsigned int y, unsigned int u, unsigned int v)
{
	size_t pitch = picture->pitch;
	const uint8_t *first = (const uint8_t *)picture->memory + area->top * pitch + area->left * (size_t)2;
	uint32_t width = half(area->width);

	if (area->left % 2 || pitch < (size_t)4 * half(picture->width))
		return false;
	view->planes[0] = (struct screen_plane) { first + y, pitch, 2, area->width, area->height };
	view->planes[1] = (struct screen_plane) { first + u, pitch, 4, width, area->height };
	view->planes[2] = (struct screen_plane) { first + v, pitch, 4, width, area->height };
	view->rows[0] = (struct screen_rows) { first, pitch, 4 * (size_t)width, area->height };
	return true;
}

static bool set_rgb(struct screen_view *view, const struct dxgk_picture *picture, const struct area *area)
{
	size_t pitch = picture->pitch;
	const uint8_t *first = (const uint8_t *)picture->memory + area->top * pitch + area->left * (size_t)4;

	if (pitch < (size_t)4 * picture->width)
		return false;
	view->is_rgb = true;
	for (unsigned int i = 0; i < 3; i++) /* blue comes first in memory */
		view->planes[i] = (struct screen_plane) { first + 2 - i, pitch, 4, area->width, area->height };
	view->rows[0] = (struct screen_rows) { first, pitch, 4 * (size_t)area->width, area->height };
	return true;
}

static bool set_bytes(struct screen_view *view, const struct dxgk_picture *picture, const struct area *area)
{
	switch (picture->format) {
	case D3DDDIFMT_NV12:
		return set_nv12(view, picture, area);
	case D3DDDIFMT_YUY2:
		return set_packed_yuv(view, picture, area, 0, 1, 3);
	case D3DDDIFMT_UYVY:
		return set_packed_yuv(view, picture, area, 1, 0, 2);
	case D3DDDIFMT_A8R8G8B8:
	case D3DDDIFMT_X8R8G8B8:
		return set_rgb(view, picture, area);
	default:
		return false;
	}
}

int screen_view_make(const struct dxgk_picture *picture, struct screen_view *ret)
{
	struct screen_view view = {
		.count = picture->count,
		.duration = picture->duration,
		.rate_numerator = picture->refresh_rate.Numerator,
		.rate_denominator = picture->refresh_rate.Denominator,
	};
	struct area area;

	if (!picture->memory || picture->width > MAX_SIZE || picture->height > MAX_SIZE || view.rate_numerator == 0 ||
	    view.rate_denominator == 0 || !find_source(picture, &area))
		return -EINVAL;
	view.width = area.width;
	view.height = area.height;
	if (!set_screen(&view, picture) || !set_bytes(&view, picture, &area))
		return -EINVAL;
	*ret = view;
	return 0;
}
