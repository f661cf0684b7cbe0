#include <stdio.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

#define SESSION_SHOWN 8 /* the id works like a credential: only its start is logged */
#define METHOD_SHOWN 64

typedef struct labels {
    char session[SESSION_SHOWN + sizeof "…"];
    gh_view method;
} labels;

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
}

void gh_mcp_trace_request(const gh_mcp_request *request)
{
    if (!gh_log_enabled(GH_LOG_INFO) || request->message->method == NULL) {
        return;
    }
    labels of;
    label(request, &of);
    const gh_log_field fields[] = {
        {"Session", GH_LOG_STR, gh_view_of(of.session), 0},
        {"Method", GH_LOG_STR, of.method, 0},
    };
    gh_log_event(GH_LOG_INFO, "REQUEST", fields, 2);
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
    const gh_log_field fields[] = {
        {"Session", GH_LOG_STR, gh_view_of(of.session), 0},
        {"Method", GH_LOG_STR, of.method, 0},
        {"Status", GH_LOG_STR, failed ? GH_VIEW_LIT("ERROR") : GH_VIEW_LIT("OK"), 0},
        {"Duration", GH_LOG_DURATION_NS, {NULL, 0}, gh_clock_mono_ns() - started_ns},
        {"Error", GH_LOG_STR, gh_view_of(error), 0},
    };
    gh_log_event(GH_LOG_INFO, "RESPONSE", fields, failed ? 5 : 4);
}
