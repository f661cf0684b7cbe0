#include "shared/core/log_ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void gh_log_ring_free(gh_log_ring *ring)
{
    if (ring->lines) {
        (void)munmap(ring->lines, ring->slots * sizeof(*ring->lines));
    }
    free(ring->queue);
    free(ring->unused);
    memset(ring, 0, sizeof(*ring));
}

gh_status gh_log_ring_make(gh_log_ring *ring, size_t slots)
{
    /* Mapped, for pages that are never touched cost nothing. */
    void *lines =
        mmap(NULL, slots * sizeof(*ring->lines), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memset(ring, 0, sizeof(*ring));
    ring->slots = slots;
    ring->lines = lines != MAP_FAILED ? lines : NULL;
    ring->queue = calloc(slots, sizeof(*ring->queue));
    ring->unused = calloc(slots, sizeof(*ring->unused));
    if (!ring->lines || !ring->queue || !ring->unused) {
        gh_log_ring_free(ring);
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < slots; i++) {
        ring->unused[i] = (uint32_t)(slots - 1 - i);
    }
    ring->unused_len = slots;
    return GH_OK;
}

bool gh_log_ring_push(gh_log_ring *ring, const gh_log_line *line)
{
    gh_log_line *slot = NULL;
    uint32_t index = 0;

    if (ring->unused_len == 0) {
        return false;
    }
    index = ring->unused[--ring->unused_len];
    slot = &ring->lines[index];
    slot->wall_ms = line->wall_ms;
    slot->len = line->len;
    memcpy(slot->body, line->body, line->len);
    ring->queue[(ring->queue_start + ring->queue_len) % ring->slots] = index;
    ring->queue_len++;
    return true;
}

const gh_log_line *gh_log_ring_pop(gh_log_ring *ring)
{
    uint32_t index = 0;

    if (ring->queue_len == 0) {
        return NULL;
    }
    index = ring->queue[ring->queue_start];
    ring->queue_start = (ring->queue_start + 1) % ring->slots;
    ring->queue_len--;
    ring->unused[ring->unused_len++] = index;
    return &ring->lines[index];
}
