#include "server/http/access_log.h"

#include <stdio.h>

#include "shared/core/log.h"

static gh_view or_dash(gh_view view)
{
    return view.len > 0 ? view : GH_VIEW_LIT("-");
}

/* The two ids, when there are any. */
static size_t add_trace(gh_log_field *fields, size_t count, const gh_trace *trace)
{
    if (trace != NULL && trace->trace_id[0] != '\0') {
        fields[count++] =
            (gh_log_field){.key = "TraceId", .kind = GH_LOG_STR, .str = gh_view_of(trace->trace_id)};
        fields[count++] =
            (gh_log_field){.key = "SpanId", .kind = GH_LOG_STR, .str = gh_view_of(trace->span_id)};
    }
    return count;
}

void gh_access_log_request(gh_view method, gh_view path, gh_view host, uint16_t port, const gh_trace *trace)
{
    char address[80];
    if (!gh_log_enabled(GH_LOG_INFO)) {
        return;
    }
    bool ipv6 = gh_view_find(host, ':') < host.len;
    int written = snprintf(address, sizeof address, ipv6 ? "[%.*s]" : "%.*s", (int)host.len, host.ptr);
    if (port != 0 && written > 0 && (size_t)written < sizeof address) {
        (void)snprintf(address + written, sizeof address - (size_t)written, ":%u", (unsigned)port);
    }
    gh_log_field fields[5] = {{.key = "Method", .kind = GH_LOG_STR, .str = or_dash(method)},
                              {.key = "Path", .kind = GH_LOG_STR, .str = or_dash(path)},
                              {.key = "RemoteAddr", .kind = GH_LOG_STR, .str = gh_view_of(address)}};
    gh_log_event(GH_LOG_INFO, "HTTP REQUEST", fields, add_trace(fields, 3, trace));
}

void gh_access_log_response(gh_view method, gh_view path, int status, int64_t duration_ns,
                            const gh_trace *trace)
{
    gh_log_field fields[7] = {{.key = "Method", .kind = GH_LOG_STR, .str = or_dash(method)},
                              {.key = "Path", .kind = GH_LOG_STR, .str = or_dash(path)},
                              {.key = "Status", .kind = GH_LOG_INT, .number = status},
                              {.key = "Duration", .kind = GH_LOG_DURATION_NS, .number = duration_ns}};
    size_t count = 4;
    if (status == GH_ACCESS_LOG_CLIENT_LEFT) {
        fields[count++] =
            (gh_log_field){.key = "Note", .kind = GH_LOG_STR, .str = GH_VIEW_LIT("client left")};
    }
    gh_log_event(GH_LOG_INFO, "HTTP RESPONSE", fields, add_trace(fields, count, trace));
}
