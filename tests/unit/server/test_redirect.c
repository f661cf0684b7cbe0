#include "tests/unit/server/oauth_fixture.h"

#include "server/oauth/redirect.h"

static bool may_register(const char *uri)
{
    char *items[] = {(char *)(uintptr_t) "cursor", (char *)(uintptr_t) "javascript"};
    const gh_text_list schemes = {items, 2};
    gh_error error = {0};
    gh_status status = gh_redirect_check(gh_view_of(uri), &schemes, &error);
    ck_assert(status == GH_OK || (status == GH_ERR_DENIED && error.message[0] != '\0'));
    return status == GH_OK;
}

static bool matches(const char *registered, const char *requested)
{
    return gh_redirect_matches(gh_view_of(registered), gh_view_of(requested));
}

static const char *const ALLOWED[] = {
    "http://localhost:3118/callback",
    "http://127.0.0.1:33418/",
    "http://127.0.0.1/callback/ID",
    "http://[::1]:9/callback",
    "http://localhost",
    "https://vscode.dev/redirect",
    "https://app.example.com/cb?tenant=1",
    "https://localhost/cb",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "CURSOR://anysphere.cursor-mcp/oauth/callback",
    "cursor:/callback",
};

static const char *const REFUSED[] = {
    "",
    "callback",
    "/callback",
    "//evil.example/cb",
    "http://evil.example/cb",
    "http://localhost.evil.example/cb",
    "http://localhost:1@evil.example/",
    "http://localhost@evil.example/",
    "https://user:pw@app.example.com/cb",
    "https://@app.example.com/cb",
    "http://127.0.0.1.nip.io/cb",
    "http://127.0.0.1.evil.example/",
    "http://127.1/cb",
    "http://127.0.0.2/cb",
    "http://2130706433/cb",
    "http://0x7f000001/cb",
    "http://0.0.0.0/cb",
    "http://[::]/cb",
    "http://[::ffff:127.0.0.1]/cb",
    "http://localhost%2eevil.example/cb",
    "http://localhost\\@evil.example/cb",
    "https:\\\\evil.example\\cb",
    "http://localho\xc5\x9ft/cb",
    "http://localhost./cb",
    "http://sub.localhost/cb",
    "https://app.example.com/cb#fragment",
    "https://app.example.com/cb#",
    "https://app.example.com/a b",
    "https://app.example.com/a\nb",
    "https://app.example.com/a\tb",
    "https:///cb",
    "https:cb",
    "https://app.example.com:99999/cb",
    "javascript:alert(1)",
    "JavaScript://localhost/%0aalert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "blob:https://app.example.com/x",
    "vbscript:x",
    "about:blank",
    "ws://localhost/cb",
    "vscode://callback",
    "cursor2://callback",
    "cursor://user@anysphere/callback",
    "cursor://anysphere/callback#x",
};

START_TEST(what_clients_use_may_be_registered)
{
    ck_assert_msg(may_register(ALLOWED[_i]), "%s", ALLOWED[_i]);
}
END_TEST

START_TEST(what_leads_elsewhere_may_not_be_registered)
{
    ck_assert_msg(!may_register(REFUSED[_i]), "%s", REFUSED[_i]);
}
END_TEST

START_TEST(a_uri_of_more_than_2048_bytes_is_refused)
{
    char uri[2100] = "https://app.example.com/";
    memset(uri + strlen(uri), 'a', 2048 - strlen(uri));
    uri[2048] = '\0';
    ck_assert(may_register(uri));
    uri[2048] = 'a';
    uri[2049] = '\0';
    ck_assert(!may_register(uri));
}
END_TEST

START_TEST(loopback_matches_on_any_port)
{
    ck_assert(matches("http://localhost:3118/callback", "http://localhost:54321/callback"));
    ck_assert(matches("http://localhost:3118/callback", "http://localhost/callback"));
    ck_assert(matches("http://127.0.0.1/", "http://127.0.0.1:33418/"));
    ck_assert(matches("http://[::1]:1/cb?x=1", "http://[::1]:2/cb?x=1"));
}
END_TEST

START_TEST(loopback_names_are_not_interchangeable)
{
    static const char *const names[] = {"http://localhost:1/cb", "http://127.0.0.1:1/cb",
                                        "http://[::1]:1/cb"};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            ck_assert_int_eq(matches(names[i], names[k]), i == k);
        }
    }
}
END_TEST

/* Registered: http://localhost:3118/callback */
static const char *const TRICKS[] = {
    "http://localhost:1@evil.example/callback",
    "http://localhost:3118@evil.example/callback",
    "http://evil.example/callback",
    "http://evil.example:3118/callback",
    "http://localhost.evil.example:3118/callback",
    "http://localhost:3118.evil.example/callback",
    "http://127.0.0.1.nip.io:3118/callback",
    "http://localhost%2eevil.example/callback",
    "http://localhost\\.evil.example/callback",
    "http:\\\\localhost:3118\\callback",
    "//localhost:3118/callback",
    "//evil.example/callback",
    "https://localhost:3118/callback",
    "http://localhost:3118/callback/",
    "http://localhost:3118/Callback",
    "http://LOCALHOST:3118/callback",
    "http://localhost:3118/%63allback",
    "http://localhost:3118/x/../callback",
    "http://localhost:3118/x/%2e%2e/callback",
    "http://localhost:3118/callback?x=1",
    "http://localhost:3118/callback?",
    "http://localhost:3118/callback#x",
    "http://localhost:3118/callback#",
    "http://localhost:/callback",
    "http://localhost:0/callback",
    "http://localhost:65536/callback",
    "http://user@localhost:3118/callback",
    "http://localhost:3118/callback ",
    " http://localhost:3118/callback",
    "http://localhost:3118/callback\nhttp://evil.example",
    "http://localh\xd0\xbest:3118/callback",
    "",
};

START_TEST(nothing_but_the_port_may_differ)
{
    ck_assert_msg(!matches("http://localhost:3118/callback", TRICKS[_i]), "%s", TRICKS[_i]);
}
END_TEST

START_TEST(other_redirects_match_exactly)
{
    ck_assert(matches("https://vscode.dev/redirect", "https://vscode.dev/redirect"));
    ck_assert(!matches("https://vscode.dev/redirect", "https://vscode.dev:444/redirect"));
    ck_assert(!matches("https://vscode.dev/redirect", "https://vscode.dev:443/redirect"));
    ck_assert(!matches("https://vscode.dev/redirect", "https://VSCODE.dev/redirect"));
    ck_assert(!matches("https://vscode.dev/redirect", "https://vscode.dev/redirect/x"));
    ck_assert(!matches("https://localhost:1/cb", "https://localhost:2/cb"));
    ck_assert(matches("cursor://a/b", "cursor://a/b"));
    ck_assert(!matches("cursor://a/b", "cursor://a:5/b"));
    ck_assert(!matches("cursor://a/b", "CURSOR://a/b"));
}
END_TEST

START_TEST(any_line_of_the_registration_counts)
{
    const char *list = "https://vscode.dev/redirect\nhttp://127.0.0.1:33418/";
    ck_assert(gh_redirect_is_registered(list, GH_VIEW_LIT("https://vscode.dev/redirect")));
    ck_assert(gh_redirect_is_registered(list, GH_VIEW_LIT("http://127.0.0.1:5/")));
    ck_assert(!gh_redirect_is_registered(list, GH_VIEW_LIT("http://localhost:5/")));
    ck_assert(!gh_redirect_is_registered(list, gh_view_of(list)));
    ck_assert(!gh_redirect_is_registered("", GH_VIEW_LIT("")));
    ck_assert(!gh_redirect_is_registered(NULL, GH_VIEW_LIT("http://127.0.0.1:5/")));
}
END_TEST

static void assert_source(const char *uri, const char *place, const char *source)
{
    gh_buf out = GH_BUF_INIT(4096);
    ck_assert_int_eq(gh_redirect_write_place(gh_view_of(uri), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), place);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_redirect_write_source(gh_view_of(uri), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), source);
    gh_buf_free(&out);
}

START_TEST(place_and_policy_source_name_the_target)
{
    assert_source("http://localhost:3118/callback", "localhost:3118", "http://localhost:3118");
    assert_source("https://vscode.dev/redirect", "vscode.dev", "https://vscode.dev");
    assert_source("http://[::1]:7/cb", "[::1]:7", "http:");
    assert_source("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:", "cursor:");
    /* A capital I would pass for a small l. */
    assert_source("https://cIaude.ai/cb", "ciaude.ai", "https://ciaude.ai");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redirect");
    TCase *tc = tcase_create("redirect");
    tcase_add_loop_test(tc, what_clients_use_may_be_registered, 0, sizeof ALLOWED / sizeof *ALLOWED);
    tcase_add_loop_test(tc, what_leads_elsewhere_may_not_be_registered, 0, sizeof REFUSED / sizeof *REFUSED);
    tcase_add_test(tc, a_uri_of_more_than_2048_bytes_is_refused);
    tcase_add_test(tc, loopback_matches_on_any_port);
    tcase_add_test(tc, loopback_names_are_not_interchangeable);
    tcase_add_loop_test(tc, nothing_but_the_port_may_differ, 0, sizeof TRICKS / sizeof *TRICKS);
    tcase_add_test(tc, other_redirects_match_exactly);
    tcase_add_test(tc, any_line_of_the_registration_counts);
    tcase_add_test(tc, place_and_policy_source_name_the_target);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
