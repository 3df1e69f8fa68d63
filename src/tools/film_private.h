/* SPDX-License-Identifier: MIT */
/* What the files of the film reader share: the film, its clock, and the helpers. */
#ifndef DXV_TOOLS_FILM_PRIVATE_H
#define DXV_TOOLS_FILM_PRIVATE_H

#include "film.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/fifo.h>
#include <libswscale/swscale.h>

/*
 * Times packets and pictures as the ffmpeg program does on its way to a muxer of variable rate. Times without a unit in
 * their name are in microseconds (AV_TIME_BASE), as there.
 */
struct film_clock {
	AVFormatContext *format;
	AVStream *stream;
	AVCodecContext *decoder;

	/* input: what is known of the stream's time */
	bool started;
	bool wrap_corrected;
	int64_t offset;
	int64_t last;
	int64_t dts;
	int64_t next_dts;
	int64_t pts;
	int64_t next_pts;
	int64_t packet_duration; /* of the packet being decoded, in the stream's time base */
	AVFifo *tail_dts;	 /* stand-ins for the times of pictures that the decoder held back */

	/* output: the grid */
	AVRational rate;
	AVRational tick;
	double picture_ticks; /* length of a picture for which the film gives none */
	int64_t next_tick;
};

int film_clock_start(struct film_clock *clock, AVFormatContext *format, AVStream *stream, AVCodecContext *decoder);
void film_clock_stop(struct film_clock *clock);
/* Sets the packet's times right, as they go into the decoder. */
void film_clock_packet(struct film_clock *clock, AVPacket *packet);
/* Around each question to the decoder for a picture; first: the first one after a packet. draining: no packets are left. */
void film_clock_before(struct film_clock *clock, AVPacket *packet, bool draining);
void film_clock_after(struct film_clock *clock, AVFrame *frame, bool first, bool draining);
/* Returns false for a picture that falls on a refresh already taken; it is not shown. */
bool film_clock_place(struct film_clock *clock, const AVFrame *frame, int64_t *ret_tick);

enum film_phase {
	FILM_READING,  /* the decoder wants a packet */
	FILM_DECODING, /* the decoder may hold pictures of the last packet */
	FILM_DRAINING, /* no packets are left */
	FILM_DONE,
};

struct film {
	char *path;	/* as the caller gave it */
	char name[256]; /* the same, fit for a message of one line */
	char error[512];
	struct film_info info;
	AVFormatContext *format;
	AVStream *stream;
	AVCodecContext *decoder;
	AVPacket *packet;
	AVFrame *frame;
	struct film_clock clock;
	bool ready; /* the first picture, decoded when the film was opened */
	enum film_phase phase;
	int demux_result;  /* why reading ended: AVERROR_EOF, or worse */
	bool cut;	   /* the last packet was incomplete */
	double promised;   /* seconds that the head of a fragmented film announces; 0: none */
	int64_t packets;   /* of the video stream */
	int64_t pictures;  /* out of the decoder */
	int64_t first_key; /* time of the first key picture */

	struct SwsContext *scaler;
	struct film_scaling {
		int width;
		int height;
		int format;
		int range;
		int space;
	} scaling; /* what scaler was made for */
};

/* Writes film->error and returns FILM_ERROR. */
enum film_result film_fail(struct film *film, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* film_decode.c: the next picture of the decoder, into film->frame. */
enum film_result film_decode(struct film *film);
bool film_is_mp4(const struct film *film);

/* film_key.c */
enum { FILM_KEY_ID_TEXT = 33 };
struct film_protection {
	bool encrypted;
	bool has_id;
	bool announced; /* the film names a protection system, though no encrypted picture was met */
	uint8_t id[16];
};
void film_key_id_text(const uint8_t id[16], char text[FILM_KEY_ID_TEXT]);
/* The key ID of an encrypted packet that the demuxer left as it was. Returns false for a clear packet. */
bool film_key_of_packet(const AVPacket *packet, struct film_protection *ret);
/* Reads the first packets of a freshly opened format; it can't be used for anything else after that. */
void film_key_probe(AVFormatContext *format, struct film_protection *ret);
/* Chooses among the keys and gives one to the demuxer. FILM_ERROR where none fits. */
enum film_result film_key_apply(struct film *film, const struct film_protection *protection,
				const struct film_key *keys, size_t key_count);
void film_key_wipe(AVFormatContext *format);

/* film_whole.c: the containers that say how long they are. Fails if the file is shorter than it says. */
enum film_result film_check_whole(struct film *film, int fd);

/* film_nv12.c */
enum film_result film_convert(struct film *film, const AVFrame *frame, uint8_t *memory, uint32_t pitch);

#endif
