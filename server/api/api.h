/* The APIs behind the server: calls of tools and resources that files describe, made on behalf of whoever
 * asks. It is a plugin that is linked in: it adds the entries of a toolset to the registry and answers their
 * calls on the executor's threads, over pooled connections. Thread-safe after gh_api_new. */
#ifndef GH_SERVER_API_API_H
#define GH_SERVER_API_API_H

#include "server/api/credential.h"
#include "server/mcp/registry.h"
#include "server/toolfile/toolfile.h"

typedef struct gh_api gh_api;

typedef struct gh_api_options {
    gh_mcp_registry *registry;          /* borrowed; NULL when only gh_api_try is used */
    const gh_credential_source *source; /* copied; what is in it is borrowed */
    const char *ca_file;                /* the server's; NULL for the system's; copied */
} gh_api_options;

GH_MUST_USE gh_status gh_api_new(const gh_api_options *options, gh_api **api, gh_error *error);
/* After the executor has stopped; before or after the registry is freed. NULL is fine. */
void gh_api_free(gh_api *api);
/* Puts the entries and scope rules of `set` in place of those before, as one change. Clients are told of the
 * lists that changed, and only of these. What is in use lives on until its calls end. Holds the set.
 * GH_ERR_INVALID with a sentence (a name that a plugin has, a credential that this auth mode has not); then
 * everything is as before. */
GH_MUST_USE gh_status gh_api_load(gh_api *api, gh_toolset *set, gh_error *error);

/* One call without a server, for `gatehouse tools call`. */
typedef struct gh_api_trial {
    const char *name;              /* of a tool or prompt, or a resource's URI */
    const char *arguments;         /* JSON object; NULL for none */
    const gh_principal *principal; /* who asks */
    int64_t timeout_ms;            /* 0: as long as the entry's own limits let it */
} gh_api_trial;

/* Runs the entry's handler on this thread and appends the result as MCP has it: {"content":[...]},
 * {"contents":[...]} or {"messages":[...]}. *failed: the tool said that it is an error. The registry is not
 * used and may be NULL in the options of `api`. GH_ERR_NOT_FOUND when there is no such entry or resource,
 * GH_ERR_INVALID and GH_ERR_PARSE for arguments that do not fit; each with a sentence, as for what else goes
 * wrong. */
GH_MUST_USE gh_status gh_api_try(gh_api *api, gh_toolset *set, const gh_api_trial *trial, gh_buf *out,
                                 bool *failed, gh_error *error);

#endif
