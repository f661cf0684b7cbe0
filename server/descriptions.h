/* What --tools and --openapi name, read into one toolset: tools files, the OpenAPI descriptions that they
 * point to, and those of the command line. Thread-safe. */
#ifndef GH_SERVER_DESCRIPTIONS_H
#define GH_SERVER_DESCRIPTIONS_H

#include <stdatomic.h>

#include "server/openapi/openapi.h"
#include "server/toolfile/toolfile.h"
#include "shared/config/options.h"
#include "shared/core/status.h"

#define GH_DESCRIPTIONS_MAX 64 /* tools files and OpenAPI descriptions together */

/* Borrowed. */
typedef struct gh_descriptions {
    const gh_text_list *tools;    /* files */
    const gh_text_list *openapi;  /* files, or https URLs (http on loopback) */
    const gh_text_list *select;   /* of these: see openapi.h */
    const char *openapi_upstream; /* likewise; NULL */
    const char *ca_file;          /* for URLs; NULL for the system's */
    gh_openapi_report report;     /* what a description says that a tool cannot; NULL for nobody */
    void *context;
    const atomic_bool *stop; /* once it is set, URLs are not waited for any more; NULL: never */
} gh_descriptions;

/* True for the text of an OpenAPI description; its `openapi` is a version, that of a tools file an array. */
bool gh_descriptions_is_openapi(gh_view bytes);
/* Reads all of it; waits for URLs, 10 s each at most. GH_ERR_INVALID with a sentence that names the file, and
 * the line where there is one; GH_ERR_UNAVAILABLE for a URL that cannot be had, or
 * is not waited for any more. */
GH_MUST_USE gh_status gh_descriptions_read(const gh_descriptions *wanted, gh_toolset **set, gh_error *error);

#endif
