/* SPDX-License-Identifier: MIT */
/* OpenAdapter, CloseAdapter and the adapter table: CAP-01 to CAP-10, CAP-22. */
#include "conform/cap/cap.h"
#include "conform/cf.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- CAP-01: what the file exports ------------------------------------------------------------------------ */

struct file {
	const uint8_t *bytes;
	size_t size;
};

static const void *part(const struct file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset ? file->bytes + offset : NULL;
}

static const Elf64_Shdr *section(const struct file *file, const Elf64_Ehdr *header, unsigned int index)
{
	return part(file, header->e_shoff + (uint64_t)index * header->e_shentsize, sizeof(Elf64_Shdr));
}

static bool is_exported_function(const Elf64_Sym *symbol)
{
	const unsigned int type = ELF64_ST_TYPE(symbol->st_info), bind = ELF64_ST_BIND(symbol->st_info);
	const unsigned int visibility = ELF64_ST_VISIBILITY(symbol->st_other);

	return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC) &&
	       (bind == STB_GLOBAL || bind == STB_WEAK) && (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/* Counts the functions that a table of dynamic symbols exports; *ret_other is one that is not OpenAdapter. */
static unsigned int count_functions(const struct file *file, const Elf64_Shdr *table, const Elf64_Shdr *names,
				    const char **ret_other)
{
	const Elf64_Sym *symbols = part(file, table->sh_offset, table->sh_size);
	const char *text = part(file, names->sh_offset, names->sh_size);
	unsigned int count = 0;

	if (!symbols || !text)
		return 0;
	for (size_t i = 0; i < table->sh_size / sizeof(*symbols); i++) {
		if (!is_exported_function(&symbols[i]) || symbols[i].st_name >= names->sh_size)
			continue;
		count++;
		if (strcmp(text + symbols[i].st_name, "OpenAdapter") != 0)
			*ret_other = text + symbols[i].st_name;
	}
	return count;
}

static void map_driver(struct cf *cf, struct file *ret)
{
	void *symbol = (void *)(uintptr_t)cap_open_adapter(cf);
	struct stat status;
	Dl_info info;
	int fd;

	if (!dladdr(symbol, &info) || !info.dli_fname)
		cf_give_up(cf, "the driver's file is not known");
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || (size_t)status.st_size < sizeof(Elf64_Ehdr))
		cf_give_up(cf, "%s cannot be read", info.dli_fname);
	ret->size = (size_t)status.st_size;
	ret->bytes = mmap(NULL, ret->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (ret->bytes == MAP_FAILED)
		cf_give_up(cf, "%s cannot be mapped", info.dli_fname);
}

static void exports_open_adapter_alone(struct cf *cf)
{
	const char *other = "none";
	const Elf64_Ehdr *header;
	unsigned int count = 0;
	struct file file;

	map_driver(cf, &file);
	header = (const Elf64_Ehdr *)(const void *)file.bytes;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
		cf_give_up(cf, "the driver is no 64-bit ELF file");
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		const Elf64_Shdr *table = section(&file, header, i), *names;

		if (!table || table->sh_type != SHT_DYNSYM)
			continue;
		names = section(&file, header, table->sh_link);
		if (names)
			count += count_functions(&file, table, names, &other);
	}
	if (count == 0)
		cf_give_up(cf, "the file has no section with its dynamic symbols");
	CF_TRUE(cf, "CAP-01", count == 1, "%u exported functions, another is: %s", count, other);
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static void close_opened(const struct cap_opening *opening)
{
	(void)opening->funcs.pfnCloseAdapter(opening->arg.hAdapter);
}

static void fills_the_structure(struct cf *cf)
{
	struct cap_opening opening;
	HRESULT hr;

	cap_opening_init(cf, &opening);
	hr = cap_open(cf, &opening);
	if (!CF_OK(cf, "CAP-02", hr))
		return;
	CF_TRUE(cf, "CAP-02", opening.arg.hAdapter != NULL && opening.arg.hAdapter != cap_opening_runtime_adapter(),
		"hAdapter is %p", opening.arg.hAdapter);
	CF_TRUE(cf, "CAP-02", opening.raw.pfnGetCaps && opening.raw.pfnCreateDevice && opening.raw.pfnCloseAdapter,
		"a slot of the adapter table is NULL");
	CF_TRUE(cf, "CAP-02", opening.arg.DriverVersion != 0, "DriverVersion was not set");
	CF_TRUE(cf, "CAP-03", cf_is_all(opening.guard, sizeof(opening.guard), CAP_FILL),
		"bytes behind the 24 of the table were written");
	/* What the Windows 7 interface begins with, or nothing of content protection could be called. */
	CF_TRUE(cf, "CAP-04", opening.arg.DriverVersion >= D3D_UMD_INTERFACE_VERSION_WIN7, "DriverVersion is 0x%x",
		opening.arg.DriverVersion);
	CF_TRUE_DECIDED(cf, "CAP-04", opening.arg.DriverVersion == D3D_UMD_INTERFACE_VERSION_WIN7,
			"DriverVersion is 0x%x", opening.arg.DriverVersion);
	close_opened(&opening);
}

static void asks_about_the_adapter_by_its_handle(struct cf *cf)
{
	struct cap_opening opening;

	cap_opening_init(cf, &opening);
	CF_NEED(cf, cap_open(cf, &opening));
	/* The page says "should". */
	CF_TRUE_DECIDED(cf, "CAP-22", cap_opening_queries() > 0, "pfnQueryAdapterInfoCb was not called");
	CF_TRUE(cf, "CAP-22", cap_opening_wrong_handle() == NULL,
		"pfnQueryAdapterInfoCb was called with %p instead of the hAdapter that came in",
		cap_opening_wrong_handle());
	close_opened(&opening);
}

static void looks_at_interface_and_version(struct cf *cf)
{
	static const struct {
		UINT interface, version;
	} wrong[] = { { 7, 0x2003 }, { 8, 0x2003 }, { 10, 0x2003 }, { 9, 0x000c } };
	struct cap_opening opening;
	HRESULT hr;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cap_opening_init(cf, &opening);
		opening.arg.Interface = wrong[i].interface;
		opening.arg.Version = wrong[i].version;
		hr = cap_open(cf, &opening);
		/* Other drivers may know other interfaces: which are refused is our choice. */
		CF_DECIDED(cf, "CAP-05", E_INVALIDARG, hr);
		if (hr == S_OK)
			close_opened(&opening);
	}
	cap_opening_init(cf, &opening);
	CF_OK(cf, "CAP-05", cap_open(cf, &opening));
	close_opened(&opening);
	cap_opening_init(cf, &opening);
	opening.arg.Version = D3D_UMD_INTERFACE_VERSION_WIN8;
	hr = cap_open(cf, &opening);
	CF_DECIDED(cf, "CAP-05", S_OK, hr);
	if (hr == S_OK)
		close_opened(&opening);
}

static void refuses_missing_arguments(struct cf *cf)
{
	const cap_open_fn open_adapter = cap_open_adapter(cf);
	struct cap_opening opening, before;

	CF_DECIDED(cf, "CAP-06", E_INVALIDARG, open_adapter(NULL));
	for (int i = 0; i < 2; i++) {
		cap_opening_init(cf, &opening);
		if (i == 0)
			opening.arg.pAdapterFuncs = NULL;
		else
			opening.arg.pAdapterCallbacks = NULL;
		before = opening;
		CF_DECIDED(cf, "CAP-06", E_INVALIDARG, open_adapter(&opening.arg));
		CF_BYTES_DECIDED(cf, "CAP-06", &before, &opening, sizeof(before),
				 "D3DDDIARG_OPENADAPTER and the table after a refused OpenAdapter");
	}
}

/* ---- several, and the end of one -------------------------------------------------------------------------- */

static HRESULT query(const struct cap_opening *opening, HANDLE hAdapter)
{
	UINT count = 0;
	const D3DDDIARG_GETCAPS arg = {
		.Type = D3DDDICAPS_GETDECODEGUIDCOUNT,
		.pData = &count,
		.DataSize = sizeof(count),
	};

	return opening->funcs.pfnGetCaps(hAdapter, &arg);
}

static void opens_twice(struct cf *cf)
{
	struct cap_opening first, second;
	HRESULT alone;

	cap_opening_init(cf, &first);
	CF_NEED(cf, cap_open(cf, &first));
	alone = query(&first, first.arg.hAdapter);
	cap_opening_init(cf, &second);
	if (!CF_OK(cf, "CAP-07", cap_open(cf, &second)))
		return;
	CF_TRUE(cf, "CAP-07", first.arg.hAdapter != second.arg.hAdapter, "both have the handle %p", first.arg.hAdapter);
	CF_CODE(cf, "CAP-07", alone, query(&first, first.arg.hAdapter));
	CF_CODE(cf, "CAP-07", alone, query(&second, second.arg.hAdapter));
	CF_OK(cf, "CAP-09", first.funcs.pfnCloseAdapter(first.arg.hAdapter));
	CF_CODE(cf, "CAP-07", alone, query(&second, second.arg.hAdapter));
	CF_OK(cf, "CAP-09", second.funcs.pfnCloseAdapter(second.arg.hAdapter));
}

/* A device on an adapter that the test opened itself; its callbacks are not called. */
static HRESULT device_on(const struct cap_opening *opening, HANDLE hAdapter, D3DDDI_DEVICEFUNCS *funcs, HANDLE *ret)
{
	D3DDDIARG_CREATEDEVICE arg = {
		.hDevice = cap_spy_runtime_device(),
		.Interface = 9,
		.Version = D3D_UMD_INTERFACE_VERSION_WIN7,
		.pCallbacks = &cap_spy.callbacks.Callbacks,
		.pDeviceFuncs = funcs,
	};
	HRESULT hr = opening->funcs.pfnCreateDevice(hAdapter, &arg);

	if (hr == S_OK) {
		cf_fill_device_table(funcs);
		*ret = arg.hDevice;
	}
	return hr;
}

static void closes_after_its_devices(struct cf *cf)
{
	struct cap_opening opening;
	D3DDDI_DEVICEFUNCS funcs;
	HANDLE device;
	HRESULT alone;

	cap_spy_start(cf);
	cap_opening_init(cf, &opening);
	CF_NEED(cf, cap_open(cf, &opening));
	alone = query(&opening, opening.arg.hAdapter);
	CF_NEED(cf, device_on(&opening, opening.arg.hAdapter, &funcs, &device));
	CF_NEED(cf, funcs.pfnDestroyDevice(device));
	CF_OK(cf, "CAP-09", opening.funcs.pfnCloseAdapter(opening.arg.hAdapter));

	/* A caller that keeps to the page never sees what is decided from here on. */
	cap_opening_init(cf, &opening);
	CF_NEED(cf, cap_open(cf, &opening));
	CF_NEED(cf, device_on(&opening, opening.arg.hAdapter, &funcs, &device));
	CF_DECIDED(cf, "CAP-09", E_INVALIDARG, opening.funcs.pfnCloseAdapter(opening.arg.hAdapter));
	CF_DECIDED(cf, "CAP-09", alone, query(&opening, opening.arg.hAdapter));
}

static void refuses_a_closed_handle(struct cf *cf)
{
	struct cap_opening opening;
	D3DDDI_DEVICEFUNCS funcs;
	HANDLE handles[3] = { NULL, &opening };
	HANDLE device;

	cap_spy_start(cf);
	cap_opening_init(cf, &opening);
	CF_NEED(cf, cap_open(cf, &opening));
	CF_NEED(cf, opening.funcs.pfnCloseAdapter(opening.arg.hAdapter));
	handles[2] = opening.arg.hAdapter;
	for (size_t i = 0; i < 3; i++) {
		CF_DECIDED(cf, "CAP-10", E_INVALIDARG, query(&opening, handles[i]));
		CF_DECIDED(cf, "CAP-10", E_INVALIDARG, device_on(&opening, handles[i], &funcs, &device));
		CF_DECIDED(cf, "CAP-10", E_INVALIDARG, opening.funcs.pfnCloseAdapter(handles[i]));
	}
}

const struct cf_test cap_tests_open[] = {
	{ "exports-open-adapter-alone", "CAP-01", exports_open_adapter_alone },
	{ "open-adapter-fills-the-structure", "CAP-02 CAP-03 CAP-04", fills_the_structure },
	{ "open-adapter-asks-about-the-adapter", "CAP-22", asks_about_the_adapter_by_its_handle },
	{ "open-adapter-interface-and-version", "CAP-05", looks_at_interface_and_version },
	{ "open-adapter-missing-arguments", "CAP-06", refuses_missing_arguments },
	{ "open-adapter-twice", "CAP-07 CAP-09", opens_twice },
	{ "close-adapter-after-its-devices", "CAP-09", closes_after_its_devices },
	{ "closed-adapter-handle", "CAP-10", refuses_a_closed_handle },
	{ 0 },
};
