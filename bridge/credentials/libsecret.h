/* The few declarations of libsecret, GLib and GIO that the keyring needs, so that their headers are no
 * requirement of the build. They are part of stable interfaces (libsecret-1, GLib 2). Private to keyring. */
#ifndef GH_BRIDGE_CREDENTIALS_LIBSECRET_H
#define GH_BRIDGE_CREDENTIALS_LIBSECRET_H

#include <stdbool.h>

#include "shared/core/status.h"

typedef struct gh_secret_error { /* GError */
    unsigned domain;
    int code;
    char *message;
} gh_secret_error;

typedef struct gh_secret_schema { /* SecretSchema */
    const char *name;
    int flags;
    struct {
        const char *name;
        int type;
    } attributes[32];
    int reserved;
    void *reserved_pointers[7];
} gh_secret_schema;

typedef struct gh_libsecret {
    char *(*lookup)(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error, ...);
    int (*store)(const gh_secret_schema *schema, const char *collection, const char *label, const char *text,
                 void *cancellable, gh_secret_error **error, ...);
    int (*clear)(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error, ...);
    void (*free_secret)(char *text); /* wipes */
    void (*free_error)(gh_secret_error *error);
    void *(*cancellable_new)(void);
    void (*cancel)(void *cancellable);
    void (*unref)(void *object);
} gh_libsecret;

/* Loads `library` for the rest of the process. GH_ERR_UNSUPPORTED with a sentence. */
GH_MUST_USE gh_status gh_libsecret_load(const char *library, gh_libsecret *functions, gh_error *error);

#endif
