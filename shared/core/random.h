/* Random bytes from OpenSSL's generator. Thread-safe. Failure is fatal for the operation, never ignored. */
#ifndef GH_SHARED_CORE_RANDOM_H
#define GH_SHARED_CORE_RANDOM_H

#include <stddef.h>

#include "shared/core/status.h"

GH_MUST_USE gh_status gh_random_bytes(void *out, size_t len);
/* `bytes` random bytes as base64url text without padding, owned by the caller (gh_wipe_free). */
GH_MUST_USE gh_status gh_random_token(size_t bytes, char **token);
/* The same for a name that people put on a command line: it does not begin like an option. */
GH_MUST_USE gh_status gh_random_id(size_t bytes, char **id);

#endif
