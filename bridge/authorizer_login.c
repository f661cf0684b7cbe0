/* The authorizer's last resort: a login in the browser. */
#include <stdlib.h>
#include <string.h>

#include "bridge/authorizer_parts.h"
#include "shared/core/log.h"

/* How long a refusal of a grant without a person counts: asking again at once changes nothing. */
enum { REFUSED_MS = 30000 };
/* A server and its authorization server can bring about one login after the other without anybody doing
 * anything; each opens a page. */
enum { LOGINS_MAX = 8, LOGINS_MS = 5 * 60 * 1000 };

static void dismiss(void *context)
{
    gh_authorizer *authorizer = context;
    gh_error error = {GH_OK, ""};
    authorizer->dismissal = NULL;
    (void)gh_error_set(&error, GH_ERR_DENIED, "somebody has to sign in first");
    gh_wait_list_tell(authorizer->waits, false, GH_ERR_DENIED, &error);
}

void gh_authorizer_dismiss_soon(gh_authorizer *authorizer)
{
    if (authorizer->phase == GH_PHASE_LOGIN && authorizer->dismissal == NULL &&
        !gh_bridge_is_machine(authorizer->settings) && gh_wait_list_has(authorizer->waits, false) &&
        gh_loop_timer_add(authorizer->loop, 0, dismiss, authorizer, &authorizer->dismissal) != GH_OK) {
        gh_log_warn("out of memory: a request waits for the sign-in longer than it should");
    }
}

static void login_failed(gh_authorizer *authorizer, gh_status status, const gh_error *error)
{
    gh_error outcome = *error;
    gh_credentials *credentials = &authorizer->credentials;
    bool refused = status == GH_ERR_NOT_FOUND || status == GH_ERR_CONFLICT || status == GH_ERR_DENIED;
    if (status == GH_ERR_NOT_FOUND && authorizer->settings->client_id != NULL) {
        (void)gh_error_set(&outcome, GH_ERR_DENIED, "%.350s; check --client-id and --client-secret",
                           error->message);
    }
    if (status == GH_ERR_CONFLICT) {
        free(credentials->scope); /* not asked for again, lest the next attempt fail alike */
        credentials->scope = NULL;
    }
    if (credentials->client_id != NULL) {
        /* Whatever else came back, the server knew the client. */
        credentials->client_in_doubt = status == GH_ERR_NOT_FOUND;
        gh_authorizer_save(authorizer);
    }
    outcome.status = refused ? GH_ERR_DENIED : status;
    gh_keeper_note_failure(authorizer->keeper, &outcome);
    if (refused && gh_bridge_is_machine(authorizer->settings)) {
        authorizer->refusal = outcome;
        authorizer->refused_until = gh_deadline_in(REFUSED_MS);
    }
    gh_authorizer_conclude(authorizer, outcome.status, &outcome);
}

static void logged_in(void *context, gh_status status, gh_credentials *credentials, const gh_error *error)
{
    gh_authorizer *authorizer = context;
    authorizer->login = NULL;
    if (status != GH_OK) {
        login_failed(authorizer, status, error);
        return;
    }
    gh_credentials_clear(&authorizer->credentials);
    authorizer->credentials = *credentials;
    memset(credentials, 0, sizeof(*credentials));
    free(authorizer->stepped_up);
    authorizer->stepped_up = authorizer->cause.step_up
                                 ? gh_text_dup(authorizer->cause.scope != NULL ? authorizer->cause.scope : "")
                                 : NULL;
    gh_authorizer_note_origin(authorizer, GH_ORIGIN_LOGIN);
    gh_authorizer_save(authorizer);
    gh_log_info("signed in at %s", authorizer->credentials.issuer);
    gh_authorizer_conclude(authorizer, GH_OK, NULL);
}

/* Nothing that is stored beside the client is worth keeping. */
static bool is_spent(const gh_authorizer *authorizer)
{
    const gh_credentials *credentials = &authorizer->credentials;
    const char *rejected = authorizer->cause.step_up ? NULL : authorizer->cause.rejected;
    return credentials->refresh_token == NULL &&
           (credentials->access_token == NULL ||
            (credentials->expires_at != 0 && credentials->expires_at <= gh_clock_wall_s()) ||
            (rejected != NULL && gh_secret_equals(credentials->access_token, gh_view_of(rejected))));
}

/* A server that sends sign-ins elsewhere must not cost the client of the one before: that takes a person who
 * signs in there. */
static bool is_elsewhere(const gh_credentials *credentials, const gh_credentials *made)
{
    return credentials->issuer != NULL && credentials->client_id != NULL &&
           strcmp(credentials->issuer, made->issuer) != 0;
}

/* The client outlives a login that is interrupted. Tokens that are still of use stay with the client that
 * they were given to. */
static void registered(void *context, const gh_credentials *made)
{
    gh_authorizer *authorizer = context;
    gh_credentials *credentials = &authorizer->credentials;
    gh_credentials copy;
    if (!is_spent(authorizer) || is_elsewhere(credentials, made) ||
        gh_credentials_copy(made, &copy) != GH_OK) {
        return;
    }
    gh_secret_free(copy.dpop_key); /* each login makes its own */
    copy.dpop_key = NULL;
    if (copy.scope == NULL && credentials->issuer != NULL && strcmp(copy.issuer, credentials->issuer) == 0) {
        copy.scope = credentials->scope; /* what was granted is asked for again */
        credentials->scope = NULL;
    }
    gh_credentials_clear(credentials);
    *credentials = copy;
    gh_authorizer_save(authorizer);
}

static bool covers(const char *scope, const char *wanted)
{
    gh_view rest = gh_view_of(wanted != NULL ? wanted : "");
    gh_view word;
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_text_has_word(gh_view_of(scope), word)) {
            return false;
        }
    }
    return true;
}

/* A login that cannot help is not begun: a sentence then says why. */
static gh_status check_prospects(gh_authorizer *authorizer, gh_error *error)
{
    if (gh_bridge_is_machine(authorizer->settings) && !gh_deadline_passed(authorizer->refused_until)) {
        *error = authorizer->refusal;
        return error->status;
    }
    /* Those who waited for a sibling's login share its outcome. */
    if (gh_keeper_failed_since(authorizer->keeper, authorizer->begun_wall_ms, error)) {
        return error->status;
    }
    const gh_cause *cause = &authorizer->cause;
    const char *wanted = cause->scope != NULL ? cause->scope : "";
    const char *allowed = authorizer->settings->scope;
    if (cause->step_up && allowed != NULL && !covers(allowed, wanted)) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the server asks for the permissions \"%.200s\", which --scope leaves out",
                            wanted);
    }
    if (cause->step_up && authorizer->stepped_up != NULL && covers(authorizer->stepped_up, wanted)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the server asks for the permissions \"%.200s\" although a sign-in has just asked "
            "for them; whoever runs the server can say who may have them",
            wanted);
    }
    return GH_OK;
}

/* Counts the login, unless there were too many of late. */
static gh_status count_login(gh_authorizer *authorizer, gh_error *error)
{
    if (gh_deadline_passed(authorizer->logins_end)) {
        authorizer->logins = 0;
        authorizer->logins_end = gh_deadline_in(LOGINS_MS);
    }
    if (authorizer->logins >= LOGINS_MAX) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the server asks for a sign-in again and again (%d times within %d minutes); no "
                            "more pages are opened for a while",
                            (int)LOGINS_MAX, (int)LOGINS_MS / 60000);
    }
    authorizer->logins++;
    return GH_OK;
}

void gh_authorizer_start_login(gh_authorizer *authorizer)
{
    gh_error error = {GH_OK, ""};
    bool machine = gh_bridge_is_machine(authorizer->settings);
    if (!machine && !gh_wait_list_has(authorizer->waits, true)) {
        (void)gh_error_set(&error, GH_ERR_DENIED, "somebody has to sign in first");
        gh_authorizer_conclude(authorizer, GH_ERR_DENIED, &error);
        return;
    }
    gh_credentials *credentials = &authorizer->credentials;
    gh_code_flow_options options = {
        .metadata_url = authorizer->cause.metadata_url,
        .scope = authorizer->cause.scope,
        .previous = credentials->issuer != NULL ? credentials : NULL,
        .registered = registered,
        .registered_context = authorizer,
    };
    gh_status status = check_prospects(authorizer, &error);
    if (status == GH_OK && !machine) {
        status = count_login(authorizer, &error);
    }
    if (status == GH_OK) {
        authorizer->phase = GH_PHASE_LOGIN;
        status = gh_login_start(authorizer->loop, authorizer->settings, &options, logged_in, authorizer,
                                &authorizer->login, &error);
    }
    if (status != GH_OK) {
        gh_authorizer_conclude(authorizer, status, &error);
        return;
    }
    if (!machine && credentials->client_id != NULL && !credentials->client_in_doubt) {
        /* A server that has forgotten the client shows that on its page only: should nothing ever come
         * back, or this process be killed, the next attempt registers anew. */
        credentials->client_in_doubt = true;
        gh_authorizer_save(authorizer);
    }
    gh_authorizer_dismiss_soon(authorizer);
}
