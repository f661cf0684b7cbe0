/* A store of either back end, a clock that the test moves, and rows to put in. */
#ifndef GH_TESTS_STORE_FIXTURE_H
#define GH_TESTS_STORE_FIXTURE_H

#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/store/store.h"
#include "shared/core/clock.h"
#include "tests/support/suite.h"

#define NOW 1795000000
#define BACKENDS 2 /* the loop tests run with _i = 0, memory, and _i = 1, sqlite */

static _Atomic int64_t fixture_now_s = NOW;
static char fixture_folder[64];

static inline int64_t fixture_wall(void)
{
    return fixture_now_s * 1000;
}

static inline void fixture_start(void)
{
    fixture_now_s = NOW;
    gh_clock_set_source(NULL, fixture_wall);
    (void)snprintf(fixture_folder, sizeof(fixture_folder), "/tmp/gatehouse-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fixture_folder));
}

static inline void fixture_end(void)
{
    DIR *folder = opendir(fixture_folder);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", fixture_folder, entry->d_name);
        (void)unlink(path); /* fails for . and .. only */
    }
    closedir(folder);
    (void)rmdir(fixture_folder);
    gh_clock_set_source(NULL, NULL);
}

static inline void fixture_spec(char *out, size_t size)
{
    (void)snprintf(out, size, "sqlite:%s/test.db", fixture_folder);
}

static inline gh_store *open_spec(const char *spec)
{
    gh_store *store = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_store_open(spec, &store, &error) == GH_OK, "%s", error.message);
    return store;
}

static inline gh_store *open_store(int backend)
{
    char spec[128];
    fixture_spec(spec, sizeof(spec));
    return open_spec(backend == 0 ? "memory" : spec);
}

static inline void name_of(char *out, size_t size, const char *prefix, int i)
{
    (void)snprintf(out, size, "%s%d", prefix, i);
}

/* Literals as the `char *` that the structs have; the store copies and never writes. */
static inline char *lit(const char *text)
{
    union {
        const char *in;
        char *out;
    } cast = {.in = text};
    return cast.out;
}

static inline gh_status add_client(gh_store *store, const char *id, size_t cap, int64_t idle_s)
{
    const gh_client client = {.id = lit(id),
                              .name = lit("Cursor \"x\""),
                              .redirect_uris = lit("http://localhost/a\nhttp://localhost/b"),
                              .grant_types = lit("authorization_code refresh_token"),
                              .created_at = gh_clock_wall_s()};
    return gh_store_client_add(store, &client, cap, idle_s);
}

static inline gh_status add_flow(gh_store *store, const char *id, size_t cap)
{
    const gh_flow flow = {.id_hash = lit(id),
                          .cookie_hash = lit("cookie"),
                          .client_id = lit("client"),
                          .redirect_uri = lit("http://localhost:3118/callback"),
                          .scope = lit("mcp"),
                          .resource = lit("http://localhost:8080/mcp"),
                          .challenge = lit("challenge"),
                          .expires_at = gh_clock_wall_s() + 600};
    return gh_store_flow_add(store, &flow, cap);
}

/* A grant for an hour with a code for a minute. */
static inline gh_status add_grant(gh_store *store, const char *grant_id, const char *code_hash)
{
    const gh_grant grant = {.id = lit(grant_id),
                            .client_id = lit("client"),
                            .subject = lit("alice"),
                            .name = lit("Alice"),
                            .scope = lit("mcp offline_access"),
                            .resource = lit("http://localhost:8080/mcp"),
                            .created_at = gh_clock_wall_s(),
                            .expires_at = gh_clock_wall_s() + 3600};
    const gh_code code = {.hash = lit(code_hash),
                          .grant_id = lit(grant_id),
                          .client_id = lit("client"),
                          .redirect_uri = lit("http://localhost:3118/callback"),
                          .challenge = lit("challenge"),
                          .resource = lit("http://localhost:8080/mcp"),
                          .expires_at = gh_clock_wall_s() + 60};
    return gh_store_grant_add(store, &grant, &code);
}

static inline gh_status take_code(gh_store *store, const char *hash)
{
    gh_code code = {0};
    gh_status status = gh_store_code_take(store, hash, &code);
    gh_code_clear(&code);
    return status;
}

/* Rotates for `client` with 30 s of grace; a failure of the store fails the test. */
static inline gh_refresh_outcome rotate_for(gh_store *store, const char *client, const char *hash,
                                            const char *new_hash)
{
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    ck_assert_int_eq(gh_store_refresh_rotate(store, hash, new_hash, client, 30, gh_clock_wall_s() + 7200,
                                             &outcome, &grant),
                     GH_OK);
    bool expected = outcome == GH_REFRESH_ROTATED || outcome == GH_REFRESH_REPEATED;
    ck_assert((grant.id != NULL) == expected);
    gh_grant_clear(&grant);
    return outcome;
}

static inline gh_refresh_outcome rotate(gh_store *store, const char *hash, const char *new_hash)
{
    return rotate_for(store, "client", hash, new_hash);
}

#endif
