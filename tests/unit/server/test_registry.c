/* Tools: what is taken, what is refused, and how they are shown. */
#include "shared/json/access.h"
#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

static gh_status add(const gatehouse_tool *tool, gh_error *error)
{
    gh_mcp_registry *registry = a_registry(0);
    gh_status status = gh_mcp_registry_add_tool(registry, an_owner(), tool, error);
    gh_mcp_registry_free(registry);
    return status;
}

START_TEST(tools_are_found_by_their_exact_name)
{
    static const char *const NAMES[] = {"m", "b", "z.z-9", "a", "bb", "B"};
    static const char *const OTHERS[] = {"", "bbb", "A", "zzz"};
    gh_mcp_registry *registry = a_registry(0);
    for (size_t i = 0; i < 6; i++) {
        add_tool(registry, NAMES[i]);
    }
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (size_t i = 0; i < 6; i++) {
        const gh_mcp_tool *found = gh_mcp_catalog_tool(catalog, gh_view_of(NAMES[i]));
        ck_assert_ptr_nonnull(found);
        ck_assert_str_eq(found->item.name, NAMES[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_null(gh_mcp_catalog_tool(catalog, gh_view_of(OTHERS[i])));
    }
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(everything_but_data_is_copied)
{
    int data = 7;
    char name[] = "first";
    char text[] = "says hello";
    char schema[] = "{\"type\":\"object\"}";
    gatehouse_tool tool = tool_named(name);
    tool.description = text;
    tool.input_schema = schema;
    tool.needs = " { \"sampling\" : {} } ";
    tool.data = &data;
    tool.flags = GATEHOUSE_QUICK;
    tool.timeout_ms = 1500;
    gh_mcp_registry *registry = a_registry(0);
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL), GH_OK);
    memset(name, 'x', sizeof name - 1);
    memset(text, 'x', sizeof text - 1);
    memset(schema, 'x', sizeof schema - 1);
    memset(&tool, 0, sizeof tool);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    const gh_mcp_tool *found = gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("first"));
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->item.name, "first");
    ck_assert_str_eq(found->item.description, "says hello");
    ck_assert_str_eq(found->item.input_schema, "{\"type\":\"object\"}");
    ck_assert_str_eq(found->item.needs, "{\"sampling\":{}}");
    ck_assert_str_eq(found->label, "Tool first of hello.so");
    ck_assert_ptr_eq(found->item.data, &data);
    ck_assert_ptr_eq((void *)(uintptr_t)found->item.call, (void *)(uintptr_t)nothing);
    ck_assert_uint_eq(found->item.flags, GATEHOUSE_QUICK);
    ck_assert_uint_eq(found->item.timeout_ms, 1500);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(the_listing_keeps_the_order_and_the_schemas_byte_for_byte)
{
    gatehouse_tool first = {.size = sizeof first,
                            .name = "second",
                            .title = "A \"title\"",
                            .description = "Line\nbreak",
                            .input_schema = " { \"type\": \"object\", \"maxProperties\": 1e2 } ",
                            .output_schema = "{\"type\":\"object\"}",
                            .annotations = "{ \"readOnlyHint\": true }",
                            .call = nothing,
                            .icons = "[{\"src\": \"https://example.com/i.png\", \"sizes\": [\"48x48\"]}]",
                            .meta = "{\"com.example/x\": [1, 2.50]}",
                            .needs = "{\"roots\":{}}"};
    gh_mcp_registry *registry = a_registry(0);
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &first, NULL), GH_OK);
    add_tool(registry, "first");
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (int modern = 0; modern <= 1; modern++) {
        assert_list(catalog, GH_MCP_TOOLS, modern == 1,
                    "\"tools\":[{\"name\":\"second\",\"title\":\"A \\\"title\\\"\",\"description\":\"Line\\n"
                    "break\",\"inputSchema\":{\"type\":\"object\",\"maxProperties\":1e2},\"outputSchema\":{"
                    "\"type\":\"object\"},\"annotations\":{\"readOnlyHint\":true},\"icons\":[{\"src\":"
                    "\"https://example.com/i.png\",\"sizes\":[\"48x48\"]}],\"_meta\":{\"com.example/x\":[1,"
                    "2.50]}},{\"name\":\"first\",\"inputSchema\":{\"type\":\"object\"}}]");
    }
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(only_clients_of_2026_see_an_output_schema_that_is_no_objects)
{
    gatehouse_tool tool = tool_named("numbers");
    tool.output_schema = "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}";
    gh_mcp_registry *registry = a_registry(0);
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL), GH_OK);
    tool.name = "object";
    tool.output_schema = "{\"type\":\"object\"}";
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    ck_assert(!gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("numbers"))->output_is_object);
    ck_assert(gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("object"))->output_is_object);
    assert_list(catalog, GH_MCP_TOOLS, true,
                "\"tools\":[{\"name\":\"numbers\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":{"
                "\"type\":\"array\",\"items\":{\"type\":\"number\"}}},{\"name\":\"object\",\"inputSchema\":{"
                "\"type\":\"object\"},\"outputSchema\":{\"type\":\"object\"}}]");
    assert_list(catalog, GH_MCP_TOOLS, false,
                "\"tools\":[{\"name\":\"numbers\",\"inputSchema\":{\"type\":\"object\"}},{\"name\":"
                "\"object\",\"inputSchema\":{\"type\":\"object\"},\"outputSchema\":{\"type\":\"object\"}}]");
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_name_twice_is_a_conflict_and_the_first_stays)
{
    int data[2];
    gatehouse_tool tool = tool_named("same");
    gh_error error = {GH_OK, ""};
    gh_mcp_registry *registry = a_registry(0);
    tool.data = &data[0];
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL), GH_OK);
    tool.data = &data[1];
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error), GH_ERR_CONFLICT);
    ck_assert_str_eq(error.message, "Tool same of hello.so: there is one of that name already, of hello.so");
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    ck_assert_ptr_eq(gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("same"))->item.data, &data[0]);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(bad_names_are_refused)
{
    static const char *const NAMES[] = {NULL, "", "with space", "a,b", "caf\xc3\xa9", "line\n", "\xff"};
    char longest[130];
    memset(longest, 'n', 129);
    longest[129] = '\0';
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        gatehouse_tool tool = tool_named(NAMES[i]);
        gh_error error = {GH_OK, ""};
        ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
        ck_assert_ptr_eq(strstr(error.message, "Tool of hello.so: "), error.message);
    }
    gatehouse_tool tool = tool_named(longest);
    ck_assert_int_eq(add(&tool, NULL), GH_ERR_INVALID);
    longest[128] = '\0';
    ck_assert_int_eq(add(&tool, NULL), GH_OK);
}
END_TEST

START_TEST(bad_schemas_are_refused)
{
    gh_error error = {GH_OK, ""};
    gatehouse_tool tool = tool_named("t");
    static const char *const NO_OBJECTS[] = {"{\"type\":\"string\"}", "{}", "true", NULL};
    for (size_t i = 0; i < 4; i++) {
        tool.input_schema = NO_OBJECTS[i];
        ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(error.message, "Tool t of hello.so: "));
        ck_assert_ptr_nonnull(strstr(error.message, "input_schema"));
    }
    tool.input_schema = "{nonsense";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_PARSE);
    tool.input_schema = "{\"type\":\"object\",\"$schema\":\"https://example.com/dialect\"}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "dialect"));
    tool = tool_named("t");
    tool.output_schema = "true";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "output_schema"));
    tool.output_schema = "{\"type\":7}";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
}
END_TEST

START_TEST(other_bad_members_are_refused)
{
    gh_error error = {GH_OK, ""};
    gatehouse_tool tool = tool_named("t");
    tool.call = NULL;
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "Tool t of hello.so: it needs call");
    tool = tool_named("t");
    tool.flags = GATEHOUSE_QUICK | 0x40000000U;
    ck_assert_int_eq(add(&tool, &error), GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "0x40000000"));
    tool = tool_named("t");
    tool.description = "\xc3(";
    ck_assert_int_eq(add(&tool, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "Tool t of hello.so: description is not UTF-8");
    char *large = malloc(GH_MCP_TEXT_MAX + 2);
    ck_assert_ptr_nonnull(large);
    memset(large, 'x', GH_MCP_TEXT_MAX + 1);
    large[GH_MCP_TEXT_MAX + 1] = '\0';
    tool.description = large;
    ck_assert_int_eq(add(&tool, &error), GH_ERR_TOO_LARGE);
    large[GH_MCP_TEXT_MAX] = '\0';
    ck_assert_int_eq(add(&tool, &error), GH_OK);
    memset(large, 1, GH_MCP_TEXT_MAX); /* six bytes each in JSON */
    ck_assert_int_eq(add(&tool, &error), GH_ERR_TOO_LARGE);
    free(large);
}
END_TEST

START_TEST(header_annotations_are_read_with_their_paths)
{
    gatehouse_tool tool = tool_named("t");
    tool.input_schema =
        "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":"
        "\"Region\"},\"deep\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","
        "\"x-mcp-header\":\"N\"}}},\"x-mcp-header\":{\"type\":\"string\"}}}";
    gh_error error = {GH_OK, ""};
    gh_mcp_registry *registry = a_registry(0);
    gh_status status = gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    const gh_mcp_tool *found = gh_mcp_catalog_tool(catalog, gh_view_of("t"));
    ck_assert_uint_eq(found->params_count, 2);
    ck_assert_str_eq(found->params[0].header, "Region");
    ck_assert_uint_eq(found->params[0].depth, 1);
    ck_assert_str_eq(found->params[0].path[0], "region");
    ck_assert_str_eq(found->params[1].header, "N");
    ck_assert_uint_eq(found->params[1].depth, 2);
    ck_assert_str_eq(found->params[1].path[0], "deep");
    ck_assert_str_eq(found->params[1].path[1], "n");
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_property_may_be_named_like_the_header_annotation)
{
    gatehouse_tool tool = tool_named("t");
    gh_error error = {GH_OK, ""};
    tool.input_schema = "{\"type\":\"object\",\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}},"
                        "\"dependentRequired\":{\"x-mcp-header\":[\"a\"]},\"patternProperties\":{"
                        "\"x-mcp-header\":{\"type\":\"string\"}},\"dependentSchemas\":{\"x-mcp-header\":"
                        "{\"maxProperties\":3}}}";
    gh_status status = add(&tool, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
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
    "\"patternProperties\":{\"^a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}",
    "\"additionalProperties\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}",
};

START_TEST(header_annotations_that_clients_would_reject_are_refused)
{
    char schema[512];
    gatehouse_tool tool = tool_named("t");
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
    tcase_add_test(tc, everything_but_data_is_copied);
    tcase_add_test(tc, the_listing_keeps_the_order_and_the_schemas_byte_for_byte);
    tcase_add_test(tc, only_clients_of_2026_see_an_output_schema_that_is_no_objects);
    tcase_add_test(tc, a_name_twice_is_a_conflict_and_the_first_stays);
    tcase_add_test(tc, bad_names_are_refused);
    tcase_add_test(tc, bad_schemas_are_refused);
    tcase_add_test(tc, other_bad_members_are_refused);
    tcase_add_test(tc, header_annotations_are_read_with_their_paths);
    tcase_add_test(tc, a_property_may_be_named_like_the_header_annotation);
    tcase_add_loop_test(tc, header_annotations_that_clients_would_reject_are_refused, 0,
                        sizeof BAD_ANNOTATIONS / sizeof BAD_ANNOTATIONS[0]);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
