/* The two codes of a device authorization (RFC 8628, 3.2 and 6.1). Thread-safe. */
#ifndef GH_SERVER_OAUTH_DEVICE_CODE_H
#define GH_SERVER_OAUTH_DEVICE_CODE_H

#include "server/oauth/internal.h"
#include "shared/core/digest.h"

#define GH_USER_CODE_LEN 8     /* of 20 consonants: 34.6 bits, and no words */
#define GH_USER_CODE_SHOWN 9   /* "WDJB-MJHT" */
#define GH_DEVICE_CODE_MAX 128 /* bytes */

/* A new user code, without its hyphen. */
GH_MUST_USE gh_status gh_user_code_new(char out[GH_USER_CODE_LEN + 1]);
/* What a person typed, in capitals and without what stands between; false when that is no user code. */
bool gh_user_code_read(gh_view typed, char out[GH_USER_CODE_LEN + 1]);
void gh_user_code_show(const char code[GH_USER_CODE_LEN + 1], char out[GH_USER_CODE_SHOWN + 1]);
/* What is stored of it. Keyed: a plain digest of 34 bits could be turned round. */
GH_MUST_USE gh_status gh_user_code_hash(const gh_oauth_server *server, const char *code,
                                        char out[GH_SHA256_TEXT_MAX]);

/* A new device code: 256 bits, and when it expires. *code is owned (gh_wipe_free). */
GH_MUST_USE gh_status gh_device_code_new(int64_t expires_at, char **code);
/* True when the code itself says that its time is over. */
bool gh_device_code_is_over(const char *code);

#endif
