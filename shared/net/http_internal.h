/* Private to the HTTP client: what http_client.c (the loop), http_transfer.c (one exchange),
 * http_setup.c (what curl is told about it, and its bodies), http_kept.c (connections used again),
 * http_home.c (headers for one origin), http_reply.c (its reply's head) and http_failure.c (results in words)
 * share. Nobody else includes it, and with it curl. */
#ifndef GH_SHARED_NET_HTTP_INTERNAL_H
#define GH_SHARED_NET_HTTP_INTERNAL_H

#include "shared/net/http_client.h"
#include "shared/net/http_curl.h"
#include "shared/net/url.h"

#define GH_HTTP_HEADERS_MAX 128
#define GH_HTTP_HEADER_BYTES_MAX ((size_t)64 * 1024)
#define GH_HTTP_RESPONSE_DEFAULT ((size_t)1024 * 1024)
#define GH_HTTP_CONNECT_DEFAULT_MS 10000
#define GH_HTTP_REDIRECTS_MAX 3
#define GH_HTTP_KEPT_MAX 32 /* connections without a request */

typedef struct gh_http_reply_header {
    char *name;
    char *value;
} gh_http_reply_header;

/* A connection that an answer came by, and that may be used again. */
typedef struct gh_http_kept {
    curl_socket_t fd;
    long local_port; /* 0: none */
} gh_http_kept;

struct gh_http_client {
    CURLM *multi;
    char *user_agent;
    char *ca_file;
    char *cert_file, *key_file;
    struct curl_slist *connect_to; /* one entry or NULL */
    char *home;                    /* see gh_http_client_options; `home_url` borrows from it */
    gh_url home_url;
    gh_http_reply_header *home_headers;
    size_t home_header_count;
    bool (*may_connect)(const struct sockaddr *address);
    bool quick_exit;
    bool held;        /* gh_http_client_hold */
    bool multiplexes; /* a server answered by HTTP/2, whose frames say to which request they belong */
    gh_http_kept kept[GH_HTTP_KEPT_MAX]; /* as a ring */
    size_t kept_next;
    int depth; /* above 0 while callbacks may run: curl then takes no additions and no removals */
    struct gh_http_transfer *first;
    struct curl_waitfd *fds; /* for `extra` */
    size_t fds_cap;
};

struct gh_http_transfer {
    gh_http_client *client;
    gh_http_transfer *next;
    gh_http_transfer *prev;
    gh_http_request request; /* headers, url and body are not used from here */

    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *resolve;
    char *url;
    char *where; /* the URL without user part, query and fragment, for people */
    char *body;
    size_t body_len;
    size_t body_sent;
    char curl_error[CURL_ERROR_SIZE];

    bool added;     /* to the multi handle */
    bool cancelled; /* no callback any more; freed by the loop when it is safe */
    bool finished;  /* on_done has run or is running */
    bool refused;   /* may_connect refused an address */
    bool paused;    /* its body waits while the client is held */
    bool connected; /* bytes of the request may have left */
    bool soiled;    /* its connection had something to say before it was asked: another one is needed */
    int64_t connect_ms;
    gh_deadline whole;
    int64_t last_byte_ms;

    gh_http_reply_header reply[GH_HTTP_HEADERS_MAX];
    size_t reply_count;
    size_t reply_bytes;
    int http_status;
    bool head_done;
    bool redirecting; /* this reply is a redirect that will be followed */
    int redirects;
    size_t body_bytes;
    gh_buf collected;
    gh_status abort_status; /* why one of our callbacks stopped the transfer */
    bool abort_by_caller;
};

/* http_transfer.c */
GH_MUST_USE gh_status gh_http_transfer_new(gh_http_client *client, const gh_http_request *request,
                                           gh_http_transfer **transfer, gh_error *error);
void gh_http_transfer_free(gh_http_transfer *transfer); /* not while it is in the multi handle */
/* Makes the transfer ready to be added again, for the redirect that its reply asked for. */
GH_MUST_USE gh_status gh_http_transfer_follow(gh_http_transfer *transfer);
gh_deadline gh_http_transfer_deadline(const gh_http_transfer *transfer);
/* Stops the transfer from within a curl callback; curl ends it soon after. */
void gh_http_transfer_abort(gh_http_transfer *transfer, gh_status status, bool by_caller);
/* Scheme, host, port and path, for messages; NULL on lack of memory. */
char *gh_http_where(gh_view url);

/* http_setup.c */
GH_MUST_USE gh_status gh_http_setup_names(gh_http_transfer *transfer, const gh_url *url);
GH_MUST_USE gh_status gh_http_setup_headers(gh_http_transfer *transfer, const gh_http_request *request,
                                            gh_error *error);
/* True when the client's connect_to is for this host and port. */
bool gh_http_setup_is_redirected(const gh_http_client *client, const gh_url *url);
GH_MUST_USE bool gh_http_setup_easy(gh_http_transfer *transfer, const gh_url *url);

/* Adds one header line to the transfer's own. */
GH_MUST_USE gh_status gh_http_setup_header(gh_http_transfer *transfer, const char *name, const char *value);

/* http_home.c */
GH_MUST_USE gh_status gh_http_home_set(gh_http_client *client, const gh_http_client_options *options,
                                       gh_error *error);
void gh_http_home_clear(gh_http_client *client);
/* Adds the headers that are meant for the transfer's origin, but those that the request has itself. */
GH_MUST_USE gh_status gh_http_home_append(gh_http_transfer *transfer, const gh_http_request *request);

/* http_kept.c */
/* Its answer is complete. */
void gh_http_kept_note(const gh_http_transfer *transfer);
/* Bytes on a connection that was used before are the rest of another answer, and would be taken for the
 * answer to this request (RFC 9112, 9.2); or they say that it was closed. libcurl looks for neither. For when
 * the request is about to be written. */
bool gh_http_kept_is_soiled(const gh_http_transfer *transfer, long local_port);

/* http_reply.c */
size_t gh_http_reply_on_line(char *data, size_t size, size_t count,
                             void *context); /* CURLOPT_HEADERFUNCTION */
void gh_http_reply_clear(gh_http_transfer *transfer);
/* The absolute URL of the redirect in the reply, owned; NULL when it must not be followed. */
char *gh_http_reply_redirect(const gh_http_transfer *transfer);

/* http_failure.c */
void gh_http_result_fill(gh_http_transfer *transfer, CURLcode code, gh_http_result *result);
void gh_http_result_timeout(const gh_http_transfer *transfer, gh_http_result *result);

#endif
