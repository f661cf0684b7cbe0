/* Who has the store open: each process holds a shared lock on the file PATH.lock, which the kernel lets go of
 * however the process ends. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

#define PATH_BYTES 4096
#define POLL_MS 10

/* Another process has it to itself for a moment only, while it starts. */
static gh_status share(int fd)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    gh_deadline deadline = gh_deadline_in(SQLITE_STORE_LOCK_MS);
    while (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return GH_OK; /* a file system without such locks: nobody gets the store to itself */
        }
        if (gh_deadline_passed(deadline)) {
            return GH_ERR_TIMEOUT;
        }
        (void)nanosleep(&pause, NULL);
    }
    return GH_OK;
}

/* Whoever held a lease is gone; if that fails, leases end by themselves. */
static void drop_leases(sqlite_store *store)
{
    gh_status status = sqlite_run(&store->writer, "DELETE FROM leases", "");
    (void)status;
}

/* What root does by hand must not keep the server out. */
static void give_to_owner(int fd, const char *path)
{
    struct stat store;
    if (geteuid() == 0 && stat(path, &store) == 0 && fchown(fd, store.st_uid, store.st_gid) != 0) {
        errno = 0; /* then it is as it was */
    }
}

gh_status sqlite_presence_take(sqlite_store *store, const char *path, gh_error *error)
{
    gh_buf name = GH_BUF_INIT(PATH_BYTES);
    gh_status status = gh_buf_appendf(&name, "%s.lock", path);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "The path of the store is too long.");
        goto out;
    }
    store->presence = open(gh_buf_cstr(&name), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (store->presence < 0) {
        status = gh_error_set(error, GH_ERR_IO, "The file %s cannot be opened: %s.", gh_buf_cstr(&name),
                              strerror(errno));
        goto out;
    }
    give_to_owner(store->presence, path);
    if (flock(store->presence, LOCK_EX | LOCK_NB) == 0) {
        drop_leases(store);
    }
    status = share(store->presence);
    if (status != GH_OK) {
        (void)gh_error_set(error, status,
                           "Another process has been opening the store %s for too long; try again.", path);
    }
out:
    gh_buf_free(&name);
    return status;
}
