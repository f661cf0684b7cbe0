/* Admission: who has a worker and who waits for one. A worker serves one connection at a time, so where more
 * are open than there are workers, each is closed with its reply, and the next has its turn. As long as
 * nobody waits they are kept alive. Thread-safe. */
#ifndef GH_SERVER_HTTP_ADMISSION_H
#define GH_SERVER_HTTP_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct gh_admission {
    size_t workers;
    atomic_size_t connections; /* that have a worker */
    atomic_size_t waiting;     /* accepted, without one */
} gh_admission;

void gh_admission_init(gh_admission *admission, size_t workers);
/* It was accepted. Whoever enters without may do so. */
void gh_admission_arrive(gh_admission *admission);
/* It has a worker. */
void gh_admission_enter(gh_admission *admission);
void gh_admission_leave(gh_admission *admission);
size_t gh_admission_connections(const gh_admission *admission);
/* More connections are open than there are workers. */
bool gh_admission_is_awaited(const gh_admission *admission);
/* Fewer than an eighth of the workers are free, and fewer than 32. */
bool gh_admission_is_full(const gh_admission *admission);

#endif
