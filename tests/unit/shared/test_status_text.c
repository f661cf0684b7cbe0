#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

#define LIT(s) GH_VIEW_LIT(s)

START_TEST(every_status_has_its_own_name)
{
    for (int a = GH_OK; a <= GH_ERR_UNAVAILABLE; a++) {
        ck_assert_str_ne(gh_status_text((gh_status)a), "unknown status");
        for (int b = a + 1; b <= GH_ERR_UNAVAILABLE; b++) {
            ck_assert_str_ne(gh_status_text((gh_status)a), gh_status_text((gh_status)b));
        }
    }
    ck_assert_str_eq(gh_status_text((gh_status)999), "unknown status");
}
END_TEST

START_TEST(error_set_formats_and_returns_the_status)
{
    gh_error error;

    ck_assert_int_eq(gh_error_set(&error, GH_ERR_DENIED, "no %s for %d", "entry", 7), GH_ERR_DENIED);
    ck_assert_int_eq(error.status, GH_ERR_DENIED);
    ck_assert_str_eq(error.message, "no entry for 7");
    ck_assert_int_eq(gh_error_set(NULL, GH_ERR_IO, "nobody %s", "listens"), GH_ERR_IO);
}
END_TEST

START_TEST(error_message_may_be_wrapped_into_itself)
{
    gh_error error;

    (void)gh_error_set(&error, GH_ERR_IO, "disk gone");
    (void)gh_error_set(&error, error.status, "cannot save: %s", error.message);
    ck_assert_str_eq(error.message, "cannot save: disk gone");
}
END_TEST

START_TEST(error_message_is_printable_utf8)
{
    gh_error error;

    (void)gh_error_set(&error, GH_ERR_IO, "a\nb\x1b[31mc\x7f%s", "\xff\xc3\xa4\xed\xa0\x80");
    ck_assert_str_eq(error.message, "a?b?[31mc??\xc3\xa4???");
    /* A C1 control, a line separator, a right-to-left override: valid UTF-8, and all three drive a terminal.
     */
    (void)gh_error_set(&error, GH_ERR_IO, "a%sb",
                       "\xc2\x9b"
                       "31m\xe2\x80\xa8\xe2\x80\xae\xc2\xa0");
    ck_assert_str_eq(error.message, "a?31m??\xc2\xa0"
                                    "b");
}
END_TEST

START_TEST(long_error_message_ends_at_a_character)
{
    gh_error error;
    char text[2 * GH_ERROR_MESSAGE_MAX];

    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xf0\x9f\x8f\xb0", 5);
        }
        (void)gh_error_set(&error, GH_ERR_IO, "%s", text);
        ck_assert_uint_gt(strlen(error.message), GH_ERROR_MESSAGE_MAX - 8);
        ck_assert(gh_text_is_utf8(gh_view_of(error.message)));
        ck_assert_ptr_null(strchr(error.message, '?'));
    }
}
END_TEST

START_TEST(views_compare_by_content)
{
    ck_assert(gh_view_eq(LIT("abc"), gh_view_make("abcd", 3)));
    ck_assert(!gh_view_eq(LIT("abc"), LIT("abd")));
    ck_assert(!gh_view_eq(LIT("abc"), LIT("ab")));
    ck_assert(gh_view_eq(gh_view_of(NULL), LIT("")));
    ck_assert(gh_view_eq_cstr(LIT("x"), "x"));
    ck_assert(gh_view_eq_nocase(LIT("BeArEr"), LIT("bearer")));
    ck_assert(!gh_view_eq_nocase(LIT("\xc3\x84"), LIT("\xc3\xa4")));
    ck_assert(!gh_view_eq_nocase(LIT("["), LIT("{")));
}
END_TEST

START_TEST(prefix_and_suffix)
{
    ck_assert(gh_view_starts_with(LIT("/mcp/x"), LIT("/mcp")));
    ck_assert(!gh_view_starts_with(LIT("/mc"), LIT("/mcp")));
    ck_assert(gh_view_starts_with(LIT("a"), gh_view_of(NULL)));
    ck_assert(gh_view_starts_with_nocase(LIT("Bearer x"), LIT("bearer ")));
    ck_assert(gh_view_ends_with(LIT("file.json"), LIT(".json")));
    ck_assert(!gh_view_ends_with(LIT("json"), LIT(".json")));
    ck_assert(gh_view_ends_with(gh_view_of(NULL), gh_view_of(NULL)));
}
END_TEST

START_TEST(trim_takes_only_white_space)
{
    ck_assert(gh_view_eq_cstr(gh_view_trim(LIT(" \t\r\n a b \n")), "a b"));
    ck_assert_uint_eq(gh_view_trim(LIT(" \n ")).len, 0);
    ck_assert_uint_eq(gh_view_trim(gh_view_of(NULL)).len, 0);
    ck_assert(gh_view_eq_cstr(gh_view_trim(LIT("\v")), "\v"));
}
END_TEST

START_TEST(find_gives_the_length_when_absent)
{
    ck_assert_uint_eq(gh_view_find(LIT("a=b=c"), '='), 1);
    ck_assert_uint_eq(gh_view_find(LIT("abc"), '='), 3);
    ck_assert_uint_eq(gh_view_find(gh_view_of(NULL), '='), 0);
}
END_TEST

START_TEST(next_delivers_every_part_once)
{
    static const struct {
        const char *text;
        size_t parts;
        const char *last;
    } cases[] = {{"a,b,c", 3, "c"}, {"a,", 2, ""}, {",", 2, ""}, {"", 1, ""}, {"a", 1, "a"}, {",,x", 3, "x"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_view rest = gh_view_of(cases[i].text);
        gh_view part = {NULL, 0};
        size_t count = 0;

        while (gh_view_next(&rest, ',', &part)) {
            count++;
        }
        ck_assert_uint_eq(count, cases[i].parts);
        ck_assert(gh_view_eq_cstr(part, cases[i].last));
        ck_assert(!gh_view_next(&rest, ',', &part));
    }
}
END_TEST

START_TEST(integers_are_read_whole_or_not_at_all)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x10",
                                      "1e3",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    int64_t value = 42;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(gh_view_to_int64(gh_view_of(bad[i]), INT64_MIN, INT64_MAX, &value), GH_ERR_INVALID);
        ck_assert_int_eq(value, 42);
    }
    ck_assert_int_eq(gh_view_to_int64(LIT("9223372036854775807"), INT64_MIN, INT64_MAX, &value), GH_OK);
    ck_assert(value == INT64_MAX);
    ck_assert_int_eq(gh_view_to_int64(LIT("-9223372036854775808"), INT64_MIN, INT64_MAX, &value), GH_OK);
    ck_assert(value == INT64_MIN);
    ck_assert_int_eq(gh_view_to_int64(LIT("-0"), 0, 0, &value), GH_OK);
    ck_assert_int_eq(value, 0);
    ck_assert_int_eq(gh_view_to_int64(LIT("65535"), 1, 65535, &value), GH_OK);
    ck_assert_int_eq(value, 65535);
    ck_assert_int_eq(gh_view_to_int64(LIT("65536"), 1, 65535, &value), GH_ERR_INVALID);
    ck_assert_int_eq(gh_view_to_int64(LIT("0"), 1, 65535, &value), GH_ERR_INVALID);
}
END_TEST

START_TEST(dup_refuses_an_embedded_nul)
{
    char *copy = gh_view_dup(gh_view_make("abcd", 3));

    ck_assert_str_eq(copy, "abc");
    free(copy);
    ck_assert_ptr_null(gh_view_dup(gh_view_make("a\0b", 3)));
    copy = gh_view_dup(gh_view_of(NULL));
    ck_assert_str_eq(copy, "");
    free(copy);
    ck_assert_ptr_null(gh_text_dup(NULL));
}
END_TEST

START_TEST(utf8_is_strict)
{
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xe0\xa0",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x90\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "a\xe2\x82"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(gh_text_is_utf8(gh_view_of(good[i])), "good %zu", i);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!gh_text_is_utf8(gh_view_of(bad[i])), "bad %zu", i);
    }
    ck_assert_uint_eq(gh_utf8_width(gh_view_make("\xe2\x82\xac", 2)), 0);
    ck_assert_uint_eq(gh_utf8_width(LIT("\xe2\x82\xac")), 3);
}
END_TEST

START_TEST(control_characters_are_noticed)
{
    ck_assert(gh_text_has_control(LIT("a\nb")));
    ck_assert(gh_text_has_control(gh_view_make("a\0b", 3)));
    ck_assert(gh_text_has_control(LIT("\x7f")));
    ck_assert(!gh_text_has_control(LIT("a b \xc3\xa4~")));
}
END_TEST

START_TEST(scope_words_match_whole_words_only)
{
    ck_assert(gh_text_has_word(LIT("openid mcp email"), LIT("mcp")));
    ck_assert(!gh_text_has_word(LIT("openid mcps email"), LIT("mcp")));
    ck_assert(!gh_text_has_word(LIT("mcp:read"), LIT("mcp")));
    ck_assert(!gh_text_has_word(LIT("MCP"), LIT("mcp")));
    ck_assert(!gh_text_has_word(LIT("a  b"), LIT("")));
    ck_assert(!gh_text_has_word(gh_view_of(NULL), LIT("mcp")));
}
END_TEST

START_TEST(distance_counts_edits_up_to_the_limit)
{
    char longer[300];

    ck_assert_uint_eq(gh_text_distance("listen", "listen", 3), 0);
    ck_assert_uint_eq(gh_text_distance("lsten", "listen", 3), 1);
    ck_assert_uint_eq(gh_text_distance("kitten", "sitting", 5), 3);
    ck_assert_uint_eq(gh_text_distance("kitten", "sitting", 2), 3);
    ck_assert_uint_eq(gh_text_distance("", "abc", 9), 3);
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ck_assert_uint_eq(gh_text_distance(longer, "a", 5), 6);
    ck_assert_uint_eq(gh_text_distance(longer, longer, 5), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status and text");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, every_status_has_its_own_name);
    tcase_add_test(tc, error_set_formats_and_returns_the_status);
    tcase_add_test(tc, error_message_may_be_wrapped_into_itself);
    tcase_add_test(tc, error_message_is_printable_utf8);
    tcase_add_test(tc, long_error_message_ends_at_a_character);
    tcase_add_test(tc, views_compare_by_content);
    tcase_add_test(tc, prefix_and_suffix);
    tcase_add_test(tc, trim_takes_only_white_space);
    tcase_add_test(tc, find_gives_the_length_when_absent);
    tcase_add_test(tc, next_delivers_every_part_once);
    tcase_add_test(tc, integers_are_read_whole_or_not_at_all);
    tcase_add_test(tc, dup_refuses_an_embedded_nul);
    tcase_add_test(tc, utf8_is_strict);
    tcase_add_test(tc, control_characters_are_noticed);
    tcase_add_test(tc, scope_words_match_whole_words_only);
    tcase_add_test(tc, distance_counts_edits_up_to_the_limit);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
