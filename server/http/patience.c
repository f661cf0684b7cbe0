#include "server/http/patience.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "server/http/attendant.h"
#include "server/http/sockets.h"
#include "shared/core/clock.h"
#include "shared/core/cond.h"

/* gh_guest.waiting: nothing, the end of patience, or the time since when, doubled, plus one for taking. */
#define NOTHING 0
#define CUT (-1)
#define CUT_AND_DONE (-2)

struct gh_patience {
    const gh_admission *admission;
    gh_name_finder find_name;
    gh_waiting_room *room;
    gh_attendant attendant;
    gh_guest *first;
    bool asleep;
};

static int64_t waiting_for(gh_expects what)
{
    if (what == GH_EXPECTS_NOTHING) {
        return NOTHING;
    }
    return gh_clock_mono_ms() * 2 + (what == GH_EXPECTS_TAKING ? 1 : 0);
}

static bool is_known(const gh_patience *patience, gh_guest *guest)
{
    return guest->name.host.len > 0 || patience->find_name(guest->connection, &guest->name);
}

/* Marks who has been waited for long enough; the worker that comes back to such a guest finds out. */
static bool mark_late(const gh_patience *patience)
{
    int64_t now = gh_clock_mono_ms();
    bool any = false;
    for (gh_guest *guest = patience->first; guest != NULL; guest = guest->next) {
        int64_t waiting = atomic_load(&guest->waiting);
        if (waiting > 0 && now - waiting / 2 >= GH_PATIENCE_MS && is_known(patience, guest)) {
            int64_t mark = waiting % 2 == 0 ? CUT : CUT_AND_DONE;
            any = atomic_compare_exchange_strong(&guest->waiting, &waiting, mark) || any;
        }
    }
    return any;
}

static void shut_if_cut(void *context, int fd)
{
    const gh_patience *patience = context;
    gh_endpoint peer;
    if (!gh_sockets_peer(fd, &peer)) {
        return;
    }
    for (gh_guest *guest = patience->first; guest != NULL; guest = guest->next) {
        int64_t waiting = atomic_load(&guest->waiting);
        if (waiting < 0 && gh_socket_is_called(fd, &peer, &guest->name)) {
            (void)shutdown(fd, waiting == CUT ? SHUT_RD : SHUT_RDWR);
        }
    }
}

/* Those who wait for a worker, at every fourth tick: there may be thousands. */
static void look_into_room(const gh_patience *patience, unsigned tick)
{
    if (patience->room == NULL || tick % 4 != 0) {
        return;
    }
    for (gh_guest *guest = patience->first; guest != NULL; guest = guest->next) {
        if (is_known(patience, guest)) {
            gh_waiting_room_served(patience->room, guest->name.port);
        }
    }
    gh_waiting_room_look(patience->room);
}

static void *run(void *context)
{
    gh_patience *patience = context;
    unsigned tick = 0;
    (void)pthread_mutex_lock(&patience->attendant.lock);
    while (!patience->attendant.stop) {
        if (!gh_admission_is_full(patience->admission)) {
            patience->asleep = true;
            (void)pthread_cond_wait(&patience->attendant.wake, &patience->attendant.lock);
            patience->asleep = false;
            continue;
        }
        (void)gh_cond_wait_until(&patience->attendant.wake, &patience->attendant.lock,
                                 gh_deadline_in(GH_PATIENCE_TICK_MS));
        if (patience->attendant.stop || !gh_admission_is_full(patience->admission)) {
            continue;
        }
        /* Under the lock: no guest can leave, so its descriptor is still its own. */
        if (mark_late(patience)) {
            gh_sockets_each(shut_if_cut, patience);
        }
        look_into_room(patience, tick++);
    }
    (void)pthread_mutex_unlock(&patience->attendant.lock);
    return NULL;
}

gh_status gh_patience_start(const gh_admission *admission, gh_name_finder find_name, gh_waiting_room *room,
                            gh_patience **patience)
{
    gh_patience *made = calloc(1, sizeof *made);
    *patience = NULL;
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->admission = admission;
    made->find_name = find_name;
    made->room = room;
    gh_status status = gh_attendant_start(&made->attendant, run, made);
    if (status != GH_OK) {
        free(made);
        return status;
    }
    *patience = made;
    return GH_OK;
}

void gh_patience_stop(gh_patience *patience)
{
    if (patience != NULL) {
        gh_attendant_stop(&patience->attendant);
        free(patience);
    }
}

void gh_patience_enter(gh_patience *patience, gh_guest *guest, const void *connection)
{
    *guest = (gh_guest){.connection = connection};
    atomic_store(&guest->waiting, waiting_for(GH_EXPECTS_BYTES));
    (void)pthread_mutex_lock(&patience->attendant.lock);
    guest->next = patience->first;
    if (guest->next != NULL) {
        guest->next->previous = guest;
    }
    patience->first = guest;
    if (patience->asleep && gh_admission_is_full(patience->admission)) {
        (void)pthread_cond_signal(&patience->attendant.wake);
    }
    (void)pthread_mutex_unlock(&patience->attendant.lock);
}

void gh_patience_leave(gh_patience *patience, gh_guest *guest)
{
    (void)pthread_mutex_lock(&patience->attendant.lock);
    if (guest->previous != NULL) {
        guest->previous->next = guest->next;
    } else {
        patience->first = guest->next;
    }
    if (guest->next != NULL) {
        guest->next->previous = guest->previous;
    }
    (void)pthread_mutex_unlock(&patience->attendant.lock);
}

bool gh_guest_expect(gh_guest *guest, gh_expects what)
{
    if (atomic_exchange(&guest->waiting, waiting_for(what)) < 0) {
        guest->cut = true;
    }
    return !guest->cut;
}
