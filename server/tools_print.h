/* What `gatehouse tools check` shows, on standard output. Text of files and descriptions is made safe for a
 * terminal. For the main thread. */
#ifndef GH_SERVER_TOOLS_PRINT_H
#define GH_SERVER_TOOLS_PRINT_H

#include <stdbool.h>

#include "server/toolfile/toolfile.h"

/* One thing that a tool cannot express; `first` has a heading before it. */
void gh_tools_print_note(bool first, const char *where, const char *what);
/* "FILE is good: ...", the upstreams and the entries. Without `knows_provider`, credentials of users are
 * shown with what they need. */
void gh_tools_print_set(const gh_toolset *set, const char *place, bool knows_provider);

#endif
