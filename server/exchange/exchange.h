/* What a handler sees of one HTTP exchange: a request that is read-only and a response that it fills.
 *
 * It stands below the routes and knows neither civetweb nor the socket, so that authorization-server and MCP
 * handlers can be driven without one. A handler normally fills the response and returns; the owner sends
 * head and body in one write. A handler that streams calls gh_response_stream_begin and writes events
 * itself. Requests and responses belong to one thread; views are valid until the handler returns. */
#ifndef GH_SERVER_EXCHANGE_EXCHANGE_H
#define GH_SERVER_EXCHANGE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/net/trace.h"

typedef struct gh_header {
    gh_view name;
    gh_view value;
} gh_header;

typedef struct gh_request {
    gh_view method;
    gh_view path;  /* as sent, percent-encoding kept; no query */
    gh_view query; /* without '?'; never logged */
    gh_view body;
    const gh_header *headers;
    size_t header_count;
    gh_view remote_host; /* the peer, or what a trusted proxy said it is */
    uint16_t remote_port;
    const gh_trace *trace; /* what its traceparent says; NULL or empty for none */
} gh_request;

/* Defined below. Filled through the functions only, but for `close`,
 * `lasting` and `done`. */
typedef struct gh_response gh_response;
typedef void (*gh_handler)(void *context, const gh_request *request, gh_response *response);

/* The value of the first header of that name (case-insensitive); NULL ptr when absent. */
gh_view gh_request_header(const gh_request *request, const char *name);
/* Media type of Content-Type without parameters equals `type` (case-insensitive). */
bool gh_request_is_type(const gh_request *request, const char *type);
/* The cookie `name`; NULL ptr when absent. */
gh_view gh_request_cookie(const gh_request *request, const char *name);

/* How a streaming handler reaches the peer; given by the owner of the socket, or by a test. */
typedef struct gh_response_sink {
    void *context;
    /* Sends bytes (the head first, already formatted by the caller). GH_ERR_CLOSED when the peer went. */
    gh_status (*write)(void *context, gh_view bytes);
    bool (*closed)(void *context); /* looks at the connection: cheap, but not for every byte */
    /* Asked once, when a stream begins: true when the connection may outlive it. NULL: it may not. */
    bool (*keeps)(void *context);
    /* Does another connection wait for the worker that serves this one? NULL: none does. */
    bool (*awaited)(void *context);
} gh_response_sink;

#define GH_RESPONSE_BODY_MAX ((size_t)16 * 1024 * 1024)

struct gh_response {
    int status;  /* 0 until set */
    gh_buf head; /* header lines, each with CRLF */
    gh_buf body;
    const char *type; /* media type of the body, static; NULL for none */
    bool streaming;
    bool chunked; /* the stream goes out in chunks (RFC 9112, 7.1), so that its end is not the connection's */
    bool ended;   /* by gh_response_stream_end, whole */
    bool close;   /* ask for Connection: close */
    bool lasting; /* a stream without an end: how long it took says nothing of the server */
    bool broken;  /* a header or the body could not be taken: stays a 500 */
    const gh_response_sink *sink;
    void (*done)(void *context); /* called once, when the reply has gone out: by gh_response_clear */
    void *done_context;
};

void gh_response_init(gh_response *response, const gh_response_sink *sink);
void gh_response_clear(gh_response *response);

/* True when a header of that name (case-insensitive) was added. */
bool gh_response_has_header(const gh_response *response, const char *name);
/* Adds a header line. A name or value with CR, LF or NUL is dropped and turns the response into a 500:
 * that is a bug or an attack, never a message. */
void gh_response_header(gh_response *response, const char *name, gh_view value);
void gh_response_header_cstr(gh_response *response, const char *name, const char *value);

/* Each of these replaces status and body; headers that were set stay. */
void gh_response_json(gh_response *response, int status, gh_view json);
void gh_response_html(gh_response *response, int status, gh_view html);
void gh_response_text(gh_response *response, int status, const char *text);
void gh_response_empty(gh_response *response, int status);
/* {"error": code, "error_description": sentence}: what went wrong and what to do next. */
void gh_response_error(gh_response *response, int status, const char *code, const char *description);
/* 303 (or 302 for GET answers) with Location and Cache-Control: no-store. */
void gh_response_redirect(gh_response *response, int status, gh_view location);

/* Appends the whole message: status line, headers with the defaults that every response carries (Date,
 * X-Content-Type-Options, `Cache-Control: no-store` unless one was set), and the body unless `head_only`
 * (the length is told all the same, RFC 9110, 9.3.2). Without a status it is a 500. For the socket's owner.
 */
GH_MUST_USE gh_status gh_response_format(const gh_response *response, bool head_only, bool keep_alive,
                                         gh_buf *out);
/* "Not Found" for 404; "Status" for one that is not in the table. */
const char *gh_response_reason(int status);

/* Sends the head (status, headers, `Content-Type: text/event-stream`, `Cache-Control: no-store`,
 * `X-Accel-Buffering: no`) now, and `first`, which may be empty, with it. Afterwards only the functions below
 * count. Where the sink keeps the connection the stream goes out in chunks, else it ends with it. */
GH_MUST_USE gh_status gh_response_stream_begin(gh_response *response, int status, gh_view first);
/* GH_ERR_CLOSED after the end. */
GH_MUST_USE gh_status gh_response_stream_write(gh_response *response, gh_view bytes);
/* `last`, which may be empty, and the end. A stream that breaks off before can be told from one that is whole
 * by its missing last chunk, so this is for those that are. */
GH_MUST_USE gh_status gh_response_stream_end(gh_response *response, gh_view last);
bool gh_response_stream_closed(const gh_response *response);
/* Has the peer gone away? Asked at any time, by a handler that takes long; false when that cannot be told. */
bool gh_response_peer_gone(const gh_response *response);
/* Does somebody else wait for the worker of this exchange? Asked by a handler that could let its own wait. */
bool gh_response_awaited(const gh_response *response);

#endif
