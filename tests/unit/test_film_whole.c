/* SPDX-License-Identifier: MIT */
/* Films that say how long they are, made byte by byte: what is cut is noticed, and lengths that make no sense do no harm. */
#include "tools/film_private.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct film film;
static int file = -1;

enum film_result film_fail(struct film *which, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(which->error, sizeof(which->error), format, arguments);
	va_end(arguments);
	return FILM_ERROR;
}

/* The result for a file of these bytes that libavformat took for that format. */
static enum film_result check(const char *format, const void *bytes, size_t size)
{
	AVInputFormat input = { .name = format };
	AVFormatContext context = { .iformat = &input };

	film = (struct film) { .format = &context, .name = "film" };
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(pwrite(file, bytes, size, 0), (ssize_t)size);
	return film_check_whole(&film, file);
}

#define MP4	 "mov,mp4,m4a,3gp,3g2,mj2"
#define MATROSKA "matroska,webm"
/* The bytes of a string literal without its final zero. */
#define assert_film(format, text, result) assert_int_equal(check(format, text, sizeof(text) - 1), result)
#define WHOLE				  FILM_OK
#define CUT				  FILM_ERROR

/* ---- boxes ------------------------------------------------------------------------------------------------ */

#define FTYP "\0\0\0\014ftypisom"
#define MDAT "\0\0\0\014mdat...."

static void test_boxes(void **state)
{
	(void)state;
	assert_film(MP4, FTYP MDAT, WHOLE);
	assert_string_equal(film.error, "");
	assert_film(MP4, FTYP "\0\0\0\015mdat....", CUT);
	assert_string_equal(film.error, "film is truncated: its end is missing");
	assert_film(MP4, FTYP "\377\377\377\377moof....", CUT);
	assert_film(MP4, FTYP "\0\0\0\015moov....", CUT);
	/* What comes last need not be content: padding, rubbish behind the film, fewer bytes than a box has. */
	assert_film(MP4, FTYP MDAT "\0\0\0\015junk....", WHOLE);
	assert_film(MP4, FTYP MDAT "\0\0\0\007mdat", WHOLE);
	assert_film(MP4, FTYP MDAT "\0\0\0", WHOLE);
	/* Up to the end of the file, however long that is. */
	assert_film(MP4, FTYP "\0\0\0\0mdat.........", WHOLE);
	assert_film(MP4, "", WHOLE);
}

static void test_large_boxes(void **state)
{
	(void)state;
	assert_film(MP4, FTYP "\0\0\0\001mdat\0\0\0\0\0\0\0\024....", WHOLE);
	assert_film(MP4, FTYP "\0\0\0\001mdat\0\0\0\0\0\0\0\025....", CUT);
	assert_film(MP4, FTYP "\0\0\0\001mdat\377\377\377\377\377\377\377\377....", CUT);
	assert_film(MP4, FTYP "\0\0\0\001junk\377\377\377\377\377\377\377\377....", WHOLE);
	/* Cut inside its head; a length that its head alone exceeds. */
	assert_film(MP4, FTYP "\0\0\0\001mdat\0\0\0\0\0\0\0", CUT);
	assert_film(MP4, FTYP "\0\0\0\001mdat\0\0\0\0\0\0\0\017....", WHOLE);
}

/* ---- segment indices: the only sign of a film that was cut between two fragments ------------------------------- */

#define SIDX_HEAD   "\0\0\0\0............" /* version 0, id, scale, earliest time */
#define ENTRY(size) "\0\0\0" size "........"

static void test_segment_indices(void **state)
{
	(void)state;
	/* First offset 0, two parts of 12 bytes. */
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\0\002" ENTRY("\014") ENTRY("\014") MDAT MDAT, WHOLE);
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\0\002" ENTRY("\014") ENTRY("\014") MDAT, CUT);
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\001\0\0\0\002" ENTRY("\014") ENTRY("\014") MDAT MDAT, CUT);
	/* The highest bit of a part's size is not its size's. */
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\0\002" ENTRY("\014") "\200\0\0\014........" MDAT MDAT,
		    WHOLE);
	/* More parts than the box has room for; a box without room for any. */
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\377\377" ENTRY("\177") ENTRY("\177") MDAT, WHOLE);
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\0\003" ENTRY("\014") ENTRY("\014") MDAT MDAT, WHOLE);
	assert_film(MP4, "\0\0\0\024sidx\0\0\0\0........" MDAT, WHOLE);
	assert_film(MP4, "\0\0\0\070sidx" SIDX_HEAD "\0\0\0\0\0\0\0\002" ENTRY("\014"), CUT);
}

/* The same with numbers of eight bytes. */
static void test_wide_segment_indices(void **state)
{
#define WIDE_HEAD "\001\0\0\0................" /* the earliest time has eight too */
	(void)state;
	assert_film(MP4, "\0\0\0\064sidx" WIDE_HEAD "\0\0\0\0\0\0\0\0\0\0\0\001" ENTRY("\014") MDAT, WHOLE);
	assert_film(MP4, "\0\0\0\064sidx" WIDE_HEAD "\0\0\0\0\0\0\0\001\0\0\0\001" ENTRY("\014") MDAT, CUT);
	assert_film(MP4, "\0\0\0\064sidx" WIDE_HEAD "\177\377\377\377\377\377\377\377\0\0\0\001" ENTRY("\014") MDAT,
		    CUT);
	assert_film(MP4, "\0\0\0\050sidx" WIDE_HEAD "\0\0\0\0\0\0\0\0\0\0\0\001" MDAT, WHOLE);
}

/* ---- the seconds that a fragmented film announces ------------------------------------------------------------------ */

#define MVHD_0 "\0\0\0\040mvhd\0\0\0\0........\0\0\0\012........" /* ten ticks a second */
#define MVHD_1 "\0\0\0\040mvhd\001\0\0\0................\0\0\0\012"
#define MVEX_0 "\0\0\0\030mvex\0\0\0\020mehd\0\0\0\0\0\0\0\031"
#define MVEX_1 "\0\0\0\034mvex\0\0\0\024mehd\001\0\0\0\0\0\0\0\0\0\0\031"

static double seconds_of(const void *bytes, size_t size)
{
	(void)check(MP4, bytes, size);
	return film.promised;
}
#define assert_seconds(text, tenths) assert_int_equal((int)(10 * seconds_of(text, sizeof(text) - 1)), tenths)

static void test_announced_seconds(void **state)
{
	(void)state;
	assert_seconds(FTYP "\0\0\0\100moov" MVHD_0 MVEX_0 MDAT, 25);
	assert_seconds(FTYP "\0\0\0\104moov" MVHD_1 MVEX_1 MDAT, 25);
	/* The order is anybody's. */
	assert_seconds(FTYP MDAT "\0\0\0\100moov" MVEX_0 MVHD_0, 25);
	/* Not fragmented; no head; no scale. */
	assert_seconds(FTYP "\0\0\0\050moov" MVHD_0 MDAT, 0);
	assert_seconds(FTYP "\0\0\0\040moov" MVEX_0 MDAT, 0);
	assert_seconds(FTYP MDAT, 0);
	assert_seconds(FTYP "\0\0\0\100moov\0\0\0\040mvhd\0\0\0\0........\0\0\0\0........" MVEX_0, 0);
	/* A box that is larger than what it is in, or smaller than its own head. */
	assert_seconds(FTYP "\0\0\0\100moov\0\0\0\177mvhd\0\0\0\0........\0\0\0\012........" MVEX_0, 0);
	assert_seconds(FTYP "\0\0\0\100moov" MVHD_0 "\0\0\0\004mvex\0\0\0\020mehd\0\0\0\0\0\0\0\031", 0);
	assert_seconds(FTYP "\0\0\0\100moov" MVHD_0 "\0\0\0\030mvex\0\0\0\177mehd\0\0\0\0\0\0\0\031" MDAT, 0);
	/* Cut within. */
	assert_seconds(FTYP "\0\0\0\100moov" MVHD_0 "\0\0\0\030mvex", 0);
	assert_seconds("\0\0\0\020moov\0\0\0\010mvhd", 0);
}

/* ---- the other containers ----------------------------------------------------------------------------------------- */

#define EBML	"\032\105\337\243\204...."
#define SEGMENT "\030\123\200\147"

static void test_matroska(void **state)
{
	(void)state;
	assert_film(MATROSKA, EBML SEGMENT "\210........", WHOLE);
	assert_film(MATROSKA, EBML SEGMENT "\211........", CUT);
	assert_film(MATROSKA, EBML SEGMENT "\100\010........", WHOLE);
	assert_film(MATROSKA, EBML SEGMENT "\100\011........", CUT);
	assert_film(MATROSKA, EBML SEGMENT "\001\0\0\0\0\0\0\011........", CUT);
	assert_film(MATROSKA, EBML SEGMENT "\001\377\377\377\377\377\377\376........", CUT);
	/* Of unknown length, as a live stream is. */
	assert_film(MATROSKA, EBML SEGMENT "\377........", WHOLE);
	assert_film(MATROSKA, EBML SEGMENT "\001\377\377\377\377\377\377\377........", WHOLE);
	/* What is no number, and what is too long for a name. */
	assert_film(MATROSKA, EBML SEGMENT "\0........", WHOLE);
	assert_film(MATROSKA, "\010...........", WHOLE);
	assert_film(MATROSKA, "\0...........", WHOLE);
	/* Another element than the film itself. */
	assert_film(MATROSKA, "\354\217..........", WHOLE);
	assert_film(MATROSKA, "\032", WHOLE);
}

static void test_avi(void **state)
{
	(void)state;
	assert_film("avi", "RIFF\004\0\0\0AVI ", WHOLE);
	assert_film("avi", "RIFF\005\0\0\0AVI ", CUT);
	assert_film("avi", "RIFF\376\377\377\377AVI ", CUT);
	assert_film("avi", "RIFF\377\377\377\377AVI ", WHOLE); /* not known when it was begun */
	assert_film("avi", "FORM\005\0\0\0AVI ", WHOLE);
	assert_film("avi", "RIFF", WHOLE);
}

static void test_transport_stream(void **state)
{
	uint8_t bytes[5 * 188] = { 0 };

	(void)state;
	for (size_t at = 0; at < sizeof(bytes); at += 188)
		bytes[at] = 0x47;
	assert_int_equal(check("mpegts", bytes, sizeof(bytes)), WHOLE);
	assert_int_equal(check("mpegts", bytes, sizeof(bytes) - 1), CUT);
	/* Too little of it to tell; another length of packets. */
	assert_int_equal(check("mpegts", bytes, 2 * 188 + 1), WHOLE);
	bytes[188] = 0;
	assert_int_equal(check("mpegts", bytes, sizeof(bytes) - 1), WHOLE);
	/* A format that does not say how long it is. */
	assert_film("ogg", "\0\0\0\015mdat....", WHOLE);
}

/* A pipe has no end to look at. */
static void test_what_is_no_file(void **state)
{
	AVInputFormat input = { .name = MP4 };
	AVFormatContext context = { .iformat = &input };
	int ends[2];

	(void)state;
	film = (struct film) { .format = &context };
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(film_check_whole(&film, ends[0]), FILM_OK);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(film_check_whole(&film, -1), FILM_OK);
}

static int start(void **state)
{
	(void)state;
	file = memfd_create("film", MFD_CLOEXEC);
	return file < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boxes),
		cmocka_unit_test(test_large_boxes),
		cmocka_unit_test(test_segment_indices),
		cmocka_unit_test(test_wide_segment_indices),
		cmocka_unit_test(test_announced_seconds),
		cmocka_unit_test(test_matroska),
		cmocka_unit_test(test_avi),
		cmocka_unit_test(test_transport_stream),
		cmocka_unit_test(test_what_is_no_file),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
