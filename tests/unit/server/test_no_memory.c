/* The authorization server when memory runs out, at every single allocation of a request: nothing crashes or
 * leaks, the answer is the right one or an error of the server's, and the next request is served. */
#include "tests/unit/server/no_memory.h"

#include "tests/unit/server/oauth_fixture.h"

/* One request. Whatever fails, a client must not be told that it did something wrong: it would throw away
 * what is still good. */
typedef struct attempt {
    gh_handler handler;
    const char *method, *query, *body, *type, *cookie;
    int right; /* the status without a failure */
    int told;  /* the one that tells the client, by a redirect, that the server failed; 0: none does */
} attempt;

static int serve(const fixture *f, const attempt *a, long n, bool lasts, bool *hit)
{
    const gh_header headers[] = {{GH_VIEW_LIT("content-type"), gh_view_of(a->type != NULL ? a->type : FORM)},
                                 {GH_VIEW_LIT("cookie"), gh_view_of(a->cookie != NULL ? a->cookie : "")}};
    const gh_request request = {.method = gh_view_of(a->method),
                                .path = GH_VIEW_LIT("/"),
                                .query = gh_view_of(a->query != NULL ? a->query : ""),
                                .body = gh_view_of(a->body != NULL ? a->body : ""),
                                .headers = headers,
                                .header_count = 2,
                                .remote_host = GH_VIEW_LIT("127.0.0.1"),
                                .remote_port = 40000};
    gh_response response;
    gh_buf message = GH_BUF_INIT(GH_RESPONSE_BODY_MAX);
    gh_response_init(&response, NULL);
    no_memory_from(n, lasts);
    a->handler(f->server, &request, &response);
    bool sent = gh_response_format(&response, false, false, &message) == GH_OK;
    *hit = no_memory_end();
    int status = sent && message.len > 12 ? (message.data[9] - '0') * 100 + (message.data[10] - '0') * 10 +
                                                (message.data[11] - '0')
                                          : 0;
    gh_response_clear(&response);
    gh_buf_free(&message);
    return status;
}

/* `prepare` (may be NULL) renews what the request uses up. Returns how many allocations there are. */
static long exhaust(fixture *f, attempt *a, void (*prepare)(fixture *f, attempt *a))
{
    long n = 1;
    for (bool hit = true; hit; n++) {
        ck_assert_int_lt(n, NO_MEMORY_LIMIT);
        for (int lasts = 0; lasts < 2; lasts++) {
            bool was_hit = false;
            if (prepare != NULL) {
                prepare(f, a);
            }
            int status = serve(f, a, n, lasts != 0, &was_hit);
            ck_assert_msg(status == a->right || status == a->told || status == 500 || status == 503 ||
                              (status == 0 && was_hit),
                          "allocation %ld%s: status %d", n, lasts ? " and all after it" : "", status);
            hit = was_hit;
        }
    }
    bool none = false;
    if (prepare != NULL) {
        prepare(f, a);
    }
    ck_assert_int_eq(serve(f, a, 0, false, &none), a->right);
    return n - 1;
}

static fixture *open_large(void)
{
    fixture *f = calloc(1, sizeof *f);
    ck_assert_ptr_nonnull(f);
    gh_log_set_level(GH_LOG_ERROR);
    f->scheme = gh_text_dup("cursor");
    f->schemes = (gh_text_list){&f->scheme, 1};
    ck_assert_int_eq(gh_store_open("memory", &f->store, NULL), GH_OK);
    gh_oauth_options options = fixture_options(f, ISSUER, RESOURCE);
    options.max_clients = NO_MEMORY_LIMIT;
    ck_assert_int_eq(gh_oauth_server_new(&options, f->store, &f->server, NULL), GH_OK);
    return f;
}

START_TEST(documents_and_keys)
{
    fixture *f = open_large();
    const gh_handler handlers[] = {gh_oauth_handle_metadata, gh_oauth_handle_openid_metadata,
                                   gh_oauth_handle_jwks};
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        attempt a = {.handler = handlers[i], .method = "GET", .right = 200};
        ck_assert_int_gt(exhaust(f, &a, NULL), 1);
    }
    fixture_close(f);
}
END_TEST

START_TEST(a_registration)
{
    fixture *f = open_large();
    attempt a = {.handler = gh_oauth_handle_register,
                 .method = "POST",
                 .body = CLIENT_JSON,
                 .type = JSON,
                 .right = 201};
    ck_assert_int_gt(exhaust(f, &a, NULL), 10);
    fixture_close(f);
}
END_TEST

START_TEST(an_authorization_request)
{
    fixture *f = open_large();
    char client[128];
    register_client(f, client, sizeof client);
    char *query = authorize_query(client, CALLBACK, "st");
    attempt a = {
        .handler = gh_oauth_handle_authorize, .method = "GET", .query = query, .right = 200, .told = 302};
    ck_assert_int_gt(exhaust(f, &a, NULL), 10);
    free(query);
    fixture_close(f);
}
END_TEST

static login current;
static char *body;
static char refresh_token[512];

static void start_login(fixture *f, attempt *a)
{
    current.f = f;
    current.cookie[0] = '\0';
    login_start(&current, CALLBACK, "st");
    free(body);
    body = form("flow", current.flow, "csrf", current.csrf, "name", "Ada", "email", "a@example.org", NULL);
    a->body = body;
    a->cookie = current.cookie;
}

static void until_consent(fixture *f, attempt *a)
{
    start_login(f, a);
    login_sign_in(&current, "Ada", "a@example.org");
    login_read_consent(&current);
    free(body);
    body = form("flow", current.flow, "csrf", current.consent, "decision", "approve", NULL);
    a->body = body;
}

static void until_code(fixture *f, attempt *a)
{
    until_consent(f, a);
    login_approve(&current);
    free(body);
    body = form("grant_type", "authorization_code", "client_id", current.client, "code", current.code,
                "code_verifier", VERIFIER, "redirect_uri", CALLBACK, "resource", RESOURCE, NULL);
    a->body = body;
}

static void until_tokens(fixture *f, attempt *a)
{
    until_code(f, a);
    reply r = post_token(f, body);
    ck_assert_int_eq(r.status, 200);
    json_member(&r, "refresh_token", refresh_token, sizeof refresh_token);
    reply_clear(&r);
    free(body);
    body = form("grant_type", "refresh_token", "client_id", current.client, "refresh_token", refresh_token,
                NULL);
    a->body = body;
}

static void run_step(gh_handler handler, int right, void (*prepare)(fixture *f, attempt *a))
{
    fixture *f = open_large();
    register_client(f, current.client, sizeof current.client);
    attempt a = {.handler = handler, .method = "POST", .right = right};
    ck_assert_int_gt(exhaust(f, &a, prepare), 10);
    free(body);
    body = NULL;
    fixture_close(f);
}

START_TEST(a_sign_in)
{
    run_step(gh_oauth_handle_login, 303, start_login);
}
END_TEST

START_TEST(a_consent)
{
    run_step(gh_oauth_handle_consent, 303, until_consent);
}
END_TEST

START_TEST(a_code_for_tokens)
{
    run_step(gh_oauth_handle_token, 200, until_code);
}
END_TEST

START_TEST(a_refresh)
{
    run_step(gh_oauth_handle_token, 200, until_tokens);
}
END_TEST

/* A refresh that failed for want of memory may be asked for again: the family lives. */
START_TEST(a_failed_refresh_costs_nothing)
{
    fixture *f = open_large();
    register_client(f, current.client, sizeof current.client);
    attempt a = {.handler = gh_oauth_handle_token, .method = "POST", .right = 200};
    bool hit = true;
    for (long n = 1; hit; n++) {
        bool none = false;
        until_tokens(f, &a);
        int status = serve(f, &a, n, false, &hit);
        ck_assert_msg(status == 200 || status == 0 || status >= 500, "allocation %ld: %d", n, status);
        if (status != 200) {
            status = serve(f, &a, 0, false, &none);
            ck_assert_msg(status == 200, "after allocation %ld the refresh is %d", n, status);
        }
    }
    free(body);
    body = NULL;
    fixture_close(f);
}
END_TEST

int main(void)
{
    no_memory_install();
    Suite *suite = suite_create("no_memory");
    TCase *tests = tcase_create("core");
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, documents_and_keys);
    tcase_add_test(tests, a_registration);
    tcase_add_test(tests, an_authorization_request);
    tcase_add_test(tests, a_sign_in);
    tcase_add_test(tests, a_consent);
    tcase_add_test(tests, a_code_for_tokens);
    tcase_add_test(tests, a_refresh);
    tcase_add_test(tests, a_failed_refresh_costs_nothing);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
