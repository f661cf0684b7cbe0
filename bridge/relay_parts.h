/* Private to relay: its state, and the functions between its files. */
#ifndef GH_BRIDGE_RELAY_PARTS_H
#define GH_BRIDGE_RELAY_PARTS_H

#include "bridge/relay.h"
#include "bridge/relay_item.h"
#include "bridge/stdio.h"
#include "bridge/translate/translator.h"

struct gh_relay {
    gh_loop *loop;
    gh_remote *remote;
    const gh_bridge_settings *settings;
    gh_stdio *stdio;
    gh_era *era;
    gh_translator *translator;
    gh_relay_item *line;  /* the client's, while the translator looks at it */
    gh_relay_list inbox;  /* from the translator, not looked at yet */
    char *memory_key;     /* of what is remembered of the server; NULL: nothing is */
    gh_loop_timer *ticks; /* while the translator needs them */
    gh_json_limits limits;
    gh_relay_list queue;     /* in the order of arrival */
    gh_relay_list active;    /* with an exchange */
    size_t calls, notes;     /* of the active ones, that count against their caps */
    gh_relay_item *barrier;  /* active; nothing else is sent before it is done */
    gh_exchange *stream;     /* the legacy GET stream */
    gh_loop_timer *settling; /* while calls wait for that stream to be there */
    /* The legacy session, to open it anew. */
    char *initialize_params; /* raw, as the client sent them; NULL before */
    unsigned generation;
    bool session_lost;
    int64_t opened_ms;           /* when it was opened, on the monotonic clock */
    gh_loop_timer *reopen_timer; /* while it is about to be opened anew for the sake of its stream alone */
    int64_t reopen_ms;           /* how long that waited the last time */
    bool listened;               /* the server had a stream for its own messages */
    bool lists_promised;         /* answered ahead: the client is told to ask again once there is a session */
    gh_loop_timer *patience;     /* until `initialize` is answered ahead */
    int looks;
    bool emptied; /* the queue was gone through: who walks along it has to start again */
    /* The end. */
    bool ended;  /* no more input */
    bool broken; /* a message was lost for lack of memory: a reply may never come */
    bool ending; /* everything is answered; at most the session's DELETE is under way */
    int exit_code;
    gh_exchange *farewell;
    gh_loop_timer *end_timer;
};

/* relay.c: what comes from the client and goes to it, all of it through the translator. */
/* A message that the translator gave is at its place in the queue, or done. */
void gh_relay_take(gh_relay_item *item);
/* A message of the server that is no answer; `message` NULL: it is parsed when that is needed. */
void gh_relay_hand_on(gh_relay *relay, const gh_rpc_message *message, gh_view line, gh_view request);
/* Answers a request (its own ones for nobody) and frees it. `line` is the whole reply. */
void gh_relay_answer(gh_relay_item *item, const gh_rpc_message *message, gh_view line, int http_status);
void gh_relay_answer_error(gh_relay_item *item, int code, const char *sentence);
/* Takes it out of its list and frees it, releasing or cancelling its exchange. */
void gh_relay_drop(gh_relay_item *item);

/* relay_translator.c */
GH_MUST_USE gh_status gh_relay_make_translator(gh_relay *relay);

/* relay_end.c */
/* A message was lost for lack of memory. The process ends with an error, for a client that waits for a reply
 * that never comes is worse off than one whose server died. */
void gh_relay_break(void *context);

/* relay_send.c: what goes to the server. Sends what may be sent now, and sees whether all is done. */
void gh_relay_pump(gh_relay *relay);

/* relay_session.c: the legacy session. */
/* `initialize` got this raw result. */
void gh_relay_session_opened(gh_relay_item *initialize, gh_view session_id, gh_view result);
/* `initialized` was accepted. Calls wait a moment for the server's stream: what it says during one may go
 * there. */
void gh_relay_session_ready(gh_relay *relay);
/* The server does not know the item's session any more; the item is queued again or answered. */
void gh_relay_session_refused(gh_relay_item *item, const gh_verdict *verdict);
/* There is no session, and what waits for one is answered with this. The next call tries again. */
void gh_relay_session_failed(gh_relay *relay, int code, const char *sentence);
/* What the client opens with (true for such an item) is on its way: it is answered ahead when a person has to
 * sign in first. */
bool gh_relay_is_opening(const gh_relay_item *item);
void gh_relay_session_watch(gh_relay *relay);
/* Puts the relay's own `initialize` at the front of the queue; on failure what needs it is answered. */
void gh_relay_session_reopen(gh_relay *relay);
/* The same by itself, in a while and without a person: a client may wait for nothing but changes. */
void gh_relay_session_reopen_later(gh_relay *relay);
/* The session is lost; it is opened anew as by gh_relay_session_reopen_later. */
void gh_relay_session_lose(gh_relay *relay);

/* relay_end.c. */
typedef enum gh_relay_cause { GH_RELAY_INPUT_ENDED, GH_RELAY_STOPPED, GH_RELAY_UNREAD } gh_relay_cause;
/* Answers everything, deletes the session, stops the loop. */
void gh_relay_end(gh_relay *relay, gh_relay_cause cause);
/* Ends when the input has ended and nothing is open. */
void gh_relay_end_if_idle(gh_relay *relay);
/* After gh_relay_break, when the loop has stopped: answers what can be answered. */
void gh_relay_end_broken(gh_relay *relay);
void gh_relay_input_ended(void *context);
void gh_relay_output_closed(void *context);

#endif
