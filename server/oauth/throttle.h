/* At most so many attempts within a window: over all callers (gh_throttle), which slows down guessing of the
 * one password, or for each address (gh_throttle_table). Thread-safe. */
#ifndef GH_SERVER_OAUTH_THROTTLE_H
#define GH_SERVER_OAUTH_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/text.h"

#define GH_THROTTLE_LIMIT 10
#define GH_THROTTLE_WINDOW_MS 60000
#define GH_THROTTLE_ADDRESSES_MAX 1024 /* addresses that a table keeps apart */

typedef struct gh_throttle gh_throttle;

/* NULL on lack of memory. The first has GH_THROTTLE_LIMIT and GH_THROTTLE_WINDOW_MS. */
gh_throttle *gh_throttle_new(void);
gh_throttle *gh_throttle_new_with(size_t limit, int64_t window_ms);
void gh_throttle_free(gh_throttle *throttle);

/* Takes a place before the attempt, so that attempts side by side cannot exceed the limit. False when none
 * is left: *retry_after_s is then how long until one is. */
bool gh_throttle_enter(gh_throttle *throttle, int64_t *retry_after_s);
/* Gives the place back: the attempt was right. */
void gh_throttle_forgive(gh_throttle *throttle);

/* The same for each address apart: one IPv4 address, or the /64 that an IPv6 address lies in. At
 * GH_THROTTLE_ADDRESSES_MAX the one that was silent longest is forgotten, so that a table only ever stands
 * beside a limit over all. */
typedef struct gh_throttle_table gh_throttle_table;

gh_throttle_table *gh_throttle_table_new(size_t limit, int64_t window_ms); /* NULL on lack of memory */
void gh_throttle_table_free(gh_throttle_table *table);
bool gh_throttle_table_enter(gh_throttle_table *table, gh_view address, int64_t *retry_after_s);
void gh_throttle_table_forgive(gh_throttle_table *table, gh_view address);

#endif
