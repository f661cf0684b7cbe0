#include "server/schema/pattern_ecma.h"

#include <string.h>

#define REPEATS_MAX 65535U
#define NUMBER_STOP 100000U
#define REFERENCES_MAX 32
#define DOT "[^\\x{a}\\x{d}\\x{2028}\\x{2029}]"

typedef struct group {
    gh_view name;
    int parent;    /* index, -1 at the top */
    int capture;   /* its number, 0 when it captures nothing */
    bool atom;     /* may be repeated: no assertion */
    bool open;     /* its ) has not come yet */
    bool repeated; /* more than once */
} group;

typedef struct translation {
    gh_pattern_cursor cursor;
    gh_buf *out;
    group groups[GH_PATTERN_GROUPS_MAX];
    int count;
    int captures;
    int current; /* the innermost open group, -1 at the top */
    int depth;
    int references[REFERENCES_MAX]; /* indexes of groups */
    int references_count;
    bool lookbehind;
    gh_pattern_traits *traits;
} translation;

/* What a term was, for the quantifier behind it. */
typedef enum term { TERM_FIXED, TERM_ATOM } term;

static const struct {
    const char *text;
    bool captures;
    bool atom;
} OPENINGS[] = {
    {"(?<=", false, false}, {"(?<!", false, false}, {"(?=", false, false},
    {"(?!", false, false},  {"(?:", false, true},   {"(?<", true, true},
};

static bool looking_at(const translation *t, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(t->cursor.end - t->cursor.at) >= len && memcmp(t->cursor.at, text, len) == 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || ((unsigned char)c & 0x80) != 0;
}

/* NAME> */
static gh_status read_name(translation *t, gh_view *name)
{
    const char *start = t->cursor.at;
    const char *at = start;
    while (at < t->cursor.end && is_name_char(*at)) {
        at++;
    }
    if (at == start || at == t->cursor.end || *at != '>' || (*start >= '0' && *start <= '9')) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "a group's name is not a name and >");
    }
    *name = gh_view_make(start, (size_t)(at - start));
    t->cursor.at = at + 1;
    return GH_OK;
}

static group *find_name(translation *t, gh_view name)
{
    for (int i = 0; i < t->count; i++) {
        if (t->groups[i].name.len > 0 && gh_view_eq(t->groups[i].name, name)) {
            return &t->groups[i];
        }
    }
    return NULL;
}

static gh_status push_group(translation *t, bool captures, bool atom)
{
    if (t->count == GH_PATTERN_GROUPS_MAX || t->depth == GH_PATTERN_DEPTH_MAX) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_TOO_LARGE,
                                 "it has more than %d groups, or %d in each other", GH_PATTERN_GROUPS_MAX,
                                 GH_PATTERN_DEPTH_MAX);
    }
    t->captures += captures ? 1 : 0;
    t->groups[t->count] = (group){{"", 0}, t->current, captures ? t->captures : 0, atom, true, false};
    t->current = t->count++;
    t->depth++;
    return GH_OK;
}

/* (?<NAME> becomes a plain group; its number is what refers to it. */
static gh_status open_named(translation *t)
{
    gh_view name = {"", 0};
    gh_status status = read_name(t, &name);
    if (status == GH_OK && find_name(t, name) != NULL) {
        status = gh_pattern_refuse(&t->cursor, GH_ERR_UNSUPPORTED, "two groups have the same name");
    }
    if (status == GH_OK) {
        status = push_group(t, true, true);
    }
    if (status == GH_OK) {
        t->groups[t->current].name = name;
        (void)gh_buf_append_char(t->out, '(');
    }
    return status;
}

static gh_status open_group(translation *t)
{
    size_t kinds = sizeof OPENINGS / sizeof OPENINGS[0];
    size_t kind = 0;
    if (!looking_at(t, "(?")) {
        t->cursor.at++;
        (void)gh_buf_append_char(t->out, '(');
        return push_group(t, true, true);
    }
    while (kind < kinds && !looking_at(t, OPENINGS[kind].text)) {
        kind++;
    }
    if (kind == kinds) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE,
                                 "(?%s is no group here; there are (?: (?= (?! (?<= (?<! and (?<NAME>",
                                 looking_at(t, "(?P") ? "P" : "...");
    }
    t->cursor.at += strlen(OPENINGS[kind].text);
    if (OPENINGS[kind].captures) {
        return open_named(t);
    }
    t->lookbehind = t->lookbehind || OPENINGS[kind].text[2] == '<';
    t->traits->looks = t->traits->looks || !OPENINGS[kind].atom;
    (void)gh_buf_append_cstr(t->out, OPENINGS[kind].text);
    return push_group(t, false, OPENINGS[kind].atom);
}

static gh_status close_group(translation *t, int *closed)
{
    if (t->current < 0) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "a ) has no (");
    }
    t->cursor.at++;
    *closed = t->current;
    t->groups[*closed].open = false;
    t->current = t->groups[*closed].parent;
    t->depth--;
    return gh_buf_append_char(t->out, ')');
}

static gh_status refer(translation *t, const group *to)
{
    if (to == NULL || to->open) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_UNSUPPORTED, "a reference leads to no group before it");
    }
    if (t->references_count == REFERENCES_MAX) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_TOO_LARGE, "it has more than %d references",
                                 REFERENCES_MAX);
    }
    t->traits->refers = true;
    t->references[t->references_count++] = (int)(to - t->groups);
    return gh_buf_appendf(t->out, "\\g{%d}", to->capture);
}

/* Decimal digits; stops counting where it is too much for anything. */
static bool read_number(translation *t, uint32_t *number)
{
    const char *start = t->cursor.at;
    uint32_t value = 0;
    while (t->cursor.at < t->cursor.end && *t->cursor.at >= '0' && *t->cursor.at <= '9') {
        value = value < NUMBER_STOP ? value * 10 + (uint32_t)(*t->cursor.at - '0') : value;
        t->cursor.at++;
    }
    *number = value;
    return t->cursor.at > start;
}

static gh_status refer_number(translation *t)
{
    uint32_t number = 0;
    (void)read_number(t, &number);
    for (int i = 0; i < t->count; i++) {
        if (t->groups[i].capture > 0 && (uint32_t)t->groups[i].capture == number) {
            return refer(t, &t->groups[i]);
        }
    }
    return refer(t, NULL);
}

static gh_status refer_name(translation *t)
{
    gh_view name = {"", 0};
    t->cursor.at += strlen("k");
    if (!looking_at(t, "<")) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "\\k wants a group's name: \\k<NAME>");
    }
    t->cursor.at++;
    gh_status status = read_name(t, &name);
    return status == GH_OK ? refer(t, find_name(t, name)) : status;
}

static gh_status read_escape(translation *t, term *kind)
{
    gh_pattern_atom atom;
    t->cursor.at++;
    char c = t->cursor.at < t->cursor.end ? *t->cursor.at : '\0';
    if (c == 'b' || c == 'B') {
        t->cursor.at++;
        *kind = TERM_FIXED;
        return gh_buf_appendf(t->out, "\\%c", c);
    }
    if (c >= '1' && c <= '9') {
        return refer_number(t);
    }
    if (c == 'k') {
        return refer_name(t);
    }
    gh_status status = gh_pattern_escape(&t->cursor, false, &atom);
    if (status == GH_OK && atom.set != NULL) {
        (void)gh_buf_appendf(t->out, "[%s]", atom.set);
    } else if (status == GH_OK) {
        gh_pattern_write(t->out, atom.code);
    }
    return status;
}

/* {n}, {n,} or {n,m}; a { that starts none of them is not consumed. */
static bool read_braces(translation *t, uint32_t *least, uint32_t *most)
{
    const char *start = t->cursor.at++;
    bool whole = read_number(t, least);
    *most = *least;
    if (whole && looking_at(t, ",")) {
        t->cursor.at++;
        if (!read_number(t, most)) {
            *most = UINT32_MAX;
        }
    }
    whole = whole && looking_at(t, "}");
    t->cursor.at = whole ? t->cursor.at + 1 : start;
    return whole;
}

static bool read_quantifier(translation *t, uint32_t *least, uint32_t *most)
{
    char c = t->cursor.at < t->cursor.end ? *t->cursor.at : '\0';
    if (c == '{') {
        return read_braces(t, least, most);
    }
    if (c != '*' && c != '+' && c != '?') {
        return false;
    }
    t->cursor.at++;
    *least = c == '+' ? 1 : 0;
    *most = c == '?' ? 1 : UINT32_MAX;
    return true;
}

/* `closed` is the group that the quantifier is behind, or -1. */
static gh_status quantify(translation *t, term kind, int closed)
{
    uint32_t least = 0;
    uint32_t most = 0;
    if (!read_quantifier(t, &least, &most)) {
        return GH_OK;
    }
    if (kind == TERM_FIXED) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "a quantifier has nothing to repeat");
    }
    if (least > most) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "a quantifier's bounds are out of order");
    }
    if (least > REPEATS_MAX || (most > REPEATS_MAX && most != UINT32_MAX)) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_UNSUPPORTED, "a quantifier goes beyond %u", REPEATS_MAX);
    }
    t->traits->repeats = least > t->traits->repeats ? least : t->traits->repeats;
    if (closed >= 0) {
        t->groups[closed].repeated = most > 1;
    }
    if (most == UINT32_MAX) {
        (void)gh_buf_appendf(t->out, "{%u,}", least);
    } else {
        (void)gh_buf_appendf(t->out, "{%u,%u}", least, most);
    }
    if (looking_at(t, "?")) {
        t->cursor.at++;
        (void)gh_buf_append_char(t->out, '?');
    }
    return GH_OK;
}

static gh_status read_character(translation *t)
{
    uint32_t least = 0;
    uint32_t most = 0;
    uint32_t code = 0;
    if (read_quantifier(t, &least, &most)) {
        return gh_pattern_refuse(&t->cursor, GH_ERR_PARSE, "a quantifier has nothing to repeat");
    }
    gh_status status = gh_pattern_character(&t->cursor, &code);
    gh_pattern_write(t->out, code);
    return status;
}

static gh_status read_term(translation *t, term *kind, int *closed)
{
    char c = *t->cursor.at;
    switch (c) {
    case '(':
        *kind = TERM_FIXED;
        return open_group(t);
    case ')': {
        gh_status status = close_group(t, closed);
        *kind = status == GH_OK && t->groups[*closed].atom ? TERM_ATOM : TERM_FIXED;
        return status;
    }
    case '^':
    case '$':
    case '|':
        *kind = TERM_FIXED;
        t->cursor.at++;
        return gh_buf_append_char(t->out, c);
    case '.':
        t->cursor.at++;
        return gh_buf_append_cstr(t->out, DOT);
    case '[':
        t->cursor.at++;
        return gh_pattern_class(&t->cursor, t->out);
    case '\\':
        return read_escape(t, kind);
    default:
        return read_character(t);
    }
}

/* ECMAScript forgets what a group held when an iteration around it starts, and rejects empty iterations;
 * PCRE2 does neither. Only a reference can see it. In a lookbehind ECMAScript matches from right to left. */
static gh_status check_references(translation *t)
{
    for (int i = 0; i < t->references_count; i++) {
        for (int at = t->references[i]; at >= 0; at = t->groups[at].parent) {
            if (t->groups[at].repeated) {
                return gh_pattern_refuse(&t->cursor, GH_ERR_UNSUPPORTED,
                                         "a reference leads to a group that is repeated");
            }
        }
    }
    return t->references_count > 0 && t->lookbehind
               ? gh_pattern_refuse(&t->cursor, GH_ERR_UNSUPPORTED, "it has references and a lookbehind")
               : GH_OK;
}

gh_status gh_pattern_translate(gh_view text, gh_buf *out, gh_pattern_traits *traits, gh_error *error)
{
    translation t = {.cursor = {text.ptr, text.ptr, text.ptr + text.len, error},
                     .out = out,
                     .current = -1,
                     .traits = traits};
    gh_status status = GH_OK;
    *traits = (gh_pattern_traits){false, false, 0};
    while (status == GH_OK && t.cursor.at < t.cursor.end) {
        term kind = TERM_ATOM;
        int closed = -1;
        status = read_term(&t, &kind, &closed);
        if (status == GH_OK) {
            status = quantify(&t, kind, closed);
        }
    }
    if (status == GH_OK && t.current >= 0) {
        status = gh_pattern_refuse(&t.cursor, GH_ERR_PARSE, "a ( has no )");
    }
    if (status == GH_OK) {
        status = check_references(&t);
    }
    return status == GH_OK ? gh_buf_status(out) : status;
}
