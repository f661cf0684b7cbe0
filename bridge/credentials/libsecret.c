#include "bridge/credentials/libsecret.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Where each function lives in the struct. */
static const struct function_name {
    const char *name;
    size_t offset;
} FUNCTIONS[] = {
    {"secret_password_lookup_sync", offsetof(gh_libsecret, lookup)},
    {"secret_password_store_sync", offsetof(gh_libsecret, store)},
    {"secret_password_clear_sync", offsetof(gh_libsecret, clear)},
    {"secret_password_free", offsetof(gh_libsecret, free_secret)},
    {"g_error_free", offsetof(gh_libsecret, free_error)},
    {"g_cancellable_new", offsetof(gh_libsecret, cancellable_new)},
    {"g_cancellable_cancel", offsetof(gh_libsecret, cancel)},
    {"g_object_unref", offsetof(gh_libsecret, unref)},
};

gh_status gh_libsecret_load(const char *library, gh_libsecret *functions, gh_error *error)
{
    /* Never unloaded: GLib keeps threads and thread-local data. */
    void *object = dlopen(library, RTLD_NOW | RTLD_LOCAL);

    if (object == NULL) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED,
                            "the keyring needs %.200s, which is not installed here", library);
    }
    for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]); i++) {
        void *symbol = dlsym(object, FUNCTIONS[i].name);

        if (symbol == NULL) {
            return gh_error_set(error, GH_ERR_UNSUPPORTED, "%.200s lacks the function %s", library,
                                FUNCTIONS[i].name);
        }
        /* ISO C knows no conversion from an object pointer to a function's. */
        memcpy((char *)functions + FUNCTIONS[i].offset, (const void *)&symbol, sizeof(symbol));
    }
    return GH_OK;
}
