/* What --tools and --openapi describe, in a server that runs: opened once, read again on SIGHUP. For the main
 * thread. */
#ifndef GH_SERVER_FILE_TOOLS_H
#define GH_SERVER_FILE_TOOLS_H

#include "server/identity.h"
#include "server/mcp/registry.h"
#include "server/options.h"
#include "shared/core/status.h"

typedef struct gh_file_tools gh_file_tools;

/* Everything is borrowed and outlives the result, which is NULL when the settings name no file.
 * GH_ERR_INVALID with a sentence that names file and line. */
GH_MUST_USE gh_status gh_file_tools_open(const gh_settings *settings, const gh_identity *identity,
                                         gh_mcp_registry *registry, gh_file_tools **tools, gh_error *error);
/* What is wrong is logged, and then nothing changes. Does not wait for URLs: gh_file_tools_tend does the
 * rest. NULL is fine, here and below: then there is nothing to read. */
void gh_file_tools_reload(gh_file_tools *tools);
/* Takes over what has been read meanwhile. Called about every second. */
void gh_file_tools_tend(gh_file_tools *tools);
/* Gives up what is being read. */
void gh_file_tools_stop(gh_file_tools *tools);
/* After the executor has stopped. */
void gh_file_tools_close(gh_file_tools *tools);

#endif
