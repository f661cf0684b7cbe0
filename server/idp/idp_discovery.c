#include <stdio.h>
#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/net/url.h"
#include "shared/oauth/discovery.h"

gh_status gh_idp_judge_url(const gh_idp *idp, const char *what, const char *text, gh_error *error)
{
    gh_url url;
    if (gh_url_parse(gh_view_of(text), &url, NULL) != GH_OK || !gh_url_is_http(&url) || !url.has_authority ||
        url.has_userinfo || url.has_fragment) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The %s is not a usable http or https URL: correct it (it must have no user part "
                            "and no fragment).",
                            what);
    }
    if (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !idp->allow_insecure_http) {
        return gh_error_set(
            error, GH_ERR_INVALID,
            "The %s, %s, is plain http to another machine, where secrets could be read on the "
            "way: use https, or say --allow-insecure-http if that network is your own.",
            what, text);
    }
    return GH_OK;
}

static bool differ_by_slash(gh_view a, gh_view b)
{
    gh_view longer = a.len > b.len ? a : b;
    gh_view shorter = a.len > b.len ? b : a;
    return longer.len == shorter.len + 1 && longer.ptr[shorter.len] == '/' &&
           gh_view_starts_with(longer, shorter);
}

gh_status gh_idp_judge_issuer(const gh_idp *idp, const gh_server_metadata *m, gh_error *error)
{
    if (strcmp(m->issuer, idp->issuer) == 0) {
        return GH_OK;
    }
    if (differ_by_slash(gh_view_of(m->issuer), gh_view_of(idp->issuer))) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The identity provider calls itself %s, but --issuer is %s: they differ in the "
                            "slash at the end. Give --issuer exactly as the provider writes it.",
                            m->issuer, idp->issuer);
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "The identity provider calls itself %s, but --issuer is %s. Give --issuer exactly as "
                        "the provider writes it; if it is reached here under another name than in a browser, "
                        "keep the public name and use --idp-connect-to.",
                        m->issuer, idp->issuer);
}

gh_status gh_idp_judge_endpoints(const gh_idp *idp, const gh_server_metadata *m, gh_error *error)
{
    bool logs_in = idp->redirect_uri != NULL || idp->needs_pkce;
    const struct {
        const char *name;
        const char *url;
        bool needed;
    } endpoints[] = {{"jwks_uri", m->jwks_uri, true},
                     {"authorization_endpoint", m->authorization_endpoint, logs_in},
                     {"token_endpoint", m->token_endpoint, logs_in},
                     {"userinfo_endpoint", m->userinfo_endpoint, false},
                     {"revocation_endpoint", m->revocation_endpoint, false}};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        char what[80];
        if (endpoints[i].url == NULL && endpoints[i].needed) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "The identity provider's metadata has no %s: check that --issuer names an "
                                "OpenID Connect provider.",
                                endpoints[i].name);
        }
        if (endpoints[i].url == NULL) {
            continue;
        }
        (void)snprintf(what, sizeof what, "identity provider's %s", endpoints[i].name);
        gh_status status = gh_idp_judge_url(idp, what, endpoints[i].url, error);
        if (status != GH_OK) {
            return status;
        }
    }
    if (logs_in && m->response_types_supported != NULL &&
        !gh_text_has_word(gh_view_of(m->response_types_supported), GH_VIEW_LIT("code"))) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The identity provider does not offer the authorization code flow (response type "
                            "\"code\"): enable it for this client.");
    }
    return GH_OK;
}

gh_status gh_idp_judge_pkce(const gh_idp *idp, const gh_server_metadata *m, gh_error *error)
{
    if (!idp->needs_pkce ||
        (m->code_challenge_methods_supported != NULL &&
         gh_text_has_word(gh_view_of(m->code_challenge_methods_supported), GH_VIEW_LIT("S256")))) {
        return GH_OK;
    }
    return gh_error_set(
        error, GH_ERR_INVALID,
        "The identity provider does not offer PKCE with S256 "
        "(code_challenge_methods_supported): enable it there, or use a provider that has it.");
}

gh_status gh_idp_judge_algorithms(const gh_server_metadata *m, gh_error *error)
{
    gh_view rest = gh_view_of(m->id_token_signing_alg_values_supported);
    gh_view word;
    bool any = false;
    bool symmetric = rest.len > 0;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        any = any || gh_key_alg_is_known(word);
        symmetric = symmetric && gh_view_starts_with(word, GH_VIEW_LIT("HS"));
    }
    if (any || m->id_token_signing_alg_values_supported == NULL ||
        m->id_token_signing_alg_values_supported[0] == '\0') {
        return GH_OK;
    }
    if (symmetric) {
        return gh_error_set(
            error, GH_ERR_INVALID,
            "The identity provider signs its tokens with the client secret (HS256) and has no "
            "signing key: choose one in the provider (Authentik: the provider's Signing Key).");
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "The identity provider signs its tokens in a way that is not accepted here: choose a "
                        "signing key for RS256, PS256, ES256, ES384 or EdDSA in the provider.");
}

/* A client that knows RFC 9207 throws an answer away whose `iss` is not the issuer of the metadata, whether
 * it was announced or not (2.4). */
gh_status gh_idp_judge_answers(const gh_idp *idp, const gh_server_metadata *m, gh_error *error)
{
    if (!idp->renamed || !m->iss_parameter_supported) {
        return GH_OK;
    }
    return gh_error_set(error, GH_ERR_UNSUPPORTED,
                        "The identity provider puts its own name into its answers "
                        "(authorization_response_iss_parameter_supported), and in facade mode clients know "
                        "it under another: those that look at iss (RFC 9207) cannot sign in. Use --auth "
                        "proxy, or turn iss off in the provider.");
}

gh_status gh_idp_judge(const gh_idp *idp, const gh_server_metadata *m, gh_error *error)
{
    gh_status status = gh_idp_judge_issuer(idp, m, error);
    if (status == GH_OK) {
        status = gh_idp_judge_endpoints(idp, m, error);
    }
    if (status == GH_OK) {
        status = gh_idp_judge_pkce(idp, m, error);
    }
    return status == GH_OK ? gh_idp_judge_algorithms(m, error) : status;
}

typedef enum find_result {
    FIND_FOUND,
    FIND_ELSEWHERE, /* nothing of use here: the next candidate may have it */
    FIND_AWAY       /* no answer, or a server error: the next candidate would fare no better */
} find_result;

static find_result look_at(const gh_idp *idp, gh_http_client *client, const char *url,
                           gh_server_metadata *out, gh_error *error)
{
    find_result result = FIND_ELSEWHERE;
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_error cause = {0};
    if (gh_idp_get(idp, client, url, gh_deadline_in(GH_IDP_CALL_MS), &reply, &cause) != GH_OK) {
        (void)gh_error_set(error, GH_ERR_UNAVAILABLE, "The identity provider cannot be reached: %s",
                           cause.message);
        result = FIND_AWAY;
    } else if (reply.http_status >= 500 || reply.http_status == 429) {
        (void)gh_error_set(error, GH_ERR_UNAVAILABLE,
                           "The identity provider answers %s with %d: it may still be starting.", url,
                           reply.http_status);
        result = FIND_AWAY;
    } else if (reply.http_status != 200) {
        (void)gh_error_set(error, GH_ERR_NOT_FOUND,
                           "The identity provider has no discovery document at %s (%d): check --issuer, and "
                           "that the provider and its application exist.",
                           url, reply.http_status);
    } else if (gh_server_metadata_parse(gh_buf_view(&reply.body), out, &cause) != GH_OK) {
        (void)gh_error_set(error, GH_ERR_PARSE,
                           "What the identity provider has at %s is no discovery document (%s): check "
                           "--issuer.",
                           url, cause.message);
    } else {
        result = FIND_FOUND;
    }
    gh_idp_reply_clear(&reply);
    return result;
}

gh_idp_verdict gh_idp_discover(const gh_idp *idp, gh_http_client *client, gh_server_metadata *out,
                               gh_error *error)
{
    gh_discovery candidates;
    gh_error other = {0};
    find_result result = FIND_ELSEWHERE;
    if (gh_discovery_issuer(gh_view_of(idp->issuer), &candidates, error) != GH_OK) {
        return GH_IDP_BAD;
    }
    /* The last one is OpenID Connect Discovery's own (4), where nearly every provider has it; its failure is
     * the one to tell of. */
    for (size_t i = candidates.count; result == FIND_ELSEWHERE && i > 0; i--) {
        bool usual = i == candidates.count;
        result = look_at(idp, client, candidates.urls[i - 1], out, usual ? error : &other);
        if (result == FIND_AWAY && !usual && error != NULL) {
            *error = other;
        }
    }
    gh_discovery_clear(&candidates);
    return result == FIND_FOUND ? GH_IDP_GOOD : GH_IDP_AWAY;
}
