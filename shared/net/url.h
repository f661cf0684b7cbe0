/* Absolute http(s) URLs and redirect URIs, parsed strictly (RFC 3986), never normalised silently.
 * Thread-safe. */
#ifndef GH_SHARED_NET_URL_H
#define GH_SHARED_NET_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_URL_MAX 4096

/* Views into the parsed text. Refused: control characters, spaces, non-ASCII, backslash, an empty host
 * for http(s), ports outside 1..65535, broken percent-encoding, text over GH_URL_MAX. For http(s) also
 * hosts that would resolve to something else than they read: percent-encoded, with empty labels, numbers
 * that are no dotted quad. Beyond RFC 3986, '[' and ']' are let through in a query, as everybody does. */
typedef struct gh_url {
    gh_view text;
    gh_view scheme; /* as written; compare without case */
    bool has_authority;
    gh_view userinfo; /* empty unless has_userinfo */
    bool has_userinfo;
    gh_view host; /* without brackets for IPv6 */
    bool host_is_ipv6;
    uint16_t port; /* explicit, or the scheme's default (80, 443), or 0 */
    bool has_port;
    gh_view path;  /* with its leading '/', or empty */
    gh_view query; /* without '?' */
    bool has_query;
    gh_view fragment; /* without '#' */
    bool has_fragment;
} gh_url;

GH_MUST_USE gh_status gh_url_parse(gh_view text, gh_url *url, gh_error *error);

bool gh_url_is_http(const gh_url *url); /* http or https */
bool gh_url_is_https(const gh_url *url);
/* Host is `localhost`, in 127.0.0.0/8 (dotted quad) or ::1. */
bool gh_url_is_loopback(const gh_url *url);
bool gh_host_is_loopback(gh_view host);
/* An IP literal of a link-local range (169.254/16, fe80::/10). */
bool gh_host_is_link_local(gh_view host);
/* Where a remote party must never lead: loopback and link-local, and what else ends on this host:
 * names below .localhost, 0.0.0.0/8, "::", IPv4 loopback written as IPv6. */
bool gh_host_is_local(gh_view host);
/* Same scheme, host (without case) and effective port. */
bool gh_url_same_origin(const gh_url *a, const gh_url *b);
/* `resource` equals `url`, or is its prefix on the same origin at a path-segment boundary (RFC 9728,
 * 3.3 as clients apply it). Scheme and host compare without case, the path exactly. A trailing slash of
 * `resource` does not matter. */
bool gh_url_resource_covers(const gh_url *resource, const gh_url *url);

/* Appends "scheme://host[:port]" with scheme and host in lower case, default ports left out. */
gh_status gh_url_write_origin(const gh_url *url, gh_buf *out);

/* Percent-encoding of everything outside the unreserved set. */
gh_status gh_url_encode(gh_view text, gh_buf *out);
/* Refuses broken escapes and %00. `plus_is_space` for forms. */
GH_MUST_USE gh_status gh_url_decode(gh_view text, bool plus_is_space, gh_buf *out);

#endif
