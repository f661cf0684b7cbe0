#include <stdlib.h>
#include <string.h>

#include "server/auth/key_private.h"
#include "shared/json/access.h"

struct gh_keyset {
    atomic_size_t refs;
    size_t count;
    gh_key *keys[]; /* one reference each */
};

gh_status gh_keyset_new(gh_key *const *keys, size_t count, gh_keyset **set)
{
    if (count > GH_KEYSET_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    gh_keyset *made = calloc(1, sizeof(*made) + count * sizeof(made->keys[0]));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    atomic_init(&made->refs, 1);
    made->count = count;
    for (size_t i = 0; i < count; i++) {
        made->keys[i] = gh_key_ref(keys[i]);
    }
    *set = made;
    return GH_OK;
}

gh_status gh_keyset_parse(gh_view json, gh_keyset **set, size_t *skipped, gh_error *error)
{
    gh_key *keys[GH_KEYSET_MAX];
    size_t count = 0;
    size_t unusable = 0;
    cJSON *document = NULL;
    const cJSON *item = NULL;
    gh_status status = gh_json_parse(json, &GH_JSON_LIMITS_DOCUMENT, &document, error);
    if (status != GH_OK) {
        goto out;
    }
    const cJSON *list = gh_json_get_array(document, "keys");
    if (list == NULL) {
        status =
            gh_error_set(error, GH_ERR_PARSE,
                         "The key set has no array 'keys'; check that its address is the issuer's jwks_uri.");
        goto out;
    }
    cJSON_ArrayForEach(item, list)
    {
        gh_status usable =
            count < GH_KEYSET_MAX ? gh_key_from_json(item, &keys[count], NULL) : GH_ERR_TOO_LARGE;
        if (usable == GH_ERR_NOMEM) {
            status = gh_error_set(error, GH_ERR_NOMEM, "Out of memory while reading a key set.");
            goto out;
        }
        if (usable == GH_OK) {
            count++;
        } else {
            unusable++;
        }
    }
    status = gh_keyset_new(keys, count, set);
    if (status == GH_OK && skipped != NULL) {
        *skipped = unusable;
    }
out:
    for (size_t i = 0; i < count; i++) {
        gh_key_free(keys[i]);
    }
    cJSON_Delete(document);
    return status;
}

gh_keyset *gh_keyset_ref(gh_keyset *set)
{
    if (set != NULL) {
        atomic_fetch_add(&set->refs, 1);
    }
    return set;
}

void gh_keyset_free(gh_keyset *set)
{
    if (set == NULL || atomic_fetch_sub(&set->refs, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        gh_key_free(set->keys[i]);
    }
    free(set);
}

size_t gh_keyset_count(const gh_keyset *set)
{
    return set == NULL ? 0 : set->count;
}

const gh_key *gh_keyset_find(const gh_keyset *set, gh_view alg, gh_view kid)
{
    const gh_key *only = NULL;
    size_t of_alg = 0;
    for (size_t i = 0; i < gh_keyset_count(set); i++) {
        const gh_key *key = set->keys[i];
        if (!gh_view_eq_cstr(alg, key->alg->name)) {
            continue;
        }
        if (kid.len > 0 && gh_view_eq_cstr(kid, key->kid)) {
            return key;
        }
        only = key;
        of_alg++;
    }
    return kid.len == 0 && of_alg == 1 ? only : NULL;
}

gh_status gh_keyset_write(const gh_keyset *set, gh_buf *out)
{
    gh_buf_append_cstr(out, "{\"keys\":[");
    for (size_t i = 0; i < gh_keyset_count(set); i++) {
        if (i > 0) {
            gh_buf_append_char(out, ',');
        }
        gh_status status = gh_key_write_jwk(set->keys[i], out);
        if (status != GH_OK) {
            return status;
        }
    }
    gh_buf_append_cstr(out, "]}");
    return gh_buf_status(out);
}
