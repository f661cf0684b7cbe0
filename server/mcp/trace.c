#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

#define SESSION_SHOWN 8 /* the id works like a credential: only its start is logged */
#define METHOD_SHOWN 64
#define TARGET_SHOWN 128

typedef struct labels {
    char session[SESSION_SHOWN + sizeof "…"];
    gh_view method;
    char target[TARGET_SHOWN + sizeof "…"]; /* "" for none, and above the level debug */
} labels;

/* Where each method says what it is about. */
static const struct {
    const char *method;
    const char *outer; /* NULL: the member is one of params */
    const char *member;
} TARGETS[] = {{GH_MCP_TOOLS_CALL, NULL, "name"},      {GH_MCP_PROMPTS_GET, NULL, "name"},
               {GH_MCP_RESOURCES_READ, NULL, "uri"},   {GH_MCP_RESOURCES_SUBSCRIBE, NULL, "uri"},
               {"resources/unsubscribe", NULL, "uri"}, {GH_MCP_COMPLETE, "ref", "name"},
               {GH_MCP_COMPLETE, "ref", "uri"}};

static bool find_target(const gh_mcp_request *request, gh_view *raw)
{
    const char *method = request->message->method;
    for (size_t i = 0; method != NULL && i < sizeof TARGETS / sizeof TARGETS[0]; i++) {
        gh_view in = request->message->params;
        if (strcmp(method, TARGETS[i].method) != 0 || gh_json_slice_type(in) != GH_JSON_OBJECT ||
            (TARGETS[i].outer != NULL && (!gh_json_slice_member(in, TARGETS[i].outer, &in) ||
                                          gh_json_slice_type(in) != GH_JSON_OBJECT))) {
            continue;
        }
        if (gh_json_slice_member(in, TARGETS[i].member, raw) && gh_json_slice_type(*raw) == GH_JSON_STRING) {
            return true;
        }
    }
    return false;
}

/* Queries may hold secrets, and characters stay whole. */
static size_t shown_length(const char *text)
{
    size_t len = strcspn(text, "?#");
    if (len > TARGET_SHOWN) {
        len = TARGET_SHOWN;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

static void label_target(const gh_mcp_request *request, labels *out)
{
    gh_view raw = {NULL, 0};
    char *text = NULL;
    out->target[0] = '\0';
    if (!gh_log_enabled(GH_LOG_DEBUG) || !find_target(request, &raw) ||
        gh_json_slice_string(raw, &text) != GH_OK) {
        return;
    }
    size_t len = shown_length(text);
    (void)snprintf(out->target, sizeof out->target, "%.*s%s", (int)len, text, text[len] != '\0' ? "…" : "");
    free(text);
}

static void label(const gh_mcp_request *request, labels *out)
{
    if (request->session == NULL) {
        (void)snprintf(out->session, sizeof out->session, "-");
    } else {
        (void)snprintf(out->session, sizeof out->session, "%.*s…", SESSION_SHOWN,
                       gh_mcp_session_id(request->session));
    }
    const char *method = request->message->method == NULL ? "-" : request->message->method;
    out->method = gh_view_make(method, strnlen(method, METHOD_SHOWN));
    label_target(request, out);
}

/* A text that is not exactly a traceparent is none; it never gets into the log. */
static void find_trace(gh_mcp_request *request)
{
    gh_view raw = {NULL, 0};
    if (request->message->params.len > 0 &&
        gh_json_slice_path(request->message->params, &raw, "_meta", GH_TRACEPARENT, (const char *)NULL) &&
        raw.len > 2 && raw.ptr[0] == '"' &&
        gh_trace_parse(gh_view_make(raw.ptr + 1, raw.len - 2), &request->trace)) {
        return;
    }
    if (request->headers->trace != NULL) {
        request->trace = *request->headers->trace;
    } else {
        memset(&request->trace, 0, sizeof request->trace);
    }
}

/* Two fields, when there is anything to say. */
static size_t add_trace(const gh_mcp_request *request, gh_log_field *fields, size_t count)
{
    if (request->trace.trace_id[0] != '\0') {
        fields[count++] = (gh_log_field){"TraceId", GH_LOG_STR, gh_view_of(request->trace.trace_id), 0};
        fields[count++] = (gh_log_field){"SpanId", GH_LOG_STR, gh_view_of(request->trace.span_id), 0};
    }
    return count;
}

void gh_mcp_trace_request(gh_mcp_request *request)
{
    find_trace(request);
    if (!gh_log_enabled(GH_LOG_INFO) || request->message->method == NULL) {
        return;
    }
    labels of;
    label(request, &of);
    gh_log_field fields[5] = {
        {"Session", GH_LOG_STR, gh_view_of(of.session), 0},
        {"Method", GH_LOG_STR, of.method, 0},
        {"Target", GH_LOG_STR, gh_view_of(of.target), 0},
    };
    gh_log_event(GH_LOG_INFO, "REQUEST", fields, add_trace(request, fields, of.target[0] != '\0' ? 3 : 2));
}

void gh_mcp_trace_response(const gh_mcp_request *request, int64_t started_ns)
{
    if (!gh_log_enabled(GH_LOG_INFO)) {
        return;
    }
    labels of;
    label(request, &of);
    bool failed = request->code != 0;
    char error[GH_ERROR_MESSAGE_MAX + 16] = "";
    if (failed) {
        (void)snprintf(error, sizeof error, "%d %s", request->code, request->error.message);
    }
    gh_log_field fields[8];
    size_t count = 0;
    fields[count++] = (gh_log_field){"Session", GH_LOG_STR, gh_view_of(of.session), 0};
    fields[count++] = (gh_log_field){"Method", GH_LOG_STR, of.method, 0};
    if (of.target[0] != '\0') {
        fields[count++] = (gh_log_field){"Target", GH_LOG_STR, gh_view_of(of.target), 0};
    }
    fields[count++] =
        (gh_log_field){"Status", GH_LOG_STR, failed ? GH_VIEW_LIT("ERROR") : GH_VIEW_LIT("OK"), 0};
    fields[count++] =
        (gh_log_field){"Duration", GH_LOG_DURATION_NS, {NULL, 0}, gh_clock_mono_ns() - started_ns};
    if (failed) {
        fields[count++] = (gh_log_field){"Error", GH_LOG_STR, gh_view_of(error), 0};
    }
    gh_log_event(GH_LOG_INFO, "RESPONSE", fields, add_trace(request, fields, count));
}
