#include <check.h>
#include <stdio.h>

#include "server/auth/scope_table.h"
#include "tests/support/suite.h"

static gh_scope_table *table_of(const gh_scope_row *rows, size_t count)
{
    gh_scope_table *table = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_scope_table_new(rows, count, &table, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    return table;
}

START_TEST(lists_follow_rfc_6749)
{
    static const char *const good[] = {"a", "orders:read", "a b", "!~ #[]^", "https://x/y.z a"};
    static const char *const bad[] = {"",     " ",    "a ",   " a",       "a  b", "a\tb",
                                      "a\"b", "a\\b", "\x7f", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(gh_scope_is_list(gh_view_of(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!gh_scope_is_list(gh_view_of(bad[i])), "%s", bad[i]);
    }
    ck_assert(!gh_scope_is_list(gh_view_make("a\0b", 3)));
}
END_TEST

START_TEST(without_a_table_each_scope_stands_for_itself)
{
    ck_assert(gh_scope_covers(NULL, "mcp orders:read", "orders:read"));
    ck_assert(gh_scope_covers(NULL, "b a", "a b"));
    ck_assert(gh_scope_covers(NULL, "", ""));
    ck_assert(gh_scope_covers(NULL, NULL, NULL));
    ck_assert(!gh_scope_covers(NULL, "orders", "orders:read"));
    ck_assert(!gh_scope_covers(NULL, "orders:readers", "orders:read"));
    ck_assert(!gh_scope_covers(NULL, "a", "a b"));
    ck_assert(!gh_scope_covers(NULL, NULL, "a"));
    gh_scope_table_release(gh_scope_table_hold(NULL));
}
END_TEST

START_TEST(who_has_one_has_what_it_stands_for_and_so_on)
{
    static const gh_scope_row rows[] = {{"write", "read"},
                                        {"admin", "write users"},
                                        {"write", "comment"},
                                        {"users", NULL},
                                        {"root", "admin"}};
    gh_scope_table *table = table_of(rows, 5);
    ck_assert(gh_scope_covers(table, "write", "read comment write"));
    ck_assert(gh_scope_covers(table, "root", "read users comment"));
    ck_assert(gh_scope_covers(table, "users write", "read users"));
    ck_assert(gh_scope_covers(table, "other", "other"));
    ck_assert(!gh_scope_covers(table, "read", "write"));
    ck_assert(!gh_scope_covers(table, "write", "users"));
    ck_assert(!gh_scope_covers(table, "root", "read unknown"));
    ck_assert(!gh_scope_covers(table, "roo", "read"));
    ck_assert(!gh_scope_covers(table, "rooted", "read"));
    gh_scope_table_release(table);
}
END_TEST

START_TEST(circles_are_fine)
{
    static const gh_scope_row rows[] = {{"a", "b"}, {"b", "c"}, {"c", "a"}, {"self", "self"}};
    gh_scope_table *table = table_of(rows, 4);
    ck_assert(gh_scope_covers(table, "a", "b c"));
    ck_assert(gh_scope_covers(table, "c", "a b"));
    ck_assert(gh_scope_covers(table, "self", "self"));
    ck_assert(!gh_scope_covers(table, "self", "a"));
    gh_scope_table_release(table);
}
END_TEST

START_TEST(a_long_chain_is_followed_to_its_end)
{
    enum { COUNT = 200 };
    char names[COUNT + 1][8];
    gh_scope_row rows[COUNT];
    for (int i = 0; i <= COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "s%d", i);
    }
    for (int i = 0; i < COUNT; i++) {
        rows[i] = (gh_scope_row){names[i], names[i + 1]};
    }
    gh_scope_table *table = table_of(rows, COUNT);
    gh_scope_table *other = gh_scope_table_hold(table);
    gh_scope_table_release(table);
    ck_assert(gh_scope_covers(other, "s0", "s200"));
    ck_assert(gh_scope_covers(other, "s63", "s64 s65 s128"));
    ck_assert(!gh_scope_covers(other, "s64", "s63"));
    gh_scope_table_release(other);
}
END_TEST

START_TEST(what_is_no_scope_is_refused)
{
    static const gh_scope_row bad[] = {{"", "a"},     {NULL, "a"},  {"a b", "c"},
                                       {"a", "b  c"}, {"a\"", "b"}, {"a", "\xc3\xa4"}};
    gh_error error = {GH_OK, ""};
    gh_scope_table *table = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(gh_scope_table_new(&bad[i], 1, &table, &error), GH_ERR_INVALID);
        ck_assert_ptr_null(table);
        ck_assert_str_ne(error.message, "");
    }
}
END_TEST

START_TEST(too_many_are_refused)
{
    enum { COUNT = GH_SCOPE_TABLE_MAX + 1 };
    static char names[COUNT][8];
    static gh_scope_row rows[COUNT];
    gh_error error = {GH_OK, ""};
    gh_scope_table *table = NULL;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "s%d", i);
        rows[i] = (gh_scope_row){names[i], ""};
    }
    ck_assert_int_eq(gh_scope_table_new(rows, COUNT, &table, &error), GH_ERR_TOO_LARGE);
    gh_scope_table_release(table_of(rows, COUNT - 1));
    gh_scope_table_release(table_of(NULL, 0));
}
END_TEST

START_TEST(lists_are_united_without_repeating)
{
    gh_buf out = GH_BUF_INIT(16);
    gh_scope_unite(&out, NULL);
    gh_scope_unite(&out, "a b a");
    gh_scope_unite(&out, "");
    gh_scope_unite(&out, "b  c");
    ck_assert_str_eq(gh_buf_cstr(&out), "a b c");
    gh_scope_unite(&out, "much-too-long-for-it");
    ck_assert_int_ne(gh_buf_status(&out), GH_OK);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scope_table");
    TCase *tc = tcase_create("scope_table");
    tcase_add_test(tc, lists_follow_rfc_6749);
    tcase_add_test(tc, without_a_table_each_scope_stands_for_itself);
    tcase_add_test(tc, who_has_one_has_what_it_stands_for_and_so_on);
    tcase_add_test(tc, circles_are_fine);
    tcase_add_test(tc, a_long_chain_is_followed_to_its_end);
    tcase_add_test(tc, what_is_no_scope_is_refused);
    tcase_add_test(tc, too_many_are_refused);
    tcase_add_test(tc, lists_are_united_without_repeating);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
