/* Would a login get past the provider's door: the client is known there, and the redirect URI is registered.
 */
#include <stdio.h>
#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/core/random.h"
#include "shared/net/form.h"
#include "shared/net/url.h"
#include "shared/oauth/pkce.h"

/* An authorization request that must not show a page: whoever knows the client and its redirect URI answers
 * with a redirect, be it with an error (OpenID Connect Core, 3.1.2.1 and 3.1.2.6). */
static gh_status write_probe(const gh_idp *idp, const gh_server_metadata *m, gh_buf *url)
{
    char challenge[GH_PKCE_CHALLENGE_MAX];
    gh_secret *verifier = NULL;
    char *state = NULL;
    gh_status status = gh_pkce_verifier_new(&verifier);
    if (status == GH_OK) {
        status = gh_pkce_challenge(gh_secret_view(verifier), challenge);
    }
    if (status == GH_OK) {
        status = gh_random_token(16, &state);
    }
    if (status == GH_OK) {
        (void)gh_buf_append_cstr(url, m->authorization_endpoint);
        (void)gh_buf_append_cstr(url, strchr(m->authorization_endpoint, '?') != NULL ? "" : "?");
        (void)gh_form_add(url, "response_type", "code");
        (void)gh_form_add(url, "client_id", idp->client_id);
        (void)gh_form_add(url, "redirect_uri", idp->redirect_uri);
        (void)gh_form_add(url, "scope", idp->scopes);
        (void)gh_form_add(url, "state", state);
        (void)gh_form_add(url, "nonce", state);
        (void)gh_form_add(url, "prompt", "none");
        (void)gh_form_add(url, "code_challenge", challenge);
        (void)gh_form_add(url, "code_challenge_method", "S256");
        status = gh_buf_status(url);
    }
    gh_secret_free(verifier);
    gh_wipe_free(state);
    return status;
}

/* The error in a redirect back to us; false when the reply goes elsewhere or has none. */
static bool error_of(const gh_idp *idp, const gh_idp_reply *reply, char *code, size_t size)
{
    gh_url url;
    gh_form *form = NULL;
    gh_view location = gh_buf_view(&reply->location);
    bool found = false;
    if (gh_view_starts_with(location, gh_view_of(idp->redirect_uri)) &&
        gh_url_parse(location, &url, NULL) == GH_OK && gh_form_parse(url.query, &form, NULL) == GH_OK) {
        const char *error = gh_form_get(form, "error");
        found = error != NULL;
        (void)snprintf(code, size, "%s", found ? error : "");
    }
    gh_form_free(form);
    return found;
}

static gh_status judge_probe(const gh_idp *idp, const gh_idp_reply *reply, gh_error *why)
{
    static const char *const expected[] = {"login_required", "interaction_required", "consent_required",
                                           "account_selection_required"};
    char code[64];
    /* What else is refused, is refused to programs, perhaps by something in front of the provider. */
    if (reply->http_status >= 400 && reply->http_status != 400) {
        return gh_error_set(why, GH_ERR_UNAVAILABLE,
                            "The identity provider answers an authorization request with %d.",
                            reply->http_status);
    }
    if (reply->http_status == 400) {
        return gh_error_set(
            why, GH_ERR_DENIED,
            "The identity provider refuses an authorization request of client %s with the "
            "redirect URI %s (%d); add exactly this redirect URI (strict) to that client there.",
            idp->client_id, idp->redirect_uri, reply->http_status);
    }
    if (!error_of(idp, reply, code, sizeof code)) {
        return GH_OK; /* a login page, or a redirect to one */
    }
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (strcmp(code, expected[i]) == 0) {
            return GH_OK;
        }
    }
    bool passing = strcmp(code, "server_error") == 0 || strcmp(code, "temporarily_unavailable") == 0;
    return gh_error_set(why, passing ? GH_ERR_UNAVAILABLE : GH_ERR_DENIED,
                        "The identity provider answers a login with the error %s.", code);
}

gh_status gh_idp_probe_redirect(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                                gh_error *why)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_buf url = GH_BUF_INIT(GH_IDP_URL_MAX);
    gh_status status = write_probe(idp, m, &url);
    if (status == GH_OK) {
        status = gh_idp_get(idp, client, gh_buf_cstr(&url), gh_deadline_in(GH_IDP_CALL_MS), &reply, why);
    } else {
        (void)gh_error_set(why, status, "the request could not be made (%s)", gh_status_text(status));
    }
    if (status == GH_OK) {
        status = judge_probe(idp, &reply, why);
    }
    gh_buf_free(&url);
    gh_idp_reply_clear(&reply);
    return status;
}
