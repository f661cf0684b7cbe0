/* Reading a description, and choosing from it. */
#include "tests/unit/server/openapi_fixture.h"

#define OK_RESPONSE "responses: {'200': {description: fine}}"

static const struct refusal {
    const char *text;
    const char *why;
} REFUSALS[] = {
    {"swagger: '2.0'\ninfo: {title: a}\npaths: {}", "pets.yaml: it is of Swagger 2.0; convert it"},
    {"{\"swagger\":\"2.0\"}", "it is of Swagger 2.0; convert it"},
    {"openapi: 3.2.0\npaths: {}", "it is of OpenAPI 3.2.0; what is read is 3.0 and 3.1"},
    {"openapi: 2.0.0\npaths: {}", "what is read is 3.0 and 3.1"},
    {"openapi: 3.1\npaths: {}", "must be text"},
    {"openapi: 3.10.0\npaths: {}", "it is of OpenAPI 3.10.0"},
    {"a: b", "it has no member \"openapi\""},
    {"{\"tools\":[]}", "a tools file is given by --tools"},
    {"{\"openapi\":[{\"file\":\"a.yaml\"}]}", "as in a tools file, which is given by --tools"},
    {"[1]", "it is no OpenAPI description"},
    {"just text", "it is no OpenAPI description"},
    {"", "there is nothing"},
    {"{\n\"openapi\": \"3.1.0\",\n\"a\": 01}", "pets.yaml, line 3: "},
    {"{\"openapi\": \"3.1.0\", \"openapi\": \"3.1.0\"}", "pets.yaml, line 1: "},
    {"openapi: 3.1.0\na: [", "pets.yaml, line "},
    {"openapi: 3.1.0\na: 1\na: 2", "pets.yaml, line 3: "},
    {"openapi: 3.1.0", "it has no operations"},
    {"openapi: 3.1.0\npaths: [a]", "it has no operations"},
    {"openapi: 3.1.0\npaths: {/a: {get: 1}}", "it has no operations"},
    {HEAD "webhooks: {a: {post: {}}}", "it has no operations"},
    {"openapi: 3.1.0\npaths: {/a: {get: {}}}", "GET /a: no server of the description can be used"},
    {HEAD "paths: {/a: {get: {$ref: 'x'}, options: {}}}\nx-mcp: {hide: true}", "none of its 1 operations"},
};

START_TEST(what_is_no_description_is_refused_with_a_sentence)
{
    const gh_openapi_options options = {.label = "pets.yaml"};
    converted c = convert_with(REFUSALS[_i].text, &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_msg(strstr(c.error.message, REFUSALS[_i].why) != NULL, "%s", c.error.message);
    done(&c);
}
END_TEST

START_TEST(json_with_a_name_twice_among_many_is_refused)
{
    const gh_openapi_options options = {.label = "pets.json"};
    gh_buf text = GH_BUF_INIT(1 << 20);
    (void)gh_buf_append_cstr(&text, "{\"openapi\":\"3.1.0\",\"x-a\":{");
    for (int i = 0; i < 500; i++) {
        (void)gh_buf_appendf(&text, "\"k%d\":1,", i);
    }
    (void)gh_buf_append_cstr(&text, "\"k7\":2}}");
    converted c = convert_with(gh_buf_cstr(&text), &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_msg(strstr(c.error.message, "two members \"k7\"") != NULL, "%s", c.error.message);
    done(&c);
    gh_buf_free(&text);
}
END_TEST

START_TEST(descriptions_are_told_from_tools_files)
{
    static const char *const YES[] = {"openapi: 3.1.0", "{\"openapi\":\"3.0.0\"}", "swagger: '2.0'",
                                      "swagger: 2.0", " \n{\"info\":{},\"swagger\":\"2.0\"}"};
    static const char *const NO[] = {"{\"tools\":[]}",
                                     "{\"openapi\":[{\"file\":\"a\"}]}",
                                     "openapi: [{file: a}]",
                                     "{\"openapi\":\"3.0.0\"",
                                     "",
                                     "tools: []",
                                     "{\"a\":{\"openapi\":\"3\"}}"};
    for (int i = 0; i < COUNT(YES); i++) {
        ck_assert_msg(gh_openapi_is(gh_view_of(YES[i])), "%s", YES[i]);
    }
    for (int i = 0; i < COUNT(NO); i++) {
        ck_assert_msg(!gh_openapi_is(gh_view_of(NO[i])), "%s", NO[i]);
    }
}
END_TEST

/* --- selection --- */

#define SHOP                                                                                                 \
    HEAD "paths:\n"                                                                                          \
         "  /pets:\n"                                                                                        \
         "    get: {operationId: listPets, tags: [pets, public], " OK_RESPONSE "}\n"                         \
         "    post: {operationId: addPet, tags: [pets], " OK_RESPONSE "}\n"                                  \
         "  /pets/{id}:\n"                                                                                   \
         "    parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n"                  \
         "    get: {operationId: getPet, tags: [pets], " OK_RESPONSE "}\n"                                   \
         "    delete: {tags: [pets], " OK_RESPONSE "}\n"                                                     \
         "  /orders:\n"                                                                                      \
         "    get: {operationId: listOrders, tags: [orders], " OK_RESPONSE "}\n"

static const struct choice {
    const char *patterns; /* separated by ',' */
    const char *tools;
} CHOICES[] = {
    {"", "listPets addPet getPet delete_pets_id listOrders "},
    {"getPet", "getPet "},
    {"GET /pets", "listPets "},
    {"get /pets*", "listPets getPet "},
    {"* /pets/{id}", "getPet delete_pets_id "},
    {"/orders", "listOrders "},
    {"tag:pets,!DELETE *", "listPets addPet getPet "},
    {"!tag:pets", "listOrders "},
    {"!GET *,tag:pets", "addPet delete_pets_id "},
    {"list*", "listPets listOrders "},
    {"tag:o*,getPet", "getPet listOrders "},
    {" getPet ", "getPet "},
};

static converted convert_selected(const char *text, const char *patterns)
{
    char *items[8];
    gh_text_list select = {items, 0};
    gh_view rest = gh_view_of(patterns);
    gh_view one;
    while (rest.len > 0 && gh_view_next(&rest, ',', &one)) {
        items[select.count++] = gh_view_dup(one);
    }
    const gh_openapi_options options = {.label = "pets.yaml", .select = &select};
    converted c = convert_with(text, &options);
    for (size_t i = 0; i < select.count; i++) {
        free(items[i]);
    }
    return c;
}

START_TEST(patterns_choose_operations)
{
    converted c = convert_selected(SHOP, CHOICES[_i].patterns);
    gh_buf names = GH_BUF_INIT(1000);
    const cJSON *one = NULL;
    ck_assert_msg(c.status == GH_OK, "%s", c.error.message);
    assert_silent(&c);
    (void)gh_buf_append_cstr(&names, "");
    cJSON_ArrayForEach(one, gh_json_get_array(c.json, "tools"))
    {
        (void)gh_buf_appendf(&names, "%s ", gh_json_get_string(one, "name"));
    }
    ck_assert_str_eq(gh_buf_cstr(&names), CHOICES[_i].tools);
    gh_buf_free(&names);
    done(&c);
}
END_TEST

START_TEST(a_pattern_that_matches_nothing_is_told)
{
    converted c = convert_selected(SHOP, "getPet,GET /pest");
    ck_assert_int_eq(c.status, GH_OK);
    assert_told(&c, "\"GET /pest\" of the selection matches no operation");
    done(&c);
}
END_TEST

START_TEST(a_choice_of_nothing_is_refused)
{
    converted c = convert_selected(SHOP, "getpet,!GET /pets,tag:Pets");
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_msg(strstr(c.error.message, "none of its 5 operations was selected") != NULL, "%s",
                  c.error.message);
    done(&c);
}
END_TEST

START_TEST(what_no_tool_can_be_is_told)
{
    converted c = convert(HEAD "webhooks: {a: {post: {}}}\n"
                               "paths:\n"
                               "  pets: {get: {}}\n"
                               "  x-pets: {get: {}}\n"
                               "  /a: {options: {}, trace: {}, get: {callbacks: {}}}\n"
                               "  /b: {$ref: 'other.yaml#/b'}\n"
                               "  /c: {$ref: '#/components/pathItems/none'}\n"
                               "  /d: {$ref: '#/components/pathItems/d'}\n"
                               "  /e?x=1: {get: {}}\n"
                               "  '/f/{': {get: {}}\n"
                               "components: {pathItems: {d: {put: {operationId: put}}}}\n");
    assert_told(&c, "pets: left out: a path starts with '/'");
    assert_told(&c, "options /a: left out: a tool cannot call options");
    assert_told(&c, "trace /a: left out");
    assert_told(&c, "GET /a: its callbacks are left out");
    assert_told(&c, "/b: the path: other.yaml#/b is outside the description, and nothing is fetched");
    assert_told(&c, "/c: the path: #/components/pathItems/none leads nowhere");
    assert_told(&c, "GET /e?x=1: left out: its path has a query or fragment");
    assert_told(&c, "GET /f/{: left out: the braces of its path do not match");
    assert_told(&c, "webhooks are left out");
    ck_assert_ptr_null(strstr(gh_buf_cstr(&c.told), "x-pets"));
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 2);
    assert_json(tool(&c, "put"), "request/path", "\"/d\"");
    done(&c);
}
END_TEST

START_TEST(references_that_go_round_end)
{
    const gh_openapi_options options = {.label = "pets.yaml"};
    converted c = convert_with(HEAD "paths:\n"
                                    "  /a: {$ref: '#/paths/~1b'}\n"
                                    "  /b: {$ref: '#/paths/~1a'}\n"
                                    "  /c: {get: {parameters: [{$ref: '#/components/parameters/p'}]}}\n"
                                    "components: {parameters: {p: {$ref: '#/components/parameters/p'}}}\n",
                               &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    assert_told(&c, "/a: the path: #/paths/~1");
    assert_told(&c, "GET /c: a parameter: #/components/parameters/p leads nowhere");
    done(&c);
}
END_TEST

START_TEST(too_large_is_refused_at_once)
{
    const gh_openapi_options options = {.label = "big"};
    gh_error error = {GH_OK, ""};
    gh_buf out = GH_BUF_INIT(1000);
    char *text = malloc(GH_OPENAPI_MAX + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', GH_OPENAPI_MAX + 1);
    ck_assert(!gh_openapi_is(gh_view_make(text, GH_OPENAPI_MAX + 1)));
    ck_assert_int_eq(
        gh_openapi_convert(gh_view_make(text, GH_OPENAPI_MAX + 1), &options, NULL, NULL, &out, &error),
        GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "big: it is over 16 MiB");
    free(text);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi");
    TCase *tc = tcase_create("openapi");
    tcase_add_loop_test(tc, what_is_no_description_is_refused_with_a_sentence, 0, COUNT(REFUSALS));
    tcase_add_test(tc, json_with_a_name_twice_among_many_is_refused);
    tcase_add_test(tc, descriptions_are_told_from_tools_files);
    tcase_add_loop_test(tc, patterns_choose_operations, 0, COUNT(CHOICES));
    tcase_add_test(tc, a_pattern_that_matches_nothing_is_told);
    tcase_add_test(tc, a_choice_of_nothing_is_refused);
    tcase_add_test(tc, what_no_tool_can_be_is_told);
    tcase_add_test(tc, references_that_go_round_end);
    tcase_add_test(tc, too_large_is_refused_at_once);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
