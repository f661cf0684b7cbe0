/* The keys of the mappings that are open, those of an inner one after those of the outer. Private to yaml. */
#ifndef GH_SERVER_OPENAPI_YAML_KEYS_H
#define GH_SERVER_OPENAPI_YAML_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"

typedef struct gh_yaml_keys {
    struct gh_yaml_key {
        const char *text; /* set when the mapping is checked; before, the text may move */
        size_t offset, len, line;
    } * items; /* free */
    size_t count, room;
} gh_yaml_keys;

/* The key is `len` bytes at `offset` of the text that is made. False without memory. */
bool gh_yaml_keys_add(gh_yaml_keys *keys, size_t offset, size_t len, size_t line);
/* The mapping whose first key has the index `first` ends: its keys are compared, and forgotten. GH_ERR_PARSE
 * when two are the same. */
GH_MUST_USE gh_status gh_yaml_keys_check(gh_yaml_keys *keys, size_t first, const gh_buf *text,
                                         gh_error *error);

#endif
