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
    char *client_id;             /* NULL when none is needed: an assertion says it all */
    char *redirect_uri;          /* that the client was registered with */
    char *token_auth_method;     /* how the client proves itself at the token endpoint; NULL: "none" */
    gh_secret *client_secret;    /* NULL for a public client */
    char *scope;                 /* granted */
    gh_secret *access_token;     /* NULL when there is none */
    gh_secret *refresh_token;    /* NULL likewise */
    gh_secret *dpop_key;         /* PEM; the tokens are bound to it when dpop_bound; NULL for bearer tokens */
    int64_t expires_at;          /* seconds since the epoch; 0 when unknown */
    bool iss_parameter_supported;
    bool dpop_bound;        /* the access token is good with a proof only (RFC 9449) */
    bool endpoints_guessed; /* the server has no metadata */
    bool client_in_doubt;   /* a login with this client was begun and nothing came back yet: a registration is
                               not used again then */
} gh_credentials;

void gh_credentials_clear(gh_credentials *credentials);
/* A copy with one owner of its own; nothing of it is left on failure. */
GH_MUST_USE gh_status gh_credentials_copy(const gh_credentials *from, gh_credentials *to);

typedef struct gh_keeper gh_keeper;

/* A keeper over `state_dir` for `key` (gh_bridge_credentials_key); makes the folder. */
GH_MUST_USE gh_status gh_keeper_open(const char *state_dir, const char *key, gh_keeper **keeper,
                                     gh_error *error);
void gh_keeper_close(gh_keeper *keeper);
/* From now on the credentials are in the desktop's keyring (gh_keyring_open; `library` NULL for the usual
 * one), shown there with the URL's name; a file is written only when the keyring does not take them, counts
 * as newer while it is there, and is removed when it does. GH_ERR_UNSUPPORTED: the files are used as before.
 */
GH_MUST_USE gh_status gh_keeper_use_keyring(gh_keeper *keeper, const char *library, const char *url,
                                            int64_t wait_ms, gh_error *error);

/* GH_ERR_NOT_FOUND when nothing is stored. A file that is damaged is treated as absent, with a warning. */
GH_MUST_USE gh_status gh_keeper_load(gh_keeper *keeper, gh_credentials *credentials, gh_error *error);
GH_MUST_USE gh_status gh_keeper_save(gh_keeper *keeper, const gh_credentials *credentials, gh_error *error);
GH_MUST_USE gh_status gh_keeper_forget(gh_keeper *keeper, gh_error *error);

/* The lock between processes (flock on a file of its own, O_CLOEXEC): freed by the kernel when its holder
 * dies. try never waits: GH_OK, or GH_ERR_CONFLICT when a sibling holds it. */
GH_MUST_USE gh_status gh_keeper_try_lock(gh_keeper *keeper, gh_error *error);
void gh_keeper_unlock(gh_keeper *keeper);

/* While the lock is held: leaves word for the siblings that wait for it that the login failed, so that they
 * need not ask the same person again. Best effort. */
void gh_keeper_note_failure(gh_keeper *keeper, const gh_error *error);
/* While the lock is held: true when a login failed since `wall_ms` (gh_clock_wall_ms), with the reason. */
bool gh_keeper_failed_since(gh_keeper *keeper, int64_t wall_ms, gh_error *error);

#endif
