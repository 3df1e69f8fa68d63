/* SPDX-License-Identifier: MIT */
/* Words for people and strings for programs. */
#include "tools/text.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed UTF-8 sequence at text; 0: there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first, last, second_first, second_last, length;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].length == 1)
			return 1;
		if (text[1] < forms[i].second_first || text[1] > forms[i].second_last)
			return 0;
		for (size_t j = 2; j < forms[i].length; j++) {
			if ((text[j] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

void text_json_string(FILE *stream, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', stream);
	while (*at) {
		size_t length = utf8_length(at);

		if (length == 0) {
			fputs("\\ufffd", stream);
			length = 1;
		} else if (*at == '"' || *at == '\\') {
			fprintf(stream, "\\%c", *at);
		} else if (*at < 0x20) {
			fprintf(stream, "\\u%04x", *at);
		} else {
			fwrite(at, 1, length, stream);
		}
		at += length;
	}
	fputc('"', stream);
}

const char *text_memory_kind(UINT kind)
{
	static const char *const names[] = { "memfd_secret", "mlock", "unlocked" };

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

void text_memory(const DXVAULT_SERVICE_INFO *info, char *line, size_t size)
{
	const char *keys = text_memory_kind(info->KeyMemory);
	const char *surfaces = text_memory_kind(info->SurfaceMemory);
	int length;

	if (info->KeyMemory == info->SurfaceMemory)
		length = snprintf(line, size, "%s for keys and pictures", keys);
	else
		length = snprintf(line, size, "%s for keys, %s for pictures", keys, surfaces);
	if (info->MemoryReason[0] && length > 0 && (size_t)length < size)
		snprintf(line + length, size - (size_t)length, ": %s", info->MemoryReason);
}

const char *text_sandbox_part(unsigned int part)
{
	static const char *const names[TEXT_SANDBOX_PARTS] = { "no capabilities", "seccomp", "Landlock",
							       "no capability but CAP_IPC_LOCK" };

	return names[part];
}

void text_sandbox(const DXVAULT_SERVICE_INFO *info, char *line, size_t size)
{
	size_t length = 0;

	for (unsigned int i = 0; i < TEXT_SANDBOX_PARTS && length < size; i++) {
		if (info->Sandbox & 1u << i)
			length += (size_t)snprintf(line + length, size - length, "%s%s", length > 0 ? ", " : "",
						   text_sandbox_part(i));
	}
	if (length == 0)
		length = (size_t)snprintf(line, size, "none");
	if (info->SandboxReason[0] && length < size)
		snprintf(line + length, size - length, ": %s", info->SandboxReason);
}

const char *text_hresult(HRESULT result, char *buffer, size_t size)
{
	switch ((uint32_t)result) {
	case (uint32_t)E_OUTOFMEMORY:
		return "out of memory, or of protected memory";
	case (uint32_t)E_INVALIDARG:
		return "E_INVALIDARG";
	case (uint32_t)E_ACCESSDENIED:
		return "E_ACCESSDENIED";
	case (uint32_t)E_FAIL:
		return "E_FAIL";
	case (uint32_t)E_NOTIMPL:
		return "E_NOTIMPL";
	case (uint32_t)D3DDDIERR_DEVICEREMOVED:
		return "the service is gone";
	case (uint32_t)D3DDDIERR_INVALIDCALL:
		return "D3DDDIERR_INVALIDCALL";
	case (uint32_t)D3DDDIERR_NOTAVAILABLE:
		return "D3DDDIERR_NOTAVAILABLE";
	case (uint32_t)D3DDDIERR_UNSUPPORTEDCRYPTO:
		return "D3DDDIERR_UNSUPPORTEDCRYPTO";
	default:
		snprintf(buffer, size, "0x%08X", (unsigned int)result);
		return buffer;
	}
}
