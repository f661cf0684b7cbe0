/* Three functions of the C library as civetweb is to find them. It calls them through the dynamic linker, so
 * the program's own definitions come first. */
#ifndef GH_SERVER_HTTP_LIBRARY_FIXES_H
#define GH_SERVER_HTTP_LIBRARY_FIXES_H

#include "server/http/admission.h"

/* Called by whoever starts civetweb, so that they are linked in. */
void gh_library_fixes(void);
/* What the calling thread accepts from now on arrives at `admission`, which outlives the thread. */
void gh_library_fixes_count(gh_admission *admission);
/* Filled when the calling thread first receives something, with the address that it goes to. NULL: no more.
 */
void gh_library_fixes_find_buffer(const char **buffer);

#endif
