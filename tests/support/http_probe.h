/* What a test sees of the HTTP client: a request whose callbacks note what happens, and the loop that
 * runs it. For Check tests: failures are assertions. One thread. */
#ifndef GH_TESTS_SUPPORT_HTTP_PROBE_H
#define GH_TESTS_SUPPORT_HTTP_PROBE_H

#include <check.h>

#include "shared/net/http_client.h"
#include "tests/support/http_fixture.h"

#define GH_HTTP_PROBE_OK                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"
#define GH_HTTP_PROBE_STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

/* Starts a scripted server in the variable `fixture`. */
#define GH_HTTP_FIXTURE(...)                                                                                 \
    static const gh_http_fixture_step steps[] = {__VA_ARGS__};                                               \
    gh_http_fixture *fixture = gh_http_fixture_start(steps, sizeof steps / sizeof *steps);                   \
    ck_assert_ptr_nonnull(fixture)

/* What the callbacks of one transfer saw. */
typedef struct gh_http_probe {
    int heads;
    int chunks;
    int dones;
    int status;
    int64_t retry_after_s;
    char type[64];
    gh_buf body;
    gh_http_result result;
    gh_http_client *client;
    gh_http_transfer *victim;    /* cancelled by a callback */
    const gh_http_request *next; /* started by a callback */
    gh_status answer;            /* what a callback returns */
} gh_http_probe;

gh_http_client *gh_http_probe_client(void);
/* A request with a time limit of 5 s whose callbacks fill `s`. */
gh_http_request gh_http_probe_request(const char *method, const char *url, gh_http_probe *s);
void gh_http_probe_start(gh_http_client *client, const gh_http_request *request);
/* Polls until nothing is under way. */
void gh_http_probe_run(gh_http_client *client);
/* All of that for one request. */
void gh_http_probe_run_one(const char *method, const char *url, gh_http_probe *s);
/* The fixture's /mcp */
void gh_http_probe_url(const gh_http_fixture *fixture, char out[GH_HTTP_FIXTURE_URL_MAX]);

#endif
