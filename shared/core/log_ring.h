/* The lines that wait for the log's writer. Private to the log; its caller holds the log's lock, but for
 * gh_log_batch_compose.
 *
 * Two sides: callers fill one while the writer reads the other, so that the lock is never held for longer
 * than it takes to copy one line. Each side is filled from its start: a quiet program keeps using the same
 * few pages and never touches the rest of the memory. */
#ifndef GH_SHARED_CORE_LOG_RING_H
#define GH_SHARED_CORE_LOG_RING_H

#include "shared/core/log_line.h"

typedef struct gh_log_side {
    char *bytes; /* records, one behind the other */
    size_t len;
    size_t lines;
} gh_log_side;

typedef struct gh_log_ring {
    size_t slots; /* lines that one side takes */
    gh_log_side sides[2];
    int filling;
} gh_log_ring;

/* What the writer reads. */
typedef struct gh_log_batch {
    const gh_log_side *side;
    size_t at;
} gh_log_batch;

GH_MUST_USE gh_status gh_log_ring_make(gh_log_ring *ring, size_t slots);
void gh_log_ring_free(gh_log_ring *ring);
/* Copies `line`; false when there is no room. */
bool gh_log_ring_push(gh_log_ring *ring, const gh_log_line *line);
/* Lines pushed since the last take. */
size_t gh_log_ring_len(const gh_log_ring *ring);
/* All of them, valid until the next take. */
gh_log_batch gh_log_ring_take(gh_log_ring *ring);
/* As many lines of a batch as `out` has room for, in the order of the pushes, ready to be written. Returns
 * their length, 0 at the end. `size` is at least GH_LOG_LINE_MAX. */
size_t gh_log_batch_compose(gh_log_batch *batch, gh_log_head *head, gh_log_format format, const char *tag,
                            char *out, size_t size, uint64_t *lines);

#endif
