/* SPDX-License-Identifier: MIT */
/* The film's clock: on which refresh a picture shows, counted as the ffmpeg program counts it. */
#include "film_private.h"

#include <errno.h>
#include <math.h>

#include <libavutil/common.h>
#include <libavutil/mathematics.h>

enum {
	JUMP_SECONDS = 10,	      /* a broadcast that jumps further has restarted its clock */
	NONSENSE_SECONDS = 30 * 3600, /* elsewhere, a time that far off is wrong */
};

static const AVRational microsecond = { 1, AV_TIME_BASE };

static int64_t to_microseconds(const struct film_clock *clock, int64_t time)
{
	return av_rescale_q_rnd(time, clock->stream->time_base, microsecond, AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX);
}

static int64_t to_stream(const struct film_clock *clock, int64_t time)
{
	return av_rescale_q(time, microsecond, clock->stream->time_base);
}

int film_clock_start(struct film_clock *clock, AVFormatContext *format, AVStream *stream, AVCodecContext *decoder)
{
	AVRational rate = av_guess_frame_rate(format, stream, NULL);
	bool known = rate.num > 0 && rate.den > 0;

	*clock = (struct film_clock) {
		.format = format,
		.stream = stream,
		.decoder = decoder,
		.offset = format->start_time == AV_NOPTS_VALUE ? 0 : -format->start_time,
		.next_dts = AV_NOPTS_VALUE,
		.next_pts = AV_NOPTS_VALUE,
		.rate = known ? rate : (AVRational) { 25, 1 },
		.tail_dts = av_fifo_alloc2(16, sizeof(int64_t), AV_FIFO_FLAG_AUTO_GROW),
	};
	if (!clock->tail_dts)
		return -ENOMEM;
	clock->tick = av_inv_q(clock->rate);
	if (known)
		clock->picture_ticks = 1 / (av_q2d(rate) * av_q2d(clock->tick));
	return 0;
}

void film_clock_stop(struct film_clock *clock)
{
	av_fifo_freep2(&clock->tail_dts);
}

/* The file may have begun with a stream that is not played. */
static void correct_start(struct film_clock *clock)
{
	int64_t start = clock->stream->start_time;

	if (clock->next_dts != AV_NOPTS_VALUE || clock->offset != -clock->format->start_time ||
	    !(clock->format->iformat->flags & AVFMT_TS_DISCONT) || start == AV_NOPTS_VALUE)
		return;
	start = av_rescale_q(start, clock->stream->time_base, microsecond);
	if (start > clock->format->start_time)
		clock->offset = -start;
}

static void correct_wrap(struct film_clock *clock, AVPacket *packet)
{
	int bits = clock->stream->pts_wrap_bits;
	int64_t start;
	int64_t range;

	if (clock->wrap_corrected || clock->format->start_time == AV_NOPTS_VALUE || bits >= 63 || bits < 1)
		return;
	correct_start(clock);
	start = to_stream(clock, clock->format->start_time);
	range = INT64_C(1) << bits;
	clock->wrap_corrected = true;
	if (packet->dts != AV_NOPTS_VALUE && packet->dts > start + range / 2) {
		packet->dts -= range;
		clock->wrap_corrected = false;
	}
	if (packet->pts != AV_NOPTS_VALUE && packet->pts > start + range / 2) {
		packet->pts -= range;
		clock->wrap_corrected = false;
	}
}

static void move_packet(AVPacket *packet, int64_t by)
{
	if (packet->dts != AV_NOPTS_VALUE)
		packet->dts += by;
	if (packet->pts != AV_NOPTS_VALUE)
		packet->pts += by;
}

static bool is_off(int64_t time, int64_t seconds)
{
	return time < -seconds * AV_TIME_BASE || time > seconds * AV_TIME_BASE;
}

static void jump(struct film_clock *clock, AVPacket *packet, int64_t by)
{
	clock->offset -= by;
	move_packet(packet, -to_stream(clock, by));
}

static void correct_jump(struct film_clock *clock, AVPacket *packet)
{
	bool jumpy = clock->format->iformat->flags & AVFMT_TS_DISCONT;
	int64_t dts = to_microseconds(clock, packet->dts);

	if (dts == AV_NOPTS_VALUE)
		return;
	if (clock->next_dts == AV_NOPTS_VALUE) {
		if (jumpy && is_off(dts - clock->last, JUMP_SECONDS))
			jump(clock, packet, dts - clock->last);
		return;
	}
	if (jumpy) {
		if (is_off(dts - clock->next_dts, JUMP_SECONDS) ||
		    dts + AV_TIME_BASE / 10 < FFMAX(clock->pts, clock->dts))
			jump(clock, packet, dts - clock->next_dts);
		return;
	}
	if (is_off(dts - clock->next_dts, NONSENSE_SECONDS))
		packet->dts = AV_NOPTS_VALUE;
	if (packet->pts != AV_NOPTS_VALUE &&
	    is_off(to_microseconds(clock, packet->pts) - clock->next_dts, NONSENSE_SECONDS))
		packet->pts = AV_NOPTS_VALUE;
}

void film_clock_packet(struct film_clock *clock, AVPacket *packet)
{
	correct_wrap(clock, packet);
	move_packet(packet, to_stream(clock, clock->offset));
	correct_jump(clock, packet);
	if (packet->dts != AV_NOPTS_VALUE)
		clock->last = to_microseconds(clock, packet->dts);

	if (!clock->started) {
		double rate = av_q2d(clock->stream->avg_frame_rate);

		clock->dts = rate > 0 ? (int64_t)(-clock->decoder->has_b_frames * (double)AV_TIME_BASE / rate) : 0;
		clock->pts = 0;
		clock->started = true;
	}
	if (clock->next_dts == AV_NOPTS_VALUE)
		clock->next_dts = clock->dts;
	if (clock->next_pts == AV_NOPTS_VALUE)
		clock->next_pts = clock->pts;
	if (packet->dts != AV_NOPTS_VALUE)
		clock->next_dts = clock->dts = to_microseconds(clock, packet->dts);
	clock->packet_duration = packet->duration;
}

void film_clock_before(struct film_clock *clock, AVPacket *packet, bool draining)
{
	int64_t dts = AV_NOPTS_VALUE;

	clock->pts = clock->next_pts;
	clock->dts = clock->next_dts;
	if (clock->dts != AV_NOPTS_VALUE)
		dts = to_stream(clock, clock->dts);
	if (packet)
		packet->dts = dts;
	if (draining)
		av_fifo_write(clock->tail_dts, &dts, 1);
}

/* How long the packet says that its picture lasts, or the decoder. */
static int64_t decoded_duration(const struct film_clock *clock, bool draining)
{
	const AVCodecContext *decoder = clock->decoder;
	const AVCodecParserContext *parser = av_stream_get_parser(clock->stream);
	int ticks = parser ? parser->repeat_pict + 1 : decoder->ticks_per_frame;

	if (!draining && clock->packet_duration)
		return to_microseconds(clock, clock->packet_duration);
	if (decoder->framerate.num == 0 || decoder->framerate.den == 0 || decoder->ticks_per_frame == 0)
		return 0;
	return (int64_t)AV_TIME_BASE * decoder->framerate.den * ticks / decoder->framerate.num /
	       decoder->ticks_per_frame;
}

void film_clock_after(struct film_clock *clock, AVFrame *frame, bool first, bool draining)
{
	int64_t duration = 0;
	int64_t time;

	if (first || draining || frame) {
		duration = decoded_duration(clock, draining);
		if (clock->dts != AV_NOPTS_VALUE && duration)
			clock->next_dts += duration;
		else
			clock->next_dts = AV_NOPTS_VALUE;
	}
	if (!frame)
		return;

	time = frame->best_effort_timestamp;
	if (draining && time == AV_NOPTS_VALUE)
		av_fifo_read(clock->tail_dts, &time, 1);
	if (time != AV_NOPTS_VALUE) {
		frame->pts = time;
		clock->next_pts = clock->pts = to_microseconds(clock, time);
	}
	clock->next_pts += frame->pkt_duration > 0 ? to_microseconds(clock, frame->pkt_duration) : duration;
}

bool film_clock_place(struct film_clock *clock, const AVFrame *frame, int64_t *ret_tick)
{
	AVRational fine = clock->tick;
	double length = clock->picture_ticks;
	int bits = av_clip(29 - av_log2((unsigned int)fine.den), 0, 16);
	long said = lrint((double)frame->pkt_duration * av_q2d(clock->stream->time_base) / av_q2d(clock->tick));
	double time;
	double late;

	/* A picture without a time comes before all others. */
	if (frame->pts == AV_NOPTS_VALUE)
		return false;
	if (said > 0)
		length = (double)said;
	fine.den <<= bits;
	time = (double)av_rescale_q(frame->pts, clock->stream->time_base, fine) / (1 << bits);
	time += FFSIGN(time) * 1.0 / (1 << 17); /* keeps clear of the middle between two refreshes */

	late = time - (double)clock->next_tick + length;
	if (late <= -0.6)
		return false;
	if (time < (double)clock->next_tick && late > 0)
		time = (double)clock->next_tick;
	if (late > 0.6)
		clock->next_tick = llrint(time);
	*ret_tick = clock->next_tick++;
	return true;
}
