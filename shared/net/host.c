#include <string.h>

#include "shared/net/url.h"
#include "shared/net/url_chars.h"

#define HOST_NAME_MAX_LEN 253

static gh_view slice(gh_view text, size_t from, size_t to)
{
    return gh_view_make(text.ptr + from, to - from);
}

/* Fills bytes[4] from "a.b.c.d" without leading zeros. */
static bool parse_ipv4(gh_view host, unsigned char bytes[4])
{
    gh_view rest = host;
    gh_view part;
    size_t count = 0;
    while (rest.ptr != NULL && gh_view_next(&rest, '.', &part)) {
        int64_t value = 0;
        if (count == 4 || part.len == 0 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0') ||
            gh_view_to_int64(part, 0, 255, &value) != GH_OK) {
            return false;
        }
        bytes[count++] = (unsigned char)value;
    }
    return count == 4;
}

/* One half of an IPv6 address (on either side of "::"): groups, with an IPv4 tail allowed at the end.
 * Returns the number of groups, or -1. */
static int parse_groups(gh_view half, bool ipv4_tail, uint16_t groups[8])
{
    int count = 0;
    gh_view rest = half;
    gh_view part;
    while (half.len > 0 && gh_view_next(&rest, ':', &part)) {
        unsigned char v4[4];
        bool last = part.ptr + part.len == half.ptr + half.len;
        if (last && ipv4_tail && count <= 6 && parse_ipv4(part, v4)) {
            groups[count++] = (uint16_t)(v4[0] << 8 | v4[1]);
            groups[count++] = (uint16_t)(v4[2] << 8 | v4[3]);
            continue;
        }
        if (count == 8 || part.len == 0 || part.len > 4) {
            return -1;
        }
        unsigned value = 0;
        for (size_t i = 0; i < part.len; i++) {
            int digit = gh_char_hex(part.ptr[i]);
            if (digit < 0) {
                return -1;
            }
            value = value << 4 | (unsigned)digit;
        }
        groups[count++] = (uint16_t)value;
    }
    return count;
}

static bool parse_ipv6(gh_view host, uint16_t groups[8])
{
    uint16_t tail[8] = {0};
    memset(groups, 0, 8 * sizeof *groups);
    if (host.ptr == NULL) {
        return false;
    }
    for (size_t i = 0; i + 1 < host.len; i++) {
        if (host.ptr[i] != ':' || host.ptr[i + 1] != ':') {
            continue;
        }
        int before = parse_groups(slice(host, 0, i), false, groups);
        int after = parse_groups(slice(host, i + 2, host.len), true, tail);
        if (before < 0 || after < 0 || before + after > 7) {
            return false;
        }
        memcpy(groups + (8 - after), tail, (size_t)after * sizeof *tail);
        return true;
    }
    return parse_groups(host, true, groups) == 8;
}

bool gh_host_is_ipv6(gh_view host)
{
    uint16_t groups[8];
    return parse_ipv6(host, groups);
}

/* A last label that is a number makes every resolver read the whole name as an IPv4 address. */
static bool is_number(gh_view label)
{
    bool hex = label.len > 1 && label.ptr[0] == '0' && (label.ptr[1] == 'x' || label.ptr[1] == 'X');
    for (size_t i = hex ? 2 : 0; i < label.len; i++) {
        if (hex ? gh_char_hex(label.ptr[i]) < 0 : !gh_char_is_digit(label.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool gh_host_is_plain_name(gh_view host)
{
    unsigned char v4[4];
    gh_view rest = host;
    gh_view label = host;
    if (host.len == 0 || host.len > HOST_NAME_MAX_LEN) {
        return false;
    }
    while (gh_view_next(&rest, '.', &label)) {
        if (label.len == 0 || label.len > 63) {
            return false;
        }
        for (size_t i = 0; i < label.len; i++) {
            char c = label.ptr[i];
            if (!gh_char_is_alpha(c) && !gh_char_is_digit(c) && c != '-' && c != '_') {
                return false;
            }
        }
    }
    return !is_number(label) || parse_ipv4(host, v4);
}

bool gh_host_is_loopback(gh_view host)
{
    static const uint16_t LOOPBACK[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    unsigned char v4[4];
    uint16_t v6[8];
    if (gh_view_eq_nocase(host, GH_VIEW_LIT("localhost"))) {
        return true;
    }
    if (parse_ipv4(host, v4)) {
        return v4[0] == 127;
    }
    return parse_ipv6(host, v6) && memcmp(v6, LOOPBACK, sizeof v6) == 0;
}

bool gh_host_is_link_local(gh_view host)
{
    unsigned char v4[4];
    uint16_t v6[8];
    if (parse_ipv4(host, v4)) {
        return v4[0] == 169 && v4[1] == 254;
    }
    if (!parse_ipv6(host, v6)) {
        return false;
    }
    /* ::ffff:169.254.0.0/112 reaches the same hosts through an IPv4-mapped address. */
    bool mapped = (v6[0] | v6[1] | v6[2] | v6[3] | v6[4]) == 0 && v6[5] == 0xffff;
    return (v6[0] & 0xffc0) == 0xfe80 || (mapped && v6[6] == 0xa9fe);
}

bool gh_host_is_local(gh_view host)
{
    unsigned char v4[4];
    uint16_t v6[8];
    if (gh_host_is_loopback(host) || gh_host_is_link_local(host)) {
        return true;
    }
    if (parse_ipv4(host, v4)) {
        return v4[0] == 0;
    }
    if (parse_ipv6(host, v6)) {
        /* "::" connects to this host; ::/96 and ::ffff:0:0/96 carry an IPv4 address. */
        bool carries_v4 = (v6[0] | v6[1] | v6[2] | v6[3] | v6[4]) == 0 && (v6[5] == 0 || v6[5] == 0xffff);
        return carries_v4 && (v6[6] >> 8 == 127 || v6[6] >> 8 == 0);
    }
    gh_view suffix = GH_VIEW_LIT(".localhost");
    return host.len > suffix.len && gh_view_eq_nocase(slice(host, host.len - suffix.len, host.len), suffix);
}
