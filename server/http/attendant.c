#include "server/http/attendant.h"

#include "shared/core/cond.h"

static void clear(gh_attendant *attendant)
{
    (void)pthread_cond_destroy(&attendant->wake);
    (void)pthread_mutex_destroy(&attendant->lock);
}

gh_status gh_attendant_start(gh_attendant *attendant, void *(*run)(void *context), void *context)
{
    attendant->stop = false;
    if (gh_cond_init(&attendant->wake) != GH_OK) {
        return GH_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&attendant->lock, NULL);
    if (pthread_create(&attendant->thread, NULL, run, context) != 0) {
        clear(attendant);
        return GH_ERR_UNAVAILABLE;
    }
    return GH_OK;
}

void gh_attendant_stop(gh_attendant *attendant)
{
    (void)pthread_mutex_lock(&attendant->lock);
    attendant->stop = true;
    (void)pthread_cond_signal(&attendant->wake);
    (void)pthread_mutex_unlock(&attendant->lock);
    (void)pthread_join(attendant->thread, NULL);
    clear(attendant);
}
