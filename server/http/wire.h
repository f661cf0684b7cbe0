/* One HTTP/1.x request head as it arrived, before anything trusts it. Views are borrowed. Thread-safe. */
#ifndef GH_SERVER_HTTP_WIRE_H
#define GH_SERVER_HTTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "server/exchange/exchange.h"

/* civetweb stores no more than this and drops the rest without a word. */
#define GH_WIRE_HEADERS_MAX 64

typedef struct gh_wire {
    gh_view method;
    gh_view target;  /* request target without query, as sent */
    gh_view query;   /* NULL ptr when there was no '?' */
    gh_view version; /* "1.1" */
    gh_header headers[GH_WIRE_HEADERS_MAX];
    size_t header_count;
} gh_wire;

/* True when the lines of the head were what RFC 9112 (2.2, 5.1, 5.2) asks for: CRLF after each, single
 * spaces in the request line, no folded line, no space before a colon, and no header beyond those listed.
 *
 * The parser below us accepts all of that and tells nobody, but it works in place: every view of `wire` must
 * still point into its buffer, where the bytes that it overwrote with NUL give the form away. `base` is where
 * the buffer begins and `end` is one past its last byte. */
bool gh_wire_is_clean(const gh_wire *wire, const char *base, const char *end);

/* All lines of X-Forwarded-For as one (RFC 9110, 5.3): a proxy may add its own below one that the client made
 * up. NULL ptr when there is none. `joined` holds the text when there are several; the caller frees it. */
gh_view gh_wire_forwarded(const gh_wire *wire, gh_buf *joined);

/* Some proxy says that it forwarded this: X-Forwarded-For, or Forwarded (RFC 7239). */
bool gh_wire_is_forwarded(const gh_wire *wire);

/* What its traceparent says; empty when there is none, more than one, or junk. */
void gh_wire_trace(const gh_wire *wire, gh_trace *trace);

#endif
