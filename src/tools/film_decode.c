/* SPDX-License-Identifier: MIT */
/* From packets to pictures, and what counts as damage on the way. */
#include "film_private.h"

#include <math.h>
#include <string.h>

bool film_is_mp4(const struct film *film)
{
	return strncmp(film->format->iformat->name, "mov", 3) == 0;
}

static enum film_result fail_decoding(struct film *film)
{
	if (film->info.encrypted)
		return film_fail(film, "cannot decode %s: wrong key, or damaged film", film->name);
	return film_fail(film, "cannot decode %s: damaged film", film->name);
}

/* A film may begin in the middle, with pictures whose references are not there. With a wrong key all is like that. */
static bool may_fail(const struct film *film)
{
	return film->pictures == 0 && !film->info.encrypted;
}

static bool is_damaged(struct film *film, const AVFrame *frame)
{
	bool flawed = frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT);

	if (film->first_key == AV_NOPTS_VALUE && frame->key_frame)
		film->first_key = frame->pts;
	if (film->info.encrypted)
		return flawed;
	return flawed && film->first_key != AV_NOPTS_VALUE && frame->pts >= film->first_key;
}

static void note_packet(struct film *film, const AVPacket *packet)
{
	bool corrupt = packet->flags & AV_PKT_FLAG_CORRUPT;

	film->packets++;
	/* A broadcast loses packets on its way; elsewhere it means that bytes are missing. */
	film->cut = corrupt || (film->cut && !(film->format->iformat->flags & AVFMT_TS_DISCONT));
}

static enum film_result drain(struct film *film, int reason)
{
	film->demux_result = reason;
	film->phase = FILM_DRAINING;
	avcodec_send_packet(film->decoder, NULL);
	return FILM_OK;
}

/* Feeds the decoder one packet. */
static enum film_result read_packet(struct film *film)
{
	AVPacket *packet = film->packet;
	struct film_protection protection;
	int result;

	do {
		av_packet_unref(packet);
		result = av_read_frame(film->format, packet);
		if (result < 0)
			return drain(film, result);
	} while (packet->stream_index != film->stream->index);

	if (film_key_of_packet(packet, &protection)) {
		char id[FILM_KEY_ID_TEXT] = "unknown";

		if (protection.has_id)
			film_key_id_text(protection.id, id);
		return film_fail(film, "%s is encrypted from picture %lld on (KID %s), which can't be played",
				 film->name, (long long)film->packets, id);
	}
	note_packet(film, packet);
	film_clock_packet(&film->clock, packet);
	if (packet->size == 0)
		return FILM_OK;
	film_clock_before(&film->clock, packet, false);
	film->phase = FILM_DECODING;
	result = avcodec_send_packet(film->decoder, packet);
	if (result < 0 && result != AVERROR_EOF) {
		film->phase = FILM_READING;
		film_clock_after(&film->clock, NULL, true, false);
		return may_fail(film) ? FILM_OK : fail_decoding(film);
	}
	return FILM_OK;
}

/* Seconds that the fragments hold which were there, in whichever stream is the longest. */
static double held_seconds(const AVFormatContext *format)
{
	double longest = 0;

	for (unsigned int i = 0; i < format->nb_streams; i++) {
		AVStream *stream = format->streams[i];
		const AVIndexEntry *last = avformat_index_get_entry(stream,
								    avformat_index_get_entries_count(stream) - 1);

		if (last)
			longest = fmax(longest, (double)last->timestamp * av_q2d(stream->time_base));
	}
	return longest;
}

/* Short of what the container promised? */
static enum film_result check_end(struct film *film)
{
	double allowance = 1.0 + film->promised / 50;

	if (film->demux_result != AVERROR_EOF)
		return film_fail(film, "%s can't be read to its end: %s", film->name, av_err2str(film->demux_result));
	if (film->cut || (film_is_mp4(film) && film->packets < avformat_index_get_entries_count(film->stream)) ||
	    (film->promised > 0 && held_seconds(film->format) + allowance < film->promised))
		return film_fail(film, "%s is truncated: its end is missing", film->name);
	if (film->pictures == 0)
		return fail_decoding(film);
	return FILM_END;
}

/* Asks the decoder for a picture; FILM_OK without one (no ret_picture) means to go on. */
static enum film_result receive_picture(struct film *film, bool first, bool *ret_picture)
{
	bool draining = film->phase == FILM_DRAINING;
	int result;

	if (draining || !first)
		film_clock_before(&film->clock, NULL, draining);
	result = avcodec_receive_frame(film->decoder, film->frame);
	film_clock_after(&film->clock, result < 0 ? NULL : film->frame, first, draining);
	if (result == AVERROR_EOF) {
		film->phase = FILM_DONE;
		return FILM_OK;
	}
	if (result < 0) {
		if (!draining)
			film->phase = FILM_READING;
		if (result == AVERROR(EAGAIN) || may_fail(film))
			return FILM_OK;
		return fail_decoding(film);
	}
	film->pictures++;
	if (is_damaged(film, film->frame))
		return fail_decoding(film);
	*ret_picture = true;
	return FILM_OK;
}

enum film_result film_decode(struct film *film)
{
	enum film_result result = FILM_OK;
	bool picture = false;

	av_frame_unref(film->frame);
	while (result == FILM_OK && !picture) {
		bool first = false;

		if (film->phase == FILM_DONE)
			return check_end(film);
		if (film->phase == FILM_READING) {
			result = read_packet(film);
			first = true;
		}
		if (result == FILM_OK && film->phase != FILM_READING)
			result = receive_picture(film, first, &picture);
	}
	return result;
}
