/* Headers that only one origin gets to see. */
#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"
#include "shared/net/http_internal.h"

static bool is_given(const gh_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (gh_view_eq_nocase(gh_view_of(request->headers[i].name), gh_view_of(name))) {
            return true;
        }
    }
    return false;
}

static gh_status add_header(gh_http_client *client, const gh_http_header *header)
{
    gh_http_reply_header *own = &client->home_headers[client->home_header_count];

    if (!gh_http_header_is_valid(header->name, header->value)) {
        return GH_ERR_INVALID;
    }
    own->name = gh_text_dup(header->name);
    own->value = gh_text_dup(header->value);
    client->home_header_count++;
    return own->name != NULL && own->value != NULL ? GH_OK : GH_ERR_NOMEM;
}

gh_status gh_http_home_set(gh_http_client *client, const gh_http_client_options *options, gh_error *error)
{
    gh_status status = GH_OK;

    if (options->home == NULL || options->home_header_count == 0) {
        return GH_OK;
    }
    client->home = gh_text_dup(options->home);
    client->home_headers = calloc(options->home_header_count, sizeof *client->home_headers);
    if (client->home == NULL || client->home_headers == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the HTTP client");
    }
    status = gh_url_parse(gh_view_of(client->home), &client->home_url, error);
    for (size_t i = 0; status == GH_OK && i < options->home_header_count; i++) {
        status = add_header(client, &options->home_headers[i]);
        if (status != GH_OK) {
            (void)gh_error_set(error, status, "the header %.100s has characters that HTTP forbids",
                               options->home_headers[i].name);
        }
    }
    return status;
}

void gh_http_home_clear(gh_http_client *client)
{
    for (size_t i = 0; i < client->home_header_count; i++) {
        free(client->home_headers[i].name);
        gh_wipe_free(client->home_headers[i].value);
    }
    free(client->home_headers);
    free(client->home);
    client->home_headers = NULL;
    client->home = NULL;
    client->home_header_count = 0;
}

gh_status gh_http_home_append(gh_http_transfer *transfer, const gh_http_request *request)
{
    const gh_http_client *client = transfer->client;
    gh_status status = GH_OK;
    gh_url url;

    if (client->home_header_count == 0 || gh_url_parse(gh_view_of(transfer->url), &url, NULL) != GH_OK ||
        !gh_url_same_origin(&url, &client->home_url)) {
        return GH_OK;
    }
    for (size_t i = 0; status == GH_OK && i < client->home_header_count; i++) {
        const gh_http_reply_header *own = &client->home_headers[i];

        if (!is_given(request, own->name)) {
            status = gh_http_setup_header(transfer, own->name, own->value);
        }
    }
    return status;
}
