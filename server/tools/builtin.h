/* The tools that come with the server: a plugin that is linked in (include/gatehouse/plugin.h). */
#ifndef GH_SERVER_TOOLS_BUILTIN_H
#define GH_SERVER_TOOLS_BUILTIN_H

#include "gatehouse/plugin.h"

int gh_builtin_init(const gatehouse_host *host, gatehouse_registrar *registrar);

#endif
