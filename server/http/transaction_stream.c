/* Streams: each event within its deadline, and peers that went away are noticed in between. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "server/http/sending.h"
#include "server/http/transaction_private.h"

#define SILENT_PEER_MS 30000 /* how long a stream's peer may leave bytes without a sign of having them */

static int socket_of(gh_transaction *t)
{
    if (!t->socket_known) {
        t->socket = gh_watchdog_socket(t->peer->name);
        t->socket_known = true;
    }
    return t->socket;
}

/* A peer that vanished from the network says nothing: on a quiet stream the system would wait for it for a
 * quarter of an hour. */
static void mind_silence(gh_transaction *t)
{
    unsigned ms = SILENT_PEER_MS;
    if (!t->minded && socket_of(t) >= 0) {
        (void)setsockopt(t->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
    t->minded = true;
}

/* Every event is watched: a stream lives long, its buffer may be full at any time. Between events nothing is.
 */
static gh_status stream_write(void *context, gh_view bytes)
{
    gh_transaction *t = context;
    gh_watch watch;
    if (t->stream_gone) {
        return GH_ERR_CLOSED;
    }
    gh_deadline deadline = gh_sending_deadline(t->setting, bytes.len);
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->name, GH_WATCH_WRITE, deadline);
    gh_status status = t->peer->write(t->peer->context, bytes);
    t->stream_gone = gh_watchdog_remove(t->setting->watchdog, &watch) || status != GH_OK;
    return t->stream_gone ? GH_ERR_CLOSED : GH_OK;
}

/* Also when the peer has only ended its side: no client does that and then reads on. That of one who is not
 * read any more looks ended in any case. Who has reset the connection is no peer of any socket. */
static bool is_hung_up(int fd, bool deaf)
{
    struct pollfd state = {.fd = fd, .events = deaf ? 0 : POLLRDHUP};
    return poll(&state, 1, 0) > 0 && state.revents != 0;
}

/* Asked when a stream has been quiet for a moment; those that end before cost no look for their socket. */
static bool stream_closed(void *context)
{
    gh_transaction *t = context;
    mind_silence(t);
    t->stream_gone = t->stream_gone || socket_of(t) < 0 || is_hung_up(t->socket, t->deaf);
    return t->stream_gone;
}

/* What was said when it began is held to at its end. A body that is not read would be in the way of the next
 * request. */
static bool keeps(void *context)
{
    const gh_transaction *t = context;
    return !t->body_unread && !gh_view_eq_cstr(t->wire->method, "HEAD") && gh_transaction_keeps(t);
}

static bool awaited(void *context)
{
    return gh_transaction_awaited(context);
}

gh_response_sink gh_transaction_sink(gh_transaction *t)
{
    return (gh_response_sink){
        .context = t, .write = stream_write, .closed = stream_closed, .keeps = keeps, .awaited = awaited};
}
