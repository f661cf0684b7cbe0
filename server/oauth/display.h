/* Text that others chose and a person reads: names and addresses. Thread-safe. */
#ifndef GH_SERVER_OAUTH_DISPLAY_H
#define GH_SERVER_OAUTH_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* False for text that is not UTF-8 or holds characters that hide or reorder what is read: control characters,
 * line separators, bidirectional overrides and isolates, invisible ones. */
bool gh_display_is_clean(gh_view text);
/* Appends valid UTF-8 `text` without those characters; runs of white space become one space. */
GH_MUST_USE gh_status gh_display_clean(gh_view text, gh_buf *out);
/* Characters (code points) of valid UTF-8. */
size_t gh_display_length(gh_view text);

/* One '@' with something on both sides, at most 254 bytes, clean, without white space or angle brackets. */
bool gh_display_is_email(gh_view text);

#endif
