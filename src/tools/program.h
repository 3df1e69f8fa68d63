/* SPDX-License-Identifier: MIT */
/* Where the other programs of dxvault are. */
#ifndef DXV_TOOLS_PROGRAM_H
#define DXV_TOOLS_PROGRAM_H

#include <limits.h>

/* Beside this program, as in the build tree; in a folder beside it; or where it was installed. */
void program_path(const char *beside, const char *installed, char path[PATH_MAX]);
/* dxvaultd: $DXVAULT_SERVICE, else as above. */
void program_service(char path[PATH_MAX]);

#endif
