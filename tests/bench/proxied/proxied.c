/* A small API, and a client that times calls of it: made directly, and made by a tool of the server, in turn,
 * each over a libcurl connection that is kept.
 *
 *     bench_proxied serve PORT WORKERS
 *     bench_proxied load DIRECT-URL MCP-URL HEADERS-FILE BODY-FILE PAIRS ROUNDS
 *
 * HEADERS-FILE: "Name: value" lines of the tool call; BODY-FILE: its JSON-RPC message. `load` prints a line
 * of JSON for each round: the times of both in microseconds, in the order of the calls. */
#include <civetweb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/file.h"
#include "shared/net/http_client.h"

#define REPLY                                                                                                \
    "{\"id\":\"4711\",\"customer\":\"Ada "                                                                   \
    "Lovelace\",\"total\":12.5,\"items\":[{\"sku\":\"A-1\",\"count\":2},"                                    \
    "{\"sku\":\"B-7\",\"count\":1}],\"shipped\":false}"
#define WARM_UP 300
#define HEADERS_MAX 32

/* --- the API --- */

static int answer(struct mg_connection *conn, void *unused)
{
    static const char HEAD[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Content-Length: %zu\r\n\r\n%s";
    char reply[1024];
    (void)unused;
    int len = snprintf(reply, sizeof reply, HEAD, strlen(REPLY), REPLY);
    (void)mg_write(conn, reply, len > 0 ? (size_t)len : 0);
    return 200;
}

static int serve(const char *port, const char *workers)
{
    sigset_t signals;
    int number = 0;
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%s", port);
    const char *const options[] = {"listening_ports",
                                   address,
                                   "num_threads",
                                   workers,
                                   "enable_keep_alive",
                                   "yes",
                                   "keep_alive_timeout_ms",
                                   "60000",
                                   "tcp_nodelay",
                                   "1",
                                   NULL};
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)mg_init_library(0);
    struct mg_context *civetweb = mg_start(NULL, NULL, (const char **)options);
    if (civetweb == NULL) {
        (void)fprintf(stderr, "bench_proxied: cannot listen on %s\n", address);
        return 1;
    }
    mg_set_request_handler(civetweb, "/", answer, NULL);
    (void)sigwait(&signals, &number);
    mg_stop(civetweb);
    return 0;
}

/* --- the client --- */

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Microseconds of one request; less than 0 when it failed. */
static double time_one(gh_http_client *client, const gh_http_request *request)
{
    gh_http_result result = {0};
    gh_buf body = GH_BUF_INIT(1 << 20);
    double began = now_us();
    gh_status status = gh_http_perform(client, request, &body, &result);
    double took = now_us() - began;
    bool good =
        status == GH_OK && result.http_status == 200 && strstr(gh_buf_cstr(&body), "Lovelace") != NULL;
    if (!good) {
        (void)fprintf(stderr, "bench_proxied: %s: HTTP %d %s %.500s\n", request->url, result.http_status,
                      result.error.message, gh_buf_cstr(&body));
    }
    gh_buf_free(&body);
    return good ? took : -1;
}

/* Cuts the text into headers in place. */
static size_t split_headers(char *text, gh_http_header *headers)
{
    size_t count = 0;
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL && count < HEADERS_MAX;
         line = strtok_r(NULL, "\n", &save)) {
        char *colon = strstr(line, ": ");
        if (colon != NULL) {
            *colon = '\0';
            headers[count++] = (gh_http_header){line, colon + 2};
        }
    }
    return count;
}

static void print_times(const char *name, const double *times, size_t count)
{
    (void)printf("\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        (void)printf("%s%.1f", i == 0 ? "" : ",", times[i]);
    }
    (void)printf("]");
}

static int measure(gh_http_client *const *clients, const gh_http_request *requests, size_t pairs,
                   size_t rounds)
{
    double *times[2] = {calloc(pairs, sizeof(double)), calloc(pairs, sizeof(double))};
    int code = times[0] == NULL || times[1] == NULL ? 1 : 0;
    for (size_t i = 0; i < WARM_UP && code == 0; i++) {
        code = time_one(clients[i % 2], &requests[i % 2]) < 0;
    }
    for (size_t round = 0; round < rounds && code == 0; round++) {
        for (size_t i = 0; i < 2 * pairs && code == 0; i++) {
            times[i % 2][i / 2] = time_one(clients[i % 2], &requests[i % 2]);
            code = times[i % 2][i / 2] < 0;
        }
        (void)printf("{");
        print_times("direct", times[0], pairs);
        (void)printf(",");
        print_times("proxied", times[1], pairs);
        (void)printf("}\n");
    }
    free(times[0]);
    free(times[1]);
    return code;
}

static int load(char **args)
{
    static const gh_http_header PLAIN[] = {{"Accept", "application/json"},
                                           {"X-Api-Key", "a-key-of-the-bench"}};
    const gh_http_client_options options = {.user_agent = "bench"};
    gh_http_header headers[HEADERS_MAX];
    gh_http_client *clients[2] = {NULL, NULL};
    gh_buf head = GH_BUF_INIT(64 * 1024);
    gh_buf body = GH_BUF_INIT(64 * 1024);
    int code = 1;
    if (gh_file_read(args[2], &head, NULL) != GH_OK || gh_file_read(args[3], &body, NULL) != GH_OK ||
        gh_http_client_new(&options, &clients[0], NULL) != GH_OK ||
        gh_http_client_new(&options, &clients[1], NULL) != GH_OK) {
        (void)fprintf(stderr, "bench_proxied: cannot begin\n");
        goto out;
    }
    const gh_http_request requests[2] = {
        {.method = "GET", .url = args[0], .headers = PLAIN, .header_count = 2, .timeout_ms = 10000},
        {.method = "POST",
         .url = args[1],
         .headers = headers,
         .header_count = split_headers(head.data, headers),
         .body = gh_buf_view(&body),
         .timeout_ms = 10000}};
    code = measure(clients, requests, strtoul(args[4], NULL, 10), strtoul(args[5], NULL, 10));
out:
    gh_http_client_free(clients[0]);
    gh_http_client_free(clients[1]);
    gh_buf_free(&head);
    gh_buf_free(&body);
    return code;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], argv[3]);
    }
    if (argc == 8 && strcmp(argv[1], "load") == 0) {
        return load(argv + 2);
    }
    (void)fprintf(stderr,
                  "Usage: bench_proxied serve PORT WORKERS | load DIRECT MCP HEADERS BODY PAIRS ROUNDS\n");
    return 64;
}
