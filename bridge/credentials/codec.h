/* Credentials as the JSON text that a keeper stores. Thread-safe. */
#ifndef GH_BRIDGE_CREDENTIALS_CODEC_H
#define GH_BRIDGE_CREDENTIALS_CODEC_H

#include "bridge/credentials/credentials.h"
#include "shared/core/bytes.h"

#define GH_CREDENTIALS_FILE_MAX ((size_t)64 * 1024)

/* Appends the text; `out` must have that ceiling and be wiped by the caller. */
GH_MUST_USE gh_status gh_credentials_encode(const gh_credentials *credentials, gh_buf *out);
/* GH_ERR_PARSE, GH_ERR_INVALID or GH_ERR_UNSUPPORTED with a sentence; *credentials is then empty. */
GH_MUST_USE gh_status gh_credentials_decode(gh_view text, gh_credentials *credentials, gh_error *error);

#endif
