/* A session's requests in flight. */
#include <stdlib.h>

#include "server/mcp/session_private.h"
#include "shared/rpc/message.h"

/* --- works that are called later, without a lock --- */

void gh_mcp_work_list_add(gh_mcp_work_list *list, gh_mcp_work *work)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        gh_mcp_work **works = realloc(list->works, capacity * sizeof(gh_mcp_work *));
        if (works == NULL) {
            return;
        }
        list->works = works;
        list->capacity = capacity;
    }
    list->works[list->count++] = gh_mcp_work_hold(work);
}

void gh_mcp_work_list_clear(gh_mcp_work_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        gh_mcp_work_release(list->works[i]);
    }
    free(list->works);
    *list = (gh_mcp_work_list){NULL, 0, 0};
}

/* --- in and out --- */

void gh_mcp_session_forget_asked(gh_mcp_flight *flight)
{
    for (size_t i = 0; i < flight->asked_count; i++) {
        free(flight->asked[i].key);
        free(flight->asked[i].result);
    }
    free(flight->asked);
    flight->asked = NULL;
    flight->asked_count = 0;
    flight->missing = 0;
    flight->bytes = 0;
}

gh_mcp_flight *gh_mcp_session_flight(const gh_mcp_session *session, const gh_mcp_work *work)
{
    gh_mcp_flight *at = session->flights;
    while (at != NULL && at->work != work) {
        at = at->next;
    }
    return at;
}

static gh_mcp_flight *find_by_id(const gh_mcp_session *session, gh_view id)
{
    gh_mcp_flight *at = session->flights;
    while (at != NULL && !gh_rpc_id_equals(gh_mcp_work_id(at->work), id)) {
        at = at->next;
    }
    return at;
}

static void hold(gh_mcp_session *session)
{
    (void)pthread_mutex_lock(&session->table->lock);
    session->holders++;
    (void)pthread_mutex_unlock(&session->table->lock);
}

bool gh_mcp_session_busy(gh_mcp_session *session, gh_view id)
{
    (void)pthread_mutex_lock(&session->lock);
    bool busy = find_by_id(session, id) != NULL;
    (void)pthread_mutex_unlock(&session->lock);
    return busy;
}

gh_status gh_mcp_session_enter(gh_mcp_session *session, gh_mcp_work *work)
{
    gh_status status = GH_ERR_CONFLICT;
    gh_mcp_flight *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return GH_ERR_NOMEM;
    }
    hold(session);
    (void)pthread_mutex_lock(&session->lock);
    if (find_by_id(session, gh_mcp_work_id(work)) == NULL) {
        fresh->work = gh_mcp_work_hold(work);
        fresh->next = session->flights;
        session->flights = fresh;
        status = GH_OK;
    }
    (void)pthread_mutex_unlock(&session->lock);
    if (status != GH_OK) {
        free(fresh);
        gh_mcp_sessions_release(session->table, session);
    }
    return status;
}

void gh_mcp_session_leave(gh_mcp_session *session, gh_mcp_work *work)
{
    (void)pthread_mutex_lock(&session->lock);
    gh_mcp_flight **at = &session->flights;
    while (*at != NULL && (*at)->work != work) {
        at = &(*at)->next;
    }
    gh_mcp_flight *gone = *at;
    if (gone != NULL) {
        *at = gone->next;
    }
    (void)pthread_mutex_unlock(&session->lock);
    if (gone == NULL) {
        return;
    }
    gh_mcp_sessions *table = session->table;
    gh_mcp_session_forget_asked(gone);
    free(gone);
    gh_mcp_work_release(work);
    gh_mcp_sessions_release(table, session);
}

/* --- cancelling --- */

void gh_mcp_session_cancel(gh_mcp_session *session, gh_view id)
{
    gh_mcp_work *work = NULL;
    (void)pthread_mutex_lock(&session->lock);
    const gh_mcp_flight *found = find_by_id(session, id);
    if (found != NULL) {
        work = gh_mcp_work_hold(found->work);
    }
    (void)pthread_mutex_unlock(&session->lock);
    if (work != NULL) {
        gh_mcp_work_cancel(work);
        gh_mcp_work_release(work);
    }
}

void gh_mcp_session_cancel_all(gh_mcp_session *session)
{
    gh_mcp_work_list all = {NULL, 0, 0};
    (void)pthread_mutex_lock(&session->lock);
    session->mute = true;
    for (const gh_mcp_flight *at = session->flights; at != NULL; at = at->next) {
        gh_mcp_work_list_add(&all, at->work);
    }
    (void)pthread_mutex_unlock(&session->lock);
    for (size_t i = 0; i < all.count; i++) {
        gh_mcp_work_cancel(all.works[i]);
    }
    gh_mcp_work_list_clear(&all);
}
