#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "server/oauth/redirect.h"

typedef struct scope_words {
    const char *scope;
    const char *words;
} scope_words;

static const scope_words WORDS[] = {
    {"mcp", "use this server's tools in your name, and see your name and e-mail address"},
    {"offline_access", "act while you are not at the computer"},
};

static void write_text(gh_buf *page, const char *text)
{
    gh_page_escape(page, gh_view_of(text));
}

static void write_scope(gh_buf *page, gh_view scope)
{
    (void)gh_buf_append_cstr(page, "<li>");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (gh_view_eq_cstr(scope, WORDS[i].scope)) {
            (void)gh_buf_append_cstr(page, WORDS[i].words);
            (void)gh_buf_append_cstr(page, " ");
        }
    }
    (void)gh_buf_append_cstr(page, "<code>");
    gh_page_escape(page, scope);
    (void)gh_buf_append_cstr(page, "</code></li>\n");
}

static void write_scopes(gh_buf *page, const gh_oauth_server *server, const gh_visit *visit)
{
    gh_view rest = gh_view_of(visit->flow.scope);
    gh_view word;
    (void)gh_buf_append_cstr(page, "<div><dt>It may</dt><dd><ul>\n");
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0) {
            write_scope(page, word);
        }
    }
    if (gh_text_has_word(gh_view_of(visit->client.grant_types), GH_VIEW_LIT("refresh_token"))) {
        int64_t days = server->refresh_ttl_s / 86400;
        if (days > 1) {
            (void)gh_buf_appendf(page, "<li>stay connected until it has not been used for %lld days</li>\n",
                                 (long long)days);
        } else {
            (void)gh_buf_append_cstr(page, "<li>stay connected while it is in use</li>\n");
        }
    }
    (void)gh_buf_append_cstr(page, "</ul></dd></div>\n");
}

static void write_person(gh_buf *page, const gh_visit *visit)
{
    (void)gh_buf_append_cstr(page, "<div><dt>You are signed in as</dt><dd><strong>");
    write_text(page, visit->flow.name);
    (void)gh_buf_append_cstr(page, "</strong> (");
    write_text(page, visit->flow.email);
    (void)gh_buf_append_cstr(page, ")<span class=\"soft\"><a href=\"/authorize/login?flow=");
    write_text(page, visit->flow_id);
    (void)gh_buf_append_cstr(page, "\">Not you?</a></span></dd></div>\n");
}

static void write_place(gh_buf *page, const gh_visit *visit)
{
    gh_buf place = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    (void)gh_buf_append_cstr(page, "<div><dt>The answer goes to</dt><dd><span class=\"place\">");
    if (gh_redirect_write_place(gh_view_of(visit->flow.redirect_uri), &place) == GH_OK) {
        gh_page_escape(page, gh_buf_view(&place));
    }
    (void)gh_buf_append_cstr(page, "</span><span class=\"soft\">in full: <code>");
    write_text(page, visit->flow.redirect_uri);
    (void)gh_buf_append_cstr(page, "</code></span></dd></div>\n");
    gh_buf_free(&place);
}

static void write_warning(gh_buf *page, const gh_visit *visit)
{
    gh_view uri = gh_view_of(visit->flow.redirect_uri);
    const char *words =
        "The answer goes to a website. Allow it only if you know that site and just started to "
        "sign in there.";
    if (gh_redirect_is_loopback(uri)) {
        words = "The answer goes to an application on this computer. Allow it only if you just started to "
                "sign in from one.";
    } else if (!gh_redirect_is_web(uri)) {
        words = "The answer goes to the application that opens such links on this computer. Allow it only if "
                "you just started to sign in from it.";
    }
    (void)gh_buf_appendf(page, "<p class=\"note\">%s</p>\n", words);
}

static void write_request(gh_buf *page, const gh_oauth_server *server, const gh_client *client)
{
    if (client->name != NULL) {
        (void)gh_buf_append_cstr(page, "<p>An application that calls itself <strong>");
        write_text(page, client->name);
        (void)gh_buf_append_cstr(page, "</strong> asks for access to <strong>");
    } else {
        (void)gh_buf_append_cstr(page, "<p>An application that gave no name asks for access to <strong>");
    }
    write_text(page, server->server_name);
    (void)gh_buf_append_cstr(page, client->name != NULL
                                       ? "</strong>. Any application can choose that name: look at where the "
                                         "answer goes.</p>\n"
                                       : "</strong>. Look at where the answer goes.</p>\n");
}

static void write_form(gh_buf *page, const gh_visit *visit, const char *csrf)
{
    (void)gh_buf_append_cstr(page, "<form method=\"post\" action=\"/authorize/consent\">\n"
                                   "<input type=\"hidden\" name=\"flow\" value=\"");
    write_text(page, visit->flow_id);
    (void)gh_buf_append_cstr(page, "\"><input type=\"hidden\" name=\"csrf\" value=\"");
    write_text(page, csrf);
    (void)gh_buf_append_cstr(page,
                             "\">\n<div class=\"row\"><button type=\"submit\" name=\"decision\" "
                             "value=\"approve\">Allow</button>\n<button class=\"quiet\" type=\"submit\" "
                             "name=\"decision\" value=\"deny\">Deny</button></div>\n</form>\n");
}

void gh_consent_page(const gh_oauth_server *server, const gh_visit *visit, const char *csrf,
                     gh_response *response)
{
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_buf source = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    gh_page_begin(&page, "Allow access?");
    (void)gh_buf_append_cstr(&page, "<h1>Allow access?</h1>\n");
    write_request(&page, server, &visit->client);
    (void)gh_buf_append_cstr(&page, "<dl>\n");
    write_person(&page, visit);
    write_place(&page, visit);
    write_scopes(&page, server, visit);
    (void)gh_buf_append_cstr(&page, "</dl>\n");
    write_warning(&page, visit);
    write_form(&page, visit, csrf);
    gh_page_end(&page);
    /* Browsers apply form-action to the redirect that follows the form, too. */
    bool listed = gh_redirect_write_source(gh_view_of(visit->flow.redirect_uri), &source) == GH_OK;
    gh_page_send(response, 200, &page, listed ? gh_buf_cstr(&source) : NULL);
    gh_buf_free(&source);
    gh_buf_free(&page);
}
