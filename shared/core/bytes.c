#include "shared/core/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"

#define FIRST_CAPACITY 256

void gh_buf_init(gh_buf *buf, size_t max)
{
    *buf = GH_BUF_INIT(max);
}

void gh_buf_free(gh_buf *buf)
{
    if (!buf) {
        return;
    }
    free(buf->data);
    *buf = GH_BUF_INIT(buf->max);
}

void gh_buf_wipe_free(gh_buf *buf)
{
    if (!buf) {
        return;
    }
    if (buf->data) {
        gh_wipe(buf->data, buf->cap);
    }
    gh_buf_free(buf);
}

void gh_buf_clear(gh_buf *buf)
{
    buf->len = 0;
    buf->status = GH_OK;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

static gh_status fail(gh_buf *buf, gh_status status)
{
    buf->status = status;
    return status;
}

/* `len` is at most buf->max; one more byte is for the NUL. */
static gh_status grow(gh_buf *buf, size_t len, size_t wanted)
{
    char *data = NULL;

    if (buf->data && len < buf->cap) {
        return GH_OK;
    }
    if (wanted > buf->max) {
        wanted = buf->max;
    }
    if (wanted < len) {
        wanted = len;
    }
    if (wanted == SIZE_MAX) {
        return fail(buf, GH_ERR_TOO_LARGE);
    }
    /* Not realloc: it would leave a copy behind, and this may be a secret. */
    data = malloc(wanted + 1);
    if (!data) {
        return fail(buf, GH_ERR_NOMEM);
    }
    if (buf->data) {
        memcpy(data, buf->data, buf->len);
        gh_wipe(buf->data, buf->cap);
        free(buf->data);
    }
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = wanted + 1;
    return GH_OK;
}

gh_status gh_buf_reserve(gh_buf *buf, size_t len)
{
    if (buf->status != GH_OK) {
        return buf->status;
    }
    if (len > buf->max) {
        return fail(buf, GH_ERR_TOO_LARGE);
    }
    return grow(buf, len, len);
}

static gh_status make_room(gh_buf *buf, size_t len)
{
    size_t wanted = buf->cap > SIZE_MAX / 2 ? SIZE_MAX : buf->cap * 2;

    if (len > buf->max - buf->len) {
        return fail(buf, GH_ERR_TOO_LARGE);
    }
    len += buf->len;
    /* What is large comes in one piece, and little after it: that little must not copy it. */
    if (wanted < len && len < SIZE_MAX / 2) {
        wanted = len + len / 8;
    }
    return grow(buf, len, wanted < FIRST_CAPACITY ? FIRST_CAPACITY : wanted);
}

gh_status gh_buf_append(gh_buf *buf, const void *data, size_t len)
{
    if (buf->status != GH_OK) {
        return buf->status;
    }
    if (len >= buf->cap - buf->len && make_room(buf, len) != GH_OK) {
        return buf->status;
    }
    if (len > 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
        buf->data[buf->len] = '\0';
    }
    return GH_OK;
}

gh_status gh_buf_append_view(gh_buf *buf, gh_view view)
{
    return gh_buf_append(buf, view.ptr, view.len);
}

gh_status gh_buf_append_cstr(gh_buf *buf, const char *cstr)
{
    return gh_buf_append_view(buf, gh_view_of(cstr));
}

gh_status gh_buf_append_number(gh_buf *buf, uint64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return gh_buf_append(buf, digits + at, sizeof(digits) - at);
}

gh_status gh_buf_append_char(gh_buf *buf, char c)
{
    return gh_buf_append(buf, &c, 1);
}

gh_status gh_buf_appendf(gh_buf *buf, const char *format, ...)
{
    char small[256];
    char *text = small;
    va_list args;
    va_list again;
    int len = 0;
    gh_status status = GH_OK;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(small, sizeof(small), format, args);
    if (len < 0) {
        status = fail(buf, GH_ERR_INVALID);
        goto out;
    }
    if ((size_t)len >= sizeof(small)) {
        if (buf->status == GH_OK && (size_t)len > buf->max - buf->len) {
            status = fail(buf, GH_ERR_TOO_LARGE);
            goto out;
        }
        text = malloc((size_t)len + 1);
        if (!text) {
            status = fail(buf, GH_ERR_NOMEM);
            goto out;
        }
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    status = gh_buf_append(buf, text, (size_t)len);
out:
    va_end(again);
    va_end(args);
    if (text) {
        gh_wipe(text, text == small && (size_t)len > sizeof(small) ? sizeof(small) : (size_t)len);
    }
    if (text != small) {
        free(text);
    }
    return status;
}

void gh_buf_consume(gh_buf *buf, size_t len)
{
    if (!buf->data || len == 0) {
        return;
    }
    if (len > buf->len) {
        len = buf->len;
    }
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

gh_status gh_buf_status(const gh_buf *buf)
{
    return buf->status;
}

gh_view gh_buf_view(const gh_buf *buf)
{
    return gh_view_make(gh_buf_cstr(buf), buf->len);
}

const char *gh_buf_cstr(const gh_buf *buf)
{
    return buf->data ? buf->data : "";
}

char *gh_buf_steal(gh_buf *buf)
{
    char *data = NULL;
    gh_status status = buf->status;

    if (status == GH_OK) {
        status = grow(buf, buf->len, buf->len);
    }
    if (status == GH_OK) {
        data = buf->data;
        buf->data = NULL;
    }
    gh_buf_free(buf);
    buf->status = status;
    return data;
}
