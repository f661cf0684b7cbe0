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

/* One past the page's last item. A page has at least one. */
static size_t page_end(const gh_mcp_catalog *catalog, const gh_mcp_shelf *shelf, size_t first, bool modern)
{
    size_t bytes = 0;
    size_t at = first;
    while (at < shelf->count && (catalog->page_size == 0 || at - first < catalog->page_size)) {
        bytes += gh_mcp_item_listing(shelf->items[at], modern).len + 1;
        if (at > first && bytes > GH_MCP_PAGE_BYTES_MAX) {
            break;
        }
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

static void write_items(const gh_mcp_shelf *shelf, size_t first, size_t end, bool modern, gh_buf *out)
{
    for (size_t i = first; i < end; i++) {
        (void)gh_buf_append_cstr(out, i == first ? "" : ",");
        (void)gh_buf_append_view(out, gh_mcp_item_listing(shelf->items[i], modern));
    }
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

static gh_status write_page(const gh_mcp_catalog *catalog, gh_mcp_kind kind, size_t first, bool modern,
                            gh_buf *out)
{
    const gh_mcp_shelf *shelf = catalog->shelves[kind];
    size_t end = page_end(catalog, shelf, first, modern);
    write_items(shelf, first, end, modern, out);
    (void)gh_buf_append_char(out, ']');
    if (end == shelf->count) {
        return gh_buf_status(out);
    }
    (void)gh_buf_append_cstr(out, ",\"nextCursor\":\"");
    gh_status status =
        gh_mcp_cursor_write(key_of(catalog), (unsigned)kind, shelf->items[end - 1]->number, out);
    (void)gh_buf_append_char(out, '"');
    return status == GH_OK ? gh_buf_status(out) : status;
}

gh_status gh_mcp_catalog_list(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view cursor, bool modern,
                              gh_buf *out)
{
    gh_mcp_shelf *shelf = catalog->shelves[kind];
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
    if (first == 0 && fits_one_page(catalog, shelf, modern ? 0 : 1)) {
        const gh_mcp_whole *whole = whole_of(shelf, modern);
        if (whole == NULL) {
            return GH_ERR_NOMEM;
        }
        (void)gh_buf_append(out, whole->text, whole->len);
        return gh_buf_append_char(out, ']');
    }
    return write_page(catalog, kind, first, modern, out);
}
