#include "server/oauth/throttle.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "shared/core/clock.h"

struct gh_throttle {
    pthread_mutex_t lock;
    int64_t at_ms[GH_THROTTLE_LIMIT]; /* oldest first */
    size_t count;
};

gh_throttle *gh_throttle_new(void)
{
    gh_throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle != NULL && pthread_mutex_init(&throttle->lock, NULL) != 0) {
        free(throttle);
        return NULL;
    }
    return throttle;
}

void gh_throttle_free(gh_throttle *throttle)
{
    if (throttle != NULL) {
        (void)pthread_mutex_destroy(&throttle->lock);
        free(throttle);
    }
}

static void forget_old(gh_throttle *throttle, int64_t now)
{
    size_t old = 0;
    while (old < throttle->count && throttle->at_ms[old] + GH_THROTTLE_WINDOW_MS <= now) {
        old++;
    }
    for (size_t i = old; i < throttle->count; i++) {
        throttle->at_ms[i - old] = throttle->at_ms[i];
    }
    throttle->count -= old;
}

bool gh_throttle_enter(gh_throttle *throttle, int64_t *retry_after_s)
{
    (void)pthread_mutex_lock(&throttle->lock);
    int64_t now = gh_clock_mono_ms();
    forget_old(throttle, now);
    bool free_place = throttle->count < GH_THROTTLE_LIMIT;
    if (free_place) {
        throttle->at_ms[throttle->count++] = now;
        *retry_after_s = 0;
    } else {
        *retry_after_s = (throttle->at_ms[0] + GH_THROTTLE_WINDOW_MS - now + 999) / 1000;
    }
    (void)pthread_mutex_unlock(&throttle->lock);
    return free_place;
}

void gh_throttle_forgive(gh_throttle *throttle)
{
    (void)pthread_mutex_lock(&throttle->lock);
    if (throttle->count > 0) {
        throttle->count--;
    }
    (void)pthread_mutex_unlock(&throttle->lock);
}
