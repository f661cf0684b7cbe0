#include "server/http/descriptors.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

gh_status gh_descriptors_ensure(size_t needed, gh_error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return gh_error_set(error, GH_ERR_IO, "Cannot read the limit on open files: %s.", strerror(errno));
    }
    if (limit.rlim_cur >= needed) {
        return GH_OK;
    }
    if (limit.rlim_max < needed) {
        return gh_error_set(
            error, GH_ERR_UNAVAILABLE,
            "The server may open %llu files but needs %zu for this many workers. Raise the limit "
            "(ulimit -n, or LimitNOFILE= in the service) or lower --workers.",
            (unsigned long long)limit.rlim_max, needed);
    }
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return gh_error_set(error, GH_ERR_IO, "Cannot raise the limit on open files to %zu: %s.", needed,
                            strerror(errno));
    }
    return GH_OK;
}

size_t gh_descriptors_raise(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            limit.rlim_cur = before;
        }
    }
    return limit.rlim_cur < wanted ? (size_t)limit.rlim_cur : wanted;
}
