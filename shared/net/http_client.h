/* The HTTP client: requests over one libcurl multi handle, driven by one poll. The only file that
 * includes curl is its implementation.
 *
 * A gh_http_client and its transfers belong to one thread. Callbacks run inside gh_http_client_poll
 * (and gh_http_perform), may start and cancel transfers, this one included, and must not free the client.
 *
 * Rules that hold for every transfer: only http and https; no redirect is ever followed unless
 * `follow_redirects` says so (then GET only, same origin only, at most 3); no cookies, no netrc, no
 * credentials from the URL (userinfo is refused); certificate and host name are verified; bodies are
 * sent once (a POST, PUT or PATCH, or a DELETE with a body, is never resent by the library: a reused
 * connection that dies before a byte of the reply arrived ends with GH_ERR_CLOSED and `maybe_delivered`
 * set); NOSIGNAL; header and body sizes are bounded; the proxy is taken from the environment unless the
 * host is loopback or `may_connect` is given. */
#ifndef GH_SHARED_NET_HTTP_CLIENT_H
#define GH_SHARED_NET_HTTP_CLIENT_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

struct sockaddr;
typedef struct gh_http_client gh_http_client;
typedef struct gh_http_transfer gh_http_transfer;

typedef struct gh_http_header {
    const char *name;
    const char *value;
} gh_http_header;

typedef struct gh_http_client_options {
    const char *user_agent; /* "gatehouse/0.1.0"; copied */
    const char *ca_file;    /* PEM; NULL for the system's store; copied */
    long max_connections;   /* per host; 0 for no limit */
    bool quick_exit;        /* do not wait for a hanging name look-up when freed */
    /* "HOST:PORT:HOST:PORT": requests for the first pair go to the second, without a proxy, while URL, Host
     * header and certificate check keep the first name (curl's --connect-to). NULL for none; copied. */
    const char *connect_to;
    /* Client certificate and its key (PEM), for servers that ask for one; NULL for none; copied.
     * Without `key_file` the certificate's file holds the key, too. */
    const char *cert_file, *key_file;
    /* Headers of every request to the origin of the URL `home`, and of no other; where a request has one of
     * the same name, its own is sent. NULL for none; copied, wiped when freed. */
    const char *home;
    const gh_http_header *home_headers;
    size_t home_header_count;
    /* As in gh_http_request, for every request of this client; its connections are still kept and used
     * again, for each was looked at when it was opened. NULL: any address. */
    bool (*may_connect)(const struct sockaddr *address);
} gh_http_client_options;

/* True for HOST:PORT:HOST:PORT, where an IPv6 address has brackets. */
bool gh_http_connect_to_is_valid(const char *text);
/* True when HTTP can carry this name and value: a token, and no control characters but tab. */
bool gh_http_header_is_valid(const char *name, const char *value);
/* The absolute URL that `reference` names, seen from the URL `base` (RFC 3986, 5); owned. NULL when it is
 * none, of another origin than `base`, carries a user name, or memory lacks. Thread-safe. */
char *gh_http_resolve_same_origin(const char *base, const char *reference);

typedef struct gh_http_response_head {
    int status;
    gh_view content_type;  /* without parameters, as sent */
    int64_t retry_after_s; /* -1 when absent; a date is turned into seconds from now */
} gh_http_response_head;

typedef struct gh_http_result {
    gh_status status;     /* GH_OK: a complete response of any HTTP status arrived */
    int http_status;      /* 0 when no head arrived */
    bool maybe_delivered; /* the request may have reached the server although no reply came */
    gh_error error;       /* in words when status is not GH_OK: "could not connect to localhost:8080: …" */
} gh_http_result;

typedef struct gh_http_request {
    const char *method;            /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"; static */
    const char *url;               /* copied */
    const gh_http_header *headers; /* copied; an empty value is sent as an empty value */
    size_t header_count;
    gh_view body;               /* copied; refused with GET and HEAD */
    int64_t connect_timeout_ms; /* 0 for 10,000 */
    int64_t timeout_ms;         /* whole transfer; 0 for none (streams) */
    int64_t idle_timeout_ms;    /* without any byte; 0 for none */
    size_t max_response; /* body bytes; 0 for 1 MiB; SIZE_MAX for streams, whose on_body bounds events */
    bool follow_redirects;
    bool tcp_keepalive; /* finds out within a minute and a half that the peer is gone without a word */
    /* Asked for every address before a connection to it is opened, so that what was looked at is what is
     * connected to; false refuses it. Such a request has a connection of its own and uses no proxy. When no
     * address was left for that reason, the result is GH_ERR_DENIED. NULL: any address. */
    bool (*may_connect)(const struct sockaddr *address);
    void *context;
    /* Head complete (once; 1xx are not shown). NULL to ignore. A status other than GH_OK aborts. */
    gh_status (*on_head)(void *context, gh_http_transfer *transfer, const gh_http_response_head *head);
    /* Body bytes as they arrive. NULL: they are collected, see gh_http_transfer_body. */
    gh_status (*on_body)(void *context, gh_http_transfer *transfer, gh_view bytes);
    /* Exactly once for each started transfer, unless it was cancelled. The transfer is freed after. */
    void (*on_done)(void *context, gh_http_transfer *transfer, const gh_http_result *result);
} gh_http_request;

GH_MUST_USE gh_status gh_http_client_new(const gh_http_client_options *options, gh_http_client **client,
                                         gh_error *error);
/* Cancels what is under way (without callbacks). */
void gh_http_client_free(gh_http_client *client);

/* Starts a transfer. *transfer (may be NULL) stays valid until on_done returns or it is cancelled. */
GH_MUST_USE gh_status gh_http_start(gh_http_client *client, const gh_http_request *request,
                                    gh_http_transfer **transfer, gh_error *error);
/* Stops it: no further callback, the connection is closed if bytes were under way. NULL is fine. */
void gh_http_cancel(gh_http_transfer *transfer);

/* During or after on_head: the value of a response header (all values of that name joined by ", "),
 * borrowed until the transfer ends; an empty view with NULL ptr when absent. */
gh_view gh_http_transfer_header(const gh_http_transfer *transfer, const char *name);
gh_view gh_http_transfer_body(const gh_http_transfer *transfer);

/* Waits up to `timeout_ms` for transfers or for `extra` descriptors (whose revents are filled in) and
 * runs callbacks. GH_ERR_INVALID from within a callback. Several clients cannot share a poll; one per thread
 * is meant. */
GH_MUST_USE gh_status gh_http_client_poll(gh_http_client *client, struct pollfd *extra, size_t extra_count,
                                          int timeout_ms);
/* While held, no more of any reply's body is read: on_body waits, and so does the server. For callers whose
 * own readers are slow. A reply that waits for this does not time out for idleness. May be called from
 * callbacks. */
void gh_http_client_hold(gh_http_client *client, bool held);
size_t gh_http_client_active(const gh_http_client *client);

/* Seconds since the epoch of a date as HTTP writes it (RFC 9110, 5.6.7). GH_ERR_PARSE for what is none.
 * Thread-safe. */
GH_MUST_USE gh_status gh_http_date_parse(gh_view text, int64_t *seconds);

/* Runs one request to its end; `body` (ceiling = what is accepted) and `result` are filled. on_* of the
 * request are ignored; without timeout_ms it has 30 s. Returns result->status. For threads that may block;
 * never a civetweb worker. */
GH_MUST_USE gh_status gh_http_perform(gh_http_client *client, const gh_http_request *request, gh_buf *body,
                                      gh_http_result *result);
/* The same until another thread sets *stop, which is seen within 0.1 s: then GH_ERR_CANCELLED. NULL: never.
 */
GH_MUST_USE gh_status gh_http_perform_until(gh_http_client *client, const gh_http_request *request,
                                            const atomic_bool *stop, gh_buf *body, gh_http_result *result);

#endif
