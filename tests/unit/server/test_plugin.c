/* Loading plugins and calling their tools; what is wrong is refused with a sentence. */
#include "server/plugin/plugin.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/server/plugin_fixture.h"

START_TEST(a_plugins_tool_is_there_and_called)
{
    world w;
    enter_with(&w, EXAMPLE);
    says(&w, "addNumbers", "{\"b\":0.5,\"a\":40}", "{\\\"sum\\\":40.5}");
    ck_assert_str_eq(w.call.told.structured, "{\"sum\":40.5}");
    says(&w, "addNumbers", "{\"a\":1e308,\"b\":1e308}", "The sum is too large.");
    ck_assert(w.call.told.is_error);
    says(&w, "sayHello", "{}", "Hello, Ada!");
    ck_assert(!w.call.told.is_error);
    leave(&w);
}
END_TEST

START_TEST(a_tool_learns_who_asks)
{
    world w;
    enter_with(&w, FAULTY);
    says(&w, "misbehave", "{\"how\":\"who\"}", "https://id.example|u-1|Ada|ada@example.org|client-1|mcp");
    gh_principal nobody = ADA;
    nobody.name = nobody.email = nobody.client_id = NULL;
    ck_assert_ptr_nonnull(strstr(call_as(&w, &nobody, "misbehave", "{\"how\":\"who\"}"),
                                 "https://id.example|u-1|NULL|NULL|NULL|mcp"));
    leave(&w);
}
END_TEST

START_TEST(what_is_set_last_counts_and_an_error_above_all)
{
    world w;
    enter_with(&w, FAULTY);
    says(&w, "misbehave", "{\"how\":\"arguments\"}", "{\\\"how\\\":\\\"arguments\\\"}");
    says(&w, "misbehave", "{\"how\":\"twice\"}", "two");
    ck_assert_str_eq(w.call.told.structured, "{\"n\":2}");
    says(&w, "misbehave", "{\"how\":\"error\"}", "It is raining.");
    ck_assert(w.call.told.is_error);
    ck_assert_str_eq(call(&w, "misbehave", "{}"), "");
    ck_assert_int_eq(w.call.told.outcome, GH_CALL_ANSWERED);
    leave(&w);
}
END_TEST

static const char *const NONSENSE[] = {"code", "no json", "array", "null", "not utf-8", "long"};

START_TEST(nonsense_is_the_plugins_fault_and_the_next_call_is_served)
{
    world w;
    char arguments[64];
    enter_with(&w, FAULTY);
    (void)snprintf(arguments, sizeof arguments, "{\"how\":\"%s\"}", NONSENSE[_i]);
    (void)call(&w, "misbehave", arguments);
    ck_assert_int_eq(w.call.told.outcome, GH_CALL_FAULT);
    (void)call(&w, "misbehave", "{\"how\":\"who\"}");
    ck_assert_int_eq(w.call.told.outcome, GH_CALL_ANSWERED);
    leave(&w);
}
END_TEST

typedef struct caller {
    world *world;
    int number;
    int wrong;
} caller;

static void *call_often(void *context)
{
    caller *one = context;
    world mine = {.registry = one->world->registry};
    char arguments[64];
    char expected[64];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(arguments, sizeof arguments, "{\"a\":%d,\"b\":%d}", one->number * 1000, i);
        (void)snprintf(expected, sizeof expected, "{\"sum\":%d}", one->number * 1000 + i);
        (void)call(&mine, "addNumbers", arguments);
        one->wrong += strcmp(mine.call.told.structured, expected) != 0;
    }
    forget(&mine);
    return NULL;
}

START_TEST(eight_threads_call_at_once)
{
    world w;
    pthread_t threads[8];
    caller callers[8];
    enter_with(&w, EXAMPLE);
    for (int i = 0; i < 8; i++) {
        callers[i] = (caller){&w, i, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(callers[i].wrong, 0);
    }
    leave(&w);
}
END_TEST

/* --- refusals --- */

static void refused(const char *file, const char *part)
{
    world w;
    gh_error error = {GH_OK, ""};
    enter(&w);
    gh_status status = load(&w, file, &error);
    ck_assert_msg(status == GH_ERR_INVALID, "%s: %s", file, gh_status_text(status));
    ck_assert_msg(strstr(error.message, part) != NULL, "%s", error.message);
    ck_assert_msg(strstr(error.message, file) != NULL, "%s", error.message);
    leave(&w);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(a_file_that_is_no_plugin_is_refused_with_the_reason)
{
    char folder[] = "/tmp/gatehouse-plugin-XXXXXX";
    char path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    refused("/nonexistent/plugin.so", "No such file");
    refused(folder, "not a file");
    (void)snprintf(path, sizeof path, "%s/pipe.so", folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(path, "not a file");
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/text.so", folder);
    write_file(path, "this is not a shared object\n", 0600);
    refused(path, "cannot be loaded");
    ck_assert_int_eq(chmod(path, 0666), 0);
    refused(path, "run: chmod o-w");
    (void)unlink(path);
    (void)rmdir(folder);
}
END_TEST

START_TEST(a_name_without_a_slash_is_not_looked_for_in_the_systems_folders)
{
    refused("libc.so.6", "No such file");
}
END_TEST

START_TEST(a_library_without_the_two_names_is_refused)
{
    refused(PLUGINS "/plugin_without_init.so", "gatehouse_plugin_init");
}
END_TEST

START_TEST(another_interface_version_is_refused_before_it_runs)
{
    refused(PLUGINS "/plugin_other_abi.so", "version 2 of the plugin interface");
}
END_TEST

static const char *const FAULTS[][2] = {
    {"code", "returned 42"},
    {"reason", "The moon is not full."},
    {"schema", "misbehave that is refused: input_schema must say \"type\": \"object\""},
    {"no json", "not JSON"},
    {"no schema", "input_schema"},
    {"no call", "needs call"},
    {"no name", "without a name"},
    {"duplicate", "There is a tool named sayHello already, which comes with the server."},
    {"not utf-8", "not UTF-8"},
    {"size 0", "sizeof(gatehouse_tool)"},
    {"short", "sizeof(gatehouse_tool)"},
    {"needs newer", "this version of the server lacks"},
};

START_TEST(an_init_that_goes_wrong_is_refused_with_the_reason)
{
    ck_assert_int_eq(setenv("PLUGIN_FAULT", FAULTS[_i][0], 1), 0);
    refused(FAULTY, FAULTS[_i][1]);
}
END_TEST

static const char *const GROWN[] = {"newer", "older"};

START_TEST(a_tool_of_another_size_is_taken_when_what_is_not_known_is_zero)
{
    world w;
    ck_assert_int_eq(setenv("PLUGIN_FAULT", GROWN[_i], 1), 0);
    enter_with(&w, FAULTY);
    (void)call(&w, "misbehave", "{\"how\":\"who\"}");
    ck_assert_int_eq(w.call.told.outcome, GH_CALL_ANSWERED);
    leave(&w);
}
END_TEST

static int do_nothing(void *data, gatehouse_call *of)
{
    (void)data;
    (void)of;
    return 0;
}

/* Built before there were scopes: what stands behind its structs is not theirs. */
static int init_without_scopes(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    const gatehouse_resource resource = {.size = offsetof(gatehouse_resource, scopes),
                                         .uri = "old://a",
                                         .name = "a",
                                         .read = do_nothing,
                                         .scopes = "not theirs"};
    const gatehouse_resource_template item = {.size = offsetof(gatehouse_resource_template, scopes),
                                              .uri_template = "old://{id}",
                                              .name = "b",
                                              .read = do_nothing,
                                              .scopes = "not theirs"};
    const gatehouse_prompt prompt = {
        .size = offsetof(gatehouse_prompt, scopes), .name = "c", .get = do_nothing, .scopes = "not theirs"};
    const gatehouse_tool tool = {.size = offsetof(gatehouse_tool, scopes),
                                 .name = "d",
                                 .input_schema = "{\"type\":\"object\"}",
                                 .call = do_nothing,
                                 .scopes = "not theirs"};
    ck_assert_int_eq(the_host->add_resource(registrar, &resource), 0);
    ck_assert_int_eq(the_host->add_resource_template(registrar, &item), 0);
    ck_assert_int_eq(the_host->add_prompt(registrar, &prompt), 0);
    return the_host->add_tool(registrar, &tool);
}

START_TEST(items_that_know_no_scopes_need_none)
{
    world w;
    gh_error error = {GH_OK, ""};
    enter(&w);
    gh_status status = gh_plugins_add(w.plugins, "old", init_without_scopes, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    ck_assert_ptr_nonnull(gh_mcp_catalog_prompt(catalog, GH_VIEW_LIT("c")));
    ck_assert_str_eq(gh_mcp_catalog_scopes(catalog), "");
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

START_TEST(a_plugin_twice_is_a_conflict_of_its_tools)
{
    world w;
    gh_error error = {GH_OK, ""};
    enter_with(&w, EXAMPLE);
    ck_assert_int_eq(load(&w, EXAMPLE, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "named addNumbers already, that of " EXAMPLE));
    leave(&w);
    gh_plugins_free(NULL);
}
END_TEST

static int init_without_itself(const gatehouse_host *the_host, gatehouse_registrar *registrar)
{
    const gatehouse_tool tool = {.size = sizeof tool, .name = "t", .input_schema = "{}"};
    const gatehouse_prompt prompt = {.size = sizeof prompt, .name = "p"};
    ck_assert_ptr_nonnull(registrar);
    ck_assert_int_ne(the_host->add_tool(NULL, &tool), 0);
    ck_assert_int_ne(the_host->add_tool(registrar, NULL), 0);
    ck_assert_int_ne(the_host->add_prompt(NULL, &prompt), 0);
    ck_assert_int_ne(the_host->remove_tool(NULL, "t"), 0);
    ck_assert_str_eq(the_host->settings(NULL), "{}");
    ck_assert_ptr_null(the_host->setting(NULL, "a"));
    (the_host->fail)(NULL, "why");
    the_host->write_log(NULL, GATEHOUSE_ERROR, "text");
    the_host->tools_changed(NULL);
    the_host->resource_updated(NULL, "test://a");
    return 0;
}

START_TEST(functions_without_a_registrar_are_refused)
{
    world w;
    gh_error error = {GH_OK, ""};
    enter(&w);
    ck_assert_int_eq(gh_plugins_add(w.plugins, "lost", init_without_itself, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "there is no gatehouse_tool"));
    leave(&w);
}
END_TEST

/* --- folders --- */

static void link_into(const char *folder, const char *name, const char *target)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_int_eq(symlink(target, path), 0);
}

static void remove_from(const char *folder, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
}

START_TEST(a_folder_is_loaded_by_name_and_only_its_plugins)
{
    world w;
    gh_error error = {GH_OK, ""};
    char folder[] = "/tmp/gatehouse-plugins-XXXXXX";
    char text[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    link_into(folder, "b.so", CHANGING);
    link_into(folder, "a.so", EXAMPLE);
    link_into(folder, ".hidden.so", "/nonexistent");
    (void)snprintf(text, sizeof text, "%s/README", folder);
    write_file(text, "nothing to load\n", 0600);
    enter(&w);
    gh_status status = gh_plugins_load_folder(w.plugins, folder, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    ck_assert(has_tool(&w, "addNumbers") && has_tool(&w, "announce"));
    leave(&w);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    enter(&w);
    ck_assert_int_eq(gh_plugins_load_folder(w.plugins, folder, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "chmod go-w"));
    ck_assert(!has_tool(&w, "addNumbers"));
    remove_from(folder, "a.so");
    remove_from(folder, "b.so");
    remove_from(folder, ".hidden.so");
    remove_from(folder, "README");
    ck_assert_int_eq(chmod(folder, 0700), 0);
    ck_assert_int_eq(gh_plugins_load_folder(w.plugins, folder, &error), GH_OK);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_int_eq(gh_plugins_load_folder(w.plugins, folder, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "No such file"));
    leave(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin");
    TCase *calls = tcase_create("calls");
    tcase_add_test(calls, a_plugins_tool_is_there_and_called);
    tcase_add_test(calls, a_tool_learns_who_asks);
    tcase_add_test(calls, what_is_set_last_counts_and_an_error_above_all);
    tcase_add_loop_test(calls, nonsense_is_the_plugins_fault_and_the_next_call_is_served, 0,
                        sizeof NONSENSE / sizeof NONSENSE[0]);
    tcase_add_test(calls, eight_threads_call_at_once);
    tcase_set_timeout(calls, 60);
    suite_add_tcase(suite, calls);
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, a_file_that_is_no_plugin_is_refused_with_the_reason);
    tcase_add_test(refusals, a_name_without_a_slash_is_not_looked_for_in_the_systems_folders);
    tcase_add_test(refusals, a_library_without_the_two_names_is_refused);
    tcase_add_test(refusals, another_interface_version_is_refused_before_it_runs);
    tcase_add_loop_test(refusals, an_init_that_goes_wrong_is_refused_with_the_reason, 0,
                        sizeof FAULTS / sizeof FAULTS[0]);
    tcase_add_loop_test(refusals, a_tool_of_another_size_is_taken_when_what_is_not_known_is_zero, 0,
                        sizeof GROWN / sizeof GROWN[0]);
    tcase_add_test(refusals, items_that_know_no_scopes_need_none);
    tcase_add_test(refusals, a_plugin_twice_is_a_conflict_of_its_tools);
    tcase_add_test(refusals, functions_without_a_registrar_are_refused);
    tcase_add_test(refusals, a_folder_is_loaded_by_name_and_only_its_plugins);
    suite_add_tcase(suite, refusals);
    return gh_suite_run(suite);
}
