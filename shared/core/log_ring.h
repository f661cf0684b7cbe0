/* The lines that wait for the log's writer. Private to the log; its caller holds the log's lock.
 *
 * Free slots are a stack, so that a quiet program keeps using the same few of them and never touches the
 * rest of the memory. */
#ifndef GH_SHARED_CORE_LOG_RING_H
#define GH_SHARED_CORE_LOG_RING_H

#include "shared/core/log_line.h"

typedef struct gh_log_ring {
    size_t slots;
    gh_log_line *lines;
    uint32_t *queue; /* indices, a ring */
    size_t queue_start;
    size_t queue_len;
    uint32_t *unused; /* indices, a stack */
    size_t unused_len;
} gh_log_ring;

GH_MUST_USE gh_status gh_log_ring_make(gh_log_ring *ring, size_t slots);
void gh_log_ring_free(gh_log_ring *ring);
/* Copies `line`; false when every slot is taken. */
bool gh_log_ring_push(gh_log_ring *ring, const gh_log_line *line);
/* The oldest line; NULL when there is none. It is valid until the next push. */
const gh_log_line *gh_log_ring_pop(gh_log_ring *ring);

#endif
