#include "bridge/probe.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

static bool done;
static gh_status status;
static int http_status;
static char challenge[512];

static void on_done(void *context, const gh_probe_result *result)
{
    (void)context;
    ck_assert(!done);
    done = true;
    status = result->status;
    http_status = result->http_status;
    (void)snprintf(challenge, sizeof(challenge), "%.*s", (int)result->challenge.len,
                   result->challenge.ptr != NULL ? result->challenge.ptr : "");
}

static void setup(void)
{
    world_open();
    done = false;
}

static void probe(const char *token)
{
    ck_assert_int_eq(gh_probe_start(world.loop, &world.settings, token, NULL, on_done, NULL, NULL), GH_OK);
    ck_assert(!done);
    ck_assert(world_until(world_is_true, &done, 5000));
}

START_TEST(a_stranger_gets_the_challenge)
{
    probe(NULL);
    ck_assert_int_eq(status, GH_OK);
    ck_assert_int_eq(http_status, 401);
    ck_assert_ptr_nonnull(strstr(challenge, "resource_metadata="));
    gh_view head = gh_http_fixture_head(world.fixture, 0);
    ck_assert_ptr_null(memmem(head.ptr, head.len, "Authorization", 13));
    cJSON *json = NULL;
    ck_assert_int_eq(
        gh_json_parse(gh_http_fixture_body(world.fixture, 0), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    ck_assert_str_eq(gh_json_get_string(json, "method"), "server/discover");
    cJSON_Delete(json);
}
END_TEST

START_TEST(a_token_is_sent)
{
    world_always("POST", "/mcp", 200, "{}");
    probe("access-0");
    ck_assert_int_eq(http_status, 200);
    ck_assert_str_eq(challenge, "");
    ck_assert(gh_http_fixture_has_line(world.fixture, 0, "Authorization: Bearer access-0"));
}
END_TEST

START_TEST(a_stream_that_stays_open_is_an_answer)
{
    world.steps[0] =
        (gh_http_fixture_step){.method = "POST",
                               .path = "/mcp",
                               .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n",
                               .stall_ms = 20000};
    gh_deadline soon = gh_deadline_in(3000);
    probe(NULL);
    ck_assert(!gh_deadline_passed(soon));
    ck_assert_int_eq(status, GH_OK);
    ck_assert_int_eq(http_status, 200);
}
END_TEST

START_TEST(a_server_of_the_old_transport_shows_itself_by_its_stream)
{
    world_always("POST", "/mcp", 405, "");
    world.steps[1] =
        (gh_http_fixture_step){.method = "GET",
                               .path = "/mcp",
                               .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n",
                               .stall_ms = 20000};
    gh_deadline soon = gh_deadline_in(3000);
    probe("access-0");
    ck_assert(!gh_deadline_passed(soon));
    ck_assert_int_eq(http_status, 200);
    ck_assert(gh_http_fixture_has_line(world.fixture, 1, "Authorization: Bearer access-0"));
}
END_TEST

START_TEST(where_there_is_no_stream_either_the_first_answer_counts)
{
    world_always("POST", "/mcp", 405, "");
    world_always("GET", "/mcp", 404, "");
    probe(NULL);
    ck_assert_int_eq(status, GH_OK);
    ck_assert_int_eq(http_status, 405);
}
END_TEST

START_TEST(nobody_there_is_an_error)
{
    free(world.settings.url);
    ck_assert_int_ge(
        asprintf(&world.settings.url, "http://127.0.0.1:%u/mcp", (unsigned)gh_http_fixture_free_port()), 0);
    probe(NULL);
    ck_assert_int_ne(status, GH_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tests = tcase_create("probe");
    tcase_add_checked_fixture(tests, setup, world_close);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_stranger_gets_the_challenge);
    tcase_add_test(tests, a_token_is_sent);
    tcase_add_test(tests, a_stream_that_stays_open_is_an_answer);
    tcase_add_test(tests, a_server_of_the_old_transport_shows_itself_by_its_stream);
    tcase_add_test(tests, where_there_is_no_stream_either_the_first_answer_counts);
    tcase_add_test(tests, nobody_there_is_an_error);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
