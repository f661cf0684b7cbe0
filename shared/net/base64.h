/* Base64url without padding (RFC 4648, 5) and Base64 with padding (4). Decoding is strict: no white
 * space, no other alphabet, no stray bits. Thread-safe. */
#ifndef GH_SHARED_NET_BASE64_H
#define GH_SHARED_NET_BASE64_H

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

gh_status gh_base64url_encode(gh_view bytes, gh_buf *out);
GH_MUST_USE gh_status gh_base64url_decode(gh_view text, gh_buf *out);
gh_status gh_base64_encode(gh_view bytes, gh_buf *out);
GH_MUST_USE gh_status gh_base64_decode(gh_view text, gh_buf *out);

#endif
