/* A scripted HTTP server on 127.0.0.1, for tests: it answers with raw bytes, records what it is asked,
 * and can stall, drop and split. One thread per connection. The recorded text may be read while the
 * server runs; it is valid until gh_http_fixture_stop. */
#ifndef GH_TESTS_SUPPORT_HTTP_FIXTURE_H
#define GH_TESTS_SUPPORT_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/text.h"

typedef struct gh_http_fixture gh_http_fixture;

/* A request is answered by the first step that fits and has not been used; without one, by 500. */
typedef struct gh_http_fixture_step {
    const char *method; /* NULL fits every method */
    const char *path;   /* the request target; NULL fits every one */
    const char *reply;  /* status line, head and body, raw; NULL closes without a byte */
    int delay_ms;       /* before the first byte */
    size_t piece;       /* bytes per write; 0 for all at once */
    int piece_delay_ms; /* between pieces */
    size_t after;       /* before the second piece: until so many requests have arrived in all */
    int stall_ms;       /* after the last byte, with the connection open; gh_http_fixture_hang_up ends it */
    bool close;         /* after all that */
    bool repeat;        /* may be used again */
} gh_http_fixture_step;

#define GH_HTTP_FIXTURE_URL_MAX 256

/* `steps` must outlive the server. NULL when it could not start. */
gh_http_fixture *gh_http_fixture_start(const gh_http_fixture_step *steps, size_t count);
void gh_http_fixture_stop(gh_http_fixture *fixture); /* NULL is fine */

/* From now on nothing stalls. */
void gh_http_fixture_hang_up(gh_http_fixture *fixture);

uint16_t gh_http_fixture_port(const gh_http_fixture *fixture);
/* "http://127.0.0.1:PORT" + path */
void gh_http_fixture_url(const gh_http_fixture *fixture, const char *path, char out[GH_HTTP_FIXTURE_URL_MAX]);

size_t gh_http_fixture_connections(gh_http_fixture *fixture);
size_t gh_http_fixture_requests(gh_http_fixture *fixture);
/* Waits until `count` requests have arrived in all; false after `ms`. */
bool gh_http_fixture_wait(gh_http_fixture *fixture, size_t count, int ms);
/* Request line and header lines, each with its CRLF; the body; the connection's number from 0. */
gh_view gh_http_fixture_head(gh_http_fixture *fixture, size_t request);
gh_view gh_http_fixture_body(gh_http_fixture *fixture, size_t request);
size_t gh_http_fixture_connection_of(gh_http_fixture *fixture, size_t request);
/* True when the head has this line, compared exactly and without its CRLF. */
bool gh_http_fixture_has_line(gh_http_fixture *fixture, size_t request, const char *line);

/* A TCP port on 127.0.0.1 that nobody listens on. */
uint16_t gh_http_fixture_free_port(void);

#endif
