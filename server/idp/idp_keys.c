#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/json/access.h"

#define KEYSET_TEXT_MAX ((size_t)512 * 1024)

/* Authentik without a signing key has `{}` for a key set. */
static bool is_empty_object(gh_view text)
{
    cJSON *json = NULL;
    bool empty = gh_json_parse(text, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) == GH_OK &&
                 cJSON_IsObject(json) && gh_json_get(json, "keys") == NULL;
    cJSON_Delete(json);
    return empty;
}

static gh_idp_verdict no_key(size_t skipped, gh_error *error)
{
    if (skipped > 0) {
        (void)gh_error_set(error, GH_ERR_INVALID,
                           "None of the identity provider's %zu keys can be used: choose a signing key for "
                           "RS256 or PS256 (2,048 bits or more), ES256, ES384 or EdDSA in the provider.",
                           skipped);
    } else {
        (void)gh_error_set(error, GH_ERR_INVALID,
                           "The identity provider has no signing key: choose one in the provider (Authentik: "
                           "the provider's Signing Key).");
    }
    return GH_IDP_BAD;
}

gh_idp_verdict gh_idp_fetch_keys(const gh_idp *idp, gh_http_client *client, const char *jwks_uri,
                                 gh_keyset **out, gh_error *error)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_keyset *set = NULL;
    size_t skipped = 0;
    gh_error cause = {0};
    gh_idp_verdict verdict = GH_IDP_AWAY;
    gh_status status = gh_idp_get(idp, client, jwks_uri, gh_deadline_in(GH_IDP_CALL_MS), &reply, &cause);
    if (status != GH_OK) {
        (void)gh_error_set(error, GH_ERR_UNAVAILABLE, "The identity provider's keys cannot be fetched: %s",
                           cause.message);
        goto out;
    }
    if (reply.http_status != 200) {
        (void)gh_error_set(error, GH_ERR_UNAVAILABLE,
                           "The identity provider answers %s with %d, not with keys.", jwks_uri,
                           reply.http_status);
        goto out;
    }
    status = gh_keyset_parse(gh_buf_view(&reply.body), &set, &skipped, &cause);
    if (status == GH_OK && gh_keyset_count(set) > 0) {
        *out = set;
        set = NULL;
        verdict = GH_IDP_GOOD;
    } else if (status == GH_OK || is_empty_object(gh_buf_view(&reply.body))) {
        verdict = no_key(skipped, error);
    } else {
        (void)gh_error_set(error, GH_ERR_PARSE, "What the identity provider has at %s is no key set (%s).",
                           jwks_uri, cause.message);
    }
out:
    gh_keyset_free(set);
    gh_idp_reply_clear(&reply);
    return verdict;
}

static bool same_keys(const gh_keyset *a, const gh_keyset *b)
{
    gh_buf one = GH_BUF_INIT(KEYSET_TEXT_MAX);
    gh_buf two = GH_BUF_INIT(KEYSET_TEXT_MAX);
    bool same = a != NULL && b != NULL && gh_keyset_write(a, &one) == GH_OK &&
                gh_keyset_write(b, &two) == GH_OK && gh_view_eq(gh_buf_view(&one), gh_buf_view(&two));
    gh_buf_free(&one);
    gh_buf_free(&two);
    return same;
}

void gh_idp_adopt_keys(gh_idp *idp, gh_keyset *fresh)
{
    idp->keys_confirmed_ms = gh_clock_mono_ms();
    if (same_keys(idp->keys, fresh)) {
        gh_keyset_free(fresh); /* what was verified under the old set stays remembered */
        return;
    }
    gh_keyset_free(idp->keys);
    idp->keys = fresh;
}

gh_keyset *gh_idp_keys(gh_idp *idp)
{
    (void)pthread_mutex_lock(&idp->lock);
    gh_keyset *keys = gh_keyset_ref(idp->keys);
    (void)pthread_mutex_unlock(&idp->lock);
    return keys;
}

gh_keyset *gh_idp_keys_missed(gh_idp *idp)
{
    return gh_idp_keys_missed_by(idp, gh_deadline_in(idp->pace.missed_wait_ms));
}

/* Takes one request out of the allowance, which fills up by one each cool-down. With the lock. */
static bool may_ask(gh_idp *idp)
{
    const gh_idp_pace *pace = &idp->pace;
    int64_t now = gh_clock_mono_ms();
    int64_t from = idp->missed_until_ms > now ? idp->missed_until_ms : now;
    if (from - now > (pace->missed_burst - 1) * pace->cooldown_ms) {
        return false;
    }
    idp->missed_until_ms = from + pace->cooldown_ms;
    return true;
}

gh_keyset *gh_idp_keys_missed_by(gh_idp *idp, gh_deadline deadline)
{
    (void)pthread_mutex_lock(&idp->lock);
    if (idp->threaded && idp->state == GH_IDP_READY && !idp->keys_wanted && may_ask(idp)) {
        idp->keys_wanted = true;
        (void)pthread_cond_broadcast(&idp->changed);
    }
    uint64_t round = idp->keys_rounds;
    bool full = idp->keys_wanted && idp->missed_waiters >= GH_IDP_WAITERS_MAX;
    idp->missed_waiters++;
    while (!full && idp->keys_wanted && idp->keys_rounds == round && !idp->stopping) {
        if (!gh_idp_wait_changed(idp, deadline)) {
            break;
        }
    }
    idp->missed_waiters--;
    gh_keyset *keys = full ? NULL : gh_keyset_ref(idp->keys);
    (void)pthread_mutex_unlock(&idp->lock);
    return keys;
}

int64_t gh_idp_keys_age_s(gh_idp *idp)
{
    (void)pthread_mutex_lock(&idp->lock);
    int64_t age = idp->keys == NULL ? -1 : (gh_clock_mono_ms() - idp->keys_confirmed_ms) / 1000;
    (void)pthread_mutex_unlock(&idp->lock);
    return age;
}
