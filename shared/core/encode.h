/* Base64url for the fixed sizes that this layer prints; everything else uses net/base64. Private to
 * core. Thread-safe. */
#ifndef GH_SHARED_CORE_ENCODE_H
#define GH_SHARED_CORE_ENCODE_H

#include <stddef.h>

/* Characters without padding, and without the NUL. */
#define GH_BASE64URL_LEN(bytes) (((bytes) / 3) * 4 + (((bytes) % 3) * 4 + 2) / 3)

/* Writes GH_BASE64URL_LEN(len) characters and a NUL. */
void gh_encode_base64url(const unsigned char *bytes, size_t len, char *out);

#endif
