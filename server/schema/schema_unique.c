/* uniqueItems: each item gets a digest, equal items have equal ones, and only items of one digest are
 * compared. Items that share their digest on purpose cost what comparing each with each does, and end at the
 * bound. */
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema_private.h"

#define BYTES_PER_STEP 64
#define PRIME UINT64_C(1099511628211)

typedef struct entry {
    uint64_t digest;
    const cJSON *item;
} entry;

/* Spreads what differs in few bits over all of them, so that sums of results say little about their parts. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static uint64_t digest_of_text(gh_schema_walk *walk, uint64_t seed, const char *text)
{
    uint64_t digest = seed ^ UINT64_C(14695981039346656037);
    size_t len = strlen(text);
    (void)gh_schema_spend(walk, len / BYTES_PER_STEP);
    for (size_t i = 0; i < len; i++) {
        digest = (digest ^ (unsigned char)text[i]) * PRIME;
    }
    return mix(digest);
}

static uint64_t digest_of_number(double number)
{
    uint64_t bits = 0;
    double plain = number + 0.0; /* -0 equals 0 */
    memcpy(&bits, &plain, sizeof bits);
    return mix(bits ^ 1);
}

/* Members in any order give the same. Recursion is bounded by the value's depth. */
static uint64_t digest_of(gh_schema_walk *walk, const cJSON *value)
{
    uint64_t digest = (uint64_t)(value->type & 0xff);
    if (!gh_schema_spend(walk, 1)) {
        return 0;
    }
    if (cJSON_IsNumber(value)) {
        return digest_of_number(value->valuedouble);
    }
    if (cJSON_IsString(value)) {
        return digest_of_text(walk, 2, value->valuestring);
    }
    for (const cJSON *part = value->child; part != NULL && !walk->exhausted; part = part->next) {
        uint64_t inner = digest_of(walk, part);
        digest = part->string == NULL ? mix(digest * PRIME + inner)
                                      : digest + mix(digest_of_text(walk, inner, part->string));
    }
    return mix(digest);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = ((const entry *)left)->digest;
    uint64_t b = ((const entry *)right)->digest;
    return a < b ? -1 : a > b;
}

/* Is one of those behind `at` that have its digest the same? */
static bool comes_again(gh_schema_walk *walk, const entry *at, const entry *end)
{
    for (const entry *other = at + 1; other < end && other->digest == at->digest; other++) {
        if (gh_schema_equal(walk, at->item, other->item)) {
            return true;
        }
        if (walk->exhausted) {
            return false;
        }
    }
    return false;
}

static bool holds_twice(gh_schema_walk *walk, const cJSON *array, size_t count)
{
    entry *entries = calloc(count, sizeof *entries);
    bool twice = false;
    size_t used = 0;
    if (entries == NULL) {
        walk->exhausted = true;
        return false;
    }
    for (const cJSON *item = array->child; item != NULL && !walk->exhausted; item = item->next) {
        entries[used++] = (entry){digest_of(walk, item), item};
    }
    if (!walk->exhausted) {
        qsort(entries, used, sizeof *entries, compare);
    }
    for (size_t i = 0; i < used && !twice && !walk->exhausted; i++) {
        twice = comes_again(walk, &entries[i], entries + used);
    }
    free(entries);
    return twice && !walk->exhausted;
}

GH_SCHEMA_TEST(gh_schema_test_unique)
{
    (void)schema;
    size_t count = cJSON_IsArray(value) && cJSON_IsTrue(keyword) ? (size_t)cJSON_GetArraySize(value) : 0;
    if (count < 2) {
        return true;
    }
    if (holds_twice(walk, value, count)) {
        return gh_schema_reject(walk, at, "must not hold the same item twice");
    }
    return !walk->exhausted;
}
