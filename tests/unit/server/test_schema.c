#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema.h"
#include "tests/support/suite.h"

static gh_schema *make(const char *text)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    gh_status status = gh_schema_new(text, &schema, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", text, error.message);
    return schema;
}

static gh_status check(const char *schema_text, const char *value_text, gh_error *error)
{
    gh_schema *schema = make(schema_text);
    cJSON *value = cJSON_Parse(value_text);
    ck_assert_ptr_nonnull(value);
    gh_status status = gh_schema_check(schema, value, "arguments", error);
    cJSON_Delete(value);
    gh_schema_free(schema);
    return status;
}

typedef struct verdict {
    const char *schema;
    const char *value;
    bool valid;
} verdict;

/* In the style of the public JSON Schema test suite: one schema, values that fit and values that do not. */
static const verdict VERDICTS[] = {
    {"true", "1", true},
    {"false", "1", false},
    {"{}", "[null]", true},

    {"{\"type\":\"integer\"}", "1", true},
    {"{\"type\":\"integer\"}", "1.0", true},
    {"{\"type\":\"integer\"}", "1.5", false},
    {"{\"type\":\"integer\"}", "\"1\"", false},
    {"{\"type\":\"number\"}", "1.5", true},
    {"{\"type\":\"number\"}", "null", false},
    {"{\"type\":\"string\"}", "\"\"", true},
    {"{\"type\":\"string\"}", "true", false},
    {"{\"type\":\"boolean\"}", "false", true},
    {"{\"type\":\"boolean\"}", "0", false},
    {"{\"type\":\"null\"}", "null", true},
    {"{\"type\":\"null\"}", "false", false},
    {"{\"type\":\"array\"}", "{}", false},
    {"{\"type\":\"object\"}", "[]", false},
    {"{\"type\":[\"string\",\"null\"]}", "null", true},
    {"{\"type\":[\"string\",\"null\"]}", "1", false},

    {"{\"enum\":[1,\"a\",null,{\"b\":[1,2]}]}", "{\"b\":[1,2]}", true},
    {"{\"enum\":[1,\"a\",null,{\"b\":[1,2]}]}", "{\"b\":[2,1]}", false},
    {"{\"enum\":[1,\"a\"]}", "1.0", true},
    {"{\"enum\":[\"a\"]}", "\"A\"", false},
    {"{\"enum\":[0]}", "false", false},
    {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", true},
    {"{\"const\":{\"a\":1}}", "{\"a\":1,\"b\":2}", false},
    {"{\"const\":[1]}", "[1,1]", false},

    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"x\",\"b\":1}", true},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", false},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"A\":1}", true},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "7", true},
    {"{\"properties\":{\"a\":false}}", "{\"a\":1}", false},
    {"{\"required\":[\"a\"]}", "{\"a\":null}", true},
    {"{\"required\":[\"a\"]}", "{\"b\":1}", false},
    {"{\"required\":[\"a\"]}", "[]", true},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", true},
    {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":1}", false},
    {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1,\"y\":2}", true},
    {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":\"1\"}", false},
    {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", true},
    {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", false},
    {"{\"minProperties\":1}", "{}", false},
    {"{\"minProperties\":1}", "{\"a\":1}", true},
    {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", false},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", false},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1,\"b\":1}", true},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"c\":1}", true},
    {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}", false},
    {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{}", true},

    {"{\"minLength\":2}", "\"a\"", false},
    {"{\"minLength\":2}", "\"\\u00e9\\u00e9\"", true},
    {"{\"maxLength\":2}", "\"\\ud83d\\ude00\\ud83d\\ude00\"", true},
    {"{\"maxLength\":2}", "\"abc\"", false},
    {"{\"maxLength\":2}", "12345", true},
    {"{\"minimum\":0}", "0", true},
    {"{\"minimum\":0}", "-0.1", false},
    {"{\"maximum\":10}", "10", true},
    {"{\"maximum\":10}", "11", false},
    {"{\"exclusiveMinimum\":0}", "0", false},
    {"{\"exclusiveMinimum\":0}", "1", true},
    {"{\"exclusiveMaximum\":10}", "10", false},
    {"{\"exclusiveMaximum\":10}", "9", true},
    {"{\"multipleOf\":2}", "4", true},
    {"{\"multipleOf\":2}", "5", false},
    {"{\"multipleOf\":0.1}", "0.3", true},
    {"{\"minimum\":5}", "\"1\"", true},

    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\"]", true},
    {"{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", false},
    {"{\"items\":false}", "[]", true},
    {"{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "[\"a\",1,null]", true},
    {"{\"prefixItems\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "[\"a\",\"b\"]", false},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\"]", true},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\",1]", false},
    {"{\"minItems\":1}", "[]", false},
    {"{\"maxItems\":1}", "[1,2]", false},
    {"{\"maxItems\":1}", "[1]", true},
    {"{\"uniqueItems\":true}", "[1,2,3]", true},
    {"{\"uniqueItems\":true}", "[{\"a\":1},{\"a\":1}]", false},
    {"{\"uniqueItems\":false}", "[1,1]", true},
    {"{\"contains\":{\"const\":5}}", "[1,5]", true},
    {"{\"contains\":{\"const\":5}}", "[1]", false},
    {"{\"contains\":{\"const\":5},\"minContains\":2}", "[5,1]", false},
    {"{\"contains\":{\"const\":5},\"minContains\":0}", "[]", true},
    {"{\"contains\":{\"const\":5},\"maxContains\":1}", "[5,5]", false},

    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", true},
    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "4", false},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "6", true},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}", "4", false},
    {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":5}]}", "2", true},
    {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":5}]}", "6", false},
    {"{\"oneOf\":[{\"minimum\":1},{\"minimum\":5}]}", "0", false},
    {"{\"not\":{\"type\":\"string\"}}", "1", true},
    {"{\"not\":{\"type\":\"string\"}}", "\"a\"", false},
    {"{\"if\":{\"const\":1},\"then\":false,\"else\":{\"type\":\"string\"}}", "1", false},
    {"{\"if\":{\"const\":1},\"then\":false,\"else\":{\"type\":\"string\"}}", "\"a\"", true},
    {"{\"if\":{\"const\":1},\"then\":false,\"else\":{\"type\":\"string\"}}", "2", false},
    {"{\"if\":false}", "2", true},
    {"{\"then\":false}", "2", true},

    {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"string\"}}}", "\"x\"", true},
    {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"string\"}}}", "1", false},
    {"{\"$ref\":\"#/$defs/a~1b%20c\",\"$defs\":{\"a/b c\":{\"type\":\"string\"}}}", "1", false},
    {"{\"$ref\":\"#here\",\"$defs\":{\"a\":{\"$anchor\":\"here\",\"type\":\"string\"}}}", "1", false},
    {"{\"$ref\":\"#here\",\"$defs\":{\"a\":{\"$anchor\":\"here\",\"type\":\"string\"}}}", "\"1\"", true},
    {"{\"$ref\":\"#/prefixItems/0\",\"prefixItems\":[{\"type\":\"array\"}]}", "[[]]", true},
    {"{\"$defs\":{\"a\":{\"minimum\":2}},\"$ref\":\"#/$defs/a\",\"maximum\":3}", "4", false},
    {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
     "{\"next\":{\"next\":{}}}", true},
    {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}", "{\"next\":{\"no\":{}}}",
     false},
    {"{\"properties\":{\"$ref\":{\"type\":\"string\"}}}", "{\"$ref\":1}", false},

    {"{\"format\":\"date\",\"x-own\":[1],\"deprecated\":true}", "\"b\"", true},
    {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"string\"}", "1", false},
};

START_TEST(values_are_judged_as_the_specification_says)
{
    const verdict *v = &VERDICTS[_i];
    gh_error error = {GH_OK, ""};
    gh_status status = check(v->schema, v->value, &error);
    ck_assert_msg(status == (v->valid ? GH_OK : GH_ERR_INVALID), "%s with %s: %s %s", v->schema, v->value,
                  gh_status_text(status), error.message);
    ck_assert_msg(v->valid == (error.message[0] == '\0'), "%s with %s: \"%s\"", v->schema, v->value,
                  error.message);
}
END_TEST

typedef struct message {
    const char *schema;
    const char *value;
    const char *text;
} message;

static const message MESSAGES[] = {
    {"{\"properties\":{\"name\":{\"type\":\"string\"}}}", "{\"name\":7}",
     "arguments.name must be a string, not a number"},
    {"{\"type\":\"object\"}", "[]", "arguments must be an object, not an array"},
    {"{\"properties\":{\"n\":{\"type\":\"integer\"}}}", "{\"n\":1.5}",
     "arguments.n must be an integer, not a fraction"},
    {"{\"properties\":{\"n\":{\"type\":[\"string\",\"integer\",\"null\"]}}}", "{\"n\":[]}",
     "arguments.n must be a string, an integer or null, not an array"},
    {"{\"required\":[\"name\"]}", "{}", "arguments.name is missing"},
    {"{\"properties\":{\"name\":{}},\"additionalProperties\":false}", "{\"nmae\":1}",
     "arguments.nmae is not expected; did you mean name?"},
    {"{\"properties\":{\"name\":{}},\"additionalProperties\":false}", "{\"colour\":1}",
     "arguments.colour is not expected"},
    {"{\"properties\":{\"a\":{\"items\":{\"properties\":{\"b c\":{\"minimum\":0}}}}}}",
     "{\"a\":[{},{\"b c\":-1}]}", "arguments.a[1][\"b c\"] must be at least 0"},
    {"{\"properties\":{\"c\":{\"enum\":[\"red\",2]}}}", "{\"c\":\"blue\"}",
     "arguments.c must be one of \"red\", 2"},
    {"{\"properties\":{\"c\":{\"const\":\"red\"}}}", "{\"c\":\"blue\"}", "arguments.c must be \"red\""},
    {"{\"properties\":{\"s\":{\"minLength\":1}}}", "{\"s\":\"\"}",
     "arguments.s must have at least 1 character"},
    {"{\"properties\":{\"s\":{\"maxLength\":2}}}", "{\"s\":\"abc\"}",
     "arguments.s must have at most 2 characters"},
    {"{\"properties\":{\"l\":{\"uniqueItems\":true}}}", "{\"l\":[1,1]}",
     "arguments.l must not hold the same item twice"},
    {"{\"properties\":{\"x\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}}}", "{\"x\":1}",
     "arguments.x has none of the forms that are allowed"},
    {"{\"properties\":{\"d\":{\"pattern\":\"^[0-9]{4}$\"}}}", "{\"d\":\"x\"}",
     "arguments.d must match the pattern ^[0-9]{4}$"},
    {"{\"patternProperties\":{\"^n_\":{\"type\":\"number\"}}}", "{\"n_a\":1,\"n_b\":\"2\"}",
     "arguments.n_b must be a number, not a string"},
    {"{\"allOf\":[{\"properties\":{\"name\":{}}}],\"unevaluatedProperties\":false}", "{\"name\":1,\"age\":2}",
     "arguments.age is not expected"},
    {"{\"properties\":{\"l\":{\"prefixItems\":[true],\"unevaluatedItems\":{\"type\":\"string\"}}}}",
     "{\"l\":[1,2]}", "arguments.l[1] must be a string, not a number"},
    {"{\"allOf\":[{\"properties\":{\"x\":{\"maximum\":3}}}]}", "{\"x\":4}", "arguments.x must be at most 3"},
};

START_TEST(the_error_names_the_member_and_what_is_wrong)
{
    const message *m = &MESSAGES[_i];
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(check(m->schema, m->value, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, m->text);
}
END_TEST

START_TEST(a_hostile_member_name_keeps_the_error_one_short_line)
{
    gh_error error = {GH_OK, ""};
    char value[9000] = "{\"";
    memset(value + 2, 'k', 8000);
    memcpy(value + 8002, "\\n\":1}", 7);
    ck_assert_int_eq(check("{\"additionalProperties\":false}", value, &error), GH_ERR_INVALID);
    ck_assert_uint_lt(strlen(error.message), 128);
    ck_assert_int_eq(check("{\"additionalProperties\":false}", "{\"a\\nb\":1}", &error), GH_ERR_INVALID);
    ck_assert_ptr_null(strchr(error.message, '\n'));
}
END_TEST

typedef struct refusal {
    const char *schema;
    gh_status status;
} refusal;

static const refusal REFUSALS[] = {
    {"{\"$schema\":7}", GH_ERR_UNSUPPORTED},
    {"{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\"}", GH_ERR_UNSUPPORTED},
    {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", GH_ERR_UNSUPPORTED},
    {"{\"$schema\":\"\"}", GH_ERR_UNSUPPORTED},
    {"{\"$schema\":null}", GH_ERR_UNSUPPORTED},
    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"items\":{\"$schema\":"
     "\"https://json-schema.org/draft/2020-12/schema\"}}",
     GH_ERR_UNSUPPORTED},
    {"{\"$ref\":\"#/default\",\"default\":{\"$ref\":7}}", GH_ERR_INVALID},
    {"{\"$ref\":\"#/x/a\",\"x\":{\"a\":{\"minLength\":\"1\"}}}", GH_ERR_INVALID},
    {"{\"$ref\":\"#n\",\"examples\":[{\"$anchor\":\"n\"}]}", GH_ERR_INVALID},
    {"{\"pattern\":7}", GH_ERR_INVALID},
    {"{\"pattern\":\"(\"}", GH_ERR_INVALID},
    {"{\"pattern\":\"a++\"}", GH_ERR_INVALID},
    {"{\"pattern\":\"(?i)a\"}", GH_ERR_INVALID},
    {"{\"pattern\":\"\\\\Aa\\\\Z\"}", GH_ERR_INVALID},
    {"{\"pattern\":\"(a)*\\\\1\"}", GH_ERR_UNSUPPORTED},
    {"{\"patternProperties\":[]}", GH_ERR_INVALID},
    {"{\"patternProperties\":{\"[\":{}}}", GH_ERR_INVALID},
    {"{\"patternProperties\":{\"a\":1}}", GH_ERR_INVALID},
    {"{\"unevaluatedProperties\":1}", GH_ERR_INVALID},
    {"{\"unevaluatedItems\":[]}", GH_ERR_INVALID},
    {"{\"$id\":7}", GH_ERR_INVALID},
    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"dependencies\":{\"a\":[1]}}",
     GH_ERR_INVALID},
    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"items\":[1]}", GH_ERR_INVALID},
    {"{\"properties\":{\"a\":{\"$schema\":\"https://example.org/own\"}}}", GH_ERR_UNSUPPORTED},
    {"{\"$ref\":\"https://example.org/schema\"}", GH_ERR_UNSUPPORTED},
    {"{\"$ref\":\"other.json#/a\"}", GH_ERR_UNSUPPORTED},
    {"{\"$ref\":\"#/$defs/none\"}", GH_ERR_INVALID},
    {"{\"$ref\":\"#nowhere\"}", GH_ERR_INVALID},
    {"{\"$ref\":\"#/type\",\"type\":\"string\"}", GH_ERR_INVALID},
    {"{\"$ref\":\"#/%zz\"}", GH_ERR_INVALID},
    {"{\"$ref\":7}", GH_ERR_INVALID},
    {"{\"properties\":{\"a\":{\"$id\":\"https://example.org/a\"}}}", GH_ERR_UNSUPPORTED},
    {"{\"$dynamicRef\":\"#a\"}", GH_ERR_UNSUPPORTED},
    {"{\"type\":\"text\"}", GH_ERR_INVALID},
    {"{\"type\":[]}", GH_ERR_INVALID},
    {"{\"type\":[\"string\",1]}", GH_ERR_INVALID},
    {"{\"required\":\"a\"}", GH_ERR_INVALID},
    {"{\"required\":[1]}", GH_ERR_INVALID},
    {"{\"properties\":[]}", GH_ERR_INVALID},
    {"{\"properties\":{\"a\":1}}", GH_ERR_INVALID},
    {"{\"items\":[{}]}", GH_ERR_INVALID},
    {"{\"allOf\":[]}", GH_ERR_INVALID},
    {"{\"minLength\":-1}", GH_ERR_INVALID},
    {"{\"minLength\":1.5}", GH_ERR_INVALID},
    {"{\"minimum\":\"1\"}", GH_ERR_INVALID},
    {"{\"multipleOf\":0}", GH_ERR_INVALID},
    {"{\"uniqueItems\":1}", GH_ERR_INVALID},
    {"{\"dependentRequired\":{\"a\":\"b\"}}", GH_ERR_INVALID},
    {"[]", GH_ERR_INVALID},
    {"null", GH_ERR_INVALID},
    {"{", GH_ERR_PARSE},
    {"{\"type\":\"string\",\"type\":\"object\"}", GH_ERR_PARSE},
};

START_TEST(a_schema_that_cannot_be_honoured_is_refused_with_the_reason)
{
    const refusal *r = &REFUSALS[_i];
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    gh_status status = gh_schema_new(r->schema, &schema, &error);
    ck_assert_msg(status == r->status, "%s: %s", r->schema, gh_status_text(status));
    ck_assert_ptr_null(schema);
    ck_assert_uint_gt(strlen(error.message), 0);
}
END_TEST

START_TEST(a_schema_that_refers_to_itself_without_end_stops)
{
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(check("{\"$ref\":\"#\"}", "1", &error), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(check("{\"not\":{\"$ref\":\"#\"}}", "1", &error), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(check("{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1", &error), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(costly_schemas_and_values_stop_at_the_bound)
{
    /* Each level doubles the work: 2^30 evaluations without a bound. */
    char schema[4096] = "{\"$defs\":{";
    size_t len = strlen(schema);
    for (int i = 0; i < 30; i++) {
        len += (size_t)snprintf(
            schema + len, sizeof schema - len,
            "\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1, i + 1);
    }
    (void)snprintf(schema + len, sizeof schema - len, "\"d30\":{}},\"$ref\":\"#/$defs/d0\"}");
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(check(schema, "1", &error), GH_ERR_TOO_LARGE);

    size_t size = 300000;
    char *value = malloc(size);
    ck_assert_ptr_nonnull(value);
    len = 0;
    for (int i = 0; i < 20000; i++) {
        len += (size_t)snprintf(value + len, size - len, "%c%d", i == 0 ? '[' : ',', i);
    }
    (void)snprintf(value + len, size - len, "]");
    ck_assert_int_eq(check("{\"items\":{\"type\":\"integer\",\"minimum\":0}}", value, &error), GH_OK);
    free(value);
}
END_TEST

/* BEFORE, an array of `count` strings of `each` bytes that only differ behind these, AFTER. */
static char *with_long_strings(const char *before, size_t each, const char *end, int count, const char *after)
{
    size_t size = strlen(before) + (each + strlen(end) + 16) * (size_t)count + strlen(after) + 3;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    size_t len = (size_t)snprintf(text, size, "%s", before);
    for (int i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, size - len, "%c\"", i == 0 ? '[' : ',');
        memset(text + len, 'x', each);
        len += each;
        len += (size_t)snprintf(text + len, size - len, "%s%d\"", end, i);
    }
    (void)snprintf(text + len, size - len, "]%s", after);
    return text;
}

START_TEST(long_strings_cost_what_they_weigh)
{
    static const char four_times[] =
        "},\"items\":{\"anyOf\":[{\"$ref\":\"#/$defs/e\"},{\"$ref\":\"#/$defs/e\"},"
        "{\"$ref\":\"#/$defs/e\"},{\"$ref\":\"#/$defs/e\"},{\"type\":\"string\"}]}}";
    gh_error error = {GH_OK, ""};
    char *schema = with_long_strings("{\"$defs\":{\"e\":{\"enum\":", 20000, "y", 12, "}");
    schema = realloc(schema, strlen(schema) + sizeof four_times);
    ck_assert_ptr_nonnull(schema);
    memcpy(schema + strlen(schema), four_times, sizeof four_times);
    char *value = with_long_strings("", 20000, "z", 190, "");
    ck_assert_int_eq(check(schema, value, &error), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(check("{\"uniqueItems\":true,\"items\":{\"type\":\"string\"}}", value, &error), GH_OK);
    free(value);
    value = with_long_strings("", 20000, "z", 50, "");
    ck_assert_int_eq(check(schema, value, &error), GH_OK);
    free(value);
    free(schema);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *tc = tcase_create("schema");
    tcase_add_loop_test(tc, values_are_judged_as_the_specification_says, 0,
                        sizeof VERDICTS / sizeof VERDICTS[0]);
    tcase_add_loop_test(tc, the_error_names_the_member_and_what_is_wrong, 0,
                        sizeof MESSAGES / sizeof MESSAGES[0]);
    tcase_add_test(tc, a_hostile_member_name_keeps_the_error_one_short_line);
    tcase_add_loop_test(tc, a_schema_that_cannot_be_honoured_is_refused_with_the_reason, 0,
                        sizeof REFUSALS / sizeof REFUSALS[0]);
    tcase_add_test(tc, a_schema_that_refers_to_itself_without_end_stops);
    tcase_add_test(tc, costly_schemas_and_values_stop_at_the_bound);
    tcase_add_test(tc, long_strings_cost_what_they_weigh);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
