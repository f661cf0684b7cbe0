/* Tests on one value: types, equality, numbers, lengths and counts. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

#define CHOICES_SHOWN 200 /* bytes of an enum in an error */
#define PATTERN_SHOWN 128
#define BYTES_PER_STEP 64
#define ITEMS_PER_STEP 16

static const char *const TYPES[] = {"array", "boolean", "integer", "null", "number", "object", "string"};
static const char *const TYPES_SPOKEN[] = {"an array", "a boolean", "an integer", "null",
                                           "a number", "an object", "a string"};
#define TYPES_COUNT (sizeof TYPES / sizeof TYPES[0])

bool gh_schema_is_type_name(const char *type)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        if (strcmp(type, TYPES[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *spoken(const char *type)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        if (strcmp(type, TYPES[i]) == 0) {
            return TYPES_SPOKEN[i];
        }
    }
    return "of another type";
}

static bool is_integer(const cJSON *value)
{
    return cJSON_IsNumber(value) && isfinite(value->valuedouble) &&
           floor(value->valuedouble) == value->valuedouble;
}

bool gh_schema_is_type(const cJSON *value, const char *type)
{
    switch (type[0]) {
    case 'a':
        return cJSON_IsArray(value);
    case 'b':
        return cJSON_IsBool(value);
    case 'i':
        return is_integer(value);
    case 'n':
        return type[2] == 'l' ? cJSON_IsNull(value) : cJSON_IsNumber(value);
    case 'o':
        return cJSON_IsObject(value);
    case 's':
        return cJSON_IsString(value);
    default:
        return false;
    }
}

const char *gh_schema_kind(const cJSON *value)
{
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        bool whole = strcmp(TYPES[i], "integer") == 0;
        if (!whole && gh_schema_is_type(value, TYPES[i])) {
            return TYPES_SPOKEN[i];
        }
    }
    return "nothing";
}

static bool reject_type(gh_schema_walk *walk, const cJSON *keyword, const cJSON *value,
                        const gh_schema_path *at)
{
    if (walk->error == NULL) {
        return false;
    }
    gh_buf wanted = GH_BUF_INIT(CHOICES_SHOWN);
    if (cJSON_IsString(keyword)) {
        (void)gh_buf_append_cstr(&wanted, spoken(keyword->valuestring));
    } else {
        const cJSON *type = NULL;
        cJSON_ArrayForEach(type, keyword)
        {
            if (type != keyword->child) {
                (void)gh_buf_append_cstr(&wanted, type->next == NULL ? " or " : ", ");
            }
            (void)gh_buf_append_cstr(&wanted, spoken(type->valuestring));
        }
    }
    bool fraction = cJSON_IsNumber(value) && strstr(gh_buf_cstr(&wanted), "an integer") != NULL;
    (void)gh_schema_reject(walk, at, "must be %s, not %s", gh_buf_cstr(&wanted),
                           fraction ? "a fraction" : gh_schema_kind(value));
    gh_buf_free(&wanted);
    return false;
}

GH_SCHEMA_TEST(gh_schema_test_type)
{
    (void)schema;
    if (cJSON_IsString(keyword)) {
        return gh_schema_is_type(value, keyword->valuestring) || reject_type(walk, keyword, value, at);
    }
    const cJSON *type = NULL;
    cJSON_ArrayForEach(type, keyword)
    {
        if (gh_schema_is_type(value, type->valuestring)) {
            return true;
        }
    }
    return reject_type(walk, keyword, value, at);
}

static bool equal_arrays(gh_schema_walk *walk, const cJSON *a, const cJSON *b)
{
    const cJSON *left = a->child;
    const cJSON *right = b->child;
    while (left != NULL && right != NULL && gh_schema_equal(walk, left, right)) {
        left = left->next;
        right = right->next;
    }
    return left == NULL && right == NULL;
}

static bool equal_objects(gh_schema_walk *walk, const cJSON *a, const cJSON *b)
{
    int count = cJSON_GetArraySize(a);
    if (!gh_schema_spend(walk, (size_t)count / ITEMS_PER_STEP) || count != cJSON_GetArraySize(b)) {
        return false;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, a)
    {
        const cJSON *other = gh_schema_member(walk, b, member->string);
        if (other == NULL || !gh_schema_equal(walk, member, other)) {
            return false;
        }
    }
    return true;
}

bool gh_schema_equal(gh_schema_walk *walk, const cJSON *a, const cJSON *b)
{
    if (!gh_schema_spend(walk, 1)) {
        return false;
    }
    if (cJSON_IsNumber(a) && cJSON_IsNumber(b)) {
        return !(a->valuedouble < b->valuedouble) && !(a->valuedouble > b->valuedouble);
    }
    if (cJSON_IsString(a) && cJSON_IsString(b)) {
        /* Long strings of the same beginning cost what they weigh. */
        return gh_schema_spend(walk, strlen(a->valuestring) / BYTES_PER_STEP) &&
               strcmp(a->valuestring, b->valuestring) == 0;
    }
    if (cJSON_IsArray(a) && cJSON_IsArray(b)) {
        return equal_arrays(walk, a, b);
    }
    if (cJSON_IsObject(a) && cJSON_IsObject(b)) {
        return equal_objects(walk, a, b);
    }
    return (cJSON_IsNull(a) && cJSON_IsNull(b)) || (cJSON_IsTrue(a) && cJSON_IsTrue(b)) ||
           (cJSON_IsFalse(a) && cJSON_IsFalse(b));
}

static bool reject_choices(gh_schema_walk *walk, const cJSON *choices, const gh_schema_path *at)
{
    if (walk->error == NULL) {
        return false;
    }
    gh_buf list = GH_BUF_INIT(CHOICES_SHOWN);
    bool printed = true;
    const cJSON *choice = NULL;
    cJSON_ArrayForEach(choice, choices)
    {
        if (list.len > 0) {
            (void)gh_buf_append_cstr(&list, ", ");
        }
        printed = printed && gh_json_print(choice, &list) == GH_OK;
        if (!printed) {
            break;
        }
    }
    bool whole = printed && gh_buf_status(&list) == GH_OK && list.len > 0;
    (void)gh_schema_reject(walk, at, "must be one of %s",
                           whole ? gh_buf_cstr(&list) : "the values in its schema");
    gh_buf_free(&list);
    return false;
}

GH_SCHEMA_TEST(gh_schema_test_enum)
{
    (void)schema;
    const cJSON *choice = NULL;
    cJSON_ArrayForEach(choice, keyword)
    {
        if (gh_schema_equal(walk, choice, value)) {
            return true;
        }
    }
    return reject_choices(walk, keyword, at);
}

GH_SCHEMA_TEST(gh_schema_test_const)
{
    (void)schema;
    if (gh_schema_equal(walk, keyword, value)) {
        return true;
    }
    if (walk->error == NULL) {
        return false;
    }
    gh_buf text = GH_BUF_INIT(CHOICES_SHOWN);
    bool whole = gh_json_print(keyword, &text) == GH_OK;
    (void)gh_schema_reject(walk, at, "must be %s", whole ? gh_buf_cstr(&text) : "the value in its schema");
    gh_buf_free(&text);
    return false;
}

static bool is_zero(double number)
{
    return fabs(number) <= 0;
}

static bool is_multiple(double value, double of)
{
    if (is_zero(fmod(value, of))) {
        return true;
    }
    double times = value / of;
    if (!isfinite(times) || (is_zero(fmod(value, 1)) && is_zero(fmod(of, 1)))) {
        return false;
    }
    /* 0.3 is a multiple of 0.1 for everybody but a double: a few units in its last place are let pass. */
    return fabs(times - nearbyint(times)) <= 4 * DBL_EPSILON * fmax(1.0, fabs(times));
}

GH_SCHEMA_TEST(gh_schema_test_number)
{
    (void)schema;
    if (!cJSON_IsNumber(value)) {
        return true;
    }
    double number = value->valuedouble;
    double bound = keyword->valuedouble;
    const char *name = keyword->string;
    if (strcmp(name, "minimum") == 0) {
        return number >= bound || gh_schema_reject(walk, at, "must be at least %.15g", bound);
    }
    if (strcmp(name, "maximum") == 0) {
        return number <= bound || gh_schema_reject(walk, at, "must be at most %.15g", bound);
    }
    if (strcmp(name, "exclusiveMinimum") == 0) {
        return number > bound || gh_schema_reject(walk, at, "must be greater than %.15g", bound);
    }
    if (strcmp(name, "exclusiveMaximum") == 0) {
        return number < bound || gh_schema_reject(walk, at, "must be less than %.15g", bound);
    }
    return is_multiple(number, bound) || gh_schema_reject(walk, at, "must be a multiple of %.15g", bound);
}

/* `keyword` starts with "min" or "max" and bounds `count` of `things`. */
static bool check_count(gh_schema_walk *walk, const cJSON *keyword, double count, const char *thing,
                        const gh_schema_path *at)
{
    double bound = keyword->valuedouble;
    const char *plural = bound > 0.5 && bound < 1.5 ? "" : "s";
    if (keyword->string[1] == 'i') {
        return count >= bound ||
               gh_schema_reject(walk, at, "must have at least %.15g %s%s", bound, thing, plural);
    }
    return count <= bound || gh_schema_reject(walk, at, "must have at most %.15g %s%s", bound, thing, plural);
}

GH_SCHEMA_TEST(gh_schema_test_length)
{
    (void)schema;
    if (!cJSON_IsString(value)) {
        return true;
    }
    size_t characters = 0;
    for (const char *c = value->valuestring; *c != '\0'; c++) {
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    }
    return gh_schema_spend(walk, strlen(value->valuestring) / BYTES_PER_STEP) &&
           check_count(walk, keyword, (double)characters, "character", at);
}

GH_SCHEMA_TEST(gh_schema_test_pattern)
{
    (void)schema;
    if (!cJSON_IsString(value) || gh_schema_pattern(walk, keyword, value->valuestring)) {
        return true;
    }
    return strlen(keyword->valuestring) <= PATTERN_SHOWN
               ? gh_schema_reject(walk, at, "must match the pattern %s", keyword->valuestring)
               : gh_schema_reject(walk, at, "must match the pattern in its schema");
}

/* Counting walks the list. */
static double count_of(gh_schema_walk *walk, const cJSON *value)
{
    int count = cJSON_GetArraySize(value);
    (void)gh_schema_spend(walk, (size_t)count / ITEMS_PER_STEP);
    return count;
}

GH_SCHEMA_TEST(gh_schema_test_items_count)
{
    (void)schema;
    return !cJSON_IsArray(value) || check_count(walk, keyword, count_of(walk, value), "item", at);
}

GH_SCHEMA_TEST(gh_schema_test_members_count)
{
    (void)schema;
    return !cJSON_IsObject(value) || check_count(walk, keyword, count_of(walk, value), "member", at);
}
