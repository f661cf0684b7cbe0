#include "shared/core/sparse.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "shared/core/sanitizer.h"

#ifdef GH_CHECKS_MEMORY
/* A sanitizer sees the bounds of what calloc gave, and what can be reached from there. */
void *gh_sparse_new(size_t count, size_t size)
{
    return count > 0 && size > 0 ? calloc(count, size) : NULL;
}

void gh_sparse_free(void *table, size_t count, size_t size)
{
    (void)count;
    (void)size;
    free(table);
}
#else
void *gh_sparse_new(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes == 0) {
        return NULL;
    }
    void *table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return table != MAP_FAILED ? table : NULL;
}

void gh_sparse_free(void *table, size_t count, size_t size)
{
    if (table != NULL) {
        (void)munmap(table, count * size);
    }
}
#endif
