/* What the files of the engine share: the request being served, the table rows, and the pieces of a reply. */
#ifndef GH_SERVER_MCP_ENGINE_PRIVATE_H
#define GH_SERVER_MCP_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/auth/seal.h"
#include "server/call/call.h"
#include "server/mcp/engine.h"
#include "server/mcp/hub.h"
#include "server/mcp/session.h"
#include "server/mcp/tasks.h"
#include "shared/core/bytes.h"
#include "shared/rpc/mcp.h"
#include "shared/rpc/message.h"

#define GH_MCP_REPLY_MAX ((size_t)16 * 1024 * 1024)

#define GH_MCP_TEMPLATES_LIST "resources/templates/list"
#define GH_MCP_RESOURCES_LIST "resources/list"
#define GH_MCP_RESOURCES_SUBSCRIBE "resources/subscribe"
#define GH_MCP_PROMPTS_LIST "prompts/list"
#define GH_MCP_COMPLETE "completion/complete"
#define GH_MCP_TASKS_GET "tasks/get"
#define GH_MCP_TASKS_UPDATE "tasks/update"
#define GH_MCP_TASKS_CANCEL "tasks/cancel"
#define GH_MCP_TASKS_EXTENSION "io.modelcontextprotocol/tasks"
#define GH_MCP_RESOURCE_NOT_FOUND (-32002) /* until 2025-11-25 */

/* Text that is the same for every caller, rendered once. */
typedef struct gh_mcp_texts {
    char *server_info;  /* {"name":…,"title":…,"version":…} */
    char *instructions; /* a JSON string, NULL for none */
    char *modern_meta;  /* "_meta":{…serverInfo…} */
} gh_mcp_texts;

typedef struct gh_mcp_work gh_mcp_work;

struct gh_mcp_engine {
    gh_mcp_options options; /* without its texts */
    gh_mcp_registry *registry;
    gh_mcp_sessions *sessions;
    gh_mcp_hub *hub;
    gh_mcp_tasks *tasks;
    gh_sealer *sealer; /* of request states */
    gh_mcp_texts texts;
    atomic_bool draining;
    pthread_mutex_t lock; /* guards what follows; no other lock but a work's or an outbox's under it */
    gh_mcp_work *works;   /* those that outlive the function that started them */
    struct gh_mcp_listen *listens;
};

/* One message being served. Handlers answer by gh_mcp_request_result or _fail, once. */
typedef struct gh_mcp_request {
    gh_mcp_engine *engine;
    const gh_principal *principal;
    const gh_mcp_headers *headers;
    const gh_rpc_message *message;
    gh_mcp_session *session; /* held; NULL in the modern era and before initialize */
    const char *version;     /* what this request speaks; NULL while that is not known */
    bool modern;
    gh_trace trace;          /* the caller's, once the message was logged or would have been */
    gh_view capabilities;    /* raw, of the modern era; empty otherwise */
    bool opened;             /* the session is new: its id goes into the reply's header */
    gh_mcp_catalog *catalog; /* held for as long as the request is served */
    gh_mcp_work *work;       /* held; when set, the response comes through its outbox and not through `out` */
    const gh_mcp_reply *reply; /* for methods that are a stream; NULL in a batch */
    bool streams;              /* the client reads event streams; else a work's events are dropped */
    bool delivered;            /* the method has used the reply itself */
    gh_buf *out;               /* the response is appended here; nothing for a notification */
    int http_status;           /* 200 unless said otherwise */
    int code;                  /* of the JSON-RPC error; 0 for none */
    gh_error error;
} gh_mcp_request;

/* One method of one era. */
typedef struct gh_mcp_method {
    const char *name;
    void (*serve)(gh_mcp_request *request);
    const char *mirrored; /* the member of params that Mcp-Name repeats; NULL for none (modern only) */
} gh_mcp_method;

const gh_mcp_method *gh_mcp_method_find(const gh_mcp_method *methods, size_t count, const char *name);

/* request.c */
void gh_mcp_request_result(gh_mcp_request *request, gh_view result);
/* The same with a buffer, which may be in error: then -32603. */
void gh_mcp_request_answer(gh_mcp_request *request, const gh_buf *result);
/* `format` is what the client reads and the log shows: no values that the client sent as secrets. */
void gh_mcp_request_fail(gh_mcp_request *request, int http_status, int code, const char *format, ...)
    GH_PRINTF(4, 5);
/* With the raw JSON `data`; request->error holds the message already. */
void gh_mcp_request_fail_data(gh_mcp_request *request, int http_status, int code, gh_view data);
/* -32603 for what is no fault of the client. */
void gh_mcp_request_fail_status(gh_mcp_request *request, gh_status status);
/* "a string", "nothing"... for a raw value. */
const char *gh_mcp_type_name(gh_view value);
/* Was the message read, and does it want a response? */
bool gh_mcp_wants_response(const gh_mcp_request *request);

/* A string member of the raw object `object`, as an owned text (free). Answers with -32602 and returns NULL
 * when it is missing or no string; `path` is for that message ("params"). */
char *gh_mcp_request_string(gh_mcp_request *request, gh_view object, const char *path, const char *name);
/* params, and a member of it; NULL ptr when there is none. */
gh_view gh_mcp_request_param(const gh_mcp_request *request, const char *name);
/* Is that kind declared? Else answers with -32601 and returns false. */
bool gh_mcp_request_offers(gh_mcp_request *request, bool declared);
/* The client's raw ClientCapabilities; "{}" for none. */
gh_view gh_mcp_request_capabilities(const gh_mcp_request *request);
/* -32021 with the raw object `required` as data.requiredCapabilities: HTTP 400, in sessions 200. "KIND NAME
 * needs a client with the capability ..." */
void gh_mcp_request_lacks(gh_mcp_request *request, const char *kind, const char *name, gh_view required);
/* The level of that name, a raw JSON string ("info" with its quotes); false for others. */
bool gh_mcp_level_of(gh_view raw, gatehouse_level *level);
const char *gh_mcp_level_name(gatehouse_level level);

/* texts.c */
GH_MUST_USE gh_status gh_mcp_texts_render(gh_mcp_texts *texts, const gh_mcp_options *options);
void gh_mcp_texts_clear(gh_mcp_texts *texts);
/* Appends the ServerCapabilities object, as the request's catalog has them. */
void gh_mcp_write_capabilities(const gh_mcp_request *request, gh_buf *out);
/* Appends an InitializeResult without its opening brace and version: `"capabilities":…}`. */
void gh_mcp_write_initialize(const gh_mcp_request *request, gh_buf *out);
/* Appends `"_meta":{…}` with who the server is and the members of `meta` (a compact object, NULL for none).
 */
void gh_mcp_write_meta(const gh_mcp_engine *engine, const char *meta, gh_buf *out);
/* For results that may be cached: `"ttlMs":…,"cacheScope":"private"`. */
extern const char GH_MCP_CACHE_LIST[];
extern const char GH_MCP_CACHE_READ[];

/* legacy.c, batch.c, modern.c: serve a parsed message of that era. */
void gh_mcp_legacy_serve(gh_mcp_request *request);
void gh_mcp_batch_serve(gh_mcp_request *request);
void gh_mcp_modern_serve(gh_mcp_request *request);
/* Does the message, or its header, ask for the modern era? */
bool gh_mcp_is_modern(const gh_mcp_headers *headers, const gh_rpc_message *message);
/* Holds the session of a legacy message; answers and returns false when there is none. */
bool gh_mcp_legacy_enter(gh_mcp_request *request);
/* One message within a session that is held. */
void gh_mcp_legacy_dispatch(gh_mcp_request *request);
/* The constant for a legacy version that this server speaks, or NULL. */
const char *gh_mcp_legacy_version(gh_view version);

/* mirror.c: headers that repeat the body (2026-07-28, streamable-http, "Server Validation"). Each answers
 * with -32020 and returns false when they differ. */
bool gh_mcp_mirror_method(gh_mcp_request *request);
bool gh_mcp_mirror_name(gh_mcp_request *request, const char *member);
bool gh_mcp_mirror_params(gh_mcp_request *request, const gh_mcp_tool *tool, const cJSON *arguments);

/* scopes.c: what items need of the caller's token; NULL or "" for nothing. */
bool gh_mcp_may(const gh_mcp_request *request, const char *scopes);
/* The same, with an answer when not: `noun` is what was asked for ("tool"). */
bool gh_mcp_require_scopes(gh_mcp_request *request, const char *noun, const char *scopes);
/* All messages of the batch that `request` is; answers and returns false when one must not run. */
bool gh_mcp_require_batch_scopes(gh_mcp_request *request);
/* Of the resource, or the template that matches; NULL for none. */
const char *gh_mcp_resource_scopes(const gh_mcp_catalog *catalog, gh_view uri);
/* For gh_mcp_catalog_list_for: the caller's scopes when lists hide things, else NULL. */
const char *gh_mcp_shown_to(const gh_mcp_request *request);

/* Methods of both eras: tools.c, resources.c, prompts.c, completion.c. */
void gh_mcp_tools_list(gh_mcp_request *request);
void gh_mcp_tools_call(gh_mcp_request *request);
void gh_mcp_resources_list(gh_mcp_request *request);
void gh_mcp_templates_list(gh_mcp_request *request);
void gh_mcp_resources_read(gh_mcp_request *request);
void gh_mcp_prompts_list(gh_mcp_request *request);
void gh_mcp_prompts_get(gh_mcp_request *request);
void gh_mcp_complete(gh_mcp_request *request);
/* Are resources or templates declared? Else answers with -32601 and returns false. */
bool gh_mcp_offers_resources(gh_mcp_request *request);
/* Is `object` (NULL ptr: not there, which is fine) an object of strings? Else answers with -32602 and returns
 * false; `path` is for that message. */
bool gh_mcp_check_strings(gh_mcp_request *request, gh_view object, const char *path);
/* lists.c: one page of that kind. */
void gh_mcp_list(gh_mcp_request *request, gh_mcp_kind kind);
/* -32602 with the URI as data; in sessions -32002. */
void gh_mcp_resource_unknown(gh_mcp_request *request, gh_view uri);

void gh_mcp_discover(gh_mcp_request *request); /* texts.c */

/* results.c: a tool's result that is an error, for the model to read. */
void gh_mcp_write_tool_error(gh_mcp_request *request, const char *text);

/* Methods of the modern era: listen.c, task_methods.c. */
/* Does the client know tasks? Else answers with -32021 and returns false. */
bool gh_mcp_check_tasks(gh_mcp_request *request);
/* Appends what a task of the caller's needs; GH_ERR_NOT_FOUND when it has none of that id. */
GH_MUST_USE gh_status gh_mcp_task_scopes(const gh_mcp_request *request, const char *id, gh_buf *scopes);
void gh_mcp_listen(gh_mcp_request *request);
void gh_mcp_tasks_method_get(gh_mcp_request *request);
void gh_mcp_tasks_method_update(gh_mcp_request *request);
void gh_mcp_tasks_method_cancel(gh_mcp_request *request);
/* Every stream of subscriptions/listen gets its result. */
void gh_mcp_listens_drain(gh_mcp_engine *engine);

/* legacy.c: GET. The session is held and the version known; answers through request->reply and sets
 * `delivered`, or by gh_mcp_request_fail. */
void gh_mcp_legacy_get(gh_mcp_request *request);

/* trace.c: the log. Finds the trace context first: that of `_meta`, which is the call's own, before that of
 * the HTTP request. */
void gh_mcp_trace_request(gh_mcp_request *request);
void gh_mcp_trace_response(const gh_mcp_request *request, int64_t started_ns);

#endif
