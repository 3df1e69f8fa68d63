/* SPDX-License-Identifier: MIT */
/* What calls with secrets leave behind them: the stack that they used, and registers. */
#include "gpu/private.h"

#include <string.h>

/* Blts and messages go some 1.5 KiB deep, RSA some 13. */
enum { TRACE_SIZE = 4096, DEEP_TRACE_SIZE = 32768 };

#if defined(__x86_64__)

#define ZMM(n)	"vpxord %%zmm" #n ", %%zmm" #n ", %%zmm" #n "\n\t"
#define XMM(n)	"pxor %%xmm" #n ", %%xmm" #n "\n\t"
#define MASK(n) "kxorw %%k" #n ", %%k" #n ", %%k" #n "\n\t"
#define ALL_XMM                                                                                                    \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
		"xmm13", "xmm14", "xmm15"

/* What is not named behind the colons is not used by code that is compiled for every processor. */
static inline void registers_clear(void)
{
	if (__builtin_cpu_supports("avx512f")) {
		__asm__ volatile(ZMM(16) ZMM(17) ZMM(18) ZMM(19) ZMM(20) ZMM(21) ZMM(22) ZMM(23)::: "memory");
		__asm__ volatile(ZMM(24) ZMM(25) ZMM(26) ZMM(27) ZMM(28) ZMM(29) ZMM(30) ZMM(31)::: "memory");
		__asm__ volatile(MASK(0) MASK(1) MASK(2) MASK(3) MASK(4) MASK(5) MASK(6) MASK(7)::: "memory");
	}
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall" ::: "memory", ALL_XMM);
	else
		__asm__ volatile(XMM(0) XMM(1) XMM(2) XMM(3) XMM(4) XMM(5) XMM(6) XMM(7) XMM(8) XMM(9) XMM(10) XMM(11)
					 XMM(12) XMM(13) XMM(14) XMM(15)::
						 : "memory", ALL_XMM);
	__asm__ volatile("xor %%eax, %%eax\n\t"
			 "xor %%ecx, %%ecx\n\t"
			 "xor %%edx, %%edx\n\t"
			 "xor %%esi, %%esi\n\t"
			 "xor %%edi, %%edi\n\t"
			 "xor %%r8d, %%r8d\n\t"
			 "xor %%r9d, %%r9d\n\t"
			 "xor %%r10d, %%r10d\n\t"
			 "xor %%r11d, %%r11d" ::
				 : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
}

#else

/* Left to what runs next. */
static inline void registers_clear(void)
{
}

#endif

__attribute__((noinline)) void gpu_forget(void)
{
	uint8_t below[TRACE_SIZE];

	explicit_bzero(below, sizeof(below));
	registers_clear();
}

__attribute__((noinline)) void gpu_forget_deep(void)
{
	uint8_t below[DEEP_TRACE_SIZE];

	explicit_bzero(below, sizeof(below));
	registers_clear();
}
