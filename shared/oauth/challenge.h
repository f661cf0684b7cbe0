/* WWW-Authenticate: Bearer challenges (RFC 6750, 3; RFC 9728, 5.1; RFC 9110, 11.6.1). Thread-safe. */
#ifndef GH_SHARED_OAUTH_CHALLENGE_H
#define GH_SHARED_OAUTH_CHALLENGE_H

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* Members are owned C strings or NULL. */
typedef struct gh_challenge {
    char *realm;
    char *resource_metadata;
    char *scope;
    char *error;
    char *error_description;
} gh_challenge;

/* The first Bearer challenge of a header value that may hold several challenges of any scheme; without one
 * the first DPoP challenge (RFC 9449, 7.1), which says the same. GH_ERR_NOT_FOUND without one, GH_ERR_PARSE
 * when it is malformed. */
GH_MUST_USE gh_status gh_challenge_parse(gh_view header, gh_challenge *challenge);
void gh_challenge_clear(gh_challenge *challenge);
/* Appends `Bearer realm="…", resource_metadata="…", …`, leaving NULL members out, in the order realm,
 * error, error_description, resource_metadata, scope; quotes are escaped, control characters refused. */
GH_MUST_USE gh_status gh_challenge_write(const gh_challenge *challenge, gh_buf *out);

#endif
