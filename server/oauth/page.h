/* HTML pages as responses, in the frame of shared/html. Thread-safe.
 *
 * Whatever comes from outside goes through gh_page_escape, in text and in quoted attributes alike. */
#ifndef GH_SERVER_OAUTH_PAGE_H
#define GH_SERVER_OAUTH_PAGE_H

#include "server/exchange/exchange.h"
#include "shared/core/bytes.h"
#include "shared/core/text.h"
#include "shared/html/frame.h"

#define GH_PAGE_MAX GH_HTML_PAGE_MAX

/* Document head, header and the opening of the card; `title` is escaped and becomes the <title> only. Errors
 * stay in the buffer (gh_buf_status). */
void gh_page_begin(gh_buf *out, const char *title);
void gh_page_end(gh_buf *out);
/* `&`, `<`, `>`, `"` and `'` become character references. */
void gh_page_escape(gh_buf *out, gh_view text);

/* Content-Security-Policy (the style by its hash, no frames, forms to 'self' and to `form_action_extra`, a
 * CSP source or NULL), X-Frame-Options, Referrer-Policy and Cache-Control: no-store. */
void gh_page_headers(gh_response *response, const char *form_action_extra);

/* Sends a finished page with its headers, or a plain 500 when the buffer is in error. */
void gh_page_send(gh_response *response, int status, const gh_buf *page, const char *form_action_extra);
/* A whole page with a heading, what happened, and what to do next (each escaped). */
void gh_page_message(gh_response *response, int status, const char *title, const char *what,
                     const char *next);

#endif
