/* What the server can be told, as the command line, the environment and the file have it. */
#ifndef GH_SERVER_OPTIONS_TABLE_H
#define GH_SERVER_OPTIONS_TABLE_H

#include "server/options.h"

extern const gh_option_table GH_SETTINGS_TABLE;

#endif
