#include "server/file_tools.h"

#include <stdlib.h>

#include "server/api/api.h"
#include "server/credentials.h"
#include "server/descriptions.h"
#include "shared/core/log.h"

#define NOTES_MAX 20

struct gh_file_tools {
    const gh_settings *settings;
    const gh_identity *identity;
    gh_api *api;
};

/* What an OpenAPI description says that a tool cannot; a long list is for `gatehouse tools check`. */
static void note(void *context, const char *where, const char *what)
{
    size_t *seen = context;
    if ((*seen)++ < NOTES_MAX) {
        gh_log_info("%s: %s", where, what);
    }
}

static gh_status load(gh_file_tools *tools, gh_error *error)
{
    const gh_settings *settings = tools->settings;
    size_t notes = 0;
    const gh_descriptions wanted = {.tools = &settings->tools,
                                    .openapi = &settings->openapi,
                                    .select = &settings->openapi_select,
                                    .openapi_upstream = settings->openapi_upstream,
                                    .ca_file = settings->ca_file,
                                    .report = note,
                                    .context = &notes};
    gh_toolset *set = NULL;
    gh_status status = gh_descriptions_read(&wanted, &set, error);
    if (status == GH_OK) {
        status = gh_api_load(tools->api, set, error);
    }
    if (status == GH_OK) {
        gh_credentials_adopt(tools->identity, set);
    }
    gh_toolset_release(set);
    if (notes > NOTES_MAX) {
        gh_log_info("and %zu more of these; gatehouse tools check shows all", notes - NOTES_MAX);
    }
    return status;
}

gh_status gh_file_tools_open(const gh_settings *settings, const gh_identity *identity,
                             gh_mcp_registry *registry, gh_file_tools **tools, gh_error *error)
{
    gh_credential_source source;
    *tools = NULL;
    if (settings->tools.count == 0 && settings->openapi.count == 0) {
        return GH_OK;
    }
    gh_file_tools *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    *made = (gh_file_tools){.settings = settings, .identity = identity};
    gh_credentials_source(identity, &source);
    const gh_api_options options = {.registry = registry, .source = &source, .ca_file = settings->ca_file};
    gh_status status = gh_api_new(&options, &made->api, error);
    if (status == GH_OK) {
        status = load(made, error);
    }
    if (status != GH_OK) {
        gh_file_tools_close(made);
        return status;
    }
    *tools = made;
    return GH_OK;
}

void gh_file_tools_reload(gh_file_tools *tools)
{
    gh_error error = {0};
    if (tools == NULL) {
        gh_log_info("SIGHUP: there are no files of --tools or --openapi to read again; restart to apply new "
                    "settings");
    } else if (load(tools, &error) == GH_OK) {
        gh_log_info("SIGHUP: tools, resources and prompts were read again");
    } else {
        gh_log_error("SIGHUP: everything stays as it was: %s", error.message);
    }
}

void gh_file_tools_close(gh_file_tools *tools)
{
    if (tools != NULL) {
        gh_api_free(tools->api);
        free(tools);
    }
}
