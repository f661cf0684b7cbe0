/* Admission: when most workers hold a connection, connections are no longer kept alive, so that a fresh
 * client never waits behind idle ones. A worker serves one connection at a time. Thread-safe. */
#ifndef GH_SERVER_HTTP_ADMISSION_H
#define GH_SERVER_HTTP_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct gh_admission {
    size_t workers;
    atomic_size_t connections;
} gh_admission;

void gh_admission_init(gh_admission *admission, size_t workers);
void gh_admission_enter(gh_admission *admission);
void gh_admission_leave(gh_admission *admission);
size_t gh_admission_connections(const gh_admission *admission);
/* Fewer than a quarter of the workers are free, and fewer than 64. */
bool gh_admission_is_crowded(const gh_admission *admission);
/* Fewer than an eighth, and fewer than 32. */
bool gh_admission_is_full(const gh_admission *admission);

#endif
