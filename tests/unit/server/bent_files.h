/* SQLite's own files, whose writes can be told to fail, and which need not reach the disk. */
#ifndef GH_TESTS_UNIT_SERVER_BENT_FILES_H
#define GH_TESTS_UNIT_SERVER_BENT_FILES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

static _Atomic int bent_fault; /* what writing gives; SQLITE_OK: it works */
static bool bent_hasty;        /* nothing is waited for */

/* SQLite has methods for files with locks and for those without. */
typedef struct bent_methods {
    sqlite3_io_methods bent; /* first: what a file points to */
    const sqlite3_io_methods *real;
} bent_methods;

static bent_methods bent_kinds[4];
static int (*bent_real_open)(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out);

static inline const sqlite3_io_methods *bent_real(const sqlite3_file *file)
{
    return ((const bent_methods *)(const void *)file->pMethods)->real;
}

static inline int bent_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
    return bent_fault != SQLITE_OK ? bent_fault : bent_real(file)->xWrite(file, data, len, at);
}

static inline int bent_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return bent_fault != SQLITE_OK ? bent_fault : bent_real(file)->xTruncate(file, size);
}

static inline int bent_sync(sqlite3_file *file, int flags)
{
    if (bent_fault != SQLITE_OK) {
        return bent_fault;
    }
    return bent_hasty ? SQLITE_OK : bent_real(file)->xSync(file, flags);
}

static inline int bent_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    int code = bent_real_open(vfs, name, file, flags, out);
    if (code != SQLITE_OK || file->pMethods == NULL) {
        return code;
    }
    for (size_t i = 0; i < sizeof(bent_kinds) / sizeof(bent_kinds[0]); i++) {
        if (bent_kinds[i].real == NULL) {
            bent_kinds[i].real = file->pMethods;
            bent_kinds[i].bent = *file->pMethods;
            bent_kinds[i].bent.xWrite = bent_write;
            bent_kinds[i].bent.xTruncate = bent_truncate;
            bent_kinds[i].bent.xSync = bent_sync;
        }
        if (bent_kinds[i].real == file->pMethods) {
            file->pMethods = &bent_kinds[i].bent;
            return code;
        }
    }
    abort();
}

/* From now on, for all files that are opened. */
static inline void bent_install(bool hasty)
{
    static sqlite3_vfs vfs;
    bent_hasty = hasty;
    if (bent_real_open == NULL) {
        vfs = *sqlite3_vfs_find(NULL);
        vfs.zName = "bent";
        vfs.pNext = NULL;
        bent_real_open = vfs.xOpen;
        vfs.xOpen = bent_open;
        if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) {
            abort();
        }
    }
}

#endif
