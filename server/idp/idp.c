#include "server/idp/idp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/idp/idp_private.h"
#include "shared/core/cond.h"
#include "shared/net/url.h"

#define DEFAULT_SCOPES "openid profile email offline_access"

static gh_status check_options(const gh_idp_options *options, const gh_idp *idp, gh_error *error)
{
    gh_url url;
    if (options->issuer == NULL || options->issuer[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "--issuer is needed: the identity provider's URL.");
    }
    gh_status status = gh_idp_judge_url(idp, "--issuer", options->issuer, error);
    if (status != GH_OK) {
        return status;
    }
    if (gh_url_parse(gh_view_of(options->issuer), &url, NULL) != GH_OK || url.has_query) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--issuer must have no query: take the '?' and what is "
                            "after it away.");
    }
    if (options->redirect_uri != NULL && (options->client_id == NULL || options->client_id[0] == '\0')) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--client-id is needed: the id of this server's client at the provider.");
    }
    if (options->connect_to != NULL && !gh_http_connect_to_is_valid(options->connect_to)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "--idp-connect-to must be written as HOST:PORT:HOST:PORT, such as "
                            "auth.example.com:443:authentik-server:9443.");
    }
    return GH_OK;
}

static bool copy_text(const char *from, char **to)
{
    *to = gh_text_dup(from);
    return from == NULL || *to != NULL;
}

static gh_status copy_options(gh_idp *idp, const gh_idp_options *options)
{
    if (options->client_secret != NULL) {
        idp->client_secret = gh_secret_new(gh_secret_view(options->client_secret));
        if (idp->client_secret == NULL) {
            return GH_ERR_NOMEM;
        }
    }
    bool complete =
        copy_text(options->issuer, &idp->issuer) && copy_text(options->client_id, &idp->client_id) &&
        copy_text(options->redirect_uri, &idp->redirect_uri) &&
        copy_text(options->scopes == NULL ? DEFAULT_SCOPES : options->scopes, &idp->scopes) &&
        copy_text(options->connect_to, &idp->connect_to) && copy_text(options->ca_file, &idp->ca_file);
    return complete ? GH_OK : GH_ERR_NOMEM;
}

gh_status gh_idp_new(const gh_idp_options *options, gh_idp **out, gh_error *error)
{
    gh_idp *idp = calloc(1, sizeof *idp);
    if (idp == NULL || gh_cond_init(&idp->changed) != GH_OK) {
        free(idp);
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the identity provider");
    }
    (void)pthread_mutex_init(&idp->lock, NULL);
    idp->stop_fd[0] = -1;
    idp->stop_fd[1] = -1;
    idp->allow_insecure_http = options->allow_insecure_http;
    idp->needs_pkce = options->needs_pkce;
    idp->renamed = options->renamed;
    idp->pace = (gh_idp_pace){.first_ms = 500,
                              .most_ms = 15000,
                              .metadata_ms = 3600000,
                              .keys_ms = 600000,
                              .cooldown_ms = 10000,
                              .missed_burst = 3,
                              .missed_wait_ms = 5000};
    gh_status status = check_options(options, idp, error);
    if (status != GH_OK) {
        goto out;
    }
    status = copy_options(idp, options);
    if (status == GH_OK && pipe2(idp->stop_fd, O_CLOEXEC | O_NONBLOCK) != 0) {
        status = GH_ERR_IO;
    }
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "the identity provider cannot be set up (%s)",
                           gh_status_text(status));
        goto out;
    }
    idp->state = GH_IDP_WAITING;
    (void)gh_error_set(&idp->why, GH_ERR_UNAVAILABLE, "The identity provider %s has not been reached yet.",
                       idp->issuer);
    *out = idp;
    idp = NULL;
out:
    gh_idp_free(idp);
    return status;
}

void gh_idp_free_metadata(gh_server_metadata *metadata)
{
    if (metadata != NULL) {
        gh_server_metadata_clear(metadata);
        free(metadata);
    }
}

void gh_idp_stop(gh_idp *idp)
{
    if (idp == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&idp->lock);
    bool first = !idp->stopping;
    idp->stopping = true;
    (void)pthread_cond_broadcast(&idp->changed);
    (void)pthread_mutex_unlock(&idp->lock);
    if (first && idp->stop_fd[1] >= 0) {
        ssize_t written = write(idp->stop_fd[1], "", 1);
        (void)written; /* the pipe is empty, so there is room */
    }
}

void gh_idp_free(gh_idp *idp)
{
    if (idp == NULL) {
        return;
    }
    gh_idp_stop(idp);
    if (idp->threaded) {
        (void)pthread_join(idp->thread, NULL);
    }
    gh_idp_drop_idle(idp);
    for (size_t i = 0; i < 2; i++) {
        if (idp->stop_fd[i] >= 0) {
            (void)close(idp->stop_fd[i]);
        }
    }
    gh_idp_free_metadata(idp->metadata);
    gh_keyset_free(idp->keys);
    gh_secret_free(idp->client_secret);
    free(idp->issuer);
    free(idp->client_id);
    free(idp->redirect_uri);
    free(idp->scopes);
    free(idp->connect_to);
    free(idp->ca_file);
    (void)pthread_cond_destroy(&idp->changed);
    (void)pthread_mutex_destroy(&idp->lock);
    free(idp);
}

bool gh_idp_wait_changed(gh_idp *idp, gh_deadline deadline)
{
    if (gh_deadline_passed(deadline)) {
        return false;
    }
    (void)gh_cond_wait_until(&idp->changed, &idp->lock, deadline);
    return true;
}

gh_status gh_idp_start(gh_idp *idp)
{
    (void)pthread_mutex_lock(&idp->lock);
    gh_status status = idp->threaded ? GH_ERR_CONFLICT : GH_OK;
    if (status == GH_OK && pthread_create(&idp->thread, NULL, gh_idp_run, idp) != 0) {
        status = GH_ERR_UNAVAILABLE;
    }
    idp->threaded = idp->threaded || status == GH_OK;
    (void)pthread_mutex_unlock(&idp->lock);
    return status;
}

/* With the lock. */
static gh_idp_state tell(const gh_idp *idp, gh_error *why)
{
    if (why != NULL) {
        memset(why, 0, sizeof *why);
        if (idp->state != GH_IDP_READY) {
            *why = idp->why;
        }
    }
    return idp->state;
}

gh_idp_state gh_idp_state_get(gh_idp *idp, gh_error *why)
{
    (void)pthread_mutex_lock(&idp->lock);
    gh_idp_state state = tell(idp, why);
    (void)pthread_mutex_unlock(&idp->lock);
    return state;
}

bool gh_idp_degraded(gh_idp *idp, gh_error *why)
{
    (void)pthread_mutex_lock(&idp->lock);
    bool degraded = idp->degraded;
    if (degraded && why != NULL) {
        *why = idp->why;
    }
    (void)pthread_mutex_unlock(&idp->lock);
    return degraded;
}

gh_idp_state gh_idp_wait(gh_idp *idp, int64_t ms, gh_error *why)
{
    gh_deadline deadline = gh_deadline_in(ms);
    (void)pthread_mutex_lock(&idp->lock);
    while (idp->state == GH_IDP_WAITING && !idp->stopping && gh_idp_wait_changed(idp, deadline)) {
    }
    gh_idp_state state = tell(idp, why);
    (void)pthread_mutex_unlock(&idp->lock);
    return state;
}

gh_status gh_idp_copy_metadata(const gh_server_metadata *from, gh_server_metadata *to)
{
    memset(to, 0, sizeof *to);
    bool complete =
        copy_text(from->issuer, &to->issuer) &&
        copy_text(from->authorization_endpoint, &to->authorization_endpoint) &&
        copy_text(from->token_endpoint, &to->token_endpoint) &&
        copy_text(from->registration_endpoint, &to->registration_endpoint) &&
        copy_text(from->revocation_endpoint, &to->revocation_endpoint) &&
        copy_text(from->device_authorization_endpoint, &to->device_authorization_endpoint) &&
        copy_text(from->jwks_uri, &to->jwks_uri) &&
        copy_text(from->userinfo_endpoint, &to->userinfo_endpoint) &&
        copy_text(from->scopes_supported, &to->scopes_supported) &&
        copy_text(from->grant_types_supported, &to->grant_types_supported) &&
        copy_text(from->response_types_supported, &to->response_types_supported) &&
        copy_text(from->code_challenge_methods_supported, &to->code_challenge_methods_supported) &&
        copy_text(from->token_endpoint_auth_methods_supported, &to->token_endpoint_auth_methods_supported) &&
        copy_text(from->token_endpoint_auth_signing_alg_values_supported,
                  &to->token_endpoint_auth_signing_alg_values_supported) &&
        copy_text(from->id_token_signing_alg_values_supported, &to->id_token_signing_alg_values_supported);
    to->iss_parameter_supported = from->iss_parameter_supported;
    to->client_id_metadata_document_supported = from->client_id_metadata_document_supported;
    if (!complete) {
        gh_server_metadata_clear(to);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

gh_status gh_idp_metadata(gh_idp *idp, gh_server_metadata *out)
{
    (void)pthread_mutex_lock(&idp->lock);
    gh_status status = idp->metadata == NULL ? GH_ERR_UNAVAILABLE : gh_idp_copy_metadata(idp->metadata, out);
    (void)pthread_mutex_unlock(&idp->lock);
    return status;
}

gh_status gh_idp_need_metadata(gh_idp *idp, gh_server_metadata *out, gh_error *error)
{
    gh_status status = gh_idp_metadata(idp, out);
    if (status == GH_ERR_UNAVAILABLE) {
        (void)gh_error_set(error, status, "The identity provider has not been reached yet; try again soon.");
    } else if (status != GH_OK) {
        (void)gh_error_set(error, status, "There is not enough memory for this request.");
    }
    return status;
}
