#include "server/oauth/upstream_user.h"

#include <string.h>

#include "server/oauth/provider.h"
#include "server/oauth/upstream_renew.h"
#include "server/oauth/upstream_tokens.h"
#include "server/oauth/upstream_turn.h"
#include "shared/core/clock.h"

#define EARLY_S 30 /* before its end a token is replaced */

/* What is wanted, and what is stored of it at the moment. */
typedef struct wish {
    const gh_oauth_server *server;
    const gh_principal *principal;
    const gh_secret *stale;
    gh_upstream_secrets found;
} wish;

static gh_status read_found(wish *w)
{
    gh_upstream_secrets_clear(&w->found);
    return gh_upstream_secrets_get(w->server, w->principal->grant_id, &w->found);
}

static bool is_stale(const wish *w)
{
    return w->stale != NULL && gh_secret_equals(w->stale, gh_secret_view(w->found.access_token));
}

static bool lasts(const wish *w, int64_t seconds)
{
    bool ends = w->found.expires_at != 0 && w->found.expires_at <= gh_clock_wall_s() + seconds;
    return w->found.access_token != NULL && !is_stale(w) && !ends;
}

static gh_status look(void *context, bool *done)
{
    wish *w = context;
    gh_status status = read_found(w);
    *done = status == GH_OK && (lasts(w, EARLY_S) || w->found.refresh_token == NULL);
    return status;
}

/* Reads, and renews when that is needed. GH_ERR_DENIED: account or session ended. */
static gh_status obtain(wish *w)
{
    gh_upstream_turn turn;
    bool done = false;
    memset(&turn, 0, sizeof turn);
    gh_status status = gh_upstream_turn_take(w->server, w->server->user_queue, w->principal->grant_id, look,
                                             w, &turn, &done);
    if (status == GH_OK && !done) {
        status = gh_upstream_renew(w->server, w->principal->grant_id);
        if (status == GH_OK) {
            status = read_found(w);
        }
    }
    gh_upstream_turn_close(w->server, &turn);
    return status;
}

static gh_status end(const wish *w, gh_error *error)
{
    gh_buf words = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_status status = gh_upstream_end(w->server, w->principal->grant_id, w->principal->client_id, &words);
    if (status == GH_OK) {
        status = gh_error_set(error, GH_ERR_DENIED, "%s", gh_buf_cstr(&words));
    } else {
        status = gh_error_set(error, GH_ERR_UNAVAILABLE,
                              "The server's store does not answer; try again in a "
                              "few seconds.");
    }
    gh_buf_free(&words);
    return status;
}

/* A sentence around the name of the provider. */
static gh_status say(const wish *w, gh_status status, const char *before, const char *after, gh_error *error)
{
    gh_provider provider;
    bool known = gh_provider_read(w->server, &provider) == GH_OK;
    (void)gh_error_set(error, status, "%s%s%s", before, known ? provider.place : GH_PROVIDER_UNKNOWN, after);
    gh_provider_clear(&provider);
    return status;
}

static gh_status refuse(const wish *w, gh_status status, gh_error *error)
{
    switch (status) {
    case GH_ERR_DENIED:
        return end(w, error);
    case GH_ERR_NOT_FOUND:
        return say(w, GH_ERR_DENIED, "There is no sign-in at ", " to go with this one; sign in again.",
                   error);
    case GH_ERR_TIMEOUT:
        return say(w, GH_ERR_UNAVAILABLE, "Your sign-in could not be renewed, since ",
                   " cannot be reached at the moment; try again in a few seconds.", error);
    case GH_ERR_CONFLICT:
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "Your sign-in is being renewed elsewhere; try again in a few seconds.");
    default:
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The server could not read your sign-in (%s); try again in a few seconds.",
                            gh_status_text(status));
    }
}

static gh_status give(wish *w, gh_secret **token, int64_t *expires_at, gh_error *error)
{
    if (!lasts(w, 0)) {
        return is_stale(w) ? say(w, GH_ERR_DENIED, "The API refuses the access token that ",
                                 " gave; sign in again, or ask whoever runs this server.", error)
                           : say(w, GH_ERR_DENIED, "Your sign-in at ", " ended; sign in again.", error);
    }
    *token = w->found.access_token;
    *expires_at = w->found.expires_at;
    w->found.access_token = NULL;
    return GH_OK;
}

gh_status gh_upstream_user_token(const gh_oauth_server *server, const gh_principal *principal,
                                 const gh_secret *stale, gh_secret **token, int64_t *expires_at,
                                 gh_error *error)
{
    wish w = {.server = server, .principal = principal, .stale = stale};
    if (server->idp == NULL || principal->grant_id == NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "This sign-in was not made through an identity provider; sign in again.");
    }
    gh_status status = obtain(&w);
    bool passing = status == GH_ERR_TIMEOUT || status == GH_ERR_CONFLICT;
    if (status == GH_OK || (passing && lasts(&w, 0))) {
        status = give(&w, token, expires_at, error);
    } else {
        status = refuse(&w, status, error);
    }
    gh_upstream_secrets_clear(&w.found);
    return status;
}
