/* At most `limit` failures within a window, counted over all callers: what slows down guessing of the one
 * password. Thread-safe. */
#ifndef GH_SERVER_OAUTH_THROTTLE_H
#define GH_SERVER_OAUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define GH_THROTTLE_LIMIT 10
#define GH_THROTTLE_WINDOW_MS 60000

typedef struct gh_throttle gh_throttle;

gh_throttle *gh_throttle_new(void); /* NULL on lack of memory */
void gh_throttle_free(gh_throttle *throttle);

/* Takes a place before the attempt, so that attempts side by side cannot exceed the limit. False when none
 * is left: *retry_after_s is then how long until one is. */
bool gh_throttle_enter(gh_throttle *throttle, int64_t *retry_after_s);
/* Gives the place back: the attempt was right. */
void gh_throttle_forgive(gh_throttle *throttle);

#endif
