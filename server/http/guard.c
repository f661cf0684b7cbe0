#include "server/http/guard.h"

#include <limits.h>
#include <string.h>

/* Headers that mean one thing; two of them mean that somebody on the way may read the other one. */
#define LITERAL(text)                                                                                        \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }
static const gh_view SINGLES[] = {LITERAL("Host"),           LITERAL("Content-Length"),
                                  LITERAL("Content-Type"),   LITERAL("Transfer-Encoding"),
                                  LITERAL("Authorization"),  LITERAL("Origin"),
                                  LITERAL("Expect"),         LITERAL("MCP-Protocol-Version"),
                                  LITERAL("Mcp-Session-Id"), LITERAL("Mcp-Method"),
                                  LITERAL("Mcp-Name"),       LITERAL("Last-Event-ID")};
#define SINGLE_COUNT (sizeof SINGLES / sizeof SINGLES[0])
/* Likewise: proxies may act on them, and the server compares them with the body. */
#define SINGLE_PREFIX GH_VIEW_LIT("Mcp-Param-")

static void refuse(gh_guard_verdict *verdict, int status, const char *description)
{
    if (verdict->status == 0) {
        verdict->status = status;
        verdict->code = "invalid_request";
        verdict->description = description;
        verdict->keep_alive = false;
    }
}

/* NULL when absent; the header was checked to be single before. */
static const gh_view *find(const gh_wire *wire, const char *name)
{
    for (size_t i = 0; i < wire->header_count; i++) {
        if (gh_view_eq_nocase(wire->headers[i].name, gh_view_of(name))) {
            return &wire->headers[i].value;
        }
    }
    return NULL;
}

static size_t count(const gh_wire *wire, gh_view name)
{
    size_t found = 0;
    for (size_t i = 0; i < wire->header_count; i++) {
        found += gh_view_eq_nocase(wire->headers[i].name, name) ? 1 : 0;
    }
    return found;
}

/* Its number among SINGLES, or SINGLE_COUNT. */
static size_t single_number(gh_view name)
{
    size_t i = 0;
    while (i < SINGLE_COUNT && !gh_view_eq_nocase(SINGLES[i], name)) {
        i++;
    }
    return i;
}

static bool is_repeated(const gh_wire *wire)
{
    unsigned seen = 0;
    for (size_t i = 0; i < wire->header_count; i++) {
        gh_view name = wire->headers[i].name;
        size_t number = single_number(name);
        if (number < SINGLE_COUNT && (seen & 1U << number) != 0) {
            return true;
        }
        seen |= number < SINGLE_COUNT ? 1U << number : 0;
        if (gh_view_starts_with_nocase(name, SINGLE_PREFIX) && count(wire, name) > 1) {
            return true;
        }
    }
    return false;
}

static bool is_token(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-' && (c == '\0' || strchr("!#$%&'*+.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Printable ASCII, whole escapes, and none that stands for a control character. */
static bool is_clean_path(gh_view path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '\\') {
            return false;
        }
        if (c != '%') {
            continue;
        }
        if (path.len - i < 3 || hex(path.ptr[i + 1]) < 0 || hex(path.ptr[i + 2]) < 0) {
            return false;
        }
        int value = hex(path.ptr[i + 1]) * 16 + hex(path.ptr[i + 2]);
        if (value < 0x20 || value == 0x7f) {
            return false;
        }
    }
    return true;
}

static void check_target(const gh_wire *wire, gh_guard_verdict *verdict)
{
    if (wire->target.len > GH_GUARD_PATH_MAX) {
        refuse(verdict, 414, "The path is longer than 2048 bytes.");
    } else if (wire->target.len == 0 || wire->target.ptr[0] != '/') {
        refuse(verdict, 400, "The request target must be a path that begins with a slash.");
    } else if (!is_clean_path(wire->target) ||
               (wire->query.ptr != NULL && gh_view_find(wire->query, '#') < wire->query.len)) {
        refuse(verdict, 400, "The request target holds characters that a URL may not have.");
    }
}

static void check_headers(const gh_wire *wire, gh_guard_verdict *verdict)
{
    if (wire->header_count > GH_GUARD_HEADERS_MAX) {
        refuse(verdict, 431, "The request has more than 60 header fields.");
        return;
    }
    for (size_t i = 0; i < wire->header_count; i++) {
        if (!is_token(wire->headers[i].name)) {
            refuse(verdict, 400, "A header name holds characters that it may not have.");
        }
        if (gh_text_has_control(wire->headers[i].value)) {
            refuse(verdict, 400, "A header value holds control characters.");
        }
    }
    if (is_repeated(wire)) {
        refuse(verdict, 400, "A header field that may occur once occurs twice.");
    }
    if (find(wire, "Host") == NULL && gh_view_eq_cstr(wire->version, "1.1")) {
        refuse(verdict, 400, "The Host header is missing.");
    }
}

static void check_length(gh_view text, gh_guard_verdict *verdict)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            refuse(verdict, 400, "Content-Length is not a number.");
            return;
        }
        unsigned digit = (unsigned)(text.ptr[i] - '0');
        if (value > ((uint64_t)LLONG_MAX - digit) / 10) {
            refuse(verdict, 413, "The body is larger than this server takes.");
            return;
        }
        value = value * 10 + digit;
    }
    if (text.len == 0) {
        refuse(verdict, 400, "Content-Length is empty.");
        return;
    }
    verdict->length = value;
    verdict->body = value > 0 ? GH_GUARD_BODY_LENGTH : GH_GUARD_BODY_NONE;
}

static void check_framing(const gh_wire *wire, gh_guard_verdict *verdict)
{
    const gh_view *length = find(wire, "Content-Length");
    const gh_view *encoding = find(wire, "Transfer-Encoding");
    const gh_view *expect = find(wire, "Expect");
    if (encoding != NULL) {
        if (length != NULL) {
            refuse(verdict, 400, "Content-Length and Transfer-Encoding exclude each other.");
        } else if (!gh_view_eq_nocase(*encoding, GH_VIEW_LIT("chunked"))) {
            refuse(verdict, 400, "The only transfer encoding that is understood is chunked.");
        } else if (!gh_view_eq_cstr(wire->version, "1.1")) {
            refuse(verdict, 400, "Transfer-Encoding needs HTTP/1.1.");
        }
        verdict->body = GH_GUARD_BODY_CHUNKED;
    } else if (length != NULL) {
        check_length(*length, verdict);
    }
    if (expect != NULL) {
        if (!gh_view_eq_nocase(*expect, GH_VIEW_LIT("100-continue"))) {
            refuse(verdict, 417, "The only expectation that is understood is 100-continue.");
        }
        verdict->expects_continue = gh_view_eq_cstr(wire->version, "1.1");
    }
}

/* True when one of the comma-separated options of Connection is `option`. */
static bool connection_says(const gh_wire *wire, const char *option, bool *present)
{
    bool said = false;
    for (size_t i = 0; i < wire->header_count; i++) {
        if (!gh_view_eq_nocase(wire->headers[i].name, GH_VIEW_LIT("Connection"))) {
            continue;
        }
        *present = true;
        gh_view rest = wire->headers[i].value;
        gh_view part;
        while (gh_view_next(&rest, ',', &part)) {
            said = said || gh_view_eq_nocase(gh_view_trim(part), gh_view_of(option));
        }
    }
    return said;
}

gh_guard_verdict gh_guard_check(const gh_wire *wire, bool clean)
{
    gh_guard_verdict verdict = {0};
    bool connection = false;
    bool keep = connection_says(wire, "keep-alive", &connection);
    verdict.keep_alive = gh_view_eq_cstr(wire->version, "1.1") && (!connection || keep) &&
                         !connection_says(wire, "close", &connection);
    if (wire->header_count > GH_GUARD_HEADERS_MAX) {
        refuse(&verdict, 431, "The request has more than 60 header fields.");
    }
    if (!clean) {
        refuse(&verdict, 400,
               "The request head is malformed: each line must end with CR LF and none may be folded.");
    }
    if (!gh_view_eq_cstr(wire->version, "1.1") && !gh_view_eq_cstr(wire->version, "1.0")) {
        refuse(&verdict, 505, "This server speaks HTTP/1.1.");
    }
    check_target(wire, &verdict);
    check_headers(wire, &verdict);
    check_framing(wire, &verdict);
    return verdict;
}
