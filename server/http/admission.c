#include "server/http/admission.h"

void gh_admission_init(gh_admission *admission, size_t workers)
{
    admission->workers = workers;
    atomic_init(&admission->connections, 0);
}

void gh_admission_enter(gh_admission *admission)
{
    atomic_fetch_add_explicit(&admission->connections, 1, memory_order_relaxed);
}

void gh_admission_leave(gh_admission *admission)
{
    atomic_fetch_sub_explicit(&admission->connections, 1, memory_order_relaxed);
}

bool gh_admission_is_crowded(const gh_admission *admission)
{
    size_t taken = atomic_load_explicit(&admission->connections, memory_order_relaxed);
    return taken * 4 > admission->workers * 3;
}
