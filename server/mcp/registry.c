#include "server/mcp/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"

struct gh_mcp_registry {
    size_t page_size;
    unsigned char key[32];
    void *context;
    void (*changed)(void *context, gh_mcp_kind kind);
    pthread_mutex_t change;             /* for who changes it: guards what follows */
    pthread_cond_t closed;              /* the last pair of begin and commit */
    gh_mcp_shelf *drafts[GH_MCP_KINDS]; /* changed shelves that are not in a catalog yet; NULL for none */
    gh_scope_table *scopes_draft;       /* the next catalog's, when it is to be another */
    bool scopes_changed;
    size_t depth; /* of begin */
    bool alone;   /* only `by` may change it */
    pthread_t by;
    uint64_t number;      /* of the item added last */
    pthread_mutex_t lock; /* guards `current`; taken under `change` or alone, and briefly */
    gh_mcp_catalog *current;
};

static gh_mcp_catalog *empty_catalog(const gh_mcp_registry *registry, uint64_t seed)
{
    gh_mcp_shelf *shelves[GH_MCP_KINDS] = {NULL};
    gh_mcp_catalog *catalog = NULL;
    bool whole = true;
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        shelves[i] = gh_mcp_shelf_new(seed);
        whole = whole && shelves[i] != NULL;
    }
    if (whole) {
        catalog = gh_mcp_catalog_new(shelves, NULL, registry->page_size, registry->key);
    }
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        gh_mcp_shelf_release(shelves[i]);
    }
    return catalog;
}

gh_status gh_mcp_registry_new(const gh_mcp_registry_options *options, gh_mcp_registry **registry)
{
    uint64_t seed = 0;
    gh_mcp_registry *fresh = NULL;
    gh_status status = gh_random_bytes(&seed, sizeof seed);
    if (status != GH_OK) {
        return status;
    }
    if (options->key.len != sizeof fresh->key) {
        return GH_ERR_INVALID;
    }
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return GH_ERR_NOMEM;
    }
    fresh->page_size = options->page_size;
    memcpy(fresh->key, options->key.ptr, sizeof fresh->key);
    (void)pthread_mutex_init(&fresh->change, NULL);
    (void)pthread_cond_init(&fresh->closed, NULL);
    (void)pthread_mutex_init(&fresh->lock, NULL);
    fresh->current = empty_catalog(fresh, seed);
    if (fresh->current == NULL) {
        gh_mcp_registry_free(fresh);
        return GH_ERR_NOMEM;
    }
    *registry = fresh;
    return GH_OK;
}

static void drop_drafts(gh_mcp_registry *registry)
{
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        gh_mcp_shelf_release(registry->drafts[i]);
        registry->drafts[i] = NULL;
    }
    gh_scope_table_release(registry->scopes_draft);
    registry->scopes_draft = NULL;
    registry->scopes_changed = false;
}

void gh_mcp_registry_free(gh_mcp_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    drop_drafts(registry);
    gh_mcp_catalog_release(registry->current);
    (void)pthread_cond_destroy(&registry->closed);
    (void)pthread_mutex_destroy(&registry->change);
    (void)pthread_mutex_destroy(&registry->lock);
    gh_wipe(registry->key, sizeof registry->key);
    free(registry);
}

void gh_mcp_registry_watch(gh_mcp_registry *registry, void *context,
                           void (*changed)(void *context, gh_mcp_kind kind))
{
    registry->context = context;
    registry->changed = changed;
}

gh_mcp_catalog *gh_mcp_registry_catalog(gh_mcp_registry *registry)
{
    (void)pthread_mutex_lock(&registry->lock);
    gh_mcp_catalog *catalog = gh_mcp_catalog_hold(registry->current);
    (void)pthread_mutex_unlock(&registry->lock);
    return catalog;
}

/* --- changes; the functions that end in _locked are called with `change` held --- */

/* Takes `change`, when it is this thread's turn. */
static void lock_changes(gh_mcp_registry *registry)
{
    (void)pthread_mutex_lock(&registry->change);
    while (registry->alone && !pthread_equal(registry->by, pthread_self())) {
        (void)pthread_cond_wait(&registry->closed, &registry->change);
    }
}

static void unlock_changes(gh_mcp_registry *registry)
{
    (void)pthread_mutex_unlock(&registry->change);
}

/* Puts the drafts into a new catalog. `told` says which kinds changed. */
static gh_status publish_locked(gh_mcp_registry *registry, bool told[GH_MCP_KINDS])
{
    gh_mcp_shelf *shelves[GH_MCP_KINDS];
    bool any = registry->scopes_changed;
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        told[i] = registry->drafts[i] != NULL;
        any = any || told[i];
        shelves[i] = told[i] ? registry->drafts[i] : registry->current->shelves[i];
    }
    if (!any) {
        return GH_OK;
    }
    gh_scope_table *scopes = registry->scopes_changed ? registry->scopes_draft : registry->current->scopes;
    gh_mcp_catalog *fresh = gh_mcp_catalog_new(shelves, scopes, registry->page_size, registry->key);
    drop_drafts(registry);
    if (fresh == NULL) {
        memset(told, 0, GH_MCP_KINDS * sizeof *told);
        return GH_ERR_NOMEM;
    }
    (void)pthread_mutex_lock(&registry->lock);
    gh_mcp_catalog *old = registry->current;
    registry->current = fresh;
    (void)pthread_mutex_unlock(&registry->lock);
    gh_mcp_catalog_release(old);
    return GH_OK;
}

static void tell(const gh_mcp_registry *registry, const bool told[GH_MCP_KINDS])
{
    for (size_t i = 0; i < GH_MCP_KINDS && registry->changed != NULL; i++) {
        if (told[i]) {
            registry->changed(registry->context, (gh_mcp_kind)i);
        }
    }
}

/* A change by itself is published at once; one that failed leaves nothing behind. */
static gh_status settle_locked(gh_mcp_registry *registry, gh_status status, bool told[GH_MCP_KINDS])
{
    if (registry->depth > 0) {
        return status;
    }
    if (status != GH_OK) {
        drop_drafts(registry);
        return status;
    }
    return publish_locked(registry, told);
}

void gh_mcp_registry_begin(gh_mcp_registry *registry)
{
    lock_changes(registry);
    registry->depth++;
    unlock_changes(registry);
}

void gh_mcp_registry_begin_alone(gh_mcp_registry *registry)
{
    (void)pthread_mutex_lock(&registry->change);
    while (registry->depth > 0) {
        (void)pthread_cond_wait(&registry->closed, &registry->change);
    }
    registry->depth = 1;
    registry->alone = true;
    registry->by = pthread_self();
    unlock_changes(registry);
}

/* True when that was the outermost pair. There is one. */
static bool close_pair_locked(gh_mcp_registry *registry)
{
    if (--registry->depth > 0) {
        return false;
    }
    registry->alone = false;
    (void)pthread_cond_broadcast(&registry->closed);
    return true;
}

gh_status gh_mcp_registry_commit(gh_mcp_registry *registry)
{
    bool told[GH_MCP_KINDS] = {false};
    gh_status status = GH_OK;
    lock_changes(registry);
    if (registry->depth == 0) {
        status = GH_ERR_INVALID;
    } else if (close_pair_locked(registry)) {
        status = publish_locked(registry, told);
    }
    unlock_changes(registry);
    tell(registry, told);
    return status;
}

void gh_mcp_registry_rollback(gh_mcp_registry *registry)
{
    lock_changes(registry);
    if (registry->depth > 0) {
        drop_drafts(registry);
        (void)close_pair_locked(registry);
    }
    unlock_changes(registry);
}

gh_status gh_mcp_registry_set_scopes(gh_mcp_registry *registry, gh_scope_table *table)
{
    bool told[GH_MCP_KINDS] = {false};
    lock_changes(registry);
    gh_scope_table_release(registry->scopes_draft);
    registry->scopes_draft = gh_scope_table_hold(table);
    registry->scopes_changed = true;
    gh_status status = settle_locked(registry, GH_OK, told);
    unlock_changes(registry);
    return status;
}

static const gh_mcp_shelf *shelf_locked(const gh_mcp_registry *registry, gh_mcp_kind kind)
{
    return registry->drafts[kind] != NULL ? registry->drafts[kind] : registry->current->shelves[kind];
}

static gh_mcp_shelf *draft_locked(gh_mcp_registry *registry, gh_mcp_kind kind)
{
    if (registry->drafts[kind] == NULL) {
        registry->drafts[kind] = gh_mcp_shelf_copy(registry->current->shelves[kind]);
    }
    return registry->drafts[kind];
}

static gh_status insert_locked(gh_mcp_registry *registry, gh_mcp_item *item, gh_error *error)
{
    const gh_mcp_shelf *shelf = shelf_locked(registry, item->kind);
    const gh_mcp_item *there = gh_mcp_shelf_find(shelf, item->name);
    if (there != NULL) {
        return gh_error_set(error, GH_ERR_CONFLICT, "%s: " GH_MCP_TAKEN "%s", item->label,
                            there->owner != NULL ? there->owner : "nobody");
    }
    if (shelf->count >= GH_MCP_ITEMS_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "%s: there are %d %s already", item->label,
                            GH_MCP_ITEMS_MAX, gh_mcp_item_form_of(item->kind)->plural);
    }
    gh_mcp_shelf *draft = draft_locked(registry, item->kind);
    if (draft == NULL) {
        return GH_ERR_NOMEM;
    }
    item->number = registry->number + 1;
    gh_status status = gh_mcp_shelf_add(draft, item);
    if (status == GH_OK) {
        registry->number++;
    }
    return status;
}

/* The slow part, reading schemas and the like, is over before the lock is taken. */
static gh_status add(gh_mcp_registry *registry, gh_mcp_kind kind, gh_mcp_owner owner, const void *source,
                     gh_error *error)
{
    bool told[GH_MCP_KINDS] = {false};
    gh_mcp_item *item = NULL;
    gh_status status = gh_mcp_item_new(kind, owner, source, &item, error);
    if (status != GH_OK) {
        return status;
    }
    lock_changes(registry);
    status = insert_locked(registry, item, error);
    status = settle_locked(registry, status, told);
    unlock_changes(registry);
    if (status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, status, "%s: out of memory", item->label);
    } else if (status == GH_OK) {
        gh_mcp_item_advise(item);
    }
    gh_mcp_item_release(item);
    tell(registry, told);
    return status;
}

gh_status gh_mcp_registry_add_tool(gh_mcp_registry *registry, gh_mcp_owner owner, const gatehouse_tool *tool,
                                   gh_error *error)
{
    return add(registry, GH_MCP_TOOLS, owner, tool, error);
}

gh_status gh_mcp_registry_add_resource(gh_mcp_registry *registry, gh_mcp_owner owner,
                                       const gatehouse_resource *resource, gh_error *error)
{
    return add(registry, GH_MCP_RESOURCES, owner, resource, error);
}

gh_status gh_mcp_registry_add_template(gh_mcp_registry *registry, gh_mcp_owner owner,
                                       const gatehouse_resource_template *item, gh_error *error)
{
    return add(registry, GH_MCP_TEMPLATES, owner, item, error);
}

gh_status gh_mcp_registry_add_prompt(gh_mcp_registry *registry, gh_mcp_owner owner,
                                     const gatehouse_prompt *prompt, gh_error *error)
{
    return add(registry, GH_MCP_PROMPTS, owner, prompt, error);
}

static gh_status remove_locked(gh_mcp_registry *registry, gh_mcp_kind kind, const void *who, gh_view name)
{
    gh_mcp_item *item = gh_mcp_shelf_find(shelf_locked(registry, kind), name);
    if (item == NULL || item->who != who) {
        return GH_ERR_NOT_FOUND;
    }
    gh_mcp_shelf *draft = draft_locked(registry, kind);
    if (draft == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_mcp_shelf_remove(draft, item);
    return GH_OK;
}

gh_status gh_mcp_registry_remove(gh_mcp_registry *registry, gh_mcp_kind kind, const void *who, gh_view name)
{
    bool told[GH_MCP_KINDS] = {false};
    lock_changes(registry);
    gh_status status = remove_locked(registry, kind, who, name);
    status = settle_locked(registry, status, told);
    unlock_changes(registry);
    tell(registry, told);
    return status;
}
