#include "shared/core/log_ring.h"

#include <string.h>
#include <sys/mman.h>

/* After a burst, what lies behind this is given back to the system. */
#define KEPT ((size_t)256 * 1024)

typedef struct record {
    int64_t wall_ms;
    size_t len;
} record;

static size_t size_of_side(const gh_log_ring *ring)
{
    return ring->slots * GH_LOG_LINE_MAX;
}

void gh_log_ring_free(gh_log_ring *ring)
{
    for (size_t i = 0; i < 2; i++) {
        if (ring->sides[i].bytes) {
            (void)munmap(ring->sides[i].bytes, size_of_side(ring));
        }
    }
    memset(ring, 0, sizeof(*ring));
}

gh_status gh_log_ring_make(gh_log_ring *ring, size_t slots)
{
    _Static_assert(sizeof(record) + GH_LOG_BODY_MAX <= GH_LOG_LINE_MAX, "each slot takes the longest line");
    memset(ring, 0, sizeof(*ring));
    ring->slots = slots;
    for (size_t i = 0; i < 2; i++) {
        /* Mapped, for pages that are never touched cost nothing. */
        void *bytes =
            mmap(NULL, size_of_side(ring), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ring->sides[i].bytes = bytes != MAP_FAILED ? bytes : NULL;
    }
    if (!ring->sides[0].bytes || !ring->sides[1].bytes) {
        gh_log_ring_free(ring);
        return GH_ERR_NOMEM;
    }
    return GH_OK;
}

bool gh_log_ring_push(gh_log_ring *ring, const gh_log_line *line)
{
    gh_log_side *side = &ring->sides[ring->filling];
    const record head = {line->wall_ms, line->len};

    if (side->lines == ring->slots) {
        return false;
    }
    memcpy(side->bytes + side->len, &head, sizeof(head));
    memcpy(side->bytes + side->len + sizeof(head), line->body, line->len);
    side->len += sizeof(head) + line->len;
    side->lines++;
    return true;
}

size_t gh_log_ring_len(const gh_log_ring *ring)
{
    return ring->sides[ring->filling].lines;
}

gh_log_batch gh_log_ring_take(gh_log_ring *ring)
{
    gh_log_side *read = &ring->sides[1 - ring->filling];
    gh_log_batch batch = {&ring->sides[ring->filling], 0};

    if (read->len > KEPT) {
        (void)madvise(read->bytes + KEPT, size_of_side(ring) - KEPT, MADV_DONTNEED);
    }
    read->len = 0;
    read->lines = 0;
    ring->filling = 1 - ring->filling;
    return batch;
}

size_t gh_log_batch_compose(gh_log_batch *batch, gh_log_head *head, gh_log_format format, const char *tag,
                            char *out, size_t size, uint64_t *lines)
{
    size_t len = 0;

    *lines = 0;
    while (size - len >= GH_LOG_LINE_MAX && batch->at < batch->side->len) {
        const char *bytes = batch->side->bytes + batch->at;
        record next;

        memcpy(&next, bytes, sizeof(next));
        len += gh_log_line_compose(head, next.wall_ms, gh_view_make(bytes + sizeof(next), next.len), format,
                                   tag, out + len);
        batch->at += sizeof(next) + next.len;
        (*lines)++;
    }
    return len;
}
