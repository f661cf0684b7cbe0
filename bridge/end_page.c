#include "bridge/end_page.h"

#include <string.h>

#include "shared/html/frame.h"

/* The bridge's sentences begin with a small letter and end without a full stop, for use within others. */
static void write_sentence(gh_buf *page, const char *message)
{
    gh_view text = gh_view_of(message);
    char first =
        text.len > 0 && text.ptr[0] >= 'a' && text.ptr[0] <= 'z' ? (char)(text.ptr[0] - 'a' + 'A') : '\0';
    if (first != '\0') {
        gh_buf_append_char(page, first);
        text.ptr++;
        text.len--;
    }
    gh_html_escape(page, text);
    if (text.len > 0 && strchr(".!?", text.ptr[text.len - 1]) == NULL) {
        gh_buf_append_char(page, '.');
    }
}

static void write_body(gh_buf *page, bool success, const char *message)
{
    const char *title = success ? "Signed in" : "Not signed in";
    gh_html_begin(page, title);
    gh_buf_appendf(page, "<h1>%s</h1>\n<p%s>", title, success ? "" : " class=\"alert\"");
    write_sentence(page, message);
    gh_buf_append_cstr(page, "</p>\n");
    if (!success) {
        gh_buf_append_cstr(page, "<p class=\"soft\">Nothing has changed. You can close this page; your "
                                 "application tells you what to do next.</p>\n");
    }
    gh_html_end(page);
}

gh_status gh_end_page_write(gh_buf *out, int http_status, bool success, const char *message)
{
    gh_buf page = GH_BUF_INIT(GH_HTML_PAGE_MAX);
    gh_buf policy = GH_BUF_INIT(4096);
    write_body(&page, success, message);
    gh_status status = gh_html_policy(&policy, NULL);
    if (status == GH_OK) {
        status = gh_buf_status(&page);
    }
    if (status == GH_OK) {
        gh_buf_appendf(out,
                       "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
                       "Content-Security-Policy: %s\r\nX-Content-Type-Options: nosniff\r\n"
                       "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n"
                       "Connection: close\r\n\r\n",
                       http_status, http_status == 200 ? "OK" : "Bad Request", page.len,
                       gh_buf_cstr(&policy));
        gh_buf_append_view(out, gh_buf_view(&page));
        status = gh_buf_status(out);
    }
    gh_buf_free(&page);
    gh_buf_free(&policy);
    return status;
}
