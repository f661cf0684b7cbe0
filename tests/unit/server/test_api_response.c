/* What of an API's answer reaches the client. */
#include "tests/support/suite.h"
#include "tests/unit/server/api_fixture.h"

#define TOOL(members)                                                                                        \
    "{'upstreams':{'orders':{'url':'@URL'}},'tools':[{'name':'get','inputSchema':{'type':'object'},"         \
    "'request':{'method':'GET','path':'/x','retries':0}" members "}]}"

#define REPLY(type, text) "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nConnection: close\r\n\r\n" text
#define BARE(text) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" text

typedef struct row {
    const char *tool;
    const char *reply;
    const char *part; /* of the result */
    bool failed;
} row;

static const row ROWS[] = {
    /* JSON */
    {TOOL(""), REPLY("application/json", "{\"a\": 1}"), "'structuredContent':{'a':1}", false},
    {TOOL(""), REPLY("application/problem+json; charset=UTF-8", "{\"a\":1}"), "{'a':1}", false},
    {TOOL(""), REPLY("application/json", "[1,2]"), "'structuredContent':{'result':[1,2]}", false},
    {TOOL(""), REPLY("application/json", "null"), "'structuredContent':{'result':null}", false},
    {TOOL(",'response':{'wrap':'orders'}"), REPLY("application/json", "[]"), "{'orders':[]}", false},
    {TOOL(",'response':{'wrap':'orders'}"), REPLY("application/json", "{}"), "'structuredContent':{}", false},
    {TOOL(",'response':{'pointer':'/data/1/a~1b'}"),
     REPLY("application/json", "{\"data\":[0,{\"a/b\":{\"c\":3}}]}"), "'structuredContent':{'c':3}", false},
    {TOOL(",'response':{'pointer':'/data/2'}"), REPLY("application/json", "{\"data\":[0,1]}"),
     "has no /data/2", true},
    {TOOL(",'response':{'pointer':'/data/x'}"), REPLY("application/json", "{\"data\":\"text\"}"),
     "has no /data/x", true},
    {TOOL(""), REPLY("application/json", "\xef\xbb\xbf{}"), "'structuredContent':{}", false},
    {TOOL(""), REPLY("application/json", "{\"a\":1"), "not the JSON", true},
    {TOOL(""), REPLY("application/json", "<html>"), "not the JSON", true},
    {TOOL(""), REPLY("application/json", "{\"a\":\"\xff\"}"), "not the JSON", true},
    {TOOL(",'response':{'type':'json'}"), REPLY("text/html", "<html>"), "not the JSON", true},
    {TOOL(",'response':{'type':'json'}"), REPLY("text/plain", "{\"a\":1}"), "{'a':1}", false},
    {TOOL(",'outputSchema':{'type':'object','properties':{'n':{'type':'integer'}},'required':['n']}"),
     REPLY("application/json", "{\"n\":3}"), "{'n':3}", false},
    {TOOL(",'outputSchema':{'type':'object','properties':{'n':{'type':'integer'}},'required':['n']}"),
     REPLY("application/json", "{\"n\":\"three\"}"), "answer.n must be", true},
    {TOOL(",'outputSchema':{'type':'object'}"), REPLY("text/plain", "hello"), "not what this tool promises",
     true},
    {TOOL(",'outputSchema':{'type':'object'}"), "HTTP/1.1 204 No Content\r\n\r\n",
     "not what this tool promises", true},
    /* text */
    {TOOL(""), REPLY("text/plain", "Hello."), "'text':'Hello.'", false},
    {TOOL(""), BARE("Hello."), "'text':'Hello.'", false},
    {TOOL(""), REPLY("application/xml", "<a/>"), "<a/>", false},
    {TOOL(""), REPLY("image/svg+xml", "<svg/>"), "'type':'text','text':'<svg/>'", false},
    {TOOL(""), REPLY("text/plain; charset=\"iso-8859-1\"", "caf\xe9"), "caf\xc3\xa9", false},
    {TOOL(""), REPLY("text/plain; charset=utf-16", "h"), "character set", true},
    {TOOL(""), REPLY("text/plain", "caf\xe9"), "not the text", true},
    {TOOL(",'response':{'type':'text'}"), REPLY("application/json", "{\"a\":1}"),
     "'content':[{'type':'text','text':'{\\'a\\':1}'}]}", false},
    {TOOL(",'response':{'type':'text'}"), REPLY("application/octet-stream", "\xff\xd8\xff"), "not the text",
     true},
    /* images and sounds */
    {TOOL(""), REPLY("image/png", "\x89PNG\r\n\x1a\n..."),
     "{'type':'image','data':'iVBORw0KGgouLi4=','mimeType':'image/png'}", false},
    {TOOL(""), REPLY("IMAGE/JPG", "\xff\xd8\xff\xe0"), "'mimeType':'image/jpeg'", false},
    {TOOL(""), REPLY("audio/x-wav", "RIFF____WAVEfmt "), "{'type':'audio',", false},
    {TOOL(""), REPLY("image/png", "<script>alert(1)</script>"), "not the image", true},
    {TOOL(""), REPLY("image/png", "GIF89a"), "not the image", true},
    {TOOL(""), REPLY("image/fancy", "\x89PNG\r\n\x1a\n"), "not the image", true},
    {TOOL(",'response':{'type':'image'}"), REPLY("text/html", "\x89PNG\r\n\x1a\n"), "not the image", true},
    {TOOL(",'response':{'type':'audio'}"), REPLY("image/png", "\x89PNG\r\n\x1a\n"), "not the sound", true},
    {TOOL(""), REPLY("application/pdf", "%PDF"), "application/pdf, which cannot be shown", true},
    /* nothing, and more than asked for */
    {TOOL(""), "HTTP/1.1 204 No Content\r\n\r\n", "Done.", false},
    {TOOL(""), REPLY("application/json", ""), "Done.", false},
    {TOOL(""),
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: "
     "close\r\n\r\n\x1f\x8b",
     "compressed", true},
    /* errors */
    {TOOL(""),
     "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
     "{\"message\":\"limit must be below 100\"}",
     "(400). It says: limit must be below 100", true},
    {TOOL(""),
     "HTTP/1.1 422 Bad\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"
     "{\"type\":\"x\",\"title\":\"Wrong\",\"detail\":\"No stock\",\"errors\":[{\"pointer\":\"/n\"}]}",
     "It says: Wrong: No stock: [{\\'pointer\\':\\'/n\\'}]", true},
    {TOOL(""),
     "HTTP/1.1 422 Bad\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
     "{\"error\":{\"code\":7,\"message\":\"Too\\nlong\\u202e\"}}",
     "It says: Too long'", true},
    {TOOL(""),
     "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
     "{\"message\":\"upstream 10.1.2.3:8080 and fd00::1 said no, 8.8.8.8 too\"}",
     "upstream [internal address] and [internal address] said no, 8.8.8.8 too", true},
    {TOOL(""),
     "HTTP/1.1 400 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
     "tcp:10.0.0.5:5432 and db:192.168.1.9, not 2001:4860:4860::8888 or 12:30:45",
     "tcp:[internal address] and db:[internal address], not 2001:4860:4860::8888 or 12:30:45", true},
    {TOOL(""), "HTTP/1.1 400 Bad\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>nginx</h1>",
     "The API refused the request (400).'", true},
    {TOOL(""), "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "asks for a sign-in (401)", true},
    {TOOL(""),
     "HTTP/1.1 403 No\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
     "{\"message\":\"internal\"}",
     "does not allow this user to do that (403).'", true},
    {TOOL(""), "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "no such thing (404)", true},
    {TOOL(""), "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n", "conflicts with what is there now (409)",
     true},
    {TOOL(""), "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", "too large for the API (413)", true},
    {TOOL(""), "HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", "Try again in 30 seconds",
     true},
    {TOOL(""), "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nat Db.java:7",
     "The API failed (500). Try again later.'", true},
    {TOOL(""), "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
     "redirect (302) that is not followed", true},
    {TOOL(",'response':{'errors':{'404':'There is no order.','4xx':'Wrong.','5xx':'Broken.'}}"),
     "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "'text':'There is no order.'", true},
    {TOOL(",'response':{'errors':{'4xx':'Wrong.','404':'There is no order.'}}"),
     "HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n", "'text':'Wrong.'", true},
};

START_TEST(an_answer_becomes_what_a_client_can_use)
{
    api_world world;
    const row *one = &ROWS[_i];
    const gh_http_fixture_step step = {.reply = one->reply, .close = true};
    open_world(&world, &step, 1, one->tool);
    (one->failed ? fails : works)(&world, "get", NULL, one->part);
    ck_assert_ptr_null(strstr(result_of(&world), "127.0.0.1"));
    close_world(&world);
}
END_TEST

START_TEST(an_excerpt_ends_somewhere)
{
    api_world world;
    gh_buf reply = GH_BUF_INIT(100000);
    (void)gh_buf_append_cstr(&reply,
                             "HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 5000; i++) {
        (void)gh_buf_append_cstr(&reply, "\xc3\xa4");
    }
    const gh_http_fixture_step step = {.reply = gh_buf_cstr(&reply), .close = true};
    open_world(&world, &step, 1, TOOL(""));
    fails(&world, "get", NULL, "\xc3\xa4\xe2\x80\xa6");
    ck_assert_uint_lt(world.out.len, 1200);
    close_world(&world);
    gh_buf_free(&reply);
}
END_TEST

START_TEST(an_answer_that_repeats_the_secret_is_not_shown)
{
    api_world world;
    OPEN_WORLD(
        &world,
        "{'upstreams':{'a':{'url':'@URL','credential':'user'}},'tools':[{'name':'get',"
        "'inputSchema':{'type':'object'},'request':{'method':'GET','path':'/'}}]}",
        {.reply = OK_JSON("{\"headers\":{\"Authorization\":\"Bearer token-of-ada-0\"}}"), .close = true},
        {.reply = "HTTP/1.1 400 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                  "bad token token-of-ada-0",
         .close = true});
    fails(&world, "get", NULL, "repeats the secret");
    ck_assert_ptr_null(strstr(result_of(&world), "token-of"));
    fails(&world, "get", NULL, "(400)");
    ck_assert_ptr_null(strstr(result_of(&world), "token-of"));
    close_world(&world);
}
END_TEST

START_TEST(a_secret_is_recognized_with_its_slashes_escaped)
{
    static const struct {
        const char *body;
        bool repeats;
    } CASES[] = {{"{\"a\":\"ab/cd/efgh\"}", true},
                 {"{\"a\":\"ab\\/cd\\/efgh\"}", true},
                 {"{\"a\":\"ab\\/ab\\/cd/efgh\"}", true},
                 {"ab\\/cd\\/efg", false},
                 {"ab\\/cd\\/efg\\", false},
                 {"ab\\cd\\efgh", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        gh_api_reply reply = {.body = GH_BUF_INIT(100),
                              .credential = gh_secret_new(GH_VIEW_LIT("Key ab/cd/efgh"))};
        ck_assert_int_eq(gh_buf_append_cstr(&reply.body, CASES[i].body), GH_OK);
        ck_assert_msg(gh_api_reply_repeats_credential(&reply) == CASES[i].repeats, "%s", CASES[i].body);
        gh_api_reply_clear(&reply);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_response");
    TCase *tests = tcase_create("response");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, an_answer_becomes_what_a_client_can_use, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(tests, an_excerpt_ends_somewhere);
    tcase_add_test(tests, an_answer_that_repeats_the_secret_is_not_shown);
    tcase_add_test(tests, a_secret_is_recognized_with_its_slashes_escaped);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
