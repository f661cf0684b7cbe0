/* The principal: who is asking, as a verified access token said it.
 * Immutable after creation; may be read from several threads; freed by its owner. */
#ifndef GH_SERVER_AUTH_PRINCIPAL_H
#define GH_SERVER_AUTH_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_principal {
    char *issuer;
    char *subject;
    char *name;         /* NULL when the token did not say */
    char *email;        /* NULL likewise */
    char *client_id;    /* NULL likewise */
    char *scope;        /* space-separated; "" for none */
    char *grant_id;     /* NULL for tokens of another issuer */
    int64_t expires_at; /* seconds since the epoch */
    /* The access token itself, for an exchange at the provider that made it (RFC 8693) and for nothing else:
     * it goes to no API. NULL unless gh_bearer_keep_tokens says so. Wiped when freed. */
    gh_secret *token;
} gh_principal;

/* A copy with strings of its own; NULL on lack of memory. */
gh_principal *gh_principal_copy(const gh_principal *principal);
/* The same without the token, for what outlives the request. */
gh_principal *gh_principal_copy_tokenless(const gh_principal *principal);
void gh_principal_free(gh_principal *principal); /* NULL is fine */
/* Same issuer, subject and client: the identity that a session or a cursor is bound to. */
bool gh_principal_same(const gh_principal *a, const gh_principal *b);
/* Same issuer and subject, whatever the client: whom bounds count for. */
bool gh_principal_same_user(const gh_principal *a, const gh_principal *b);
/* Is it that user, through that client? `user` counts without its own client. */
bool gh_principal_is(const gh_principal *principal, const gh_principal *user, const char *client_id);
/* A number for that user, never 0; two users may share one by chance. */
uint64_t gh_principal_user_key(const gh_principal *principal);
bool gh_principal_has_scope(const gh_principal *principal, gh_view scope);

#endif
