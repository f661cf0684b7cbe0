#include "server/oauth/upstream.h"

#include <string.h>

#include "server/oauth/flow.h"
#include "server/oauth/login_page.h"
#include "server/oauth/provider.h"
#include "server/oauth/upstream_state.h"
#include "server/oauth/upstream_tokens.h"
#include "shared/core/clock.h"
#include "shared/core/random.h"
#include "shared/net/url.h"
#include "shared/oauth/pkce.h"

#define LOCATION_MAX (2 * GH_URL_MAX)

bool gh_upstream_is_ready(const gh_oauth_server *server, const gh_answer *answer, gh_response *response)
{
    gh_provider provider;
    if (server->idp == NULL) {
        return true;
    }
    gh_status status = gh_provider_read(server, &provider);
    gh_provider_clear(&provider);
    if (status == GH_OK) {
        return true;
    }
    bool failure = status != GH_ERR_UNAVAILABLE && status != GH_ERR_UNSUPPORTED;
    gh_answer_refusal(server, answer, failure ? 500 : 503,
                      failure ? "server_error" : "temporarily_unavailable", gh_provider_problem(status),
                      response);
    return false;
}

gh_status gh_upstream_welcome(const gh_oauth_server *server, const gh_client *client,
                              const gh_browser *browser, const char *flow_id, gh_response *response)
{
    char csrf[GH_SHA256_TEXT_MAX];
    gh_visit visit; /* borrows all but the flow */
    memset(&visit, 0, sizeof visit);
    visit.flow_id = flow_id;
    visit.browser = *browser;
    visit.client = *client;
    gh_status status = gh_sha256_text(gh_view_of(flow_id), visit.flow_hash);
    if (status == GH_OK) {
        status = gh_store_flow_get(server->store, visit.flow_hash, &visit.flow);
    }
    if (status == GH_OK) {
        status = gh_csrf_token(server, "consent", flow_id, browser, &visit.flow, csrf);
    }
    if (status == GH_OK) {
        gh_consent_page(server, &visit, csrf, response);
    }
    gh_flow_clear(&visit.flow);
    gh_browser_clear(&visit.browser);
    return status;
}

/* The secrets of one way to the provider and back. */
typedef struct journey {
    char *state;
    char *nonce;
    gh_secret *verifier;
    char challenge[GH_PKCE_CHALLENGE_MAX];
    char key[GH_SHA256_TEXT_MAX];
    gh_browser cookie;
} journey;

static gh_status prepare(const gh_oauth_server *server, const gh_browser *browser, gh_response *response,
                         journey *j)
{
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &j->state);
    if (status == GH_OK) {
        status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &j->nonce);
    }
    if (status == GH_OK) {
        status = gh_pkce_verifier_new(&j->verifier);
    }
    if (status == GH_OK) {
        status = gh_pkce_challenge(gh_secret_view(j->verifier), j->challenge);
    }
    if (status == GH_OK) {
        status = gh_upstream_cookie_set(server, browser, response, &j->cookie);
    }
    return status == GH_OK ? gh_upstream_login_key(gh_view_of(j->state), &j->cookie, j->key) : status;
}

static gh_status keep(const gh_oauth_server *server, const journey *j, const char *flow_hash)
{
    gh_upstream_login login;
    memset(&login, 0, sizeof login);
    gh_status status = gh_upstream_seal_verifier(server, j->key, j->verifier, &login.sealed_verifier);
    if (status == GH_OK) {
        login.state_hash = gh_text_dup(j->key);
        login.cookie_hash = gh_text_dup(j->cookie.cookie_hash);
        login.flow_hash = gh_text_dup(flow_hash);
        login.nonce = gh_text_dup(j->nonce);
        login.expires_at = gh_clock_wall_s() + GH_UPSTREAM_LOGIN_S;
        bool complete = login.state_hash != NULL && login.cookie_hash != NULL && login.flow_hash != NULL &&
                        login.nonce != NULL;
        status =
            complete ? gh_store_upstream_login_add(server->store, &login, GH_OAUTH_FLOWS_MAX) : GH_ERR_NOMEM;
    }
    gh_upstream_login_clear(&login);
    return status;
}

void gh_upstream_begin(const gh_oauth_server *server, const gh_browser *browser, const char *flow_hash,
                       gh_response *response)
{
    gh_buf location = GH_BUF_INIT(LOCATION_MAX);
    gh_provider provider;
    journey j;
    memset(&j, 0, sizeof j);
    gh_status reachable = gh_provider_read(server, &provider);
    gh_status status = GH_OK;
    if (reachable == GH_OK) {
        status = prepare(server, browser, response, &j);
    }
    if (reachable == GH_OK && status == GH_OK) {
        reachable = gh_idp_authorize_url(server->idp, j.state, j.nonce, j.challenge, &location);
    }
    if (reachable == GH_OK && status == GH_OK) {
        status = keep(server, &j, flow_hash);
    }
    if (reachable != GH_OK) {
        gh_provider_page(response, reachable);
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    } else {
        gh_response_redirect(response, 303, gh_buf_view(&location));
    }
    gh_buf_wipe_free(&location);
    gh_provider_clear(&provider);
    gh_wipe_free(j.state);
    gh_wipe_free(j.nonce);
    gh_secret_free(j.verifier);
    gh_browser_clear(&j.cookie);
}
