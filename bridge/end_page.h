/* The page at the end of a login, as a whole HTTP response. Thread-safe. */
#ifndef GH_BRIDGE_END_PAGE_H
#define GH_BRIDGE_END_PAGE_H

#include <stdbool.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"

/* Appends status line, headers and page. `message` is shown as text, made a sentence. */
GH_MUST_USE gh_status gh_end_page_write(gh_buf *out, int http_status, bool success, const char *message);

#endif
