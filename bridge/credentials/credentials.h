/* Credentials at rest: what a login left behind for one MCP URL, with the issuer that gave it, in a keeper.
 * The keeper of files is the default: a folder of 0700, files of 0600, written atomically with fsync, refused
 * when others can read them. A gh_credentials has one owner. */
#ifndef GH_BRIDGE_CREDENTIALS_CREDENTIALS_H
#define GH_BRIDGE_CREDENTIALS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/secret.h"
#include "shared/core/status.h"

typedef struct gh_credentials {
    char *mcp_url;  /* the server that this is for */
    char *resource; /* as its metadata says, sent verbatim */
    char *issuer;
    char *authorization_endpoint;
    char *token_endpoint;
    char *registration_endpoint; /* NULL when there is none */
    char *revocation_endpoint;   /* NULL likewise */
    char *client_id;
    char *redirect_uri;       /* that the client was registered with */
    char *token_auth_method;  /* how the client proves itself at the token endpoint; NULL: "none" */
    gh_secret *client_secret; /* NULL for a public client */
    char *scope;              /* granted */
    gh_secret *access_token;  /* NULL when there is none */
    gh_secret *refresh_token; /* NULL likewise */
    int64_t expires_at;       /* seconds since the epoch; 0 when unknown */
    bool iss_parameter_supported;
    bool client_in_doubt; /* a login with this client was begun and nothing came back yet: a registration is
                             not used again then */
} gh_credentials;

void gh_credentials_clear(gh_credentials *credentials);

typedef struct gh_keeper gh_keeper;

/* A keeper over `state_dir` for `mcp_url`; makes the folder. */
GH_MUST_USE gh_status gh_keeper_open(const char *state_dir, const char *mcp_url, gh_keeper **keeper,
                                     gh_error *error);
void gh_keeper_close(gh_keeper *keeper);

/* GH_ERR_NOT_FOUND when nothing is stored. A file that is damaged is treated as absent, with a warning. */
GH_MUST_USE gh_status gh_keeper_load(gh_keeper *keeper, gh_credentials *credentials, gh_error *error);
GH_MUST_USE gh_status gh_keeper_save(gh_keeper *keeper, const gh_credentials *credentials, gh_error *error);
GH_MUST_USE gh_status gh_keeper_forget(gh_keeper *keeper, gh_error *error);

/* The lock between processes (flock on a file of its own, O_CLOEXEC): freed by the kernel when its holder
 * dies. try never waits: GH_OK, or GH_ERR_CONFLICT when a sibling holds it. */
GH_MUST_USE gh_status gh_keeper_try_lock(gh_keeper *keeper, gh_error *error);
void gh_keeper_unlock(gh_keeper *keeper);

#endif
