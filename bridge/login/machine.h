/* The ways to a token that need no person: as the client itself (RFC 6749, 4.4), with an assertion from a
 * file (RFC 7523, 2.1), and with the grant of the enterprise's identity provider (MCP Enterprise-Managed
 * Authorization: RFC 8693 for an ID-JAG, then RFC 7523). Files are read at each use. Belongs to the loop's
 * thread. */
#ifndef GH_BRIDGE_LOGIN_MACHINE_H
#define GH_BRIDGE_LOGIN_MACHINE_H

#include "bridge/login/code_flow.h"

typedef struct gh_machine gh_machine;

/* As gh_code_flow_start, by the settings' grant. */
GH_MUST_USE gh_status gh_machine_start(gh_loop *loop, const gh_bridge_settings *settings,
                                       const gh_code_flow_options *options, gh_code_flow_done done,
                                       void *context, gh_machine **machine, gh_error *error);
void gh_machine_cancel(gh_machine *machine); /* NULL is fine */

#endif
