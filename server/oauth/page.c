#include "server/oauth/page.h"

void gh_page_begin(gh_buf *out, const char *title)
{
    gh_html_begin(out, title);
}

void gh_page_end(gh_buf *out)
{
    gh_html_end(out);
}

void gh_page_escape(gh_buf *out, gh_view text)
{
    gh_html_escape(out, text);
}

void gh_page_headers(gh_response *response, const char *form_action_extra)
{
    gh_buf policy = GH_BUF_INIT(4096);
    /* Without its hash the style is not applied; the page must never go out without a policy. */
    bool complete = gh_html_policy(&policy, form_action_extra) == GH_OK;
    gh_response_header(response, "Content-Security-Policy",
                       complete ? gh_buf_view(&policy)
                                : GH_VIEW_LIT("default-src 'none'; form-action 'self'; "
                                              "frame-ancestors 'none'; base-uri 'none'"));
    gh_response_header_cstr(response, "X-Frame-Options", "DENY");
    gh_response_header_cstr(response, "Referrer-Policy", "same-origin");
    gh_response_header_cstr(response, "Cache-Control", "no-store");
    gh_buf_free(&policy);
}

void gh_page_send(gh_response *response, int status, const gh_buf *page, const char *form_action_extra)
{
    if (gh_buf_status(page) != GH_OK) {
        gh_response_text(response, 500, "The page could not be built. Try again.\n");
        return;
    }
    gh_page_headers(response, form_action_extra);
    gh_response_html(response, status, gh_buf_view(page));
}

void gh_page_message(gh_response *response, int status, const char *title, const char *what, const char *next)
{
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_page_begin(&page, title);
    (void)gh_buf_append_cstr(&page, "<h1>");
    gh_page_escape(&page, gh_view_of(title));
    (void)gh_buf_append_cstr(&page, "</h1>\n<p>");
    gh_page_escape(&page, gh_view_of(what));
    (void)gh_buf_append_cstr(&page, "</p>\n<p class=\"note\"><strong>What to do:</strong> ");
    gh_page_escape(&page, gh_view_of(next));
    (void)gh_buf_append_cstr(&page, "</p>\n");
    gh_page_end(&page);
    gh_page_send(response, status, &page, NULL);
    gh_buf_free(&page);
}
