#include "server/exec/signal_stack.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "shared/core/sanitizer.h"

#define STACK_SIZE ((size_t)64 * 1024)

#if defined(GH_CHECKS_MEMORY) || defined(GH_CHECKS_THREADS)
void *gh_signal_stack_new(void)
{
    return NULL;
}
#else
/* There are hundreds of them and hardly one is ever used: pages that nobody touches take no memory. */
void *gh_signal_stack_new(void)
{
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    void *pages = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (pages == MAP_FAILED) {
        return NULL;
    }
    stack.ss_sp = pages;
    stack.ss_size = STACK_SIZE;
    if (sigaltstack(&stack, NULL) != 0) {
        (void)munmap(pages, STACK_SIZE);
        return NULL;
    }
    return pages;
}
#endif

void gh_signal_stack_free(void *stack)
{
    stack_t none;
    if (stack == NULL) {
        return;
    }
    memset(&none, 0, sizeof none);
    none.ss_flags = SS_DISABLE;
    (void)sigaltstack(&none, NULL);
    (void)munmap(stack, STACK_SIZE);
}
