/* Tools files in a folder of their own. */
#ifndef GH_TESTS_UNIT_SERVER_TOOLFILE_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_TOOLFILE_FIXTURE_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/toolfile/toolfile.h"

#define TOOL(name, more) "{\"name\":\"" name "\",\"request\":{\"path\":\"/x\"}" more "}"
#define API "\"upstreams\":{\"api\":{\"url\":\"https://api.example.com\"}}"

typedef struct place {
    char folder[64];
} place;

static inline place enter(void)
{
    place p = {"/tmp/gh-toolfile-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(p.folder));
    return p;
}

static inline int remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static inline void leave(const place *p)
{
    ck_assert_int_eq(nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void path_in(const place *p, const char *name, char path[256])
{
    (void)snprintf(path, 256, "%s/%s", p->folder, name);
}

static inline void put(const place *p, const char *name, const char *text, mode_t mode)
{
    char path[256];
    path_in(p, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    (void)close(fd);
}

static inline void put_folder(const place *p, const char *name)
{
    char path[256];
    path_in(p, name, path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static inline void put_link(const place *p, const char *name, const char *target)
{
    char path[256];
    path_in(p, name, path);
    ck_assert_int_eq(symlink(target, path), 0);
}

static inline gh_status read_text(const place *p, const char *text, gh_toolset **set, gh_error *error)
{
    const gh_toolfile_source source = {.label = "tools.json", .folder = p->folder, .text = gh_view_of(text)};
    *error = (gh_error){GH_OK, ""};
    return gh_toolset_read(&source, 1, set, error);
}

/* The set; fails the test when there is none. */
static inline gh_toolset *accept_in(const place *p, const char *text)
{
    gh_toolset *set = NULL;
    gh_error error;
    gh_status status = read_text(p, text, &set, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
    ck_assert_str_eq(error.message, "");
    return set;
}

static inline gh_toolset *accept_text(const char *text)
{
    const place nowhere = {"/nonexistent"};
    return accept_in(&nowhere, text);
}

static inline void refuse_in(const place *p, const char *text, const char *sentence)
{
    gh_toolset *set = NULL;
    gh_error error;
    gh_status status = read_text(p, text, &set, &error);
    ck_assert_msg(status == GH_ERR_INVALID, "%s: accepted, where \"%s\" was expected", text, sentence);
    ck_assert_ptr_null(set);
    ck_assert_msg(strstr(error.message, sentence) != NULL, "\"%s\" is not in \"%s\"", sentence,
                  error.message);
    ck_assert_msg(strncmp(error.message, "tools.json", 10) == 0, "%s", error.message);
}

static inline void refuse_text(const char *text, const char *sentence)
{
    const place nowhere = {"/nonexistent"};
    refuse_in(&nowhere, text, sentence);
}

static inline const gh_entry *entry_named(const gh_toolset *set, const char *name)
{
    for (size_t i = 0; i < set->entry_count; i++) {
        if (strcmp(set->entries[i].name, name) == 0) {
            return &set->entries[i];
        }
    }
    ck_abort_msg("there is no entry %s", name);
}

#endif
