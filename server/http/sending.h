/* Sending a reply to a peer that may not take it. Any thread. */
#ifndef GH_SERVER_HTTP_SENDING_H
#define GH_SERVER_HTTP_SENDING_H

#include "server/http/transaction.h"

/* By when a peer must have taken so many bytes. */
gh_deadline gh_sending_deadline(const gh_transaction_setting *setting, size_t len);

/* The whole of a reply. In a crowd patience is for each 64 KiB of it, as with bodies. */
GH_MUST_USE gh_status gh_sending_reply(const gh_transaction_setting *setting, const gh_transaction_peer *peer,
                                       gh_view bytes);

#endif
