/* SPDX-License-Identifier: MIT */
/* Verdicts: each check becomes a record; the suite judges. */
#include "conform/cf.h"

#include "conform/rules.h"
#include "conform/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct cf *cf_running;

static void send_record(struct cf *cf, const struct cf_record *record)
{
	/* Nobody listens any more: the suite was ended. */
	if (cf_record_send(cf->socket, record) < 0)
		_exit(1);
}

void cf_fault(struct cf *cf, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	send_record(cf, &(struct cf_record) { .kind = CF_RECORD_FAULT, .got = text });
}

static void note(struct cf *cf, const struct cf_record *check)
{
	struct cf_record record = *check;
	char calls[CF_TRACE_TEXT];

	cf_trace_take(calls);
	record.calls = calls;
	if (!cf_test_lists(cf->test, record.rule))
		cf_fault(cf, "%s checks %s, which it does not list", cf->test->name, record.rule);
	send_record(cf, &record);
}

_Noreturn static void end_test(struct cf *cf, enum cf_record_kind kind, const char *why)
{
	send_record(cf, &(struct cf_record) { .kind = kind, .got = why });
	/* Of a peer: the test's own process sees it and ends too. */
	_exit(cf->is_peer ? 77 : 0);
}

static enum cf_record_basis basis_of(enum cf_basis basis)
{
	return basis == CF_BY_PAGE ? CF_RECORD_PAGE : CF_RECORD_DECISION;
}

bool cf_check_code(struct cf *cf, const char *rule, enum cf_basis basis, HRESULT want, HRESULT got, const char *call)
{
	note(cf, &(struct cf_record) {
			 .kind = CF_RECORD_CHECK,
			 .form = CF_RECORD_CODE,
			 .basis = basis_of(basis),
			 .held = got == want,
			 .rule = rule,
			 .call = call,
			 .got = cf_code_name(cf, got),
			 .wanted = cf_code_name(cf, want),
		 });
	return got == want;
}

bool cf_check_fails(struct cf *cf, const char *rule, HRESULT want, HRESULT got, const char *call)
{
	char wanted[64];

	if (cf->is_strict)
		snprintf(wanted, sizeof(wanted), "%s", cf_code_name(cf, want));
	else
		snprintf(wanted, sizeof(wanted), "a failure");
	note(cf, &(struct cf_record) {
			 .kind = CF_RECORD_CHECK,
			 .form = CF_RECORD_CODE,
			 .basis = CF_RECORD_FAILS,
			 .held = got < 0,
			 .is_exact = got == want,
			 .rule = rule,
			 .call = call,
			 .got = cf_code_name(cf, got),
			 .wanted = wanted,
		 });
	return cf->is_strict ? got == want : got < 0;
}

bool cf_check(struct cf *cf, const char *rule, enum cf_basis basis, bool held, const char *condition,
	      const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	note(cf, &(struct cf_record) {
			 .kind = CF_RECORD_CHECK,
			 .form = CF_RECORD_CONDITION,
			 .basis = basis_of(basis),
			 .held = held,
			 .rule = rule,
			 .call = condition,
			 .got = text,
			 .wanted = "true",
		 });
	return held;
}

/* "44 45 ... " of the bytes from there on. */
static void hex(const uint8_t *bytes, size_t size, char *ret, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < size && i < 16 && at + 3 < room; i++)
		at += (size_t)snprintf(ret + at, room - at, "%s%02x", i ? " " : "", bytes[i]);
}

bool cf_check_bytes(struct cf *cf, const char *rule, enum cf_basis basis, const void *want, const void *got,
		    size_t size, const char *what)
{
	const uint8_t *wanted = want, *came = got;
	char seen[128] = "the same bytes", due[128] = "the same bytes", part[64];
	size_t first = 0, count = 0;
	bool held = memcmp(want, got, size) == 0;

	if (!held) {
		while (wanted[first] == came[first])
			first++;
		for (size_t i = first; i < size; i++)
			count += wanted[i] != came[i];
		hex(came + first, size - first, part, sizeof(part));
		snprintf(seen, sizeof(seen), "from byte %zu on %s (%zu of %zu bytes differ)", first, part, count, size);
		hex(wanted + first, size - first, part, sizeof(part));
		snprintf(due, sizeof(due), "%s", part);
	}
	note(cf, &(struct cf_record) {
			 .kind = CF_RECORD_CHECK,
			 .form = CF_RECORD_BYTES,
			 .basis = basis_of(basis),
			 .held = held,
			 .rule = rule,
			 .call = what,
			 .got = seen,
			 .wanted = due,
		 });
	return held;
}

bool cf_is_all(const void *bytes, size_t size, uint8_t value)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < size; i++) {
		if (byte[i] != value)
			return false;
	}
	return true;
}

void cf_not_applicable(struct cf *cf, const char *rule, const char *why)
{
	note(cf, &(struct cf_record) { .kind = CF_RECORD_NOT_APPLICABLE, .rule = rule, .got = why });
}

_Noreturn void cf_skip(struct cf *cf, const char *why)
{
	end_test(cf, CF_RECORD_SKIP, why);
}

_Noreturn void cf_give_up(struct cf *cf, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	/* Its absence is no fault: a test that cannot go on without it does not apply. */
	if (cf->missing) {
		snprintf(text, sizeof(text), "the driver does not offer %s", cf->missing);
		end_test(cf, CF_RECORD_SKIP, text);
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	end_test(cf, CF_RECORD_GIVE_UP, text);
}

const char *cf_code_name(struct cf *cf, HRESULT hr)
{
	static const struct {
		HRESULT code;
		const char *name;
	} names[] = {
		{ S_OK, "S_OK" },
		{ S_FALSE, "S_FALSE" },
		{ E_NOTIMPL, "E_NOTIMPL" },
		{ E_FAIL, "E_FAIL" },
		{ E_ACCESSDENIED, "E_ACCESSDENIED" },
		{ E_OUTOFMEMORY, "E_OUTOFMEMORY" },
		{ E_INVALIDARG, "E_INVALIDARG" },
		{ D3DDDIERR_OUTOFVIDEOMEMORY, "D3DDDIERR_OUTOFVIDEOMEMORY" },
		{ D3DDDIERR_WASSTILLDRAWING, "D3DDDIERR_WASSTILLDRAWING" },
		{ D3DDDIERR_NOTAVAILABLE, "D3DDDIERR_NOTAVAILABLE" },
		{ D3DDDIERR_INVALIDCALL, "D3DDDIERR_INVALIDCALL" },
		{ D3DDDIERR_DEVICEREMOVED, "D3DDDIERR_DEVICEREMOVED" },
		{ D3DERR_CANNOTPROTECTCONTENT, "D3DERR_CANNOTPROTECTCONTENT" },
		{ D3DDDIERR_UNSUPPORTEDCRYPTO, "D3DDDIERR_UNSUPPORTEDCRYPTO" },
	};
	/* Two are asked for in one check. */
	static _Thread_local char buffers[4][12];
	static _Thread_local unsigned int turn;
	char *buffer;

	(void)cf;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].code == hr)
			return names[i].name;
	}
	buffer = buffers[turn++ % 4];
	snprintf(buffer, sizeof(buffers[0]), "0x%08X", (unsigned int)hr);
	return buffer;
}
