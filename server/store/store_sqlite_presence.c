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

/* Other users who may open it could lock it, and so keep the server from starting. */
static gh_status check_file(int fd, const char *name, gh_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return gh_error_set(error, GH_ERR_DENIED, "%s is not a regular file; move it away.", name);
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 && fchmod(fd, 0600) != 0) {
        return gh_error_set(error, GH_ERR_DENIED, "Other users may open %s; run: chmod 600 '%s'", name, name);
    }
    return GH_OK;
}

gh_status sqlite_presence_take(sqlite_store *store, const char *path, gh_error *error)
{
    gh_buf name = GH_BUF_INIT(PATH_BYTES);
    gh_status status = gh_buf_appendf(&name, "%s.lock", path);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "The path of the store is too long.");
        goto out;
    }
    store->presence =
        open(gh_buf_cstr(&name), O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (store->presence < 0) {
        status = gh_error_set(error, GH_ERR_IO, "The file %s cannot be opened: %s.", gh_buf_cstr(&name),
                              strerror(errno));
        goto out;
    }
    status = check_file(store->presence, gh_buf_cstr(&name), error);
    if (status != GH_OK) {
        goto out;
    }
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
