/* Numbers, with and without units. */
#include <stdio.h>

#include "shared/config/options_private.h"

typedef struct unit {
    const char *suffix;
    int64_t factor;
} unit;

static const unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const unit size_units[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}, {"", 1}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool parse_scaled(gh_view text, const unit *units, size_t count, int64_t *value)
{
    size_t digits = 0;
    gh_view suffix;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        digits++;
    }
    if (gh_view_to_int64(gh_view_make(text.ptr, digits), 0, INT64_MAX, value) != GH_OK) {
        return false;
    }
    suffix = gh_view_make(text.ptr + digits, text.len - digits);
    for (size_t i = 0; i < count; i++) {
        if (gh_view_eq_nocase(suffix, gh_view_of(units[i].suffix))) {
            return !__builtin_mul_overflow(*value, units[i].factor, value);
        }
    }
    return suffix.len == 0 && *value == 0;
}

static gh_status write_scaled(int64_t value, const unit *units, size_t count, gh_buf *out)
{
    for (size_t i = 0; value != 0 && i < count; i++) {
        if (value % units[i].factor == 0) {
            return gh_buf_appendf(out, "%lld%s", (long long)(value / units[i].factor), units[i].suffix);
        }
    }
    return gh_buf_append_cstr(out, "0");
}

gh_status gh_option_write_duration(int64_t ms, gh_buf *out)
{
    return write_scaled(ms, duration_units, COUNT(duration_units), out);
}

gh_status gh_option_write_size(int64_t bytes, gh_buf *out)
{
    return write_scaled(bytes, size_units, COUNT(size_units), out);
}

gh_status gh_option_refuse(gh_error *error, const char *where, gh_view text, const char *what)
{
    int shown = text.len < 80 ? (int)text.len : 80;

    return gh_error_set(error, GH_ERR_INVALID, "%s: '%.*s' is not %s", where, shown,
                        text.len > 0 ? text.ptr : "", what);
}

static void write_number(const gh_option *row, int64_t value, char *out, size_t size)
{
    gh_buf buf = GH_BUF_INIT(64);

    if (row->type == GH_OPTION_DURATION) {
        (void)gh_option_write_duration(value, &buf);
    } else if (row->type == GH_OPTION_SIZE) {
        (void)gh_option_write_size(value, &buf);
    } else {
        (void)gh_buf_appendf(&buf, "%lld", (long long)value);
    }
    (void)snprintf(out, size, "%s", gh_buf_cstr(&buf));
    gh_buf_free(&buf);
}

gh_status gh_option_set_number(const gh_option *row, void *settings, gh_view text, const char *where,
                               gh_error *error)
{
    int64_t value = 0;
    int64_t *field = gh_option_field(row, settings);

    if (row->type == GH_OPTION_INT) {
        if (gh_view_to_int64(text, INT64_MIN, INT64_MAX, &value) != GH_OK) {
            return gh_option_refuse(error, where, text, "a whole number");
        }
    } else if (row->type == GH_OPTION_DURATION) {
        if (!parse_scaled(text, duration_units, COUNT(duration_units), &value)) {
            return gh_option_refuse(error, where, text,
                                    "a time with its unit, such as 800ms, 30s, 10m, 2h or 30d");
        }
    } else if (!parse_scaled(text, size_units, COUNT(size_units), &value)) {
        return gh_option_refuse(error, where, text, "a size in bytes, such as 4096, 64k, 4m or 1g");
    }
    if ((row->min != 0 || row->max != 0) && (value < row->min || value > row->max)) {
        char low[64];
        char high[64];

        write_number(row, row->min, low, sizeof(low));
        write_number(row, row->max, high, sizeof(high));
        return gh_error_set(error, GH_ERR_INVALID, "%s: '%.*s' is out of range; choose from %s to %s", where,
                            (int)(text.len < 80 ? text.len : 80), text.ptr, low, high);
    }
    *field = value;
    return GH_OK;
}
