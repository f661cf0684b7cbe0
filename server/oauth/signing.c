#include "server/oauth/signing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/oauth/internal.h"
#include "server/oauth/keys.h"
#include "shared/core/log.h"

struct gh_signing {
    pthread_mutex_t lock;
    gh_key *key;
    gh_keyset *keyset;
};

gh_status gh_signing_new(gh_store *store, gh_signing **signing, gh_error *error)
{
    gh_signing *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return GH_ERR_NOMEM;
    }
    gh_status status = gh_signing_keys_load(store, &made->key, &made->keyset, error);
    if (status != GH_OK) {
        gh_signing_free(made);
        return status;
    }
    *signing = made;
    return GH_OK;
}

void gh_signing_free(gh_signing *signing)
{
    if (signing == NULL) {
        return;
    }
    gh_key_free(signing->key);
    gh_keyset_free(signing->keyset);
    (void)pthread_mutex_destroy(&signing->lock);
    free(signing);
}

gh_key *gh_signing_key(gh_signing *signing)
{
    (void)pthread_mutex_lock(&signing->lock);
    gh_key *key = gh_key_ref(signing->key);
    (void)pthread_mutex_unlock(&signing->lock);
    return key;
}

gh_keyset *gh_signing_keyset(gh_signing *signing)
{
    (void)pthread_mutex_lock(&signing->lock);
    gh_keyset *keyset = gh_keyset_ref(signing->keyset);
    (void)pthread_mutex_unlock(&signing->lock);
    return keyset;
}

static bool is_same_set(const gh_keyset *a, const gh_keyset *b)
{
    gh_buf first = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_buf second = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    bool same = gh_keyset_write(a, &first) == GH_OK && gh_keyset_write(b, &second) == GH_OK &&
                gh_view_eq(gh_buf_view(&first), gh_buf_view(&second));
    gh_buf_free(&first);
    gh_buf_free(&second);
    return same;
}

/* True when `key` and `keyset` are what is there already: then the set keeps its identity, which caches of
 * verified tokens go by. */
static bool is_current(gh_signing *signing, const gh_key *key, const gh_keyset *keyset)
{
    gh_key *old_key = gh_signing_key(signing);
    gh_keyset *old_set = gh_signing_keyset(signing);
    bool same = strcmp(gh_key_kid(old_key), gh_key_kid(key)) == 0 && is_same_set(old_set, keyset);
    gh_key_free(old_key);
    gh_keyset_free(old_set);
    return same;
}

gh_status gh_signing_reload(gh_signing *signing, gh_store *store, gh_error *error)
{
    gh_key *key = NULL;
    gh_keyset *keyset = NULL;
    gh_status status = gh_signing_keys_load(store, &key, &keyset, error);
    if (status != GH_OK) {
        return status;
    }
    if (!is_current(signing, key, keyset)) {
        gh_log_info("signing keys changed: kid %s signs, %zu verify", gh_key_kid(key),
                    gh_keyset_count(keyset));
        (void)pthread_mutex_lock(&signing->lock);
        gh_key *old_key = signing->key;
        gh_keyset *old_set = signing->keyset;
        signing->key = key;
        signing->keyset = keyset;
        (void)pthread_mutex_unlock(&signing->lock);
        key = old_key;
        keyset = old_set;
    }
    gh_key_free(key);
    gh_keyset_free(keyset);
    return GH_OK;
}
