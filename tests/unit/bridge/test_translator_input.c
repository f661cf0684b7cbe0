/* What a legacy server asks a modern client in the middle of a call. */
#include "translator_world.h"

static char *state_of(const char *line)
{
    gh_view raw;
    char *state = NULL;
    ck_assert(gh_json_slice_path(gh_view_of(line), &raw, "result", "requestState", (char *)NULL));
    ck_assert_int_eq(gh_json_slice_string(raw, &state), GH_OK);
    return state;
}

static void retry(const char *id, const char *responses, const char *state)
{
    char line[2048];
    (void)snprintf(
        line, sizeof(line),
        MODERN("%s", "tools/call", ",\"name\":\"t\",\"inputResponses\":{%s},\"requestState\":\"%s\""), id,
        responses, state);
    client_says(line);
}

START_TEST(a_request_of_the_server_ends_the_call_with_what_it_asks_and_the_retry_takes_it_over)
{
    const char *id = call(CALL("2"));
    server_says(ELICITATION("77"), id);
    const char *asked = client_got();
    assert_has(asked,
               "\"id\":2,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"77\":{\"method\":"
               "\"elicitation/create\",\"params\":{\"message\":\"m\"}}},\"requestState\":\"");
    char *state = state_of(asked);
    ck_assert_uint_ge(strlen(state), 32);
    retry("3", "\"77\":{\"action\":\"accept\",\"content\":{\"n\":1.0}}", state);
    ck_assert_str_eq(server_got(), RESULT("77", "\"action\":\"accept\",\"content\":{\"n\":1.0}"));
    assert_quiet();
    server_answers(with_id(RESULT("\"ID\"", "\"done\":1"), id));
    ck_assert_str_eq(client_got(), RESULT("3", "\"done\":1,\"resultType\":\"complete\""));
    assert_quiet();
    retry("4", "", state);
    assert_has(client_got(), "\"id\":4,\"error\":{\"code\":-32602"); /* used once */
    free(state);
}
END_TEST

START_TEST(several_calls_that_are_asked_at_once_are_not_confused)
{
    const char *first = call(CALL("2"));
    const char *second = call(CALL("3"));
    server_says(ELICITATION("1"), second);
    char *of_second = state_of(client_got());
    server_says(ELICITATION("\"1\""), first);
    char *of_first = state_of(client_got());
    ck_assert_str_ne(of_first, of_second);
    retry("4", "\"1\":{\"action\":\"decline\"}", of_first);
    ck_assert_str_eq(server_got(), RESULT("\"1\"", "\"action\":\"decline\""));
    retry("5", "\"1\":{\"action\":\"cancel\"}", of_second);
    ck_assert_str_eq(server_got(), RESULT("1", "\"action\":\"cancel\""));
    server_answers(with_id(RESULT("\"ID\"", "\"of\":1"), first));
    assert_has(client_got(), "\"id\":4,\"result\":{\"of\":1");
    server_answers(with_id(RESULT("\"ID\"", "\"of\":2"), second));
    assert_has(client_got(), "\"id\":5,\"result\":{\"of\":2");
    free(of_first);
    free(of_second);
}
END_TEST

START_TEST(what_is_left_out_is_asked_again_and_what_comes_meanwhile_too)
{
    const char *id = call(CALL("2"));
    server_says(ELICITATION("1"), id);
    char *state = state_of(client_got());
    server_says(ELICITATION("2"), id);
    assert_quiet();
    retry("3", "\"1\":{\"action\":\"accept\"}", state);
    ck_assert_str_eq(server_got(), RESULT("1", "\"action\":\"accept\""));
    const char *asked = client_got();
    assert_has(asked, "\"id\":3,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"2\":");
    free(state);
    state = state_of(asked);
    retry("4", "", state);
    assert_has(client_got(), "\"inputRequests\":{\"2\":");
    free(state);
}
END_TEST

START_TEST(a_call_that_ends_while_the_client_is_asked_is_answered_at_the_retry)
{
    const char *id = call(CALL("2"));
    server_says(ELICITATION("1"), id);
    char *state = state_of(client_got());
    server_answers(with_id(ERROR("\"ID\"", "-5"), id));
    assert_quiet();
    retry("3", "\"1\":{\"action\":\"accept\"}", state);
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-5");
    free(state);
}
END_TEST

START_TEST(a_retry_of_another_request_is_refused)
{
    const char *id = call(CALL("2"));
    char line[1024];
    server_says(ELICITATION("1"), id);
    char *state = state_of(client_got());
    (void)snprintf(line, sizeof(line),
                   MODERN("3", "tools/call", ",\"name\":\"other\",\"requestState\":\"%s\""), state);
    client_says(line);
    assert_has(client_got(), "\"id\":3,\"error\":{\"code\":-32602");
    client_says(MODERN("4", "tools/call", ",\"name\":\"t\",\"requestState\":\"guess\""));
    assert_has(client_got(), "\"id\":4,\"error\":{\"code\":-32602");
    assert_quiet();
    free(state);
}
END_TEST

START_TEST(a_request_on_the_servers_own_stream_goes_to_the_oldest_call_or_is_refused)
{
    server_says(ELICITATION("9"), NULL);
    assert_has(server_got(), "\"id\":9,\"error\":{\"code\":-32601");
    (void)call(MODERN("2", "prompts/list", ""));
    server_says(ELICITATION("9"), NULL);
    assert_has(server_got(), "\"id\":9,\"error\"");
    (void)call(CALL("3"));
    (void)call(CALL("4"));
    server_says(ELICITATION("9"), NULL);
    assert_has(client_got(), "\"id\":3,\"result\":{\"resultType\":\"input_required\"");
    assert_quiet();
}
END_TEST

START_TEST(what_the_client_cannot_answer_is_answered_for_it)
{
    const char *id = call(CALL("2"));
    server_says(LEGACY("7", "roots/list", "{}"), id);
    assert_has(server_got(), "\"id\":7,\"error\":{\"code\":-32601");
    server_says(LEGACY("8", "elicitation/create", "{\"mode\":\"url\"}"), id);
    assert_has(server_got(), "\"id\":8,\"error\"");
    server_says(LEGACY("9", "other/thing", "{}"), id);
    assert_has(server_got(), "\"id\":9,\"error\":{\"code\":-32601");
    server_says(LEGACY("10", "ping", "{}"), NULL);
    ck_assert_str_eq(server_got(), RESULT("10", ""));
    assert_quiet();
}
END_TEST

START_TEST(who_does_not_come_again_within_ten_minutes_is_given_up)
{
    const char *id = call(CALL("2"));
    server_says(ELICITATION("1"), id);
    char *state = state_of(client_got());
    ck_assert(gh_translator_needs_tick(world.translator));
    world.now_ms += 599 * 1000;
    gh_translator_tick(world.translator);
    assert_quiet();
    world.now_ms += 2 * 1000;
    gh_translator_tick(world.translator);
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), id));
    ck_assert(!gh_translator_needs_tick(world.translator));
    retry("3", "", state);
    assert_has(client_got(), "-32602");
    free(state);
}
END_TEST

START_TEST(too_many_that_wait_for_input_give_the_oldest_up)
{
    char line[512];
    const char *first = NULL;
    for (int i = 0; i < 17; i++) {
        (void)snprintf(line, sizeof(line), CALL("%d"), 100 + i);
        const char *id = call(line);
        char *kept = gh_text_dup(id);
        first = first == NULL ? kept : first;
        server_says(ELICITATION("1"), kept);
        assert_has(client_got(), "input_required");
        if (kept != first) {
            free(kept);
        }
        world.now_ms++;
    }
    ck_assert_str_eq(server_got(), with_id(CANCEL("\"ID\""), first));
    assert_quiet();
    free((void *)(uintptr_t)first);
}
END_TEST

/* A name that ended the string would let the server write lines of its own to the client. */
START_TEST(no_id_of_the_server_gets_out_of_the_name_of_its_question)
{
    static const char *const IDS[] = {"\"1\"", "1", "\"1 \"", "\"a\\\"b\\n{\"", "\"a\\u0022b\\n{ \""};
    char line[512];
    const char *id = call(CALL("2"));
    server_says(ELICITATION("0"), id);
    char *state = state_of(client_got());
    for (size_t i = 0; i < sizeof(IDS) / sizeof(IDS[0]); i++) {
        (void)snprintf(line, sizeof(line), ELICITATION("%s"), IDS[i]);
        server_says(line, id);
    }
    server_says(ELICITATION("\"a\\\"b\\n{\""), id); /* the same once more: it is left out */
    assert_quiet();
    retry("3", "\"0\":{}", state);
    ck_assert_str_eq(server_got(), RESULT("0", ""));
    const char *asked = client_got();
    ck_assert_ptr_null(strchr(asked, '\n'));
    assert_has(asked, "\"inputRequests\":{\"1\":{");
    assert_has(asked, ",\"1 \":{");
    assert_has(asked, ",\"1  \":{");
    assert_has(asked, ",\"a\\\"b\\n{\":{");
    assert_has(asked, ",\"a\\\"b\\n{ \":{");
    free(state);
    state = state_of(asked);
    retry("4", "\"1\":{\"n\":1},\"1 \":{\"n\":2},\"1  \":{\"n\":3}", state);
    ck_assert_str_eq(server_got(), RESULT("\"1\"", "\"n\":1"));
    ck_assert_str_eq(server_got(), RESULT("1", "\"n\":2"));
    ck_assert_str_eq(server_got(), RESULT("\"1 \"", "\"n\":3"));
    assert_has(client_got(), "\"id\":4,\"result\":{\"resultType\":\"input_required\"");
    assert_quiet();
    free(state);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_input");
    TCase *tcase = tcase_create("input");
    tcase_add_checked_fixture(tcase, open_downward, world_close);
    tcase_add_test(tcase,
                   a_request_of_the_server_ends_the_call_with_what_it_asks_and_the_retry_takes_it_over);
    tcase_add_test(tcase, several_calls_that_are_asked_at_once_are_not_confused);
    tcase_add_test(tcase, what_is_left_out_is_asked_again_and_what_comes_meanwhile_too);
    tcase_add_test(tcase, a_call_that_ends_while_the_client_is_asked_is_answered_at_the_retry);
    tcase_add_test(tcase, a_retry_of_another_request_is_refused);
    tcase_add_test(tcase, a_request_on_the_servers_own_stream_goes_to_the_oldest_call_or_is_refused);
    tcase_add_test(tcase, what_the_client_cannot_answer_is_answered_for_it);
    tcase_add_test(tcase, who_does_not_come_again_within_ten_minutes_is_given_up);
    tcase_add_test(tcase, too_many_that_wait_for_input_give_the_oldest_up);
    tcase_add_test(tcase, no_id_of_the_server_gets_out_of_the_name_of_its_question);
    return world_run(suite, tcase);
}
