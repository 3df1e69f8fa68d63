/* SPDX-License-Identifier: MIT */
/* dxvault info: the adapter, its capabilities, its protected memory, and what is in use. */
#include "runtime/runtime.h"
#include "tools/command.h"
#include "tools/text.h"

#include <getopt.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	UINT bit;
	const char *name;
} capability_names[] = {
	{ D3DCPCAPS_SOFTWARE, "SOFTWARE" },
	{ D3DCPCAPS_HARDWARE, "HARDWARE" },
	{ D3DCPCAPS_PROTECTIONALWAYSON, "PROTECTIONALWAYSON" },
	{ D3DCPCAPS_PARTIALDECRYPTION, "PARTIALDECRYPTION" },
	{ D3DCPCAPS_CONTENTKEY, "CONTENTKEY" },
	{ D3DCPCAPS_FRESHENSESSIONKEY, "FRESHENSESSIONKEY" },
	{ D3DCPCAPS_ENCRYPTEDREADBACK, "ENCRYPTEDREADBACK" },
	{ D3DCPCAPS_ENCRYPTEDREADBACKKEY, "ENCRYPTEDREADBACKKEY" },
};

#define CAPABILITY_COUNT (sizeof(capability_names) / sizeof(capability_names[0]))

/* The types of authenticated channels that there are: AC-003. */
static const struct {
	UINT bit;
	const char *name;
} channel_names[] = {
	{ D3DCPCAPS_SOFTWARE, "software" },
	{ D3DCPCAPS_HARDWARE, "hardware" },
};

#define CHANNEL_COUNT (sizeof(channel_names) / sizeof(channel_names[0]))

struct facts {
	DXVAULT_SERVICE_INFO service;
	D3DCONTENTPROTECTIONCAPS caps;
	char description[128];
};

static int print_root_certificate(void)
{
	const unsigned char *at;
	unsigned char *data;
	UINT size = 0;
	X509 *certificate = NULL;
	int good;

	if (DxvaultGetRootCertificate(NULL, &size) != STATUS_SUCCESS)
		return command_fail("no service to be had: dxvaultd --foreground tells why");
	data = malloc(size);
	if (data && DxvaultGetRootCertificate(data, &size) == STATUS_SUCCESS) {
		at = data;
		certificate = d2i_X509(NULL, &at, (long)size);
	}
	free(data);
	good = certificate && PEM_write_X509(stdout, certificate) && fflush(stdout) == 0;
	X509_free(certificate);
	return good ? EXIT_SUCCESS : command_fail("the root certificate can't be printed");
}

/* Descriptions are plain ASCII. */
static void read_description(struct rt_adapter *adapter, char *description, size_t size)
{
	D3DKMT_DRIVER_DESCRIPTION *answer = calloc(1, sizeof(*answer));
	D3DKMT_QUERYADAPTERINFO query = {
		.hAdapter = rt_adapter_kernel_handle(adapter),
		.Type = KMTQAITYPE_DRIVER_DESCRIPTION,
		.pPrivateDriverData = answer,
		.PrivateDriverDataSize = sizeof(*answer),
	};

	description[0] = '\0';
	if (answer && D3DKMTQueryAdapterInfo(&query) == STATUS_SUCCESS) {
		size_t i = 0;

		for (; i + 1 < size && answer->DriverDescription[i]; i++)
			description[i] = (char)answer->DriverDescription[i];
		description[i] = '\0';
	}
	free(answer);
}

static int read_facts(struct facts *facts)
{
	struct rt_adapter *adapter;
	char number[16];
	HRESULT result;

	facts->service.Version = DXVAULT_SERVICE_INFO_VERSION;
	if (DxvaultQueryService(&facts->service) != STATUS_SUCCESS)
		return command_fail("no service to be had: dxvaultd --foreground tells why");
	result = rt_adapter_open(NULL, &adapter);
	if (FAILED(result))
		return command_fail("no adapter: %s (%s)", rt_last_error(),
				    text_hresult(result, number, sizeof(number)));
	result = rt_adapter_content_protection_caps(adapter, &D3DCRYPTOTYPE_AES128_CTR, &(GUID) { 0 }, &facts->caps);
	read_description(adapter, facts->description, sizeof(facts->description));
	rt_adapter_close(adapter);
	if (FAILED(result))
		return command_fail("no capabilities: %s", text_hresult(result, number, sizeof(number)));
	return EXIT_SUCCESS;
}

/* This program's own connection is not worth telling. */
static UINT other_clients(const DXVAULT_SERVICE_INFO *service)
{
	return service->Clients > 0 ? service->Clients - 1 : 0;
}

static void print_text(const struct facts *facts)
{
	const DXVAULT_SERVICE_INFO *service = &facts->service;
	char memory[256];
	char sandbox[256];

	text_memory(service, memory, sizeof(memory));
	text_sandbox(service, sandbox, sizeof(sandbox));
	printf("Adapter:           %s\n", facts->description);
	printf("Service:           dxvaultd %s, process %u%s\n", service->ServiceVersion, service->ProcessId,
	       service->HasScreen ? ", with a screen" : "");
	printf("Capabilities:      0x%08x", facts->caps.Caps);
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (facts->caps.Caps & capability_names[i].bit)
			printf(" %s", capability_names[i].name);
	}
	printf("\nChannels:         ");
	for (size_t i = 0; i < CHANNEL_COUNT; i++) {
		if (facts->caps.Caps & channel_names[i].bit)
			printf(" %s", channel_names[i].name);
	}
	printf("\nAlignment:         buffers %u, blocks %u bytes\n", facts->caps.BufferAlignmentStart,
	       facts->caps.BlockAlignmentSize);
	printf("Protected surfaces: at most %llu MiB a process\n",
	       (unsigned long long)(facts->caps.ProtectedMemorySize >> 20));
	printf("Protected memory:  %s\n", memory);
	printf("In use:            %llu KiB for keys, %llu KiB for pictures\n",
	       (unsigned long long)(service->KeyBytes >> 10), (unsigned long long)(service->SurfaceBytes >> 10));
	printf("Sandbox:           %s\n", sandbox);
	printf("Encryption:        AES-128-CTR by %s\n", service->Engine);
	printf("Objects:           %u clients, %u devices, %u contexts, %u fences, %u protected sessions, "
	       "%u resources, %u allocations, %u NT handles\n",
	       other_clients(service), service->Devices, service->Contexts, service->Fences, service->ProtectedSessions,
	       service->Resources, service->Allocations, service->NtHandles);
	printf("Teardowns:         %u\n", service->TeardownCount);
}

static void print_json(const struct facts *facts)
{
	const DXVAULT_SERVICE_INFO *service = &facts->service;
	const char *separator = "";

	printf("{\n  \"adapter\": ");
	text_json_string(stdout, facts->description);
	printf(",\n  \"service_version\": ");
	text_json_string(stdout, service->ServiceVersion);
	printf(",\n  \"service_process\": %u,\n  \"screen\": %s,\n  \"caps\": %u,\n  \"capabilities\": [",
	       service->ProcessId, service->HasScreen ? "true" : "false", facts->caps.Caps);
	for (size_t i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(facts->caps.Caps & capability_names[i].bit))
			continue;
		printf("%s\"%s\"", separator, capability_names[i].name);
		separator = ", ";
	}
	printf("],\n  \"channels\": [");
	separator = "";
	for (size_t i = 0; i < CHANNEL_COUNT; i++) {
		if (!(facts->caps.Caps & channel_names[i].bit))
			continue;
		printf("%s\"%s\"", separator, channel_names[i].name);
		separator = ", ";
	}
	printf("],\n  \"buffer_alignment\": %u,\n  \"block_alignment\": %u,\n  \"protected_memory_size\": %llu,\n",
	       facts->caps.BufferAlignmentStart, facts->caps.BlockAlignmentSize,
	       (unsigned long long)facts->caps.ProtectedMemorySize);
	printf("  \"key_memory\": \"%s\",\n  \"picture_memory\": \"%s\",\n  \"memory_reason\": ",
	       text_memory_kind(service->KeyMemory), text_memory_kind(service->SurfaceMemory));
	text_json_string(stdout, service->MemoryReason);
	printf(",\n  \"key_bytes\": %llu,\n  \"picture_bytes\": %llu,\n  \"engine\": ",
	       (unsigned long long)service->KeyBytes, (unsigned long long)service->SurfaceBytes);
	text_json_string(stdout, service->Engine);
	printf(",\n  \"sandbox\": [");
	separator = "";
	for (unsigned int i = 0; i < TEXT_SANDBOX_PARTS; i++) {
		if (!(service->Sandbox & 1u << i))
			continue;
		printf("%s\"%s\"", separator, text_sandbox_part(i));
		separator = ", ";
	}
	printf("],\n  \"sandbox_reason\": ");
	text_json_string(stdout, service->SandboxReason);
	printf(",\n  \"objects\": {\"clients\": %u, \"devices\": %u, \"contexts\": %u, \"fences\": %u, "
	       "\"protected_sessions\": %u, \"resources\": %u, \"allocations\": %u, \"nt_handles\": %u},\n",
	       other_clients(service), service->Devices, service->Contexts, service->Fences, service->ProtectedSessions,
	       service->Resources, service->Allocations, service->NtHandles);
	printf("  \"teardowns\": %u\n}\n", service->TeardownCount);
}

static void print_help(void)
{
	puts("Usage: dxvault info [--json] [--root-certificate]\n"
	     "Shows the adapter, its capabilities, its protected memory, and what is in use.\n"
	     "\n"
	     "  --json               the same for programs\n"
	     "  --root-certificate   print the trust anchor of this installation, as PEM");
}

int command_info(int argc, char **argv)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "root-certificate", no_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct facts facts = { 0 };
	bool json = false;
	bool root = false;
	int option;
	int result;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'r':
			root = true;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		command_fail("unexpected argument %s", argv[optind]);
		return EXIT_USAGE;
	}
	if (root)
		return print_root_certificate();
	result = read_facts(&facts);
	if (result != EXIT_SUCCESS)
		return result;
	if (json)
		print_json(&facts);
	else
		print_text(&facts);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : command_fail("standard output can't be written");
}
