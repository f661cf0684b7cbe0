/* Event streams over real sockets: quiet ones last, and clients that went away or do not read are noticed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/http/listener.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/suite.h"

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
#define PATIENCE_MS 8000

typedef struct server {
    gh_site *site;
    gh_router *router;
    gh_proxies *proxies;
    gh_watchdog *watchdog;
    gh_transaction_setting setting;
    gh_reservation reservation;
    gh_listener *listener;
} server;

static server s;
static atomic_int begun;
static atomic_int ended;
static atomic_int said_closed; /* by a write */

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* Until the client went away, without a byte to it; a test that waits for that in vain fails by itself. */
static void wait_for_end(void *context, const gh_request *request, gh_response *response)
{
    gh_deadline patience = gh_deadline_in(PATIENCE_MS);
    (void)request;
    if (context != NULL && gh_response_stream_begin(response, 200, gh_view_of("")) != GH_OK) {
        return;
    }
    atomic_fetch_add(&begun, 1);
    while (!gh_response_peer_gone(response) && !gh_deadline_passed(patience)) {
        pause_ms(10);
    }
    atomic_fetch_add(&ended, gh_deadline_passed(patience) ? 0 : 1);
    if (context == NULL) {
        gh_response_text(response, 200, "nobody reads this");
    }
}

static void look_late(void *context, const gh_request *request, gh_response *response)
{
    atomic_fetch_add(&begun, 1);
    pause_ms(300);
    wait_for_end(context, request, response);
}

/* Says nothing for longer than any deadline of the server, then one word. */
static void be_quiet(void *context, const gh_request *request, gh_response *response)
{
    (void)context;
    (void)request;
    ck_assert_int_eq(gh_response_stream_begin(response, 200, gh_view_of("")), GH_OK);
    pause_ms(1500);
    ck_assert(!gh_response_peer_gone(response));
    ck_assert(!gh_response_stream_closed(response));
    ck_assert_int_eq(gh_response_stream_write(response, GH_VIEW_LIT("data: still here\n\n")), GH_OK);
}

static void flood(void *context, const gh_request *request, gh_response *response)
{
    char event[8000];
    gh_deadline patience = gh_deadline_in(PATIENCE_MS);
    gh_status status = gh_response_stream_begin(response, 200, gh_view_of(""));
    (void)context;
    (void)request;
    memset(event, 'x', sizeof event);
    atomic_fetch_add(&begun, 1);
    while (status == GH_OK && !gh_deadline_passed(patience)) {
        status = gh_response_stream_write(response, gh_view_make(event, sizeof event));
    }
    atomic_fetch_add(&said_closed, status == GH_ERR_CLOSED ? 1 : 0);
    ck_assert_int_eq(gh_response_stream_write(response, GH_VIEW_LIT("x")), GH_ERR_CLOSED);
    ck_assert(gh_response_stream_closed(response));
}

static int stream = 1;
static const gh_route ROUTES[] = {
    {"GET", "/stream", GH_ROUTE_OPEN, wait_for_end, &stream, false, 0, NULL},
    {"GET", "/silent", GH_ROUTE_OPEN, wait_for_end, NULL, false, 0, NULL},
    {"GET", "/late", GH_ROUTE_OPEN, look_late, NULL, false, 0, NULL},
    {"GET", "/quiet", GH_ROUTE_OPEN, be_quiet, NULL, false, 0, NULL},
    {"GET", "/flood", GH_ROUTE_OPEN, flood, NULL, false, 0, NULL},
};

static void set_up(void)
{
    const gh_address address = {"localhost", 0};
    gh_error error = {0};
    memset(&s, 0, sizeof s);
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(gh_site_new("http://localhost:8080", NULL, &s.site, NULL), GH_OK);
    ck_assert_int_eq(gh_router_new(s.site, ROUTES, sizeof ROUTES / sizeof ROUTES[0], &s.router), GH_OK);
    ck_assert_int_eq(gh_proxies_new(NULL, &s.proxies, NULL), GH_OK);
    ck_assert_int_eq(gh_watchdog_start(&s.watchdog), GH_OK);
    s.setting = (gh_transaction_setting){.router = s.router,
                                         .proxies = s.proxies,
                                         .watchdog = s.watchdog,
                                         .body_timeout_ms = 300,
                                         .write_timeout_ms = 500};
    const gh_listener_options options = {.workers = 8, .request_timeout_ms = 500, .setting = &s.setting};
    ck_assert_int_eq(gh_reservation_take(&address, gh_listener_has_ipv6(), &s.reservation, &error), GH_OK);
    ck_assert_int_eq(gh_listener_start(&options, &s.reservation, &s.listener, &error), GH_OK);
}

static void tear_down(void)
{
    gh_listener_stop(s.listener);
    gh_watchdog_stop(s.watchdog);
    gh_reservation_release(&s.reservation);
    gh_router_free(s.router);
    gh_proxies_free(s.proxies);
    gh_site_free(s.site);
}

/* A connection with a small window on which `request` was sent. */
static int ask(const char *request)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(s.reservation.address.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int small = 4096;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    return fd;
}

/* True when `counter` gets there within `ms`. */
static bool reaches(const atomic_int *counter, int value, int64_t ms)
{
    gh_deadline deadline = gh_deadline_in(ms);
    while (atomic_load(counter) < value && !gh_deadline_passed(deadline)) {
        pause_ms(5);
    }
    return atomic_load(counter) >= value;
}

static const char *const PATHS[] = {REQUEST("/stream"), REQUEST("/silent")};

START_TEST(a_client_that_closes_its_connection_is_noticed_at_once)
{
    int fd = ask(PATHS[_i]);
    ck_assert(reaches(&begun, 1, 10000));
    pause_ms(200);
    ck_assert_int_eq(atomic_load(&ended), 0);
    (void)close(fd);
    ck_assert(reaches(&ended, 1, 10000));
}
END_TEST

START_TEST(a_client_that_resets_its_connection_is_noticed_at_once)
{
    const struct linger abort = {.l_onoff = 1, .l_linger = 0};
    int fd = ask(PATHS[_i]);
    ck_assert(reaches(&begun, 1, 10000));
    pause_ms(200);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
    (void)close(fd);
    ck_assert(reaches(&ended, 1, 10000));
}
END_TEST

START_TEST(a_client_that_reset_its_connection_before_anybody_looked_is_gone)
{
    const struct linger abort = {.l_onoff = 1, .l_linger = 0};
    int fd = ask(REQUEST("/late"));
    ck_assert(reaches(&begun, 1, 10000));
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
    (void)close(fd);
    ck_assert(reaches(&ended, 1, 10000));
}
END_TEST

START_TEST(a_client_that_goes_is_noticed_behind_a_request_that_it_sent_ahead)
{
    int fd = ask(REQUEST("/silent") REQUEST("/silent"));
    ck_assert(reaches(&begun, 1, 10000));
    (void)close(fd);
    ck_assert(reaches(&ended, 1, 10000));
}
END_TEST

START_TEST(only_the_client_that_went_is_gone)
{
    int stays = ask(REQUEST("/stream"));
    int goes = ask(REQUEST("/stream"));
    ck_assert(reaches(&begun, 2, 2000));
    (void)close(goes);
    ck_assert(reaches(&ended, 1, 10000));
    pause_ms(200);
    ck_assert_int_eq(atomic_load(&ended), 1);
    (void)close(stays);
    ck_assert(reaches(&ended, 2, 1000));
}
END_TEST

START_TEST(a_quiet_stream_outlives_every_deadline)
{
    char reply[4096];
    size_t len = 0;
    int fd = ask(REQUEST("/quiet"));
    for (ssize_t n = 1; n > 0 && len + 1 < sizeof reply; len += n > 0 ? (size_t)n : 0) {
        n = recv(fd, reply + len, sizeof reply - 1 - len, 0);
    }
    reply[len] = '\0';
    ck_assert_ptr_nonnull(strstr(reply, "\r\n\r\n12\r\ndata: still here\n\n\r\n"));
    (void)close(fd);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_cut)
{
    int64_t started = gh_clock_mono_ms();
    int fd = ask(REQUEST("/flood"));
    ck_assert(reaches(&begun, 1, 10000));
    ck_assert(reaches(&said_closed, 1, PATIENCE_MS));
    ck_assert_int_lt(gh_clock_mono_ms() - started, 5000);
    (void)close(fd);
}
END_TEST

START_TEST(stopping_the_server_ends_streams_that_would_not)
{
    int fd = ask(REQUEST("/stream"));
    ck_assert(reaches(&begun, 1, 10000));
    ck_assert(!gh_listener_drain(s.listener, 100));
    gh_listener_stop(s.listener);
    s.listener = NULL;
    ck_assert_int_eq(atomic_load(&ended), 1);
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_streams");
    TCase *tc = tcase_create("http_streams");
    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_client_that_closes_its_connection_is_noticed_at_once, 0, 2);
    tcase_add_loop_test(tc, a_client_that_resets_its_connection_is_noticed_at_once, 0, 2);
    tcase_add_test(tc, a_client_that_reset_its_connection_before_anybody_looked_is_gone);
    tcase_add_test(tc, a_client_that_goes_is_noticed_behind_a_request_that_it_sent_ahead);
    tcase_add_test(tc, only_the_client_that_went_is_gone);
    tcase_add_test(tc, a_quiet_stream_outlives_every_deadline);
    tcase_add_test(tc, a_client_that_does_not_read_is_cut);
    tcase_add_test(tc, stopping_the_server_ends_streams_that_would_not);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
