/* What every fuzz target shares: the entry point's prototype and the input as a view. */
#ifndef GH_TESTS_FUZZ_FUZZ_H
#define GH_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "shared/core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for every input. */
#define GH_FUZZ_REQUIRE(condition)                                                                           \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static inline gh_view gh_fuzz_view(const uint8_t *data, size_t size)
{
    return gh_view_make(size > 0 ? (const char *)data : "", size);
}

#endif
