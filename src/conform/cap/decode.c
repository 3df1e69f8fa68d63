/* SPDX-License-Identifier: MIT */
/* The decode queries as far as a driver that does not decode has them: CAP-78, CAP-83. */
#include "conform/cap/cap.h"

#include <stdlib.h>
#include <string.h>

enum { GUIDS = 256 };

static void guids_and_their_count(struct cf *cf)
{
	GUID guids[GUIDS + 1];
	UINT count = 0xffffffff;
	unsigned int same = 0;
	HRESULT hr;

	hr = cap_query(cf, D3DDDICAPS_GETDECODEGUIDCOUNT, NULL, &count, sizeof(count));
	/* Without decoding: none, or no such query. */
	if (hr == D3DDDIERR_NOTAVAILABLE || hr == E_NOTIMPL) {
		cf_not_applicable(cf, "CAP-78", "the driver has no decode queries");
		return;
	}
	if (!CF_OK(cf, "CAP-78", hr) || !CF_TRUE(cf, "CAP-78", count <= GUIDS, "the count is %u", count))
		return;
	memset(guids, CAP_FILL, sizeof(guids));
	CF_OK(cf, "CAP-78", cap_query(cf, D3DDDICAPS_GETDECODEGUIDS, NULL, guids, count * (UINT)sizeof(guids[0])));
	CF_TRUE(cf, "CAP-78", cf_is_all(&guids[count], sizeof(guids[0]), CAP_FILL),
		"more than the %u GUIDs of the count were written", count);
	for (UINT i = 0; i < count; i++) {
		same += cf_is_all(&guids[i], sizeof(guids[i]), CAP_FILL);
		for (UINT j = 0; j < i; j++)
			same += memcmp(&guids[i], &guids[j], sizeof(guids[i])) == 0;
	}
	CF_TRUE(cf, "CAP-78", same == 0, "%u of the %u GUIDs are not written or there twice", same, count);
}

static void unknown_profiles(struct cf *cf)
{
	GUID guid = cap_unknown_guid;
	DXVADDI_DECODEINPUT input = { .pGuid = &guid };
	_Alignas(16) uint8_t data[256];

	for (UINT type = D3DDDICAPS_GETDECODERTFORMATCOUNT; type <= D3DDDICAPS_GETDECODECONFIGURATIONS; type++) {
		void *info = type >= D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFOCOUNT ? (void *)&input : (void *)&guid;

		memset(data, CAP_FILL, sizeof(data));
		CF_DECIDED(cf, "CAP-83", D3DDDIERR_NOTAVAILABLE, cap_query(cf, type, info, data, sizeof(data)));
		CF_TRUE_DECIDED(cf, "CAP-83", cf_is_all(data, sizeof(data), CAP_FILL), "query %u wrote an answer",
				type);
	}
}

const struct cf_test cap_tests_decode[] = {
	{ "decode-guids", "CAP-78", guids_and_their_count },
	{ "decode-unknown-profile", "CAP-83", unknown_profiles },
	{ 0 },
};
