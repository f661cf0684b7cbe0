/* Request states: what a handler keeps between the rounds of a request, in the client's hands (MCP
 * 2026-07-28, basic/patterns/mrtr, "Server Requirements"). Sealed, so that the client can neither read nor
 * change it, and good only for the same principal, method, target and arguments until it expires. Any server
 * with the same key opens it. Thread-safe. */
#ifndef GH_SERVER_MCP_STATE_H
#define GH_SERVER_MCP_STATE_H

#include "server/auth/principal.h"
#include "server/mcp/work.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* Appends the sealed state as a JSON string. */
GH_MUST_USE gh_status gh_mcp_state_seal(const gh_mcp_work *work, const gh_principal *principal, gh_view state,
                                        gh_buf *out);
/* `raw` is the JSON string that the client sent. GH_ERR_INVALID when it is none, GH_ERR_DENIED when it was
 * not made for this request, GH_ERR_EXPIRED. */
GH_MUST_USE gh_status gh_mcp_state_open(const gh_mcp_work *work, const gh_principal *principal, gh_view raw,
                                        gh_buf *state);

#endif
