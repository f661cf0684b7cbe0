/* One set in place of another, as clients of the registry see it. */
#include "tests/support/suite.h"
#include "tests/unit/server/api_fixture.h"

#define TOOL(name, description)                                                                              \
    "{'name':'" name "','description':'" description                                                         \
    "','inputSchema':{'type':'object'},'request':{'method':'GET','path':'/" name "'}}"
#define TOOLS(list) "{'upstreams':{'a':{'url':'@URL'}},'tools':[" list "]}"

typedef struct registry_world {
    api_world api;
    gh_mcp_registry *registry;
    int changes[GH_MCP_KINDS];
} registry_world;

static void note_change(void *context, gh_mcp_kind kind)
{
    registry_world *world = context;
    world->changes[kind]++;
}

static void open_registry(registry_world *world)
{
    memset(world, 0, sizeof *world);
    const gh_mcp_registry_options options = {.key = GH_VIEW_LIT("0123456789abcdef0123456789abcdef")};
    ck_assert_int_eq(gh_mcp_registry_new(&options, &world->registry), GH_OK);
    gh_mcp_registry_watch(world->registry, world, note_change);
    open_api(&world->api, world->registry);
}

static void close_registry(registry_world *world)
{
    gh_api_free(world->api.api);
    gh_mcp_registry_free(world->registry);
    gh_http_fixture_stop(world->api.fixture);
    gh_buf_free(&world->api.out);
}

static gh_status load(registry_world *world, const char *text, const char *url)
{
    gh_toolset *tools = read_tools(text, url, ".");
    world->api.error.message[0] = '\0';
    gh_status status = gh_api_load(world->api.api, tools, &world->api.error);
    gh_toolset_release(tools);
    return status;
}

static void lists(registry_world *world, gh_mcp_kind kind, const char *names)
{
    gh_buf out = GH_BUF_INIT(100000);
    gh_buf found = GH_BUF_INIT(1000);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(world->registry);
    ck_assert_int_eq(gh_mcp_catalog_list(catalog, kind, gh_view_make(NULL, 0), true, &out), GH_OK);
    for (const char *at = gh_buf_cstr(&out); (at = strstr(at, "\"name\":\"")) != NULL;) {
        at += 8;
        (void)gh_buf_append(&found, at, strcspn(at, "\""));
        (void)gh_buf_append_char(&found, ' ');
    }
    ck_assert_str_eq(gh_buf_cstr(&found), names);
    gh_buf_free(&out);
    gh_buf_free(&found);
    gh_mcp_catalog_release(catalog);
}

/* What the tool answers, as a client would call it. */
static void answers(const gh_mcp_catalog *catalog, const char *name, const char *part)
{
    gh_call call;
    static const gh_call_hooks NO_HOOKS = {0};
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, gh_view_of(name));
    ck_assert_ptr_nonnull(tool);
    const gh_call_question question = {.kind = GH_CALL_TOOL,
                                       .principal = &ADA,
                                       .item = tool->label,
                                       .target = name,
                                       .arguments = "{}",
                                       .capabilities = "{}"};
    gh_call_init(&call, &question, &NO_HOOKS);
    gh_call_run(&call, tool->item.call, tool->item.data);
    ck_assert_msg(strstr(gh_buf_cstr(&call.told.content), part) != NULL, "%s",
                  gh_buf_cstr(&call.told.content));
    gh_call_clear(&call);
}

#define NOBODY "http://127.0.0.1:9"

START_TEST(a_set_takes_the_place_of_the_one_before)
{
    registry_world world;
    open_registry(&world);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("one", "1") "," TOOL("two", "2")), NOBODY), GH_OK);
    lists(&world, GH_MCP_TOOLS, "one two ");
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 1);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("three", "3") "," TOOL("one", "1")), NOBODY), GH_OK);
    lists(&world, GH_MCP_TOOLS, "three one ");
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 2);
    ck_assert_int_eq(load(&world, "{}", NOBODY), GH_OK);
    lists(&world, GH_MCP_TOOLS, "");
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 3);
    ck_assert_int_eq(world.changes[GH_MCP_PROMPTS], 0);
    close_registry(&world);
}
END_TEST

START_TEST(nobody_is_told_of_a_file_that_says_the_same)
{
    registry_world world;
    static const char SAME[] = "{'upstreams':{'a':{'url':'@URL'}},'tools':[" TOOL(
        "one", "1") "],'prompts':[{'name':'p','messages':[{"
                    "'role':'user','text':'Hi.'}]}],'resources':[{'uri':'x://a','name':'a','text':'%s'}]}";
    open_registry(&world);
    ck_assert_int_eq(load(&world, SAME, NOBODY), GH_OK);
    ck_assert_int_eq(load(&world, SAME, NOBODY), GH_OK);
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 1);
    ck_assert_int_eq(world.changes[GH_MCP_PROMPTS], 1);
    ck_assert_int_eq(world.changes[GH_MCP_RESOURCES], 1);
    ck_assert_int_eq(
        load(&world,
             "{'upstreams':{'a':{'url':'@URL'}},'tools':[" TOOL(
                 "one", "other") "],'prompts':[{'name':'p','messages':[{'role':'user','text':"
                                 "'Bye.'}]}],'resources':[{'uri':'x://a','name':'a','text':'b'}]}",
             NOBODY),
        GH_OK);
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 2);
    ck_assert_int_eq(world.changes[GH_MCP_PROMPTS], 1);
    ck_assert_int_eq(world.changes[GH_MCP_RESOURCES], 1);
    close_registry(&world);
}
END_TEST

/* The list stays, but what is behind it does not: also for who looked before. */
START_TEST(a_tool_that_looks_the_same_calls_where_the_new_file_says)
{
    registry_world world;
    char url[GH_HTTP_FIXTURE_URL_MAX];
    static const gh_http_fixture_step steps[] = {
        {.path = "/new/one", .reply = OK_JSON("{\"new\":1}"), .close = true}};
    open_registry(&world);
    world.api.fixture = gh_http_fixture_start(steps, 1);
    gh_http_fixture_url(world.api.fixture, "/new", url);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("one", "1")), NOBODY), GH_OK);
    gh_mcp_catalog *before = gh_mcp_registry_catalog(world.registry);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("one", "1")), url), GH_OK);
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], 1);
    answers(before, "one", "new");
    gh_mcp_catalog_release(before);
    close_registry(&world);
}
END_TEST

START_TEST(what_was_taken_away_works_for_those_who_still_have_it)
{
    registry_world world;
    char url[GH_HTTP_FIXTURE_URL_MAX];
    static const gh_http_fixture_step steps[] = {
        {.path = "/one", .reply = OK_JSON("{\"still\":1}"), .close = true}};
    open_registry(&world);
    world.api.fixture = gh_http_fixture_start(steps, 1);
    gh_http_fixture_url(world.api.fixture, "", url);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("one", "1")), url), GH_OK);
    gh_mcp_catalog *before = gh_mcp_registry_catalog(world.registry);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("two", "2")), url), GH_OK);
    answers(before, "one", "still");
    gh_mcp_catalog_release(before);
    close_registry(&world);
}
END_TEST

static int returns_nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

START_TEST(a_set_that_cannot_be_added_changes_nothing)
{
    registry_world world;
    open_registry(&world);
    const gatehouse_tool other = {.size = sizeof other,
                                  .name = "taken",
                                  .input_schema = "{\"type\":\"object\"}",
                                  .call = returns_nothing};
    const gh_mcp_owner owner = {.who = &world, .label = "other.so"};
    ck_assert_int_eq(gh_mcp_registry_add_tool(world.registry, owner, &other, NULL), GH_OK);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("one", "1")), NOBODY), GH_OK);
    int before = world.changes[GH_MCP_TOOLS];
    ck_assert_int_eq(load(&world, TOOLS(TOOL("two", "2") "," TOOL("taken", "3")), NOBODY), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(world.api.error.message, "taken"));
    ck_assert_ptr_nonnull(strstr(world.api.error.message, "other.so"));
    lists(&world, GH_MCP_TOOLS, "taken one ");
    ck_assert_int_eq(world.changes[GH_MCP_TOOLS], before);
    ck_assert_int_eq(load(&world, TOOLS(TOOL("two", "2")), NOBODY), GH_OK);
    lists(&world, GH_MCP_TOOLS, "taken two ");
    close_registry(&world);
}
END_TEST

START_TEST(scopes_and_their_hierarchy_go_with_the_set)
{
    registry_world world;
    open_registry(&world);
    ck_assert_int_eq(
        load(&world,
             "{'upstreams':{'a':{'url':'@URL'}},'scopes':{'w':['r']},'tools':[{'name':'one',"
             "'inputSchema':{'type':'object'},'scopes':['r'],'request':{'method':'GET','path':'/'"
             "}}]}",
             NOBODY),
        GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(world.registry);
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("one"));
    ck_assert_str_eq(tool->item.scopes, "r");
    ck_assert(gh_mcp_catalog_allows(catalog, "w", tool->item.scopes));
    ck_assert(!gh_mcp_catalog_allows(catalog, "x", tool->item.scopes));
    gh_mcp_catalog_release(catalog);
    ck_assert_int_eq(load(&world, "{}", NOBODY), GH_OK);
    catalog = gh_mcp_registry_catalog(world.registry);
    ck_assert(!gh_mcp_catalog_allows(catalog, "w", "r"));
    gh_mcp_catalog_release(catalog);
    close_registry(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_load");
    TCase *tests = tcase_create("load");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_set_takes_the_place_of_the_one_before);
    tcase_add_test(tests, nobody_is_told_of_a_file_that_says_the_same);
    tcase_add_test(tests, a_tool_that_looks_the_same_calls_where_the_new_file_says);
    tcase_add_test(tests, what_was_taken_away_works_for_those_who_still_have_it);
    tcase_add_test(tests, a_set_that_cannot_be_added_changes_nothing);
    tcase_add_test(tests, scopes_and_their_hierarchy_go_with_the_set);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
