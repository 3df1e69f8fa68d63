/* SPDX-License-Identifier: MIT */
/* The virtual screen where its disk is full or its libraries fail: whole lines, whole files, or none, and it is said. */
#include "service/screen.h"

#include "gpu/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

#include <cmocka.h>

enum { WIDTH = 64, HEIGHT = 32, PITCH = 64 };

static char folder[64];
static uint8_t *memory; /* of a picture, where the screen expects it */

/* ---- what fails ------------------------------------------------------------------------------------------- */

static size_t room = SIZE_MAX;	   /* bytes that still fit onto the disk */
static unsigned int interruptions; /* of the next writes */
static bool has_no_way_back;	   /* what was written can't be taken back */
static bool has_no_memory, has_no_md5, digest_fails, encoder_fails;

ssize_t __real_write(int descriptor, const void *data, size_t size);
ssize_t __wrap_write(int descriptor, const void *data, size_t size);
int __real_ftruncate64(int descriptor, off_t size);
int __wrap_ftruncate64(int descriptor, off_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
EVP_MD *__real_EVP_MD_fetch(OSSL_LIB_CTX *context, const char *name, const char *properties);
EVP_MD *__wrap_EVP_MD_fetch(OSSL_LIB_CTX *context, const char *name, const char *properties);
int __real_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *digest, unsigned int *size);
int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *digest, unsigned int *size);
int __real_avcodec_receive_packet(AVCodecContext *encoder, AVPacket *packet);
int __wrap_avcodec_receive_packet(AVCodecContext *encoder, AVPacket *packet);

ssize_t __wrap_write(int descriptor, const void *data, size_t size)
{
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	size = size < room ? size : room;
	room -= room == SIZE_MAX ? 0 : size;
	return __real_write(descriptor, data, size);
}

int __wrap_ftruncate64(int descriptor, off_t size)
{
	errno = EIO;
	return has_no_way_back ? -1 : __real_ftruncate64(descriptor, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_memory ? NULL : __real_calloc(count, size);
}

EVP_MD *__wrap_EVP_MD_fetch(OSSL_LIB_CTX *context, const char *name, const char *properties)
{
	return has_no_md5 ? NULL : __real_EVP_MD_fetch(context, name, properties);
}

int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *context, unsigned char *digest, unsigned int *size)
{
	return digest_fails ? 0 : __real_EVP_DigestFinal_ex(context, digest, size);
}

int __wrap_avcodec_receive_packet(AVCodecContext *encoder, AVPacket *packet)
{
	return encoder_fails ? AVERROR(ENOMEM) : __real_avcodec_receive_packet(encoder, packet);
}

/* ---- the cases' own ------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/dxvault-test-full.XXXXXX");
	room = SIZE_MAX;
	has_no_way_back = has_no_memory = has_no_md5 = digest_fails = encoder_fails = false;
	return mkdtemp(folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path_of("screen.framemd5"));
	unlink(path_of("contact-sheet.png"));
	return rmdir(folder);
}

static bool is_there(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static int show(struct screen *screen, uint32_t number)
{
	const struct dxgk_picture picture = {
		.memory = memory,
		.pitch = PITCH,
		.width = WIDTH,
		.height = HEIGHT,
		.format = D3DDDIFMT_NV12,
		.refresh_rate = { 30, 1 },
		.rotation = D3DDDI_ROTATION_IDENTITY,
		.source = { 0, 0, WIDTH, HEIGHT },
		.destination = { 0, 0, WIDTH, HEIGHT },
		.count = number,
		.duration = 1,
	};

	memset(memory, (int)number, PITCH * HEIGHT * 3 / 2);
	return screen_show(screen, &picture);
}

/* All of it is lines, and so many of them are pictures'. */
static void assert_lines(int pictures)
{
	FILE *file = fopen(path_of("screen.framemd5"), "r");
	char line[256];
	int found = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		assert_int_equal(line[strlen(line) - 1], '\n');
		found += line[0] != '#';
	}
	fclose(file);
	assert_int_equal(found, pictures);
}

/* ---- cases ------------------------------------------------------------------------------------------------- */

static void test_a_disk_that_fills_up(void **state)
{
	struct screen *screen;
	size_t rooms[] = { 0, 1, 20, 50 };

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	/* Not even the head of the list. */
	for (size_t i = 0; i < 4; i++) {
		room = rooms[i];
		assert_int_equal(show(screen, 0), -ENOSPC);
		assert_lines(0);
	}
	room = SIZE_MAX;
	interruptions = 2;
	assert_int_equal(show(screen, 0), 0);
	assert_lines(1);
	for (size_t i = 0; i < 4; i++) {
		room = rooms[i];
		assert_int_equal(show(screen, 1), -ENOSPC);
		assert_lines(1);
	}
	room = SIZE_MAX;
	assert_int_equal(show(screen, 1), 0);
	assert_lines(2);
	/* Of a contact sheet a part is of no use. */
	room = 100;
	assert_int_equal(screen_close(screen), -ENOSPC);
	assert_false(is_there("contact-sheet.png"));
	assert_lines(2);
}

static void test_a_line_that_cannot_be_taken_back(void **state)
{
	struct screen *screen;

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	has_no_way_back = true;
	room = 10;
	assert_int_equal(show(screen, 0), -EIO);
	room = SIZE_MAX;
	assert_int_equal(screen_close(screen), 0);
	/* Nothing was shown, so that there is nothing to put on a sheet. */
	assert_false(is_there("contact-sheet.png"));
}

static void test_no_screen(void **state)
{
	struct screen *screen = NULL;

	(void)state;
	has_no_memory = true;
	assert_int_equal(screen_open(folder, &screen), -ENOMEM);
	has_no_memory = false;
	has_no_md5 = true;
	assert_int_equal(screen_open(folder, &screen), -ENOTSUP);
	assert_null(screen);
	assert_false(is_there("screen.framemd5"));
	assert_false(is_there("contact-sheet.png"));
	assert_int_equal(screen_close(NULL), 0);
}

static void test_libraries_that_fail(void **state)
{
	struct screen *screen;

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	digest_fails = true;
	assert_int_equal(show(screen, 0), -EIO);
	assert_lines(0);
	digest_fails = false;
	assert_int_equal(show(screen, 0), 0);
	encoder_fails = true;
	assert_int_equal(screen_close(screen), -EIO);
	assert_false(is_there("contact-sheet.png"));
	assert_lines(1);
}

static void test_a_sheet_in_parts(void **state)
{
	struct screen *screen;

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	assert_int_equal(show(screen, 0), 0);
	interruptions = 1;
	assert_int_equal(screen_close(screen), 0);
	assert_true(is_there("contact-sheet.png"));
}

static int start(void **state)
{
	void *mapped;

	(void)state;
	if (gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_PLAIN) < 0 ||
	    gpu_surface_memory_map(PITCH * HEIGHT * 3 / 2, &mapped) < 0)
		return -1;
	memory = mapped;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	gpu_surface_memory_unmap(memory, PITCH * HEIGHT * 3 / 2);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_disk_that_fills_up),
		CASE(test_a_line_that_cannot_be_taken_back),
		CASE(test_no_screen),
		CASE(test_libraries_that_fail),
		CASE(test_a_sheet_in_parts),
	};

	return cmocka_run_group_tests_name("screen_full", tests, start, stop);
}
