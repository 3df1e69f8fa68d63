/* SPDX-License-Identifier: MIT */
/* GetCaps: the two certificates, which the kernel half keeps. */
#include "umd/umd_internal.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_LIMIT 65536u

/* What the kernel half reads from and writes to: a query, then a header and the chain. */
union exchange {
	struct drv_query query;
	struct drv_certificate certificate;
};

/* Software protection: no certificate for the hardware channel, nor for the API's own (CAP-70, CAP-71). */
static bool has_channel_type(const struct umd_adapter *adapter, DDIAUTHENTICATEDCHANNELTYPE type)
{
	switch (type) {
	case DDIAUTHENTICATEDCHANNEL_DRIVER_SOFTWARE:
		return adapter->caps.caps & D3DCPCAPS_SOFTWARE;
	case DDIAUTHENTICATEDCHANNEL_DRIVER_HARDWARE:
		return adapter->caps.caps & D3DCPCAPS_HARDWARE;
	default:
		return false;
	}
}

/* Which leaf is meant; the member that CertificateType does not select is ignored (CAP-69). */
static HRESULT read_info(const struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData, uint32_t *ret_leaf)
{
	DDICERTIFICATEINFO info;

	if (!pData->pData || !pData->pInfo)
		return E_INVALIDARG;

	memcpy(&info, pData->pInfo, sizeof(info));
	switch (info.CertificateType) {
	case D3DDDI_CERTTYPE_AUTHENTICATED_CHANNEL:
		if (!has_channel_type(adapter, info.ChannelType))
			return D3DDDIERR_NOTAVAILABLE;
		break;
	case D3DDDI_CERTTYPE_CRYPTOSESSION:
		if (!umd_guid_equal(&info.CryptoSessionType, &D3DCRYPTOTYPE_AES128_CTR))
			return D3DDDIERR_NOTAVAILABLE;
		break;
	default:
		return E_INVALIDARG;
	}
	*ret_leaf = info.CertificateType;
	return S_OK;
}

static HRESULT query_size(struct umd_adapter *adapter, uint32_t leaf, uint32_t *ret_size)
{
	union exchange data = { .query = { .magic = DRV_MAGIC, .type = DRV_QUERY_CERTIFICATE, .leaf = leaf } };
	HRESULT hr;

	hr = umd_adapter_query(adapter, &data, sizeof(data));
	if (hr != S_OK)
		return hr;
	if (data.certificate.size == 0 || data.certificate.size > CHAIN_LIMIT)
		return E_FAIL;
	*ret_size = data.certificate.size;
	return S_OK;
}

HRESULT umd_get_certificate_size(struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData)
{
	uint32_t leaf, size;
	HRESULT hr;

	hr = read_info(adapter, pData, &leaf);
	if (hr != S_OK)
		return hr;
	if (pData->DataSize < sizeof(size))
		return E_INVALIDARG;

	hr = query_size(adapter, leaf, &size);
	if (hr != S_OK)
		return hr;
	memcpy(pData->pData, &size, sizeof(size));
	return S_OK;
}

/* The caller's buffer takes the chain alone, so the header needs room of its own before it. */
static HRESULT copy_chain(struct umd_adapter *adapter, uint32_t leaf, uint32_t size, void *ret_chain)
{
	size_t total = sizeof(union exchange) + size;
	struct drv_certificate header;
	uint8_t *data;
	HRESULT hr;

	data = calloc(1, total);
	if (!data)
		return E_OUTOFMEMORY;
	memcpy(data, &(struct drv_query) { .magic = DRV_MAGIC, .type = DRV_QUERY_CERTIFICATE, .leaf = leaf },
	       sizeof(struct drv_query));

	hr = umd_adapter_query(adapter, data, (uint32_t)total);
	memcpy(&header, data, sizeof(header));
	/* Constant while the service lives (CAP-68): another size is another service. */
	if (hr == S_OK && (header.magic != DRV_MAGIC || header.size != size))
		hr = E_FAIL;
	if (hr == S_OK)
		memcpy(ret_chain, data + sizeof(header), size);
	free(data);
	return hr;
}

HRESULT umd_get_certificate(struct umd_adapter *adapter, const D3DDDIARG_GETCAPS *pData)
{
	uint32_t leaf, size;
	HRESULT hr;

	hr = read_info(adapter, pData, &leaf);
	if (hr != S_OK)
		return hr;
	hr = query_size(adapter, leaf, &size);
	if (hr != S_OK)
		return hr;
	if (pData->DataSize < size)
		return E_INVALIDARG;
	return copy_chain(adapter, leaf, size, pData->pData);
}
