#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"

START_TEST(appends_grow_and_stay_terminated)
{
    gh_buf buf = GH_BUF_INIT(100000);

    ck_assert_str_eq(gh_buf_cstr(&buf), "");
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(gh_buf_append_char(&buf, (char)('a' + i % 26)), GH_OK);
    }
    ck_assert_uint_eq(buf.len, 10000);
    ck_assert_uint_eq(strlen(gh_buf_cstr(&buf)), 10000);
    ck_assert_int_eq(buf.data[9999], 'a' + 9999 % 26);
    gh_buf_free(&buf);
    gh_buf_free(&buf);
    gh_buf_free(NULL);
    ck_assert_uint_eq(buf.max, 100000);
}
END_TEST

START_TEST(ceiling_is_exact_and_leaves_the_content)
{
    gh_buf buf = GH_BUF_INIT(8);

    ck_assert_int_eq(gh_buf_append(&buf, "12345678", 8), GH_OK);
    ck_assert_int_eq(gh_buf_append(&buf, "", 0), GH_OK);
    ck_assert_int_eq(gh_buf_append_char(&buf, '9'), GH_ERR_TOO_LARGE);
    ck_assert_str_eq(gh_buf_cstr(&buf), "12345678");
    gh_buf_free(&buf);
}
END_TEST

START_TEST(first_error_sticks_until_cleared)
{
    gh_buf buf = GH_BUF_INIT(4);

    (void)gh_buf_append_cstr(&buf, "abc");
    (void)gh_buf_append_cstr(&buf, "too long");
    ck_assert_int_eq(gh_buf_append_char(&buf, 'd'), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_buf_status(&buf), GH_ERR_TOO_LARGE);
    ck_assert_str_eq(gh_buf_cstr(&buf), "abc");
    gh_buf_clear(&buf);
    ck_assert_int_eq(gh_buf_append_char(&buf, 'd'), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "d");
    gh_buf_free(&buf);
}
END_TEST

START_TEST(formatted_text_of_any_length)
{
    gh_buf buf = GH_BUF_INIT(5000);
    char word[1001];

    memset(word, 'w', 1000);
    word[1000] = '\0';
    ck_assert_int_eq(gh_buf_appendf(&buf, "%d-%s-%d", 1, word, 2), GH_OK);
    ck_assert_uint_eq(buf.len, 1004);
    ck_assert_str_eq(gh_buf_cstr(&buf) + 1000, "ww-2");
    ck_assert_int_eq(gh_buf_appendf(&buf, "%s%s%s%s", word, word, word, word), GH_ERR_TOO_LARGE);
    ck_assert_uint_eq(buf.len, 1004);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(reserve_keeps_the_block_in_place)
{
    gh_buf buf = GH_BUF_INIT(1000);
    const char *before = NULL;

    ck_assert_int_eq(gh_buf_reserve(&buf, 1000), GH_OK);
    before = buf.data;
    for (int i = 0; i < 1000; i++) {
        (void)gh_buf_append_char(&buf, 's');
    }
    ck_assert_int_eq(gh_buf_status(&buf), GH_OK);
    ck_assert_ptr_eq(buf.data, before);
    gh_buf_wipe_free(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_int_eq(gh_buf_reserve(&buf, 1001), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(consume_drops_from_the_front)
{
    gh_buf buf = GH_BUF_INIT(100);

    gh_buf_consume(&buf, 5);
    (void)gh_buf_append_cstr(&buf, "line1\nline2");
    gh_buf_consume(&buf, 6);
    ck_assert_str_eq(gh_buf_cstr(&buf), "line2");
    gh_buf_consume(&buf, 99);
    ck_assert_str_eq(gh_buf_cstr(&buf), "");
    ck_assert_uint_eq(buf.len, 0);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(steal_hands_the_text_over)
{
    gh_buf buf = GH_BUF_INIT(100);
    char *text = NULL;

    (void)gh_buf_append_view(&buf, gh_view_make("mine!", 4));
    text = gh_buf_steal(&buf);
    ck_assert_str_eq(text, "mine");
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_ptr_null(buf.data);
    free(text);
    text = gh_buf_steal(&buf);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

START_TEST(steal_from_a_failed_buffer_gives_nothing)
{
    gh_buf buf = GH_BUF_INIT(2);

    (void)gh_buf_append_cstr(&buf, "ab");
    (void)gh_buf_append_cstr(&buf, "c");
    ck_assert_ptr_null(gh_buf_steal(&buf));
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_int_eq(gh_buf_status(&buf), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(ceiling_of_zero_takes_nothing)
{
    gh_buf buf;
    char *text = NULL;

    gh_buf_init(&buf, 0);
    ck_assert_int_eq(gh_buf_append(&buf, NULL, 0), GH_OK);
    ck_assert_int_eq(gh_buf_append_char(&buf, 'x'), GH_ERR_TOO_LARGE);
    gh_buf_clear(&buf);
    text = gh_buf_steal(&buf);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bytes");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, appends_grow_and_stay_terminated);
    tcase_add_test(tc, ceiling_is_exact_and_leaves_the_content);
    tcase_add_test(tc, first_error_sticks_until_cleared);
    tcase_add_test(tc, formatted_text_of_any_length);
    tcase_add_test(tc, reserve_keeps_the_block_in_place);
    tcase_add_test(tc, consume_drops_from_the_front);
    tcase_add_test(tc, steal_hands_the_text_over);
    tcase_add_test(tc, steal_from_a_failed_buffer_gives_nothing);
    tcase_add_test(tc, ceiling_of_zero_takes_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
