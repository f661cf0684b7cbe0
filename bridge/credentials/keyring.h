/* One secret text in the desktop's keyring: the Secret Service, spoken to through libsecret, which is loaded
 * when it is first wanted, so that the program runs where there is none.
 *
 * Each call runs on a thread of its own and is waited for so long at most, for a keyring that is locked asks
 * a person first; not even that long once a blocked SIGTERM or SIGINT is pending. After one call that took
 * too long all others fail at once. One owner, one thread. */
#ifndef GH_BRIDGE_CREDENTIALS_KEYRING_H
#define GH_BRIDGE_CREDENTIALS_KEYRING_H

#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"

#define GH_KEYRING_MS 3000         /* for a program that others wait for */
#define GH_KEYRING_PERSON_MS 30000 /* for one that a person started, who can unlock the keyring */
#define GH_KEYRING_LIBRARY "libsecret-1.so.0"

typedef struct gh_keyring gh_keyring;

/* `library` NULL for GH_KEYRING_LIBRARY. `account` is what the text is found under, `label` what people see
 * in their keyring; both are copied. GH_ERR_UNSUPPORTED when the library cannot be loaded. */
GH_MUST_USE gh_status gh_keyring_open(const char *library, const char *account, const char *label,
                                      int64_t wait_ms, gh_keyring **keyring, gh_error *error);
void gh_keyring_close(gh_keyring *keyring); /* NULL is fine */

/* GH_ERR_NOT_FOUND when there is no such text, GH_ERR_UNAVAILABLE when there is no keyring, or it is locked,
 * GH_ERR_TIMEOUT. `out` is to be wiped by the caller. */
GH_MUST_USE gh_status gh_keyring_read(gh_keyring *keyring, gh_buf *out, gh_error *error);
GH_MUST_USE gh_status gh_keyring_write(gh_keyring *keyring, const char *text, gh_error *error);
/* What is not there counts as removed. */
GH_MUST_USE gh_status gh_keyring_remove(gh_keyring *keyring, gh_error *error);

#endif
