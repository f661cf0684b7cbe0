#include "shared/core/fair.h"

#include <stdint.h>

#define FOR_NEWCOMERS 8 /* one of so many */

bool gh_fair_allows(gh_fair of, size_t held, size_t left)
{
    if (left == 0 || held == 0 || of.alone >= of.total) {
        return left > 0;
    }
    if (held == 1 && of.alone > 1 && left > 1) {
        return true;
    }
    size_t rest = of.total - of.alone;
    size_t kept = of.total < FOR_NEWCOMERS ? 1 : of.total / FOR_NEWCOMERS;
    if (left <= (kept < rest ? kept : rest)) {
        return false;
    }
    /* held + 1 <= alone / rest * (left - 1) */
    return ((uint64_t)held + 1) * rest <= (uint64_t)of.alone * (left - 1);
}
