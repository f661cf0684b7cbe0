/* A client that times calls of an API: made directly, and made by a tool of the server, in turn, each over a
 * libcurl connection that is kept.
 *
 *     bench_proxied DIRECT-URL MCP-URL HEADERS-FILE BODY-FILE PAIRS ROUNDS
 *
 * HEADERS-FILE: "Name: value" lines of the tool call; BODY-FILE: its JSON-RPC message. Prints a line of JSON
 * for each round: the times of both in microseconds, in the order of the calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/file.h"
#include "shared/net/http_client.h"

#define WARM_UP 300
#define HEADERS_MAX 32

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
    if (argc == 7) {
        return load(argv + 1);
    }
    (void)fprintf(stderr, "Usage: bench_proxied DIRECT MCP HEADERS BODY PAIRS ROUNDS\n");
    return 64;
}
