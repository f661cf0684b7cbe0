/* Parameters and bodies. */
#include "tests/unit/server/openapi_fixture.h"

#define OPERATION(method, path, rest) HEAD "paths: {'" path "': {" method ": {operationId: op, " rest "}}}\n"

/* --- parameters --- */

START_TEST(parameters_become_arguments)
{
    converted c = convert(
        OPERATION("get", "/pets/{petId}/{kind}",
                  "parameters: ["
                  "{name: petId, in: path, required: true, description: Which one., schema: {type: integer}},"
                  "{name: kind, in: path, required: true, schema: {type: string, enum: [a, b]}},"
                  "{name: limit, in: query, schema: {type: integer, default: 20, maximum: 100}},"
                  "{name: tags, in: query, required: true, schema: {type: array, items: {type: string}}},"
                  "{name: X-Trace, in: header, schema: {type: string}}]"));
    const cJSON *op = tool(&c, "op");
    assert_silent(&c);
    assert_json(op, "inputSchema/properties/petId", "{\"type\":\"integer\",\"description\":\"Which one.\"}");
    assert_json(op, "inputSchema/properties/kind", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
    assert_json(op, "inputSchema/properties/limit", "{\"type\":\"integer\",\"maximum\":100,\"default\":20}");
    assert_json(op, "inputSchema/required", "[\"petId\",\"kind\",\"tags\"]");
    assert_json(op, "inputSchema/additionalProperties", "false");
    assert_json(
        op, "request",
        "{\"method\":\"GET\",\"query\":{\"limit\":\"{limit}\",\"tags\":\"{tags}\"},\"headers\":{\"X-Trace\":"
        "\"{X-Trace}\"},\"path\":\"/pets/{petId}/{kind}\",\"upstream\":\"pet_store\"}");
    done(&c);
}
END_TEST

static const struct style_case {
    const char *parameter;
    const char *query;
} STYLES[] = {
    {"style: form", "\"{p}\""},
    {"style: form, explode: true", "\"{p}\""},
    {"explode: false", "{\"value\":\"{p}\",\"style\":\"form\",\"explode\":false}"},
    {"style: spaceDelimited", "{\"value\":\"{p}\",\"style\":\"spaceDelimited\",\"explode\":false}"},
    {"style: pipeDelimited, explode: false",
     "{\"value\":\"{p}\",\"style\":\"pipeDelimited\",\"explode\":false}"},
    {"style: deepObject, explode: true", "{\"value\":\"{p}\",\"style\":\"deepObject\",\"explode\":true}"},
};

START_TEST(styles_of_the_query_are_kept)
{
    gh_buf text = GH_BUF_INIT(4000);
    (void)gh_buf_appendf(&text, OPERATION("get", "/a", "parameters: [{name: p, in: query, schema: {}, %s}]"),
                         STYLES[_i].parameter);
    converted c = convert(gh_buf_cstr(&text));
    assert_json(tool(&c, "op"), "request/query/p", STYLES[_i].query);
    assert_silent(&c);
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(parameters_of_the_path_item_are_the_operations)
{
    converted c = convert(
        HEAD
        "paths:\n"
        "  /a/{id}:\n"
        "    parameters:\n"
        "      - $ref: '#/components/parameters/Id'\n"
        "      - {name: q, in: query, schema: {type: string}}\n"
        "    get: {operationId: a}\n"
        "    put: {operationId: b, parameters: [{name: q, in: query, schema: {type: boolean}}]}\n"
        "components: {parameters: {Id: {name: id, in: path, required: true, schema: {type: string}}}}\n");
    assert_json(tool(&c, "a"), "inputSchema/properties/q/type", "\"string\"");
    assert_json(tool(&c, "b"), "inputSchema/properties/q/type", "\"boolean\"");
    assert_json(tool(&c, "b"), "inputSchema/required", "[\"id\"]");
    done(&c);
}
END_TEST

START_TEST(names_that_no_argument_can_have_are_changed)
{
    converted c =
        convert(OPERATION("get", "/a/{the.id}",
                          "parameters: [{name: the.id, in: path, required: true, schema: {type: string}},"
                          "{name: 'filter[name]', in: query, schema: {type: string}},"
                          "{name: filter-name, in: query, schema: {type: string}},"
                          "{name: filter_name, in: query, schema: {type: string}},"
                          "{name: '\xc3\xa9', in: query, schema: {type: string}},"
                          "{name: the_id, in: header, schema: {type: string}}]"));
    assert_json(tool(&c, "op"), "request/path", "\"/a/{the_id}\"");
    assert_json(tool(&c, "op"), "request/query",
                "{\"filter[name]\":\"{filter_name}\",\"filter-name\":\"{filter-name}\",\"filter_name\":"
                "\"{query_filter_name}\",\"\xc3\xa9\":\"{value}\"}");
    assert_json(tool(&c, "op"), "request/headers", "{\"the_id\":\"{header_the_id}\"}");
    done(&c);
}
END_TEST

static const struct path_case {
    const char *path;
    const char *made; /* NULL: left out */
} PATHS[] = {
    {"/a b/{x}", "\"/a%20b/{x}\""},
    {"/\xc3\xa9", "\"/%C3%A9\""},
    {"/a%20b", "\"/a%20b\""},
    {"/100%", NULL},
    {"/a:b;c=d,e@f", "\"/a:b;c=d,e@f\""},
    {"/a.json", "\"/a.json\""},
    {"/{x}.{y}", "\"/{x}.{y}\""},
    {"/", "\"/\""},
    {"/a/../b", NULL},
    {"/./a", NULL},
    {"/a/..", NULL},
    {"/a/..;x/b", NULL},
    {"/a/%2e%2E/b", NULL},
    {"/a%2Fb", NULL},
    {"/a%252e", NULL},
    {"/a%00", NULL},
    {"/{x", NULL},
    {"/x}", NULL},
    {"/{}", NULL},
    {"/{a{b}}", NULL},
    {"/a?b=c", NULL},
    {"/a#b", NULL},
};

START_TEST(paths_lead_where_they_read)
{
    gh_buf text = GH_BUF_INIT(2000);
    (void)gh_buf_appendf(&text, HEAD "paths: {'%s': {get: {operationId: op}}, /other: {get: {}}}",
                         PATHS[_i].path);
    converted c = convert(gh_buf_cstr(&text));
    if (PATHS[_i].made != NULL) {
        assert_json(tool(&c, "op"), "request/path", PATHS[_i].made);
    } else {
        assert_told(&c, ": left out: ");
        ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 1);
    }
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(changed_names_in_a_path_stay_apart)
{
    converted c =
        convert(OPERATION("get", "/{b.c}/{b_c}/{b.c}",
                          "parameters: [{name: b.c, in: path, required: true, schema: {type: string}},"
                          "{name: b_c, in: path, required: true, schema: {type: integer}}]"));
    assert_json(tool(&c, "op"), "request/path", "\"/{b_c}/{path_b_c}/{b_c}\"");
    assert_silent(&c);
    done(&c);
}
END_TEST

START_TEST(the_header_of_an_api_key_is_the_credentials)
{
    converted c =
        convert(HEAD "components: {securitySchemes: {k: {type: apiKey, in: header, name: X-Api-Key}}}\n"
                     "paths: {/a: {get: {operationId: op, parameters: ["
                     "{name: x-api-key, in: header, required: true, schema: {type: string}},"
                     "{name: X-A, in: header, schema: {type: string}}, {name: x-a, in: header, schema: "
                     "{type: string}}]}}}");
    assert_told(&c, "header parameter x-api-key is left out, although it is required");
    assert_json(tool(&c, "op"), "request/headers", "{\"x-a\":\"{x-a}\"}");
    done(&c);
}
END_TEST

START_TEST(what_cannot_be_sent_is_told)
{
    converted c = convert(OPERATION("get", "/a/{x}",
                                    "parameters: [{name: s, in: cookie, schema: {type: string}},"
                                    "{name: t, in: cookie, required: true, schema: {type: string}},"
                                    "{name: authorization, in: header, schema: {type: string}},"
                                    "{name: X-Forwarded-For, in: header, schema: {type: string}},"
                                    "{name: 'a b', in: header, schema: {type: string}},"
                                    "{name: m, in: body, schema: {type: string}},"
                                    "{name: y, in: path, required: true, schema: {type: string}},"
                                    "{name: z, in: query, style: matrix, schema: {type: string}},"
                                    "{in: query}]"));
    assert_told(&c, "GET /a/{x}: cookie parameter s is left out\n");
    assert_told(&c, "cookie parameter t is left out, although it is required");
    assert_told(&c, "header parameter authorization is left out");
    assert_told(&c, "header parameter X-Forwarded-For is left out");
    assert_told(&c, "header parameter a b is left out");
    assert_told(&c, "parameter m in body is left out");
    assert_told(&c, "path parameter y is left out: the path has none");
    assert_told(&c, "query parameter z has style matrix, which cannot be sent, and is left out");
    assert_told(&c, "a parameter without a name or place is left out");
    assert_told(&c, "path parameter x is not described, and taken as text");
    assert_json(tool(&c, "op"), "inputSchema/properties", "{\"x\":{\"type\":\"string\"}}");
    assert_json(tool(&c, "op"), "inputSchema/required", "[\"x\"]");
    done(&c);
}
END_TEST

START_TEST(an_operation_that_cannot_do_without_is_left_out)
{
    converted c =
        convert(HEAD "paths:\n"
                     "  /a/{x}: {get: {parameters: [{name: x, in: path, required: true, style: label, "
                     "schema: {type: string}}]}}\n"
                     "  /b: {get: {parameters: [{$ref: 'common.yaml#/p'}]}}\n"
                     "  /c: {get: {parameters: [{name: q, in: query, schema: {$ref: 'common.yaml#/s'}}]}}\n"
                     "  /d: {get: {operationId: d}}\n");
    assert_told(&c, "GET /a/{x}: left out: path parameter x has style label, which cannot be sent");
    assert_told(&c, "GET /b: a parameter: common.yaml#/p is outside the description, and nothing is fetched");
    assert_told(&c,
                "GET /c: a reference leads outside the description, and nothing is fetched: common.yaml#/s");
    assert_told(&c, "GET /c: left out: its arguments cannot be described");
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 1);
    done(&c);
}
END_TEST

START_TEST(values_within_content_are_text)
{
    converted c = convert(OPERATION(
        "get", "/a",
        "parameters: [{name: f, in: query, content: {application/json: {schema: {type: object}}}}]"));
    assert_told(&c, "query parameter f is taken as text of type application/json, which is not checked");
    assert_json(tool(&c, "op"), "inputSchema/properties/f", "{\"type\":\"string\"}");
    done(&c);
}
END_TEST

/* --- bodies --- */

#define BODY(rest) OPERATION("post", "/a", "requestBody: {" rest "}")

START_TEST(members_of_a_body_become_arguments)
{
    converted c = convert(
        HEAD
        "paths: {'/a/{id}': {put: {operationId: op,"
        "parameters: [{name: id, in: path, required: true, schema: {type: string}}],"
        "requestBody: {required: true, content: {application/json: {schema: {$ref: "
        "'#/components/schemas/Pet'}}}}}}}\n"
        "components: {schemas: {"
        "Named: {type: object, required: [name], properties: {name: {type: string}}},"
        "Pet: {allOf: [{$ref: '#/components/schemas/Named'}, {type: object, required: [made], properties: {"
        "made: {type: string, readOnly: true}, age.years: {type: integer}}}]}}}\n");
    assert_silent(&c);
    assert_json(tool(&c, "op"), "request/body",
                "{\"json\":{\"name\":\"{name}\",\"age.years\":\"{age_years}\"}}");
    assert_json(tool(&c, "op"), "inputSchema/required", "[\"id\",\"name\"]");
    assert_json(tool(&c, "op"), "inputSchema/properties/age_years", "{\"type\":\"integer\"}");
    ck_assert_ptr_null(
        gh_json_get(gh_json_get(gh_json_get(tool(&c, "op"), "inputSchema"), "properties"), "made"));
    done(&c);
}
END_TEST

static const char *const WHOLE[] = {
    "type: array, items: {type: string}",
    "type: object",
    "{}",
    "type: object, additionalProperties: {type: string}, properties: {a: {type: string}}",
    "type: object, additionalProperties: true, properties: {a: {type: string}}",
    "type: [object, 'null'], properties: {a: {type: string}}",
    "oneOf: [{type: object, properties: {a: {type: string}}}]",
    "type: object, properties: {a: {type: string}}, minProperties: 1",
    "type: object, properties: {a: {type: string}}, required: [b]",
    "type: object, properties: {a: {type: string}, q: {type: string}}",     /* q is a parameter */
    "type: object, properties: {a.b: {type: string}, a_b: {type: string}}", /* both would be a_b */
    "allOf: [{properties: {a: {type: string}}}, {properties: {a: {type: integer}}}]",
    "type: string",
};

START_TEST(other_bodies_are_one_argument)
{
    gh_buf text = GH_BUF_INIT(4000);
    const char *schema = strcmp(WHOLE[_i], "{}") == 0 ? "" : WHOLE[_i];
    (void)gh_buf_appendf(
        &text,
        OPERATION("post", "/a",
                  "parameters: [{name: q, in: query, schema: {type: string}}], requestBody: {description: "
                  "All of it., content: {application/json: {schema: {%s}}}}"),
        schema);
    converted c = convert(gh_buf_cstr(&text));
    assert_silent(&c);
    assert_json(tool(&c, "op"), "request/body", "{\"json\":\"{body}\"}");
    assert_json(tool(&c, "op"), "inputSchema/properties/body/description", "\"All of it.\"");
    assert_json(tool(&c, "op"), "inputSchema/required", "");
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(a_parameter_may_be_called_body)
{
    converted c =
        convert(OPERATION("post", "/a",
                          "parameters: [{name: body, in: query, schema: {type: string}}], requestBody: "
                          "{required: true, content: {application/vnd.x+json: {schema: {type: array}}}}"));
    assert_json(tool(&c, "op"), "request/body",
                "{\"type\":\"application/vnd.x+json\",\"json\":\"{request_body}\"}");
    assert_json(tool(&c, "op"), "inputSchema/required", "[\"request_body\"]");
    done(&c);
}
END_TEST

START_TEST(members_that_are_required_make_the_body_so)
{
    converted c = convert(BODY("content: {application/json: {schema: {type: object, required: [a], "
                               "properties: {a: {type: string}}}}}"));
    assert_told(&c, "the body may be left out there, and not here: it has required members");
    assert_json(tool(&c, "op"), "inputSchema/required", "[\"a\"]");
    done(&c);
}
END_TEST

START_TEST(forms_are_forms)
{
    converted c = convert(BODY(
        "required: true, content: {application/x-www-form-urlencoded: {schema: {type: object, required: [a], "
        "properties: {a: {type: string}, b: {type: array, items: {type: string}}, c: {type: object}}}, "
        "encoding: {b: {explode: false}, c: {style: deepObject, explode: true}}}}"));
    assert_silent(&c);
    assert_json(tool(&c, "op"), "request/body/form",
                "{\"a\":\"{a}\",\"b\":{\"value\":\"{b}\",\"style\":\"form\",\"explode\":false},"
                "\"c\":{\"value\":\"{c}\",\"style\":\"deepObject\",\"explode\":true}}");
    done(&c);
}
END_TEST

START_TEST(text_is_text)
{
    converted c = convert(BODY("required: true, content: {text/markdown: {schema: {type: string}}}"));
    assert_silent(&c);
    assert_json(tool(&c, "op"), "request/body", "{\"text\":\"{body}\",\"type\":\"text/markdown\"}");
    assert_json(tool(&c, "op"), "inputSchema/required", "[\"body\"]");
    done(&c);
}
END_TEST

START_TEST(json_is_chosen_where_there_is_a_choice)
{
    converted c = convert(
        BODY("content: {text/plain: {}, application/xml: {}, application/x+json: {}, application/json: {}}"));
    assert_silent(&c);
    assert_json(tool(&c, "op"), "request/body", "{\"json\":\"{body}\"}");
    assert_json(tool(&c, "op"), "inputSchema/properties/body", "{}");
    done(&c);
}
END_TEST

START_TEST(bodies_that_cannot_be_sent_are_told)
{
    converted c = convert(
        HEAD "paths:\n"
             "  /a: {post: {requestBody: {required: true, content: {multipart/form-data: {}}}}}\n"
             "  /b: {post: {operationId: b, requestBody: {content: {application/xml: {}}}}}\n"
             "  /c: {get: {requestBody: {required: true, content: {application/json: {}}}}}\n"
             "  /d: {get: {operationId: d, requestBody: {content: {application/json: {}}}}}\n"
             "  /e: {post: {requestBody: {required: true, content: {application/octet-stream: {}}}}}\n"
             "  /f: {post: {requestBody: {required: true, content: {application/x-www-form-urlencoded: "
             "{schema: {type: string}}}}}}\n"
             "  /g: {post: {requestBody: {$ref: 'x.yaml'}}}\n");
    assert_told(&c, "POST /a: left out: multipart/form-data bodies cannot be sent");
    assert_told(&c, "POST /b: application/xml bodies cannot be sent");
    assert_told(&c, "GET /c: left out: a GET request has no body");
    assert_told(&c, "GET /d: the body is not sent: a GET request has no body");
    assert_told(&c, "POST /e: left out: application/octet-stream bodies cannot be sent");
    assert_told(&c, "POST /f: left out: its form is no plain object");
    assert_told(&c, "POST /g: the request body: x.yaml is outside the description");
    assert_json(tool(&c, "b"), "request/body", "");
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 2);
    done(&c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi_requests");
    TCase *tc = tcase_create("openapi_requests");
    tcase_add_test(tc, parameters_become_arguments);
    tcase_add_loop_test(tc, styles_of_the_query_are_kept, 0, COUNT(STYLES));
    tcase_add_test(tc, parameters_of_the_path_item_are_the_operations);
    tcase_add_test(tc, names_that_no_argument_can_have_are_changed);
    tcase_add_loop_test(tc, paths_lead_where_they_read, 0, COUNT(PATHS));
    tcase_add_test(tc, changed_names_in_a_path_stay_apart);
    tcase_add_test(tc, the_header_of_an_api_key_is_the_credentials);
    tcase_add_test(tc, what_cannot_be_sent_is_told);
    tcase_add_test(tc, an_operation_that_cannot_do_without_is_left_out);
    tcase_add_test(tc, values_within_content_are_text);
    tcase_add_test(tc, members_of_a_body_become_arguments);
    tcase_add_loop_test(tc, other_bodies_are_one_argument, 0, COUNT(WHOLE));
    tcase_add_test(tc, a_parameter_may_be_called_body);
    tcase_add_test(tc, members_that_are_required_make_the_body_so);
    tcase_add_test(tc, forms_are_forms);
    tcase_add_test(tc, text_is_text);
    tcase_add_test(tc, json_is_chosen_where_there_is_a_choice);
    tcase_add_test(tc, bodies_that_cannot_be_sent_are_told);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
