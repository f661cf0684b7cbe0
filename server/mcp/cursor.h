/* Cursors of lists (MCP, server/utilities/pagination): opaque to clients, signed, and good for one list only.
 * Base64url of: the list's kind (1 byte), the number of the last item on the page (8 bytes, big-endian), and
 * the first 16 bytes of HMAC-SHA256 over both. Since items keep their numbers, a cursor stays good while the
 * list changes, and on every server that has the same key and items. Thread-safe. */
#ifndef GH_SERVER_MCP_CURSOR_H
#define GH_SERVER_MCP_CURSOR_H

#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* Appends the text of a cursor. */
GH_MUST_USE gh_status gh_mcp_cursor_write(gh_view key, unsigned kind, uint64_t last, gh_buf *out);
/* GH_ERR_INVALID when `text` was not written with this key for this kind. */
GH_MUST_USE gh_status gh_mcp_cursor_read(gh_view key, unsigned kind, gh_view text, uint64_t *last);

#endif
