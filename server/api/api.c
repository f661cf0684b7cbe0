#include "server/api/api.h"

#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "shared/core/log.h"

gh_status gh_api_new(const gh_api_options *options, gh_api **out, gh_error *error)
{
    gh_api *api = calloc(1, sizeof *api);
    if (api == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&api->lock, NULL);
    api->registry = options->registry;
    api->source = *options->source;
    api->ca_file = gh_text_dup(options->ca_file);
    api->host.size = sizeof api->host;
    api->host.abi = GATEHOUSE_PLUGIN_ABI;
    gh_call_fill_host(&api->host);
    gh_status status = options->ca_file != NULL && api->ca_file == NULL
                           ? GH_ERR_NOMEM
                           : gh_credential_cache_new(options->source, &api->cache);
    if (status != GH_OK) {
        gh_api_free(api);
        return gh_error_set(error, status, "out of memory");
    }
    *out = api;
    return GH_OK;
}

static void free_slots(gh_api_slot **slots, size_t count)
{
    for (size_t i = 0; slots != NULL && i < count; i++) {
        gh_api_slot_release(slots[i]);
    }
    free(slots);
}

void gh_api_free(gh_api *api)
{
    if (api == NULL) {
        return;
    }
    if (api->set != NULL) {
        free_slots(api->slots, api->set->tools->entry_count);
    }
    gh_api_set_release(api->set);
    gh_credential_cache_free(api->cache);
    free(api->ca_file);
    (void)pthread_mutex_destroy(&api->lock);
    free(api);
}

/* --- one set in place of another --- */

typedef struct change {
    gh_api *api;
    gh_api_set *set;
    gh_api_slot **slots;      /* of the new set's entries */
    size_t *old;              /* for each, the old one's index when it stays; SIZE_MAX otherwise */
    bool stays[GH_MCP_KINDS]; /* clients see the same list as before */
} change;

static size_t next_of_kind(const gh_toolset *tools, size_t from, gh_mcp_kind kind)
{
    while (from < tools->entry_count && gh_api_kind_of(&tools->entries[from]) != kind) {
        from++;
    }
    return from;
}

/* A list stays when it has the same entries in the same order. */
static void compare_kind(change *self, gh_mcp_kind kind)
{
    static const gh_toolset NOTHING = {.entry_count = 0};
    const gh_toolset *before = self->api->set != NULL ? self->api->set->tools : &NOTHING;
    const gh_toolset *after = self->set->tools;
    size_t i = next_of_kind(before, 0, kind);
    size_t j = next_of_kind(after, 0, kind);
    while (i < before->entry_count && j < after->entry_count &&
           gh_api_entry_looks_same(&before->entries[i], &after->entries[j])) {
        self->old[j] = i;
        i = next_of_kind(before, i + 1, kind);
        j = next_of_kind(after, j + 1, kind);
    }
    self->stays[kind] = i == before->entry_count && j == after->entry_count;
}

static gh_status take_away(const change *self)
{
    const gh_toolset *before = self->api->set != NULL ? self->api->set->tools : NULL;
    gh_status status = GH_OK;
    for (size_t i = 0; before != NULL && i < before->entry_count && status == GH_OK; i++) {
        if (!self->stays[gh_api_kind_of(&before->entries[i])]) {
            status = gh_api_entry_remove(self->api, &before->entries[i]);
        }
    }
    return status;
}

static gh_status put(change *self, gh_error *error)
{
    const gh_toolset *after = self->set->tools;
    for (size_t i = 0; i < after->entry_count; i++) {
        const gh_entry *entry = &after->entries[i];
        if (self->stays[gh_api_kind_of(entry)]) {
            self->slots[i] = gh_api_slot_hold(self->api->slots[self->old[i]]);
            continue;
        }
        self->slots[i] = gh_api_slot_new(self->api, self->set, i);
        gh_status status =
            self->slots[i] == NULL ? GH_ERR_NOMEM : gh_api_entry_add(self->api, entry, self->slots[i], error);
        if (status != GH_OK) {
            return status;
        }
    }
    return GH_OK;
}

static gh_status set_scopes(const change *self, gh_error *error)
{
    const gh_toolset *tools = self->set->tools;
    gh_scope_table *table = NULL;
    gh_scope_row *rows = calloc(tools->scope_rule_count + 1, sizeof *rows);
    if (rows == NULL) {
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < tools->scope_rule_count; i++) {
        rows[i] = (gh_scope_row){tools->scope_rules[i].scope, tools->scope_rules[i].implied};
    }
    gh_status status = tools->scope_rule_count == 0
                           ? GH_OK
                           : gh_scope_table_new(rows, tools->scope_rule_count, &table, error);
    if (status == GH_OK) {
        status = gh_mcp_registry_set_scopes(self->api->registry, table);
    }
    gh_scope_table_release(table);
    free(rows);
    return status;
}

/* Either all of it counts afterwards, or nothing. */
static gh_status apply(change *self, gh_error *error)
{
    gh_mcp_registry *registry = self->api->registry;
    gh_mcp_registry_begin_alone(registry);
    gh_status status = take_away(self);
    if (status == GH_OK) {
        status = put(self, error);
    }
    if (status == GH_OK) {
        status = set_scopes(self, error);
    }
    if (status != GH_OK) {
        gh_mcp_registry_rollback(registry);
        return status;
    }
    return gh_mcp_registry_commit(registry);
}

static void settle(change *self)
{
    gh_api *api = self->api;
    gh_api_set *old_set = api->set;
    gh_api_slot **old_slots = api->slots;
    for (size_t i = 0; i < self->set->tools->entry_count; i++) {
        if (self->stays[gh_api_kind_of(&self->set->tools->entries[i])]) {
            gh_api_slot_replace(self->slots[i], self->set, i);
        }
    }
    api->set = gh_api_set_hold(self->set);
    api->slots = self->slots;
    self->slots = NULL;
    if (old_set != NULL) {
        free_slots(old_slots, old_set->tools->entry_count);
    }
    gh_api_set_release(old_set);
}

static gh_status load_locked(gh_api *api, gh_toolset *tools, gh_error *error)
{
    change self = {.api = api};
    gh_status status = gh_api_set_new(api, tools, &self.set, error);
    if (status != GH_OK) {
        return status;
    }
    self.slots = calloc(tools->entry_count + 1, sizeof(gh_api_slot *));
    self.old = calloc(tools->entry_count + 1, sizeof *self.old);
    status = self.slots != NULL && self.old != NULL ? GH_OK : GH_ERR_NOMEM;
    if (status == GH_OK) {
        for (size_t kind = 0; kind < GH_MCP_KINDS; kind++) {
            compare_kind(&self, (gh_mcp_kind)kind);
        }
        status = apply(&self, error);
    }
    if (status == GH_OK) {
        settle(&self);
    }
    free_slots(self.slots, tools->entry_count);
    free(self.old);
    gh_api_set_release(self.set);
    return status;
}

gh_status gh_api_load(gh_api *api, gh_toolset *set, gh_error *error)
{
    gh_error why = {GH_OK, ""};
    (void)pthread_mutex_lock(&api->lock);
    gh_status status = load_locked(api, set, &why);
    (void)pthread_mutex_unlock(&api->lock);
    if (status == GH_OK) {
        return GH_OK;
    }
    return gh_error_set(error, status == GH_ERR_NOMEM ? status : GH_ERR_INVALID, "%s",
                        why.message[0] != '\0' ? why.message : gh_status_text(status));
}
