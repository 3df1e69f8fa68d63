/* SPDX-License-Identifier: MIT */
/* Writes an image as PNG, by libavcodec. */
#include "screen_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>

static int write_all(int file, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(file, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static AVCodecContext *open_encoder(const struct screen_image *image)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
	AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;

	if (!encoder)
		return NULL;
	encoder->width = (int)image->width;
	encoder->height = (int)image->height;
	encoder->pix_fmt = AV_PIX_FMT_RGB24;
	encoder->time_base = (AVRational) { 1, 1 };
	encoder->thread_count = 1; /* the service's sandbox allows no new threads */
	if (avcodec_open2(encoder, codec, NULL) < 0)
		avcodec_free_context(&encoder);
	return encoder;
}

int screen_png_write(int file, const struct screen_image *image)
{
	AVCodecContext *encoder = open_encoder(image);
	AVFrame *frame = av_frame_alloc();
	AVPacket *packet = av_packet_alloc();
	int result = -ENOMEM;

	if (encoder && frame && packet) {
		frame->width = (int)image->width;
		frame->height = (int)image->height;
		frame->format = AV_PIX_FMT_RGB24;
		if (av_frame_get_buffer(frame, 0) == 0) {
			for (uint32_t y = 0; y < image->height; y++)
				memcpy(frame->data[0] + (size_t)y * (size_t)frame->linesize[0],
				       image->pixels + (size_t)y * image->width * 3, (size_t)image->width * 3);
			result = avcodec_send_frame(encoder, frame) < 0 ? -EIO : 0;
		}
		if (result == 0)
			avcodec_send_frame(encoder, NULL);
		if (result == 0 && avcodec_receive_packet(encoder, packet) < 0)
			result = -EIO;
		if (result == 0)
			result = write_all(file, packet->data, (size_t)packet->size);
	}
	av_packet_free(&packet);
	av_frame_free(&frame);
	avcodec_free_context(&encoder);
	return result;
}
