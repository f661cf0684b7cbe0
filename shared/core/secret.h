/* gh_secret: bytes that are wiped when freed, compared in constant time, and have no printing function.
 * A gh_secret is immutable after creation and may be read from several threads; freeing is the owner's. */
#ifndef GH_SHARED_CORE_SECRET_H
#define GH_SHARED_CORE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/text.h"

typedef struct gh_secret gh_secret;

gh_secret *gh_secret_new(gh_view bytes);                       /* copies; NULL on lack of memory */
void gh_secret_free(gh_secret *secret);                        /* wipes; NULL is fine */
gh_view gh_secret_view(const gh_secret *secret);               /* borrowed; empty for NULL */
bool gh_secret_equals(const gh_secret *secret, gh_view other); /* constant time for equal lengths */

/* memset that the compiler keeps. */
void gh_wipe(void *data, size_t len);
/* Wipes and frees a NUL-terminated string; NULL is fine. */
void gh_wipe_free(char *text);
bool gh_equal_constant_time(gh_view a, gh_view b);

#endif
