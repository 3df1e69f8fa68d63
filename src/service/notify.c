/* SPDX-License-Identifier: MIT */
/* sd_notify(3) for a process that can't open a socket any more: libsystemd opens one each time. */
#include "service/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int notify_open(void)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;
	int descriptor;

	if (length == 0)
		return -ENOENT;
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return -EAFNOSUPPORT;
	memcpy(address.sun_path, path, length);
	/* A name that is no file's. */
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	else
		length++;
	descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (connect(descriptor, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
		int result = -errno;

		close(descriptor);
		return result;
	}
	return descriptor;
}

void notify_tell(int descriptor, const char *state)
{
	if (descriptor >= 0)
		(void)send(descriptor, state, strlen(state), MSG_NOSIGNAL);
}
