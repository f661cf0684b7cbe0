/* The registry from many threads at once; the thread sanitizer watches. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/suite.h"
#include "tests/unit/server/registry_fixture.h"

#define READERS 3
#define WRITERS 3
#define ROUNDS 150

typedef struct scene {
    gh_mcp_registry *registry;
    atomic_int next;
    atomic_bool done;
    atomic_int changes;
    atomic_int wrong;
} scene;

static void count_change(void *context, gh_mcp_kind kind)
{
    scene *s = context;
    atomic_fetch_add(&s->changes, kind == GH_MCP_TOOLS ? 1 : 0);
}

/* Adds and removes tools of its own, sometimes several as one change; each writer is its own owner. */
static void *write_items(void *context)
{
    scene *s = context;
    int me = atomic_fetch_add(&s->next, 1);
    gh_mcp_owner owner = {.who = &me, .label = "writer"};
    char names[2][24];
    for (int round = 0; round < ROUNDS; round++) {
        bool grouped = round % 3 == 0;
        if (grouped) {
            gh_mcp_registry_begin(s->registry);
        }
        for (int i = 0; i < 2; i++) {
            (void)snprintf(names[i], sizeof names[i], "w%d-%d-%d", me, round, i);
            gatehouse_tool tool = tool_named(names[i]);
            if (gh_mcp_registry_add_tool(s->registry, owner, &tool, NULL) != GH_OK) {
                atomic_fetch_add(&s->wrong, 1);
            }
        }
        if (grouped && gh_mcp_registry_commit(s->registry) != GH_OK) {
            atomic_fetch_add(&s->wrong, 1);
        }
        if (gh_mcp_registry_remove(s->registry, GH_MCP_TOOLS, owner.who, gh_view_of(names[0])) != GH_OK) {
            atomic_fetch_add(&s->wrong, 1);
        }
    }
    return NULL;
}

/* Whatever changes, "fixed" is there, a catalog always lists the same, and what it lists is found in it. */
static bool look(const gh_mcp_catalog *catalog)
{
    gh_buf one = GH_BUF_INIT(1 << 20);
    gh_buf two = GH_BUF_INIT(1 << 20);
    gh_buf variables = GH_BUF_INIT(256);
    gh_view none = {NULL, 0};
    bool right = gh_mcp_catalog_tool(catalog, GH_VIEW_LIT("fixed")) != NULL &&
                 gh_mcp_catalog_match(catalog, GH_VIEW_LIT("x://1/y"), &variables) != NULL &&
                 gh_mcp_catalog_list(catalog, GH_MCP_TOOLS, none, true, &one) == GH_OK &&
                 gh_mcp_catalog_list(catalog, GH_MCP_TOOLS, none, true, &two) == GH_OK &&
                 gh_view_eq(gh_buf_view(&one), gh_buf_view(&two));
    const char *at = right ? strstr(gh_buf_cstr(&one), "\"name\":\"w") : NULL;
    if (at != NULL) {
        at += strlen("\"name\":\"");
        right = gh_mcp_catalog_tool(catalog, gh_view_make(at, strcspn(at, "\""))) != NULL;
    }
    gh_buf_free(&one);
    gh_buf_free(&two);
    gh_buf_free(&variables);
    return right;
}

static void *read_items(void *context)
{
    scene *s = context;
    while (!atomic_load(&s->done)) {
        gh_mcp_catalog *catalog = gh_mcp_registry_catalog(s->registry);
        if (!look(catalog)) {
            atomic_fetch_add(&s->wrong, 1);
        }
        gh_mcp_catalog_release(catalog);
    }
    return NULL;
}

START_TEST(readers_see_whole_catalogs_while_writers_change_them)
{
    scene s = {.registry = a_registry(0)};
    pthread_t readers[READERS];
    pthread_t writers[WRITERS];
    gatehouse_resource_template item = template_of("x://{a}/y");
    add_tool(s.registry, "fixed");
    ck_assert_int_eq(gh_mcp_registry_add_template(s.registry, an_owner(), &item, NULL), GH_OK);
    gh_mcp_registry_watch(s.registry, &s, count_change);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_items, &s), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_items, &s), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    }
    atomic_store(&s.done, true);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
    }
    ck_assert_int_eq(atomic_load(&s.wrong), 0);
    ck_assert_int_ge(atomic_load(&s.changes), 1);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(s.registry);
    for (int writer = 0; writer < WRITERS; writer++) {
        char name[24];
        (void)snprintf(name, sizeof name, "w%d-%d-1", writer, ROUNDS - 1);
        ck_assert_ptr_nonnull(gh_mcp_catalog_tool(catalog, gh_view_of(name)));
        (void)snprintf(name, sizeof name, "w%d-%d-0", writer, ROUNDS - 1);
        ck_assert_ptr_null(gh_mcp_catalog_tool(catalog, gh_view_of(name)));
    }
    ck_assert_uint_eq(catalog->shelves[GH_MCP_TOOLS]->count, 1 + WRITERS * ROUNDS);
    gh_mcp_catalog_release(catalog);
    gh_mcp_registry_free(s.registry);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry_threads");
    TCase *tc = tcase_create("threads");
    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, readers_see_whole_catalogs_while_writers_change_them);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
