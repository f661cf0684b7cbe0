/* Where a keeper has the text of the credentials: one table for each kind of place. Private to the keepers.
 */
#ifndef GH_BRIDGE_CREDENTIALS_KEEPER_STORE_H
#define GH_BRIDGE_CREDENTIALS_KEEPER_STORE_H

#include "shared/core/bytes.h"
#include "shared/core/status.h"

typedef struct gh_keeper_store {
    const char *name; /* for words: "the keyring" */
    /* Appends the text to `out`, which has room for it and is wiped by the caller. GH_ERR_NOT_FOUND when
     * there is none. */
    gh_status (*read)(void *place, gh_buf *out, gh_error *error);
    gh_status (*write)(void *place, gh_view text, gh_error *error);
    /* GH_OK, too, when there was none. */
    gh_status (*remove)(void *place, gh_error *error);
    void (*close)(void *place);
} gh_keeper_store;

/* keeper_keyring.c: `place` is a gh_keyring. */
extern const gh_keeper_store GH_KEEPER_KEYRING;

#endif
