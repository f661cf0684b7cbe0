/* Rounds: what a handler asks the client for, and what it keeps in between (2026-07-28, patterns/mrtr). */
#include "tests/unit/server/modern_fixture.h"

#define FORM                                                                                                 \
    "{\"message\":\"Your name?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"                  \
    "\"name\":{\"type\":\"string\"}}}}"

/* Asks for a name; greets with it. `data` is what it keeps meanwhile, NULL for nothing. */
static int ask_name(void *data, gatehouse_call *of)
{
    const char *keep = data;
    char text[200];
    size_t size = 0;
    const char *name = HOST.answer_text(of, "user_name", "name");
    if (name == NULL) {
        if (keep != NULL) {
            (void)HOST.set_state(of, keep, strlen(keep));
        }
        return HOST.ask(of, "user_name", "elicitation/create", FORM);
    }
    const char *state = HOST.state(of, &size);
    (void)snprintf(text, sizeof text, "Hello, %s! %.*s", name, (int)size, state == NULL ? "" : state);
    return HOST.set_text(of, text);
}

static int read_name(void *data, gatehouse_call *of)
{
    (void)data;
    const char *name = HOST.answer_text(of, "user_name", "name");
    return name == NULL ? HOST.ask(of, "user_name", "elicitation/create", FORM)
                        : HOST.add_resource_text(of, NULL, NULL, name);
}

static int get_name(void *data, gatehouse_call *of)
{
    (void)data;
    const char *name = HOST.answer_text(of, "user_name", "name");
    return name == NULL ? HOST.ask(of, "user_name", "elicitation/create", FORM)
                        : HOST.add_message(of, "user", name);
}

static int complete_name(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.ask(of, "user_name", "elicitation/create", FORM);
}

/* Two rounds, the second of which knows the first's answer only by its state. */
static int two_steps(void *data, gatehouse_call *of)
{
    (void)data;
    size_t size = 0;
    char text[200];
    const char *state = HOST.state(of, &size);
    const char *name = HOST.answer_text(of, "one", "name");
    if (state == NULL && name == NULL) {
        return HOST.ask(of, "one", "elicitation/create", FORM);
    }
    if (state == NULL) {
        (void)HOST.set_state(of, name, strlen(name));
        return HOST.ask(of, "two", "elicitation/create", FORM);
    }
    (void)snprintf(text, sizeof text, "%.*s and %s", (int)size, state, HOST.answer_text(of, "two", "name"));
    return HOST.set_text(of, text);
}

static char KEPT[] = "kept \x01 secret";

static void set_up(void)
{
    const gh_mcp_options options = usual_options();
    start_empty(&h, &options);
#define ANY "{\"type\":\"object\"}"
    add_tool(&h, (gatehouse_tool){.name = "plain", .input_schema = ANY, .call = ask_name});
    add_tool(&h, (gatehouse_tool){.name = "stately", .input_schema = ANY, .call = ask_name, .data = KEPT});
    add_tool(&h, (gatehouse_tool){.name = "other", .input_schema = ANY, .call = ask_name, .data = KEPT});
    add_tool(&h, (gatehouse_tool){
                     .name = "quick", .input_schema = ANY, .call = ask_name, .flags = GATEHOUSE_QUICK});
    add_tool(&h, (gatehouse_tool){.name = "steps", .input_schema = ANY, .call = two_steps});
    add_resource(&h, (gatehouse_resource){.uri = "test://name", .name = "name", .read = read_name});
    add_prompt(&h, (gatehouse_prompt){.name = "who",
                                      .arguments = "[{\"name\":\"a\"}]",
                                      .get = get_name,
                                      .complete = complete_name});
}

#define CAN_ASK META_WITH("\"elicitation\":{}", "")
#define ANSWER "\"inputResponses\":{\"user_name\":{\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}}"

/* The sealed state of the last reply, for the caller to free. */
static char *take_state(void)
{
    const char *state = gh_json_get_string(result_of(&h), "requestState");
    ck_assert_msg(state != NULL, "%s", h.reply.body);
    return strdup(state);
}

static int retry(const gh_principal *principal, const char *tool, const char *arguments, const char *state)
{
    char body[4096];
    (void)snprintf(
        body, sizeof body,
        REQUEST("tools/call", "\"name\":\"%s\",\"arguments\":%s,\"requestState\":\"%s\"," ANSWER "," CAN_ASK),
        tool, arguments, state);
    return post_as(&h, principal, headers_for("tools/call", tool), gh_view_of(body));
}

static char *begin(const char *tool, const char *arguments)
{
    char body[1024];
    (void)snprintf(body, sizeof body, REQUEST("tools/call", "\"name\":\"%s\",\"arguments\":%s," CAN_ASK),
                   tool, arguments);
    ck_assert_int_eq(call(tool, body), 200);
    return take_state();
}

START_TEST(asking_ends_the_request_and_the_retry_is_answered)
{
    static const char *const TOOLS[] = {"plain", "quick"};
    char body[1024];
    (void)snprintf(body, sizeof body, CALL("%s", CAN_ASK), TOOLS[_i]);
    ck_assert_int_eq(call(TOOLS[_i], body), 200);
    ck_assert(!h.reply.streamed);
    ck_assert_str_eq(result_type(), "input_required");
    const cJSON *asks = gh_json_get_object(result_of(&h), "inputRequests");
    ck_assert_int_eq(cJSON_GetArraySize(asks), 1);
    const cJSON *one = gh_json_get_object(asks, "user_name");
    ck_assert_str_eq(gh_json_get_string(one, "method"), "elicitation/create");
    ck_assert_str_eq(gh_json_get_string(gh_json_get_object(one, "params"), "message"), "Your name?");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "requestState"));
    ck_assert_ptr_null(gh_json_get(result_of(&h), "ttlMs"));
    (void)snprintf(body, sizeof body, CALL("%s", ANSWER "," CAN_ASK), TOOLS[_i]);
    ck_assert_int_eq(call(TOOLS[_i], body), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada! ");
    ck_assert_str_eq(result_type(), "complete");
}
END_TEST

START_TEST(what_a_client_cannot_be_asked_is_http_400)
{
    ck_assert_int_eq(call("plain", CALL("plain", META)), 400);
    expect_error(400, GH_MCP_MISSING_CAPABILITY);
    ck_assert_ptr_nonnull(
        gh_json_get_object(gh_json_get_object(error_data(&h), "requiredCapabilities"), "elicitation"));
    ck_assert_str_eq(error_text(&h), "Tool plain needs a client with the capability elicitation");
}
END_TEST

START_TEST(wrong_keys_are_ignored_and_missing_answers_asked_for_again)
{
    ck_assert_int_eq(
        call("plain", CALL("plain", "\"inputResponses\":{\"wrong\":{\"action\":\"accept\"}}," CAN_ASK)), 200);
    ck_assert_str_eq(result_type(), "input_required");
    ck_assert_int_eq(
        call("plain", CALL("plain", "\"inputResponses\":{\"wrong\":{},\"user_name\":{\"action\":\"accept\","
                                    "\"content\":{\"name\":\"Ada\"}}}," CAN_ASK)),
        200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada! ");
}
END_TEST

START_TEST(answers_of_another_form_are_refused)
{
    static const char *const WRONG[] = {
        "7", "null", "[]", "\"x\"", "{\"user_name\":7}", "{\"user_name\":null}", "{\"user_name\":[]}"};
    char body[1024];
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)snprintf(body, sizeof body, CALL("plain", "\"inputResponses\":%s," CAN_ASK), WRONG[i]);
        (void)call("plain", body);
        expect_error(200, GH_RPC_INVALID_PARAMS);
    }
}
END_TEST

START_TEST(prompts_and_resources_may_ask_too)
{
    ck_assert_int_eq(
        post(&h, headers_for("prompts/get", "who"), REQUEST("prompts/get", "\"name\":\"who\"," CAN_ASK)),
        200);
    ck_assert_str_eq(result_type(), "input_required");
    ck_assert_int_eq(post(&h, headers_for("prompts/get", "who"),
                          REQUEST("prompts/get", "\"name\":\"who\"," ANSWER "," CAN_ASK)),
                     200);
    ck_assert_str_eq(result_type(), "complete");
    ck_assert(
        body_has(&h, "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Ada\"}}]"));
    ck_assert_int_eq(post(&h, headers_for("resources/read", "test://name"),
                          REQUEST("resources/read", "\"uri\":\"test://name\"," CAN_ASK)),
                     200);
    ck_assert_str_eq(result_type(), "input_required");
    ck_assert_int_eq(post(&h, headers_for("resources/read", "test://name"),
                          REQUEST("resources/read", "\"uri\":\"test://name\"," ANSWER "," CAN_ASK)),
                     200);
    ck_assert(body_has(&h, "\"text\":\"Ada\""));
}
END_TEST

START_TEST(a_completion_never_asks)
{
    (void)post(&h, headers_for("completion/complete", NULL),
               REQUEST("completion/complete", "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"who\"},"
                                              "\"argument\":{\"name\":\"a\",\"value\":\"\"}," CAN_ASK));
    ck_assert_int_ne(error_code(&h), 0);
    ck_assert(!body_has(&h, "input_required"));
}
END_TEST

START_TEST(a_state_comes_back_unreadable_and_is_known_again)
{
    char *state = begin("stately", "{\"a\":1}");
    ck_assert_ptr_null(strstr(state, "kept"));
    ck_assert_int_eq(retry(&ADA, "stately", "{\"a\":1}", state), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada! kept \x01 secret");
    ck_assert_int_eq(retry(&ADA, "stately", "{ \"a\" :\t1 }", state), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada! kept \x01 secret");
    free(state);
}
END_TEST

START_TEST(a_state_is_good_for_its_principal_tool_and_arguments_only)
{
    char *state = begin("stately", "{\"a\":1}");
    (void)retry(&GRACE, "stately", "{\"a\":1}", state);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    (void)retry(&ADA, "stately", "{\"a\":2}", state);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    (void)retry(&ADA, "other", "{\"a\":1}", state);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    ck_assert_int_eq(retry(&ADA, "stately", "{\"a\":1}", state), 200);
    free(state);
}
END_TEST

START_TEST(a_state_that_was_tampered_with_is_refused)
{
    char *state = begin("stately", "{}");
    size_t length = strlen(state);
    for (size_t i = 0; i < length; i += 7) {
        char was = state[i];
        state[i] = was == 'A' ? 'B' : 'A';
        (void)retry(&ADA, "stately", "{}", state);
        expect_error(200, GH_RPC_INVALID_PARAMS);
        state[i] = was;
    }
    static const char *const WRONG[] = {"", "x", "AAAA", "not base64 !"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)retry(&ADA, "plain", "{}", WRONG[i]);
        expect_error(200, GH_RPC_INVALID_PARAMS);
    }
    (void)call("plain", CALL("plain", "\"requestState\":7," CAN_ASK));
    expect_error(200, GH_RPC_INVALID_PARAMS);
    free(state);
}
END_TEST

static int64_t skew_ms;

static int64_t skewed(void)
{
    return INT64_C(1800000000000) + skew_ms;
}

START_TEST(a_state_expires)
{
    gh_clock_set_source(NULL, skewed);
    char *state = begin("stately", "{}");
    skew_ms = 4900;
    ck_assert_int_eq(retry(&ADA, "stately", "{}", state), 200);
    skew_ms = 5100;
    (void)retry(&ADA, "stately", "{}", state);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    free(state);
}
END_TEST

START_TEST(another_server_with_the_same_key_goes_on_with_a_state)
{
    char *state = begin("stately", "{}");
    stop(&h);
    set_up();
    ck_assert_int_eq(retry(&ADA, "stately", "{}", state), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada! kept \x01 secret");
    stop(&h);
    gh_mcp_options options = usual_options();
    options.key = GH_VIEW_LIT("another key of thirty-two bytes!");
    start_empty(&h, &options);
    add_tool(&h, (gatehouse_tool){.name = "stately", .input_schema = ANY, .call = ask_name, .data = KEPT});
    (void)retry(&ADA, "stately", "{}", state);
    expect_error(200, GH_RPC_INVALID_PARAMS);
    free(state);
}
END_TEST

START_TEST(rounds_follow_one_another)
{
    char body[2048];
    ck_assert_int_eq(call("steps", CALL("steps", CAN_ASK)), 200);
    ck_assert(body_has(&h, "\"one\""));
    ck_assert_int_eq(
        call("steps", CALL("steps", "\"inputResponses\":{\"one\":{\"action\":\"accept\",\"content\":{"
                                    "\"name\":\"red\"}}}," CAN_ASK)),
        200);
    ck_assert(body_has(&h, "\"two\""));
    char *state = take_state();
    (void)snprintf(body, sizeof body,
                   CALL("steps", "\"requestState\":\"%s\",\"inputResponses\":{\"two\":{\"action\":"
                                 "\"accept\",\"content\":{\"name\":\"blue\"}}}," CAN_ASK),
                   state);
    ck_assert_int_eq(call("steps", body), 200);
    ck_assert_str_eq(content_text(&h), "red and blue");
    free(state);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rounds of works");
    TCase *tc = tcase_create("rounds");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, asking_ends_the_request_and_the_retry_is_answered, 0, 2);
    tcase_add_test(tc, what_a_client_cannot_be_asked_is_http_400);
    tcase_add_test(tc, wrong_keys_are_ignored_and_missing_answers_asked_for_again);
    tcase_add_test(tc, answers_of_another_form_are_refused);
    tcase_add_test(tc, prompts_and_resources_may_ask_too);
    tcase_add_test(tc, a_completion_never_asks);
    tcase_add_test(tc, a_state_comes_back_unreadable_and_is_known_again);
    tcase_add_test(tc, a_state_is_good_for_its_principal_tool_and_arguments_only);
    tcase_add_test(tc, a_state_that_was_tampered_with_is_refused);
    tcase_add_test(tc, a_state_expires);
    tcase_add_test(tc, another_server_with_the_same_key_goes_on_with_a_state);
    tcase_add_test(tc, rounds_follow_one_another);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
