#include "server/oauth/cimd.h"
#include "server/oauth/device.h"
#include "server/oauth/display.h"
#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "server/oauth/provider.h"
#include "server/oauth/redirect.h"

#define USES_MAX ((size_t)4096)
#define OFFLINE "offline_access"

typedef struct scope_words {
    const char *scope;
    const char *words;
} scope_words;

static const scope_words WORDS[] = {
    {"mcp", "use this server's tools in your name, and see your name and e-mail address"},
    {OFFLINE, "act while you are not at the computer"},
};

static void write_text(gh_buf *page, const char *text)
{
    gh_page_escape(page, gh_view_of(text));
}

/* What single tools need is described by what it opens. */
static void write_uses(gh_buf *page, const gh_oauth_server *server, gh_view scope)
{
    gh_buf text = GH_BUF_INIT(USES_MAX);
    gh_buf clean = GH_BUF_INIT(USES_MAX);
    if (server->more_scopes.describe != NULL) {
        server->more_scopes.describe(server->more_scopes.context, scope, &text);
    }
    if (text.len > 0 && gh_buf_status(&text) == GH_OK &&
        gh_display_clean(gh_buf_view(&text), &clean) == GH_OK) {
        (void)gh_buf_append_cstr(page, "use ");
        gh_page_escape(page, gh_buf_view(&clean));
        (void)gh_buf_append_char(page, ' ');
    }
    gh_buf_free(&text);
    gh_buf_free(&clean);
}

static void write_scope(gh_buf *page, const gh_oauth_server *server, gh_view scope)
{
    bool known = false;
    (void)gh_buf_append_cstr(page, "<li>");
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (gh_view_eq_cstr(scope, WORDS[i].scope)) {
            (void)gh_buf_append_cstr(page, WORDS[i].words);
            (void)gh_buf_append_cstr(page, " ");
            known = true;
        }
    }
    if (!known && page->len < GH_PAGE_MAX / 2) {
        write_uses(page, server, scope);
    }
    (void)gh_buf_append_cstr(page, "<code>");
    gh_page_escape(page, scope);
    (void)gh_buf_append_cstr(page, "</code></li>\n");
}

static void write_scopes(gh_buf *page, const gh_oauth_server *server, const gh_visit *visit)
{
    gh_view rest = gh_view_of(visit->flow.scope);
    gh_view word;
    bool later = false; /* for how long comes after what */
    (void)gh_buf_append_cstr(page, "<div><dt>It may</dt><dd><ul>\n");
    while (gh_view_next(&rest, ' ', &word)) {
        later = later || gh_view_eq_cstr(word, OFFLINE);
        if (word.len > 0 && !gh_view_eq_cstr(word, OFFLINE)) {
            write_scope(page, server, word);
        }
    }
    if (later) {
        write_scope(page, server, gh_view_of(OFFLINE));
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

/* A client that is known by its metadata document can have chosen its name, but not that address. */
static void write_identity(gh_buf *page, const gh_client *client)
{
    gh_buf place = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    if (gh_cimd_is_url(client->id) && gh_redirect_write_place(gh_view_of(client->id), &place) == GH_OK) {
        (void)gh_buf_append_cstr(page, "<div><dt>The application is described by</dt><dd>"
                                       "<span class=\"place\">");
        gh_page_escape(page, gh_buf_view(&place));
        (void)gh_buf_append_cstr(page, "</span><span class=\"soft\">in full: <code>");
        write_text(page, client->id);
        (void)gh_buf_append_cstr(page, "</code></span></dd></div>\n");
    }
    gh_buf_free(&place);
}

static bool is_device(const gh_visit *visit)
{
    return gh_device_is_target(visit->flow.redirect_uri);
}

static void write_place(gh_buf *page, const gh_visit *visit)
{
    gh_buf place = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    if (is_device(visit)) {
        (void)gh_buf_append_cstr(page, "<div><dt>The access goes to</dt><dd><span class=\"place\">the device "
                                       "that shows the code</span></dd></div>\n");
        return;
    }
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
    if (is_device(visit)) {
        words = "<strong>Did you start this on another device?</strong> Allow it only if you did, just now, "
                "and the code that you entered is the one that it shows. If somebody sent you the code or a "
                "link, deny it: that person would act in your name.";
    } else if (gh_redirect_is_loopback(uri)) {
        words = "The answer goes to an application on this computer. Allow it only if you just started to "
                "sign in from one.";
    } else if (!gh_redirect_is_web(uri)) {
        words = "The answer goes to the application that opens such links on this computer. Allow it only if "
                "you just started to sign in from it.";
    }
    (void)gh_buf_appendf(page, "<p class=\"note\">%s</p>\n", words);
}

static void write_request(gh_buf *page, const gh_oauth_server *server, const gh_visit *visit)
{
    const gh_client *client = &visit->client;
    const char *advice =
        is_device(visit) ? "make sure that it is the one on your device" : "look at where the answer goes";
    if (client->name != NULL) {
        (void)gh_buf_append_cstr(page, "<p>An application that calls itself <strong>");
        write_text(page, client->name);
        (void)gh_buf_append_cstr(page, "</strong> asks for access to <strong>");
    } else {
        (void)gh_buf_append_cstr(page, "<p>An application that gave no name asks for access to <strong>");
    }
    write_text(page, server->server_name);
    (void)gh_buf_appendf(page, "</strong>. %s %s.</p>\n",
                         client->name != NULL ? "Any application can choose that name:" : "Please", advice);
}

static void write_provider(gh_buf *page, const gh_provider *provider)
{
    (void)gh_buf_append_cstr(page, "<p>Sign in with <strong>");
    write_text(page, provider->place);
    (void)gh_buf_append_cstr(page,
                             "</strong> to allow this. You go there next, and come back signed in.</p>\n");
}

/* With a provider the consent comes before the login. */
static void write_form(gh_buf *page, const gh_visit *visit, const char *csrf, bool continues)
{
    const char *yes = is_device(visit) ? "Yes, allow it" : "Allow";
    (void)gh_buf_append_cstr(page, "<form method=\"post\" action=\"/authorize/consent\">\n"
                                   "<input type=\"hidden\" name=\"flow\" value=\"");
    write_text(page, visit->flow_id);
    (void)gh_buf_append_cstr(page, "\"><input type=\"hidden\" name=\"csrf\" value=\"");
    write_text(page, csrf);
    (void)gh_buf_appendf(page,
                         "\">\n<div class=\"row\"><button type=\"submit\" name=\"decision\" "
                         "value=\"approve\">%s</button>\n<button class=\"quiet\" type=\"submit\" "
                         "name=\"decision\" value=\"deny\">%s</button></div>\n</form>\n",
                         continues ? "Continue" : yes, continues ? "Cancel" : "Deny");
}

static void add_source(const char *uri, gh_buf *out)
{
    gh_buf source = GH_BUF_INIT(GH_REDIRECT_MAX + 4096);
    if (gh_redirect_write_source(gh_view_of(uri), &source) == GH_OK) {
        (void)gh_buf_append_cstr(out, out->len > 0 ? " " : "");
        (void)gh_buf_append_view(out, gh_buf_view(&source));
    }
    gh_buf_free(&source);
}

/* Browsers apply form-action to the redirects that follow the form, too: to the provider, and from there at
 * once to the client when the person is signed in already. NULL when there is nothing to list. */
static const char *write_sources(const gh_visit *visit, const gh_provider *provider, gh_buf *out)
{
    add_source(visit->flow.redirect_uri, out);
    if (provider != NULL) {
        add_source(provider->metadata.authorization_endpoint, out);
    }
    return out->len > 0 && gh_buf_status(out) == GH_OK ? gh_buf_cstr(out) : NULL;
}

/* `provider` is NULL for the dev login. */
static void show(const gh_oauth_server *server, const gh_visit *visit, const gh_provider *provider,
                 const char *csrf, gh_response *response)
{
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_buf sources = GH_BUF_INIT(2 * GH_REDIRECT_MAX + 4096);
    gh_page_begin(&page, "Allow access?");
    (void)gh_buf_append_cstr(&page, "<h1>Allow access?</h1>\n");
    write_request(&page, server, visit);
    (void)gh_buf_append_cstr(&page, "<dl>\n");
    if (provider == NULL) {
        write_person(&page, visit);
    }
    write_identity(&page, &visit->client);
    write_place(&page, visit);
    write_scopes(&page, server, visit);
    (void)gh_buf_append_cstr(&page, "</dl>\n");
    write_warning(&page, visit);
    if (provider != NULL) {
        write_provider(&page, provider);
    }
    write_form(&page, visit, csrf, provider != NULL);
    gh_page_end(&page);
    gh_page_send(response, 200, &page, write_sources(visit, provider, &sources));
    gh_buf_free(&sources);
    gh_buf_free(&page);
}

void gh_consent_page(const gh_oauth_server *server, const gh_visit *visit, const char *csrf,
                     gh_response *response)
{
    gh_provider provider;
    if (server->idp == NULL) {
        show(server, visit, NULL, csrf, response);
        return;
    }
    gh_status status = gh_provider_read(server, &provider);
    if (status == GH_OK) {
        show(server, visit, &provider, csrf, response);
    } else {
        gh_provider_page(response, status);
    }
    gh_provider_clear(&provider);
}
