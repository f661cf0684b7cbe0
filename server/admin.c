#include "server/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/admin_commands.h"
#include "server/identity.h"

/* A mistyped path must not become an empty store. */
static gh_status check_store(const gh_settings *settings, gh_error *error)
{
    static const char sqlite[] = "sqlite:";
    if (settings->store == NULL || strncmp(settings->store, sqlite, sizeof sqlite - 1) != 0) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "a store in memory belongs to the running server alone; this command needs the "
                            "server's --store sqlite:PATH");
    }
    const char *path = settings->store + sizeof sqlite - 1;
    if (access(path, F_OK) != 0) {
        return gh_error_set(error, GH_ERR_NOT_FOUND,
                            "there is no store at %s (%s); give the server's own --store", path,
                            strerror(errno));
    }
    return GH_OK;
}

int gh_command_admin(const gh_settings *settings)
{
    const gh_text_list *words = &settings->result.positional;
    gh_sealer *sealer = NULL;
    gh_store *store = NULL;
    gh_error error = {0};
    int code = gh_admin_check(words, stderr);
    if (code != 0) {
        return code;
    }
    gh_status status = check_store(settings, &error);
    if (status == GH_OK) {
        status = gh_identity_open_store(settings, &sealer, &store, &error);
    }
    if (status == GH_OK) {
        code = gh_admin_run(store, words, stdout, stderr);
    } else {
        (void)fprintf(stderr, "gatehouse: %s\n", error.message);
        code = 1;
    }
    gh_store_close(store);
    gh_sealer_free(sealer);
    return code;
}
