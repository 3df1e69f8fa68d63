/* SPDX-License-Identifier: MIT */
/* The virtual screen: its framemd5 text beside FFmpeg's, its contact sheet, its folder, hostile pictures. */
#include "service/screen.h"

#include "gpu/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/dxvault-test-screen-XXXXXX";

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
	char command[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

static bool have_ffmpeg(void)
{
	static int known = -1;

	if (known < 0)
		known = run("ffmpeg -version >/dev/null 2>&1") == 0;
	return known;
}

static void read_text(const char *name, char *text, size_t size)
{
	char path[256];
	FILE *file;
	size_t count;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	count = fread(text, 1, size - 1, file);
	text[count] = '\0';
	fclose(file);
}

static bool exists(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static struct dxgk_picture make_picture(const uint8_t *memory, uint32_t pitch, uint32_t width, uint32_t height)
{
	return (struct dxgk_picture) {
		.memory = memory,
		.pitch = pitch,
		.width = width,
		.height = height,
		.format = D3DDDIFMT_NV12,
		.refresh_rate = { 30, 1 },
		.rotation = D3DDDI_ROTATION_IDENTITY,
		.source = { 0, 0, (LONG)width, (LONG)height },
		.destination = { 0, 0, (LONG)width, (LONG)height },
		.duration = 1,
	};
}

/* A picture that moves, in a surface whose rows are padded; the padding must not show. */
static void paint(uint8_t *memory, uint32_t pitch, uint32_t width, uint32_t height, unsigned int number)
{
	uint32_t rows = height + (height + 1) / 2;

	for (uint32_t y = 0; y < rows; y++) {
		for (uint32_t x = 0; x < pitch; x++)
			memory[(size_t)y * pitch + x] = (uint8_t)(x < width + 1 ? x * 3 + y * 5 + number * 7
										: (uint32_t)rand());
	}
}

/* The same without padding, as FFmpeg's rawvideo has it. */
static void append_packed(FILE *file, const uint8_t *memory, uint32_t pitch, uint32_t width, uint32_t height)
{
	for (uint32_t y = 0; y < height; y++)
		fwrite(memory + (size_t)y * pitch, 1, width, file);
	for (uint32_t y = height; y < height + (height + 1) / 2; y++)
		fwrite(memory + (size_t)y * pitch, 1, (width + 1) / 2 * 2, file);
}

static void compare_with_ffmpeg(uint32_t width, uint32_t height)
{
	static char ours[65536];
	static char theirs[65536];
	uint32_t pitch = (width + 63) / 32 * 32;
	uint8_t *memory = malloc((size_t)pitch * height * 2 + pitch);
	struct dxgk_picture picture = make_picture(memory, pitch, width, height);
	struct screen *screen;
	char path[256];
	char *line;
	FILE *raw;

	snprintf(path, sizeof(path), "%s/raw.nv12", folder);
	raw = fopen(path, "w");
	assert_non_null(raw);
	assert_int_equal(screen_open(folder, &screen), 0);
	for (unsigned int i = 0; i < 30; i++) {
		paint(memory, pitch, width, height, i);
		append_packed(raw, memory, pitch, width, height);
		picture.count = i;
		assert_int_equal(screen_show(screen, &picture), 0);
	}
	fclose(raw);
	assert_int_equal(screen_close(screen), 0);
	free(memory);

	read_text("screen.framemd5", ours, sizeof(ours));
	assert_non_null(strstr(ours, "#software: dxvault\n#tb 0: 1/30\n"));
	if (!have_ffmpeg()) {
		print_message("no ffmpeg: the text was not compared\n");
		return;
	}
	assert_int_equal(run("cd %s && ffmpeg -nostdin -v error -f rawvideo -pix_fmt nv12 -s %ux%u -r 30 -i raw.nv12 "
			     "-vf setsar=1 -f framemd5 - | sed 's/^#software: .*/#software: dxvault/' >theirs",
			     folder, width, height),
			 0);
	read_text("theirs", theirs, sizeof(theirs));
	line = strstr(theirs, "#sar 0: ");
	assert_non_null(line);
	assert_string_equal(ours, theirs);
}

static void test_framemd5_equals_ffmpeg(void **state)
{
	(void)state;
	compare_with_ffmpeg(64, 48);
	compare_with_ffmpeg(641, 359);
	compare_with_ffmpeg(1, 1);
	compare_with_ffmpeg(2, 3);
}

/* Other formats: the packed bytes of the part that is shown. */
static void test_part_and_packed_formats(void **state)
{
	static const struct {
		D3DDDIFORMAT format;
		const char *name;
	} formats[] = { { D3DDDIFMT_YUY2, "yuyv422" }, { D3DDDIFMT_UYVY, "uyvy422" }, { D3DDDIFMT_A8R8G8B8, "bgra" } };
	static char text[4096];
	static uint8_t memory[512 * 64];

	(void)state;
	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i * 7 + i / 512);
	for (size_t i = 0; i < 3; i++) {
		struct dxgk_picture picture = make_picture(memory, 512, 100, 64);
		uint32_t pixel = formats[i].format == D3DDDIFMT_A8R8G8B8 ? 4 : 2;
		struct screen *screen;
		char path[256];
		char theirs[4096];
		FILE *raw;

		picture.format = formats[i].format;
		picture.source = (RECT) { 10, 5, 74, 37 };
		picture.destination = (RECT) { -100, 0, 28, 32 }; /* twice as wide as the pixels say */
		assert_int_equal(screen_open(folder, &screen), 0);
		assert_int_equal(screen_show(screen, &picture), 0);
		assert_int_equal(screen_close(screen), 0);
		read_text("screen.framemd5", text, sizeof(text));
		assert_non_null(strstr(text, "#dimensions 0: 64x32\n#sar 0: 2/1\n"));
		if (!have_ffmpeg())
			continue;
		snprintf(path, sizeof(path), "%s/raw.packed", folder);
		raw = fopen(path, "w");
		assert_non_null(raw);
		for (size_t y = 5; y < 37; y++)
			fwrite(memory + y * 512 + 10 * pixel, 1, 64 * pixel, raw);
		fclose(raw);
		assert_int_equal(
			run("cd %s && ffmpeg -nostdin -v error -f rawvideo -pix_fmt %s -s 64x32 -r 30 -i raw.packed "
			    "-f framemd5 - | tail -1 >theirs",
			    folder, formats[i].name),
			0);
		read_text("theirs", theirs, sizeof(theirs));
		assert_non_null(strstr(text, theirs));
	}
}

static void read_png_size(uint32_t *ret_width, uint32_t *ret_height)
{
	uint8_t head[24];
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/contact-sheet.png", folder);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(head, 1, sizeof(head), file), sizeof(head));
	fclose(file);
	assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
	*ret_width = (uint32_t)head[18] << 8 | head[19];
	*ret_height = (uint32_t)head[22] << 8 | head[23];
}

static void show_many(unsigned int count, D3DDDI_ROTATION rotation, uint32_t shown_width, uint32_t shown_height)
{
	enum { WIDTH = 400, HEIGHT = 300 };
	uint8_t *memory = malloc(WIDTH * HEIGHT * 2);
	struct dxgk_picture picture = make_picture(memory, WIDTH, WIDTH, HEIGHT);
	struct screen *screen;

	picture.rotation = rotation;
	picture.destination = (RECT) { 0, 0, (LONG)shown_width, (LONG)shown_height };
	assert_int_equal(screen_open(folder, &screen), 0);
	for (unsigned int i = 0; i < count; i++) {
		memset(memory, (int)(16 + i % 200), (size_t)WIDTH * HEIGHT);
		memset(memory + (size_t)WIDTH * HEIGHT, 128, (size_t)WIDTH * HEIGHT / 2);
		picture.count = i;
		assert_int_equal(screen_show(screen, &picture), 0);
	}
	assert_int_equal(screen_close(screen), 0);
	free(memory);
	if (have_ffmpeg())
		assert_int_equal(
			run("ffmpeg -nostdin -v error -i %s/contact-sheet.png -f null - 2>&1 | grep -q . && exit 1 || "
			    "exit 0",
			    folder),
			0);
}

static void test_sheet_sizes(void **state)
{
	uint32_t width;
	uint32_t height;

	(void)state;
	show_many(1000, D3DDDI_ROTATION_IDENTITY, 400, 300);
	read_png_size(&width, &height);
	assert_int_equal(width, 2 * 16 + 4 * 320 + 3 * 12);
	assert_int_equal(height, 2 * 16 + 3 * (240 + 26) + 2 * 12);

	show_many(5, D3DDDI_ROTATION_IDENTITY, 400, 300);
	read_png_size(&width, &height);
	assert_int_equal(height, 2 * 16 + 2 * (240 + 26) + 12);

	show_many(1, D3DDDI_ROTATION_90, 300, 400); /* upright: 3 to 4 */
	read_png_size(&width, &height);
	assert_int_equal(width, 2 * 16 + 240);
	assert_int_equal(height, 2 * 16 + 320 + 26);

	show_many(2, D3DDDI_ROTATION_IDENTITY, 1, 16384);
	show_many(2, D3DDDI_ROTATION_270, 16384, 1);
}

static void test_no_picture(void **state)
{
	struct screen *screen;

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	assert_true(exists("contact-sheet.png"));
	assert_int_equal(screen_close(screen), 0);
	assert_false(exists("contact-sheet.png"));
	assert_true(exists("screen.framemd5"));
	assert_int_equal(screen_close(NULL), 0);
}

static void test_folders(void **state)
{
	struct screen *screen;
	char path[256];
	char victim[256];
	struct stat status;
	pid_t child;
	int result;

	(void)state;
	assert_int_equal(screen_open("/nowhere/at/all", &screen), -ENOENT);
	assert_int_equal(screen_open("/etc/passwd", &screen), -ENOTDIR);
	assert_int_equal(screen_open("/proc/self", &screen), -ENOENT);

	/* root may write anywhere, so that another user has to try */
	snprintf(path, sizeof(path), "%s/closed", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	if (geteuid() == 0) {
		assert_int_equal(chmod(folder, 0755), 0);
		child = fork();
		if (child == 0)
			_exit(setuid(65534) < 0 ? 1 : screen_open(path, &screen) == -EACCES ? 0 : 2);
		assert_int_equal(waitpid(child, &result, 0), child);
		assert_int_equal(result, 0);
	} else {
		assert_int_equal(chmod(path, 0555), 0);
		assert_int_equal(screen_open(path, &screen), -EACCES);
	}

	/* a link in place of a file is replaced, what it leads to is not touched */
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	assert_int_equal(run("echo precious >%s; ln -sf victim %s/screen.framemd5", victim, folder), 0);
	assert_int_equal(screen_open(folder, &screen), 0);
	assert_int_equal(screen_close(screen), 0);
	assert_int_equal(stat(victim, &status), 0);
	assert_int_equal(status.st_size, 9);
}

static void test_hostile_pictures(void **state)
{
	static uint8_t memory[64 * 64 * 2];
	const struct dxgk_picture good = make_picture(memory, 64, 64, 64);
	struct dxgk_picture bad[24];
	size_t count = 0;
	struct screen *screen;

	(void)state;
#define BAD(member, ...)                         \
	do {                                     \
		bad[count] = good;               \
		bad[count].member = __VA_ARGS__; \
		count++;                         \
	} while (0)
	BAD(memory, NULL);
	BAD(pitch, 63);
	BAD(pitch, 0);
	BAD(format, D3DDDIFMT_R8G8B8);
	BAD(format, (D3DDDIFORMAT)0);
	BAD(format, D3DDDIFMT_YUY2); /* the pitch is too small for it */
	BAD(format, D3DDDIFMT_X8R8G8B8);
	BAD(width, 0);
	BAD(width, 63);
	BAD(height, 63);
	BAD(width, UINT32_MAX);
	BAD(source, (RECT) { 0, 0, 0, 64 });
	BAD(source, (RECT) { 0, 0, 65, 64 });
	BAD(source, (RECT) { 1, 0, 64, 64 }); /* between two chroma samples */
	BAD(source, (RECT) { -2, 0, 62, 64 });
	BAD(source, (RECT) { 62, 0, 2, 64 });
	BAD(source, (RECT) { INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX });
	BAD(destination, (RECT) { 0, 0, 0, 0 });
	BAD(destination, (RECT) { 0, 0, 16385, 1 });
	BAD(destination, (RECT) { INT32_MIN, 0, INT32_MAX, 1 });
	BAD(rotation, (D3DDDI_ROTATION)0);
	BAD(rotation, (D3DDDI_ROTATION)5);
	BAD(refresh_rate, (D3DDDI_RATIONAL) { 0, 1 });
	BAD(refresh_rate, (D3DDDI_RATIONAL) { 1, 0 });
	assert_int_equal(screen_open(folder, &screen), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(screen_show(screen, &bad[i]), -EINVAL);
	bad[0] = good; /* no rate at which a time can be told */
	bad[0].refresh_rate = (D3DDDI_RATIONAL) { 1, UINT32_MAX };
	bad[0].count = UINT32_MAX;
	assert_int_equal(screen_show(screen, &bad[0]), 0);
	assert_int_equal(screen_close(screen), 0);
}

/* Nothing is read past the surface, which ends at a guard page. */
static void test_stays_inside(void **state)
{
	static const uint32_t sizes[][2] = { { 64, 128 }, { 4096, 2 }, { 62, 1 }, { 1366, 768 } };
	struct screen *screen;

	(void)state;
	assert_int_equal(screen_open(folder, &screen), 0);
	for (size_t i = 0; i < 4; i++) {
		uint32_t pitch = sizes[i][0];
		size_t size = (size_t)pitch * (sizes[i][1] + (sizes[i][1] + 1) / 2);
		size_t pages = (size + 4095) / 4096 * 4096;
		struct dxgk_picture picture;
		void *memory;

		assert_int_equal(gpu_surface_memory_map(pages, &memory), 0);
		picture = make_picture((uint8_t *)memory + pages - size, pitch, sizes[i][0], sizes[i][1]);
		assert_int_equal(screen_show(screen, &picture), 0);
		gpu_surface_memory_unmap(memory, pages);
	}
	assert_int_equal(screen_close(screen), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) && gpu_memory_start(GPU_MEMORY_PLAIN, GPU_MEMORY_SECRET) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return run("rm -rf %s", folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framemd5_equals_ffmpeg),
		cmocka_unit_test(test_part_and_packed_formats),
		cmocka_unit_test(test_sheet_sizes),
		cmocka_unit_test(test_no_picture),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_hostile_pictures),
		cmocka_unit_test(test_stays_inside),
	};

	return cmocka_run_group_tests_name("screen", tests, make_folder, remove_folder);
}
