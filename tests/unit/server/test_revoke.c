#include "tests/unit/server/oauth_fixture.h"

#include <fcntl.h>
#include <unistd.h>

static fixture *F;
static login L;
static tokens T;

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
    L = login_all(F);
    T = tokens_of(&L);
}

static void close_all(void)
{
    fixture_close(F);
}

static reply send_revoke(const char *client, const char *token, const char *hint)
{
    char *body = form("client_id", client, "token", token, "token_type_hint", hint, NULL);
    reply r = post(F, gh_oauth_handle_revoke, body, NULL);
    free(body);
    return r;
}

static void expect_done(reply r)
{
    ck_assert_msg(r.status == 200, "%d %s", r.status, reply_body(&r));
    ck_assert_str_eq(reply_body(&r), "");
    assert_header(&r, "Cache-Control", "no-store");
    reply_clear(&r);
}

static void expect_error(reply r, int status, const char *code)
{
    assert_error(&r, status, code);
    reply_clear(&r);
}

static bool refreshes(void)
{
    reply r = exchange_refresh(F, L.client, T.refresh, NULL);
    bool works = r.status == 200;
    if (!works) {
        assert_error(&r, 400, "invalid_grant");
    }
    reply_clear(&r);
    return works;
}

START_TEST(revoking_the_refresh_token_ends_the_sign_in)
{
    expect_done(send_revoke(L.client, T.refresh, NULL));
    ck_assert(!refreshes());
    expect_done(send_revoke(L.client, T.refresh, NULL));
}
END_TEST

START_TEST(revoking_the_access_token_ends_the_sign_in)
{
    expect_done(send_revoke(L.client, T.access, NULL));
    ck_assert(!refreshes());
}
END_TEST

START_TEST(a_wrong_hint_does_not_matter)
{
    expect_done(send_revoke(L.client, T.refresh, "access_token"));
    ck_assert(!refreshes());
}
END_TEST

START_TEST(an_old_refresh_token_ends_the_sign_in_too)
{
    reply r = exchange_refresh(F, L.client, T.refresh, NULL);
    tokens next = read_tokens(&r);
    expect_done(send_revoke(L.client, T.refresh, NULL));
    memcpy(T.refresh, next.refresh, sizeof T.refresh);
    ck_assert(!refreshes());
}
END_TEST

START_TEST(tokens_that_are_unknown_are_200_and_nothing_happens)
{
    static const char *const unknown[] = {"x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJnaWQiOiJ4In0.", "..", "."};
    for (size_t i = 0; i < 5; i++) {
        expect_done(send_revoke(L.client, unknown[i], NULL));
    }
    ck_assert(refreshes());
}
END_TEST

START_TEST(a_forged_access_token_revokes_nothing)
{
    size_t last = strlen(T.access) - 10;
    T.access[last] = T.access[last] == 'A' ? 'B' : 'A';
    expect_done(send_revoke(L.client, T.access, NULL));
    ck_assert(refreshes());
}
END_TEST

START_TEST(another_clients_tokens_stay)
{
    char other[64];
    register_client(F, other, sizeof other);
    expect_done(send_revoke(other, T.access, NULL));
    expect_done(send_revoke(other, T.refresh, NULL));
    ck_assert(refreshes());
}
END_TEST

START_TEST(other_sign_ins_of_the_client_stay)
{
    tokens first = T;
    login_start(&L, CALLBACK, "s");
    login_finish(&L);
    tokens second = tokens_of(&L);
    expect_done(send_revoke(L.client, second.access, NULL));
    T = first;
    ck_assert(refreshes());
}
END_TEST

START_TEST(requests_that_are_wrong_are_told_so)
{
    expect_error(send_revoke(L.client, NULL, NULL), 400, "invalid_request");
    expect_error(send_revoke(NULL, T.refresh, NULL), 400, "invalid_request");
    expect_error(send_revoke("nobody", T.refresh, NULL), 401, "invalid_client");
    reply r = fixture_call(F, gh_oauth_handle_revoke,
                           &(call){.method = "POST", .body = "{\"token\":\"x\"}", .type = JSON});
    expect_error(r, 415, "invalid_request");
    char *body = form("client_id", L.client, "token", T.refresh, "token", T.refresh, NULL);
    expect_error(post(F, gh_oauth_handle_revoke, body, NULL), 400, "invalid_request");
    free(body);
    ck_assert(refreshes());
}
END_TEST

static gh_status revoke_outage(gh_store *store, const char *id)
{
    (void)store;
    (void)id;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_is_503_so_that_the_client_tries_again)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.grant_revoke = revoke_outage;
    F->store->ops = &F->ops;
    expect_error(send_revoke(L.client, T.refresh, NULL), 503, "temporarily_unavailable");
    F->store->ops = whole;
    ck_assert(refreshes());
}
END_TEST

/* A whole life of a sign-in, reuse of code and token included, at the most talkative level. */
static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

START_TEST(a_lack_of_memory_is_no_revocation)
{
    cJSON_Hooks failing = {no_memory, free};
    char *body = form("client_id", L.client, "token", T.access, NULL);
    cJSON_InitHooks(&failing);
    reply r = post(F, gh_oauth_handle_revoke, body, NULL);
    cJSON_InitHooks(NULL);
    expect_error(r, 500, "server_error");
    free(body);
    ck_assert(refreshes());
}
END_TEST

START_TEST(the_log_tells_what_happened_and_no_secret)
{
    char path[] = "/tmp/gatehouse-log-XXXXXX";
    char text[32768];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    const gh_log_options options = {.fd = fd, .format = GH_LOG_TEXT, .level = GH_LOG_DEBUG};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    register_client(F, L.client, sizeof L.client);
    login_start(&L, CALLBACK, "state-of-the-client");
    login_finish(&L);
    tokens first = tokens_of(&L);
    reply r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens second = read_tokens(&r);
    clock_forward(60);
    expect_error(exchange_refresh(F, L.client, first.refresh, NULL), 400, "invalid_grant");
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
    expect_done(send_revoke(L.client, second.access, NULL));
    gh_log_stop();
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(len, 0);
    text[len] = '\0';
    (void)close(fd);
    (void)unlink(path);
    ck_assert_ptr_nonnull(strstr(text, "client registered"));
    ck_assert_ptr_nonnull(strstr(text, "Claude Code"));
    ck_assert_ptr_nonnull(strstr(text, "login finished"));
    ck_assert_ptr_nonnull(strstr(text, "refresh token used again"));
    ck_assert_ptr_nonnull(strstr(text, "authorization code used twice"));
    const char *const secrets[] = {L.code,
                                   L.flow,
                                   L.csrf,
                                   L.consent,
                                   VERIFIER,
                                   first.access,
                                   first.refresh,
                                   second.access,
                                   second.refresh,
                                   "state-of",
                                   strchr(L.cookie, '=') + 1};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        ck_assert_msg(strstr(text, secrets[i]) == NULL, "secret %zu is in the log", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revoke");
    TCase *tc = tcase_create("revoke");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, revoking_the_refresh_token_ends_the_sign_in);
    tcase_add_test(tc, revoking_the_access_token_ends_the_sign_in);
    tcase_add_test(tc, a_wrong_hint_does_not_matter);
    tcase_add_test(tc, an_old_refresh_token_ends_the_sign_in_too);
    tcase_add_test(tc, tokens_that_are_unknown_are_200_and_nothing_happens);
    tcase_add_test(tc, a_forged_access_token_revokes_nothing);
    tcase_add_test(tc, another_clients_tokens_stay);
    tcase_add_test(tc, other_sign_ins_of_the_client_stay);
    tcase_add_test(tc, requests_that_are_wrong_are_told_so);
    tcase_add_test(tc, an_outage_is_503_so_that_the_client_tries_again);
    tcase_add_test(tc, a_lack_of_memory_is_no_revocation);
    tcase_add_test(tc, the_log_tells_what_happened_and_no_secret);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
