/* Those who wait for one outcome of the authorizer. A callback may cancel other waits, add new ones and free
 * the list. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_WAIT_LIST_H
#define GH_BRIDGE_WAIT_LIST_H

#include <stdbool.h>

#include "bridge/authorizer.h"

typedef struct gh_wait_list gh_wait_list;

gh_wait_list *gh_wait_list_new(void); /* NULL on lack of memory */
/* Drops all waits without a callback. NULL is fine. */
void gh_wait_list_free(gh_wait_list *list);

GH_MUST_USE gh_status gh_wait_list_add(gh_wait_list *list, bool interactive, gh_authorizer_done done,
                                       void *context, gh_authorizer_wait **wait);
bool gh_wait_list_is_empty(const gh_wait_list *list);
bool gh_wait_list_has(const gh_wait_list *list, bool interactive); /* one of this kind */

/* Tells, in the order of arrival, those that do not allow interaction, or `everyone`. Whoever is added
 * meanwhile waits on. The list may be gone afterwards: touch nothing that a callback can free. */
void gh_wait_list_tell(gh_wait_list *list, bool everyone, gh_status status, const gh_error *error);

#endif
