/* The keeper of files: one file and one lock for each MCP server in the state folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/credentials/codec.h"
#include "bridge/credentials/credentials.h"
#include "shared/core/digest.h"
#include "shared/core/file.h"
#include "shared/core/log.h"

struct gh_keeper {
    char *path;
    char *lock_path;
    int lock_fd; /* -1 unless the lock is held */
};

static char *join(const char *folder, const char *name, const char *suffix)
{
    gh_buf path = GH_BUF_INIT(4096);
    gh_buf_appendf(&path, "%s/%s%s", folder, name, suffix);
    return gh_buf_steal(&path);
}

gh_status gh_keeper_open(const char *state_dir, const char *mcp_url, gh_keeper **keeper, gh_error *error)
{
    char name[GH_SHA256_TEXT_MAX];
    gh_status status = gh_file_make_private_dir(state_dir, true, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_sha256_text(gh_view_of(mcp_url), name);
    if (status != GH_OK) {
        return gh_error_set(error, status, "could not compute a digest");
    }
    gh_keeper *opened = calloc(1, sizeof(*opened));
    if (opened != NULL) {
        opened->lock_fd = -1;
        opened->path = join(state_dir, name, ".json");
        opened->lock_path = join(state_dir, name, ".lock");
    }
    if (opened == NULL || opened->path == NULL || opened->lock_path == NULL) {
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

gh_status gh_keeper_load(gh_keeper *keeper, gh_credentials *credentials, gh_error *error)
{
    memset(credentials, 0, sizeof(*credentials));
    gh_status status = check_private(keeper->path, error);
    if (status != GH_OK) {
        return status;
    }
    gh_buf text = GH_BUF_INIT(GH_CREDENTIALS_FILE_MAX);
    status = gh_buf_reserve(&text, GH_CREDENTIALS_FILE_MAX);
    if (status == GH_OK) {
        status = gh_file_read(keeper->path, &text, error);
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
        status = gh_file_write_private(keeper->path, gh_buf_view(&text), error);
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_keeper_forget(gh_keeper *keeper, gh_error *error)
{
    if (unlink(keeper->path) != 0 && errno != ENOENT) {
        return gh_error_set(error, GH_ERR_IO, "cannot remove %s: %s", keeper->path, strerror(errno));
    }
    return GH_OK;
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
