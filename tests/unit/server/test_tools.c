#include <check.h>
#include <cjson/cJSON.h>

#include "server/schema/schema.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"
#include "tests/unit/server/plugin_fixture.h"

static char ISSUER[] = "https://id.example";
static char SUBJECT[] = "u-1";
static char EMPTY[] = "";
static char EMAIL[] = "ada@example.org";
static char NAME[] = "Ada";
static char QUOTED[] = "Ada \"the first\"";
static char CLIENT[] = "client-1";
static char SCOPES[] = "mcp  offline_access";
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

static void greets(world *w, gh_principal principal, const char *arguments, const char *greeting)
{
    char expected[512];
    (void)snprintf(expected, sizeof expected, "{\"type\":\"text\",\"text\":\"%s\"}", greeting);
    ck_assert_str_eq(call_as(w, &principal, "sayHello", arguments), expected);
    ck_assert_int_eq(w->call.told.outcome, GH_CALL_ANSWERED);
    ck_assert(!w->call.told.is_error);
}

START_TEST(say_hello_greets_the_name_or_the_signed_in_user)
{
    world w;
    gh_principal ada = someone();
    enter(&w);
    greets(&w, ada, "{}", "Hello, u-1!");
    ada.email = EMAIL;
    greets(&w, ada, "{}", "Hello, ada@example.org!");
    ada.name = NAME;
    greets(&w, ada, "{}", "Hello, Ada!");
    ada.name = EMPTY;
    greets(&w, ada, "{}", "Hello, ada@example.org!");
    greets(&w, ada, "{\"name\":\"Gr\xc3\xa4\\u0063e\"}", "Hello, Gr\xc3\xa4\x63\x65!");
    leave(&w);
}
END_TEST

static const gh_mcp_tool *tool_named(gh_mcp_catalog *catalog, const char *name)
{
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, gh_view_of(name));
    ck_assert_ptr_nonnull(tool);
    return tool;
}

static gh_status fits(const gh_mcp_tool *tool, const char *value_text)
{
    cJSON *value = cJSON_Parse(value_text);
    gh_status status = gh_schema_check(tool->input, value, "arguments", NULL);
    cJSON_Delete(value);
    return status;
}

START_TEST(say_hello_takes_a_name_of_1_to_100_characters_and_nothing_else)
{
    world w;
    char value[256] = "{\"name\":\"";
    enter(&w);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_tool *say_hello = tool_named(catalog, "sayHello");
    const gh_mcp_tool *whoami = tool_named(catalog, "whoami");
    memset(value + 9, 'n', 100);
    memcpy(value + 109, "\"}", 3);
    ck_assert_int_eq(fits(say_hello, value), GH_OK);
    memset(value + 9, 'n', 101);
    memcpy(value + 110, "\"}", 3);
    ck_assert_int_eq(fits(say_hello, value), GH_ERR_INVALID);
    ck_assert_int_eq(fits(say_hello, "{}"), GH_OK);
    ck_assert_int_eq(fits(say_hello, "{\"name\":\"\"}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(say_hello, "{\"name\":7}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(say_hello, "{\"name\":\"a\",\"x\":1}"), GH_ERR_INVALID);
    ck_assert_int_eq(fits(whoami, "{}"), GH_OK);
    ck_assert_int_eq(fits(whoami, "{\"x\":1}"), GH_ERR_INVALID);
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

START_TEST(whoami_tells_what_the_token_says_and_how_long_it_lasts)
{
    world w;
    gh_principal ada = someone();
    ada.name = QUOTED;
    ada.email = EMAIL;
    ada.client_id = CLIENT;
    ada.scope = SCOPES;
    gh_clock_set_source(NULL, noon);
    enter(&w);
    ck_assert_ptr_nonnull(strstr(call_as(&w, &ada, "whoami", "{}"), "offline_access"));
    ck_assert_str_eq(w.call.told.structured,
                     "{\"subject\":\"u-1\",\"name\":\"Ada \\\"the first\\\"\",\"email\":"
                     "\"ada@example.org\",\"client\":\"client-1\",\"scopes\":[\"mcp\","
                     "\"offline_access\"],\"secondsLeft\":90}");
    leave(&w);
}
END_TEST

START_TEST(whoami_leaves_out_what_is_not_known_and_never_counts_below_zero)
{
    world w;
    gh_principal ada = someone();
    ada.expires_at = 5;
    ada.scope = NULL;
    enter(&w);
    (void)call_as(&w, &ada, "whoami", "{}");
    ck_assert_str_eq(w.call.told.structured, "{\"subject\":\"u-1\",\"scopes\":[],\"secondsLeft\":0}");
    ada.expires_at = INT64_MAX;
    ck_assert_ptr_nonnull(strstr(call_as(&w, &ada, "whoami", "{}"), ":9007199254740991}"));
    leave(&w);
}
END_TEST

START_TEST(whoami_keeps_to_its_output_schema)
{
    world w;
    gh_principal ada = someone();
    gh_error error = {GH_OK, ""};
    enter(&w);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_tool *tool = tool_named(catalog, "whoami");
    for (int i = 0; i < 2; i++) {
        (void)call_as(&w, &ada, "whoami", "{}");
        cJSON *value = cJSON_Parse(w.call.told.structured);
        gh_status status = gh_schema_check(tool->output, value, "structuredContent", &error);
        ck_assert_msg(status == GH_OK, "%s", error.message);
        cJSON_Delete(value);
        ada.name = NAME;
        ada.email = EMAIL;
        ada.client_id = CLIENT;
        ada.scope = TWO_SCOPES;
    }
    gh_mcp_catalog_release(catalog);
    leave(&w);
}
END_TEST

START_TEST(the_tools_that_come_with_the_server_are_quick_and_only_read)
{
    static const char *const NAMES[] = {"sayHello", "whoami"};
    world w;
    enter(&w);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    for (size_t i = 0; i < 2; i++) {
        const gh_mcp_tool *tool = tool_named(catalog, NAMES[i]);
        bool read_only = false;
        ck_assert_uint_eq(tool->item.flags, GATEHOUSE_QUICK);
        cJSON *hints = cJSON_Parse(tool->item.annotations);
        ck_assert(gh_json_get_bool(hints, "readOnlyHint", &read_only) && read_only);
        cJSON_Delete(hints);
    }
    gh_mcp_catalog_release(catalog);
    leave(&w);
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
    tcase_add_test(tc, the_tools_that_come_with_the_server_are_quick_and_only_read);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
