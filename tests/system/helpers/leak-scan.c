/* SPDX-License-Identifier: MIT */
/*
 * Looks for secrets where they must not be: leak-scan.sh.
 *
 *	leak-scan SECRETS TARGET[=CLASS,...]...
 *	leak-scan --round KEY NUMBER		prints a round key
 *
 * Targets: mem:PID (through /proc/PID/mem), vm:PID (process_vm_readv), files:PID (mapped and open files, opened anew),
 * core:FILE, file:PATH (a folder: all below it). $LEAK_MAPS: a copy of /proc/PID/maps, for whoever may not read it. For each
 * class of bytes of a target it says how many it read and how many it was refused, and what it found there. Ends with 1 where
 * there was anything.
 */
#include "leak-needles.h"

#include <dirent.h>
#include <elf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, PAGE = 4096, CLASSES_MAX = 16, CARRY = NEEDLE_SIZE + NEEDLE_MORE_MAX };

struct class
{
	char name[16];
	uint64_t read;
	uint64_t refused;
};

/* What one target gave. */
struct target {
	const char *text;
	char only[128]; /* ",CLASS,CLASS,"; "": all */
	struct class classes[CLASSES_MAX];
	size_t class_count;
	unsigned int hits[CLASSES_MAX][NEEDLE_FORMS_MAX];
	uint64_t first[CLASSES_MAX][NEEDLE_FORMS_MAX];
};

static struct target target;
static struct needles *needles;
static uint8_t buffer[CARRY + CHUNK]; /* what was left of the chunk before, and a chunk */
static size_t carried;

static bool is_wanted(const char *name)
{
	char word[20];

	(void)snprintf(word, sizeof(word), ",%s,", name);
	return !target.only[0] || strstr(target.only, word);
}

static size_t class_of(const char *name)
{
	size_t i = 0;

	while (i < target.class_count && strcmp(target.classes[i].name, name) != 0)
		i++;
	if (i == CLASSES_MAX)
		errx(2, "too many classes");
	if (i == target.class_count) {
		(void)snprintf(target.classes[i].name, sizeof(target.classes[i].name), "%s", name);
		target.class_count++;
	}
	return i;
}

/* ---- looking ---------------------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void look(size_t class, const uint8_t *bytes, size_t size, uint64_t at)
{
	for (size_t i = 0; i + NEEDLE_SIZE <= size; i++) {
		int form = needles_find(needles, bytes + i, size - i);

		if (form < 0)
			continue;
		if (target.hits[class][form]++ == 0)
			target.first[class][form] = at + i;
	}
}

/* size bytes that lie behind what was carried over, which is what came before at. */
static void take(size_t class, size_t size, uint64_t at)
{
	uint8_t *start = buffer + CARRY - carried;
	size_t whole = carried + size;

	target.classes[class].read += size;
	if (!is_zero(start, whole))
		look(class, start, whole, at - carried);
	carried = whole < CARRY ? whole : CARRY;
	memmove(buffer + CARRY - carried, start + whole - carried, carried);
}

/* ---- what can be read somewhere -------------------------------------------------------------------------- */

typedef ssize_t reader(int source, void *bytes, size_t size, uint64_t at);

static ssize_t read_file(int source, void *bytes, size_t size, uint64_t at)
{
	return pread(source, bytes, size, (off_t)at);
}

/* source: the process. */
static ssize_t read_process(int source, void *bytes, size_t size, uint64_t at)
{
	const struct iovec here = { bytes, size };
	const struct iovec there = { (void *)(uintptr_t)at, size };

	return process_vm_readv(source, &here, 1, &there, 1, 0);
}

/* Page by page behind one that can't be read. */
static void scan(size_t class, reader *read, int source, uint64_t start, uint64_t end)
{
	carried = 0;
	for (uint64_t at = start; at < end;) {
		size_t size = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		ssize_t got = read(source, buffer + CARRY, size, at);

		if (got > 0) {
			take(class, (size_t)got, at);
			at += (uint64_t)got;
			continue;
		}
		size = size < PAGE ? size : PAGE;
		target.classes[class].refused += size;
		carried = 0;
		at += size;
	}
}

static void refuse(const char *class, uint64_t size)
{
	target.classes[class_of(class)].refused += size;
}

/* ---- a process ---------------------------------------------------------------------------------------------- */

static const char *class_of_mapping(const char *permissions, const char *path)
{
	if (strncmp(path, "/secretmem", 10) == 0)
		return "secret";
	if (permissions[3] == 's')
		return "shared";
	if (strcmp(path, "[heap]") == 0)
		return "heap";
	if (strcmp(path, "[stack]") == 0)
		return "stack";
	if (path[0] == '[')
		return "kernel";
	return path[0] == '/' ? "file" : "anonymous";
}

/* A page of a process's own memory that is neither there nor in swap was never written to, and takes time to read. */
static void scan_own(size_t class, reader *read, int source, int pagemap, uint64_t start, uint64_t end)
{
	uint64_t pages[512];
	uint64_t begin = start; /* of what is to be read together */

	for (uint64_t at = start; at < end;) {
		size_t wanted = (end - at) / PAGE < 512 ? (size_t)((end - at) / PAGE) : 512;
		ssize_t got = pread(pagemap, pages, wanted * sizeof(pages[0]), (off_t)(at / PAGE * sizeof(pages[0])));

		if (got <= 0)
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(pages[0]); i++, at += PAGE) {
			if (pages[i] >> 62)
				continue;
			scan(class, read, source, begin, at);
			begin = at + PAGE;
		}
	}
	scan(class, read, source, begin, end);
}

static void scan_memory(const char *pid, bool by_call)
{
	char path[64];
	char line[4608];
	FILE *maps;
	int pagemap;
	int source;

	(void)snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(getenv("LEAK_MAPS") ? getenv("LEAK_MAPS") : path, "re");
	(void)snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	source = by_call ? (int)strtol(pid, NULL, 10) : open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || source < 0) {
		refuse("all", 1);
		if (maps)
			fclose(maps);
		if (pagemap >= 0)
			close(pagemap);
		return;
	}
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long start;
		unsigned long long end;
		char permissions[5];
		char name[4096] = "";
		const char *class;

		if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %4095[^\n]", &start, &end, permissions, name) < 3)
			errx(2, "maps: %s", line);
		class = class_of_mapping(permissions, name);
		/* The kernel's own variables; the last page of x86, which no such call reaches. */
		if (strcmp(class, "kernel") == 0 || !is_wanted(class))
			continue;
		if (name[0] == '/' || strcmp(class, "shared") == 0 || pagemap < 0)
			scan(class_of(class), by_call ? read_process : read_file, source, start, end);
		else
			scan_own(class_of(class), by_call ? read_process : read_file, source, pagemap, start, end);
	}
	fclose(maps);
	if (pagemap >= 0)
		close(pagemap);
	if (!by_call)
		close(source);
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

static uint64_t hits_so_far(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < target.class_count; i++) {
		for (size_t form = 0; form < needles->form_count; form++)
			sum += target.hits[i][form];
	}
	return sum;
}

/* One that can be opened but not read may still be mapped. */
static void scan_file(const char *class, const char *path)
{
	int source = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info;
	uint64_t before = hits_so_far();
	uint64_t refused;
	void *mapped;

	if (source < 0 || fstat(source, &info) < 0) {
		refuse(class, 1);
	} else if (S_ISREG(info.st_mode)) {
		refused = target.classes[class_of(class)].refused;
		scan(class_of(class), read_file, source, 0, (uint64_t)info.st_size);
		if (hits_so_far() != before)
			printf("in %s\n", path);
		if (target.classes[class_of(class)].refused != refused) {
			mapped = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, source, 0);
			if (mapped != MAP_FAILED)
				errx(2, "%s can be mapped and not read", path);
		}
	}
	if (source >= 0)
		close(source);
}

/* A library or program is no secret, and mem: has read its pages; what has no name, or one below a folder for data, is. */
static bool is_data(const char *link)
{
	return strncmp(link, "/usr/", 5) != 0 && strncmp(link, "/lib", 4) != 0 && strncmp(link, "/proc/", 6) != 0 &&
	       strncmp(link, "/dev/", 5) != 0;
}

static void scan_links(const char *pid, const char *folder)
{
	char path[512];
	char link[4096];
	const struct dirent *entry;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, folder);
	directory = opendir(path);
	if (!directory) {
		refuse(folder, 1);
		return;
	}
	while ((entry = readdir(directory))) {
		struct stat info;
		ssize_t length;

		(void)snprintf(path, sizeof(path), "/proc/%s/%s/%s", pid, folder, entry->d_name);
		length = readlink(path, link, sizeof(link) - 1);
		if (length <= 0)
			continue;
		link[length] = '\0';
		if (strncmp(link, "/secretmem", 10) == 0)
			scan_file("secret", path);
		else if (is_data(link) && stat(path, &info) == 0 && S_ISREG(info.st_mode))
			scan_file(folder, path);
	}
	closedir(directory);
}

static int visit(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)walk;
	if (type == FTW_F && S_ISREG(info->st_mode))
		scan_file("file", path);
	else if (type == FTW_DNR || type == FTW_NS)
		refuse("file", 1);
	return 0;
}

/* ---- a core file ------------------------------------------------------------------------------------------------ */

static void scan_core(const char *path)
{
	int source = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;

	if (source < 0) {
		refuse("all", 1);
		return;
	}
	if (pread(source, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_CORE)
		errx(2, "%s is no core file", path);
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr part;
		const char *class;

		if (pread(source, &part, sizeof(part), (off_t)(header.e_phoff + i * sizeof(part))) != sizeof(part))
			errx(2, "%s is not whole", path);
		class = part.p_type == PT_NOTE ? "registers" : "memory";
		if (is_wanted(class) && part.p_filesz > 0)
			scan(class_of(class), read_file, source, part.p_offset, part.p_offset + part.p_filesz);
	}
	close(source);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool report(void)
{
	bool found = false;

	for (size_t i = 0; i < target.class_count; i++)
		printf("read %s %s %llu refused %llu\n", target.text, target.classes[i].name,
		       (unsigned long long)target.classes[i].read, (unsigned long long)target.classes[i].refused);
	for (size_t i = 0; i < target.class_count; i++) {
		for (size_t form = 0; form < needles->form_count; form++) {
			if (!target.hits[i][form])
				continue;
			found = true;
			printf("found %s %s %s %u at %#llx\n", target.text, target.classes[i].name,
			       needles->forms[form], target.hits[i][form], (unsigned long long)target.first[i][form]);
		}
	}
	return found;
}

static bool scan_target(char *text)
{
	char *only = strchr(text, '=');
	const char *name = strchr(text, ':');

	memset(&target, 0, sizeof(target));
	if (only) {
		*only++ = '\0';
		(void)snprintf(target.only, sizeof(target.only), ",%s,", only);
	}
	target.text = text;
	if (!name++)
		errx(2, "%s: of what kind?", text);
	if (strncmp(text, "mem:", 4) == 0 || strncmp(text, "vm:", 3) == 0) {
		scan_memory(name, text[0] == 'v');
	} else if (strncmp(text, "files:", 6) == 0) {
		scan_links(name, "map_files");
		scan_links(name, "fd");
	} else if (strncmp(text, "core:", 5) == 0) {
		scan_core(name);
	} else if (strncmp(text, "file:", 5) == 0) {
		if (nftw(name, visit, 16, FTW_PHYS) < 0)
			refuse("file", 1);
	} else {
		errx(2, "%s: of what kind?", text);
	}
	return report();
}

int main(int argc, char **argv)
{
	bool found = false;

	if (argc < 3)
		errx(2, "usage: leak-scan SECRETS TARGET[=CLASS,...]...");
	if (strcmp(argv[1], "--round") == 0 && argc == 4) {
		needles_print_round(argv[2], (unsigned int)strtoul(argv[3], NULL, 10));
		return 0;
	}
	needles = needles_load(argv[1]);
	for (int i = 2; i < argc; i++)
		found |= scan_target(argv[i]);
	if (fflush(stdout) != 0)
		err(2, "standard output");
	return found ? 1 : 0;
}
