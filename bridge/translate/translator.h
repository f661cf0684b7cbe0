/* The translator: between a client of one era and a server of the other (2026-07-28 against 2025-11-25 and
 * before). It stands between stdio and the relay, and to each side it is a peer of that side's own era:
 *
 *     client --from_client--> translator --to_server--> relay --> server
 *     client <--to_client---- translator <--from_server-- relay <-- server
 *
 * When both speak the same era it passes lines on untouched, byte for byte, but for the tools that are left
 * out of lists. It makes no request of its own before the client has said something. It decides by what it
 * is told of the server (options.known, remembered from the last time) or by the first replies, as
 * "Backward Compatibility" of 2026-07-28 has it: the client's own era is tried first; what shows that the
 * server lacks it turns translation on, and what the client is waiting for is said again in the other era.
 *
 * Every request of the client gets exactly one reply and a cancelled one none, as long as the relay keeps
 * that promise towards the translator. Nothing here does I/O or waits; memory is bounded by what is open.
 * Belongs to the loop's thread; from_client and from_server may be called from within to_server and to_client
 * (a reply that comes at once), and are then worked off in order. */
#ifndef GH_BRIDGE_TRANSLATE_TRANSLATOR_H
#define GH_BRIDGE_TRANSLATE_TRANSLATOR_H

#include <stdbool.h>

#include "bridge/era.h"
#include "bridge/translate/memory.h"
#include "shared/config/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/rpc/mcp.h"
#include "shared/rpc/message.h"

typedef struct gh_translator gh_translator;

/* How a message came. */
typedef struct gh_translator_origin {
    gh_view request; /* raw id of the request on whose stream it came; empty: the server's own stream */
    bool is_answer;  /* the response to that request */
    int http_status; /* of the response that carried an answer; 0 when there was none */
    bool local;      /* the bridge made the answer: the server's response was no JSON-RPC */
} gh_translator_origin;

typedef struct gh_translator_options {
    const gh_server_memory *known; /* copied; NULL for nothing */
    bool legacy_only;              /* nothing newer than 2025-11-25 is tried with the server */
    const gh_text_list *allow;     /* patterns of tools, borrowed; NULL or none: all */
    const gh_text_list *ignore;    /* likewise; NULL or none: none */
    size_t max_message;
    void *context;
    void (*to_server)(void *context, gh_view line); /* as if a client of the server's era had written it */
    void (*to_client)(void *context, gh_view line);
    /* A message was lost for lack of memory: some request may stay without its reply. */
    void (*lost)(void *context);
    /* What is known of the server has changed: to be remembered. */
    void (*learned)(void *context, const gh_server_memory *memory);
} gh_translator_options;

GH_MUST_USE gh_status gh_translator_new(const gh_translator_options *options, gh_translator **translator);
void gh_translator_free(gh_translator *translator); /* NULL is fine */

/* A message of the client that could be read; not a batch. */
void gh_translator_from_client(gh_translator *translator, const gh_rpc_message *message);
/* A message of the server, or a reply that the bridge made in its place. `line` is its compact form. */
void gh_translator_from_server(gh_translator *translator, const gh_rpc_message *message, gh_view line,
                               const gh_translator_origin *origin);

/* Adds the Mcp-Param headers of a request that is about to be sent. */
GH_MUST_USE gh_status gh_translator_headers(const gh_translator *translator, const gh_rpc_message *message,
                                            gh_era_headers *headers);

/* Is that what the client does to find out what the server is: a `server/discover` of its own, or the session
 * that is opened for the sake of nothing else? A host may send it from a process that it ends at once, and a
 * sign-in that began there would come back to nobody. */
bool gh_translator_is_look(const gh_translator *translator, gh_view id);

/* A person has to sign in first: answers what the client opened with (`initialize`, `server/discover`) by
 * what is known of the server, or with what servers usually have. False when nothing of that kind is open. */
bool gh_translator_answer_ahead(gh_translator *translator);
/* By which transport the session was opened: remembered with the rest. */
void gh_translator_note_sse(gh_translator *translator, bool over_sse);
/* The relay opened a new legacy session in place of one that was lost: what lasts as long as a session is
 * said again, few at a time. */
void gh_translator_session_renewed(gh_translator *translator);
/* Is that what is said again? No client waits for it, so nobody is asked to sign in for it. */
bool gh_translator_is_repeat(const gh_translator *translator, gh_view id);
/* The client says nothing more: what waits for its answer ends. */
void gh_translator_input_ended(gh_translator *translator);
/* Nothing more goes to the server: answers whatever is left. */
void gh_translator_end(gh_translator *translator, int code, const char *sentence);

/* True when something happens by itself; then gh_translator_tick is to be called about once a second. */
bool gh_translator_needs_tick(const gh_translator *translator);
void gh_translator_tick(gh_translator *translator);
/* True while lines from the server are passed on untouched and nothing of the translator's own is open. */
bool gh_translator_is_idle(const gh_translator *translator);
/* True when a reply to this raw id of the client is yet to come from here. */
bool gh_translator_has_open(const gh_translator *translator, gh_view id);
/* What of the client's messages waits here for a decision. */
size_t gh_translator_held_count(const gh_translator *translator);
size_t gh_translator_held_bytes(const gh_translator *translator);

#endif
