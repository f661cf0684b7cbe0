#include "bridge/login/discover.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

static gh_discover *running;
static bool done;
static gh_status outcome;
static gh_error problem;
static gh_discovered found;
static bool guessing;

static void on_done(void *context, gh_status status, gh_discovered *result, const gh_error *error)
{
    (void)context;
    running = NULL;
    done = true;
    outcome = status;
    problem = *error;
    if (result != NULL) {
        found = *result;
    }
}

static void setup(void)
{
    world_open();
    guessing = false;
    done = false;
}

static void teardown(void)
{
    gh_discovered_clear(&found);
    world_close();
}

static gh_status discover(const char *metadata_url)
{
    gh_discover_options options = {.metadata_url = metadata_url, .may_guess = guessing};
    ck_assert_int_eq(gh_discover_start(world.loop, &world.settings, &options, on_done, NULL, &running, NULL),
                     GH_OK);
    ck_assert(!done);
    ck_assert(world_until(world_is_true, &done, 5000));
    return outcome;
}

START_TEST(the_challenge_leads_to_the_server)
{
    ck_assert_int_eq(discover(world_text("@" WORLD_RESOURCE)), GH_OK);
    ck_assert_str_eq(found.resource_metadata_url, world_text("@" WORLD_RESOURCE));
    ck_assert_str_eq(found.server_metadata_url, world_text("@" WORLD_SERVER));
    ck_assert_str_eq(found.resource.resource, world.settings.url);
    ck_assert_str_eq(found.server.issuer, world.origin);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 2);
}
END_TEST

START_TEST(without_a_challenge_the_well_known_places_are_tried_in_order)
{
    world_always("GET", WORLD_RESOURCE, 404, NULL);
    world_always("GET", WORLD_RESOURCE_ROOT, 200, world_resource());
    world_always("GET", WORLD_SERVER, 404, NULL);
    world_always("GET", WORLD_OPENID, 200, world_server(""));
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_int_eq(world_find("GET " WORLD_RESOURCE " ", 0), 0);
    ck_assert_int_eq(world_find("GET " WORLD_RESOURCE_ROOT " ", 0), 1);
    ck_assert_int_eq(world_find("GET " WORLD_SERVER " ", 0), 2);
    ck_assert_int_eq(world_find("GET " WORLD_OPENID " ", 0), 3);
}
END_TEST

START_TEST(an_issuer_with_a_path_is_looked_up_in_three_places)
{
    world_always("GET", WORLD_RESOURCE, 200,
                 world_text("{\"resource\":\"@/mcp\",\"authorization_servers\":[\"@/tenant/\"]}"));
    world_always("GET", "/tenant/.well-known/openid-configuration", 200,
                 world_text("{\"issuer\":\"@/tenant/\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":"
                            "\"@/t\",\"code_challenge_methods_supported\":[\"plain\",\"S256\"]}"));
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_int_eq(world_find("GET /.well-known/oauth-authorization-server/tenant ", 0), 1);
    ck_assert_int_eq(world_find("GET /.well-known/openid-configuration/tenant ", 0), 2);
    ck_assert_int_eq(world_find("GET /tenant/.well-known/openid-configuration ", 0), 3);
}
END_TEST

START_TEST(a_challenge_that_leads_nowhere_gives_way_to_the_well_known_places)
{
    ck_assert_int_eq(discover(world_text("@/lost")), GH_OK);
    ck_assert_int_eq(world_find("GET /lost ", 0), 0);
    ck_assert_str_eq(found.resource_metadata_url, world_text("@" WORLD_RESOURCE));
}
END_TEST

START_TEST(the_challenges_address_is_not_asked_twice)
{
    world_always("GET", WORLD_RESOURCE, 404, NULL);
    ck_assert_int_eq(discover(world_text("@" WORLD_RESOURCE)), GH_OK);
    ck_assert_uint_eq(world_count("GET " WORLD_RESOURCE " "), 1);
    ck_assert_uint_eq(world_count("GET " WORLD_RESOURCE_ROOT " "), 1);
}
END_TEST

START_TEST(without_resource_metadata_the_servers_origin_is_the_issuer)
{
    world_always("GET", WORLD_RESOURCE, 404, NULL);
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_ptr_null(found.resource_metadata_url);
    ck_assert_str_eq(found.resource.resource, world.settings.url);
    ck_assert_str_eq(found.server.issuer, world.origin);
}
END_TEST

START_TEST(a_page_for_everything_is_no_document)
{
    world_always("GET", WORLD_RESOURCE, 200, "<!doctype html><title>App</title>");
    world_always("GET", WORLD_SERVER, 200, "<!doctype html><title>App</title>");
    world_always("GET", WORLD_OPENID, 200, world_server(""));
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_str_eq(found.server_metadata_url, world_text("@" WORLD_OPENID));
}
END_TEST

START_TEST(nothing_anywhere_is_said_in_a_sentence)
{
    world_always("GET", NULL, 404, NULL);
    ck_assert_int_eq(discover(NULL), GH_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(problem.message, world.origin));
}
END_TEST

START_TEST(a_server_that_is_out_of_order_is_not_passed_over)
{
    world_always("GET", WORLD_SERVER, 503, NULL);
    ck_assert_int_eq(discover(NULL), GH_ERR_UNAVAILABLE);
    ck_assert_uint_eq(world_count("GET " WORLD_OPENID " "), 0);
}
END_TEST

START_TEST(redirects_are_not_followed)
{
    world_put(0, "GET", WORLD_RESOURCE, 302, "Location: /elsewhere\r\n", "{}", true);
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_uint_eq(world_count("GET /elsewhere "), 0);
}
END_TEST

typedef struct refusal {
    const char *path;
    const char *document;
    gh_status expected;
    const char *says;
} refusal;

#define SERVER_TAIL                                                                                          \
    "\"authorization_endpoint\":\"@/authorize\",\"token_endpoint\":\"@/token\","                             \
    "\"code_challenge_methods_supported\":[\"S256\"]"

static const refusal REFUSALS[] = {
    {WORLD_RESOURCE, "{\"resource\":\"https://other.example/mcp\",\"authorization_servers\":[\"@\"]}",
     GH_ERR_DENIED, "https://other.example/mcp"},
    {WORLD_RESOURCE, "{\"resource\":\"@/mcp/deeper\",\"authorization_servers\":[\"@\"]}", GH_ERR_DENIED,
     "deeper"},
    {WORLD_RESOURCE, "{\"resource\":\"@/mc\",\"authorization_servers\":[\"@\"]}", GH_ERR_DENIED, "not for"},
    {WORLD_RESOURCE, "{\"resource\":\"mcp\",\"authorization_servers\":[\"@\"]}", GH_ERR_DENIED, "not for"},
    {WORLD_RESOURCE, "{\"authorization_servers\":[\"@\"]}", GH_ERR_INVALID, "resource"},
    {WORLD_RESOURCE, "{\"resource\":\"@/mcp\"}", GH_ERR_INVALID, "names no authorization server"},
    {WORLD_RESOURCE, "{\"resource\":\"@/mcp\",\"authorization_servers\":[\"http://id.example\"]}",
     GH_ERR_DENIED, "plain http"},
    {WORLD_RESOURCE, "{\"resource\":\"@/mcp\",\"authorization_servers\":[\"file:///etc\"]}", GH_ERR_DENIED,
     "issuer"},
    {WORLD_RESOURCE, "{\"resource\":", GH_ERR_PARSE, "JSON"},
    {WORLD_SERVER, "{\"issuer\":\"@/\"," SERVER_TAIL "}", GH_ERR_DENIED, "attack"},
    {WORLD_SERVER, "{\"issuer\":\"https://honest.example\"," SERVER_TAIL "}", GH_ERR_DENIED,
     "https://honest.example"},
    {WORLD_SERVER, "{" SERVER_TAIL "}", GH_ERR_INVALID, "issuer"},
    {WORLD_SERVER, "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"@/t\"}",
     GH_ERR_DENIED, "S256"},
    {WORLD_SERVER,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"@/t\","
     "\"code_challenge_methods_supported\":[\"plain\"]}",
     GH_ERR_DENIED, "S256"},
    {WORLD_SERVER,
     "{\"issuer\":\"@\",\"token_endpoint\":\"@/t\",\"code_challenge_methods_supported\":[\"S256\"]}",
     GH_ERR_INVALID, "authorization endpoint"},
    {WORLD_SERVER,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"code_challenge_methods_supported\":[\"S256\"]}",
     GH_ERR_INVALID, "token endpoint"},
    {WORLD_SERVER,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"javascript:alert(1)\",\"token_endpoint\":\"@/t\","
     "\"code_challenge_methods_supported\":[\"S256\"]}",
     GH_ERR_DENIED, "authorization endpoint"},
    {WORLD_SERVER,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"http://id.example/t\","
     "\"code_challenge_methods_supported\":[\"S256\"]}",
     GH_ERR_DENIED, "token endpoint"},
    {WORLD_SERVER, "{\"issuer\":\"@\"," SERVER_TAIL ",\"registration_endpoint\":\"http://id.example/r\"}",
     GH_ERR_DENIED, "registration endpoint"},
    {WORLD_SERVER, "{\"issuer\":\"@\"," SERVER_TAIL ",\"revocation_endpoint\":\"ftp://id.example/r\"}",
     GH_ERR_DENIED, "revocation endpoint"},
};

START_TEST(a_document_that_does_not_fit_ends_the_search)
{
    const refusal *row = &REFUSALS[_i];
    world_always("GET", row->path, 200, world_text(row->document));
    gh_status status = discover(NULL);
    ck_assert_msg(status == row->expected, "%s: %d, %s", row->document, (int)status, problem.message);
    ck_assert_msg(strstr(problem.message, row->says) != NULL, "%s: %s", row->document, problem.message);
    ck_assert_uint_eq(world_count("GET " WORLD_OPENID " "), 0);
    ck_assert_uint_eq(world_count("GET " WORLD_RESOURCE_ROOT " "), 0);
}
END_TEST

START_TEST(the_origin_may_be_the_resource)
{
    world_always("GET", WORLD_RESOURCE, 200,
                 world_text("{\"resource\":\"@\",\"authorization_servers\":[\"@\"]}"));
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_str_eq(found.resource.resource, world.origin);
}
END_TEST

START_TEST(a_challenge_off_limits_is_refused_unasked)
{
    ck_assert_int_eq(discover("http://metadata.example/x"), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(problem.message, "resource metadata URL"));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
}
END_TEST

START_TEST(where_guessing_is_allowed_the_old_endpoints_at_the_origin_are_used)
{
    world_always("GET", NULL, 404, NULL);
    guessing = true;
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_ptr_null(found.server_metadata_url);
    ck_assert_str_eq(found.server.issuer, world.origin);
    ck_assert_str_eq(found.server.authorization_endpoint, world_text("@/authorize"));
    ck_assert_str_eq(found.server.token_endpoint, world_text("@/token"));
    ck_assert_str_eq(found.server.registration_endpoint, world_text("@/register"));
}
END_TEST

START_TEST(nothing_is_guessed_where_a_challenge_names_metadata_that_cannot_be_read)
{
    world_always("GET", NULL, 404, NULL);
    guessing = true;
    ck_assert_int_eq(discover(world_text("@/named")), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(nothing_is_guessed_where_the_server_has_metadata_of_its_own)
{
    world_always("GET", WORLD_SERVER, 404, NULL);
    guessing = true;
    ck_assert_int_eq(discover(NULL), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_named_issuer_is_held_to)
{
    char other[] = "https://other.example";
    world.settings.issuer = other;
    ck_assert_int_eq(discover(NULL), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(problem.message, "--issuer"));
    ck_assert_uint_eq(world_count("GET " WORLD_SERVER " "), 0);
}
END_TEST

START_TEST(a_named_issuer_is_chosen_among_several)
{
    world_always(
        "GET", WORLD_RESOURCE, 200,
        world_text("{\"resource\":\"@/mcp\",\"authorization_servers\":[\"https://a.example\",\"@\"]}"));
    world.settings.issuer = world.origin;
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_str_eq(found.server.issuer, world.origin);
}
END_TEST

START_TEST(without_resource_metadata_a_named_issuer_is_asked)
{
    world_always("GET", WORLD_RESOURCE, 404, NULL);
    world.settings.issuer = world.origin;
    guessing = true;
    ck_assert_int_eq(discover(NULL), GH_OK);
    ck_assert_str_eq(found.server_metadata_url, world_text("@" WORLD_SERVER));
}
END_TEST

START_TEST(a_machine_needs_neither_pkce_nor_a_page)
{
    world_always("GET", WORLD_SERVER, 200, world_text("{\"issuer\":\"@\",\"token_endpoint\":\"@/t\"}"));
    world.settings.grant = GH_BRIDGE_GRANT_CLIENT;
    ck_assert_int_eq(discover(NULL), GH_OK);
}
END_TEST

START_TEST(it_can_be_cancelled_at_every_step)
{
    for (size_t requests = 0; requests < 3; requests++) {
        size_t before = gh_http_fixture_requests(world.fixture);
        ck_assert_int_eq(gh_discover_start(world.loop, &world.settings, &(gh_discover_options){0}, on_done,
                                           NULL, &running, NULL),
                         GH_OK);
        for (int i = 0; i < 400 && gh_http_fixture_requests(world.fixture) < before + requests; i++) {
            world_run(1);
        }
        if (running != NULL) {
            gh_discover_cancel(running);
            running = NULL;
            world_run(30);
            ck_assert(!done);
        }
        gh_discovered_clear(&found); /* it may have been quicker */
        done = false;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("discover");
    TCase *tests = tcase_create("discover");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_challenge_leads_to_the_server);
    tcase_add_test(tests, without_a_challenge_the_well_known_places_are_tried_in_order);
    tcase_add_test(tests, an_issuer_with_a_path_is_looked_up_in_three_places);
    tcase_add_test(tests, a_challenge_that_leads_nowhere_gives_way_to_the_well_known_places);
    tcase_add_test(tests, the_challenges_address_is_not_asked_twice);
    tcase_add_test(tests, without_resource_metadata_the_servers_origin_is_the_issuer);
    tcase_add_test(tests, a_page_for_everything_is_no_document);
    tcase_add_test(tests, nothing_anywhere_is_said_in_a_sentence);
    tcase_add_test(tests, a_server_that_is_out_of_order_is_not_passed_over);
    tcase_add_test(tests, redirects_are_not_followed);
    tcase_add_loop_test(tests, a_document_that_does_not_fit_ends_the_search, 0,
                        (int)(sizeof(REFUSALS) / sizeof(REFUSALS[0])));
    tcase_add_test(tests, the_origin_may_be_the_resource);
    tcase_add_test(tests, a_challenge_off_limits_is_refused_unasked);
    tcase_add_test(tests, where_guessing_is_allowed_the_old_endpoints_at_the_origin_are_used);
    tcase_add_test(tests, nothing_is_guessed_where_a_challenge_names_metadata_that_cannot_be_read);
    tcase_add_test(tests, nothing_is_guessed_where_the_server_has_metadata_of_its_own);
    tcase_add_test(tests, a_named_issuer_is_held_to);
    tcase_add_test(tests, a_named_issuer_is_chosen_among_several);
    tcase_add_test(tests, without_resource_metadata_a_named_issuer_is_asked);
    tcase_add_test(tests, a_machine_needs_neither_pkce_nor_a_page);
    tcase_add_test(tests, it_can_be_cancelled_at_every_step);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
