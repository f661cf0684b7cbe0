#include "server/oauth/flow.h"

#include <string.h>

#include "server/oauth/cimd.h"
#include "server/oauth/page.h"

bool gh_visit_is_post(const gh_request *request)
{
    return gh_view_eq_cstr(request->method, "POST");
}

void gh_flow_page_gone(gh_response *response)
{
    gh_page_message(response, 400, "This sign-in is over",
                    "It was finished already, took too long, or was started before the server last "
                    "restarted.",
                    "Go back to your application and sign in again. You can close this page.");
}

void gh_flow_page_forged(gh_response *response)
{
    gh_page_message(response, 403, "This page cannot be used",
                    "The form does not belong to the sign-in in this browser, it is out of date, or the "
                    "browser did not send the cookie that it was given.",
                    "Allow cookies for this address, go back to your application and sign in again, and use "
                    "the page that opens.");
}

void gh_flow_page_refused(gh_response *response, gh_status status)
{
    if (status == GH_ERR_DENIED) {
        gh_flow_page_forged(response);
    } else {
        gh_flow_page_failure(response, status);
    }
}

void gh_flow_page_failure(gh_response *response, gh_status status)
{
    if (status == GH_ERR_UNAVAILABLE) {
        gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
        gh_page_message(response, 503, "Not available at the moment",
                        "The server cannot reach its store. Nothing was changed.",
                        "Wait a few seconds, then load this page again.");
        return;
    }
    gh_page_message(response, 500, "Something went wrong", "The server failed at this request.",
                    "Go back to your application and sign in again.");
}

void gh_flow_redirect(gh_response *response, const char *path, const char *flow_id)
{
    gh_buf location = GH_BUF_INIT(256);
    (void)gh_buf_append_cstr(&location, path);
    (void)gh_buf_append_char(&location, '?');
    if (gh_form_add(&location, "flow", flow_id) == GH_OK) {
        gh_response_redirect(response, 303, gh_buf_view(&location));
    } else {
        gh_flow_page_failure(response, GH_ERR_NOMEM);
    }
    gh_buf_free(&location);
}

static gh_status read_form(const gh_request *request, gh_visit *visit)
{
    bool post = gh_visit_is_post(request);
    if (post && !gh_request_is_type(request, "application/x-www-form-urlencoded")) {
        return GH_ERR_PARSE;
    }
    gh_status status = gh_form_parse(post ? request->body : request->query, &visit->form, NULL);
    if (status != GH_OK) {
        return status;
    }
    if (gh_form_has_duplicate(visit->form, NULL)) {
        return GH_ERR_PARSE;
    }
    visit->flow_id = gh_form_get(visit->form, "flow");
    return GH_OK;
}

/* GH_ERR_NOT_FOUND without such a flow, GH_ERR_DENIED when it is not this browser's. */
static gh_status find_flow(const gh_oauth_server *server, const gh_request *request, gh_visit *visit)
{
    gh_view id = gh_view_of(visit->flow_id);
    if (!gh_oauth_is_token(id)) {
        return GH_ERR_NOT_FOUND;
    }
    gh_status status = gh_sha256_text(id, visit->flow_hash);
    if (status == GH_OK) {
        status = gh_store_flow_get(server->store, visit->flow_hash, &visit->flow);
    }
    if (status != GH_OK) {
        return status;
    }
    status = gh_browser_read(server, request, &visit->browser);
    if (status == GH_ERR_NOT_FOUND) {
        return GH_ERR_DENIED;
    }
    if (status == GH_OK && !gh_equal_constant_time(gh_view_of(visit->browser.cookie_hash),
                                                   gh_view_of(visit->flow.cookie_hash))) {
        return GH_ERR_DENIED;
    }
    return status;
}

bool gh_visit_open(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                   gh_visit *visit)
{
    gh_status status = read_form(request, visit);
    if (status == GH_ERR_PARSE || status == GH_ERR_TOO_LARGE) {
        gh_page_message(response, 400, "The request could not be read",
                        "The form that arrived is not one that this page sends.",
                        "Go back to your application and sign in again.");
        return false;
    }
    if (status == GH_OK) {
        status = find_flow(server, request, visit);
    }
    if (status == GH_OK) {
        status = gh_clients_find(server, visit->flow.client_id, &visit->client, NULL);
    }
    if (status == GH_ERR_NOT_FOUND) {
        gh_flow_page_gone(response);
    } else if (status == GH_ERR_DENIED) {
        gh_flow_page_forged(response);
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    }
    return status == GH_OK;
}

void gh_visit_clear(gh_visit *visit)
{
    gh_form_free(visit->form);
    gh_browser_clear(&visit->browser);
    gh_flow_clear(&visit->flow);
    gh_client_clear(&visit->client);
}
