/* Trace context (W3C Recommendation "Trace Context", 2021-11-23): whose work a request is part of, as the
 * caller's `traceparent` says it. Pure and thread-safe. */
#ifndef GH_SHARED_NET_TRACE_H
#define GH_SHARED_NET_TRACE_H

#include <stdbool.h>

#include "shared/core/text.h"

#define GH_TRACEPARENT "traceparent" /* the header's name, and that of the member of MCP's `_meta` */

/* Lower-case hexadecimal digits and nothing else; empty for none. */
typedef struct gh_trace {
    char trace_id[33];
    char span_id[17]; /* the caller's: `parent-id` */
} gh_trace;

/* False, and *trace empty, for what is not exactly of that form: it is to be ignored (3.2.2.5). A version
 * after 00 may have more behind a further dash (4.3). */
bool gh_trace_parse(gh_view traceparent, gh_trace *trace);

#endif
