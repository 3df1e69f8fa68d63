/* SPDX-License-Identifier: MIT */
/* Looks for what is left of secrets: on the stack and in the registers of a call, and in memory. */
#define OPENSSL_SUPPRESS_DEPRECATED /* round keys are to be had from libcrypto's oldest functions alone */
#include "wipe_probe.h"

#include <openssl/aes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED
#endif

/* ---- what is looked for --------------------------------------------------------------------------- */

enum {
	WINDOW = 8,
	SLOTS = 1 << 18,
	FILTER = 1 << 21, /* bits */
	STACK_SIZE = 1 << 19,
};

static struct {
	uint64_t word; /* mixed; 0: free */
	const char *name;
} needles[SLOTS];

static uint64_t filter[FILTER / 64];
static unsigned int needle_count;
static char found[256];

/* Tells every two words apart, and never leaves one as it is. */
static uint64_t mix(uint64_t word)
{
	word ^= UINT64_C(0x6a09e667f3bcc908);
	word *= UINT64_C(0x9e3779b97f4a7c15);
	word ^= word >> 29;
	return word * UINT64_C(0xbf58476d1ce4e5b9);
}

static size_t slot_of(uint64_t mixed)
{
	return (size_t)(mixed >> 40) % SLOTS;
}

static size_t bit_of(uint64_t mixed)
{
	return (size_t)(mixed >> 20) % FILTER;
}

static void add(const char *name, const uint8_t *bytes)
{
	uint64_t word;
	size_t slot;

	memcpy(&word, bytes, sizeof(word));
	assert_false(word == (word << 8 | word >> 56)); /* what is everywhere is no secret */
	word = mix(word);
	for (slot = slot_of(word); needles[slot].word; slot = (slot + 1) % SLOTS)
		if (needles[slot].word == word)
			return;
	assert_true(++needle_count < SLOTS / 2);
	needles[slot].word = word;
	needles[slot].name = name;
	filter[bit_of(word) / 64] |= UINT64_C(1) << bit_of(word) % 64;
}

static void add_all(const char *name, const uint8_t *bytes, size_t size, size_t step)
{
	for (size_t at = 0; at + WINDOW <= size; at += step)
		add(name, bytes + at);
}

void wp_secret(const char *name, const void *bytes, size_t size)
{
	add_all(name, bytes, size, 1);
}

void wp_bulk(const char *name, const void *bytes, size_t size)
{
	add_all(name, bytes, size, 4);
}

/* Some code keeps round keys as bytes, some as words. */
static void add_schedule(const char *name, const AES_KEY *key)
{
	uint8_t bytes[11 * 16], swapped[11 * 16];

	memcpy(bytes, key->rd_key, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		swapped[i] = bytes[i ^ 3];
	for (size_t i = 0; i < sizeof(bytes); i += 16) {
		add_all(name, bytes + i, 16, 1);
		add_all(name, swapped + i, 16, 1);
	}
}

/* In the field of OMAC. */
static void doubled(uint8_t block[16])
{
	const uint8_t carry = block[0] >> 7;

	for (int i = 0; i < 15; i++)
		block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
	block[15] = (uint8_t)(block[15] << 1 ^ carry * 0x87);
}

void wp_key(const char *name, const uint8_t key[16])
{
	uint8_t block[16] = { 0 };
	AES_KEY schedule;

	add_all(name, key, 16, 1);
	assert_int_equal(AES_set_decrypt_key(key, 128, &schedule), 0);
	add_schedule(name, &schedule);
	assert_int_equal(AES_set_encrypt_key(key, 128, &schedule), 0);
	add_schedule(name, &schedule);
	AES_encrypt(block, block, &schedule);
	for (int i = 0; i < 3; i++) {
		add_all(name, block, 16, 1);
		doubled(block);
	}
	explicit_bzero(block, sizeof(block));
	explicit_bzero(&schedule, sizeof(schedule));
}

void wp_forget(void)
{
	memset(needles, 0, sizeof(needles));
	memset(filter, 0, sizeof(filter));
	needle_count = 0;
}

/* ---- where ------------------------------------------------------------------------------------------ */

const char *wp_found(void)
{
	return found;
}

static const char *name_of(uint64_t mixed)
{
	for (size_t slot = slot_of(mixed); needles[slot].word; slot = (slot + 1) % SLOTS)
		if (needles[slot].word == mixed)
			return needles[slot].name;
	return NULL;
}

/* What is on a stack below all frames, or beside an object, is nothing to a sanitizer. */
#define UNWATCHED __attribute__((no_sanitize("address", "thread", "undefined")))

UNWATCHED static uint64_t word_at(const volatile uint8_t *bytes)
{
	uint64_t word = 0;

	for (int i = WINDOW - 1; i >= 0; i--)
		word = word << 8 | bytes[i];
	return word;
}

/* Eight words that begin here and behind: most of a heap is zero, and is gone through quickly. */
UNWATCHED static bool is_desert(const uint8_t *bytes, size_t size)
{
	const volatile uint64_t *words = (const volatile uint64_t *)(const void *)bytes;

	return (uintptr_t)bytes % 8 == 0 && size >= 16 && words[0] == 0 && words[1] == 0;
}

UNWATCHED static unsigned int look(const char *where, const uint8_t *bytes, size_t size, size_t shown, bool is_first)
{
	unsigned int count = 0;
	uint64_t mixed;
	const char *name;

	for (size_t at = 0; at + WINDOW <= size; at++) {
		if (is_desert(bytes + at, size - at)) {
			at += 7;
			continue;
		}
		mixed = mix(word_at(bytes + at));
		if (!(filter[bit_of(mixed) / 64] >> bit_of(mixed) % 64 & 1))
			continue;
		name = name_of(mixed);
		if (!name)
			continue;
		if (count++ == 0 && is_first)
			snprintf(found, sizeof(found), "%s in %s at %#zx", name, where, shown + at);
	}
	return count;
}

unsigned int wp_look(const char *where, const void *bytes, size_t size)
{
	return look(where, bytes, size, 0, true);
}

struct mapping {
	uintptr_t start, end;
	bool is_open, is_guard;
	char name[96];
};

enum { MAPPINGS = 4096 };

static struct mapping mappings[MAPPINGS];
static size_t mapping_count;

static bool is_weak; /* some protected memory may be of a weaker kind than memfd_secret */

static void read_mappings(void)
{
	static char buffer[1 << 16];
	char line[512], access[8];
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "r");

	is_weak = true;
	assert_non_null(maps);
	setvbuf(maps, buffer, _IOFBF, sizeof(buffer));
	mapping_count = 0;
	while (fgets(line, sizeof(line), maps)) {
		struct mapping *mapping = &mappings[mapping_count];

		mapping->name[0] = '\0';
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %95s", &start, &end, access, mapping->name) < 3)
			continue;
		mapping->start = start;
		mapping->end = end;
		mapping->is_open = access[0] == 'r' && access[1] == 'w';
		mapping->is_guard = strncmp(access, "---", 3) == 0;
#ifdef IS_SANITIZED
		/* Its own memory is between guards too. */
		is_weak = is_weak && !strstr(mapping->name, "secretmem");
#endif
		assert_true(++mapping_count < MAPPINGS);
	}
	fclose(maps);
}

/* By its name. Of the weaker kinds there is none: but it is between two guards (gpu/memory.c), a stack has only one. */
static bool is_protected_mapping(size_t i)
{
	const struct mapping *mapping = &mappings[i];

	if (!mapping->is_open)
		return false;
	if (strstr(mapping->name, "secretmem"))
		return true;
	return is_weak && !mapping->name[0] && i > 0 && i + 1 < mapping_count && mappings[i - 1].is_guard &&
	       mappings[i - 1].end == mapping->start && mappings[i + 1].is_guard &&
	       mappings[i + 1].start == mapping->end;
}

bool wp_is_protected(const void *address)
{
	read_mappings();
	for (size_t i = 0; i < mapping_count; i++)
		if (mappings[i].start <= (uintptr_t)address && (uintptr_t)address < mappings[i].end)
			return is_protected_mapping(i);
	return false;
}

unsigned int wp_look_everywhere(bool is_protected)
{
	unsigned int count = 0;

	read_mappings();
	for (size_t i = 0; i < mapping_count; i++) {
		const struct mapping *mapping = &mappings[i];
		const char *name = mapping->name[0] ? mapping->name : is_protected ? "protected memory" : "memory";

		if (mapping->is_open && is_protected_mapping(i) == is_protected)
			count += look(name, (const uint8_t *)mapping->start, mapping->end - mapping->start,
				      mapping->start, count == 0);
	}
	return count;
}

void wp_need_memory(void)
{
#ifdef IS_SANITIZED
	print_message("skipped: a sanitizer's own memory is too large to look at\n");
	skip();
#endif
}

/* ---- behind a call ---------------------------------------------------------------------------------- */

static const uint64_t untouched = UINT64_C(0x5e5e5e5e5e5e5e5e);

static uint8_t *stack;
static size_t depth; /* that was touched since it was prepared */

static void stack_prepare(void)
{
	if (!stack) {
		stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(stack != MAP_FAILED);
		depth = STACK_SIZE;
	}
	memset(stack + STACK_SIZE - depth, 0x5e, depth);
}

unsigned int wp_look_at_stack(void)
{
	size_t low = 0;

	while (low < STACK_SIZE && memcmp(stack + low, &untouched, sizeof(untouched)) == 0)
		low += sizeof(untouched);
	depth = STACK_SIZE - low;
	assert_true(depth < STACK_SIZE); /* it was deep enough */
	return look("the stack", stack + low, depth, low, true);
}

unsigned int wp_words_below(size_t bytes)
{
	unsigned int count = 0;
	uint64_t word;

	for (size_t at = STACK_SIZE - depth; at + bytes < STACK_SIZE; at += sizeof(word)) {
		memcpy(&word, stack + at, sizeof(word));
		count += word != 0 && word != untouched;
	}
	return count;
}

size_t wp_depth(void)
{
	return depth;
}

#if defined(__x86_64__)

#include <cpuid.h>

enum { GENERAL = 128, STATE_MAX = 12288 };

/* General registers in the order of their numbers, then what XSAVE writes. */
static _Alignas(64) uint8_t registers[GENERAL + STATE_MAX];
static _Alignas(64) uint8_t nothing[STATE_MAX];

void wp_call(void *stack_end, void (*call)(void *), void *argument, void *ret_registers, const void *state);

/* clang-format off */
__asm__(
	".text\n"
	".p2align 4\n"
	".globl wp_call\n"
	".type wp_call, @function\n"
	"wp_call:\n"
	"	endbr64\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	push %rcx\n"
	"	mov %rsp, %rbp\n"
	"	mov %rdi, %rsp\n"
	"	mov %rdx, %rdi\n"
	"	mov $0xfffffdff, %eax\n" /* all but the protection keys */
	"	mov $-1, %edx\n"
	"	xrstor64 (%r8)\n"
	"	xor %ebx, %ebx\n"
	"	xor %r12d, %r12d\n"
	"	xor %r13d, %r13d\n"
	"	xor %r14d, %r14d\n"
	"	xor %r15d, %r15d\n"
	"	call *%rsi\n"
	"	push %rax\n"
	"	mov (%rbp), %rax\n"
	"	mov %rcx, 8(%rax)\n"
	"	pop %rcx\n"
	"	mov %rcx, (%rax)\n"
	"	mov %rdx, 16(%rax)\n"
	"	mov %rbx, 24(%rax)\n"
	"	mov %rsi, 48(%rax)\n"
	"	mov %rdi, 56(%rax)\n"
	"	mov %r8, 64(%rax)\n"
	"	mov %r9, 72(%rax)\n"
	"	mov %r10, 80(%rax)\n"
	"	mov %r11, 88(%rax)\n"
	"	mov %r12, 96(%rax)\n"
	"	mov %r13, 104(%rax)\n"
	"	mov %r14, 112(%rax)\n"
	"	mov %r15, 120(%rax)\n"
	"	lea 128(%rax), %rdi\n"
	"	mov $-1, %eax\n"
	"	mov $-1, %edx\n"
	"	xsave64 (%rdi)\n"
	"	mov %rbp, %rsp\n"
	"	add $8, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size wp_call, . - wp_call\n"
);
/* clang-format on */

void wp_need_stack(void)
{
	unsigned int a, b = 0, c = 0, d;

#ifdef IS_SANITIZED
	print_message("skipped: a sanitizer keeps frames and copies of its own\n");
	skip();
#endif
	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !__get_cpuid_count(13, 0, &a, &b, &c, &d)) {
		print_message("skipped: this system does not save registers by XSAVE\n");
		skip();
	}
	assert_true(b <= STATE_MAX);
}

unsigned int wp_look_behind(void (*call)(void *argument), void *argument)
{
	static const uint32_t usual_mxcsr = 0x1f80;
	unsigned int count;

	stack_prepare();
	memset(registers, 0, sizeof(registers));
	memcpy(nothing + 24, &usual_mxcsr, sizeof(usual_mxcsr));
	wp_call(stack + STACK_SIZE, call, argument, registers, nothing);
	count = wp_look_at_stack();
	count += look("the registers", registers, GENERAL, 0, count == 0);
	return count + look("the vector registers", registers + GENERAL, STATE_MAX, 0, count == 0);
}

#else

void wp_need_stack(void)
{
	print_message("skipped: the registers of this processor are not known here\n");
	skip();
}

unsigned int wp_look_behind(void (*call)(void *argument), void *argument)
{
	call(argument);
	return 0;
}

#endif
