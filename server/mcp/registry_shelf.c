#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"

#define SLOTS_MIN 16

/* FNV-1a from a random start, with the bits mixed once more. */
static uint64_t hash_of(uint64_t seed, gh_view name)
{
    uint64_t hash = 0xcbf29ce484222325U ^ seed;
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ (unsigned char)name.ptr[i]) * 0x100000001b3U;
    }
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93U;
    return hash ^ hash >> 32;
}

gh_mcp_shelf *gh_mcp_shelf_new(uint64_t seed)
{
    gh_mcp_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf != NULL) {
        atomic_init(&shelf->refs, 1);
        shelf->seed = seed;
    }
    return shelf;
}

gh_mcp_shelf *gh_mcp_shelf_hold(gh_mcp_shelf *shelf)
{
    (void)atomic_fetch_add_explicit(&shelf->refs, 1, memory_order_relaxed);
    return shelf;
}

void gh_mcp_shelf_release(gh_mcp_shelf *shelf)
{
    if (shelf == NULL || atomic_fetch_sub_explicit(&shelf->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < shelf->count; i++) {
        gh_mcp_item_release(shelf->items[i]);
    }
    free(shelf->items);
    free(shelf->slots);
    free(atomic_load_explicit(&shelf->whole[0], memory_order_relaxed));
    free(atomic_load_explicit(&shelf->whole[1], memory_order_relaxed));
    free(shelf);
}

/* --- the index by name --- */

/* The slot that holds `name`, or the empty one where it would be. There are slots. */
static size_t slot_of(const gh_mcp_shelf *shelf, uint64_t hash, gh_view name)
{
    size_t mask = shelf->slot_count - 1;
    size_t at = (size_t)hash & mask;
    while (shelf->slots[at] != NULL &&
           (shelf->slots[at]->hash != hash || !gh_view_eq(shelf->slots[at]->name, name))) {
        at = (at + 1) & mask;
    }
    return at;
}

gh_mcp_item *gh_mcp_shelf_find(const gh_mcp_shelf *shelf, gh_view name)
{
    return shelf->count == 0 ? NULL : shelf->slots[slot_of(shelf, hash_of(shelf->seed, name), name)];
}

static gh_status index_anew(gh_mcp_shelf *shelf, size_t slot_count)
{
    gh_mcp_item **slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) {
        return GH_ERR_NOMEM;
    }
    free(shelf->slots);
    shelf->slots = slots;
    shelf->slot_count = slot_count;
    for (size_t i = 0; i < shelf->count; i++) {
        slots[slot_of(shelf, shelf->items[i]->hash, shelf->items[i]->name)] = shelf->items[i];
    }
    return GH_OK;
}

/* Empties a slot and moves up those behind it that would not be found across the gap. */
static void empty_slot(gh_mcp_shelf *shelf, size_t gap)
{
    size_t mask = shelf->slot_count - 1;
    shelf->slots[gap] = NULL;
    for (size_t at = (gap + 1) & mask; shelf->slots[at] != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)shelf->slots[at]->hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            shelf->slots[gap] = shelf->slots[at];
            shelf->slots[at] = NULL;
            gap = at;
        }
    }
}

/* --- changes --- */

static gh_status make_room(gh_mcp_shelf *shelf)
{
    if (shelf->count == shelf->room) {
        size_t room = shelf->room == 0 ? SLOTS_MIN / 2 : 2 * shelf->room;
        gh_mcp_item **items = realloc(shelf->items, room * sizeof *items);
        if (items == NULL) {
            return GH_ERR_NOMEM;
        }
        shelf->items = items;
        shelf->room = room;
    }
    if (2 * (shelf->count + 1) > shelf->slot_count) {
        return index_anew(shelf, shelf->slot_count == 0 ? SLOTS_MIN : 2 * shelf->slot_count);
    }
    return GH_OK;
}

gh_mcp_shelf *gh_mcp_shelf_copy(const gh_mcp_shelf *shelf)
{
    gh_mcp_shelf *copy = gh_mcp_shelf_new(shelf->seed);
    if (copy == NULL) {
        return NULL;
    }
    copy->ever = shelf->ever;
    if (shelf->count == 0) {
        return copy;
    }
    copy->items = malloc((shelf->count + 1) * sizeof *copy->items);
    copy->slots = malloc(shelf->slot_count * sizeof *copy->slots);
    if (copy->items == NULL || copy->slots == NULL) {
        gh_mcp_shelf_release(copy);
        return NULL;
    }
    copy->room = shelf->count + 1;
    for (size_t i = 0; i < shelf->count; i++) {
        copy->items[i] = gh_mcp_item_hold(shelf->items[i]);
    }
    memcpy(copy->slots, shelf->slots, shelf->slot_count * sizeof *copy->slots);
    copy->count = shelf->count;
    copy->slot_count = shelf->slot_count;
    copy->completing = shelf->completing;
    copy->differing = shelf->differing;
    copy->scoped = shelf->scoped;
    memcpy(copy->bytes, shelf->bytes, sizeof copy->bytes);
    return copy;
}

gh_status gh_mcp_shelf_add(gh_mcp_shelf *shelf, gh_mcp_item *item)
{
    gh_status status = make_room(shelf);
    if (status != GH_OK) {
        return status;
    }
    item->hash = hash_of(shelf->seed, item->name);
    shelf->slots[slot_of(shelf, item->hash, item->name)] = item;
    shelf->items[shelf->count++] = gh_mcp_item_hold(item);
    shelf->completing += item->completes ? 1 : 0;
    shelf->differing += item->legacy.len > 0 ? 1 : 0;
    shelf->scoped += item->scopes != NULL ? 1 : 0;
    shelf->bytes[0] += gh_mcp_item_listing(item, true).len;
    shelf->bytes[1] += gh_mcp_item_listing(item, false).len;
    shelf->ever = true;
    return GH_OK;
}

void gh_mcp_shelf_remove(gh_mcp_shelf *shelf, gh_mcp_item *item)
{
    size_t place = gh_mcp_shelf_after(shelf, item->number) - 1;
    empty_slot(shelf, slot_of(shelf, item->hash, item->name));
    memmove(&shelf->items[place], &shelf->items[place + 1],
            (shelf->count - place - 1) * sizeof *shelf->items);
    shelf->count--;
    shelf->completing -= item->completes ? 1 : 0;
    shelf->differing -= item->legacy.len > 0 ? 1 : 0;
    shelf->scoped -= item->scopes != NULL ? 1 : 0;
    shelf->bytes[0] -= gh_mcp_item_listing(item, true).len;
    shelf->bytes[1] -= gh_mcp_item_listing(item, false).len;
    gh_mcp_item_release(item);
}

size_t gh_mcp_shelf_after(const gh_mcp_shelf *shelf, uint64_t number)
{
    size_t low = 0;
    size_t high = shelf->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shelf->items[middle]->number <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}
