#include "bridge/authorizer.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

typedef struct asker {
    gh_authorizer_wait *wait;
    bool done;
    gh_status status;
    gh_error error;
    bool frees;            /* the authorizer, in its callback */
    struct asker *cancels; /* this one, in its callback */
} asker;

static gh_authorizer *authorizer;
static asker first;
static asker second;
static world_page page;
static char challenge[256];

static void on_done(void *context, gh_status status, const gh_error *error)
{
    asker *asking = context;
    ck_assert(!asking->done);
    asking->wait = NULL;
    asking->done = true;
    asking->status = status;
    asking->error = *error;
    if (asking->cancels != NULL) {
        gh_authorizer_wait_cancel(asking->cancels->wait);
    }
    if (asking->frees) {
        gh_authorizer_free(authorizer);
        authorizer = NULL;
    }
}

static void begin(void)
{
    gh_authorizer_free(authorizer);
    ck_assert_int_eq(gh_authorizer_new(world.loop, &world.settings, &authorizer, NULL), GH_OK);
    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
}

static void setup(void)
{
    world_open();
    (void)snprintf(challenge, sizeof(challenge),
                   "Bearer resource_metadata=\"%s" WORLD_RESOURCE "\", scope=\"mcp\"", world.origin);
    authorizer = NULL;
    begin();
}

static void teardown(void)
{
    gh_authorizer_free(authorizer);
    world_close();
}

static void ask(asker *asking, int http_status, const char *header, const char *rejected, bool interactive)
{
    gh_authorizer_need need = {http_status, gh_view_of(header), rejected, interactive};
    asking->done = false;
    ck_assert_int_eq(gh_authorizer_obtain(authorizer, &need, on_done, asking, &asking->wait), GH_OK);
    ck_assert(!asking->done);
}

static gh_status answer(asker *asking)
{
    ck_assert(world_until(world_is_true, &asking->done, 8000));
    return asking->status;
}

static bool is_pending(void *context)
{
    (void)context;
    return gh_authorizer_login_pending(authorizer);
}

static bool pending_or_done(void *context)
{
    const asker *asking = context;
    return asking->done || gh_authorizer_login_pending(authorizer);
}

static void agree(void)
{
    ck_assert(world_until(is_pending, NULL, 5000));
    world_agree(gh_authorizer_login_url(authorizer), &page);
}

static const char *token(void)
{
    const char *text = gh_authorizer_token(authorizer);
    return text != NULL ? text : "(none)";
}

static bool stored_in_doubt(void)
{
    gh_credentials stored;
    ck_assert(world_stored(&stored));
    bool doubt = stored.client_in_doubt;
    gh_credentials_clear(&stored);
    return doubt;
}

START_TEST(a_stored_token_needs_no_network)
{
    world_store("access-0", NULL, 600);
    begin();
    ck_assert_str_eq(token(), "access-0");
    ck_assert(!gh_authorizer_can_refresh(authorizer));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
}
END_TEST

START_TEST(an_expired_token_is_not_given_out_and_is_refreshed_without_a_person)
{
    world_store("access-0", "refresh-0", -1);
    begin();
    ck_assert_str_eq(token(), "(none)");
    ck_assert(gh_authorizer_can_refresh(authorizer));
    ask(&first, 0, NULL, NULL, false);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_str_eq(token(), "access-1");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 1);
    gh_credentials stored;
    ck_assert(world_stored(&stored));
    ck_assert(gh_secret_equals(stored.refresh_token, GH_VIEW_LIT("refresh-1")));
    gh_credentials_clear(&stored);
}
END_TEST

START_TEST(a_login_gives_a_token_and_stores_it)
{
    ask(&first, 401, challenge, NULL, true);
    ck_assert(!gh_authorizer_login_pending(authorizer));
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(!gh_authorizer_login_pending(authorizer));
    ck_assert_ptr_null(gh_authorizer_login_url(authorizer));
    ck_assert_str_eq(token(), "access-1");
    begin();
    ck_assert_str_eq(token(), "access-1");
}
END_TEST

START_TEST(without_interaction_there_is_no_login)
{
    ask(&first, 401, challenge, NULL, false);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
}
END_TEST

START_TEST(two_share_one_login)
{
    ask(&first, 401, challenge, NULL, true);
    ask(&second, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_int_eq(answer(&second), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 1);
    ck_assert_uint_eq(world_count("POST /token "), 1);
}
END_TEST

START_TEST(who_may_not_wait_for_a_person_is_told_and_the_other_waits_on)
{
    world_store("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
    ask(&first, 0, NULL, NULL, false);
    ask(&second, 401, challenge, NULL, true);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert(!second.done);
    agree();
    ck_assert_int_eq(answer(&second), GH_OK);
    /* And one that comes while the page is open. */
    begin();
    world_store(NULL, NULL, 0);
    begin();
    ask(&second, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ask(&first, 0, NULL, NULL, false);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert(!second.done);
}
END_TEST

START_TEST(the_challenge_of_a_later_one_is_used)
{
    world_always("GET", WORLD_RESOURCE, 404, NULL);
    world_always("GET", WORLD_RESOURCE_ROOT, 404, NULL);
    world_always("GET", "/own-place", 200, world_resource());
    world_store("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
    ask(&first, 0, NULL, NULL, false);
    ask(&second, 401, world_text("Bearer resource_metadata=\"@/own-place\""), NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_uint_eq(world_count("GET /own-place "), 1);
}
END_TEST

START_TEST(a_refused_token_is_refreshed_and_a_newer_one_of_a_sibling_taken)
{
    world_store("access-0", "refresh-0", 600);
    begin();
    ask(&first, 401, challenge, "access-0", true);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_str_eq(token(), "access-1");
    ck_assert_uint_eq(world_count("POST /token "), 1);
    world_store("access-2", "refresh-2", 600);
    ask(&first, 401, challenge, "access-1", true);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_str_eq(token(), "access-2");
    ck_assert_uint_eq(world_count("POST /token "), 1);
}
END_TEST

START_TEST(an_outage_at_the_token_endpoint_starts_no_login_and_costs_no_token)
{
    world_store("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 503, NULL);
    ask(&first, 401, challenge, NULL, true);
    ck_assert_int_eq(answer(&first), GH_ERR_UNAVAILABLE);
    ck_assert_uint_eq(world_count("GET "), 0);
    ask(&first, 401, challenge, NULL, true);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(world_sent("POST /token ", 1, "refresh_token", "refresh-0"));
}
END_TEST

/* As world_store, for a client whose port can be had again. */
static void store_usable(const char *access, const char *refresh, int64_t expires_in)
{
    uint16_t port = gh_http_fixture_free_port();
    world_store(access, refresh, expires_in);
    gh_credentials stored;
    gh_keeper *keeper = NULL;
    ck_assert(world_stored(&stored));
    free(stored.redirect_uri);
    ck_assert_int_ge(asprintf(&stored.redirect_uri, "http://127.0.0.1:%u/callback", (unsigned)port), 0);
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_save(keeper, &stored, NULL), GH_OK);
    gh_keeper_close(keeper);
    gh_credentials_clear(&stored);
}

START_TEST(a_dead_refresh_token_leads_to_a_login_with_the_same_client)
{
    store_usable("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "client_id"), "client-0");
    ck_assert(stored_in_doubt());
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 0);
    ck_assert(!stored_in_doubt());
}
END_TEST

START_TEST(a_client_that_the_server_forgot_is_registered_anew)
{
    world_store("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 401, "{\"error\":\"invalid_client\"}");
    ask(&first, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 1);
    ck_assert(world_sent("POST /token ", 1, "client_id", "client-1"));
}
END_TEST

START_TEST(so_is_one_whose_code_it_does_not_exchange)
{
    world_once("POST", "/token", 200, WORLD_TOKENS);
    world_once("POST", "/token", 401, "{\"error\":\"invalid_client\"}");
    ask(&first, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    begin();
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-1", true);
    agree();
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_uint_eq(world_count("POST /register "), 1);
    ck_assert_str_eq(token(), "access-1"); /* which is still good */
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-1", true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 2);
}
END_TEST

START_TEST(and_one_whose_login_never_came_back)
{
    store_usable(NULL, NULL, 0);
    world.settings.login_timeout_ms = 300;
    begin();
    ask(&first, 401, challenge, NULL, true);
    ck_assert_int_eq(answer(&first), GH_ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(first.error.message, "gatehouse-bridge login"));
    ck_assert(stored_in_doubt());
}
END_TEST

START_TEST(a_registration_outlives_the_login_that_it_was_made_for)
{
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    begin(); /* the process was ended, and starts anew */
    gh_credentials stored;
    ck_assert(world_stored(&stored));
    ck_assert_str_eq(stored.client_id, "client-1");
    ck_assert_str_eq(stored.issuer, world.origin);
    ck_assert(stored.access_token == NULL && stored.refresh_token == NULL && !stored.client_in_doubt);
    gh_credentials_clear(&stored);
    ck_assert_str_eq(token(), "(none)");
    ck_assert(!gh_authorizer_can_refresh(authorizer));
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "client_id"), "client-1");
    ck_assert_uint_eq(world_count("POST /register "), 1);
    /* The second time that nothing came back the server may have forgotten it. */
    ck_assert(stored_in_doubt());
    begin();
    ask(&first, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 2);
}
END_TEST

START_TEST(tokens_that_are_of_use_stay_with_their_client_while_another_is_registered)
{
    world_store("access-0", "refresh-0", 600); /* its port cannot be had */
    begin();
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-0", true);
    ck_assert(world_until(is_pending, NULL, 5000));
    gh_credentials stored;
    ck_assert(world_stored(&stored));
    ck_assert_str_eq(stored.client_id, "client-0");
    ck_assert(gh_secret_equals(stored.refresh_token, GH_VIEW_LIT("refresh-0")));
    gh_credentials_clear(&stored);
    ck_assert_str_eq(token(), "access-0");
}
END_TEST

START_TEST(a_server_that_sends_sign_ins_elsewhere_costs_no_registration_before_somebody_signs_in)
{
    world_store(NULL, NULL, 0);
    gh_credentials stored;
    gh_keeper *keeper = NULL;
    ck_assert(world_stored(&stored));
    free(stored.issuer);
    stored.issuer = strdup("https://id.example");
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_save(keeper, &stored, NULL), GH_OK);
    gh_keeper_close(keeper);
    gh_credentials_clear(&stored);
    begin();
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "client_id"), "client-1");
    ck_assert(world_stored(&stored));
    ck_assert_str_eq(stored.client_id, "client-0");
    ck_assert_str_eq(stored.issuer, "https://id.example");
    gh_credentials_clear(&stored);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(world_stored(&stored));
    ck_assert_str_eq(stored.client_id, "client-1");
    ck_assert_str_eq(stored.issuer, world.origin);
    gh_credentials_clear(&stored);
}
END_TEST

START_TEST(a_denial_is_told_and_a_second_attempt_works)
{
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    char parameters[128];
    (void)snprintf(parameters, sizeof(parameters), "error=access_denied&iss=%s", world.origin);
    world_go_back(gh_authorizer_login_url(authorizer), "", parameters, &page);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(first.error.message, "access_denied"));
    ask(&first, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_uint_eq(world_count("POST /register "), 1);
}
END_TEST

START_TEST(a_scope_that_the_server_refuses_is_not_asked_for_again)
{
    world_store("access-0", NULL, 600);
    begin();
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-0", true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "scope"), "more mcp");
    char parameters[128];
    (void)snprintf(parameters, sizeof(parameters), "error=invalid_scope&iss=%s", world.origin);
    world_go_back(gh_authorizer_login_url(authorizer), "", parameters, &page);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-0", true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "scope"), "more");
}
END_TEST

START_TEST(a_step_up_asks_for_the_union_and_is_not_repeated_in_vain)
{
    world_store("access-0", "refresh-0", 600);
    begin();
    world_always("POST", "/token", 200,
                 "{\"access_token\":\"access-3\",\"token_type\":\"Bearer\",\"scope\":\"mcp\"}");
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"notes:write\"", "access-0", true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert_str_eq(world_parameter(gh_authorizer_login_url(authorizer), "scope"), "notes:write mcp");
    ck_assert_uint_eq(world_count("POST /token "), 0); /* a refresh could not widen it */
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"notes:write\"", "access-3", true);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(first.error.message, "notes:write"));
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"notes:delete\"", "access-3", true);
    ck_assert(world_until(is_pending, NULL, 5000));
}
END_TEST

START_TEST(a_step_up_beyond_the_given_scope_is_refused)
{
    world.settings.scope = (char[]){"mcp"};
    world_store("access-0", "refresh-0", 600);
    begin();
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"notes:write\"", "access-0", true);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(first.error.message, "--scope"));
}
END_TEST

START_TEST(a_server_that_refuses_every_token_gets_one_login_and_no_more)
{
    world_store("access-0", "refresh-0", 600);
    begin();
    ask(&first, 401, challenge, "access-0", true);
    ck_assert_int_eq(answer(&first), GH_OK); /* refreshed */
    world_always("POST", "/token", 200, "{\"access_token\":\"access-9\",\"token_type\":\"Bearer\"}");
    ask(&first, 401, challenge, "access-1", true);
    agree(); /* a refresh did not help */
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_str_eq(token(), "access-9");
    ask(&first, 401, challenge, "access-9", true);
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(first.error.message, "a moment ago"));
}
END_TEST

START_TEST(a_locked_store_is_waited_for_and_then_read_again)
{
    gh_keeper *sibling = NULL;
    world_store("access-0", "refresh-0", 600);
    begin();
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &sibling, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_try_lock(sibling, NULL), GH_OK);
    ask(&first, 401, challenge, "access-0", true);
    world_run(300);
    ck_assert(!first.done);
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
    world_store("access-5", "refresh-5", 600);
    gh_keeper_close(sibling);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert_str_eq(token(), "access-5");
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
}
END_TEST

START_TEST(a_sibling_that_keeps_the_lock_is_named)
{
    gh_keeper *sibling = NULL;
    world.settings.login_timeout_ms = 300;
    begin();
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &sibling, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_try_lock(sibling, NULL), GH_OK);
    ask(&first, 401, challenge, NULL, true);
    ck_assert_int_eq(answer(&first), GH_ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(first.error.message, "another gatehouse-bridge"));
    gh_keeper_close(sibling);
}
END_TEST

/* Whether the lock can be had by another process at this moment. */
static bool lock_is_free(void)
{
    gh_keeper *sibling = NULL;
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &sibling, NULL), GH_OK);
    bool had = gh_keeper_try_lock(sibling, NULL) == GH_OK;
    gh_keeper_close(sibling);
    return had;
}

START_TEST(the_lock_is_held_during_an_attempt_only)
{
    ck_assert(lock_is_free());
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    ck_assert(!lock_is_free());
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(lock_is_free());
    ask(&first, 403, "Bearer scope=\"more\"", "access-1", true);
    ck_assert(world_until(is_pending, NULL, 5000));
    gh_authorizer_free(authorizer);
    authorizer = NULL;
    ck_assert(lock_is_free());
    ck_assert(!first.done);
}
END_TEST

START_TEST(the_browser_does_not_keep_the_lock)
{
    world.settings.no_browser = false;
    char script[96];
    (void)snprintf(script, sizeof(script), "%s/browser", world.folder);
    FILE *file = fopen(script, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "#!/bin/sh\nls -l /proc/self/fd > %s/fds.part\nmv %s/fds.part %s/fds\nexec sleep 5\n",
                  world.folder, world.folder, world.folder);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(script, 0700), 0);
    world.settings.browser = script;
    begin();
    ask(&first, 401, challenge, NULL, true);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(lock_is_free());
    char list[160];
    (void)snprintf(list, sizeof(list), "%s/fds", world.folder);
    for (int i = 0; i < 200 && access(list, R_OK) != 0; i++) {
        world_run(10);
    }
    char text[4096] = "";
    file = fopen(list, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    (void)fclose(file);
    ck_assert_msg(strstr(text, "socket:") == NULL && strstr(text, ".lock") == NULL, "%s", text);
}
END_TEST

START_TEST(cancelled_waits_are_never_told_and_open_no_browser)
{
    world_store("access-0", "refresh-0", -1);
    begin();
    world_once("POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
    ask(&first, 401, challenge, NULL, true);
    gh_authorizer_wait_cancel(first.wait);
    ask(&second, 0, NULL, NULL, false);
    ck_assert_int_eq(answer(&second), GH_ERR_DENIED);
    ck_assert_uint_eq(world_count("GET "), 0);
    ck_assert(!first.done);
    gh_authorizer_wait_cancel(NULL);
    /* All gone before the attempt began: it does not begin. */
    ask(&first, 401, challenge, NULL, true);
    gh_authorizer_wait_cancel(first.wait);
    world_run(50);
    ck_assert_uint_eq(world_count("GET "), 0);
    ck_assert(lock_is_free());
}
END_TEST

START_TEST(a_callback_may_cancel_the_next_one)
{
    ask(&first, 401, challenge, NULL, true);
    ask(&second, 401, challenge, NULL, true);
    first.cancels = &second;
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    world_run(50);
    ck_assert(!second.done);
}
END_TEST

START_TEST(a_callback_may_free_the_authorizer)
{
    ask(&first, 401, challenge, NULL, false);
    ask(&second, 401, challenge, NULL, false);
    first.frees = true;
    ck_assert_int_eq(answer(&first), GH_ERR_DENIED);
    world_run(20);
    ck_assert(!second.done);
}
END_TEST

START_TEST(it_can_be_freed_at_any_moment)
{
    for (int ms = 0; ms < 40; ms += 3) {
        world_store("access-0", "refresh-0", -1);
        begin();
        world_once("POST", "/token", 400, "{\"error\":\"invalid_grant\"}");
        ask(&first, 401, challenge, NULL, true);
        ask(&second, 0, NULL, NULL, false);
        world_run(ms);
        gh_authorizer_free(authorizer);
        authorizer = NULL;
        first.done = second.done = true; /* a further call would fail in on_done */
        world_run(10);
        ck_assert(lock_is_free());
    }
}
END_TEST

START_TEST(tokens_that_cannot_be_stored_still_work)
{
    ask(&first, 401, challenge, NULL, true);
    ck_assert(world_until(is_pending, NULL, 5000));
    gh_buf large = GH_BUF_INIT(120000);
    gh_buf_append_cstr(&large,
                       "{\"token_type\":\"Bearer\",\"refresh_token\":\"refresh-7\",\"access_token\":\"");
    for (int i = 0; i < 70000; i++) {
        gh_buf_append_char(&large, 'x');
    }
    gh_buf_append_cstr(&large, "\"}");
    world_once("POST", "/token", 200, gh_buf_cstr(&large));
    gh_buf_free(&large);
    agree();
    ck_assert_int_eq(answer(&first), GH_OK);
    char *given = strdup(token());
    ck_assert_uint_eq(strlen(given), 70000);
    /* The next attempt uses what is in memory. */
    ask(&first, 401, challenge, given, true);
    ck_assert_int_eq(answer(&first), GH_OK);
    ck_assert(world_sent("POST /token ", 1, "refresh_token", "refresh-7"));
    free(given);
}
END_TEST

START_TEST(a_store_that_others_can_read_is_refused)
{
    world_store("access-0", "refresh-0", 600);
    gh_authorizer_free(authorizer);
    authorizer = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(chmod(world.state_dir, 0755), 0);
    ck_assert_int_ne(gh_authorizer_new(world.loop, &world.settings, &authorizer, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, world.state_dir));
}
END_TEST

START_TEST(no_way_to_sign_in_is_said)
{
    world_always("GET", NULL, 404, NULL);
    world_always("POST", "/register", 404, NULL);
    ask(&first, 401, NULL, NULL, true);
    ck_assert(world_until(pending_or_done, &first, 5000));
    ck_assert(first.done);
    ck_assert_int_eq(first.status, GH_ERR_UNSUPPORTED);
    ck_assert_uint_gt(strlen(first.error.message), 20);
}
END_TEST

START_TEST(missing_metadata_costs_no_stored_tokens)
{
    world_always("GET", NULL, 404, NULL);
    world_store("access-0", "refresh-0", 600);
    begin();
    ask(&first, 403, "Bearer error=\"insufficient_scope\", scope=\"more\"", "access-0", true);
    ck_assert_int_eq(answer(&first), GH_ERR_UNSUPPORTED);
    gh_credentials stored;
    ck_assert(world_stored(&stored));
    ck_assert(gh_secret_equals(stored.refresh_token, GH_VIEW_LIT("refresh-0")));
    ck_assert(!stored.client_in_doubt);
    gh_credentials_clear(&stored);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authorizer");
    TCase *tests = tcase_create("authorizer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_stored_token_needs_no_network);
    tcase_add_test(tests, an_expired_token_is_not_given_out_and_is_refreshed_without_a_person);
    tcase_add_test(tests, a_login_gives_a_token_and_stores_it);
    tcase_add_test(tests, without_interaction_there_is_no_login);
    tcase_add_test(tests, two_share_one_login);
    tcase_add_test(tests, who_may_not_wait_for_a_person_is_told_and_the_other_waits_on);
    tcase_add_test(tests, the_challenge_of_a_later_one_is_used);
    tcase_add_test(tests, a_refused_token_is_refreshed_and_a_newer_one_of_a_sibling_taken);
    tcase_add_test(tests, an_outage_at_the_token_endpoint_starts_no_login_and_costs_no_token);
    tcase_add_test(tests, a_dead_refresh_token_leads_to_a_login_with_the_same_client);
    tcase_add_test(tests, a_client_that_the_server_forgot_is_registered_anew);
    tcase_add_test(tests, so_is_one_whose_code_it_does_not_exchange);
    tcase_add_test(tests, and_one_whose_login_never_came_back);
    tcase_add_test(tests, a_registration_outlives_the_login_that_it_was_made_for);
    tcase_add_test(tests, tokens_that_are_of_use_stay_with_their_client_while_another_is_registered);
    tcase_add_test(tests,
                   a_server_that_sends_sign_ins_elsewhere_costs_no_registration_before_somebody_signs_in);
    tcase_add_test(tests, a_denial_is_told_and_a_second_attempt_works);
    tcase_add_test(tests, a_scope_that_the_server_refuses_is_not_asked_for_again);
    tcase_add_test(tests, a_step_up_asks_for_the_union_and_is_not_repeated_in_vain);
    tcase_add_test(tests, a_step_up_beyond_the_given_scope_is_refused);
    tcase_add_test(tests, a_server_that_refuses_every_token_gets_one_login_and_no_more);
    tcase_add_test(tests, a_locked_store_is_waited_for_and_then_read_again);
    tcase_add_test(tests, a_sibling_that_keeps_the_lock_is_named);
    tcase_add_test(tests, the_lock_is_held_during_an_attempt_only);
    tcase_add_test(tests, the_browser_does_not_keep_the_lock);
    tcase_add_test(tests, cancelled_waits_are_never_told_and_open_no_browser);
    tcase_add_test(tests, a_callback_may_cancel_the_next_one);
    tcase_add_test(tests, a_callback_may_free_the_authorizer);
    tcase_add_test(tests, it_can_be_freed_at_any_moment);
    tcase_add_test(tests, tokens_that_cannot_be_stored_still_work);
    tcase_add_test(tests, a_store_that_others_can_read_is_refused);
    tcase_add_test(tests, no_way_to_sign_in_is_said);
    tcase_add_test(tests, missing_metadata_costs_no_stored_tokens);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
