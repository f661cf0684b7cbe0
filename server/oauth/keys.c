#include "server/oauth/keys.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"

#define KEYS_MAX 64 /* newest first; more than rotation ever leaves */

/* Adds a new key to the store; GH_ERR_CONFLICT when another process was first. */
static gh_status create_key(gh_store *store, gh_error *error)
{
    gh_key *key = NULL;
    gh_stored_key stored;
    memset(&stored, 0, sizeof stored);
    gh_status status = gh_key_generate(GH_SIGNING_ALG, &key, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_key_to_pem(key, &stored.pem);
    if (status == GH_OK) {
        stored.kid = gh_text_dup(gh_key_kid(key));
        stored.alg = gh_text_dup(gh_key_alg(key));
        stored.created_at = gh_clock_wall_s();
        stored.active = true;
        status = stored.kid == NULL || stored.alg == NULL ? GH_ERR_NOMEM : gh_store_key_add(store, &stored);
    }
    if (status == GH_OK) {
        gh_log_info("created a signing key, kid %s", gh_key_kid(key));
    } else if (status != GH_ERR_CONFLICT) {
        (void)gh_error_set(error, status, "could not keep a new signing key in the store: %s",
                           gh_status_text(status));
    }
    gh_stored_key_clear(&stored);
    gh_key_free(key);
    return status;
}

/* Parses what the store holds; *signing stays NULL when no key is active. */
static gh_status build(const gh_stored_key *stored, size_t count, gh_key **signing, gh_keyset **all,
                       gh_error *error)
{
    gh_key *keys[KEYS_MAX] = {NULL};
    gh_status status = GH_OK;
    size_t used = count < KEYS_MAX ? count : KEYS_MAX;
    for (size_t i = 0; status == GH_OK && i < used; i++) {
        status =
            gh_key_from_pem(stored[i].alg, stored[i].kid, gh_secret_view(stored[i].pem), &keys[i], error);
        if (status == GH_OK && stored[i].active && *signing == NULL) {
            *signing = gh_key_ref(keys[i]);
        }
    }
    if (status == GH_OK && *signing != NULL) {
        status = gh_keyset_new(keys, used, all);
    }
    for (size_t i = 0; i < used; i++) {
        gh_key_free(keys[i]);
    }
    if (status != GH_OK) {
        gh_key_free(*signing);
        *signing = NULL;
    }
    return status;
}

static gh_status load(gh_store *store, gh_key **signing, gh_keyset **all, gh_error *error)
{
    gh_stored_key *stored = NULL;
    size_t count = 0;
    gh_status status = gh_store_keys(store, &stored, &count);
    if (status != GH_OK) {
        return gh_error_set(error, status, "could not read the signing keys from the store: %s",
                            gh_status_text(status));
    }
    status = build(stored, count, signing, all, error);
    for (size_t i = 0; i < count; i++) {
        gh_stored_key_clear(&stored[i]);
    }
    free(stored);
    return status;
}

gh_status gh_signing_keys_load(gh_store *store, gh_key **signing, gh_keyset **all, gh_error *error)
{
    gh_key *key = NULL;
    gh_keyset *set = NULL;
    gh_status status = load(store, &key, &set, error);
    if (status == GH_OK && key == NULL) {
        status = create_key(store, error);
        if (status == GH_OK || status == GH_ERR_CONFLICT) {
            status = load(store, &key, &set, error);
        }
    }
    if (status == GH_OK && key == NULL) {
        status = gh_error_set(error, GH_ERR_CONFLICT, "the store holds no active signing key");
    }
    if (status == GH_OK) {
        *signing = key;
        *all = set;
    }
    return status;
}
