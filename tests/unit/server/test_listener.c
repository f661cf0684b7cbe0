/* The listener over real sockets: what a client sees of framing, deadlines, admission, drain and stop. */
#include "server/http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/suite.h"

#define REPLY_MAX 65536
#define PATIENCE_MS 10000 /* for what must come, however busy the machine is */
#define QUIET_MS 100      /* for what must not come */
#define TIMEOUT_MS 1500   /* the server's, for a head */
#define LONG_TIMEOUT_MS 30000
#define HOST "Host: localhost:8080\r\n"

typedef struct server {
    gh_site *site;
    gh_router *router;
    gh_proxies *proxies;
    gh_watchdog *watchdog;
    gh_transaction_setting setting;
    gh_reservation reservation;
    gh_listener *listener;
    pthread_mutex_t gate; /* /wait waits for it */
    atomic_int at_gate;   /* requests that have come to it */
} server;

static server s;
static char reply[REPLY_MAX + 1];
static size_t reply_len;

static void say_size(void *context, const gh_request *request, gh_response *response)
{
    char text[64];
    (void)context;
    (void)snprintf(text, sizeof text, "size %zu", request->body.len);
    gh_response_text(response, 200, text);
}

/* With a context it breaks off. */
static void stream_three(void *context, const gh_request *request, gh_response *response)
{
    (void)request;
    ck_assert_int_eq(gh_response_stream_begin(response, 200, gh_view_of("")), GH_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gh_response_stream_write(response, GH_VIEW_LIT("data: x\n\n")), GH_OK);
    }
    if (context == NULL) {
        ck_assert_int_eq(gh_response_stream_end(response, gh_view_of("")), GH_OK);
    }
}

static void wait_for_gate(void *context, const gh_request *request, gh_response *response)
{
    (void)context;
    (void)request;
    atomic_fetch_add(&s.at_gate, 1);
    (void)pthread_mutex_lock(&s.gate);
    (void)pthread_mutex_unlock(&s.gate);
    gh_response_text(response, 200, "waited");
}

/* Uses more stack than the library's own threads have. */
static void use_stack(void *context, const gh_request *request, gh_response *response)
{
    volatile char deep[(size_t)128 * 1024];
    (void)context;
    (void)request;
    for (size_t i = 0; i < sizeof deep; i += 1024) {
        deep[i] = (char)i;
    }
    gh_response_text(response, 200, deep[1024] == 0 ? "deep" : "odd");
}

static bool admit(void *context, const gh_request *request)
{
    (void)context;
    return gh_request_header(request, "Authorization").ptr != NULL;
}

static int broken;
static const gh_route ROUTES[] = {
    {"POST", "/size", GH_ROUTE_OPEN, say_size, NULL, false, 0, NULL},
    {"POST", "/large", GH_ROUTE_OPEN, say_size, NULL, false, (size_t)256 * 1024, admit},
    {"GET", "/", GH_ROUTE_OPEN, say_size, NULL, false, 0, NULL},
    {"GET", "/stream", GH_ROUTE_OPEN, stream_three, NULL, false, 0, NULL},
    {"GET", "/broken", GH_ROUTE_OPEN, stream_three, &broken, false, 0, NULL},
    {"POST", "/stream", GH_ROUTE_OPEN, stream_three, NULL, false, 0, NULL},
    {"GET", "/wait", GH_ROUTE_OPEN, wait_for_gate, NULL, false, 0, NULL},
    {"GET", "/stack", GH_ROUTE_OPEN, use_stack, NULL, false, 0, NULL},
};

static void wait_at_gate(int requests)
{
    while (atomic_load(&s.at_gate) < requests) {
        (void)usleep(1000);
    }
}

static void start(size_t workers, int64_t request_timeout_ms)
{
    const gh_address address = {"localhost", 0};
    gh_error error = {0};
    memset(&s, 0, sizeof s);
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(pthread_mutex_init(&s.gate, NULL), 0);
    ck_assert_int_eq(gh_site_new("http://localhost:8080", NULL, &s.site, NULL), GH_OK);
    ck_assert_int_eq(gh_router_new(s.site, ROUTES, sizeof ROUTES / sizeof ROUTES[0], &s.router), GH_OK);
    ck_assert_int_eq(gh_proxies_new(NULL, &s.proxies, NULL), GH_OK);
    ck_assert_int_eq(gh_watchdog_start(&s.watchdog), GH_OK);
    s.setting = (gh_transaction_setting){.router = s.router,
                                         .proxies = s.proxies,
                                         .watchdog = s.watchdog,
                                         .body_timeout_ms = 600,
                                         .write_timeout_ms = 0};
    const gh_listener_options options = {
        .workers = workers, .request_timeout_ms = request_timeout_ms, .setting = &s.setting};
    ck_assert_msg(gh_reservation_take(&address, gh_listener_has_ipv6(), &s.reservation, &error) == GH_OK,
                  "%s", error.message);
    ck_assert_msg(gh_listener_start(&options, &s.reservation, &s.listener, &error) == GH_OK, "%s",
                  error.message);
}

static void stop(void)
{
    gh_listener_stop(s.listener);
    gh_watchdog_stop(s.watchdog);
    gh_reservation_release(&s.reservation);
    gh_router_free(s.router);
    gh_proxies_free(s.proxies);
    gh_site_free(s.site);
    (void)pthread_mutex_destroy(&s.gate);
}

static void set_up(void)
{
    start(8, TIMEOUT_MS);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(s.reservation.address.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const char *text)
{
    size_t len = strlen(text);
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
}

/* Adds what comes to `reply` until the peer closes, which is true, or `ms` pass without a byte. */
static bool take_more(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool closed = false;
    while (!closed && reply_len < REPLY_MAX && poll(&wait, 1, ms) > 0) {
        ssize_t n = recv(fd, reply + reply_len, REPLY_MAX - reply_len, 0);
        closed = n <= 0;
        reply_len += n > 0 ? (size_t)n : 0;
    }
    reply[reply_len] = '\0';
    return closed;
}

/* The length of the response that begins there, when it is whole and the connection stays open; else 0. */
static size_t kept_response(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "\r\nContent-Length: ");
    const char *close = strstr(text, "\r\nConnection: close\r\n");
    const char *chunked = strstr(text, "\r\nTransfer-Encoding: chunked\r\n");
    size_t len = 0;
    if (end == NULL || (close != NULL && close < end)) {
        return 0;
    }
    if (chunked != NULL && chunked < end) {
        const char *last = strstr(end, "\r\n0\r\n\r\n");
        return last != NULL ? (size_t)(last - text) + 7 : 0;
    }
    len = (size_t)(end - text) + 4;
    if (length != NULL && length < end) {
        len += strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    } else if (strncmp(text, "HTTP/1.1 1", 10) != 0 && strncmp(text, "HTTP/1.1 204", 12) != 0) {
        return 0;
    }
    return strlen(text) >= len ? len : 0;
}

static bool is_whole(void)
{
    size_t at = 0;
    size_t len = 0;
    do {
        len = kept_response(reply + at);
        at += len;
    } while (len > 0 && at < reply_len);
    return len > 0;
}

/* All that comes until the peer closes; false when it does not. */
static bool take_to_end(int fd)
{
    reply_len = 0;
    return take_more(fd, PATIENCE_MS);
}

/* A whole response on a connection that stays open, or else all until it closes, which is true. */
static bool take(int fd)
{
    int64_t end = gh_clock_mono_ms() + PATIENCE_MS;
    bool closed = false;
    reply_len = 0;
    reply[0] = '\0';
    while (!closed && !is_whole() && gh_clock_mono_ms() < end) {
        closed = take_more(fd, 10);
    }
    return closed || take_more(fd, QUIET_MS);
}

/* One exchange on a connection of its own; true when the server closed it. */
static bool exchange(const char *request)
{
    int fd = dial();
    put(fd, request);
    bool closed = take(fd);
    (void)close(fd);
    return closed;
}

/* The same for what ends the connection. */
static bool exchange_to_end(const char *request)
{
    int fd = dial();
    put(fd, request);
    bool closed = take_to_end(fd);
    (void)close(fd);
    return closed;
}

static void assert_reply(const char *status, const char *part)
{
    char line[64];
    (void)snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    ck_assert_msg(strncmp(reply, line, strlen(line)) == 0, "wanted %s, got:\n%s", status, reply);
    ck_assert_msg(strstr(reply, part) != NULL, "no \"%s\" in:\n%s", part, reply);
}

static void assert_works(void)
{
    ck_assert(!exchange("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("200", "size 0");
}

START_TEST(a_request_is_answered_and_the_connection_kept)
{
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        put(fd, "POST /size HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
        ck_assert(!take(fd));
        assert_reply("200", "size 5");
        assert_reply("200", "Connection: keep-alive\r\n");
    }
    (void)close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    ck_assert(exchange_to_end("POST /size HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"
                              "POST /size HTTP/1.1\r\n" HOST
                              "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
                              "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    const char *one = strstr(reply, "size 1");
    const char *two = strstr(reply, "size 2");
    const char *zero = strstr(reply, "size 0");
    ck_assert(one != NULL && two != NULL && zero != NULL && one < two && two < zero);
}
END_TEST

START_TEST(no_smuggled_request_is_executed)
{
    static const char *const bad[] = {
        "POST /size HTTP/1.1\r\n" HOST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /size HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 30\r\n\r\n",
        "POST /size HTTP/1.1\r\n" HOST "Content-Length: 0x0\r\n\r\n",
        "POST /size HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n",
        "POST /size HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n",
        "POST /size HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:8080\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost:8080\n\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nHost : localhost:8080\r\n\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET http://localhost:8080/ HTTP/1.1\r\n" HOST "\r\n",
        "GET http://elsewhere.example/ HTTP/1.1\r\n" HOST "\r\n",
        "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "GET /\x01 HTTP/1.1\r\n" HOST "\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char request[2048];
        (void)snprintf(request, sizeof request, "%sGET / HTTP/1.1\r\n%s\r\n", bad[i], HOST);
        ck_assert_msg(exchange_to_end(request), "left open: %s", bad[i]);
        assert_reply("400", "\"error\"");
        assert_reply("400", "Connection: close\r\n");
        ck_assert_msg(strstr(reply, "size") == NULL, "a second request ran after: %s", bad[i]);
    }
    assert_works();
}
END_TEST

/* Sixteen bytes, so that what follows stands as aligned as a buffer does; each on a connection to a worker
 * that has seen no request yet. */
START_TEST(empty_lines_are_noticed_by_workers_that_have_served_nothing)
{
    for (int i = 0; i < 4; i++) {
        ck_assert(exchange_to_end("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
                                  "POST /size HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n1234"));
        assert_reply("400", "malformed");
    }
}
END_TEST

START_TEST(methods_and_versions_that_are_unknown_get_json)
{
    ck_assert(exchange_to_end("TRACE / HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("501", "method_not_implemented");
    ck_assert(exchange_to_end("get / HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("501", "method_not_implemented");
    ck_assert(exchange_to_end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    assert_reply("505", "\"error\"");
    ck_assert(!exchange("MKCOL /x HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("404", "\"error\"");
    ck_assert(!exchange("PUT /size HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na"));
    assert_reply("405", "Allow: POST, OPTIONS\r\n");
    ck_assert(!exchange("OPTIONS /size HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("204", "Allow: POST, OPTIONS\r\n");
    ck_assert(!exchange("GET /etc/passwd HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("404", "\"error\"");
}
END_TEST

START_TEST(http_1_0_is_served_once)
{
    ck_assert(exchange_to_end("GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n"));
    assert_reply("200", "Connection: close\r\n");
}
END_TEST

START_TEST(more_headers_than_are_read_are_refused)
{
    gh_buf request = GH_BUF_INIT(4096);
    (void)gh_buf_append_cstr(&request, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 70; i++) {
        (void)gh_buf_append_cstr(&request, "X-A: 1\r\n");
    }
    ck_assert_int_eq(gh_buf_append_cstr(&request, "\r\n"), GH_OK);
    ck_assert(exchange_to_end(gh_buf_cstr(&request)));
    gh_buf_free(&request);
    assert_reply("431", "\"error\"");
}
END_TEST

START_TEST(a_head_beyond_its_limit_is_refused)
{
    size_t size = 200000;
    char *request = calloc(1, size);
    ck_assert_ptr_nonnull(request);
    (void)snprintf(request, size, "GET / HTTP/1.1\r\n" HOST "X-A: %017000d\r\n\r\n", 1);
    ck_assert(exchange_to_end(request));
    assert_reply("431", "larger than this server takes");
    /* Beyond the library's buffer the cause can no longer be told from others. */
    (void)snprintf(request, size, "GET / HTTP/1.1\r\n" HOST "X-A: %070000d\r\n\r\n", 1);
    ck_assert(exchange_to_end(request));
    assert_reply("400", "larger than this server takes");
    free(request);
    assert_works();
}
END_TEST

START_TEST(expect_is_answered_before_the_body)
{
    int fd = dial();
    put(fd, "POST /size HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    ck_assert(!take(fd));
    assert_reply("100", "Continue\r\n\r\n");
    put(fd, "ab");
    ck_assert(!take(fd));
    assert_reply("200", "size 2");
    (void)close(fd);
    ck_assert(exchange_to_end("POST /size HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: more\r\n\r\n"));
    assert_reply("417", "\"error\"");
}
END_TEST

/* A POST of `size` bytes. */
static bool post_size(const char *path, const char *header, size_t size)
{
    char *request = malloc(size + 512);
    ck_assert_ptr_nonnull(request);
    int head = snprintf(request, 512, "POST %s HTTP/1.1\r\n" HOST "%sContent-Length: %zu\r\n\r\n", path,
                        header, size);
    ck_assert_int_gt(head, 0);
    memset(request + head, 'a', size);
    request[(size_t)head + size] = '\0';
    bool closed = exchange(request);
    free(request);
    return closed;
}

START_TEST(large_bodies_are_for_those_who_may_send_them)
{
    ck_assert(!post_size("/size", "", 65536));
    assert_reply("200", "size 65536");
    ck_assert(post_size("/size", "", 65537));
    assert_reply("413", "request_too_large");
    ck_assert(!post_size("/large", "Authorization: x\r\n", 200000));
    assert_reply("200", "size 200000");
    ck_assert(post_size("/large", "Authorization: x\r\n", 300000));
    assert_reply("413", "request_too_large");
    (void)post_size("/large", "", 200000);
    assert_reply("200", "size 0");
    assert_reply("200", "Connection: close\r\n");
}
END_TEST

START_TEST(chunks_have_the_same_limit)
{
    static char request[100000];
    int head = snprintf(request, sizeof request,
                        "POST /size HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    size_t len = (size_t)head;
    for (int i = 0; i < 17; i++) {
        len += (size_t)snprintf(request + len, sizeof request - len, "1000\r\n%04096d\r\n", 1);
    }
    (void)snprintf(request + len, sizeof request - len, "0\r\n\r\n");
    int fd = dial();
    put(fd, request);
    (void)take(fd);
    (void)close(fd);
    assert_reply("413", "request_too_large");
}
END_TEST

START_TEST(a_slow_body_is_cut_at_its_deadline)
{
    int fd = dial();
    int64_t began = gh_clock_mono_ms();
    bool closed = false;
    put(fd, "POST /size HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n");
    reply_len = 0;
    while (!closed && reply_len == 0 && gh_clock_mono_ms() - began < PATIENCE_MS) {
        put(fd, "a");
        closed = take_more(fd, 50);
    }
    int64_t took = gh_clock_mono_ms() - began;
    ck_assert_msg(took >= 500 && took < PATIENCE_MS / 2, "cut after %d ms", (int)took);
    ck_assert(closed || take_more(fd, PATIENCE_MS));
    assert_reply("408", "request_timeout");
    (void)close(fd);
    assert_works();
}
END_TEST

START_TEST(a_slow_head_is_cut)
{
    int fd = dial();
    put(fd, "GET / HTTP/1.1\r\n");
    ck_assert(take_to_end(fd));
    assert_reply("408", "request_timeout");
    (void)close(fd);
}
END_TEST

START_TEST(a_body_that_breaks_off_is_no_request)
{
    int fd = dial();
    put(fd, "POST /size HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    (void)take(fd);
    assert_reply("400", "\"error\"");
    (void)close(fd);
    assert_works();
}
END_TEST

#define CHUNK "9\r\ndata: x\n\n\r\n"
#define CHUNKS CHUNK CHUNK CHUNK

START_TEST(a_connection_is_kept_behind_a_stream)
{
    int fd = dial();
    for (int i = 0; i < 2; i++) {
        put(fd, "POST /stream HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
        ck_assert(!take(fd));
        assert_reply("200", "text/event-stream");
        assert_reply("200", "Transfer-Encoding: chunked\r\n\r\n" CHUNKS "0\r\n\r\n");
        put(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
        ck_assert(!take(fd));
        assert_reply("200", "size 0");
    }
    (void)close(fd);
}
END_TEST

START_TEST(a_request_that_was_sent_behind_one_for_a_stream_is_answered)
{
    ck_assert(exchange_to_end(
        "POST /stream HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        "POST /size HTTP/1.1\r\n" HOST "Content-Length: 3\r\nConnection: close\r\n\r\nabc"));
    assert_reply("200", CHUNKS "0\r\n\r\nHTTP/1.1 200 OK\r\n");
    ck_assert_ptr_nonnull(strstr(reply, "size 3"));
}
END_TEST

START_TEST(a_stream_that_breaks_off_has_no_last_chunk)
{
    ck_assert(exchange_to_end("GET /broken HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("200", "Transfer-Encoding: chunked\r\n\r\n" CHUNKS);
    ck_assert_str_eq(strstr(reply, CHUNKS), CHUNKS);
}
END_TEST

START_TEST(a_stream_ends_with_its_connection_where_that_is_not_kept)
{
    static const char *const requests[] = {"GET /stream HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                                           "GET /stream HTTP/1.0\r\n" HOST "\r\n",
                                           "GET /stream HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n",
                                           "GET /broken HTTP/1.0\r\n" HOST "\r\n"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ck_assert(exchange_to_end(requests[i]));
        assert_reply("200", "text/event-stream");
        assert_reply("200", "Connection: close\r\n");
        assert_reply("200", "\r\n\r\ndata: x\n\ndata: x\n\ndata: x\n\n");
        ck_assert_ptr_null(strstr(reply, "chunked"));
    }
}
END_TEST

START_TEST(handlers_have_a_stack_to_stand_on)
{
    ck_assert(!exchange("GET /stack HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("200", "deep");
}
END_TEST

START_TEST(idle_connections_starve_nobody)
{
    int idle[24];
    stop();
    start(8, LONG_TIMEOUT_MS);
    for (size_t i = 0; i < 24; i++) {
        idle[i] = dial();
        put(idle[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
        struct pollfd wait = {.fd = idle[i], .events = POLLIN};
        ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "connection %zu waited", i);
    }
    (void)take(idle[23]);
    assert_reply("200", "size 0");
    for (size_t i = 0; i < 24; i++) {
        (void)close(idle[i]);
    }
}
END_TEST

/* Reads until there is `part` of it, or the peer closes. */
static void take_until(int fd, const char *part)
{
    size_t len = 0;
    ssize_t n = 1;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    reply[0] = '\0';
    while (n > 0 && strstr(reply, part) == NULL && poll(&wait, 1, 10000) > 0) {
        n = recv(fd, reply + len, REPLY_MAX - len, 0);
        len += n > 0 ? (size_t)n : 0;
        reply[len] = '\0';
    }
}

/* Each sends its next request along, since nobody is waited for long while all workers are taken. */
START_TEST(connections_are_kept_until_somebody_waits)
{
    int all[8];
    (void)pthread_mutex_lock(&s.gate);
    for (size_t i = 0; i < 8; i++) {
        all[i] = dial();
        put(all[i], "GET / HTTP/1.1\r\n" HOST "\r\nGET /wait HTTP/1.1\r\n" HOST "\r\n");
        take_until(all[i], "size 0");
        assert_reply("200", "Connection: keep-alive\r\n");
    }
    int fresh = dial();
    put(fresh, "GET / HTTP/1.1\r\n" HOST "\r\n");
    reply_len = 0;
    ck_assert(!take_more(fresh, QUIET_MS));
    ck_assert_str_eq(reply, "");
    (void)pthread_mutex_unlock(&s.gate);
    take_until(fresh, "size 0");
    assert_reply("200", "size 0");
    size_t closed = 0;
    for (size_t i = 0; i < 8; i++) {
        take_until(all[i], "waited");
        assert_reply("200", "waited");
        closed += strstr(reply, "Connection: close") != NULL ? 1 : 0;
        (void)close(all[i]);
    }
    ck_assert_uint_ge(closed, 1);
    (void)close(fresh);
}
END_TEST

START_TEST(draining_ends_what_runs_and_refuses_the_rest)
{
    (void)pthread_mutex_lock(&s.gate);
    int waiting = dial();
    put(waiting, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
    wait_at_gate(1);
    ck_assert(!gh_listener_drain(s.listener, 50));
    ck_assert(exchange_to_end("GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_reply("503", "Retry-After: ");
    (void)pthread_mutex_unlock(&s.gate);
    ck_assert(gh_listener_drain(s.listener, PATIENCE_MS));
    (void)take(waiting);
    assert_reply("200", "waited");
    (void)close(waiting);
}
END_TEST

typedef enum gate_stage { GATE_OPEN, GATE_HELD, GATE_SOON_OPEN } gate_stage;

/* Holds the gate until the drain has begun, shortly after GATE_SOON_OPEN; who locked it has to open it. */
static void *hold_gate(void *context)
{
    atomic_int *stage = context;
    (void)pthread_mutex_lock(&s.gate);
    atomic_store(stage, GATE_HELD);
    while (atomic_load(stage) != GATE_SOON_OPEN) {
        (void)usleep(1000);
    }
    (void)usleep(400 * 1000);
    (void)pthread_mutex_unlock(&s.gate);
    return NULL;
}

START_TEST(draining_answers_what_still_waits_for_a_worker)
{
    pthread_t holder;
    atomic_int stage = GATE_OPEN;
    int busy[8], queued[12];
    ck_assert_int_eq(pthread_create(&holder, NULL, hold_gate, &stage), 0);
    while (atomic_load(&stage) != GATE_HELD) {
        (void)usleep(1000);
    }
    for (size_t i = 0; i < 8; i++) {
        busy[i] = dial();
        put(busy[i], "GET /wait HTTP/1.1\r\n" HOST "\r\n");
    }
    wait_at_gate(8);
    for (size_t i = 0; i < 12; i++) {
        queued[i] = dial();
        put(queued[i], "GET / HTTP/1.1\r\n" HOST "\r\n");
    }
    atomic_store(&stage, GATE_SOON_OPEN);
    ck_assert(gh_listener_drain(s.listener, PATIENCE_MS));
    ck_assert_int_eq(pthread_join(holder, NULL), 0);
    stop();
    for (size_t i = 0; i < 8; i++) {
        ck_assert(take_to_end(busy[i]));
        assert_reply("200", "waited");
        (void)close(busy[i]);
    }
    for (size_t i = 0; i < 12; i++) {
        ck_assert(take_to_end(queued[i]));
        assert_reply("503", "Retry-After: ");
        (void)close(queued[i]);
    }
    start(8, TIMEOUT_MS);
}
END_TEST

START_TEST(stopping_does_not_wait_for_idle_connections)
{
    stop();
    start(8, LONG_TIMEOUT_MS);
    int fd = dial();
    put(fd, "GET / HTTP/1.1\r\n" HOST "\r\n");
    ck_assert(!take(fd));
    int64_t began = gh_clock_mono_ms();
    stop();
    ck_assert_int_lt(gh_clock_mono_ms() - began, 1900);
    ck_assert(take_to_end(fd));
    (void)close(fd);
    start(8, TIMEOUT_MS);
}
END_TEST

START_TEST(the_ipv6_twin_of_the_port_is_ours)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(s.reservation.address.port),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0) {
        return; /* no IPv6 here, nothing to hold */
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        ck_assert(errno == EADDRINUSE || errno == EADDRNOTAVAIL);
    } else {
        ck_abort_msg("[::1] was free");
    }
    int connected = connect(fd, (const struct sockaddr *)&address, sizeof address);
    ck_assert(gh_listener_has_ipv6() ? connected == 0 : errno == ECONNREFUSED || errno == EADDRNOTAVAIL);
    (void)close(fd);
}
END_TEST

START_TEST(a_taken_port_is_a_sentence_with_a_remedy)
{
    const gh_address address = {"localhost", s.reservation.address.port};
    gh_reservation second;
    gh_error error = {0};
    ck_assert_int_eq(gh_reservation_take(&address, gh_listener_has_ipv6(), &second, &error), GH_ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(error.message, "--listen"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listener");
    TCase *tests = tcase_create("listener");
    tcase_add_checked_fixture(tests, set_up, stop);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_request_is_answered_and_the_connection_kept);
    tcase_add_test(tests, pipelined_requests_are_answered_in_order);
    tcase_add_test(tests, no_smuggled_request_is_executed);
    tcase_add_test(tests, empty_lines_are_noticed_by_workers_that_have_served_nothing);
    tcase_add_test(tests, methods_and_versions_that_are_unknown_get_json);
    tcase_add_test(tests, http_1_0_is_served_once);
    tcase_add_test(tests, more_headers_than_are_read_are_refused);
    tcase_add_test(tests, a_head_beyond_its_limit_is_refused);
    tcase_add_test(tests, expect_is_answered_before_the_body);
    tcase_add_test(tests, large_bodies_are_for_those_who_may_send_them);
    tcase_add_test(tests, chunks_have_the_same_limit);
    tcase_add_test(tests, a_slow_body_is_cut_at_its_deadline);
    tcase_add_test(tests, a_slow_head_is_cut);
    tcase_add_test(tests, a_body_that_breaks_off_is_no_request);
    tcase_add_test(tests, a_connection_is_kept_behind_a_stream);
    tcase_add_test(tests, a_request_that_was_sent_behind_one_for_a_stream_is_answered);
    tcase_add_test(tests, a_stream_that_breaks_off_has_no_last_chunk);
    tcase_add_test(tests, a_stream_ends_with_its_connection_where_that_is_not_kept);
    tcase_add_test(tests, handlers_have_a_stack_to_stand_on);
    tcase_add_test(tests, idle_connections_starve_nobody);
    tcase_add_test(tests, connections_are_kept_until_somebody_waits);
    tcase_add_test(tests, draining_ends_what_runs_and_refuses_the_rest);
    tcase_add_test(tests, draining_answers_what_still_waits_for_a_worker);
    tcase_add_test(tests, stopping_does_not_wait_for_idle_connections);
    tcase_add_test(tests, the_ipv6_twin_of_the_port_is_ours);
    tcase_add_test(tests, a_taken_port_is_a_sentence_with_a_remedy);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
