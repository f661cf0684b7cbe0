/* Private to remote: what the exchanges over the old HTTP+SSE transport and the stream that they share ask of
 * each other. */
#ifndef GH_BRIDGE_EXCHANGE_SSE_H
#define GH_BRIDGE_EXCHANGE_SSE_H

#include "bridge/exchange.h"

/* Makes the remote's stream, without opening it. */
GH_MUST_USE gh_status gh_sse_new(gh_remote *remote);
/* A LISTEN exchange: hands it, from the loop, what came before it. */
GH_MUST_USE gh_status gh_sse_listen(gh_exchange *exchange);
/* Closes the stream; everyone but `except` learns that it is lost. */
void gh_sse_drop(gh_remote *remote, const gh_exchange *except);
/* The answer to a message came where none is looked for. */
void gh_sse_ignore(void *context, const gh_rpc_message *message, gh_view line, bool is_answer);

#endif
