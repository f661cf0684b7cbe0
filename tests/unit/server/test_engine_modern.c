#include <pthread.h>

#include "tests/unit/server/modern_fixture.h"

#define CAPABILITIES_META CAPABILITIES("")
#define CALL_ECHO(arguments) REQUEST("tools/call", "\"name\":\"echo\",\"arguments\":" arguments "," META)

/* Mirrors three kinds of arguments, one of them nested, into headers. */
static int tool_echo(void *data, gatehouse_call *call)
{
    (void)data;
    return HOST.set_text(call, HOST.arguments(call));
}

static const gatehouse_tool ECHO = {
    .name = "echo",
    .input_schema =
        "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
        "\"count\":{\"type\":\"integer\",\"x-mcp-header\":\"Count\"},"
        "\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"},"
        "\"deep\":{\"type\":\"object\",\"properties\":{\"zone\":{\"type\":\"string\",\"x-mcp-header\":"
        "\"Zone\"}}},"
        "\"plain\":{\"type\":\"string\"}}}",
    .call = tool_echo,
    .flags = GATEHOUSE_QUICK};

static void set_up(void)
{
    const gh_mcp_options options = usual_options();
    start_empty(&h, &options);
    add_builtin(&h);
    add_tool(&h, ECHO);
}

static bool has_server_info(void)
{
    const cJSON *meta = gh_json_get_object(result_of(&h), "_meta");
    const char *name = gh_json_get_string(gh_json_get_object(meta, GH_MCP_META_SERVER_INFO), "name");
    return name != NULL && strcmp(name, "gatehouse") == 0;
}

/* --- discovery --- */

START_TEST(discover_tells_versions_capabilities_identity_and_how_long_to_keep_it)
{
    ck_assert_int_eq(post(&h, headers_for("server/discover", NULL), REQUEST("server/discover", META)), 200);
    ck_assert_str_eq(
        h.reply.body,
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"resultType\":\"complete\",\"supportedVersions\":"
        "[\"2026-07-28\"],\"capabilities\":{\"logging\":{},\"tools\":{\"listChanged\":true},\"extensions\":{"
        "\"io.modelcontextprotocol/tasks\":{}}},\"instructions\":\"Say \\\"hello\\\".\","
        "\"ttlMs\":300000,\"cacheScope\":\"private\",\"_meta\":{"
        "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"gatehouse\",\"title\":\"Gatehouse\","
        "\"version\":\"0.1.0\"}}}}");
    ck_assert_str_eq(h.reply.session, "");
}
END_TEST

START_TEST(the_list_of_tools_is_complete_and_cacheable)
{
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "resultType"), "complete");
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "cacheScope"), "private");
    int64_t ttl = -1;
    ck_assert(gh_json_get_int64(result_of(&h), "ttlMs", &ttl));
    ck_assert_int_ge(ttl, 0);
    ck_assert(has_server_info());
    const cJSON *tools = gh_json_get_array(result_of(&h), "tools");
    ck_assert_int_eq(cJSON_GetArraySize(tools), 3);
    ck_assert_str_eq(gh_json_get_string(cJSON_GetArrayItem(tools, 0), "name"), "sayHello");
    ck_assert(body_has(&h, "\"x-mcp-header\":\"Region\""));
}
END_TEST

START_TEST(a_call_answers_without_any_session)
{
    gh_mcp_headers headers = headers_for("tools/call", "sayHello");
    headers.session = GH_VIEW_LIT("left over from another era");
    ck_assert_int_eq(post(&h, headers, REQUEST("tools/call", "\"name\":\"sayHello\"," META)), 200);
    ck_assert_str_eq(content_text(&h), "Hello, Ada!");
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "resultType"), "complete");
    ck_assert(has_server_info());
    ck_assert(!is_tool_error(&h));
    ck_assert_str_eq(h.reply.session, "");
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 0);
}
END_TEST

START_TEST(wrong_arguments_and_unknown_tools_are_told_apart)
{
    ck_assert_int_eq(post(&h, headers_for("tools/call", "sayHello"),
                          REQUEST("tools/call", "\"name\":\"sayHello\",\"arguments\":{\"name\":7}," META)),
                     200);
    ck_assert(is_tool_error(&h));
    ck_assert_str_eq(content_text(&h), "arguments.name must be a string, not a number");
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "resultType"), "complete");
    ck_assert_int_eq(
        post(&h, headers_for("tools/call", "nobody"), REQUEST("tools/call", "\"name\":\"nobody\"," META)),
        200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
    ck_assert_str_eq(error_text(&h), "Unknown tool: nobody");
    ck_assert_int_eq(post(&h, headers_for("tools/call", NULL), REQUEST("tools/call", META)), 200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
    ck_assert_int_eq(post(&h, headers_for("tools/call", "echo"),
                          REQUEST("tools/call", "\"name\":\"echo\",\"arguments\":7," META)),
                     200);
    ck_assert_int_eq(error_code(&h), GH_RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(ids_come_back_exactly_in_results_and_errors)
{
    static const char *const IDS[] = {"9007199254740993", "\"\\u0061\"", "-1"};
    for (size_t i = 0; i < 3; i++) {
        char body[400];
        char expected[80];
        (void)snprintf(body, sizeof body,
                       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"tools/list\",\"params\":{%s}}", IDS[i],
                       META);
        (void)snprintf(expected, sizeof expected, "\"id\":%s,", IDS[i]);
        ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), body), 200);
        ck_assert(body_has(&h, expected));
        ck_assert_int_eq(post(&h, headers_for("wrong", NULL), body), 400);
        ck_assert(body_has(&h, expected));
    }
}
END_TEST

/* --- methods --- */

START_TEST(methods_that_are_gone_or_unknown_are_404_with_minus_32601)
{
    static const char *const METHODS[] = {"initialize", "ping", "logging/setLevel", "resources/subscribe",
                                          "resources/unsubscribe", "unknown/method", "tasks/list",
                                          "tasks/result",
                                          /* what this server has nothing of */
                                          "resources/list", "resources/templates/list", "resources/read",
                                          "prompts/list", "prompts/get", "completion/complete"};
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        char body[400];
        (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":{%s}}",
                       METHODS[i], META);
        (void)post(&h, headers_for(METHODS[i], NULL), body);
        expect_error(404, GH_RPC_METHOD_NOT_FOUND);
        ck_assert(body_has(&h, "\"id\":7"));
    }
}
END_TEST

START_TEST(initialize_with_a_modern_version_in_header_or_meta_is_404)
{
    static const char LEGACY_BODY[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-"
        "25\","
        "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}";
    gh_mcp_headers only_version = NO_HEADERS;
    only_version.version = GH_VIEW_LIT(GH_MCP_VERSION_MODERN);
    (void)post(&h, only_version, LEGACY_BODY);
    expect_error(404, GH_RPC_METHOD_NOT_FOUND);
    (void)post(&h, only_version, REQUEST("initialize", META));
    expect_error(404, GH_RPC_METHOD_NOT_FOUND);
    ck_assert_uint_eq(gh_mcp_engine_sessions(h.engine), 0);
}
END_TEST

/* --- versions --- */

START_TEST(the_version_header_is_required_and_must_match)
{
    gh_mcp_headers headers = headers_for("tools/list", NULL);
    headers.version = (gh_view){NULL, 0};
    (void)post(&h, headers, REQUEST("tools/list", META));
    expect_error(400, GH_MCP_HEADER_MISMATCH);
    static const char *const OTHERS[] = {"2025-11-25", "2026-07-29", "v999.0.0", "2026-07-28, 2026-07-28"};
    for (size_t i = 0; i < 4; i++) {
        headers.version = gh_view_of(OTHERS[i]);
        (void)post(&h, headers, REQUEST("tools/list", META));
        expect_error(400, GH_MCP_HEADER_MISMATCH);
    }
    headers.version = GH_VIEW_LIT("  2026-07-28\t");
    ck_assert_int_eq(post(&h, headers, REQUEST("tools/list", META)), 200);
}
END_TEST

START_TEST(a_body_that_names_another_version_than_the_header_is_a_mismatch)
{
    (void)post(
        &h, headers_for("server/discover", NULL),
        REQUEST("server/discover",
                "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"v999.0.0\"," CAPABILITIES_META
                "}"));
    expect_error(400, GH_MCP_HEADER_MISMATCH);
}
END_TEST

START_TEST(a_version_that_is_not_spoken_is_answered_with_those_that_are)
{
    static const char *const VERSIONS[] = {"v999.0.0", "2027-01-01", "2025-11-25", "\\\"<&"};
    static const char *const HEADERS[] = {"v999.0.0", "2027-01-01", "2025-11-25", "\"<&"};
    for (size_t i = 0; i < 4; i++) {
        char body[400];
        (void)snprintf(
            body, sizeof body,
            "{\"jsonrpc\":\"2.0\",\"id\":301,\"method\":\"server/discover\",\"params\":{\"_meta\":{"
            "\"io.modelcontextprotocol/protocolVersion\":\"%s\",%s}}}",
            VERSIONS[i], CAPABILITIES_META);
        gh_mcp_headers headers = headers_for("server/discover", NULL);
        headers.version = gh_view_of(HEADERS[i]);
        (void)post(&h, headers, body);
        expect_error(400, GH_MCP_UNSUPPORTED_VERSION);
        const cJSON *data = gh_json_get_object(gh_json_get(h.reply.json, "error"), "data");
        ck_assert_str_eq(gh_json_get_string(data, "requested"), HEADERS[i]);
        ck_assert(gh_json_array_has(data, "supported", GH_MCP_VERSION_MODERN));
        ck_assert_int_eq(cJSON_GetArraySize(gh_json_get_array(data, "supported")), 1);
        ck_assert(body_has(&h, "\"id\":301"));
    }
}
END_TEST

START_TEST(a_later_version_in_the_header_alone_is_told_what_is_spoken)
{
    gh_mcp_headers headers = headers_for("tools/list", NULL);
    headers.version = GH_VIEW_LIT("2031-05-05");
    (void)post(&h, headers, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\"}");
    expect_error(400, GH_MCP_UNSUPPORTED_VERSION);
}
END_TEST

/* --- metadata --- */

static const char *const BAD_META[] = {
    "",
    "\"_meta\":7",
    "\"_meta\":null",
    "\"_meta\":{}",
    "\"_meta\":{" CAPABILITIES_META "}",
    "\"_meta\":{" VERSION_META "}",
    "\"_meta\":{" VERSION_META ",\"io.modelcontextprotocol/clientCapabilities\":[]}",
    "\"_meta\":{" VERSION_META ",\"io.modelcontextprotocol/clientCapabilities\":null}",
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":20260728," CAPABILITIES_META "}",
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":null," CAPABILITIES_META "}",
    "\"_meta\":{" VERSION_META "," CAPABILITIES_META ",\"io.modelcontextprotocol/clientInfo\":\"me\"}",
    "\"_meta\":{" VERSION_META "," CAPABILITIES_META ",\"io.modelcontextprotocol/logLevel\":\"loud\"}",
    "\"_meta\":{" VERSION_META "," CAPABILITIES_META ",\"io.modelcontextprotocol/logLevel\":3}",
};

START_TEST(missing_or_malformed_metadata_is_400_with_minus_32602)
{
    char body[600];
    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":101,\"method\":\"server/discover\",\"params\":{%s}}",
                   BAD_META[_i]);
    (void)post(&h, headers_for("server/discover", NULL), body);
    expect_error(400, GH_RPC_INVALID_PARAMS);
    ck_assert_ptr_nonnull(strstr(error_text(&h), "_meta"));
    ck_assert(body_has(&h, "\"id\":101"));
}
END_TEST

START_TEST(no_params_at_all_is_missing_metadata)
{
    (void)post(&h, headers_for("tools/list", NULL),
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/list\"}");
    expect_error(400, GH_RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(client_info_may_be_there_or_not)
{
    ck_assert_int_eq(
        post(&h, headers_for("tools/list", NULL),
             REQUEST("tools/list", "\"_meta\":{" VERSION_META "," CAPABILITIES_META
                                   ",\"io.modelcontextprotocol/clientInfo\":{\"name\":\"t\",\"version\":"
                                   "\"1\"},\"progressToken\":1,\"own/key\":[]}")),
        200);
}
END_TEST

/* --- headers that repeat the body --- */

START_TEST(the_method_header_is_required_and_exact)
{
    static const char *const WRONG[] = {NULL, "", "tools/call", "TOOLS/LIST", "tools/list,tools/list"};
    for (size_t i = 0; i < 5; i++) {
        (void)post(&h, headers_for(WRONG[i], NULL), REQUEST("tools/list", META));
        expect_error(400, GH_MCP_HEADER_MISMATCH);
        ck_assert_ptr_nonnull(strstr(error_text(&h), "Mcp-Method"));
    }
    ck_assert_int_eq(post(&h, headers_for(" tools/list ", NULL), REQUEST("tools/list", META)), 200);
}
END_TEST

START_TEST(the_name_header_is_required_decoded_and_exact)
{
    static const char *const WRONG[] = {NULL,
                                        "",
                                        "wrong_tool",
                                        "SAYHELLO",
                                        "sayHello\x01",
                                        "=?base64?c2F5SGVsbG8?=",
                                        "=?base64?!!!?=",
                                        "=?base64?d2hvYW1p?=",
                                        "=?BASE64?c2F5SGVsbG8=?="};
    static const char *const RIGHT[] = {"sayHello", "  sayHello  ", "=?base64?c2F5SGVsbG8=?="};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        (void)post(&h, headers_for("tools/call", WRONG[i]),
                   REQUEST("tools/call", "\"name\":\"sayHello\"," META));
        expect_error(400, GH_MCP_HEADER_MISMATCH);
        ck_assert_ptr_nonnull(strstr(error_text(&h), "Mcp-Name"));
    }
    for (size_t i = 0; i < sizeof RIGHT / sizeof RIGHT[0]; i++) {
        ck_assert_int_eq(post(&h, headers_for("tools/call", RIGHT[i]),
                              REQUEST("tools/call", "\"name\":\"sayHello\"," META)),
                         200);
    }
    ck_assert_int_eq(post(&h, headers_for("tools/call", "sayHello"),
                          REQUEST("tools/call", "\"name\":\"say\\u0048ello\"," META)),
                     200);
}
END_TEST

typedef struct mirrored {
    const char *arguments;
    const char *header; /* name of the only Mcp-Param header; NULL for none */
    const char *value;
    bool fine;
} mirrored;

static const mirrored MIRRORED[] = {
    {"{}", NULL, NULL, true},
    {"{\"plain\":\"x\"}", NULL, NULL, true},
    {"{\"plain\":\"x\"}", "Plain", "something else", true},
    {"{\"region\":null}", "Region", "eu", false},
    {"{}", "Region", "eu", false},
    {"{\"region\":\"eu\"}", NULL, NULL, false},
    {"{\"region\":\"eu\"}", "Region", "eu", true},
    {"{\"region\":\"eu\"}", "Region", " eu ", true},
    {"{\"region\":\"eu\"}", "Region", "us", false},
    {"{\"region\":\"eu\"}", "Region", "EU", false},
    {"{\"region\":\"\"}", "Region", "", true},
    {"{\"region\":\"eu\"}", "Region", "", false},
    {"{\"region\":\"Hello\"}", "Region", "=?base64?SGVsbG8=?=", true},
    {"{\"region\":\"Hello\"}", "Region", "=?base64?SGVsbG8?=", false},
    {"{\"region\":\"Hello\"}", "Region", "=?base64?SGVs!!!bG8=?=", false},
    {"{\"region\":\"SGVsbG8=\"}", "Region", "SGVsbG8=", true},
    {"{\"region\":\"=?base64?SGVsbG8=\"}", "Region", "=?base64?SGVsbG8=", true},
    {"{\"region\":\"Hello, \\u4e16\\u754c\"}", "Region", "=?base64?SGVsbG8sIOS4lueVjA==?=", true},
    {"{\"region\":\"caf\\u00e9\"}", "Region", "caf\xc3\xa9", false},
    {"{\"count\":42}", "Count", "42", true},
    {"{\"count\":42}", "Count", "42.0", true},
    {"{\"count\":-7}", "Count", "-7", true},
    {"{\"count\":42}", "Count", "43", false},
    {"{\"count\":42}", "Count", "forty-two", false},
    {"{\"count\":42}", "Count", "42 43", false},
    {"{\"count\":42}", "Count", "0x2a", false},
    {"{\"count\":42}", "Count", "[42]", false},
    {"{\"count\":9007199254740993}", "Count", "9007199254740992", false},
    {"{\"dry\":true}", "Dry", "true", true},
    {"{\"dry\":true}", "Dry", "True", false},
    {"{\"dry\":false}", "Dry", "true", false},
    {"{\"deep\":{\"zone\":\"a\"}}", "Zone", "a", true},
    {"{\"deep\":{\"zone\":\"a\"}}", "Zone", "b", false},
    {"{\"deep\":{\"zone\":\"a\"}}", NULL, NULL, false},
    {"{\"deep\":{}}", NULL, NULL, true},
};

START_TEST(arguments_that_are_mirrored_must_match_their_headers)
{
    const mirrored *m = &MIRRORED[_i];
    params list = {{m->header, m->value}};
    char body[800];
    gh_mcp_headers headers = headers_for("tools/call", "echo");
    headers.context = &list;
    headers.param = find_param;
    (void)snprintf(body, sizeof body, CALL_ECHO("%s"), m->arguments);
    (void)post(&h, headers, body);
    if (m->fine) {
        ck_assert_msg(h.reply.status == 200 && error_code(&h) == 0 && !is_tool_error(&h), "%s", h.reply.body);
    } else {
        expect_error(400, GH_MCP_HEADER_MISMATCH);
        ck_assert_ptr_nonnull(strstr(error_text(&h), "Mcp-Param-"));
    }
}
END_TEST

START_TEST(legacy_sessions_know_nothing_of_mirrored_headers)
{
    char id[80];
    ck_assert_int_eq(
        post(&h, NO_HEADERS,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
             "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"),
        200);
    memcpy(id, h.reply.session, sizeof id);
    gh_mcp_headers headers = NO_HEADERS;
    headers.session = gh_view_of(id);
    ck_assert_int_eq(
        post(&h, headers, REQUEST("tools/call", "\"name\":\"echo\",\"arguments\":{\"region\":\"eu\"}")), 200);
    ck_assert_str_eq(content_text(&h), "{\"region\":\"eu\"}");
    headers.version = GH_VIEW_LIT("2025-11-25");
    (void)post(&h, headers, REQUEST("tools/list", META));
    expect_error(400, GH_MCP_HEADER_MISMATCH);
}
END_TEST

/* --- other messages --- */

START_TEST(notifications_are_202_unless_a_header_lies)
{
    static const char NOTE[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}";
    ck_assert_int_eq(post(&h, headers_for("notifications/cancelled", NULL), NOTE), 202);
    ck_assert_ptr_null(h.reply.body);
    ck_assert_int_eq(post(&h, headers_for(NULL, NULL), NOTE), 202);
    (void)post(&h, headers_for("tools/list", NULL), NOTE);
    expect_error(400, GH_MCP_HEADER_MISMATCH);
    ck_assert_ptr_null(gh_json_get(h.reply.json, "id"));
}
END_TEST

START_TEST(responses_batches_and_garbage_are_400_without_a_null_id)
{
    static const char *const BODIES[] = {"{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}", "[]", "{", "7",
                                         "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"tools/list\"}"};
    static const int CODES[] = {GH_RPC_INVALID_REQUEST, GH_RPC_INVALID_REQUEST, GH_RPC_PARSE_ERROR,
                                GH_RPC_INVALID_REQUEST, GH_RPC_INVALID_REQUEST};
    for (size_t i = 0; i < 5; i++) {
        (void)post(&h, headers_for("tools/list", NULL), BODIES[i]);
        expect_error(400, CODES[i]);
        ck_assert(!body_has(&h, "\"id\":null"));
    }
}
END_TEST

static void *work(void *argument)
{
    int *failures = argument;
    static const char BODY[] = REQUEST("tools/call", "\"name\":\"whoami\"," META);
    for (int i = 0; i < 200; i++) {
        captured reply = {0};
        forget(&reply);
        const gh_mcp_reply to = capture_into(&reply);
        const gh_mcp_headers headers = headers_for("tools/call", "whoami");
        const gh_principal *principal = i % 2 == 0 ? &ADA : &GRACE;
        gh_mcp_engine_post(h.engine, principal, &headers, GH_VIEW_LIT(BODY), &to);
        *failures += reply.status != 200 || strstr(reply.body, i % 2 == 0 ? "Ada" : "Grace") == NULL;
        forget(&reply);
        (void)pthread_mutex_destroy(&reply.lock);
    }
    return NULL;
}

START_TEST(eight_threads_each_get_the_answer_of_their_own_caller)
{
    pthread_t threads[8];
    int failures[8] = {0};
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &failures[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(failures[i], 0);
    }
}
END_TEST

#define LOOP(tc, test, list) tcase_add_loop_test(tc, test, 0, sizeof(list) / sizeof((list)[0]))

int main(void)
{
    Suite *suite = suite_create("engine, modern era");
    TCase *tc = tcase_create("modern");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, discover_tells_versions_capabilities_identity_and_how_long_to_keep_it);
    tcase_add_test(tc, the_list_of_tools_is_complete_and_cacheable);
    tcase_add_test(tc, a_call_answers_without_any_session);
    tcase_add_test(tc, wrong_arguments_and_unknown_tools_are_told_apart);
    tcase_add_test(tc, ids_come_back_exactly_in_results_and_errors);
    tcase_add_test(tc, methods_that_are_gone_or_unknown_are_404_with_minus_32601);
    tcase_add_test(tc, initialize_with_a_modern_version_in_header_or_meta_is_404);
    tcase_add_test(tc, the_version_header_is_required_and_must_match);
    tcase_add_test(tc, a_body_that_names_another_version_than_the_header_is_a_mismatch);
    tcase_add_test(tc, a_version_that_is_not_spoken_is_answered_with_those_that_are);
    tcase_add_test(tc, a_later_version_in_the_header_alone_is_told_what_is_spoken);
    LOOP(tc, missing_or_malformed_metadata_is_400_with_minus_32602, BAD_META);
    tcase_add_test(tc, no_params_at_all_is_missing_metadata);
    tcase_add_test(tc, client_info_may_be_there_or_not);
    tcase_add_test(tc, the_method_header_is_required_and_exact);
    tcase_add_test(tc, the_name_header_is_required_decoded_and_exact);
    LOOP(tc, arguments_that_are_mirrored_must_match_their_headers, MIRRORED);
    tcase_add_test(tc, legacy_sessions_know_nothing_of_mirrored_headers);
    tcase_add_test(tc, notifications_are_202_unless_a_header_lies);
    tcase_add_test(tc, responses_batches_and_garbage_are_400_without_a_null_id);
    tcase_add_test(tc, eight_threads_each_get_the_answer_of_their_own_caller);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
