/* What the registry says of items that it takes, and of those that it refuses. */
#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

#include "shared/core/log.h"

static gh_mcp_registry *registry;
static FILE *file;
static char text[8192];

static void set_up(void)
{
    file = tmpfile();
    ck_assert_ptr_nonnull(file);
    const gh_log_options options = {.fd = fileno(file), .level = GH_LOG_INFO};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    registry = a_registry(0);
}

static void tear_down(void)
{
    gh_mcp_registry_free(registry);
    gh_log_stop();
    (void)fclose(file);
}

/* Everything that was logged. */
static const char *logged(void)
{
    gh_log_flush(2000);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    return text;
}

static void add(const gatehouse_tool *tool)
{
    gh_error error = {GH_OK, ""};
    ck_assert_msg(gh_mcp_registry_add_tool(registry, an_owner(), tool, &error) == GH_OK, "%s", error.message);
}

static const char *refused(const gatehouse_tool *tool)
{
    static gh_error error;
    ck_assert_int_ne(gh_mcp_registry_add_tool(registry, an_owner(), tool, &error), GH_OK);
    return error.message;
}

START_TEST(a_capability_that_mcp_does_not_know_is_a_warning)
{
    gatehouse_tool tool = tool_named("t");
    tool.needs = "{\"smapling\":{},\"elicitation\":{\"forms\":{}},\"extensions\":{\"com.example/x\":{}}}";
    add(&tool);
    const char *log = logged();
    ck_assert_ptr_nonnull(
        strstr(log, "WARN: Tool t of hello.so: needs names the client capability smapling, "));
    ck_assert_ptr_nonnull(strstr(log, "client capability elicitation.forms, "));
    ck_assert_ptr_null(strstr(log, "example"));
}
END_TEST

START_TEST(a_time_limit_that_a_quick_item_has_is_a_warning)
{
    gatehouse_tool tool = tool_named("t");
    gatehouse_resource resource = resource_at("test://a");
    gatehouse_resource_template pattern = template_of("test://{a}");
    gatehouse_prompt prompt = prompt_named("p");
    tool.timeout_ms = resource.timeout_ms = pattern.timeout_ms = prompt.timeout_ms = 5;
    tool.flags = resource.flags = pattern.flags = prompt.flags = GATEHOUSE_QUICK;
    add(&tool);
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &pattern, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    const char *log = logged();
    ck_assert_ptr_nonnull(strstr(log, "Tool t of hello.so: timeout_ms has no effect"));
    ck_assert_ptr_nonnull(strstr(log, "Resource test://a of hello.so: timeout_ms has no effect"));
    ck_assert_ptr_nonnull(strstr(log, "Resource template test://{a} of hello.so: timeout_ms has no effect"));
    ck_assert_ptr_nonnull(strstr(log, "Prompt p of hello.so: timeout_ms has no effect"));
}
END_TEST

START_TEST(a_property_that_is_required_and_not_there_is_a_warning)
{
    gatehouse_tool tool = tool_named("t");
    tool.input_schema = "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\",\"b\"]}";
    add(&tool);
    const char *log = logged();
    ck_assert_ptr_nonnull(strstr(log, "Tool t of hello.so: input_schema requires b, "));
    ck_assert_ptr_null(strstr(log, "requires a"));
}
END_TEST

START_TEST(what_is_meant_is_not_warned_of)
{
    static const char *const SCHEMAS[] = {
        "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}",
        "{\"type\":\"object\",\"patternProperties\":{\"^a\":{}},\"required\":[\"a\"]}",
        "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},\"required\":[\"a\"]}",
        "{\"type\":\"object\",\"allOf\":[{\"properties\":{\"a\":{}}}],\"required\":[\"a\"]}"};
    static const char *const NAMES[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        gatehouse_tool tool = tool_named(NAMES[i]);
        tool.input_schema = SCHEMAS[i];
        tool.needs = "{\"sampling\":{\"tools\":{}},\"elicitation\":{\"url\":{}},\"roots\":{}}";
        tool.flags = i == 0 ? GATEHOUSE_QUICK : 0;
        tool.timeout_ms = i == 0 ? 0 : 100;
        add(&tool);
    }
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(a_wrong_schema_is_refused_with_the_place)
{
    gatehouse_tool tool = tool_named("t");
    tool.input_schema = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":7}}}";
    ck_assert_ptr_nonnull(strstr(
        refused(&tool), "Tool t of hello.so: input_schema at /properties/a: The schema's type must be"));
    tool.input_schema = "{\"type\":7}";
    ck_assert_ptr_nonnull(strstr(refused(&tool), "hello.so: input_schema: The schema's type must be"));
    tool = tool_named("t");
    tool.output_schema = "{\"type\":\"array\",\"items\":{\"anyOf\":[true,{\"minimum\":\"1\"}]}}";
    ck_assert_ptr_nonnull(strstr(refused(&tool), "output_schema at /items/anyOf/1: "));
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(wrong_members_are_named_by_the_item_s_member)
{
    gatehouse_tool tool = tool_named("t");
    tool.annotations = "{\"readOnlyHint\":1}";
    ck_assert_str_eq(refused(&tool), "Tool t of hello.so: annotations: readOnlyHint must be true or false");
    tool.annotations = "[]";
    ck_assert_str_eq(refused(&tool), "Tool t of hello.so: annotations: it must be an object");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("advice of the registry");
    TCase *tc = tcase_create("advice");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_capability_that_mcp_does_not_know_is_a_warning);
    tcase_add_test(tc, a_time_limit_that_a_quick_item_has_is_a_warning);
    tcase_add_test(tc, a_property_that_is_required_and_not_there_is_a_warning);
    tcase_add_test(tc, what_is_meant_is_not_warned_of);
    tcase_add_test(tc, a_wrong_schema_is_refused_with_the_place);
    tcase_add_test(tc, wrong_members_are_named_by_the_item_s_member);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
