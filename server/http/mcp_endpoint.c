#include "server/http/mcp_endpoint.h"

#include <stdio.h>
#include <string.h>

#include "server/auth/scope_table.h"
#include "server/http/mcp_visit.h"
#include "server/oauth/page.h"
#include "shared/oauth/challenge.h"
#include "shared/rpc/mcp.h"

#define SCOPE_MAX ((size_t)4096) /* of a challenge; what bearers are made of may be more */
#define CHALLENGE_MAX (SCOPE_MAX + 4096)
#define LONG_METHOD GH_MCP_SUBSCRIPTIONS_LISTEN

static void set_challenge(const gh_mcp_endpoint *endpoint, const char *scope, const char *error,
                          const char *description, gh_response *response)
{
    gh_buf header = GH_BUF_INIT(CHALLENGE_MAX);
    /* The members are only read. */
    const gh_challenge challenge = {.realm = (char *)(uintptr_t) "mcp",
                                    .resource_metadata = (char *)(uintptr_t)endpoint->resource_metadata,
                                    .scope = (char *)(uintptr_t)scope,
                                    .error = (char *)(uintptr_t)error,
                                    .error_description = (char *)(uintptr_t)description};
    if (gh_challenge_write(&challenge, &header) == GH_OK) {
        gh_response_header(response, "WWW-Authenticate", gh_buf_view(&header));
    }
    gh_buf_free(&header);
}

/* What the endpoint asks of every call, what this one needs besides (NULL for nothing), and what the token
 * has: a client that asks for just these loses nothing with its new token. How long (offline_access) is not
 * the resource's to say. Should that be more than can be asked for, the token's go first. */
static void refuse_scope(const gh_mcp_endpoint *endpoint, const gh_principal *principal, const char *needed,
                         const char *description, gh_response *response)
{
    gh_buf scope = GH_BUF_INIT(SCOPE_MAX);
    gh_scope_unite(&scope, endpoint->required_scope);
    gh_scope_unite(&scope, needed);
    gh_view rest = gh_view_of(principal->scope);
    gh_view word;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && word.len + scope.len < SCOPE_MAX && !gh_view_eq_cstr(word, "offline_access") &&
            !gh_text_has_word(gh_buf_view(&scope), word)) {
            (void)gh_buf_append_cstr(&scope, scope.len > 0 ? " " : "");
            (void)gh_buf_append_view(&scope, word);
        }
    }
    set_challenge(endpoint, gh_buf_cstr(&scope), "insufficient_scope", description, response);
    gh_response_error(response, 403, "insufficient_scope", description);
    gh_buf_free(&scope);
}

static void refuse(const gh_mcp_endpoint *endpoint, const gh_principal *principal, gh_bearer_outcome outcome,
                   const char *description, gh_response *response)
{
    switch (outcome) {
    case GH_BEARER_OK:
        break;
    case GH_BEARER_MISSING:
        set_challenge(endpoint, endpoint->scope, NULL, NULL, response);
        gh_response_error(response, 401, "unauthorized",
                          "Sign in first: the WWW-Authenticate header says where to get a token.");
        break;
    case GH_BEARER_INVALID:
        set_challenge(endpoint, endpoint->scope, "invalid_token", description, response);
        gh_response_error(response, 401, "invalid_token", description);
        break;
    case GH_BEARER_SCOPE:
        refuse_scope(endpoint, principal, NULL, description, response);
        break;
    case GH_BEARER_FORBIDDEN:
        gh_response_error(response, 403, "access_denied", description);
        break;
    case GH_BEARER_UNAVAILABLE:
        gh_response_header_cstr(response, "Retry-After", "5");
        gh_response_error(response, 503, "temporarily_unavailable",
                          "The token could not be checked right now. Try again in a moment.");
        break;
    }
}

/* The principal, or NULL with the refusal in `response`. */
static gh_principal *authenticate(const gh_mcp_endpoint *endpoint, const gh_request *request,
                                  gh_response *response)
{
    gh_principal *principal = NULL;
    gh_error error = {0};
    gh_bearer_outcome outcome =
        gh_bearer_check(endpoint->bearer, gh_request_header(request, "Authorization"), &principal, &error);
    gh_metrics_count(endpoint->metrics, GH_METRIC_BEARER, (size_t)outcome, 0);
    if (outcome == GH_BEARER_OK) {
        return principal;
    }
    refuse(endpoint, principal, outcome, error.message[0] != '\0' ? error.message : "The token is not valid.",
           response);
    gh_principal_free(principal);
    return NULL;
}

bool gh_mcp_admit(void *context, const gh_request *request)
{
    const gh_mcp_endpoint *endpoint = context;
    gh_principal *principal = NULL;
    gh_error error = {0};
    gh_bearer_outcome outcome =
        gh_bearer_check(endpoint->bearer, gh_request_header(request, "Authorization"), &principal, &error);
    gh_principal_free(principal);
    return outcome == GH_BEARER_OK;
}

/* The context of replies. */
typedef struct answering {
    const gh_mcp_endpoint *endpoint;
    const gh_principal *principal;
    gh_response *response;
} answering;

static void reply_json(void *context, int http_status, gh_view session, gh_view body)
{
    gh_response *response = ((const answering *)context)->response;
    if (http_status == 429 || http_status == 503) {
        gh_response_header_cstr(response, "Retry-After", "5");
    }
    if (session.len > 0) {
        gh_response_header(response, GH_MCP_HEADER_SESSION, session);
    }
    gh_response_json(response, http_status, body);
}

static void reply_empty(void *context, int http_status)
{
    gh_response_empty(((const answering *)context)->response, http_status);
}

static gh_status reply_stream(void *context, gh_view text)
{
    gh_response *response = ((const answering *)context)->response;
    return response->streaming ? gh_response_stream_write(response, text)
                               : gh_response_stream_begin(response, 200, text);
}

static gh_status reply_stream_end(void *context, gh_view text)
{
    gh_response *response = ((const answering *)context)->response;
    gh_status status = response->streaming ? GH_OK : gh_response_stream_begin(response, 200, gh_view_of(""));
    return status == GH_OK ? gh_response_stream_end(response, text) : status;
}

static bool reply_closed(void *context)
{
    return gh_response_peer_gone(((const answering *)context)->response);
}

static void reply_insufficient_scope(void *context, const char *scopes, const char *description)
{
    const answering *to = context;
    refuse_scope(to->endpoint, to->principal, scopes, description, to->response);
}

static gh_view find_param(void *context, const char *name)
{
    char header[256];
    int written = snprintf(header, sizeof header, "%s%s", GH_MCP_HEADER_PARAM_PREFIX, name);
    if (written < 0 || (size_t)written >= sizeof header) {
        return gh_view_of(NULL);
    }
    return gh_request_header(context, header);
}

static gh_mcp_headers headers_of(const gh_request *request)
{
    return (gh_mcp_headers){.version = gh_request_header(request, GH_MCP_HEADER_VERSION),
                            .session = gh_request_header(request, GH_MCP_HEADER_SESSION),
                            .method = gh_request_header(request, GH_MCP_HEADER_METHOD),
                            .name = gh_request_header(request, GH_MCP_HEADER_NAME),
                            .accept = gh_request_header(request, "Accept"),
                            .last_event = gh_request_header(request, "Last-Event-ID"),
                            .trace = request->trace,
                            .context = (void *)(uintptr_t)request,
                            .param = find_param};
}

static gh_mcp_reply reply_into(answering *to)
{
    return (gh_mcp_reply){.context = to,
                          .json = reply_json,
                          .empty = reply_empty,
                          .stream = reply_stream,
                          .stream_end = reply_stream_end,
                          .closed = reply_closed,
                          .insufficient_scope = reply_insufficient_scope};
}

/* --- methods --- */

static void post(gh_mcp_endpoint *endpoint, const gh_principal *principal, const gh_request *request,
                 bool stream, gh_response *response)
{
    gh_mcp_headers headers = headers_of(request);
    answering to = {endpoint, principal, response};
    gh_mcp_reply reply = reply_into(&to);
    if (stream && request->body.len > GH_MCP_LONG_BODY_MAX) {
        gh_response_error(response, 413, "request_too_large",
                          "A subscription may ask for what fits into 256 KiB.");
        return;
    }
    gh_mcp_engine_post(endpoint->engine, principal, &headers, request->body, &reply);
}

void gh_mcp_handle_post(void *context, const gh_request *request, gh_response *response)
{
    gh_mcp_endpoint *endpoint = context;
    gh_principal *principal = authenticate(endpoint, request, response);
    if (principal == NULL) {
        return;
    }
    gh_view method = gh_view_trim(gh_request_header(request, GH_MCP_HEADER_METHOD));
    bool stream = gh_view_eq_cstr(method, LONG_METHOD);
    if (!gh_request_is_type(request, "application/json")) {
        gh_response_error(response, 415, "unsupported_media_type",
                          "Send one JSON-RPC message with Content-Type: application/json.");
        gh_principal_free(principal);
    } else if (gh_mcp_visit_begin(endpoint, principal, request, stream, response)) {
        post(endpoint, principal, request, stream, response);
        gh_mcp_visit_end_stream(endpoint, stream);
    }
}

/* A browser, that is: clients of MCP name the types of its transport, and no page. */
static bool wants_page(const gh_request *request)
{
    gh_view rest = gh_request_header(request, "Accept");
    gh_view item;
    bool html = false;
    while (gh_view_next(&rest, ',', &item)) {
        gh_view type;
        if (!gh_view_next(&item, ';', &type)) {
            continue;
        }
        type = gh_view_trim(type);
        if (gh_view_eq_nocase(type, GH_VIEW_LIT("text/event-stream"))) {
            return false;
        }
        html = html || gh_view_eq_nocase(type, GH_VIEW_LIT("text/html"));
    }
    return html;
}

static void show_page(gh_response *response)
{
    gh_page_message(response, response->status, "An endpoint for MCP clients",
                    "This address is for programs that speak the Model Context Protocol. There is nothing to "
                    "see here, and nothing is wrong.",
                    "Give this address to your MCP client; it opens the sign-in page when it needs one. The "
                    "start page of this server has the lines for some clients.");
}

static void get(const gh_mcp_endpoint *endpoint, const gh_principal *principal, const gh_request *request,
                gh_response *response)
{
    gh_mcp_headers headers = headers_of(request);
    answering to = {endpoint, principal, response};
    gh_mcp_reply reply = reply_into(&to);
    gh_mcp_engine_get(endpoint->engine, principal, &headers, &reply);
}

void gh_mcp_handle_get(void *context, const gh_request *request, gh_response *response)
{
    gh_mcp_endpoint *endpoint = context;
    gh_principal *principal = authenticate(endpoint, request, response);
    if (principal == NULL) {
        if (gh_request_header(request, "Authorization").ptr == NULL && wants_page(request)) {
            show_page(response);
        }
        return;
    }
    if (gh_view_eq_cstr(request->method, "HEAD")) {
        gh_response_header_cstr(response, "Allow", "GET, POST, DELETE, OPTIONS");
        gh_response_error(response, 405, "method_not_allowed", "An event stream has no head to look at.");
        gh_principal_free(principal);
    } else if (gh_mcp_visit_begin(endpoint, principal, request, true, response)) {
        get(endpoint, principal, request, response);
        gh_mcp_visit_end_stream(endpoint, true);
    }
    if (response->status == 405 && !gh_response_has_header(response, "Allow")) {
        gh_response_header_cstr(response, "Allow", "POST, DELETE, OPTIONS");
    }
}

void gh_mcp_handle_delete(void *context, const gh_request *request, gh_response *response)
{
    const gh_mcp_endpoint *endpoint = context;
    gh_principal *principal = authenticate(endpoint, request, response);
    if (principal != NULL) {
        gh_mcp_headers headers = headers_of(request);
        answering to = {endpoint, principal, response};
        gh_mcp_reply reply = reply_into(&to);
        gh_mcp_engine_delete(endpoint->engine, principal, &headers, &reply);
    }
    if (response->status == 405) {
        gh_response_header_cstr(response, "Allow", "POST, OPTIONS");
    }
    gh_principal_free(principal);
}
