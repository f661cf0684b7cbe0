/* The device authorization grant (RFC 8628): a machine without a browser shows a code, a person types it on
 * the page /device, signs in and decides, and the machine, which asks /token all the while, gets its tokens.
 *
 * From the code on it is a login like any other: a flow whose answer goes to GH_DEVICE_TARGET, which no
 * redirect URI can be, with the user code's hash as its state. Sign-in, consent and the way to the identity
 * provider and back know no difference; keeping the grant and answering do, and come here. Thread-safe. */
#ifndef GH_SERVER_OAUTH_DEVICE_H
#define GH_SERVER_OAUTH_DEVICE_H

#include "server/oauth/internal.h"

#define GH_DEVICE_GRANT_TYPE "urn:ietf:params:oauth:grant-type:device_code"
#define GH_DEVICE_TARGET "device"
#define GH_DEVICE_TTL_S 600
#define GH_DEVICE_INTERVAL_S 5
#define GH_DEVICES_MAX 1000 /* authorizations under way at once */

/* Wrong codes: at this pace even odds for guessing one certain code would take 400 years, and it lives for
 * ten minutes. */
#define GH_DEVICE_ATTEMPTS 60             /* a minute, by everybody together */
#define GH_DEVICE_ATTEMPTS_PER_ADDRESS 10 /* a minute */
#define GH_DEVICE_STARTS_PER_ADDRESS 60   /* a minute, at /device_authorization */

/* What counts all that; part of the server. */
typedef struct gh_device_limits gh_device_limits;
gh_device_limits *gh_device_limits_new(void); /* NULL on lack of memory */
void gh_device_limits_free(gh_device_limits *limits);
/* As gh_throttle_enter. */
bool gh_device_may_start(gh_device_limits *limits, gh_view address, int64_t *retry_after_s);
bool gh_device_may_try(gh_device_limits *limits, gh_view address, int64_t *retry_after_s);
void gh_device_tried_well(gh_device_limits *limits, gh_view address);

/* True for the target of a device's login. */
bool gh_device_is_target(const char *redirect_uri);

/* Approves the device that `flow` is for. GH_ERR_NOT_FOUND when it waits no longer. */
GH_MUST_USE gh_status gh_device_keep(const gh_oauth_server *server, const gh_flow *flow,
                                     const gh_grant *grant);
/* The person's page in place of the redirect. An `error` of access_denied also tells the device. */
void gh_device_answer_done(gh_response *response);
void gh_device_answer_error(const gh_oauth_server *server, const char *user_code_hash, const char *error,
                            const char *description, gh_response *response);

#endif
