/* A registry that changes while it is used. */
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

typedef struct watcher {
    gh_mcp_registry *registry;
    int seen[GH_MCP_KINDS];
    size_t bytes; /* of the tools' list when they changed last */
} watcher;

/* Looks at the registry, which must not be locked. */
static void count_change(void *context, gh_mcp_kind kind)
{
    watcher *w = context;
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w->registry);
    char *text = page_of(catalog, GH_MCP_TOOLS, NULL, true);
    w->bytes = strlen(text);
    w->seen[kind]++;
    free(text);
    gh_mcp_catalog_release(catalog);
}

static bool has_tool(gh_mcp_registry *registry, const char *name)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    bool has = gh_mcp_catalog_tool(catalog, gh_view_of(name)) != NULL;
    gh_mcp_catalog_release(catalog);
    return has;
}

START_TEST(an_empty_registry_has_and_lists_nothing)
{
    static const char *const LISTS[] = {"\"tools\":[]", "\"resources\":[]", "\"resourceTemplates\":[]",
                                        "\"prompts\":[]"};
    gh_mcp_registry *registry = a_registry(2);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (int kind = 0; kind < GH_MCP_KINDS; kind++) {
        ck_assert(!gh_mcp_catalog_has(catalog, (gh_mcp_kind)kind));
        assert_list(catalog, (gh_mcp_kind)kind, true, LISTS[kind]);
    }
    ck_assert(!gh_mcp_catalog_completes(catalog));
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
    gh_mcp_registry_free(NULL);
    gh_mcp_catalog_release(NULL);
}
END_TEST

START_TEST(a_key_of_another_length_is_refused)
{
    gh_mcp_registry *registry = NULL;
    gh_mcp_registry_options options = {0, GH_VIEW_LIT("short")};
    ck_assert_int_eq(gh_mcp_registry_new(&options, &registry), GH_ERR_INVALID);
    ck_assert_ptr_null(registry);
}
END_TEST

START_TEST(items_come_and_go_and_each_change_is_told_once)
{
    gh_mcp_registry *registry = a_registry(0);
    watcher w = {registry, {0}, 0};
    gatehouse_prompt prompt = prompt_named("p");
    gh_mcp_registry_watch(registry, &w, count_change);
    add_tool(registry, "a");
    add_tool(registry, "b");
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 2);
    ck_assert_int_eq(w.seen[GH_MCP_PROMPTS], 0);
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    ck_assert_int_eq(w.seen[GH_MCP_PROMPTS], 1);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("a")), GH_OK);
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 3);
    ck_assert_uint_eq(w.bytes, strlen("\"tools\":[{\"name\":\"b\",\"inputSchema\":{\"type\":\"object\"}}]"));
    ck_assert(!has_tool(registry, "a"));
    ck_assert(has_tool(registry, "b"));
    add_tool(registry, "a");
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    assert_list(catalog, GH_MCP_TOOLS, true,
                "\"tools\":[{\"name\":\"b\",\"inputSchema\":{\"type\":\"object\"}},"
                "{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\"}}]");
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(what_is_refused_changes_and_tells_nothing)
{
    static const int OTHER = 0;
    gh_mcp_registry *registry = a_registry(0);
    watcher w = {registry, {0}, 0};
    add_tool(registry, "a");
    gh_mcp_registry_watch(registry, &w, count_change);
    gh_mcp_catalog *before = gh_mcp_registry_catalog(registry);
    gatehouse_tool again = tool_named("a");
    gatehouse_tool bad = tool_named("bad name");
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &again, NULL), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &bad, NULL), GH_ERR_INVALID);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &OTHER, GH_VIEW_LIT("a")),
                     GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("b")),
                     GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_PROMPTS, &FIXTURE_OWNER, GH_VIEW_LIT("a")),
                     GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_ERR_INVALID);
    gh_mcp_catalog *after = gh_mcp_registry_catalog(registry);
    ck_assert_ptr_eq(before, after);
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 0);
    gh_mcp_catalog_release(before);
    gh_mcp_catalog_release(after);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_catalog_lives_on_unchanged_until_it_is_released)
{
    gh_mcp_registry *registry = a_registry(0);
    add_tool(registry, "old");
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("old"));
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("old")),
                     GH_OK);
    add_tool(registry, "new");
    gh_mcp_catalog *again = gh_mcp_catalog_hold(catalog);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
    ck_assert_ptr_eq(gh_mcp_catalog_tool(again, GH_VIEW_LIT("old")), tool);
    ck_assert_str_eq(tool->item.name, "old");
    ck_assert_ptr_null(gh_mcp_catalog_tool(again, GH_VIEW_LIT("new")));
    assert_list(again, GH_MCP_TOOLS, true,
                "\"tools\":[{\"name\":\"old\",\"inputSchema\":{\"type\":\"object\"}}]");
    gh_mcp_catalog_release(again);
}
END_TEST

START_TEST(a_new_catalog_shares_the_items_that_stay)
{
    gh_mcp_registry *registry = a_registry(0);
    add_tool(registry, "stays");
    gh_mcp_catalog *before = gh_mcp_registry_catalog(registry);
    add_tool(registry, "comes");
    gh_mcp_catalog *after = gh_mcp_registry_catalog(registry);
    ck_assert_ptr_ne(before, after);
    ck_assert_ptr_eq(gh_mcp_catalog_tool(before, GH_VIEW_LIT("stays")),
                     gh_mcp_catalog_tool(after, GH_VIEW_LIT("stays")));
    gh_mcp_catalog_release(before);
    gh_mcp_catalog_release(after);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_capability_stays_once_there_was_such_an_item)
{
    gh_mcp_registry *registry = a_registry(0);
    gatehouse_prompt prompt = prompt_named("p");
    prompt.complete = nothing;
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    gh_mcp_catalog *with = gh_mcp_registry_catalog(registry);
    ck_assert(gh_mcp_catalog_completes(with));
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_PROMPTS, &FIXTURE_OWNER, GH_VIEW_LIT("p")),
                     GH_OK);
    gh_mcp_catalog *without = gh_mcp_registry_catalog(registry);
    ck_assert(gh_mcp_catalog_has(without, GH_MCP_PROMPTS));
    ck_assert(!gh_mcp_catalog_has(without, GH_MCP_TOOLS));
    ck_assert(!gh_mcp_catalog_completes(without));
    gh_mcp_catalog_release(with);
    gh_mcp_catalog_release(without);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(what_is_between_begin_and_commit_is_one_change)
{
    gh_mcp_registry *registry = a_registry(0);
    watcher w = {registry, {0}, 0};
    gatehouse_resource resource = resource_at("memo:1");
    add_tool(registry, "old");
    gh_mcp_registry_watch(registry, &w, count_change);
    gh_mcp_registry_begin(registry);
    gh_mcp_registry_begin(registry);
    add_tool(registry, "a");
    add_tool(registry, "b");
    gatehouse_tool again = tool_named("a");
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &again, NULL), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("old")),
                     GH_OK);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("b")), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    ck_assert(!has_tool(registry, "a"));
    ck_assert(has_tool(registry, "old"));
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 0);
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    ck_assert(has_tool(registry, "a"));
    ck_assert(!has_tool(registry, "b"));
    ck_assert(!has_tool(registry, "old"));
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 1);
    ck_assert_int_eq(w.seen[GH_MCP_RESOURCES], 1);
    ck_assert_int_eq(w.seen[GH_MCP_PROMPTS], 0);
    gh_mcp_registry_begin(registry);
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    ck_assert_int_eq(w.seen[GH_MCP_TOOLS], 1);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_registry_may_end_within_a_change)
{
    gh_mcp_registry *registry = a_registry(0);
    gh_mcp_registry_begin(registry);
    add_tool(registry, "never-seen");
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(removing_any_leaves_all_others_to_be_found)
{
    char name[16];
    gh_mcp_registry *registry = a_registry(0);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        add_tool(registry, name);
    }
    for (int i = 0; i < 200; i += 3) {
        (void)snprintf(name, sizeof name, "t%d", i);
        ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, gh_view_of(name)),
                         GH_OK);
        for (int k = 0; k < 200; k++) {
            (void)snprintf(name, sizeof name, "t%d", k);
            ck_assert_int_eq(has_tool(registry, name), k % 3 != 0 || k > i);
        }
    }
    gh_mcp_registry_free(registry);
}
END_TEST

static double seconds_for(int count)
{
    struct timespec start;
    struct timespec end;
    char name[32];
    gh_mcp_registry *registry = a_registry(0);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    gh_mcp_registry_begin(registry);
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "tool-%d", count - i);
        add_tool(registry, name);
    }
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    ck_assert_ptr_nonnull(gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("tool-1")));
    (void)snprintf(name, sizeof name, "tool-%d", count);
    ck_assert_ptr_nonnull(gh_mcp_catalog_tool(catalog, gh_view_of(name)));
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
    return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
}

START_TEST(ten_thousand_tools_cost_ten_times_as_much_as_a_thousand)
{
    double few = seconds_for(1000);
    double many = seconds_for(10000);
    /* Quadratic work would be a hundred times as much. */
    ck_assert_msg(many < 40 * few, "1,000: %.4f s, 10,000: %.4f s", few, many);
}
END_TEST

START_TEST(there_is_a_bound_on_the_items_of_a_kind)
{
    char name[32];
    gatehouse_prompt prompt;
    gh_error error = {GH_OK, ""};
    gh_mcp_registry *registry = a_registry(0);
    gh_mcp_registry_begin(registry);
    for (int i = 0; i < GH_MCP_ITEMS_MAX; i++) {
        (void)snprintf(name, sizeof name, "p%d", i);
        prompt = prompt_named(name);
        ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, NULL), GH_OK);
    }
    prompt = prompt_named("one more");
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, an_owner(), &prompt, &error), GH_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(error.message, "20000 prompts"));
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    gh_mcp_registry_free(registry);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry_changes");
    TCase *tc = tcase_create("changes");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_empty_registry_has_and_lists_nothing);
    tcase_add_test(tc, a_key_of_another_length_is_refused);
    tcase_add_test(tc, items_come_and_go_and_each_change_is_told_once);
    tcase_add_test(tc, what_is_refused_changes_and_tells_nothing);
    tcase_add_test(tc, a_catalog_lives_on_unchanged_until_it_is_released);
    tcase_add_test(tc, a_new_catalog_shares_the_items_that_stay);
    tcase_add_test(tc, a_capability_stays_once_there_was_such_an_item);
    tcase_add_test(tc, what_is_between_begin_and_commit_is_one_change);
    tcase_add_test(tc, a_registry_may_end_within_a_change);
    tcase_add_test(tc, removing_any_leaves_all_others_to_be_found);
    tcase_add_test(tc, ten_thousand_tools_cost_ten_times_as_much_as_a_thousand);
    tcase_add_test(tc, there_is_a_bound_on_the_items_of_a_kind);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
