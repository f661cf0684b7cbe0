#include "server/file_tools.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/api/api.h"
#include "server/credentials.h"
#include "server/descriptions.h"
#include "shared/core/cond.h"
#include "shared/core/log.h"

#define NOTES_MAX 20
#define PATIENCE_MS 500 /* files are read by then */

/* A reading that need not end soon, on a thread of its own. */
typedef struct reading {
    const gh_settings *settings;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool done;
    gh_toolset *set; /* NULL: it failed */
    gh_error error;
} reading;

struct gh_file_tools {
    const gh_settings *settings;
    const gh_identity *identity;
    gh_api *api;
    reading *reading; /* NULL: nothing is being read */
    bool again;       /* somebody asked meanwhile */
};

/* What an OpenAPI description says that a tool cannot; a long list is for `gatehouse tools check`. */
static void note(void *context, const char *where, const char *what)
{
    size_t *seen = context;
    if ((*seen)++ < NOTES_MAX) {
        gh_log_info("%s: %s", where, what);
    }
}

static gh_status read_all(const gh_settings *settings, const atomic_bool *stop, gh_toolset **set,
                          gh_error *error)
{
    size_t notes = 0;
    const gh_descriptions wanted = {.tools = &settings->tools,
                                    .openapi = &settings->openapi,
                                    .select = &settings->openapi_select,
                                    .openapi_upstream = settings->openapi_upstream,
                                    .ca_file = settings->ca_file,
                                    .report = note,
                                    .context = &notes,
                                    .stop = stop};
    gh_status status = gh_descriptions_read(&wanted, set, error);
    if (notes > NOTES_MAX) {
        gh_log_info("and %zu more of these; gatehouse tools check shows all", notes - NOTES_MAX);
    }
    return status;
}

/* From now on these; takes the set over. */
static gh_status put_in_place(const gh_file_tools *tools, gh_toolset *set, gh_error *error)
{
    gh_status status = gh_api_load(tools->api, set, error);
    if (status == GH_OK) {
        gh_credentials_adopt(tools->identity, set);
    }
    gh_toolset_release(set);
    return status;
}

gh_status gh_file_tools_open(const gh_settings *settings, const gh_identity *identity,
                             gh_mcp_registry *registry, gh_file_tools **tools, gh_error *error)
{
    gh_credential_source source;
    *tools = NULL;
    if (settings->tools.count == 0 && settings->openapi.count == 0) {
        return GH_OK;
    }
    gh_file_tools *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    *made = (gh_file_tools){.settings = settings, .identity = identity};
    gh_credentials_source(identity, &source);
    const gh_api_options options = {.registry = registry, .source = &source, .ca_file = settings->ca_file};
    gh_status status = gh_api_new(&options, &made->api, error);
    gh_toolset *set = NULL;
    if (status == GH_OK) {
        status = read_all(settings, NULL, &set, error);
    }
    if (status == GH_OK) {
        status = put_in_place(made, set, error);
    }
    if (status != GH_OK) {
        gh_file_tools_close(made);
        return status;
    }
    *tools = made;
    return GH_OK;
}

/* --- reading again --- */

static void *read_apart(void *context)
{
    reading *self = context;
    gh_toolset *set = NULL;
    gh_error error = {GH_OK, ""};
    if (read_all(self->settings, &self->stop, &set, &error) != GH_OK) {
        set = NULL;
    }
    (void)pthread_mutex_lock(&self->lock);
    self->set = set;
    self->error = error;
    self->done = true;
    (void)pthread_cond_broadcast(&self->changed);
    (void)pthread_mutex_unlock(&self->lock);
    return NULL;
}

static reading *begin(const gh_settings *settings)
{
    reading *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    made->settings = settings;
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return NULL;
    }
    if (gh_cond_init(&made->changed) != GH_OK) {
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return NULL;
    }
    if (pthread_create(&made->thread, NULL, read_apart, made) != 0) {
        (void)pthread_cond_destroy(&made->changed);
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return NULL;
    }
    return made;
}

static bool is_done(reading *self, int64_t wait_ms)
{
    gh_deadline deadline = gh_deadline_in(wait_ms);
    bool more = true;
    (void)pthread_mutex_lock(&self->lock);
    while (!self->done && more) {
        more = gh_cond_wait_until(&self->changed, &self->lock, deadline);
    }
    bool done = self->done;
    (void)pthread_mutex_unlock(&self->lock);
    return done;
}

/* Waits for the thread; NULL when there is no set, and then *error says why. */
static gh_toolset *end(gh_file_tools *tools, gh_error *error)
{
    reading *self = tools->reading;
    tools->reading = NULL;
    (void)pthread_join(self->thread, NULL);
    gh_toolset *set = self->set;
    *error = self->error;
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->lock);
    free(self);
    return set;
}

static void take_over(gh_file_tools *tools)
{
    gh_error error = {GH_OK, ""};
    gh_toolset *set = end(tools, &error);
    if (set != NULL && put_in_place(tools, set, &error) == GH_OK) {
        gh_log_info("SIGHUP: tools, resources and prompts were read again");
    } else {
        gh_log_error("SIGHUP: everything stays as it was: %s", error.message);
    }
}

void gh_file_tools_reload(gh_file_tools *tools)
{
    if (tools == NULL) {
        gh_log_info("SIGHUP: there are no files of --tools or --openapi to read again; restart to apply new "
                    "settings");
        return;
    }
    if (tools->reading != NULL && is_done(tools->reading, 0)) {
        take_over(tools); /* signals that follow each other closely keep nobody from what has been read */
        tools->again = false;
    }
    if (tools->reading != NULL) {
        tools->again = true; /* what is being read may be older than the wish */
        return;
    }
    tools->reading = begin(tools->settings);
    if (tools->reading == NULL) {
        gh_log_error("SIGHUP: everything stays as it was: there is no memory, or no thread, to read with");
    } else if (is_done(tools->reading, PATIENCE_MS)) {
        take_over(tools);
    } else {
        gh_log_info("SIGHUP: a description is being fetched; everything stays as it was until it is here");
    }
}

void gh_file_tools_tend(gh_file_tools *tools)
{
    if (tools == NULL || tools->reading == NULL || !is_done(tools->reading, 0)) {
        return;
    }
    take_over(tools);
    if (tools->again) {
        tools->again = false;
        gh_file_tools_reload(tools);
    }
}

void gh_file_tools_stop(gh_file_tools *tools)
{
    gh_error error = {GH_OK, ""};
    if (tools != NULL && tools->reading != NULL) {
        atomic_store(&tools->reading->stop, true);
        gh_toolset_release(end(tools, &error));
    }
}

void gh_file_tools_close(gh_file_tools *tools)
{
    if (tools != NULL) {
        gh_file_tools_stop(tools);
        gh_api_free(tools->api);
        free(tools);
    }
}
