/* Condition variables that wait on the monotonic clock, so that setting the time of day moves no deadline.
 * Waits take real time even where tests replace the source of shared/core/clock.h. */
#ifndef GH_SHARED_CORE_COND_H
#define GH_SHARED_CORE_COND_H

#include <pthread.h>
#include <stdbool.h>

#include "shared/core/clock.h"
#include "shared/core/status.h"

/* To be destroyed with pthread_cond_destroy. */
GH_MUST_USE gh_status gh_cond_init(pthread_cond_t *cond);
/* With the lock held. False when the deadline has passed. True says nothing: ask again for what is waited
 * for, as with every condition variable. */
bool gh_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, gh_deadline deadline);

#endif
