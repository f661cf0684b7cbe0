#include "server/http/share.h"

#include "tests/support/suite.h"

static gh_share share;

static gh_principal person(const char *subject)
{
    return (gh_principal){.issuer = (char *)(uintptr_t) "https://id.example/",
                          .subject = (char *)(uintptr_t)subject};
}

static void set_up(void)
{
    ck_assert_int_eq(gh_share_init(&share, 3, 2), GH_OK);
}

static void tear_down(void)
{
    gh_share_clear(&share);
}

START_TEST(one_user_has_a_share_and_others_have_theirs)
{
    const gh_principal ada = person("ada"), grace = person("grace");
    gh_share_seat seats[3], more, other;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gh_share_enter(&share, &seats[i], &ada, false), GH_SHARE_IN);
    }
    ck_assert_int_eq(gh_share_enter(&share, &more, &ada, false), GH_SHARE_FULL);
    ck_assert_int_eq(gh_share_enter(&share, &other, &grace, false), GH_SHARE_IN);
    gh_share_leave(&share, &seats[1]);
    ck_assert_int_eq(gh_share_enter(&share, &more, &ada, false), GH_SHARE_IN);
    gh_share_leave(&share, &seats[2]);
    gh_share_leave(&share, &seats[0]);
    gh_share_leave(&share, &more);
    gh_share_leave(&share, &other);
}
END_TEST

START_TEST(streams_are_bounded_by_themselves)
{
    const gh_principal ada = person("ada");
    gh_share_seat streams[2], more, call;
    ck_assert_int_eq(gh_share_enter(&share, &streams[0], &ada, true), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &streams[1], &ada, true), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &more, &ada, true), GH_SHARE_STREAMS);
    ck_assert_int_eq(gh_share_enter(&share, &call, &ada, false), GH_SHARE_IN);
    gh_share_leave(&share, &streams[0]);
    ck_assert_int_eq(gh_share_enter(&share, &more, &ada, true), GH_SHARE_IN);
    gh_share_leave(&share, &call);
    gh_share_leave(&share, &streams[1]);
    gh_share_leave(&share, &more);
}
END_TEST

/* The principal of a seat is the request's own: others of the user outlive it. */
START_TEST(a_user_is_the_same_through_any_seat)
{
    gh_principal first = person("ada");
    const gh_principal again = person("ada");
    gh_share_seat seats[4];
    ck_assert_int_eq(gh_share_enter(&share, &seats[0], &first, false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[1], &again, false), GH_SHARE_IN);
    gh_share_leave(&share, &seats[0]);
    first.subject = (char *)(uintptr_t) "somebody else";
    ck_assert_int_eq(gh_share_enter(&share, &seats[2], &again, false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[3], &again, false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[0], &again, false), GH_SHARE_FULL);
    for (int i = 1; i < 4; i++) {
        gh_share_leave(&share, &seats[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, one_user_has_a_share_and_others_have_theirs);
    tcase_add_test(cases, streams_are_bounded_by_themselves);
    tcase_add_test(cases, a_user_is_the_same_through_any_seat);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}
