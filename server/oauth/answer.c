#include "server/oauth/answer.h"

#include "server/oauth/device.h"
#include "server/oauth/flow.h"
#include "server/oauth/page.h"
#include "server/oauth/redirect.h"

/* The longest redirect URI and state, every byte of the state escaped, and the rest. */
#define LOCATION_MAX (GH_REDIRECT_MAX + 3 * GH_OAUTH_STATE_MAX + 4096)

/* The redirect URI with the answer in its query. Room for everything at once: the code is a secret, and
 * growing would leave copies of it behind. */
static gh_status write_location(const gh_oauth_server *server, const gh_answer *answer,
                                const char *const fields[][2], size_t count, gh_buf *out)
{
    gh_view uri = gh_view_of(answer->redirect_uri);
    size_t mark = gh_view_find(uri, '?');
    (void)gh_buf_reserve(out, LOCATION_MAX);
    (void)gh_buf_append_view(out, uri);
    if (mark == uri.len) {
        (void)gh_buf_append_char(out, '?');
    } else if (mark + 1 < uri.len && uri.ptr[uri.len - 1] == '?') {
        /* gh_form_add would take a '?' that ends the client's own query for the beginning of one. */
        (void)gh_buf_append_char(out, '&');
    }
    for (size_t i = 0; i < count; i++) {
        (void)gh_form_add(out, fields[i][0], fields[i][1]);
    }
    (void)gh_form_add(out, "state", answer->state);
    (void)gh_form_add(out, "iss", server->issuer);
    return gh_buf_status(out);
}

static void send_answer(const gh_oauth_server *server, const gh_answer *answer, const char *const fields[][2],
                        size_t count, gh_response *response)
{
    gh_buf location = GH_BUF_INIT(LOCATION_MAX);
    gh_status status = write_location(server, answer, fields, count, &location);
    if (status == GH_OK) {
        gh_response_redirect(response, answer->status, gh_buf_view(&location));
    } else {
        gh_flow_page_failure(response, status);
    }
    gh_buf_wipe_free(&location);
}

void gh_answer_code(const gh_oauth_server *server, const gh_answer *answer, const char *code,
                    gh_response *response)
{
    const char *const fields[][2] = {{"code", code}};
    if (gh_device_is_target(answer->redirect_uri)) {
        gh_device_answer_done(response);
        return;
    }
    send_answer(server, answer, fields, 1, response);
}

void gh_answer_error(const gh_oauth_server *server, const gh_answer *answer, const char *error,
                     const char *description, gh_response *response)
{
    const char *const fields[][2] = {{"error", error}, {"error_description", description}};
    if (gh_device_is_target(answer->redirect_uri)) {
        gh_device_answer_error(server, answer->state, error, description, response);
        return;
    }
    send_answer(server, answer, fields, 2, response);
}

static void write_page(const gh_answer *answer, const char *error, const char *description, gh_view location,
                       gh_buf *page)
{
    gh_buf place = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    bool known = gh_redirect_write_place(gh_view_of(answer->redirect_uri), &place) == GH_OK;
    gh_page_begin(page, "The sign-in was refused");
    (void)gh_buf_append_cstr(page, "<h1>The sign-in was refused</h1>\n<p>");
    gh_page_escape(page, gh_view_of(description));
    (void)gh_buf_append_cstr(page, " <code>");
    gh_page_escape(page, gh_view_of(error));
    (void)gh_buf_append_cstr(page, "</code></p>\n<p class=\"note\"><strong>What to do:</strong> Close this "
                                   "page, or, if you came from the website below and trust it, go back "
                                   "to it.</p>\n<p><a href=\"");
    gh_page_escape(page, location);
    (void)gh_buf_append_cstr(page, "\">Go back to <span class=\"place\">");
    gh_page_escape(page, known ? gh_buf_view(&place) : gh_view_of("the website"));
    (void)gh_buf_append_cstr(page, "</span></a></p>\n");
    gh_page_end(page);
    gh_buf_free(&place);
}

void gh_answer_refusal(const gh_oauth_server *server, const gh_answer *answer, int http_status,
                       const char *error, const char *description, gh_response *response)
{
    const char *const fields[][2] = {{"error", error}, {"error_description", description}};
    gh_view uri = gh_view_of(answer->redirect_uri);
    if (gh_redirect_is_loopback(uri) || !gh_redirect_is_web(uri)) {
        send_answer(server, answer, fields, 2, response);
        return;
    }
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_buf location = GH_BUF_INIT(LOCATION_MAX);
    gh_status status = write_location(server, answer, fields, 2, &location);
    if (status == GH_OK) {
        write_page(answer, error, description, gh_buf_view(&location), &page);
        gh_page_send(response, http_status, &page, NULL);
    } else {
        gh_flow_page_failure(response, status);
    }
    gh_buf_free(&location);
    gh_buf_free(&page);
}
