#include <check.h>

#include "shared/oauth/discovery.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

typedef struct sample {
    const char *url;
    const char *candidates[GH_DISCOVERY_MAX];
} sample;

static void ck_candidates(const gh_discovery *found, const sample *expected)
{
    size_t count = 0;
    while (count < GH_DISCOVERY_MAX && expected->candidates[count] != NULL) {
        count++;
    }
    ck_assert_uint_eq(found->count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_str_eq(found->urls[i], expected->candidates[i]);
    }
}

static const sample RESOURCES[] = {
    {"https://h/mcp",
     {"https://h/.well-known/oauth-protected-resource/mcp",
      "https://h/.well-known/oauth-protected-resource"}},
    {"HTTP://LocalHost:8080/a/b/",
     {"http://localhost:8080/.well-known/oauth-protected-resource/a/b",
      "http://localhost:8080/.well-known/oauth-protected-resource"}},
    {"https://h", {"https://h/.well-known/oauth-protected-resource"}},
    {"https://h:443/", {"https://h/.well-known/oauth-protected-resource"}},
    {"https://h/mcp?t=1",
     {"https://h/.well-known/oauth-protected-resource/mcp?t=1",
      "https://h/.well-known/oauth-protected-resource"}},
};

START_TEST(resource_metadata_is_looked_for_below_the_path_then_at_the_root)
{
    gh_discovery found;
    ck_assert_int_eq(gh_discovery_resource(gh_view_of(RESOURCES[_i].url), &found, NULL), GH_OK);
    ck_candidates(&found, &RESOURCES[_i]);
    gh_discovery_clear(&found);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

static const sample ISSUERS[] = {
    {"https://h",
     {"https://h/.well-known/oauth-authorization-server", "https://h/.well-known/openid-configuration"}},
    {"https://h/",
     {"https://h/.well-known/oauth-authorization-server", "https://h/.well-known/openid-configuration"}},
    {"https://auth.example.com/tenant1",
     {"https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
      "https://auth.example.com/.well-known/openid-configuration/tenant1",
      "https://auth.example.com/tenant1/.well-known/openid-configuration"}},
    {"https://a:9443/application/o/app/",
     {"https://a:9443/.well-known/oauth-authorization-server/application/o/app",
      "https://a:9443/.well-known/openid-configuration/application/o/app",
      "https://a:9443/application/o/app/.well-known/openid-configuration"}},
};

START_TEST(server_metadata_is_looked_for_in_the_order_of_the_specification)
{
    gh_discovery found;
    ck_assert_int_eq(gh_discovery_issuer(gh_view_of(ISSUERS[_i].url), &found, NULL), GH_OK);
    ck_candidates(&found, &ISSUERS[_i]);
    gh_discovery_clear(&found);
}
END_TEST

static const char *const BAD[] = {
    "",           "h/mcp",        "ftp://h/",          "https://u:p@h/", "https://h/#f",
    "mailto:a@b", "https://h:0/", "https://h/\r\nX: y"};

START_TEST(other_urls_are_refused_with_a_sentence)
{
    gh_discovery found;
    gh_error error = {.message = ""};
    ck_assert_int_ne(gh_discovery_resource(gh_view_of(BAD[_i]), &found, &error), GH_OK);
    ck_assert_str_ne(error.message, "");
    error.message[0] = '\0';
    ck_assert_int_ne(gh_discovery_issuer(gh_view_of(BAD[_i]), &found, &error), GH_OK);
    ck_assert_str_ne(error.message, "");
}
END_TEST

START_TEST(an_issuer_has_no_query)
{
    gh_discovery found;
    ck_assert_int_eq(gh_discovery_issuer(GH_VIEW_LIT("https://h/?x"), &found, NULL), GH_ERR_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("discovery");
    TCase *tests = tcase_create("discovery");
    tcase_add_loop_test(tests, resource_metadata_is_looked_for_below_the_path_then_at_the_root, 0,
                        COUNT(RESOURCES));
    tcase_add_loop_test(tests, server_metadata_is_looked_for_in_the_order_of_the_specification, 0,
                        COUNT(ISSUERS));
    tcase_add_loop_test(tests, other_urls_are_refused_with_a_sentence, 0, COUNT(BAD));
    tcase_add_test(tests, an_issuer_has_no_query);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
