/* Private to this folder: character classes of RFC 3986 and host literals. Thread-safe. */
#ifndef GH_SHARED_NET_URL_CHARS_H
#define GH_SHARED_NET_URL_CHARS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/text.h"

static inline bool gh_char_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool gh_char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool gh_char_is_unreserved(char c)
{
    return gh_char_is_alpha(c) || gh_char_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* The value of a hex digit, or -1. */
static inline int gh_char_hex(char c)
{
    if (gh_char_is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* True when the '%' at `at` begins a whole escape. */
static inline bool gh_text_is_escape(gh_view text, size_t at)
{
    return text.len - at >= 3 && gh_char_hex(text.ptr[at + 1]) >= 0 && gh_char_hex(text.ptr[at + 2]) >= 0;
}

bool gh_host_is_ipv6(gh_view host); /* without brackets */
/* What an http(s) URL may name: a dotted quad, or dot-separated labels of letters, digits, '-' and '_'.
 * Refused are the spellings that a resolver would turn into something else than what was read:
 * percent-encoding, empty labels, and numbers that are no dotted quad ("127.1", "0x7f000001"). */
bool gh_host_is_plain_name(gh_view host);

#endif
