/* Paths: what is written in one literally, with what may not be as it is percent-encoded. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/openapi/openapi_private.h"

#define PATH_MAX_BYTES 2000

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_escape(gh_view text)
{
    return text.len >= 3 && text.ptr[0] == '%' && is_hex(text.ptr[1]) && is_hex(text.ptr[2]);
}

/* RFC 3986, 3.3 */
static bool is_path_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/", c) != NULL);
}

char *gh_openapi_path(const char *path)
{
    gh_buf made = GH_BUF_INIT(3 * strlen(path) + 1);
    bool inside = false;
    (void)gh_buf_append(&made, "", 0);
    for (gh_view rest = gh_view_of(path); rest.len > 0; rest = gh_view_make(rest.ptr + 1, rest.len - 1)) {
        char c = rest.ptr[0];
        inside = c == '{' || (inside && c != '}');
        if (inside || c == '}' || c == '?' || c == '#' || is_path_character(c) || is_escape(rest)) {
            (void)gh_buf_append_char(&made, c);
        } else {
            (void)gh_buf_appendf(&made, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    char *text = gh_buf_steal(&made);
    gh_buf_free(&made);
    return text;
}

/* What another program may take for a dot, a slash or the start of another escape. */
static bool is_doubtful(gh_view text)
{
    static const char *const ESCAPES[] = {"%00", "%25", "%2e", "%2f", "%3b", "%5c"};
    for (size_t i = 0; text.len >= 3 && i < sizeof ESCAPES / sizeof *ESCAPES; i++) {
        if (strncasecmp(text.ptr, ESCAPES[i], 3) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_dots(gh_view segment)
{
    segment = gh_view_make(segment.ptr, gh_view_find(segment, ';'));
    return gh_view_eq_cstr(segment, ".") || gh_view_eq_cstr(segment, "..");
}

bool gh_openapi_is_straight(gh_view path)
{
    gh_view rest = path;
    gh_view segment;
    for (size_t i = 0; i < path.len; i++) {
        if (is_doubtful(gh_view_make(path.ptr + i, path.len - i)) || path.ptr[i] == '\\') {
            return false;
        }
    }
    while (rest.ptr != NULL && gh_view_next(&rest, '/', &segment)) {
        if (is_dots(segment)) {
            return false;
        }
    }
    return path.len <= PATH_MAX_BYTES;
}
