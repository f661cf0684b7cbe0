/* The legacy era: initialize, sessions and methods. */
#include "tests/unit/server/legacy_harness.h"

/* --- initialize --- */

START_TEST(initialize_answers_with_a_session_and_who_the_server_is)
{
    ck_assert_str_eq(
        h.reply.body,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":"
        "{\"logging\":{},\"tools\":{\"listChanged\":true}},\"serverInfo\":{\"name\":\"gatehouse\",\"title\":"
        "\"Gatehouse\",\"version\":"
        "\"0.1.0\"},\"instructions\":\"Say \\\"hello\\\".\"}}");
    for (const char *c = session; *c != '\0'; c++) {
        ck_assert(*c > 0x20 && *c < 0x7f);
    }
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 1);
}
END_TEST

typedef struct negotiation {
    const char *asked;
    const char *answered;
} negotiation;

static const negotiation NEGOTIATIONS[] = {
    {INITIALIZE("1", "2025-03-26"), "2025-03-26"}, {INITIALIZE("1", "2025-06-18"), "2025-06-18"},
    {INITIALIZE("1", "2025-11-25"), "2025-11-25"}, {INITIALIZE("1", "2024-11-05"), "2025-11-25"},
    {INITIALIZE("1", "1.0.0"), "2025-11-25"},      {INITIALIZE("1", ""), "2025-11-25"},
    {INITIALIZE("1", "2026-07-28"), "2025-11-25"}, {INITIALIZE("1", "2025\\u002d06-18"), "2025-06-18"},
};

START_TEST(a_version_that_is_spoken_is_kept_and_any_other_becomes_the_newest)
{
    enter(NEGOTIATIONS[_i].asked);
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "protocolVersion"), NEGOTIATIONS[_i].answered);
}
END_TEST

static const char *const BAD_INITIALIZE[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":20251125,"
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":null,"
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
    "\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
    "\"capabilities\":[],\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
    "\"capabilities\":{}}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
    "\"capabilities\":{},\"clientInfo\":\"t\"}}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\"}}}",
};

START_TEST(an_incomplete_initialize_says_which_member_and_opens_nothing)
{
    ck_assert_int_eq(post(&h, NO_HEADERS, BAD_INITIALIZE[_i]), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
    ck_assert(strstr(error_text(&h), "params.") == error_text(&h));
    ck_assert_str_eq(h.reply.session, "");
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 1);
}
END_TEST

START_TEST(initialize_with_a_stale_session_header_opens_a_new_session)
{
    char first[80];
    memcpy(first, session, sizeof first);
    ck_assert_int_eq(post(&h, in_session, INITIALIZE("9", GH_MCP_VERSION_2025_06)), 200);
    ck_assert_uint_gt(strlen(h.reply.session), 0);
    ck_assert_str_ne(h.reply.session, first);
}
END_TEST

/* --- sessions --- */

START_TEST(a_request_without_a_session_is_400_and_says_what_to_send)
{
    ck_assert_int_eq(post(&h, NO_HEADERS, LIST), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_ptr_nonnull(strstr(error_text(&h), "initialize"));
    ck_assert(body_has(&h, "\"id\":2"));
    gh_mcp_headers versioned = NO_HEADERS;
    versioned.version = GH_VIEW_LIT("2025-06-18");
    ck_assert_int_eq(post(&h, versioned, LIST), 400);
    ck_assert_int_eq(post(&h, NO_HEADERS, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
                     400);
}
END_TEST

START_TEST(a_session_that_never_was_is_404)
{
    in_session.session = GH_VIEW_LIT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    ck_assert_int_eq(post(&h, in_session, LIST), 404);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
                     404);
}
END_TEST

START_TEST(the_session_of_another_user_is_404_for_everything)
{
    char stranger_saw[400];
    ck_assert_int_eq(post_as(&h, &GRACE, in_session, GH_VIEW_LIT(PING)), 404);
    (void)snprintf(stranger_saw, sizeof stranger_saw, "%s", h.reply.body);
    ck_assert_int_eq(delete_as(&h, &GRACE, in_session), 404);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
    gh_mcp_headers unknown = NO_HEADERS;
    unknown.session = GH_VIEW_LIT("nothing");
    ck_assert_int_eq(post_as(&h, &GRACE, unknown, GH_VIEW_LIT(PING)), 404);
    ck_assert_str_eq(h.reply.body, stranger_saw);
}
END_TEST

START_TEST(delete_ends_the_session_and_it_is_404_from_then_on)
{
    ck_assert_int_eq(delete_as(&h, &ADA, in_session), 204);
    ck_assert_ptr_null(h.reply.body);
    ck_assert_int_eq(post(&h, in_session, LIST), 404);
    ck_assert_int_eq(delete_as(&h, &ADA, in_session), 404);
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 0);
}
END_TEST

START_TEST(delete_without_a_session_or_with_a_wrong_version_changes_nothing)
{
    ck_assert_int_eq(delete_as(&h, &ADA, NO_HEADERS), 400);
    in_session.version = GH_VIEW_LIT("2024-11-05");
    ck_assert_int_eq(delete_as(&h, &ADA, in_session), 400);
    in_session.version = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);
    ck_assert_int_eq(delete_as(&h, &ADA, in_session), 405);
    in_session.version = GH_VIEW_LIT("2025-11-25");
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

static const char *const GOOD_VERSIONS[] = {"2025-03-26", "2025-06-18", "2025-11-25", " 2025-11-25 "};
static const char *const BAD_VERSIONS[] = {"2024-11-05", "1999-01-01", "2025-11-2", "latest",
                                           "2025-11-25, 2025-06-18"};

START_TEST(a_version_header_must_name_a_version_that_is_spoken)
{
    for (size_t i = 0; i < sizeof GOOD_VERSIONS / sizeof GOOD_VERSIONS[0]; i++) {
        in_session.version = gh_view_of(GOOD_VERSIONS[i]);
        ck_assert_int_eq(post(&h, in_session, PING), 200);
    }
    for (size_t i = 0; i < sizeof BAD_VERSIONS / sizeof BAD_VERSIONS[0]; i++) {
        in_session.version = gh_view_of(BAD_VERSIONS[i]);
        ck_assert_int_eq(post(&h, in_session, PING), 400);
        ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
        ck_assert_ptr_nonnull(strstr(error_text(&h), "2025-11-25"));
    }
}
END_TEST

START_TEST(the_oldest_session_of_a_user_makes_room)
{
    gh_mcp_options options = usual_options();
    options.max_sessions_per_principal = 1;
    stop(&h);
    start_sessions(&options);
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_11));
    gh_mcp_headers first = in_session;
    char first_id[80];
    memcpy(first_id, session, sizeof first_id);
    first.session = gh_view_of(first_id);
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_11));
    ck_assert_int_eq(post(&h, first, PING), 404);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

START_TEST(an_engine_without_room_for_sessions_is_refused)
{
    gh_mcp_options options = usual_options();
    gh_mcp_engine *engine = NULL;
    options.max_sessions = 0;
    ck_assert_int_eq(gh_mcp_engine_new(&options, h.registry, &engine), GH_ERR_INVALID);
    ck_assert_ptr_null(engine);
}
END_TEST

/* --- methods --- */

START_TEST(ping_answers_an_empty_object)
{
    ck_assert_int_eq(post(&h, in_session, PING), 200);
    ck_assert_str_eq(h.reply.body, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    ck_assert_str_eq(h.reply.session, "");
}
END_TEST

static const char *const ACCEPTED[] = {
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/anything\"}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}",
    "{\"jsonrpc\":\"2.0\",\"method\":\"initialize\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}",
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"error\":{\"code\":1,\"message\":\"no\"}}",
};

START_TEST(notifications_and_responses_are_202_without_a_body)
{
    ck_assert_int_eq(post(&h, in_session, ACCEPTED[_i]), 202);
    ck_assert_ptr_null(h.reply.body);
}
END_TEST

START_TEST(a_notification_name_with_an_id_is_an_unknown_method)
{
    ck_assert_int_eq(
        post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"notifications/initialized\"}"), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_METHOD_NOT_FOUND);
    ck_assert(body_has(&h, "\"id\":4"));
}
END_TEST

START_TEST(unknown_methods_are_200_with_minus_32601)
{
    static const char *const METHODS[] = {"resources/list", "server/discover", "Tools/list", "tools/list ",
                                          ""};
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        char body[200];
        (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"%s\"}", METHODS[i]);
        ck_assert_int_eq(post(&h, in_session, body), 200);
        ck_assert_int_eq(error_code(&h), GH_RPC_METHOD_NOT_FOUND);
    }
}
END_TEST

START_TEST(the_list_of_tools_starts_with_say_hello_and_has_no_modern_members)
{
    ck_assert_int_eq(post(&h, in_session, LIST), 200);
    const cJSON *tools = gh_json_get_array(result_of(&h), "tools");
    ck_assert_int_eq(cJSON_GetArraySize(tools), 5);
    const cJSON *first = cJSON_GetArrayItem(tools, 0);
    ck_assert_str_eq(gh_json_get_string(first, "name"), "sayHello");
    ck_assert_ptr_nonnull(gh_json_get_object(first, "inputSchema"));
    ck_assert_ptr_null(gh_json_get(result_of(&h), "resultType"));
    ck_assert_ptr_null(gh_json_get(result_of(&h), "ttlMs"));
    ck_assert_ptr_null(gh_json_get(result_of(&h), "nextCursor"));
}
END_TEST

START_TEST(a_cursor_that_was_never_given_is_refused)
{
    static const char *const CURSORS[] = {"\"x\"", "\"\"", "7", "null"};
    for (size_t i = 0; i < 4; i++) {
        char body[200];
        (void)snprintf(body, sizeof body,
                       "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/list\",\"params\":{\"cursor\":%s}}",
                       CURSORS[i]);
        ck_assert_int_eq(post(&h, in_session, body), 200);
        ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
    }
}
END_TEST

START_TEST(say_hello_greets_by_argument_or_by_token)
{
    ck_assert_int_eq(
        post(&h, in_session, CALL("5", "{\"name\":\"sayHello\",\"arguments\":{\"name\":\"G\\u00f6del\"}}")),
        200);
    ck_assert_str_eq(content_text(&h), "Hello, G\xc3\xb6"
                                       "del!");
    ck_assert_ptr_null(gh_json_get(result_of(&h), "resultType"));
    ck_assert_ptr_null(gh_json_get(result_of(&h), "_meta"));
    ck_assert_int_eq(post(&h, in_session, CALL("6", "{\"name\":\"sayHello\",\"arguments\":{}}")), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada!");
    ck_assert_int_eq(post(&h, in_session, CALL("7", "{\"name\":\"sayHello\"}")), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada!");
    ck_assert(!is_tool_error(&h));
}
END_TEST

START_TEST(whoami_gives_the_same_as_text_and_structured)
{
    ck_assert_int_eq(post(&h, in_session, CALL("5", "{\"name\":\"whoami\",\"arguments\":{}}")), 200);
    const cJSON *structured = gh_json_get_object(result_of(&h), "structuredContent");
    ck_assert_str_eq(gh_json_get_string(structured, "subject"), "u-1");
    ck_assert_str_eq(gh_json_get_string(structured, "email"), "ada@example.org");
    cJSON *text = cJSON_Parse(content_text(&h));
    ck_assert(cJSON_Compare(text, structured, true));
    cJSON_Delete(text);
}
END_TEST

typedef struct bad_call {
    const char *params;
    const char *text; /* in the error */
} bad_call;

static const bad_call BAD_CALLS[] = {
    {"{}", "params.name must be a string, not nothing"},
    {"{\"name\":7}", "params.name must be a string, not a number"},
    {"{\"name\":null}", "params.name must be a string, not null"},
    {"{\"name\":\"nobody\",\"arguments\":{}}", "Unknown tool: nobody"},
    {"{\"name\":\"\"}", "Unknown tool: "},
    {"{\"name\":\"SAYHELLO\"}", "Unknown tool: SAYHELLO"},
    {"{\"name\":\"sayHello\",\"arguments\":[]}", "params.arguments must be an object, not an array"},
    {"{\"name\":\"sayHello\",\"arguments\":\"Ada\"}", "params.arguments must be an object, not a string"},
    {"{\"name\":\"sayHello\",\"arguments\":null}", "params.arguments must be an object, not null"},
};

START_TEST(malformed_calls_and_unknown_tools_are_protocol_errors)
{
    char body[400];
    (void)snprintf(body, sizeof body, CALL("5", "%s"), BAD_CALLS[_i].params);
    ck_assert_int_eq(post(&h, in_session, body), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
    ck_assert_str_eq(error_text(&h), BAD_CALLS[_i].text);
}
END_TEST

START_TEST(a_call_without_params_is_a_protocol_error)
{
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\"}"), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
}
END_TEST

static const bad_call BAD_ARGUMENTS[] = {
    {"{\"name\":\"sayHello\",\"arguments\":{\"name\":7}}", "arguments.name must be a string, not a number"},
    {"{\"name\":\"sayHello\",\"arguments\":{\"name\":null}}", "arguments.name must be a string, not null"},
    {"{\"name\":\"sayHello\",\"arguments\":{\"name\":\"\"}}",
     "arguments.name must have at least 1 character"},
    {"{\"name\":\"sayHello\",\"arguments\":{\"nam\":\"Ada\"}}",
     "arguments.nam is not expected; did you mean name?"},
    {"{\"name\":\"whoami\",\"arguments\":{\"verbose\":true}}", "arguments.verbose is not expected"},
};

START_TEST(wrong_arguments_are_a_result_that_the_model_reads)
{
    char body[400];
    (void)snprintf(body, sizeof body, CALL("5", "%s"), BAD_ARGUMENTS[_i].params);
    ck_assert_int_eq(post(&h, in_session, body), 200);
    ck_assert(is_tool_error(&h));
    ck_assert_str_eq(content_text(&h), BAD_ARGUMENTS[_i].text);
}
END_TEST

START_TEST(wrong_arguments_are_a_protocol_error_before_2025_11_25)
{
    static const char *const OLD[] = {INITIALIZE("1", GH_MCP_VERSION_2025_03),
                                      INITIALIZE("1", GH_MCP_VERSION_2025_06)};
    for (size_t i = 0; i < 2; i++) {
        enter(OLD[i]);
        ck_assert_int_eq(
            post(&h, in_session, CALL("5", "{\"name\":\"sayHello\",\"arguments\":{\"name\":7}}")), 200);
        ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
        ck_assert_str_eq(error_text(&h), "Invalid arguments: arguments.name must be a string, not a number");
    }
}
END_TEST

START_TEST(what_a_tool_complains_about_is_a_result_and_an_outage_is_not)
{
    ck_assert_int_eq(post(&h, in_session, CALL("5", "{\"name\":\"complaint\"}")), 200);
    ck_assert(is_tool_error(&h));
    ck_assert_str_eq(content_text(&h), "The moon is not \"up\"");
    ck_assert_int_eq(post(&h, in_session, CALL("6", "{\"name\":\"outage\"}")), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INTERNAL_ERROR);
    ck_assert(!body_has(&h, "half an answer"));
}
END_TEST

START_TEST(a_result_that_breaks_its_schema_never_reaches_the_client)
{
    ck_assert_int_eq(post(&h, in_session, CALL("5", "{\"name\":\"liar\"}")), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INTERNAL_ERROR);
    ck_assert(!body_has(&h, "structuredContent"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine_legacy");
    TCase *tc = tcase_create("engine_legacy");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, initialize_answers_with_a_session_and_who_the_server_is);
    LOOP(tc, a_version_that_is_spoken_is_kept_and_any_other_becomes_the_newest, NEGOTIATIONS);
    LOOP(tc, an_incomplete_initialize_says_which_member_and_opens_nothing, BAD_INITIALIZE);
    tcase_add_test(tc, initialize_with_a_stale_session_header_opens_a_new_session);
    tcase_add_test(tc, a_request_without_a_session_is_400_and_says_what_to_send);
    tcase_add_test(tc, a_session_that_never_was_is_404);
    tcase_add_test(tc, the_session_of_another_user_is_404_for_everything);
    tcase_add_test(tc, delete_ends_the_session_and_it_is_404_from_then_on);
    tcase_add_test(tc, delete_without_a_session_or_with_a_wrong_version_changes_nothing);
    tcase_add_test(tc, a_version_header_must_name_a_version_that_is_spoken);
    tcase_add_test(tc, the_oldest_session_of_a_user_makes_room);
    tcase_add_test(tc, an_engine_without_room_for_sessions_is_refused);
    tcase_add_test(tc, ping_answers_an_empty_object);
    LOOP(tc, notifications_and_responses_are_202_without_a_body, ACCEPTED);
    tcase_add_test(tc, a_notification_name_with_an_id_is_an_unknown_method);
    tcase_add_test(tc, unknown_methods_are_200_with_minus_32601);
    tcase_add_test(tc, the_list_of_tools_starts_with_say_hello_and_has_no_modern_members);
    tcase_add_test(tc, a_cursor_that_was_never_given_is_refused);
    tcase_add_test(tc, say_hello_greets_by_argument_or_by_token);
    tcase_add_test(tc, whoami_gives_the_same_as_text_and_structured);
    LOOP(tc, malformed_calls_and_unknown_tools_are_protocol_errors, BAD_CALLS);
    tcase_add_test(tc, a_call_without_params_is_a_protocol_error);
    LOOP(tc, wrong_arguments_are_a_result_that_the_model_reads, BAD_ARGUMENTS);
    tcase_add_test(tc, wrong_arguments_are_a_protocol_error_before_2025_11_25);
    tcase_add_test(tc, what_a_tool_complains_about_is_a_result_and_an_outage_is_not);
    tcase_add_test(tc, a_result_that_breaks_its_schema_never_reaches_the_client);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
