#include "server/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/address.h"
#include "server/identity.h"
#include "shared/net/http_client.h"

#define HEALTH_MS 3000
#define URL_BYTES 512

/* What comes from elsewhere is shown without the characters that would steer a terminal. */
static void print_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        (void)putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
    }
}

static void report(void *context, bool good, const char *what, const char *detail, const char *remedy)
{
    (void)context;
    (void)printf("  %s ", good ? "\xe2\x9c\x93" : "\xe2\x9c\x97");
    print_clean(what);
    if (detail != NULL && detail[0] != '\0') {
        (void)printf(": ");
        print_clean(detail);
    }
    (void)putchar('\n');
    if (remedy != NULL) {
        (void)printf("    ");
        print_clean(remedy);
        (void)putchar('\n');
    }
}

static bool check_store(const gh_settings *settings)
{
    gh_error error = {0};
    gh_sealer *sealer = NULL;
    gh_store *store = NULL;
    gh_status status = gh_identity_open_store(settings, &sealer, &store, &error);
    bool good = status == GH_OK && gh_store_ping(store, &error) == GH_OK;
    if (status != GH_ERR_DENIED || strcmp(settings->auth, "proxy") == 0) {
        report(NULL, good, "the store", good ? settings->store : error.message, NULL);
    } else {
        good = true; /* a mode that keeps nothing */
    }
    gh_store_close(store);
    gh_sealer_free(sealer);
    return good;
}

/* The origin as clients know it, as far as it can be told without listening. */
static char *public_origin(const gh_settings *settings)
{
    gh_address address;
    gh_buf url = GH_BUF_INIT(URL_BYTES);
    if (settings->public_url != NULL) {
        (void)gh_buf_append_cstr(&url, settings->public_url);
    } else if (gh_address_parse(settings->listen, &address, NULL) == GH_OK) {
        (void)gh_buf_appendf(&url, "http://localhost:%u", (unsigned)address.port);
    }
    while (url.len > 0 && url.data[url.len - 1] == '/') {
        url.data[--url.len] = '\0';
    }
    char *text = url.len > 0 ? gh_buf_steal(&url) : NULL;
    gh_buf_free(&url);
    return text;
}

static bool check_provider(const gh_settings *settings, const char *origin)
{
    gh_error error = {0};
    gh_idp *idp = NULL;
    gh_buf redirect = GH_BUF_INIT(URL_BYTES);
    bool proxy = strcmp(settings->auth, "proxy") == 0;
    (void)gh_buf_appendf(&redirect, "%s/callback", origin);
    gh_status status =
        gh_identity_new_provider(settings, proxy ? gh_buf_cstr(&redirect) : NULL, &idp, &error);
    if (status == GH_OK) {
        status = gh_idp_check(idp, report, NULL);
    } else {
        report(NULL, false, "the identity provider's settings", error.message, NULL);
    }
    gh_idp_free(idp);
    gh_buf_free(&redirect);
    return status == GH_OK;
}

int gh_command_check(const gh_settings *settings)
{
    char *origin = public_origin(settings);
    if (origin == NULL) {
        return 1;
    }
    (void)printf("Checking --auth %s for %s/mcp\n", settings->auth, origin);
    bool good = check_store(settings);
    if (settings->issuer != NULL) {
        good = check_provider(settings, origin) && good;
    }
    free(origin);
    return good ? 0 : 1;
}

/* Where the server that has these settings is to be asked: on loopback, unless it listens on one other
 * address. */
static void health_url(const gh_address *address, gh_buf *url)
{
    const char *host = address->host;
    bool loopback = strcmp(host, "localhost") == 0 || strcmp(host, "0.0.0.0") == 0;
    bool ipv6 = strchr(host, ':') != NULL;
    (void)gh_buf_appendf(url, ipv6 ? "http://[%s]:%u/healthz" : "http://%s:%u/healthz",
                         loopback ? "127.0.0.1" : host, (unsigned)address->port);
}

int gh_command_healthcheck(const gh_settings *settings)
{
    const gh_http_client_options options = {.user_agent = "gatehouse-healthcheck/" GATEHOUSE_VERSION,
                                            .quick_exit = true};
    gh_address address;
    gh_error error = {0};
    gh_http_client *client = NULL;
    gh_http_result result = {0};
    gh_buf url = GH_BUF_INIT(URL_BYTES);
    gh_buf body = GH_BUF_INIT(4096);
    gh_status status = gh_address_parse(settings->listen, &address, &error);
    if (status == GH_OK) {
        status = gh_http_client_new(&options, &client, &error);
    }
    if (status == GH_OK) {
        health_url(&address, &url);
        const gh_http_request request = {.method = "GET",
                                         .url = gh_buf_cstr(&url),
                                         .connect_timeout_ms = HEALTH_MS,
                                         .timeout_ms = HEALTH_MS};
        status = gh_http_perform(client, &request, &body, &result);
    }
    bool well = status == GH_OK && result.http_status == 200;
    if (!well) {
        (void)fprintf(stderr, "gatehouse: %s\n",
                      status != GH_OK && result.error.message[0] != '\0' ? result.error.message
                      : error.message[0] != '\0'                         ? error.message
                                                 : "the server does not say that it is well");
    }
    gh_http_client_free(client);
    gh_buf_free(&url);
    gh_buf_free(&body);
    return well ? 0 : 1;
}
