/* The keyring as a place for the text of the credentials. */
#include <stdlib.h>

#include "bridge/credentials/keeper_store.h"
#include "bridge/credentials/keyring.h"
#include "shared/core/secret.h"
#include "shared/core/text.h"

static gh_status read_text(void *place, gh_buf *out, gh_error *error)
{
    return gh_keyring_read(place, out, error);
}

static gh_status write_text(void *place, gh_view text, gh_error *error)
{
    char *copy = gh_view_dup(text);
    gh_status status = copy != NULL ? gh_keyring_write(place, copy, error)
                                    : gh_error_set(error, GH_ERR_NOMEM, "out of memory");

    gh_wipe_free(copy);
    return status;
}

static gh_status remove_text(void *place, gh_error *error)
{
    return gh_keyring_remove(place, error);
}

static void close_place(void *place)
{
    gh_keyring_close(place);
}

const gh_keeper_store GH_KEEPER_KEYRING = {
    .name = "the keyring",
    .read = read_text,
    .write = write_text,
    .remove = remove_text,
    .close = close_place,
};
