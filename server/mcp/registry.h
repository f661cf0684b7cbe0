/* The registry: the tools, resources, templates and prompts that a server has, with parsed schemas. What is
 * there at one moment is a catalog: immutable, reference-counted, found without waiting. Adding and removing
 * makes a new catalog and tells whoever asked to be told. Thread-safe. */
#ifndef GH_SERVER_MCP_REGISTRY_H
#define GH_SERVER_MCP_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gatehouse/plugin.h"
#include "server/auth/scope_table.h"
#include "server/schema/schema.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/rpc/params.h"

typedef struct gh_mcp_registry gh_mcp_registry;

/* How GH_ERR_CONFLICT goes on behind the label and ": "; the label of the owner follows. */
#define GH_MCP_TAKEN "there is one of that name already, of "

typedef struct gh_mcp_catalog gh_mcp_catalog;

typedef enum gh_mcp_kind {
    GH_MCP_TOOLS,
    GH_MCP_RESOURCES,
    GH_MCP_TEMPLATES,
    GH_MCP_PROMPTS,
    GH_MCP_KINDS
} gh_mcp_kind;

#define GH_MCP_ITEMS_MAX 20000                          /* of one kind */
#define GH_MCP_ITEM_SCOPES_MAX 512                      /* bytes */
#define GH_MCP_SCOPES_MAX ((size_t)16 * 1024)           /* bytes of a list of all items' scopes */
#define GH_MCP_SCOPES_COUNT_MAX 1000                    /* in it; clients read documents with all of them */
#define GH_MCP_PAGE_BYTES_MAX ((size_t)8 * 1024 * 1024) /* a longer page is cut, whatever page_size says */

typedef struct gh_mcp_registry_options {
    size_t page_size; /* of lists; 0: all on one page */
    gh_view key;      /* 32 bytes that cursors are signed with; copied */
} gh_mcp_registry_options;

GH_MUST_USE gh_status gh_mcp_registry_new(const gh_mcp_registry_options *options, gh_mcp_registry **registry);
void gh_mcp_registry_free(gh_mcp_registry *registry); /* catalogs that are held live on */
/* `changed` is called after a new catalog took the place of the old, without a lock held, on the changing
 * thread. One only; before other threads use the registry. */
void gh_mcp_registry_watch(gh_mcp_registry *registry, void *context,
                           void (*changed)(void *context, gh_mcp_kind kind));

/* What is added or removed between begin and commit, by whatever thread, becomes visible at the commit, as
 * one change; adding costs linear time. Nested pairs count as the outermost. GH_ERR_INVALID for a commit
 * without its begin; GH_ERR_NOMEM leaves everything as it was before the begin. */
void gh_mcp_registry_begin(gh_mcp_registry *registry);
gh_status gh_mcp_registry_commit(gh_mcp_registry *registry);
/* The same, but what other threads want to change waits for the commit or rollback, so that these are about
 * this thread's changes only. Waits itself while a pair is open; not for a thread that has one open, and not
 * for changes that wait for another thread. */
void gh_mcp_registry_begin_alone(gh_mcp_registry *registry);
/* Instead of the commit: all is as it was before the (outermost) begin, nobody is told anything, and what was
 * added is released. Without begin_alone that is true of other threads' changes, too. */
void gh_mcp_registry_rollback(gh_mcp_registry *registry);

/* Whose an item is: only its owner may remove it. `label` ("hello.so") is copied, for the log.
 *
 * `release` (NULL for none) gets the item's `data` exactly once for every item that was offered with it,
 * whatever came of that: before gh_mcp_registry_add_... returns what is not GH_OK; otherwise when the item
 * was removed, or rolled back, or the registry freed, and the last catalog that has it and the last call of
 * its handlers have ended. It runs on whatever thread lets go last, maybe under the registry's lock: it must
 * not call the registry, and not block. */
typedef struct gh_mcp_owner {
    const void *who;
    const char *label;
    void (*release)(void *data);
} gh_mcp_owner;

/* Which scopes stand for others, from now on; NULL for none. A change like any other, of which nobody is
 * told: between begin and commit it takes effect together with the items. Holds the table. */
GH_MUST_USE gh_status gh_mcp_registry_set_scopes(gh_mcp_registry *registry, gh_scope_table *table);

/* The structs are of this server's size; everything but `data` is copied. GH_ERR_CONFLICT for a name that is
 * there; GH_ERR_INVALID, GH_ERR_PARSE, GH_ERR_TOO_LARGE or GH_ERR_UNSUPPORTED for what is not as
 * gatehouse/plugin.h says; the error is a sentence that begins with the item. A text may have 256 KiB. Icons'
 * `src` must be https: or data:, or http: of this machine. */
GH_MUST_USE gh_status gh_mcp_registry_add_tool(gh_mcp_registry *registry, gh_mcp_owner owner,
                                               const gatehouse_tool *tool, gh_error *error);
GH_MUST_USE gh_status gh_mcp_registry_add_resource(gh_mcp_registry *registry, gh_mcp_owner owner,
                                                   const gatehouse_resource *resource, gh_error *error);
GH_MUST_USE gh_status gh_mcp_registry_add_template(gh_mcp_registry *registry, gh_mcp_owner owner,
                                                   const gatehouse_resource_template *item, gh_error *error);
GH_MUST_USE gh_status gh_mcp_registry_add_prompt(gh_mcp_registry *registry, gh_mcp_owner owner,
                                                 const gatehouse_prompt *prompt, gh_error *error);
/* By name, URI or URI template. GH_ERR_NOT_FOUND when that owner has none. */
GH_MUST_USE gh_status gh_mcp_registry_remove(gh_mcp_registry *registry, gh_mcp_kind kind, const void *who,
                                             gh_view name);

/* --- a catalog --- */

gh_mcp_catalog *gh_mcp_registry_catalog(gh_mcp_registry *registry); /* held for the caller; never NULL */
gh_mcp_catalog *gh_mcp_catalog_hold(gh_mcp_catalog *catalog);
void gh_mcp_catalog_release(gh_mcp_catalog *catalog); /* NULL is fine */

/* --- scopes --- */

/* The table, with a reference for the caller; NULL for none. */
gh_scope_table *gh_mcp_catalog_scope_table(const gh_mcp_catalog *catalog);
/* Does anything of that kind need scopes? */
bool gh_mcp_catalog_scoped(const gh_mcp_catalog *catalog, gh_mcp_kind kind);
/* Does `granted` give what `scopes` (NULL for nothing) asks for, by the registry's table? */
bool gh_mcp_catalog_allows(const gh_mcp_catalog *catalog, const char *granted, const char *scopes);
/* All that the items need, each once, by kind and in the order of adding; "" for nothing. What goes beyond
 * GH_MCP_SCOPES_MAX or GH_MCP_SCOPES_COUNT_MAX is left out. It lives as long as the catalog; NULL when memory
 * lacks. */
const char *gh_mcp_catalog_scopes(const gh_mcp_catalog *catalog);
/* What `scope` is good for, for people: appends titles (or names) of up to `max` items that need it, or what
 * it stands for, in quotation marks, separated by ", ". Returns how many items there are. */
size_t gh_mcp_catalog_scope_uses(const gh_mcp_catalog *catalog, gh_view scope, size_t max, gh_buf *out);

/* Items live as long as a catalog with them is held. `label` is "Tool sayHello of hello.so". */
typedef struct gh_mcp_tool {
    gatehouse_tool item;
    const char *label;
    gh_schema *input;
    gh_schema *output; /* NULL for none */
    bool output_is_object;
    gh_mcp_param *params;
    size_t params_count;
} gh_mcp_tool;

typedef struct gh_mcp_resource {
    gatehouse_resource item;
    const char *label;
} gh_mcp_resource;

typedef struct gh_mcp_template {
    gatehouse_resource_template item;
    const char *label;
    const struct gh_uri_template *pattern;
} gh_mcp_template;

typedef struct gh_mcp_prompt_argument {
    const char *name;
    bool required;
} gh_mcp_prompt_argument;

typedef struct gh_mcp_prompt {
    gatehouse_prompt item;
    const char *label;
    gh_mcp_prompt_argument *arguments;
    size_t argument_count;
} gh_mcp_prompt;

/* NULL when there is none of that name or URI. */
const gh_mcp_tool *gh_mcp_catalog_tool(const gh_mcp_catalog *catalog, gh_view name);
const gh_mcp_prompt *gh_mcp_catalog_prompt(const gh_mcp_catalog *catalog, gh_view name);
const gh_mcp_resource *gh_mcp_catalog_resource(const gh_mcp_catalog *catalog, gh_view uri);
/* By the template itself, for completion. */
const gh_mcp_template *gh_mcp_catalog_template(const gh_mcp_catalog *catalog, gh_view uri_template);
/* The first template that `uri` matches, with its variables as a JSON object of strings appended to `out`. */
const gh_mcp_template *gh_mcp_catalog_match(const gh_mcp_catalog *catalog, gh_view uri, gh_buf *variables);
bool gh_mcp_template_has_variable(const gh_mcp_template *item, gh_view name);

/* There is one of that kind, or has been since the server started: the capability is declared. */
bool gh_mcp_catalog_has(const gh_mcp_catalog *catalog, gh_mcp_kind kind);
/* Something of that kind completes arguments. */
bool gh_mcp_catalog_completes(const gh_mcp_catalog *catalog);

/* Appends `"tools":[…]` and, when there is more, `,"nextCursor":"…"`. `cursor` is the raw JSON value that the
 * client sent, with its quotes; NULL ptr for the first page. GH_ERR_INVALID for a cursor that is no string,
 * not this server's, or of another list; then nothing is appended. `modern` decides what an era's clients can
 * read: before 2026-07-28 an output schema that is no object's is left out. */
GH_MUST_USE gh_status gh_mcp_catalog_list(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view cursor,
                                          bool modern, gh_buf *out);
/* The same without what `granted` does not allow; NULL: all is shown. */
GH_MUST_USE gh_status gh_mcp_catalog_list_for(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view cursor,
                                              bool modern, const char *granted, gh_buf *out);

#endif
