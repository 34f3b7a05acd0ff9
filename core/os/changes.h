/*
 * Which folders have changed: inotify(7).
 */
#ifndef WEIR_OS_CHANGES_H
#define WEIR_OS_CHANGES_H

#include <weir/base/str.h>

/* A descriptor that becomes readable when something in a folder below changes; -1
 * and errno. Close it with close(2). */
int  wr_changes_open(void);
/* Watches a folder: files that come, go, are renamed, or are closed after writing.
 * A folder that is not there is passed over. */
void wr_changes_add(int fd, const char *folder);
/* The same, and files that are written to or touched as well; false: it cannot be. */
bool wr_changes_add_closely(int fd, const char *folder);
/* Takes what has been reported; does not wait. True if a file was among it that an
 * editor does not keep for itself (.name, name~, #name#). */
bool wr_changes_take(int fd);

#endif
