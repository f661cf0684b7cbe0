#include "shared/html/frame.h"

#include "shared/core/digest.h"
#include "shared/html/style.h"
#include "shared/net/base64.h"

void gh_html_escape(gh_buf *out, gh_view text)
{
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *reference = NULL;
        switch (text.ptr[i]) {
        case '&':
            reference = "&amp;";
            break;
        case '<':
            reference = "&lt;";
            break;
        case '>':
            reference = "&gt;";
            break;
        case '"':
            reference = "&quot;";
            break;
        case '\'':
            reference = "&#39;";
            break;
        default:
            continue;
        }
        (void)gh_buf_append(out, text.ptr + start, i - start);
        (void)gh_buf_append_cstr(out, reference);
        start = i + 1;
    }
    if (start < text.len) {
        (void)gh_buf_append(out, text.ptr + start, text.len - start);
    }
}

void gh_html_begin(gh_buf *out, const char *title)
{
    (void)gh_buf_append_cstr(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                                  "<meta name=\"robots\" content=\"noindex\">\n<title>");
    gh_html_escape(out, gh_view_of(title));
    (void)gh_buf_append_cstr(out, "</title>\n<link rel=\"icon\" href=\"" GH_HTML_ICON "\">\n"
                                  "<style>" GH_HTML_STYLE "</style>\n</head>\n<body>\n"
                                  "<header class=\"brand\">" GH_HTML_MARK "<span>Gatehouse</span></header>\n"
                                  "<main>\n");
}

void gh_html_end(gh_buf *out)
{
    (void)gh_buf_append_cstr(out, "</main>\n</body>\n</html>\n");
}

gh_status gh_html_policy(gh_buf *out, const char *form_action_extra)
{
    unsigned char digest[GH_SHA256_LEN];
    gh_status status = gh_sha256(GH_VIEW_LIT(GH_HTML_STYLE), digest);
    if (status != GH_OK) {
        return status;
    }
    (void)gh_buf_append_cstr(out, "default-src 'none'; style-src 'sha256-");
    (void)gh_base64_encode(gh_view_make((const char *)digest, sizeof digest), out);
    (void)gh_buf_append_cstr(out, "'; img-src data:; form-action 'self'");
    if (form_action_extra != NULL) {
        (void)gh_buf_append_char(out, ' ');
        (void)gh_buf_append_cstr(out, form_action_extra);
    }
    (void)gh_buf_append_cstr(out, "; frame-ancestors 'none'; base-uri 'none'");
    return gh_buf_status(out);
}
