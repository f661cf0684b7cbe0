/* The member names of the objects that are open, for the gate. An object's names lie on top of those of
 * the objects around it. Private to json; no memory of its own, no state elsewhere. */
#ifndef GH_SHARED_JSON_NAMES_H
#define GH_SHARED_JSON_NAMES_H

#include <stdint.h>

#include "shared/core/text.h"
#include "shared/json/gate.h"

typedef struct gh_json_names {
    uint32_t offset[GH_JSON_GATE_OPEN_NAMES_MAX]; /* of the opening quote */
    uint16_t hash[GH_JSON_GATE_OPEN_NAMES_MAX];
    size_t len;
} gh_json_names;

/* `text` is the document up to and with the closing quote of the name that starts at `quote`; `first` is
 * the index of the object's first name. GH_ERR_CONFLICT when the object has that name already,
 * GH_ERR_TOO_LARGE when there is no room. */
GH_MUST_USE gh_status gh_json_names_add(gh_json_names *names, size_t first, gh_view text, size_t quote);

#endif
