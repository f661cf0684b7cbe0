/* What a session sees of calls that take their time: events, coming back for them, cancelling. */
#include "tests/support/suite.h"
#include "tests/unit/server/legacy_fixture.h"

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

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* --- one stream --- */

START_TEST(events_make_a_stream_that_can_be_resumed_and_ends_with_the_response)
{
    atomic_store(&released, true);
    client *c = begin_post(TOOL("\"x\"", "chatty"));
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(c->streamed);
    const char *text = gh_buf_cstr(&c->text);
    ck_assert_msg(strncmp(text, "id: 2-0\ndata: \n\n", 16) == 0, "%s", text);
    ck_assert_ptr_nonnull(strstr(text, "id: 2-1\n"));
    ck_assert_ptr_nonnull(strstr(text, "\"method\":\"notifications/progress\""));
    ck_assert_ptr_nonnull(strstr(text, "\"progressToken\":7"));
    ck_assert_ptr_nonnull(strstr(text, "watch out"));
    ck_assert_ptr_null(strstr(text, "fine print"));
    const char *response = strstr(text, "\"id\":\"x\"");
    ck_assert_ptr_nonnull(response);
    ck_assert_ptr_null(strstr(response, "id: 2-"));
    drop(c);
}
END_TEST

START_TEST(sessions_before_2025_11_25_get_ids_but_no_priming_event)
{
    static const char *const versions[] = {OPEN("2025-03-26", "{}"), OPEN("2025-06-18", "{}")};
    enter(versions[_i]);
    atomic_store(&released, true);
    client *c = begin_post(TOOL("2", "chatty"));
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(strncmp(gh_buf_cstr(&c->text), "id: 2-1\n", 8) == 0);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&c->text), "data: \n"));
    drop(c);
}
END_TEST

START_TEST(a_call_without_events_is_one_json_body)
{
    char text[400];
    atomic_store(&released, true);
    ck_assert_int_eq(exchange(TOOL("3", "slow"), text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":"));
    ck_assert_ptr_nonnull(strstr(text, "done"));
    ck_assert_int_eq(exchange(TOOL("4", "quick"), text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "\"quick\""));
}
END_TEST

START_TEST(a_client_that_cannot_read_streams_gets_the_response_alone)
{
    atomic_store(&released, true);
    client *c = new_client("POST", TOOL("5", "chatty"), NULL);
    c->accept = "application/json";
    ck_assert_int_eq(wait_over(begin(c)), 200);
    ck_assert(!c->streamed);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&c->text), "\"id\":5"));
    drop(c);
}
END_TEST

START_TEST(the_level_decides_which_log_messages_arrive)
{
    static const char *const sets[] = {"\"debug\"", "\"warning\"", "\"error\""};
    static const size_t messages[] = {2, 1, 0};
    char body[200];
    char text[4000];
    (void)snprintf(body, sizeof body, REQUEST("2", "logging/setLevel", "{\"level\":%s}"), sets[_i]);
    ck_assert_int_eq(exchange(body, text, sizeof text), 200);
    ck_assert_str_eq(text, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    atomic_store(&released, true);
    ck_assert_int_eq(exchange(TOOL("6", "chatty"), text, sizeof text), 200);
    ck_assert_uint_eq(count_of(text, "notifications/message"), messages[_i]);
    ck_assert_uint_eq(count_of(text, "notifications/progress"), 3);
}
END_TEST

/* --- going and coming back --- */

START_TEST(a_client_that_went_away_comes_back_for_the_rest)
{
    client *c = begin_post(TOOL("7", "chatty"));
    ck_assert(sees(c, "\"progress\":2"));
    atomic_store(&c->gone, true);
    (void)wait_over(c);
    ck_assert(!saw(c, "\"id\":7"));
    client *again = begin_get("2-1");
    ck_assert(sees(again, "\"progress\":2"));
    atomic_store(&released, true);
    ck_assert_int_eq(wait_over(again), 200);
    const char *text = gh_buf_cstr(&again->text);
    ck_assert_ptr_null(strstr(text, "\"progress\":1"));
    ck_assert_ptr_nonnull(strstr(text, "\"progress\":3"));
    ck_assert_ptr_nonnull(strstr(text, "\"id\":7,\"result\""));
    drop(again);
    again = begin_get("2-4");
    ck_assert_int_eq(wait_over(again), 200);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&again->text), "\"id\":7,\"result\""));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&again->text), "progress"));
    drop(again);
    drop(c);
}
END_TEST

START_TEST(going_away_cancels_nothing)
{
    client *c = begin_post(TOOL("8", "slow"));
    ck_assert(reaches(&running, 1));
    atomic_store(&c->gone, true);
    (void)wait_over(c);
    pause_ms(100);
    ck_assert_int_eq(atomic_load(&cancelled), 0);
    drop(c);
}
END_TEST

START_TEST(a_tool_can_let_go_of_the_connection_and_the_client_polls)
{
    client *c = begin_post(TOOL("9", "let_go"));
    ck_assert_int_eq(wait_over(c), 200);
    const char *text = gh_buf_cstr(&c->text);
    ck_assert_ptr_nonnull(strstr(text, "retry: 123\n"));
    ck_assert_ptr_nonnull(strstr(text, "id: 2-1\n"));
    ck_assert_ptr_null(strstr(text, "after the break"));
    client *again = begin_get("2-1");
    ck_assert(sees(again, "id: 2-1\ndata: \n\n"));
    atomic_store(&released, true);
    ck_assert_int_eq(wait_over(again), 200);
    ck_assert(saw(again, "after the break"));
    ck_assert(!saw(again, "retry:"));
    drop(again);
    drop(c);
}
END_TEST

START_TEST(nothing_is_let_go_of_before_2025_11_25)
{
    enter(OPEN("2025-06-18", "{}"));
    client *c = begin_post(TOOL("9", "let_go"));
    ck_assert(sees(c, "\"progress\":1"));
    pause_ms(50);
    ck_assert(!atomic_load(&c->over));
    atomic_store(&released, true);
    (void)wait_over(c);
    ck_assert(saw(c, "after the break"));
    ck_assert(!saw(c, "retry:"));
    drop(c);
}
END_TEST

START_TEST(events_that_never_were_are_400_and_the_session_goes_on)
{
    static const char *const ids[] = {"nonsense", "2-1", "1-99", "99-0", "-", "1-x"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        client *c = begin_get(ids[i]);
        ck_assert_int_eq(wait_over(c), 400);
        ck_assert(!c->streamed);
        ck_assert(saw(c, "Last-Event-ID"));
        drop(c);
    }
    ck_assert_int_eq(exchange(REQUEST("1", "ping", "{}"), NULL, 0), 200);
}
END_TEST

START_TEST(the_streams_of_a_session_are_no_other_users)
{
    client *c = begin_post(TOOL("7", "chatty"));
    ck_assert(sees(c, "\"progress\":2"));
    client *stranger = new_client("GET", NULL, "2-0");
    stranger->principal = &GRACE;
    ck_assert_int_eq(wait_over(begin(stranger)), 404);
    ck_assert(!stranger->streamed);
    drop(stranger);
    enter(OPEN("2025-11-25", "{}"));
    client *elsewhere = begin_get("2-0");
    ck_assert_int_eq(wait_over(elsewhere), 400);
    drop(elsewhere);
    drop(c);
}
END_TEST

/* --- cancelling --- */

START_TEST(a_cancelled_request_gets_no_response_and_its_handler_is_told)
{
    client *c = begin_post(TOOL("\"c\"", "slow"));
    client *other = begin_post(TOOL("10", "slow"));
    ck_assert(reaches(&running, 2));
    ck_assert_int_eq(
        exchange(NOTE("notifications/cancelled", "{\"requestId\":\"c\",\"reason\":\"no\"}"), NULL, 0), 202);
    (void)wait_over(c);
    ck_assert(!saw(c, "\"id\":\"c\""));
    ck_assert(reaches(&cancelled, 1));
    atomic_store(&released, true);
    ck_assert_int_eq(wait_over(other), 200);
    ck_assert(saw(other, "done"));
    ck_assert_int_eq(atomic_load(&cancelled), 1);
    drop(other);
    drop(c);
}
END_TEST

START_TEST(cancelling_what_is_not_in_flight_is_accepted)
{
    static const char *const notes[] = {
        NOTE("notifications/cancelled", "{\"requestId\":77}"), NOTE("notifications/cancelled", "{}"),
        NOTE("notifications/cancelled", "{\"requestId\":{}}"), NOTE("notifications/roots/list_changed", "{}"),
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        ck_assert_int_eq(exchange(notes[i], NULL, 0), 202);
    }
}
END_TEST

START_TEST(an_id_that_is_in_flight_is_refused)
{
    char text[400];
    client *c = begin_post(TOOL("11", "slow"));
    ck_assert(reaches(&running, 1));
    ck_assert_int_eq(exchange(TOOL("11", "slow"), text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "-32600"));
    ck_assert_ptr_nonnull(strstr(text, "\"id\":11"));
    atomic_store(&released, true);
    ck_assert_int_eq(wait_over(c), 200);
    ck_assert(saw(c, "done"));
    ck_assert_int_eq(exchange(TOOL("11", "slow"), text, sizeof text), 200);
    ck_assert_ptr_nonnull(strstr(text, "done"));
    drop(c);
}
END_TEST

START_TEST(the_end_of_a_session_cancels_its_calls)
{
    client *c = begin_post(TOOL("12", "slow"));
    client *announcements = begin_get(NULL);
    ck_assert(reaches(&running, 1));
    ck_assert(sees(announcements, "data: \n"));
    client ending = {.principal = &ADA};
    const gh_mcp_reply reply = {
        .context = &ending, .json = on_json, .empty = on_empty, .stream = on_stream, .closed = on_closed};
    const gh_mcp_headers headers = {.session = gh_view_of(session)};
    gh_mcp_engine_delete(engine, &ADA, &headers, &reply);
    ck_assert_int_eq(ending.status, 204);
    (void)wait_over(c);
    (void)wait_over(announcements);
    ck_assert(reaches(&cancelled, 1));
    ck_assert(!saw(c, "done"));
    ck_assert_int_eq(exchange(REQUEST("1", "ping", "{}"), NULL, 0), 404);
    drop(announcements);
    drop(c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_legacy_streams");
    TCase *tc = tcase_create("engine_legacy_streams");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, events_make_a_stream_that_can_be_resumed_and_ends_with_the_response);
    tcase_add_loop_test(tc, sessions_before_2025_11_25_get_ids_but_no_priming_event, 0, 2);
    tcase_add_test(tc, a_call_without_events_is_one_json_body);
    tcase_add_test(tc, a_client_that_cannot_read_streams_gets_the_response_alone);
    tcase_add_loop_test(tc, the_level_decides_which_log_messages_arrive, 0, 3);
    tcase_add_test(tc, a_client_that_went_away_comes_back_for_the_rest);
    tcase_add_test(tc, going_away_cancels_nothing);
    tcase_add_test(tc, a_tool_can_let_go_of_the_connection_and_the_client_polls);
    tcase_add_test(tc, nothing_is_let_go_of_before_2025_11_25);
    tcase_add_test(tc, events_that_never_were_are_400_and_the_session_goes_on);
    tcase_add_test(tc, the_streams_of_a_session_are_no_other_users);
    tcase_add_test(tc, a_cancelled_request_gets_no_response_and_its_handler_is_told);
    tcase_add_test(tc, cancelling_what_is_not_in_flight_is_accepted);
    tcase_add_test(tc, an_id_that_is_in_flight_is_refused);
    tcase_add_test(tc, the_end_of_a_session_cancels_its_calls);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
