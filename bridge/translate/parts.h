/* Private to translate: its state, and the functions between its files. */
#ifndef GH_BRIDGE_TRANSLATE_PARTS_H
#define GH_BRIDGE_TRANSLATE_PARTS_H

#include <stdint.h>

#include "bridge/translate/compose.h"
#include "bridge/translate/tools.h"
#include "bridge/translate/translator.h"

/* How long the server is kept waiting for input that the client was asked for. */
#define GH_TRANSLATOR_PARKED_MS (10LL * 60 * 1000)
/* More than these would take the places of other calls. */
#define GH_TRANSLATOR_PARKED_MAX 16

/* How long a subscription waits for the server to acknowledge it, and how many may. */
#define GH_TRANSLATOR_WAITER_MS (60LL * 1000)
#define GH_TRANSLATOR_WAITERS_MAX 1024

typedef struct gh_call gh_call;

/* A message of the server, as it came. */
typedef struct gh_arrival {
    const gh_rpc_message *message;
    gh_view line;
    gh_translator_origin origin;
} gh_arrival;

/* What one side asks the other in the middle of a call: upward a question that the client is asked, downward
 * a request of the server. */
typedef struct gh_ask {
    struct gh_ask *next;
    char *key; /* raw string: its name among the input requests */
    char *id;  /* raw: upward the bridge's own, downward the server's */
    char *method;
    char *params;   /* raw; NULL when none */
    char *response; /* upward: raw; NULL while it is open */
} gh_ask;

typedef enum gh_call_state {
    GH_CALL_SENT,     /* the server has it, under `server_id` */
    GH_CALL_DECIDING, /* waits until it is known what the server speaks */
    GH_CALL_LISTING,  /* waits for the list of tools */
    GH_CALL_ASKING,   /* upward: waits for what the client is asked */
    GH_CALL_PARKED    /* downward: the server has it, and the client was told to come again with input */
} gh_call_state;

/* A request that the translator has to do with. */
struct gh_call {
    gh_call *next;
    gh_call_state state;
    char *client_id;        /* raw; NULL: the translator's own, or nobody waits for it any more */
    char *server_id;        /* raw; NULL while the server does not have it */
    char *text;             /* the client's whole message; NULL for the translator's own */
    gh_rpc_message message; /* borrows from it */
    /* The reply arrived. The call is out of the list and belongs to the function. */
    void (*replied)(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
    /* Says it to the server, for the first time or again; the call goes into the list. */
    void (*send)(gh_translator *translator, gh_call *call);
    bool answered;  /* ahead: nothing more is said of it to the client */
    bool repeated;  /* with fresh headers, once */
    char *original; /* the server's reply in the client's own era, should the other one fail, too */
    gh_ask *asks;
    unsigned rounds;     /* upward: of input */
    char *request_state; /* raw: upward the server's */
    char *responses;     /* upward: raw members for the next round */
    char *token;         /* downward: the bridge's own state, while parked */
    char *final;         /* downward: raw, the result or error that came while parked */
    bool final_is_error;
    int64_t parked_at; /* ms, monotonic */
    bool wants_log;    /* downward */
};

/* A message that waits its turn. */
typedef struct gh_letter {
    struct gh_letter *next;
    char *text;
    char *request; /* of the origin */
    gh_translator_origin origin;
    bool from_client;
} gh_letter;

typedef struct gh_letters {
    gh_letter *first, *last;
    size_t count, bytes;
} gh_letters;

/* Upward: legacy client, modern server. */
typedef struct gh_waiter { /* a resources/(un)subscribe that is answered once the server acknowledged */
    struct gh_waiter *next;
    char *client_id; /* raw */
    char *uri;       /* must be acknowledged; NULL for unsubscribe */
    bool later;      /* with the listening after the one that is being opened */
    int64_t until;   /* ms, monotonic */
} gh_waiter;

typedef struct gh_up {
    char *meta;  /* raw members of every request's _meta; NULL before the client's initialize */
    char *level; /* of logging; NULL: none wanted */
    char *asked; /* raw client capabilities */
    bool tools, prompts, resources, subscribe; /* what listening offers */
    bool initialized;
    char *listening, *opening; /* raw ids of subscriptions/listen requests */
    bool stale;                /* what to listen to has changed since `opening` was sent */
    gh_compose_set uris;
    gh_waiter *waiters;
    size_t waiter_count;
    int64_t retry_at, retry_ms; /* 0: none is due */
} gh_up;

/* Downward: modern client, legacy server. */
typedef struct gh_listen {
    struct gh_listen *next;
    char *client_id; /* raw */
    bool tools, prompts, resources;
    gh_compose_set uris;
} gh_listen;

typedef struct gh_down {
    bool open;    /* the session is */
    bool opening; /* it is about to be */
    char *level;  /* that the server was told last; NULL: none */
    gh_listen *listens;
    size_t parked;
} gh_down;

/* What a legacy client told a legacy server that lasts as long as the session, and what of all that lasts is
 * to be said again in a new one. */
typedef struct gh_session {
    gh_compose_set uris;   /* subscribed to */
    char *level;           /* of logging, raw; NULL: none was set */
    gh_compose_set unsaid; /* subscriptions whose turn is still to come */
    bool level_unsaid;
    size_t open; /* said again, and not answered yet */
} gh_session;

struct gh_translator {
    gh_translator_options options;
    gh_json_limits limits;
    gh_server_memory memory;
    gh_tools *tools;
    unsigned long long last_id;
    gh_mcp_era client; /* of its last request */
    gh_mcp_era only;   /* the one era that the server speaks; UNKNOWN while it may speak both */
    bool modern_seen;  /* the server has shown that it speaks the modern one */
    bool remembered;   /* `only` is from the last time and has not been confirmed */
    bool holding;      /* a decision is under way: what the client says waits */
    bool busy;
    bool ended;
    bool announce; /* the modern client was answered ahead: its lists change once it listens */
    gh_call *calls;
    gh_call **calls_end;
    gh_letters held;     /* of the client, while holding */
    gh_letters deferred; /* that came while busy */
    char *fetch_meta;    /* raw: of the tools/list under way; NULL when none is */
    unsigned fetch_pages;
    gh_up up;
    gh_down down;
    gh_session session;
};

/* call.c: calls and what is said to either side. */
gh_call *gh_call_new(gh_translator *translator, const gh_rpc_message *message); /* NULL without memory */
/* A request of the translator's own with these raw params, sent at once. NULL when it could not be. */
gh_call *gh_call_own(gh_translator *translator, const char *method, gh_view params,
                     void (*replied)(gh_translator *, gh_call *, const gh_arrival *));
void gh_call_free(gh_call *call);
void gh_call_add(gh_translator *translator, gh_call *call, gh_call_state state);
void gh_call_remove(gh_translator *translator, gh_call *call);
/* Takes all of this state out of the list; linked by `next`, in order. */
gh_call *gh_call_detach(gh_translator *translator, gh_call_state state);
gh_call *gh_call_of_server(const gh_translator *translator, gh_view id);
gh_call *gh_call_of_client(const gh_translator *translator, gh_view id); /* that may still be answered */
/* True when one with this id was answered ahead and is still under way. */
bool gh_call_is_answered(const gh_translator *translator, gh_view id);
/* Gives it a fresh id and sends it as `method` with raw `params`. On failure (also: empty params) the client
 * gets an error, and the call is gone. */
bool gh_call_send(gh_translator *translator, gh_call *call, const char *method, gh_view params);
/* Replies with the raw `value` of "result" or "error", unless it was answered ahead, and frees it. */
void gh_call_answer(gh_translator *translator, gh_call *call, const char *kind, gh_view value);
void gh_call_answer_original(gh_translator *translator, gh_call *call); /* with that error */
void gh_call_fail(gh_translator *translator, gh_call *call, int code, const char *sentence);
/* With what the arrival says, error or result, unchanged. */
void gh_call_pass(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
char *gh_translator_new_id(gh_translator *translator);      /* raw */
size_t gh_translator_room(const gh_translator *translator); /* for one composed message */
void gh_translator_say(gh_translator *translator, const gh_buf *line, bool to_client);
void gh_translator_notify(gh_translator *translator, bool to_client, const char *method, gh_view params);
void gh_translator_refuse(gh_translator *translator, gh_view id, int code, const char *sentence);
/* A request whose id is in use; the id is not named, for its own reply is yet to come. */
void gh_translator_refuse_twin(gh_translator *translator);
/* Cancels at the server what goes by this raw id there. */
void gh_translator_cancel(gh_translator *translator, const char *server_id);

/* asks.c: questions in the middle of a call. */
#define GH_ASKS_MAX 64
gh_ask *gh_ask_new(const char *method, gh_view params); /* NULL without memory */
void gh_ask_free(gh_ask *ask);                          /* NULL is fine */
void gh_ask_append(gh_ask **list, gh_ask *ask);
size_t gh_ask_count(const gh_ask *list);
/* Whether a client with these raw capabilities can answer it. */
bool gh_ask_is_supported(gh_view capabilities, const char *method, gh_view params);

/* letters.c: messages that wait. */
bool gh_letters_add(gh_letters *letters, gh_view text, const gh_translator_origin *origin);
gh_letter *gh_letters_take(gh_letters *letters);
/* False when no request with this raw id is among them. */
bool gh_letters_drop_request(gh_letters *letters, gh_view id);
void gh_letter_free(gh_letter *letter);

/* translator.c */
void gh_translator_lose(gh_translator *translator); /* says so, once for each message */
/* The end of what `busy` was set for: works off what came meanwhile, and what was held until now. */
void gh_translator_leave(gh_translator *translator);
void gh_translator_route(gh_translator *translator, const gh_rpc_message *message);
/* No decision was reached: requests that were held get this raw error, the rest is dropped. */
void gh_translator_fail_held(gh_translator *translator, gh_view error);
void gh_translator_note_server(gh_translator *translator, gh_view capabilities, gh_view server_info,
                               gh_view instructions);
void gh_translator_set_only(gh_translator *translator, gh_mcp_era only, bool remember);

/* decide.c: what a reply shows. */
typedef enum gh_judgement { GH_SHOWS_NOTHING, GH_SHOWS_LEGACY, GH_SHOWS_MODERN, GH_SHOWS_DOUBT } gh_judgement;
gh_judgement gh_decide_initialize(const gh_arrival *arrival); /* MODERN: worth asking server/discover */
gh_judgement gh_decide_discover(const gh_arrival *arrival);
gh_judgement gh_decide_request(const gh_arrival *arrival); /* of a modern request */
/* The raw version list of a discovery's result names a version of that era. */
bool gh_decide_lists(gh_view versions, gh_mcp_era era);

/* same.c: both sides of the same era. */
void gh_same_request(gh_translator *translator, const gh_rpc_message *message, gh_mcp_era era);
void gh_same_probe(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
void gh_same_notification(gh_translator *translator, const gh_arrival *arrival);

/* session.c */
/* A request whose success lasts as long as the session. */
bool gh_session_is_lasting(const char *method);
void gh_session_note(gh_translator *translator, const gh_rpc_message *request);
void gh_session_clear(gh_translator *translator);
/* A subscription for gh_session_say_again. False when it will not be said. */
bool gh_session_add(gh_translator *translator, const char *uri);
/* Says what is unsaid, few at a time. */
void gh_session_say_again(gh_translator *translator);

/* lists.c */
/* Takes a call of an unknown tool of a modern server over until the list is there. */
bool gh_lists_wait(gh_translator *translator, gh_call *call);
/* Repeats a call whose headers the server finds wrong, once; true when it did. */
bool gh_lists_repeat(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
/* The result of tools/list as the client may see it; `buf` holds it when it differs. */
gh_view gh_lists_result(gh_translator *translator, gh_view result, bool modern, gh_buf *buf);
/* False, and refused, when the tool is hidden. */
bool gh_lists_allow(gh_translator *translator, const gh_rpc_message *message);

/* ahead.c: what is answered for the server. */
/* Replies without freeing it, and marks it. */
void gh_ahead_answer(gh_translator *translator, gh_call *call);
gh_status gh_ahead_initialize(const gh_call *call, const gh_server_memory *memory, gh_buf *result);
gh_status gh_ahead_discover(const gh_server_memory *memory, gh_buf *result);
/* Nobody signed in for them: replies to the looks that wait. False when something else waits, too. */
bool gh_ahead_answer_looks(gh_translator *translator);
/* The server wants somebody to sign in before it says what it is, and for a look alone nobody is asked. */
bool gh_ahead_asks_to_sign_in(const gh_arrival *arrival);
/* Tells the client that its lists changed. */
void gh_ahead_announce_legacy(gh_translator *translator);
/* What was acknowledged, by the raw params of the acknowledgement. */
void gh_ahead_announce_modern(gh_translator *translator, gh_view acknowledged);

/* upward.c, up_input.c, up_listen.c */
void gh_up_initialize(gh_translator *translator, gh_call *call); /* takes the call over */
void gh_up_take(gh_translator *translator, const gh_rpc_message *message);
void gh_up_message(gh_translator *translator, const gh_arrival *arrival); /* not a reply */
gh_status gh_up_meta(const gh_translator *translator, gh_buf *members);
void gh_up_send(gh_translator *translator, gh_call *call);
void gh_up_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
void gh_up_ask(gh_translator *translator, gh_call *call, gh_view result);
bool gh_up_take_response(gh_translator *translator, const gh_rpc_message *message);
void gh_up_withdraw(gh_translator *translator, gh_call *call); /* its questions */
void gh_up_listen(gh_translator *translator);
void gh_up_subscribe(gh_translator *translator, const gh_rpc_message *message, bool on);
bool gh_up_listen_message(gh_translator *translator, const gh_arrival *arrival);
void gh_up_listen_tick(gh_translator *translator, int64_t now);
void gh_up_listen_clear(gh_translator *translator, int code, const char *sentence);
bool gh_up_listen_awaits(const gh_translator *translator, gh_view client_id);
bool gh_up_listen_cancel(gh_translator *translator, gh_view client_id);

/* downward.c, down_input.c, down_listen.c */
/* Takes the call over; the first one opens the session. */
void gh_down_open(gh_translator *translator, gh_call *call);
void gh_down_take(gh_translator *translator, const gh_rpc_message *message);
void gh_down_message(gh_translator *translator, const gh_arrival *arrival); /* not a reply */
void gh_down_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival);
/* The server's result or error, as the modern era has it. */
void gh_down_finish(gh_translator *translator, gh_call *call, bool error, gh_view value);
gh_status gh_down_complete(const char *method, gh_view result, gh_buf *out);
void gh_down_asked(gh_translator *translator, const gh_arrival *arrival);
void gh_down_unasked(gh_translator *translator, gh_view server_request);
void gh_down_retry(gh_translator *translator, const gh_rpc_message *message, gh_view state);
/* Ends the client's request with what the server asks, while the server's goes on; the call is in no list. */
void gh_down_park(gh_translator *translator, gh_call *call);
void gh_down_refuse_server(gh_translator *translator, gh_view id, int code, const char *sentence);
void gh_down_drop_parked(gh_translator *translator, int64_t before);
void gh_down_listen(gh_translator *translator, const gh_rpc_message *message);
bool gh_down_unlisten(gh_translator *translator, gh_view client_id);
bool gh_down_is_subscribed(const gh_translator *translator, const char *uri);
void gh_down_publish(gh_translator *translator, const gh_rpc_message *message);
void gh_down_resubscribe(gh_translator *translator);
void gh_down_listens_end(gh_translator *translator);

/* Methods that may end with a request for input (2026-07-28, "Supported Requests"). */
bool gh_translator_is_askable(const char *method);

#endif
