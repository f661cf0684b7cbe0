/* What the files of the session table share.
 *
 * Locks: the table's is for finding sessions, their order and their holders; each session's is for the rest
 * of it. A session's may be taken under the table's, never the other way round; the hub's comes before a
 * session's, an outbox's after it. No function of a work is called with either held. */
#ifndef GH_SERVER_MCP_SESSION_PRIVATE_H
#define GH_SERVER_MCP_SESSION_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "server/mcp/session.h"
#include "server/mcp/work.h"
#include "shared/core/clock.h"

/* A user with live sessions, through whatever clients: registering one more client makes no room. */
typedef struct gh_mcp_session_owner {
    gh_principal *principal; /* issuer and subject only */
    size_t hash;
    size_t count;
    size_t kept;                       /* bytes of streams that have ended, as the last sweep counted them */
    size_t subscribed;                 /* bytes of URIs */
    gh_mcp_session *sessions;          /* linked by `sibling` */
    struct gh_mcp_session_owner *next; /* in its bucket */
} gh_mcp_session_owner;

/* One request that the client was sent. */
typedef struct gh_mcp_asked {
    uint64_t id;
    char *key;
    const char *method; /* a constant */
    char *result;       /* raw JSON object; NULL until it came */
} gh_mcp_asked;

/* A request in flight. */
typedef struct gh_mcp_flight {
    struct gh_mcp_flight *next;
    gh_mcp_work *work; /* held */
    gh_mcp_asked *asked;
    size_t asked_count;
    size_t missing; /* of these */
    size_t bytes;   /* of the results that came */
    gh_deadline deadline;
    int64_t timeout_ms;
} gh_mcp_flight;

typedef struct gh_mcp_kept_stream {
    struct gh_mcp_kept_stream *next; /* the newer one */
    gh_mcp_outbox *outbox;           /* held */
    uint64_t number;
    int64_t ended_ms; /* when it was first seen to have ended; 0 before */
} gh_mcp_kept_stream;

struct gh_mcp_session {
    char id[GH_MCP_SESSION_ID_MAX];
    const char *version;
    gh_mcp_sessions *table;
    gh_mcp_outbox *standalone; /* held */
    gh_mcp_listener listener;
    char *capabilities;
    atomic_int level;
    atomic_bool initialized;

    /* under the table's lock */
    gh_mcp_session_owner *owner; /* NULL once it has ended */
    char *client_id;             /* the client's that opened it; NULL for none */
    size_t hash;
    size_t holders;
    int64_t used_ms;
    gh_mcp_session *sibling;
    gh_mcp_session *next;  /* in its bucket; of the ended ones, in the list of those to be buried */
    gh_mcp_session *older; /* all live ones by time of use */
    gh_mcp_session *newer;

    /* under its own */
    pthread_mutex_t lock;
    bool mute; /* nothing may be asked any more */
    char **subscriptions;
    size_t subscription_count;
    size_t subscribed; /* bytes of these, while the session is in the table */
    gh_mcp_flight *flights;
    gh_mcp_kept_stream *streams; /* the oldest first */
    size_t stream_count;
    uint64_t last_stream;
    uint64_t last_ask;
};

struct gh_mcp_sessions {
    pthread_mutex_t lock;
    gh_mcp_hub *hub;
    size_t max;
    size_t max_per_principal;
    int64_t idle_ms;
    bool drained;
    size_t count;
    size_t buckets; /* a power of two */
    gh_mcp_session **by_id;
    gh_mcp_session_owner **owners;
    gh_mcp_session *oldest;
    gh_mcp_session *newest;
};

/* --- session_index.c: with the table's lock held --- */

size_t gh_mcp_session_hash(gh_view id);
void gh_mcp_session_touch(gh_mcp_sessions *table, gh_mcp_session *session, int64_t now);
gh_mcp_session *gh_mcp_session_find(const gh_mcp_sessions *table, const gh_principal *principal, gh_view id);
/* Takes it out of the table and in front of `ended`, held once more. */
void gh_mcp_session_unlink(gh_mcp_sessions *table, gh_mcp_session *session, gh_mcp_session **ended);
/* Those that were idle too long leave. */
void gh_mcp_session_expire(gh_mcp_sessions *table, int64_t now, gh_mcp_session **ended);
/* Makes room if it must. GH_ERR_UNAVAILABLE when there is none. */
GH_MUST_USE gh_status gh_mcp_session_insert(gh_mcp_sessions *table, const gh_principal *principal,
                                            gh_mcp_session *fresh, gh_mcp_session **ended);

/* --- session_flight.c --- */

/* Works that are held for the caller, who calls their functions without a lock. */
typedef struct gh_mcp_work_list {
    gh_mcp_work **works;
    size_t count;
    size_t capacity;
} gh_mcp_work_list;

/* With the session's lock held. What does not fit into memory is left out. */
void gh_mcp_work_list_add(gh_mcp_work_list *list, gh_mcp_work *work);
void gh_mcp_work_list_clear(gh_mcp_work_list *list);
void gh_mcp_session_forget_asked(gh_mcp_flight *flight);
gh_mcp_flight *gh_mcp_session_flight(const gh_mcp_session *session, const gh_mcp_work *work);
/* Cancels all that is in flight. */
void gh_mcp_session_cancel_all(gh_mcp_session *session);

/* --- session_asks.c --- */

/* Adds the works that waited too long for the client, or all that wait. */
void gh_mcp_session_overdue(gh_mcp_session *session, bool all, gh_mcp_work_list *late);

/* --- session_streams.c --- */

GH_MUST_USE gh_status gh_mcp_session_open_streams(gh_mcp_session *session);
/* Streams that ended a while ago are forgotten, and so are the oldest of those that ended when they hold more
 * than what is left of GH_MCP_SESSION_KEPT_BYTES after `*kept`, to which the others are added. */
#define GH_MCP_SESSION_KEPT_BYTES ((size_t)64 * 1024 * 1024) /* of one principal */
void gh_mcp_session_age_streams(gh_mcp_session *session, int64_t now, size_t *kept);
void gh_mcp_session_free_streams(gh_mcp_session *session);

#endif
