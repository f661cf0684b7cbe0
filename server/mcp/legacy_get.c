/* GET in a session: its stream of announcements, or the rest of a stream that broke off (2025-11-25,
 * basic/transports, "Listening for Messages from the Server", "Resumability and Redelivery"). Another GET for
 * the same stream takes over: the connection of the one before is usually dead. */
#include <string.h>

#include "server/mcp/legacy.h"
#include "server/mcp/work.h"

/* From where on the client can have the stream. False when it never had an event of that number. */
static bool find_place(gh_mcp_outbox *outbox, uint64_t *after)
{
    uint64_t reader = 0;
    *after = gh_mcp_outbox_nearest(outbox, *after);
    if (gh_mcp_outbox_attach(outbox, *after, &reader) != GH_OK) {
        return false;
    }
    gh_mcp_outbox_detach(outbox, reader);
    return true;
}

/* The outbox to read, held; or an answer and NULL. */
static gh_mcp_outbox *find_stream(gh_mcp_request *request, uint64_t *stream, uint64_t *after)
{
    gh_mcp_outbox *outbox = NULL;
    gh_status status = GH_OK;
    gh_view last = request->headers->last_event;
    if (gh_view_trim(last).len == 0) {
        *stream = GH_MCP_SESSION_STANDALONE;
        *after = GH_MCP_OUTBOX_UNREAD;
        outbox = gh_mcp_outbox_hold(gh_mcp_session_standalone(request->session));
    } else {
        status = gh_mcp_session_resume(request->session, last, &outbox, stream, after);
    }
    if (status == GH_OK && find_place(outbox, after)) {
        return outbox;
    }
    gh_mcp_outbox_release(outbox);
    /* Not 404, which would say that the session has ended. */
    gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                        status == GH_ERR_NOT_FOUND ? "Last-Event-ID names a stream that is not kept any more"
                                                   : "Last-Event-ID is no event of this session");
    return NULL;
}

void gh_mcp_legacy_get(gh_mcp_request *request)
{
    uint64_t stream = 0;
    uint64_t after = 0;
    gh_mcp_outbox *outbox = find_stream(request, &stream, &after);
    if (outbox == NULL) {
        return;
    }
    const gh_mcp_delivery delivery = {.engine = request->engine,
                                      .principal = request->principal,
                                      .outbox = outbox,
                                      .after = after,
                                      .numbered = true,
                                      .stream = stream,
                                      .prime = strcmp(request->version, GH_MCP_VERSION_2025_11) == 0,
                                      .open = true,
                                      .lapses = true,
                                      .reply = request->reply};
    request->delivered = true;
    (void)gh_mcp_deliver(&delivery);
    gh_mcp_outbox_release(outbox);
}
