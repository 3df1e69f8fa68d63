/* SPDX-License-Identifier: MIT */
/* Words for people and strings for programs. */
#ifndef DXV_TOOLS_TEXT_H
#define DXV_TOOLS_TEXT_H

#include <dxvault/dxvault.h>
#include <stdio.h>

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void text_json_string(FILE *stream, const char *text);

/* "memfd_secret", "mlock" or "unlocked". */
const char *text_memory_kind(UINT kind);
/* What holds keys and pictures, and why it is not better. */
void text_memory(const DXVAULT_SERVICE_INFO *info, char *line, size_t size);

enum { TEXT_SANDBOX_PARTS = 4 };
/* The name of a part of the service's sandbox, DXVAULT_SANDBOX_... 1 << part. */
const char *text_sandbox_part(unsigned int part);
/* The parts that are in force, and why not all of them. */
void text_sandbox(const DXVAULT_SERVICE_INFO *info, char *line, size_t size);

/* A short name of an HRESULT or NTSTATUS that a program of ours may meet; else its number. */
const char *text_hresult(HRESULT result, char *buffer, size_t size);

#endif
