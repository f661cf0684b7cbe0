/* Drives the MCP engine without sockets: one call in, one captured reply out. */
#ifndef GH_TESTS_UNIT_SERVER_ENGINE_HARNESS_H
#define GH_TESTS_UNIT_SERVER_ENGINE_HARNESS_H

#include <check.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/rpc/mcp.h"

#define NO_HEADERS ((gh_mcp_headers){.accept = GH_VIEW_LIT("application/json, text/event-stream")})

typedef struct captured {
    int calls;
    int status;
    char *body; /* NULL for an empty reply */
    cJSON *json;
    char session[80];
} captured;

typedef struct harness {
    gh_mcp_registry *registry;
    gh_mcp_engine *engine;
    captured reply;
} harness;

/* NULL-terminated pairs for the Mcp-Param headers. */
typedef struct params {
    const char *pairs[16];
} params;

__attribute__((unused)) static gh_principal ADA = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"u-1"},
                                                   .name = (char[]){"Ada"},
                                                   .email = (char[]){"ada@example.org"},
                                                   .client_id = (char[]){"client-1"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};
__attribute__((unused)) static gh_principal GRACE = {.issuer = (char[]){"https://id.example"},
                                                     .subject = (char[]){"u-2"},
                                                     .name = (char[]){"Grace"},
                                                     .client_id = (char[]){"client-1"},
                                                     .scope = (char[]){"mcp"},
                                                     .expires_at = INT64_C(4102444800)};

static inline void forget(captured *reply)
{
    free(reply->body);
    cJSON_Delete(reply->json);
    memset(reply, 0, sizeof *reply);
}

static inline void on_json(void *context, int status, gh_view session, gh_view body)
{
    captured *reply = context;
    reply->calls++;
    reply->status = status;
    reply->body = gh_view_dup(body);
    reply->json = cJSON_Parse(reply->body);
    ck_assert_ptr_nonnull(reply->json);
    ck_assert_uint_lt(session.len, sizeof reply->session);
    memcpy(reply->session, session.len == 0 ? "" : session.ptr, session.len);
    reply->session[session.len] = '\0';
}

static inline void on_empty(void *context, int status)
{
    captured *reply = context;
    reply->calls++;
    reply->status = status;
}

static inline gh_mcp_reply capture_into(captured *reply)
{
    return (gh_mcp_reply){.context = reply, .json = on_json, .empty = on_empty};
}

static inline gh_view find_param(void *context, const char *name)
{
    const params *list = context;
    for (size_t i = 0; list->pairs[i] != NULL; i += 2) {
        if (strcmp(list->pairs[i], name) == 0) {
            return gh_view_of(list->pairs[i + 1]);
        }
    }
    return (gh_view){NULL, 0};
}

static inline void start_with(harness *h, const gh_tool *const *tools, size_t count,
                              const gh_mcp_options *options)
{
    memset(h, 0, sizeof *h);
    gh_log_set_level(GH_LOG_ERROR);
    h->registry = gh_mcp_registry_new();
    ck_assert_ptr_nonnull(h->registry);
    for (size_t i = 0; i < count; i++) {
        gh_error error = {GH_OK, ""};
        gh_status status = gh_mcp_registry_add(h->registry, tools[i], &error);
        ck_assert_msg(status == GH_OK, "%s", error.message);
    }
    ck_assert_int_eq(gh_mcp_engine_new(options, h->registry, &h->engine), GH_OK);
}

static inline gh_mcp_options usual_options(void)
{
    return (gh_mcp_options){.server_name = "gatehouse",
                            .server_title = "Gatehouse",
                            .server_version = "0.1.0",
                            .instructions = "Say \"hello\".",
                            .max_sessions = 100,
                            .max_sessions_per_principal = 50,
                            .session_idle_ms = 60000};
}

static inline void stop(harness *h)
{
    forget(&h->reply);
    gh_mcp_engine_free(h->engine);
    gh_mcp_registry_free(h->registry);
}

/* Exactly one answer, whatever was sent. Returns the HTTP status. */
static inline int post_as(harness *h, const gh_principal *principal, gh_mcp_headers headers, gh_view body)
{
    forget(&h->reply);
    const gh_mcp_reply reply = capture_into(&h->reply);
    gh_mcp_engine_post(h->engine, principal, &headers, body, &reply);
    ck_assert_int_eq(h->reply.calls, 1);
    return h->reply.status;
}

static inline int post(harness *h, gh_mcp_headers headers, const char *body)
{
    return post_as(h, &ADA, headers, gh_view_of(body));
}

static inline int delete_as(harness *h, const gh_principal *principal, gh_mcp_headers headers)
{
    forget(&h->reply);
    const gh_mcp_reply reply = capture_into(&h->reply);
    gh_mcp_engine_delete(h->engine, principal, &headers, &reply);
    ck_assert_int_eq(h->reply.calls, 1);
    return h->reply.status;
}

/* 0 when the reply is no error. */
static inline int error_code(const harness *h)
{
    int64_t code = 0;
    (void)gh_json_get_int64(gh_json_get(h->reply.json, "error"), "code", &code);
    return (int)code;
}

static inline const char *error_text(const harness *h)
{
    const char *text = gh_json_get_string(gh_json_get(h->reply.json, "error"), "message");
    return text == NULL ? "" : text;
}

static inline const cJSON *result_of(const harness *h)
{
    return gh_json_get_object(h->reply.json, "result");
}

/* The text of the first content block, "" without one. */
static inline const char *content_text(const harness *h)
{
    const cJSON *content = gh_json_get_array(result_of(h), "content");
    const char *text = gh_json_get_string(cJSON_GetArrayItem(content, 0), "text");
    return text == NULL ? "" : text;
}

static inline bool is_tool_error(const harness *h)
{
    bool wrong = false;
    return gh_json_get_bool(result_of(h), "isError", &wrong) && wrong;
}

static inline bool body_has(const harness *h, const char *part)
{
    return h->reply.body != NULL && strstr(h->reply.body, part) != NULL;
}

#endif
