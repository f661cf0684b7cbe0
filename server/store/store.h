/* The store: named atomic operations of the authorization server. Each is one transaction.
 *
 * Codes, refresh tokens and flow ids are only ever stored as SHA-256 text (`…_hash`). Expiry is absolute,
 * in seconds since the epoch; expired things are not found. GH_ERR_NOT_FOUND is a miss,
 * GH_ERR_UNAVAILABLE an outage (disk full, locked too long): the caller answers 503 and has changed
 * nothing. Structs that come out own their strings; free them with their _clear. Every function is safe
 * from any thread. */
#ifndef GH_SERVER_STORE_STORE_H
#define GH_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_store gh_store;

/* How signing keys and the server's secrets are sealed before they reach the disk. The functions are called
 * from any thread, under a lock of the store: they must not call the store. `label` says where a text belongs
 * ("key:KID", "secret:NAME") and must be authenticated with it. */
typedef struct gh_store_options {
    /* Appends the sealed form. */
    gh_status (*seal)(void *context, gh_view label, gh_view plain, gh_buf *out);
    gh_status (*unseal)(void *context, gh_view label, gh_view sealed, gh_secret **plain);
    void *context;           /* borrowed, outlives the store */
    const char *fingerprint; /* tells the sealing key from any other; copied into the store at first use */
} gh_store_options;

/* A registered client (RFC 7591). Lists are JSON arrays or space-separated as said. */
typedef struct gh_client {
    char *id;
    char *name;          /* NULL when it gave none */
    char *redirect_uris; /* separated by a newline each */
    char *grant_types;   /* space-separated */
    char *scope;         /* NULL for the default */
    char *uri;           /* client_uri; NULL */
    int64_t created_at;
    int64_t used_at; /* last finished login, 0 for never */
} gh_client;

/* A login under way: a valid authorization request, bound to one browser by a cookie. */
typedef struct gh_flow {
    char *id_hash;
    char *cookie_hash; /* SHA-256 of the browser's binding cookie */
    char *client_id;
    char *redirect_uri; /* exactly as in the request */
    char *state;        /* NULL when the client sent none */
    char *scope;
    char *resource;
    char *challenge; /* S256 code challenge */
    char *subject;   /* NULL until the person signed in */
    char *name, *email;
    int64_t expires_at;
} gh_flow;

/* What a person allowed a client to do. */
typedef struct gh_grant {
    char *id;
    char *client_id;
    char *subject;
    char *name, *email; /* NULL when unknown */
    char *scope;
    char *resource;
    int64_t created_at;
    int64_t expires_at; /* slides with each refresh */
} gh_grant;

typedef struct gh_code {
    char *hash;
    char *grant_id;
    char *client_id;
    char *redirect_uri;
    char *challenge;
    char *resource;
    int64_t expires_at;
    int64_t granted_until; /* the grant's expiry from the exchange on; the store sets it */
} gh_code;

typedef struct gh_stored_key {
    char *kid;
    char *alg;
    gh_secret *pem;
    int64_t created_at;
    bool active; /* signs; others only verify */
} gh_stored_key;

void gh_client_clear(gh_client *client);
void gh_flow_clear(gh_flow *flow);
void gh_grant_clear(gh_grant *grant);
void gh_code_clear(gh_code *code);
void gh_stored_key_clear(gh_stored_key *key);

/* "memory", or "sqlite:PATH" (created 0600 in a private folder; WAL; refused when a newer schema or not
 * ours, with a sentence). */
GH_MUST_USE gh_status gh_store_open(const char *spec, gh_store **store, gh_error *error);
/* The same with sealing (`options` NULL: without). The first time, what lies in the store unsealed is sealed;
 * from then on it opens with a key of the same fingerprint only: GH_ERR_DENIED, and a sentence that names
 * --secret-key-file, for another key and for none. "memory" has nothing at rest and seals nothing. */
GH_MUST_USE gh_status gh_store_open_with(const char *spec, const gh_store_options *options, gh_store **store,
                                         gh_error *error);
void gh_store_close(gh_store *store);
/* For /readyz: can it be read, and written? The latter shows with each operation that changes something; when
 * there has been none for a while, or the last one failed, something of its own is written. A lock that
 * another program holds is no fault. GH_ERR_UNAVAILABLE with a sentence that says what is wrong. */
GH_MUST_USE gh_status gh_store_ping(gh_store *store, gh_error *error);
/* Operations so far, and those among them that failed by no fault of the caller. */
void gh_store_counts(const gh_store *store, uint64_t *uses, uint64_t *failures);

/* Adds a client; at `cap` clients one that has been idle for at least `idle_s` (since its registration or the
 * start of its last flow) and has no live grant makes room: the oldest one that never finished a login, or
 * else the one whose last finished login is the longest ago. Without one GH_ERR_TOO_LARGE. GH_ERR_CONFLICT
 * when the id is taken. */
GH_MUST_USE gh_status gh_store_client_add(gh_store *store, const gh_client *client, size_t cap,
                                          int64_t idle_s);
GH_MUST_USE gh_status gh_store_client_get(gh_store *store, const char *id, gh_client *client);

/* At `cap` flows the oldest one goes. */
GH_MUST_USE gh_status gh_store_flow_add(gh_store *store, const gh_flow *flow, size_t cap);
GH_MUST_USE gh_status gh_store_flow_get(gh_store *store, const char *id_hash, gh_flow *flow);
/* Records who signed in. */
GH_MUST_USE gh_status gh_store_flow_identify(gh_store *store, const char *id_hash, const char *subject,
                                             const char *name, const char *email);
/* Removes it and hands it out: single use. */
GH_MUST_USE gh_status gh_store_flow_take(gh_store *store, const char *id_hash, gh_flow *flow);

/* Stores grant and code together and marks the client, if it is one of the store's, as used. Until the code
 * is taken the grant lives no longer than the code; from then on until `grant->expires_at`. */
GH_MUST_USE gh_status gh_store_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code);
/* Takes the code once, and extends its grant. GH_ERR_CONFLICT when it was taken before: then the grant has
 * been revoked with all its tokens (RFC 6749, 4.1.2). A code is remembered for at least 10 minutes after its
 * expiry for that. GH_ERR_NOT_FOUND for an expired code, and for one whose grant is gone. */
GH_MUST_USE gh_status gh_store_code_take(gh_store *store, const char *hash, gh_code *code);
GH_MUST_USE gh_status gh_store_grant_get(gh_store *store, const char *id, gh_grant *grant);
GH_MUST_USE gh_status gh_store_grant_alive(gh_store *store, const char *id);
/* Revokes with everything under it. GH_OK also when it was gone. */
GH_MUST_USE gh_status gh_store_grant_revoke(gh_store *store, const char *id);

/* First refresh token of a grant; its expiry is the grant's. GH_ERR_NOT_FOUND when the grant is gone (the
 * code may have been reused meanwhile) or not this client's, GH_ERR_CONFLICT when it has a token already. */
GH_MUST_USE gh_status gh_store_refresh_add(gh_store *store, const char *hash, const char *grant_id,
                                           const char *client_id);
typedef enum gh_refresh_outcome {
    GH_REFRESH_ROTATED,  /* `new_hash` is now the current token */
    GH_REFRESH_REPEATED, /* the immediate predecessor, within the grace time, its successor unused:
                            `new_hash` was the current token already */
    GH_REFRESH_REUSED,   /* anything else that once was valid: the grant is revoked */
    GH_REFRESH_UNKNOWN   /* never seen, expired, revoked, forgotten, or of another client */
} gh_refresh_outcome;
/* So many tokens of a grant are remembered, the current one included; rotation forgets older ones, whose
 * reuse is then not noticed any more. */
#define GH_STORE_REFRESH_KEPT 100
/* The grace time includes its last second; 0 means none. GH_ERR_CONFLICT when `new_hash` is a token of
 * something else. Rotation is deterministic (the caller derives the successor from the token), so that a
 * repeat yields the same token. Slides the grant to `grant_expires_at`. *grant is set for ROTATED and
 * REPEATED. */
GH_MUST_USE gh_status gh_store_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                              const char *client_id, int64_t grace_s,
                                              int64_t grant_expires_at, gh_refresh_outcome *outcome,
                                              gh_grant *grant);
/* The grant that a refresh token (current or old) of `client_id` belongs to, for revocation. */
GH_MUST_USE gh_status gh_store_refresh_find(gh_store *store, const char *hash, const char *client_id,
                                            char **grant_id);

/* All signing keys, newest first; *keys and each element are the caller's (clear each, free the array). */
GH_MUST_USE gh_status gh_store_keys(gh_store *store, gh_stored_key **keys, size_t *count);
/* Adds `key` as the active one unless an active one exists: then GH_ERR_CONFLICT and nothing changes. */
GH_MUST_USE gh_status gh_store_key_add(gh_store *store, const gh_stored_key *key);
/* The server's secret of that name, created with `bytes` random bytes at first use. */
GH_MUST_USE gh_status gh_store_secret(gh_store *store, const char *name, size_t bytes, gh_secret **secret);

/* --- What the modes beside an identity provider and the device flow need (schema 2) --- */

/* A login that has been sent to the identity provider: bound to the browser, single use. */
typedef struct gh_upstream_login {
    char *state_hash;
    char *cookie_hash; /* of the browser's cookie that was set when the person approved */
    char *flow_hash;   /* the flow that goes on afterwards; taken then */
    char *nonce;
    char *sealed_verifier; /* PKCE towards the provider, sealed */
    int64_t expires_at;
} gh_upstream_login;
void gh_upstream_login_clear(gh_upstream_login *login);
/* At `cap` the oldest goes. GH_ERR_CONFLICT when the state is taken. */
GH_MUST_USE gh_status gh_store_upstream_login_add(gh_store *store, const gh_upstream_login *login,
                                                  size_t cap);
/* Removes and hands it out: single use. */
GH_MUST_USE gh_status gh_store_upstream_login_take(gh_store *store, const char *state_hash,
                                                   gh_upstream_login *login);

/* The provider's tokens of a grant, as one sealed text; gone with the grant. `version` counts writes. */
typedef struct gh_upstream_tokens {
    char *grant_id;
    char *sealed;
    int64_t expires_at; /* of the provider's access token; 0 unknown */
    int64_t version;
} gh_upstream_tokens;
void gh_upstream_tokens_clear(gh_upstream_tokens *tokens);
GH_MUST_USE gh_status gh_store_upstream_tokens_get(gh_store *store, const char *grant_id,
                                                   gh_upstream_tokens *tokens);
/* Writes when the stored version is still `tokens->version` (0: none stored yet): else GH_ERR_CONFLICT.
 * GH_ERR_NOT_FOUND when the grant is gone. */
GH_MUST_USE gh_status gh_store_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens);
/* One holder of a name at a time, also between processes: GH_OK (for the holder itself too, whose lease then
 * runs anew), or GH_ERR_CONFLICT while another's lease runs. 1 to GH_STORE_LEASE_MAX_S seconds, so that a
 * clock that is set back delays nobody for longer. All leases are dropped when the store is opened while no
 * other process has it open. Dropping is GH_OK also when the lease is not (any more) the holder's, and then
 * changes nothing. */
#define GH_STORE_LEASE_MAX_S 600
GH_MUST_USE gh_status gh_store_lease_take(gh_store *store, const char *name, const char *holder,
                                          int64_t ttl_s);
GH_MUST_USE gh_status gh_store_lease_drop(gh_store *store, const char *name, const char *holder);

/* A device authorization (RFC 8628). */
typedef enum gh_device_state {
    GH_DEVICE_PENDING,
    GH_DEVICE_APPROVED, /* grant_id is set */
    GH_DEVICE_DENIED
} gh_device_state;
typedef struct gh_device {
    char *device_hash;    /* of the device_code */
    char *user_code_hash; /* of the normalised user code */
    char *client_id;
    char *scope;
    char *resource;
    gh_device_state state;
    char *grant_id;
    int64_t interval_s; /* grows with slow_down */
    int64_t polled_at;  /* 0 for never */
    int64_t expires_at;
} gh_device;
void gh_device_clear(gh_device *device);
/* Added as a pending one that was never polled. At `cap` the oldest that nobody approved goes, else
 * GH_ERR_TOO_LARGE. GH_ERR_CONFLICT when a code is taken. */
GH_MUST_USE gh_status gh_store_device_add(gh_store *store, const gh_device *device, size_t cap);
/* In whatever state it is, until it expires. */
GH_MUST_USE gh_status gh_store_device_by_user_code(gh_store *store, const char *user_code_hash,
                                                   gh_device *device);
/* Decides a pending one: with `grant` approved (the grant is stored in the same transaction, and the client
 * marked as used), NULL denied. GH_ERR_NOT_FOUND when it is not pending any more, GH_ERR_INVALID when the
 * grant is another client's, GH_ERR_CONFLICT when the grant's id is taken. */
GH_MUST_USE gh_status gh_store_device_decide(gh_store *store, const char *user_code_hash,
                                             const gh_grant *grant);
typedef enum gh_device_poll {
    GH_DEVICE_POLL_PENDING,
    GH_DEVICE_POLL_SLOW_DOWN, /* asked sooner than interval_s after the last time; the interval grew by 5 s */
    GH_DEVICE_POLL_GRANTED,   /* once: the device is gone afterwards; *grant is set */
    GH_DEVICE_POLL_DENIED,    /* once */
    GH_DEVICE_POLL_UNKNOWN    /* never seen, expired, used, revoked, or of another client */
} gh_device_poll;
/* An answer that is decided is given however soon it is asked for. */
GH_MUST_USE gh_status gh_store_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                                           gh_device_poll *outcome, gh_grant *grant);

/* For whoever runs the server. Lists have what is alive, newest first, are bounded by `max` and the caller's
 * (clear each, free the array). */
GH_MUST_USE gh_status gh_store_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count);
GH_MUST_USE gh_status gh_store_clients(gh_store *store, size_t max, gh_client **clients, size_t *count);
/* With everything that was granted to it, also when the client itself is not one of the store's.
 * GH_ERR_NOT_FOUND when there is neither. */
GH_MUST_USE gh_status gh_store_client_remove(gh_store *store, const char *id);
/* `key` becomes the active one; the one before it goes on verifying. Keys retired before `retired_before`
 * (seconds since the epoch) are deleted. GH_ERR_CONFLICT when its kid is taken,
 * GH_ERR_TOO_LARGE when 64 keys would go on verifying. */
GH_MUST_USE gh_status gh_store_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before);
/* A number that is another one after each new key, so that a running server notices a rotation; 0: no key. */
GH_MUST_USE gh_status gh_store_keys_version(gh_store *store, int64_t *version);
/* Remembers `value` under `name` at first use; afterwards GH_OK when it is the same, else GH_ERR_CONFLICT. */
GH_MUST_USE gh_status gh_store_pin(gh_store *store, const char *name, const char *value);

/* Deletes what expired; at most a few hundred rows a call. */
GH_MUST_USE gh_status gh_store_sweep(gh_store *store);

#endif
