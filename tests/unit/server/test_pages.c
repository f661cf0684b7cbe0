#include "tests/unit/server/oauth_fixture.h"

#include "server/oauth/page.h"
#include "shared/core/digest.h"
#include "shared/net/base64.h"

#define EVIL_NAME "<script>alert(1)</script>\" onload='x' & <b>"
#define EVIL_JSON "<script>alert(1)</script>\\\" onload='x' & <b>"

static fixture *F;
static login L;

static void open_all(void)
{
    F = fixture_open();
    memset(&L, 0, sizeof L);
    L.f = F;
}

static void close_all(void)
{
    fixture_close(F);
}

static void start(const char *json, const char *redirect)
{
    register_json(F, json, L.client, sizeof L.client);
    login_start(&L, redirect, "<script>alert('state')</script>");
}

/* What every page must be: nothing active in it, and its style is the one that the policy allows. */
static void assert_harmless(const reply *r)
{
    static const char *const active[] = {"<script", "javascript:", "<iframe",
                                         "<img",    " style=",     "http-equiv"};
    const char *body = reply_body(r);
    for (size_t i = 0; i < sizeof active / sizeof *active; i++) {
        ck_assert_msg(strstr(body, active[i]) == NULL, "%s in %s", active[i], body);
    }
    const char *style = strstr(body, "<style>");
    ck_assert_ptr_nonnull(style);
    style += strlen("<style>");
    const char *end = strstr(style, "</style>");
    ck_assert_ptr_nonnull(end);
    ck_assert_ptr_null(strstr(end, "<style"));
    unsigned char digest[GH_SHA256_LEN];
    gh_buf expected = GH_BUF_INIT(256);
    (void)gh_buf_append_cstr(&expected, "default-src 'none'; style-src 'sha256-");
    ck_assert_int_eq(gh_sha256(gh_view_make(style, (size_t)(end - style)), digest), GH_OK);
    (void)gh_base64_encode(gh_view_make((const char *)digest, sizeof digest), &expected);
    (void)gh_buf_append_cstr(&expected, "'; img-src data:; form-action 'self'");
    char policy[2048];
    reply_header(r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_int_eq(strncmp(policy, gh_buf_cstr(&expected), expected.len), 0);
    ck_assert_ptr_nonnull(strstr(policy, "; frame-ancestors 'none'; base-uri 'none'"));
    gh_buf_free(&expected);
}

static void assert_headers(const reply *r, const char *form_action)
{
    char policy[2048];
    char wanted[512];
    assert_harmless(r);
    reply_header(r, "Content-Security-Policy", policy, sizeof policy);
    (void)snprintf(wanted, sizeof wanted, "form-action %s; frame-ancestors", form_action);
    ck_assert_msg(strstr(policy, wanted) != NULL, "%s", policy);
    assert_header(r, "X-Frame-Options", "DENY");
    assert_header(r, "Referrer-Policy", "same-origin");
    assert_header(r, "Cache-Control", "no-store");
}

static reply login_page_again(void)
{
    char *query = form("flow", L.flow, NULL);
    reply r = get(F, gh_oauth_handle_login, query, L.cookie);
    free(query);
    return r;
}

START_TEST(the_login_page_is_guarded)
{
    start(CLIENT_JSON, CALLBACK);
    reply r = login_page_again();
    ck_assert_int_eq(r.status, 200);
    assert_headers(&r, "'self'");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<label for=\"name\">"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<label for=\"email\">"));
    ck_assert_ptr_null(strstr(reply_body(&r), "type=\"password\""));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "Test &amp; Tools"));
    reply_clear(&r);
}
END_TEST

START_TEST(with_a_password_the_page_asks_for_it)
{
    fixture *f = fixture_open_at(ISSUER, RESOURCE, "secret-of-the-server");
    L.f = f;
    register_client(f, L.client, sizeof L.client);
    char *query = authorize_query(L.client, CALLBACK, "s");
    reply r = get(f, gh_oauth_handle_authorize, query, NULL);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "type=\"password\""));
    ck_assert_ptr_null(strstr(reply_body(&r), "No password is asked for"));
    ck_assert_ptr_null(strstr(reply_body(&r), "secret-of-the-server"));
    reply_clear(&r);
    free(query);
    fixture_close(f);
}
END_TEST

/* The consent page for a client that registered `redirect` and is called on `requested`. */
static reply consent_for(const char *redirect, const char *requested)
{
    char json[512];
    (void)snprintf(json, sizeof json, "{\"client_name\":\"App\",\"redirect_uris\":[\"%s\"]}", redirect);
    start(json, requested);
    login_sign_in(&L, "Alice", "alice@example.com");
    return login_show_consent(&L);
}

START_TEST(the_consent_page_says_who_asks_for_what_and_where_the_answer_goes)
{
    reply r = consent_for(CALLBACK, "http://localhost:54321/callback");
    ck_assert_int_eq(r.status, 200);
    assert_headers(&r, "'self' http://localhost:54321");
    const char *body = reply_body(&r);
    ck_assert_ptr_nonnull(strstr(body, "calls itself <strong>App</strong>"));
    ck_assert_ptr_nonnull(strstr(body, "<span class=\"place\">localhost:54321</span>"));
    ck_assert_ptr_nonnull(strstr(body, "http://localhost:54321/callback"));
    ck_assert_ptr_nonnull(strstr(body, "Alice"));
    ck_assert_ptr_nonnull(strstr(body, "alice@example.com"));
    ck_assert_ptr_nonnull(strstr(body, "Not you?"));
    ck_assert_ptr_nonnull(strstr(body, "an application on this computer"));
    ck_assert_ptr_nonnull(strstr(body, "<code>mcp</code>"));
    ck_assert_ptr_nonnull(strstr(body, "30 days"));
    ck_assert_ptr_nonnull(strstr(body, "name=\"decision\" value=\"approve\""));
    ck_assert_ptr_nonnull(strstr(body, "name=\"decision\" value=\"deny\""));
    reply_clear(&r);
}
END_TEST

START_TEST(a_website_is_called_a_website)
{
    reply r = consent_for("https://vscode.dev/redirect", "https://vscode.dev/redirect");
    assert_headers(&r, "'self' https://vscode.dev");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "goes to a website"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<span class=\"place\">vscode.dev</span>"));
    reply_clear(&r);
}
END_TEST

START_TEST(a_private_scheme_is_listed_by_its_scheme)
{
    reply r = consent_for("cursor://anysphere.cursor-mcp/oauth/callback",
                          "cursor://anysphere.cursor-mcp/oauth/callback");
    assert_headers(&r, "'self' cursor:");
    reply_clear(&r);
}
END_TEST

START_TEST(ipv6_loopback_is_listed_by_its_scheme)
{
    reply r = consent_for("http://[::1]:1/cb", "http://[::1]:2/cb");
    assert_headers(&r, "'self' http:");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<span class=\"place\">[::1]:2</span>"));
    reply_clear(&r);
}
END_TEST

START_TEST(a_client_without_a_name_is_said_to_have_none)
{
    start("{\"redirect_uris\":[\"" CALLBACK "\"]}", CALLBACK);
    reply r = login_page_again();
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "gave no name"));
    reply_clear(&r);
    login_sign_in(&L, "Alice", "alice@example.com");
    r = login_show_consent(&L);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "gave no name"));
    reply_clear(&r);
}
END_TEST

START_TEST(html_in_names_and_addresses_is_shown_not_run)
{
    start("{\"client_name\":\"" EVIL_JSON "\",\"redirect_uris\":[\"https://a.example/cb?x='&y=1\"]}",
          "https://a.example/cb?x='&y=1");
    reply r = login_page_again();
    assert_headers(&r, "'self'");
    ck_assert_ptr_nonnull(
        strstr(reply_body(&r), "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39;"));
    reply_clear(&r);
    r = login_post(&L, EVIL_NAME, "\"><script>alert(2)</script>", NULL);
    ck_assert_int_eq(r.status, 400);
    assert_headers(&r, "'self'");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"&quot;&gt;&lt;script&gt;alert(2)"));
    reply_clear(&r);
    login_sign_in(&L, EVIL_NAME, "o'hara&co=1@example.com");
    r = login_show_consent(&L);
    assert_headers(&r, "'self' https://a.example");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "o&#39;hara&amp;co=1@example.com"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "https://a.example/cb?x=&#39;&amp;y=1"));
    ck_assert_ptr_null(strstr(reply_body(&r), "alert('state')"));
    reply_clear(&r);
}
END_TEST

START_TEST(error_pages_are_guarded_and_repeat_nothing)
{
    reply r =
        get(F, gh_oauth_handle_authorize,
            "client_id=%3Cscript%3Ealert(1)%3C%2Fscript%3E&redirect_uri=https%3A%2F%2Fevil.example%2F", NULL);
    assert_page(&r, 400);
    assert_headers(&r, "'self'");
    ck_assert_ptr_null(strstr(reply_body(&r), "evil.example"));
    reply_clear(&r);
}
END_TEST

START_TEST(everything_that_html_gives_a_meaning_is_escaped)
{
    gh_buf out = GH_BUF_INIT(256);
    gh_page_escape(&out, GH_VIEW_LIT("a<b>&\"c'd \xc3\xa9"));
    ck_assert_str_eq(gh_buf_cstr(&out), "a&lt;b&gt;&amp;&quot;c&#39;d \xc3\xa9");
    gh_buf_clear(&out);
    gh_page_escape(&out, gh_view_of(NULL));
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

START_TEST(a_page_is_whole_and_its_title_is_escaped)
{
    gh_buf out = GH_BUF_INIT(GH_PAGE_MAX);
    gh_page_begin(&out, "A </title><script>");
    gh_page_end(&out);
    ck_assert_int_eq(gh_buf_status(&out), GH_OK);
    ck_assert_int_eq(strncmp(gh_buf_cstr(&out), "<!DOCTYPE html>", 15), 0);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), "<title>A &lt;/title&gt;&lt;script&gt;</title>"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), "</html>"));
    gh_buf_free(&out);
}
END_TEST

START_TEST(a_page_that_did_not_fit_is_a_plain_500)
{
    gh_buf small = GH_BUF_INIT(16);
    gh_response response;
    gh_response_init(&response, NULL);
    gh_page_begin(&small, "x");
    gh_page_send(&response, 200, &small, NULL);
    ck_assert_int_eq(response.status, 500);
    gh_response_clear(&response);
    gh_buf_free(&small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pages");
    TCase *tc = tcase_create("pages");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, the_login_page_is_guarded);
    tcase_add_test(tc, with_a_password_the_page_asks_for_it);
    tcase_add_test(tc, the_consent_page_says_who_asks_for_what_and_where_the_answer_goes);
    tcase_add_test(tc, a_website_is_called_a_website);
    tcase_add_test(tc, a_private_scheme_is_listed_by_its_scheme);
    tcase_add_test(tc, ipv6_loopback_is_listed_by_its_scheme);
    tcase_add_test(tc, a_client_without_a_name_is_said_to_have_none);
    tcase_add_test(tc, html_in_names_and_addresses_is_shown_not_run);
    tcase_add_test(tc, error_pages_are_guarded_and_repeat_nothing);
    tcase_add_test(tc, everything_that_html_gives_a_meaning_is_escaped);
    tcase_add_test(tc, a_page_is_whole_and_its_title_is_escaped);
    tcase_add_test(tc, a_page_that_did_not_fit_is_a_plain_500);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
