#include <string.h>

#include "server/oauth/answer.h"
#include "server/oauth/flow.h"
#include "server/oauth/grant.h"
#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "server/oauth/upstream.h"
#include "shared/core/log.h"

static void show(const gh_oauth_server *server, const gh_visit *visit, gh_response *response)
{
    char csrf[GH_SHA256_TEXT_MAX];
    gh_status status = gh_csrf_token(server, "consent", visit->flow_id, &visit->browser, &visit->flow, csrf);
    if (status == GH_OK) {
        gh_consent_page(server, visit, csrf, response);
    } else {
        gh_flow_page_failure(response, status);
    }
}

static gh_status add_grant(const gh_oauth_server *server, const gh_flow *flow, char **code)
{
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    gh_status status = gh_grant_make(server, flow, &grant);
    if (status == GH_OK) {
        status = gh_grant_keep(server, flow, &grant, code);
    }
    gh_grant_clear(&grant);
    return status;
}

static void approve(const gh_oauth_server *server, const gh_flow *flow, gh_response *response)
{
    const gh_answer answer = {flow->redirect_uri, flow->state, 303};
    char *code = NULL;
    gh_status status = add_grant(server, flow, &code);
    if (status == GH_OK) {
        gh_log_info("login finished: client %s, subject %s", flow->client_id, flow->subject);
        gh_answer_code(server, &answer, code, response);
    } else if (status == GH_ERR_UNAVAILABLE) {
        gh_answer_error(server, &answer, "temporarily_unavailable",
                        "The server cannot reach its store at the moment; try again soon.", response);
    } else {
        gh_answer_error(server, &answer, "server_error", "The server failed at this request.", response);
    }
    gh_wipe_free(code);
}

static void deny(const gh_oauth_server *server, const gh_flow *flow, gh_response *response)
{
    const gh_answer answer = {flow->redirect_uri, flow->state, 303};
    gh_log_info("consent denied: client %s, subject %s", flow->client_id,
                flow->subject != NULL ? flow->subject : "not signed in");
    gh_answer_error(server, &answer, "access_denied", "The person did not allow the access.", response);
}

/* Takes the flow, so that a decision counts once, and looks at what was taken: between page and decision
 * somebody else may have signed in, in another tab. */
static void decide(const gh_oauth_server *server, const gh_visit *visit, bool approved, gh_response *response)
{
    gh_flow flow;
    memset(&flow, 0, sizeof flow);
    gh_status status = gh_store_flow_take(server->store, visit->flow_hash, &flow);
    if (status == GH_ERR_NOT_FOUND) {
        gh_flow_page_gone(response);
        goto out;
    }
    if (status == GH_OK) {
        status = gh_csrf_check(server, "consent", visit->flow_id, &visit->browser, &flow,
                               gh_form_get(visit->form, "csrf"));
    }
    if (status != GH_OK) {
        gh_flow_page_refused(response, status);
    } else if (approved) {
        approve(server, &flow, response);
    } else {
        deny(server, &flow, response);
    }
out:
    gh_flow_clear(&flow);
}

/* With an identity provider the consent comes first, and the provider says who it was. */
static bool may_decide(const gh_oauth_server *server, const gh_visit *visit)
{
    return server->idp != NULL || visit->flow.subject != NULL;
}

static void receive(const gh_oauth_server *server, const gh_visit *visit, gh_response *response)
{
    gh_view decision = gh_view_of(gh_form_get(visit->form, "decision"));
    bool approved = gh_view_eq_cstr(decision, "approve");
    gh_status status = GH_ERR_DENIED;
    if (may_decide(server, visit)) {
        status = gh_csrf_check(server, "consent", visit->flow_id, &visit->browser, &visit->flow,
                               gh_form_get(visit->form, "csrf"));
    }
    if (status != GH_OK) {
        gh_flow_page_refused(response, status);
    } else if (!approved && !gh_view_eq_cstr(decision, "deny")) {
        gh_page_message(response, 400, "No decision arrived", "The form said neither \"allow\" nor \"deny\".",
                        "Go back one page and press one of the two buttons.");
    } else if (approved && server->idp != NULL) {
        gh_upstream_begin(server, &visit->browser, visit->flow_hash, response);
    } else {
        decide(server, visit, approved, response);
    }
}

void gh_oauth_handle_consent(void *server, const gh_request *request, gh_response *response)
{
    gh_visit visit;
    memset(&visit, 0, sizeof visit);
    if (gh_visit_open(server, request, response, &visit)) {
        if (gh_visit_is_post(request)) {
            receive(server, &visit, response);
        } else if (!may_decide(server, &visit)) {
            gh_flow_redirect(response, "/authorize/login", visit.flow_id);
        } else {
            show(server, &visit, response);
        }
    }
    gh_visit_clear(&visit);
}
