/* What the server says of its own accord in a session: questions to the client and announcements. And
 * batches, in which it cannot. */
#include "tests/support/suite.h"
#include "tests/unit/server/legacy_fixture.h"

#define ACCEPT(id)                                                                                           \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}"
#define REFUSE(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-1,\"message\":\"no\"}}"

static void set_up(void)
{
    start_engine(10000);
    enter(OPEN("2025-11-25", ABLE));
}

static void tear_down(void)
{
    atomic_store(&released, true);
    stop_engine();
}

/* --- questions --- */

START_TEST(a_question_goes_out_on_the_stream_of_its_call_and_the_answer_reaches_the_handler)
{
    client *announcements = begin_get(NULL);
    ck_assert(sees(announcements, "id: 1-0\ndata: \n\n"));
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "\"id\":1,\"method\":\"elicitation/create\",\"params\":{\"message\":\"Who?\""));
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(saw(c, "\"id\":2,\"result\""));
    ck_assert(saw(c, "accept Ada"));
    ck_assert(!saw(announcements, "elicitation"));
    drop(announcements);
    drop(c);
}
END_TEST

START_TEST(a_call_that_asks_without_an_end_fails)
{
    client *c = begin_post(TOOL("2", "insatiable"));
    for (int i = 1; i <= 64; i++) {
        char asked[64];
        char reply[100];
        (void)snprintf(asked, sizeof asked, "\"id\":%d,\"method\":\"roots/list\"", i);
        ck_assert(sees(c, asked));
        (void)snprintf(reply, sizeof reply, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"roots\":[]}}", i);
        ck_assert_int_eq(exchange(reply, NULL, 0), 202);
    }
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(saw(c, "\"id\":2,\"error\":{\"code\":-32603"));
    ck_assert(!saw(c, "\"id\":65,\"method\""));
    drop(c);
}
END_TEST

START_TEST(an_error_from_the_client_is_a_no)
{
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    ck_assert_int_eq(exchange(REFUSE("1"), NULL, 0), 202);
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(saw(c, "decline -"));
    drop(c);
}
END_TEST

START_TEST(responses_to_nothing_and_second_ones_are_accepted_and_change_nothing)
{
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    ck_assert_int_eq(exchange(ACCEPT("\"1\""), NULL, 0), 202);
    ck_assert_int_eq(exchange(ACCEPT("77"), NULL, 0), 202);
    ck_assert(!atomic_load(&c->over));
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    ck_assert_int_eq(exchange(REFUSE("1"), NULL, 0), 202);
    (void)wait_over(c);
    ck_assert(saw(c, "accept Ada"));
    drop(c);
}
END_TEST

START_TEST(another_session_cannot_answer)
{
    char first[100];
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    memcpy(first, session, sizeof first);
    enter(OPEN("2025-11-25", ABLE));
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    pause_ms(50);
    ck_assert(!atomic_load(&c->over));
    memcpy(session, first, sizeof session);
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    (void)wait_over(c);
    ck_assert(saw(c, "accept Ada"));
    drop(c);
}
END_TEST

START_TEST(a_client_that_cannot_be_asked_is_not_asked)
{
    char text[400];
    enter(OPEN("2025-11-25", "{}"));
    ck_assert_int_eq(exchange(TOOL("2", "ask_name"), text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "nobody to ask"));
}
END_TEST

START_TEST(a_client_that_never_answers_gets_an_error_in_time)
{
    stop_engine();
    start_engine(50);
    enter(OPEN("2025-11-25", ABLE));
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    pause_ms(60);
    gh_mcp_engine_sweep(engine);
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(saw(c, "\"id\":2,\"error\":{\"code\":-32603"));
    drop(c);
}
END_TEST

START_TEST(a_question_waits_for_a_client_that_comes_back)
{
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    atomic_store(&c->gone, true);
    (void)wait_over(c);
    client *again = begin_get("2-0");
    ck_assert(sees(again, "elicitation/create"));
    ck_assert_int_eq(exchange(ACCEPT("1"), NULL, 0), 202);
    ck_assert_int_eq(wait_over(again), 200);
    ck_assert(saw(again, "accept Ada"));
    drop(again);
    drop(c);
}
END_TEST

/* Asks, and leaves: the call waits for its client. */
static int leave_waiting(const char *large, int id)
{
    size_t size = strlen(large) + 200;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    (void)snprintf(body, size,
                   REQUEST("%d", "tools/call", "{\"name\":\"ask_name\",\"arguments\":{\"a\":\"%s\"}}"), id,
                   large);
    client *c = new_client("POST", body, NULL);
    atomic_store(&c->gone, true);
    (void)wait_over(begin(c));
    int status = c->status;
    drop(c);
    free(body);
    return status;
}

START_TEST(one_user_s_calls_that_wait_have_a_bound_and_the_others_are_served)
{
    static char large[4000000];
    int waiting = 0;
    memset(large, 'x', sizeof large - 1);
    while (waiting < 100 && leave_waiting(large, waiting + 2) != 429) {
        waiting++;
    }
    ck_assert_int_ge(waiting, 20);
    ck_assert_int_lt(waiting, 40);
    client *graces = new_client("POST", OPEN("2025-11-25", ABLE), NULL);
    graces->principal = &GRACE;
    graces->session[0] = '\0';
    ck_assert_int_eq(wait_over(begin(graces)), 200);
    drop(graces);
    graces = new_client("POST", TOOL("2", "ask_name"), NULL);
    graces->principal = &GRACE;
    ck_assert(sees(begin(graces), "elicitation/create"));
    drop(graces);
}
END_TEST

START_TEST(a_drain_ends_what_waits_and_what_never_ends)
{
    client *asked = begin_post(TOOL("2", "ask_name"));
    client *announcements = begin_get(NULL);
    client *works = begin_post(TOOL("3", "slow"));
    ck_assert(sees(asked, "elicitation/create"));
    ck_assert(sees(announcements, "data: \n\n"));
    ck_assert(reaches(&running, 1));
    gh_mcp_engine_drain(engine);
    ck_assert_int_eq(wait_over(asked), 200);
    ck_assert(saw(asked, "-32603"));
    ck_assert_int_eq(wait_over(announcements), 200);
    atomic_store(&released, true);
    ck_assert_int_eq(wait_over(works), 200);
    ck_assert(saw(works, "done"));
    drop(asked);
    drop(announcements);
    drop(works);
}
END_TEST

/* --- announcements --- */

START_TEST(changed_lists_and_subscribed_resources_are_announced_on_the_stream_of_the_session)
{
    ck_assert_int_eq(exchange(REQUEST("2", "resources/subscribe", "{\"uri\":\"test://a\"}"), NULL, 0), 200);
    client *c = begin_get(NULL);
    ck_assert(sees(c, "data: \n\n"));
    gh_mcp_engine_updated(engine, GH_VIEW_LIT("test://b"));
    gh_mcp_engine_updated(engine, GH_VIEW_LIT("test://a"));
    gh_mcp_engine_changed(engine, GH_MCP_PROMPTS);
    ck_assert(sees(c, "notifications/prompts/list_changed"));
    ck_assert(saw(c, "id: 1-1\n"));
    ck_assert(saw(c, "\"uri\":\"test://a\""));
    ck_assert(!saw(c, "test://b"));
    ck_assert_int_eq(exchange(REQUEST("2", "resources/unsubscribe", "{\"uri\":\"test://a\"}"), NULL, 0), 200);
    gh_mcp_engine_updated(engine, GH_VIEW_LIT("test://a"));
    gh_mcp_engine_changed(engine, GH_MCP_TOOLS);
    ck_assert(sees(c, "id: 1-3\n"));
    ck_assert(saw(c, "notifications/tools/list_changed"));
    drop(c);
}
END_TEST

START_TEST(a_second_get_takes_over_and_nothing_comes_twice)
{
    client *first = begin_get(NULL);
    ck_assert(sees(first, "data: \n\n"));
    gh_mcp_engine_changed(engine, GH_MCP_TOOLS);
    ck_assert(sees(first, "tools/list_changed"));
    client *second = begin_get(NULL);
    ck_assert_int_eq(wait_over(first), 200);
    ck_assert(sees(second, "id: 1-1\ndata: \n\n"));
    gh_mcp_engine_changed(engine, GH_MCP_PROMPTS);
    ck_assert(sees(second, "prompts/list_changed"));
    ck_assert(!saw(second, "tools/list_changed"));
    ck_assert(!saw(first, "prompts/list_changed"));
    client *third = begin_get("1-0");
    ck_assert(sees(third, "tools/list_changed"));
    ck_assert(sees(third, "prompts/list_changed"));
    drop(first);
    drop(second);
    drop(third);
}
END_TEST

START_TEST(a_resource_that_is_unknown_cannot_be_subscribed_to)
{
    static const char *const params[] = {"{\"uri\":\"test://nothing\"}", "{}", "{\"uri\":7}"};
    static const char *const codes[] = {"-32002", "-32602", "-32602"};
    char body[200];
    char text[400];
    (void)snprintf(body, sizeof body, REQUEST("2", "resources/subscribe", "%s"), params[_i]);
    ck_assert_int_eq(exchange(body, text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, codes[_i]));
}
END_TEST

START_TEST(levels_that_are_none_are_refused)
{
    static const char *const params[] = {"{}", "{\"level\":\"loud\"}", "{\"level\":3}",
                                         "{\"level\":\"INFO\"}"};
    char body[200];
    char text[400];
    (void)snprintf(body, sizeof body, REQUEST("2", "logging/setLevel", "%s"), params[_i]);
    ck_assert_int_eq(exchange(body, text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "-32602"));
}
END_TEST

/* --- who may have a stream --- */

START_TEST(get_has_its_conditions)
{
    client *unreadable = new_client("GET", NULL, NULL);
    unreadable->accept = "application/json";
    ck_assert_int_eq(wait_over(begin(unreadable)), 406);
    drop(unreadable);
    client *stranger = new_client("GET", NULL, NULL);
    stranger->principal = &GRACE;
    ck_assert_int_eq(wait_over(begin(stranger)), 404);
    drop(stranger);
    client *nowhere = new_client("GET", NULL, NULL);
    nowhere->session[0] = '\0';
    ck_assert_int_eq(wait_over(begin(nowhere)), 405);
    drop(nowhere);
}
END_TEST

START_TEST(the_stream_ends_with_the_token)
{
    gh_principal brief = ADA;
    brief.expires_at = gh_clock_wall_s() + 1;
    client *c = new_client("GET", NULL, NULL);
    c->principal = &brief;
    (void)begin(c);
    ck_assert(sees(c, "data: \n\n"));
    ck_assert_int_eq(wait_over(c), 200);
    drop(c);
}
END_TEST

/* --- batches --- */

START_TEST(a_batch_waits_for_its_calls_and_keeps_their_events_to_itself)
{
    char text[2000];
    enter(OPEN("2025-03-26", ABLE));
    atomic_store(&released, true);
    ck_assert_int_eq(exchange("[" TOOL("1", "chatty") "," NOTE("notifications/initialized", "{}") "," TOOL(
                                  "2", "ask_name") "," REQUEST("3", "ping", "{}") "," TOOL("4", "slow") "]",
                              text, sizeof text),
                     200);
    ck_assert_ptr_nonnull(strstr(text, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\""));
    ck_assert_ptr_nonnull(strstr(text, "nobody to ask"));
    ck_assert_ptr_nonnull(strstr(text, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"));
    ck_assert_ptr_nonnull(strstr(text, "\"id\":4,\"result\""));
    ck_assert_ptr_null(strstr(text, "notifications/"));
    ck_assert_ptr_null(strstr(text, "elicitation/create"));
}
END_TEST

START_TEST(a_batch_can_answer_questions)
{
    enter(OPEN("2025-03-26", ABLE));
    client *c = begin_post(TOOL("2", "ask_name"));
    ck_assert(sees(c, "elicitation/create"));
    ck_assert_int_eq(exchange("[" ACCEPT("1") "]", NULL, 0), 202);
    (void)wait_over(c);
    ck_assert(saw(c, "accept Ada"));
    drop(c);
}
END_TEST

START_TEST(a_client_that_leaves_its_batch_cancels_the_rest_of_it)
{
    enter(OPEN("2025-03-26", ABLE));
    client *c = begin_post("[" TOOL("1", "slow") "," TOOL("2", "slow") "]");
    ck_assert(reaches(&running, 1));
    atomic_store(&c->gone, true);
    (void)wait_over(c);
    ck_assert(reaches(&cancelled, 1));
    ck_assert_int_eq(atomic_load(&running), 1);
    drop(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_legacy_asks");
    TCase *tc = tcase_create("engine_legacy_asks");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_question_goes_out_on_the_stream_of_its_call_and_the_answer_reaches_the_handler);
    tcase_add_test(tc, an_error_from_the_client_is_a_no);
    tcase_add_test(tc, a_call_that_asks_without_an_end_fails);
    tcase_add_test(tc, responses_to_nothing_and_second_ones_are_accepted_and_change_nothing);
    tcase_add_test(tc, another_session_cannot_answer);
    tcase_add_test(tc, a_client_that_cannot_be_asked_is_not_asked);
    tcase_add_test(tc, a_client_that_never_answers_gets_an_error_in_time);
    tcase_add_test(tc, a_question_waits_for_a_client_that_comes_back);
    tcase_add_test(tc, one_user_s_calls_that_wait_have_a_bound_and_the_others_are_served);
    tcase_add_test(tc, a_drain_ends_what_waits_and_what_never_ends);
    tcase_add_test(tc, changed_lists_and_subscribed_resources_are_announced_on_the_stream_of_the_session);
    tcase_add_test(tc, a_second_get_takes_over_and_nothing_comes_twice);
    tcase_add_loop_test(tc, a_resource_that_is_unknown_cannot_be_subscribed_to, 0, 3);
    tcase_add_loop_test(tc, levels_that_are_none_are_refused, 0, 4);
    tcase_add_test(tc, get_has_its_conditions);
    tcase_add_test(tc, the_stream_ends_with_the_token);
    tcase_add_test(tc, a_batch_waits_for_its_calls_and_keeps_their_events_to_itself);
    tcase_add_test(tc, a_batch_can_answer_questions);
    tcase_add_test(tc, a_client_that_leaves_its_batch_cancels_the_rest_of_it);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
