/* What the files of the engine share: the request being served, the table rows, and the pieces of a reply. */
#ifndef GH_SERVER_MCP_ENGINE_PRIVATE_H
#define GH_SERVER_MCP_ENGINE_PRIVATE_H

#include "server/mcp/engine.h"
#include "server/mcp/registry_private.h"
#include "server/mcp/session.h"
#include "shared/core/bytes.h"
#include "shared/rpc/mcp.h"
#include "shared/rpc/message.h"

#define GH_MCP_REPLY_MAX ((size_t)16 * 1024 * 1024)

/* Text that is the same for every caller, rendered once. */
typedef struct gh_mcp_texts {
    char *server_info;    /* {"name":…,"title":…,"version":…} */
    char *instructions;   /* a JSON string, NULL for none */
    char *modern_meta;    /* "_meta":{…serverInfo…} */
    char *discover;       /* the whole result */
    char *initialize;     /* the result after its version, with the closing brace */
    char *legacy_listing; /* tools/list, the whole result */
    char *modern_listing; /* likewise */
} gh_mcp_texts;

struct gh_mcp_engine {
    const gh_mcp_registry *registry;
    gh_mcp_sessions *sessions;
    gh_mcp_texts texts;
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
    bool opened;     /* the session is new: its id goes into the reply's header */
    gh_buf *out;     /* the response is appended here; nothing for a notification */
    int http_status; /* 200 unless said otherwise */
    int code;        /* of the JSON-RPC error; 0 for none */
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
/* `format` is what the client reads and the log shows: no values that the client sent as secrets. */
void gh_mcp_request_fail(gh_mcp_request *request, int http_status, int code, const char *format, ...)
    GH_PRINTF(4, 5);
/* With the raw JSON `data`; request->error holds the message already. */
void gh_mcp_request_fail_data(gh_mcp_request *request, int http_status, int code, gh_view data);
/* -32603 for what is no fault of the client. */
void gh_mcp_request_fail_status(gh_mcp_request *request, gh_status status);
/* "a string", "nothing"... for a raw value. */
const char *gh_mcp_kind(gh_view value);
/* Was the message read, and does it want a response? */
bool gh_mcp_wants_response(const gh_mcp_request *request);

/* texts.c */
GH_MUST_USE gh_status gh_mcp_texts_render(gh_mcp_texts *texts, const gh_mcp_options *options,
                                          const gh_mcp_registry *registry);
void gh_mcp_texts_clear(gh_mcp_texts *texts);

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

/* tools.c: methods of both eras. */
void gh_mcp_tools_list(gh_mcp_request *request);
void gh_mcp_tools_call(gh_mcp_request *request);

/* trace.c: the log. */
void gh_mcp_trace_request(const gh_mcp_request *request);
void gh_mcp_trace_response(const gh_mcp_request *request, int64_t started_ns);

#endif
