/* Scopes of items, data that is released, and changes that are taken back. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

/* --- what is released --- */

static void count_release(void *data)
{
    (void)atomic_fetch_add((atomic_int *)data, 1);
}

static gh_mcp_owner releasing(void)
{
    gh_mcp_owner owner = an_owner();
    owner.release = count_release;
    return owner;
}

static gh_status offer(gh_mcp_registry *registry, const char *name, atomic_int *data)
{
    gatehouse_tool tool = tool_named(name);
    tool.data = data;
    return gh_mcp_registry_add_tool(registry, releasing(), &tool, NULL);
}

START_TEST(data_is_released_once_when_no_catalog_has_the_item)
{
    atomic_int released = 0;
    gh_mcp_registry *registry = a_registry(0);
    ck_assert_int_eq(offer(registry, "a", &released), GH_OK);
    add_tool(registry, "other");
    gh_mcp_catalog *old = gh_mcp_registry_catalog(registry);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("a")), GH_OK);
    ck_assert_int_eq(released, 0);
    gh_mcp_catalog_release(old);
    ck_assert_int_eq(released, 1);
    gh_mcp_registry_free(registry);
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(data_is_released_with_the_registry)
{
    atomic_int released = 0;
    gh_mcp_registry *registry = a_registry(0);
    ck_assert_int_eq(offer(registry, "a", &released), GH_OK);
    gh_mcp_registry_begin(registry);
    ck_assert_int_eq(offer(registry, "b", &released), GH_OK);
    gh_mcp_registry_free(registry);
    ck_assert_int_eq(released, 2);
}
END_TEST

START_TEST(data_of_what_is_refused_is_released_at_once)
{
    atomic_int released = 0;
    gh_mcp_registry *registry = a_registry(0);
    add_tool(registry, "a");
    ck_assert_int_eq(offer(registry, "a", &released), GH_ERR_CONFLICT);
    ck_assert_int_eq(released, 1);
    ck_assert_int_eq(offer(registry, "not a name", &released), GH_ERR_INVALID);
    ck_assert_int_eq(released, 2);
    gh_mcp_registry_free(registry);
    ck_assert_int_eq(released, 2);
}
END_TEST

START_TEST(data_of_every_kind_is_released)
{
    atomic_int released = 0;
    gh_mcp_registry *registry = a_registry(0);
    gatehouse_resource resource = resource_at("memo:1");
    gatehouse_resource_template item = template_of("memo://{id}");
    gatehouse_prompt prompt = prompt_named("p");
    resource.data = item.data = prompt.data = &released;
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, releasing(), &resource, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add_template(registry, releasing(), &item, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_add_prompt(registry, releasing(), &prompt, NULL), GH_OK);
    ck_assert_int_eq(released, 0);
    gh_mcp_registry_free(registry);
    ck_assert_int_eq(released, 3);
}
END_TEST

/* --- taken back --- */

static void count_told(void *context, gh_mcp_kind kind)
{
    (void)kind;
    (*(int *)context)++;
}

static bool has_tool(gh_mcp_registry *registry, const char *name)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    bool has = gh_mcp_catalog_tool(catalog, gh_view_of(name)) != NULL;
    gh_mcp_catalog_release(catalog);
    return has;
}

static gh_scope_table *a_table(const char *scope, const char *implied)
{
    const gh_scope_row row = {scope, implied};
    gh_scope_table *table = NULL;
    ck_assert_int_eq(gh_scope_table_new(&row, 1, &table, NULL), GH_OK);
    return table;
}

static bool allows(gh_mcp_registry *registry, const char *granted, const char *scopes)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    bool allowed = gh_mcp_catalog_allows(catalog, granted, scopes);
    gh_mcp_catalog_release(catalog);
    return allowed;
}

START_TEST(a_rollback_leaves_everything_as_it_was_and_tells_nobody)
{
    int told = 0;
    atomic_int released = 0;
    gh_mcp_registry *registry = a_registry(0);
    add_tool(registry, "old");
    gh_mcp_registry_watch(registry, &told, count_told);
    gh_mcp_catalog *before = gh_mcp_registry_catalog(registry);
    gh_scope_table *table = a_table("w", "r");
    gh_mcp_registry_begin_alone(registry);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("old")),
                     GH_OK);
    ck_assert_int_eq(offer(registry, "old", &released), GH_OK);
    ck_assert_int_eq(offer(registry, "new", &released), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_set_scopes(registry, table), GH_OK);
    gh_mcp_registry_rollback(registry);
    ck_assert_int_eq(released, 2);
    gh_mcp_catalog *after = gh_mcp_registry_catalog(registry);
    ck_assert_ptr_eq(before, after);
    gh_mcp_catalog_release(before);
    gh_mcp_catalog_release(after);
    ck_assert(!allows(registry, "w", "r"));
    ck_assert_int_eq(told, 0);
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_ERR_INVALID);
    gh_mcp_registry_rollback(registry);
    add_tool(registry, "new");
    ck_assert(has_tool(registry, "new"));
    ck_assert_int_eq(told, 1);
    gh_scope_table_release(table);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(within_another_pair_a_rollback_ends_the_inner_one)
{
    gh_mcp_registry *registry = a_registry(0);
    gh_mcp_registry_begin(registry);
    add_tool(registry, "a");
    gh_mcp_registry_begin(registry);
    add_tool(registry, "b");
    gh_mcp_registry_rollback(registry);
    add_tool(registry, "c");
    ck_assert(!has_tool(registry, "c"));
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    ck_assert(has_tool(registry, "c"));
    ck_assert(!has_tool(registry, "a"));
    ck_assert(!has_tool(registry, "b"));
    gh_mcp_registry_free(registry);
}
END_TEST

typedef struct other_thread {
    gh_mcp_registry *registry;
    atomic_bool started, done;
} other_thread;

static void *add_theirs(void *context)
{
    other_thread *other = context;
    atomic_store(&other->started, true);
    add_tool(other->registry, "theirs");
    atomic_store(&other->done, true);
    return NULL;
}

START_TEST(who_changes_it_alone_takes_back_nothing_of_others)
{
    pthread_t thread;
    other_thread other = {.registry = a_registry(0)};
    gh_mcp_registry_begin_alone(other.registry);
    add_tool(other.registry, "mine");
    ck_assert_int_eq(pthread_create(&thread, NULL, add_theirs, &other), 0);
    while (!atomic_load(&other.started)) {
        (void)sched_yield();
    }
    const struct timespec a_while = {0, 50000000};
    (void)nanosleep(&a_while, NULL);
    ck_assert(!atomic_load(&other.done));
    add_tool(other.registry, "mine-too");
    gh_mcp_registry_rollback(other.registry);
    (void)pthread_join(thread, NULL);
    ck_assert(has_tool(other.registry, "theirs"));
    ck_assert(!has_tool(other.registry, "mine"));
    gh_mcp_registry_free(other.registry);
}
END_TEST

/* --- scopes --- */

static void add_scoped(gh_mcp_registry *registry, const char *name, const char *scopes)
{
    gatehouse_tool tool = tool_named(name);
    tool.scopes = scopes;
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, NULL), GH_OK);
}

START_TEST(scopes_are_verified)
{
    static const char *const bad[] = {" ", "a ", " a", "a  b", "a\tb", "\"a\"", "a\\b", "\xc3\xa4"};
    gh_mcp_registry *registry = a_registry(0);
    gh_error error = {GH_OK, ""};
    gatehouse_tool tool = tool_named("t");
    char longest[GH_MCP_ITEM_SCOPES_MAX + 2];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tool.scopes = bad[i];
        ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error), GH_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(error.message, "Tool t of hello.so: scopes must be words"));
    }
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    tool.scopes = longest;
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error), GH_ERR_TOO_LARGE);
    tool.scopes = longest + 1;
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &tool, &error), GH_OK);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_catalog_knows_all_scopes_and_what_they_are_for)
{
    gh_mcp_registry *registry = a_registry(0);
    gatehouse_resource resource = resource_at("memo:1");
    gatehouse_tool titled = tool_named("titled");
    gh_buf uses = GH_BUF_INIT(256);
    add_scoped(registry, "free", "");
    gh_mcp_catalog *none = gh_mcp_registry_catalog(registry);
    ck_assert_str_eq(gh_mcp_catalog_scopes(none), "");
    ck_assert(!gh_mcp_catalog_scoped(none, GH_MCP_TOOLS));
    gh_mcp_catalog_release(none);
    resource.scopes = "memos tools:b";
    titled.title = "With a title";
    titled.scopes = "tools:a";
    ck_assert_int_eq(gh_mcp_registry_add_resource(registry, an_owner(), &resource, NULL), GH_OK);
    add_scoped(registry, "b", "tools:b tools:a");
    ck_assert_int_eq(gh_mcp_registry_add_tool(registry, an_owner(), &titled, NULL), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    ck_assert_str_eq(gh_mcp_catalog_scopes(catalog), "tools:b tools:a memos");
    ck_assert_ptr_eq(gh_mcp_catalog_scopes(catalog), gh_mcp_catalog_scopes(catalog));
    ck_assert(gh_mcp_catalog_scoped(catalog, GH_MCP_TOOLS));
    ck_assert(!gh_mcp_catalog_scoped(catalog, GH_MCP_PROMPTS));
    ck_assert_uint_eq(gh_mcp_catalog_scope_uses(catalog, GH_VIEW_LIT("tools:a"), 9, &uses), 2);
    ck_assert_str_eq(gh_buf_cstr(&uses), "“b”, “With a title”");
    gh_buf_clear(&uses);
    ck_assert_uint_eq(gh_mcp_catalog_scope_uses(catalog, GH_VIEW_LIT("tools:b"), 1, &uses), 2);
    ck_assert_str_eq(gh_buf_cstr(&uses), "“b”");
    ck_assert_uint_eq(gh_mcp_catalog_scope_uses(catalog, GH_VIEW_LIT("tools"), 9, &uses), 0);
    /* Who consents to a scope is told of what it stands for as well. */
    const gh_scope_row row = {"tools:b", "memos tools:a"};
    gh_scope_table *table = NULL;
    ck_assert_int_eq(gh_scope_table_new(&row, 1, &table, NULL), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_set_scopes(registry, table), GH_OK);
    gh_scope_table_release(table);
    gh_mcp_catalog *ranked = gh_mcp_registry_catalog(registry);
    gh_buf_clear(&uses);
    ck_assert_uint_eq(gh_mcp_catalog_scope_uses(ranked, GH_VIEW_LIT("tools:b"), 9, &uses), 3);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&uses), "With a title"));
    ck_assert_uint_eq(gh_mcp_catalog_scope_uses(ranked, GH_VIEW_LIT("tools:a"), 9, &uses), 2);
    gh_mcp_catalog_release(ranked);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("b")), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_remove(registry, GH_MCP_TOOLS, &FIXTURE_OWNER, GH_VIEW_LIT("titled")),
                     GH_OK);
    gh_mcp_catalog *later = gh_mcp_registry_catalog(registry);
    ck_assert_str_eq(gh_mcp_catalog_scopes(later), "memos tools:b");
    ck_assert(!gh_mcp_catalog_scoped(later, GH_MCP_TOOLS));
    gh_mcp_catalog_release(later);
    gh_mcp_catalog_release(catalog);
    gh_buf_free(&uses);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_list_of_all_scopes_has_a_bound)
{
    char name[16];
    char scopes[GH_MCP_ITEM_SCOPES_MAX + 1];
    gh_mcp_registry *registry = a_registry(0);
    gh_mcp_registry_begin(registry);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        memset(scopes, 'a' + i % 26, sizeof scopes - 1);
        scopes[sizeof scopes - 1] = '\0';
        (void)memcpy(scopes, name, strlen(name));
        add_scoped(registry, name, scopes);
    }
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    ck_assert_uint_le(strlen(gh_mcp_catalog_scopes(catalog)), GH_MCP_SCOPES_MAX);
    ck_assert_uint_gt(strlen(gh_mcp_catalog_scopes(catalog)), GH_MCP_SCOPES_MAX - 1024);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(a_list_of_all_scopes_is_no_longer_than_a_client_reads)
{
    char name[16];
    char scopes[32];
    size_t words = 1;
    gh_mcp_registry *registry = a_registry(0);
    gh_mcp_registry_begin(registry);
    for (int i = 0; i < GH_MCP_SCOPES_COUNT_MAX; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        (void)snprintf(scopes, sizeof scopes, "all a%d b%d", i, i);
        add_scoped(registry, name, scopes);
    }
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    for (const char *c = gh_mcp_catalog_scopes(catalog); *c != '\0'; c++) {
        words += *c == ' ' ? 1 : 0;
    }
    ck_assert_uint_le(words, GH_MCP_SCOPES_COUNT_MAX);
    ck_assert_uint_gt(words, GH_MCP_SCOPES_COUNT_MAX - 3);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(registry);
}
END_TEST

START_TEST(the_table_changes_together_with_the_items)
{
    gh_mcp_registry *registry = a_registry(0);
    gh_scope_table *table = a_table("orders:write", "orders:read");
    ck_assert(!allows(registry, "orders:write", "orders:read"));
    gh_mcp_registry_begin(registry);
    add_scoped(registry, "t", "orders:read");
    ck_assert_int_eq(gh_mcp_registry_set_scopes(registry, table), GH_OK);
    gh_scope_table_release(table);
    ck_assert(!has_tool(registry, "t"));
    ck_assert(!allows(registry, "orders:write", "orders:read"));
    ck_assert_int_eq(gh_mcp_registry_commit(registry), GH_OK);
    ck_assert(has_tool(registry, "t"));
    ck_assert(allows(registry, "orders:write", "orders:read"));
    ck_assert(allows(registry, "", NULL));
    add_tool(registry, "later");
    ck_assert(allows(registry, "orders:write", "orders:read"));
    ck_assert_int_eq(gh_mcp_registry_set_scopes(registry, NULL), GH_OK);
    ck_assert(!allows(registry, "orders:write", "orders:read"));
    gh_mcp_registry_free(registry);
}
END_TEST

/* --- lists --- */

/* All names of the list, page by page, each followed by a space, and '|' after each page. */
static void read_pages(const gh_mcp_catalog *catalog, const char *granted, gh_buf *names)
{
    char cursor[128] = "";
    do {
        gh_buf out = GH_BUF_INIT(100000);
        gh_view raw = {cursor[0] != '\0' ? cursor : NULL, strlen(cursor)};
        ck_assert_int_eq(gh_mcp_catalog_list_for(catalog, GH_MCP_TOOLS, raw, true, granted, &out), GH_OK);
        const char *text = gh_buf_cstr(&out);
        for (const char *at = strstr(text, "\"name\":\""); at != NULL; at = strstr(at + 1, "\"name\":\"")) {
            (void)gh_buf_append(names, at + 8, strcspn(at + 8, "\""));
            (void)gh_buf_append_char(names, ' ');
        }
        (void)gh_buf_append_char(names, '|');
        const char *next = strstr(text, "\"nextCursor\":");
        cursor[0] = '\0';
        if (next != NULL) {
            (void)snprintf(cursor, sizeof cursor, "\"%.*s\"", (int)strcspn(next + 14, "\""), next + 14);
        }
        gh_buf_free(&out);
    } while (cursor[0] != '\0');
}

static void assert_pages(size_t page_size, const char *granted, const char *expected)
{
    gh_mcp_registry *registry = a_registry(page_size);
    gh_buf names = GH_BUF_INIT(4096);
    add_scoped(registry, "h1", "x");
    add_scoped(registry, "a", NULL);
    add_scoped(registry, "h2", "x");
    add_scoped(registry, "h3", "x y");
    add_scoped(registry, "b", "r");
    add_scoped(registry, "c", "");
    add_scoped(registry, "h4", "x");
    gh_scope_table *table = a_table("w", "r");
    ck_assert_int_eq(gh_mcp_registry_set_scopes(registry, table), GH_OK);
    gh_scope_table_release(table);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(registry);
    read_pages(catalog, granted, &names);
    ck_assert_str_eq(gh_buf_cstr(&names), expected);
    gh_mcp_catalog_release(catalog);
    gh_buf_free(&names);
    gh_mcp_registry_free(registry);
}

START_TEST(a_list_may_leave_out_what_is_not_allowed)
{
    assert_pages(0, NULL, "h1 a h2 h3 b c h4 |");
    assert_pages(0, "", "a c |");
    assert_pages(0, "w", "a b c |");
    assert_pages(0, "x", "h1 a h2 c h4 |");
    assert_pages(3, NULL, "h1 a h2 |h3 b c |h4 |");
    assert_pages(3, "w", "a b c |");
    assert_pages(2, "r", "a b |c |");
    assert_pages(1, "w", "a |b |c |");
    assert_pages(1, "x", "h1 |a |h2 |c |h4 |");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry_scopes");
    TCase *tc = tcase_create("scopes");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, data_is_released_once_when_no_catalog_has_the_item);
    tcase_add_test(tc, data_is_released_with_the_registry);
    tcase_add_test(tc, data_of_what_is_refused_is_released_at_once);
    tcase_add_test(tc, data_of_every_kind_is_released);
    tcase_add_test(tc, a_rollback_leaves_everything_as_it_was_and_tells_nobody);
    tcase_add_test(tc, within_another_pair_a_rollback_ends_the_inner_one);
    tcase_add_test(tc, who_changes_it_alone_takes_back_nothing_of_others);
    tcase_add_test(tc, scopes_are_verified);
    tcase_add_test(tc, a_catalog_knows_all_scopes_and_what_they_are_for);
    tcase_add_test(tc, a_list_of_all_scopes_has_a_bound);
    tcase_add_test(tc, a_list_of_all_scopes_is_no_longer_than_a_client_reads);
    tcase_add_test(tc, the_table_changes_together_with_the_items);
    tcase_add_test(tc, a_list_may_leave_out_what_is_not_allowed);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
