/* One call of a handler, as the server sees it: what is asked goes in, what the handler said comes out. It
 * knows neither JSON-RPC nor eras nor threads; behind the functions of gatehouse_host it is what plugins get
 * as gatehouse_call (include/gatehouse/plugin.h has their contracts).
 *
 * Whoever makes a call fills `ask` and the hooks, runs the handler, and reads `told`. One thread at a time;
 * only `cancelled`, gh_call_cancel and the wait are for others too. Owned by its maker: init, run, clear. */
#ifndef GH_SERVER_CALL_CALL_H
#define GH_SERVER_CALL_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gatehouse/plugin.h"
#include "server/auth/principal.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_CALL_STATE_MAX ((size_t)64 * 1024)
#define GH_CALL_ASKS_MAX 32
#define GH_CALL_ANSWER_MAX ((size_t)16 * 1024 * 1024) /* of all content together */
#define GH_CALL_COMPLETIONS_MAX 100

typedef enum gh_call_kind { GH_CALL_TOOL, GH_CALL_RESOURCE, GH_CALL_PROMPT, GH_CALL_COMPLETION } gh_call_kind;

/* What is asked. Everything is borrowed and outlives the call. Text is NUL-terminated; JSON has passed the
 * gate. */
typedef struct gh_call_question {
    gh_call_kind kind;
    const gh_principal *principal;
    const char *item;         /* "Tool sayHello of hello.so", for the log */
    const char *target;       /* tool's or prompt's name, resource's URI */
    const char *arguments;    /* JSON object; a completion's `context.arguments`; "{}" for none */
    const char *variables;    /* JSON object of strings: what the template matched; NULL for none */
    const char *mime_type;    /* the item's; NULL for none */
    const char *completing;   /* of a completion: the argument's name */
    const char *typed;        /* and its value so far */
    const char *capabilities; /* the client's ClientCapabilities; "{}" for none */
    bool can_be_asked;        /* false where nothing can be asked (a batch): client_can says 0, ask refuses */
    const char *answers;      /* JSON object, by key of ask; NULL for none */
    gh_view state;            /* of the round before; NULL ptr for none */
    gh_deadline deadline;     /* when nobody waits for it any more; 0 for what is not known */
} gh_call_question;

/* What the handler may want while it works. NULL members do nothing (become_task then is refused). Called on
 * the handler's thread. */
typedef struct gh_call_hooks {
    void *context;
    void (*progress)(void *context, double progress, double total, const char *message);
    void (*log)(void *context, gatehouse_level level, const char *logger, gh_view json);
    void (*release_connection)(void *context, uint32_t retry_ms);
    bool (*become_task)(void *context, uint32_t ttl_ms, uint32_t poll_ms);
    void (*set_task_status)(void *context, const char *text);
} gh_call_hooks;

typedef struct gh_call_ask {
    char *key;
    const char *method; /* a constant */
    char *params;       /* compact JSON object */
} gh_call_ask;

/* What the handler said. `outcome` tells which of the rest count. */
typedef enum gh_call_outcome {
    GH_CALL_ANSWERED,       /* content and the like */
    GH_CALL_ASKS,           /* asks, state */
    GH_CALL_NOT_FOUND,      /* of a resource */
    GH_CALL_PROTOCOL_ERROR, /* code, message, data */
    GH_CALL_LACKS,          /* `lacking`: client capabilities that it needs, a JSON object */
    GH_CALL_FAULT           /* the plugin's own; it has been logged */
} gh_call_outcome;

typedef struct gh_call_told {
    gh_call_outcome outcome;
    gh_buf content; /* blocks, contents, messages or values, each compact JSON, with commas between them */
    size_t count;   /* of these */
    bool is_error;
    char *structured;  /* compact JSON; NULL for none */
    char *description; /* of a prompt; NULL for none */
    char *meta;        /* compact JSON object; NULL for none */
    uint64_t total;    /* of completions; 0 when not said and `count` is all */
    int code;
    char *message;
    char *data; /* JSON; NULL for none */
    gh_call_ask *asks;
    size_t ask_count;
    gh_buf state; /* len 0 and had_state false: none was set */
    bool has_state;
    char *lacking;
} gh_call_told;

struct gatehouse_call {
    gh_call_question question;
    gh_call_hooks hooks;
    gh_call_told told;
    bool is_task;
    bool not_found;
    unsigned lacks;  /* what was asked in vain; see call_private.h */
    uint64_t beyond; /* completions over GH_CALL_COMPLETIONS_MAX */
    double last_progress;
    gh_status refused; /* the first set_... or add_... that was refused */
    gh_error why;
    struct gh_call_texts *texts; /* what was handed out, until the call is cleared */
    atomic_bool cancelled;
    pthread_mutex_t lock; /* for the wait */
    pthread_cond_t woken;
};
typedef struct gatehouse_call gh_call;

/* Cannot fail. A call that never waits costs no system call. */
void gh_call_init(gh_call *call, const gh_call_question *question, const gh_call_hooks *hooks);
/* Runs the handler and fills call->told. Refused functions and other return values than 0 become
 * GH_CALL_FAULT. A tool's structured content without content is shown as text, too. When a handler asked for
 * what this client can do and for what it cannot, the outcome is GH_CALL_ASKS with what it can. Once only:
 * another round is another call. */
void gh_call_run(gh_call *call, gatehouse_handler handler, void *data);
/* From any thread: cancelled() says 1 from now on, and a wait ends. */
void gh_call_cancel(gh_call *call);
void gh_call_clear(gh_call *call);

/* The members of gatehouse_host that need a call; the registrar's are in server/plugin. */
void gh_call_fill_host(gatehouse_host *host);

/* Has this ClientCapabilities object `path` ("sampling", "elicitation.url", "extensions/NAME")? An
 * `elicitation` without members means forms (2025-11-25, client/elicitation). */
bool gh_call_capability(gh_view capabilities, const char *path);

#endif
