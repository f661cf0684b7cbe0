/* Between the files of this folder. */
#ifndef GH_SERVER_EXCHANGE_EXCHANGE_PRIVATE_H
#define GH_SERVER_EXCHANGE_EXCHANGE_PRIVATE_H

#include "server/exchange/exchange.h"

#define GH_RESPONSE_HEAD_MAX ((size_t)32 * 1024) /* of the lines that handlers add */

/* Status line and headers, without those that say how the body is framed and without the empty line. */
void gh_response_write_head(const gh_response *response, int status, bool keep_alive, gh_buf *out);

#endif
