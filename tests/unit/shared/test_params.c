#include "shared/rpc/params.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"
#include "tests/support/suite.h"

static gh_mcp_param *params;
static size_t count;
static gh_error error;

static gh_status read_schema(const char *text, cJSON **schema)
{
    params = NULL;
    count = 0;
    memset(&error, 0, sizeof(error));
    ck_assert_int_eq(gh_json_parse(gh_view_of(text), NULL, schema, NULL), GH_OK);
    return gh_mcp_params_read(*schema, &params, &count, &error);
}

#define HEADER(type, name) "{\"type\":\"" type "\",\"x-mcp-header\":\"" name "\"}"
#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"

START_TEST(annotations_are_found_with_their_paths)
{
    cJSON *schema = NULL;
    ck_assert_int_eq(read_schema(OBJECT("\"a\":" HEADER("string", "A") ",\"o\":" OBJECT(
                                     "\"b\":" HEADER("integer", "B-2"))),
                                 &schema),
                     GH_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(params[0].header, "A");
    ck_assert_uint_eq(params[0].depth, 1);
    ck_assert_str_eq(params[1].header, "B-2");
    ck_assert_uint_eq(params[1].depth, 2);
    ck_assert_str_eq(params[1].path[0], "o");
    ck_assert_str_eq(params[1].path[1], "b");
    free(params);
    cJSON_Delete(schema);
}
END_TEST

START_TEST(a_property_may_be_called_like_the_annotation)
{
    cJSON *schema = NULL;
    ck_assert_int_eq(read_schema(OBJECT("\"x-mcp-header\":{\"type\":\"string\"}"), &schema), GH_OK);
    ck_assert_uint_eq(count, 0);
    free(params);
    cJSON_Delete(schema);
}
END_TEST

START_TEST(annotations_that_break_the_rules_are_refused)
{
    static const char *const SCHEMAS[] = {
        OBJECT("\"a\":" HEADER("string", "")),
        OBJECT("\"a\":" HEADER("string", "a b")),
        OBJECT("\"a\":" HEADER("string", "a:")),
        OBJECT("\"a\":" HEADER("string", "a\\r\\nb")),
        OBJECT("\"a\":" HEADER("string", "\\u00e9")),
        OBJECT("\"a\":" HEADER("number", "A")),
        OBJECT("\"a\":" HEADER("object", "A")),
        OBJECT("\"a\":" HEADER("array", "A")),
        OBJECT("\"a\":{\"type\":\"string\",\"x-mcp-header\":5}"),
        OBJECT("\"a\":{\"x-mcp-header\":\"A\"}"),
        OBJECT("\"a\":" HEADER("string", "A") ",\"b\":" HEADER("string", "a")),
        OBJECT("\"a\":{\"type\":\"array\",\"items\":" HEADER("string", "A") "}"),
        "{\"type\":\"object\",\"oneOf\":[" OBJECT("\"a\":" HEADER("string", "A")) "]}",
        "{\"type\":\"object\",\"$defs\":{\"a\":" HEADER("string", "A") "}}",
        "{\"type\":\"string\",\"x-mcp-header\":\"A\"}",
    };
    for (size_t i = 0; i < sizeof(SCHEMAS) / sizeof(SCHEMAS[0]); i++) {
        cJSON *schema = NULL;
        ck_assert_msg(read_schema(SCHEMAS[i], &schema) == GH_ERR_INVALID, "%s", SCHEMAS[i]);
        ck_assert_uint_gt(strlen(error.message), 10);
        cJSON_Delete(schema);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("params");
    TCase *tcase = tcase_create("params");
    tcase_add_test(tcase, annotations_are_found_with_their_paths);
    tcase_add_test(tcase, a_property_may_be_called_like_the_annotation);
    tcase_add_test(tcase, annotations_that_break_the_rules_are_refused);
    suite_add_tcase(suite, tcase);
    return gh_suite_run(suite);
}
