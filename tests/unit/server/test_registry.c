#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

static gh_status nothing(const gh_tool_call *call, gh_tool_result *result)
{
    (void)call;
    (void)result;
    return GH_OK;
}

static gh_tool tool_named(const char *name)
{
    return (gh_tool){.name = name, .input_schema = "{\"type\":\"object\"}", .call = nothing};
}

static gh_status add(const gh_tool *tool, gh_error *error)
{
    gh_mcp_registry *registry = gh_mcp_registry_new();
    gh_status status = gh_mcp_registry_add(registry, tool, error);
    gh_mcp_registry_free(registry);
    return status;
}

START_TEST(tools_are_found_by_their_exact_name)
{
    static const char *const NAMES[] = {"m", "b", "z.z-9", "a", "bb", "B"};
    gh_tool tools[6];
    gh_mcp_registry *registry = gh_mcp_registry_new();
    for (size_t i = 0; i < 6; i++) {
        tools[i] = tool_named(NAMES[i]);
        ck_assert_int_eq(gh_mcp_registry_add(registry, &tools[i], NULL), GH_OK);
    }
    for (size_t i = 0; i < 6; i++) {
        const gh_mcp_tool *found = gh_mcp_registry_find(registry, gh_view_of(NAMES[i]));
        ck_assert_ptr_nonnull(found);
        ck_assert_ptr_eq(found->tool, &tools[i]);
    }
    ck_assert_ptr_null(gh_mcp_registry_find(registry, gh_view_of("")));
    ck_assert_ptr_null(gh_mcp_registry_find(registry, gh_view_of("bbb")));
    ck_assert_ptr_null(gh_mcp_registry_find(registry, gh_view_of("A")));
    ck_assert_ptr_null(gh_mcp_registry_find(registry, gh_view_of("zzz")));
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(the_listing_keeps_the_order_and_the_schemas_byte_for_byte)
{
    gh_tool first = {.name = "second",
                     .title = "A \"title\"",
                     .description = "Line\nbreak",
                     .input_schema = " { \"type\": \"object\", \"maxProperties\": 1e2 } ",
                     .output_schema = "{\"type\":\"object\"}",
                     .annotations = "{ \"readOnlyHint\": true }",
                     .call = nothing};
    gh_tool other = tool_named("first");
    gh_mcp_registry *registry = gh_mcp_registry_new();
    ck_assert_int_eq(gh_mcp_registry_add(registry, &first, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add(registry, &other, NULL), GH_OK);
    gh_buf out = GH_BUF_INIT(4096);
    ck_assert_int_eq(gh_mcp_registry_write_tools(registry, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out),
                     "[{\"name\":\"second\",\"title\":\"A \\\"title\\\"\",\"description\":\"Line\\nbreak\","
                     "\"inputSchema\":{\"type\":\"object\",\"maxProperties\":1e2},\"outputSchema\":{\"type\":"
                     "\"object\"},\"annotations\":{\"readOnlyHint\":true}},"
                     "{\"name\":\"first\",\"inputSchema\":{\"type\":\"object\"}}]");
    gh_buf_free(&out);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(an_empty_registry_lists_nothing)
{
    gh_mcp_registry *registry = gh_mcp_registry_new();
    gh_buf out = GH_BUF_INIT(16);
    ck_assert_int_eq(gh_mcp_registry_write_tools(registry, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "[]");
    gh_buf_free(&out);
    gh_mcp_registry_free(registry);
    gh_mcp_registry_free(NULL);
}
END_TEST

START_TEST(a_name_twice_is_a_conflict_and_the_first_stays)
{
    gh_tool one = tool_named("same");
    gh_tool two = tool_named("same");
    gh_error error = {GH_OK, ""};
    gh_mcp_registry *registry = gh_mcp_registry_new();
    ck_assert_int_eq(gh_mcp_registry_add(registry, &one, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add(registry, &two, &error), GH_ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(error.message, "same"));
    ck_assert_ptr_eq(gh_mcp_registry_find(registry, gh_view_of("same"))->tool, &one);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(bad_names_are_refused)
{
    static const char *const NAMES[] = {NULL, "", "with space", "a,b", "caf\xc3\xa9", "line\n"};
    char longest[130];
    memset(longest, 'n', 129);
    longest[129] = '\0';
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        gh_tool tool = tool_named(NAMES[i]);
        ck_assert_int_eq(add(&tool, NULL), GH_ERR_INVALID);
    }
    gh_tool tool = tool_named(longest);
    ck_assert_int_eq(add(&tool, NULL), GH_ERR_INVALID);
    longest[128] = '\0';
    ck_assert_int_eq(add(&tool, NULL), GH_OK);
}
END_TEST

START_TEST(bad_schemas_and_annotations_are_refused)
{
    gh_error error = {GH_OK, ""};
    gh_tool tool = tool_named("t");
    tool.input_schema = "{\"type\":\"string\"}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool.input_schema = "{}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool.input_schema = "true";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool.input_schema = "{nonsense";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_PARSE);
    tool.input_schema = NULL;
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool = tool_named("t");
    tool.output_schema = "{\"type\":\"array\"}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool = tool_named("t");
    tool.annotations = "[]";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool.annotations = "{";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_PARSE);
    tool = tool_named("t");
    tool.call = NULL;
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    tool = tool_named("t");
    tool.input_schema = "{\"type\":\"object\",\"$schema\":\"http://json-schema.org/draft-07/schema#\"}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "dialect"));
}
END_TEST

START_TEST(header_annotations_are_read_with_their_paths)
{
    gh_tool tool = tool_named("t");
    tool.input_schema =
        "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":"
        "\"Region\"},\"deep\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
        "\"x-mcp-header\":\"N\"}}},\"x-mcp-header\":{\"type\":\"string\"}}}";
    gh_error error = {GH_OK, ""};
    gh_mcp_registry *registry = gh_mcp_registry_new();
    gh_status status = gh_mcp_registry_add(registry, &tool, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    const gh_mcp_tool *found = gh_mcp_registry_find(registry, gh_view_of("t"));
    ck_assert_uint_eq(found->params_count, 2);
    ck_assert_str_eq(found->params[0].header, "Region");
    ck_assert_uint_eq(found->params[0].depth, 1);
    ck_assert_str_eq(found->params[0].path[0], "region");
    ck_assert_str_eq(found->params[1].header, "N");
    ck_assert_uint_eq(found->params[1].depth, 2);
    ck_assert_str_eq(found->params[1].path[0], "deep");
    ck_assert_str_eq(found->params[1].path[1], "n");
    gh_mcp_registry_free(registry);
}
END_TEST

static const char *const BAD_ANNOTATIONS[] = {
    "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"\"}}",
    "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a b\"}}",
    "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a\\r\\nb\"}}",
    "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a:\"}}",
    "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":7}}",
    "\"properties\":{\"a\":{\"type\":\"number\",\"x-mcp-header\":\"A\"}}",
    "\"properties\":{\"a\":{\"type\":\"object\",\"x-mcp-header\":\"A\"}}",
    "\"properties\":{\"a\":{\"x-mcp-header\":\"A\"}}",
    ("\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"},"
     "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}"),
    "\"x-mcp-header\":\"A\"",
    "\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}",
    "\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}]",
    "\"$defs\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}",
    "\"not\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}",
    "\"additionalProperties\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}",
};

START_TEST(header_annotations_that_clients_would_reject_are_refused)
{
    char schema[512];
    gh_tool tool = tool_named("t");
    gh_error error = {GH_OK, ""};
    (void)snprintf(schema, sizeof schema, "{\"type\":\"object\",%s}", BAD_ANNOTATIONS[_i]);
    tool.input_schema = schema;
    gh_status status = add(&tool, &error);
    ck_assert_msg(status == GH_ERR_INVALID, "%s: %s", schema, gh_status_text(status));
    ck_assert_ptr_nonnull(strstr(error.message, "x-mcp-header"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *tc = tcase_create("registry");
    tcase_add_test(tc, tools_are_found_by_their_exact_name);
    tcase_add_test(tc, the_listing_keeps_the_order_and_the_schemas_byte_for_byte);
    tcase_add_test(tc, an_empty_registry_lists_nothing);
    tcase_add_test(tc, a_name_twice_is_a_conflict_and_the_first_stays);
    tcase_add_test(tc, bad_names_are_refused);
    tcase_add_test(tc, bad_schemas_and_annotations_are_refused);
    tcase_add_test(tc, header_annotations_are_read_with_their_paths);
    tcase_add_loop_test(tc, header_annotations_that_clients_would_reject_are_refused, 0,
                        sizeof BAD_ANNOTATIONS / sizeof BAD_ANNOTATIONS[0]);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
