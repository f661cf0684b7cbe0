/* What is said to a peer whose request head could not be understood by the HTTP library. */
#ifndef GH_SERVER_HTTP_HEAD_ERROR_H
#define GH_SERVER_HTTP_HEAD_ERROR_H

#include <stdbool.h>

#include "shared/core/text.h"

typedef struct gh_head_error {
    int status;
    const char *code;
    const char *description;
    bool names_request; /* method and path were understood */
} gh_head_error;

/* `status`: what the library says. `version`: of the request line, NULL when there was none; `headers`: how
 * many were read after it. `late`: the head did not arrive in time; `cut`: patience with the peer had ended.
 */
gh_head_error gh_head_error_of(int status, const char *version, int headers, bool late, bool cut);

/* What may be logged of a head that was refused: no query, nothing that was not understood. NULL is fine. */
gh_view gh_head_error_part(const char *text);

#endif
