#include "server/http/admission.h"

void gh_admission_init(gh_admission *admission, size_t workers)
{
    admission->workers = workers;
    atomic_init(&admission->connections, 0);
    atomic_init(&admission->waiting, 0);
}

void gh_admission_arrive(gh_admission *admission)
{
    atomic_fetch_add_explicit(&admission->waiting, 1, memory_order_relaxed);
}

void gh_admission_enter(gh_admission *admission)
{
    size_t waiting = atomic_load_explicit(&admission->waiting, memory_order_relaxed);
    atomic_fetch_add_explicit(&admission->connections, 1, memory_order_relaxed);
    while (waiting > 0 &&
           !atomic_compare_exchange_weak_explicit(&admission->waiting, &waiting, waiting - 1,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

void gh_admission_leave(gh_admission *admission)
{
    atomic_fetch_sub_explicit(&admission->connections, 1, memory_order_relaxed);
}

size_t gh_admission_connections(const gh_admission *admission)
{
    return atomic_load_explicit(&admission->connections, memory_order_relaxed);
}

/* One that was just accepted and for which a worker is free does not wait. */
bool gh_admission_is_awaited(const gh_admission *admission)
{
    size_t waiting = atomic_load_explicit(&admission->waiting, memory_order_relaxed);
    return waiting > 0 && waiting + gh_admission_connections(admission) > admission->workers;
}

/* Of a thousand workers, an eighth would be many. */
bool gh_admission_is_full(const gh_admission *admission)
{
    size_t share = (admission->workers + 7) / 8;
    return gh_admission_connections(admission) + (share < 32 ? share : 32) > admission->workers;
}
