/* Members by name: large objects get a hash table the first time somebody looks far into them. */
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"

#define FAR 64 /* members */

struct gh_openapi_index {
    const cJSON *object;
    const cJSON **slots;
    size_t mask;
};

bool gh_openapi_step(gh_openapi_reader *reader)
{
    if (reader->steps == 0) {
        return gh_openapi_refuse(reader, "the description refers to so much that it takes too long");
    }
    reader->steps--;
    return true;
}

static size_t hash_of(const char *text)
{
    size_t hash = 2166136261U;
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    }
    return hash ^ (hash >> 15);
}

static const cJSON *look_up(gh_openapi_reader *reader, const struct gh_openapi_index *index, const char *name)
{
    for (size_t at = hash_of(name) & index->mask; gh_openapi_step(reader); at = (at + 1) & index->mask) {
        const cJSON *member = index->slots[at];
        if (member == NULL || strcmp(member->string, name) == 0) {
            return member;
        }
    }
    return NULL;
}

/* Without memory there is none, and it takes longer. */
static void build(gh_openapi_reader *reader, const cJSON *object)
{
    size_t count = (size_t)cJSON_GetArraySize(object);
    size_t size = 256;
    while (size < 2 * count) {
        size *= 2;
    }
    struct gh_openapi_index *grown =
        realloc(reader->indexes, (reader->index_count + 1) * sizeof *reader->indexes);
    if (grown == NULL) {
        return;
    }
    reader->indexes = grown;
    struct gh_openapi_index *index = &grown[reader->index_count];
    *index = (struct gh_openapi_index){object, calloc(size, sizeof *index->slots), size - 1};
    if (index->slots == NULL) {
        return;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, object)
    {
        size_t at = hash_of(member->string) & index->mask;
        while (index->slots[at] != NULL && gh_openapi_step(reader)) {
            at = (at + 1) & index->mask;
        }
        index->slots[at] = member;
    }
    reader->index_count++;
}

const cJSON *gh_openapi_get(gh_openapi_reader *reader, const cJSON *object, const char *name)
{
    size_t looked = 0;
    for (size_t i = 0; i < reader->index_count; i++) {
        if (reader->indexes[i].object == object) {
            return look_up(reader, &reader->indexes[i], name);
        }
    }
    const cJSON *member = cJSON_IsObject(object) ? object->child : NULL;
    while (member != NULL && strcmp(member->string, name) != 0) {
        member = gh_openapi_step(reader) ? member->next : NULL;
        looked++;
    }
    if (looked > FAR && reader->index_count < GH_OPENAPI_INDEXES_MAX) {
        build(reader, object);
    }
    return reader->status == GH_OK ? member : NULL;
}

void gh_openapi_forget(gh_openapi_reader *reader)
{
    for (size_t i = 0; i < reader->index_count; i++) {
        free((void *)reader->indexes[i].slots);
    }
    free(reader->indexes);
    reader->indexes = NULL;
    reader->index_count = 0;
}
