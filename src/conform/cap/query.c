/* SPDX-License-Identifier: MIT */
/* GetCaps, whatever is asked: CAP-34 to CAP-40. */
#include "conform/cap/cap.h"

#include <string.h>

/* The queries of content protection and of decoding, with conditions that are right where a driver knows them. */
struct asked {
	UINT type;
	void *info;
	UINT size; /* of the answer; 0: as many bytes as there are */
};

static DDICONTENTPROTECTIONCAPS pair;
static DDICERTIFICATEINFO certificate;
static GUID decode_guid;
static DXVADDI_DECODEINPUT decode_input = { .pGuid = &decode_guid };

static const struct asked queries[] = {
	{ D3DDDICAPS_GETCONTENTPROTECTIONCAPS, &pair, sizeof(D3DCONTENTPROTECTIONCAPS) },
	{ D3DDDICAPS_GETCERTIFICATESIZE, &certificate, sizeof(UINT) },
	{ D3DDDICAPS_GETCERTIFICATE, &certificate, 0 },
	{ D3DDDICAPS_GETDECODEGUIDCOUNT, NULL, sizeof(UINT) },
	{ D3DDDICAPS_GETDECODEGUIDS, NULL, 0 },
	{ D3DDDICAPS_GETDECODERTFORMATCOUNT, &decode_guid, sizeof(UINT) },
	{ D3DDDICAPS_GETDECODERTFORMATS, &decode_guid, 0 },
	{ D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFOCOUNT, &decode_input, sizeof(UINT) },
	{ D3DDDICAPS_GETDECODECOMPRESSEDBUFFERINFO, &decode_input, 0 },
};

enum { QUERIES = sizeof(queries) / sizeof(queries[0]), ROOM = 65536 };

/* As every test finds them. */
static void set_conditions(void)
{
	pair = (DDICONTENTPROTECTIONCAPS) { .CryptoType = D3DCRYPTOTYPE_AES128_CTR };
	certificate = (DDICERTIFICATEINFO) {
		.CertificateType = D3DDDI_CERTTYPE_CRYPTOSESSION,
		.ChannelType = DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE,
		.CryptoSessionType = D3DCRYPTOTYPE_AES128_CTR,
	};
	decode_guid = cap_unknown_guid;
}

static HRESULT ask(struct cf *cf, const struct asked *asked, void *data)
{
	return cap_query(cf, asked->type, asked->info, data, asked->size ? asked->size : ROOM);
}

static void types_select_the_query(struct cf *cf)
{
	D3DCONTENTPROTECTIONCAPS caps = { 0 };
	static _Alignas(16) uint8_t data[ROOM];
	UINT size = 0, count = 0xffffffff;
	HRESULT hr;

	set_conditions();
	(void)cf_caps(cf);
	if (CF_OK(cf, "CAP-34", cap_query(cf, 42, &pair, &caps, sizeof(caps))))
		CF_TRUE(cf, "CAP-34", caps.Caps != 0 && caps.BlockAlignmentSize != 0,
			"query 42 gave no content-protection capabilities");
	hr = cap_query(cf, 14, NULL, &count, sizeof(count));
	CF_TRUE(cf, "CAP-34", hr == S_OK ? count != 0xffffffff : hr < 0, "query 14 answered %s and %u",
		cf_code_name(cf, hr), count);
	if (memcmp(&caps.KeyExchangeType, &D3DKEYEXCHANGE_RSAES_OAEP, sizeof(GUID)) != 0)
		return;
	if (CF_OK(cf, "CAP-34", cap_query(cf, 43, &certificate, &size, sizeof(size))) && size <= ROOM) {
		CF_OK(cf, "CAP-34", cap_query(cf, 44, &certificate, data, size));
		/* DER begins with a sequence. */
		CF_TRUE(cf, "CAP-34", size > 0 && data[0] == 0x30, "query 44 gave no certificate");
	}
}

/* Asked for by hand: the suite's own query goes by the caller's buffer too. */
static void buffer_is_the_callers(struct cf *cf)
{
	_Alignas(16) uint8_t data[sizeof(D3DCONTENTPROTECTIONCAPS)];
	D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETCONTENTPROTECTIONCAPS,
		.pInfo = &pair,
		.pData = data,
		.DataSize = sizeof(data),
	};

	set_conditions();
	memset(data, CAP_FILL, sizeof(data));
	if (cf_get_caps(cf, &arg) != S_OK)
		cf_skip(cf, "the driver answers no query for content-protection capabilities");
	CF_TRUE(cf, "CAP-35", arg.pData == data, "GetCaps changed pData");
	CF_TRUE(cf, "CAP-35", !cf_is_all(data, offsetof(D3DCONTENTPROTECTIONCAPS, BlockAlignmentSize), CAP_FILL),
		"the caller's buffer was not written");
}

/* The structure is the caller's and constant; so are the condition and where the pointer points. */
static void only_the_buffer_is_written(struct cf *cf)
{
	struct {
		DDICONTENTPROTECTIONCAPS pair;
		DDICERTIFICATEINFO certificate;
		GUID decode_guid;
	} before, after;
	static _Alignas(16) uint8_t data[ROOM];

	set_conditions();
	(void)cf_caps(cf);
	for (int i = 0; i < QUERIES; i++) {
		D3DDDIARG_GETCAPS arg, was;

		memset(&was, 0, sizeof(was));
		was.Type = (D3DDDICAPS_TYPE)queries[i].type;
		was.pInfo = queries[i].info;
		was.pData = data;
		was.DataSize = queries[i].size ? queries[i].size : ROOM;
		memcpy(&arg, &was, sizeof(arg));
		memset(&before, 0, sizeof(before));
		before.pair = pair;
		before.certificate = certificate;
		before.decode_guid = decode_guid;
		memset(data, CAP_FILL, ROOM);
		(void)cf_get_caps(cf, &arg);
		memset(&after, 0, sizeof(after));
		after.pair = pair;
		after.certificate = certificate;
		after.decode_guid = decode_guid;
		CF_BYTES(cf, "CAP-36", &was, &arg, sizeof(was), "D3DDDIARG_GETCAPS after GetCaps");
		CF_BYTES(cf, "CAP-36", &before, &after, sizeof(before), "what pInfo points to after GetCaps");
	}
}

static void size_of_the_answer(struct cf *cf)
{
	_Alignas(16) uint8_t data[128];

	set_conditions();
	(void)cf_caps(cf);
	for (int i = 0; i < QUERIES; i++) {
		const struct asked *asked = &queries[i];

		/* Answers of a fixed size, of what the driver answers at all. */
		if (asked->size == 0 || ask(cf, asked, data) != S_OK)
			continue;
		memset(data, CAP_FILL, sizeof(data));
		CF_DECIDED(cf, "CAP-37", E_INVALIDARG, cap_query(cf, asked->type, asked->info, data, asked->size - 1));
		CF_DECIDED(cf, "CAP-37", E_INVALIDARG, cap_query(cf, asked->type, asked->info, data, 0));
		CF_TRUE_DECIDED(cf, "CAP-37", cf_is_all(data, sizeof(data), CAP_FILL),
				"query %u wrote into a buffer that was too small", asked->type);
		CF_DECIDED(cf, "CAP-37", S_OK, cap_query(cf, asked->type, asked->info, data, asked->size + 16));
		CF_TRUE_DECIDED(cf, "CAP-37", cf_is_all(data + asked->size, sizeof(data) - asked->size, CAP_FILL),
				"query %u wrote more than its %u bytes", asked->type, asked->size);
	}
}

static void missing_arguments(struct cf *cf)
{
	struct rt_adapter *adapter = cf_adapter(cf);
	_Alignas(16) uint8_t data[128];

	set_conditions();
	(void)cf_caps(cf);
	CF_DECIDED(cf, "CAP-38", E_INVALIDARG, rt_adapter_funcs(adapter)->pfnGetCaps(rt_adapter_handle(adapter), NULL));
	for (int i = 0; i < QUERIES; i++) {
		const struct asked *asked = &queries[i];

		CF_DECIDED(cf, "CAP-38", E_INVALIDARG, cap_query(cf, asked->type, asked->info, NULL, ROOM));
		if (!asked->info)
			continue;
		memset(data, CAP_FILL, sizeof(data));
		CF_DECIDED(cf, "CAP-38", E_INVALIDARG, cap_query(cf, asked->type, NULL, data, sizeof(data)));
		CF_TRUE_DECIDED(cf, "CAP-38", cf_is_all(data, sizeof(data), CAP_FILL),
				"query %u without pInfo wrote its answer", asked->type);
	}
}

/* Numbers that no interface has, and one that a driver of this interface version does not know. */
static void unknown_types(struct cf *cf)
{
	static const UINT types[] = { 0, 52, 1000, 0xffffffff };
	_Alignas(16) uint8_t data[128];

	set_conditions();
	memset(data, CAP_FILL, sizeof(data));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		CF_DECIDED(cf, "CAP-39", D3DDDIERR_NOTAVAILABLE, cap_query(cf, types[i], &pair, data, sizeof(data)));
	CF_TRUE_DECIDED(cf, "CAP-39", cf_is_all(data, sizeof(data), CAP_FILL), "a refused query wrote an answer");
}

/* All in turn, twice, with every other between. */
static void queries_may_be_repeated(struct cf *cf)
{
	static _Alignas(16) uint8_t first[QUERIES][ROOM], again[ROOM];
	HRESULT answers[QUERIES];

	set_conditions();
	(void)cf_caps(cf);
	for (int i = 0; i < QUERIES; i++)
		answers[i] = ask(cf, &queries[i], first[i]);
	for (int i = QUERIES - 1; i >= 0; i--) {
		memset(again, 0, ROOM);
		CF_DECIDED(cf, "CAP-40", answers[i], ask(cf, &queries[i], again));
		CF_BYTES_DECIDED(cf, "CAP-40", first[i], again, ROOM, "the answer to the same query");
	}
}

const struct cf_test cap_tests_query[] = {
	{ "query-types", "CAP-34", types_select_the_query },
	{ "query-buffer", "CAP-35", buffer_is_the_callers },
	{ "query-writes-the-buffer-alone", "CAP-36", only_the_buffer_is_written },
	{ "query-size", "CAP-37", size_of_the_answer },
	{ "query-missing-arguments", "CAP-38", missing_arguments },
	{ "query-unknown-types", "CAP-39", unknown_types },
	{ "query-repeated", "CAP-40", queries_may_be_repeated },
	{ 0 },
};
