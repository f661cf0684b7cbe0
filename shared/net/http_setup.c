#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "shared/core/secret.h"
#include "shared/net/http_internal.h"

#define KEEPALIVE_IDLE_S 60L
#define KEEPALIVE_INTERVAL_S 15L
/* How long what was sent may stay without an acknowledgement, keep-alive probes included. */
#define UNACKNOWLEDGED_MS 30000U

static bool is_token(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "!#$%&'*+-.^_`|~");
    return len > 0 && name[len] == '\0';
}

static bool is_field_value(const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

bool gh_http_header_is_valid(const char *name, const char *value)
{
    return is_token(name) && is_field_value(value);
}

gh_status gh_http_setup_header(gh_http_transfer *transfer, const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 4;
    gh_buf line = GH_BUF_INIT(size);
    gh_status status = gh_buf_reserve(&line, size);
    if (status == GH_OK) {
        /* "Name;" is curl's spelling of an empty value; "Name:" would leave the header out. */
        status = *value == '\0' ? gh_buf_appendf(&line, "%s;", name)
                                : gh_buf_appendf(&line, "%s: %s", name, value);
    }
    if (status == GH_OK) {
        struct curl_slist *longer = gh_curl()->slist_append(transfer->headers, gh_buf_cstr(&line));
        transfer->headers = longer != NULL ? longer : transfer->headers;
        status = longer != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_wipe_free(&line);
    return status;
}

static gh_status leave_out(gh_http_transfer *transfer, const char *line)
{
    struct curl_slist *longer = gh_curl()->slist_append(transfer->headers, line);
    transfer->headers = longer != NULL ? longer : transfer->headers;
    return longer != NULL ? GH_OK : GH_ERR_NOMEM;
}

gh_status gh_http_setup_headers(gh_http_transfer *transfer, const gh_http_request *request, gh_error *error)
{
    bool has_type = false;
    gh_status status = leave_out(transfer, "Expect:");
    for (size_t i = 0; status == GH_OK && i < request->header_count; i++) {
        const gh_http_header *header = &request->headers[i];
        if (!gh_http_header_is_valid(header->name, header->value)) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "a request header's name or value has characters that HTTP forbids");
        }
        has_type = has_type || gh_view_eq_nocase(gh_view_of(header->name), GH_VIEW_LIT("Content-Type"));
        status = gh_http_setup_header(transfer, header->name, header->value);
    }
    if (status == GH_OK) {
        status = gh_http_home_append(transfer, request);
    }
    if (status == GH_OK && !has_type) {
        status = leave_out(transfer, "Content-Type:"); /* curl would claim a form */
    }
    return status == GH_OK ? GH_OK : gh_error_set(error, status, "not enough memory for the request");
}

/* `localhost` must be this machine, whatever a resolver says. */
gh_status gh_http_setup_names(gh_http_transfer *transfer, const gh_url *url)
{
    if (!gh_view_eq_nocase(url->host, GH_VIEW_LIT("localhost"))) {
        return GH_OK;
    }
    gh_buf entry = GH_BUF_INIT(64);
    (void)gh_buf_appendf(&entry, "localhost:%u:127.0.0.1,[::1]", (unsigned)url->port);
    transfer->resolve = gh_curl()->slist_append(NULL, gh_buf_cstr(&entry));
    gh_buf_free(&entry);
    return transfer->resolve == NULL ? GH_ERR_NOMEM : GH_OK;
}

/* Cuts "HOST:PORT" off the front of *rest, with the colon after it when there is one. */
static bool next_endpoint(gh_view *rest, gh_view *host, gh_view *port)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    int64_t number = 0;
    bool bracketed = rest->len > 0 && rest->ptr[0] == '[';
    size_t end = gh_view_find(*rest, bracketed ? ']' : ':') + (bracketed ? 1U : 0U);
    if (end >= rest->len || rest->ptr[end] != ':') {
        return false;
    }
    *host = bracketed ? gh_view_make(rest->ptr + 1, end - 2) : gh_view_make(rest->ptr, end);
    for (size_t i = 0; i < host->len; i++) {
        const char *allowed = bracketed ? "0123456789abcdefABCDEF:." : NAME;
        if (host->ptr[i] == '\0' || strchr(allowed, host->ptr[i]) == NULL) {
            return false;
        }
    }
    gh_view after = gh_view_make(rest->ptr + end + 1, rest->len - end - 1);
    *port = gh_view_make(after.ptr, gh_view_find(after, ':'));
    size_t used = port->len < after.len ? port->len + 1 : port->len;
    *rest = gh_view_make(after.ptr + used, after.len - used);
    return host->len > 0 && gh_view_to_int64(*port, 1, 65535, &number) == GH_OK;
}

bool gh_http_connect_to_is_valid(const char *text)
{
    gh_view rest = gh_view_of(text);
    gh_view host;
    gh_view port;
    /* The colon between the pairs is there when something is left, and none may end the text. */
    return rest.len > 0 && rest.ptr[rest.len - 1] != ':' && next_endpoint(&rest, &host, &port) &&
           next_endpoint(&rest, &host, &port) && rest.len == 0;
}

bool gh_http_setup_is_redirected(const gh_http_client *client, const gh_url *url)
{
    gh_view rest = gh_view_of(client->connect_to == NULL ? NULL : client->connect_to->data);
    gh_view host;
    gh_view port;
    int64_t number = 0;
    return rest.len > 0 && next_endpoint(&rest, &host, &port) && gh_view_eq_nocase(host, url->host) &&
           gh_view_to_int64(port, 1, 65535, &number) == GH_OK && number == url->port;
}

static size_t on_upload(char *out, size_t size, size_t count, void *context)
{
    gh_http_transfer *transfer = context;
    size_t room = size * count;
    size_t left = transfer->body_len - transfer->body_sent;
    size_t len = left < room ? left : room;
    if (transfer->cancelled) {
        return CURL_READFUNC_ABORT;
    }
    if (len > 0) {
        memcpy(out, transfer->body + transfer->body_sent, len);
        transfer->body_sent += len;
    }
    transfer->last_byte_ms = gh_clock_mono_ms();
    return len;
}

static gh_status take_body(gh_http_transfer *transfer, gh_view bytes)
{
    if (bytes.len > transfer->request.max_response - transfer->body_bytes) {
        return GH_ERR_TOO_LARGE;
    }
    if (transfer->request.max_response != SIZE_MAX) {
        transfer->body_bytes += bytes.len;
    }
    if (transfer->redirecting) {
        return GH_OK;
    }
    if (transfer->request.on_body == NULL) {
        return gh_buf_append_view(&transfer->collected, bytes);
    }
    gh_status status = transfer->request.on_body(transfer->request.context, transfer, bytes);
    if (status != GH_OK) {
        gh_http_transfer_abort(transfer, status, true);
    }
    return status;
}

static size_t on_download(char *data, size_t size, size_t count, void *context)
{
    gh_http_transfer *transfer = context;
    size_t len = size * count;
    transfer->last_byte_ms = gh_clock_mono_ms();
    if (transfer->cancelled || len == 0) {
        return 0;
    }
    if (transfer->client->held) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    gh_status status = take_body(transfer, gh_view_make(data, len));
    if (status != GH_OK) {
        gh_http_transfer_abort(transfer, status, false);
    }
    return status == GH_OK && !transfer->cancelled ? len : 0;
}

/* Is it sent the way a POST is? A DELETE without a body is not: it may be sent twice. */
static bool uploads(const gh_http_transfer *transfer)
{
    const char *method = transfer->request.method;
    return transfer->body_len > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

/* Runs once the connection stands, before the request is written. */
/* NOLINTNEXTLINE(readability-non-const-parameter): curl gives the type */
static int on_connected(void *context, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip;
    (void)local_ip;
    (void)port;
    gh_http_transfer *transfer = context;
    /* A second connection for the same request: whatever was read of its body is gone, and an empty body
     * would be sent twice without anybody noticing. */
    bool again = transfer->connected && uploads(transfer);
    transfer->soiled = gh_http_kept_is_soiled(transfer, local_port);
    if (transfer->cancelled || transfer->soiled ||
        (again && (transfer->body_sent > 0 || transfer->body_len == 0))) {
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->connected = true;
    transfer->last_byte_ms = gh_clock_mono_ms();
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    gh_http_transfer *transfer = context;
    (void)purpose;
    const gh_http_client *client = transfer->client;
    if ((client->may_connect != NULL && !client->may_connect(&address->addr)) ||
        (transfer->request.may_connect != NULL && !transfer->request.may_connect(&address->addr))) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Without this a connection that died while the machine slept swallows a request for a quarter of an hour. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
    unsigned ms = UNACKNOWLEDGED_MS;
    (void)context;
    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    return CURL_SOCKOPT_OK;
}

#define SET(option, value) (failed = failed || gh_curl()->easy_setopt(easy, option, value) != CURLE_OK)

static bool set_method(gh_http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    const char *method = transfer->request.method;
    const char *known = "GET"; /* what curl says by itself */
    bool failed = false;
    if (uploads(transfer)) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_len);
        SET(CURLOPT_READFUNCTION, on_upload);
        SET(CURLOPT_READDATA, transfer);
        known = "POST";
    } else if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        known = "HEAD";
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    if (strcmp(method, known) != 0) {
        SET(CURLOPT_CUSTOMREQUEST, method);
    }
    return !failed;
}

static bool set_addresses(gh_http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    bool failed = false;
    if (transfer->request.may_connect != NULL || transfer->client->may_connect != NULL) {
        SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
        SET(CURLOPT_OPENSOCKETDATA, transfer);
        SET(CURLOPT_NOPROXY, "*");
    }
    if (transfer->request.may_connect != NULL) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
    return !failed;
}

static bool set_rules(gh_http_transfer *transfer, const gh_url *url)
{
    CURL *easy = transfer->easy;
    const gh_http_client *client = transfer->client;
    bool failed = false;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_HTTP_VERSION,
        gh_url_is_https(url) ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->connect_ms);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, client->quick_exit ? 1L : 0L);
#endif
    if (client->ca_file != NULL) {
        SET(CURLOPT_CAINFO, client->ca_file);
    }
    if (client->cert_file != NULL) {
        SET(CURLOPT_SSLCERT, client->cert_file);
    }
    if (client->key_file != NULL) {
        SET(CURLOPT_SSLKEY, client->key_file);
    }
    if (client->user_agent != NULL) {
        SET(CURLOPT_USERAGENT, client->user_agent);
    }
    if (client->connect_to != NULL) {
        SET(CURLOPT_CONNECT_TO, client->connect_to);
    }
    if (gh_url_is_loopback(url) || gh_http_setup_is_redirected(client, url)) {
        SET(CURLOPT_NOPROXY, "*");
    }
    if (transfer->resolve != NULL) {
        SET(CURLOPT_RESOLVE, transfer->resolve);
    }
    if (transfer->request.tcp_keepalive) {
        SET(CURLOPT_TCP_KEEPALIVE, 1L);
        SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
        SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
        SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    }
    return !failed;
}

static bool set_transfer(gh_http_transfer *transfer)
{
    CURL *easy = transfer->easy;
    bool failed = false;
    SET(CURLOPT_URL, transfer->url);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->curl_error);
    SET(CURLOPT_HEADERFUNCTION, gh_http_reply_on_line);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_download);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, transfer);
    return !failed;
}

bool gh_http_setup_easy(gh_http_transfer *transfer, const gh_url *url)
{
    return set_method(transfer) && set_rules(transfer, url) && set_addresses(transfer) &&
           set_transfer(transfer);
}
