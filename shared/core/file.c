#include "shared/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 65536
#define CHUNK 4096

static gh_status status_of_errno(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return GH_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return GH_ERR_DENIED;
    case ENOMEM:
        return GH_ERR_NOMEM;
    default:
        return GH_ERR_IO;
    }
}

static gh_status fail_with(gh_error *error, const char *what, const char *path, int code)
{
    return gh_error_set(error, status_of_errno(code), "cannot %s %s: %s", what, path, strerror(code));
}

/* O_NONBLOCK, because opening a pipe would wait for its other end. */
static gh_status open_regular(const char *path, int *fd, struct stat *info, gh_error *error)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (opened < 0) {
        return fail_with(error, "open", path, errno);
    }
    if (fstat(opened, info) != 0) {
        int code = errno;
        (void)close(opened);
        return fail_with(error, "read", path, code);
    }
    if (!S_ISREG(info->st_mode)) {
        (void)close(opened);
        return gh_error_set(error, GH_ERR_INVALID, "%s is not a regular file; name a file", path);
    }
    *fd = opened;
    return GH_OK;
}

static gh_status read_all(int fd, const char *path, gh_buf *out, gh_error *error)
{
    char chunk[CHUNK];
    gh_status status = GH_OK;

    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = fail_with(error, "read", path, errno);
            break;
        }
        if (got == 0) {
            break;
        }
        status = gh_buf_append(out, chunk, (size_t)got);
        if (status == GH_ERR_TOO_LARGE) {
            (void)gh_error_set(error, status, "%s is larger than the %zu bytes allowed here", path, out->max);
            break;
        }
        if (status != GH_OK) {
            (void)gh_error_set(error, status, "cannot read %s: %s", path, gh_status_text(status));
            break;
        }
    }
    gh_wipe(chunk, sizeof(chunk));
    return status;
}

gh_status gh_file_read(const char *path, gh_buf *out, gh_error *error)
{
    struct stat info = {0};
    int fd = -1;
    gh_status status = open_regular(path, &fd, &info, error);

    if (status == GH_OK) {
        status = read_all(fd, path, out, error);
        (void)close(fd);
    }
    return status;
}

static gh_view without_newline(gh_view text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
            text.len--;
        }
    }
    return text;
}

gh_status gh_file_read_secret(const char *path, bool allow_shared, gh_secret **out, gh_error *error)
{
    struct stat info = {0};
    int fd = -1;
    gh_buf buf = GH_BUF_INIT(SECRET_MAX);
    gh_view text = {NULL, 0};
    gh_status status = open_regular(path, &fd, &info, error);

    if (status != GH_OK) {
        return status;
    }
    if (!allow_shared && (info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        status =
            gh_error_set(error, GH_ERR_DENIED,
                         "%s holds a secret, but other users may read it; run: chmod 600 %s", path, path);
        goto out;
    }
    status = gh_buf_reserve(&buf, SECRET_MAX);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "cannot read %s: %s", path, gh_status_text(status));
        goto out;
    }
    status = read_all(fd, path, &buf, error);
    if (status != GH_OK) {
        goto out;
    }
    text = without_newline(gh_buf_view(&buf));
    if (text.len == 0) {
        status = gh_error_set(error, GH_ERR_INVALID, "%s is empty; it should hold a secret", path);
        goto out;
    }
    *out = gh_secret_new(text);
    if (!*out) {
        status = gh_error_set(error, GH_ERR_NOMEM, "cannot read %s: out of memory", path);
    }
out:
    gh_buf_wipe_free(&buf);
    (void)close(fd);
    return status;
}

static bool write_all(int fd, gh_view data)
{
    while (data.len > 0) {
        ssize_t done = write(fd, data.ptr, data.len);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return false;
        }
        data.ptr += done;
        data.len -= (size_t)done;
    }
    return true;
}

/* Length of the folder part of `path` with its slash; 0 when there is none. */
static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static bool sync_folder(const char *path)
{
    size_t len = folder_len(path);
    char *folder = len > 0 ? strndup(path, len) : strdup(".");
    int fd = -1;
    bool ok = false;

    if (!folder) {
        errno = ENOMEM;
        return false;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        /* Some file systems cannot sync a folder and say EINVAL; there is nothing more to do there. */
        ok = fsync(fd) == 0 || errno == EINVAL;
        (void)close(fd);
    }
    free(folder);
    return ok;
}

gh_status gh_file_write_private(const char *path, gh_view data, gh_error *error)
{
    size_t folder = folder_len(path);
    char *temporary = NULL;
    int fd = -1;
    int code = 0;

    if (path[folder] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "%s names a folder; name a file", path);
    }
    if (asprintf(&temporary, "%.*s.%s.XXXXXX", (int)folder, path, path + folder) < 0) {
        return gh_error_set(error, GH_ERR_NOMEM, "cannot write %s: out of memory", path);
    }
    fd = mkostemp(temporary, O_CLOEXEC); /* creates with mode 0600 */
    if (fd < 0) {
        code = errno;
        goto out;
    }
    if (!write_all(fd, data) || fsync(fd) != 0) {
        code = errno;
        (void)close(fd);
        (void)unlink(temporary);
        goto out;
    }
    if (close(fd) != 0 || rename(temporary, path) != 0) {
        code = errno;
        (void)unlink(temporary);
        goto out;
    }
    if (!sync_folder(path)) {
        code = errno;
    }
out:
    free(temporary);
    return code != 0 ? fail_with(error, "write", path, code) : GH_OK;
}

static gh_status check_private_dir(const char *path, bool exclusive, gh_error *error)
{
    struct stat info = {0};

    if (stat(path, &info) != 0) {
        return fail_with(error, "use", path, errno);
    }
    if (!S_ISDIR(info.st_mode)) {
        return gh_error_set(error, GH_ERR_INVALID, "%s is not a folder; move it away or name another", path);
    }
    if (info.st_uid != geteuid()) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "%s belongs to another user; name a folder of your own, or change its owner",
                            path);
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return gh_error_set(error, GH_ERR_DENIED, "other users may write to %s; run: chmod 700 %s", path,
                            path);
    }
    if (exclusive && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return gh_error_set(error, GH_ERR_DENIED, "other users may look into %s; run: chmod 700 %s", path,
                            path);
    }
    return GH_OK;
}

gh_status gh_file_make_private_dir(const char *path, bool exclusive, gh_error *error)
{
    char *partial = NULL;
    gh_status status = GH_OK;

    if (path[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "the name of a folder is empty");
    }
    partial = strdup(path);
    if (!partial) {
        return gh_error_set(error, GH_ERR_NOMEM, "cannot create %s: out of memory", path);
    }
    for (char *end = partial + 1; status == GH_OK && end[-1] != '\0'; end++) {
        char kept = *end;

        if ((kept != '/' && kept != '\0') || end[-1] == '/') {
            continue;
        }
        *end = '\0';
        if (mkdir(partial, 0700) != 0 && errno != EEXIST) {
            int code = errno;
            struct stat info = {0};

            /* A read-only parent says EROFS or EACCES for what is there already. */
            if (stat(partial, &info) != 0) {
                status = fail_with(error, "create", partial, code);
            }
        }
        *end = kept;
    }
    free(partial);
    return status == GH_OK ? check_private_dir(path, exclusive, error) : status;
}

static gh_status home_from_password_file(char **home, gh_error *error)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[4096];

    if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) != 0 || !found || !found->pw_dir ||
        found->pw_dir[0] != '/') {
        return gh_error_set(error, GH_ERR_NOT_FOUND,
                            "there is no home folder for this user; set HOME or XDG_STATE_HOME");
    }
    *home = strdup(found->pw_dir);
    return *home ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
}

gh_status gh_file_state_dir(const char *name, char **path, gh_error *error)
{
    const char *state_home = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *looked_up = NULL;
    char *result = NULL;
    int len = 0;

    if (state_home && state_home[0] == '/') {
        len = asprintf(&result, "%s/%s", state_home, name);
    } else {
        if (!home || home[0] != '/') {
            gh_status status = home_from_password_file(&looked_up, error);
            if (status != GH_OK) {
                return status;
            }
            home = looked_up;
        }
        len = asprintf(&result, "%s/.local/state/%s", home, name);
        free(looked_up);
    }
    if (len < 0) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    *path = result;
    return GH_OK;
}
