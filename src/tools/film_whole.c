/* SPDX-License-Identifier: MIT */
/* Tells a truncated film from a whole one, for containers that say how long they are. */
#include "film_private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the file's structure says it ends, if that is past its real end; 0 otherwise. */
typedef uint64_t end_finder(int fd, uint64_t size);

enum { MAX_BOXES = 1 << 20 };

static uint64_t read_big_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool read_at(int fd, uint64_t at, void *bytes, size_t count)
{
	return pread(fd, bytes, count, (off_t)at) == (ssize_t)count;
}

/* A segment index lists what follows it: the only sign where a file was cut between two fragments. */
static uint64_t indexed_end(int fd, uint64_t box, uint64_t box_size, uint64_t header)
{
	uint8_t fixed[28];
	uint64_t at = box + header;
	uint64_t end = box + box_size;
	size_t wide;
	unsigned int count;

	if (box_size < header + 32 || !read_at(fd, at, fixed, sizeof(fixed)))
		return 0;
	wide = fixed[0] ? 8 : 4;
	end += read_big_endian(fixed + 12 + wide, wide);
	at += 12 + 2 * wide;
	if (!read_at(fd, at, fixed, 4))
		return 0;
	count = (unsigned int)read_big_endian(fixed + 2, 2);
	at += 4;
	if (box_size < header + 16 + 2 * wide + 12 * (uint64_t)count)
		return 0;
	for (unsigned int i = 0; i < count; i++, at += 12) {
		if (!read_at(fd, at, fixed, 4))
			return 0;
		end += read_big_endian(fixed, 4) & INT32_MAX;
	}
	return end;
}

/* Looks for a box among those between at and end; returns where its body begins, 0 if it is not there. */
static uint64_t find_box(int fd, uint64_t at, uint64_t end, const char *name, uint64_t *ret_end)
{
	for (int box = 0; box < MAX_BOXES && at < end && end - at >= 8; box++) {
		uint8_t bytes[8];
		uint64_t length;

		if (!read_at(fd, at, bytes, sizeof(bytes)))
			return 0;
		length = read_big_endian(bytes, 4);
		if (length < 8 || length > end - at)
			return 0;
		if (memcmp(bytes + 4, name, 4) == 0) {
			*ret_end = at + length;
			return at + 8;
		}
		at += length;
	}
	return 0;
}

/* The length of a fragmented film, where its head gives it; 0 otherwise. */
static double promised_seconds(int fd, uint64_t size)
{
	uint8_t bytes[24];
	uint64_t movie_end = 0;
	uint64_t end = 0;
	uint64_t movie = find_box(fd, 0, size, "moov", &movie_end);
	uint64_t at = movie ? find_box(fd, movie, movie_end, "mvhd", &end) : 0;
	uint64_t scale;

	if (!at || !read_at(fd, at, bytes, sizeof(bytes)))
		return 0;
	scale = read_big_endian(bytes + (bytes[0] ? 20 : 12), 4);
	at = find_box(fd, movie, movie_end, "mvex", &end);
	if (at)
		at = find_box(fd, at, end, "mehd", &end);
	if (!at || scale == 0 || !read_at(fd, at, bytes, 12))
		return 0;
	return (double)read_big_endian(bytes + 4, bytes[0] ? 8 : 4) / (double)scale;
}

static uint64_t mp4_end(int fd, uint64_t size)
{
	static const char content[][5] = { "mdat", "moof", "moov", "sidx", "mfra" };
	uint64_t promised = 0;
	uint64_t at = 0;

	for (int box = 0; box < MAX_BOXES && size - at >= 8; box++) {
		uint8_t bytes[16];
		uint64_t length;
		uint64_t header = 8;

		if (!read_at(fd, at, bytes, 8))
			break;
		length = read_big_endian(bytes, 4);
		if (length == 1) {
			header = 16;
			if (!read_at(fd, at, bytes, 16))
				return at + header; /* cut inside the header of a large box */
			length = read_big_endian(bytes + 8, 8);
		}
		if (length < header)
			break; /* 0: up to the end of the file; else padding, not a box */
		if (length > size - at) {
			for (size_t i = 0; i < sizeof(content) / sizeof(content[0]); i++) {
				if (memcmp(bytes + 4, content[i], 4) == 0)
					return UINT64_MAX;
			}
			break;
		}
		if (memcmp(bytes + 4, "sidx", 4) == 0) {
			uint64_t end = indexed_end(fd, at, length, header);

			promised = end > promised ? end : promised;
		}
		at += length;
	}
	return promised > size ? promised : 0;
}

/* An EBML number: its length is in the leading zero bits of its first byte. */
static size_t read_ebml(const uint8_t *bytes, size_t count, bool keep_marker, uint64_t *ret)
{
	size_t length = 1;

	if (count == 0 || bytes[0] == 0)
		return 0;
	while (!(bytes[0] & (0x80 >> (length - 1))))
		length++;
	if (length > count)
		return 0;
	*ret = read_big_endian(bytes, length);
	if (!keep_marker)
		*ret &= (UINT64_C(1) << (7 * length)) - 1;
	return length;
}

static uint64_t matroska_end(int fd, uint64_t size)
{
	uint64_t at = 0;

	for (int element = 0; element < 8; element++) {
		uint8_t bytes[12];
		uint64_t name;
		uint64_t length;
		size_t name_size;
		size_t length_size;

		if (!read_at(fd, at, bytes, sizeof(bytes)))
			break;
		name_size = read_ebml(bytes, 4, true, &name);
		length_size = name_size ? read_ebml(bytes + name_size, 8, false, &length) : 0;
		if (!length_size || length == (UINT64_C(1) << (7 * length_size)) - 1)
			break; /* nonsense, or of unknown length, as a live stream is */
		at += name_size + length_size;
		if (length > size - at)
			return name == 0x18538067 ? UINT64_MAX : 0;
		at += length;
	}
	return 0;
}

static uint64_t riff_end(int fd, uint64_t size)
{
	uint8_t bytes[8];
	uint64_t length;

	if (!read_at(fd, 0, bytes, sizeof(bytes)) || memcmp(bytes, "RIFF", 4) != 0)
		return 0;
	length = (uint64_t)bytes[7] << 24 | (uint64_t)bytes[6] << 16 | (uint64_t)bytes[5] << 8 | bytes[4];
	return length != UINT32_MAX && length + 8 > size ? length + 8 : 0;
}

/* Packets have one length; a capture that begins within one is not judged. */
static uint64_t transport_end(int fd, uint64_t size)
{
	enum { PACKET = 188, MARK = 0x47 };
	uint64_t rest = size % PACKET;

	for (uint64_t i = 0; i < 4; i++) {
		uint8_t byte;

		if (!read_at(fd, i * PACKET, &byte, 1) || byte != MARK)
			return 0;
	}
	return rest ? size + PACKET - rest : 0;
}

enum film_result film_check_whole(struct film *film, int fd)
{
	static const struct {
		const char *format;
		end_finder *find;
	} finders[] = {
		{ "mov", mp4_end },
		{ "matroska", matroska_end },
		{ "avi", riff_end },
		{ "mpegts", transport_end },
	};
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return FILM_OK;
	if (strncmp(film->format->iformat->name, "mov", 3) == 0)
		film->promised = promised_seconds(fd, (uint64_t)status.st_size);
	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++) {
		const char *format = finders[i].format;

		if (strncmp(film->format->iformat->name, format, strlen(format)) == 0 &&
		    finders[i].find(fd, (uint64_t)status.st_size) != 0)
			return film_fail(film, "%s is truncated: its end is missing", film->name);
	}
	return FILM_OK;
}
