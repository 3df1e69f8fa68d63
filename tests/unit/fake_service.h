/* SPDX-License-Identifier: MIT */
/* A service that answers the client's library as the test wants. */
#ifndef DXV_TESTS_FAKE_SERVICE_H
#define DXV_TESTS_FAKE_SERVICE_H

#include "kmt/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HANDLE_VALUE 0x40000040u

enum fs_lie {
	HONEST,
	GONE,		/* no answer comes */
	NO_HEADER,	/* fewer bytes than a header */
	ANOTHER_SIZE,	/* the header's is not that of the message */
	ANOTHER_TYPE,	/* to a question that nobody asked */
	ANOTHER_NUMBER, /* to an earlier question */
	TOO_SHORT,	/* success, and nothing that should come with it */
	LIES_END,
};

struct fs_service {
	enum fs_lie lie;
	NTSTATUS status; /* of HONEST */
	size_t size;	 /* of HONEST with success; the bytes are those of answer */
	uint8_t answer[WIRE_MAX_MESSAGE];
	unsigned int asked; /* after the hello */
	uint32_t last_type;
	bool answers_hello;
	int closed; /* transports */
	int page;   /* of objects; 0: it has none */
};
extern struct fs_service fs_service;

/* The process's own connection; fs_setup makes it, fs_teardown sees that it was closed. */
extern struct kmt_connection *fs_connection;

int fs_setup(void **state);
int fs_teardown(void **state);

/* Another one to the same service; NULL: the hello was not understood. */
struct kmt_connection *fs_connect(void);

/* The library then finds a device of HANDLE_VALUE. */
void fs_make_device_known(void);

#endif
