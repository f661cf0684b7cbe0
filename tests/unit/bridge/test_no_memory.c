/* The bridge when memory runs out, at every single allocation that a conversation takes: nothing crashes or
 * leaks, and each request of the client gets exactly one reply, unless the bridge ends with an error. */
#include "tests/unit/server/no_memory.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/relay.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/fake_authorizer.h"

#define CONNECTIONS_MAX 32
#define REQUEST_MAX 8192
#define REPLY_MAX 4096

/* --- A server that takes no memory, for it runs in a thread of the same program. --- */

typedef enum server_kind { LEGACY, MODERN, EVENTS } server_kind;

typedef struct connection {
    int fd;
    size_t len;
    char bytes[REQUEST_MAX];
} connection;

static struct {
    int listener;
    int wake[2];
    server_kind kind;
    pthread_t thread;
    connection connections[CONNECTIONS_MAX];
    size_t count;
} server;

/* The raw value of the first member of this name; for requests as the bridge writes them. */
static gh_view member_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    gh_view value = GH_VIEW_LIT("");
    if (at != NULL) {
        value = gh_view_make(at + strlen(name), 0);
        while (value.ptr[value.len] != ',' && value.ptr[value.len] != '}' && value.ptr[value.len] != '\0') {
            value.len++;
        }
    }
    return value;
}

static const char *result_of(gh_view method, bool *known)
{
    bool modern = server.kind == MODERN;
    *known = true;
    if (gh_view_eq_cstr(method, "\"initialize\"")) {
        *known = !modern;
        return "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{\"listChanged\":true},"
               "\"resources\":{\"subscribe\":true}},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}";
    }
    if (gh_view_eq_cstr(method, "\"server/discover\"")) {
        *known = modern;
        return "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{"
               "\"tools\":{}},\"ttlMs\":0,\"cacheScope\":\"private\"}";
    }
    if (gh_view_eq_cstr(method, "\"tools/list\"")) {
        return "{\"resultType\":\"complete\",\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\","
               "\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"A\"}}}}]}";
    }
    return "{\"resultType\":\"complete\",\"content\":[]}";
}

static int write_reply(const char *head, const char *body, char *out)
{
    gh_view id = member_of(body, "\"id\":");
    gh_view method = member_of(body, "\"method\":");
    char json[REPLY_MAX / 2];
    bool known = true;
    if (strncmp(head, "POST", 4) != 0) {
        return snprintf(out, REPLY_MAX, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
    }
    if (id.len == 0 || method.len == 0) {
        return snprintf(out, REPLY_MAX, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    }
    const char *result = result_of(method, &known);
    int len = snprintf(json, sizeof(json), "{\"jsonrpc\":\"2.0\",\"id\":%.*s,%s%s}", (int)id.len, id.ptr,
                       known ? "\"result\":" : "\"error\":",
                       known ? result : "{\"code\":-32601,\"message\":\"Method not found\"}");
    if (server.kind == EVENTS && known) {
        return snprintf(out, REPLY_MAX,
                        "HTTP/1.1 200 OK\r\nMcp-Session-Id: s-1\r\nContent-Type: text/event-stream\r\n"
                        "Connection: close\r\n\r\nid: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":"
                        "\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n"
                        "data: %s\n\n",
                        json);
    }
    return snprintf(out, REPLY_MAX,
                    "HTTP/1.1 %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                    known ? "200 OK" : "404 Not Found",
                    server.kind != MODERN ? "Mcp-Session-Id: s-1\r\n" : "", len, json);
}

/* Answers what has arrived; false when the connection is over. */
static bool serve_some(connection *one)
{
    static char reply[REPLY_MAX];
    ssize_t got = recv(one->fd, one->bytes + one->len, REQUEST_MAX - 1 - one->len, 0);
    if (got <= 0) {
        return false;
    }
    one->len += (size_t)got;
    one->bytes[one->len] = '\0';
    const char *end = strstr(one->bytes, "\r\n\r\n");
    if (end == NULL) {
        return true;
    }
    const char *length = strstr(one->bytes, "Content-Length: ");
    size_t body = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
    if (one->len < (size_t)(end - one->bytes) + 4 + body) {
        return true;
    }
    int len = write_reply(one->bytes, end + 4, reply);
    bool lasts = strstr(reply, "Connection: close") == NULL;
    one->len = 0;
    return send(one->fd, reply, (size_t)len, MSG_NOSIGNAL) == len && lasts;
}

static void take_connection(void)
{
    int on = 1;
    int fd = accept(server.listener, NULL, NULL);
    if (fd >= 0 && server.count < CONNECTIONS_MAX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        server.connections[server.count++] = (connection){.fd = fd};
    } else if (fd >= 0) {
        (void)close(fd);
    }
}

static void *serve(void *context)
{
    (void)context;
    for (;;) {
        struct pollfd fds[CONNECTIONS_MAX + 2] = {{.fd = server.wake[0], .events = POLLIN},
                                                  {.fd = server.listener, .events = POLLIN}};
        size_t count = server.count;
        for (size_t i = 0; i < count; i++) {
            fds[i + 2] = (struct pollfd){.fd = server.connections[i].fd, .events = POLLIN};
        }
        if (poll(fds, count + 2, -1) < 0 || fds[0].revents != 0) {
            return NULL;
        }
        for (size_t i = count; i > 0; i--) {
            if (fds[i + 1].revents != 0 && !serve_some(&server.connections[i - 1])) {
                (void)close(server.connections[i - 1].fd);
                server.connections[i - 1] = server.connections[--server.count];
            }
        }
        if (fds[1].revents != 0) {
            take_connection();
        }
    }
}

static void server_start(server_kind kind, char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server.kind = kind;
    server.count = 0;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(server.listener, CONNECTIONS_MAX), 0);
    ck_assert_int_eq(getsockname(server.listener, (struct sockaddr *)&address, &len), 0);
    ck_assert_int_eq(pipe(server.wake), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
    (void)snprintf(url, size, "http://127.0.0.1:%u/mcp", (unsigned)ntohs(address.sin_port));
}

static void server_stop(void)
{
    (void)close(server.wake[1]);
    ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
    for (size_t i = 0; i < server.count; i++) {
        (void)close(server.connections[i].fd);
    }
    (void)close(server.listener);
    (void)close(server.wake[0]);
}

/* --- Conversations. --- */

#define V "io.modelcontextprotocol/"
#define META                                                                                                 \
    "\"_meta\":{\"" V "protocolVersion\":\"2026-07-28\",\"" V "clientInfo\":{\"name\":\"c\",\"version\":"    \
    "\"1\"},\"" V "clientCapabilities\":{}}"
#define SAYS(id, method, params)                                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}\n"
#define INITIALIZE                                                                                           \
    SAYS("1", "initialize",                                                                                  \
         "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"c\","            \
         "\"version\":\"1\"}")                                                                               \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
#define CALL "\"name\":\"t\",\"arguments\":{\"a\":\"b\"}"

static const struct conversation {
    server_kind kind;
    const char *lines;
    const char *ids[6]; /* of the requests, as they stand in replies */
} CONVERSATIONS[] = {
    {LEGACY,
     INITIALIZE SAYS("2", "ping", "") SAYS("\"three\"", "tools/call", CALL)
         SAYS("4", "resources/subscribe", "\"uri\":\"a:b\""),
     {"1", "2", "\"three\"", "4"}},
    {EVENTS, INITIALIZE SAYS("2", "tools/call", CALL), {"1", "2"}},
    {MODERN,
     SAYS("1", "server/discover", META) SAYS("2", "tools/call", CALL "," META) SAYS("3", "tools/list", META),
     {"1", "2", "3"}},
    {MODERN, INITIALIZE SAYS("2", "tools/call", CALL) SAYS("3", "ping", ""), {"1", "2", "3"}},
    {LEGACY,
     SAYS("1", "server/discover", META) SAYS("2", "tools/call", CALL "," META)
         SAYS("3", "subscriptions/listen", META ",\"notifications\":{\"toolsListChanged\":true}"),
     {"1", "2", "3"}},
    {LEGACY, "{\n" SAYS("5", "ping", "") "{\"jsonrpc\":\"2.0\",\"id\":6}\n", {"5", "6"}},
};

static char url[64];
static gh_bridge_settings settings;
static char said[65536]; /* what came out of it */

/* Ends with the exit code that the program would have. */
static int converse(const struct conversation *conversation, long n, bool lasts, bool *hit)
{
    gh_http_client_options options = {.user_agent = "test"};
    gh_http_client *client = NULL;
    gh_loop *loop = NULL;
    gh_remote *remote = NULL;
    gh_relay *relay = NULL;
    int in[2], out[2];
    ck_assert_int_eq(gh_http_client_new(&options, &client, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(client, &loop), GH_OK);
    gh_authorizer authorizer = {.loop = loop, .token = "token-1"};
    ck_assert(pipe(in) == 0 && pipe(out) == 0);
    size_t len = strlen(conversation->lines);
    ck_assert_int_eq(write(in[1], conversation->lines, len), (ssize_t)len);
    (void)close(in[1]);

    no_memory_from(n, lasts);
    gh_status status = gh_remote_new(loop, &authorizer, &settings, &remote);
    if (status == GH_OK) {
        status = gh_relay_new(loop, remote, &settings, in[0], out[1], &relay);
    }
    int code = status == GH_OK ? gh_loop_run(loop) : 78;
    gh_relay_free(relay);
    gh_remote_free(remote);
    *hit = no_memory_end();

    (void)close(out[1]);
    ssize_t count = 0;
    len = 0;
    while ((count = read(out[0], said + len, sizeof(said) - 1 - len)) > 0) {
        len += (size_t)count;
    }
    said[len] = '\0';
    (void)close(out[0]);
    (void)close(in[0]);
    gh_loop_free(loop);
    gh_http_client_free(client);
    return code;
}

static size_t replies_to(const char *id)
{
    char head[64];
    size_t count = 0;
    int len = snprintf(head, sizeof(head), "{\"jsonrpc\":\"2.0\",\"id\":%s,", id);
    for (const char *line = said; *line != '\0'; line = strchr(line, '\n') + 1) {
        bool fits = strncmp(line, head, (size_t)len) == 0;
        count +=
            fits && (strncmp(line + len, "\"result\"", 8) == 0 || strncmp(line + len, "\"error\"", 7) == 0)
                ? 1
                : 0;
    }
    return count;
}

static void check_replies(const struct conversation *conversation, long n, bool lasts, int code)
{
    for (size_t i = 0; conversation->ids[i] != NULL; i++) {
        size_t count = replies_to(conversation->ids[i]);
        ck_assert_msg(count == 1 || (count == 0 && code != 0),
                      "allocation %ld%s: %zu replies to %s, exit code %d:\n%s", n,
                      lasts ? " and all after it" : "", count, conversation->ids[i], code, said);
    }
}

START_TEST(each_request_has_one_reply_or_the_bridge_ends_with_an_error)
{
    const struct conversation *conversation = &CONVERSATIONS[_i];
    bool hit = false;
    server_start(conversation->kind, url, sizeof(url));
    ck_assert_int_eq(converse(conversation, 0, false, &hit), 0);
    check_replies(conversation, 0, false, 0);
    hit = true;
    long n = 1;
    for (; hit; n++) {
        ck_assert_int_lt(n, NO_MEMORY_LIMIT);
        int code = converse(conversation, n, false, &hit);
        check_replies(conversation, n, false, code);
        if (n % 8 == 0) {
            bool ignored = false;
            code = converse(conversation, n, true, &ignored);
            check_replies(conversation, n, true, code);
        }
    }
    ck_assert_int_gt(n, 30);
    server_stop();
}
END_TEST

static void setup(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    /* What it complains of thousands of times is of no interest. */
    gh_log_options log = {
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = GH_LOG_ERROR, .ring_lines = 64};
    ck_assert_int_eq(gh_log_start(&log), GH_OK);
    settings = (gh_bridge_settings){.url = url,
                                    .connect_timeout_ms = 2000,
                                    .request_timeout_ms = 3000,
                                    .eof_wait_ms = 300,
                                    .max_message = 65536};
}

static void teardown(void)
{
    gh_log_stop();
}

int main(void)
{
    no_memory_install();
    Suite *suite = suite_create("no_memory_relay");
    TCase *tests = tcase_create("relay");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 100);
    tcase_add_loop_test(tests, each_request_has_one_reply_or_the_bridge_ends_with_an_error, 0,
                        (int)(sizeof(CONVERSATIONS) / sizeof(CONVERSATIONS[0])));
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
