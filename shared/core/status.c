#include "shared/core/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/core/text.h"

static const char *const status_texts[] = {
    [GH_OK] = "ok",
    [GH_ERR_NOMEM] = "out of memory",
    [GH_ERR_INVALID] = "invalid",
    [GH_ERR_PARSE] = "syntax error",
    [GH_ERR_TOO_LARGE] = "too large",
    [GH_ERR_NOT_FOUND] = "not found",
    [GH_ERR_CONFLICT] = "conflict",
    [GH_ERR_EXPIRED] = "expired",
    [GH_ERR_DENIED] = "denied",
    [GH_ERR_TIMEOUT] = "timed out",
    [GH_ERR_CLOSED] = "closed",
    [GH_ERR_CANCELLED] = "cancelled",
    [GH_ERR_IO] = "input/output error",
    [GH_ERR_CRYPTO] = "cryptography error",
    [GH_ERR_UNSUPPORTED] = "not supported",
    [GH_ERR_UNAVAILABLE] = "unavailable",
};

const char *gh_status_text(gh_status status)
{
    size_t index = (size_t)status;

    if (index >= sizeof(status_texts) / sizeof(status_texts[0]) || !status_texts[index]) {
        return "unknown status";
    }
    return status_texts[index];
}

/* Copies valid characters; an incomplete one at the end of truncated text is left out. */
static void copy_printable(const char *from, size_t len, bool truncated, char *to)
{
    size_t used = 0;

    for (size_t i = 0; i < len;) {
        size_t width = gh_utf8_width(gh_view_make(from + i, len - i));
        unsigned char c = (unsigned char)from[i];

        if (width == 0 && truncated && len - i < 4 && c >= 0xc0) {
            break;
        }
        if (width == 0 || c < 0x20 || c == 0x7f || gh_utf8_is_deceptive(gh_view_make(from + i, width))) {
            to[used++] = '?';
            i += width > 0 ? width : 1;
            continue;
        }
        memcpy(to + used, from + i, width);
        used += width;
        i += width;
    }
    to[used] = '\0';
}

gh_status gh_error_set(gh_error *error, gh_status status, const char *format, ...)
{
    /* Not formatted in place: error->message may itself be among the arguments. */
    char text[GH_ERROR_MESSAGE_MAX];
    size_t len = 0;
    va_list args;
    int wanted = 0;

    if (!error) {
        return status;
    }
    va_start(args, format);
    wanted = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (wanted < 0) {
        text[0] = '\0';
    }
    len = strlen(text);
    error->status = status;
    copy_printable(text, len, wanted >= (int)sizeof(text), error->message);
    return status;
}
