#include "server/openapi/yaml_keys.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN 100 /* bytes of a key in a message */

bool gh_yaml_keys_add(gh_yaml_keys *keys, size_t offset, size_t len, size_t line)
{
    if (keys->count == keys->room) {
        size_t room = keys->room == 0 ? 64 : keys->room * 2;
        struct gh_yaml_key *grown = realloc(keys->items, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        keys->items = grown;
        keys->room = room;
    }
    keys->items[keys->count++] = (struct gh_yaml_key){NULL, offset, len, line};
    return true;
}

static int by_text(const void *left, const void *right)
{
    const struct gh_yaml_key *a = left;
    const struct gh_yaml_key *b = right;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    if (order == 0) {
        order = (a->len > b->len) - (a->len < b->len);
    }
    return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

gh_status gh_yaml_keys_check(gh_yaml_keys *keys, size_t first, const gh_buf *text, gh_error *error)
{
    size_t count = keys->count - first;
    gh_status status = GH_OK;
    if (count == 0) {
        return GH_OK;
    }
    struct gh_yaml_key *own = keys->items + first;
    for (size_t i = 0; i < count; i++) {
        own[i].text = text->data + own[i].offset;
    }
    qsort(own, count, sizeof *own, by_text);
    for (size_t i = 1; i < count && status == GH_OK; i++) {
        if (own[i].len == own[i - 1].len && memcmp(own[i].text, own[i - 1].text, own[i].len) == 0) {
            status =
                gh_error_set(error, GH_ERR_PARSE, "line %zu: %.*s is there already, on line %zu", own[i].line,
                             (int)(own[i].len < SHOWN ? own[i].len : SHOWN), own[i].text, own[i - 1].line);
        }
    }
    keys->count = first;
    return status;
}
