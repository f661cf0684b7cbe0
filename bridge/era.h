/* The eras of the protocol as the bridge sees them go by: which one a message belongs to, the headers that
 * its POST carries, and the legacy session.
 *
 * Modern (2026-07-28, Streamable HTTP, "Request Metadata"): the version from `_meta`, Mcp-Method, Mcp-Name.
 * Legacy (2025-11-25 and before): Mcp-Session-Id and the version that `initialize` agreed on. A gh_era has
 * one owner and one thread. */
#ifndef GH_BRIDGE_ERA_H
#define GH_BRIDGE_ERA_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/net/http_client.h"
#include "shared/rpc/mcp.h"
#include "shared/rpc/message.h"

typedef struct gh_era gh_era;

GH_MUST_USE gh_status gh_era_new(gh_era **era);
void gh_era_free(gh_era *era);

/* Modern when the message's `_meta` names a version of that form; a notification or response without `_meta`
 * belongs to the era of the requests before it. `initialize` is legacy whatever it carries. */
gh_mcp_era gh_era_of(const gh_era *era, const gh_rpc_message *message);

/* Notes the era of a request that the client sent. */
void gh_era_note(gh_era *era, const gh_rpc_message *request);

#define GH_ERA_PARAMS_MAX 64
#define GH_ERA_HEADERS_MAX (4 + GH_ERA_PARAMS_MAX)
#define GH_ERA_HEADER_VALUE_MAX 8192

/* Headers of one request; `values` is what is owned of them. */
typedef struct gh_era_headers {
    gh_http_header list[GH_ERA_HEADERS_MAX];
    char *values[GH_ERA_HEADERS_MAX];
    size_t count;
} gh_era_headers;

/* GH_ERR_INVALID, with a sentence, when the message names a version or method that no header can carry.
 * A NULL message gives the headers of a request without a body (GET, DELETE). */
GH_MUST_USE gh_status gh_era_headers_for(const gh_era *era, const gh_rpc_message *message,
                                         gh_era_headers *headers, gh_error *error);
void gh_era_headers_clear(gh_era_headers *headers);
/* Adds `Mcp-Param-{name}`; both are copied. GH_ERR_TOO_LARGE when there are too many. */
GH_MUST_USE gh_status gh_era_headers_add_param(gh_era_headers *headers, const char *name, const char *value);

/* The reply to `initialize` arrived: remembers the session (an empty view: there is none; one that breaks the
 * rules of its form is ignored, with GH_ERR_INVALID) and the version in `result`. */
GH_MUST_USE gh_status gh_era_open(gh_era *era, gh_view session_id, gh_view result);
/* Forgets session and version. */
void gh_era_close(gh_era *era);
bool gh_era_has_session(const gh_era *era);
/* The version in use for the log: negotiated, or the modern one seen last; NULL when unknown. */
const char *gh_era_version(const gh_era *era);

/* True for methods that change nothing, so that a request whose fate is unknown may be sent again. */
bool gh_era_is_repeatable(const char *method);

#endif
