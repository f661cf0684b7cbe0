#include "shared/net/url.h"
#include "shared/net/url_chars.h"

gh_status gh_url_encode(gh_view text, gh_buf *out)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (gh_char_is_unreserved(text.ptr[i])) {
            (void)gh_buf_append_char(out, text.ptr[i]);
        } else {
            const char escape[3] = {'%', HEX[c >> 4], HEX[c & 15]};
            (void)gh_buf_append(out, escape, sizeof escape);
        }
    }
    return gh_buf_status(out);
}

gh_status gh_url_decode(gh_view text, bool plus_is_space, gh_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' &&
            (!gh_text_is_escape(text, i) || (text.ptr[i + 1] == '0' && text.ptr[i + 2] == '0'))) {
            return GH_ERR_PARSE;
        }
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            c = (char)(unsigned char)(gh_char_hex(text.ptr[i + 1]) << 4 | gh_char_hex(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        (void)gh_buf_append_char(out, c);
    }
    return gh_buf_status(out);
}
