#include "server/identity_scopes.h"

#define SHOWN 4 /* titles on the consent page, for one scope */

/* The list has each once, so only what is there before needs to be compared: anybody may ask for this. */
static void append_others(gh_buf *out, const char *scopes)
{
    size_t before = out->len;
    gh_view rest = gh_view_of(scopes);
    gh_view word;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        if (!gh_text_has_word(gh_view_make(out->data, before), word)) {
            (void)gh_buf_append_cstr(out, out->len > 0 ? " " : "");
            (void)gh_buf_append_view(out, word);
        }
    }
}

static void list(void *context, gh_buf *out)
{
    const gh_identity *identity = context;
    if (identity->registry != NULL) {
        gh_mcp_catalog *catalog = gh_mcp_registry_catalog(identity->registry);
        append_others(out, gh_mcp_catalog_scopes(catalog));
        gh_mcp_catalog_release(catalog);
    }
}

static void describe(void *context, gh_view scope, gh_buf *out)
{
    const gh_identity *identity = context;
    if (identity->registry != NULL) {
        gh_mcp_catalog *catalog = gh_mcp_registry_catalog(identity->registry);
        size_t found = gh_mcp_catalog_scope_uses(catalog, scope, SHOWN, out);
        if (found > SHOWN) {
            (void)gh_buf_appendf(out, " and %zu more", found - SHOWN);
        }
        gh_mcp_catalog_release(catalog);
    }
}

gh_oauth_scopes gh_identity_scopes(gh_identity *identity)
{
    return (gh_oauth_scopes){.context = identity, .list = list, .describe = describe};
}

gh_scope_table *gh_identity_scope_table(void *context)
{
    const gh_identity *identity = context;
    gh_scope_table *table = NULL;
    if (identity->registry != NULL) {
        gh_mcp_catalog *catalog = gh_mcp_registry_catalog(identity->registry);
        table = gh_mcp_catalog_scope_table(catalog);
        gh_mcp_catalog_release(catalog);
    }
    return table;
}
