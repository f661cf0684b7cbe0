/* Who did it, when the process crashes or ends itself within a plugin's code: one line on standard error.
 *
 * Around each run of code that is a plugin's there is a scope; the line names the scope of the thread that
 * crashed. The signal then does what it does without a handler: the process ends by it, and a core dump shows
 * the place. */
#ifndef GH_SERVER_CALL_CRASH_H
#define GH_SERVER_CALL_CRASH_H

/* On the stack of whoever runs the code; `label` outlives the scope. */
typedef struct gh_crash_scope {
    const char *what;  /* "", or "the start of plugin " */
    const char *label; /* "Tool sayHello of hello.so" */
    const struct gh_crash_scope *outer;
} gh_crash_scope;

void gh_crash_enter(gh_crash_scope *scope);
void gh_crash_leave(const gh_crash_scope *scope); /* the one entered last on this thread */

/* Once, at the start of the process. In builds with sanitizers only the end by exit() is told: they have
 * handlers of their own. */
void gh_crash_install(void);

#endif
