/* A hash table of text keys that also remembers the order of insertion. Entries are embedded in the caller's
 * structs as their first member; the table owns nothing but its buckets. Not thread-safe. Keys are made by
 * this server (random or SHA-256), so that nobody can aim at one bucket. */
#ifndef GH_SERVER_STORE_TABLE_H
#define GH_SERVER_STORE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/core/status.h"

typedef struct gh_table_entry {
    const char *key; /* borrowed from the struct around it */
    uint64_t hash;
    struct gh_table_entry *next;          /* in the bucket */
    struct gh_table_entry *older, *newer; /* by insertion */
} gh_table_entry;

typedef struct gh_table {
    gh_table_entry **buckets;
    size_t bucket_count;
    size_t count;
    size_t max;
    gh_table_entry *oldest, *newest;
} gh_table;

GH_MUST_USE gh_status gh_table_init(gh_table *table, size_t max);
void gh_table_free(gh_table *table); /* the entries are the caller's to free before */
gh_table_entry *gh_table_find(const gh_table *table, const char *key);
/* GH_ERR_CONFLICT when the key is there, GH_ERR_UNAVAILABLE when the table is full. */
GH_MUST_USE gh_status gh_table_add(gh_table *table, gh_table_entry *entry, const char *key);
void gh_table_remove(gh_table *table, gh_table_entry *entry);

#endif
