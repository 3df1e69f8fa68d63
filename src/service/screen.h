/* SPDX-License-Identifier: MIT */
/* The virtual screen: a monitor that writes framemd5 lines and a contact sheet into a folder. */
#ifndef DXV_SERVICE_SCREEN_H
#define DXV_SERVICE_SCREEN_H

#include "dxgkrnl/driver.h"

/*
 * One screen a service, plugged in at start. Functions return 0 or a negative errno value. Copies of picture bytes that
 * the screen keeps (small ones, for the contact sheet) live in gpu_surface_memory_map or gpu_secret_alloc memory.
 */
struct screen;

/*
 * Opens DIR (which must exist and be a writable folder; openat on its descriptor from then on, so a sandbox may follow)
 * and creates DIR/screen.framemd5 and DIR/contact-sheet.png anew (the second empty until screen_close). Files of an
 * earlier run are replaced. -EACCES, -ENOENT, -ENOTDIR, -EROFS, -ENOSPC ...
 */
int screen_open(const char *folder, struct screen **ret_screen);

/* Writes the header of the framemd5 file before the first picture, then one line a picture; keeps a small copy now and
 * then. -EINVAL: a picture that it can't show (format, rectangles); the errno of a failed write. */
int screen_show(struct screen *screen, const struct dxgk_picture *picture);

/* Draws the contact sheet, finishes both files, frees. With no picture shown the sheet's file is removed. NULL is allowed. */
int screen_close(struct screen *screen);

#endif
