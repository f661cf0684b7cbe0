#include "bridge/login/register.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

#define REDIRECT "http://127.0.0.1:4455/callback"

static gh_register *running;
static gh_credentials credentials;
static bool done;
static gh_status outcome;
static gh_error problem;

static void on_done(void *context, gh_status status, const gh_error *error)
{
    (void)context;
    running = NULL;
    done = true;
    outcome = status;
    problem = *error;
}

static void setup(void)
{
    world_open();
    memset(&credentials, 0, sizeof(credentials));
    done = false;
}

static void teardown(void)
{
    gh_credentials_clear(&credentials);
    world_close();
}

static gh_status registers(const char *methods)
{
    char endpoint[128];
    char list[128];
    (void)snprintf(endpoint, sizeof(endpoint), "%s/register", world.origin);
    (void)snprintf(list, sizeof(list), "%s", methods != NULL ? methods : "");
    gh_server_metadata server = {.registration_endpoint = endpoint,
                                 .token_endpoint_auth_methods_supported = methods != NULL ? list : NULL};
    ck_assert_int_eq(gh_register_start(world.loop, &world.settings, &server, REDIRECT, &credentials, on_done,
                                       NULL, &running, NULL),
                     GH_OK);
    ck_assert(!done);
    ck_assert(world_until(world_is_true, &done, 5000));
    return outcome;
}

static cJSON *request(void)
{
    cJSON *json = NULL;
    ck_assert_int_eq(
        gh_json_parse(gh_http_fixture_body(world.fixture, (size_t)world_find("POST /register ", 0)),
                      &GH_JSON_LIMITS_DOCUMENT, &json, NULL),
        GH_OK);
    return json;
}

START_TEST(it_registers_as_a_native_public_client)
{
    ck_assert_int_eq(registers(NULL), GH_OK);
    cJSON *json = request();
    ck_assert_str_eq(gh_json_get_string(json, "application_type"), "native");
    ck_assert_str_eq(gh_json_get_string(json, "token_endpoint_auth_method"), "none");
    ck_assert(gh_json_array_has(json, "redirect_uris", REDIRECT));
    ck_assert(gh_json_array_has(json, "grant_types", "refresh_token"));
    ck_assert(gh_json_array_has(json, "grant_types", "authorization_code"));
    ck_assert_ptr_null(gh_json_get(json, "scope"));
    cJSON_Delete(json);
    ck_assert_str_eq(credentials.client_id, "client-1");
    ck_assert_str_eq(credentials.redirect_uri, REDIRECT);
    ck_assert_ptr_null(credentials.client_secret);
}
END_TEST

typedef struct method_row {
    const char *offered; /* by the server */
    const char *asked;
    const char *reply;
    const char *method; /* that is used */
    bool secret;
} method_row;

static const method_row METHODS[] = {
    {"client_secret_basic none", "none", "{\"client_id\":\"c\"}", "none", false},
    {"client_secret_post client_secret_basic", "client_secret_basic",
     "{\"client_id\":\"c\",\"client_secret\":\"s\",\"token_endpoint_auth_method\":\"client_secret_basic\"}",
     "client_secret_basic", true},
    {"client_secret_post", "client_secret_post", "{\"client_id\":\"c\",\"client_secret\":\"s\"}",
     "client_secret_post", true},
    {"none", "none", "{\"client_id\":\"c\",\"client_secret\":\"s\",\"token_endpoint_auth_method\":\"none\"}",
     "none", false},
    /* A secret that nobody asked for: the server wants it used. */
    {NULL, "none", "{\"client_id\":\"c\",\"client_secret\":\"s\"}", "client_secret_basic", true},
    {NULL, "none",
     "{\"client_id\":\"c\",\"client_secret\":\"s\",\"token_endpoint_auth_method\":\"client_secret_post\"}",
     "client_secret_post", true},
};

START_TEST(the_secret_is_used_as_the_server_says)
{
    const method_row *row = &METHODS[_i];
    world_always("POST", "/register", 201, row->reply);
    ck_assert_int_eq(registers(row->offered), GH_OK);
    cJSON *json = request();
    ck_assert_str_eq(gh_json_get_string(json, "token_endpoint_auth_method"), row->asked);
    cJSON_Delete(json);
    ck_assert_str_eq(credentials.token_auth_method, row->method);
    ck_assert_int_eq(credentials.client_secret != NULL, row->secret);
}
END_TEST

START_TEST(the_given_scope_is_registered)
{
    world.settings.scope = (char[]){"mcp notes"};
    ck_assert_int_eq(registers(NULL), GH_OK);
    cJSON *json = request();
    ck_assert_str_eq(gh_json_get_string(json, "scope"), "mcp notes");
    cJSON_Delete(json);
}
END_TEST

typedef struct refusal {
    int http_status;
    const char *reply;
    gh_status expected;
    const char *says;
} refusal;

static const refusal REFUSALS[] = {
    {400, "{\"error\":\"invalid_redirect_uri\",\"error_description\":\"no loopback\"}", GH_ERR_DENIED,
     "no loopback"},
    {403, "{}", GH_ERR_DENIED, "no reason given"},
    {429, "{\"error\":\"slow_down\"}", GH_ERR_UNAVAILABLE, "slow_down"},
    {500, "{\"error\":\"server_error\"}", GH_ERR_UNAVAILABLE, "server_error"},
    {502, "<html>", GH_ERR_UNAVAILABLE, "502"},
    {404, "not here", GH_ERR_INVALID, "404"},
    {302, "", GH_ERR_INVALID, "302"},
    {201, "[]", GH_ERR_INVALID, "JSON"},
    {201, "{}", GH_ERR_INVALID, "client_id"},
    {201, "{\"client_id\":\"\"}", GH_ERR_INVALID, "client_id"},
    {201, "{\"client_id\":5}", GH_ERR_INVALID, "client_id"},
    {201, "{\"client_id\":\"c\",\"token_endpoint_auth_method\":\"private_key_jwt\"}", GH_ERR_UNSUPPORTED,
     "--client-id"},
};

START_TEST(a_refusal_is_told_and_changes_nothing)
{
    const refusal *row = &REFUSALS[_i];
    world_always("POST", "/register", row->http_status, row->reply);
    gh_status status = registers(NULL);
    ck_assert_msg(status == row->expected, "%d %s: %d", row->http_status, row->reply, (int)status);
    ck_assert_msg(strstr(problem.message, row->says) != NULL, "%s: %s", row->reply, problem.message);
    ck_assert_ptr_null(credentials.client_id);
    ck_assert_ptr_null(credentials.redirect_uri);
}
END_TEST

START_TEST(without_an_endpoint_the_person_learns_of_client_id)
{
    gh_server_metadata server = {.issuer = NULL};
    ck_assert_int_eq(gh_register_start(world.loop, &world.settings, &server, REDIRECT, &credentials, on_done,
                                       NULL, &running, &problem),
                     GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(problem.message, "--client-id"));
}
END_TEST

START_TEST(it_can_be_cancelled)
{
    char endpoint[128];
    (void)snprintf(endpoint, sizeof(endpoint), "%s/register", world.origin);
    gh_server_metadata server = {.registration_endpoint = endpoint};
    ck_assert_int_eq(gh_register_start(world.loop, &world.settings, &server, REDIRECT, &credentials, on_done,
                                       NULL, &running, NULL),
                     GH_OK);
    gh_register_cancel(running);
    world_run(50);
    ck_assert(!done);
    ck_assert_ptr_null(credentials.client_id);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register");
    TCase *tests = tcase_create("register");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, it_registers_as_a_native_public_client);
    tcase_add_loop_test(tests, the_secret_is_used_as_the_server_says, 0,
                        (int)(sizeof(METHODS) / sizeof(METHODS[0])));
    tcase_add_test(tests, the_given_scope_is_registered);
    tcase_add_loop_test(tests, a_refusal_is_told_and_changes_nothing, 0,
                        (int)(sizeof(REFUSALS) / sizeof(REFUSALS[0])));
    tcase_add_test(tests, without_an_endpoint_the_person_learns_of_client_id);
    tcase_add_test(tests, it_can_be_cancelled);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
