#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/clock.h"
#include "shared/net/address.h"
#include "shared/net/http_pool.h"
#include "tests/support/http_probe.h"
#include "tests/support/suite.h"

#define OWNER 7

static gh_http_pool *pool_of(const gh_http_client_options *options, size_t keep)
{
    gh_http_pool *pool = NULL;
    gh_error error = {.message = ""};
    ck_assert_msg(gh_http_pool_new(options, keep, &pool, &error) == GH_OK, "%s", error.message);
    return pool;
}

static gh_http_client *taken(gh_http_pool *pool)
{
    gh_http_client *client = NULL;
    ck_assert_int_eq(gh_http_pool_take(pool, OWNER, &client, NULL), GH_OK);
    return client;
}

static gh_status perform(gh_http_client *client, const gh_http_fixture *fixture, gh_http_result *result)
{
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_buf body = GH_BUF_INIT(1000);
    gh_http_fixture_url(fixture, "/", url);
    const gh_http_request request = {.method = "GET", .url = url, .timeout_ms = 20000};
    gh_status status = gh_http_perform(client, &request, &body, result);
    gh_buf_free(&body);
    return status;
}

START_TEST(a_connection_is_used_again_by_whoever_takes_the_client_next)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "test/1"}, 4);
    gh_http_result result;
    for (int i = 0; i < 5; i++) {
        gh_http_client *client = taken(pool);
        ck_assert_int_eq(perform(client, fixture, &result), GH_OK);
        gh_http_pool_give(pool, OWNER, client);
    }
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 5);
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 1);
    ck_assert(gh_http_fixture_has_line(fixture, 4, "User-Agent: test/1"));
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(two_at_a_time_get_different_clients_and_only_some_are_kept)
{
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "test/1"}, 2);
    gh_http_client *clients[3] = {taken(pool), taken(pool), taken(pool)};
    ck_assert_ptr_ne(clients[0], clients[1]);
    ck_assert_ptr_ne(clients[0], clients[2]);
    ck_assert_ptr_ne(clients[1], clients[2]);
    gh_http_pool_give(pool, OWNER, clients[0]);
    gh_http_pool_give(pool, OWNER, clients[1]);
    gh_http_pool_give(pool, OWNER, clients[2]); /* the first one is freed: there is room for two */
    ck_assert_ptr_eq(taken(pool), clients[2]);
    ck_assert_ptr_eq(taken(pool), clients[1]);
    gh_http_pool_give(pool, OWNER, clients[1]);
    gh_http_pool_give(pool, OWNER, clients[2]);
    gh_http_pool_give(pool, OWNER, NULL);
    gh_http_pool_free(pool);
    gh_http_pool_free(NULL);
}
END_TEST

START_TEST(owners_share_no_connection)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "test/1"}, 4);
    gh_http_result result;
    for (uint64_t i = 0; i < 6; i++) {
        gh_http_client *client = NULL;
        ck_assert_int_eq(gh_http_pool_take(pool, i % 2, &client, NULL), GH_OK);
        ck_assert_int_eq(perform(client, fixture, &result), GH_OK);
        gh_http_pool_give(pool, i % 2, client);
    }
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 2);
    ck_assert_uint_eq(gh_http_fixture_connection_of(fixture, 4), 0);
    ck_assert_uint_eq(gh_http_fixture_connection_of(fixture, 5), 1);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

/* An answer that is longer than it says: what comes after its end must not be taken for the next one. */
START_TEST(what_a_server_says_unasked_is_no_answer)
{
    static const char OWN[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    GH_HTTP_FIXTURE({.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
                              "HTTP/1.1 203 OK\r\nContent-Length: 2\r\n\r\n[]",
                     .piece = sizeof OWN - 1,
                     .piece_delay_ms = 50,
                     .repeat = true});
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "test/1"}, 4);
    const struct timespec pause = {.tv_nsec = 300000000L};
    gh_http_result result;
    for (int i = 0; i < 3; i++) {
        gh_http_client *client = taken(pool);
        ck_assert_int_eq(perform(client, fixture, &result), GH_OK);
        ck_assert_int_eq(result.http_status, 200);
        gh_http_pool_give(pool, OWNER, client);
        (void)nanosleep(&pause, NULL);
    }
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 3);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

static int64_t now_ns = INT64_C(1000000000);

static int64_t fixed_clock(void)
{
    return now_ns;
}

START_TEST(what_was_idle_for_a_minute_is_not_used_again)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "test/1"}, 4);
    gh_http_result result;
    for (int i = 0; i < 2; i++) {
        gh_http_client *client = taken(pool);
        ck_assert_int_eq(perform(client, fixture, &result), GH_OK);
        gh_clock_set_source(fixed_clock, NULL);
        gh_http_pool_give(pool, OWNER, client);
        now_ns += INT64_C(61000000000);
        gh_http_pool_give(pool, OWNER, taken(pool));
        gh_clock_set_source(NULL, NULL);
    }
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 2);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(wrong_options_are_found_at_once_and_copied_when_right)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool = NULL;
    gh_error error = {.message = ""};
    char agent[] = "test/1";
    char home[GH_HTTP_FIXTURE_URL_MAX];
    char value[] = "one";
    ck_assert_int_eq(gh_http_pool_new(&(gh_http_client_options){.connect_to = "nowhere"}, 1, &pool, &error),
                     GH_ERR_INVALID);
    ck_assert_str_ne(error.message, "");
    gh_http_fixture_url(fixture, "/", home);
    const gh_http_header header = {"X-Home", value};
    pool = pool_of(
        &(gh_http_client_options){
            .user_agent = agent, .home = home, .home_headers = &header, .home_header_count = 1},
        1);
    memset(agent, 'x', sizeof agent - 1);
    memset(home, 'x', sizeof home - 1);
    memset(value, 'x', sizeof value - 1);
    gh_http_result result;
    gh_http_client *first = taken(pool);
    gh_http_client *second = taken(pool);
    ck_assert_int_eq(perform(second, fixture, &result), GH_OK);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "User-Agent: test/1"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "X-Home: one"));
    gh_http_pool_give(pool, OWNER, first);
    gh_http_pool_give(pool, OWNER, second);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

/* --- which addresses --- */

static int asked;

static bool notes_and_allows(const struct sockaddr *address)
{
    asked++;
    ck_assert_int_eq(address->sa_family, AF_INET);
    return true;
}

START_TEST(an_address_is_looked_at_once_for_each_connection_which_is_then_used_again)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool =
        pool_of(&(gh_http_client_options){.user_agent = "t/1", .may_connect = notes_and_allows}, 4);
    gh_http_result result;
    for (int i = 0; i < 3; i++) {
        gh_http_client *client = taken(pool);
        ck_assert_int_eq(perform(client, fixture, &result), GH_OK);
        gh_http_pool_give(pool, OWNER, client);
    }
    ck_assert_int_eq(asked, 1);
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 1);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(an_address_that_is_not_public_is_refused_before_a_byte_is_sent)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool =
        pool_of(&(gh_http_client_options){.user_agent = "t/1", .may_connect = gh_address_is_public}, 4);
    gh_http_client *client = taken(pool);
    gh_http_result result;
    ck_assert_int_eq(perform(client, fixture, &result), GH_ERR_DENIED);
    ck_assert(!result.maybe_delivered);
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 0);
    gh_http_pool_give(pool, OWNER, client);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

/* --- threads --- */

typedef struct worker {
    gh_http_pool *pool;
    gh_http_fixture *fixture;
    pthread_t thread;
    int good;
} worker;

static void *works(void *context)
{
    worker *self = context;
    for (int i = 0; i < 20; i++) {
        gh_http_client *client = NULL;
        gh_http_result result = {.status = GH_OK};
        if (gh_http_pool_take(self->pool, OWNER, &client, NULL) == GH_OK &&
            perform(client, self->fixture, &result) == GH_OK) {
            self->good++;
        }
        gh_http_pool_give(self->pool, OWNER, client);
    }
    return NULL;
}

START_TEST(threads_share_a_pool)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_pool *pool = pool_of(&(gh_http_client_options){.user_agent = "t/1"}, 8);
    worker workers[4];
    for (size_t i = 0; i < 4; i++) {
        workers[i] = (worker){.pool = pool, .fixture = fixture};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, works, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_int_eq(workers[i].good, 20);
    }
    ck_assert_uint_le(gh_http_fixture_connections(fixture), 4);
    gh_http_pool_free(pool);
    gh_http_fixture_stop(fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_pool");
    TCase *tests = tcase_create("pool");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_connection_is_used_again_by_whoever_takes_the_client_next);
    tcase_add_test(tests, two_at_a_time_get_different_clients_and_only_some_are_kept);
    tcase_add_test(tests, owners_share_no_connection);
    tcase_add_test(tests, what_a_server_says_unasked_is_no_answer);
    tcase_add_test(tests, what_was_idle_for_a_minute_is_not_used_again);
    tcase_add_test(tests, wrong_options_are_found_at_once_and_copied_when_right);
    tcase_add_test(tests, an_address_is_looked_at_once_for_each_connection_which_is_then_used_again);
    tcase_add_test(tests, an_address_that_is_not_public_is_refused_before_a_byte_is_sent);
    tcase_add_test(tests, threads_share_a_pool);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
