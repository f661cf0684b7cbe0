#include "shared/core/cond.h"

#include <errno.h>
#include <time.h>

#define SLICE_MS (3600 * 1000) /* a longer wait is several */
#define NS_PER_MS 1000000L
#define NS_PER_S 1000000000L

gh_status gh_cond_init(pthread_cond_t *cond)
{
    gh_status status = GH_ERR_NOMEM;
    pthread_condattr_t attributes;

    if (pthread_condattr_init(&attributes) != 0) {
        return GH_ERR_NOMEM;
    }
    if (pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(cond, &attributes) == 0) {
        status = GH_OK;
    }
    (void)pthread_condattr_destroy(&attributes);
    return status;
}

bool gh_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, gh_deadline deadline)
{
    struct timespec until = {0};
    int left = 0;

    if (deadline.at_ms == INT64_MAX) {
        return pthread_cond_wait(cond, lock) == 0;
    }
    left = gh_deadline_poll_ms(deadline, SLICE_MS);
    if (left == 0) {
        return false;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += left / 1000;
    until.tv_nsec += (left % 1000) * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT || left == SLICE_MS;
}
