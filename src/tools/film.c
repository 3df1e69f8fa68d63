/* SPDX-License-Identifier: MIT */
/* A film, opened and decoded picture by picture with libavformat and libavcodec. */
#include "film_private.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>
#include <libavutil/display.h>

static _Thread_local char open_error[512];

enum film_result film_fail(struct film *film, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(film->error, sizeof(film->error), format, arguments);
	va_end(arguments);
	return FILM_ERROR;
}

const char *film_error(const struct film *film)
{
	return film ? film->error : open_error;
}

const struct film_info *film_info(const struct film *film)
{
	return &film->info;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void set_name(struct film *film, const char *path)
{
	size_t length = strnlen(path, sizeof(film->name) - 1);

	memcpy(film->name, path, length);
	film->name[length] = '\0';
	for (char *c = film->name; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* a message stays one line, and moves no cursor */
	}
}

/* ret_fd: the file, for what libavformat does not tell. */
static enum film_result check_file(struct film *film, int *ret_fd)
{
	struct stat status;
	int fd;

	if (stat(film->path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
		return film_fail(film, "%s is not a film: it is not a file", film->name);
	if (stat(film->path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
		return film_fail(film, "%s is not a film: it is empty", film->name);
	fd = open(film->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return film_fail(film, "%s: no such file", film->name);
	if (fd < 0)
		return film_fail(film, "%s can't be opened: %s", film->name, strerror(errno));
	*ret_fd = fd;
	return FILM_OK;
}

static enum film_result open_format(struct film *film)
{
	AVDictionary *options = NULL;
	char *url = av_asprintf("file:%s", film->path); /* so that no name is taken for a protocol's */
	int result;

	if (!url)
		return film_fail(film, "%s: out of memory", film->name);
	av_dict_set(&options, "scan_all_pmts", "1", 0);
	result = avformat_open_input(&film->format, url, NULL, &options);
	av_dict_free(&options);
	av_free(url);
	if (result == AVERROR_INVALIDDATA)
		return film_fail(film, "%s is not a film: it has no known format, or its head is damaged or missing",
				 film->name);
	if (result < 0)
		return film_fail(film, "%s is not a film: %s", film->name, av_err2str(result));
	return FILM_OK;
}

/* An MP4 film's protection shows in its first packets, and the key must be set before these are read. */
static enum film_result open_with_key(struct film *film, const struct film_key *keys, size_t key_count)
{
	struct film_protection protection;
	enum film_result result = open_format(film);

	if (result != FILM_OK || !film_is_mp4(film))
		return result;
	film_key_probe(film->format, &protection);
	avformat_close_input(&film->format);
	film->info.encrypted = protection.encrypted;
	result = open_format(film);
	if (result == FILM_OK)
		result = film_key_apply(film, &protection, keys, key_count);
	return result;
}

static bool is_text_art(enum AVCodecID codec)
{
	return codec == AV_CODEC_ID_ANSI || codec == AV_CODEC_ID_BINTEXT || codec == AV_CODEC_ID_XBIN ||
	       codec == AV_CODEC_ID_IDF;
}

static enum film_result choose_stream(struct film *film)
{
	if (avformat_find_stream_info(film->format, NULL) < 0)
		return film_fail(film, "%s is not a film: no stream in it can be understood", film->name);
	for (unsigned int i = 0; i < film->format->nb_streams; i++) {
		AVStream *stream = film->format->streams[i];
		bool video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
			     !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);

		if (video && is_text_art(stream->codecpar->codec_id))
			return film_fail(film, "%s is not a film: it is text", film->name);
		stream->discard = video && !film->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
		if (video && !film->stream)
			film->stream = stream;
	}
	return film->stream ? FILM_OK : film_fail(film, "%s has no video", film->name);
}

static enum film_result open_decoder(struct film *film)
{
	const AVCodecParameters *parameters = film->stream->codecpar;
	const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);

	if (!codec)
		return film_fail(film, "%s: there is no decoder for its video (%s)", film->name,
				 avcodec_get_name(parameters->codec_id));
	film->decoder = avcodec_alloc_context3(codec);
	film->packet = av_packet_alloc();
	film->frame = av_frame_alloc();
	if (!film->decoder || !film->packet || !film->frame ||
	    avcodec_parameters_to_context(film->decoder, parameters) < 0)
		return film_fail(film, "%s: out of memory", film->name);

	film->decoder->framerate = film->stream->avg_frame_rate;
	film->decoder->pkt_timebase = film->stream->time_base;
	film->decoder->thread_count = 0; /* as many as there are processors */
	/* A wrong key shows as damage and nothing else. A clear film plays with such flaws as ffmpeg plays it with. */
	if (film->info.encrypted)
		film->decoder->err_recognition |= AV_EF_EXPLODE;
	if (avcodec_open2(film->decoder, codec, NULL) < 0)
		return film_fail(film, "%s: the decoder of its video (%s) can't be opened", film->name, codec->name);
	if (film_clock_start(&film->clock, film->format, film->stream, film->decoder) < 0)
		return film_fail(film, "%s: out of memory", film->name);
	film->first_key = AV_NOPTS_VALUE;
	return FILM_OK;
}

/* ---- what the first picture says -------------------------------------------------------------- */

static int read_rotation(const struct film *film)
{
	const AVFrameSideData *side = av_frame_get_side_data(film->frame, AV_FRAME_DATA_DISPLAYMATRIX);
	const uint8_t *matrix = av_stream_get_side_data(film->stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
	double angle;

	if (!matrix && side)
		matrix = side->data;
	if (!matrix)
		return 0;
	angle = -av_display_rotation_get((const int32_t *)(const void *)matrix);
	return isnan(angle) ? 0 : (((int)lrint(angle / 90) % 4 + 4) % 4) * 90;
}

static void fill_info(struct film *film)
{
	struct film_info *info = &film->info;
	const AVStream *stream = film->stream;
	AVRational shape = stream->sample_aspect_ratio.num > 0 ? stream->sample_aspect_ratio
							       : film->frame->sample_aspect_ratio;
	bool shaped = shape.num > 0 && shape.den > 0;

	info->width = (uint32_t)film->frame->width;
	info->height = (uint32_t)film->frame->height;
	info->rate_numerator = film->clock.rate.num;
	info->rate_denominator = film->clock.rate.den;
	av_reduce(&info->sar_numerator, &info->sar_denominator, shaped ? shape.num : 1, shaped ? shape.den : 1,
		  INT32_MAX);
	info->rotation = read_rotation(film);
	if (stream->duration > 0)
		info->seconds = (double)stream->duration * av_q2d(stream->time_base);
	else if (film->format->duration > 0)
		info->seconds = (double)film->format->duration / AV_TIME_BASE;
	info->frames = stream->nb_frames > 0 ? stream->nb_frames
					     : (int64_t)llrint(info->seconds * av_q2d(film->clock.rate));
}

static enum film_result open_all(struct film *film, const struct film_key *keys, size_t key_count)
{
	enum film_result result;
	int fd = -1;

	result = check_file(film, &fd);
	if (result != FILM_OK)
		return result;
	result = open_with_key(film, keys, key_count);
	if (result == FILM_OK)
		result = film_check_whole(film, fd);
	close(fd);
	if (result == FILM_OK)
		result = choose_stream(film);
	if (result == FILM_OK)
		result = open_decoder(film);
	if (result == FILM_OK)
		result = film_decode(film);
	if (result == FILM_OK)
		fill_info(film);
	return result;
}

enum film_result film_open(const char *path, const struct film_key *keys, size_t key_count, struct film **ret_film)
{
	struct film *film = calloc(1, sizeof(*film));
	enum film_result result;

	av_log_set_level(AV_LOG_QUIET); /* what must be said is said in one line, by the caller */
	if (film)
		film->path = strdup(path);
	if (!film || !film->path) {
		snprintf(open_error, sizeof(open_error), "out of memory");
		free(film);
		return FILM_ERROR;
	}
	set_name(film, path);
	result = open_all(film, keys, key_count);
	if (result != FILM_OK) {
		memcpy(open_error, film->error, sizeof(open_error));
		film_close(film);
		return FILM_ERROR;
	}
	film->ready = true;
	*ret_film = film;
	return FILM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

enum film_result film_next(struct film *film, struct film_frame *ret_frame)
{
	enum film_result result = film->error[0] ? FILM_ERROR : FILM_OK;
	bool shown = false;
	int64_t tick = 0;

	while (result == FILM_OK && !shown) {
		if (!film->ready)
			result = film_decode(film);
		film->ready = false;
		if (result == FILM_OK)
			shown = film_clock_place(&film->clock, film->frame, &tick);
	}
	if (result != FILM_OK)
		return result;
	if (tick < 0 || tick > UINT32_MAX)
		return film_fail(film, "%s: a picture's time can't be understood", film->name);
	*ret_frame = (struct film_frame) { .count = (uint32_t)tick, .duration = 1 };
	return FILM_OK;
}

enum film_result film_read_nv12(struct film *film, uint8_t *memory, uint32_t pitch)
{
	if (!film->frame->buf[0])
		return film_fail(film, "%s: there is no picture to read", film->name);
	return film_convert(film, film->frame, memory, pitch);
}

void film_close(struct film *film)
{
	if (!film)
		return;
	avcodec_free_context(&film->decoder);
	film_clock_stop(&film->clock);
	film_key_wipe(film->format);
	avformat_close_input(&film->format);
	av_packet_free(&film->packet);
	av_frame_free(&film->frame);
	sws_freeContext(film->scaler);
	free(film->path);
	free(film);
}
