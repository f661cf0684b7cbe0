/* One transaction under way, between the files that serve it. */
#ifndef GH_SERVER_HTTP_TRANSACTION_PRIVATE_H
#define GH_SERVER_HTTP_TRANSACTION_PRIVATE_H

#include "server/http/guard.h"
#include "server/http/transaction.h"

typedef struct gh_transaction {
    const gh_transaction_setting *setting;
    const gh_transaction_peer *peer;
    const gh_wire *wire;
    gh_guard_verdict verdict;
    gh_request request;
    gh_response response;
    gh_buf body;
    bool body_unread; /* bytes of this request may still be on the way */
    bool keep_alive;
    bool stream_gone;
    bool deaf;   /* patience with the peer has ended: what it sent may be served, nothing more is read */
    bool minded; /* the socket has its options for streams */
    bool socket_known;
    int socket;       /* the connection's, once looked for; -1 when it was not found */
    gh_buf forwarded; /* what request.remote_host may point into */
    gh_trace trace;
} gh_transaction;

bool gh_transaction_expect(const gh_transaction *t, gh_expects what);
/* Whether another connection waits for the worker. */
bool gh_transaction_awaited(const gh_transaction *t);
/* Whether the connection may serve another request after this one, as things are now. */
bool gh_transaction_keeps(const gh_transaction *t);
/* Answers with an error and closes the connection. */
void gh_transaction_refuse_with(gh_transaction *t, int status, const char *code, const char *description);

/* transaction_body.c. True when the service may be called. */
bool gh_transaction_read_body(gh_transaction *t);
/* Takes what the client still sends, for a moment: closing a socket with unread bytes resets it, and the
 * reply would be lost on its way. */
void gh_transaction_linger(gh_transaction *t);

/* transaction_stream.c: the sink of its response. */
gh_response_sink gh_transaction_sink(gh_transaction *t);

#endif
