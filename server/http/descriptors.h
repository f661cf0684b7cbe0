/* Open files: without spare ones an accept loop spins, so the limit is checked before there is one. */
#ifndef GH_SERVER_HTTP_DESCRIPTORS_H
#define GH_SERVER_HTTP_DESCRIPTORS_H

#include <stddef.h>

#include "shared/core/status.h"

/* Raises the soft limit on open files to at least `needed`. The error says what to change. */
GH_MUST_USE gh_status gh_descriptors_ensure(size_t needed, gh_error *error);

/* Raises the soft limit towards `wanted`, as far as it may. Returns the limit that there is, `wanted` at
 * most. */
size_t gh_descriptors_raise(size_t wanted);

#endif
