/* Open files: without spare ones an accept loop spins, so the limit is checked before there is one. */
#ifndef GH_SERVER_HTTP_DESCRIPTORS_H
#define GH_SERVER_HTTP_DESCRIPTORS_H

#include <stddef.h>

#include "shared/core/status.h"

/* Raises the soft limit on open files to at least `needed`. The error says what to change. */
GH_MUST_USE gh_status gh_descriptors_ensure(size_t needed, gh_error *error);

#endif
