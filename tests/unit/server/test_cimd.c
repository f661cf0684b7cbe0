#include "tests/unit/server/oauth_fixture.h"

#include <pthread.h>
#include <time.h>

#include "server/oauth/cimd_private.h"
#include "server/oauth/internal.h"

#define APP "https://app.example.com/oauth/client.json"
#define APP_JSON                                                                                             \
    "{\"client_id\":\"" APP "\",\"client_name\":\"Example App\",\"redirect_uris\":[\"" CALLBACK "\"]}"

/* A site that answers as a test says. */
typedef struct site {
    const char *document;
    gh_status status;
    int64_t keep_s;
    int fetches; /* under `lock` */
    int delay_ms;
    bool echo; /* a document for whatever URL is asked for */
    pthread_mutex_t lock;
    char url[1024]; /* asked for last */
} site;

static fixture *F;
static site S;

static gh_status fetch(void *context, const char *url, gh_cimd_reply *answer, gh_error *why)
{
    site *s = context;
    const struct timespec delay = {.tv_nsec = s->delay_ms * 1000000L};
    (void)pthread_mutex_lock(&s->lock);
    s->fetches++;
    (void)snprintf(s->url, sizeof s->url, "%s", url);
    (void)pthread_mutex_unlock(&s->lock);
    (void)nanosleep(&delay, NULL);
    if (s->status != GH_OK) {
        return gh_error_set(why, s->status, "The site has trouble.");
    }
    if (s->echo) {
        (void)gh_buf_appendf(&answer->body,
                             "{\"client_id\":\"%s\",\"client_name\":\"E\",\"redirect_uris\":[\"%s\"]}", url,
                             CALLBACK);
    } else {
        (void)gh_buf_append_cstr(&answer->body, s->document);
    }
    answer->keep_s = s->keep_s;
    return gh_buf_status(&answer->body);
}

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
    S = (site){.document = APP_JSON, .keep_s = 300};
    ck_assert_int_eq(pthread_mutex_init(&S.lock, NULL), 0);
    gh_cimd_set_fetch(F->server->cimd, fetch, &S);
}

static void close_all(void)
{
    fixture_close(F);
    (void)pthread_mutex_destroy(&S.lock);
}

static gh_status find(const char *url)
{
    gh_client client;
    gh_error why = {0};
    memset(&client, 0, sizeof client);
    gh_status status = gh_clients_find(F->server, url, &client, &why);
    ck_assert(status != GH_OK || strcmp(client.id, url) == 0);
    ck_assert((status == GH_OK) == (why.message[0] == '\0'));
    gh_client_clear(&client);
    return status;
}

START_TEST(a_documents_client_can_log_in)
{
    login l = {.f = F};
    (void)snprintf(l.client, sizeof l.client, "%s", APP);
    login_start(&l, CALLBACK, "st");
    login_finish(&l);
    tokens t = tokens_of(&l);
    ck_assert_str_ne(t.access, "");
    reply r = exchange_refresh(F, APP, t.refresh, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    char *body = form("client_id", APP, "token", t.refresh, NULL);
    r = post(F, gh_oauth_handle_revoke, body, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    free(body);
    ck_assert_int_eq(S.fetches, 1);
    ck_assert_str_eq(S.url, APP);
}
END_TEST

START_TEST(the_consent_shows_whose_document_it_is)
{
    login l = {.f = F};
    (void)snprintf(l.client, sizeof l.client, "%s", APP);
    login_start(&l, CALLBACK, "st");
    login_sign_in(&l, "Alice", "alice@example.com");
    reply r = login_show_consent(&l);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "Example App"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<span class=\"place\">app.example.com</span>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<code>" APP "</code>"));
    reply_clear(&r);
}
END_TEST

START_TEST(a_registered_client_has_no_such_line)
{
    login l = {.f = F};
    register_client(F, l.client, sizeof l.client);
    login_start(&l, CALLBACK, "st");
    login_sign_in(&l, "Alice", "alice@example.com");
    reply r = login_show_consent(&l);
    ck_assert_ptr_null(strstr(reply_body(&r), "The application is described by"));
    reply_clear(&r);
    ck_assert_int_eq(S.fetches, 0);
}
END_TEST

START_TEST(a_redirect_that_the_document_does_not_list_is_refused)
{
    char *query = authorize_query(APP, "https://evil.example/cb", "s");
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 400);
    reply_clear(&r);
    free(query);
}
END_TEST

static const char *const BAD_DOCUMENTS[] = {
    "",
    "[]",
    "not json",
    "{\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK "\"]}",
    "{\"client_id\":\"https://app.example.com/oauth/other.json\",\"client_name\":\"E\",\"redirect_uris\":"
    "[\"" CALLBACK "\"]}",
    "{\"client_id\":\"https://APP.example.com/oauth/client.json\",\"client_name\":\"E\",\"redirect_uris\":"
    "[\"" CALLBACK "\"]}",
    "{\"client_id\":[\"" APP "\"],\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK "\"]}",
    "{\"client_id\":\"" APP "\",\"redirect_uris\":[\"" CALLBACK "\"]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"\",\"redirect_uris\":[\"" CALLBACK "\"]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\"}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":\"" CALLBACK "\"}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"javascript:alert(1)\"]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"http://evil.example/cb\"]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[1]}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"token_endpoint_auth_method\":\"client_secret_basic\"}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"token_endpoint_auth_method\":\"private_key_jwt\"}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"token_endpoint_auth_method\":7}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"client_secret\":\"x\"}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"client_secret_expires_at\":0}",
    "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
    "\"],\"grant_types\":[\"client_credentials\"]}",
    "{\"client_id\":\"" APP "\",\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":"
    "[\"" CALLBACK "\"]}",
};

START_TEST(a_document_that_breaks_the_rules_is_refused)
{
    S.document = BAD_DOCUMENTS[_i];
    ck_assert_msg(find(APP) == GH_ERR_NOT_FOUND, "%s", BAD_DOCUMENTS[_i]);
    char *query = authorize_query(APP, CALLBACK, "s");
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 400);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "metadata document cannot be used"));
    reply_clear(&r);
    free(query);
}
END_TEST

START_TEST(why_a_key_is_no_help_is_said)
{
    S.document =
        "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
        "\"],\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks_uri\":\"https://x.example/\"}";
    reply r = exchange_code(F, APP, "code", VERIFIER, CALLBACK);
    assert_error(&r, 401, "invalid_client");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "private_key_jwt"));
    reply_clear(&r);
}
END_TEST

START_TEST(members_that_are_no_concern_of_ours_do_not_matter)
{
    S.document = "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
                 "\",\"vscode://x/y\",\"cursor://ok\"],\"token_endpoint_auth_method\":\"none\","
                 "\"logo_uri\":\"https://x.example/l.png\",\"application_type\":\"native\",\"contacts\":[],"
                 "\"grant_types\":[\"authorization_code\",\"implicit\"],\"response_types\":[\"code\"]}";
    gh_client client;
    memset(&client, 0, sizeof client);
    ck_assert_int_eq(gh_clients_find(F->server, APP, &client, NULL), GH_OK);
    ck_assert_str_eq(client.redirect_uris, CALLBACK "\ncursor://ok");
    ck_assert_str_eq(client.grant_types, "authorization_code");
    gh_client_clear(&client);
}
END_TEST

START_TEST(a_url_that_is_no_client_id_is_not_fetched)
{
    ck_assert_int_eq(find("https://127.0.0.1/c"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(find("https://app.example.com/"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(S.fetches, 0);
}
END_TEST

START_TEST(a_document_is_kept_as_long_as_its_site_says)
{
    ck_assert_int_eq(find(APP), GH_OK);
    clock_forward(299);
    ck_assert_int_eq(find(APP), GH_OK);
    ck_assert_int_eq(S.fetches, 1);
    clock_forward(1);
    ck_assert_int_eq(find(APP), GH_OK);
    ck_assert_int_eq(S.fetches, 2);
}
END_TEST

START_TEST(a_refusal_is_kept_for_a_minute)
{
    S.document = "{}";
    ck_assert_int_eq(find(APP), GH_ERR_NOT_FOUND);
    S.document = APP_JSON;
    clock_forward(59);
    ck_assert_int_eq(find(APP), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(S.fetches, 1);
    clock_forward(1);
    ck_assert_int_eq(find(APP), GH_OK);
}
END_TEST

START_TEST(an_outage_of_the_site_is_no_refusal)
{
    S.status = GH_ERR_UNAVAILABLE;
    reply r = exchange_code(F, APP, "code", VERIFIER, CALLBACK);
    assert_error(&r, 503, "temporarily_unavailable");
    ck_assert(gh_response_has_header(&r.raw, "Retry-After"));
    reply_clear(&r);
    char *query = authorize_query(APP, CALLBACK, "s");
    r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 503);
    reply_clear(&r);
    free(query);
    ck_assert_int_eq(S.fetches, 1);
}
END_TEST

START_TEST(a_good_document_outlives_an_outage_for_a_day)
{
    ck_assert_int_eq(find(APP), GH_OK);
    S.status = GH_ERR_UNAVAILABLE;
    clock_forward(301);
    ck_assert_int_eq(find(APP), GH_OK);
    ck_assert_int_eq(find(APP), GH_OK);
    ck_assert_int_eq(S.fetches, 2);
    clock_forward(86400);
    ck_assert_int_eq(find(APP), GH_ERR_UNAVAILABLE);
}
END_TEST

START_TEST(a_document_that_is_withdrawn_ends_at_its_time)
{
    ck_assert_int_eq(find(APP), GH_OK);
    S.status = GH_ERR_DENIED;
    ck_assert_int_eq(find(APP), GH_OK);
    clock_forward(301);
    ck_assert_int_eq(find(APP), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(fetches_have_a_pace)
{
    char url[64];
    S.echo = true;
    for (int i = 0; i < 120; i++) {
        (void)snprintf(url, sizeof url, "https://app.example.com/%d", i);
        ck_assert_int_eq(find(url), GH_OK);
    }
    ck_assert_int_eq(find("https://app.example.com/more"), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(find("https://app.example.com/7"), GH_OK);
    ck_assert_int_eq(S.fetches, 120);
    clock_forward(61);
    ck_assert_int_eq(find("https://app.example.com/more"), GH_OK);
}
END_TEST

START_TEST(what_was_used_longest_ago_makes_room)
{
    char url[64];
    S.echo = true;
    S.keep_s = 86400;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(url, sizeof url, "https://app.example.com/%d", i);
        ck_assert_int_eq(find(url), GH_OK);
        clock_forward(1);
    }
    ck_assert_int_eq(find("https://app.example.com/0"), GH_OK);
    ck_assert_int_eq(find("https://app.example.com/new"), GH_OK);
    ck_assert_int_eq(S.fetches, 1001);
    ck_assert_int_eq(find("https://app.example.com/0"), GH_OK);
    ck_assert_int_eq(S.fetches, 1001);
    ck_assert_int_eq(find("https://app.example.com/1"), GH_OK);
    ck_assert_int_eq(S.fetches, 1002);
}
END_TEST

typedef struct asker {
    const char *url;
    gh_status status;
    pthread_t thread;
} asker;

static void *ask(void *context)
{
    asker *a = context;
    gh_client client;
    memset(&client, 0, sizeof client);
    a->status = gh_clients_find(F->server, a->url, &client, NULL);
    gh_client_clear(&client);
    return NULL;
}

static void ask_all(asker *askers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_join(askers[i].thread, NULL), 0);
    }
}

START_TEST(askers_for_one_document_share_its_fetch)
{
    asker askers[6];
    S.delay_ms = 300;
    for (size_t i = 0; i < 6; i++) {
        askers[i] = (asker){.url = APP};
    }
    ask_all(askers, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(askers[i].status, GH_OK);
    }
    ck_assert_int_eq(S.fetches, 1);
}
END_TEST

START_TEST(four_fetches_at_once_are_enough)
{
    static const char *const urls[] = {"https://a.example/1", "https://a.example/2", "https://a.example/3",
                                       "https://a.example/4", "https://a.example/5", "https://a.example/6"};
    asker askers[6];
    size_t good = 0;
    S.delay_ms = 500;
    S.echo = true;
    for (size_t i = 0; i < 6; i++) {
        askers[i] = (asker){.url = urls[i]};
    }
    ask_all(askers, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert(askers[i].status == GH_OK || askers[i].status == GH_ERR_UNAVAILABLE);
        good += askers[i].status == GH_OK ? 1 : 0;
    }
    ck_assert_uint_eq(good, 4);
    ck_assert_int_eq(S.fetches, 4);
}
END_TEST

START_TEST(a_documents_client_may_be_a_device)
{
    S.document = "{\"client_id\":\"" APP "\",\"client_name\":\"E\",\"redirect_uris\":[\"" CALLBACK
                 "\"],\"grant_types\":[\"urn:ietf:params:oauth:grant-type:device_code\"]}";
    char *body = form("client_id", APP, NULL);
    reply r = post(F, gh_oauth_handle_device_authorization, body, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    free(body);
}
END_TEST

typedef struct cache_case {
    const char *cache_control, *age, *expires, *date;
    int64_t keep_s;
} cache_case;

#define DATE "Mon, 23 Nov 2026 10:00:00 GMT"

static const cache_case CACHE_CASES[] = {
    {NULL, NULL, NULL, NULL, 300},
    {"max-age=600", NULL, NULL, NULL, 600},
    {"public, Max-Age=\"600\", must-revalidate", NULL, NULL, NULL, 600},
    {"max-age=600", "100", NULL, NULL, 500},
    {"max-age=600", "590", NULL, NULL, 60},
    {"max-age=600, s-maxage=900", NULL, NULL, NULL, 900},
    {"max-age=0", NULL, NULL, NULL, 60},
    {"max-age=-1", NULL, NULL, NULL, 60},
    {"max-age=x", NULL, NULL, NULL, 60},
    {"max-age", NULL, NULL, NULL, 60},
    {"max-age=99999999999999999999", NULL, NULL, NULL, 60},
    {"max-age=31536000", NULL, NULL, NULL, 86400},
    {"no-store", NULL, NULL, NULL, 60},
    {"no-cache, max-age=600", NULL, NULL, NULL, 60},
    {"public", NULL, NULL, NULL, 300},
    {NULL, NULL, "Mon, 23 Nov 2026 10:20:00 GMT", DATE, 1200},
    {NULL, "200", "Mon, 23 Nov 2026 10:20:00 GMT", DATE, 1000},
    {NULL, NULL, "Mon, 23 Nov 2026 09:00:00 GMT", DATE, 60},
    {NULL, NULL, "0", DATE, 60},
    {NULL, NULL, "Tue, 23 Nov 2027 10:00:00 GMT", DATE, 86400},
    {"max-age=600", NULL, "Mon, 23 Nov 2026 10:20:00 GMT", DATE, 600},
};

START_TEST(cache_headers_are_heeded_within_bounds)
{
    const cache_case *c = &CACHE_CASES[_i];
    ck_assert_int_eq(gh_cimd_keep_s(gh_view_of(c->cache_control), gh_view_of(c->age), gh_view_of(c->expires),
                                    gh_view_of(c->date)),
                     c->keep_s);
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

int main(void)
{
    Suite *suite = suite_create("cimd");
    TCase *tc = tcase_create("cimd");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_documents_client_can_log_in);
    tcase_add_test(tc, the_consent_shows_whose_document_it_is);
    tcase_add_test(tc, a_registered_client_has_no_such_line);
    tcase_add_test(tc, a_redirect_that_the_document_does_not_list_is_refused);
    tcase_add_loop_test(tc, a_document_that_breaks_the_rules_is_refused, 0, COUNT(BAD_DOCUMENTS));
    tcase_add_test(tc, why_a_key_is_no_help_is_said);
    tcase_add_test(tc, members_that_are_no_concern_of_ours_do_not_matter);
    tcase_add_test(tc, a_url_that_is_no_client_id_is_not_fetched);
    tcase_add_test(tc, a_document_is_kept_as_long_as_its_site_says);
    tcase_add_test(tc, a_refusal_is_kept_for_a_minute);
    tcase_add_test(tc, an_outage_of_the_site_is_no_refusal);
    tcase_add_test(tc, a_good_document_outlives_an_outage_for_a_day);
    tcase_add_test(tc, a_document_that_is_withdrawn_ends_at_its_time);
    tcase_add_test(tc, fetches_have_a_pace);
    tcase_add_test(tc, what_was_used_longest_ago_makes_room);
    tcase_add_test(tc, askers_for_one_document_share_its_fetch);
    tcase_add_test(tc, four_fetches_at_once_are_enough);
    tcase_add_test(tc, a_documents_client_may_be_a_device);
    tcase_add_loop_test(tc, cache_headers_are_heeded_within_bounds, 0, COUNT(CACHE_CASES));
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
