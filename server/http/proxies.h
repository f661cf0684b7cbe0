/* Trusted proxies: whose X-Forwarded-For tells who the client is. It only ever changes the address in the
 * log and in limits by address, never a URL. Immutable after creation; any thread may use it. */
#ifndef GH_SERVER_HTTP_PROXIES_H
#define GH_SERVER_HTTP_PROXIES_H

#include <stdbool.h>

#include "shared/config/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_proxies gh_proxies;

/* Addresses or networks ("10.0.0.7", "10.0.0.0/8", "fd00::/8"). An empty list trusts nobody. */
GH_MUST_USE gh_status gh_proxies_new(const gh_text_list *list, gh_proxies **proxies, gh_error *error);
void gh_proxies_free(gh_proxies *proxies);
bool gh_proxies_trust(const gh_proxies *proxies, gh_view address);

/* The client behind `peer`: the last address in `forwarded` (the header's value; NULL ptr when absent) that
 * is not itself a trusted proxy. `peer` when that is not trusted or the header says nothing usable. */
gh_view gh_proxies_client(const gh_proxies *proxies, gh_view peer, gh_view forwarded);

#endif
