#include "bridge/credentials/open.h"

#include <stdlib.h>

#include "bridge/credentials/keyring.h"
#include "shared/core/log.h"

gh_status gh_credentials_open(const gh_bridge_settings *settings, gh_keeper **keeper, gh_error *error)
{
    char *key = NULL;
    gh_error problem = {GH_OK, ""};
    int64_t wait_ms = settings->command == GH_BRIDGE_RUN ? GH_KEYRING_MS : GH_KEYRING_PERSON_MS;
    gh_status status = gh_bridge_credentials_key(settings, &key) == GH_OK
                           ? gh_keeper_open(settings->state_dir, key, keeper, error)
                           : gh_error_set(error, GH_ERR_NOMEM, "out of memory");

    if (status == GH_OK && settings->keyring &&
        gh_keeper_use_keyring(*keeper, NULL, settings->url, wait_ms, &problem) != GH_OK) {
        gh_log_warn("the tokens are kept in a file: %s", problem.message);
    }
    free(key);
    return status;
}
