#include "server/store/store_sqlite.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "shared/core/clock.h"

static const char ROLLBACK[] = "ROLLBACK";

static gh_status lock_conn(sqlite_conn *conn)
{
    struct timespec until;
    if (clock_gettime(CLOCK_MONOTONIC, &until) != 0) {
        return GH_ERR_UNAVAILABLE;
    }
    until.tv_sec += SQLITE_STORE_LOCK_MS / 1000;
    int waited = 0;
    pthread_mutex_lock(&conn->mutex);
    while (conn->busy && waited == 0) {
        waited = pthread_cond_timedwait(&conn->released, &conn->mutex, &until);
    }
    bool taken = !conn->busy;
    conn->busy = true;
    pthread_mutex_unlock(&conn->mutex);
    return taken ? GH_OK : GH_ERR_UNAVAILABLE;
}

bool sqlite_lock_free(sqlite_conn *conn)
{
    pthread_mutex_lock(&conn->mutex);
    bool taken = !conn->busy;
    conn->busy = true;
    pthread_mutex_unlock(&conn->mutex);
    return taken;
}

void sqlite_unlock(sqlite_conn *conn)
{
    pthread_mutex_lock(&conn->mutex);
    conn->busy = false;
    pthread_cond_signal(&conn->released);
    pthread_mutex_unlock(&conn->mutex);
}

gh_status sqlite_read(gh_store *store, sqlite_conn **conn)
{
    *conn = &((sqlite_store *)store)->reader;
    return lock_conn(*conn);
}

gh_status sqlite_roll_back(sqlite_conn *conn)
{
    /* A failed statement may have done so by itself. */
    return sqlite3_get_autocommit(conn->db) != 0 ? GH_OK : sqlite_run(conn, ROLLBACK, "");
}

gh_status sqlite_begin(gh_store *store, sqlite_conn **conn)
{
    sqlite_conn *writer = &((sqlite_store *)store)->writer;
    gh_status status = lock_conn(writer);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_roll_back(writer); /* one that could not be before must not stand in the way for ever */
    if (status == GH_OK) {
        status = sqlite_run(writer, "BEGIN IMMEDIATE", "");
    }
    if (status != GH_OK) {
        sqlite_unlock(writer);
        return status;
    }
    *conn = writer;
    return GH_OK;
}

/* What reached the disk proves that it can be written; a transaction that changed nothing does not. */
static void note_changes(sqlite_conn *conn, bool committed)
{
    int changes = sqlite3_total_changes(conn->db);
    if (committed && changes != conn->changes) {
        atomic_store(&conn->failure, 0);
        atomic_store(&conn->written_ms, gh_clock_mono_ms());
    }
    conn->changes = changes;
}

gh_status sqlite_end(sqlite_conn *conn, gh_status status)
{
    bool committed = false;
    if (status == GH_OK) {
        status = sqlite_run(conn, "COMMIT", "");
        committed = status == GH_OK;
    }
    if (status != GH_OK) {
        gh_status undone = sqlite_roll_back(conn);
        (void)undone; /* the next transaction tries again */
    }
    note_changes(conn, committed);
    sqlite_unlock(conn);
    return status;
}

static bool init_conn(sqlite_conn *conn)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0) {
        return false;
    }
    bool made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&conn->released, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (made && pthread_mutex_init(&conn->mutex, NULL) != 0) {
        pthread_cond_destroy(&conn->released);
        made = false;
    }
    return made;
}

static void close_conn(sqlite_conn *conn)
{
    sqlite_finalize(conn);
    (void)sqlite3_close(conn->db);
    pthread_cond_destroy(&conn->released);
    pthread_mutex_destroy(&conn->mutex);
}

static void sqlite_close(gh_store *store)
{
    sqlite_store *sqlite = (sqlite_store *)store;
    close_conn(&sqlite->reader);
    close_conn(&sqlite->writer);
    if (sqlite->presence >= 0) {
        (void)close(sqlite->presence);
    }
    free(sqlite);
}

static const gh_store_ops SQLITE_OPS = {
    .close = sqlite_close,
    .ping = sqlite_ping,
    .client_add = sqlite_client_add,
    .client_get = sqlite_client_get,
    .flow_add = sqlite_flow_add,
    .flow_get = sqlite_flow_get,
    .flow_identify = sqlite_flow_identify,
    .flow_take = sqlite_flow_take,
    .grant_add = sqlite_grant_add,
    .code_take = sqlite_code_take,
    .grant_get = sqlite_grant_get,
    .grant_alive = sqlite_grant_alive,
    .grant_revoke = sqlite_grant_revoke,
    .refresh_add = sqlite_refresh_add,
    .refresh_rotate = sqlite_refresh_rotate,
    .refresh_find = sqlite_refresh_find,
    .keys = sqlite_keys,
    .key_add = sqlite_key_add,
    .secret = sqlite_secret,
    .upstream_login_add = sqlite_upstream_login_add,
    .upstream_login_take = sqlite_upstream_login_take,
    .upstream_tokens_get = sqlite_upstream_tokens_get,
    .upstream_tokens_put = sqlite_upstream_tokens_put,
    .lease_take = sqlite_lease_take,
    .lease_drop = sqlite_lease_drop,
    .device_add = sqlite_device_add,
    .device_by_user_code = sqlite_device_by_user_code,
    .device_decide = sqlite_device_decide,
    .device_poll = sqlite_device_poll,
    .grants = sqlite_grants,
    .clients = sqlite_clients,
    .client_remove = sqlite_client_remove,
    .key_rotate = sqlite_key_rotate,
    .keys_version = sqlite_keys_version,
    .pin = sqlite_pin,
    .sweep = sqlite_sweep,
};

static gh_status new_store(sqlite_store **store)
{
    sqlite_store *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    if (!init_conn(&made->writer)) {
        free(made);
        return GH_ERR_NOMEM;
    }
    if (!init_conn(&made->reader)) {
        close_conn(&made->writer);
        free(made);
        return GH_ERR_NOMEM;
    }
    made->base.ops = &SQLITE_OPS;
    made->presence = -1;
    *store = made;
    return GH_OK;
}

gh_status gh_store_sqlite_open(const char *path, const gh_store_options *options, gh_store **store,
                               gh_error *error)
{
    char *real = NULL;
    sqlite_store *made = NULL;
    gh_status status = new_store(&made);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "Out of memory while opening the store.");
        goto out;
    }
    if (options != NULL) {
        made->base.sealing = *options;
        made->base.sealing.fingerprint = NULL;
    }
    status = sqlite_file_prepare(path, &real, error);
    if (status != GH_OK) {
        goto out;
    }
    status = sqlite_connect(real, false, &made->writer.db, error);
    if (status != GH_OK) {
        goto out;
    }
    status = sqlite_schema_prepare(made->writer.db, real, error);
    if (status != GH_OK) {
        goto out;
    }
    status = sqlite_sealing_prepare(made, real, options == NULL ? NULL : options->fingerprint, error);
    if (status != GH_OK) {
        goto out;
    }
    status = sqlite_presence_take(made, real, error);
    if (status != GH_OK) {
        goto out;
    }
    status = sqlite_connect(real, true, &made->reader.db, error);
    if (status == GH_OK && sqlite_prepare(&made->writer, ROLLBACK) != GH_OK) {
        /* Undoing must not need memory that is lacking just then. */
        status = gh_error_set(error, GH_ERR_NOMEM, "Out of memory while opening the store.");
    }
    if (status == GH_OK) {
        *store = &made->base;
        made = NULL;
    }
out:
    if (status != GH_OK && error != NULL && error->message[0] == '\0') {
        (void)gh_error_set(error, status, "The store %s cannot be opened: %s.", path, gh_status_text(status));
    }
    if (made != NULL) {
        sqlite_close(&made->base);
    }
    free(real);
    return status;
}
