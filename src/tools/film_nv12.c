/* SPDX-License-Identifier: MIT */
/* Decoded pictures to NV12, byte for byte as the ffmpeg program's `-pix_fmt nv12` makes it. */
#include "film_private.h"

#include <errno.h>

#include <libavutil/imgutils.h>
#include <libavutil/opt.h>

static const int *coefficients(enum AVColorSpace space)
{
	if (space < 1 || space > 10 || space == 8)
		space = AVCOL_SPC_BT470BG;
	return sws_getCoefficients((int)space);
}

/* The scaler as the filter graph of the ffmpeg program sets it up. */
static int make_scaler(struct film *film, const AVFrame *frame)
{
	struct SwsContext *scaler = sws_alloc_context();
	bool full;
	int brightness;
	int contrast;
	int saturation;
	int *unused;
	int target_full;
	int source_full;

	if (!scaler)
		return -ENOMEM;
	av_opt_set_int(scaler, "srcw", frame->width, 0);
	av_opt_set_int(scaler, "srch", frame->height, 0);
	av_opt_set_int(scaler, "src_format", frame->format, 0);
	av_opt_set_int(scaler, "dstw", film->info.width, 0);
	av_opt_set_int(scaler, "dsth", film->info.height, 0);
	av_opt_set_int(scaler, "dst_format", AV_PIX_FMT_NV12, 0);
	av_opt_set_int(scaler, "sws_flags", SWS_BICUBIC, 0);
	av_opt_set_int(scaler, "src_h_chr_pos", -513, 0);
	av_opt_set_int(scaler, "src_v_chr_pos", frame->format == AV_PIX_FMT_YUV420P ? 128 : -513, 0);
	if (frame->color_range != AVCOL_RANGE_UNSPECIFIED)
		av_opt_set_int(scaler, "src_range", frame->color_range == AVCOL_RANGE_JPEG, 0);
	if (sws_init_context(scaler, NULL, NULL) < 0) {
		sws_freeContext(scaler);
		return -EINVAL;
	}
	if (frame->color_range != AVCOL_RANGE_UNSPECIFIED &&
	    sws_getColorspaceDetails(scaler, &unused, &source_full, &unused, &target_full, &brightness, &contrast,
				     &saturation) >= 0) {
		full = frame->color_range == AVCOL_RANGE_JPEG;
		sws_setColorspaceDetails(scaler, coefficients(frame->colorspace), full, coefficients(frame->colorspace),
					 target_full, brightness, contrast, saturation);
	}
	sws_freeContext(film->scaler);
	film->scaler = scaler;
	return 0;
}

static int use_scaler(struct film *film, const AVFrame *frame)
{
	struct film_scaling wanted = {
		.width = frame->width,
		.height = frame->height,
		.format = frame->format,
		.range = frame->color_range,
		.space = frame->colorspace,
	};
	const struct film_scaling *now = &film->scaling;
	int result;

	if (film->scaler && now->width == wanted.width && now->height == wanted.height &&
	    now->format == wanted.format && now->range == wanted.range && now->space == wanted.space)
		return 0;
	result = make_scaler(film, frame);
	if (result == 0)
		film->scaling = wanted;
	return result;
}

enum film_result film_convert(struct film *film, const AVFrame *frame, uint8_t *memory, uint32_t pitch)
{
	int width = (int)film->info.width;
	int height = (int)film->info.height;
	uint8_t *planes[4] = { memory, memory + (size_t)pitch * film->info.height };
	int pitches[4] = { (int)pitch, (int)pitch };

	if (pitch < ((film->info.width + 1) & ~1u) || pitch > INT32_MAX)
		return film_fail(film, "%s: a pitch of %u bytes is too small for its pictures", film->name, pitch);
	if (frame->format == AV_PIX_FMT_NV12 && frame->width == width && frame->height == height) {
		av_image_copy_plane(planes[0], pitches[0], frame->data[0], frame->linesize[0], width, height);
		av_image_copy_plane(planes[1], pitches[1], frame->data[1], frame->linesize[1], (width + 1) & ~1,
				    (height + 1) / 2);
		return FILM_OK;
	}
	if (use_scaler(film, frame) < 0 || sws_scale(film->scaler, (const uint8_t *const *)frame->data, frame->linesize,
						     0, frame->height, planes, pitches) != height)
		return film_fail(film, "%s: its pictures can't be made NV12", film->name);
	return FILM_OK;
}
