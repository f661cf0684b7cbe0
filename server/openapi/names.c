/* Names that are legal, and each used once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"

static const char LEGAL[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

char *gh_openapi_legal(const char *text, size_t max)
{
    char *made = calloc(1, max + 8);
    size_t len = 0;
    for (const char *at = text; made != NULL && *at != '\0' && len < max; at++) {
        bool legal = strchr(LEGAL, *at) != NULL;
        /* one '_' for a run of what is not legal, and none in front */
        if (legal || (len > 0 && made[len - 1] != '_')) {
            made[len++] = (char)(legal ? *at : '_');
        }
    }
    while (made != NULL && len > 1 && made[len - 1] == '_' && strchr(LEGAL, text[strlen(text) - 1]) == NULL) {
        made[--len] = '\0';
    }
    if (made != NULL && len == 0) {
        (void)snprintf(made, max + 8, "value");
    }
    return made;
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U;
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    }
    return hash;
}

bool gh_openapi_has_name(const gh_openapi_names *names, const char *text)
{
    uint32_t hash = hash_of(text);
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].hash == hash && strcmp(names->items[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool make_room(gh_openapi_names *names)
{
    if (names->count < names->room) {
        return true;
    }
    size_t room = names->room == 0 ? 16 : names->room * 2;
    struct gh_openapi_name *grown = realloc(names->items, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    names->items = grown;
    names->room = room;
    return true;
}

const char *gh_openapi_unique(gh_openapi_names *names, char *wanted)
{
    char *text = wanted;
    if (wanted == NULL || !make_room(names)) {
        free(wanted);
        return NULL;
    }
    for (unsigned i = 2; gh_openapi_has_name(names, text); i++) {
        size_t size = strlen(wanted) + 16;
        char *next = calloc(1, size);
        if (text != wanted) {
            free(text);
        }
        if (next == NULL) {
            free(wanted);
            return NULL;
        }
        (void)snprintf(next, size, "%s_%u", wanted, i);
        text = next;
    }
    if (text != wanted) {
        free(wanted);
    }
    names->items[names->count++] = (struct gh_openapi_name){text, hash_of(text)};
    return text;
}

void gh_openapi_names_clear(gh_openapi_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].text);
    }
    free(names->items);
    *names = (gh_openapi_names){NULL, 0, 0};
}
