/* Files that hold settings and secrets. Thread-safe; paths are borrowed. */
#ifndef GH_SHARED_CORE_FILE_H
#define GH_SHARED_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"

/* Whole regular file into `out` (whose ceiling bounds it). Errors name the path and the cause. */
GH_MUST_USE gh_status gh_file_read(const char *path, gh_buf *out, gh_error *error);
/* A secret from a file: one trailing newline removed, at most 64 KB, refused when empty. Refused, too,
 * when group or others may read it, unless `allow_shared` (container secrets are mounted 0444). */
GH_MUST_USE gh_status gh_file_read_secret(const char *path, bool allow_shared, gh_secret **out,
                                          gh_error *error);
/* Writes beside the target with mode 0600, fsyncs file and folder, renames over it. */
GH_MUST_USE gh_status gh_file_write_private(const char *path, gh_view data, gh_error *error);
/* mkdir -p; what it creates is 0700. An existing last folder that group or others can write, or that
 * belongs to another user, is refused; with `exclusive` also one that others can read. */
GH_MUST_USE gh_status gh_file_make_private_dir(const char *path, bool exclusive, gh_error *error);
/* $XDG_STATE_HOME/NAME, else $HOME/.local/state/NAME (the password file's home without HOME). Relative
 * XDG_STATE_HOME is ignored, as its specification says. Owned by the caller. */
GH_MUST_USE gh_status gh_file_state_dir(const char *name, char **path, gh_error *error);

#endif
