#include "server/store/table.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64

/* FNV-1a, 64 bits. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *at = text; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    }
    return hash;
}

static gh_table_entry **bucket_of(const gh_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

gh_status gh_table_init(gh_table *table, size_t max)
{
    *table = (gh_table){.bucket_count = BUCKETS_MIN, .max = max};
    table->buckets = calloc(BUCKETS_MIN, sizeof(gh_table_entry *));
    return table->buckets == NULL ? GH_ERR_NOMEM : GH_OK;
}

void gh_table_free(gh_table *table)
{
    free(table->buckets);
    *table = (gh_table){0};
}

static gh_table_entry *find_hashed(const gh_table *table, const char *key, uint64_t hash)
{
    for (gh_table_entry *entry = *bucket_of(table, hash); entry != NULL; entry = entry->next) {
        if (entry->hash == hash && strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

gh_table_entry *gh_table_find(const gh_table *table, const char *key)
{
    return find_hashed(table, key, hash_text(key));
}

/* Doubles the buckets; without memory the chains just stay longer. */
static void grow(gh_table *table)
{
    gh_table_entry **buckets = calloc(table->bucket_count * 2, sizeof(gh_table_entry *));
    if (buckets == NULL) {
        return;
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count *= 2;
    for (gh_table_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
        gh_table_entry **bucket = bucket_of(table, entry->hash);
        entry->next = *bucket;
        *bucket = entry;
    }
}

gh_status gh_table_add(gh_table *table, gh_table_entry *entry, const char *key)
{
    uint64_t hash = hash_text(key);
    if (find_hashed(table, key, hash) != NULL) {
        return GH_ERR_CONFLICT;
    }
    if (table->count >= table->max) {
        return GH_ERR_UNAVAILABLE;
    }
    if (table->count >= table->bucket_count) {
        grow(table);
    }
    gh_table_entry **bucket = bucket_of(table, hash);
    *entry = (gh_table_entry){.key = key, .hash = hash, .next = *bucket, .older = table->newest};
    *bucket = entry;
    if (table->newest != NULL) {
        table->newest->newer = entry;
    } else {
        table->oldest = entry;
    }
    table->newest = entry;
    table->count++;
    return GH_OK;
}

void gh_table_remove(gh_table *table, gh_table_entry *entry)
{
    gh_table_entry **link = bucket_of(table, entry->hash);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    if (entry->older != NULL) {
        entry->older->newer = entry->newer;
    } else {
        table->oldest = entry->newer;
    }
    if (entry->newer != NULL) {
        entry->newer->older = entry->older;
    } else {
        table->newest = entry->older;
    }
    table->count--;
}
