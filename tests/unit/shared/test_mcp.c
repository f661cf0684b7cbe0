#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/rpc/mcp.h"

#define LIT(s) GH_VIEW_LIT(s)

START_TEST(versions_are_newest_first_and_of_an_era)
{
    ck_assert_str_eq(GH_MCP_VERSIONS[0], "2026-07-28");
    for (size_t i = 0; i < GH_MCP_VERSIONS_COUNT; i++) {
        ck_assert_int_eq(gh_mcp_version_era(gh_view_of(GH_MCP_VERSIONS[i])),
                         i == 0 ? GH_MCP_ERA_MODERN : GH_MCP_ERA_LEGACY);
        if (i > 0) {
            ck_assert_int_gt(strcmp(GH_MCP_VERSIONS[i - 1], GH_MCP_VERSIONS[i]), 0);
        }
    }
    ck_assert_int_eq(gh_mcp_version_era(LIT("2024-11-05")), GH_MCP_ERA_LEGACY);
    ck_assert_int_eq(gh_mcp_version_era(LIT("2027-01-01")), GH_MCP_ERA_UNKNOWN);
    ck_assert_int_eq(gh_mcp_version_era(LIT("2025-11-25 ")), GH_MCP_ERA_UNKNOWN);
    ck_assert_int_eq(gh_mcp_version_era(LIT("")), GH_MCP_ERA_UNKNOWN);
}
END_TEST

START_TEST(later_dates_look_modern)
{
    ck_assert(gh_mcp_version_looks_modern(LIT("2026-07-28")));
    ck_assert(gh_mcp_version_looks_modern(LIT("2026-07-29")));
    ck_assert(gh_mcp_version_looks_modern(LIT("2027-01-01")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("2026-07-27")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("2025-12-31")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("9999")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("2026/07/28")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("2026-07-2x")));
    ck_assert(!gh_mcp_version_looks_modern(LIT("2026-07-280")));
    ck_assert(!gh_mcp_version_looks_modern(gh_view_of(NULL)));
}
END_TEST

/* The examples of the specification (2026-07-28, streamable HTTP, value encoding), and edges. */
START_TEST(header_values_go_there_and_back)
{
    static const char *const cases[][2] = {
        {"us-west1", "us-west1"},
        {"Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="},
        {" padded ", "=?base64?IHBhZGRlZCA=?="},
        {"line1\nline2", "=?base64?bGluZTEKbGluZTI=?="},
        {"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="},
        {"=?BASE64?x?=", "=?BASE64?x?="},
        {"a b", "a b"},
        {"", ""},
        {"tab\tinside", "=?base64?dGFiCWluc2lkZQ==?="},
        {"\x7f", "=?base64?fw==?="},
    };
    gh_buf buf = GH_BUF_INIT(1000);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_buf_clear(&buf);
        ck_assert_int_eq(gh_mcp_header_encode(gh_view_of(cases[i][0]), &buf), GH_OK);
        ck_assert_str_eq(gh_buf_cstr(&buf), cases[i][1]);
        gh_buf_clear(&buf);
        ck_assert_int_eq(gh_mcp_header_decode(gh_view_of(cases[i][1]), &buf), GH_OK);
        ck_assert_str_eq(gh_buf_cstr(&buf), cases[i][0]);
    }
    gh_buf_free(&buf);
}
END_TEST

START_TEST(plain_values_lose_the_white_space_around_them)
{
    gh_buf buf = GH_BUF_INIT(100);

    ck_assert_int_eq(gh_mcp_header_decode(LIT(" \ttools/call "), &buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "tools/call");
    gh_buf_clear(&buf);
    ck_assert_int_eq(gh_mcp_header_decode(LIT("a\tb"), &buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "a\tb");
    gh_buf_free(&buf);
}
END_TEST

START_TEST(illegal_header_values_are_refused)
{
    static const char *const bad[] = {"\xc3\xa4",
                                      "a\nb",
                                      "a\x01",
                                      "\x7f",
                                      "=?base64?SGVsbG8?=",
                                      "=?base64?SGVs bG8=?=",
                                      "=?base64?SGVsbG9=?=",
                                      "=?base64?****?=",
                                      "=?base64?/w==?=",
                                      "=?base64?SGVs?=bG8=?="};
    gh_buf buf = GH_BUF_INIT(1000);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gh_buf_clear(&buf);
        ck_assert_msg(gh_mcp_header_decode(gh_view_of(bad[i]), &buf) == GH_ERR_INVALID, "%s", bad[i]);
    }
    gh_buf_free(&buf);
}
END_TEST

START_TEST(header_codec_minds_the_ceiling)
{
    gh_buf buf = GH_BUF_INIT(10);

    ck_assert_int_eq(gh_mcp_header_encode(LIT("\xc3\xa4"), &buf), GH_ERR_TOO_LARGE);
    gh_buf_clear(&buf);
    ck_assert_int_eq(gh_mcp_header_decode(LIT("0123456789a"), &buf), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mcp");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, versions_are_newest_first_and_of_an_era);
    tcase_add_test(tc, later_dates_look_modern);
    tcase_add_test(tc, header_values_go_there_and_back);
    tcase_add_test(tc, plain_values_lose_the_white_space_around_them);
    tcase_add_test(tc, illegal_header_values_are_refused);
    tcase_add_test(tc, header_codec_minds_the_ceiling);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
