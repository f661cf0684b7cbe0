#include <check.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/oauth/cimd_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/net/address.h"
#include "tests/support/suite.h"

#define HOST "app.example.com"
#define DOCUMENT "{\"client_id\":\"x\"}"

/* A site over TLS on 127.0.0.1 that answers every request with `answer`. */
typedef struct site {
    SSL_CTX *tls;
    int listener;
    uint16_t port;
    pthread_t thread;
    const char *answer;
    size_t filler; /* bytes of body after it */
    int delay_ms;
    int requests;
    char head[2048]; /* of the last request */
    char ca_file[64];
    char connect_to[96];
} site;

static site S;
static gh_cimd_network N;

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    return key;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509V3_CTX context;
    ck_assert_ptr_nonnull(certificate);
    ck_assert_int_eq(X509_set_version(certificate, 2), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    X509_NAME *name = X509_get_subject_name(certificate);
    ck_assert_int_eq(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)HOST, -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(certificate, name), 1);
    ck_assert_int_eq(X509_set_pubkey(certificate, key), 1);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, "DNS:" HOST);
    ck_assert_ptr_nonnull(names);
    ck_assert_int_eq(X509_add_ext(certificate, names, -1), 1);
    X509_EXTENSION_free(names);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

static void set_up_tls(site *s)
{
    EVP_PKEY *key = make_key();
    X509 *certificate = make_certificate(key);
    s->tls = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate(s->tls, certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(s->tls, key), 1);
    (void)snprintf(s->ca_file, sizeof s->ca_file, "/tmp/gh-cimd-ca-XXXXXX");
    int file = mkstemp(s->ca_file);
    FILE *out = fdopen(file, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(PEM_write_X509(out, certificate), 1);
    (void)fclose(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void serve(site *s, SSL *connection)
{
    char filler[1024];
    const struct timespec delay = {.tv_sec = s->delay_ms / 1000, .tv_nsec = (s->delay_ms % 1000) * 1000000L};
    size_t len = 0;
    while (len < sizeof s->head - 1) {
        int got = SSL_read(connection, s->head + len, (int)(sizeof s->head - 1 - len));
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        s->head[len] = '\0';
        if (strstr(s->head, "\r\n\r\n") != NULL) {
            break;
        }
    }
    s->requests++;
    (void)nanosleep(&delay, NULL);
    if (SSL_write(connection, s->answer, (int)strlen(s->answer)) <= 0) {
        return;
    }
    memset(filler, ' ', sizeof filler);
    for (size_t sent = 0; sent < s->filler; sent += sizeof filler) {
        if (SSL_write(connection, filler, (int)sizeof filler) <= 0) {
            return;
        }
    }
    (void)SSL_shutdown(connection);
}

static void *run(void *context)
{
    site *s = context;
    for (;;) {
        int socket = accept(s->listener, NULL, NULL);
        if (socket < 0) {
            return NULL;
        }
        SSL *connection = SSL_new(s->tls);
        if (SSL_set_fd(connection, socket) == 1 && SSL_accept(connection) == 1) {
            serve(s, connection);
        }
        SSL_free(connection);
        (void)close(socket);
    }
}

static bool may_connect(const struct sockaddr *address)
{
    (void)address;
    return true;
}

static void open_site(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    gh_log_set_level(GH_LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&S, 0, sizeof S);
    set_up_tls(&S);
    S.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(S.listener, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(S.listener, 8), 0);
    ck_assert_int_eq(getsockname(S.listener, (struct sockaddr *)&address, &len), 0);
    S.port = ntohs(address.sin_port);
    S.answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" DOCUMENT;
    (void)snprintf(S.connect_to, sizeof S.connect_to, HOST ":443:127.0.0.1:%u", (unsigned)S.port);
    N = (gh_cimd_network){may_connect, S.ca_file, S.connect_to, 5000};
    ck_assert_int_eq(pthread_create(&S.thread, NULL, run, &S), 0);
}

static void close_site(void)
{
    (void)shutdown(S.listener, SHUT_RDWR);
    (void)pthread_join(S.thread, NULL);
    (void)close(S.listener);
    SSL_CTX_free(S.tls);
    (void)unlink(S.ca_file);
}

static gh_status fetch_url(const char *url, gh_buf *body, int64_t *keep_s)
{
    gh_cimd_reply reply = {GH_BUF_INIT(GH_CIMD_DOCUMENT_MAX), 0};
    gh_error why = {0};
    gh_status status = gh_cimd_fetch(&N, url, &reply, &why);
    ck_assert((status == GH_OK) == (why.message[0] == '\0'));
    if (body != NULL) {
        (void)gh_buf_append_view(body, gh_buf_view(&reply.body));
        *keep_s = reply.keep_s;
    }
    gh_buf_free(&reply.body);
    return status;
}

static gh_status fetch(void)
{
    return fetch_url("https://" HOST "/client.json", NULL, NULL);
}

START_TEST(a_document_is_fetched_and_says_how_long_it_lasts)
{
    gh_buf body = GH_BUF_INIT(1024);
    int64_t keep_s = 0;
    S.answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nCache-Control: max-age=1234"
        "\r\nConnection: close\r\n\r\n" DOCUMENT;
    ck_assert_int_eq(fetch_url("https://" HOST "/client.json?v=1", &body, &keep_s), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&body), DOCUMENT);
    ck_assert_int_eq(keep_s, 1234);
    ck_assert_int_eq(strncmp(S.head, "GET /client.json?v=1 HTTP/1.1\r\nHost: " HOST "\r\n", 30), 0);
    ck_assert_ptr_nonnull(strstr(S.head, "Accept: application/json\r\n"));
    ck_assert_ptr_null(strstr(S.head, "Cookie"));
    ck_assert_ptr_null(strstr(S.head, "Authorization"));
    gh_buf_free(&body);
}
END_TEST

START_TEST(private_addresses_are_never_connected_to)
{
    N.may_connect = gh_address_is_public;
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    ck_assert_int_eq(S.requests, 0);
}
END_TEST

START_TEST(a_name_that_leads_here_is_seen_through)
{
    char url[64];
    N.may_connect = gh_address_is_public;
    N.connect_to = NULL;
    (void)snprintf(url, sizeof url, "https://localhost:%u/client.json", (unsigned)S.port);
    ck_assert_int_eq(fetch_url(url, NULL, NULL), GH_ERR_DENIED);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/client.json", (unsigned)S.port);
    ck_assert_int_eq(fetch_url(url, NULL, NULL), GH_ERR_DENIED);
    ck_assert_int_eq(S.requests, 0);
}
END_TEST

START_TEST(a_proxy_is_not_a_way_around)
{
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned)S.port);
    ck_assert_int_eq(setenv("https_proxy", proxy, 1), 0);
    ck_assert_int_eq(setenv("no_proxy", "", 1), 0);
    ck_assert_int_eq(fetch(), GH_OK);
    ck_assert_int_eq(strncmp(S.head, "GET /client.json", 16), 0);
}
END_TEST

START_TEST(redirects_are_not_followed)
{
    S.answer = "HTTP/1.1 302 Found\r\nLocation: https://" HOST "/other.json\r\nContent-Length: 0\r\n"
               "Connection: close\r\n\r\n";
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    ck_assert_int_eq(S.requests, 1);
}
END_TEST

START_TEST(only_json_will_do)
{
    S.answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" DOCUMENT;
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    S.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" DOCUMENT;
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    S.answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/client+json\r\nConnection: close\r\n\r\n" DOCUMENT;
    ck_assert_int_eq(fetch(), GH_OK);
}
END_TEST

START_TEST(what_the_site_answers_instead_is_told_apart)
{
    S.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    S.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ck_assert_int_eq(fetch(), GH_ERR_UNAVAILABLE);
    S.answer = "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ck_assert_int_eq(fetch(), GH_ERR_UNAVAILABLE);
    S.answer = "gibberish\r\n\r\n";
    ck_assert_int_ne(fetch(), GH_OK);
}
END_TEST

START_TEST(a_large_document_is_refused)
{
    S.filler = 60 * 1024;
    ck_assert_int_eq(fetch(), GH_OK);
    S.filler = 64 * 1024;
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
    S.filler = 0;
    S.answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n";
    ck_assert_int_eq(fetch(), GH_ERR_DENIED);
}
END_TEST

START_TEST(a_slow_site_is_not_waited_for)
{
    int64_t begin = gh_clock_mono_ms();
    N.timeout_ms = 300;
    S.delay_ms = 1500;
    ck_assert_int_eq(fetch(), GH_ERR_UNAVAILABLE);
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 1200);
}
END_TEST

START_TEST(a_certificate_that_nobody_vouches_for_is_refused)
{
    N.ca_file = NULL;
    ck_assert_int_ne(fetch(), GH_OK);
    ck_assert_int_eq(S.requests, 0);
    N.ca_file = S.ca_file;
    (void)snprintf(S.connect_to, sizeof S.connect_to, "other.example.com:443:127.0.0.1:%u", (unsigned)S.port);
    ck_assert_int_ne(fetch_url("https://other.example.com/client.json", NULL, NULL), GH_OK);
    ck_assert_int_eq(S.requests, 0);
}
END_TEST

START_TEST(a_site_that_is_not_there_is_an_outage)
{
    N.connect_to = HOST ":443:127.0.0.1:1";
    ck_assert_int_eq(fetch(), GH_ERR_UNAVAILABLE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cimd_fetch");
    TCase *tc = tcase_create("cimd_fetch");
    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, open_site, close_site);
    tcase_add_test(tc, a_document_is_fetched_and_says_how_long_it_lasts);
    tcase_add_test(tc, private_addresses_are_never_connected_to);
    tcase_add_test(tc, a_name_that_leads_here_is_seen_through);
    tcase_add_test(tc, a_proxy_is_not_a_way_around);
    tcase_add_test(tc, redirects_are_not_followed);
    tcase_add_test(tc, only_json_will_do);
    tcase_add_test(tc, what_the_site_answers_instead_is_told_apart);
    tcase_add_test(tc, a_large_document_is_refused);
    tcase_add_test(tc, a_slow_site_is_not_waited_for);
    tcase_add_test(tc, a_certificate_that_nobody_vouches_for_is_refused);
    tcase_add_test(tc, a_site_that_is_not_there_is_an_outage);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
