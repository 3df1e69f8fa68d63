/* SPDX-License-Identifier: MIT */
/*
 * LD_PRELOADed into dxvault play, its presenter and dxvaultd: leak-scan.sh.
 *
 *	LEAK_KEYS=FILE		random keys of 16 bytes are taken from there, one behind the other
 *	LEAK_TAP=FILE		what goes over sockets is written there too
 *	LEAK_HOLD=NUMBER:FILE	dxvault's message of that number makes FILE.reached, and waits while FILE is there; that of
 *				twice the number waits for FILE.again
 *	LEAK_PLANT=FILE		leaks on purpose, of 16 bytes each: see plant
 *
 * It leaves no copy of a key anywhere, but where it is told to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 16, PAGE = 4096, FRAME = 256 << 10 };

struct sd_event;
int RAND_priv_bytes(unsigned char *bytes, int size);
int sd_event_loop(struct sd_event *event);

static _Noreturn void stop(const char *why)
{
	(void)!write(STDERR_FILENO, why, strlen(why));
	_exit(99);
}

/* ---- keys and traffic ----------------------------------------------------------------------------------- */

int RAND_priv_bytes(unsigned char *bytes, int size)
{
	static atomic_int taken;
	const char *path = getenv("LEAK_KEYS");
	int (*next)(unsigned char *, int);
	int file;

	if (!path || size != KEY) {
		next = (int (*)(unsigned char *, int))dlsym(RTLD_NEXT, "RAND_priv_bytes");
		return next ? next(bytes, size) : 0;
	}
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || pread(file, bytes, KEY, (off_t)atomic_fetch_add(&taken, 1) * KEY) != KEY)
		stop("LEAK_KEYS has no more keys\n");
	close(file);
	return 1;
}

static void tap(const struct msghdr *message, ssize_t size)
{
	const char *path = getenv("LEAK_TAP");
	int file;

	if (!path || size <= 0)
		return;
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	for (size_t i = 0; i < message->msg_iovlen && size > 0; i++) {
		size_t part = message->msg_iov[i].iov_len;

		part = part < (size_t)size ? part : (size_t)size;
		if (write(file, message->msg_iov[i].iov_base, part) != (ssize_t)part)
			stop("LEAK_TAP can't be written\n");
		size -= (ssize_t)part;
	}
	close(file);
}

static bool is_there(const char *path, const char *suffix)
{
	char name[4096];

	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

static void hold(void)
{
	static atomic_long sent;
	const char *text = getenv("LEAK_HOLD");
	char reached[4096];
	long number;
	char *path;

	if (!text || strcmp(program_invocation_short_name, "dxvault") != 0)
		return;
	number = atomic_fetch_add(&sent, 1) + 1;
	if (number % strtol(text, &path, 10) != 0)
		return;
	number /= strtol(text, NULL, 10);
	(void)snprintf(reached, sizeof(reached), "%s.reached", ++path);
	close(open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while ((number == 1 && is_there(path, "")) || (number == 2 && is_there(path, ".again")))
		nanosleep(&(struct timespec) { .tv_nsec = 2000000 }, NULL);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
	ssize_t (*next)(int, const struct msghdr *,
			int) = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
	ssize_t sent;

	hold();
	sent = next(socket, message, flags);
	tap(message, sent);
	return sent;
}

ssize_t recvmsg(int socket, struct msghdr *message, int flags)
{
	ssize_t (*next)(int, struct msghdr *, int) = (ssize_t(*)(int, struct msghdr *, int))dlsym(RTLD_NEXT, "recvmsg");
	ssize_t received = next(socket, message, flags);

	tap(message, received);
	return received;
}

/* ---- leaks on purpose -------------------------------------------------------------------------------------- */

static int secrets; /* LEAK_PLANT */
static uint8_t in_data[KEY] = { 1 };

/* From the file to the place, and nowhere else. */
static void put(unsigned int number, void *place)
{
	if (lseek(secrets, (off_t)number * KEY, SEEK_SET) < 0 || read(secrets, place, KEY) != KEY)
		stop("LEAK_PLANT is too short\n");
}

static void *map(int flags, int file)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, file, 0);

	if (page == MAP_FAILED)
		stop("no memory for a leak\n");
	return page;
}

/* Through a page that is gone afterwards. */
static void put_file(unsigned int number, int file)
{
	void *page = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	put(number, page);
	if (file < 0 || write(file, page, KEY) != KEY)
		stop("a leak can't be written\n");
	munmap(page, PAGE);
}

static int make_file(const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s-%d", getenv("DXVAULT_RUNTIME_DIR"), name, getpid());
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void say(unsigned int number)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *page = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *text = (char *)page + KEY;

	put(number, page);
	for (unsigned int i = 0; i < KEY; i++) {
		text[2 * i] = digits[page[i] >> 4];
		text[2 * i + 1] = digits[page[i] & 15];
	}
	text[2 * KEY] = '\n';
	(void)!write(STDERR_FILENO, text, 2 * KEY + 1);
	munmap(page, PAGE);
}

/* Far below where the program's own calls get to. */
static void __attribute__((noinline)) put_frame(unsigned int number)
{
	volatile uint8_t frame[FRAME];

	frame[FRAME - 1] = 0;
	put(number, (void *)(uintptr_t)&frame[64]);
}

static atomic_bool is_loaded;

/* In registers that a call of the kernel leaves alone, until the end of the process. */
static void *keep_in_registers(void *page)
{
#ifdef __x86_64__
	static const struct timespec long_time = { .tv_sec = 3600 };
	const uint8_t *bytes = page;

	__asm__ volatile("movdqu (%0), %%xmm13\n"
			 "movq 16(%0), %%r12\n"
			 "movq 24(%0), %%r13\n"
			 "movb $1, (%1)\n"
			 "1: movl %3, %%eax\n"
			 "movq %2, %%rdi\n"
			 "xorl %%esi, %%esi\n"
			 "syscall\n"
			 "jmp 1b\n"
			 :
			 : "r"(bytes), "r"(&is_loaded), "r"(&long_time), "i"(SYS_nanosleep)
			 : "rax", "rcx", "r11", "rdi", "rsi", "r12", "r13", "xmm13", "memory");
#else
	atomic_store(&is_loaded, true);
#endif
	return page;
}

static void put_registers(unsigned int number)
{
	uint8_t *page = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_t thread;

	put(number, page);
	put(number + 1, page + KEY);
	if (pthread_create(&thread, NULL, keep_in_registers, page) != 0)
		stop("no thread for a leak\n");
	while (!atomic_load(&is_loaded))
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	memset(page, 0, PAGE);
	munmap(page, PAGE);
}

/* What can be done while files can be opened; the names are those of leak-scan.sh, in this order. */
static void plant(void)
{
	static void *block;
	char path[4096];
	int file;

	block = malloc(KEY);
	if (!block)
		stop("no memory for a leak\n");
	put(0, block);
	put(1, in_data);
	put(2, map(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	put_frame(3);
	file = memfd_create("leak", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, PAGE) < 0)
		stop("no shared memory for a leak\n");
	put(4, map(MAP_SHARED, file));
	put_file(5, memfd_create("leak", MFD_CLOEXEC));
	put_file(6, make_file("leak"));
	file = make_file("deleted");
	put_file(7, file);
	(void)snprintf(path, sizeof(path), "%s/deleted-%d", getenv("DXVAULT_RUNTIME_DIR"), getpid());
	unlink(path);
	say(8);
}

/* Behind the sandbox, which wants to see no thread. */
static void plant_later(void)
{
	put_registers(9);
}

static bool is_service(void)
{
	return strcmp(program_invocation_short_name, "dxvaultd") == 0;
}

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("LEAK_PLANT");

	if (!path)
		return;
	secrets = open(path, O_RDONLY | O_CLOEXEC);
	if (secrets < 0)
		stop("LEAK_PLANT can't be read\n");
	plant();
	if (!is_service())
		plant_later();
}

int sd_event_loop(struct sd_event *event)
{
	int (*next)(struct sd_event *) = (int (*)(struct sd_event *))dlsym(RTLD_NEXT, "sd_event_loop");

	if (getenv("LEAK_PLANT") && is_service())
		plant_later();
	return next ? next(event) : -ENOSYS;
}
