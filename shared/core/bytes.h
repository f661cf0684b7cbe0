/* gh_buf: a growing byte buffer with a mandatory ceiling.
 *
 * Errors are sticky: after one append fails the buffer stays as it was, and every later append fails
 * with the same status, so that a series of appends may be checked once with gh_buf_status. The
 * contents are always followed by a NUL that does not count. Not thread-safe; one owner. */
#ifndef GH_SHARED_CORE_BYTES_H
#define GH_SHARED_CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_buf {
    char *data; /* never NULL after the first successful append */
    size_t len;
    size_t cap;
    size_t max; /* ceiling for len */
    gh_status status;
} gh_buf;

#define GH_BUF_INIT(ceiling) ((gh_buf){NULL, 0, 0, (ceiling), GH_OK})

void gh_buf_init(gh_buf *buf, size_t max);
void gh_buf_free(gh_buf *buf);      /* does not wipe the contents; NULL and twice are fine */
void gh_buf_wipe_free(gh_buf *buf); /* for buffers that held a secret; blocks that were outgrown were wiped */
void gh_buf_clear(gh_buf *buf);     /* len = 0, error forgotten, memory kept */

/* Appends return GH_ERR_TOO_LARGE at the ceiling, GH_ERR_NOMEM without memory. The return value may be
 * ignored where gh_buf_status is asked later. */
gh_status gh_buf_append(gh_buf *buf, const void *data, size_t len);
gh_status gh_buf_append_view(gh_buf *buf, gh_view view);
gh_status gh_buf_append_cstr(gh_buf *buf, const char *cstr);
gh_status gh_buf_append_char(gh_buf *buf, char c);
gh_status gh_buf_append_number(gh_buf *buf, uint64_t number); /* decimal */
gh_status gh_buf_appendf(gh_buf *buf, const char *format, ...) GH_PRINTF(2, 3);
gh_status gh_buf_reserve(gh_buf *buf, size_t len); /* room for len bytes in all */
void gh_buf_consume(gh_buf *buf, size_t len);      /* drops bytes from the front */

GH_MUST_USE gh_status gh_buf_status(const gh_buf *buf);
gh_view gh_buf_view(const gh_buf *buf);
const char *gh_buf_cstr(const gh_buf *buf); /* "" when empty */

/* Hands the memory to the caller (free), NUL-terminated; NULL when the buffer is in error or memory
 * lacks. The buffer is empty afterwards. */
char *gh_buf_steal(gh_buf *buf);

#endif
