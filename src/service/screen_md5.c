/* SPDX-License-Identifier: MIT */
/* The screen's list of pictures, in the text that FFmpeg's framemd5 muxer writes. */
#include "screen_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { MD5_SIZE = 16, TEXT_SIZE = 512 };

int screen_md5_start(struct screen_md5 *lines, int file)
{
	/* Not every configuration of libcrypto has MD5; better to know now than at the first picture. */
	EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!md5 || !context) {
		EVP_MD_free(md5);
		EVP_MD_CTX_free(context);
		return md5 ? -ENOMEM : -ENOTSUP;
	}
	*lines = (struct screen_md5) { .file = file, .md5 = md5, .context = context };
	return 0;
}

void screen_md5_stop(struct screen_md5 *lines)
{
	EVP_MD_CTX_free(lines->context);
	EVP_MD_free(lines->md5);
	lines->context = NULL;
	lines->md5 = NULL;
}

/* One write, so that a service that is killed leaves whole lines. A disk that is full gets its part taken back. */
static int write_text(int file, const char *text, size_t size)
{
	off_t before = lseek(file, 0, SEEK_END);
	ssize_t written;

	do {
		written = write(file, text, size);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return -errno;
	if ((size_t)written == size)
		return 0;
	if (before >= 0 && ftruncate(file, before) < 0)
		return -errno;
	return -ENOSPC;
}

static int write_header(struct screen_md5 *lines, const struct screen_view *view)
{
	char text[TEXT_SIZE];
	int size = snprintf(text, sizeof(text),
			    "#format: frame checksums\n"
			    "#version: 2\n"
			    "#hash: MD5\n"
			    "#software: dxvault\n"
			    "#tb 0: %u/%u\n"
			    "#media_type 0: video\n"
			    "#codec_id 0: rawvideo\n"
			    "#dimensions 0: %ux%u\n"
			    "#sar 0: %u/%u\n"
			    "#stream#, dts,        pts, duration,     size, hash\n",
			    view->rate_denominator, view->rate_numerator, view->width, view->height,
			    view->aspect_numerator, view->aspect_denominator);
	int result = write_text(lines->file, text, (size_t)size);

	if (result == 0)
		lines->started = true;
	return result;
}

static int hash(struct screen_md5 *lines, const struct screen_view *view, char text[2 * MD5_SIZE + 1], size_t *ret_size)
{
	uint8_t digest[MD5_SIZE];
	size_t size = 0;
	bool good = EVP_DigestInit_ex2(lines->context, lines->md5, NULL) == 1;

	for (size_t i = 0; i < sizeof(view->rows) / sizeof(view->rows[0]); i++) {
		const struct screen_rows *rows = &view->rows[i];
		bool whole = rows->pitch == rows->bytes;
		size_t step = whole ? rows->bytes * rows->count : rows->bytes;

		for (uint32_t y = 0; good && y < (whole ? rows->count > 0 : rows->count); y++)
			good = EVP_DigestUpdate(lines->context, rows->first + y * rows->pitch, step) == 1;
		size += rows->bytes * rows->count;
	}
	if (!good || EVP_DigestFinal_ex(lines->context, digest, NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < MD5_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	*ret_size = size;
	return 0;
}

int screen_md5_write(struct screen_md5 *lines, const struct screen_view *view)
{
	char digest[2 * MD5_SIZE + 1];
	char text[TEXT_SIZE];
	size_t picture_size;
	int size;
	int result = hash(lines, view, digest, &picture_size);

	if (result == 0 && !lines->started)
		result = write_header(lines, view);
	if (result < 0)
		return result;
	size = snprintf(text, sizeof(text), "0, %10u, %10u, %8u, %8zu, %s\n", view->count, view->count, view->duration,
			picture_size, digest);
	return write_text(lines->file, text, (size_t)size);
}
