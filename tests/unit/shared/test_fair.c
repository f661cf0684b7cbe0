/* Fair parts: how much one, some, and many take who take whatever they can. */
#include "shared/core/fair.h"

#include <string.h>

#include "tests/support/suite.h"

#define USERS_MAX 300

static size_t held[USERS_MAX];

/* Each in turn takes one, until nobody may take one more. What is left. */
static size_t fill(gh_fair of, size_t users)
{
    size_t left = of.total;
    bool any = true;
    for (size_t i = 0; i < users; i++) {
        left -= held[i];
    }
    while (any) {
        any = false;
        for (size_t i = 0; i < users; i++) {
            if (gh_fair_allows(of, held[i], left)) {
                held[i]++;
                left--;
                any = true;
            }
        }
    }
    return left;
}

START_TEST(one_alone_gets_what_was_said)
{
    static const gh_fair of[] = {{256, 205}, {32, 24}, {4, 3}, {2, 1}, {10, 8}, {288, 216}, {1, 1}, {7, 7}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        held[0] = 0;
        ck_assert_uint_eq(fill(of[i], 1), of[i].total - of[i].alone);
        ck_assert_uint_eq(held[0], of[i].alone);
    }
}
END_TEST

START_TEST(several_get_the_same_and_leave_some)
{
    static const struct {
        gh_fair of;
        size_t users, left;
    } rows[] = {{{256, 205}, 2, 32}, {{256, 205}, 4, 32}, {{256, 205}, 16, 32}, {{32, 24}, 4, 4},
                {{205, 103}, 2, 69}, {{205, 103}, 4, 41}, {{205, 103}, 20, 25}, {{10, 8}, 3, 1}};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t users = rows[row].users;
        memset(held, 0, sizeof held);
        size_t left = fill(rows[row].of, users);
        ck_assert_msg(left == rows[row].left, "row %zu: %zu users leave %zu", row, users, left);
        for (size_t i = 1; i < users; i++) {
            ck_assert(held[i] <= held[0] && held[i] + 1 >= held[0]);
        }
    }
}
END_TEST

START_TEST(several_who_come_one_after_the_other_leave_some_too)
{
    static const gh_fair of[] = {{256, 205}, {32, 24}, {288, 216}, {205, 103}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        memset(held, 0, sizeof held);
        for (size_t users = 1; users <= 4; users++) {
            ck_assert_uint_ge(fill(of[i], users), 1);
            ck_assert_uint_ge(held[users - 1], 1);
        }
    }
}
END_TEST

START_TEST(who_has_none_gets_the_last)
{
    const gh_fair of = {256, 205};
    ck_assert(gh_fair_allows(of, 0, 1));
    ck_assert(gh_fair_allows(of, 1, 2));
    ck_assert(!gh_fair_allows(of, 1, 1));
    ck_assert(!gh_fair_allows(of, 2, 32));
    ck_assert(gh_fair_allows(of, 2, 33));
    ck_assert(!gh_fair_allows((gh_fair){4, 3}, 1, 1));
    ck_assert(gh_fair_allows((gh_fair){4, 3}, 1, 2));
    ck_assert(!gh_fair_allows(of, 0, 0));
    ck_assert(!gh_fair_allows((gh_fair){4, 4}, 1, 0));
    ck_assert(gh_fair_allows((gh_fair){4, 4}, 3, 1)); /* no bound */
    memset(held, 0, sizeof held);
    (void)fill(of, USERS_MAX);
    for (size_t i = 0; i < 256; i++) {
        ck_assert_uint_eq(held[i], 1);
    }
}
END_TEST

START_TEST(who_has_much_when_others_come_waits)
{
    const gh_fair of = {32, 24};
    held[0] = 24;
    held[1] = 0;
    ck_assert_uint_eq(fill(of, 2), 4);
    ck_assert_uint_eq(held[0], 24);
    ck_assert_uint_eq(held[1], 4);
}
END_TEST

START_TEST(large_numbers_do_not_overflow)
{
    const gh_fair of = {1000000, 999999};
    ck_assert(gh_fair_allows(of, 999998, 2));
    ck_assert(gh_fair_allows((gh_fair){1000000, 500000}, 499999, 500001));
    ck_assert(!gh_fair_allows((gh_fair){1000000, 500000}, 500000, 500001));
    ck_assert(!gh_fair_allows(of, 999999, 1));
    ck_assert(!gh_fair_allows((gh_fair){1000000, 1}, 1, 1000000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fair");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, one_alone_gets_what_was_said);
    tcase_add_test(cases, several_get_the_same_and_leave_some);
    tcase_add_test(cases, several_who_come_one_after_the_other_leave_some_too);
    tcase_add_test(cases, who_has_none_gets_the_last);
    tcase_add_test(cases, who_has_much_when_others_come_waits);
    tcase_add_test(cases, large_numbers_do_not_overflow);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}
