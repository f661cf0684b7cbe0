#include <pthread.h>
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/session_fixture.h"

static gh_mcp_sessions *table;
static gh_mcp_session *session;

static const gh_call_ask ASKS[] = {
    {.key = (char[]){"who \"q\""}, .method = "elicitation/create", .params = (char[]){"{\"message\":\"?\"}"}},
    {.key = (char[]){"roots"}, .method = "roots/list", .params = (char[]){"{}"}},
};

static void set_up(void)
{
    table = table_of(10, 10);
    session = session_of(table);
}

static void tear_down(void)
{
    gh_mcp_sessions_release(table, session);
    free_table(table);
}

static gh_view view(const char *text)
{
    return gh_view_of(text);
}

/* --- in flight --- */

START_TEST(an_id_that_is_in_flight_cannot_be_used_again_until_it_has_left)
{
    gh_mcp_work one = new_work("\"a\"");
    gh_mcp_work same = new_work("\"\\u0061\"");
    gh_mcp_work number = new_work("1");
    gh_mcp_work text = new_work("\"1\"");
    ck_assert_int_eq(gh_mcp_session_enter(session, &one), GH_OK);
    ck_assert_int_eq(gh_mcp_session_enter(session, &same), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_mcp_session_enter(session, &number), GH_OK);
    ck_assert_int_eq(gh_mcp_session_enter(session, &text), GH_OK);
    gh_mcp_session_leave(session, &one);
    gh_mcp_session_leave(session, &one);
    ck_assert_int_eq(gh_mcp_session_enter(session, &same), GH_OK);
    gh_mcp_session_leave(session, &same);
    gh_mcp_session_leave(session, &number);
    gh_mcp_session_leave(session, &text);
    drop_work(&one);
    drop_work(&same);
    drop_work(&number);
    drop_work(&text);
}
END_TEST

START_TEST(cancelling_reaches_the_request_of_that_id_and_no_other)
{
    gh_mcp_work one = new_work("1");
    gh_mcp_work other = new_work("\"1\"");
    ck_assert_int_eq(gh_mcp_session_enter(session, &one), GH_OK);
    ck_assert_int_eq(gh_mcp_session_enter(session, &other), GH_OK);
    gh_mcp_session_cancel(session, view("2"));
    gh_mcp_session_cancel(session, view("\"1\""));
    ck_assert_int_eq(atomic_load(&one.cancelled), 0);
    ck_assert_int_eq(atomic_load(&other.cancelled), 1);
    gh_mcp_session_leave(session, &one);
    gh_mcp_session_leave(session, &other);
    gh_mcp_session_cancel(session, view("1"));
    ck_assert_int_eq(atomic_load(&one.cancelled), 0);
    drop_work(&one);
    drop_work(&other);
}
END_TEST

START_TEST(works_of_a_session_that_ends_are_cancelled)
{
    gh_mcp_work work = new_work("1");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, view(gh_mcp_session_id(session))), GH_OK);
    ck_assert_int_eq(atomic_load(&work.cancelled), 1);
    ck_assert(gh_mcp_outbox_ended(gh_mcp_session_standalone(session)));
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 1000), GH_ERR_UNAVAILABLE);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(a_session_lives_as_long_as_something_is_in_flight)
{
    gh_mcp_work work = new_work("1");
    gh_mcp_session *again = NULL;
    char id[GH_MCP_SESSION_ID_MAX];
    memcpy(id, gh_mcp_session_id(session), sizeof id);
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    gh_mcp_sessions_release(table, session);
    advance_ms(5000);
    gh_mcp_sessions_sweep(table);
    ck_assert_int_eq(gh_mcp_sessions_hold(table, &ADA, view(id), &again), GH_OK);
    gh_mcp_sessions_release(table, again);
    gh_mcp_session_leave(session, &work);
    advance_ms(5000);
    gh_mcp_sessions_sweep(table);
    ck_assert_uint_eq(gh_mcp_sessions_count(table), 0);
    session = NULL;
    drop_work(&work);
}
END_TEST

/* --- asks --- */

START_TEST(asks_go_out_as_requests_and_the_last_response_brings_all_answers)
{
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 1000), GH_OK);
    char *sent = messages_after(work.outbox, 0);
    ck_assert_str_eq(sent, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"elicitation/create\",\"params\":{"
                           "\"message\":\"?\"}}\n"
                           "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"roots/list\",\"params\":{}}\n");
    free(sent);
    ck_assert_int_eq(gh_mcp_session_response(session, view("2"), view("{\"roots\":[]}")), GH_OK);
    ck_assert_int_eq(work.answered, 0);
    ck_assert_int_eq(gh_mcp_session_response(session, view("2"), view("{}")), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_session_response(session, view("\"1\""), view("{}")), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{\"action\":\"accept\"}")), GH_OK);
    ck_assert_int_eq(work.answered, 1);
    ck_assert_str_eq(work.answers, "{\"who \\\"q\\\"\":{\"action\":\"accept\"},\"roots\":{\"roots\":[]}}");
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_ERR_NOT_FOUND);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

/* 2025-11-25 (client/elicitation, "URL Mode") needs an id, which 2026-07-28 does not have. */
START_TEST(a_page_to_visit_has_an_id_of_its_own)
{
    const gh_call_ask asks[] = {
        {.key = (char[]){"a"},
         .method = "elicitation/create",
         .params = (char[]){"{\"mode\":\"url\",\"message\":\"?\",\"url\":\"https://x/\"}"}},
        {.key = (char[]){"b"},
         .method = "elicitation/create",
         .params = (char[]){"{\"url\":\"https://y/\",\"message\":\"?\",\"mode\":\"url\"}"}},
        {.key = (char[]){"c"},
         .method = "elicitation/create",
         .params =
             (char[]){
                 "{\"mode\":\"url\",\"message\":\"?\",\"url\":\"https://x/\",\"elicitationId\":\"mine\"}"}},
        {.key = (char[]){"d"},
         .method = "elicitation/create",
         .params = (char[]){"{\"mode\":\"form\",\"message\":\"mode: url\",\"requestedSchema\":{}}"}},
    };
    static const char before[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"elicitation/create\",\"params\":{"
        "\"mode\":\"url\",\"message\":\"?\",\"url\":\"https://x/\",\"elicitationId\":\"";
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, asks, 4, 1000), GH_OK);
    char *sent = messages_after(work.outbox, 0);
    ck_assert_msg(strncmp(sent, before, strlen(before)) == 0, "%s", sent);
    char *first = sent + strlen(before);
    ck_assert_uint_ge(strcspn(first, "\""), 22);
    char *second = strstr(first, "\"elicitationId\":\"");
    ck_assert_ptr_nonnull(second);
    ck_assert_int_ne(strncmp(first, second + strlen("\"elicitationId\":\""), 22), 0);
    char *third = strstr(second + 1, "\"elicitationId\":");
    ck_assert_ptr_nonnull(third);
    ck_assert_int_eq(strncmp(third, "\"elicitationId\":\"mine\"}}\n", 25), 0);
    ck_assert_ptr_null(strstr(third + 2, "elicitationId"));
    free(sent);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(an_error_or_nonsense_counts_as_no_consent)
{
    static const char *const results[] = {NULL, "7", "[]", "null", "\"accept\""};
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 1000), GH_OK);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view(results[_i])), GH_OK);
    ck_assert_int_eq(gh_mcp_session_response(session, view("2"), view(results[_i])), GH_OK);
    ck_assert_str_eq(work.answers, "{\"who \\\"q\\\"\":{\"action\":\"decline\"},\"roots\":{}}");
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(each_round_has_ids_of_its_own)
{
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 1, 1000), GH_OK);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS + 1, 1, 1000), GH_OK);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_session_response(session, view("2"), view("{\"roots\":[1]}")), GH_OK);
    ck_assert_int_eq(work.answered, 2);
    ck_assert_str_eq(work.answers, "{\"roots\":{\"roots\":[1]}}");
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(a_client_that_does_not_answer_in_time_fails_the_work_once)
{
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 5000), GH_OK);
    advance_ms(4999);
    gh_mcp_sessions_sweep(table);
    ck_assert_int_eq(work.failed, 0);
    advance_ms(1);
    gh_mcp_sessions_sweep(table);
    ck_assert_int_eq(work.failed, GH_RPC_INTERNAL_ERROR);
    work.failed = 0;
    gh_mcp_sessions_sweep(table);
    ck_assert_int_eq(work.failed, 0);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_ERR_NOT_FOUND);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(what_a_work_asked_is_forgotten_when_it_leaves)
{
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 5000), GH_OK);
    gh_mcp_session_leave(session, &work);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 5000), GH_ERR_CLOSED);
    drop_work(&work);
}
END_TEST

START_TEST(nothing_is_asked_on_a_stream_that_has_ended)
{
    gh_mcp_work work = new_work("7");
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    gh_mcp_outbox_close(work.outbox);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 5000), GH_ERR_CLOSED);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), view("{}")), GH_ERR_NOT_FOUND);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
}
END_TEST

START_TEST(answers_that_are_too_large_together_fail_the_work)
{
    size_t size = (size_t)5 * 1024 * 1024;
    gh_mcp_work work = new_work("7");
    char *large = malloc(size);
    ck_assert_ptr_nonnull(large);
    memset(large, ' ', size);
    large[0] = '{';
    large[size - 1] = '}';
    ck_assert_int_eq(gh_mcp_session_enter(session, &work), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &work, ASKS, 2, 5000), GH_OK);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1"), gh_view_make(large, size)), GH_OK);
    ck_assert_int_eq(work.failed, 0);
    ck_assert_int_eq(gh_mcp_session_response(session, view("2"), gh_view_make(large, size)), GH_OK);
    ck_assert_int_eq(work.failed, GH_RPC_INTERNAL_ERROR);
    ck_assert_int_eq(work.answered, 0);
    gh_mcp_session_leave(session, &work);
    drop_work(&work);
    free(large);
}
END_TEST

START_TEST(a_drain_fails_what_waits_for_the_client_and_ends_the_streams_of_announcements)
{
    gh_mcp_work waiting = new_work("7");
    gh_mcp_work running = new_work("8");
    ck_assert_int_eq(gh_mcp_session_enter(session, &waiting), GH_OK);
    ck_assert_int_eq(gh_mcp_session_enter(session, &running), GH_OK);
    ck_assert_int_eq(gh_mcp_session_ask(session, &waiting, ASKS, 2, 5000), GH_OK);
    gh_mcp_sessions_drain(table);
    ck_assert_int_eq(waiting.failed, GH_RPC_INTERNAL_ERROR);
    ck_assert_int_eq(running.failed, 0);
    ck_assert_int_eq(atomic_load(&running.cancelled), 0);
    ck_assert_int_eq(gh_mcp_session_ask(session, &running, ASKS, 2, 5000), GH_ERR_UNAVAILABLE);
    ck_assert(gh_mcp_outbox_ended(gh_mcp_session_standalone(session)));
    gh_mcp_session *late = session_of(table);
    ck_assert(gh_mcp_outbox_ended(gh_mcp_session_standalone(late)));
    gh_mcp_sessions_release(table, late);
    gh_mcp_session_leave(session, &waiting);
    gh_mcp_session_leave(session, &running);
    drop_work(&waiting);
    drop_work(&running);
}
END_TEST

/* --- many at once --- */

typedef struct asker {
    pthread_t thread;
    int number;
    int rounds;
    bool wrong;
} asker;

static void *ask_and_leave(void *argument)
{
    asker *self = argument;
    for (int i = 0; i < 200; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "%d", self->number * 1000 + i);
        gh_mcp_work work = new_work(id);
        if (gh_mcp_session_enter(session, &work) != GH_OK) {
            self->wrong = true;
            gh_mcp_outbox_release(work.outbox);
            continue;
        }
        gh_status asked = gh_mcp_session_ask(session, &work, ASKS, 2, 100000);
        self->wrong = self->wrong || (asked != GH_OK && asked != GH_ERR_CLOSED);
        gh_mcp_session_cancel(session, view(id));
        gh_mcp_session_leave(session, &work);
        while (atomic_load(&work.holders) > 1) {
            sched_yield(); /* somebody answers or cancels it at this moment */
        }
        self->rounds += work.answered;
        gh_mcp_outbox_release(work.outbox);
        free(work.answers);
    }
    return NULL;
}

START_TEST(threads_ask_answer_cancel_and_sweep_at_once)
{
    int answered = 0;
    int rounds = 0;
    asker askers[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask_and_leave, &askers[i]), 0);
    }
    for (int id = 1; id <= 1600; id++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%d", id);
        if (gh_mcp_session_response(session, view(number), view("{}")) == GH_OK) {
            answered++;
        }
        gh_mcp_hub_announce(hub, GH_MCP_TOPIC_TOOLS, view(NULL), view(NULL));
        gh_mcp_sessions_sweep(table);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(askers[i].thread, NULL), 0);
        ck_assert(!askers[i].wrong);
        rounds += askers[i].rounds;
    }
    ck_assert_int_le(rounds * 2, answered);
    ck_assert_int_eq(gh_mcp_session_response(session, view("1600"), view("{}")), GH_ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions_asks");
    TCase *tc = tcase_create("sessions_asks");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, an_id_that_is_in_flight_cannot_be_used_again_until_it_has_left);
    tcase_add_test(tc, cancelling_reaches_the_request_of_that_id_and_no_other);
    tcase_add_test(tc, works_of_a_session_that_ends_are_cancelled);
    tcase_add_test(tc, a_session_lives_as_long_as_something_is_in_flight);
    tcase_add_test(tc, asks_go_out_as_requests_and_the_last_response_brings_all_answers);
    tcase_add_test(tc, a_page_to_visit_has_an_id_of_its_own);
    tcase_add_loop_test(tc, an_error_or_nonsense_counts_as_no_consent, 0, 5);
    tcase_add_test(tc, each_round_has_ids_of_its_own);
    tcase_add_test(tc, a_client_that_does_not_answer_in_time_fails_the_work_once);
    tcase_add_test(tc, what_a_work_asked_is_forgotten_when_it_leaves);
    tcase_add_test(tc, nothing_is_asked_on_a_stream_that_has_ended);
    tcase_add_test(tc, answers_that_are_too_large_together_fail_the_work);
    tcase_add_test(tc, a_drain_fails_what_waits_for_the_client_and_ends_the_streams_of_announcements);
    tcase_add_test(tc, threads_ask_answer_cancel_and_sweep_at_once);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
