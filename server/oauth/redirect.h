/* Which redirect URIs a client may register, and which registered one a request means (RFC 8252, 7 and 8.4;
 * RFC 9700, 4.1). Thread-safe. */
#ifndef GH_SERVER_OAUTH_REDIRECT_H
#define GH_SERVER_OAUTH_REDIRECT_H

#include <stdbool.h>

#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_REDIRECT_MAX 2048 /* bytes of one URI */

/* GH_OK when `uri` may be registered: https to any host; http to exactly localhost, 127.0.0.1 or [::1]; a
 * private-use scheme of `schemes` that no browser acts upon itself. Never with user part or fragment.
 * GH_ERR_DENIED with a sentence otherwise. */
GH_MUST_USE gh_status gh_redirect_check(gh_view uri, const gh_text_list *schemes, gh_error *error);

/* True when `requested` is `registered` byte for byte or, for http to a loopback name, but for the port. The
 * three loopback names are never interchangeable. */
bool gh_redirect_matches(gh_view registered, gh_view requested);
/* The same against a list with one URI a line. */
bool gh_redirect_is_registered(const char *list, gh_view requested);

/* True for a URI that ends on the person's own computer: loopback http. */
bool gh_redirect_is_loopback(gh_view uri);
/* True for http and https; false for a private-use scheme. */
bool gh_redirect_is_web(gh_view uri);

/* Appends what a person should read as the place they are sent to: the host with its port, or the scheme, in
 * lower case. */
GH_MUST_USE gh_status gh_redirect_write_place(gh_view uri, gh_buf *out);
/* Appends the source for Content-Security-Policy's form-action. */
GH_MUST_USE gh_status gh_redirect_write_source(gh_view uri, gh_buf *out);

#endif
