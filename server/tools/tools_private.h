/* The tools that builtin.c registers. Private to tools. */
#ifndef GH_SERVER_TOOLS_TOOLS_PRIVATE_H
#define GH_SERVER_TOOLS_TOOLS_PRIVATE_H

#include "gatehouse/plugin.h"

/* Each gets the host table as its `data`. */
int gh_tool_say_hello(void *data, gatehouse_call *call);
int gh_tool_whoami(void *data, gatehouse_call *call);

#endif
