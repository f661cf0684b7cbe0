/* The commands themselves, on an open store. */
#ifndef GH_SERVER_ADMIN_COMMANDS_H
#define GH_SERVER_ADMIN_COMMANDS_H

#include <stdio.h>

#include "server/store/store.h"
#include "shared/config/options.h"

#define GH_ADMIN_USAGE 64

/* 0 when `words` ("grants", "revoke", ID) are a command, else GH_ADMIN_USAGE with the possible ones on `err`.
 */
int gh_admin_check(const gh_text_list *words, FILE *err);
/* Runs it: 0, 1 when it could not be done (also when the output could not be written), or GH_ADMIN_USAGE. */
int gh_admin_run(gh_store *store, const gh_text_list *words, FILE *out, FILE *err);

#endif
