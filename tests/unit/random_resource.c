/* SPDX-License-Identifier: MIT */
/* Random resources: created, opened elsewhere, locked, destroyed. */
#include "random_world.h"

#include <unistd.h>

static uint8_t own_memory[MODEL_RESOURCES][MODEL_SURFACES][RW_SLOT + 16] __attribute__((aligned(16)));

static const struct {
	D3DDDIFORMAT format;
	uint32_t width, height;
} shapes[] = {
	{ D3DDDIFMT_A8R8G8B8, 16, 1 },
	{ D3DDDIFMT_X8R8G8B8, 5, 3 },
	{ D3DDDIFMT_NV12, 6, 3 },
	{ D3DDDIFMT_YUY2, 7, 2 },
};

_Static_assert(sizeof(shapes) / sizeof(shapes[0]) == RW_SHAPES, "shapes");

static struct model_resource describe(int device, enum rw_kind kind, unsigned int shape, int count)
{
	return (struct model_resource) {
		.device = device,
		.is_system = kind >= RW_IN_PLACE,
		.is_protected = kind < RW_ORDINARY,
		.is_blt_kind = kind != RW_TEXTURE && kind != RW_MULTISAMPLED,
		.is_aligned = kind == RW_IN_PLACE || kind == RW_OWN,
		.format = shapes[shape].format,
		.width = shapes[shape].width,
		.height = shapes[shape].height,
		.memory_pitch = 112,
		.count = count,
	};
}

static bool has_place_for_resource(void)
{
	int places = 0, contents = 0;

	for (int i = 0; i < MODEL_RESOURCES; i++)
		places += !rw_world.model.resources[i].is_live;
	for (int i = 0; i < MODEL_CONTENTS; i++)
		contents += rw_world.model.contents[i].views == 0;
	return places > 0 && contents >= MODEL_SURFACES;
}

static int next_place(void)
{
	int i = 0;

	while (rw_world.model.resources[i].is_live)
		i++;
	return i;
}

static uint8_t *memory_for(int device, enum rw_kind kind, int place, int index)
{
	if (kind == RW_IN_PLACE)
		return rw_world.areas[device] + (size_t)(place * MODEL_SURFACES + index) * RW_SLOT;
	return own_memory[place][index] + (kind == RW_MISALIGNED ? 8 : 0);
}

static void add_resource(const struct model_resource *kind, const struct rw_resource *resource)
{
	int place = model_add_resource(&rw_world.model, kind);

	rw_world.resources[place] = *resource;
}

void rw_call_create_resource(int device, enum rw_kind kind, unsigned int shape)
{
	static int runtime_handles[MODEL_RESOURCES];
	const int count = 1 + (int)rw_below(MODEL_SURFACES);
	const struct model_resource described = describe(device, kind, shape, count);
	struct rw_resource made = { .nt_handle = -1 };
	D3DDDI_SURFACEINFO list[MODEL_SURFACES] = { 0 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = described.format,
		.Pool = described.is_system ? D3DDDIPOOL_SYSTEMMEM : D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = list,
		.SurfCount = (UINT)count,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
		.MultisampleType = kind == RW_MULTISAMPLED || kind == RW_PLAIN ? D3DDDIMULTISAMPLE_2_SAMPLES
									       : D3DDDIMULTISAMPLE_NONE,
	};
	D3DDDIARG_CREATERESOURCE before;
	HRESULT expected = device == MODEL_NONE ? E_INVALIDARG : S_OK, hr;
	int place;

	if (!has_place_for_resource())
		return;
	place = next_place();
	arg.hResource = &runtime_handles[place];
	arg.Flags.RestrictedContent = described.is_protected;
	arg.Flags.Texture = kind == RW_TARGET || kind == RW_TEXTURE;
	arg.Flags.RenderTarget = kind == RW_TARGET || kind == RW_MULTISAMPLED;
	for (int i = 0; i < count; i++) {
		list[i].Width = described.width;
		list[i].Height = described.height;
		if (described.is_system && device != MODEL_NONE) {
			made.memory[i] = memory_for(device, kind, place, i);
			list[i].pSysMem = made.memory[i];
			list[i].SysMemPitch = described.memory_pitch;
		}
	}
	before = arg;
	RW_TELL("create d%d r%d kind %d shape %u count %d", device, place, (int)kind, shape, count);
	rw_fault_begin(40);
	hr = rw_funcs(device)->pfnCreateResource(rw_device_handle(device), &arg);
	rw_fault_end();
	if (rw_judge(RW_CREATE_RESOURCE, expected, hr, RW_MEMORY)) {
		made.handle = arg.hResource;
		RW_CHECK(made.handle != before.hResource); /* BLT-108 */
		add_resource(&described, &made);
	} else {
		RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)));
	}
}

/* What each pool and flag forbids. */
void rw_call_create_bad_resource(int device)
{
	D3DDDI_SURFACEINFO info = { .Width = 16, .Height = 1, .pSysMem = own_memory, .SysMemPitch = 64 };
	D3DDDIARG_CREATERESOURCE arg = {
		.Format = D3DDDIFMT_A8R8G8B8,
		.Pool = D3DDDIPOOL_VIDEOMEMORY,
		.pSurfList = &info,
		.SurfCount = 1,
		.hResource = &info,
		.Rotation = D3DDDI_ROTATION_IDENTITY,
	};
	D3DDDIARG_CREATERESOURCE before;
	unsigned int fault_number = rw_below(5);
	HRESULT hr;

	switch (fault_number) {
	case 0: /* BLT-101 */
		arg.Pool = D3DDDIPOOL_SYSTEMMEM;
		arg.Flags.RestrictedContent = 1;
		break;
	case 1: /* BLT-116 */
		arg.Pool = D3DDDIPOOL_SYSTEMMEM;
		info.pSysMem = NULL;
		break;
	case 2: /* BLT-111 */
		arg.Flags.RestrictedContent = 1;
		arg.Flags.RestrictSharedAccess = 1;
		break;
	case 3: /* BLT-91 */
		arg.Flags.RestrictedContent = 1;
		arg.Format = D3DDDIFMT_R5G6B5;
		break;
	default:
		arg.SurfCount = 0;
		break;
	}
	before = arg;
	RW_TELL("create d%d, wrong in way %u", device, fault_number);
	fail_alloc_at(~0u);
	rw_fault.is_random_due = false;
	hr = rw_funcs(device)->pfnCreateResource(rw_device_handle(device), &arg);
	rw_fault_end();
	(void)rw_judge(RW_CREATE_RESOURCE, E_INVALIDARG, hr, RW_NEVER);
	RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)));
}

/* A protected surface with an NT handle. */
void rw_make_shared(int device, unsigned int shape)
{
	const struct model_resource described = describe(device, RW_PLAIN, shape, 1);
	struct rt_surface surface = { .format = described.format,
				      .width = described.width,
				      .height = described.height };
	struct rw_resource made = { .nt_handle = -1 };

	if (!has_place_for_resource())
		return;
	rw_become(device);
	made.runtime = st_protected(&rw_world.devices[device], &surface, /* shared= */ true);
	made.handle = rt_resource_handle(made.runtime);
	assert_int_equal(rt_resource_share(made.runtime, &made.nt_handle), S_OK);
	RW_TELL("share d%d r%d shape %u", device, next_place(), shape);
	rw_story_size++;
	add_resource(&described, &made);
}

static int pick_shared(void)
{
	int start = (int)rw_below(MODEL_RESOURCES);

	for (int i = 0; i < MODEL_RESOURCES; i++) {
		int at = (start + i) % MODEL_RESOURCES;

		if (rw_world.model.resources[at].is_live && rw_world.resources[at].nt_handle >= 0)
			return at;
	}
	return MODEL_NONE;
}

void rw_call_open_resource(void)
{
	int device = (int)rw_below(MODEL_DEVICES), from = pick_shared();
	struct rw_resource made = { .nt_handle = -1 };
	HRESULT hr;
	int place;

	if (from == MODEL_NONE || !has_place_for_resource())
		return;
	RW_TELL("open d%d r%d from r%d", device, next_place(), from);
	rw_become(device);
	rw_fault_begin(14);
	hr = rt_resource_open(rw_world.devices[device].device, rw_world.resources[from].nt_handle, &made.runtime);
	rw_fault_end();
	if (!rw_judge(RW_OPEN_RESOURCE, S_OK, hr, RW_MEMORY))
		return;
	made.handle = rt_resource_handle(made.runtime);
	place = model_open_resource(&rw_world.model, from, device);
	rw_world.resources[place] = made;
}

void rw_forget_resource(int resource)
{
	rw_bury(rw_world.resources[resource].handle);
	if (rw_world.resources[resource].nt_handle >= 0)
		close(rw_world.resources[resource].nt_handle);
	rw_world.resources[resource].nt_handle = -1;
}

void rw_call_destroy_resource(void)
{
	int device = rw_pick_device(), resource = rw_pick_resource(device, rw_one_in(2));
	HANDLE handle = rw_resource_handle(resource);
	HRESULT expected = model_destroy_resource(&rw_world.model, device, resource), hr;

	RW_TELL("destroy d%d r%d", device, resource);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnDestroyResource(rw_device_handle(device), handle);
	rw_fault_end();
	if (rw_judge(RW_DESTROY_RESOURCE, expected, hr, RW_NEVER)) {
		model_destroy_resource_done(&rw_world.model, resource);
		rw_forget_resource(resource);
	}
}

void rw_call_lock(void)
{
	int device = rw_pick_device(), resource = rw_pick_resource(device, rw_one_in(2));
	uint32_t index = rw_pick_index(resource), pitch = 0, size;
	D3DDDIARG_LOCK arg = {
		.hResource = rw_resource_handle(resource),
		.SubResourceIndex = index,
		.pSurfData = &arg,
		.Pitch = 77,
		.SlicePitch = 77,
	};
	const D3DDDIARG_LOCK before = arg;
	HRESULT expected = model_lock(&rw_world.model, device, resource, index), hr;
	const struct model_resource *locked;

	RW_TELL("lock d%d r%d.%u", device, resource, index);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnLock(rw_device_handle(device), &arg);
	rw_fault_end();
	if (!rw_judge(RW_LOCK, expected, hr, RW_MEMORY)) {
		RW_CHECK(rw_is_same(&arg, &before, sizeof(arg)));
		return;
	}
	locked = &rw_world.model.resources[resource];
	rw_world.model.resources[resource].surfaces[index].is_locked = true;
	(void)model_layout(locked->format, locked->width, locked->height, &pitch, &size);
	RW_CHECK(arg.Pitch == (locked->is_system ? locked->memory_pitch : pitch));
	RW_CHECK(!locked->is_system || arg.pSurfData == rw_world.resources[resource].memory[index]);
}

void rw_call_unlock(void)
{
	int device = rw_pick_device(), resource = rw_pick_resource(device, rw_one_in(2));
	uint32_t index = rw_pick_index(resource);
	const D3DDDIARG_UNLOCK arg = { .hResource = rw_resource_handle(resource), .SubResourceIndex = index };
	HRESULT expected = model_unlock(&rw_world.model, device, resource, index), hr;

	RW_TELL("unlock d%d r%d.%u", device, resource, index);
	rw_fault_begin(3);
	hr = rw_funcs(device)->pfnUnlock(rw_device_handle(device), &arg);
	rw_fault_end();
	if (rw_judge(RW_UNLOCK, expected, hr, RW_NEVER))
		rw_world.model.resources[resource].surfaces[index].is_locked = false;
}

/* Nobody waits for an application that forgets; a lock that stays makes every later transfer the same refusal. */
void rw_unlock_all(void)
{
	for (int i = 0; i < MODEL_RESOURCES; i++) {
		struct model_resource *resource = &rw_world.model.resources[i];

		for (int k = 0; resource->is_live && k < resource->count; k++) {
			const D3DDDIARG_UNLOCK arg = { .hResource = rw_world.resources[i].handle,
						       .SubResourceIndex = (UINT)k };

			if (!resource->surfaces[k].is_locked)
				continue;
			assert_int_equal(
				rw_funcs(resource->device)->pfnUnlock(rw_device_handle(resource->device), &arg), S_OK);
			resource->surfaces[k].is_locked = false;
		}
	}
}
