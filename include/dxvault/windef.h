/* Base types, status codes and result codes that the other dxvault headers are built from. */
/* SPDX-License-Identifier: MIT */
#ifndef DXVAULT_WINDEF_H
#define DXVAULT_WINDEF_H

/*
 * Three worlds, one set of names:
 *  - _WIN32: the platform's own <windows.h> and <winternl.h> have the types;
 *  - after DirectX-Headers' <wsl/winadapter.h>: it has most of them, we add what is missing
 *    (include it before this file, it does not look for earlier definitions);
 *  - plain Linux: all of them come from here.
 *
 * Some types differ between these worlds: HWND is an int in winadapter.h, WCHAR is 2 bytes on
 * Windows and a 4-byte wchar_t in winadapter.h. No layout in these headers depends on HWND
 * (DXVAULT_HWND stands in). WCHAR is the 4-byte wchar_t outside Windows, as in libdxg, so that
 * D3DKMT_DRIVER_DESCRIPTION and D3DKMT_UMDFILENAMEINFO have the libdxg-on-Linux layout.
 */

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#include <winternl.h>
#include <stddef.h>
#include <stdint.h>

typedef HWND DXVAULT_HWND;

#else /* !_WIN32 */

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != 0xffffffffffffffffULL
#error "dxvault needs 64-bit pointers outside Windows"
#endif

/* MIDL_INTERFACE is a macro that winadapter.h (through its basetsd.h) always defines. */
#if defined(MIDL_INTERFACE) && defined(DECLSPEC_NOVTABLE)
#define DXVAULT_HAVE_WINADAPTER 1
#endif

#ifndef DXVAULT_HAVE_WINADAPTER

typedef void VOID;
typedef void *PVOID;
typedef void *HANDLE;
typedef void *HWND;
typedef char CHAR;
typedef wchar_t WCHAR;
typedef uint8_t UINT8;
typedef uint8_t BYTE;
typedef uint8_t UCHAR;
typedef uint8_t BOOLEAN;
typedef uint16_t UINT16;
typedef uint16_t USHORT;
typedef uint16_t WORD;
typedef int32_t INT;
typedef int32_t LONG;
typedef int32_t BOOL;
typedef int32_t HRESULT;
typedef uint32_t UINT;
typedef uint32_t UINT32;
typedef uint32_t ULONG;
typedef uint32_t DWORD;
typedef int64_t LONG64;
typedef int64_t LONGLONG;
typedef int64_t INT64;
typedef uint64_t UINT64;
typedef uint64_t ULONG64;
typedef uint64_t ULONGLONG;
typedef uint64_t ULONG_PTR;
typedef uint64_t UINT_PTR;
typedef size_t SIZE_T;
typedef float FLOAT;

#define CONST const
#define APIENTRY
#ifdef __cplusplus
#define EXTERN_C extern "C"
#else
#define EXTERN_C extern
#endif

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef MAX_PATH
#define MAX_PATH 260
#endif

typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID;

typedef struct _LUID {
	ULONG LowPart;
	LONG HighPart;
} LUID;

typedef struct _POINT {
	LONG x;
	LONG y;
} POINT;

typedef struct _RECT {
	LONG left;
	LONG top;
	LONG right;
	LONG bottom;
} RECT;

typedef union _LARGE_INTEGER {
	struct {
		ULONG LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER;

#define SUCCEEDED(hr) (((HRESULT)(hr)) >= 0)
#define FAILED(hr)    (((HRESULT)(hr)) < 0)

#endif /* !DXVAULT_HAVE_WINADAPTER */

/* What winadapter.h lacks as well. */

/* 8 bytes whatever HWND is: winadapter.h makes HWND an int, the interface has a pointer there. */
typedef void *DXVAULT_HWND;

#ifndef NTSTATUS /* a macro in libdxg's headers */
typedef LONG NTSTATUS;
#endif

typedef struct _UNICODE_STRING {
	USHORT Length;	      /* bytes in use */
	USHORT MaximumLength; /* bytes in Buffer */
	WCHAR *Buffer;
} UNICODE_STRING, *PUNICODE_STRING;

/* Layout of rule KMT-45: 48 bytes. */
typedef struct _OBJECT_ATTRIBUTES {
	ULONG Length;			/* in: size of this structure in bytes */
	HANDLE RootDirectory;		/* in: unused here */
	UNICODE_STRING *ObjectName;	/* in: unused here */
	ULONG Attributes;		/* in: OBJ_INHERIT or 0 */
	PVOID SecurityDescriptor;	/* in: unused here */
	PVOID SecurityQualityOfService; /* in: unused here */
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

#endif /* !_WIN32 */

/* An anonymous struct is C11, but in C++ an extension every compiler we use has. */
#ifdef __GNUC__
#define DXVAULT_ANON __extension__
#else
#define DXVAULT_ANON
#endif

#ifndef OBJ_INHERIT
#define OBJ_INHERIT 0x00000002L
#endif
#ifndef GENERIC_READ
#define GENERIC_READ 0x80000000U
#endif
#ifndef GENERIC_WRITE
#define GENERIC_WRITE 0x40000000U
#endif
#ifndef GENERIC_EXECUTE
#define GENERIC_EXECUTE 0x20000000U
#endif
#ifndef GENERIC_ALL
#define GENERIC_ALL 0x10000000U
#endif
#ifndef STANDARD_RIGHTS_READ
#define STANDARD_RIGHTS_READ 0x00020000U
#endif
#ifndef STANDARD_RIGHTS_REQUIRED
#define STANDARD_RIGHTS_REQUIRED 0x000F0000U
#endif
#ifndef SYNCHRONIZE
#define SYNCHRONIZE 0x00100000U
#endif

/* NTSTATUS values (spec: protected-session.md). */
#ifndef NT_SUCCESS
#define NT_SUCCESS(status) (((NTSTATUS)(status)) >= 0)
#endif
#ifndef STATUS_SUCCESS
#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#endif
#ifndef STATUS_TIMEOUT
#define STATUS_TIMEOUT ((NTSTATUS)0x00000102)
#endif
#ifndef STATUS_PENDING
#define STATUS_PENDING ((NTSTATUS)0x00000103)
#endif
#ifndef STATUS_UNSUCCESSFUL
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001U)
#endif
#ifndef STATUS_NOT_IMPLEMENTED
#define STATUS_NOT_IMPLEMENTED ((NTSTATUS)0xC0000002U)
#endif
#ifndef STATUS_INVALID_HANDLE
#define STATUS_INVALID_HANDLE ((NTSTATUS)0xC0000008U)
#endif
#ifndef STATUS_INVALID_PARAMETER
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000DU)
#endif
#ifndef STATUS_NO_MEMORY
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017U)
#endif
#ifndef STATUS_ACCESS_DENIED
#define STATUS_ACCESS_DENIED ((NTSTATUS)0xC0000022U)
#endif
#ifndef STATUS_BUFFER_TOO_SMALL
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023U)
#endif
#ifndef STATUS_OBJECT_TYPE_MISMATCH
#define STATUS_OBJECT_TYPE_MISMATCH ((NTSTATUS)0xC0000024U)
#endif
#ifndef STATUS_QUOTA_EXCEEDED
#define STATUS_QUOTA_EXCEEDED ((NTSTATUS)0xC0000044U)
#endif
#ifndef STATUS_INSUFFICIENT_RESOURCES
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009AU)
#endif
#ifndef STATUS_NOT_SUPPORTED
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BBU)
#endif
#ifndef STATUS_RETRY
#define STATUS_RETRY ((NTSTATUS)0xC000022DU)
#endif
#ifndef STATUS_DEVICE_NOT_READY
#define STATUS_DEVICE_NOT_READY ((NTSTATUS)0xC00000A3U)
#endif
#ifndef STATUS_DEVICE_REMOVED
#define STATUS_DEVICE_REMOVED ((NTSTATUS)0xC00002B6U)
#endif
#ifndef STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST
#define STATUS_GRAPHICS_ALLOCATION_CONTENT_LOST ((NTSTATUS)0xC01E0116U)
#endif

/* HRESULT values (spec: constants-d3d9.md, "Result codes"). */
#ifndef S_OK
#define S_OK ((HRESULT)0)
#endif
#ifndef S_FALSE
#define S_FALSE ((HRESULT)1)
#endif
#ifndef E_NOTIMPL
#define E_NOTIMPL ((HRESULT)0x80004001U)
#endif
#ifndef E_FAIL
#define E_FAIL ((HRESULT)0x80004005U)
#endif
#ifndef E_ACCESSDENIED
#define E_ACCESSDENIED ((HRESULT)0x80070005U)
#endif
#ifndef E_OUTOFMEMORY
#define E_OUTOFMEMORY ((HRESULT)0x8007000EU)
#endif
#ifndef E_INVALIDARG
#define E_INVALIDARG ((HRESULT)0x80070057U)
#endif

#ifndef D3DDDIERR_OUTOFVIDEOMEMORY
#define D3DDDIERR_OUTOFVIDEOMEMORY ((HRESULT)0x8876017CU)
#endif
#ifndef D3DDDIERR_WASSTILLDRAWING
#define D3DDDIERR_WASSTILLDRAWING ((HRESULT)0x8876021CU)
#endif
#ifndef D3DDDIERR_NOTAVAILABLE
#define D3DDDIERR_NOTAVAILABLE ((HRESULT)0x8876086AU)
#endif
#ifndef D3DDDIERR_INVALIDCALL
#define D3DDDIERR_INVALIDCALL ((HRESULT)0x8876086CU)
#endif
#ifndef D3DDDIERR_DEVICEREMOVED
#define D3DDDIERR_DEVICEREMOVED ((HRESULT)0x88760870U)
#endif
/* The API layer's code; no driver returns it. */
#ifndef D3DERR_CANNOTPROTECTCONTENT
#define D3DERR_CANNOTPROTECTCONTENT ((HRESULT)0x8876087DU)
#endif
#ifndef D3DDDIERR_UNSUPPORTEDCRYPTO
#define D3DDDIERR_UNSUPPORTEDCRYPTO ((HRESULT)0x8876087EU)
#endif

#endif /* DXVAULT_WINDEF_H */
