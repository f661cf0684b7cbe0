#include "server/oauth/credentials.h"

#include "server/oauth/cimd.h"
#include "server/oauth/internal.h"
#include "server/oauth/reply.h"
#include "shared/net/base64.h"
#include "shared/net/url.h"

#define BASIC_MAX 1024 /* bytes of a decoded Basic header */

static void invalid_client(gh_response *response, bool basic, const char *description)
{
    if (basic) {
        gh_response_header_cstr(response, "WWW-Authenticate", "Basic realm=\"token\"");
    }
    gh_response_error(response, 401, "invalid_client", description);
}

/* The client id of "Basic base64(id:)", both parts form-encoded (RFC 6749, 2.3.1). */
static gh_status read_basic(gh_view header, gh_buf *id)
{
    static const gh_view scheme = {"Basic ", 6};
    gh_buf pair = GH_BUF_INIT(BASIC_MAX);
    gh_status status = GH_ERR_PARSE;
    if (!gh_view_starts_with_nocase(header, scheme)) {
        goto out;
    }
    status = gh_buf_reserve(&pair, BASIC_MAX);
    if (status != GH_OK) {
        goto out;
    }
    status =
        gh_base64_decode(gh_view_trim(gh_view_make(header.ptr + scheme.len, header.len - scheme.len)), &pair);
    if (status != GH_OK) {
        goto out;
    }
    gh_view text = gh_buf_view(&pair);
    size_t colon = gh_view_find(text, ':');
    status = colon + 1 == text.len ? gh_url_decode(gh_view_make(text.ptr, colon), true, id) : GH_ERR_DENIED;
out:
    gh_buf_wipe_free(&pair);
    return status;
}

/* Fills `id`, which stays empty for one that is longer than any of ours; false when the response is complete.
 */
static bool read_id(const gh_request *request, const gh_form *form, gh_buf *id, bool *basic,
                    gh_response *response)
{
    gh_view header = gh_request_header(request, "Authorization");
    const char *named = gh_form_get(form, "client_id");
    *basic = header.ptr != NULL;
    if (gh_form_get(form, "client_secret") != NULL || gh_form_get(form, "client_assertion") != NULL) {
        invalid_client(response, *basic, "Clients of this server have no secret; send client_id alone.");
        return false;
    }
    if (!*basic) {
        if (named == NULL) {
            gh_response_error(response, 400, "invalid_request", "client_id is missing.");
            return false;
        }
        (void)gh_buf_append_cstr(id, named);
        return true;
    }
    gh_status status = read_basic(header, id);
    if (status == GH_ERR_NOMEM) {
        gh_reply_failure(response, status);
        return false;
    }
    if (status != GH_OK || (named != NULL && !gh_view_eq_cstr(gh_buf_view(id), named))) {
        invalid_client(response, true,
                       "Clients of this server have no secret; send client_id in the form and no "
                       "Authorization header.");
        return false;
    }
    return true;
}

static bool find_client(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                        gh_oauth_call *call)
{
    gh_buf id = GH_BUF_INIT(GH_OAUTH_CLIENT_ID_MAX);
    bool basic = false;
    if (!read_id(request, call->form, &id, &basic, response)) {
        gh_buf_free(&id);
        return false;
    }
    gh_error why = {0};
    /* A lack of memory must not read as "not registered": clients throw their registration away for that. */
    gh_status status = gh_buf_status(&id) == GH_ERR_NOMEM
                           ? GH_ERR_NOMEM
                           : gh_clients_find(server, gh_buf_cstr(&id), &call->client, &why);
    gh_buf_free(&id);
    if (status == GH_ERR_NOT_FOUND) {
        invalid_client(
            response, basic,
            why.message[0] != '\0'
                ? why.message
                : "This client is not registered here. Register anew at the registration_endpoint.");
    } else if (status == GH_ERR_UNAVAILABLE && why.message[0] != '\0') {
        gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
        gh_response_error(response, 503, "temporarily_unavailable", why.message);
    } else if (status != GH_OK) {
        gh_reply_failure(response, status);
    }
    return status == GH_OK;
}

bool gh_oauth_call_open(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                        gh_oauth_call *call)
{
    gh_error error = {0};
    gh_reply_headers(response);
    if (!gh_request_is_type(request, "application/x-www-form-urlencoded")) {
        gh_response_error(response, 415, "invalid_request",
                          "Send the parameters with Content-Type: application/x-www-form-urlencoded.");
        return false;
    }
    gh_status status = gh_form_parse(request->body, &call->form, &error);
    if (status == GH_ERR_NOMEM) {
        gh_reply_failure(response, status);
        return false;
    }
    if (status != GH_OK) {
        gh_response_error(response, 400, "invalid_request", error.message);
        return false;
    }
    if (gh_form_has_duplicate(call->form, NULL)) {
        gh_response_error(response, 400, "invalid_request", "A parameter occurs more than once.");
        return false;
    }
    return find_client(server, request, response, call);
}

void gh_oauth_call_clear(gh_oauth_call *call)
{
    gh_form_free(call->form);
    gh_client_clear(&call->client);
}
