#include "bridge/era.h"

#include <string.h>

#include "tests/support/suite.h"

static gh_era *era;
static gh_rpc_message message;
static gh_era_headers headers;

static void start(void)
{
    ck_assert_int_eq(gh_era_new(&era), GH_OK);
    memset(&message, 0, sizeof(message));
    memset(&headers, 0, sizeof(headers));
}

static void finish(void)
{
    gh_rpc_message_clear(&message);
    gh_era_headers_clear(&headers);
    gh_era_free(era);
}

static void parse(const char *text)
{
    gh_rpc_message_clear(&message);
    ck_assert_int_eq(gh_rpc_parse(gh_view_of(text), &GH_JSON_LIMITS_MESSAGE, &message, NULL), GH_OK);
}

static const char *value_of(const char *name)
{
    for (size_t i = 0; i < headers.count; i++) {
        if (strcmp(headers.list[i].name, name) == 0) {
            return headers.list[i].value;
        }
    }
    return NULL;
}

static gh_status headers_for(const char *text)
{
    parse(text);
    gh_era_headers_clear(&headers);
    return gh_era_headers_for(era, &message, &headers, NULL);
}

#define META "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"
#define MODERN(method, params)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params META "}}"

START_TEST(a_modern_call_carries_version_method_and_name)
{
    ck_assert_int_eq(headers_for(MODERN("tools/call", "\"name\":\"sayHello\",")), GH_OK);
    ck_assert_str_eq(value_of("MCP-Protocol-Version"), "2026-07-28");
    ck_assert_str_eq(value_of("Mcp-Method"), "tools/call");
    ck_assert_str_eq(value_of("Mcp-Name"), "sayHello");
    ck_assert_ptr_null(value_of("Mcp-Session-Id"));
}
END_TEST

static const struct {
    const char *text, *name;
} NAMES[] = {
    {MODERN("resources/read", "\"uri\":\"file:///a b\","), "file:///a b"},
    {MODERN("prompts/get", "\"name\":\"p\","), "p"},
    {MODERN("tasks/get", "\"taskId\":\"t-1\","), "t-1"},
    {MODERN("tools/call", "\"name\":\"gr\\u00fc\\u00df\","), "=?base64?Z3LDvMOf?="},
    {MODERN("tools/call", "\"name\":\"a\\r\\nX-Evil: 1\","), "=?base64?YQ0KWC1FdmlsOiAx?="},
    {MODERN("tools/call", "\"name\":7,"), NULL},
    {MODERN("tools/list", "\"name\":\"x\","), NULL},
};

START_TEST(the_name_comes_from_the_member_that_the_method_asks_for)
{
    ck_assert_int_eq(headers_for(NAMES[_i].text), GH_OK);
    if (NAMES[_i].name == NULL) {
        ck_assert_ptr_null(value_of("Mcp-Name"));
    } else {
        ck_assert_str_eq(value_of("Mcp-Name"), NAMES[_i].name);
    }
}
END_TEST

START_TEST(what_no_header_can_carry_is_refused)
{
    ck_assert_int_eq(headers_for(MODERN("tools/list\\r\\nX-Evil: 1", "")), GH_ERR_INVALID);
    ck_assert_uint_eq(headers.count, 0);
    ck_assert_int_eq(
        headers_for("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
                    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\\nX: 1\"}}}"),
        gh_mcp_version_looks_modern(GH_VIEW_LIT("2026-07-28\nX: 1")) ? GH_ERR_INVALID : GH_OK);
}
END_TEST

START_TEST(a_legacy_session_is_named_from_initialize_on)
{
    const char *list = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}";
    ck_assert_int_eq(headers_for(list), GH_OK);
    ck_assert_uint_eq(headers.count, 0);
    ck_assert_int_eq(
        gh_era_open(era, GH_VIEW_LIT("s-1"), GH_VIEW_LIT("{\"protocolVersion\":\"2025-06-18\"}")), GH_OK);
    ck_assert(gh_era_has_session(era));
    ck_assert_str_eq(gh_era_version(era), "2025-06-18");
    ck_assert_int_eq(headers_for(list), GH_OK);
    ck_assert_str_eq(value_of("Mcp-Session-Id"), "s-1");
    ck_assert_str_eq(value_of("MCP-Protocol-Version"), "2025-06-18");
    ck_assert_ptr_null(value_of("Mcp-Method"));
    gh_era_headers_clear(&headers);
    ck_assert_int_eq(gh_era_headers_for(era, NULL, &headers, NULL), GH_OK);
    ck_assert_str_eq(value_of("Mcp-Session-Id"), "s-1");
    ck_assert_int_eq(headers_for("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"initialize\",\"params\":{}}"),
                     GH_OK);
    ck_assert_uint_eq(headers.count, 0);
    gh_era_close(era);
    ck_assert(!gh_era_has_session(era));
}
END_TEST

START_TEST(a_session_id_of_another_form_is_not_used)
{
    gh_view result = GH_VIEW_LIT("{\"protocolVersion\":\"2025-11-25\"}");
    ck_assert_int_eq(gh_era_open(era, GH_VIEW_LIT("a b"), result), GH_ERR_INVALID);
    ck_assert(!gh_era_has_session(era));
    ck_assert_int_eq(gh_era_open(era, GH_VIEW_LIT("caf\xc3\xa9"), result), GH_ERR_INVALID);
    ck_assert_int_eq(gh_era_open(era, GH_VIEW_LIT(""), result), GH_OK);
    ck_assert(!gh_era_has_session(era));
    ck_assert_str_eq(gh_era_version(era), "2025-11-25");
    ck_assert_int_eq(gh_era_open(era, GH_VIEW_LIT("s"), GH_VIEW_LIT("{\"protocolVersion\":\"a\\r\\nb\"}")),
                     GH_OK);
    ck_assert_ptr_null(gh_era_version(era));
}
END_TEST

START_TEST(what_has_no_meta_belongs_to_the_era_of_the_requests_before_it)
{
    const char *note = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}";
    parse(note);
    ck_assert_int_eq(gh_era_of(era, &message), GH_MCP_ERA_LEGACY);
    parse(MODERN("server/discover", ""));
    gh_era_note(era, &message);
    parse(note);
    ck_assert_int_eq(gh_era_of(era, &message), GH_MCP_ERA_MODERN);
    ck_assert_int_eq(headers_for(note), GH_OK);
    ck_assert_str_eq(value_of("MCP-Protocol-Version"), "2026-07-28");
    ck_assert_str_eq(value_of("Mcp-Method"), "notifications/progress");
    parse("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/list\"}");
    ck_assert_int_eq(gh_era_of(era, &message), GH_MCP_ERA_LEGACY);
    parse("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"initialize\",\"params\":{" META "}}");
    ck_assert_int_eq(gh_era_of(era, &message), GH_MCP_ERA_LEGACY);
}
END_TEST

START_TEST(only_what_changes_nothing_may_be_repeated)
{
    ck_assert(gh_era_is_repeatable("tools/list"));
    ck_assert(gh_era_is_repeatable("ping"));
    ck_assert(gh_era_is_repeatable("initialize"));
    ck_assert(!gh_era_is_repeatable("tools/call"));
    ck_assert(!gh_era_is_repeatable("anything/else"));
    ck_assert(!gh_era_is_repeatable(NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("era");
    TCase *tests = tcase_create("era");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_modern_call_carries_version_method_and_name);
    tcase_add_loop_test(tests, the_name_comes_from_the_member_that_the_method_asks_for, 0,
                        (int)(sizeof(NAMES) / sizeof(NAMES[0])));
    tcase_add_test(tests, what_no_header_can_carry_is_refused);
    tcase_add_test(tests, a_legacy_session_is_named_from_initialize_on);
    tcase_add_test(tests, a_session_id_of_another_form_is_not_used);
    tcase_add_test(tests, what_has_no_meta_belongs_to_the_era_of_the_requests_before_it);
    tcase_add_test(tests, only_what_changes_nothing_may_be_repeated);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
