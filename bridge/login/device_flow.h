/* The device authorization flow (RFC 8628), from discovery to tokens: a code that is printed here and typed
 * in a browser elsewhere. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_DEVICE_FLOW_H
#define GH_BRIDGE_LOGIN_DEVICE_FLOW_H

#include "bridge/login/code_flow.h"

typedef struct gh_device_flow gh_device_flow;

/* As gh_code_flow_start. GH_ERR_TIMEOUT: the code expired. */
GH_MUST_USE gh_status gh_device_flow_start(gh_loop *loop, const gh_bridge_settings *settings,
                                           const gh_code_flow_options *options, gh_code_flow_done done,
                                           void *context, gh_device_flow **flow, gh_error *error);
void gh_device_flow_cancel(gh_device_flow *flow); /* NULL is fine */

/* The URL to open, with the code where the server gives such a one; NULL until it is known. Borrowed. */
const char *gh_device_flow_url(const gh_device_flow *flow);

#endif
