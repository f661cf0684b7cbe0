/* What the bridge remembers of one MCP server from one start to the next: the only era that it speaks, how it
 * introduced itself, and that it was reached over the old HTTP+SSE transport. A small file in the state
 * folder, written atomically; nothing in it is secret. A gh_server_memory has one owner; its texts are raw
 * JSON. */
#ifndef GH_BRIDGE_TRANSLATE_MEMORY_H
#define GH_BRIDGE_TRANSLATE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/rpc/mcp.h"

typedef struct gh_server_memory {
    gh_mcp_era only;    /* UNKNOWN when it may speak both */
    char *capabilities; /* an object; NULL when it never said */
    char *server_info;  /* likewise */
    char *instructions; /* a string; NULL without */
    int64_t
        sse_until; /* seconds since the epoch: until then the old transport is tried first; 0: it is not */
} gh_server_memory;

void gh_server_memory_clear(gh_server_memory *memory);
GH_MUST_USE gh_status gh_server_memory_copy(const gh_server_memory *from, gh_server_memory *to);
/* Takes over what an introduction says (empty views for what it lacks); *changed tells whether that is new.
 * What is too large to remember, or not of the right type, counts as lacking. */
GH_MUST_USE gh_status gh_server_memory_note(gh_server_memory *memory, gh_view capabilities,
                                            gh_view server_info, gh_view instructions, bool *changed);

/* Takes over whether the old transport reached the server. That is believed for a week, for servers move on
 * and Streamable HTTP is the better one. */
void gh_server_memory_note_sse(gh_server_memory *memory, bool over_sse, bool *changed);

/* `key` is what the credentials go by. GH_ERR_NOT_FOUND when there is none; a damaged file counts as none. */
GH_MUST_USE gh_status gh_server_memory_load(const char *state_dir, const char *key, gh_server_memory *memory);
/* Makes the folder when it is not there. */
GH_MUST_USE gh_status gh_server_memory_save(const char *state_dir, const char *key,
                                            const gh_server_memory *memory, gh_error *error);

#endif
