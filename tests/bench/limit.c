/* The least that civetweb can do for a request: reads the body, answers with a fixed one, checks nothing.
 *
 *     bench_limit PORT WORKERS BODY */
#include <civetweb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static char reply[16 * 1024];
static size_t reply_len;

static int answer(struct mg_connection *conn, void *unused)
{
    char body[16 * 1024];
    (void)unused;
    while (mg_read(conn, body, sizeof body) > 0) {
    }
    (void)mg_write(conn, reply, reply_len);
    return 200;
}

int main(int argc, char **argv)
{
    sigset_t signals;
    int number = 0;
    if (argc != 4) {
        (void)fprintf(stderr, "Usage: bench_limit PORT WORKERS BODY\n");
        return 64;
    }
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    const char *const options[] = {
        "listening_ports",       address, "num_threads", argv[2], "enable_keep_alive", "yes",
        "keep_alive_timeout_ms", "5000",  "tcp_nodelay", "1",     "listen_backlog",    "1024",
        "connection_queue",      "256",   NULL};
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       strlen(argv[3]), argv[3]);
    if (len < 0 || (size_t)len >= sizeof reply) {
        return 64;
    }
    reply_len = (size_t)len;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)mg_init_library(0);
    struct mg_context *civetweb = mg_start(NULL, NULL, (const char **)options);
    if (civetweb == NULL) {
        (void)fprintf(stderr, "bench_limit: cannot listen on %s\n", address);
        return 1;
    }
    mg_set_request_handler(civetweb, "/", answer, NULL);
    (void)sigwait(&signals, &number);
    mg_stop(civetweb);
    return 0;
}
