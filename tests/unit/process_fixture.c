/* SPDX-License-Identifier: MIT */
/* The process that a test runs in: calls that fail when the test says so, and what it leaves behind. */
#include "process_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls that fail ----------------------------------------------------------------------------- */

static int failing;
static unsigned int failing_at; /* the how manieth of them, from 1 */

void pf_fail_at(int call, unsigned int at)
{
	failing = call;
	failing_at = at;
}

bool pf_fails(int call, int error)
{
	if (failing != call || failing_at == 0 || --failing_at > 0)
		return false;
	errno = error;
	return true;
}

bool pf_has_failed(void)
{
	return failing_at == 0;
}

/* ---- what is left -------------------------------------------------------------------------------- */

static int count_entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

int pf_open_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

int pf_threads(void)
{
	return count_entries("/proc/self/task");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	(void)info;
	(void)type;
	(void)at;
	return remove(path);
}

int pf_remove_tree(const char *path)
{
	return nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

char pf_folder[64];

int pf_folder_make(void)
{
	strcpy(pf_folder, "/tmp/dxvault-test.XXXXXX");
	return mkdtemp(pf_folder) ? 0 : -1;
}

int pf_folder_remove(void)
{
	return pf_remove_tree(pf_folder);
}

const char *pf_path(const char *name)
{
	static char paths[2][128];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", pf_folder, name);
	return path;
}
