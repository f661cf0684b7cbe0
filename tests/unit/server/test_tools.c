#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

static char ISSUER[] = "https://id.example";
static char SUBJECT[] = "u-1";
static char EMPTY[] = "";
static char EMAIL[] = "ada@example.org";
static char NAME[] = "Ada";
static char QUOTED[] = "Ada \"the first\"";
static char CLIENT[] = "client-1";
static char SCOPES[] = "mcp offline_access";
static char TWO_SCOPES[] = "a b";

static int64_t noon(void)
{
    return INT64_C(1800000000000);
}

static gh_principal someone(void)
{
    return (gh_principal){
        .issuer = ISSUER, .subject = SUBJECT, .scope = EMPTY, .expires_at = INT64_C(1800000090)};
}

static gh_tool_result call(const gh_tool *tool, const gh_principal *principal, const char *arguments)
{
    gh_tool_result result = {NULL, NULL, false};
    cJSON *json = cJSON_Parse(arguments);
    ck_assert_ptr_nonnull(json);
    const gh_tool_call request = {principal, json, tool->data};
    gh_clock_set_source(NULL, noon);
    ck_assert_int_eq(tool->call(&request, &result), GH_OK);
    ck_assert_ptr_nonnull(result.text);
    cJSON_Delete(json);
    return result;
}

static void done(gh_tool_result *result)
{
    free(result->text);
    cJSON_Delete(result->structured);
}

static void greets(gh_principal principal, const char *arguments, const char *greeting)
{
    gh_tool_result result = call(&GH_TOOL_SAY_HELLO, &principal, arguments);
    ck_assert_str_eq(result.text, greeting);
    ck_assert(!result.is_error);
    done(&result);
}

START_TEST(say_hello_greets_the_name_or_the_signed_in_user)
{
    gh_principal ada = someone();
    greets(ada, "{}", "Hello, u-1!");
    ada.email = EMAIL;
    greets(ada, "{}", "Hello, ada@example.org!");
    ada.name = NAME;
    greets(ada, "{}", "Hello, Ada!");
    ada.name = EMPTY;
    greets(ada, "{}", "Hello, ada@example.org!");
    greets(ada,
           "{\"name\":\"Gr\xc3\xa4"
           "ce\"}",
           "Hello, Gr\xc3\xa4"
           "ce!");
}
END_TEST

static gh_status fits(const char *schema_text, const char *value_text)
{
    gh_schema *schema = NULL;
    cJSON *value = cJSON_Parse(value_text);
    ck_assert_int_eq(gh_schema_new(schema_text, &schema, NULL), GH_OK);
    gh_status status = gh_schema_check(schema, value, "arguments", NULL);
    gh_schema_free(schema);
    cJSON_Delete(value);
    return status;
}

START_TEST(say_hello_takes_a_name_of_1_to_100_characters_and_nothing_else)
{
    char value[256] = "{\"name\":\"";
    memset(value + 9, 'n', 100);
    memcpy(value + 109, "\"}", 3);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, value), GH_OK);
    memset(value + 9, 'n', 101);
    memcpy(value + 110, "\"}", 3);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, value), GH_ERR_INVALID);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, "{}"), GH_OK);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, "{\"name\":\"\"}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, "{\"name\":7}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(GH_TOOL_SAY_HELLO.input_schema, "{\"name\":\"a\",\"x\":1}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(GH_TOOL_WHOAMI.input_schema, "{}"), GH_OK);
    ck_assert_int_eq(fits(GH_TOOL_WHOAMI.input_schema, "{\"x\":1}"), GH_ERR_INVALID);
}
END_TEST

START_TEST(whoami_tells_what_the_token_says_and_how_long_it_lasts)
{
    gh_principal ada = someone();
    ada.name = QUOTED;
    ada.email = EMAIL;
    ada.client_id = CLIENT;
    ada.scope = SCOPES;
    gh_tool_result result = call(&GH_TOOL_WHOAMI, &ada, "{}");
    ck_assert_str_eq(result.text, "{\"subject\":\"u-1\",\"name\":\"Ada \\\"the first\\\"\",\"email\":"
                                  "\"ada@example.org\",\"client\":\"client-1\",\"scopes\":[\"mcp\","
                                  "\"offline_access\"],\"secondsLeft\":90}");
    cJSON *text = cJSON_Parse(result.text);
    ck_assert(cJSON_Compare(text, result.structured, true));
    cJSON_Delete(text);
    done(&result);
}
END_TEST

START_TEST(whoami_leaves_out_what_is_not_known_and_never_counts_below_zero)
{
    gh_principal ada = someone();
    ada.expires_at = 5;
    gh_tool_result result = call(&GH_TOOL_WHOAMI, &ada, "{}");
    ck_assert_str_eq(result.text, "{\"subject\":\"u-1\",\"scopes\":[],\"secondsLeft\":0}");
    done(&result);
}
END_TEST

START_TEST(whoami_keeps_to_its_output_schema)
{
    gh_principal ada = someone();
    gh_schema *schema = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_schema_new(GH_TOOL_WHOAMI.output_schema, &schema, &error), GH_OK);
    for (int i = 0; i < 2; i++) {
        gh_tool_result result = call(&GH_TOOL_WHOAMI, &ada, "{}");
        gh_status status = gh_schema_check(schema, result.structured, "structuredContent", &error);
        ck_assert_msg(status == GH_OK, "%s", error.message);
        done(&result);
        ada.name = NAME;
        ada.email = EMAIL;
        ada.client_id = CLIENT;
        ada.scope = TWO_SCOPES;
    }
    gh_schema_free(schema);
}
END_TEST

START_TEST(the_tools_that_come_with_the_server_register)
{
    const gh_tool *const tools[] = {&GH_TOOL_SAY_HELLO, &GH_TOOL_WHOAMI};
    gh_mcp_registry *registry = gh_mcp_registry_new();
    for (size_t i = 0; i < 2; i++) {
        gh_error error = {GH_OK, ""};
        gh_status status = gh_mcp_registry_add(registry, tools[i], &error);
        ck_assert_msg(status == GH_OK, "%s", error.message);
        cJSON *hints = cJSON_Parse(tools[i]->annotations);
        bool read_only = false;
        ck_assert(gh_json_get_bool(hints, "readOnlyHint", &read_only) && read_only);
        cJSON_Delete(hints);
    }
    gh_mcp_registry_free(registry);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tools");
    TCase *tc = tcase_create("tools");
    tcase_add_test(tc, say_hello_greets_the_name_or_the_signed_in_user);
    tcase_add_test(tc, say_hello_takes_a_name_of_1_to_100_characters_and_nothing_else);
    tcase_add_test(tc, whoami_tells_what_the_token_says_and_how_long_it_lasts);
    tcase_add_test(tc, whoami_leaves_out_what_is_not_known_and_never_counts_below_zero);
    tcase_add_test(tc, whoami_keeps_to_its_output_schema);
    tcase_add_test(tc, the_tools_that_come_with_the_server_register);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
