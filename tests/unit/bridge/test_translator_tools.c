/* Arguments in headers, and the list that says which. */
#include "bridge/translate/tools.h"
#include "translator_world.h"

#define SCHEMA(properties) "\"inputSchema\":{\"type\":\"object\",\"properties\":{" properties "}}"
#define REGION "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}"
#define TOOL(name, properties) "{\"name\":\"" name "\"," SCHEMA(properties) "}"
#define LISTED(tools, more) RESULT("\"ID\"", "\"resultType\":\"complete\",\"tools\":[" tools "]" more)

static void setup(void)
{
    world_fresh();
}

static gh_era_headers headers;

static void compose(const char *line)
{
    gh_rpc_message message;
    world_parse(line, &message);
    gh_era_headers_clear(&headers);
    ck_assert_int_eq(gh_translator_headers(world.translator, &message, &headers), GH_OK);
    gh_rpc_message_clear(&message);
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < headers.count; i++) {
        if (strcmp(headers.list[i].name, name) == 0) {
            return headers.list[i].value;
        }
    }
    return NULL;
}

static void list(const char *tools)
{
    char line[4096];
    (void)snprintf(line, sizeof(line), RESULT("1", "\"resultType\":\"complete\",\"tools\":[%s]"), tools);
    client_says(MODERN("1", "tools/list", ""));
    (void)server_got();
    server_answers(line);
}

START_TEST(arguments_become_headers_by_their_schema)
{
    list("{\"name\":\"t\"," SCHEMA(
        REGION ",\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"},\"b\":{\"type\":"
               "\"boolean\",\"x-mcp-header\":\"B\"},\"o\":{\"type\":\"object\","
               "\"properties\":{\"deep\":{\"type\":\"string\",\"x-mcp-header\":\"Deep\"}}}") "}");
    compose(MODERN("2", "tools/call",
                   ",\"name\":\"t\",\"arguments\":{\"region\":\"us-west1\",\"n\":42.0,\"b\":false,\"o\":{"
                   "\"deep\":\"\"}}"));
    ck_assert_str_eq(header("Mcp-Param-Region"), "us-west1");
    ck_assert_str_eq(header("Mcp-Param-N"), "42");
    ck_assert_str_eq(header("Mcp-Param-B"), "false");
    ck_assert_str_eq(header("Mcp-Param-Deep"), "");
    compose(MODERN("2", "tools/call", ",\"name\":\"t\",\"arguments\":{\"region\":null,\"n\":-7,\"o\":1}"));
    ck_assert_ptr_null(header("Mcp-Param-Region"));
    ck_assert_str_eq(header("Mcp-Param-N"), "-7");
    ck_assert_uint_eq(headers.count, 1);
    compose(MODERN("2", "tools/call", ",\"name\":\"other\",\"arguments\":{\"region\":\"a\"}"));
    ck_assert_uint_eq(headers.count, 0);
    gh_era_headers_clear(&headers);
}
END_TEST

START_TEST(values_that_a_header_cannot_carry_are_encoded)
{
    static const char *const VALUES[][2] = {{"Hello, \\u4e16\\u754c", "=?base64?SGVsbG8sIOS4lueVjA==?="},
                                            {" padded ", "=?base64?IHBhZGRlZCA=?="},
                                            {"line1\\nline2", "=?base64?bGluZTEKbGluZTI=?="},
                                            {"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="}};
    char line[1024];
    list(TOOL("t", REGION));
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(line, sizeof(line),
                       MODERN("2", "tools/call", ",\"name\":\"t\",\"arguments\":{\"region\":\"%s\"}"),
                       VALUES[i][0]);
        compose(line);
        ck_assert_str_eq(header("Mcp-Param-Region"), VALUES[i][1]);
    }
    gh_era_headers_clear(&headers);
}
END_TEST

START_TEST(tools_with_invalid_annotations_are_left_out)
{
    list(TOOL("good",
              REGION) ",{\"name\":\"bad\"," SCHEMA("\"n\":{\"type\":\"number\",\"x-mcp-header\":\"N\"}") "}");
    const char *shown = client_got();
    assert_has(shown, TOOL("good", REGION));
    assert_lacks(shown, "bad");
}
END_TEST

START_TEST(a_call_of_an_unknown_tool_waits_for_the_list)
{
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\",\"arguments\":{\"region\":\"a\"}"));
    const char *fetch = server_got();
    assert_has(fetch, "\"method\":\"tools/list\"");
    assert_has(fetch, "clientCapabilities");
    client_says(MODERN("3", "tools/call", ",\"name\":\"t\""));
    assert_quiet();
    server_answers(with_id(LISTED("", ",\"nextCursor\":\"c 1\""), id_of(fetch)));
    fetch = server_got();
    assert_has(fetch, "\"cursor\":\"c 1\"");
    server_answers(with_id(LISTED(TOOL("t", REGION), ""), id_of(fetch)));
    assert_has(server_got(), "\"id\":2,");
    assert_has(server_got(), "\"id\":3,");
    compose(MODERN("2", "tools/call", ",\"name\":\"t\",\"arguments\":{\"region\":\"a\"}"));
    ck_assert_str_eq(header("Mcp-Param-Region"), "a");
    gh_era_headers_clear(&headers);
    client_says(MODERN("4", "tools/call", ",\"name\":\"t\""));
    assert_has(server_got(), "\"id\":4,");
    assert_quiet();
}
END_TEST

START_TEST(a_tool_that_no_list_names_is_called_all_the_same_and_asked_for_once)
{
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\""));
    server_answers_with(with_id(ERROR("\"ID\"", "-32603"), id_of(server_got())), 500, false);
    assert_has(server_got(), "\"id\":2,");
    client_says(MODERN("3", "tools/call", ",\"name\":\"t\""));
    assert_has(server_got(), "\"id\":3,");
}
END_TEST

START_TEST(a_call_that_waits_for_the_list_can_be_cancelled)
{
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\""));
    const char *fetch = server_got();
    client_says(CANCEL("2"));
    server_answers(with_id(LISTED("", ""), id_of(fetch)));
    assert_quiet();
}
END_TEST

START_TEST(wrong_headers_are_corrected_by_a_new_list_once)
{
    list(TOOL("t", ""));
    (void)client_got();
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\""));
    (void)server_got();
    server_answers_with(ERROR("2", "-32020"), 400, false);
    const char *fetch = server_got();
    assert_has(fetch, "tools/list");
    server_answers(with_id(LISTED(TOOL("t", REGION), ""), id_of(fetch)));
    ck_assert_str_eq(server_got(), MODERN("2", "tools/call", ",\"name\":\"t\""));
    server_answers_with(ERROR("2", "-32020"), 400, false);
    ck_assert_str_eq(client_got(), ERROR("2", "-32020"));
    assert_quiet();
}
END_TEST

START_TEST(a_list_that_shows_a_legacy_server_leads_to_a_session)
{
    client_says(MODERN("2", "tools/call", ",\"name\":\"t\""));
    server_answers(with_id(RESULT("\"ID\"", "\"tools\":[]"), id_of(server_got())));
    const char *probe = server_got();
    assert_has(probe, "server/discover");
    server_answers(with_id(ERROR("\"ID\"", "-32601"), id_of(probe)));
    const char *initialize = server_got();
    assert_has(initialize, "\"method\":\"initialize\"");
    server_answers(with_id(RESULT("\"ID\"", "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}"),
                           id_of(initialize)));
    assert_has(server_got(), "initialized");
    const char *sent = server_got();
    assert_has(sent, "\"params\":{\"name\":\"t\"}");
    server_answers(with_id(RESULT("\"ID\"", ""), id_of(sent)));
    ck_assert_str_eq(client_got(), RESULT("2", "\"resultType\":\"complete\""));
}
END_TEST

START_TEST(an_upward_call_gets_its_headers_too)
{
    client_says(INITIALIZE("1"));
    (void)server_got();
    server_answers_with(ERROR("1", "-32601"), 404, false);
    server_answers(with_id(RESULT("\"ID\"", "\"supportedVersions\":[\"2026-07-28\"]"), id_of(server_got())));
    (void)client_got();
    client_says(LEGACY("2", "tools/call", "{\"name\":\"t\",\"arguments\":{\"region\":\"a\"}}"));
    const char *fetch = server_got();
    assert_has(fetch, "tools/list");
    assert_has(fetch, "\"" V "protocolVersion\":\"2026-07-28\"");
    server_answers(with_id(LISTED(TOOL("t", REGION), ""), id_of(fetch)));
    const char *sent = server_got();
    compose(sent);
    ck_assert_str_eq(header("Mcp-Param-Region"), "a");
    gh_era_headers_clear(&headers);
    server_answers_with(with_id(ERROR("\"ID\"", "-32020"), id_of(sent)), 400, false);
    server_answers(with_id(LISTED(TOOL("t", ""), ""), id_of(server_got())));
    sent = server_got();
    assert_has(sent, "tools/call");
    server_answers(with_id(RESULT("\"ID\"", "\"resultType\":\"complete\""), id_of(sent)));
    ck_assert_str_eq(client_got(), RESULT("2", ""));
}
END_TEST

START_TEST(patterns_match_whole_names)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } CASES[] = {{"", "", true},          {"", "a", false},      {"a", "a", true},     {"a", "ab", false},
                 {"*", "", true},         {"*", "any", true},    {"a*", "abc", true},  {"*c", "abc", true},
                 {"a*c", "abc", true},    {"a*c", "abd", false}, {"a**c", "ac", true}, {"*b*", "abc", true},
                 {"*b*b*", "abc", false}, {"a.c", "abc", false}, {"*ab", "aab", true}, {"A", "a", false}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        ck_assert_msg(gh_tools_matches(CASES[i].pattern, CASES[i].name) == CASES[i].matches, "%s %s",
                      CASES[i].pattern, CASES[i].name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_tools");
    TCase *tcase = tcase_create("tools");
    tcase_add_checked_fixture(tcase, setup, world_close);
    tcase_add_test(tcase, arguments_become_headers_by_their_schema);
    tcase_add_test(tcase, values_that_a_header_cannot_carry_are_encoded);
    tcase_add_test(tcase, tools_with_invalid_annotations_are_left_out);
    tcase_add_test(tcase, a_call_of_an_unknown_tool_waits_for_the_list);
    tcase_add_test(tcase, a_tool_that_no_list_names_is_called_all_the_same_and_asked_for_once);
    tcase_add_test(tcase, a_call_that_waits_for_the_list_can_be_cancelled);
    tcase_add_test(tcase, wrong_headers_are_corrected_by_a_new_list_once);
    tcase_add_test(tcase, a_list_that_shows_a_legacy_server_leads_to_a_session);
    tcase_add_test(tcase, an_upward_call_gets_its_headers_too);
    tcase_add_test(tcase, patterns_match_whole_names);
    return world_run(suite, tcase);
}
