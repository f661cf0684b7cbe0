/* What the JSON endpoints (/register, /token, /revoke) say. */
#ifndef GH_SERVER_OAUTH_REPLY_H
#define GH_SERVER_OAUTH_REPLY_H

#include "server/exchange/exchange.h"

/* Adds the headers of a reply that nobody may keep (RFC 6749, 5.1). Once per response. */
void gh_reply_headers(gh_response *response);
/* 503 temporarily_unavailable with Retry-After for an outage of the store, 500 server_error for the rest. */
void gh_reply_failure(gh_response *response, gh_status status);

#endif
