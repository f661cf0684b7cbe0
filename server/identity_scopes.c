#include "server/identity_scopes.h"

#define SHOWN 4 /* titles on the consent page, for one scope */

static void list(void *context, gh_buf *out)
{
    const gh_identity *identity = context;
    if (identity->registry != NULL) {
        gh_mcp_catalog *catalog = gh_mcp_registry_catalog(identity->registry);
        gh_scope_unite(out, gh_mcp_catalog_scopes(catalog));
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
