/* A thread of the HTTP side that attends to others: it sleeps with a lock held until it is woken, or looks
 * again after a while, and ends when it is told to. */
#ifndef GH_SERVER_HTTP_ATTENDANT_H
#define GH_SERVER_HTTP_ATTENDANT_H

#include <pthread.h>
#include <stdbool.h>

#include "shared/core/status.h"

typedef struct gh_attendant {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* for gh_cond_wait_until */
    bool stop;           /* under the lock */
} gh_attendant;

/* `run` gets `context` and returns when `stop` is set. GH_ERR_NOMEM, GH_ERR_UNAVAILABLE: nothing is left to
 * be stopped. */
GH_MUST_USE gh_status gh_attendant_start(gh_attendant *attendant, void *(*run)(void *context), void *context);
void gh_attendant_stop(gh_attendant *attendant); /* waits for it */

#endif
