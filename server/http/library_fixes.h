/* Two functions of the C library as civetweb is to find them. It calls them through the dynamic linker, so
 * the program's own definitions come first. */
#ifndef GH_SERVER_HTTP_LIBRARY_FIXES_H
#define GH_SERVER_HTTP_LIBRARY_FIXES_H

/* Called by whoever starts civetweb, so that they are linked in. */
void gh_library_fixes(void);

#endif
