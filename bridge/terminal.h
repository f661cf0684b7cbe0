/* What the subcommands say to a person: results on stdout, problems on stderr, all made printable. Belongs to
 * one thread. */
#ifndef GH_BRIDGE_TERMINAL_H
#define GH_BRIDGE_TERMINAL_H

#include "shared/core/status.h"

/* One line each, of printf's format and without its newline; longer than 8 KB is cut. */
void gh_terminal_say(const char *format, ...) GH_PRINTF(1, 2);
void gh_terminal_warn(const char *format, ...) GH_PRINTF(1, 2); /* "gatehouse-bridge: ..." */

/* gh_terminal_warn of the error; returns the exit code of a failure. */
int gh_terminal_complain(const gh_error *error);

#endif
