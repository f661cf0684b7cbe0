#include "server/auth/principal.h"

#include <stdlib.h>
#include <string.h>

void gh_principal_free(gh_principal *principal)
{
    if (principal == NULL) {
        return;
    }
    free(principal->issuer);
    free(principal->subject);
    free(principal->name);
    free(principal->email);
    free(principal->client_id);
    free(principal->scope);
    free(principal->grant_id);
    gh_secret_free(principal->token);
    free(principal);
}

static bool copy_text(const char *from, char **to)
{
    *to = gh_text_dup(from);
    return from == NULL || *to != NULL;
}

gh_principal *gh_principal_copy_tokenless(const gh_principal *principal)
{
    gh_principal *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->expires_at = principal->expires_at;
    bool complete =
        copy_text(principal->issuer, &copy->issuer) && copy_text(principal->subject, &copy->subject) &&
        copy_text(principal->name, &copy->name) && copy_text(principal->email, &copy->email) &&
        copy_text(principal->client_id, &copy->client_id) && copy_text(principal->scope, &copy->scope) &&
        copy_text(principal->grant_id, &copy->grant_id);
    if (!complete) {
        gh_principal_free(copy);
        return NULL;
    }
    return copy;
}

gh_principal *gh_principal_copy(const gh_principal *principal)
{
    gh_principal *copy = gh_principal_copy_tokenless(principal);
    if (copy != NULL && principal->token != NULL) {
        copy->token = gh_secret_new(gh_secret_view(principal->token));
        if (copy->token == NULL) {
            gh_principal_free(copy);
            copy = NULL;
        }
    }
    return copy;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool gh_principal_same(const gh_principal *a, const gh_principal *b)
{
    return gh_principal_same_user(a, b) && same_text(a->client_id, b->client_id);
}

bool gh_principal_same_user(const gh_principal *a, const gh_principal *b)
{
    return a != NULL && b != NULL && same_text(a->issuer, b->issuer) && same_text(a->subject, b->subject);
}

bool gh_principal_is(const gh_principal *principal, const gh_principal *user, const char *client_id)
{
    return gh_principal_same_user(principal, user) && same_text(principal->client_id, client_id);
}

static uint64_t mix(uint64_t hash, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
    }
    return (hash ^ 0xff) * 0x100000001b3ULL;
}

uint64_t gh_principal_user_key(const gh_principal *principal)
{
    uint64_t hash = mix(mix(0xcbf29ce484222325ULL, principal->issuer), principal->subject);
    return hash == 0 ? 1 : hash;
}

bool gh_principal_has_scope(const gh_principal *principal, gh_view scope)
{
    return principal != NULL && scope.len > 0 && gh_text_has_word(gh_view_of(principal->scope), scope);
}
