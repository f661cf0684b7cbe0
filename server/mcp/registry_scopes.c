/* What a catalog's items need of a token. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"

gh_scope_table *gh_mcp_catalog_scope_table(const gh_mcp_catalog *catalog)
{
    return gh_scope_table_hold(catalog->scopes);
}

bool gh_mcp_catalog_scoped(const gh_mcp_catalog *catalog, gh_mcp_kind kind)
{
    return catalog->shelves[kind]->scoped > 0;
}

bool gh_mcp_catalog_allows(const gh_mcp_catalog *catalog, const char *granted, const char *scopes)
{
    return scopes == NULL || gh_scope_covers(catalog->scopes, granted, scopes);
}

/* --- all of them --- */

static size_t count_words(gh_view text)
{
    size_t words = text.len > 0 ? 1 : 0;
    for (size_t i = 1; i < text.len; i++) {
        words += text.ptr[i] == ' ' ? 1 : 0;
    }
    return words;
}

static void unite_shelf(const gh_mcp_shelf *shelf, size_t *words, gh_buf *out)
{
    for (size_t i = 0; shelf->scoped > 0 && i < shelf->count; i++) {
        const char *scopes = shelf->items[i]->scopes;
        if (scopes != NULL && out->len + strlen(scopes) < GH_MCP_SCOPES_MAX &&
            *words + count_words(gh_view_of(scopes)) <= GH_MCP_SCOPES_COUNT_MAX) {
            size_t before = out->len;
            gh_scope_unite(out, scopes);
            *words += count_words(gh_view_make(out->data + before, out->len - before));
        }
    }
}

static char *unite_all(const gh_mcp_catalog *catalog)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_SCOPES_MAX + 1);
    size_t words = 0;
    (void)gh_buf_reserve(&out, 1);
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        unite_shelf(catalog->shelves[i], &words, &out);
    }
    char *text = gh_buf_steal(&out);
    gh_buf_free(&out);
    return text;
}

/* Two threads may write it at once; the first one's text stays. */
const char *gh_mcp_catalog_scopes(const gh_mcp_catalog *catalog)
{
    /* The catalog is immutable but for this. */
    _Atomic(char *) *place = (_Atomic(char *) *)(uintptr_t)&catalog->all_scopes;
    char *there = atomic_load_explicit(place, memory_order_acquire);
    if (there != NULL) {
        return there;
    }
    char *fresh = unite_all(catalog);
    if (fresh != NULL && !atomic_compare_exchange_strong_explicit(place, &there, fresh, memory_order_acq_rel,
                                                                  memory_order_acquire)) {
        free(fresh);
        return there;
    }
    return fresh;
}

/* --- for people --- */

/* Around titles, which may hold commas and words that would read on from the page's own. */
#define OPENING "\xe2\x80\x9c"
#define CLOSING "\xe2\x80\x9d"

static gh_view title_of(const gh_mcp_item *item)
{
    const char *title = NULL;
    const char *name = NULL;
    switch (item->kind) {
    case GH_MCP_TOOLS:
        title = item->as.tool.item.title;
        break;
    case GH_MCP_RESOURCES:
        title = item->as.resource.item.title;
        name = item->as.resource.item.name;
        break;
    case GH_MCP_TEMPLATES:
        title = item->as.uri_template.item.title;
        name = item->as.uri_template.item.name;
        break;
    case GH_MCP_PROMPTS:
        title = item->as.prompt.item.title;
        break;
    case GH_MCP_KINDS:
        break;
    }
    if (title != NULL && title[0] != '\0') {
        return gh_view_of(title);
    }
    return name != NULL ? gh_view_of(name) : item->name;
}

size_t gh_mcp_catalog_scope_uses(const gh_mcp_catalog *catalog, gh_view scope, size_t max, gh_buf *out)
{
    size_t found = 0;
    for (size_t kind = 0; kind < GH_MCP_KINDS; kind++) {
        const gh_mcp_shelf *shelf = catalog->shelves[kind];
        for (size_t i = 0; shelf->scoped > 0 && i < shelf->count; i++) {
            const gh_mcp_item *item = shelf->items[i];
            if (item->scopes == NULL || !gh_scope_opens(catalog->scopes, scope, item->scopes)) {
                continue;
            }
            if (found++ < max) {
                (void)gh_buf_append_cstr(out, found > 1 ? ", " OPENING : OPENING);
                (void)gh_buf_append_view(out, title_of(item));
                (void)gh_buf_append_cstr(out, CLOSING);
            }
        }
    }
    return found;
}
