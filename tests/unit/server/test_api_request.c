/* What of arguments reaches the API, and where. */
#include "tests/support/suite.h"
#include "tests/unit/server/api_fixture.h"

static const char TOOLS[] =
    "{'upstreams':{'orders':{'url':'@URL/v1','headers':{'X-Person':'{@subject}'}}},'tools':["
    "{'name':'get','inputSchema':{'type':'object','properties':{'id':{'type':'string'},'limit':{},"
    "'tags':{'type':'array'},'etag':{'type':'string'}},'required':['id']},"
    "'request':{'method':'GET','path':'/orders/{id}/lines','query':{'limit':'{limit}',"
    "'tag':{'value':'{tags}','style':'form','explode':true}},'headers':{'If-Match':'{etag}'}}},"
    "{'name':'put','inputSchema':{'type':'object','properties':{'id':{'type':'string'},'note':{'type':"
    "'string'},'lines':{}},'required':['id']},'request':{'method':'PUT','path':'/orders/{id}',"
    "'body':{'json':{'lines':'{lines}','note':'From {@name}: {note}','kind':'x'}}}},"
    "{'name':'form','inputSchema':{'type':'object','properties':{'a':{},'b':{}}},"
    "'request':{'method':'POST','path':'/form','body':{'form':{'a':'{a}','b':'{b}'}}}},"
    "{'name':'text','inputSchema':{'type':'object','properties':{'a':{'type':'string'}},'required':['a']},"
    "'request':{'method':'PATCH','path':'/text','body':{'text':'say {a}!','type':'text/x-note'}}},"
    "{'name':'clear','inputSchema':{'type':'object','properties':{'note':{'type':['string','null']},"
    "'tags':{'type':['array','null']},'id':{'type':'string'}}},'request':{'method':'PATCH','path':'/note',"
    "'body':{'json':{'note':'{note}','tags':['{tags}'],'text':'by {note}','id':'{id}'},'sendNull':true}}},"
    "{'name':'drop','inputSchema':{'type':'object'},'request':{'method':'DELETE','path':'/all'}},"
    "{'name':'look','inputSchema':{'type':'object'},'request':{'method':'HEAD','path':'/all'}}]}";

START_TEST(arguments_land_in_path_query_and_headers_escaped_for_each)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    works(&world, "get", "{'id':'a/b ?#&%2e','limit':10,'tags':['x y','z&w'],'etag':'W/\\'1\\''}",
          "structuredContent");
    was_asked(&world, 0, "GET /v1/orders/a%2Fb%20%3F%23%26%252e/lines?limit=10&tag=x%20y&tag=z%26w");
    ck_assert(had_line(&world, 0, "If-Match: W/\"1\""));
    ck_assert(had_line(&world, 0, "X-Person: ada"));
    ck_assert(had_line(&world, 0, "User-Agent: gatehouse/" GATEHOUSE_VERSION));
    ck_assert(had_line(&world, 0, "Accept: application/json, text/*;q=0.9, */*;q=0.5"));
    ck_assert(!had_line(&world, 0, "Authorization: Bearer token-of-ada-0"));
    works(&world, "get", "{'id':'7'}", "structuredContent");
    was_asked(&world, 1, "GET /v1/orders/7/lines");
    ck_assert(!had_line(&world, 1, "If-Match: "));
    close_world(&world);
}
END_TEST

START_TEST(bodies_are_json_forms_and_texts)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    works(&world, "put", "{'id':'7','note':'say \\'hi\\'','lines':[1,{'a':12345678901234567890}]}", "{}");
    was_asked(&world, 0, "PUT /v1/orders/7");
    ck_assert(had_line(&world, 0, "Content-Type: application/json"));
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(world.fixture, 0),
                              "{\"lines\":[1,{\"a\":12345678901234567890}],\"note\":\"From Ada: say "
                              "\\\"hi\\\"\",\"kind\":\"x\"}"));
    works(&world, "form", "{'a':'1 & 2','b':true}", "{}");
    ck_assert(had_line(&world, 1, "Content-Type: application/x-www-form-urlencoded"));
    gh_view form = gh_http_fixture_body(world.fixture, 1);
    ck_assert(gh_view_eq_cstr(form, "a=1%20%26%202&b=true") || gh_view_eq_cstr(form, "a=1+%26+2&b=true"));
    works(&world, "text", "{'a':'hi'}", "{}");
    was_asked(&world, 2, "PATCH /v1/text");
    ck_assert(had_line(&world, 2, "Content-Type: text/x-note"));
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(world.fixture, 2), "say hi!"));
    works(&world, "drop", NULL, "{}");
    was_asked(&world, 3, "DELETE /v1/all");
    ck_assert_uint_eq(gh_http_fixture_body(world.fixture, 3).len, 0);
    close_world(&world);
}
END_TEST

START_TEST(null_is_sent_where_the_body_says_so)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    works(&world, "clear", "{'note':null,'tags':null}", "{}");
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(world.fixture, 0), "{\"note\":null,\"tags\":[null]}"));
    works(&world, "clear", "{'tags':['a',null]}", "{}");
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(world.fixture, 1), "{\"tags\":[[\"a\",null]]}"));
    works(&world, "put", "{'id':'7','lines':null}", "{}"); /* elsewhere it is as good as nothing */
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(world.fixture, 2), "{\"kind\":\"x\"}"));
    close_world(&world);
}
END_TEST

START_TEST(a_head_asks_whether_something_is_there)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS,
               {.method = "HEAD",
                .reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 77\r\n\r\n"},
               {.reply = "HTTP/1.1 404 Not Found\r\nContent-Length: 77\r\n\r\n"});
    works(&world, "look", NULL, "no content");
    fails(&world, "look", NULL, "404");
    close_world(&world);
}
END_TEST

static const char *const TRICKS[] = {"{'id':'..'}",     "{'id':'.'}",           "{'id':''}",
                                     "{'id':'%2e%2e'}", "{'id':'../../admin'}", "{'id':'..\\\\admin'}",
                                     "{'id':'..;x'}",   "{'id':'%252e%252e'}",  "{'id':'x/../../y'}"};

START_TEST(a_path_cannot_be_led_elsewhere)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    ck_assert_int_eq(call_as(&world, &ADA, "get", TRICKS[_i]), GH_OK);
    ck_assert(world.failed);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    close_world(&world);
}
END_TEST

START_TEST(header_values_cannot_have_lines)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    ck_assert_int_eq(call_as(&world, &ADA, "get", "{'id':'1','etag':'a\\r\\nX-Admin: 1'}"), GH_OK);
    ck_assert(world.failed);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    close_world(&world);
}
END_TEST

START_TEST(arguments_that_do_not_fit_the_schema_never_get_there)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    ck_assert_int_eq(call_as(&world, &ADA, "get", "{'id':7}"), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(world.error.message, "arguments.id"));
    ck_assert_int_eq(call_as(&world, &ADA, "nothing", "{}"), GH_ERR_NOT_FOUND);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    close_world(&world);
}
END_TEST

START_TEST(what_makes_too_much_of_a_url_is_refused)
{
    api_world world;
    gh_buf arguments = GH_BUF_INIT(10000);
    OPEN_WORLD(&world, TOOLS, {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    (void)gh_buf_append_cstr(&arguments, "{'id':'");
    for (int i = 0; i < 5000; i++) {
        (void)gh_buf_append_char(&arguments, 'x');
    }
    (void)gh_buf_append_cstr(&arguments, "'}");
    fails(&world, "get", gh_buf_cstr(&arguments), "too long");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    gh_buf_free(&arguments);
    close_world(&world);
}
END_TEST

START_TEST(a_header_for_whom_it_is_must_be_there)
{
    api_world world;
    OPEN_WORLD(&world,
               "{'upstreams':{'a':{'url':'@URL','headers':{'X-Mail':'{@email}'}}},'tools':[{'name':'get',"
               "'inputSchema':{'type':'object'},'request':{'method':'GET','path':'/'}}]}",
               {.reply = OK_JSON("{}"), .close = true, .repeat = true});
    fails(&world, "get", NULL, "X-Mail");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    close_world(&world);
}
END_TEST

typedef struct place {
    const char *base, *url;
    bool below;
} place;

static const place PLACES[] = {
    {"https://a.example/v1", "https://a.example/v1/x", true},
    {"https://a.example/v1", "https://a.example/v1", true},
    {"https://a.example/v1", "https://a.example/v1?x=../y", true},
    {"https://a.example/v1", "HTTPS://A.example:443/v1/x", true},
    {"https://a.example", "https://a.example/x", true},
    {"https://a.example/v1", "https://a.example/v1/a..b/...", true},
    {"https://a.example/v1", "https://a.example/v1/100%25", true},
    {"https://a.example/v1", "https://a.example/v10", false},
    {"https://a.example/v1", "https://a.example/V1/x", false},
    {"https://a.example/v1", "https://a.example/", false},
    {"https://a.example/v1", "https://b.example/v1/x", false},
    {"https://a.example/v1", "http://a.example/v1/x", false},
    {"https://a.example/v1", "https://a.example:444/v1/x", false},
    {"https://a.example/v1", "https://u@a.example/v1/x", false},
    {"https://a.example/v1", "https://a.example/v1/x#y", false},
    {"https://a.example/v1", "https://a.example/v1/../x", false},
    {"https://a.example/v1", "https://a.example/v1/..", false},
    {"https://a.example/v1", "https://a.example/v1/./x", false},
    {"https://a.example/v1", "https://a.example/v1/%2e%2E/x", false},
    {"https://a.example/v1", "https://a.example/v1/x%2f..%2fy", false},
    {"https://a.example/v1", "https://a.example/v1/x%5c..%5cy", false},
    {"https://a.example/v1", "https://a.example/v1/..;a/y", false},
    {"https://a.example/v1", "https://a.example/v1/%252e%252e/y", false},
    {"https://a.example/v1", "https://a.example/v1/%25252e./y", false},
};

START_TEST(a_url_is_below_its_base_or_refused)
{
    ck_assert_msg(gh_api_url_is_below(PLACES[_i].base, PLACES[_i].url) == PLACES[_i].below, "%s",
                  PLACES[_i].url);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_request");
    TCase *tests = tcase_create("request");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, arguments_land_in_path_query_and_headers_escaped_for_each);
    tcase_add_test(tests, bodies_are_json_forms_and_texts);
    tcase_add_test(tests, null_is_sent_where_the_body_says_so);
    tcase_add_test(tests, a_head_asks_whether_something_is_there);
    tcase_add_loop_test(tests, a_path_cannot_be_led_elsewhere, 0, (int)(sizeof TRICKS / sizeof *TRICKS));
    tcase_add_test(tests, header_values_cannot_have_lines);
    tcase_add_test(tests, arguments_that_do_not_fit_the_schema_never_get_there);
    tcase_add_test(tests, what_makes_too_much_of_a_url_is_refused);
    tcase_add_test(tests, a_header_for_whom_it_is_must_be_there);
    tcase_add_loop_test(tests, a_url_is_below_its_base_or_refused, 0, (int)(sizeof PLACES / sizeof *PLACES));
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
