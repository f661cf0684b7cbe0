#include <pthread.h>
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/engine_harness.h"

static harness h;
static char session[80];
static gh_mcp_headers in_session;

#define INITIALIZE(id, version)                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                                        \
    ",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" version                                  \
    "\",\"capabilities\":{},\"clientInfo\":{\"name\":\"test\",\"version\":\"1\"}}}"
#define CALL(id, params) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":" params "}"
#define LIST "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\"}"

static gh_status tool_outage(const gh_tool_call *call, gh_tool_result *result)
{
    (void)call;
    result->text = gh_text_dup("half an answer");
    return GH_ERR_UNAVAILABLE;
}

static gh_status tool_complaint(const gh_tool_call *call, gh_tool_result *result)
{
    (void)call;
    result->text = gh_text_dup("The moon is not \"up\"");
    result->is_error = true;
    return GH_OK;
}

static gh_status tool_liar(const gh_tool_call *call, gh_tool_result *result)
{
    (void)call;
    result->text = gh_text_dup("{}");
    result->structured = cJSON_CreateObject();
    return GH_OK;
}

static const gh_tool OUTAGE = {
    .name = "outage", .input_schema = "{\"type\":\"object\"}", .call = tool_outage};
static const gh_tool COMPLAINT = {
    .name = "complaint", .input_schema = "{\"type\":\"object\"}", .call = tool_complaint};
static const gh_tool LIAR = {.name = "liar",
                             .input_schema = "{\"type\":\"object\"}",
                             .output_schema = "{\"type\":\"object\",\"required\":[\"truth\"]}",
                             .call = tool_liar};
static const gh_tool *const TOOLS[] = {&GH_TOOL_SAY_HELLO, &GH_TOOL_WHOAMI, &OUTAGE, &COMPLAINT, &LIAR};

/* Opens a session for Ada and points `in_session` at it. */
static void enter(const char *body)
{
    ck_assert_int_eq(post(&h, NO_HEADERS, body), 200);
    ck_assert_uint_ge(strlen(h.reply.session), 22);
    memcpy(session, h.reply.session, sizeof session);
    in_session = NO_HEADERS;
    in_session.session = gh_view_of(session);
}

static void set_up(void)
{
    const gh_mcp_options options = usual_options();
    start_with(&h, TOOLS, sizeof TOOLS / sizeof TOOLS[0], &options);
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_11));
}

static void tear_down(void)
{
    stop(&h);
}

/* --- initialize --- */

START_TEST(initialize_answers_with_a_session_and_who_the_server_is)
{
    ck_assert_str_eq(
        h.reply.body,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":"
        "{\"tools\":{}},\"serverInfo\":{\"name\":\"gatehouse\",\"title\":\"Gatehouse\",\"version\":"
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
    const gh_mcp_options options = {.server_name = "g",
                                    .server_version = "1",
                                    .max_sessions = 10,
                                    .max_sessions_per_principal = 1,
                                    .session_idle_ms = 1000};
    stop(&h);
    start_with(&h, TOOLS, 1, &options);
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

/* --- messages --- */

static const char *const IDS[] = {
    "9007199254740993",    "-9007199254740993",  "0",     "\"\"",
    "\"a\\u0062\\n\\\"\"", "\"\\ud83d\\ude00\"", "\"7\"", "123456789012345678901234567890"};

START_TEST(ids_come_back_exactly_as_they_were_sent)
{
    char body[200];
    char expected[200];
    (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\": %s ,\"method\":\"ping\"}", IDS[_i]);
    (void)snprintf(expected, sizeof expected, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}", IDS[_i]);
    ck_assert_int_eq(post(&h, in_session, body), 200);
    ck_assert_str_eq(h.reply.body, expected);
}
END_TEST

static const char *const INVALID[] = {
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}",
    "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
    "{\"id\":1,\"method\":\"ping\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
    "{\"jsonrpc\":\"2.0\",\"id\":1}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[1]}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":\"x\"}",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1,\"message\":\"\"}}",
    "7",
    "\"ping\"",
    "null",
    "{}",
};

START_TEST(what_is_json_but_no_message_is_400_with_minus_32600)
{
    ck_assert_int_eq(post(&h, in_session, INVALID[_i]), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

START_TEST(an_invalid_message_gets_its_id_back_when_that_could_be_read)
{
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":\"abc\",\"method\":7}"), 400);
    ck_assert(body_has(&h, "\"id\":\"abc\""));
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"), 400);
    ck_assert(body_has(&h, "\"id\":null"));
}
END_TEST

START_TEST(what_is_not_json_is_400_with_minus_32700)
{
    static const char *const GARBAGE[] = {"",
                                          "   ",
                                          "{",
                                          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x",
                                          "GET / HTTP/1.1",
                                          "{'a':1}",
                                          "\xff\xfe",
                                          "{\"a\":\"\\u0000\"}",
                                          "{\"a\":01}",
                                          "[[[["};
    for (size_t i = 0; i < sizeof GARBAGE / sizeof GARBAGE[0]; i++) {
        ck_assert_int_eq(post(&h, in_session, GARBAGE[i]), 400);
        ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
        ck_assert(body_has(&h, "\"id\":null"));
    }
    ck_assert_int_eq(post_as(&h, &ADA, in_session, (gh_view){NULL, 0}), 400);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, GH_VIEW_LIT("\0\0")), 400);
}
END_TEST

START_TEST(deep_and_large_bodies_are_refused_and_the_next_request_works)
{
    size_t size = 5 * 1024 * 1024;
    char *body = malloc(size);
    ck_assert_ptr_nonnull(body);
    memset(body, '[', size);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, gh_view_make(body, 100000)), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
    memset(body, ' ', size);
    ck_assert_int_eq(post_as(&h, &ADA, in_session, gh_view_make(body, size)), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_PARSE_ERROR);
    free(body);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

START_TEST(a_client_that_cannot_read_json_gets_406)
{
    in_session.accept = GH_VIEW_LIT("text/event-stream");
    ck_assert_int_eq(post(&h, in_session, PING), 406);
    static const char *const FINE[] = {"application/json", "*/*", "Application/JSON;q=0.9, text/event-stream",
                                       "application/*"};
    for (size_t i = 0; i < 4; i++) {
        in_session.accept = gh_view_of(FINE[i]);
        ck_assert_int_eq(post(&h, in_session, PING), 200);
    }
    in_session.accept = (gh_view){NULL, 0};
    ck_assert_int_eq(post(&h, in_session, PING), 200);
}
END_TEST

/* --- the log --- */

START_TEST(each_request_is_logged_with_its_outcome_and_the_session_id_is_cut)
{
    FILE *file = tmpfile();
    char text[4000] = "";
    char cut[16];
    ck_assert_ptr_nonnull(file);
    const gh_log_options options = {.fd = fileno(file), .format = GH_LOG_TEXT, .level = GH_LOG_INFO};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    ck_assert_int_eq(post(&h, NO_HEADERS, INITIALIZE("1", "2025-11-25")), 200);
    ck_assert_int_eq(post(&h, in_session, PING), 200);
    ck_assert_int_eq(post(&h, in_session, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\nb\"}"), 200);
    gh_log_stop();
    rewind(file);
    ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
    (void)fclose(file);
    (void)snprintf(cut, sizeof cut, "%.8s", session);
    char expected[100];
    ck_assert_ptr_nonnull(strstr(text, "[REQUEST] Session: - | Method: initialize\n"));
    (void)snprintf(expected, sizeof expected, "[REQUEST] Session: %s\xe2\x80\xa6 | Method: ping\n", cut);
    ck_assert_ptr_nonnull(strstr(text, expected));
    (void)snprintf(expected, sizeof expected,
                   "[RESPONSE] Session: %s\xe2\x80\xa6 | Method: ping | Status: OK | Duration: ", cut);
    ck_assert_ptr_nonnull(strstr(text, expected));
    ck_assert_ptr_nonnull(strstr(text, "Status: ERROR | Duration: "));
    ck_assert_ptr_nonnull(strstr(text, "Error: -32601 Method not found"));
    ck_assert_ptr_null(strstr(text, session));
    ck_assert_ptr_null(strstr(text, "a\nb"));
}
END_TEST

/* --- batches --- */

START_TEST(a_batch_is_refused_since_2025_06_18)
{
    ck_assert_int_eq(post(&h, in_session, "[" PING "]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    ck_assert_int_eq(post(&h, NO_HEADERS, "[" PING "]"), 400);
    gh_mcp_headers modern = NO_HEADERS;
    modern.version = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);
    ck_assert_int_eq(post(&h, modern, "[" PING "]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
}
END_TEST

START_TEST(a_batch_of_2025_03_26_is_answered_as_one_array)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session,
                          "[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"},"
                          "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"},"
                          "{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"nope\"},"
                          "7,[],{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}]"),
                     200);
    ck_assert_int_eq(cJSON_GetArraySize(h.reply.json), 4);
    ck_assert(body_has(&h, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}"));
    ck_assert(body_has(&h, "\"id\":9007199254740993,\"error\":{\"code\":-32601"));
    const cJSON *number = gh_json_get(cJSON_GetArrayItem(h.reply.json, 2), "error");
    int64_t code = 0;
    ck_assert(gh_json_get_int64(number, "code", &code));
    ck_assert_int_eq(code, GH_RPC_INVALID_REQUEST);
}
END_TEST

START_TEST(a_batch_without_requests_is_202_and_an_empty_or_huge_one_400)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session, "[{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}]"),
                     202);
    ck_assert_int_eq(post(&h, in_session, "[]"), 400);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_REQUEST);
    char body[8000] = "[";
    for (int i = 0; i < 65; i++) {
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), "%s" PING, i == 0 ? "" : ",");
    }
    (void)snprintf(body + strlen(body), sizeof body - strlen(body), "]");
    ck_assert_int_eq(post(&h, in_session, body), 400);
}
END_TEST

START_TEST(initialize_and_modern_requests_have_no_place_in_a_batch)
{
    enter(INITIALIZE("1", GH_MCP_VERSION_2025_03));
    ck_assert_int_eq(post(&h, in_session, "[" INITIALIZE("1", "2025-03-26") "]"), 200);
    ck_assert(body_has(&h, "-32600"));
    ck_assert_str_eq(h.reply.session, "");
    ck_assert_int_eq(post(&h, in_session,
                          "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
                          "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}]"),
                     200);
    ck_assert(body_has(&h, "-32600"));
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 2);
}
END_TEST

/* --- threads --- */

typedef struct worker {
    pthread_t thread;
    const gh_principal *principal;
    int failures;
} worker;

/* Check's assertions are for the main thread; a worker counts. */
static int send_one(const gh_principal *principal, const gh_mcp_headers *headers, const char *body,
                    char *opened)
{
    captured reply = {0};
    const gh_mcp_reply to = capture_into(&reply);
    gh_mcp_engine_post(h.engine, principal, headers, gh_view_of(body), &to);
    int status = reply.calls == 1 ? reply.status : -1;
    if (opened != NULL) {
        memcpy(opened, reply.session, sizeof reply.session);
    }
    forget(&reply);
    return status;
}

static void *work(void *argument)
{
    worker *self = argument;
    const gh_principal *other = self->principal == &ADA ? &GRACE : &ADA;
    for (int i = 0; i < 60; i++) {
        char id[80] = "";
        gh_mcp_headers headers = NO_HEADERS;
        self->failures += send_one(self->principal, &headers, INITIALIZE("1", "2025-06-18"), id) != 200;
        headers.session = gh_view_of(id);
        self->failures += send_one(self->principal, &headers, LIST, NULL) != 200;
        self->failures +=
            send_one(self->principal, &headers, CALL("2", "{\"name\":\"whoami\"}"), NULL) != 200;
        self->failures += send_one(other, &headers, PING, NULL) != 404;
        if (i % 2 == 0) {
            captured reply = {0};
            const gh_mcp_reply to = capture_into(&reply);
            gh_mcp_engine_delete(h.engine, self->principal, &headers, &to);
            self->failures += reply.status != 204;
            forget(&reply);
            self->failures += send_one(self->principal, &headers, PING, NULL) != 404;
        }
    }
    return NULL;
}

START_TEST(eight_threads_use_sessions_of_their_own_at_once)
{
    worker workers[8];
    gh_mcp_options options = usual_options();
    options.max_sessions = 1000;
    options.max_sessions_per_principal = 500;
    stop(&h);
    start_with(&h, TOOLS, sizeof TOOLS / sizeof TOOLS[0], &options);
    for (size_t i = 0; i < 8; i++) {
        workers[i].principal = i % 2 == 0 ? &ADA : &GRACE;
        workers[i].failures = 0;
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_int_eq(workers[i].failures, 0);
    }
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 8 * 30);
}
END_TEST

#define LOOP(tc, test, list) tcase_add_loop_test(tc, test, 0, sizeof(list) / sizeof((list)[0]))

int main(void)
{
    Suite *suite = suite_create("engine, legacy era");
    TCase *tc = tcase_create("legacy");
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
    LOOP(tc, ids_come_back_exactly_as_they_were_sent, IDS);
    LOOP(tc, what_is_json_but_no_message_is_400_with_minus_32600, INVALID);
    tcase_add_test(tc, an_invalid_message_gets_its_id_back_when_that_could_be_read);
    tcase_add_test(tc, what_is_not_json_is_400_with_minus_32700);
    tcase_add_test(tc, deep_and_large_bodies_are_refused_and_the_next_request_works);
    tcase_add_test(tc, a_client_that_cannot_read_json_gets_406);
    tcase_add_test(tc, each_request_is_logged_with_its_outcome_and_the_session_id_is_cut);
    tcase_add_test(tc, a_batch_is_refused_since_2025_06_18);
    tcase_add_test(tc, a_batch_of_2025_03_26_is_answered_as_one_array);
    tcase_add_test(tc, a_batch_without_requests_is_202_and_an_empty_or_huge_one_400);
    tcase_add_test(tc, initialize_and_modern_requests_have_no_place_in_a_batch);
    tcase_add_test(tc, eight_threads_use_sessions_of_their_own_at_once);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
