/* SPDX-License-Identifier: MIT */
/*
 * Declarations with the layouts of microsoft/libdxg's headers on 64-bit Linux, written for these tests: what a program
 * that was compiled against those headers has in memory. Nothing of include/dxvault is used, so that the two can differ.
 */
#ifndef LIBDXG_LAYOUT_H
#define LIBDXG_LAYOUT_H

#include <stdint.h>
#include <wchar.h>

#ifdef __cplusplus
#define LIBDXG extern "C"
#else
#define LIBDXG extern
#endif

typedef int32_t ntstatus;
typedef uint32_t handle32;

/* libdxg puts each pointer into a union with 8 bytes. */
#define POINTER(type, name)            \
	union {                        \
		type name;             \
		uint64_t name##_align; \
	}

struct luid {
	uint32_t low;
	int32_t high;
};

struct adapter_info {
	handle32 adapter;
	struct luid luid;
	uint32_t sources;
	int32_t precise;
};

struct enum_adapters2 {
	uint32_t count;
	POINTER(struct adapter_info *, adapters);
};

struct enum_adapters3 {
	uint64_t filter;
	uint32_t count;
	POINTER(struct adapter_info *, adapters);
};

struct open_adapter {
	struct luid luid;
	handle32 adapter;
};

struct query_adapter_info {
	handle32 adapter;
	uint32_t type;
	POINTER(void *, data);
	uint32_t size;
};

enum {
	UMDRIVERNAME = 1,
	ADAPTERTYPE = 15,
	PHYSICALADAPTERCOUNT = 30,
	PHYSICALADAPTERDEVICEIDS = 31,
	TEARDOWN_COUNT = 36,
	HWDRM_SUPPORT = 44,
	ADAPTERTYPE_RENDER = 57,
	DRIVER_DESCRIPTION = 65,
	WDDM_2_7_CAPS = 70,
};

struct umd_file_name {
	uint32_t version;
	wchar_t name[260];
};

struct driver_description {
	wchar_t text[4096];
};

struct device_ids {
	uint32_t index;
	uint32_t ids[6];
};

struct create_device {
	union {
		handle32 adapter;
		void *pointer;
		uint64_t align;
	} of;
	uint32_t flags;
	handle32 device;
	POINTER(void *, commands);
	uint32_t commands_size;
	POINTER(void *, allocations);
	uint32_t allocations_size;
	POINTER(void *, patches);
	uint32_t patches_size;
};

struct one_handle {
	handle32 handle;
};

struct get_device_state {
	handle32 device;
	uint32_t type;
	union {
		uint32_t execution;
		uint64_t reserved[6];
	} state;
};

struct create_context {
	handle32 device;
	uint32_t node;
	uint32_t affinity;
	uint32_t flags;
	POINTER(void *, data);
	uint32_t data_size;
	uint32_t hint;
	handle32 context;
};

enum { MONITORED_FENCE = 5, DEVICESTATE_EXECUTION = 1, DEVICEEXECUTION_ACTIVE = 1 };

struct create_sync2 {
	handle32 device;
	struct {
		uint32_t type;
		uint32_t flags;
		union {
			struct {
				uint64_t initial;
				POINTER(void *, cpu_address);
				uint64_t gpu_address;
				uint32_t affinity;
			} fence;
			uint64_t reserved[8];
		} of;
		handle32 shared;
	} info;
	handle32 sync;
};

struct signal_cpu {
	handle32 device;
	uint32_t count;
	POINTER(const handle32 *, handles);
	POINTER(const uint64_t *, values);
	uint32_t flags;
};

struct wait_cpu {
	handle32 device;
	uint32_t count;
	POINTER(const handle32 *, handles);
	POINTER(const uint64_t *, values);
	POINTER(void *, event);
	uint32_t flags;
};

struct open_sync2 {
	POINTER(void *, nt_handle);
	handle32 device;
	uint32_t flags;
	handle32 sync;
	union {
		struct {
			POINTER(void *, cpu_address);
			uint64_t gpu_address;
			uint32_t affinity;
		} fence;
		uint64_t reserved[8];
	} of;
};

struct create_session {
	handle32 device;
	handle32 sync;
	POINTER(const void *, driver);
	uint32_t driver_size;
	POINTER(const void *, runtime);
	uint32_t runtime_size;
	handle32 session;
};

struct query_session_status {
	handle32 session;
	uint32_t status;
};

struct query_session_info {
	POINTER(void *, nt_handle);
	POINTER(const void *, driver);
	uint32_t driver_size;
	POINTER(const void *, runtime);
	uint32_t runtime_size;
};

struct open_session {
	POINTER(void *, nt_handle);
	handle32 session;
};

LIBDXG ntstatus D3DKMTEnumAdapters2(const struct enum_adapters2 *arg);
LIBDXG ntstatus D3DKMTEnumAdapters3(struct enum_adapters3 *arg);
LIBDXG ntstatus D3DKMTOpenAdapterFromLuid(const struct open_adapter *arg);
LIBDXG ntstatus D3DKMTCloseAdapter(const struct one_handle *arg);
LIBDXG ntstatus D3DKMTQueryAdapterInfo(const struct query_adapter_info *arg);
LIBDXG ntstatus D3DKMTCreateDevice(struct create_device *arg);
LIBDXG ntstatus D3DKMTDestroyDevice(const struct one_handle *arg);
LIBDXG ntstatus D3DKMTGetDeviceState(struct get_device_state *arg);
LIBDXG ntstatus D3DKMTCreateContextVirtual(struct create_context *arg);
LIBDXG ntstatus D3DKMTDestroyContext(const struct one_handle *arg);
LIBDXG ntstatus D3DKMTCreateSynchronizationObject2(struct create_sync2 *arg);
LIBDXG ntstatus D3DKMTDestroySynchronizationObject(const struct one_handle *arg);
LIBDXG ntstatus D3DKMTSignalSynchronizationObjectFromCpu(const struct signal_cpu *arg);
LIBDXG ntstatus D3DKMTWaitForSynchronizationObjectFromCpu(const struct wait_cpu *arg);
LIBDXG ntstatus D3DKMTOpenSyncObjectFromNtHandle2(struct open_sync2 *arg);
LIBDXG ntstatus D3DKMTShareObjects(uint32_t count, const handle32 *objects, void *attributes, uint32_t access,
				   void **nt_handle);
LIBDXG ntstatus D3DKMTCreateProtectedSession(struct create_session *arg);
LIBDXG ntstatus D3DKMTDestroyProtectedSession(struct one_handle *arg);
LIBDXG ntstatus D3DKMTQueryProtectedSessionStatus(struct query_session_status *arg);
LIBDXG ntstatus D3DKMTQueryProtectedSessionInfoFromNtHandle(struct query_session_info *arg);
LIBDXG ntstatus D3DKMTOpenProtectedSessionFromNtHandle(struct open_session *arg);
/* Out of scope here, and called by ordinary programs all the same. */
LIBDXG ntstatus D3DKMTQueryStatistics(const void *arg);
LIBDXG ntstatus D3DKMTSetStablePowerState(const void *arg);
LIBDXG void D3DKMTCloseDxCoreDevice(void);

#endif
