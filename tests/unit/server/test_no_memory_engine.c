/* Tokens and MCP calls when memory runs out, at every single allocation: nothing crashes or leaks, each
 * request has one answer, which is the right one or an error of the server's, and the next is served. */
#include "tests/unit/server/no_memory.h"

#include "server/auth/bearer.h"
#include "tests/unit/server/engine_harness.h"
#include "tests/unit/server/token_fixture.h"

#define META                                                                                                 \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                 \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"t\",\"version\":\"1\"},"                             \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"

static gh_keyset *keys;

static gh_keyset *current_keys(void *context)
{
    (void)context;
    return gh_keyset_ref(keys);
}

static gh_status grant_alive(void *context, const char *grant_id)
{
    (void)context;
    (void)grant_id;
    return GH_OK;
}

START_TEST(a_token)
{
    fixture_clock_start();
    gh_key *key = new_key("ES256");
    keys = set_of(key);
    char *token = good_token(key);
    char *value = text_of("Bearer %s", token);
    const gh_bearer_options options = {.issuer = ISSUER,
                                       .resource = RESOURCE,
                                       .required_scope = "mcp",
                                       .keys = current_keys,
                                       .grant_alive = grant_alive};
    bool hit = true;
    /* OpenSSL looks its algorithms up when one is used for the first time. */
    gh_buf signature = GH_BUF_INIT(256);
    ck_assert_int_eq(gh_key_sign(key, GH_VIEW_LIT("x"), &signature), GH_OK);
    ck_assert_int_eq(gh_key_verify(key, GH_VIEW_LIT("x"), gh_buf_view(&signature)), GH_OK);
    gh_buf_free(&signature);
    for (long n = 1; hit; n++) {
        ck_assert_int_lt(n, NO_MEMORY_LIMIT);
        for (int lasts = 0; lasts < 2; lasts++) {
            gh_bearer *bearer = NULL;
            ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
            /* The second time it is remembered. */
            for (int round = 0; round < 2; round++) {
                gh_principal *principal = NULL;
                gh_error error = {0};
                no_memory_from(n, lasts != 0);
                gh_bearer_outcome outcome = gh_bearer_check(bearer, gh_view_of(value), &principal, &error);
                hit = no_memory_end() || (round > 0 && hit);
                ck_assert_msg(outcome == GH_BEARER_OK || outcome == GH_BEARER_UNAVAILABLE,
                              "allocation %ld: outcome %d, %s", n, (int)outcome, error.message);
                ck_assert((principal != NULL) == (outcome == GH_BEARER_OK));
                gh_principal_free(principal);
            }
            gh_bearer_free(bearer);
        }
    }
    free(value);
    free(token);
    gh_keyset_free(keys);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}
END_TEST

/* What came back, without a byte of memory. */
typedef struct answer {
    int count;
    int status;
    bool is_error;
    char session[80];
} answer;

static void on_json_body(void *context, int status, gh_view session, gh_view body)
{
    answer *one = context;
    one->count++;
    one->status = status;
    one->is_error = memmem(body.ptr, body.len, "\"error\"", 7) != NULL;
    if (session.len < sizeof one->session) {
        memcpy(one->session, session.len > 0 ? session.ptr : "", session.len);
        one->session[session.len] = '\0';
    }
}

static void on_no_body(void *context, int status)
{
    answer *one = context;
    one->count++;
    one->status = status;
}

static gh_status on_event(void *context, gh_view text)
{
    answer *one = context;
    (void)text;
    one->count++;
    one->status = 200;
    return GH_OK;
}

static bool never_closed(void *context)
{
    (void)context;
    return false;
}

typedef struct message {
    const char *version, *method, *name;
    const char *body;
    bool in_session;
} message;

static const message MESSAGES[] = {
    {NULL, NULL, NULL,
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
     "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
     false},
    {"2025-11-25", NULL, NULL, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}", true},
    {"2025-11-25", NULL, NULL,
     "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/"
     "call\",\"params\":{\"name\":\"sayHello\",\"arguments\":"
     "{\"name\":\"Ada\"}}}",
     true},
    {"2026-07-28", "server/discover", NULL,
     "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"server/discover\",\"params\":{" META "}}", false},
    {"2026-07-28", "tools/list", NULL,
     "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/list\",\"params\":{" META "}}", false},
    {"2026-07-28", "tools/call", "sayHello",
     "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/call\",\"params\":{\"name\":\"sayHello\","
     "\"arguments\":{\"name\":\"Ada\"}," META "}}",
     false},
    {"2026-07-28", "tools/call", "whoami",
     "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"tools/call\",\"params\":{\"name\":\"whoami\"," META "}}",
     false},
};

static answer send_message(const harness *h, const message *m, const char *session, long n, bool lasts,
                           bool *hit)
{
    answer one = {0};
    const gh_mcp_headers headers = {.version = gh_view_of(m->version),
                                    .method = gh_view_of(m->method),
                                    .name = gh_view_of(m->name),
                                    .session = gh_view_of(m->in_session ? session : NULL),
                                    .accept = GH_VIEW_LIT("application/json, text/event-stream")};
    const gh_mcp_reply reply = {.context = &one,
                                .json = on_json_body,
                                .empty = on_no_body,
                                .stream = on_event,
                                .closed = never_closed};
    no_memory_from(n, lasts);
    gh_mcp_engine_post(h->engine, &ADA, &headers, gh_view_of(m->body), &reply);
    *hit = no_memory_end();
    return one;
}

START_TEST(a_message)
{
    harness h;
    gh_mcp_options options = usual_options();
    options.max_sessions = NO_MEMORY_LIMIT;
    options.max_sessions_per_principal = NO_MEMORY_LIMIT;
    start_empty(&h, &options);
    add_builtin(&h);
    bool hit = false;
    answer hello = send_message(&h, &MESSAGES[0], NULL, 0, false, &hit);
    ck_assert_int_eq(hello.status, 200);
    const message *m = &MESSAGES[_i];
    answer right = send_message(&h, m, hello.session, 0, false, &hit);
    ck_assert(right.status == 200 && !right.is_error);
    hit = true;
    for (long n = 1; hit; n++) {
        ck_assert_int_lt(n, NO_MEMORY_LIMIT);
        for (int lasts = 0; lasts < 2; lasts++) {
            answer one = send_message(&h, m, hello.session, n, lasts != 0, &hit);
            ck_assert_msg(one.count == 1, "allocation %ld: %d answers", n, one.count);
            ck_assert_msg(one.status == 500 || one.status == 503 || one.status == 200, "allocation %ld: %d",
                          n, one.status);
        }
        answer after = send_message(&h, m, hello.session, 0, false, &(bool){false});
        ck_assert_msg(after.status == 200 && !after.is_error, "after allocation %ld: %d", n, after.status);
    }
    stop(&h);
}
END_TEST

int main(void)
{
    no_memory_install();
    Suite *suite = suite_create("no_memory_engine");
    TCase *tests = tcase_create("core");
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, a_token);
    tcase_add_loop_test(tests, a_message, 0, (int)(sizeof MESSAGES / sizeof MESSAGES[0]));
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
