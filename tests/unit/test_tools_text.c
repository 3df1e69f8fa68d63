/* SPDX-License-Identifier: MIT */
/* What the commands print: strings for programs whatever bytes they come from, and words for results. */
#include "tools/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_json(const char *text, const char *expected)
{
	char *printed = NULL;
	size_t size;
	FILE *stream = open_memstream(&printed, &size);

	assert_non_null(stream);
	text_json_string(stream, text);
	fclose(stream);
	assert_string_equal(printed, expected);
	free(printed);
}

/* Names of files and processes are anybody's: no byte of them may end a string or be no UTF-8. */
static void test_json_strings(void **state)
{
	(void)state;
	assert_json("", "\"\"");
	assert_json("film.mp4", "\"film.mp4\"");
	assert_json("a\"b\\c", "\"a\\\"b\\\\c\"");
	assert_json("\x01\t\n\x1f \x7f", "\"\\u0001\\u0009\\u000a\\u001f \x7f\"");
	/* The first and the last of each length. */
	assert_json("\xc2\x80\xdf\xbf", "\"\xc2\x80\xdf\xbf\"");
	assert_json("\xe0\xa0\x80\xec\xbf\xbf", "\"\xe0\xa0\x80\xec\xbf\xbf\"");
	assert_json("\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", "\"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"");
	assert_json("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	/* Too long for what they say, surrogates, beyond the last, alone, cut off. */
	assert_json("\xc0\x80", "\"\\ufffd\\ufffd\"");
	assert_json("\xc1\xbf", "\"\\ufffd\\ufffd\"");
	assert_json("\xe0\x9f\xbf", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf0\x8f\xbf\xbf", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xff\x80"
		    "a",
		    "\"\\ufffd\\ufffda\"");
	assert_json("\xe2\x82", "\"\\ufffd\\ufffd\"");
	assert_json("\xe2\x82\"", "\"\\ufffd\\ufffd\\\"\"");
	assert_json("\xf0\x9f\x98", "\"\\ufffd\\ufffd\\ufffd\"");
	assert_json("\xc3", "\"\\ufffd\"");
}

static void test_memory(void **state)
{
	DXVAULT_SERVICE_INFO info = { .KeyMemory = 0, .SurfaceMemory = 0 };
	char line[200];

	(void)state;
	assert_string_equal(text_memory_kind(0), "memfd_secret");
	assert_string_equal(text_memory_kind(2), "unlocked");
	assert_string_equal(text_memory_kind(3), "unknown");
	text_memory(&info, line, sizeof(line));
	assert_string_equal(line, "memfd_secret for keys and pictures");
	info.SurfaceMemory = 2;
	strcpy(info.MemoryReason, "too little of it");
	text_memory(&info, line, sizeof(line));
	assert_string_equal(line, "memfd_secret for keys, unlocked for pictures: too little of it");
	/* What does not fit is cut. */
	text_memory(&info, line, 10);
	assert_string_equal(line, "memfd_sec");
}

static void test_sandbox(void **state)
{
	DXVAULT_SERVICE_INFO info = { .Sandbox = 0, .SandboxReason = "switched off" };
	char line[200];

	(void)state;
	text_sandbox(&info, line, sizeof(line));
	assert_string_equal(line, "none: switched off");
	info.Sandbox = 1u << 1;
	info.SandboxReason[0] = '\0';
	text_sandbox(&info, line, sizeof(line));
	assert_string_equal(line, text_sandbox_part(1));
	info.Sandbox = (1u << TEXT_SANDBOX_PARTS) - 1;
	text_sandbox(&info, line, 12);
	assert_int_equal(strlen(line), 11);
}

static void test_results(void **state)
{
	static const struct {
		HRESULT result;
		const char *text;
	} rows[] = {
		{ E_OUTOFMEMORY, "out of memory, or of protected memory" },
		{ E_INVALIDARG, "E_INVALIDARG" },
		{ E_ACCESSDENIED, "E_ACCESSDENIED" },
		{ E_FAIL, "E_FAIL" },
		{ E_NOTIMPL, "E_NOTIMPL" },
		{ D3DDDIERR_DEVICEREMOVED, "the service is gone" },
		{ D3DDDIERR_INVALIDCALL, "D3DDDIERR_INVALIDCALL" },
		{ D3DDDIERR_NOTAVAILABLE, "D3DDDIERR_NOTAVAILABLE" },
		{ D3DDDIERR_UNSUPPORTEDCRYPTO, "D3DDDIERR_UNSUPPORTEDCRYPTO" },
		{ STATUS_TIMEOUT, "0x00000102" },
		{ (HRESULT)0x80041234, "0x80041234" },
	};
	char buffer[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(text_hresult(rows[i].result, buffer, sizeof(buffer)), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
