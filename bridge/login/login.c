#include "bridge/login/login.h"

#include <stdlib.h>

#include "bridge/login/device_flow.h"
#include "bridge/login/machine.h"

/* One of the three. */
struct gh_login {
    gh_code_flow_done done;
    void *context;
    gh_code_flow *code;
    gh_device_flow *device;
    gh_machine *machine;
};

static void finished(void *context, gh_status status, gh_credentials *credentials, const gh_error *error)
{
    gh_login *login = context;
    gh_code_flow_done done = login->done;
    void *receiver = login->context;
    free(login);
    done(receiver, status, credentials, error);
}

gh_status gh_login_start(gh_loop *loop, const gh_bridge_settings *settings,
                         const gh_code_flow_options *options, gh_code_flow_done done, void *context,
                         gh_login **login, gh_error *error)
{
    gh_login *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->done = done;
    started->context = context;
    gh_status status = GH_OK;
    if (gh_bridge_is_machine(settings)) {
        status = gh_machine_start(loop, settings, options, finished, started, &started->machine, error);
    } else if (settings->grant == GH_BRIDGE_GRANT_DEVICE) {
        status = gh_device_flow_start(loop, settings, options, finished, started, &started->device, error);
    } else {
        status = gh_code_flow_start(loop, settings, options, finished, started, &started->code, error);
    }
    if (status != GH_OK) {
        free(started);
        return status;
    }
    *login = started;
    return GH_OK;
}

void gh_login_cancel(gh_login *login)
{
    if (login != NULL) {
        gh_code_flow_cancel(login->code);
        gh_device_flow_cancel(login->device);
        gh_machine_cancel(login->machine);
        free(login);
    }
}

const char *gh_login_url(const gh_login *login)
{
    if (login->code != NULL) {
        return gh_code_flow_url(login->code);
    }
    return login->device != NULL ? gh_device_flow_url(login->device) : NULL;
}

gh_status gh_login_paste(gh_login *login, gh_view url, gh_error *error)
{
    return login->code != NULL ? gh_code_flow_paste(login->code, url, error)
                               : gh_error_set(error, GH_ERR_UNSUPPORTED,
                                              "this sign-in does not end at a URL that could be pasted");
}
