/* The parts of the registry: items, shelves (all items of one kind) and how a list shows them. An item and a
 * shelf are immutable once a catalog has them, and reference-counted, so that a new catalog shares what did
 * not change with the old. */
#ifndef GH_SERVER_MCP_REGISTRY_PRIVATE_H
#define GH_SERVER_MCP_REGISTRY_PRIVATE_H

#include <stdatomic.h>

#include "server/mcp/registry.h"
#include "server/mcp/uri_template.h"

#define GH_MCP_TEXT_MAX ((size_t)256 * 1024)     /* of one member of an item */
#define GH_MCP_LISTING_MAX ((size_t)1024 * 1024) /* of one item in a list */
#define GH_MCP_ITEM_TEXTS_MAX 12

typedef struct gh_mcp_item {
    atomic_size_t refs;
    gh_mcp_kind kind;
    uint64_t number; /* grows in the order of adding, over all kinds */
    uint64_t hash;   /* of the name */
    const void *who;
    void (*release)(void *data); /* NULL for none */
    const char *scopes;          /* that a call needs; NULL for none */
    gh_view name;                /* or URI, or URI template */
    bool completes;              /* has a handler for it */
    char *texts[GH_MCP_ITEM_TEXTS_MAX];
    size_t text_count;
    char *label;
    char *owner;              /* who brought it, for people; NULL for none */
    gh_buf listing;           /* as lists show it, one JSON object */
    gh_buf legacy;            /* to clients before 2026-07-28; empty when it is the same */
    gh_uri_template *pattern; /* of a template */
    cJSON *arguments;         /* of a prompt, parsed */
    union {
        gh_mcp_tool tool;
        gh_mcp_resource resource;
        gh_mcp_template uri_template;
        gh_mcp_prompt prompt;
    } as;
} gh_mcp_item;

/* registry_item.c. `source` is the gatehouse_... struct of that kind, whose data is released after a failure,
 * too. */
GH_MUST_USE gh_status gh_mcp_item_new(gh_mcp_kind kind, gh_mcp_owner owner, const void *source,
                                      gh_mcp_item **item, gh_error *error);
gh_mcp_item *gh_mcp_item_hold(gh_mcp_item *item);
void gh_mcp_item_release(gh_mcp_item *item); /* NULL is fine */
gh_view gh_mcp_item_listing(const gh_mcp_item *item, bool modern);

/* registry_form.c: the members of an item that are text, in the order in which lists show them. */
typedef struct gh_mcp_text_form {
    const char *name;   /* of the struct's member */
    const char *member; /* of the JSON object; NULL when lists do not show it */
    size_t offset;
    bool needed;
    bool json; /* written as it is, without white space; else as a string */
    gh_status (*check)(const char *text, gh_error *error); /* NULL: any text will do */
} gh_mcp_text_form;

typedef struct gh_mcp_item_form {
    const char *title;  /* "Resource template" */
    const char *plural; /* the list's member */
    size_t size;        /* of the struct */
    size_t handler;     /* offset of the handler that is needed */
    const char *handler_name;
    size_t data;   /* offset */
    size_t scopes; /* offset */
    size_t flags;  /* offset */
    uint32_t known_flags;
    const gh_mcp_text_form *texts; /* the first one is what the item is found by */
    size_t text_count;
} gh_mcp_item_form;

const gh_mcp_item_form *gh_mcp_item_form_of(gh_mcp_kind kind);

/* registry_check.c: the members of items. Each says what is wrong without the item's name. */
gh_status gh_mcp_check_tool_name(const char *text, gh_error *error);
gh_status gh_mcp_check_name(const char *text, gh_error *error);
gh_status gh_mcp_check_key(const char *text, gh_error *error);
gh_status gh_mcp_check_uri(const char *text, gh_error *error);
gh_status gh_mcp_check_template(const char *text, gh_error *error);
gh_status gh_mcp_check_mime_type(const char *text, gh_error *error);
gh_status gh_mcp_check_json(const char *text, gh_error *error);
gh_status gh_mcp_check_meta(const char *text, gh_error *error);
gh_status gh_mcp_check_icons(const char *text, gh_error *error);
gh_status gh_mcp_check_hints(const char *text, gh_error *error);       /* a tool's annotations */
gh_status gh_mcp_check_annotations(const char *text, gh_error *error); /* a resource's */
gh_status gh_mcp_check_arguments(const char *text, gh_error *error);   /* a prompt's */
gh_status gh_mcp_check_capabilities(const char *text, gh_error *error);
gh_status gh_mcp_check_scopes(const char *text, gh_error *error);

/* registry_advice.c: warns in the log of what is allowed but can hardly be meant. */
void gh_mcp_item_advise(const gh_mcp_item *item);

/* registry_shelf.c. A shelf that nobody else has seen may be changed; it is owned like any other. */
typedef struct gh_mcp_shelf {
    atomic_size_t refs;
    gh_mcp_item **items; /* by number, which is the order of lists */
    size_t count;
    size_t room;
    gh_mcp_item **slots; /* the same by name: open addressing, at most half full */
    size_t slot_count;   /* a power of two, or 0 */
    uint64_t seed;       /* of hashes: names may be strangers' */
    size_t completing;   /* items that complete arguments */
    size_t differing;    /* items that are shown differently before 2026-07-28 */
    size_t scoped;       /* items that need scopes */
    size_t bytes[2];     /* of all listings: modern, legacy */
    bool ever;           /* there is an item, or has been */
    _Atomic(struct gh_mcp_whole *) whole[2];
} gh_mcp_shelf;

/* All items of a shelf, separated by commas. */
typedef struct gh_mcp_whole {
    size_t len;
    char text[];
} gh_mcp_whole;

gh_mcp_shelf *gh_mcp_shelf_new(uint64_t seed);
gh_mcp_shelf *gh_mcp_shelf_copy(const gh_mcp_shelf *shelf); /* NULL when memory lacks */
gh_mcp_shelf *gh_mcp_shelf_hold(gh_mcp_shelf *shelf);
void gh_mcp_shelf_release(gh_mcp_shelf *shelf); /* NULL is fine */
gh_mcp_item *gh_mcp_shelf_find(const gh_mcp_shelf *shelf, gh_view name);
/* The shelf has none of that name. Holds the item, whose number is higher than all others'. */
GH_MUST_USE gh_status gh_mcp_shelf_add(gh_mcp_shelf *shelf, gh_mcp_item *item);
/* `item` is on the shelf. */
void gh_mcp_shelf_remove(gh_mcp_shelf *shelf, gh_mcp_item *item);
/* Index of the first item with a number above `number`. */
size_t gh_mcp_shelf_after(const gh_mcp_shelf *shelf, uint64_t number);

/* registry_catalog.c */
struct gh_mcp_catalog {
    atomic_size_t refs;
    gh_mcp_shelf *shelves[GH_MCP_KINDS];
    gh_scope_table *scopes;     /* held; NULL for none */
    _Atomic(char *) all_scopes; /* of the items, once somebody has asked */
    size_t page_size;
    unsigned char key[32];
};
/* Holds the shelves and the table, which may be NULL. NULL when memory lacks. */
gh_mcp_catalog *gh_mcp_catalog_new(gh_mcp_shelf *const shelves[GH_MCP_KINDS], gh_scope_table *scopes,
                                   size_t page_size, const unsigned char key[32]);

#endif
