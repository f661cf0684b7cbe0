/* Memory that runs out at a chosen moment: the n-th allocation from now on fails, alone or with all after it.
 * The program is linked with --wrap for the C library's allocators, and cJSON, OpenSSL and SQLite are told to
 * use them, which works under a sanitizer too. Between no_memory_from and no_memory_end nothing of Check may
 * be called. */
#ifndef GH_TESTS_UNIT_SERVER_NO_MEMORY_H
#define GH_TESTS_UNIT_SERVER_NO_MEMORY_H

#include <cjson/cJSON.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many allocations a request may make at most before the search for its end is given up. */
#define NO_MEMORY_LIMIT 20000

static atomic_long no_memory_countdown; /* 0: nothing fails; 1: the next one */
static atomic_bool no_memory_lasts;
static atomic_bool no_memory_hit;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

static bool no_memory_now(void)
{
    if (atomic_load(&no_memory_countdown) == 0) {
        return false;
    }
    long left = atomic_fetch_sub(&no_memory_countdown, 1);
    if (left > 1) {
        return false;
    }
    atomic_store(&no_memory_hit, true);
    atomic_store(&no_memory_countdown, atomic_load(&no_memory_lasts) ? 1 : 0);
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return no_memory_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return no_memory_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return no_memory_now() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
    return no_memory_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return no_memory_now() ? NULL : __real_strndup(text, len);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *openssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        free(old);
        return NULL;
    }
    return realloc(old, size);
}

static void openssl_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/* First thing in main. */
static inline void no_memory_install(void)
{
    cJSON_Hooks hooks = {.malloc_fn = __wrap_malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
        (void)fprintf(stderr, "OpenSSL has its memory already\n");
        abort();
    }
}

static inline void no_memory_from(long n, bool lasts)
{
    atomic_store(&no_memory_hit, false);
    atomic_store(&no_memory_lasts, lasts);
    atomic_store(&no_memory_countdown, n);
}

/* True when an allocation failed meanwhile. */
static inline bool no_memory_end(void)
{
    atomic_store(&no_memory_countdown, 0);
    return atomic_load(&no_memory_hit);
}

#endif
