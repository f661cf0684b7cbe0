#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

/* What one attempt brought. */
typedef struct contact {
    gh_idp_verdict verdict;
    gh_error why;
    gh_server_metadata *metadata; /* NULL when it was not asked for */
    gh_keyset *keys;
} contact;

static void contact_metadata(gh_idp *idp, gh_http_client *client, contact *now)
{
    now->metadata = calloc(1, sizeof *now->metadata);
    if (now->metadata == NULL) {
        now->verdict = GH_IDP_AWAY;
        (void)gh_error_set(&now->why, GH_ERR_NOMEM,
                           "There is not enough memory for the provider's metadata.");
        return;
    }
    now->verdict = gh_idp_discover(idp, client, now->metadata, &now->why);
    if (now->verdict == GH_IDP_GOOD && gh_idp_judge(idp, now->metadata, &now->why) != GH_OK) {
        now->verdict = GH_IDP_BAD;
    }
}

/* Asked once, before the first login: afterwards every login tells. Only browsers need to reach that
 * endpoint, so that no answer, or one of something in between, is no reason to stay away. */
static void probe(gh_idp *idp, gh_http_client *client, contact *now)
{
    gh_error why = {0};
    gh_status status = gh_idp_probe_redirect(idp, client, now->metadata, &why);
    if (status == GH_ERR_DENIED) {
        now->verdict = GH_IDP_BAD;
        now->why = why;
        gh_keyset_free(now->keys);
        now->keys = NULL;
    } else if (status != GH_OK) {
        gh_log_warn("whether a login would be answered could not be tried out: %s", why.message);
    }
}

/* Only this thread replaces idp->metadata, so it may read it without the lock. */
static void make_contact(gh_idp *idp, gh_http_client *client, bool with_metadata, contact *now)
{
    memset(now, 0, sizeof *now);
    now->verdict = GH_IDP_GOOD;
    if (with_metadata) {
        contact_metadata(idp, client, now);
    }
    if (now->verdict == GH_IDP_GOOD) {
        const gh_server_metadata *metadata = with_metadata ? now->metadata : idp->metadata;
        now->verdict = gh_idp_fetch_keys(idp, client, metadata->jwks_uri, &now->keys, &now->why);
    }
    if (now->verdict == GH_IDP_GOOD && with_metadata && idp->redirect_uri != NULL && idp->metadata == NULL) {
        probe(idp, client, now);
    }
}

static void log_change(gh_idp *idp, const contact *now, bool was_well, const gh_error *before)
{
    if (now->verdict == GH_IDP_GOOD && !was_well) {
        gh_error why = {0};
        gh_log_info("the identity provider %s is ready (keys: %zu)", idp->issuer, gh_keyset_count(idp->keys));
        if (gh_idp_judge_answers(idp, idp->metadata, &why) != GH_OK) {
            gh_log_warn("%s", why.message);
        }
    } else if (now->verdict != GH_IDP_GOOD && strcmp(before->message, now->why.message) != 0) {
        gh_log_warn("%s", now->why.message);
    }
}

/* Takes over what `now` holds. */
static void publish(gh_idp *idp, contact *now)
{
    (void)pthread_mutex_lock(&idp->lock);
    gh_error before = idp->why;
    bool was_well = idp->state == GH_IDP_READY && !idp->degraded;
    if (now->verdict == GH_IDP_GOOD) {
        if (now->metadata != NULL) {
            gh_idp_free_metadata(idp->metadata);
            idp->metadata = now->metadata;
            now->metadata = NULL;
        }
        gh_idp_adopt_keys(idp, now->keys);
        now->keys = NULL;
        idp->state = GH_IDP_READY;
        memset(&idp->why, 0, sizeof idp->why);
    } else {
        idp->why = now->why;
        if (idp->state != GH_IDP_READY) {
            idp->state = now->verdict == GH_IDP_BAD ? GH_IDP_REFUSED : GH_IDP_WAITING;
        }
    }
    idp->degraded = idp->state == GH_IDP_READY && now->verdict != GH_IDP_GOOD;
    idp->keys_wanted = false;
    idp->keys_rounds++;
    bool stopping = idp->stopping;
    (void)pthread_cond_broadcast(&idp->changed);
    (void)pthread_mutex_unlock(&idp->lock);
    if (!stopping) {
        log_change(idp, now, was_well, &before);
    }
    gh_idp_free_metadata(now->metadata);
    gh_keyset_free(now->keys);
}

/* Three quarters to five quarters of it, so that servers that started together do not ask together. */
static int64_t jittered(int64_t ms)
{
    uint32_t chance = 0;
    if (gh_random_bytes(&chance, sizeof chance) != GH_OK) {
        return ms;
    }
    return ms * 3 / 4 + (int64_t)(chance % 1024) * ms / 2048;
}

/* Waits until `due`, or until somebody wants keys; false when it is to stop. */
static bool wait_for_work(gh_idp *idp, gh_deadline due)
{
    (void)pthread_mutex_lock(&idp->lock);
    while (!idp->stopping && !idp->keys_wanted && gh_idp_wait_changed(idp, due)) {
    }
    bool go_on = !idp->stopping;
    (void)pthread_mutex_unlock(&idp->lock);
    return go_on;
}

/* Before minutes of waiting, in which no provider keeps a connection: but a client keeps every certificate
 * that this machine trusts, and the C library what hundreds of them took to read. */
static void tidy(gh_idp *idp, gh_http_client **client)
{
    gh_http_client_free(*client);
    *client = NULL;
    gh_idp_drop_idle(idp);
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void *gh_idp_run(void *context)
{
    gh_idp *idp = context;
    gh_http_client *client = NULL;
    gh_deadline metadata_due = gh_deadline_in(0);
    gh_deadline due = gh_deadline_in(0);
    int64_t delay = idp->pace.first_ms;
    while (wait_for_work(idp, due)) {
        contact now;
        bool with_metadata = idp->metadata == NULL || gh_deadline_passed(metadata_due);
        memset(&now, 0, sizeof now);
        if (client == NULL && gh_idp_client_new(idp, &client, &now.why) != GH_OK) {
            now.verdict = GH_IDP_AWAY;
        } else {
            make_contact(idp, client, with_metadata, &now);
        }
        bool good = now.verdict == GH_IDP_GOOD;
        if (good) {
            tidy(idp, &client);
        }
        publish(idp, &now);
        if (good) {
            delay = idp->pace.first_ms;
            metadata_due = with_metadata ? gh_deadline_in(idp->pace.metadata_ms) : metadata_due;
            due = gh_deadline_earlier(metadata_due, gh_deadline_in(idp->pace.keys_ms));
        } else {
            /* What failed may be new: endpoints move with metadata, so both are looked at again. */
            metadata_due = gh_deadline_in(0);
            due = gh_deadline_in(jittered(delay));
            delay = delay * 2 < idp->pace.most_ms ? delay * 2 : idp->pace.most_ms;
        }
    }
    gh_http_client_free(client);
    return NULL;
}
