/* SPDX-License-Identifier: MIT */
/* A film as the provider reads it: demuxed, decrypted, decoded, one NV12 picture after the other in time order. */
#ifndef DXV_TOOLS_FILM_H
#define DXV_TOOLS_FILM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct film;

/* A content key for Common Encryption. */
struct film_key {
	bool has_id;
	uint8_t id[16];
	uint8_t value[16];
};

/* "KEY" or "KID:KEY", 32 hex digits each. Returns 0 or -EINVAL; *ret_problem then says in a few words what is wrong. */
int film_key_parse(const char *text, struct film_key *ret_key, const char **ret_problem);

struct film_info {
	uint32_t width; /* of the pictures, as decoded (before rotation) */
	uint32_t height;
	int rate_numerator; /* refreshes a second: the grid of count and duration below */
	int rate_denominator;
	int sar_numerator; /* sample aspect ratio, 1:1 if unknown */
	int sar_denominator;
	int rotation;	/* clockwise degrees to show it upright: 0, 90, 180, 270 */
	int64_t frames; /* estimate for the progress bar; 0: unknown */
	double seconds; /* estimate; 0: unknown */
	bool encrypted;
};

struct film_frame {
	uint32_t count;	   /* refresh at which it shows, from 0 */
	uint32_t duration; /* in refreshes, at least 1 */
};

enum film_result {
	FILM_OK,
	FILM_END,
	FILM_ERROR, /* film_error says why, in one line */
};

/*
 * Opens a file and finds its first video stream and decoder. keys may be NULL if key_count is 0. Pictures are counted and
 * timed as `ffmpeg -i FILE -map 0:v:0 -pix_fmt nv12 -f framemd5 -` would.
 */
enum film_result film_open(const char *path, const struct film_key *keys, size_t key_count, struct film **ret_film);
const struct film_info *film_info(const struct film *film);

/*
 * Decodes the next picture. It stays inside the film until film_read_nv12 or the next call. FILM_ERROR for what cannot be
 * decoded: a wrong key, a truncated or damaged file.
 */
enum film_result film_next(struct film *film, struct film_frame *ret_frame);

/* Writes the picture as NV12 with the given pitch: height luma rows, then (height + 1) / 2 chroma rows. */
enum film_result film_read_nv12(struct film *film, uint8_t *memory, uint32_t pitch);

const char *film_error(const struct film *film); /* film NULL: of the last film_open of this thread */
void film_close(struct film *film);		 /* wipes keys; NULL is allowed */

#endif
