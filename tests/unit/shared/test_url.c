#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/net/url.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static gh_url parsed(const char *text)
{
    gh_url url;
    gh_error error;
    gh_status status = gh_url_parse(gh_view_of(text), &url, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", text, error.message);
    return url;
}

static void ck_view(gh_view view, const char *expected)
{
    ck_assert_msg(gh_view_eq_cstr(view, expected), "'%.*s' is not '%s'", (int)view.len, view.ptr, expected);
}

START_TEST(all_parts_are_found)
{
    gh_url url = parsed("HTTPS://user:pw@Example.com:8443/a/b%20c?x=1&y=/?#frag/?");
    ck_view(url.scheme, "HTTPS");
    ck_view(url.userinfo, "user:pw");
    ck_view(url.host, "Example.com");
    ck_assert_uint_eq(url.port, 8443);
    ck_view(url.path, "/a/b%20c");
    ck_view(url.query, "x=1&y=/?");
    ck_view(url.fragment, "frag/?");
    ck_assert(url.has_authority && url.has_userinfo && url.has_port && url.has_query && url.has_fragment);
    ck_assert(gh_url_is_http(&url) && gh_url_is_https(&url));
}
END_TEST

START_TEST(missing_parts_are_told_from_empty_ones)
{
    gh_url bare = parsed("http://h");
    ck_view(bare.path, "");
    ck_assert_uint_eq(bare.port, 80);
    ck_assert(!bare.has_port && !bare.has_query && !bare.has_fragment && !bare.has_userinfo);
    gh_url empty = parsed("https://@h/?#");
    ck_assert(empty.has_query && empty.has_fragment && empty.has_userinfo);
    ck_assert_uint_eq(empty.query.len + empty.fragment.len + empty.userinfo.len, 0);
    ck_assert_uint_eq(empty.port, 443);
}
END_TEST

START_TEST(private_schemes_are_parsed_without_an_authority)
{
    gh_url url = parsed("com.example.app:/callback?x=1");
    ck_view(url.scheme, "com.example.app");
    ck_view(url.path, "/callback");
    ck_assert(!url.has_authority && !gh_url_is_http(&url));
    ck_assert_uint_eq(url.port, 0);
    url = parsed("cursor://anysphere.cursor-mcp/oauth/callback");
    ck_view(url.host, "anysphere.cursor-mcp");
    ck_view(url.path, "/oauth/callback");
}
END_TEST

static const char *const IPV6[] = {
    "::1", "::", "fe80::1", "2001:db8:0:0:0:0:2:1", "::ffff:127.0.0.1", "1::", "1:2:3:4:5:6:7.8.9.10"};

START_TEST(ipv6_hosts_come_without_brackets)
{
    char text[96] = "http://[";
    ck_assert_uint_lt(strlen(IPV6[_i]) + 20, sizeof text);
    memcpy(text + 8, IPV6[_i], strlen(IPV6[_i]));
    memcpy(text + 8 + strlen(IPV6[_i]), "]:9/p", 6);
    gh_url url = parsed(text);
    ck_view(url.host, IPV6[_i]);
    ck_assert(url.host_is_ipv6);
    ck_assert_uint_eq(url.port, 9);
}
END_TEST

static const char *const BAD[] = {
    "",
    "example.com",
    "/path",
    "://h",
    "1http://h",
    "ht tp://h",
    "http:",
    "http://",
    "http:///p",
    "http:/p",
    "http://:80/",
    "http://h:0/",
    "http://h:65536/",
    "http://h:80a/",
    "http://h:/",
    "http://h:-1/",
    "http://h:+1/",
    "http://h /",
    "http://h/\tx",
    "http://h/\x7f",
    "http://h/\\x",
    "http://\\h/",
    "http://h/%",
    "http://h/%2",
    "http://h/%zz",
    "http://h/\xc3\xa9",
    "http://h\xc3\xa9/",
    "http://h/a b",
    "http://h/<x>",
    "http://h/?q=\"x\"",
    "http://h/#a#b",
    "http://a@b@c/",
    "http://[::1/",
    "http://[::1]x/",
    "http://[:::1]/",
    "http://[1:2:3]/",
    "http://[::1::2]/",
    "http://[12345::]/",
    "http://[1:2:3:4:5:6:7:8:9]/",
    "http://[::ffff:256.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://::1/",
    "http://h^/",
    "http://a..b/",
    "http://localhost./",
    "http://%6cocalhost/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://a(b)/",
};

START_TEST(malformed_urls_are_refused_with_a_sentence)
{
    gh_url url;
    gh_error error = {.message = ""};
    ck_assert_msg(gh_url_parse(gh_view_of(BAD[_i]), &url, &error) == GH_ERR_PARSE, "accepted: %s", BAD[_i]);
    ck_assert_str_ne(error.message, "");
}
END_TEST

START_TEST(a_nul_inside_is_refused)
{
    gh_url url;
    ck_assert_int_eq(gh_url_parse(GH_VIEW_LIT("http://h/\0x"), &url, NULL), GH_ERR_PARSE);
}
END_TEST

START_TEST(length_is_bounded)
{
    char text[GH_URL_MAX + 1];
    gh_url url;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < 9; i++) {
        text[i] = "http://h/"[i];
    }
    ck_assert_int_eq(gh_url_parse(gh_view_make(text, GH_URL_MAX), &url, NULL), GH_OK);
    ck_assert_int_eq(gh_url_parse(gh_view_make(text, GH_URL_MAX + 1), &url, NULL), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(loopback_hosts_are_known_in_their_spellings)
{
    static const char *const YES[] = {"localhost",   "LocalHost", "127.0.0.1",
                                      "127.255.0.9", "::1",       "0:0:0:0:0:0:0:1"};
    static const char *const NO[] = {"",
                                     "localhost.example.com",
                                     "127.0.0.1.example.com",
                                     "128.0.0.1",
                                     "127.0.0",
                                     "127.0.0.01",
                                     "::2",
                                     "localhostx",
                                     "127.0.0.256"};
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++) {
        ck_assert_msg(gh_host_is_loopback(gh_view_of(YES[i])), "%s", YES[i]);
    }
    for (size_t i = 0; i < sizeof NO / sizeof *NO; i++) {
        ck_assert_msg(!gh_host_is_loopback(gh_view_of(NO[i])), "%s", NO[i]);
    }
    gh_url url = parsed("http://[::1]:1/");
    ck_assert(gh_url_is_loopback(&url));
}
END_TEST

START_TEST(link_local_and_local_hosts_are_known)
{
    static const char *const LINK[] = {"169.254.169.254", "fe80::1", "FEBF::2", "::ffff:169.254.1.1"};
    static const char *const LOCAL[] = {
        "app.localhost", "0.0.0.0", "0.1.2.3", "::", "::ffff:127.0.0.1", "::127.0.0.1", "localhost"};
    static const char *const NEITHER[] = {"169.253.1.1", "fec0::1",      "example.com",   "10.0.0.1",
                                          "2001:db8::1", "notlocalhost", "::ffff:8.8.8.8"};
    for (size_t i = 0; i < sizeof LINK / sizeof *LINK; i++) {
        ck_assert_msg(gh_host_is_link_local(gh_view_of(LINK[i])), "%s", LINK[i]);
        ck_assert_msg(gh_host_is_local(gh_view_of(LINK[i])), "%s", LINK[i]);
    }
    for (size_t i = 0; i < sizeof LOCAL / sizeof *LOCAL; i++) {
        ck_assert_msg(gh_host_is_local(gh_view_of(LOCAL[i])), "%s", LOCAL[i]);
        ck_assert_msg(!gh_host_is_link_local(gh_view_of(LOCAL[i])), "%s", LOCAL[i]);
    }
    for (size_t i = 0; i < sizeof NEITHER / sizeof *NEITHER; i++) {
        ck_assert_msg(!gh_host_is_local(gh_view_of(NEITHER[i])), "%s", NEITHER[i]);
        ck_assert_msg(!gh_host_is_link_local(gh_view_of(NEITHER[i])), "%s", NEITHER[i]);
    }
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    bool same;
} ORIGINS[] = {
    {"https://h/a", "HTTPS://H:443/b", true}, {"http://h", "http://h:80", true},
    {"http://h", "https://h", false},         {"http://h:1", "http://h:2", false},
    {"http://h", "http://i", false},          {"http://h:443", "https://h", false},
};

START_TEST(origins_compare_by_scheme_host_and_effective_port)
{
    gh_url a = parsed(ORIGINS[_i].a);
    gh_url b = parsed(ORIGINS[_i].b);
    ck_assert_int_eq(gh_url_same_origin(&a, &b), ORIGINS[_i].same);
    ck_assert_int_eq(gh_url_same_origin(&b, &a), ORIGINS[_i].same);
}
END_TEST

static const struct {
    const char *resource;
    const char *url;
    bool covers;
} RESOURCES[] = {
    {"https://h/mcp", "https://h/mcp", true},
    {"HTTPS://H:443/mcp", "https://h/mcp", true},
    {"https://h/mcp/", "https://h/mcp", true},
    {"https://h/mcp", "https://h/mcp/", true},
    {"https://h", "https://h/mcp", true},
    {"https://h/", "https://h/mcp", true},
    {"https://h/a", "https://h/a/mcp?x=1", true},
    {"https://h/mcp", "https://h/mcp2", false},
    {"https://h/mcp", "https://h/MCP", false},
    {"https://h/mcp/x", "https://h/mcp", false},
    {"https://h/mcp", "http://h/mcp", false},
    {"https://h/mcp", "https://i/mcp", false},
    {"https://h:1/mcp", "https://h/mcp", false},
    {"https://h/mcp#f", "https://h/mcp", false},
    {"https://u@h/mcp", "https://h/mcp", false},
    {"https://h/a", "https://h/a/../b", false},
    {"https://h/a", "https://h/a/%2e%2E/b", false},
    {"https://h/a", "https://h/a/.%2e", false},
    {"https://h/a", "https://h/a/...", true},
    {"https://h/mcp?t=1", "https://h/mcp?t=1", true},
    {"https://h/mcp?t=1", "https://h/mcp?t=2", false},
    {"https://h/mcp?t=1", "https://h/mcp", false},
};

START_TEST(a_resource_covers_itself_and_what_is_below_it)
{
    gh_url resource = parsed(RESOURCES[_i].resource);
    gh_url url = parsed(RESOURCES[_i].url);
    ck_assert_msg(gh_url_resource_covers(&resource, &url) == RESOURCES[_i].covers, "%s over %s",
                  RESOURCES[_i].resource, RESOURCES[_i].url);
}
END_TEST

static const char *const WRITTEN[][2] = {
    {"HTTP://ExAmple.com:80/a", "http://example.com"},
    {"https://h:443", "https://h"},
    {"https://h:8443/x?y", "https://h:8443"},
    {"http://[FE80::A]:8080/", "http://[fe80::a]:8080"},
    {"https://u:p@h/", "https://h"},
};

START_TEST(an_origin_is_written_in_lower_case_without_default_ports_or_users)
{
    gh_buf out = GH_BUF_INIT(128);
    gh_url url = parsed(WRITTEN[_i][0]);
    ck_assert_int_eq(gh_url_write_origin(&url, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), WRITTEN[_i][1]);
    gh_buf_free(&out);
}
END_TEST

START_TEST(percent_encoding_keeps_only_unreserved_characters)
{
    gh_buf out = GH_BUF_INIT(128);
    ck_assert_int_eq(gh_url_encode(GH_VIEW_LIT("aZ09-._~ +/?&=\xc3\xa9"), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "aZ09-._~%20%2B%2F%3F%26%3D%C3%A9");
    gh_buf_free(&out);
}
END_TEST

START_TEST(percent_decoding_is_strict)
{
    gh_buf out = GH_BUF_INIT(128);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%2Bb+c%c3%A9"), false, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "a+b+c\xc3\xa9");
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%2Bb+c"), true, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "a+b c");
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%"), false, &out), GH_ERR_PARSE);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%4"), false, &out), GH_ERR_PARSE);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%g0"), false, &out), GH_ERR_PARSE);
    ck_assert_int_eq(gh_url_decode(GH_VIEW_LIT("a%00"), false, &out), GH_ERR_PARSE);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("url");
    TCase *tests = tcase_create("url");
    tcase_add_test(tests, all_parts_are_found);
    tcase_add_test(tests, missing_parts_are_told_from_empty_ones);
    tcase_add_test(tests, private_schemes_are_parsed_without_an_authority);
    tcase_add_loop_test(tests, ipv6_hosts_come_without_brackets, 0, COUNT(IPV6));
    tcase_add_loop_test(tests, malformed_urls_are_refused_with_a_sentence, 0, COUNT(BAD));
    tcase_add_test(tests, a_nul_inside_is_refused);
    tcase_add_test(tests, length_is_bounded);
    tcase_add_test(tests, loopback_hosts_are_known_in_their_spellings);
    tcase_add_test(tests, link_local_and_local_hosts_are_known);
    tcase_add_loop_test(tests, origins_compare_by_scheme_host_and_effective_port, 0, COUNT(ORIGINS));
    tcase_add_loop_test(tests, a_resource_covers_itself_and_what_is_below_it, 0, COUNT(RESOURCES));
    tcase_add_loop_test(tests, an_origin_is_written_in_lower_case_without_default_ports_or_users, 0,
                        COUNT(WRITTEN));
    tcase_add_test(tests, percent_encoding_keeps_only_unreserved_characters);
    tcase_add_test(tests, percent_decoding_is_strict);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
