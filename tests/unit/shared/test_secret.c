#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"

START_TEST(secret_is_a_copy)
{
    char text[] = "hunter2";
    gh_secret *secret = gh_secret_new(gh_view_of(text));

    text[0] = 'H';
    ck_assert(gh_view_eq_cstr(gh_secret_view(secret), "hunter2"));
    ck_assert_int_eq(gh_secret_view(secret).ptr[7], '\0');
    gh_secret_free(secret);
}
END_TEST

START_TEST(secret_may_hold_any_bytes)
{
    gh_secret *secret = gh_secret_new(gh_view_make("a\0b", 3));

    ck_assert(gh_secret_equals(secret, gh_view_make("a\0b", 3)));
    ck_assert(!gh_secret_equals(secret, gh_view_make("a\0c", 3)));
    gh_secret_free(secret);
    secret = gh_secret_new(gh_view_of(NULL));
    ck_assert_uint_eq(gh_secret_view(secret).len, 0);
    ck_assert(gh_secret_equals(secret, gh_view_of("")));
    gh_secret_free(secret);
}
END_TEST

START_TEST(no_secret_equals_nothing)
{
    ck_assert_uint_eq(gh_secret_view(NULL).len, 0);
    ck_assert(!gh_secret_equals(NULL, gh_view_of("")));
    ck_assert(!gh_secret_equals(NULL, gh_view_of("x")));
    gh_secret_free(NULL);
}
END_TEST

START_TEST(comparison_needs_all_of_it)
{
    gh_secret *secret = gh_secret_new(gh_view_of("abcdef"));

    ck_assert(gh_secret_equals(secret, gh_view_of("abcdef")));
    ck_assert(!gh_secret_equals(secret, gh_view_of("abcde")));
    ck_assert(!gh_secret_equals(secret, gh_view_of("abcdefg")));
    ck_assert(!gh_secret_equals(secret, gh_view_of("abcdeg")));
    ck_assert(!gh_secret_equals(secret, gh_view_of("")));
    gh_secret_free(secret);
    ck_assert(gh_equal_constant_time(gh_view_of(NULL), gh_view_of("")));
}
END_TEST

START_TEST(wipe_zeroes_exactly_what_it_is_given)
{
    char text[] = "0123456789";

    gh_wipe(text + 2, 3);
    ck_assert_int_eq(memcmp(text,
                            "01\0\0\0"
                            "56789",
                            10),
                     0);
    gh_wipe(NULL, 0);
    gh_wipe_free(NULL);
    gh_wipe_free(strdup("gone"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secret");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, secret_is_a_copy);
    tcase_add_test(tc, secret_may_hold_any_bytes);
    tcase_add_test(tc, no_secret_equals_nothing);
    tcase_add_test(tc, comparison_needs_all_of_it);
    tcase_add_test(tc, wipe_zeroes_exactly_what_it_is_given);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
