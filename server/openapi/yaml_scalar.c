/* The core schema of YAML 1.2 (10.3.2): what a plain scalar is, and how JSON writes it. */
#include <string.h>

#include "server/openapi/yaml.h"

#define DIGITS_MAX 100

static size_t digits_at(gh_view text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && text.ptr[at + count] >= '0' && text.ptr[at + count] <= '9') {
        count++;
    }
    return count;
}

static bool is_sign(gh_view text, size_t at)
{
    return at < text.len && (text.ptr[at] == '-' || text.ptr[at] == '+');
}

static bool is_one_of(gh_view text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (gh_view_eq_cstr(text, words[i])) {
            return true;
        }
    }
    return false;
}

/* 0 for none, else the base: "0o17" or "0x1F". */
static unsigned prefixed_base(gh_view text)
{
    if (text.len < 3 || text.ptr[0] != '0' || (text.ptr[1] != 'o' && text.ptr[1] != 'x')) {
        return 0;
    }
    const char *digits = text.ptr[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";
    for (size_t i = 2; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(digits, text.ptr[i]) == NULL) {
            return 0;
        }
    }
    return text.ptr[1] == 'o' ? 8 : 16;
}

static bool prefixed_value(gh_view text, unsigned base, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.ptr[i];
        unsigned digit = (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        if (sum > (UINT64_MAX - digit) / base) {
            return false;
        }
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

/* The parts of [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
typedef struct decimal {
    bool negative, real;
    gh_view whole, fraction, exponent; /* digits; the exponent with its sign */
} decimal;

static bool read_decimal(gh_view text, decimal *parts)
{
    size_t at = is_sign(text, 0) ? 1 : 0;
    *parts = (decimal){at == 1 && text.ptr[0] == '-', false, {"", 0}, {"", 0}, {"", 0}};
    parts->whole = gh_view_make(text.ptr + at, digits_at(text, at));
    at += parts->whole.len;
    if (at < text.len && text.ptr[at] == '.') {
        parts->real = true;
        at++;
        parts->fraction = gh_view_make(text.ptr + at, digits_at(text, at));
        at += parts->fraction.len;
    }
    if (parts->whole.len + parts->fraction.len == 0) {
        return false;
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        size_t sign = is_sign(text, at + 1) ? 1 : 0;
        size_t count = digits_at(text, at + 1 + sign);
        parts->real = true;
        parts->exponent = gh_view_make(text.ptr + at + 1, sign + count);
        at += 1 + sign + count;
        if (count == 0) {
            return false;
        }
    }
    return at == text.len;
}

gh_yaml_kind gh_yaml_kind_of(gh_view plain)
{
    static const char *const NULLS[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const BOOLS[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    static const char *const NO_NUMBERS[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                             "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
    decimal parts;
    uint64_t value = 0;
    unsigned base = prefixed_base(plain);
    if (is_one_of(plain, NULLS)) {
        return GH_YAML_NULL;
    }
    if (is_one_of(plain, BOOLS)) {
        return GH_YAML_BOOL;
    }
    if (base != 0) {
        return prefixed_value(plain, base, &value) ? GH_YAML_INT : GH_YAML_BEYOND;
    }
    if (is_one_of(plain, NO_NUMBERS)) {
        return GH_YAML_BEYOND;
    }
    if (!read_decimal(plain, &parts)) {
        return GH_YAML_STRING;
    }
    if (plain.len > DIGITS_MAX) {
        return GH_YAML_BEYOND;
    }
    return parts.real ? GH_YAML_FLOAT : GH_YAML_INT;
}

static void write_number(gh_view plain, gh_buf *out)
{
    decimal parts;
    uint64_t value = 0;
    unsigned base = prefixed_base(plain);
    if (base != 0 && prefixed_value(plain, base, &value)) {
        (void)gh_buf_appendf(out, "%llu", (unsigned long long)value);
        return;
    }
    if (!read_decimal(plain, &parts)) {
        return;
    }
    while (parts.whole.len > 1 && parts.whole.ptr[0] == '0') {
        parts.whole = gh_view_make(parts.whole.ptr + 1, parts.whole.len - 1);
    }
    (void)gh_buf_append_cstr(out, parts.negative ? "-" : "");
    (void)gh_buf_append_view(out, parts.whole.len > 0 ? parts.whole : GH_VIEW_LIT("0"));
    if (parts.fraction.len > 0) {
        (void)gh_buf_append_char(out, '.');
        (void)gh_buf_append_view(out, parts.fraction);
    }
    if (parts.exponent.len > 0) {
        (void)gh_buf_append_char(out, 'e');
        (void)gh_buf_append_view(out, parts.exponent);
    }
}

gh_status gh_yaml_write_plain(gh_view plain, gh_yaml_kind kind, gh_buf *out)
{
    switch (kind) {
    case GH_YAML_NULL:
        return gh_buf_append_cstr(out, "null");
    case GH_YAML_BOOL:
        return gh_buf_append_cstr(out, plain.ptr[0] == 't' || plain.ptr[0] == 'T' ? "true" : "false");
    case GH_YAML_INT:
    case GH_YAML_FLOAT:
        write_number(plain, out);
        return out->status;
    case GH_YAML_STRING:
    case GH_YAML_BEYOND:
        break;
    }
    return GH_ERR_INVALID;
}
