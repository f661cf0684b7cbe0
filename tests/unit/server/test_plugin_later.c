/* What plugins do besides tools, and while the server runs: other items, changes, announcements. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/suite.h"
#include "tests/unit/server/plugin_fixture.h"

typedef struct ear {
    int changes[GH_MCP_KINDS];
    int updates;
    char uri[64];
} ear;

static void on_changed(void *context, gh_mcp_kind kind)
{
    ear *one = context;
    one->changes[kind]++;
}

static void on_updated(void *context, gh_view uri)
{
    ear *one = context;
    one->updates++;
    (void)snprintf(one->uri, sizeof one->uri, "%.*s", (int)uri.len, uri.ptr);
}

/* --- items of all kinds --- */

static gh_call_question question_for(gh_call_kind kind, const char *item, const char *target)
{
    return (gh_call_question){.kind = kind,
                              .principal = &ADA,
                              .item = item,
                              .target = target,
                              .arguments = "{}",
                              .capabilities = "{}",
                              .can_be_asked = true};
}

START_TEST(resources_and_templates_are_read)
{
    world w;
    enter_with(&w, CHANGING);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_resource *fixed = gh_mcp_catalog_resource(catalog, gh_view_of("test://fixed"));
    ck_assert_ptr_nonnull(fixed);
    gh_call_question question = question_for(GH_CALL_RESOURCE, fixed->label, "test://fixed");
    question.mime_type = fixed->item.mime_type;
    ck_assert_int_eq(run(&w, &question, fixed->item.read, fixed->item.data), GH_CALL_ANSWERED);
    ck_assert_str_eq(
        gh_buf_cstr(&w.call.told.content),
        "{\"uri\":\"test://fixed\",\"mimeType\":\"text/plain\",\"text\":\"It does not change.\"}");

    gh_buf variables = GH_BUF_INIT(1024);
    const gh_mcp_template *city =
        gh_mcp_catalog_match(catalog, gh_view_of("test://city/K%C3%B6ln"), &variables);
    ck_assert_ptr_nonnull(city);
    question = question_for(GH_CALL_RESOURCE, city->label, "test://city/K%C3%B6ln");
    question.variables = gh_buf_cstr(&variables);
    ck_assert_int_eq(run(&w, &question, city->item.read, city->item.data), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "K\xc3\xb6ln lies on a river."));
    question.variables = "{\"city\":\"Atlantis\"}";
    ck_assert_int_eq(run(&w, &question, city->item.read, city->item.data), GH_CALL_NOT_FOUND);
    gh_buf_free(&variables);
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

START_TEST(prompts_are_got_and_arguments_completed)
{
    world w;
    enter_with(&w, CHANGING);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_prompt *praise = gh_mcp_catalog_prompt(catalog, gh_view_of("praise"));
    ck_assert_ptr_nonnull(praise);
    gh_call_question question = question_for(GH_CALL_PROMPT, praise->label, "praise");
    question.arguments = "{\"city\":\"Porto\"}";
    ck_assert_int_eq(run(&w, &question, praise->item.get, praise->item.data), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "Praise Porto."));
    question = question_for(GH_CALL_COMPLETION, praise->label, "praise");
    question.completing = "city";
    question.typed = "Par";
    ck_assert_int_eq(run(&w, &question, praise->item.complete, praise->item.data), GH_CALL_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&w.call.told.content), "\"Paris\",\"Parma\"");
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

/* --- changes while the server runs --- */

START_TEST(the_items_of_one_init_are_one_change)
{
    world w;
    ear heard = {0};
    enter(&w);
    gh_mcp_registry_watch(w.registry, &heard, on_changed);
    ck_assert_int_eq(load(&w, CHANGING, NULL), GH_OK);
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 1);
    ck_assert_int_eq(heard.changes[GH_MCP_RESOURCES], 1);
    leave(&w);
}
END_TEST

START_TEST(tools_come_and_go_while_the_server_runs)
{
    world w;
    ear heard = {0};
    enter_with(&w, CHANGING);
    gh_mcp_registry_watch(w.registry, &heard, on_changed);
    says(&w, "add", "{\"name\":\"fresh\"}", "done");
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 1);
    says(&w, "fresh", "{}", "hello");
    gh_log_set_level(GH_LOG_ERROR);
    says(&w, "add", "{\"name\":\"fresh\"}", "refused");
    says(&w, "add", "{\"name\":\"not a name\"}", "refused");
    says(&w, "add", "{}", "refused");
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 1);
    says(&w, "take", "{\"kind\":\"tool\",\"name\":\"fresh\"}", "done");
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 2);
    ck_assert(!has_tool(&w, "fresh"));
    says(&w, "take", "{\"kind\":\"tool\",\"name\":\"fresh\"}", "refused");
    leave(&w);
}
END_TEST

START_TEST(a_plugin_removes_only_its_own)
{
    world w;
    enter_with(&w, CHANGING);
    says(&w, "take", "{\"kind\":\"tool\",\"name\":\"sayHello\"}", "refused");
    ck_assert(has_tool(&w, "sayHello"));
    says(&w, "take", "{\"kind\":\"tool\"}", "refused");
    says(&w, "take", "{\"kind\":\"resource\",\"name\":\"test://fixed\"}", "done");
    says(&w, "take", "{\"kind\":\"template\",\"name\":\"test://city/{city}\"}", "done");
    says(&w, "take", "{\"kind\":\"prompt\",\"name\":\"praise\"}", "done");
    says(&w, "take", "{\"kind\":\"prompt\",\"name\":\"praise\"}", "refused");
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    ck_assert_ptr_null(gh_mcp_catalog_resource(catalog, gh_view_of("test://fixed")));
    ck_assert_ptr_null(gh_mcp_catalog_prompt(catalog, gh_view_of("praise")));
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

START_TEST(announcements_reach_the_listener_while_there_is_one)
{
    world w;
    ear heard = {0};
    const gh_plugin_listener listener = {&heard, on_updated, on_changed};
    enter_with(&w, CHANGING);
    (void)call(&w, "announce", "{\"what\":\"tools\"}");
    gh_plugins_listen(w.plugins, &listener);
    (void)call(&w, "announce", "{\"what\":\"tools\"}");
    (void)call(&w, "announce", "{\"what\":\"resources\"}");
    (void)call(&w, "announce", "{\"what\":\"prompts\"}");
    (void)call(&w, "announce", "{\"what\":\"test://fixed\"}");
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 1);
    ck_assert_int_eq(heard.changes[GH_MCP_RESOURCES], 1);
    ck_assert_int_eq(heard.changes[GH_MCP_PROMPTS], 1);
    ck_assert_int_eq(heard.updates, 1);
    ck_assert_str_eq(heard.uri, "test://fixed");
    gh_plugins_listen(w.plugins, NULL);
    (void)call(&w, "announce", "{\"what\":\"tools\"}");
    ck_assert_int_eq(heard.changes[GH_MCP_TOOLS], 1);
    leave(&w);
}
END_TEST

/* --- threads of a plugin --- */

typedef struct busy {
    const gatehouse_host *host;
    gatehouse_registrar *registrar;
    atomic_bool stop;
    atomic_int rounds;
    int number;
} busy;

static busy threads_of_plugin[3];

static int do_nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

static void *change_all_the_time(void *context)
{
    busy *one = context;
    char name[32];
    (void)snprintf(name, sizeof name, "tool-%d", one->number);
    const gatehouse_tool tool = {
        .size = sizeof tool, .name = name, .input_schema = "{\"type\":\"object\"}", .call = do_nothing};
    while (!atomic_load(&one->stop)) {
        (void)one->host->add_tool(one->registrar, &tool);
        one->host->tools_changed(one->registrar);
        one->host->resource_updated(one->registrar, "test://x");
        (void)one->host->setting(one->registrar, "none");
        (void)one->host->remove_tool(one->registrar, name);
        atomic_fetch_add(&one->rounds, 1);
    }
    return NULL;
}

static int busy_init(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    for (size_t i = 0; i < 3; i++) {
        threads_of_plugin[i].host = the_host;
        threads_of_plugin[i].registrar = registrar;
        threads_of_plugin[i].number = (int)i;
    }
    return 0;
}

static void count_change(void *context, gh_mcp_kind kind)
{
    (void)kind;
    atomic_fetch_add((atomic_int *)context, 1);
}

START_TEST(plugins_may_change_and_announce_from_many_threads)
{
    world w;
    pthread_t threads[3];
    atomic_int heard = 0;
    const gh_plugin_listener listener = {&heard, NULL, count_change};
    enter(&w);
    ck_assert_int_eq(gh_plugins_add(w.plugins, "busy", busy_init, NULL), GH_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, change_all_the_time, &threads_of_plugin[i]), 0);
    }
    for (int round = 0; round < 20; round++) {
        gh_plugins_listen(w.plugins, &listener);
        says(&w, "sayHello", "{}", "Hello, Ada!");
        int before = atomic_load(&heard);
        while (atomic_load(&heard) == before) {
        }
        gh_plugins_listen(w.plugins, NULL);
        before = atomic_load(&heard);
        says(&w, "sayHello", "{}", "Hello, Ada!");
        ck_assert_int_eq(atomic_load(&heard), before);
    }
    for (size_t i = 0; i < 3; i++) {
        while (atomic_load(&threads_of_plugin[i].rounds) == 0) { /* each has its turn; the test has a limit */
        }
        atomic_store(&threads_of_plugin[i].stop, true);
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    leave(&w);
}
END_TEST

START_TEST(a_loaded_plugin_that_speaks_after_the_end_is_not_heard)
{
    /* The tool's data is nothing of ours, so the handler can run when all else is gone. */
    world w;
    enter_with(&w, CHANGING);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_tool *add = gh_mcp_catalog_tool(catalog, gh_view_of("add"));
    gh_plugins_free(w.plugins);
    w.plugins = NULL;
    gh_call_question question = question_for(GH_CALL_TOOL, add->label, "add");
    question.arguments = "{\"name\":\"late\"}";
    ck_assert_int_eq(run(&w, &question, add->item.call, add->item.data), GH_CALL_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&w.call.told.content), "{\"type\":\"text\",\"text\":\"refused\"}");
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin later");
    TCase *tc = tcase_create("later");
    tcase_add_test(tc, resources_and_templates_are_read);
    tcase_add_test(tc, prompts_are_got_and_arguments_completed);
    tcase_add_test(tc, the_items_of_one_init_are_one_change);
    tcase_add_test(tc, tools_come_and_go_while_the_server_runs);
    tcase_add_test(tc, a_plugin_removes_only_its_own);
    tcase_add_test(tc, announcements_reach_the_listener_while_there_is_one);
    tcase_add_test(tc, plugins_may_change_and_announce_from_many_threads);
    tcase_add_test(tc, a_loaded_plugin_that_speaks_after_the_end_is_not_heard);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
