#include "server/http/share.h"

gh_status gh_share_init(gh_share *share, size_t max)
{
    *share = (gh_share){.max = max};
    return pthread_mutex_init(&share->lock, NULL) == 0 ? GH_OK : GH_ERR_NOMEM;
}

void gh_share_clear(gh_share *share)
{
    (void)pthread_mutex_destroy(&share->lock);
}

bool gh_share_enter(gh_share *share, gh_share_seat *seat, const gh_principal *principal)
{
    size_t taken = 0;
    *seat = (gh_share_seat){.principal = principal};
    (void)pthread_mutex_lock(&share->lock);
    /* There are no more seats than workers. */
    for (const gh_share_seat *at = share->first; at != NULL; at = at->next) {
        taken += gh_principal_same_user(at->principal, principal) ? 1 : 0;
    }
    bool enters = taken < share->max;
    if (enters) {
        seat->next = share->first;
        if (seat->next != NULL) {
            seat->next->previous = seat;
        }
        share->first = seat;
    }
    (void)pthread_mutex_unlock(&share->lock);
    return enters;
}

void gh_share_leave(gh_share *share, gh_share_seat *seat)
{
    (void)pthread_mutex_lock(&share->lock);
    *(seat->previous == NULL ? &share->first : &seat->previous->next) = seat->next;
    if (seat->next != NULL) {
        seat->next->previous = seat->previous;
    }
    (void)pthread_mutex_unlock(&share->lock);
}
