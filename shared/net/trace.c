#include "shared/net/trace.h"

#include <string.h>

#define VERSION_LEN 2
#define TRACE_AT 3
#define TRACE_LEN 32
#define SPAN_AT 36
#define SPAN_LEN 16
#define FLAGS_AT 53
#define WHOLE_LEN 55

/* False for upper case, too: it must not be sent, and would be another text in the log. */
static bool is_hex(gh_view text, size_t at, size_t len)
{
    for (size_t i = at; i < at + len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

static bool is_zero(gh_view text, size_t at, size_t len)
{
    for (size_t i = at; i < at + len; i++) {
        if (text.ptr[i] != '0') {
            return false;
        }
    }
    return true;
}

static bool has_form(gh_view text)
{
    return text.len >= WHOLE_LEN && is_hex(text, 0, VERSION_LEN) && text.ptr[TRACE_AT - 1] == '-' &&
           is_hex(text, TRACE_AT, TRACE_LEN) && text.ptr[SPAN_AT - 1] == '-' &&
           is_hex(text, SPAN_AT, SPAN_LEN) && text.ptr[FLAGS_AT - 1] == '-' && is_hex(text, FLAGS_AT, 2);
}

bool gh_trace_parse(gh_view traceparent, gh_trace *trace)
{
    *trace = (gh_trace){.trace_id = ""};
    if (!has_form(traceparent) || memcmp(traceparent.ptr, "ff", VERSION_LEN) == 0 ||
        is_zero(traceparent, TRACE_AT, TRACE_LEN) || is_zero(traceparent, SPAN_AT, SPAN_LEN)) {
        return false;
    }
    if (traceparent.len > WHOLE_LEN &&
        (is_zero(traceparent, 0, VERSION_LEN) || traceparent.ptr[WHOLE_LEN] != '-')) {
        return false;
    }
    memcpy(trace->trace_id, traceparent.ptr + TRACE_AT, TRACE_LEN);
    memcpy(trace->span_id, traceparent.ptr + SPAN_AT, SPAN_LEN);
    return true;
}
