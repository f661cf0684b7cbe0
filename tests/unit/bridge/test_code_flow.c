#include <arpa/inet.h>
#include <sys/socket.h>

#include "bridge/login/code_flow.h"
#include "shared/oauth/pkce.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

static gh_code_flow *running;
static gh_credentials result;
static bool done;
static gh_status outcome;
static gh_error problem;
static world_page page;

static void on_done(void *context, gh_status status, gh_credentials *credentials, const gh_error *error)
{
    (void)context;
    running = NULL;
    done = true;
    outcome = status;
    problem = *error;
    if (credentials != NULL) {
        result = *credentials;
    }
}

static void setup(void)
{
    world_open();
    memset(&result, 0, sizeof(result));
    done = false;
}

static void teardown(void)
{
    gh_code_flow_cancel(running);
    running = NULL;
    gh_credentials_clear(&result);
    world_close();
}

static bool has_url_or_is_done(void *context)
{
    (void)context;
    return done || gh_code_flow_url(running) != NULL;
}

/* Runs up to the URL, which it returns; NULL when the flow ended before. */
static const char *login(const gh_code_flow_options *options)
{
    static char url[4200];
    gh_code_flow_options none = {.metadata_url = NULL};
    ck_assert_int_eq(gh_code_flow_start(world.loop, &world.settings, options != NULL ? options : &none,
                                        on_done, NULL, &running, NULL),
                     GH_OK);
    ck_assert(!done);
    ck_assert(world_until(has_url_or_is_done, NULL, 5000));
    if (done) {
        return NULL;
    }
    (void)snprintf(url, sizeof(url), "%s", gh_code_flow_url(running));
    return url;
}

static bool page_is_there(void *context)
{
    (void)context;
    return page.done;
}

/* The way back, its page, and the end of the flow. */
static gh_status come_back(const char *url, const char *state, const char *parameters)
{
    world_go_back(url, state, parameters, &page);
    ck_assert(world_until(page_is_there, NULL, 5000));
    ck_assert(world_until(world_is_true, &done, 5000));
    return outcome;
}

static const char *agreed(void)
{
    static char parameters[128];
    (void)snprintf(parameters, sizeof(parameters), "code=code-1&iss=%s", world.origin);
    return parameters;
}

START_TEST(a_login_from_discovery_to_tokens)
{
    gh_code_flow_options options = {.metadata_url = world_text("@" WORLD_RESOURCE), .scope = "mcp notes"};
    const char *url = login(&options);
    ck_assert_ptr_nonnull(url);
    ck_assert_str_eq(world_parameter(url, "response_type"), "code");
    ck_assert_str_eq(world_parameter(url, "client_id"), "client-1");
    ck_assert_str_eq(world_parameter(url, "code_challenge_method"), "S256");
    ck_assert_str_eq(world_parameter(url, "resource"), world.settings.url);
    ck_assert_str_eq(world_parameter(url, "scope"), "mcp notes");
    ck_assert_ptr_null(world_parameter(url, "prompt"));
    ck_assert_uint_ge(strlen(world_parameter(url, "state")), 40);
    char redirect[2048];
    char challenge[2048];
    (void)snprintf(redirect, sizeof(redirect), "%s", world_parameter(url, "redirect_uri"));
    (void)snprintf(challenge, sizeof(challenge), "%s", world_parameter(url, "code_challenge"));
    ck_assert_int_eq(come_back(url, "", agreed()), GH_OK);
    ck_assert_int_eq(page.status, 200);
    ck_assert_ptr_nonnull(strstr(page.text, "Signed in"));
    ck_assert(world_sent("POST /token ", 0, "code", "code-1"));
    ck_assert(world_sent("POST /token ", 0, "redirect_uri", redirect));
    gh_form *form = world_form("POST /token ", 0);
    ck_assert(gh_pkce_matches(gh_view_of(gh_form_get(form, "code_verifier")), gh_view_of(challenge)));
    gh_form_free(form);
    ck_assert_str_eq(result.client_id, "client-1");
    ck_assert_str_eq(result.issuer, world.origin);
    ck_assert_str_eq(result.redirect_uri, redirect);
    ck_assert(gh_secret_equals(result.access_token, GH_VIEW_LIT("access-1")));
    ck_assert(!result.client_in_doubt);
}
END_TEST

START_TEST(the_scope_that_was_asked_for_counts_when_the_reply_names_none)
{
    world_always("POST", "/token", 200, "{\"access_token\":\"a\",\"token_type\":\"Bearer\"}");
    const char *url = login(NULL);
    ck_assert_str_eq(world_parameter(url, "scope"), "mcp");
    ck_assert_int_eq(come_back(url, "", agreed()), GH_OK);
    ck_assert_str_eq(result.scope, "mcp");
}
END_TEST

START_TEST(offline_access_only_where_the_server_has_it)
{
    world_always("GET", WORLD_SERVER, 200,
                 world_server(WORLD_REGISTERS ",\"scopes_supported\":[\"mcp\",\"offline_access\"]"));
    const char *url = login(NULL);
    ck_assert_str_eq(world_parameter(url, "scope"), "mcp offline_access");
    ck_assert_str_eq(world_parameter(url, "prompt"), "consent");
}
END_TEST

START_TEST(a_given_scope_is_asked_for_alone)
{
    world.settings.scope = (char[]){"only"};
    gh_code_flow_options options = {.scope = "mcp"};
    ck_assert_str_eq(world_parameter(login(&options), "scope"), "only");
}
END_TEST

START_TEST(wrong_and_absent_state_leave_the_login_pending)
{
    const char *url = login(NULL);
    world_go_back(url, "wrong", agreed(), &page);
    ck_assert(world_until(page_is_there, NULL, 5000));
    ck_assert_int_eq(page.status, 400);
    world_go_back(url, NULL, "error=access_denied", &page);
    ck_assert(world_until(page_is_there, NULL, 5000));
    ck_assert_int_eq(page.status, 400);
    ck_assert(!done);
    ck_assert_int_eq(come_back(url, "", agreed()), GH_OK);
}
END_TEST

START_TEST(before_the_url_is_known_every_answer_is_refused)
{
    world_put(world.used++, "GET", WORLD_SERVER, 200, "", world_server(WORLD_REGISTERS), true);
    world.steps[world.used - 1].delay_ms = 300;
    world.settings.callback_port = gh_http_fixture_free_port();
    gh_code_flow_options options = {.scope = NULL};
    ck_assert_int_eq(gh_code_flow_start(world.loop, &world.settings, &options, on_done, NULL, &running, NULL),
                     GH_OK);
    char early[128];
    (void)snprintf(early, sizeof(early),
                   "http://127.0.0.1:%d/callback?code=x&state=", (int)world.settings.callback_port);
    world_get(early, &page);
    ck_assert(world_until(page_is_there, NULL, 5000));
    ck_assert_int_eq(page.status, 400);
    ck_assert(!done);
    ck_assert(world_until(has_url_or_is_done, NULL, 5000));
    ck_assert(!done);
}
END_TEST

typedef struct response {
    const char *server; /* more of the server's metadata */
    const char *parameters;
    gh_status expected;
    const char *says;
    const char *never; /* must not be shown */
} response;

static const response RESPONSES[] = {
    {WORLD_ISS, "code=c&iss=https://evil.example", GH_ERR_DENIED, "did not come from", "evil"},
    {WORLD_ISS, "code=c", GH_ERR_DENIED, "did not come from", NULL},
    {WORLD_ISS, "error=access_denied&error_description=call+555-1234&iss=https://evil.example", GH_ERR_DENIED,
     "did not come from", "555"},
    {WORLD_ISS, "error=access_denied&error_description=call+555-1234", GH_ERR_DENIED, "did not come from",
     "555"},
    {"", "code=c&iss=https://evil.example", GH_ERR_DENIED, "did not come from", "evil"},
    {"", "error=access_denied&error_description=not+you", GH_ERR_DENIED, "not you", NULL},
    {"", "error=server_error", GH_ERR_DENIED, "server_error", NULL},
    {"", "error=invalid_scope", GH_ERR_CONFLICT, "invalid_scope", NULL},
    {"", "error=%3Cscript%3Ealert(1)%3C/script%3E", GH_ERR_DENIED, "refused", NULL},
    {"", "nothing=here", GH_ERR_INVALID, "no code", NULL},
    {"", "code=", GH_ERR_INVALID, "no code", NULL},
};

START_TEST(an_answer_that_is_no_code_of_this_server_is_never_exchanged)
{
    const response *row = &RESPONSES[_i];
    char more[256];
    (void)snprintf(more, sizeof(more), WORLD_REGISTERS "%s", row->server);
    world_always("GET", WORLD_SERVER, 200, world_server(more));
    gh_status status = come_back(login(NULL), "", row->parameters);
    ck_assert_msg(status == row->expected, "%s: %d", row->parameters, (int)status);
    ck_assert_msg(strstr(problem.message, row->says) != NULL, "%s: %s", row->parameters, problem.message);
    ck_assert_uint_eq(world_count("POST /token "), 0);
    ck_assert_int_eq(page.status, 400);
    ck_assert_ptr_null(strstr(page.text, "<script"));
    if (row->never != NULL) {
        ck_assert_ptr_null(strstr(problem.message, row->never));
        ck_assert_ptr_null(strstr(page.text, row->never));
    }
}
END_TEST

START_TEST(an_iss_that_was_not_promised_may_be_missing)
{
    world_always("GET", WORLD_SERVER, 200, world_server(WORLD_REGISTERS));
    ck_assert_int_eq(come_back(login(NULL), "", "code=c"), GH_OK);
}
END_TEST

START_TEST(a_failed_exchange_is_told_on_the_page)
{
    world_always("POST", "/token", 400, "{\"error\":\"invalid_grant\",\"error_description\":\"used up\"}");
    ck_assert_int_eq(come_back(login(NULL), "", agreed()), GH_ERR_DENIED);
    ck_assert_int_eq(page.status, 400);
    ck_assert_ptr_nonnull(strstr(page.text, "used up"));
    ck_assert_ptr_nonnull(strstr(page.text, "Not signed in"));
}
END_TEST

START_TEST(an_unknown_client_is_told_apart)
{
    world_always("POST", "/token", 401, "{\"error\":\"invalid_client\"}");
    ck_assert_int_eq(come_back(login(NULL), "", agreed()), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(missing_metadata_is_not_an_unknown_client)
{
    world_always("GET", NULL, 404, NULL);
    world_always("POST", "/register", 404, NULL);
    ck_assert_ptr_null(login(NULL));
    ck_assert_int_eq(outcome, GH_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(the_second_use_of_an_answer_is_refused)
{
    world_put(world.used++, "POST", "/token", 200, "", WORLD_TOKENS, true);
    world.steps[world.used - 1].delay_ms = 300;
    const char *url = login(NULL);
    static world_page second;
    world_go_back(url, "", agreed(), &page);
    world_run(100);
    world_go_back(url, "", agreed(), &second);
    ck_assert(world_until(world_is_true, &done, 5000));
    world_run(50);
    ck_assert_int_eq(outcome, GH_OK);
    ck_assert_int_eq(page.status, 200);
    ck_assert_int_eq(second.status, 400);
    ck_assert_uint_eq(world_count("POST /token "), 1);
}
END_TEST

START_TEST(a_given_client_needs_no_registration)
{
    world_always("GET", WORLD_SERVER, 200, world_server(""));
    world.settings.client_id = (char[]){"given"};
    world.settings.client_secret = gh_secret_new(GH_VIEW_LIT("hush"));
    const char *url = login(NULL);
    ck_assert_str_eq(world_parameter(url, "client_id"), "given");
    ck_assert_int_eq(come_back(url, "", "code=c"), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 0);
    ck_assert(gh_http_fixture_has_line(world.fixture, (size_t)world_find("POST /token ", 0),
                                       "Authorization: Basic Z2l2ZW46aHVzaA=="));
    gh_secret_free(world.settings.client_secret);
}
END_TEST

START_TEST(a_given_secret_goes_into_the_form_where_the_server_wants_that)
{
    world_always("GET", WORLD_SERVER, 200,
                 world_server(",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]"));
    world.settings.client_id = (char[]){"given"};
    world.settings.client_secret = gh_secret_new(GH_VIEW_LIT("hush"));
    ck_assert_int_eq(come_back(login(NULL), "", "code=c"), GH_OK);
    ck_assert(world_sent("POST /token ", 0, "client_secret", "hush"));
    gh_secret_free(world.settings.client_secret);
}
END_TEST

START_TEST(a_given_clients_secret_does_not_follow_to_another_server)
{
    gh_credentials previous = {.issuer = (char[]){"https://honest.example"}, .client_id = (char[]){"given"}};
    gh_code_flow_options options = {.previous = &previous};
    world.settings.client_id = (char[]){"given"};
    ck_assert_ptr_null(login(&options));
    ck_assert_int_eq(outcome, GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(problem.message, "https://honest.example"));
}
END_TEST

START_TEST(an_earlier_registration_is_used_again_on_its_port)
{
    uint16_t port = gh_http_fixture_free_port();
    char redirect[64];
    (void)snprintf(redirect, sizeof(redirect), "http://127.0.0.1:%u/callback", (unsigned)port);
    gh_credentials previous = {.issuer = world.origin,
                               .client_id = (char[]){"client-0"},
                               .redirect_uri = redirect,
                               .scope = (char[]){"old"}};
    gh_code_flow_options options = {.previous = &previous, .scope = "new"};
    const char *url = login(&options);
    ck_assert_str_eq(world_parameter(url, "client_id"), "client-0");
    ck_assert_str_eq(world_parameter(url, "redirect_uri"), redirect);
    ck_assert_str_eq(world_parameter(url, "scope"), "new old");
    ck_assert_uint_eq(world_count("POST /register "), 0);
}
END_TEST

START_TEST(but_not_at_another_issuer_in_doubt_or_on_another_port)
{
    uint16_t port = gh_http_fixture_free_port();
    char redirect[64];
    (void)snprintf(redirect, sizeof(redirect), "http://127.0.0.1:%u/callback", (unsigned)port);
    gh_credentials previous = {.issuer = _i == 0 ? (char[]){"https://honest.example"} : world.origin,
                               .client_id = (char[]){"client-0"},
                               .client_secret = gh_secret_new(GH_VIEW_LIT("old")),
                               .redirect_uri = redirect,
                               .scope = (char[]){"elsewhere"},
                               .client_in_doubt = _i == 1};
    gh_code_flow_options options = {.previous = &previous};
    if (_i == 2) {
        world.settings.callback_port = gh_http_fixture_free_port();
    }
    const char *url = login(&options);
    ck_assert_str_eq(world_parameter(url, "client_id"), "client-1");
    ck_assert_str_eq(world_parameter(url, "scope"), _i == 0 ? "mcp" : "mcp elsewhere");
    ck_assert_int_eq(come_back(url, "", agreed()), GH_OK);
    ck_assert_ptr_null(result.client_secret);
    ck_assert(world_sent("POST /token ", 0, "client_secret", NULL));
    gh_secret_free(previous.client_secret);
}
END_TEST

START_TEST(a_callback_port_is_held_to)
{
    world.settings.callback_port = gh_http_fixture_free_port();
    char redirect[64];
    (void)snprintf(redirect, sizeof(redirect), "http://127.0.0.1:%d/callback",
                   (int)world.settings.callback_port);
    ck_assert_str_eq(world_parameter(login(NULL), "redirect_uri"), redirect);
    gh_code_flow *second = NULL;
    gh_code_flow_options options = {.scope = NULL};
    ck_assert_int_eq(
        gh_code_flow_start(world.loop, &world.settings, &options, on_done, NULL, &second, &problem),
        GH_ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(problem.message, "--callback-port"));
}
END_TEST

START_TEST(cancelled_while_the_code_is_exchanged_the_page_says_so)
{
    world_put(world.used++, "POST", "/token", 200, "", WORLD_TOKENS, true);
    world.steps[world.used - 1].delay_ms = 2000;
    const char *url = login(NULL);
    world_go_back(url, "", agreed(), &page);
    world_run(200);
    gh_code_flow_cancel(running);
    running = NULL;
    ck_assert(world_until(page_is_there, NULL, 5000));
    ck_assert_int_eq(page.status, 400);
    ck_assert_ptr_nonnull(strstr(page.text, "stopped before it was complete"));
    ck_assert(!done);
}
END_TEST

START_TEST(cancelled_at_any_time_it_leaves_no_port_and_calls_nobody)
{
    for (int ms = 0; ms < 40; ms += 4) {
        gh_code_flow_options options = {.scope = NULL};
        world.settings.callback_port = gh_http_fixture_free_port();
        ck_assert_int_eq(
            gh_code_flow_start(world.loop, &world.settings, &options, on_done, NULL, &running, NULL), GH_OK);
        world_run(ms);
        gh_code_flow_cancel(running);
        running = NULL;
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)world.settings.callback_port),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        ck_assert_int_ne(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(fd);
    }
    world_run(50);
    ck_assert(!done);
}
END_TEST

START_TEST(a_url_that_no_browser_takes_is_not_built)
{
    gh_buf scope = GH_BUF_INIT(8192);
    while (scope.len < 4000) {
        gh_buf_appendf(&scope, "scope:%zu ", scope.len);
    }
    gh_code_flow_options options = {.scope = gh_buf_cstr(&scope)};
    ck_assert_ptr_null(login(&options));
    ck_assert_int_eq(outcome, GH_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(problem.message, "--scope"));
    gh_buf_free(&scope);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("code_flow");
    TCase *tests = tcase_create("code_flow");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_login_from_discovery_to_tokens);
    tcase_add_test(tests, the_scope_that_was_asked_for_counts_when_the_reply_names_none);
    tcase_add_test(tests, offline_access_only_where_the_server_has_it);
    tcase_add_test(tests, a_given_scope_is_asked_for_alone);
    tcase_add_test(tests, wrong_and_absent_state_leave_the_login_pending);
    tcase_add_test(tests, before_the_url_is_known_every_answer_is_refused);
    tcase_add_loop_test(tests, an_answer_that_is_no_code_of_this_server_is_never_exchanged, 0,
                        (int)(sizeof(RESPONSES) / sizeof(RESPONSES[0])));
    tcase_add_test(tests, an_iss_that_was_not_promised_may_be_missing);
    tcase_add_test(tests, a_failed_exchange_is_told_on_the_page);
    tcase_add_test(tests, an_unknown_client_is_told_apart);
    tcase_add_test(tests, missing_metadata_is_not_an_unknown_client);
    tcase_add_test(tests, the_second_use_of_an_answer_is_refused);
    tcase_add_test(tests, a_given_client_needs_no_registration);
    tcase_add_test(tests, a_given_secret_goes_into_the_form_where_the_server_wants_that);
    tcase_add_test(tests, a_given_clients_secret_does_not_follow_to_another_server);
    tcase_add_test(tests, an_earlier_registration_is_used_again_on_its_port);
    tcase_add_loop_test(tests, but_not_at_another_issuer_in_doubt_or_on_another_port, 0, 3);
    tcase_add_test(tests, a_callback_port_is_held_to);
    tcase_add_test(tests, cancelled_while_the_code_is_exchanged_the_page_says_so);
    tcase_add_test(tests, cancelled_at_any_time_it_leaves_no_port_and_calls_nobody);
    tcase_add_test(tests, a_url_that_no_browser_takes_is_not_built);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
