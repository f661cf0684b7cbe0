/* How an API is called: again or not, for how long, and as whom. */
#include <pthread.h>
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/api_fixture.h"

#define UPSTREAM(members) "{'upstreams':{'orders':{'url':'@URL/v1'" members "}},'tools':["
#define TOOL(name, method, members)                                                                          \
    "{'name':'" name "','inputSchema':{'type':'object'},'request':{'method':'" method                        \
    "','path':'/x'" members "}}"

static const char TOOLS[] =
    UPSTREAM("") TOOL("get", "GET", "") "," TOOL("put", "PUT", "") "," TOOL("post", "POST", "") "," TOOL(
        "again", "POST",
        ",'retries':1") "," TOOL("never", "GET",
                                 ",'retries':0") "," TOOL("brief", "GET",
                                                          ",'timeoutMs':300,'retries':0") "," TOOL("small",
                                                                                                   "GET",
                                                                                                   ",'"
                                                                                                   "maxRespon"
                                                                                                   "seBytes':"
                                                                                                   "1000,'"
                                                                                                   "retries':"
                                                                                                   "0") "]}";

#define EMPTY(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"
#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

/* --- again --- */

typedef struct again {
    const char *tool;
    const char *first; /* reply; NULL closes the connection */
    size_t requests;
    bool failed;
} again;

static const again AGAINS[] = {
    {"get", NULL, 2, false},
    {"get", EMPTY("502 Bad"), 2, false},
    {"get", EMPTY("503 Busy"), 2, false},
    {"get", EMPTY("504 Slow"), 2, false},
    {"get", "HTTP/1.1 429 Many\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n", 2, false},
    {"get", "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", 2, false},
    {"put", EMPTY("503 Busy"), 2, false},
    {"again", EMPTY("503 Busy"), 2, false},
    {"get", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{", 2, false},
    /* not these */
    {"get", EMPTY("500 Broken"), 1, true},
    {"get", EMPTY("429 Many"), 1, true},
    {"get", EMPTY("400 Bad"), 1, true},
    {"get", "HTTP/1.1 503 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", 1, true},
    {"get", "HTTP/1.1 503 Busy\r\nRetry-After: 9223372036854775807\r\nContent-Length: 0\r\n\r\n", 1, true},
    {"post", EMPTY("503 Busy"), 1, true},
    {"post", NULL, 1, true},
    {"never", EMPTY("503 Busy"), 1, true},
};

START_TEST(a_request_is_sent_again_when_that_may_help_and_does_no_harm)
{
    api_world world;
    const again *one = &AGAINS[_i];
    const gh_http_fixture_step steps[] = {{.reply = one->first, .close = true}, {.reply = OK_REPLY}};
    open_world(&world, steps, 2, TOOLS);
    ck_assert_int_eq(call_as(&world, &ADA, one->tool, NULL), GH_OK);
    ck_assert_msg(world.failed == one->failed, "%s", gh_buf_cstr(&world.out));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), one->requests);
    close_world(&world);
}
END_TEST

START_TEST(it_is_sent_again_as_often_as_the_file_says)
{
    api_world world;
    OPEN_WORLD(&world, UPSTREAM("") TOOL("get", "GET", ",'retries':3") "]}",
               {.reply = EMPTY("503 Busy"), .repeat = true});
    fails(&world, "get", NULL, "The API failed (503)");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 4);
    close_world(&world);
}
END_TEST

START_TEST(a_lost_post_may_have_been_done)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = NULL});
    fails(&world, "post", NULL, "may have been done all the same");
    close_world(&world);
}
END_TEST

START_TEST(nobody_there_is_said_without_an_address)
{
    api_world world;
    char url[64];
    gh_toolset *tools = NULL;
    open_world(&world, NULL, 0, TOOLS);
    tools = world.tools;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)gh_http_fixture_free_port());
    world.tools = read_tools(TOOLS, url, ".");
    fails(&world, "get", NULL, "The API orders cannot be reached. Try again later.");
    gh_toolset_release(tools);
    close_world(&world);
}
END_TEST

/* --- bounds --- */

static const char ENDLESS[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3e8\r\n"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "\r\n5\r\nyyyyy\r\n";

typedef struct bound {
    const char *tool;
    gh_http_fixture_step step;
    const char *part;
} bound;

static const bound BOUNDS[] = {
    {"small", {.reply = ENDLESS, .stall_ms = 20000}, "larger than the 1000 bytes"},
    {"small",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000000000\r\n\r\nx",
      .stall_ms = 20000},
     "larger than the 1000 bytes"},
    {"small",
     {.reply = "HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nContent-Length: 100000000000\r\n\r\nx",
      .stall_ms = 20000},
     "(404)"},
    {"brief", {.reply = OK_REPLY, .delay_ms = 20000}, "did not answer in time"},
    {"brief",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"a\":",
      .stall_ms = 20000},
     "did not answer in time"},
    {"brief", {.reply = OK_REPLY, .piece = 1, .piece_delay_ms = 100}, "did not answer in time"},
    {"never",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}",
      .close = true},
     "before its answer was complete"},
    {"never", {.reply = "SSH-2.0-OpenSSH_9\r\n", .close = true}, "failed"},
    {"never",
     {.reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: "
               "9\r\n\r\n{}",
      .close = true},
     ""},
};

START_TEST(an_api_that_lies_about_size_or_hangs_is_given_up)
{
    api_world world;
    const bound *one = &BOUNDS[_i];
    int64_t begin = gh_clock_mono_ms();
    open_world(&world, &one->step, 1, TOOLS);
    ck_assert_int_eq(call_as(&world, &ADA, one->tool, NULL), GH_OK);
    const char *result = result_of(&world);
    ck_assert_msg(strstr(result, one->part) != NULL, "%s", result);
    ck_assert(world.failed || one->part[0] == '\0');
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 15000);
    close_world(&world);
}
END_TEST

/* --- redirects --- */

typedef struct hop {
    const char *method; /* of the tool */
    const char *location;
    size_t requests;
} hop;

static const hop HOPS[] = {
    {"get", "/v1/y", 2},
    {"get", "y", 2},
    {"get", "http://localhost/v1/y", 1},
    {"get", "//example.com/v1/y", 1},
    {"get", "/admin", 1},
    {"get", "/v1/../admin", 1},
    {"get", "/v1/%2e%2e/admin", 1},
    {"get", "/v10", 1},
    {"put", "/v1/y", 1},
    {"post", "/v1/y", 1},
};

START_TEST(redirects_stay_where_the_file_says)
{
    api_world world;
    char reply[200];
    (void)snprintf(reply, sizeof reply, "HTTP/1.1 307 There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                   HOPS[_i].location);
    const gh_http_fixture_step steps[] = {{.path = "/v1/x", .reply = reply}, {.reply = OK_REPLY}};
    open_world(&world, steps, 2, TOOLS);
    ck_assert_int_eq(call_as(&world, &ADA, HOPS[_i].method, NULL), GH_OK);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), HOPS[_i].requests);
    ck_assert_int_eq(world.failed, HOPS[_i].requests == 1);
    close_world(&world);
}
END_TEST

START_TEST(redirects_end_after_three)
{
    api_world world;
    OPEN_WORLD(
        &world, TOOLS,
        {.reply = "HTTP/1.1 302 There\r\nLocation: /v1/x\r\nContent-Length: 0\r\n\r\n", .repeat = true});
    fails(&world, "get", NULL, "redirect (302)");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 4);
    close_world(&world);
}
END_TEST

/* --- addresses --- */

/* Names below .localhost lead here (RFC 6761, 6.3), and libcurl sees to it. */
static void call_by_name(api_world *world, const char *tools)
{
    char url[128];
    (void)snprintf(url, sizeof url, "https://api.localhost:%u",
                   (unsigned)gh_http_fixture_port(world->fixture));
    gh_toolset_release(world->tools);
    world->tools = read_tools(tools, url, ".");
    ck_assert_int_eq(call_as(world, &ADA, "get", NULL), GH_OK);
    ck_assert(world->failed); /* nobody speaks TLS there */
}

START_TEST(a_name_that_leads_to_a_private_address_is_refused_unless_the_file_allows_it)
{
    api_world world;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_REPLY, .repeat = true});
    call_by_name(&world, UPSTREAM("") TOOL("get", "GET", ",'retries':0") "]}");
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&world.out), "cannot be called safely"));
    ck_assert_uint_eq(gh_http_fixture_connections(world.fixture), 0);
    call_by_name(&world,
                 UPSTREAM(",'allowPrivate':true") TOOL("get", "GET", ",'retries':0,'timeoutMs':500") "]}");
    ck_assert_uint_eq(gh_http_fixture_connections(world.fixture), 1);
    close_world(&world);
}
END_TEST

/* --- as whom --- */

static const char AS_USER[] =
    UPSTREAM(",'credential':'user'") TOOL("get", "GET", "") "," TOOL("post", "POST", "") "]}";

START_TEST(each_user_is_told_apart)
{
    api_world world;
    OPEN_WORLD(&world, AS_USER, {.reply = OK_REPLY, .repeat = true});
    for (size_t i = 0; i < 20; i++) {
        ck_assert_int_eq(call_as(&world, i % 2 == 0 ? &ADA : &BOB, "get", NULL), GH_OK);
        ck_assert(had_line(&world, i,
                           i % 2 == 0 ? "Authorization: Bearer token-of-ada-0"
                                      : "Authorization: Bearer token-of-bob-0"));
    }
    close_world(&world);
}
END_TEST

typedef struct caller {
    gh_api_slot *slot;
    gh_principal who;
    char subject[16];
    pthread_t thread;
    int good;
} caller;

static void *calls(void *context)
{
    static const gh_call_hooks NO_HOOKS = {0};
    caller *self = context;
    for (int i = 0; i < 30; i++) {
        gh_call call;
        const gh_call_question question = {.kind = GH_CALL_TOOL,
                                           .principal = &self->who,
                                           .item = "Tool get of tools.json",
                                           .target = "get",
                                           .arguments = "{}",
                                           .capabilities = "{}"};
        gh_call_init(&call, &question, &NO_HOOKS);
        gh_call_run(&call, gh_api_call_tool, self->slot);
        self->good += call.told.outcome == GH_CALL_ANSWERED && !call.told.is_error ? 1 : 0;
        gh_call_clear(&call);
    }
    return NULL;
}

/* Each request names its user by a template and by the credential: they must agree. */
START_TEST(users_at_once_never_share_a_credential)
{
    api_world world;
    gh_api_set *set = NULL;
    caller callers[6];
    char expected[64];
    OPEN_WORLD(&world,
               UPSTREAM(",'credential':'user','headers':{'X-Person':'{@subject}'}")
                   TOOL("get", "GET", "") "]}",
               {.reply = OK_REPLY, .repeat = true});
    ck_assert_int_eq(gh_api_set_new(world.api, world.tools, &set, NULL), GH_OK);
    gh_api_slot *slot = gh_api_slot_new(world.api, set, 0);
    for (size_t i = 0; i < 6; i++) {
        callers[i] = (caller){.slot = slot, .who = ADA};
        (void)snprintf(callers[i].subject, sizeof callers[i].subject, "u%zu", i);
        callers[i].who.subject = callers[i].subject;
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, calls, &callers[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(pthread_join(callers[i].thread, NULL), 0);
        ck_assert_int_eq(callers[i].good, 30);
    }
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 180);
    ck_assert_uint_le(gh_http_fixture_connections(world.fixture), 6);
    for (size_t i = 0; i < 180; i++) {
        size_t matches = 0;
        for (size_t u = 0; u < 6; u++) {
            (void)snprintf(expected, sizeof expected, "X-Person: u%zu", u);
            bool person = had_line(&world, i, expected);
            (void)snprintf(expected, sizeof expected, "Authorization: Bearer token-of-u%zu-0", u);
            ck_assert_int_eq(person, had_line(&world, i, expected));
            matches += person ? 1 : 0;
        }
        ck_assert_uint_eq(matches, 1);
    }
    gh_api_slot_release(slot);
    gh_api_set_release(set);
    close_world(&world);
}
END_TEST

START_TEST(a_refused_token_is_renewed_once)
{
    api_world world;
    OPEN_WORLD(&world, AS_USER, {.reply = EMPTY("401 No")}, {.reply = OK_REPLY}, {.reply = EMPTY("401 No")},
               {.reply = EMPTY("401 No")}, {.reply = OK_REPLY});
    works(&world, "post", NULL, "{}");
    ck_assert(had_line(&world, 0, "Authorization: Bearer token-of-ada-0"));
    ck_assert(had_line(&world, 1, "Authorization: Bearer token-of-ada-1"));
    ck_assert_int_eq(call_as(&world, &BOB, "get", NULL), GH_OK);
    ck_assert(world.failed);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&world.out), "Sign in again"));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 4);
    ck_assert(had_line(&world, 3, "Authorization: Bearer token-of-bob-2"));
    close_world(&world);
}
END_TEST

START_TEST(a_credential_that_the_mode_cannot_give_is_refused_at_once)
{
    api_world world;
    open_world(&world, NULL, 0,
               UPSTREAM(",'credential':{'type':'exchange','audience':'a'}") TOOL("get", "GET", "") "]}");
    ck_assert_int_eq(call_as(&world, &ADA, "get", NULL), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(world.error.message, "upstream orders: "));
    close_world(&world);
}
END_TEST

/* --- while it runs --- */

typedef struct running {
    gh_call call;
    gh_api_slot *slot;
    pthread_t thread;
    int64_t took_ms;
    int progressed;
    double last, total;
} running;

static void note_progress(void *context, double progress, double total, const char *message)
{
    running *self = context;
    ck_assert_ptr_nonnull(message);
    self->progressed++;
    self->last = progress;
    self->total = total;
}

static void *runs(void *context)
{
    running *self = context;
    int64_t begin = gh_clock_mono_ms();
    gh_call_run(&self->call, gh_api_call_tool, self->slot);
    self->took_ms = gh_clock_mono_ms() - begin;
    return NULL;
}

static void prepare(api_world *world, running *self, gh_deadline deadline)
{
    gh_api_set *set = NULL;
    const gh_call_question question = {.kind = GH_CALL_TOOL,
                                       .principal = &ADA,
                                       .item = "Tool get of tools.json",
                                       .target = "get",
                                       .arguments = "{}",
                                       .capabilities = "{}",
                                       .deadline = deadline};
    const gh_call_hooks hooks = {.context = self, .progress = note_progress};
    memset(self, 0, sizeof *self);
    ck_assert_int_eq(gh_api_set_new(world->api, world->tools, &set, NULL), GH_OK);
    self->slot = gh_api_slot_new(world->api, set, 0);
    ck_assert_ptr_nonnull(self->slot);
    gh_api_set_release(set);
    gh_call_init(&self->call, &question, &hooks);
}

static void finish(running *self)
{
    gh_call_clear(&self->call);
    gh_api_slot_release(self->slot);
}

START_TEST(a_cancelled_call_ends_its_request)
{
    api_world world;
    running self;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_REPLY, .delay_ms = 30000}, {.reply = OK_REPLY});
    prepare(&world, &self, gh_deadline_never());
    ck_assert_int_eq(pthread_create(&self.thread, NULL, runs, &self), 0);
    ck_assert(gh_http_fixture_wait(world.fixture, 1, 20000));
    gh_call_cancel(&self.call);
    ck_assert_int_eq(pthread_join(self.thread, NULL), 0);
    ck_assert_int_lt(self.took_ms, 9000);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 1);
    finish(&self);
    close_world(&world);
}
END_TEST

START_TEST(a_cancelled_call_is_not_tried_again)
{
    api_world world;
    running self;
    OPEN_WORLD(&world, TOOLS,
               {.reply = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n", .repeat = true});
    prepare(&world, &self, gh_deadline_never());
    ck_assert_int_eq(pthread_create(&self.thread, NULL, runs, &self), 0);
    ck_assert(gh_http_fixture_wait(world.fixture, 1, 20000));
    gh_call_cancel(&self.call);
    ck_assert_int_eq(pthread_join(self.thread, NULL), 0);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 1);
    finish(&self);
    close_world(&world);
}
END_TEST

START_TEST(the_call_s_own_time_bounds_the_request)
{
    api_world world;
    running self;
    OPEN_WORLD(&world, TOOLS, {.reply = OK_REPLY, .delay_ms = 30000, .repeat = true});
    prepare(&world, &self, gh_deadline_in(500));
    (void)runs(&self);
    ck_assert_int_lt(self.took_ms, 9000);
    ck_assert(self.call.told.is_error);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&self.call.told.content), "did not answer in time"));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 1);
    finish(&self);
    close_world(&world);
}
END_TEST

START_TEST(a_large_answer_tells_how_far_it_is)
{
    api_world world;
    running self;
    gh_buf reply = GH_BUF_INIT(1000000);
    (void)gh_buf_append_cstr(&reply,
                             "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200000\r\n\r\n");
    for (int i = 0; i < 20000; i++) {
        (void)gh_buf_append_cstr(&reply, "0123456789");
    }
    const gh_http_fixture_step step = {.reply = gh_buf_cstr(&reply), .piece = 20000, .piece_delay_ms = 120};
    open_world(&world, &step, 1, TOOLS);
    prepare(&world, &self, gh_deadline_never());
    (void)runs(&self);
    ck_assert(!self.call.told.is_error);
    ck_assert_int_ge(self.progressed, 1);
    ck_assert_int_le(self.progressed, 1 + (int)(self.took_ms / 300));
    ck_assert_double_eq(self.total, 200000);
    ck_assert_double_le(self.last, 200000);
    finish(&self);
    gh_buf_free(&reply);
    close_world(&world);
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

int main(void)
{
    Suite *suite = suite_create("api_perform");
    TCase *tests = tcase_create("perform");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_request_is_sent_again_when_that_may_help_and_does_no_harm, 0, COUNT(AGAINS));
    tcase_add_test(tests, it_is_sent_again_as_often_as_the_file_says);
    tcase_add_test(tests, a_lost_post_may_have_been_done);
    tcase_add_test(tests, nobody_there_is_said_without_an_address);
    tcase_add_loop_test(tests, an_api_that_lies_about_size_or_hangs_is_given_up, 0, COUNT(BOUNDS));
    tcase_add_loop_test(tests, redirects_stay_where_the_file_says, 0, COUNT(HOPS));
    tcase_add_test(tests, redirects_end_after_three);
    tcase_add_test(tests, a_name_that_leads_to_a_private_address_is_refused_unless_the_file_allows_it);
    tcase_add_test(tests, each_user_is_told_apart);
    tcase_add_test(tests, users_at_once_never_share_a_credential);
    tcase_add_test(tests, a_refused_token_is_renewed_once);
    tcase_add_test(tests, a_credential_that_the_mode_cannot_give_is_refused_at_once);
    tcase_add_test(tests, a_cancelled_call_ends_its_request);
    tcase_add_test(tests, a_cancelled_call_is_not_tried_again);
    tcase_add_test(tests, the_call_s_own_time_bounds_the_request);
    tcase_add_test(tests, a_large_answer_tells_how_far_it_is);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
