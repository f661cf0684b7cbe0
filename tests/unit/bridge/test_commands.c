#include <fcntl.h>

#include "bridge/authorizer.h"
#include "shared/core/file.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

static gh_buf said;       /* on stdout */
static gh_buf complained; /* on stderr */
static world_page page;

static void setup(void)
{
    world_open();
    gh_buf_init(&said, 65536);
    gh_buf_init(&complained, 65536);
}

static void teardown(void)
{
    gh_buf_free(&said);
    gh_buf_free(&complained);
    world_close();
}

static int redirect(int fd, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", world.folder, name);
    int kept = dup(fd);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(kept, 0);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(dup2(file, fd), fd);
    (void)close(file);
    return kept;
}

static void restore(int fd, int kept, const char *name, gh_buf *text)
{
    char path[128];
    ck_assert_int_eq(dup2(kept, fd), fd);
    (void)close(kept);
    (void)snprintf(path, sizeof(path), "%s/%s", world.folder, name);
    gh_buf_clear(text);
    ck_assert_int_eq(gh_file_read(path, text, NULL), GH_OK);
}

typedef enum verb { LOGIN, LOGOUT, STATUS, CHECK } verb;

static int run(verb which)
{
    (void)fflush(NULL);
    int out = redirect(1, "out");
    int err = redirect(2, "err");
    int code = which == LOGIN    ? gh_command_login(world.loop, &world.settings)
               : which == LOGOUT ? gh_command_logout(world.loop, &world.settings)
               : which == STATUS ? gh_command_status(&world.settings)
                                 : gh_command_check(world.loop, &world.settings);
    (void)fflush(NULL);
    restore(1, out, "out", &said);
    restore(2, err, "err", &complained);
    return code;
}

static bool says(const char *text)
{
    return strstr(gh_buf_cstr(&said), text) != NULL;
}

/* No token, code or secret, wherever. */
static void assert_no_secret(void)
{
    const char *secrets[] = {"access-", "refresh-", "code-1"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        ck_assert_ptr_null(strstr(gh_buf_cstr(&said), secrets[i]));
        ck_assert_ptr_null(strstr(gh_buf_cstr(&complained), secrets[i]));
    }
}

START_TEST(status_of_nobody)
{
    ck_assert_int_eq(run(STATUS), 1);
    ck_assert(says("Not signed in to"));
    ck_assert(says("gatehouse-bridge login http://127.0.0.1:"));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 0);
}
END_TEST

START_TEST(status_says_who_where_and_until_when)
{
    /* {"name":"Ada Lovelace","email":"ada@example.org"} */
    world_store("e30.eyJuYW1lIjoiQWRhIExvdmVsYWNlIiwiZW1haWwiOiJhZGFAZXhhbXBsZS5vcmcifQ.c2ln", "refresh-0",
                605);
    ck_assert_int_eq(run(STATUS), 0);
    ck_assert(says("Ada Lovelace <ada@example.org>"));
    ck_assert(says(world.origin));
    ck_assert(says("(10 min)"));
    ck_assert(says("without a browser"));
    ck_assert(!says("eyJ"));
    assert_no_secret();
}
END_TEST

START_TEST(status_of_an_expired_token)
{
    world_store("access-0", NULL, -5);
    ck_assert_int_eq(run(STATUS), 1);
    ck_assert(says("expired"));
    ck_assert(says("needs a sign-in"));
    world_store("access-0", "refresh-0", -5);
    ck_assert_int_eq(run(STATUS), 0);
}
END_TEST

START_TEST(status_cannot_be_made_to_steer_the_terminal)
{
    gh_keeper *keeper = NULL;
    gh_credentials stored;
    world_store("access-0", NULL, 600);
    ck_assert(world_stored(&stored));
    free(stored.scope);
    stored.scope = strdup("mcp\x1b]0;owned\x07\xc2\x9b"
                          "31m");
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_save(keeper, &stored, NULL), GH_OK);
    gh_keeper_close(keeper);
    gh_credentials_clear(&stored);
    ck_assert_int_eq(run(STATUS), 0);
    ck_assert(says("mcp?]0;owned??31m"));
}
END_TEST

START_TEST(logout_revokes_and_forgets)
{
    world_store("access-0", "refresh-0", 600);
    ck_assert_int_eq(run(LOGOUT), 0);
    ck_assert(says("Signed out"));
    ck_assert(world_sent("POST /revoke ", 0, "token", "refresh-0"));
    assert_no_secret();
    ck_assert_int_eq(run(STATUS), 1);
    ck_assert_int_eq(run(LOGOUT), 0);
    ck_assert(says("Not signed in"));
    ck_assert_uint_eq(world_count("POST /revoke "), 1);
}
END_TEST

START_TEST(logout_forgets_even_when_it_cannot_revoke)
{
    world_store("access-0", "refresh-0", 600);
    world_always("POST", "/revoke", 503, NULL);
    ck_assert_int_eq(run(LOGOUT), 1);
    ck_assert(says("Signed out"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&complained), "could not be revoked"));
    ck_assert_int_eq(run(STATUS), 1);
}
END_TEST

START_TEST(logout_waits_for_a_sibling)
{
    gh_keeper *sibling = NULL;
    world_store("access-0", "refresh-0", 600);
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &sibling, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_try_lock(sibling, NULL), GH_OK);
    ck_assert_int_eq(run(LOGOUT), 1);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&complained), "another gatehouse-bridge"));
    gh_keeper_close(sibling);
    ck_assert_int_eq(run(LOGOUT), 0);
}
END_TEST

/* The browser of `login`: a script that writes down the URL. */
static void use_browser(void)
{
    static char script[96];
    (void)snprintf(script, sizeof(script), "%s/browser", world.folder);
    FILE *file = fopen(script, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "#!/bin/sh\nprintf '%%s' \"$1\" > %s/url.part\nmv %s/url.part %s/url\n", world.folder,
                  world.folder, world.folder);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(script, 0700), 0);
    world.settings.no_browser = false;
    world.settings.browser = script;
}

static void look_for_url(void *context)
{
    char path[128];
    gh_buf url = GH_BUF_INIT(8192);
    gh_loop_timer *timer = NULL;
    (void)snprintf(path, sizeof(path), "%s/url", world.folder);
    if (gh_file_read(path, &url, NULL) != GH_OK) {
        gh_buf_free(&url);
        ck_assert_int_eq(gh_loop_timer_add(world.loop, 20, look_for_url, context, &timer), GH_OK);
        return;
    }
    char answer[256];
    (void)snprintf(answer, sizeof(answer), "%s&iss=%s", (const char *)context, world.origin);
    world_go_back(gh_buf_cstr(&url), "", answer, &page);
    gh_buf_free(&url);
}

static int login_with(const char *answer)
{
    gh_loop_timer *timer = NULL;
    use_browser();
    ck_assert_int_eq(gh_loop_timer_add(world.loop, 20, look_for_url, (void *)(uintptr_t)answer, &timer),
                     GH_OK);
    return run(LOGIN);
}

START_TEST(login_opens_the_browser_and_says_who_signed_in)
{
    ck_assert_int_eq(login_with("code=code-1"), 0);
    ck_assert(says("You are signed in."));
    ck_assert(says("Server:"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&complained), "Open this URL to sign in: http://127.0.0.1:"));
    assert_no_secret();
    ck_assert_int_eq(run(STATUS), 0);
}
END_TEST

START_TEST(a_denied_login_fails)
{
    ck_assert_int_eq(login_with("error=access_denied"), 1);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&complained), "access_denied"));
    ck_assert_int_eq(run(STATUS), 1);
}
END_TEST

START_TEST(who_is_signed_in_is_told_so)
{
    world_store("access-0", "refresh-0", 600);
    world_always("POST", "/mcp", 200, "{}");
    ck_assert_int_eq(run(LOGIN), 0);
    ck_assert(says("Already signed in"));
    ck_assert(says("gatehouse-bridge logout"));
    ck_assert_uint_eq(gh_http_fixture_requests(world.fixture), 1);
}
END_TEST

typedef struct answer {
    int http_status;
    int code;
    const char *says;
} answer;

static const answer ANSWERS[] = {
    {200, 0, "works without signing in"},     {404, 1, "is the path right?"},
    {421, 1, "does not go by the host name"}, {503, 1, "try again later"},
    {301, 1, "points to another address"},
};

START_TEST(a_server_that_asks_for_no_sign_in_gets_none)
{
    world_always("POST", "/mcp", ANSWERS[_i].http_status, "{}");
    ck_assert_int_eq(run(LOGIN), ANSWERS[_i].code);
    ck_assert(says(ANSWERS[_i].says) || strstr(gh_buf_cstr(&complained), ANSWERS[_i].says) != NULL);
    /* A look for the stream of the old transport is all there may be. */
    size_t looks = ANSWERS[_i].http_status == 404 ? 1 : 0;
    ck_assert_uint_eq(world_count("GET /mcp"), looks);
    ck_assert_uint_eq(world_count("GET "), looks);
}
END_TEST

START_TEST(a_server_that_dislikes_the_question_may_still_want_a_sign_in)
{
    world_always("POST", "/mcp", 400, "{}");
    ck_assert_int_eq(login_with("code=code-1"), 0);
    ck_assert(says("You are signed in."));
}
END_TEST

START_TEST(check_ticks_every_step)
{
    world_store("access-0", "refresh-0", 600);
    world_once("POST", "/mcp", 401, "{}");
    world_once("POST", "/mcp", 200, "{}");
    ck_assert_int_eq(run(CHECK), 0);
    const char *steps[] = {"the folder for tokens",    "asks for a sign-in", "resource metadata",
                           "authorization server",     "PKCE with S256",     "client registration",
                           "accepts the stored token", "All is well."};
    const char *at = gh_buf_cstr(&said);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        at = strstr(at, steps[i]);
        ck_assert_msg(at != NULL, "%s in:\n%s", steps[i], gh_buf_cstr(&said));
    }
    ck_assert(!says("\xe2\x9c\x97"));
    assert_no_secret();
}
END_TEST

static const struct check_row {
    const char *method;
    const char *path;
    int http_status;
    const char *reply;
    const char *says; /* after the cross */
} CHECKS[] = {
    {"POST", "/mcp", 404, "{}", "Many servers use /mcp"},
    {"POST", "/mcp", 421, "{}", "the host name in this URL"},
    {"POST", "/mcp", 405, "{}", "at this path"},
    {"POST", "/mcp", 415, "{}", "at this path"},
    {"POST", "/mcp", 502, "{}", "out of order"},
    {"POST", "/mcp", 308, "{}", "another address"},
    {"GET", WORLD_RESOURCE, 200, "{\"resource\":\"https://other.example\",\"authorization_servers\":[\"@\"]}",
     "https://other.example"},
    {"GET", WORLD_SERVER, 200,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"@/t\"}", "S256"},
    {"GET", WORLD_SERVER, 200,
     "{\"issuer\":\"@\",\"authorization_endpoint\":\"@/a\",\"token_endpoint\":\"@/t\","
     "\"code_challenge_methods_supported\":[\"S256\"]}",
     "--client-id"},
    {"GET", WORLD_SERVER, 500, "", "HTTP 500"},
    {"UNUSED", "/", 200, "", "gatehouse-bridge login http"},
};

START_TEST(check_stops_at_the_first_cross_with_a_hint)
{
    world_always(CHECKS[_i].method, CHECKS[_i].path, CHECKS[_i].http_status, world_text(CHECKS[_i].reply));
    ck_assert_int_eq(run(CHECK), 1);
    const char *cross = strstr(gh_buf_cstr(&said), "\xe2\x9c\x97");
    ck_assert_ptr_nonnull(cross);
    ck_assert_msg(strstr(cross, CHECKS[_i].says) != NULL, "%s", cross);
    ck_assert_ptr_null(strstr(cross, "\xe2\x9c\x93"));
}
END_TEST

START_TEST(check_of_a_token_that_is_refused)
{
    world_store("access-0", NULL, 600);
    ck_assert_int_eq(run(CHECK), 1);
    ck_assert(says("HTTP 401"));
    ck_assert(says("gatehouse-bridge login http"));
}
END_TEST

START_TEST(check_of_an_expired_token_that_renews_itself)
{
    world_store("access-0", "refresh-0", -5);
    ck_assert_int_eq(run(CHECK), 0);
    ck_assert(says("renews it without a browser"));
    ck_assert_uint_eq(world_count("POST /token "), 0);
}
END_TEST

START_TEST(check_of_a_server_without_sign_in)
{
    world_always("POST", "/mcp", 200, "{}");
    ck_assert_int_eq(run(CHECK), 0);
    ck_assert(says("asks for no sign-in"));
}
END_TEST

START_TEST(check_of_a_server_that_is_not_there)
{
    free(world.settings.url);
    ck_assert_int_ge(
        asprintf(&world.settings.url, "http://127.0.0.1:%u/mcp", (unsigned)gh_http_fixture_free_port()), 0);
    ck_assert_int_eq(run(CHECK), 1);
    ck_assert(says("Is the URL right"));
    ck_assert_int_eq(run(LOGIN), 1);
    ck_assert_uint_gt(complained.len, 20);
}
END_TEST

START_TEST(a_folder_that_others_can_read_is_complained_of)
{
    world_store("access-0", NULL, 600);
    ck_assert_int_eq(chmod(world.state_dir, 0755), 0);
    for (int which = LOGIN; which <= CHECK; which++) {
        ck_assert_int_eq(run((verb)which), 1);
        ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&complained), "chmod 700"));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commands");
    TCase *tests = tcase_create("commands");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, status_of_nobody);
    tcase_add_test(tests, status_says_who_where_and_until_when);
    tcase_add_test(tests, status_of_an_expired_token);
    tcase_add_test(tests, status_cannot_be_made_to_steer_the_terminal);
    tcase_add_test(tests, logout_revokes_and_forgets);
    tcase_add_test(tests, logout_forgets_even_when_it_cannot_revoke);
    tcase_add_test(tests, logout_waits_for_a_sibling);
    tcase_add_test(tests, login_opens_the_browser_and_says_who_signed_in);
    tcase_add_test(tests, a_denied_login_fails);
    tcase_add_test(tests, who_is_signed_in_is_told_so);
    tcase_add_loop_test(tests, a_server_that_asks_for_no_sign_in_gets_none, 0,
                        (int)(sizeof(ANSWERS) / sizeof(ANSWERS[0])));
    tcase_add_test(tests, a_server_that_dislikes_the_question_may_still_want_a_sign_in);
    tcase_add_test(tests, check_ticks_every_step);
    tcase_add_loop_test(tests, check_stops_at_the_first_cross_with_a_hint, 0,
                        (int)(sizeof(CHECKS) / sizeof(CHECKS[0])));
    tcase_add_test(tests, check_of_a_token_that_is_refused);
    tcase_add_test(tests, check_of_an_expired_token_that_renews_itself);
    tcase_add_test(tests, check_of_a_server_without_sign_in);
    tcase_add_test(tests, check_of_a_server_that_is_not_there);
    tcase_add_test(tests, a_folder_that_others_can_read_is_complained_of);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
