/* Lists: pages of a catalog (MCP, server/utilities/pagination). */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/cursor.h"
#include "server/mcp/registry_private.h"
#include "shared/json/slice.h"

static gh_view key_of(const gh_mcp_catalog *catalog)
{
    return gh_view_make((const char *)catalog->key, sizeof catalog->key);
}

/* For whom a list is, and what of it is shown. */
typedef struct audience {
    const gh_mcp_catalog *catalog;
    const char *granted; /* NULL: everything is shown */
    bool modern;
} audience;

static bool is_shown(const audience *to, const gh_mcp_item *item)
{
    return to->granted == NULL || gh_mcp_catalog_allows(to->catalog, to->granted, item->scopes);
}

/* The next item that is shown, from `at` on. */
static size_t skip_hidden(const audience *to, const gh_mcp_shelf *shelf, size_t at)
{
    while (at < shelf->count && !is_shown(to, shelf->items[at])) {
        at++;
    }
    return at;
}

/* --- a whole list on one page, joined once --- */

static bool fits_one_page(const gh_mcp_catalog *catalog, const gh_mcp_shelf *shelf, size_t version)
{
    return (catalog->page_size == 0 || shelf->count <= catalog->page_size) &&
           shelf->bytes[version] + shelf->count <= GH_MCP_PAGE_BYTES_MAX;
}

static gh_mcp_whole *join(const gh_mcp_shelf *shelf, bool modern)
{
    size_t bytes = shelf->bytes[modern ? 0 : 1] + shelf->count;
    gh_mcp_whole *whole = malloc(sizeof *whole + bytes);
    if (whole == NULL) {
        return NULL;
    }
    whole->len = 0;
    for (size_t i = 0; i < shelf->count; i++) {
        gh_view listing = gh_mcp_item_listing(shelf->items[i], modern);
        if (i > 0) {
            whole->text[whole->len++] = ',';
        }
        memcpy(whole->text + whole->len, listing.ptr, listing.len);
        whole->len += listing.len;
    }
    return whole;
}

/* NULL when memory lacks. Two threads may join at once; the first one's text stays. */
static const gh_mcp_whole *whole_of(gh_mcp_shelf *shelf, bool modern)
{
    bool same = modern || shelf->differing == 0;
    _Atomic(gh_mcp_whole *) *place = &shelf->whole[same ? 0 : 1];
    gh_mcp_whole *whole = atomic_load_explicit(place, memory_order_acquire);
    if (whole != NULL) {
        return whole;
    }
    gh_mcp_whole *fresh = join(shelf, same);
    if (fresh != NULL && !atomic_compare_exchange_strong_explicit(place, &whole, fresh, memory_order_acq_rel,
                                                                  memory_order_acquire)) {
        free(fresh);
        return whole;
    }
    return fresh;
}

/* --- pages --- */

/* From `first`, which is shown, until the page is full, with one item at least. Returns the next that would
 * be shown, and the last that is. */
static size_t write_items(const audience *to, const gh_mcp_shelf *shelf, size_t first, size_t *last,
                          gh_buf *out)
{
    size_t page_size = to->catalog->page_size;
    size_t bytes = 0;
    size_t at = first;
    for (size_t written = 0; at < shelf->count && (page_size == 0 || written < page_size); written++) {
        gh_view listing = gh_mcp_item_listing(shelf->items[at], to->modern);
        bytes += listing.len + 1;
        if (written > 0 && bytes > GH_MCP_PAGE_BYTES_MAX) {
            break;
        }
        (void)gh_buf_append_cstr(out, written == 0 ? "" : ",");
        (void)gh_buf_append_view(out, listing);
        *last = at;
        at = skip_hidden(to, shelf, at + 1);
    }
    return at;
}

static gh_status read_cursor(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view raw, size_t *first)
{
    char *text = NULL;
    uint64_t last = 0;
    gh_status status = gh_json_slice_string(raw, &text);
    if (status == GH_OK) {
        status = gh_mcp_cursor_read(key_of(catalog), (unsigned)kind, gh_view_of(text), &last);
    } else if (status != GH_ERR_NOMEM) {
        status = GH_ERR_INVALID;
    }
    if (status == GH_OK) {
        *first = gh_mcp_shelf_after(catalog->shelves[kind], last);
    }
    free(text);
    return status;
}

static gh_status write_page(const audience *to, gh_mcp_kind kind, size_t first, gh_buf *out)
{
    const gh_mcp_shelf *shelf = to->catalog->shelves[kind];
    size_t last = 0;
    size_t next = write_items(to, shelf, skip_hidden(to, shelf, first), &last, out);
    (void)gh_buf_append_char(out, ']');
    if (next == shelf->count) {
        return gh_buf_status(out);
    }
    (void)gh_buf_append_cstr(out, ",\"nextCursor\":\"");
    gh_status status =
        gh_mcp_cursor_write(key_of(to->catalog), (unsigned)kind, shelf->items[last]->number, out);
    (void)gh_buf_append_char(out, '"');
    return status == GH_OK ? gh_buf_status(out) : status;
}

gh_status gh_mcp_catalog_list(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view cursor, bool modern,
                              gh_buf *out)
{
    return gh_mcp_catalog_list_for(catalog, kind, cursor, modern, NULL, out);
}

gh_status gh_mcp_catalog_list_for(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view cursor,
                                  bool modern, const char *granted, gh_buf *out)
{
    gh_mcp_shelf *shelf = catalog->shelves[kind];
    const audience to = {catalog, shelf->scoped > 0 ? granted : NULL, modern};
    size_t first = 0;
    if (cursor.ptr != NULL) {
        gh_status status = read_cursor(catalog, kind, cursor, &first);
        if (status != GH_OK) {
            return status;
        }
    }
    (void)gh_buf_append_char(out, '"');
    (void)gh_buf_append_cstr(out, gh_mcp_item_form_of(kind)->plural);
    (void)gh_buf_append_cstr(out, "\":[");
    if (first == 0 && to.granted == NULL && fits_one_page(catalog, shelf, modern ? 0 : 1)) {
        const gh_mcp_whole *whole = whole_of(shelf, modern);
        if (whole == NULL) {
            return GH_ERR_NOMEM;
        }
        (void)gh_buf_append(out, whole->text, whole->len);
        return gh_buf_append_char(out, ']');
    }
    return write_page(&to, kind, first, out);
}
