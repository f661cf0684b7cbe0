#include <pthread.h>
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/session_fixture.h"

/* Opens and releases; the id goes to `id`. */
static void open_one(gh_mcp_sessions *table, const gh_principal *principal, char *id)
{
    gh_mcp_session *session = NULL;
    ck_assert_int_eq(
        gh_mcp_sessions_open(table, principal, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &session), GH_OK);
    memcpy(id, gh_mcp_session_id(session), strlen(gh_mcp_session_id(session)) + 1);
    gh_mcp_sessions_release(table, session);
    advance_ms(1);
}

static bool lives(gh_mcp_sessions *table, const gh_principal *principal, const char *id)
{
    gh_mcp_session *session = NULL;
    gh_status status = gh_mcp_sessions_hold(table, principal, gh_view_of(id), &session);
    gh_mcp_sessions_release(table, session);
    return status == GH_OK;
}

START_TEST(an_id_is_long_random_and_visible_ascii)
{
    gh_mcp_sessions *table = table_of(10, 10);
    char one[GH_MCP_SESSION_ID_MAX];
    char two[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, one);
    open_one(table, &ADA, two);
    ck_assert_uint_ge(strlen(one), 43);
    ck_assert_str_ne(one, two);
    for (const char *c = one; *c != '\0'; c++) {
        ck_assert(*c > 0x20 && *c < 0x7f);
    }
    free_table(table);
}
END_TEST

START_TEST(only_the_principal_who_opened_it_finds_a_session)
{
    gh_mcp_sessions *table = table_of(10, 10);
    char id[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, id);
    ck_assert(lives(table, &ADA, id));
    ck_assert(!lives(table, &GRACE, id));
    ck_assert(!lives(table, &ADA_ELSEWHERE, id));
    ck_assert_int_eq(gh_mcp_sessions_end(table, &GRACE, gh_view_of(id)), GH_ERR_NOT_FOUND);
    ck_assert(lives(table, &ADA, id));
    free_table(table);
}
END_TEST

START_TEST(ids_that_never_were_are_not_found)
{
    gh_mcp_sessions *table = table_of(10, 10);
    char id[GH_MCP_SESSION_ID_MAX];
    char longer[GH_MCP_SESSION_ID_MAX + 1];
    char huge[5000];
    open_one(table, &ADA, id);
    (void)snprintf(longer, sizeof longer, "%sx", id);
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    ck_assert(!lives(table, &ADA, ""));
    ck_assert(!lives(table, &ADA, longer));
    ck_assert(!lives(table, &ADA, huge));
    id[0] = id[0] == 'a' ? 'b' : 'a';
    ck_assert(!lives(table, &ADA, id));
    free_table(table);
}
END_TEST

START_TEST(an_ended_session_is_gone_and_stays_gone)
{
    gh_mcp_sessions *table = table_of(10, 10);
    char id[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, id);
    ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, gh_view_of(id)), GH_OK);
    ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, gh_view_of(id)), GH_ERR_NOT_FOUND);
    ck_assert(!lives(table, &ADA, id));
    ck_assert_uint_eq(gh_mcp_sessions_count(table), 0);
    free_table(table);
}
END_TEST

START_TEST(a_session_that_is_held_can_be_ended_and_used_to_the_end)
{
    gh_mcp_sessions *table = table_of(10, 10);
    gh_mcp_session *session = NULL;
    char id[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, id);
    ck_assert_int_eq(gh_mcp_sessions_hold(table, &ADA, gh_view_of(id), &session), GH_OK);
    ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, gh_view_of(id)), GH_OK);
    ck_assert(!lives(table, &ADA, id));
    ck_assert_str_eq(gh_mcp_session_id(session), id);
    ck_assert_str_eq(gh_mcp_session_version(session), GH_MCP_VERSION_2025_11);
    gh_mcp_sessions_release(table, session);
    free_table(table);
}
END_TEST

START_TEST(an_idle_session_expires_and_use_keeps_it_alive)
{
    gh_mcp_sessions *table = table_of(10, 10);
    char used[GH_MCP_SESSION_ID_MAX];
    char idle[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, used);
    open_one(table, &ADA, idle);
    advance_ms(900);
    ck_assert(lives(table, &ADA, used));
    advance_ms(900);
    ck_assert(lives(table, &ADA, used));
    ck_assert(!lives(table, &ADA, idle));
    ck_assert_uint_eq(gh_mcp_sessions_count(table), 1);
    free_table(table);
}
END_TEST

START_TEST(a_session_that_is_held_does_not_expire)
{
    gh_mcp_sessions *table = table_of(10, 10);
    gh_mcp_session *session = NULL;
    char id[GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, id);
    ck_assert_int_eq(gh_mcp_sessions_hold(table, &ADA, gh_view_of(id), &session), GH_OK);
    advance_ms(5000);
    ck_assert_uint_eq(gh_mcp_sessions_count(table), 1);
    gh_mcp_sessions_release(table, session);
    ck_assert(lives(table, &ADA, id));
    free_table(table);
}
END_TEST

START_TEST(a_principal_at_the_bound_loses_its_own_longest_idle_session)
{
    gh_mcp_sessions *table = table_of(10, 2);
    char ids[3][GH_MCP_SESSION_ID_MAX];
    char other[GH_MCP_SESSION_ID_MAX];
    open_one(table, &GRACE, other);
    open_one(table, &ADA, ids[0]);
    open_one(table, &ADA, ids[1]);
    ck_assert(lives(table, &ADA, ids[0]));
    advance_ms(1);
    open_one(table, &ADA, ids[2]);
    ck_assert(lives(table, &ADA, ids[0]));
    ck_assert(!lives(table, &ADA, ids[1]));
    ck_assert(lives(table, &ADA, ids[2]));
    ck_assert(lives(table, &GRACE, other));
    free_table(table);
}
END_TEST

START_TEST(another_client_gives_a_user_no_more_sessions)
{
    gh_mcp_sessions *table = table_of(10, 2);
    char ids[3][GH_MCP_SESSION_ID_MAX];
    open_one(table, &ADA, ids[0]);
    open_one(table, &ADA, ids[1]);
    advance_ms(1);
    open_one(table, &ADA_ELSEWHERE, ids[2]);
    ck_assert(!lives(table, &ADA, ids[0]));
    ck_assert(lives(table, &ADA, ids[1]));
    ck_assert(lives(table, &ADA_ELSEWHERE, ids[2]));
    ck_assert(!lives(table, &ADA, ids[2]));
    free_table(table);
}
END_TEST

START_TEST(a_full_table_drops_the_longest_idle_session_of_all)
{
    gh_mcp_sessions *table = table_of(2, 2);
    char ids[3][GH_MCP_SESSION_ID_MAX];
    open_one(table, &GRACE, ids[0]);
    open_one(table, &ADA, ids[1]);
    open_one(table, &ADA_ELSEWHERE, ids[2]);
    ck_assert(!lives(table, &GRACE, ids[0]));
    ck_assert(lives(table, &ADA, ids[1]));
    ck_assert(lives(table, &ADA_ELSEWHERE, ids[2]));
    ck_assert_uint_eq(gh_mcp_sessions_count(table), 2);
    free_table(table);
}
END_TEST

START_TEST(when_all_are_held_a_new_one_is_refused)
{
    gh_mcp_sessions *table = table_of(2, 1);
    gh_mcp_session *held = NULL;
    gh_mcp_session *other = NULL;
    gh_mcp_session *none = NULL;
    ck_assert_int_eq(gh_mcp_sessions_open(table, &ADA, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &held),
                     GH_OK);
    ck_assert_int_eq(gh_mcp_sessions_open(table, &ADA, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &none),
                     GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(gh_mcp_sessions_open(table, &GRACE, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &other),
                     GH_OK);
    ck_assert_int_eq(
        gh_mcp_sessions_open(table, &ADA_ELSEWHERE, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &none),
        GH_ERR_UNAVAILABLE);
    gh_mcp_sessions_release(table, held);
    ck_assert_int_eq(gh_mcp_sessions_open(table, &ADA, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &held),
                     GH_OK);
    gh_mcp_sessions_release(table, held);
    gh_mcp_sessions_release(table, other);
    free_table(table);
}
END_TEST

START_TEST(bounds_of_nothing_are_refused)
{
    gh_mcp_sessions *table = NULL;
    ck_assert_int_eq(gh_mcp_sessions_new(0, 1, 1, NULL, &table), GH_ERR_INVALID);
    ck_assert_int_eq(gh_mcp_sessions_new(1, 0, 1, NULL, &table), GH_ERR_INVALID);
    ck_assert_int_eq(gh_mcp_sessions_new(1, 1, 0, NULL, &table), GH_ERR_INVALID);
    gh_mcp_sessions_free(NULL);
}
END_TEST

typedef struct churner {
    gh_mcp_sessions *table;
    pthread_t thread;
    bool missed;
} churner;

static void *churn(void *argument)
{
    churner *self = argument;
    gh_mcp_sessions *table = self->table;
    bool *missed = &self->missed;
    for (int i = 0; i < 300; i++) {
        const gh_principal *principal = i % 2 == 0 ? &ADA : &GRACE;
        gh_mcp_session *session = NULL;
        gh_mcp_session *again = NULL;
        if (gh_mcp_sessions_open(table, principal, GH_MCP_VERSION_2025_06, gh_view_of(NULL), &session) !=
            GH_OK) {
            continue;
        }
        gh_view id = gh_view_of(gh_mcp_session_id(session));
        if (gh_mcp_sessions_hold(table, principal, id, &again) != GH_OK ||
            (i % 3 == 0 && gh_mcp_sessions_end(table, principal, id) != GH_OK)) {
            *missed = true; /* what is held is neither evicted nor ended by others */
        }
        gh_mcp_sessions_release(table, again);
        gh_mcp_sessions_release(table, session);
    }
    return NULL;
}

START_TEST(eight_threads_open_hold_evict_and_end_within_the_bounds)
{
    churner churners[8];
    gh_mcp_sessions *table = table_of(12, 8);
    for (size_t i = 0; i < 8; i++) {
        churners[i].table = table;
        churners[i].missed = false;
        ck_assert_int_eq(pthread_create(&churners[i].thread, NULL, churn, &churners[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(churners[i].thread, NULL), 0);
        ck_assert(!churners[i].missed);
    }
    ck_assert_uint_le(gh_mcp_sessions_count(table), 12);
    free_table(table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions");
    TCase *tc = tcase_create("sessions");
    tcase_add_test(tc, an_id_is_long_random_and_visible_ascii);
    tcase_add_test(tc, only_the_principal_who_opened_it_finds_a_session);
    tcase_add_test(tc, ids_that_never_were_are_not_found);
    tcase_add_test(tc, an_ended_session_is_gone_and_stays_gone);
    tcase_add_test(tc, a_session_that_is_held_can_be_ended_and_used_to_the_end);
    tcase_add_test(tc, an_idle_session_expires_and_use_keeps_it_alive);
    tcase_add_test(tc, a_session_that_is_held_does_not_expire);
    tcase_add_test(tc, a_principal_at_the_bound_loses_its_own_longest_idle_session);
    tcase_add_test(tc, another_client_gives_a_user_no_more_sessions);
    tcase_add_test(tc, a_full_table_drops_the_longest_idle_session_of_all);
    tcase_add_test(tc, when_all_are_held_a_new_one_is_refused);
    tcase_add_test(tc, bounds_of_nothing_are_refused);
    tcase_add_test(tc, eight_threads_open_hold_evict_and_end_within_the_bounds);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
