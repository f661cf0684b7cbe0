/* Catalogs: what a registry holds at one moment, and finding things there. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/core/secret.h"

gh_mcp_catalog *gh_mcp_catalog_new(gh_mcp_shelf *const shelves[GH_MCP_KINDS], gh_scope_table *scopes,
                                   size_t page_size, const unsigned char key[32])
{
    gh_mcp_catalog *catalog = calloc(1, sizeof *catalog);
    if (catalog != NULL) {
        atomic_init(&catalog->refs, 1);
        for (size_t i = 0; i < GH_MCP_KINDS; i++) {
            catalog->shelves[i] = gh_mcp_shelf_hold(shelves[i]);
        }
        catalog->scopes = gh_scope_table_hold(scopes);
        atomic_init(&catalog->all_scopes, NULL);
        catalog->page_size = page_size;
        memcpy(catalog->key, key, sizeof catalog->key);
    }
    return catalog;
}

gh_mcp_catalog *gh_mcp_catalog_hold(gh_mcp_catalog *catalog)
{
    (void)atomic_fetch_add_explicit(&catalog->refs, 1, memory_order_relaxed);
    return catalog;
}

void gh_mcp_catalog_release(gh_mcp_catalog *catalog)
{
    if (catalog == NULL || atomic_fetch_sub_explicit(&catalog->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        gh_mcp_shelf_release(catalog->shelves[i]);
    }
    gh_scope_table_release(catalog->scopes);
    free(atomic_load_explicit(&catalog->all_scopes, memory_order_relaxed));
    gh_wipe(catalog->key, sizeof catalog->key);
    free(catalog);
}

/* --- finding --- */

const gh_mcp_tool *gh_mcp_catalog_tool(const gh_mcp_catalog *catalog, gh_view name)
{
    const gh_mcp_item *item = gh_mcp_shelf_find(catalog->shelves[GH_MCP_TOOLS], name);
    return item == NULL ? NULL : &item->as.tool;
}

const gh_mcp_prompt *gh_mcp_catalog_prompt(const gh_mcp_catalog *catalog, gh_view name)
{
    const gh_mcp_item *item = gh_mcp_shelf_find(catalog->shelves[GH_MCP_PROMPTS], name);
    return item == NULL ? NULL : &item->as.prompt;
}

const gh_mcp_resource *gh_mcp_catalog_resource(const gh_mcp_catalog *catalog, gh_view uri)
{
    const gh_mcp_item *item = gh_mcp_shelf_find(catalog->shelves[GH_MCP_RESOURCES], uri);
    return item == NULL ? NULL : &item->as.resource;
}

const gh_mcp_template *gh_mcp_catalog_template(const gh_mcp_catalog *catalog, gh_view uri_template)
{
    const gh_mcp_item *item = gh_mcp_shelf_find(catalog->shelves[GH_MCP_TEMPLATES], uri_template);
    return item == NULL ? NULL : &item->as.uri_template;
}

const gh_mcp_template *gh_mcp_catalog_match(const gh_mcp_catalog *catalog, gh_view uri, gh_buf *variables)
{
    const gh_mcp_shelf *shelf = catalog->shelves[GH_MCP_TEMPLATES];
    for (size_t i = 0; i < shelf->count; i++) {
        const gh_mcp_item *item = shelf->items[i];
        gh_status status = gh_uri_template_match(item->pattern, uri, variables);
        if (status == GH_OK) {
            return &item->as.uri_template;
        }
        if (status != GH_ERR_NOT_FOUND) {
            /* Memory lacks: a later template must not answer for this one. */
            return NULL;
        }
    }
    return NULL;
}

bool gh_mcp_template_has_variable(const gh_mcp_template *item, gh_view name)
{
    return gh_uri_template_has(item->pattern, name);
}

bool gh_mcp_catalog_has(const gh_mcp_catalog *catalog, gh_mcp_kind kind)
{
    return catalog->shelves[kind]->ever;
}

bool gh_mcp_catalog_completes(const gh_mcp_catalog *catalog)
{
    return catalog->shelves[GH_MCP_TEMPLATES]->completing > 0 ||
           catalog->shelves[GH_MCP_PROMPTS]->completing > 0;
}
