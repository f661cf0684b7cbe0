/* Schemas of 3.0 and 3.1 as JSON Schema 2020-12. */
#include "server/schema/schema.h"
#include "tests/unit/server/openapi_fixture.h"

static const char *const COMPONENTS =
    "components:\n"
    "  schemas:\n"
    "    Kind: {type: string, enum: [a, b], description: What kind.}\n"
    "    Point: {type: object, properties: {x: {type: integer}}}\n"
    "    Tree: {type: object, properties: {name: {type: string}, children: {type: array, items: {$ref: "
    "'#/components/schemas/Tree'}}}}\n"
    "    List«Point»: {type: array, items: {$ref: '#/components/schemas/Point'}}\n"
    "    Secret: {type: string, writeOnly: true}\n"
    "    Id: {type: string, readOnly: true}\n";

typedef struct schema_case {
    const char *schema;
    const char *expected; /* of the argument; NULL: as it is written, in JSON */
    const char *told;     /* NULL: nothing */
} schema_case;

static converted convert_schema(const char *head, const char *schema)
{
    gh_buf text = GH_BUF_INIT(10000);
    (void)gh_buf_appendf(
        &text, "%spaths: {/a: {get: {operationId: op, parameters: [{name: p, in: query, schema: %s}]}}}\n%s",
        head, schema, COMPONENTS);
    converted c = convert(gh_buf_cstr(&text));
    gh_buf_free(&text);
    return c;
}

static void check_case(const char *head, const schema_case *one)
{
    converted c = convert_schema(head, one->schema);
    assert_json(tool(&c, "op"), "inputSchema/properties/p",
                one->expected != NULL ? one->expected : one->schema);
    if (one->told != NULL) {
        assert_told(&c, one->told);
    } else {
        assert_silent(&c);
    }
    done(&c);
}

static const schema_case OF_30[] = {
    {"{type: string, nullable: true}", "{\"type\":[\"string\",\"null\"]}", NULL},
    {"{type: string, nullable: false}", "{\"type\":\"string\"}", NULL},
    {"{type: string, nullable: true, enum: [a]}", "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}",
     NULL},
    {"{type: string, nullable: true, enum: [a, null]}",
     "{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}", NULL},
    {"{nullable: true, allOf: [{$ref: '#/components/schemas/Kind'}]}",
     "{\"anyOf\":[{\"allOf\":[{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"What kind.\"}]},"
     "{\"type\":\"null\"}]}",
     NULL},
    {"{nullable: true, $ref: '#/components/schemas/Point'}",
     "{\"anyOf\":[{\"$ref\":\"#/$defs/Point\"},{\"type\":\"null\"}]}", NULL},
    {"{type: integer, minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false}",
     "{\"type\":\"integer\",\"exclusiveMinimum\":1,\"maximum\":9}", NULL},
    {"{type: integer, exclusiveMinimum: true}", "{\"type\":\"integer\"}", NULL},
    /* only documents */
    {"{type: string, example: a, xml: {name: b}, externalDocs: {url: c}, x-any: d, discriminator: "
     "{propertyName: e}}",
     "{\"type\":\"string\"}", NULL},
    {"{$ref: '#/components/schemas/Point', description: Where.}",
     "{\"$ref\":\"#/$defs/Point\",\"description\":\"Where.\"}", NULL},
    /* of 3.1 */
    {"{const: 1, patternProperties: {a: {}}, prefixItems: [{}]}", "{}", NULL},
    /* wrong, as they occur */
    {"{type: file}", "{}", "the type file is none of JSON's and is not checked"},
    {"{type: string, required: true}", "{\"type\":\"string\"}", NULL},
    {"{type: string, maxLength: '10'}", "{\"type\":\"string\"}", "the keyword maxLength is left out"},
    {"{type: string, enum: []}", "{\"type\":\"string\"}", "the keyword enum is left out"},
    {"{type: string, maxLength: -1}", "{\"type\":\"string\"}", "the keyword maxLength is left out"},
    {"{type: number, multipleOf: 0}", "{\"type\":\"number\"}", "the keyword multipleOf is left out"},
    {"{oneOf: []}", "{}", "the keyword oneOf is left out"},
    {"{type: string, pattern: '[a-'}", "{\"type\":\"string\"}", "the pattern [a- is not checked: "},
    {"{type: string, pattern: '(?i)abc'}", "{\"type\":\"string\"}", "the pattern (?i)abc is not checked: "},
    {"{type: string, pattern: '^\\\\d+$', format: date, minLength: 1}",
     "{\"type\":\"string\",\"format\":\"date\",\"minLength\":1,\"pattern\":\"^\\\\\\\\d+$\"}", NULL},
};

static const schema_case OF_31[] = {
    {"{\"type\":[\"string\",\"null\"]}", NULL, NULL},
    {"{\"type\":\"integer\",\"exclusiveMinimum\":1,\"exclusiveMaximum\":9}", NULL, NULL},
    {"{\"const\":{\"a\":[1]}}", NULL, NULL},
    {"{\"type\":\"array\",\"items\":false,\"prefixItems\":[{\"type\":\"string\"},true]}", NULL, NULL},
    {"{\"type\":\"object\",\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":"
     "false}",
     NULL, NULL},
    {"{\"if\":{\"type\":\"string\"},\"then\":{\"minLength\":1},\"else\":false}", NULL, NULL},
    {"{\"dependentRequired\":{\"a\":[\"b\"]},\"oneOf\":[{\"type\":\"object\"},{\"not\":{\"type\":\"array\"}}]"
     "}",
     NULL, NULL},
    {"true", "{}", NULL},
    {"{nullable: true, type: string}", "{\"type\":\"string\"}", NULL},
    {"{type: string, examples: [a], $comment: b}", "{\"type\":\"string\"}", NULL},
    {"{patternProperties: {'[a-': {}, b: {}}}", "{\"patternProperties\":{\"b\":{}}}",
     "the pattern [a- is not checked"},
    /* beside a reference, more counts */
    {"{$ref: '#/components/schemas/Point', minProperties: 1}",
     "{\"minProperties\":1,\"$ref\":\"#/$defs/Point\"}", NULL},
    {"{$ref: '#/components/schemas/Kind', maxLength: 1}",
     "{\"maxLength\":1,\"allOf\":[{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"description\":\"What "
     "kind.\"}]}",
     NULL},
};

START_TEST(schemas_of_3_0_are_rewritten)
{
    check_case(HEAD_30, &OF_30[_i]);
}
END_TEST

START_TEST(schemas_of_3_1_are_kept)
{
    check_case(HEAD, &OF_31[_i]);
}
END_TEST

START_TEST(members_that_may_be_null_are_sent_as_null)
{
    static const char *const MEMBERS[] = {"{type: [string, 'null']}", "{}", "{type: 'null'}",
                                          "{oneOf: [{type: string}, {type: 'null'}]}", "{type: integer}"};
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        gh_buf text = GH_BUF_INIT(4000);
        (void)gh_buf_appendf(
            &text,
            HEAD "paths: {'/a': {patch: {operationId: op, requestBody: {content: {application/json: {schema: "
                 "{type: object, properties: {a: {type: string}, b: %s}}}}}}}}\n",
            MEMBERS[i]);
        converted c = convert(gh_buf_cstr(&text));
        assert_json(tool(&c, "op"), "request/body",
                    i < 4 ? "{\"json\":{\"a\":\"{a}\",\"b\":\"{b}\"},\"sendNull\":true}"
                          : "{\"json\":{\"a\":\"{a}\",\"b\":\"{b}\"}}");
        gh_buf_free(&text);
        done(&c);
    }
}
END_TEST

START_TEST(recursive_schemas_stay_references)
{
    converted c = convert_schema(HEAD, "{$ref: '#/components/schemas/Tree'}");
    gh_buf text = GH_BUF_INIT(10000);
    gh_schema *schema = NULL;
    gh_error error = {GH_OK, ""};
    assert_json(tool(&c, "op"), "inputSchema/properties/p", "{\"$ref\":\"#/$defs/Tree\"}");
    assert_json(tool(&c, "op"), "inputSchema/$defs",
                "{\"Tree\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"children\":{"
                "\"type\":"
                "\"array\",\"items\":{\"$ref\":\"#/$defs/Tree\"}}}}}");
    ck_assert_int_eq(gh_json_print(gh_json_get(tool(&c, "op"), "inputSchema"), &text), GH_OK);
    ck_assert_int_eq(gh_schema_new(gh_buf_cstr(&text), &schema, &error), GH_OK);
    cJSON *good = cJSON_Parse("{\"p\":{\"name\":\"a\",\"children\":[{\"children\":[{\"name\":\"b\"}]}]}}");
    cJSON *bad = cJSON_Parse("{\"p\":{\"name\":\"a\",\"children\":[{\"children\":[{\"name\":1}]}]}}");
    ck_assert_int_eq(gh_schema_check(schema, good, "arguments", &error), GH_OK);
    ck_assert_int_eq(gh_schema_check(schema, bad, "arguments", &error), GH_ERR_INVALID);
    cJSON_Delete(good);
    cJSON_Delete(bad);
    gh_schema_free(schema);
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(references_may_lead_anywhere_in_the_description)
{
    converted c = convert(
        HEAD
        "paths:\n"
        "  '/a/{b~c}':\n"
        "    get:\n"
        "      operationId: op\n"
        "      parameters:\n"
        "        - {name: b~c, in: path, required: true, schema: {type: object, properties: {y: {type: "
        "string}}}}\n"
        "        - {name: q, in: query, schema: {$ref: '#/paths/~1a~1%7Bb~0c%7D/get/parameters/0/schema'}}\n"
        "        - {name: r, in: query, schema: {$ref: '#/components/schemas/List%C2%ABPoint%C2%BB'}}\n"
        "components: {schemas: {List«Point»: {type: array, items: {$ref: '#/components/schemas/a.b'}},"
        "a.b: {type: object, properties: {c: {$ref: '#/components/schemas/a-b'}, d: {$ref: "
        "'#/components/schemas/a_b'}}},"
        "a-b: {type: object}, a_b: {type: object, title: second}}}\n");
    assert_silent(&c);
    assert_json(tool(&c, "op"), "inputSchema/properties/q", "{\"$ref\":\"#/$defs/schema\"}");
    assert_json(tool(&c, "op"), "inputSchema/properties/r", "{\"$ref\":\"#/$defs/List_C2_ABPoint_C2_BB\"}");
    assert_json(tool(&c, "op"), "inputSchema/$defs/schema",
                "{\"type\":\"object\",\"properties\":{\"y\":{\"type\":\"string\"}}}");
    assert_json(tool(&c, "op"), "inputSchema/$defs/a_b_2", "{\"type\":\"object\",\"title\":\"second\"}");
    done(&c);
}
END_TEST

START_TEST(what_goes_the_other_way_is_left_out)
{
    static const char TEXT[] = "{type: object, required: [a, b, c, d], properties: {a: {type: string}, b: "
                               "{type: string, readOnly: true},"
                               "c: {$ref: '#/components/schemas/Id'}, d: {type: string, writeOnly: true}, e: "
                               "{allOf: [{$ref: '#/components/schemas/Id'}]}}}";
    gh_buf text = GH_BUF_INIT(10000);
    (void)gh_buf_appendf(
        &text,
        HEAD_30 "paths: {/a: {post: {operationId: op, parameters: [{name: p, in: query, schema: %s}],"
                "responses: {'200': {description: x, content: {application/json: {schema: %s}}}}}}}\n%s",
        TEXT, TEXT, COMPONENTS);
    converted c = convert(gh_buf_cstr(&text));
    assert_json(
        tool(&c, "op"), "inputSchema/properties/p",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"d\":{\"type\":\"string\"}},"
        "\"required\":[\"a\",\"d\"]}");
    assert_json(tool(&c, "op"), "outputSchema/required", "[\"a\",\"b\",\"c\"]");
    ck_assert_int_eq(
        cJSON_GetArraySize(gh_json_get(gh_json_get(tool(&c, "op"), "outputSchema"), "properties")), 4);
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(what_cannot_be_said_in_one_document_is_told)
{
    converted c =
        convert(HEAD "paths:\n"
                     "  /a: {get: {parameters: [{name: p, in: query, schema: {$dynamicRef: '#x'}}]}}\n"
                     "  /b: {get: {parameters: [{name: p, in: query, schema: {type: object, properties: {q: "
                     "{$id: 'http://a/b'}}}}]}}\n"
                     "  /c: {get: {parameters: [{name: p, in: query, schema: {$ref: '#anchor'}}]}}\n"
                     "  /d: {get: {operationId: d, responses: {'200': {description: x, content: "
                     "{application/json: {schema: {$ref: 'y.json'}}}}}}}\n"
                     "  /e: {get: {operationId: e, responses: {'200': {description: x, content: "
                     "{application/json: {schema: {type: object, properties: {a: {$ref: 'y.json'}}}}}}}}}\n");
    assert_told(&c, "GET /a: a schema has $dynamicRef, which cannot be said within one document");
    assert_told(&c, "GET /b: a schema has $id");
    assert_told(&c, "GET /c: a reference leads nowhere: #anchor");
    assert_told(&c, "GET /d: no outputSchema: ");
    assert_told(&c, "GET /e: a reference leads outside the description, and nothing is fetched: y.json");
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get(c.json, "tools")), 2);
    assert_json(tool(&c, "e"), "outputSchema", "");
    done(&c);
}
END_TEST

/* --- bounds --- */

/* `count` schemas, each of which refers to all the others: `text` with COMPONENTS of its own. */
static void append_web(gh_buf *text, int count)
{
    (void)gh_buf_append_cstr(text, "components:\n  schemas:\n");
    for (int i = 0; i < count; i++) {
        (void)gh_buf_appendf(text,
                             "    S%d:\n      type: object\n      description: A rather long text about "
                             "S%d\n      properties:\n",
                             i, i);
        for (int j = 0; j < count; j++) {
            (void)gh_buf_appendf(text, "        p%d: {$ref: '#/components/schemas/S%d'}\n", j, j);
        }
    }
}

START_TEST(schemas_that_are_too_large_are_weakened)
{
    gh_buf text = GH_BUF_INIT(10 << 20);
    (void)gh_buf_append_cstr(
        &text,
        HEAD "paths: {/a: {post: {operationId: op, requestBody: {required: true, content: {application/json: "
             "{schema: {type: object, additionalProperties: {$ref: '#/components/schemas/S0'}}}}}, "
             "responses: {'200': {description: x, "
             "content: {application/json: {schema: {$ref: '#/components/schemas/S0'}}}}}}}}\n");
    append_web(&text, 100);
    converted c = convert(gh_buf_cstr(&text));
    assert_told(&c, "POST /a: its inputSchema would be too large: only the first level");
    assert_json(tool(&c, "op"), "inputSchema/properties/body",
                "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"description\":\"A "
                "rather long text "
                "about S0\"}}");
    assert_json(tool(&c, "op"), "outputSchema/properties/p1",
                "{\"type\":\"object\",\"description\":\"A rather long text about S1\"}");
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(too_many_large_tools_are_refused)
{
    const gh_openapi_options options = {.label = "web"};
    gh_buf text = GH_BUF_INIT(10 << 20);
    (void)gh_buf_append_cstr(&text, HEAD "paths:\n");
    for (int i = 0; i < 400; i++) {
        (void)gh_buf_appendf(&text,
                             "  /a%d: {get: {parameters: [{name: p, in: query, schema: {$ref: "
                             "'#/components/schemas/S0'}}]}}\n",
                             i);
    }
    append_web(&text, 45);
    converted c = convert_with(gh_buf_cstr(&text), &options);
    ck_assert_int_eq(c.status, GH_ERR_INVALID);
    ck_assert_str_eq(c.error.message, "web: its tools would take over 16 MiB; select fewer operations");
    gh_buf_free(&text);
    done(&c);
}
END_TEST

START_TEST(deep_schemas_are_weakened)
{
    gh_buf schema = GH_BUF_INIT(10000);
    for (int i = 0; i < 45; i++) {
        (void)gh_buf_append_cstr(&schema, "{items: ");
    }
    (void)gh_buf_append_cstr(&schema, "{type: string}");
    for (int i = 0; i < 45; i++) {
        (void)gh_buf_append_cstr(&schema, "}");
    }
    converted c = convert_schema(HEAD, gh_buf_cstr(&schema));
    assert_told(&c, "a schema is nested too deeply");
    gh_buf_free(&schema);
    done(&c);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("openapi_schemas");
    TCase *tc = tcase_create("openapi_schemas");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, schemas_of_3_0_are_rewritten, 0, COUNT(OF_30));
    tcase_add_loop_test(tc, schemas_of_3_1_are_kept, 0, COUNT(OF_31));
    tcase_add_test(tc, members_that_may_be_null_are_sent_as_null);
    tcase_add_test(tc, recursive_schemas_stay_references);
    tcase_add_test(tc, references_may_lead_anywhere_in_the_description);
    tcase_add_test(tc, what_goes_the_other_way_is_left_out);
    tcase_add_test(tc, what_cannot_be_said_in_one_document_is_told);
    tcase_add_test(tc, schemas_that_are_too_large_are_weakened);
    tcase_add_test(tc, too_many_large_tools_are_refused);
    tcase_add_test(tc, deep_schemas_are_weakened);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
