#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/plugin/plugin.h"
#include "tests/support/suite.h"
#include "tests/unit/server/engine_harness.h"

#define EXAMPLE PLUGINS "/plugin_example.so"
#define FAULTY PLUGINS "/plugin_faulty.so"

typedef struct world {
    gh_plugins *plugins;
    harness h;
} world;

static gh_status add(void *registry, const gh_tool *tool, gh_error *error)
{
    return gh_mcp_registry_add(registry, tool, error);
}

static gh_status load_into(world *w, const char *file, gh_error *error)
{
    char *items[] = {(char *)(uintptr_t)file};
    const gh_text_list files = {items, 1};
    w->h.registry = gh_mcp_registry_new();
    ck_assert_int_eq(gh_mcp_registry_add(w->h.registry, &GH_TOOL_SAY_HELLO, NULL), GH_OK);
    w->plugins = gh_plugins_new(&(gh_plugin_sink){w->h.registry, add});
    ck_assert_ptr_nonnull(w->plugins);
    return gh_plugins_load(w->plugins, &files, error);
}

static void leave(world *w)
{
    stop(&w->h);
    gh_plugins_free(w->plugins);
}

static void enter(world *w, const char *file)
{
    const gh_mcp_options options = usual_options();
    gh_error error = {GH_OK, ""};
    memset(w, 0, sizeof *w);
    gh_log_set_level(GH_LOG_ERROR);
    gh_status status = load_into(w, file, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    ck_assert_int_eq(gh_mcp_engine_new(&options, w->h.registry, &w->h.engine), GH_OK);
}

static int call_as(harness *h, const gh_principal *principal, const char *tool, const char *arguments)
{
    char body[1024];
    gh_mcp_headers headers = NO_HEADERS;
    headers.version = GH_VIEW_LIT("2026-07-28");
    headers.method = GH_VIEW_LIT("tools/call");
    headers.name = gh_view_of(tool);
    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\","
                   "\"arguments\":%s,\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
                   "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"t\",\"version\":\"1\"},"
                   "\"io.modelcontextprotocol/clientCapabilities\":{}}}}",
                   tool, arguments);
    return post_as(h, principal, headers, gh_view_of(body));
}

static int call(world *w, const char *tool, const char *arguments)
{
    return call_as(&w->h, &ADA, tool, arguments);
}

START_TEST(a_plugins_tool_is_listed_and_called)
{
    world w;
    double sum = 0;
    enter(&w, EXAMPLE);
    ck_assert_int_eq(call(&w, "addNumbers", "{\"b\":0.5,\"a\":40}"), 200);
    const cJSON *structured = gh_json_get_object(result_of(&w.h), "structuredContent");
    sum = cJSON_GetNumberValue(gh_json_get(structured, "sum"));
    ck_assert_double_eq(sum, 40.5);
    ck_assert_str_eq(content_text(&w.h), "{\"sum\":40.5}");
    ck_assert(!is_tool_error(&w.h));

    ck_assert_int_eq(call(&w, "addNumbers", "{\"a\":1e308,\"b\":1e308}"), 200);
    ck_assert(is_tool_error(&w.h));
    ck_assert_str_eq(content_text(&w.h), "The sum is too large.");

    ck_assert_int_eq(call(&w, "addNumbers", "{\"a\":\"1\",\"b\":2}"), 200);
    ck_assert(is_tool_error(&w.h));
    ck_assert_ptr_nonnull(strstr(content_text(&w.h), "arguments.a"));

    ck_assert_int_eq(call(&w, "sayHello", "{}"), 200);
    ck_assert_str_eq(content_text(&w.h), "Hello, Ada!");
    leave(&w);
}
END_TEST

START_TEST(a_tool_learns_who_asks)
{
    world w;
    enter(&w, FAULTY);
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"who\"}"), 200);
    ck_assert_str_eq(content_text(&w.h), "https://id.example|u-1|Ada|ada@example.org|client-1|mcp");
    gh_principal nobody = ADA;
    nobody.name = nobody.email = nobody.client_id = NULL;
    ck_assert_int_eq(call_as(&w.h, &nobody, "misbehave", "{\"how\":\"who\"}"), 200);
    ck_assert_str_eq(content_text(&w.h), "https://id.example|u-1|NULL|NULL|NULL|mcp");
    leave(&w);
}
END_TEST

START_TEST(what_is_set_last_counts_and_an_error_above_all)
{
    world w;
    enter(&w, FAULTY);
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"arguments\"}"), 200);
    ck_assert_str_eq(content_text(&w.h), "{\"how\":\"arguments\"}");
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"twice\"}"), 200);
    ck_assert_str_eq(content_text(&w.h), "two");
    ck_assert(body_has(&w.h, "\"structuredContent\":{\"n\":2}"));
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"error\"}"), 200);
    ck_assert(is_tool_error(&w.h));
    ck_assert_str_eq(content_text(&w.h), "It is raining.");
    ck_assert(!body_has(&w.h, "structuredContent"));
    ck_assert_int_eq(call(&w, "misbehave", "{}"), 200);
    ck_assert(body_has(&w.h, "\"content\":[]"));
    leave(&w);
}
END_TEST

static const char *const NONSENSE[] = {"code", "no json", "array", "null", "not utf-8", "long"};

START_TEST(nonsense_is_an_internal_error_and_the_server_goes_on)
{
    world w;
    char arguments[64];
    enter(&w, FAULTY);
    (void)snprintf(arguments, sizeof arguments, "{\"how\":\"%s\"}", NONSENSE[_i]);
    ck_assert_int_eq(call(&w, "misbehave", arguments), 200);
    ck_assert_int_eq(error_code(&w.h), -32603);
    ck_assert_ptr_nonnull(strstr(error_text(&w.h), "misbehave"));
    ck_assert(!body_has(&w.h, "never seen"));
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"who\"}"), 200);
    ck_assert_int_eq(error_code(&w.h), 0);
    leave(&w);
}
END_TEST

START_TEST(a_tool_that_comes_after_the_start_is_refused)
{
    world w;
    enter(&w, FAULTY);
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"late\"}"), 200);
    ck_assert_str_eq(content_text(&w.h), "refused");
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
    harness h = {.registry = one->world->h.registry, .engine = one->world->h.engine};
    char arguments[64];
    char expected[64];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(arguments, sizeof arguments, "{\"a\":%d,\"b\":%d}", one->number * 1000, i);
        (void)snprintf(expected, sizeof expected, "{\"sum\":%d}", one->number * 1000 + i);
        one->wrong +=
            call_as(&h, &ADA, "addNumbers", arguments) != 200 || strcmp(content_text(&h), expected) != 0;
    }
    forget(&h.reply);
    return NULL;
}

START_TEST(eight_threads_call_at_once)
{
    world w;
    pthread_t threads[8];
    caller callers[8];
    enter(&w, EXAMPLE);
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
    world w = {0};
    gh_error error = {GH_OK, ""};
    gh_status status = load_into(&w, file, &error);
    ck_assert_msg(status == GH_ERR_INVALID, "%s: %s", file, gh_status_text(status));
    ck_assert_msg(strstr(error.message, part) != NULL, "%s", error.message);
    ck_assert_msg(strstr(error.message, file) != NULL, "%s", error.message);
    leave(&w);
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
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs("this is not a shared object\n", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    refused(path, "cannot be loaded");
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
    {"schema", "\"type\": \"object\""},
    {"no json", "not JSON"},
    {"no schema", "input schema"},
    {"no call", "needs a call"},
    {"no name", "name must be"},
    {"duplicate", "named sayHello already"},
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

START_TEST(a_longer_tool_is_taken_when_what_is_not_known_is_zero)
{
    world w;
    ck_assert_int_eq(setenv("PLUGIN_FAULT", "newer", 1), 0);
    enter(&w, FAULTY);
    ck_assert_int_eq(call(&w, "misbehave", "{\"how\":\"who\"}"), 200);
    ck_assert_int_eq(error_code(&w.h), 0);
    leave(&w);
}
END_TEST

START_TEST(a_plugin_twice_is_a_conflict_of_its_tools)
{
    char *items[] = {(char[]){EXAMPLE}, (char[]){EXAMPLE}};
    const gh_text_list files = {items, 2};
    gh_error error = {GH_OK, ""};
    world w = {.h = {.registry = gh_mcp_registry_new()}};
    w.plugins = gh_plugins_new(&(gh_plugin_sink){w.h.registry, add});
    ck_assert_int_eq(gh_plugins_load(w.plugins, &files, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "named addNumbers already"));
    leave(&w);
    gh_plugins_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin");
    TCase *calls = tcase_create("calls");
    tcase_add_test(calls, a_plugins_tool_is_listed_and_called);
    tcase_add_test(calls, a_tool_learns_who_asks);
    tcase_add_test(calls, what_is_set_last_counts_and_an_error_above_all);
    tcase_add_loop_test(calls, nonsense_is_an_internal_error_and_the_server_goes_on, 0,
                        sizeof NONSENSE / sizeof NONSENSE[0]);
    tcase_add_test(calls, a_tool_that_comes_after_the_start_is_refused);
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
    tcase_add_test(refusals, a_longer_tool_is_taken_when_what_is_not_known_is_zero);
    tcase_add_test(refusals, a_plugin_twice_is_a_conflict_of_its_tools);
    suite_add_tcase(suite, refusals);
    return gh_suite_run(suite);
}
