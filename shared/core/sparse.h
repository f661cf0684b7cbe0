/* Zeroed memory for large tables that stay mostly empty. It comes straight from the system, so that a page
 * that is never touched costs nothing; calloc promises that only of memory that was never used before, and
 * clears (which is to say, takes) the rest. */
#ifndef GH_SHARED_CORE_SPARSE_H
#define GH_SHARED_CORE_SPARSE_H

#include <stddef.h>

/* NULL on lack of memory, and for no bytes or more than there can be. */
void *gh_sparse_new(size_t count, size_t size);
/* With the numbers it was made with; NULL is fine. */
void gh_sparse_free(void *table, size_t count, size_t size);

#endif
