/* A folder of resources: a resource for each file that is there, and a template for those that come later. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define FILES_MAX 1000

typedef struct file_names {
    char *names[FILES_MAX];
    size_t count;
} file_names;

/* --- media types --- */

static const struct {
    const char *suffix;
    const char *type;
} TYPES[] = {
    {".md", "text/markdown"},     {".markdown", "text/markdown"}, {".txt", "text/plain"},
    {".html", "text/html"},       {".css", "text/css"},           {".csv", "text/csv"},
    {".xml", "application/xml"},  {".json", "application/json"},  {".yaml", "application/yaml"},
    {".yml", "application/yaml"}, {".pdf", "application/pdf"},    {".svg", "image/svg+xml"},
    {".png", "image/png"},        {".jpg", "image/jpeg"},         {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},        {".webp", "image/webp"},        {".mp3", "audio/mpeg"},
    {".wav", "audio/wav"},        {".ogg", "audio/ogg"},
};

const char *gh_toolfile_type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strcasecmp(dot, TYPES[i].suffix) == 0) {
            return TYPES[i].type;
        }
    }
    return NULL;
}

gh_status gh_toolfile_guess_type(gh_toolfile_reader *reader, gh_entry *entry)
{
    const char *type = entry->mime_type == NULL ? gh_toolfile_type_of(entry->path) : NULL;
    if (type != NULL) {
        entry->mime_type = gh_text_dup(type);
        return entry->mime_type != NULL ? GH_OK : gh_toolfile_no_memory(reader);
    }
    return GH_OK;
}

/* --- the files --- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static gh_status add_name(gh_toolfile_reader *reader, gh_view at, const char *folder, const char *name,
                          file_names *files)
{
    struct stat info;
    int fd = gh_toolfile_open_below(folder, name, O_RDONLY);
    if (fd < 0) {
        return errno == EXDEV || errno == ELOOP
                   ? gh_toolfile_refuse(reader, at, "folder: %s leads out of the folder", name)
                   : gh_toolfile_refuse(reader, at, "folder: cannot open %s: %s", name, strerror(errno));
    }
    bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    (void)close(fd);
    if (!regular) {
        return GH_OK;
    }
    if (gh_toolfile_is_secret(reader, &info)) {
        return gh_toolfile_refuse(reader, at,
                                  "folder: %s is a secret of an upstream, which clients would read: keep it "
                                  "elsewhere",
                                  name);
    }
    if (!gh_text_is_utf8(gh_view_of(name)) || gh_text_has_control(gh_view_of(name))) {
        return gh_toolfile_refuse(reader, at, "folder: the name of a file in it is not UTF-8 on one line");
    }
    if (info.st_size > (off_t)GH_TOOLFILE_FILE_MAX) {
        return gh_toolfile_refuse(reader, at, "folder: %s is larger than %zu MiB", name,
                                  GH_TOOLFILE_FILE_MAX / 1024 / 1024);
    }
    if (files->count == FILES_MAX) {
        return gh_toolfile_refuse(reader, at, "folder: there are more than %d files in it", FILES_MAX);
    }
    files->names[files->count] = gh_text_dup(name);
    return files->names[files->count++] != NULL ? GH_OK : gh_toolfile_no_memory(reader);
}

static gh_status list_files(gh_toolfile_reader *reader, gh_view at, const char *folder, file_names *files)
{
    gh_status status = GH_OK;
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        return gh_toolfile_refuse(reader, at, "folder: cannot open %s: %s", folder, strerror(errno));
    }
    /* One reader, whose listing is its own: readdir is safe. */
    for (const struct dirent *one = readdir(listing); one != NULL && status == GH_OK;
         one = readdir(listing)) {
        if (one->d_name[0] != '.') {
            status = add_name(reader, at, folder, one->d_name, files);
        }
    }
    (void)closedir(listing);
    if (status == GH_OK && files->count > 0) {
        qsort(files->names, files->count, sizeof files->names[0], by_name);
    }
    return status;
}

/* --- entries --- */

static char *uri_with(const char *uri, const char *name, bool encode)
{
    gh_buf made = GH_BUF_INIT(2 * GH_TOOLFILE_URI_MAX);
    (void)gh_buf_append_cstr(&made, uri);
    (void)(encode ? gh_url_encode(gh_view_of(name), &made) : gh_buf_append_cstr(&made, name));
    char *text = gh_buf_steal(&made);
    gh_buf_free(&made);
    return text;
}

static char *path_of(const char *folder, const char *name)
{
    gh_buf made = GH_BUF_INIT(2 * GH_TOOLFILE_PATH_MAX);
    (void)gh_buf_append_cstr(&made, folder);
    (void)gh_buf_append_char(&made, '/');
    (void)gh_buf_append_cstr(&made, name);
    char *text = gh_buf_steal(&made);
    gh_buf_free(&made);
    return text;
}

/* The folder's own entry is at `index`; it is a template by now, with the URI of the folder. */
static gh_status add_file(gh_toolfile_reader *reader, gh_view object, size_t index, const char *uri,
                          const char *name)
{
    gh_entry *entry = gh_toolfile_add_entry(reader, GH_ENTRY_RESOURCE, object);
    if (entry == NULL) {
        return GH_ERR_NOMEM;
    }
    const gh_entry *folder = &reader->kept->set.entries[index];
    const char *type = folder->mime_type != NULL ? folder->mime_type : gh_toolfile_type_of(name);
    entry->name = gh_text_dup(name);
    entry->uri = uri_with(uri, name, true);
    entry->path = path_of(folder->folder, name);
    entry->folder = gh_text_dup(folder->folder);
    entry->scopes = gh_text_dup(folder->scopes);
    entry->icons = gh_text_dup(folder->icons);
    entry->annotations = gh_text_dup(folder->annotations);
    entry->mime_type = gh_text_dup(type);
    if (entry->name == NULL || entry->uri == NULL || entry->path == NULL || entry->folder == NULL ||
        entry->scopes == NULL || (folder->icons != NULL && entry->icons == NULL) ||
        (folder->annotations != NULL && entry->annotations == NULL) ||
        (type != NULL && entry->mime_type == NULL)) {
        return gh_toolfile_no_memory(reader);
    }
    return gh_toolfile_take_name(reader, GH_ENTRY_RESOURCE, entry->uri, object);
}

gh_status gh_toolfile_read_folder(gh_toolfile_reader *reader, gh_view object, gh_view value, size_t index)
{
    file_names files = {.count = 0};
    gh_entry *entry = &reader->kept->set.entries[index];
    char *uri = entry->uri;
    size_t len = strlen(uri);
    entry->uri = NULL;
    gh_status status = GH_OK;
    if (uri[len - 1] != '/') {
        status = gh_toolfile_refuse(reader, object, "the uri of a folder must end with '/'");
        goto out;
    }
    status = gh_toolfile_own_folder(reader, value, "folder", &entry->folder);
    if (status == GH_OK) {
        status = list_files(reader, value, entry->folder, &files);
    }
    if (status != GH_OK) {
        goto out;
    }
    entry->kind = GH_ENTRY_TEMPLATE;
    entry->uri = uri_with(uri, "{path}", false);
    status = entry->uri != NULL ? gh_toolfile_take_name(reader, GH_ENTRY_TEMPLATE, entry->uri, object)
                                : gh_toolfile_no_memory(reader);
    for (size_t i = 0; i < files.count && status == GH_OK; i++) {
        status = add_file(reader, object, index, uri, files.names[i]);
    }
out:
    for (size_t i = 0; i < files.count; i++) {
        free(files.names[i]);
    }
    free(uri);
    return status;
}
