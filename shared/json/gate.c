#include "shared/json/gate.h"

#include <stdbool.h>
#include <stdint.h>

#include "shared/json/chars.h"
#include "shared/json/names.h"

const gh_json_limits GH_JSON_LIMITS_MESSAGE = {4U << 20, 64, 100000, 1000};
const gh_json_limits GH_JSON_LIMITS_DOCUMENT = {256U << 10, 16, 2000, 200};

typedef enum gate_state {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* after [ */
    WANT_NAME_OR_END,  /* after { */
    WANT_NAME,
    AFTER_VALUE,
    DONE
} gate_state;

typedef struct gate {
    const char *start;
    const char *at;
    const char *end;
    gh_json_limits limits;
    gh_error *error;
    size_t members;
    size_t depth;
    uint64_t objects;                           /* bit n: level n is an object, not an array */
    uint32_t object_members[GH_JSON_DEPTH_MAX]; /* per level */
    uint16_t first_name[GH_JSON_DEPTH_MAX];     /* per level, into names */
    gh_json_names names;
} gate;

static gh_status fail(const gate *g, gh_status status, const char *what)
{
    return gh_error_set(g->error, status, "JSON refused at byte %zu: %s", (size_t)(g->at - g->start), what);
}

static gh_status fail_grammar(const gate *g, const char *expected)
{
    return gh_error_set(g->error, GH_ERR_PARSE, "not JSON at byte %zu: expected %s%s",
                        (size_t)(g->at - g->start), expected, g->at == g->end ? ", but the text ends" : "");
}

static bool in_object(const gate *g)
{
    return (g->objects >> (g->depth - 1) & 1) != 0;
}

static gh_status scan_escape(gate *g)
{
    gh_json_chars chars = gh_json_chars_of(gh_view_make(g->at, (size_t)(g->end - g->at)));
    char out[4];

    if (gh_json_chars_next(&chars, out) == 0) {
        return fail(g, GH_ERR_PARSE, "not a legal escape (lone surrogates and \\u0000 are refused)");
    }
    g->at = chars.at;
    return GH_OK;
}

/* g->at is at the opening quote, and ends behind the closing one. */
static gh_status scan_string(gate *g)
{
    g->at++;
    while (g->at < g->end) {
        unsigned char c = (unsigned char)*g->at;
        size_t width = 1;

        /* Most of any text. */
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            g->at++;
            continue;
        }
        if (c == '"') {
            g->at++;
            return GH_OK;
        }
        if (c == '\\') {
            gh_status status = scan_escape(g);
            if (status != GH_OK) {
                return status;
            }
            continue;
        }
        if (c < 0x20) {
            return fail(g, GH_ERR_PARSE, "a control character in a string");
        }
        if (c >= 0x80) {
            width = gh_utf8_width(gh_view_make(g->at, (size_t)(g->end - g->at)));
            if (width == 0) {
                return fail(g, GH_ERR_PARSE, "not valid UTF-8");
            }
        }
        g->at += width;
    }
    return fail_grammar(g, "the end of a string");
}

static bool skip_digits(gate *g)
{
    const char *first = g->at;

    while (g->at < g->end && *g->at >= '0' && *g->at <= '9') {
        g->at++;
    }
    return g->at > first;
}

static gh_status scan_number(gate *g)
{
    if (*g->at == '-') {
        g->at++;
    }
    if (g->at < g->end && *g->at == '0') {
        g->at++;
    } else if (!skip_digits(g)) {
        return fail_grammar(g, "a digit");
    }
    if (g->at < g->end && *g->at == '.') {
        g->at++;
        if (!skip_digits(g)) {
            return fail_grammar(g, "a digit");
        }
    }
    if (g->at < g->end && (*g->at == 'e' || *g->at == 'E')) {
        g->at++;
        if (g->at < g->end && (*g->at == '+' || *g->at == '-')) {
            g->at++;
        }
        if (!skip_digits(g)) {
            return fail_grammar(g, "a digit");
        }
    }
    return GH_OK;
}

static gh_status scan_word(gate *g, gh_view word)
{
    if (!gh_view_starts_with(gh_view_make(g->at, (size_t)(g->end - g->at)), word)) {
        return fail_grammar(g, "a value");
    }
    g->at += word.len;
    return GH_OK;
}

static gh_status count_member(gate *g)
{
    if (++g->members > g->limits.members) {
        return fail(g, GH_ERR_TOO_LARGE, "too many members and elements in all");
    }
    return GH_OK;
}

static gh_status open_level(gate *g, bool object, gate_state *state)
{
    uint64_t bit = 0;

    if (g->depth >= g->limits.depth) {
        return fail(g, GH_ERR_TOO_LARGE, "nested too deeply");
    }
    bit = (uint64_t)1 << g->depth;
    g->objects = object ? g->objects | bit : g->objects & ~bit;
    g->object_members[g->depth] = 0;
    g->first_name[g->depth] = (uint16_t)g->names.len;
    g->depth++;
    g->at++;
    *state = object ? WANT_NAME_OR_END : WANT_VALUE_OR_END;
    return GH_OK;
}

static void close_level(gate *g, gate_state *state)
{
    g->depth--;
    g->names.len = g->first_name[g->depth];
    g->at++;
    *state = AFTER_VALUE;
}

static gh_status remember_name(gate *g, const char *quote)
{
    size_t first = g->first_name[g->depth - 1];

    if (g->object_members[g->depth - 1] > GH_JSON_GATE_UNIQUE_MAX) {
        g->names.len = first;
        return GH_OK;
    }
    switch (gh_json_names_add(&g->names, first, gh_view_make(g->start, (size_t)(g->at - g->start)),
                              (size_t)(quote - g->start))) {
    case GH_OK:
        return GH_OK;
    case GH_ERR_CONFLICT:
        return fail(g, GH_ERR_PARSE, "this member name stands twice in one object");
    default:
        return fail(g, GH_ERR_TOO_LARGE, "too many member names in the objects that are open here");
    }
}

static void skip_space(gate *g)
{
    while (g->at < g->end && (*g->at == ' ' || *g->at == '\t' || *g->at == '\n' || *g->at == '\r')) {
        g->at++;
    }
}

static gh_status scan_name(gate *g, gate_state *state)
{
    const char *quote = g->at;
    gh_status status = GH_OK;

    if (g->at == g->end || *g->at != '"') {
        return fail_grammar(g, "a member name");
    }
    status = count_member(g);
    if (status != GH_OK) {
        return status;
    }
    if (++g->object_members[g->depth - 1] > g->limits.object_members) {
        return fail(g, GH_ERR_TOO_LARGE, "too many members in one object");
    }
    status = scan_string(g);
    if (status == GH_OK) {
        status = remember_name(g, quote);
    }
    if (status != GH_OK) {
        return status;
    }
    skip_space(g);
    if (g->at == g->end || *g->at != ':') {
        return fail_grammar(g, "':'");
    }
    g->at++;
    *state = WANT_VALUE;
    return GH_OK;
}

static gh_status scan_value(gate *g, gate_state *state)
{
    gh_status status = GH_OK;

    if (g->depth > 0 && !in_object(g)) {
        status = count_member(g);
        if (status != GH_OK) {
            return status;
        }
    }
    if (g->at == g->end) {
        return fail_grammar(g, "a value");
    }
    *state = AFTER_VALUE;
    switch (*g->at) {
    case '{':
        return open_level(g, true, state);
    case '[':
        return open_level(g, false, state);
    case '"':
        return scan_string(g);
    case 't':
        return scan_word(g, GH_VIEW_LIT("true"));
    case 'f':
        return scan_word(g, GH_VIEW_LIT("false"));
    case 'n':
        return scan_word(g, GH_VIEW_LIT("null"));
    default:
        if (*g->at == '-' || (*g->at >= '0' && *g->at <= '9')) {
            return scan_number(g);
        }
        return fail_grammar(g, "a value");
    }
}

static gh_status after_value(gate *g, gate_state *state)
{
    bool object = false;

    if (g->depth == 0) {
        if (g->at != g->end) {
            return fail_grammar(g, "nothing after the value");
        }
        *state = DONE;
        return GH_OK;
    }
    object = in_object(g);
    if (g->at < g->end && *g->at == ',') {
        g->at++;
        *state = object ? WANT_NAME : WANT_VALUE;
        return GH_OK;
    }
    if (g->at < g->end && *g->at == (object ? '}' : ']')) {
        close_level(g, state);
        return GH_OK;
    }
    return fail_grammar(g, object ? "',' or '}'" : "',' or ']'");
}

static gh_status step(gate *g, gate_state *state)
{
    char end = *state == WANT_NAME_OR_END ? '}' : ']';

    skip_space(g);
    switch (*state) {
    case WANT_NAME_OR_END:
    case WANT_VALUE_OR_END:
        if (g->at < g->end && *g->at == end) {
            close_level(g, state);
            return GH_OK;
        }
        return *state == WANT_NAME_OR_END ? scan_name(g, state) : scan_value(g, state);
    case WANT_NAME:
        return scan_name(g, state);
    case WANT_VALUE:
        return scan_value(g, state);
    case AFTER_VALUE:
        return after_value(g, state);
    case DONE:
        break;
    }
    return GH_OK;
}

gh_status gh_json_gate(gh_view text, const gh_json_limits *limits, gh_error *error)
{
    size_t at = 0;
    return gh_json_gate_at(text, limits, &at, error);
}

gh_status gh_json_gate_at(gh_view text, const gh_json_limits *limits, size_t *at, gh_error *error)
{
    gate g;
    gate_state state = WANT_VALUE;
    gh_status status = GH_OK;

    g.start = text.len > 0 ? text.ptr : "";
    g.at = g.start;
    g.end = g.start + text.len;
    g.limits = limits ? *limits : GH_JSON_LIMITS_MESSAGE;
    g.error = error;
    g.members = 0;
    g.depth = 0;
    g.objects = 0;
    g.names.len = 0;
    *at = 0;
    if (g.limits.depth > GH_JSON_DEPTH_MAX) {
        g.limits.depth = GH_JSON_DEPTH_MAX;
    }
    if (text.len > g.limits.size || text.len > UINT32_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "JSON refused: %zu bytes, at most %zu are allowed",
                            text.len, g.limits.size);
    }
    while (status == GH_OK && state != DONE) {
        status = step(&g, &state);
    }
    *at = (size_t)(g.at - g.start);
    return status;
}
