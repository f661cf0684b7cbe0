#include <string.h>

#include "server/oauth/answer.h"
#include "server/oauth/flow.h"
#include "server/oauth/grant.h"
#include "server/oauth/page.h"
#include "server/oauth/person.h"
#include "server/oauth/provider.h"
#include "server/oauth/upstream_state.h"
#include "server/oauth/upstream_tokens.h"
#include "shared/core/log.h"

#define AGAIN "Go back to your application and sign in again."
#define FAILED "The server failed at this request."

/* One way back from the provider. */
typedef struct arrival {
    const gh_oauth_server *server;
    gh_form *form;
    const char *state; /* of the form, like the next two */
    const char *code;
    const char *error;
    gh_provider provider;
    gh_browser cookie;
    char key[GH_SHA256_TEXT_MAX];
    gh_upstream_login login;
    gh_flow flow;
} arrival;

static void page_unreadable(gh_response *response, const char *what)
{
    gh_page_message(response, 400, "The answer of the sign-in cannot be used", what, AGAIN);
}

static void page_gone(gh_response *response)
{
    gh_page_message(response, 400, "This sign-in is over",
                    "It was finished already, took too long, or was started in another browser, or the "
                    "browser did not send the cookie that it was given.",
                    "Allow cookies for this address, go back to your application and sign in again. You can "
                    "close this page.");
}

static bool read_form(arrival *a, const gh_request *request, gh_response *response)
{
    gh_status status = gh_form_parse(request->query, &a->form, NULL);
    if (status == GH_ERR_NOMEM) {
        gh_flow_page_failure(response, status);
        return false;
    }
    if (status != GH_OK || gh_form_has_duplicate(a->form, NULL)) {
        page_unreadable(response, "What the identity provider sent cannot be read.");
        return false;
    }
    a->state = gh_form_get(a->form, "state");
    a->code = gh_form_get(a->form, "code");
    a->error = gh_form_get(a->form, "error");
    if (a->code == NULL && a->error == NULL) {
        page_unreadable(response, "The identity provider sent neither a code nor an error.");
        return false;
    }
    return true;
}

/* That the answer comes from whom the person was sent to (RFC 9207, 2.4), before anything is used up. */
static bool check_issuer(arrival *a, gh_response *response)
{
    const char *issuer = gh_form_get(a->form, "iss");
    gh_status status = gh_provider_read(a->server, &a->provider);
    if (status != GH_OK) {
        gh_provider_page(response, status);
        return false;
    }
    bool good = issuer != NULL ? strcmp(issuer, a->provider.metadata.issuer) == 0
                               : !a->provider.metadata.iss_parameter_supported;
    if (!good) {
        gh_log_warn("an answer that claims to be the identity provider's names another issuer, or none");
        page_unreadable(response, "The answer does not come from the identity provider of this server.");
    }
    return good;
}

/* Another browser's state finds nothing, so that nobody can end somebody else's login. */
static bool find_login(arrival *a, const gh_request *request, gh_response *response)
{
    gh_status status = GH_ERR_NOT_FOUND;
    if (gh_oauth_is_token(gh_view_of(a->state))) {
        status = gh_upstream_cookie_read(a->server, request, &a->cookie);
    }
    if (status == GH_OK) {
        status = gh_upstream_login_key(gh_view_of(a->state), &a->cookie, a->key);
    }
    if (status == GH_OK) {
        status = gh_store_upstream_login_take(a->server->store, a->key, &a->login);
    }
    if (status == GH_OK &&
        !gh_equal_constant_time(gh_view_of(a->login.cookie_hash), gh_view_of(a->cookie.cookie_hash))) {
        status = GH_ERR_NOT_FOUND;
    }
    if (status == GH_ERR_NOT_FOUND) {
        page_gone(response);
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    }
    return status == GH_OK;
}

static bool take_flow(arrival *a, gh_response *response)
{
    gh_status status = gh_store_flow_take(a->server->store, a->login.flow_hash, &a->flow);
    if (status == GH_ERR_NOT_FOUND) {
        page_gone(response);
    } else if (status == GH_ERR_UNAVAILABLE) {
        gh_page_message(response, 503, "Not available at the moment", "The server cannot reach its store.",
                        AGAIN);
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    }
    return status == GH_OK;
}

static void refuse(const arrival *a, const char *error, const char *description, gh_response *response)
{
    const gh_answer answer = {a->flow.redirect_uri, a->flow.state, 302};
    gh_answer_error(a->server, &answer, error, description, response);
}

/* What the provider calls it is for the log; the client gets words of ours. */
static void pass_error(const arrival *a, gh_response *response)
{
    const char *words = gh_form_get(a->form, "error_description");
    if (strcmp(a->error, "access_denied") == 0) {
        gh_log_info("login denied at the identity provider: client %s", a->flow.client_id);
        refuse(a, "access_denied", "The sign-in was cancelled or denied at the identity provider.", response);
        return;
    }
    gh_log_warn("the identity provider answered a login with an error: %.64s %.300s", a->error,
                words != NULL ? words : "");
    if (strcmp(a->error, "temporarily_unavailable") == 0) {
        refuse(a, "temporarily_unavailable",
               "The identity provider cannot sign anybody in at the moment; try again soon.", response);
    } else {
        refuse(a, "server_error",
               "The identity provider answered with an error; sign in again, and if that does not help, ask "
               "whoever runs this server.",
               response);
    }
}

static void pass_failure(const arrival *a, gh_status status, gh_response *response)
{
    if (status == GH_ERR_UNAVAILABLE) {
        refuse(a, "temporarily_unavailable",
               "The server cannot reach its store at the moment; try again soon.", response);
    } else {
        refuse(a, "server_error", FAILED, response);
    }
}

/* Grant and code first, since the tokens belong to the grant; without them the grant goes again before
 * anybody has its code. */
static gh_status keep(const arrival *a, const gh_idp_tokens *tokens, char **code)
{
    const gh_upstream_secrets secrets = {.access_token = tokens->access_token,
                                         .refresh_token = tokens->refresh_token,
                                         .expires_at = tokens->expires_at};
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    gh_status status = gh_grant_make(a->server, &a->flow, &grant);
    if (status == GH_OK) {
        status = gh_grant_keep(a->server, &a->flow, &grant, code);
    }
    if (status == GH_OK) {
        status = gh_upstream_secrets_put(a->server, grant.id, &secrets);
        if (status != GH_OK && gh_store_grant_revoke(a->server->store, grant.id) != GH_OK) {
            gh_log_warn("a grant that was never handed out stays until it expires");
        }
    }
    gh_grant_clear(&grant);
    return status;
}

static void finish(const arrival *a, const gh_idp_tokens *tokens, gh_response *response)
{
    const gh_answer answer = {a->flow.redirect_uri, a->flow.state, 302};
    char *code = NULL;
    gh_status status = keep(a, tokens, &code);
    if (status == GH_OK) {
        gh_log_info("login finished: client %s, subject %s", a->flow.client_id, a->flow.subject);
        if (tokens->refresh_token == NULL) {
            gh_log_warn("the identity provider gave no refresh token, so that it cannot be asked whether the "
                        "account still stands: allow offline_access there, and in --scopes");
        }
        gh_answer_code(a->server, &answer, code, response);
    } else {
        gh_upstream_forget(a->server, tokens->refresh_token);
        pass_failure(a, status, response);
    }
    gh_wipe_free(code);
}

static void admit(arrival *a, const gh_idp_tokens *tokens, gh_response *response)
{
    gh_status status = gh_person_read(tokens->claims, &a->flow);
    if (status != GH_OK) {
        gh_log_warn("the identity provider names nobody that could be signed in (sub)");
        refuse(a, "server_error", FAILED, response);
    } else if (!gh_person_may_enter(a->server, tokens->claims)) {
        gh_log_info("login refused, a required claim is missing: client %s, subject %s", a->flow.client_id,
                    a->flow.subject);
        gh_upstream_forget(a->server, tokens->refresh_token);
        refuse(a, "access_denied", "Your account is not allowed to use this server; ask whoever runs it.",
               response);
    } else {
        finish(a, tokens, response);
    }
}

static void exchange(arrival *a, gh_response *response)
{
    gh_idp_tokens tokens;
    gh_secret *verifier = NULL;
    gh_error why = {0};
    memset(&tokens, 0, sizeof tokens);
    gh_status status = gh_upstream_open_verifier(a->server, a->key, a->login.sealed_verifier, &verifier);
    if (status != GH_OK) {
        gh_log_error("what was kept of a login cannot be opened: %s", gh_status_text(status));
        refuse(a, "server_error", FAILED, response);
        goto out;
    }
    status =
        gh_idp_exchange(a->server->idp, a->code, gh_secret_view(verifier), a->login.nonce, &tokens, &why);
    if (status == GH_OK) {
        admit(a, &tokens, response);
        goto out;
    }
    gh_log_warn("the login could not be finished at the identity provider: %s", why.message);
    if (status == GH_ERR_UNAVAILABLE) {
        refuse(a, "temporarily_unavailable",
               "The identity provider cannot be reached at the moment; try again soon.", response);
    } else {
        refuse(a, "server_error",
               "The sign-in could not be verified at the identity provider; sign in again, and if that does "
               "not help, ask whoever runs this server.",
               response);
    }
out:
    gh_secret_free(verifier);
    gh_idp_tokens_clear(&tokens);
}

static void arrive(arrival *a, const gh_request *request, gh_response *response)
{
    bool known = read_form(a, request, response) && check_issuer(a, response) &&
                 find_login(a, request, response) && take_flow(a, response);
    if (!known) {
        return;
    }
    if (a->error != NULL) {
        pass_error(a, response);
    } else {
        exchange(a, response);
    }
}

void gh_oauth_handle_callback(void *server, const gh_request *request, gh_response *response)
{
    arrival a;
    memset(&a, 0, sizeof a);
    a.server = server;
    if (a.server->idp == NULL) {
        page_unreadable(response, "This server has no identity provider.");
        return;
    }
    arrive(&a, request, response);
    gh_form_free(a.form);
    gh_provider_clear(&a.provider);
    gh_browser_clear(&a.cookie);
    gh_upstream_login_clear(&a.login);
    gh_flow_clear(&a.flow);
}
