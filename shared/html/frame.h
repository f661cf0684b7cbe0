/* The common frame of every HTML page of both programs: one inline style, light and dark, no script.
 * Whatever comes from outside goes through gh_html_escape, in text and in quoted attributes alike.
 * Thread-safe. */
#ifndef GH_SHARED_HTML_FRAME_H
#define GH_SHARED_HTML_FRAME_H

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_HTML_PAGE_MAX ((size_t)64 * 1024)

/* Document head, header and the opening of the card; `title` is escaped and becomes the <title> only. Errors
 * stay in the buffer (gh_buf_status). */
void gh_html_begin(gh_buf *out, const char *title);
void gh_html_end(gh_buf *out);
/* `&`, `<`, `>`, `"` and `'` become character references. */
void gh_html_escape(gh_buf *out, gh_view text);

/* Appends the value of Content-Security-Policy: the style by its hash, no frames, forms to 'self' and to
 * `form_action_extra` (a CSP source, or NULL). */
GH_MUST_USE gh_status gh_html_policy(gh_buf *out, const char *form_action_extra);

#endif
