#include "bridge/printable.h"

static bool is_deceptive(const unsigned char *c, size_t width)
{
    if (width == 1) {
        return c[0] < 0x20 || c[0] == 0x7f;
    }
    if (width == 2) {
        return (c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xd8 && c[1] == 0x9c);
    }
    if (width != 3 || c[0] != 0xe2) {
        return false;
    }
    return (c[1] == 0x80 && ((c[2] >= 0xa8 && c[2] <= 0xae) || c[2] == 0x8e || c[2] == 0x8f)) ||
           (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

void gh_printable_append(gh_buf *out, const char *text)
{
    gh_view rest = gh_view_of(text);
    while (rest.len > 0) {
        size_t width = gh_utf8_width(rest);
        if (width == 0 || is_deceptive((const unsigned char *)rest.ptr, width)) {
            gh_buf_append_char(out, '?');
            width = width == 0 ? 1 : width;
        } else {
            gh_buf_append(out, rest.ptr, width);
        }
        rest.ptr += width;
        rest.len -= width;
    }
}
