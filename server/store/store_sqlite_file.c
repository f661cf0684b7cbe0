#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/store/store_sqlite.h"
#include "shared/core/file.h"

/* Folder and name of `path`; "." for a bare name. */
static gh_status split_path(const char *path, char **folder, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash == NULL ? path : slash + 1;
    if (slash == NULL) {
        *folder = gh_text_dup(".");
    } else {
        *folder = gh_view_dup(gh_view_make(path, slash == path ? 1 : (size_t)(slash - path)));
    }
    return *folder == NULL ? GH_ERR_NOMEM : GH_OK;
}

/* Only with lstat: opening and closing the file here would drop the locks of a connection that this process
 * already has on it (POSIX locks belong to the process). */
static gh_status check_existing(const char *path, gh_error *error)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return gh_error_set(error, GH_ERR_IO, "The store %s cannot be examined: %s.", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The store %s is a link or not a regular file; give the file's own path.", path);
    }
    if (info.st_uid != geteuid()) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The store %s belongs to another user; give a path of your own.", path);
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The store %s holds keys, but other users may open it; run: chmod 600 '%s'", path,
                            path);
    }
    return GH_OK;
}

static gh_status make_file(const char *path, gh_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return GH_OK;
    }
    if (errno == EEXIST) {
        return check_existing(path, error);
    }
    return gh_error_set(error, GH_ERR_IO, "The store %s cannot be created: %s.", path, strerror(errno));
}

gh_status sqlite_file_prepare(const char *path, char **real, gh_error *error)
{
    char *folder = NULL;
    char *real_folder = NULL;
    const char *name = NULL;
    gh_buf full = GH_BUF_INIT(PATH_MAX);
    gh_status status = split_path(path, &folder, &name);
    if (status != GH_OK) {
        goto out;
    }
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        status =
            gh_error_set(error, GH_ERR_INVALID, "The store %s is a folder; give the path of a file.", path);
        goto out;
    }
    status = gh_file_make_private_dir(folder, false, error);
    if (status != GH_OK) {
        goto out;
    }
    /* The folder may be reached by a link (a home folder often is), the file may not. */
    real_folder = realpath(folder, NULL);
    if (real_folder == NULL) {
        status =
            gh_error_set(error, GH_ERR_IO, "The folder %s cannot be examined: %s.", folder, strerror(errno));
        goto out;
    }
    gh_buf_appendf(&full, "%s/%s", strcmp(real_folder, "/") == 0 ? "" : real_folder, name);
    status = gh_buf_status(&full);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "The path of the store is too long.");
        goto out;
    }
    status = make_file(gh_buf_cstr(&full), error);
    if (status == GH_OK) {
        *real = gh_buf_steal(&full);
        status = *real == NULL ? GH_ERR_NOMEM : GH_OK;
    }
out:
    gh_buf_free(&full);
    free(real_folder);
    free(folder);
    return status;
}
