#include <stdlib.h>
#include <string.h>

#include "bridge/authorizer_parts.h"
#include "bridge/browser.h"
#include "bridge/credentials/open.h"
#include "shared/core/log.h"

enum {
    LOCK_POLL_MS = 100,
    SILENT_LOCK_MS = 25000, /* a sibling's refresh takes less; a login of it is not worth a silent wait */
    JUST_GIVEN_MS = 60000,
    NEAR_EXPIRY_S = 10
};

static void begin(void *context);

static bool token_is_fresh(const gh_credentials *credentials)
{
    return credentials->access_token != NULL &&
           (credentials->expires_at == 0 || credentials->expires_at > gh_clock_wall_s());
}

static bool same_text(const char *a, const gh_secret *b)
{
    return a != NULL && b != NULL && gh_secret_equals(b, gh_view_of(a));
}

static gh_status load(gh_authorizer *authorizer, gh_error *error)
{
    gh_credentials stored = {0};
    if (authorizer->unsaved) {
        return GH_OK;
    }
    gh_status status = gh_keeper_load(authorizer->keeper, &stored, error);
    if (status != GH_OK && status != GH_ERR_NOT_FOUND) {
        return status;
    }
    if (stored.access_token == NULL || authorizer->credentials.access_token == NULL ||
        !gh_secret_equals(stored.access_token, gh_secret_view(authorizer->credentials.access_token))) {
        authorizer->origin = GH_ORIGIN_STORE;
    }
    gh_credentials_clear(&authorizer->credentials);
    authorizer->credentials = stored;
    return GH_OK;
}

void gh_authorizer_save(gh_authorizer *authorizer)
{
    gh_error problem = {GH_OK, ""};
    gh_status status = gh_keeper_save(authorizer->keeper, &authorizer->credentials, &problem);
    authorizer->unsaved = status != GH_OK;
    if (status != GH_OK) {
        gh_log_warn("the tokens could not be stored, so the next start needs a new sign-in: %s",
                    problem.message);
    }
}

static void attempt_clear(gh_authorizer *authorizer)
{
    gh_token_cancel(authorizer->refresh);
    gh_discover_cancel(authorizer->recheck);
    gh_login_cancel(authorizer->login);
    gh_loop_timer_remove(authorizer->tick);
    gh_loop_timer_remove(authorizer->deadline);
    gh_loop_timer_remove(authorizer->dismissal);
    gh_keeper_unlock(authorizer->keeper);
    gh_cause_clear(&authorizer->cause);
    authorizer->refresh = NULL;
    authorizer->recheck = NULL;
    authorizer->login = NULL;
    authorizer->tick = NULL;
    authorizer->deadline = NULL;
    authorizer->dismissal = NULL;
    authorizer->said_locked = false;
    authorizer->phase = GH_PHASE_IDLE;
    gh_browser_reap();
}

void gh_authorizer_conclude(gh_authorizer *authorizer, gh_status status, const gh_error *error)
{
    gh_error outcome = error != NULL ? *error : (gh_error){GH_OK, ""};
    outcome.status = status;
    attempt_clear(authorizer);
    gh_wait_list_tell(authorizer->waits, true, status, &outcome);
}

static void forget_url(void *context)
{
    gh_authorizer *authorizer = context;
    authorizer->forget_url = NULL;
    free(authorizer->told_url);
    authorizer->told_url = NULL;
}

/* The page may still be open: those who are told of the end may want to name it. */
static void keep_url(gh_authorizer *authorizer)
{
    if (authorizer->forget_url == NULL &&
        gh_loop_timer_add(authorizer->loop, 0, forget_url, authorizer, &authorizer->forget_url) == GH_OK) {
        authorizer->told_url = gh_text_dup(gh_login_url(authorizer->login));
    }
}

static void timed_out(void *context)
{
    gh_authorizer *authorizer = context;
    authorizer->deadline = NULL;
    gh_error error = {GH_OK, ""};
    const char *url = authorizer->settings->url;
    if (gh_authorizer_login_pending(authorizer)) {
        (void)gh_error_set(&error, GH_ERR_TIMEOUT,
                           "nobody signed in in time; try again, or run `%.100s login %.200s` in a terminal",
                           gh_bridge_program(authorizer->settings), url);
        gh_keeper_note_failure(authorizer->keeper, &error);
        keep_url(authorizer);
    } else if (authorizer->phase == GH_PHASE_LOCK) {
        (void)gh_error_set(&error, GH_ERR_TIMEOUT,
                           "another gatehouse-bridge has been waiting all the time for a sign-in to %.200s; "
                           "sign in on the page that it opened, or stop it, and try again",
                           url);
    } else {
        (void)gh_error_set(&error, GH_ERR_TIMEOUT, "signing in to %.200s took too long; try again", url);
    }
    gh_authorizer_conclude(authorizer, GH_ERR_TIMEOUT, &error);
}

void gh_authorizer_note_origin(gh_authorizer *authorizer, gh_token_origin origin)
{
    authorizer->origin = origin;
    authorizer->given_at_ms = gh_clock_mono_ms();
}

/* The refresh token was refused: not for good when a process that does not share our lock was quicker. */
static bool others_were_quicker(gh_authorizer *authorizer)
{
    gh_credentials *credentials = &authorizer->credentials;
    gh_secret *refused = credentials->refresh_token;
    gh_error problem = {GH_OK, ""};
    credentials->refresh_token = NULL;
    bool quicker = load(authorizer, &problem) == GH_OK && token_is_fresh(credentials) &&
                   !same_text(authorizer->cause.rejected, credentials->access_token) &&
                   credentials->refresh_token != NULL &&
                   !gh_secret_equals(credentials->refresh_token, gh_secret_view(refused));
    gh_secret_free(refused);
    return quicker;
}

static void refreshed(void *context, gh_status status, const gh_error *error)
{
    gh_authorizer *authorizer = context;
    gh_credentials *credentials = &authorizer->credentials;
    authorizer->refresh = NULL;
    if (status == GH_OK) {
        gh_authorizer_note_origin(authorizer, GH_ORIGIN_REFRESH);
        gh_authorizer_save(authorizer);
        gh_authorizer_conclude(authorizer, GH_OK, NULL);
        return;
    }
    if (status != GH_ERR_DENIED && status != GH_ERR_NOT_FOUND) {
        gh_authorizer_conclude(authorizer, status,
                               error); /* an outage is no reason to bother a person with a login */
        return;
    }
    if (others_were_quicker(authorizer)) {
        gh_authorizer_conclude(authorizer, GH_OK, NULL);
        return;
    }
    gh_log_info("the refresh token is not good any more; somebody has to sign in again");
    gh_secret_free(credentials->refresh_token);
    gh_secret_free(credentials->access_token);
    credentials->refresh_token = NULL;
    credentials->access_token = NULL;
    credentials->client_in_doubt = credentials->client_in_doubt || status == GH_ERR_NOT_FOUND;
    if (credentials->client_id != NULL) {
        gh_authorizer_save(authorizer);
    }
    gh_authorizer_start_login(authorizer);
}

/* True when the server refuses a token that it, or its authorization server, has given a moment ago. */
static bool refuses_new_token(const gh_authorizer *authorizer, gh_token_origin origin)
{
    const gh_credentials *credentials = &authorizer->credentials;
    return authorizer->origin == origin && !authorizer->cause.step_up &&
           gh_clock_mono_ms() - authorizer->given_at_ms < JUST_GIVEN_MS &&
           same_text(authorizer->cause.rejected, credentials->access_token) &&
           (credentials->expires_at == 0 || credentials->expires_at > gh_clock_wall_s() + NEAR_EXPIRY_S);
}

/* Nothing that is stored will do as it is: refresh or log in. */
static void renew(gh_authorizer *authorizer)
{
    gh_error error = {GH_OK, ""};
    const gh_credentials *credentials = &authorizer->credentials;
    if (credentials->refresh_token != NULL && !authorizer->cause.step_up &&
        !refuses_new_token(authorizer, GH_ORIGIN_REFRESH)) {
        authorizer->phase = GH_PHASE_REFRESH;
        gh_status status = gh_token_refresh(authorizer->loop, authorizer->settings, &authorizer->credentials,
                                            refreshed, authorizer, &authorizer->refresh, &error);
        if (status != GH_OK) {
            gh_authorizer_conclude(authorizer, status, &error);
        }
        return;
    }
    if (refuses_new_token(authorizer, GH_ORIGIN_LOGIN)) {
        (void)gh_error_set(&error, GH_ERR_DENIED,
                           "the server refuses the token that was given for it a moment ago; "
                           "`%.100s check %.200s` may tell more",
                           gh_bridge_program(authorizer->settings), authorizer->settings->url);
        gh_authorizer_conclude(authorizer, GH_ERR_DENIED, &error);
        return;
    }
    gh_authorizer_start_login(authorizer);
}

/* The lock is held: read what a sibling may have left. */
static void locked(gh_authorizer *authorizer)
{
    gh_error error = {GH_OK, ""};
    const gh_credentials *credentials = &authorizer->credentials;
    gh_status status = load(authorizer, &error);
    if (status != GH_OK) {
        gh_authorizer_conclude(authorizer, status, &error);
        return;
    }
    if (token_is_fresh(credentials) && !same_text(authorizer->cause.rejected, credentials->access_token)) {
        gh_authorizer_conclude(authorizer, GH_OK, NULL);
        return;
    }
    bool refused = authorizer->cause.rejected != NULL && !authorizer->cause.step_up;
    if (refused && credentials->issuer != NULL &&
        (credentials->refresh_token != NULL || refuses_new_token(authorizer, GH_ORIGIN_LOGIN))) {
        gh_authorizer_recheck(authorizer, renew); /* a login looks for itself */
        return;
    }
    renew(authorizer);
}

/* A sibling holds the lock: look again soon. */
static gh_status wait_for_lock(gh_authorizer *authorizer)
{
    gh_status status =
        gh_loop_timer_add(authorizer->loop, LOCK_POLL_MS, begin, authorizer, &authorizer->tick);
    if (status != GH_OK) {
        return status;
    }
    if (!authorizer->said_locked) {
        authorizer->said_locked = true;
        gh_log_info("another gatehouse-bridge is signing in to this server; waiting for it");
    }
    if (gh_deadline_passed(authorizer->silent)) {
        gh_error error = {GH_OK, ""};
        (void)gh_error_set(&error, GH_ERR_UNAVAILABLE, "another gatehouse-bridge is signing in");
        gh_wait_list_tell(authorizer->waits, false, GH_ERR_UNAVAILABLE, &error);
    }
    return GH_OK;
}

static void begin(void *context)
{
    gh_authorizer *authorizer = context;
    gh_error error = {GH_OK, ""};
    authorizer->tick = NULL;
    if (gh_wait_list_is_empty(authorizer->waits)) {
        attempt_clear(authorizer);
        return;
    }
    gh_status status = gh_keeper_try_lock(authorizer->keeper, &error);
    if (status == GH_OK) {
        locked(authorizer);
        return;
    }
    if (status == GH_ERR_CONFLICT) {
        status = wait_for_lock(authorizer);
        if (status == GH_OK) {
            return;
        }
        (void)gh_error_set(&error, status, "out of memory");
    }
    gh_authorizer_conclude(authorizer, status, &error);
}

static gh_status start_attempt(gh_authorizer *authorizer, const gh_authorizer_need *need)
{
    gh_status status = gh_cause_take(need, &authorizer->cause);
    authorizer->phase = GH_PHASE_LOCK;
    authorizer->begun_wall_ms = gh_clock_wall_ms();
    authorizer->silent = gh_deadline_in(SILENT_LOCK_MS);
    if (status == GH_OK) {
        status = gh_loop_timer_add(authorizer->loop, authorizer->settings->login_timeout_ms, timed_out,
                                   authorizer, &authorizer->deadline);
    }
    if (status == GH_OK) {
        status = gh_loop_timer_add(authorizer->loop, 0, begin, authorizer, &authorizer->tick);
    }
    if (status != GH_OK) {
        attempt_clear(authorizer);
    }
    return status;
}

gh_status gh_authorizer_obtain(gh_authorizer *authorizer, const gh_authorizer_need *need,
                               gh_authorizer_done done, void *context, gh_authorizer_wait **wait)
{
    gh_authorizer_wait *added = NULL;
    gh_status status = gh_wait_list_add(authorizer->waits, need->interactive, done, context, &added);
    if (status != GH_OK) {
        return status;
    }
    if (authorizer->phase == GH_PHASE_IDLE) {
        status = start_attempt(authorizer, need);
        if (status != GH_OK) {
            gh_authorizer_wait_cancel(added);
            return status;
        }
    } else {
        gh_cause_complete(need, &authorizer->cause);
        gh_authorizer_dismiss_soon(authorizer);
    }
    *wait = added;
    return GH_OK;
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
    const gh_credentials *credentials = &authorizer->credentials;
    bool has_grant = gh_bridge_is_machine(authorizer->settings) && credentials->issuer != NULL;
    return !token_is_fresh(credentials) && (credentials->refresh_token != NULL || has_grant);
}

bool gh_authorizer_login_pending(const gh_authorizer *authorizer)
{
    return gh_authorizer_login_url(authorizer) != NULL;
}

const char *gh_authorizer_login_url(const gh_authorizer *authorizer)
{
    return authorizer->login != NULL ? gh_login_url(authorizer->login) : authorizer->told_url;
}

gh_status gh_authorizer_paste(gh_authorizer *authorizer, gh_view url, gh_error *error)
{
    return authorizer->login != NULL ? gh_login_paste(authorizer->login, url, error)
                                     : gh_error_set(error, GH_ERR_INVALID, "no sign-in is waiting");
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
    created->waits = gh_wait_list_new();
    gh_status status = created->waits == NULL ? gh_error_set(error, GH_ERR_NOMEM, "out of memory")
                                              : gh_credentials_open(settings, &created->keeper, error);
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
    gh_wait_list_free(authorizer->waits);
    gh_keeper_close(authorizer->keeper);
    gh_credentials_clear(&authorizer->credentials);
    gh_loop_timer_remove(authorizer->forget_url);
    gh_wipe_free(authorizer->token);
    free(authorizer->told_url);
    free(authorizer->stepped_up);
    free(authorizer);
}
