/* A stack for signal handlers, so that a thread whose own stack is used up can still say so. */
#ifndef GH_SERVER_EXEC_SIGNAL_STACK_H
#define GH_SERVER_EXEC_SIGNAL_STACK_H

/* For the calling thread. NULL when memory lacks, and in builds with sanitizers, which bring their own; then
 * handlers run on the thread's stack. */
void *gh_signal_stack_new(void);
/* On the same thread, at its end. NULL is fine. */
void gh_signal_stack_free(void *stack);

#endif
