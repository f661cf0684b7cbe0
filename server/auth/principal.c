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
    free(principal);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool gh_principal_same(const gh_principal *a, const gh_principal *b)
{
    if (a == NULL || b == NULL) {
        return false;
    }
    return same_text(a->issuer, b->issuer) && same_text(a->subject, b->subject) &&
           same_text(a->client_id, b->client_id);
}

bool gh_principal_has_scope(const gh_principal *principal, gh_view scope)
{
    return principal != NULL && scope.len > 0 && gh_text_has_word(gh_view_of(principal->scope), scope);
}
