/* The server as a whole: every part made from the settings, in order, and taken apart again. For the main
 * thread. */
#ifndef GH_SERVER_APP_H
#define GH_SERVER_APP_H

#include <stdbool.h>

#include "server/options.h"
#include "shared/core/status.h"

typedef struct gh_app gh_app;

/* Serving when it returns. `settings` are borrowed and outlive the app. Signals must be blocked.
 * GH_ERR_INVALID is a configuration error. */
GH_MUST_USE gh_status gh_app_start(const gh_settings *settings, gh_app **app, gh_error *error);
const char *gh_app_origin(const gh_app *app); /* "http://localhost:8080" */
/* The identity provider was reached for the first time and cannot work as configured: the error says what to
 * change, and there is no point in going on. */
bool gh_app_refused(gh_app *app, gh_error *error);
/* True once that is known, or when there is no provider. */
bool gh_app_decided(gh_app *app);
/* Housekeeping, once a second. */
void gh_app_sweep(gh_app *app);
/* Reads the files of --tools and --openapi again. What is wrong is logged, and then nothing changes. */
void gh_app_reload(gh_app *app);
/* No new work; true when what was in flight has ended. */
bool gh_app_drain(gh_app *app);
void gh_app_stop(gh_app *app); /* NULL is fine */

#endif
