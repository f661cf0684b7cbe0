#include <string.h>

#include "server/oauth/answer.h"
#include "server/oauth/flow.h"
#include "server/oauth/login_page.h"
#include "server/oauth/page.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

#define GRANT_ID_BYTES 16

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

static bool fill_grant(const gh_oauth_server *server, const gh_flow *flow, gh_grant *grant)
{
    if (gh_random_token(GRANT_ID_BYTES, &grant->id) != GH_OK) {
        return false;
    }
    grant->client_id = gh_text_dup(flow->client_id);
    grant->subject = gh_text_dup(flow->subject);
    grant->name = gh_text_dup(flow->name);
    grant->email = gh_text_dup(flow->email);
    grant->scope = gh_text_dup(flow->scope);
    grant->resource = gh_text_dup(flow->resource);
    grant->created_at = gh_clock_wall_s();
    /* The access token that the code brings at its last moment ends before the grant does. */
    int64_t access_s = server->code_ttl_s + server->access_ttl_s;
    grant->expires_at =
        grant->created_at + (server->refresh_ttl_s > access_s ? server->refresh_ttl_s : access_s);
    return grant->client_id != NULL && grant->subject != NULL && grant->name != NULL &&
           grant->email != NULL && grant->scope != NULL && grant->resource != NULL;
}

static bool fill_code(const gh_oauth_server *server, const gh_flow *flow, const gh_grant *grant,
                      const char *text, gh_code *code)
{
    char hash[GH_SHA256_TEXT_MAX];
    if (gh_sha256_text(gh_view_of(text), hash) != GH_OK) {
        return false;
    }
    code->hash = gh_text_dup(hash);
    code->grant_id = gh_text_dup(grant->id);
    code->client_id = gh_text_dup(flow->client_id);
    code->redirect_uri = gh_text_dup(flow->redirect_uri);
    code->challenge = gh_text_dup(flow->challenge);
    code->resource = gh_text_dup(flow->resource);
    code->expires_at = gh_clock_wall_s() + server->code_ttl_s;
    return code->hash != NULL && code->grant_id != NULL && code->client_id != NULL &&
           code->redirect_uri != NULL && code->challenge != NULL && code->resource != NULL;
}

static gh_status add_grant(const gh_oauth_server *server, const gh_flow *flow, char **code_text)
{
    gh_grant grant;
    gh_code code;
    memset(&grant, 0, sizeof grant);
    memset(&code, 0, sizeof code);
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, code_text);
    if (status == GH_OK) {
        status = fill_grant(server, flow, &grant) && fill_code(server, flow, &grant, *code_text, &code)
                     ? gh_store_grant_add(server->store, &grant, &code)
                     : GH_ERR_NOMEM;
    }
    gh_grant_clear(&grant);
    gh_code_clear(&code);
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
    gh_log_info("consent denied: client %s, subject %s", flow->client_id, flow->subject);
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
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    } else if (!gh_csrf_matches(server, "consent", visit->flow_id, &visit->browser, &flow,
                                gh_form_get(visit->form, "csrf"))) {
        gh_flow_page_forged(response);
    } else if (approved) {
        approve(server, &flow, response);
    } else {
        deny(server, &flow, response);
    }
    gh_flow_clear(&flow);
}

static void receive(const gh_oauth_server *server, const gh_visit *visit, gh_response *response)
{
    gh_view decision = gh_view_of(gh_form_get(visit->form, "decision"));
    bool approved = gh_view_eq_cstr(decision, "approve");
    if (visit->flow.subject == NULL || !gh_csrf_matches(server, "consent", visit->flow_id, &visit->browser,
                                                        &visit->flow, gh_form_get(visit->form, "csrf"))) {
        gh_flow_page_forged(response);
    } else if (!approved && !gh_view_eq_cstr(decision, "deny")) {
        gh_page_message(response, 400, "No decision arrived", "The form said neither \"allow\" nor \"deny\".",
                        "Go back one page and press one of the two buttons.");
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
        } else if (visit.flow.subject == NULL) {
            gh_flow_redirect(response, "/authorize/login", visit.flow_id);
        } else {
            show(server, &visit, response);
        }
    }
    gh_visit_clear(&visit);
}
