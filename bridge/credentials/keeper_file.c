/* The keeper of files: one file and one lock for each MCP server in the state folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/credentials/codec.h"
#include "bridge/credentials/credentials.h"
#include "bridge/credentials/keeper_store.h"
#include "bridge/credentials/keyring.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/core/file.h"
#include "shared/core/log.h"

enum { NOTE_MAX = 1024 };

struct gh_keeper {
    char *path;
    char *name;                   /* what is before the endings of the files */
    const gh_keeper_store *store; /* in place of the file; NULL for none */
    void *place;
    char *lock_path;
    int lock_fd; /* -1 unless the lock is held */
};

static char *join(const char *folder, const char *name, const char *suffix)
{
    gh_buf path = GH_BUF_INIT(4096);
    gh_buf_appendf(&path, "%s/%s%s", folder, name, suffix);
    return gh_buf_steal(&path);
}

gh_status gh_keeper_open(const char *state_dir, const char *key, gh_keeper **keeper, gh_error *error)
{
    char name[GH_SHA256_TEXT_MAX];
    gh_status status = gh_file_make_private_dir(state_dir, true, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_sha256_text(gh_view_of(key), name);
    if (status != GH_OK) {
        return gh_error_set(error, status, "could not compute a digest");
    }
    gh_keeper *opened = calloc(1, sizeof(*opened));
    if (opened != NULL) {
        opened->lock_fd = -1;
        opened->name = gh_text_dup(name);
        opened->path = join(state_dir, name, ".json");
        opened->lock_path = join(state_dir, name, ".lock");
    }
    if (opened == NULL || opened->name == NULL || opened->path == NULL || opened->lock_path == NULL) {
        gh_keeper_close(opened);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    *keeper = opened;
    return GH_OK;
}

void gh_keeper_close(gh_keeper *keeper)
{
    if (keeper == NULL) {
        return;
    }
    gh_keeper_unlock(keeper);
    if (keeper->store != NULL) {
        keeper->store->close(keeper->place);
    }
    free(keeper->name);
    free(keeper->path);
    free(keeper->lock_path);
    free(keeper);
}

/* A file that others can read has been read by others: its tokens are not secret any more. */
static gh_status check_private(const char *path, gh_error *error)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        if (errno == ENOENT) {
            return gh_error_set(error, GH_ERR_NOT_FOUND, "nothing is stored for this server");
        }
        return gh_error_set(error, GH_ERR_IO, "cannot look at %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "%s must be a regular file of yours with mode 0600; remove it and sign in again",
                            path);
    }
    return GH_OK;
}

gh_status gh_keeper_use_keyring(gh_keeper *keeper, const char *library, const char *url, int64_t wait_ms,
                                gh_error *error)
{
    gh_buf label = GH_BUF_INIT(4096);
    gh_keyring *keyring = NULL;
    gh_view shown = gh_view_of(url);
    shown.len = gh_view_find(shown, '?'); /* queries may hold secrets */
    gh_buf_append_cstr(&label, "gatehouse-bridge: ");
    gh_buf_append_view(&label, shown);
    gh_status status = gh_buf_status(&label);
    if (status == GH_OK) {
        status = gh_keyring_open(library, keeper->name, gh_buf_cstr(&label), wait_ms, &keyring, error);
    }
    if (status == GH_OK) {
        keeper->store = &GH_KEEPER_KEYRING;
        keeper->place = keyring;
    }
    gh_buf_free(&label);
    return status;
}

/* A file counts before the store: it was written when the store did not take what is newer. */
static gh_status read_text(gh_keeper *keeper, gh_buf *text, gh_error *error)
{
    gh_error problem = {GH_OK, ""};
    gh_status status = check_private(keeper->path, error);
    if (status == GH_OK) {
        return gh_file_read(keeper->path, text, error);
    }
    if (status != GH_ERR_NOT_FOUND || keeper->store == NULL) {
        return status;
    }
    status = keeper->store->read(keeper->place, text, &problem);
    if (status != GH_OK && status != GH_ERR_NOT_FOUND) {
        gh_log_warn("%s gives no tokens: %s", keeper->store->name, problem.message);
    }
    return status == GH_OK ? GH_OK : GH_ERR_NOT_FOUND;
}

static gh_status write_text(gh_keeper *keeper, gh_view text, gh_error *error)
{
    gh_error problem = {GH_OK, ""};
    if (keeper->store == NULL) {
        return gh_file_write_private(keeper->path, text, error);
    }
    if (keeper->store->write(keeper->place, text, &problem) != GH_OK) {
        gh_log_warn("the tokens are kept in a file: %s", problem.message);
        return gh_file_write_private(keeper->path, text, error);
    }
    if (unlink(keeper->path) != 0 && errno != ENOENT) {
        return gh_error_set(error, GH_ERR_IO, "cannot remove %s: %s", keeper->path, strerror(errno));
    }
    return GH_OK;
}

gh_status gh_keeper_load(gh_keeper *keeper, gh_credentials *credentials, gh_error *error)
{
    memset(credentials, 0, sizeof(*credentials));
    gh_buf text = GH_BUF_INIT(GH_CREDENTIALS_FILE_MAX);
    gh_status status = gh_buf_reserve(&text, GH_CREDENTIALS_FILE_MAX);
    if (status == GH_OK) {
        status = read_text(keeper, &text, error);
    }
    if (status == GH_OK) {
        gh_error why = {GH_OK, ""};
        gh_status decoded = gh_credentials_decode(gh_buf_view(&text), credentials, &why);
        if (decoded == GH_ERR_NOMEM) {
            status = gh_error_set(error, GH_ERR_NOMEM, "out of memory");
        } else if (decoded != GH_OK) {
            gh_log_warn("ignoring %s: %s", keeper->path, why.message);
            status = gh_error_set(error, GH_ERR_NOT_FOUND, "what is stored for this server is damaged");
        }
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_keeper_save(gh_keeper *keeper, const gh_credentials *credentials, gh_error *error)
{
    gh_buf text = GH_BUF_INIT(GH_CREDENTIALS_FILE_MAX);
    gh_status status = gh_credentials_encode(credentials, &text);
    if (status != GH_OK) {
        status = gh_error_set(error, status, "the credentials are too large to store");
    } else {
        status = write_text(keeper, gh_buf_view(&text), error);
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_keeper_forget(gh_keeper *keeper, gh_error *error)
{
    if (unlink(keeper->path) != 0 && errno != ENOENT) {
        return gh_error_set(error, GH_ERR_IO, "cannot remove %s: %s", keeper->path, strerror(errno));
    }
    return keeper->store != NULL ? keeper->store->remove(keeper->place, error) : GH_OK;
}

gh_status gh_keeper_try_lock(gh_keeper *keeper, gh_error *error)
{
    if (keeper->lock_fd >= 0) {
        return GH_OK;
    }
    /* O_CLOEXEC: a browser started as a child would keep the lock for as long as it runs. */
    int fd = open(keeper->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return gh_error_set(error, GH_ERR_IO, "cannot open %s: %s", keeper->lock_path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int cause = errno;
        (void)close(fd);
        if (cause == EWOULDBLOCK) {
            return gh_error_set(error, GH_ERR_CONFLICT, "another gatehouse-bridge is signing in");
        }
        return gh_error_set(error, GH_ERR_IO, "cannot lock %s: %s", keeper->lock_path, strerror(cause));
    }
    keeper->lock_fd = fd;
    return GH_OK;
}

void gh_keeper_unlock(gh_keeper *keeper)
{
    if (keeper->lock_fd >= 0) {
        (void)close(keeper->lock_fd);
        keeper->lock_fd = -1;
    }
}

/* The lock's own file holds the note: "WALL_MS STATUS SENTENCE". */
void gh_keeper_note_failure(gh_keeper *keeper, const gh_error *error)
{
    char note[NOTE_MAX];
    if (keeper->lock_fd < 0) {
        return;
    }
    int len = snprintf(note, sizeof(note), "%lld %d %s", (long long)gh_clock_wall_ms(), (int)error->status,
                       error->message);
    if (len < 0 || (size_t)len >= sizeof(note) || ftruncate(keeper->lock_fd, 0) != 0 ||
        pwrite(keeper->lock_fd, note, (size_t)len, 0) != len) {
        gh_log_debug("could not leave word of the failed sign-in in %s", keeper->lock_path);
    }
}

bool gh_keeper_failed_since(gh_keeper *keeper, int64_t wall_ms, gh_error *error)
{
    char note[NOTE_MAX];
    int64_t at_ms = 0;
    int64_t status = 0;
    ssize_t got = keeper->lock_fd >= 0 ? pread(keeper->lock_fd, note, sizeof(note), 0) : -1;
    gh_view rest = gh_view_make(note, got > 0 ? (size_t)got : 0);
    gh_view word;
    if (!gh_view_next(&rest, ' ', &word) || gh_view_to_int64(word, 0, INT64_MAX, &at_ms) != GH_OK ||
        at_ms <= wall_ms || !gh_view_next(&rest, ' ', &word) ||
        gh_view_to_int64(word, GH_OK + 1, GH_ERR_UNAVAILABLE, &status) != GH_OK || rest.len == 0) {
        return false;
    }
    (void)gh_error_set(error, (gh_status)status, "%.*s", (int)rest.len, rest.ptr);
    return true;
}
