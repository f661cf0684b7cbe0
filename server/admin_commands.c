#include "server/admin_commands.h"

#include <stdlib.h>
#include <string.h>

#include "server/admin_table.h"
#include "server/auth/key.h"
#include "server/oauth/keys.h"
#include "shared/core/clock.h"

#define LIST_MAX ((size_t)10000)
#define NAME_WIDTH 32
/* A retired key verifies for longer than any access token lives (--access-token-ttl is a day at most), and
 * than a running server may take to notice the new one. */
#define RETIREMENT_S ((int64_t)25 * 3600)

typedef struct admin {
    gh_store *store;
    const char *argument; /* NULL without one */
    FILE *out;
    gh_error error;
} admin;

static gh_status store_failed(admin *run, gh_status status)
{
    return gh_error_set(&run->error, status, "the store failed (%s); nothing was changed",
                        gh_status_text(status));
}

/* "2026-11-22 17:40", UTC. */
static void minute_of(int64_t at_s, char out[GH_CLOCK_TEXT_MAX])
{
    gh_clock_format_utc(at_s * 1000, out);
    if (strlen(out) > 16) {
        out[10] = ' ';
        out[16] = '\0';
    }
}

static gh_status finish_list(admin *run, gh_admin_table *table, size_t count, const char *none)
{
    gh_status status = GH_OK;
    if (count == 0) {
        status = fprintf(run->out, "%s\n", none) < 0 ? GH_ERR_IO : GH_OK;
    } else {
        status = gh_admin_table_print(table, run->out);
    }
    if (status == GH_OK && count == LIST_MAX) {
        status = fprintf(run->out, "(the newest %zu; there may be more)\n", count) < 0 ? GH_ERR_IO : GH_OK;
    }
    return status == GH_OK ? GH_OK
                           : gh_error_set(&run->error, status, "the list could not be written: %s",
                                          gh_status_text(status));
}

/* Cells that lack memory are noticed when the table is printed. */
static void add_grant(const admin *run, const gh_grant *grant, gh_admin_table *table)
{
    char since[GH_CLOCK_TEXT_MAX];
    char until[GH_CLOCK_TEXT_MAX];
    gh_client client = {0};
    bool known = gh_store_client_get(run->store, grant->client_id, &client) == GH_OK;
    minute_of(grant->created_at, since);
    minute_of(grant->expires_at, until);
    gh_admin_table_add(table, grant->id);
    gh_admin_table_add(table, grant->subject);
    gh_admin_table_add(table, grant->name != NULL ? grant->name : grant->email);
    gh_admin_table_add(table, grant->client_id);
    gh_admin_table_add(table, known ? client.name : NULL);
    gh_admin_table_add(table, grant->scope);
    gh_admin_table_add(table, since);
    gh_admin_table_add(table, until);
    gh_client_clear(&client);
}

static gh_status list_grants(admin *run)
{
    static const gh_admin_column columns[] = {
        {"GRANT", 0}, {"USER", 0},        {"NAME", NAME_WIDTH}, {"CLIENT", 0}, {"CLIENT NAME", NAME_WIDTH},
        {"SCOPE", 0}, {"SINCE (UTC)", 0}, {"UNTIL (UTC)", 0}};
    gh_grant *grants = NULL;
    size_t count = 0;
    gh_admin_table table;
    gh_status status = gh_store_grants(run->store, LIST_MAX, &grants, &count);
    if (status != GH_OK) {
        return store_failed(run, status);
    }
    gh_admin_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        add_grant(run, &grants[i], &table);
        gh_grant_clear(&grants[i]);
    }
    free(grants);
    status = finish_list(run, &table, count, "There are no grants.");
    gh_admin_table_clear(&table);
    return status;
}

static gh_status revoke_grant(admin *run)
{
    gh_grant grant = {0};
    gh_status status = gh_store_grant_get(run->store, run->argument, &grant);
    if (status == GH_OK) {
        status = gh_store_grant_revoke(run->store, run->argument);
    }
    gh_grant_clear(&grant);
    if (status == GH_ERR_NOT_FOUND) {
        return gh_error_set(&run->error, status,
                            "there is no grant %s; `gatehouse grants list` shows those that there are",
                            run->argument);
    }
    if (status != GH_OK) {
        return store_failed(run, status);
    }
    (void)fprintf(run->out, "Revoked grant %s: its tokens are worth nothing from now on.\n", run->argument);
    return GH_OK;
}

static void add_client(const gh_client *client, gh_admin_table *table)
{
    char since[GH_CLOCK_TEXT_MAX];
    char used[GH_CLOCK_TEXT_MAX];
    minute_of(client->created_at, since);
    minute_of(client->used_at, used);
    gh_admin_table_add(table, client->id);
    gh_admin_table_add(table, client->name);
    gh_admin_table_add(table, since);
    gh_admin_table_add(table, client->used_at == 0 ? "never" : used);
    gh_admin_table_add(table, client->redirect_uris);
}

static gh_status list_clients(admin *run)
{
    static const gh_admin_column columns[] = {{"CLIENT", 0},
                                              {"NAME", NAME_WIDTH},
                                              {"REGISTERED (UTC)", 0},
                                              {"LAST LOGIN (UTC)", 0},
                                              {"REDIRECTS", 100}};
    gh_client *clients = NULL;
    size_t count = 0;
    gh_admin_table table;
    gh_status status = gh_store_clients(run->store, LIST_MAX, &clients, &count);
    if (status != GH_OK) {
        return store_failed(run, status);
    }
    gh_admin_table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < count; i++) {
        add_client(&clients[i], &table);
        gh_client_clear(&clients[i]);
    }
    free(clients);
    status = finish_list(run, &table, count, "There are no clients.");
    gh_admin_table_clear(&table);
    return status;
}

static gh_status remove_client(admin *run)
{
    gh_status status = gh_store_client_remove(run->store, run->argument);
    if (status == GH_ERR_NOT_FOUND) {
        return gh_error_set(&run->error, status,
                            "there is no client %s; `gatehouse clients list` shows those that there are",
                            run->argument);
    }
    if (status != GH_OK) {
        return store_failed(run, status);
    }
    (void)fprintf(run->out, "Removed client %s with everything that was granted to it.\n", run->argument);
    return GH_OK;
}

static gh_status store_key(admin *run, const gh_key *key)
{
    gh_stored_key stored = {0};
    int64_t now = gh_clock_wall_s();
    gh_status status = gh_key_to_pem(key, &stored.pem);
    if (status == GH_OK) {
        stored.kid = gh_text_dup(gh_key_kid(key));
        stored.alg = gh_text_dup(gh_key_alg(key));
        stored.created_at = now;
        stored.active = true;
        status = stored.kid == NULL || stored.alg == NULL
                     ? GH_ERR_NOMEM
                     : gh_store_key_rotate(run->store, &stored, now - RETIREMENT_S);
    }
    gh_stored_key_clear(&stored);
    return status;
}

static gh_status rotate_keys(admin *run)
{
    gh_key *key = NULL;
    gh_status status = gh_key_generate(GH_SIGNING_ALG, &key, &run->error);
    if (status != GH_OK) {
        return status;
    }
    status = store_key(run, key);
    if (status == GH_ERR_TOO_LARGE) {
        status = gh_error_set(&run->error, status,
                              "the keys were rotated too often of late: old ones are kept until the last "
                              "token they signed has ended, at most %lld hours; try again later",
                              (long long)(RETIREMENT_S / 3600));
    } else if (status != GH_OK) {
        status = store_failed(run, status);
    } else {
        (void)fprintf(run->out,
                      "The new signing key is %s. A running server signs with it within a minute or two; "
                      "tokens that were signed before stay valid.\n",
                      gh_key_kid(key));
    }
    gh_key_free(key);
    return status;
}

typedef struct command {
    const char *noun, *verb;
    const char *argument; /* its name; NULL without one */
    gh_status (*run)(admin *run);
} command;

static const command COMMANDS[] = {{"grants", "list", NULL, list_grants},
                                   {"grants", "revoke", "ID", revoke_grant},
                                   {"clients", "list", NULL, list_clients},
                                   {"clients", "remove", "ID", remove_client},
                                   {"keys", "rotate", NULL, rotate_keys}};
#define COMMAND_COUNT (sizeof COMMANDS / sizeof COMMANDS[0])

static const command *find_command(const gh_text_list *words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const command *row = &COMMANDS[i];
        size_t wanted = row->argument == NULL ? 2 : 3;
        if (words->count == wanted && strcmp(words->items[0], row->noun) == 0 &&
            strcmp(words->items[1], row->verb) == 0) {
            return row->argument == NULL || words->items[2][0] != '\0' ? row : NULL;
        }
    }
    return NULL;
}

int gh_admin_check(const gh_text_list *words, FILE *err)
{
    if (find_command(words) != NULL) {
        return 0;
    }
    (void)fputs("gatehouse: these are the commands for grants, clients and keys:\n", err);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const command *row = &COMMANDS[i];
        (void)fprintf(err, "  gatehouse %s %s%s%s\n", row->noun, row->verb, row->argument == NULL ? "" : " ",
                      row->argument == NULL ? "" : row->argument);
    }
    return GH_ADMIN_USAGE;
}

int gh_admin_run(gh_store *store, const gh_text_list *words, FILE *out, FILE *err)
{
    const command *row = find_command(words);
    if (row == NULL) {
        return gh_admin_check(words, err);
    }
    admin run = {.store = store, .argument = row->argument == NULL ? NULL : words->items[2], .out = out};
    gh_status status = row->run(&run);
    if (status != GH_OK) {
        (void)fprintf(err, "gatehouse: %s\n", run.error.message);
        return 1;
    }
    if (fflush(out) != 0 || ferror(out) != 0) {
        (void)fputs("gatehouse: the output could not be written\n", err);
        return 1;
    }
    return 0;
}
