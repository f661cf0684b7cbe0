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

size_t gh_admission_connections(const gh_admission *admission)
{
    return atomic_load_explicit(&admission->connections, memory_order_relaxed);
}

/* Fewer workers are free than a part of all, or than `enough`: of a thousand, a quarter would be many. */
static bool has_few_free(const gh_admission *admission, size_t part, size_t enough)
{
    size_t taken = atomic_load_explicit(&admission->connections, memory_order_relaxed);
    size_t share = (admission->workers + part - 1) / part;
    return taken + (share < enough ? share : enough) > admission->workers;
}

bool gh_admission_is_crowded(const gh_admission *admission)
{
    return has_few_free(admission, 4, 64);
}

bool gh_admission_is_full(const gh_admission *admission)
{
    return has_few_free(admission, 8, 32);
}
