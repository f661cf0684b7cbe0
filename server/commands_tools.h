/* `gatehouse tools check FILE [NAME]` and `gatehouse tools call FILE NAME [ARGUMENTS]`: what a tools file or
 * an OpenAPI description comes to, without a server and without a client. FILE may be a URL. For the main
 * thread; output for people goes to stdout, errors to stderr, never a secret. */
#ifndef GH_SERVER_COMMANDS_TOOLS_H
#define GH_SERVER_COMMANDS_TOOLS_H

#include "server/options.h"

/* 0; 1 when the file is refused or the call failed; 64 for words that mean nothing. */
int gh_command_tools(const gh_settings *settings);

#endif
