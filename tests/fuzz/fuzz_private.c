/* SPDX-License-Identifier: MIT */
/* SEC-34. All private data: of allocations, of sessions, and of what is asked of the adapter. */
#include "world.h"

#include <dxvault/d3dcontentprotection.h>
#include <dxvault/d3dkmthk.h>

enum { DATA_MAX = 256 };

static void allocation(struct fuzz_input *input, uint32_t device)
{
	const uint8_t switches = fuzz_u8(input);
	struct drv_allocation info = { .magic = DRV_MAGIC };
	uint8_t raw[DATA_MAX] = { 0 };
	size_t size = sizeof(info);

	info.format = fuzz_u32(input);
	info.pool = fuzz_u8(input);
	info.flags = fuzz_u32(input);
	info.width = fuzz_u32(input) & (switches & 1 ? UINT32_MAX : 255);
	info.height = fuzz_u32(input) & (switches & 1 ? UINT32_MAX : 63);
	info.multisample = fuzz_u8(input);
	info.rotation = fuzz_u8(input);
	info.refresh_numerator = fuzz_u8(input);
	info.refresh_denominator = fuzz_u8(input);
	memcpy(raw, &info, sizeof(info));
	if (switches & 2)
		raw[fuzz_u8(input) % sizeof(info)] = fuzz_u8(input);
	if (switches & 4)
		size = fuzz_u8(input);
	fuzz_create_allocation(0, device, raw, size, switches & 8 ? fuzz_handle(0, DXGK_MEMORY, 0) : 0);
}

/* It is shown and copied, so that all of it is looked at. */
static void use_allocation(uint32_t before)
{
	static const uint8_t lock[] = { DRV_COMMAND_LOCK, 0, 0xff }, unlock[] = { DRV_COMMAND_UNLOCK, 0, 0xff };
	const struct fuzz_client *client = &fuzz_world.clients[0];
	const uint8_t place = (uint8_t)(before % FUZZ_SEEN);
	const struct wire_present present = { .header = fuzz_header(WIRE_PRESENT, sizeof(present)),
					      .context = fuzz_handle(0, DXGK_CONTEXT, 0),
					      .allocation = client->handles[DXGK_ALLOCATION][place] };
	uint8_t named[sizeof(lock)];

	if (client->counts[DXGK_ALLOCATION] == before)
		return;
	(void)fuzz_send(0, &present, -1);
	memcpy(named, lock, sizeof(lock));
	named[1] = place;
	fuzz_run(0, named, sizeof(named));
	memcpy(named, unlock, sizeof(unlock));
	named[1] = place;
	fuzz_run(0, named, sizeof(named));
}

static void session(struct fuzz_input *input, uint32_t device)
{
	const uint8_t switches = fuzz_u8(input);
	struct drv_session info = { .magic = DRV_MAGIC, .crypto_type = D3DCRYPTOTYPE_AES128_CTR };
	uint8_t raw[DATA_MAX] = { 0 };
	size_t size = sizeof(info);

	if (switches & 1)
		info.decode_profile = drv_test_profiles[switches >> 7];
	memcpy(raw, &info, sizeof(info));
	if (switches & 2)
		raw[fuzz_u8(input) % sizeof(info)] = fuzz_u8(input);
	if (switches & 4)
		size = fuzz_u8(input);
	if (switches & 8)
		fuzz_bytes(input, raw, sizeof(info));
	(void)fuzz_create_session(0, device, raw, size);
}

static void query(struct fuzz_input *input)
{
	const uint8_t switches = fuzz_u8(input);
	struct {
		struct wire_query_adapter_info request;
		uint8_t data[4096];
	} packet = { .request = { .adapter = fuzz_handle(0, DXGK_ADAPTER, 0) } };
	struct drv_query asked = { .magic = DRV_MAGIC };
	const struct wire_header *reply;

	packet.request.type = switches & 1 ? fuzz_u8(input) : KMTQAITYPE_UMDRIVERPRIVATE;
	packet.request.size = fuzz_u32(input) % (sizeof(packet.data) + 1);
	packet.request.header = fuzz_header(WIRE_QUERY_ADAPTER_INFO, sizeof(packet.request) + packet.request.size);
	asked.type = switches & 2 ? fuzz_u32(input) : switches >> 6;
	asked.leaf = fuzz_u8(input);
	asked.reserved = switches & 4 ? fuzz_u8(input) : 0;
	memcpy(packet.data, &asked, sizeof(asked));
	if (switches & 8)
		fuzz_bytes(input, packet.data, 8);
	reply = fuzz_send(0, &packet, -1);
	if (reply && reply->status == STATUS_SUCCESS)
		FUZZ_CHECK(reply->size <= sizeof(packet.request) + packet.request.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };

	fuzz_world_begin(fuzz_u8(&input) & 0x7f);
	fuzz_furnish(0);
	for (uint32_t i = 0; input.size > 0 && i < 16; i++) {
		const uint8_t code = fuzz_u8(&input);
		const uint32_t device = fuzz_handle(0, DXGK_DEVICE, 0);
		uint32_t before;
		const struct wire_create_memory memory = {
			.header = fuzz_header(WIRE_CREATE_MEMORY, sizeof(memory)),
			.device = device,
			.size = (uint64_t)(code >> 2) << 10,
		};

		switch (code & 3) {
		case 0:
			before = fuzz_world.clients[0].counts[DXGK_ALLOCATION];
			allocation(&input, device);
			use_allocation(before);
			break;
		case 1:
			session(&input, device);
			break;
		case 2:
			query(&input);
			break;
		default:
			(void)fuzz_send(0, &memory, -1);
			break;
		}
	}
	fuzz_world_end();
	return 0;
}
