#include <stdlib.h>
#include <string.h>

#include "server/store/store_private.h"
#include "shared/core/random.h"

static void free_texts(char **const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(*fields[i]);
        *fields[i] = NULL;
    }
}

/* Copies every text of `from` to the field of the same index; all or none. */
static gh_status copy_texts(char *const *const *from, char **const *to, size_t count)
{
    bool complete = true;
    for (size_t i = 0; i < count; i++) {
        *to[i] = gh_text_dup(*from[i]);
        complete = complete && (*from[i] == NULL || *to[i] != NULL);
    }
    if (!complete) {
        free_texts(to, count);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLIENT_TEXTS(c)                                                                                      \
    {                                                                                                        \
        &(c)->id, &(c)->name, &(c)->redirect_uris, &(c)->grant_types, &(c)->scope, &(c)->uri                 \
    }
#define FLOW_TEXTS(f)                                                                                        \
    {                                                                                                        \
        &(f)->id_hash, &(f)->cookie_hash, &(f)->client_id, &(f)->redirect_uri, &(f)->state, &(f)->scope,     \
            &(f)->resource, &(f)->challenge, &(f)->subject, &(f)->name, &(f)->email                          \
    }
#define GRANT_TEXTS(g)                                                                                       \
    {                                                                                                        \
        &(g)->id, &(g)->client_id, &(g)->subject, &(g)->name, &(g)->email, &(g)->scope, &(g)->resource       \
    }
#define CODE_TEXTS(c)                                                                                        \
    {                                                                                                        \
        &(c)->hash, &(c)->grant_id, &(c)->client_id, &(c)->redirect_uri, &(c)->challenge, &(c)->resource     \
    }
#define LOGIN_TEXTS(l)                                                                                       \
    {                                                                                                        \
        &(l)->state_hash, &(l)->cookie_hash, &(l)->flow_hash, &(l)->nonce, &(l)->sealed_verifier             \
    }
#define DEVICE_TEXTS(d)                                                                                      \
    {                                                                                                        \
        &(d)->device_hash, &(d)->user_code_hash, &(d)->client_id, &(d)->scope, &(d)->resource,               \
            &(d)->grant_id                                                                                   \
    }

void gh_client_clear(gh_client *client)
{
    char **const texts[] = CLIENT_TEXTS(client);
    free_texts(texts, COUNT(texts));
}

void gh_flow_clear(gh_flow *flow)
{
    char **const texts[] = FLOW_TEXTS(flow);
    free_texts(texts, COUNT(texts));
}

void gh_grant_clear(gh_grant *grant)
{
    char **const texts[] = GRANT_TEXTS(grant);
    free_texts(texts, COUNT(texts));
}

void gh_code_clear(gh_code *code)
{
    char **const texts[] = CODE_TEXTS(code);
    free_texts(texts, COUNT(texts));
}

void gh_upstream_login_clear(gh_upstream_login *login)
{
    char **const texts[] = LOGIN_TEXTS(login);
    free_texts(texts, COUNT(texts));
}

void gh_upstream_tokens_clear(gh_upstream_tokens *tokens)
{
    char **const texts[] = {&tokens->grant_id, &tokens->sealed};
    free_texts(texts, COUNT(texts));
}

void gh_device_clear(gh_device *device)
{
    char **const texts[] = DEVICE_TEXTS(device);
    free_texts(texts, COUNT(texts));
}

void gh_stored_key_clear(gh_stored_key *key)
{
    free(key->kid);
    free(key->alg);
    gh_secret_free(key->pem);
    key->kid = NULL;
    key->alg = NULL;
    key->pem = NULL;
}

gh_status gh_client_copy(const gh_client *from, gh_client *to)
{
    char *const *const source[] = CLIENT_TEXTS(from);
    char **const target[] = CLIENT_TEXTS(to);
    to->created_at = from->created_at;
    to->used_at = from->used_at;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_flow_copy(const gh_flow *from, gh_flow *to)
{
    char *const *const source[] = FLOW_TEXTS(from);
    char **const target[] = FLOW_TEXTS(to);
    to->expires_at = from->expires_at;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_grant_copy(const gh_grant *from, gh_grant *to)
{
    char *const *const source[] = GRANT_TEXTS(from);
    char **const target[] = GRANT_TEXTS(to);
    to->created_at = from->created_at;
    to->expires_at = from->expires_at;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_code_copy(const gh_code *from, gh_code *to)
{
    char *const *const source[] = CODE_TEXTS(from);
    char **const target[] = CODE_TEXTS(to);
    to->expires_at = from->expires_at;
    to->granted_until = from->granted_until;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_upstream_login_copy(const gh_upstream_login *from, gh_upstream_login *to)
{
    char *const *const source[] = LOGIN_TEXTS(from);
    char **const target[] = LOGIN_TEXTS(to);
    to->expires_at = from->expires_at;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_upstream_tokens_copy(const gh_upstream_tokens *from, gh_upstream_tokens *to)
{
    char *const *const source[] = {&from->grant_id, &from->sealed};
    char **const target[] = {&to->grant_id, &to->sealed};
    to->expires_at = from->expires_at;
    to->version = from->version;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_device_copy(const gh_device *from, gh_device *to)
{
    char *const *const source[] = DEVICE_TEXTS(from);
    char **const target[] = DEVICE_TEXTS(to);
    to->state = from->state;
    to->interval_s = from->interval_s;
    to->polled_at = from->polled_at;
    to->expires_at = from->expires_at;
    return copy_texts(source, target, COUNT(source));
}

gh_status gh_stored_key_copy(const gh_stored_key *from, gh_stored_key *to)
{
    to->kid = gh_text_dup(from->kid);
    to->alg = gh_text_dup(from->alg);
    to->pem = gh_secret_new(gh_secret_view(from->pem));
    to->created_at = from->created_at;
    to->active = from->active;
    if (to->kid == NULL || to->alg == NULL || to->pem == NULL) {
        gh_stored_key_clear(to);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

gh_status gh_store_replace_text(char **slot, const char *text)
{
    char *copy = gh_text_dup(text);
    if (text != NULL && copy == NULL) {
        return GH_ERR_NOMEM;
    }
    free(*slot);
    *slot = copy;
    return GH_OK;
}

gh_status gh_store_random_secret(size_t bytes, gh_secret **secret)
{
    unsigned char data[GH_STORE_SECRET_MAX];
    if (bytes == 0 || bytes > sizeof(data)) {
        return GH_ERR_INVALID;
    }
    gh_status status = gh_random_bytes(data, bytes);
    if (status == GH_OK) {
        *secret = gh_secret_new(gh_view_make((const char *)data, bytes));
        status = *secret == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_wipe(data, bytes);
    return status;
}
