/* Resources, templates and prompts, and the members that all items have. */
#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

static gh_mcp_registry *registry;

static void set_up(void)
{
    registry = a_registry(0);
}

static void tear_down(void)
{
    gh_mcp_registry_free(registry);
}

START_TEST(resources_are_listed_and_found_by_their_uri)
{
    gatehouse_resource full = {.size = sizeof full,
                               .uri = "memo:1",
                               .name = "one",
                               .title = "One",
                               .description = "The first",
                               .mime_type = "text/plain; charset=utf-8",
                               .annotations = "{\"audience\":[\"user\"],\"priority\":0.5}",
                               .icons = "[]",
                               .meta = "{}",
                               .read = nothing,
                               .bytes = 9007199254740991U};
    gatehouse_resource small = resource_at("file:///tmp/x%20y");
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &full, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &small, NULL), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    assert_list(catalog, GH_MCP_RESOURCES, false,
                "\"resources\":[{\"uri\":\"memo:1\",\"name\":\"one\",\"title\":\"One\",\"description\":\"The "
                "first\",\"mimeType\":\"text/plain; charset=utf-8\",\"annotations\":{\"audience\":[\"user\"],"
                "\"priority\":0.5},\"icons\":[],\"_meta\":{},\"size\":9007199254740991},{\"uri\":\"file:///"
                "tmp/x%20y\",\"name\":\"r\"}]");
    const gh_mcp_resource *found = gh_mcp_catalog_resource(catalog, GH_VIEW_LIT("memo:1"));
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->label, "Resource memo:1 of hello.so");
    ck_assert_str_eq(found->item.mime_type, "text/plain; charset=utf-8");
    ck_assert_ptr_null(gh_mcp_catalog_resource(catalog, GH_VIEW_LIT("memo:2")));
    gh_mcp_catalog_release(catalog);
}
END_TEST

START_TEST(bad_resources_are_refused)
{
    static const char *const URIS[] = {NULL, "", "relative/path", "/tmp", "memo:with space", "memo:%zz"};
    gatehouse_resource resource;
    gh_error error = {GH_OK, ""};
    for (size_t i = 0; i < sizeof URIS / sizeof URIS[0]; i++) {
        resource = resource_at(URIS[i]);
        ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, &error),
                         GH_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(error.message, "uri"));
    }
    resource = resource_at("memo:1");
    resource.name = "";
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_INVALID);
    resource = resource_at("memo:1");
    resource.read = NULL;
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_INVALID);
    resource = resource_at("memo:1");
    resource.bytes = 9007199254740992U;
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_INVALID);
    resource = resource_at("memo:1");
    resource.mime_type = "plain";
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_INVALID);
    resource = resource_at("memo:1");
    resource.flags = GATEHOUSE_TASK_REQUIRED;
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(the_first_template_that_matches_counts)
{
    static const char *const TEMPLATES[] = {"weather://{city}/today", "weather://{town}/{day}",
                                            "other://{x}"};
    gatehouse_resource_template item;
    for (size_t i = 0; i < 3; i++) {
        item = template_of(TEMPLATES[i]);
        item.complete = i == 2 ? nothing : NULL;
        ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &item, NULL), GH_OK);
    }
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    gh_buf out = GH_BUF_INIT(4096);
    const gh_mcp_template *found =
        gh_mcp_catalog_match(catalog, GH_VIEW_LIT("weather://S%C3%A3o%20Paulo/today"), &out);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->item.uri_template, TEMPLATES[0]);
    ck_assert_str_eq(gh_buf_cstr(&out), "{\"city\":\"S\xc3\xa3o Paulo\"}");
    gh_buf_clear(&out);
    found = gh_mcp_catalog_match(catalog, GH_VIEW_LIT("weather://Oslo/1"), &out);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(gh_buf_cstr(&out), "{\"town\":\"Oslo\",\"day\":\"1\"}");
    ck_assert(gh_mcp_template_has_variable(found, GH_VIEW_LIT("day")));
    ck_assert(!gh_mcp_template_has_variable(found, GH_VIEW_LIT("city")));
    gh_buf_clear(&out);
    ck_assert_ptr_null(gh_mcp_catalog_match(catalog, GH_VIEW_LIT("weather://Oslo"), &out));
    ck_assert_uint_eq(out.len, 0);
    found = gh_mcp_catalog_template(catalog, GH_VIEW_LIT("other://{x}"));
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found->label, "Resource template other://{x} of hello.so");
    ck_assert_ptr_null(gh_mcp_catalog_template(catalog, GH_VIEW_LIT("other://{y}")));
    assert_list(catalog, GH_MCP_TEMPLATES, true,
                "\"resourceTemplates\":[{\"uriTemplate\":\"weather://{city}/today\",\"name\":\"t\"},"
                "{\"uriTemplate\":\"weather://{town}/{day}\",\"name\":\"t\"},"
                "{\"uriTemplate\":\"other://{x}\",\"name\":\"t\"}]");
    gh_buf_free(&out);
    gh_mcp_catalog_release(catalog);
}
END_TEST

START_TEST(bad_templates_are_refused)
{
    gh_error error = {GH_OK, ""};
    gatehouse_resource_template item = template_of("x://{+path}");
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &item, &error), GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "operator '+'"));
    item = template_of("{scheme}://x");
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &item, NULL), GH_ERR_PARSE);
    item = template_of(NULL);
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &item, NULL), GH_ERR_INVALID);
    item = template_of("x://{a}");
    item.read = NULL;
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, an_owner(), &item, NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(prompts_are_listed_with_their_arguments)
{
    gatehouse_prompt prompt = prompt_named("greet me");
    prompt.title = "Greet";
    prompt.arguments = "[{\"name\":\"city\",\"required\":true},{\"name\":\"tone\",\"title\":\"Tone\"}]";
    prompt.complete = nothing;
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    prompt = prompt_named("plain");
    prompt.arguments = "[]";
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    const gh_mcp_prompt *found = gh_mcp_catalog_prompt(catalog, GH_VIEW_LIT("greet me"));
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(found->argument_count, 2);
    ck_assert_str_eq(found->arguments[0].name, "city");
    ck_assert(found->arguments[0].required);
    ck_assert_str_eq(found->arguments[1].name, "tone");
    ck_assert(!found->arguments[1].required);
    ck_assert_uint_eq(gh_mcp_catalog_prompt(catalog, GH_VIEW_LIT("plain"))->argument_count, 0);
    assert_list(catalog, GH_MCP_PROMPTS, true,
                "\"prompts\":[{\"name\":\"greet me\",\"title\":\"Greet\",\"arguments\":[{\"name\":\"city\","
                "\"required\":true},{\"name\":\"tone\",\"title\":\"Tone\"}]},{\"name\":\"plain\","
                "\"arguments\":[]}]");
    gh_mcp_catalog_release(catalog);
}
END_TEST

static const char *const BAD_ARGUMENTS[] = {
    "{}",
    "[1]",
    "[{}]",
    "[{\"name\":\"\"}]",
    "[{\"name\":1}]",
    "[{\"name\":\"a\",\"required\":\"yes\"}]",
    "[{\"name\":\"a\"},{\"name\":\"a\"}]",
};

START_TEST(bad_prompt_arguments_are_refused)
{
    gatehouse_prompt prompt = prompt_named("p");
    prompt.arguments = BAD_ARGUMENTS[_i];
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "Prompt p of hello.so: arguments: "));
}
END_TEST

START_TEST(bad_prompt_names_are_refused)
{
    static const char *const NAMES[] = {NULL, "", "a\nb", "\xc0\x80"};
    for (size_t i = 0; i < 4; i++) {
        gatehouse_prompt prompt = prompt_named(NAMES[i]);
        ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_ERR_INVALID);
    }
}
END_TEST

/* --- icons, annotations, _meta, needs --- */

typedef struct member_case {
    size_t offset;
    const char *text;
    gh_status status;
} member_case;

#define OF(member) offsetof(gatehouse_tool, member)

static const member_case MEMBERS[] = {
    {OF(icons), "[{\"src\":\"https://example.com/a.svg\",\"theme\":\"dark\"}]", GH_OK},
    {OF(icons), "[{\"src\":\"data:image/png;base64,iVBORw0KGgo=\",\"mimeType\":\"image/png\"}]", GH_OK},
    {OF(icons), "[{\"src\":\"http://localhost:8080/a.png\"}]", GH_OK},
    {OF(icons), "[{\"src\":\"http://127.0.0.1/a.png\"}]", GH_OK},
    {OF(icons), "[{\"src\":\"http://example.com/a.png\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"javascript:alert(1)\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"file:///etc/passwd\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"data:\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"a.png\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":7}]", GH_ERR_INVALID},
    {OF(icons), "[{}]", GH_ERR_INVALID},
    {OF(icons), "[\"https://example.com/a.svg\"]", GH_ERR_INVALID},
    {OF(icons), "{\"src\":\"https://example.com/a.svg\"}", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"https://example.com/a.svg\",\"sizes\":\"48x48\"}]", GH_ERR_INVALID},
    {OF(icons), "[{\"src\":\"https://example.com/a.svg\",\"theme\":\"blue\"}]", GH_ERR_INVALID},
    {OF(icons), "[", GH_ERR_PARSE},
    {OF(annotations), "{\"readOnlyHint\":true,\"title\":\"T\",\"com.example\":1}", GH_OK},
    {OF(annotations), "{\"readOnlyHint\":\"true\"}", GH_ERR_INVALID},
    {OF(annotations), "{\"title\":1}", GH_ERR_INVALID},
    {OF(annotations), "[]", GH_ERR_INVALID},
    {OF(annotations), "{", GH_ERR_PARSE},
    {OF(meta), "{\"a\":{\"b\":[null]}}", GH_OK},
    {OF(meta), "\"text\"", GH_ERR_INVALID},
    {OF(meta), "{} {}", GH_ERR_PARSE},
    {OF(needs), "{\"elicitation\":{\"url\":{}}}", GH_OK},
    {OF(needs), "{\"sampling\":true}", GH_ERR_INVALID},
    {OF(needs), "[\"sampling\"]", GH_ERR_INVALID},
};

START_TEST(json_members_are_what_clients_can_read)
{
    const member_case *one = &MEMBERS[_i];
    gatehouse_tool tool = tool_named("t");
    memcpy((char *)&tool + one->offset, &one->text, sizeof one->text);
    gh_status status = gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL);
    ck_assert_msg(status == one->status, "%s: %s", one->text, gh_status_text(status));
}
END_TEST

START_TEST(resource_annotations_have_their_own_members)
{
    static const char *const BAD[] = {"{\"audience\":\"user\"}", "{\"audience\":[\"robot\"]}",
                                      "{\"priority\":1.5}", "{\"priority\":-1}", "{\"lastModified\":1}"};
    gatehouse_resource resource = resource_at("memo:1");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        resource.annotations = BAD[i];
        ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_ERR_INVALID);
    }
    resource.annotations = "{\"audience\":[\"user\",\"assistant\"],\"priority\":1,\"lastModified\":\"2026\"}";
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry_items");
    TCase *tc = tcase_create("items");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, resources_are_listed_and_found_by_their_uri);
    tcase_add_test(tc, bad_resources_are_refused);
    tcase_add_test(tc, the_first_template_that_matches_counts);
    tcase_add_test(tc, bad_templates_are_refused);
    tcase_add_test(tc, prompts_are_listed_with_their_arguments);
    tcase_add_loop_test(tc, bad_prompt_arguments_are_refused, 0,
                        sizeof BAD_ARGUMENTS / sizeof BAD_ARGUMENTS[0]);
    tcase_add_test(tc, bad_prompt_names_are_refused);
    tcase_add_loop_test(tc, json_members_are_what_clients_can_read, 0, sizeof MEMBERS / sizeof MEMBERS[0]);
    tcase_add_test(tc, resource_annotations_have_their_own_members);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
