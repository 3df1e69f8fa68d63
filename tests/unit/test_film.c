/* SPDX-License-Identifier: MIT */
/* The film reader beside the ffmpeg program: the same pictures at the same times; keys; films that are not whole. */
#include "tools/film.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#define KEY_ID	     "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
#define KEY	     "00112233445566778899aabbccddeeff"
#define ENCRYPT	     "-encryption_scheme cenc-aes-ctr -encryption_key " KEY " -encryption_kid " KEY_ID
#define MEDIA_KEY_ID "cd7eb9ff88f34caeb06185b00024e4c2"
#define MEDIA_KEY    "63cb5f7184dd4b689a5c5ff11ee6a328"

static char folder[] = "/tmp/dxvault-test-film-XXXXXX";
static char media[512]; /* the shared film; empty: not at hand */
static bool have_ffmpeg;

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
	char command[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

static const char *in_folder(const char *name)
{
	static char path[1024];

	if (name[0] == '/')
		return name;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void need_ffmpeg(void)
{
	if (have_ffmpeg)
		return;
	print_message("no ffmpeg with libx264: skipped\n");
	skip();
}

static enum film_result open_film(const char *name, const char *key_text, struct film **ret_film)
{
	struct film_key key;
	const char *problem;

	if (key_text)
		assert_int_equal(film_key_parse(key_text, &key, &problem), 0);
	return film_open(in_folder(name), &key, key_text ? 1 : 0, ret_film);
}

static void print_picture(FILE *file, struct film *film, const struct film_frame *frame)
{
	const struct film_info *info = film_info(film);
	size_t width = info->width;
	size_t height = info->height;
	size_t even = (width + 1) / 2 * 2;
	size_t pitch = even + 32;
	uint8_t *memory = malloc(pitch * (height + (height + 1) / 2));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[16];

	assert_int_equal(film_read_nv12(film, memory, (uint32_t)pitch), FILM_OK);
	assert_int_equal(EVP_DigestInit_ex(context, EVP_md5(), NULL), 1);
	for (size_t y = 0; y < height + (height + 1) / 2; y++)
		EVP_DigestUpdate(context, memory + y * pitch, y < height ? width : even);
	EVP_DigestFinal_ex(context, digest, NULL);
	fprintf(file, "0, %10u, %10u, %8u, %8zu, ", frame->count, frame->count, frame->duration,
		width * height + even * ((height + 1) / 2));
	for (size_t i = 0; i < sizeof(digest); i++)
		fprintf(file, "%02x", digest[i]);
	fprintf(file, "\n");
	EVP_MD_CTX_free(context);
	free(memory);
}

/* Plays a film to its end; prints the pictures to file, if there is one. */
static enum film_result play(struct film *film, FILE *file, unsigned int *ret_count)
{
	struct film_frame frame;
	enum film_result result;

	*ret_count = 0;
	while ((result = film_next(film, &frame)) == FILM_OK) {
		if (file)
			print_picture(file, film, &frame);
		(*ret_count)++;
	}
	return result;
}

static void compare(const char *name, const char *key, unsigned int least)
{
	struct film *film;
	unsigned int count;
	FILE *file;

	file = fopen(in_folder("ours"), "w");
	assert_non_null(file);
	if (open_film(name, key, &film) != FILM_OK)
		fail_msg("%s", film_error(NULL));
	if (play(film, file, &count) != FILM_END)
		fail_msg("%s", film_error(film));
	assert_true(count >= least);
	fclose(file);
	film_close(film);
	assert_int_equal(run("cd %s && ffmpeg -nostdin -v error %s %s -noautorotate -i %s -map 0:v:0 -pix_fmt nv12 -f "
			     "framemd5 - | "
			     "grep -v '^#' >theirs",
			     folder, key ? "-decryption_key" : "",
			     key ? strchr(key, ':') ? strchr(key, ':') + 1 : key : "", name),
			 0);
	if (run("cd %s && diff ours theirs", folder) != 0)
		fail_msg("%s: other pictures or times than ffmpeg's", name);
}

static void make(const char *name, const char *input, const char *options)
{
	assert_int_equal(run("cd %s && ffmpeg -nostdin -v error -y %s %s %s", folder, input, options, name), 0);
}

static void test_keys(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"00",
		KEY "0",
		KEY_ID ":",
		":" KEY,
		KEY_ID ":" KEY "0",
		"0" KEY_ID ":" KEY,
		KEY_ID ":" KEY ":",
		"g0112233445566778899aabbccddeeff",
		"0x112233445566778899aabbccddeeff",
	};
	struct film_key key;
	const char *problem;

	(void)state;
	assert_int_equal(film_key_parse(KEY, &key, &problem), 0);
	assert_false(key.has_id);
	assert_int_equal(key.value[1], 0x11);
	assert_int_equal(film_key_parse("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF:" KEY, &key, &problem), 0);
	assert_true(key.has_id);
	assert_int_equal(key.id[15], 0xaf);
	assert_int_equal(key.value[15], 0xff);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		problem = NULL;
		assert_int_equal(film_key_parse(bad[i], &key, &problem), -EINVAL);
		assert_non_null(problem);
	}
}

#define SOURCE(size, rate, seconds) "-f lavfi -i testsrc2=size=" size ":rate=" rate ":duration=" seconds

static void test_equals_ffmpeg(void **state)
{
	static const char vfr[] = "-vf \"select='not(mod(n,3))+not(mod(n,5))'\" -vsync vfr -c:v libx264";
	static const char jitter[] = "-vf \"setpts='PTS+0.01*sin(N)/TB+if(gt(N,40),0.5/TB,0)'\" "
				     "-enc_time_base 1:90000 -vsync passthrough -c:v libx264";
	static const char odd[] = "-vf format=gbrp,crop=641:359:0:0:exact=1,format=yuv420p -c:v ffv1";
	static const struct {
		const char *name;
		const char *input;
		const char *options;
		const char *key;
	} films[] = {
		{ "plain.mp4", SOURCE("640x360", "30", "2"), "-c:v libx264 -bf 0", NULL },
		{ "b.mp4", SOURCE("640x360", "24000/1001", "3"), "-c:v libx264 -bf 3 -g 12", NULL },
		{ "b.mkv", SOURCE("640x360", "24000/1001", "3"), "-c:v libx264 -bf 3 -g 12", NULL },
		{ "b.ts", SOURCE("640x360", "24000/1001", "3"), "-c:v libx264 -bf 3 -g 12", NULL },
		{ "late.mp4", SOURCE("320x180", "30", "2") " -f lavfi -i sine=duration=4",
		  "-output_ts_offset 1.37 -c:v libx264", NULL },
		{ "late.ts", SOURCE("320x180", "30", "2"), "-output_ts_offset 7.3 -c:v libx264", NULL },
		{ "vfr.mp4", SOURCE("320x180", "30", "3"), vfr, NULL },
		{ "jitter.mkv", SOURCE("320x180", "30", "3"), jitter, NULL },
		{ "cut.mp4", "-ss 1.3 -i b.mp4", "-c copy", NULL },
		{ "raw.264", SOURCE("320x180", "25", "2"), "-c:v libx264 -bf 3", NULL },
		{ "old.avi", SOURCE("320x180", "30000/1001", "2"), "-c:v mpeg4 -bf 2", NULL },
		{ "odd.mkv", SOURCE("650x400", "30", "1"), odd, NULL },
		{ "full.mp4", SOURCE("320x180", "30", "1"), "-pix_fmt yuvj420p -c:v libx264", NULL },
		{ "wide.mp4", SOURCE("320x180", "30", "1"), "-pix_fmt yuv444p -c:v libx264", NULL },
		{ "encrypted.mp4", SOURCE("1280x720", "30", "2") " -f lavfi -i sine=duration=2",
		  "-c:v libx264 -preset veryfast -c:a aac " ENCRYPT, KEY },
		{ "encrypted-b.mp4", SOURCE("640x360", "24000/1001", "2"),
		  "-c:v libx264 -bf 3 -movflags +faststart " ENCRYPT, KEY_ID ":" KEY },
	};

	(void)state;
	need_ffmpeg();
	for (size_t i = 0; i < sizeof(films) / sizeof(films[0]); i++) {
		make(films[i].name, films[i].input, films[i].options);
		compare(films[i].name, films[i].key, 20);
	}
}

static void test_rotation_and_shape(void **state)
{
	struct film *film;

	(void)state;
	need_ffmpeg();
	make("base.mp4", SOURCE("320x180", "30", "1"), "-vf setsar=4/3 -c:v libx264");
	make("turned.mp4", "-i base.mp4", "-c copy -metadata:s:v rotate=270");
	assert_int_equal(open_film("turned.mp4", NULL, &film), FILM_OK);
	/* ffmpeg writes the tag's angle the other way round from how it reads it */
	assert_int_equal(film_info(film)->rotation, 90);
	assert_int_equal(film_info(film)->width, 320);
	assert_int_equal(film_info(film)->sar_numerator, 4);
	assert_int_equal(film_info(film)->sar_denominator, 3);
	assert_int_equal(film_info(film)->rate_numerator, 30);
	assert_int_equal(film_info(film)->frames, 30);
	assert_false(film_info(film)->encrypted);
	film_close(film);
}

static void test_shared_film(void **state)
{
	(void)state;
	need_ffmpeg();
	if (!media[0]) {
		print_message("DXVAULT_TEST_MEDIA is not set: skipped\n");
		skip();
	}
	compare(media, MEDIA_KEY, 240);
	compare(media, MEDIA_KEY_ID ":" MEDIA_KEY, 240);
}

static void expect_error(const char *name, const char *key, const char *part)
{
	struct film *film = NULL;
	enum film_result result = open_film(name, key, &film);
	char error[512];
	unsigned int count;

	if (result == FILM_OK)
		result = play(film, NULL, &count);
	snprintf(error, sizeof(error), "%s", film_error(film));
	film_close(film);
	if (result != FILM_ERROR || !strstr(error, part) || strchr(error, '\n'))
		fail_msg("%s: result %d, \"%s\" instead of \"%s\"", name, result, error, part);
}

static void check_wrong_keys(const char *name, const char *key_id, const char *key)
{
	char other[33];
	char both[80];

	for (unsigned int i = 0; i < 8; i++) {
		snprintf(other, sizeof(other), "%s", key);
		other[i * 4] = other[i * 4] == '0' ? '1' : '0';
		expect_error(name, other, "wrong key");
	}
	snprintf(both, sizeof(both), "%s:%s", other, key);
	expect_error(name, both, key_id);
	expect_error(name, NULL, key_id);
	expect_error(name, NULL, "give its key with --key");
}

static void test_wrong_keys(void **state)
{
	(void)state;
	need_ffmpeg();
	check_wrong_keys("encrypted.mp4", KEY_ID, KEY);
	if (media[0])
		check_wrong_keys(media, MEDIA_KEY_ID, MEDIA_KEY);
}

static void test_chooses_key_by_id(void **state)
{
	struct film_key keys[2];
	struct film *film;
	const char *problem;

	(void)state;
	need_ffmpeg();
	assert_int_equal(film_key_parse(KEY_ID ":" KEY, &keys[1], &problem), 0);
	keys[0] = keys[1];
	keys[0].id[3] ^= 1;
	keys[0].value[3] ^= 1;
	assert_int_equal(film_open(in_folder("encrypted.mp4"), keys, 2, &film), FILM_OK);
	assert_true(film_info(film)->encrypted);
	film_close(film);
	assert_int_equal(film_open(in_folder("plain.mp4"), keys, 2, &film), FILM_OK); /* needs none */
	film_close(film);
}

static void check_cuts(const char *name, const char *key, unsigned int step)
{
	struct stat status;

	assert_int_equal(stat(in_folder(name), &status), 0);
	for (unsigned int i = step; i < 100; i += step) {
		assert_int_equal(
			run("cd %s && head -c %lld %s >short", folder, (long long)status.st_size * i / 100, name), 0);
		expect_error("short", key, "short");
	}
	assert_int_equal(run("cd %s && head -c -1 %s >short", folder, name), 0);
	expect_error("short", key, "truncated");
}

static void test_truncated(void **state)
{
	(void)state;
	need_ffmpeg();
	check_cuts("encrypted.mp4", KEY, 9);
	check_cuts("encrypted-b.mp4", KEY, 9);
	check_cuts("b.mkv", NULL, 15);
	check_cuts("old.avi", NULL, 15);
	if (!media[0])
		return;
	check_cuts(media, MEDIA_KEY, 9);
	assert_int_equal(run("head -c 117553 %s >%s/short", media, folder), 0); /* between its two fragments */
	expect_error("short", MEDIA_KEY, "truncated");
}

static void test_no_film(void **state)
{
	(void)state;
	assert_int_equal(
		run("cd %s && echo hello >text.txt && cp text.txt text && : >empty && head -c 50000 /dev/zero >zeros",
		    folder),
		0);
	expect_error("nothing.mp4", NULL, "nothing.mp4: no such file");
	expect_error("text.txt", NULL, "text.txt is not a film");
	expect_error("text", NULL, "text is not a film");
	expect_error("empty", NULL, "empty is not a film");
	expect_error("zeros", NULL, "zeros is not a film");
	expect_error("/tmp", NULL, "/tmp is not a film");
	need_ffmpeg();
	make("sound.wav", "-f lavfi -i sine=duration=1", "");
	expect_error("sound.wav", NULL, "sound.wav has no video");
}

static void test_small_pitch(void **state)
{
	struct film_frame frame;
	struct film *film;
	uint8_t memory[16];

	(void)state;
	need_ffmpeg();
	assert_int_equal(open_film("odd.mkv", NULL, &film), FILM_OK);
	assert_int_equal(film_next(film, &frame), FILM_OK);
	assert_int_equal(film_read_nv12(film, memory, 641), FILM_ERROR);
	assert_non_null(strstr(film_error(film), "pitch"));
	film_close(film);
	film_close(NULL);
}

static int make_folder(void **state)
{
	const char *folder_of_media = getenv("DXVAULT_TEST_MEDIA");

	(void)state;
	if (folder_of_media)
		snprintf(media, sizeof(media), "%s/film-cenc.mp4", folder_of_media);
	have_ffmpeg = run("ffmpeg -nostdin -v error -encoders 2>/dev/null | grep -q libx264") == 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return run("rm -rf %s", folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),	    cmocka_unit_test(test_equals_ffmpeg),
		cmocka_unit_test(test_shared_film), cmocka_unit_test(test_rotation_and_shape),
		cmocka_unit_test(test_wrong_keys),  cmocka_unit_test(test_chooses_key_by_id),
		cmocka_unit_test(test_truncated),   cmocka_unit_test(test_no_film),
		cmocka_unit_test(test_small_pitch),
	};

	return cmocka_run_group_tests_name("film", tests, make_folder, remove_folder);
}
