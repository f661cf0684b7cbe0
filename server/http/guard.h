/* The guard: what HTTP forbids is refused before anything else looks at a request (RFC 9110, RFC 9112).
 * Pure and thread-safe. */
#ifndef GH_SERVER_HTTP_GUARD_H
#define GH_SERVER_HTTP_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "server/http/wire.h"

#define GH_GUARD_PATH_MAX ((size_t)2048)
#define GH_GUARD_HEADERS_MAX ((size_t)60)

typedef enum gh_guard_body { GH_GUARD_BODY_NONE, GH_GUARD_BODY_LENGTH, GH_GUARD_BODY_CHUNKED } gh_guard_body;

typedef struct gh_guard_verdict {
    int status;              /* 0: let it through; else refuse with it and close the connection */
    const char *code;        /* static, for the JSON body */
    const char *description; /* static sentence */
    gh_guard_body body;
    uint64_t length; /* GH_GUARD_BODY_LENGTH */
    bool expects_continue;
    bool keep_alive; /* the client would keep the connection */
} gh_guard_verdict;

/* `clean` is what gh_wire_is_clean said. */
gh_guard_verdict gh_guard_check(const gh_wire *wire, bool clean);

#endif
