/* The files that a tools file names, and those below a folder that clients name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef SYS_openat2
#include <linux/openat2.h>
#endif

#include "server/toolfile/toolfile_private.h"
#include "shared/config/options.h"
#include "shared/core/file.h"

#define TRIES 16
#define CHUNK 16384
#define OPEN_FLAGS (O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* --- opening below a folder --- */

/* Without openat2 no link is followed at all. Takes `folder` over. */
int gh_toolfile_walk_below(int folder, const char *relative, int flags)
{
    gh_view rest = gh_view_of(relative);
    gh_view part;
    int at = folder;
    while (at >= 0 && gh_view_next(&rest, '/', &part)) {
        char name[NAME_MAX + 1];
        bool last = part.ptr + part.len == relative + strlen(relative);
        int next = -1;
        if (part.len > NAME_MAX || part.len == 0 || gh_view_eq_cstr(part, "..")) {
            errno = part.len > NAME_MAX ? ENAMETOOLONG : EXDEV;
        } else {
            memcpy(name, part.ptr, part.len);
            name[part.len] = '\0';
            next = openat(at, name, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | OPEN_FLAGS);
        }
        int code = errno;
        (void)close(at);
        errno = code;
        at = next;
        if (last) {
            break;
        }
    }
    return at;
}

int gh_toolfile_open_below(const char *folder, const char *relative, int flags)
{
    int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return -1;
    }
#ifdef SYS_openat2
    struct open_how how = {.flags = (unsigned)(flags | OPEN_FLAGS),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    /* EAGAIN: something was renamed meanwhile, so that the kernel could not be sure. */
    for (int i = 0; i < TRIES; i++) {
        fd = (int)syscall(SYS_openat2, root, relative, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) {
            break;
        }
    }
    /* Older kernels do not have it, and sandboxes that do not know it say EPERM. */
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) {
        int code = errno;
        (void)close(root);
        errno = code;
        return fd;
    }
#endif
    return gh_toolfile_walk_below(root, relative, flags);
}

/* Names that clients may ask for: no hidden files, and nothing that leads up or nowhere. */
static bool is_plain_path(gh_view path)
{
    gh_view rest = path;
    gh_view part;
    if (path.len == 0 || path.len >= GH_TOOLFILE_PATH_MAX || gh_text_has_control(path)) {
        return false;
    }
    while (gh_view_next(&rest, '/', &part)) {
        if (part.len == 0 || part.ptr[0] == '.') {
            return false;
        }
    }
    return true;
}

static gh_status status_of(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EXDEV:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
        return GH_ERR_NOT_FOUND;
    case EACCES:
        return GH_ERR_DENIED;
    case ENOMEM:
        return GH_ERR_NOMEM;
    default:
        return GH_ERR_IO;
    }
}

static gh_status read_at_most(int fd, size_t max, gh_buf *out)
{
    char chunk[CHUNK];
    size_t start = out->len;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? gh_buf_status(out) : GH_ERR_IO;
        }
        if (out->len - start + (size_t)got > max) {
            return GH_ERR_TOO_LARGE;
        }
        gh_status status = gh_buf_append(out, chunk, (size_t)got);
        if (status != GH_OK) {
            return status;
        }
    }
}

gh_status gh_toolfile_read_below(const char *folder, gh_view relative, size_t max, gh_buf *out)
{
    struct stat info;
    char *path = is_plain_path(relative) ? gh_view_dup(relative) : NULL;
    if (path == NULL) {
        return is_plain_path(relative) ? GH_ERR_NOMEM : GH_ERR_NOT_FOUND;
    }
    gh_status status = GH_OK;
    int fd = gh_toolfile_open_below(folder, path, O_RDONLY);
    if (fd < 0) {
        status = status_of(errno);
    } else if (fstat(fd, &info) != 0) {
        status = GH_ERR_IO;
    } else if (!S_ISREG(info.st_mode)) {
        status = GH_ERR_NOT_FOUND;
    } else if (info.st_size > 0 && (uintmax_t)info.st_size > max) {
        status = GH_ERR_TOO_LARGE;
    } else {
        size_t start = out->len;
        status = read_at_most(fd, max, out);
        if (status != GH_OK && out->len > start) {
            out->len = start;
            out->data[start] = '\0';
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    free(path);
    return status;
}

/* --- files that the tools file names --- */

static const char *folder_of(const gh_toolfile_reader *reader)
{
    const char *folder = reader->source->folder;
    return folder != NULL && folder[0] != '\0' ? folder : ".";
}

static gh_status join(gh_toolfile_reader *reader, const char *folder, const char *name, char **path)
{
    gh_buf joined = GH_BUF_INIT(2 * GH_TOOLFILE_PATH_MAX);
    if (name[0] != '/') {
        (void)gh_buf_append_cstr(&joined, folder);
        (void)gh_buf_append_cstr(&joined, "/");
    }
    (void)gh_buf_append_cstr(&joined, name);
    *path = gh_buf_steal(&joined);
    gh_buf_free(&joined);
    return *path != NULL ? GH_OK : gh_toolfile_no_memory(reader);
}

gh_status gh_toolfile_path(gh_toolfile_reader *reader, gh_view value, const char *what, char **path)
{
    char *name = NULL;
    if (value.ptr == NULL) {
        return GH_OK;
    }
    gh_status status = gh_toolfile_word(reader, value, what, GH_TOOLFILE_PATH_MAX, &name);
    if (status == GH_OK) {
        status = join(reader, folder_of(reader), name, path);
    }
    free(name);
    return status;
}

struct gh_toolfile_inode {
    dev_t device;
    ino_t number;
};

static gh_status note_secret(gh_toolfile_reader *reader, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return GH_OK;
    }
    struct gh_toolfile_inode *grown =
        reallocarray(reader->secrets, reader->secret_count + 1, sizeof *reader->secrets);
    if (grown == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    reader->secrets = grown;
    reader->secrets[reader->secret_count++] = (struct gh_toolfile_inode){info.st_dev, info.st_ino};
    return GH_OK;
}

bool gh_toolfile_is_secret(const gh_toolfile_reader *reader, const struct stat *info)
{
    bool is = false;
    for (size_t i = 0; i < reader->secret_count && !is; i++) {
        is = reader->secrets[i].device == info->st_dev && reader->secrets[i].number == info->st_ino;
    }
    return is;
}

gh_status gh_toolfile_secret(gh_toolfile_reader *reader, gh_view value, const char *what, gh_secret **secret)
{
    char *path = NULL;
    gh_error why = {GH_OK, ""};
    gh_status status = gh_toolfile_path(reader, value, what, &path);
    if (status == GH_OK && path != NULL) {
        status = gh_toolfile_pass_on(reader, value,
                                     gh_file_read_secret(path, gh_option_is_secret_mount(path), secret, &why),
                                     what, &why);
        if (status == GH_OK) {
            status = note_secret(reader, path);
        }
    }
    free(path);
    return status;
}

gh_status gh_toolfile_real_file(gh_toolfile_reader *reader, gh_view value, const char *what, char **path)
{
    struct stat info;
    char *name = NULL;
    gh_status status = gh_toolfile_path(reader, value, what, &name);
    if (status == GH_OK && name != NULL) {
        *path = realpath(name, NULL);
        if (*path == NULL || stat(*path, &info) != 0 || access(*path, R_OK) != 0) {
            status = gh_toolfile_refuse(reader, value, "%s: cannot open %s: %s", what, name, strerror(errno));
        } else if (!S_ISREG(info.st_mode)) {
            status = gh_toolfile_refuse(reader, value, "%s: %s is not a regular file", what, name);
        }
    }
    free(name);
    return status;
}

/* Opens what must be below the tools file's folder, and says by which absolute name. */
static gh_status open_own(gh_toolfile_reader *reader, gh_view value, const char *what, int flags, int *fd,
                          char **path)
{
    char *name = NULL;
    char *folder = NULL;
    gh_status status = gh_toolfile_word(reader, value, what, GH_TOOLFILE_PATH_MAX, &name);
    if (status != GH_OK) {
        goto out;
    }
    *fd = gh_toolfile_open_below(folder_of(reader), name, flags);
    if (*fd < 0) {
        status =
            errno == EXDEV || errno == ELOOP
                ? gh_toolfile_refuse(reader, value, "%s: %s is outside the folder of the tools file", what,
                                     name)
                : gh_toolfile_refuse(reader, value, "%s: cannot open %s: %s", what, name, strerror(errno));
        goto out;
    }
    folder = realpath(folder_of(reader), NULL);
    status = folder != NULL
                 ? join(reader, folder, name, path)
                 : gh_toolfile_refuse(reader, value, "%s: %s: %s", what, folder_of(reader), strerror(errno));
out:
    free(name);
    free(folder);
    return status;
}

gh_status gh_toolfile_own_file(gh_toolfile_reader *reader, gh_view value, const char *what, char **path)
{
    struct stat info;
    int fd = -1;
    gh_status status = open_own(reader, value, what, O_RDONLY, &fd, path);
    if (status == GH_OK && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        status = gh_toolfile_refuse(reader, value, "%s: %s is not a regular file", what, *path);
    } else if (status == GH_OK && gh_toolfile_is_secret(reader, &info)) {
        status = gh_toolfile_refuse(reader, value, "%s: %s is a secret of an upstream", what, *path);
    } else if (status == GH_OK && info.st_size > (off_t)GH_TOOLFILE_FILE_MAX) {
        status = gh_toolfile_refuse(reader, value, "%s: %s is larger than %zu MiB", what, *path,
                                    GH_TOOLFILE_FILE_MAX / 1024 / 1024);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

gh_status gh_toolfile_own_folder(gh_toolfile_reader *reader, gh_view value, const char *what, char **path)
{
    int fd = -1;
    gh_status status = open_own(reader, value, what, O_RDONLY | O_DIRECTORY, &fd, path);
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}
