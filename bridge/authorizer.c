#include "bridge/authorizer.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/browser.h"
#include "bridge/credentials/credentials.h"
#include "bridge/login/code_flow.h"
#include "bridge/login/token.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/oauth/challenge.h"

enum { LOCK_POLL_MS = 100 };

struct gh_authorizer_wait {
    gh_authorizer *owner;
    gh_authorizer_done done;
    void *context;
    gh_authorizer_wait *next;
};

/* What the attempt under way is doing. */
typedef enum phase { PHASE_IDLE, PHASE_LOCK, PHASE_REFRESH, PHASE_LOGIN } phase;

struct gh_authorizer {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_keeper *keeper;
    gh_credentials credentials;
    char *token; /* NUL-terminated copy of the access token, for the caller */
    gh_authorizer_wait *waits;

    phase phase;
    bool interactive;
    bool refresh_tried; /* in this attempt */
    bool step_up;       /* a refresh cannot widen the scope */
    char *metadata_url;
    char *scope;
    char *rejected;
    gh_loop_timer *tick;     /* first step, and polling for the lock */
    gh_loop_timer *deadline; /* --login-timeout */
    gh_token_call *refresh;
    gh_code_flow *flow;
};

static void begin(void *context);

static bool token_is_fresh(const gh_credentials *credentials)
{
    return credentials->access_token != NULL &&
           (credentials->expires_at == 0 || credentials->expires_at > gh_clock_wall_s());
}

static gh_status load(gh_authorizer *authorizer, gh_error *error)
{
    gh_credentials stored;
    gh_status status = gh_keeper_load(authorizer->keeper, &stored, error);
    if (status == GH_OK) {
        gh_credentials_clear(&authorizer->credentials);
        authorizer->credentials = stored;
        return GH_OK;
    }
    if (status == GH_ERR_NOT_FOUND) {
        gh_credentials_clear(&authorizer->credentials);
        return GH_OK;
    }
    return status;
}

static void attempt_clear(gh_authorizer *authorizer)
{
    gh_token_cancel(authorizer->refresh);
    gh_code_flow_cancel(authorizer->flow);
    gh_loop_timer_remove(authorizer->tick);
    gh_loop_timer_remove(authorizer->deadline);
    gh_keeper_unlock(authorizer->keeper);
    free(authorizer->metadata_url);
    free(authorizer->scope);
    gh_wipe_free(authorizer->rejected);
    authorizer->refresh = NULL;
    authorizer->flow = NULL;
    authorizer->tick = NULL;
    authorizer->deadline = NULL;
    authorizer->metadata_url = NULL;
    authorizer->scope = NULL;
    authorizer->rejected = NULL;
    authorizer->phase = PHASE_IDLE;
    gh_browser_reap();
}

/* Ends the attempt and tells everyone who waited. A callback may ask again: that is a new attempt. */
static void conclude(gh_authorizer *authorizer, gh_status status, const gh_error *error)
{
    gh_error outcome = error != NULL ? *error : (gh_error){GH_OK, ""};
    outcome.status = status;
    attempt_clear(authorizer);
    gh_authorizer_wait *wait = authorizer->waits;
    authorizer->waits = NULL;
    /* Each is unlinked before its callback, and the rest stay cancellable by being marked. */
    while (wait != NULL) {
        gh_authorizer_wait *next = wait->next;
        if (wait->done != NULL) {
            gh_authorizer_done done = wait->done;
            void *context = wait->context;
            wait->done = NULL;
            done(context, status, &outcome);
        }
        free(wait);
        wait = next;
    }
}

static void fail(gh_authorizer *authorizer, gh_status status, const char *sentence)
{
    gh_error error = {GH_OK, ""};
    (void)gh_error_set(&error, status, "%s", sentence);
    conclude(authorizer, status, &error);
}

static void timed_out(void *context)
{
    gh_authorizer *authorizer = context;
    authorizer->deadline = NULL;
    gh_error error = {GH_OK, ""};
    if (gh_authorizer_login_pending(authorizer)) {
        (void)gh_error_set(
            &error, GH_ERR_TIMEOUT,
            "nobody signed in in time; try again, or run `gatehouse-bridge login %.200s` in a terminal",
            authorizer->settings->url);
    } else {
        (void)gh_error_set(&error, GH_ERR_TIMEOUT, "signing in took too long; try again");
    }
    conclude(authorizer, GH_ERR_TIMEOUT, &error);
}

static void logged_in(void *context, gh_status status, gh_credentials *credentials, const gh_error *error)
{
    gh_authorizer *authorizer = context;
    authorizer->flow = NULL;
    if (status == GH_ERR_NOT_FOUND && authorizer->credentials.client_id != NULL) {
        /* The registration was forgotten at the other end: the next attempt registers anew. */
        gh_error problem = {GH_OK, ""};
        if (gh_keeper_forget(authorizer->keeper, &problem) != GH_OK) {
            gh_log_warn("%s", problem.message);
        }
        gh_credentials_clear(&authorizer->credentials);
    }
    if (status != GH_OK) {
        conclude(authorizer, status, error);
        return;
    }
    gh_credentials_clear(&authorizer->credentials);
    authorizer->credentials = *credentials;
    memset(credentials, 0, sizeof(*credentials));
    gh_error problem = {GH_OK, ""};
    if (gh_keeper_save(authorizer->keeper, &authorizer->credentials, &problem) != GH_OK) {
        gh_log_warn("signed in, but the tokens could not be kept: %s", problem.message);
    }
    gh_log_info("signed in at %s", authorizer->credentials.issuer);
    conclude(authorizer, GH_OK, NULL);
}

static void start_login(gh_authorizer *authorizer)
{
    if (!authorizer->interactive) {
        fail(authorizer, GH_ERR_DENIED, "signing in is needed");
        return;
    }
    gh_error error = {GH_OK, ""};
    gh_code_flow_options options = {
        .metadata_url = authorizer->metadata_url,
        .scope = authorizer->scope,
        .previous = authorizer->credentials.client_id != NULL ? &authorizer->credentials : NULL,
    };
    authorizer->phase = PHASE_LOGIN;
    gh_status status = gh_code_flow_start(authorizer->loop, authorizer->settings, &options, logged_in,
                                          authorizer, &authorizer->flow, &error);
    if (status != GH_OK) {
        conclude(authorizer, status, &error);
    }
}

static void refreshed(void *context, gh_status status, const gh_error *error)
{
    gh_authorizer *authorizer = context;
    authorizer->refresh = NULL;
    if (status == GH_OK) {
        gh_error problem = {GH_OK, ""};
        if (gh_keeper_save(authorizer->keeper, &authorizer->credentials, &problem) != GH_OK) {
            gh_log_warn("the refreshed tokens could not be kept: %s", problem.message);
        }
        conclude(authorizer, GH_OK, NULL);
        return;
    }
    if (status != GH_ERR_DENIED && status != GH_ERR_NOT_FOUND) {
        conclude(authorizer, status, error); /* an outage is no reason to bother a person with a login */
        return;
    }
    gh_log_info("the refresh token is not good any more; signing in again is needed");
    gh_secret_free(authorizer->credentials.refresh_token);
    gh_secret_free(authorizer->credentials.access_token);
    authorizer->credentials.refresh_token = NULL;
    authorizer->credentials.access_token = NULL;
    gh_error problem = {GH_OK, ""};
    gh_status kept = GH_OK;
    if (status == GH_ERR_NOT_FOUND) {
        gh_credentials_clear(&authorizer->credentials); /* the server does not know this client any more */
        kept = gh_keeper_forget(authorizer->keeper, &problem);
    } else {
        kept = gh_keeper_save(authorizer->keeper, &authorizer->credentials, &problem);
    }
    if (kept != GH_OK) {
        gh_log_warn("%s", problem.message);
    }
    start_login(authorizer);
}

static bool same_text(const char *a, const gh_secret *b)
{
    return a != NULL && b != NULL && gh_secret_equals(b, gh_view_of(a));
}

/* The lock is held: read what a sibling may have left, then refresh or log in. */
static void locked(gh_authorizer *authorizer)
{
    gh_error error = {GH_OK, ""};
    gh_status status = load(authorizer, &error);
    if (status != GH_OK) {
        conclude(authorizer, status, &error);
        return;
    }
    if (token_is_fresh(&authorizer->credentials) &&
        !same_text(authorizer->rejected, authorizer->credentials.access_token)) {
        conclude(authorizer, GH_OK, NULL);
        return;
    }
    if (authorizer->credentials.refresh_token != NULL && !authorizer->step_up && !authorizer->refresh_tried) {
        authorizer->refresh_tried = true;
        authorizer->phase = PHASE_REFRESH;
        status = gh_token_refresh(authorizer->loop, authorizer->settings, &authorizer->credentials, refreshed,
                                  authorizer, &authorizer->refresh, &error);
        if (status != GH_OK) {
            conclude(authorizer, status, &error);
        }
        return;
    }
    start_login(authorizer);
}

static void begin(void *context)
{
    gh_authorizer *authorizer = context;
    authorizer->tick = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_keeper_try_lock(authorizer->keeper, &error);
    if (status == GH_OK) {
        locked(authorizer);
        return;
    }
    if (status == GH_ERR_CONFLICT) {
        status = gh_loop_timer_add(authorizer->loop, LOCK_POLL_MS, begin, authorizer, &authorizer->tick);
        if (status == GH_OK) {
            return;
        }
        (void)gh_error_set(&error, status, "out of memory");
    }
    conclude(authorizer, status, &error);
}

/* Scope and metadata URL of the challenge; one that cannot be parsed counts as none. On a step-up the
 * scopes granted before are asked for again, so that nothing is lost. */
static gh_status read_challenge(gh_authorizer *authorizer, const gh_authorizer_need *need)
{
    gh_challenge challenge = {NULL, NULL, NULL, NULL, NULL};
    gh_status status = GH_OK;
    if (need->challenge.ptr != NULL && gh_challenge_parse(need->challenge, &challenge) == GH_OK) {
        authorizer->metadata_url = gh_text_dup(challenge.resource_metadata);
        gh_buf scope = GH_BUF_INIT(4096);
        gh_view rest = gh_view_of(need->http_status == 403 && authorizer->credentials.scope != NULL
                                      ? authorizer->credentials.scope
                                      : "");
        gh_buf_append_view(&scope, rest);
        gh_view wanted = gh_view_of(challenge.scope != NULL ? challenge.scope : "");
        gh_view word;
        while (wanted.len > 0 && gh_view_next(&wanted, ' ', &word)) {
            if (word.len > 0 && !gh_text_has_word(gh_buf_view(&scope), word)) {
                gh_buf_append_cstr(&scope, scope.len > 0 ? " " : "");
                gh_buf_append_view(&scope, word);
            }
        }
        status = gh_buf_status(&scope);
        authorizer->scope = scope.len > 0 ? gh_buf_steal(&scope) : NULL;
        gh_buf_free(&scope);
        if (challenge.resource_metadata != NULL && authorizer->metadata_url == NULL) {
            status = GH_ERR_NOMEM;
        }
    }
    gh_challenge_clear(&challenge);
    return status;
}

static gh_status start_attempt(gh_authorizer *authorizer, const gh_authorizer_need *need, gh_error *error)
{
    authorizer->interactive = need->interactive;
    authorizer->refresh_tried = false;
    authorizer->step_up = need->http_status == 403;
    authorizer->phase = PHASE_LOCK;
    gh_status status = read_challenge(authorizer, need);
    if (status == GH_OK && need->rejected != NULL) {
        authorizer->rejected = gh_text_dup(need->rejected);
        status = authorizer->rejected != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    if (status == GH_OK) {
        status = gh_loop_timer_add(authorizer->loop, authorizer->settings->login_timeout_ms, timed_out,
                                   authorizer, &authorizer->deadline);
    }
    if (status == GH_OK) {
        status = gh_loop_timer_add(authorizer->loop, 0, begin, authorizer, &authorizer->tick);
    }
    if (status != GH_OK) {
        attempt_clear(authorizer);
        return gh_error_set(error, status, "could not start signing in");
    }
    return GH_OK;
}

gh_status gh_authorizer_obtain(gh_authorizer *authorizer, const gh_authorizer_need *need,
                               gh_authorizer_done done, void *context, gh_authorizer_wait **wait)
{
    gh_authorizer_wait *added = calloc(1, sizeof(*added));
    if (added == NULL) {
        return GH_ERR_NOMEM;
    }
    added->owner = authorizer;
    added->done = done;
    added->context = context;
    if (authorizer->phase == PHASE_IDLE) {
        gh_status status = start_attempt(authorizer, need, NULL);
        if (status != GH_OK) {
            free(added);
            return status;
        }
    } else {
        authorizer->interactive = authorizer->interactive || need->interactive;
    }
    added->next = authorizer->waits;
    authorizer->waits = added;
    *wait = added;
    return GH_OK;
}

/* Only marked: the list may be on its way through conclude(). */
void gh_authorizer_wait_cancel(gh_authorizer_wait *wait)
{
    if (wait != NULL) {
        wait->done = NULL;
    }
}

const char *gh_authorizer_token(gh_authorizer *authorizer)
{
    gh_wipe_free(authorizer->token);
    authorizer->token = token_is_fresh(&authorizer->credentials)
                            ? gh_view_dup(gh_secret_view(authorizer->credentials.access_token))
                            : NULL;
    return authorizer->token;
}

bool gh_authorizer_can_refresh(const gh_authorizer *authorizer)
{
    return authorizer->credentials.refresh_token != NULL;
}

bool gh_authorizer_login_pending(const gh_authorizer *authorizer)
{
    return authorizer->flow != NULL && gh_code_flow_url(authorizer->flow) != NULL;
}

const char *gh_authorizer_login_url(const gh_authorizer *authorizer)
{
    return authorizer->flow != NULL ? gh_code_flow_url(authorizer->flow) : NULL;
}

gh_status gh_authorizer_new(gh_loop *loop, const gh_bridge_settings *settings, gh_authorizer **authorizer,
                            gh_error *error)
{
    gh_authorizer *created = calloc(1, sizeof(*created));
    if (created == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    created->loop = loop;
    created->settings = settings;
    gh_status status = gh_keeper_open(settings->state_dir, settings->url, &created->keeper, error);
    if (status == GH_OK) {
        status = load(created, error);
    }
    if (status != GH_OK) {
        gh_authorizer_free(created);
        return status;
    }
    *authorizer = created;
    return GH_OK;
}

void gh_authorizer_free(gh_authorizer *authorizer)
{
    if (authorizer == NULL) {
        return;
    }
    if (authorizer->keeper != NULL) {
        attempt_clear(authorizer);
    }
    gh_authorizer_wait *wait = authorizer->waits;
    while (wait != NULL) {
        gh_authorizer_wait *next = wait->next;
        free(wait);
        wait = next;
    }
    gh_keeper_close(authorizer->keeper);
    gh_credentials_clear(&authorizer->credentials);
    gh_wipe_free(authorizer->token);
    free(authorizer);
}
