/* Resources, templates, prompts and completions in the modern era, and their lists. */
#include "tests/unit/server/modern_fixture.h"

#define ANY "{\"type\":\"object\"}"

static int read_text(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.add_resource_text(of, NULL, NULL, "still");
}

static int read_bytes(void *data, gatehouse_call *of)
{
    (void)data;
    return HOST.add_resource_bytes(of, NULL, "image/png", "\x01\x02\xff", 3);
}

static int read_city(void *data, gatehouse_call *of)
{
    (void)data;
    const char *city = HOST.variable(of, "city");
    return strcmp(city, "nowhere") == 0 ? HOST.set_not_found(of)
                                        : HOST.add_resource_text(of, NULL, NULL, city);
}

static int complete_city(void *data, gatehouse_call *of)
{
    (void)data;
    const char *country = HOST.text_argument(of, "country");
    ck_assert_str_eq(HOST.completing(of), "city");
    (void)HOST.add_completion(of, HOST.typed(of));
    (void)HOST.add_completion(of, country == NULL ? "anywhere" : country);
    return HOST.set_completion_total(of, 150);
}

static int complete_many(void *data, gatehouse_call *of)
{
    (void)data;
    for (int i = 0; i < 130; i++) {
        (void)HOST.add_completion(of, "x");
    }
    return 0;
}

static int get_greeting(void *data, gatehouse_call *of)
{
    (void)data;
    (void)HOST.set_description(of, "Greets");
    return HOST.add_message(of, "user", HOST.text_argument(of, "name"));
}

static void set_up(void)
{
    const gh_mcp_options options = usual_options();
    start_empty(&h, &options);
    add_resource(&h, (gatehouse_resource){.uri = "test://text",
                                          .name = "text",
                                          .mime_type = "text/plain",
                                          .read = read_text,
                                          .flags = GATEHOUSE_QUICK});
    add_resource(&h, (gatehouse_resource){.uri = "test://bytes", .name = "bytes", .read = read_bytes});
    add_template(&h, (gatehouse_resource_template){.uri_template = "weather://{city}/today",
                                                   .name = "weather",
                                                   .mime_type = "text/plain",
                                                   .read = read_city,
                                                   .complete = complete_city});
    add_prompt(&h,
               (gatehouse_prompt){.name = "greet",
                                  .arguments = "[{\"name\":\"name\",\"required\":true},{\"name\":\"tone\"}]",
                                  .get = get_greeting,
                                  .complete = complete_many});
    add_prompt(&h,
               (gatehouse_prompt){.name = "mute", .arguments = "[{\"name\":\"a\"}]", .get = get_greeting});
}

static int read_uri(const char *uri)
{
    char body[800];
    (void)snprintf(body, sizeof body, REQUEST("resources/read", "\"uri\":\"%s\"," META), uri);
    return post(&h, headers_for("resources/read", uri), body);
}

static const cJSON *first_content(void)
{
    return cJSON_GetArrayItem(gh_json_get_array(result_of(&h), "contents"), 0);
}

START_TEST(what_there_is_is_declared)
{
    (void)post(&h, headers_for("server/discover", NULL), REQUEST("server/discover", META));
    ck_assert(body_has(&h, "\"capabilities\":{\"logging\":{},"
                           "\"resources\":{\"subscribe\":true,\"listChanged\":true},"
                           "\"prompts\":{\"listChanged\":true},\"completions\":{},\"extensions\":{"
                           "\"io.modelcontextprotocol/tasks\":{}}}"));
    (void)post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META));
    expect_error(404, GH_RPC_METHOD_NOT_FOUND);
    (void)call("x", CALL("x", META));
    expect_error(404, GH_RPC_METHOD_NOT_FOUND);
    add_tool(&h, (gatehouse_tool){.name = "late", .input_schema = ANY, .call = read_text});
    (void)post(&h, headers_for("server/discover", NULL), REQUEST("server/discover", META));
    ck_assert(body_has(&h, "\"tools\":{\"listChanged\":true}"));
    ck_assert_int_eq(post(&h, headers_for("tools/list", NULL), REQUEST("tools/list", META)), 200);
}
END_TEST

START_TEST(lists_are_whole_and_cacheable)
{
    static const char *const METHODS[] = {"resources/list", "resources/templates/list", "prompts/list"};
    static const char *const MEMBERS[] = {"resources", "resourceTemplates", "prompts"};
    static const int COUNTS[] = {2, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        char body[400];
        (void)snprintf(body, sizeof body, REQUEST("%s", META), METHODS[i]);
        ck_assert_int_eq(post(&h, headers_for(METHODS[i], NULL), body), 200);
        ck_assert_int_eq(cJSON_GetArraySize(gh_json_get_array(result_of(&h), MEMBERS[i])), COUNTS[i]);
        ck_assert_str_eq(gh_json_get_string(result_of(&h), "cacheScope"), "private");
        ck_assert_ptr_nonnull(gh_json_get(result_of(&h), "ttlMs"));
        ck_assert_str_eq(result_type(), "complete");
        (void)snprintf(body, sizeof body, REQUEST("%s", "\"cursor\":\"made up\"," META), METHODS[i]);
        (void)post(&h, headers_for(METHODS[i], NULL), body);
        expect_error(200, GH_RPC_INVALID_PARAMS);
        (void)snprintf(body, sizeof body, REQUEST("%s", "\"cursor\":7," META), METHODS[i]);
        (void)post(&h, headers_for(METHODS[i], NULL), body);
        expect_error(200, GH_RPC_INVALID_PARAMS);
    }
}
END_TEST

START_TEST(resources_are_read_by_uri_and_by_template)
{
    ck_assert_int_eq(read_uri("test://text"), 200);
    ck_assert_str_eq(gh_json_get_string(first_content(), "uri"), "test://text");
    ck_assert_str_eq(gh_json_get_string(first_content(), "mimeType"), "text/plain");
    ck_assert_str_eq(gh_json_get_string(first_content(), "text"), "still");
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "cacheScope"), "private");
    int64_t ttl = -1;
    ck_assert(gh_json_get_int64(result_of(&h), "ttlMs", &ttl));
    ck_assert_int_ge(ttl, 0);
    ck_assert_int_eq(read_uri("test://bytes"), 200);
    ck_assert_str_eq(gh_json_get_string(first_content(), "blob"), "AQL/");
    ck_assert_str_eq(gh_json_get_string(first_content(), "mimeType"), "image/png");
    ck_assert_int_eq(read_uri("weather://K%C3%B6ln/today"), 200);
    ck_assert_str_eq(gh_json_get_string(first_content(), "text"), "K\xc3\xb6ln");
    ck_assert_str_eq(gh_json_get_string(first_content(), "uri"), "weather://K%C3%B6ln/today");
}
END_TEST

START_TEST(what_is_not_there_is_an_error_that_names_the_uri)
{
    static const char *const URIS[] = {"test://none", "weather://nowhere/today", "weather://a/b/today"};
    for (size_t i = 0; i < 3; i++) {
        (void)read_uri(URIS[i]);
        expect_error(200, GH_RPC_INVALID_PARAMS);
        ck_assert_str_eq(gh_json_get_string(error_data(&h), "uri"), URIS[i]);
    }
    (void)post(&h, headers_for("resources/read", "x"), REQUEST("resources/read", "\"uri\":\"y\"," META));
    expect_error(400, GH_MCP_HEADER_MISMATCH);
    (void)post(&h, headers_for("resources/read", NULL), REQUEST("resources/read", "\"uri\":7," META));
    expect_error(200, GH_RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(prompts_get_their_arguments)
{
    ck_assert_int_eq(
        post(&h, headers_for("prompts/get", "greet"),
             REQUEST("prompts/get", "\"name\":\"greet\",\"arguments\":{\"name\":\"A\\u00e9\"}," META)),
        200);
    ck_assert_str_eq(gh_json_get_string(result_of(&h), "description"), "Greets");
    ck_assert(body_has(&h, "\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":"
                           "\"A\xc3\xa9\"}}]"));
    ck_assert_str_eq(result_type(), "complete");
}
END_TEST

static const char *const BAD_PROMPTS[] = {
    "\"name\":\"greet\"",
    "\"name\":\"greet\",\"arguments\":{}",
    "\"name\":\"greet\",\"arguments\":{\"tone\":\"x\"}",
    "\"name\":\"greet\",\"arguments\":{\"name\":7}",
    "\"name\":\"greet\",\"arguments\":{\"name\":\"x\",\"tone\":null}",
    "\"name\":\"greet\",\"arguments\":[]",
    "\"name\":\"greet\",\"arguments\":null",
};

START_TEST(prompts_with_missing_or_other_arguments_are_refused)
{
    char body[600];
    (void)snprintf(body, sizeof body, REQUEST("prompts/get", "%s," META), BAD_PROMPTS[_i]);
    (void)post(&h, headers_for("prompts/get", "greet"), body);
    expect_error(200, GH_RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(unknown_prompts_are_refused)
{
    (void)post(&h, headers_for("prompts/get", "nobody"), REQUEST("prompts/get", "\"name\":\"nobody\"," META));
    expect_error(200, GH_RPC_INVALID_PARAMS);
    ck_assert_str_eq(error_text(&h), "Unknown prompt: nobody");
}
END_TEST

/* --- completion --- */

static int complete(const char *what)
{
    char body[1024];
    (void)snprintf(body, sizeof body, REQUEST("completion/complete", "%s," META), what);
    return post(&h, headers_for("completion/complete", NULL), body);
}

START_TEST(arguments_and_variables_are_completed)
{
    ck_assert_int_eq(complete("\"ref\":{\"type\":\"ref/resource\",\"uri\":\"weather://{city}/today\"},"
                              "\"argument\":{\"name\":\"city\",\"value\":\"pa\"},"
                              "\"context\":{\"arguments\":{\"country\":\"fr\"}}"),
                     200);
    ck_assert(body_has(&h, "\"completion\":{\"values\":[\"pa\",\"fr\"],\"total\":150,\"hasMore\":true}"));
    ck_assert_str_eq(result_type(), "complete");
    ck_assert_int_eq(complete("\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},"
                              "\"argument\":{\"name\":\"tone\",\"value\":\"\"}"),
                     200);
    const cJSON *completion = gh_json_get_object(result_of(&h), "completion");
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get_array(completion, "values")), 100);
    ck_assert(body_has(&h, "\"total\":130,\"hasMore\":true"));
    ck_assert_int_eq(complete("\"ref\":{\"type\":\"ref/prompt\",\"name\":\"mute\"},"
                              "\"argument\":{\"name\":\"a\",\"value\":\"x\"}"),
                     200);
    ck_assert(body_has(&h, "\"completion\":{\"values\":[],\"hasMore\":false}"));
}
END_TEST

static const char *const BAD_COMPLETIONS[] = {
    "\"ref\":7,\"argument\":{\"name\":\"a\",\"value\":\"\"}",
    "\"argument\":{\"name\":\"a\",\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"}",
    "\"ref\":{\"type\":\"ref/tool\",\"name\":\"greet\"},\"argument\":{\"name\":\"name\",\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/prompt\"},\"argument\":{\"name\":\"name\",\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"nobody\"},\"argument\":{\"name\":\"name\",\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":\"none\",\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":\"name\"}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":\"name\",\"value\":7}",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":\"name\",\"value\":\"\"},"
    "\"context\":7",
    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"greet\"},\"argument\":{\"name\":\"name\",\"value\":\"\"},"
    "\"context\":{\"arguments\":{\"a\":1}}",
    "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"weather://x/today\"},\"argument\":{\"name\":\"city\","
    "\"value\":\"\"}",
    "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"weather://{city}/today\"},\"argument\":{\"name\":\"town\","
    "\"value\":\"\"}",
};

START_TEST(completions_of_nothing_known_are_refused)
{
    (void)complete(BAD_COMPLETIONS[_i]);
    expect_error(200, GH_RPC_INVALID_PARAMS);
}
END_TEST

#define LOOP(tc, test, list) tcase_add_loop_test(tc, test, 0, sizeof(list) / sizeof((list)[0]))

int main(void)
{
    Suite *suite = suite_create("resources, prompts and completions");
    TCase *tc = tcase_create("items");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_there_is_is_declared);
    tcase_add_test(tc, lists_are_whole_and_cacheable);
    tcase_add_test(tc, resources_are_read_by_uri_and_by_template);
    tcase_add_test(tc, what_is_not_there_is_an_error_that_names_the_uri);
    tcase_add_test(tc, prompts_get_their_arguments);
    LOOP(tc, prompts_with_missing_or_other_arguments_are_refused, BAD_PROMPTS);
    tcase_add_test(tc, unknown_prompts_are_refused);
    tcase_add_test(tc, arguments_and_variables_are_completed);
    LOOP(tc, completions_of_nothing_known_are_refused, BAD_COMPLETIONS);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
