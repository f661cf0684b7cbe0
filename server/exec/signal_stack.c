#include "server/exec/signal_stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE ((size_t)64 * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
void *gh_signal_stack_new(void)
{
    return NULL;
}
#else
void *gh_signal_stack_new(void)
{
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = malloc(STACK_SIZE);
    stack.ss_size = STACK_SIZE;
    if (stack.ss_sp != NULL && sigaltstack(&stack, NULL) != 0) {
        free(stack.ss_sp);
        stack.ss_sp = NULL;
    }
    return stack.ss_sp;
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
    free(stack);
}
