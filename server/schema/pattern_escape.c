/* Characters, escapes and bracketed classes of ECMAScript's regular expressions. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/schema/pattern_ecma.h"

#define CODE_MAX 0x10ffffU
#define NAME_BYTES 48

/* White space and line ends of ECMA-262, where PCRE2's \s is ASCII's. */
#define SPACES                                                                                               \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"   \
    "\\x{feff}"
#define NO_SPACES                                                                                            \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"      \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

gh_status gh_pattern_refuse(const gh_pattern_cursor *cursor, gh_status status, const char *format, ...)
{
    char reason[GH_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return gh_error_set(cursor->error, status, "%s (near byte %zu)", reason,
                        (size_t)(cursor->at - cursor->start));
}

void gh_pattern_write(gh_buf *out, uint32_t code)
{
    bool plain = (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    if (plain) {
        (void)gh_buf_append_char(out, (char)code);
    } else {
        (void)gh_buf_appendf(out, "\\x{%x}", code);
    }
}

gh_status gh_pattern_character(gh_pattern_cursor *cursor, uint32_t *code)
{
    static const unsigned char FIRST_BITS[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t width = gh_utf8_width(gh_view_make(cursor->at, (size_t)(cursor->end - cursor->at)));
    if (width == 0) {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "it is not UTF-8");
    }
    uint32_t value = (unsigned char)cursor->at[0] & FIRST_BITS[width];
    for (size_t i = 1; i < width; i++) {
        value = value << 6 | ((unsigned char)cursor->at[i] & 0x3fU);
    }
    cursor->at += width;
    *code = value;
    return GH_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly `digits` hexadecimal digits. */
static bool read_hex(gh_pattern_cursor *cursor, int digits, uint32_t *code)
{
    uint32_t value = 0;
    if (cursor->end - cursor->at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++) {
        int digit = hex_value(cursor->at[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    cursor->at += digits;
    *code = value;
    return true;
}

static bool read_braced_hex(gh_pattern_cursor *cursor, uint32_t *code)
{
    const char *at = cursor->at + 1;
    uint32_t value = 0;
    while (at < cursor->end && hex_value(*at) >= 0 && value <= CODE_MAX) {
        value = value << 4 | (uint32_t)hex_value(*at++);
    }
    if (at == cursor->at + 1 || at == cursor->end || *at != '}' || value > CODE_MAX) {
        return false;
    }
    cursor->at = at + 1;
    *code = value;
    return true;
}

static gh_status read_unicode(gh_pattern_cursor *cursor, uint32_t *code)
{
    uint32_t low = 0;
    bool braced = cursor->at < cursor->end && *cursor->at == '{';
    if (!(braced ? read_braced_hex(cursor, code) : read_hex(cursor, 4, code))) {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\u wants four hexadecimal digits, or {...} of them");
    }
    bool high = !braced && *code >= 0xd800 && *code <= 0xdbff && cursor->end - cursor->at >= 6;
    if (high && cursor->at[0] == '\\' && cursor->at[1] == 'u') {
        gh_pattern_cursor ahead = *cursor;
        ahead.at += 2;
        if (read_hex(&ahead, 4, &low) && low >= 0xdc00 && low <= 0xdfff) {
            cursor->at = ahead.at;
            *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    if (*code >= 0xd800 && *code <= 0xdfff) {
        return gh_pattern_refuse(cursor, GH_ERR_UNSUPPORTED, "half a surrogate pair never is in a text here");
    }
    return GH_OK;
}

static gh_status read_property(gh_pattern_cursor *cursor, char sign, gh_pattern_atom *atom)
{
    char name[NAME_BYTES];
    size_t len = 0;
    if (cursor->at == cursor->end || *cursor->at++ != '{') {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\%c wants a property in braces", sign);
    }
    while (cursor->at < cursor->end && *cursor->at != '}' && len + 1 < sizeof name) {
        char c = *cursor->at++;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '=';
        if (!plain) {
            return gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\%c wants a property in braces", sign);
        }
        name[len++] = c;
    }
    if (cursor->at == cursor->end || *cursor->at != '}') {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\%c wants a property in braces", sign);
    }
    cursor->at++;
    name[len] = '\0';
    return gh_pattern_property(name, sign, atom)
               ? GH_OK
               : gh_pattern_refuse(cursor, GH_ERR_UNSUPPORTED, "the property in \\%c{...} is not known",
                                   sign);
}

/* The escapes of one letter that stand for one character. */
static bool control(char c, bool in_class, uint32_t *code)
{
    static const char LETTERS[] = "tnvfr";
    static const char CODES[] = "\t\n\v\f\r";
    const char *found = c == '\0' ? NULL : strchr(LETTERS, c);
    if (found != NULL) {
        *code = (unsigned char)CODES[found - LETTERS];
        return true;
    }
    *code = '\b';
    return in_class && c == 'b';
}

static const char *set_of(char c)
{
    switch (c) {
    case 'd':
        return "\\d";
    case 'D':
        return "\\D";
    case 'w':
        return "\\w";
    case 'W':
        return "\\W";
    case 's':
        return SPACES;
    case 'S':
        return NO_SPACES;
    default:
        return NULL;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

gh_status gh_pattern_escape(gh_pattern_cursor *cursor, bool in_class, gh_pattern_atom *atom)
{
    if (cursor->at == cursor->end) {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "it ends with a backslash");
    }
    char c = *cursor->at;
    char next = cursor->at + 1 < cursor->end ? cursor->at[1] : '\0';
    atom->code = 0;
    atom->set = set_of(c);
    if (!is_letter(c) && !is_digit(c)) {
        return gh_pattern_character(cursor, &atom->code);
    }
    cursor->at++;
    if (atom->set != NULL || control(c, in_class, &atom->code)) {
        return GH_OK;
    }
    if (c == 'u') {
        return read_unicode(cursor, &atom->code);
    }
    if (c == 'x') {
        return read_hex(cursor, 2, &atom->code)
                   ? GH_OK
                   : gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\x wants two hexadecimal digits");
    }
    if (c == 'p' || c == 'P') {
        return read_property(cursor, c, atom);
    }
    if (c == 'c' && is_letter(next)) {
        cursor->at++;
        atom->code = (unsigned char)next & 0x1fU;
        return GH_OK;
    }
    if (c == '0' && !is_digit(next)) {
        atom->code = 0;
        return GH_OK;
    }
    return gh_pattern_refuse(cursor, GH_ERR_PARSE, "\\%c is no escape of ECMAScript here", c);
}

static gh_status class_atom(gh_pattern_cursor *cursor, gh_pattern_atom *atom)
{
    atom->set = NULL;
    atom->code = 0;
    if (*cursor->at != '\\') {
        return gh_pattern_character(cursor, &atom->code);
    }
    cursor->at++;
    return gh_pattern_escape(cursor, true, atom);
}

static void write_atom(gh_buf *out, const gh_pattern_atom *atom)
{
    if (atom->set != NULL) {
        (void)gh_buf_append_cstr(out, atom->set);
    } else {
        gh_pattern_write(out, atom->code);
    }
}

/* One character, set or range. */
static gh_status class_member(gh_pattern_cursor *cursor, gh_buf *out)
{
    gh_pattern_atom first;
    gh_pattern_atom last;
    gh_status status = class_atom(cursor, &first);
    if (status != GH_OK) {
        return status;
    }
    write_atom(out, &first);
    bool range = cursor->end - cursor->at >= 2 && cursor->at[0] == '-' && cursor->at[1] != ']';
    if (!range) {
        return GH_OK;
    }
    cursor->at++;
    status = class_atom(cursor, &last);
    if (status != GH_OK) {
        return status;
    }
    if (first.set != NULL || last.set != NULL) {
        gh_pattern_write(out, '-');
    } else if (first.code > last.code) {
        return gh_pattern_refuse(cursor, GH_ERR_PARSE, "a range in brackets runs backwards");
    } else {
        (void)gh_buf_append_char(out, '-');
    }
    write_atom(out, &last);
    return GH_OK;
}

gh_status gh_pattern_class(gh_pattern_cursor *cursor, gh_buf *out)
{
    bool negated = cursor->at < cursor->end && *cursor->at == '^';
    gh_status status = GH_OK;
    cursor->at += negated ? 1 : 0;
    if (cursor->at < cursor->end && *cursor->at == ']') {
        cursor->at++;
        return gh_buf_append_cstr(out, negated ? "[\\x{0}-\\x{10ffff}]" : "(?:(?!))");
    }
    (void)gh_buf_append_cstr(out, negated ? "[^" : "[");
    while (status == GH_OK && cursor->at < cursor->end && *cursor->at != ']') {
        status = class_member(cursor, out);
    }
    if (status == GH_OK && cursor->at == cursor->end) {
        status = gh_pattern_refuse(cursor, GH_ERR_PARSE, "a [ has no ]");
    }
    cursor->at += status == GH_OK ? 1 : 0;
    (void)gh_buf_append_char(out, ']');
    return status;
}
