/* What the files of gh_idp share: idp.c (lifecycle, state), idp_thread.c, idp_fetch.c (requests and the
 * clients for them), idp_discovery.c (metadata), idp_keys.c (keys), idp_grant.c (the token endpoint),
 * idp_login.c (a login), idp_id_token.c, idp_userinfo.c, idp_refresh.c, idp_issue.c (tokens for APIs),
 * idp_check.c. */
#ifndef GH_SERVER_IDP_IDP_PRIVATE_H
#define GH_SERVER_IDP_IDP_PRIVATE_H

#include <pthread.h>

#include "server/idp/idp.h"
#include "shared/core/clock.h"
#include "shared/net/http_client.h"

#define GH_IDP_POOL_MAX 8
#define GH_IDP_WAITERS_MAX 32 /* threads that wait for a client; likewise for an unknown key */
#define GH_IDP_DOCUMENT_MAX ((size_t)256 * 1024)
#define GH_IDP_REPLY_MAX ((size_t)64 * 1024) /* of the token endpoint */
#define GH_IDP_URL_MAX ((size_t)16 * 1024)

/* Milliseconds. */
typedef struct gh_idp_pace {
    int64_t first_ms;       /* before the second attempt; doubles */
    int64_t most_ms;        /* until it is this */
    int64_t metadata_ms;    /* between confirmations */
    int64_t keys_ms;        /* likewise */
    int64_t cooldown_ms;    /* between requests for the keys because of unknown ones, on average; */
    int64_t missed_burst;   /* so many may follow each other at once */
    int64_t missed_wait_ms; /* how long gh_idp_keys_missed waits */
} gh_idp_pace;

struct gh_idp {
    /* Read-only after gh_idp_new. */
    char *issuer;
    char *client_id;
    gh_secret *client_secret;
    char *redirect_uri;
    char *scopes;
    char *connect_to;
    char *ca_file;
    bool allow_insecure_http;
    bool needs_pkce;
    bool renamed;
    gh_idp_pace pace;
    int stop_fd[2]; /* a pipe: readable once it is to stop, which ends every request under way */

    pthread_mutex_t lock; /* for all below; never held across I/O */
    pthread_cond_t changed;
    bool threaded;
    bool stopping;
    pthread_t thread;

    gh_idp_state state;
    gh_error why; /* of WAITING and REFUSED; of READY when degraded */
    bool degraded;
    gh_server_metadata *metadata; /* NULL before the first contact */
    gh_keyset *keys;              /* NULL likewise */
    int64_t keys_confirmed_ms;    /* monotonic */
    bool keys_wanted;             /* somebody waits for the answer to an unknown key */
    uint64_t keys_rounds;         /* requests for the keys that have ended */
    int64_t missed_until_ms;      /* monotonic: when the last such request will have cooled down */
    size_t missed_waiters;

    gh_http_client *idle[GH_IDP_POOL_MAX];
    size_t idle_count;
    size_t client_count; /* idle and lent */
    size_t client_waiters;
};

/* How an attempt to reach the provider ended. */
typedef enum gh_idp_verdict {
    GH_IDP_GOOD,
    GH_IDP_AWAY, /* an outage, or an answer that a starting provider may give: try again */
    GH_IDP_BAD   /* an answer that cannot work until somebody changes something */
} gh_idp_verdict;

/* idp.c */
/* The metadata now, copied; GH_ERR_UNAVAILABLE with a sentence before the first contact. */
GH_MUST_USE gh_status gh_idp_need_metadata(gh_idp *idp, gh_server_metadata *out, gh_error *error);
GH_MUST_USE gh_status gh_idp_copy_metadata(const gh_server_metadata *from, gh_server_metadata *to);
bool gh_idp_wait_changed(gh_idp *idp, gh_deadline deadline); /* with the lock held; false at the deadline */

void gh_idp_free_metadata(gh_server_metadata *metadata); /* NULL is fine */

/* idp_thread.c */
/* Finds the provider and keeps metadata and keys fresh until the idp stops; takes the gh_idp. */
void *gh_idp_run(void *context);

/* idp_fetch.c */
typedef struct gh_idp_reply {
    int http_status;
    gh_buf body;
    gh_buf location;     /* the Location header, cut at GH_IDP_URL_MAX */
    gh_buf content_type; /* without parameters */
} gh_idp_reply;

#define GH_IDP_REPLY_INIT                                                                                    \
    ((gh_idp_reply){0, GH_BUF_INIT(GH_IDP_DOCUMENT_MAX), GH_BUF_INIT(GH_IDP_URL_MAX), GH_BUF_INIT(256)})
void gh_idp_reply_clear(gh_idp_reply *reply); /* wipes the body */

GH_MUST_USE gh_status gh_idp_client_new(const gh_idp *idp, gh_http_client **client, gh_error *error);
/* GH_OK: a whole reply of any HTTP status. Otherwise what the client said; GH_ERR_CANCELLED when the idp
 * stops; it may be NULL. */
GH_MUST_USE gh_status gh_idp_fetch(const gh_idp *idp, gh_http_client *client, const gh_http_request *request,
                                   gh_deadline deadline, gh_idp_reply *reply, gh_error *error);
GH_MUST_USE gh_status gh_idp_get(const gh_idp *idp, gh_http_client *client, const char *url,
                                 gh_deadline deadline, gh_idp_reply *reply, gh_error *error);
/* A client from the pool, for one thread until it is given back; GH_ERR_UNAVAILABLE at the deadline, and at
 * once when too many wait already. */
GH_MUST_USE gh_status gh_idp_borrow(gh_idp *idp, gh_deadline deadline, gh_http_client **client,
                                    gh_error *error);
void gh_idp_give_back(gh_idp *idp, gh_http_client *client);
void gh_idp_drop_idle(gh_idp *idp); /* frees the clients that nobody has borrowed */

/* idp_discovery.c */
/* Looks for the discovery document. On GOOD *out is filled; it has been read but not judged. */
gh_idp_verdict gh_idp_discover(const gh_idp *idp, gh_http_client *client, gh_server_metadata *out,
                               gh_error *error);
/* Each part of the judgement: GH_OK, or a status with a sentence and a remedy. */
GH_MUST_USE gh_status gh_idp_judge_issuer(const gh_idp *idp, const gh_server_metadata *m, gh_error *error);
GH_MUST_USE gh_status gh_idp_judge_endpoints(const gh_idp *idp, const gh_server_metadata *m, gh_error *error);
GH_MUST_USE gh_status gh_idp_judge_pkce(const gh_idp *idp, const gh_server_metadata *m, gh_error *error);
GH_MUST_USE gh_status gh_idp_judge_algorithms(const gh_server_metadata *m, gh_error *error);
/* Whether clients that know the provider under another name can use its answers. No part of gh_idp_judge:
 * some clients do not look. */
GH_MUST_USE gh_status gh_idp_judge_answers(const gh_idp *idp, const gh_server_metadata *m, gh_error *error);
GH_MUST_USE gh_status gh_idp_judge(const gh_idp *idp, const gh_server_metadata *m, gh_error *error);
/* Plain http is for loopback, or when allowed. */
GH_MUST_USE gh_status gh_idp_judge_url(const gh_idp *idp, const char *what, const char *text,
                                       gh_error *error);

/* idp_keys.c */
/* On GOOD *out is a set with at least one key (owned). */
gh_idp_verdict gh_idp_fetch_keys(const gh_idp *idp, gh_http_client *client, const char *jwks_uri,
                                 gh_keyset **out, gh_error *error);
/* gh_idp_keys_missed with another limit. */
gh_keyset *gh_idp_keys_missed_by(gh_idp *idp, gh_deadline deadline);
/* Puts `fresh` (taken over) in place unless it holds the very keys that are there already. With the lock. */
void gh_idp_adopt_keys(gh_idp *idp, gh_keyset *fresh);

/* idp_grant.c */
#define GH_IDP_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"
#define GH_IDP_JWT "urn:ietf:params:oauth:token-type:jwt"

/* As whom to log in at a token endpoint; borrowed. */
typedef struct gh_idp_login {
    const char *client_id;
    const gh_secret *secret; /* NULL for a public client */
    bool in_body;            /* client_secret_post, else client_secret_basic */
} gh_idp_login;
gh_idp_login gh_idp_own_login(const gh_idp *idp, const gh_server_metadata *m);
/* POSTs a form to an endpoint with the client's authentication; `form` is what comes before it. `idp` NULL:
 * nothing can end it before the deadline. */
GH_MUST_USE gh_status gh_idp_post_form_as(const gh_idp *idp, gh_http_client *client, const gh_idp_login *as,
                                          const char *url, gh_buf *form, gh_deadline deadline,
                                          gh_idp_reply *reply, gh_error *error);
/* The same as the own client. */
GH_MUST_USE gh_status gh_idp_post_form(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                                       const char *url, gh_buf *form, gh_deadline deadline,
                                       gh_idp_reply *reply, gh_error *error);
gh_status gh_idp_add_field(gh_buf *form, const char *name, gh_view value);
/* Reads the token endpoint's reply. *id_token (may be NULL) is NULL when there was none. GH_ERR_UNAVAILABLE
 * for an outage; GH_ERR_DENIED with the OAuth error code in `code` (at least 64 bytes). */
GH_MUST_USE gh_status gh_idp_read_tokens(const gh_idp_reply *reply, gh_idp_tokens *tokens,
                                         gh_secret **id_token, char *code, gh_error *error);
/* Likewise where only an access token is wanted: what came with it is dropped. `exchanged`: it must say that
 * it is one (RFC 8693, 2.2.1). */
GH_MUST_USE gh_status gh_idp_read_issued(const gh_idp_reply *reply, bool exchanged, gh_idp_tokens *tokens,
                                         char *code, gh_error *error);
/* Waits and transport failures as the callers report them: an outage. */
gh_status gh_idp_outage(gh_error *error, const gh_error *cause);

/* idp_id_token.c */
/* `nonce` NULL: not looked at (a refresh). GH_ERR_DENIED, GH_ERR_UNAVAILABLE. *claims is owned. */
GH_MUST_USE gh_status gh_idp_verify_id_token(gh_idp *idp, gh_view id_token, const char *nonce,
                                             gh_view access_token, gh_deadline deadline, cJSON **claims,
                                             gh_error *error);

/* idp_userinfo.c */
/* Adds what userinfo says to `claims`, which keep what they have. GH_OK also when there is no such endpoint
 * or it will not answer this token; GH_ERR_DENIED when it speaks of another subject. */
GH_MUST_USE gh_status gh_idp_add_userinfo(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                                          const gh_secret *access_token, gh_deadline deadline, cJSON *claims,
                                          gh_error *error);

/* idp_probe.c */
/* An authorization request that must not show a page. GH_ERR_DENIED when the provider does not know the
 * client or its redirect URI; GH_ERR_UNAVAILABLE and others when that cannot be told. */
GH_MUST_USE gh_status gh_idp_probe_redirect(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                                            gh_error *why);

#endif
