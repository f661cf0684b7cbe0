/* A libsecret for tests: keeps one file for each account in $FAKE_SECRET_DIR, and does as $FAKE_SECRET_MODE
 * says: "hang" (until it is cancelled, a minute at most), "stuck" (ten seconds, whatever comes) or "refuse".
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bridge/credentials/libsecret.h"

#define TEXT_MAX (128 * 1024)

char *secret_password_lookup_sync(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error,
                                  ...);
int secret_password_store_sync(const gh_secret_schema *schema, const char *collection, const char *label,
                               const char *text, void *cancellable, gh_secret_error **error, ...);
int secret_password_clear_sync(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error,
                               ...);
void secret_password_free(char *text);
void g_error_free(gh_secret_error *error);
void *g_cancellable_new(void);
void g_cancellable_cancel(void *cancellable);
void g_object_unref(void *object);

static bool is_mode(const char *mode)
{
    const char *set = getenv("FAKE_SECRET_MODE");

    return set != NULL && strcmp(set, mode) == 0;
}

static bool fails(atomic_bool *cancelled, gh_secret_error **error)
{
    struct timespec moment = {.tv_nsec = 10000000};
    int rounds = is_mode("hang") ? 6000 : is_mode("stuck") ? 1000 : 0;

    for (int i = 0; i < rounds && (is_mode("stuck") || !atomic_load(cancelled)); i++) {
        (void)nanosleep(&moment, NULL);
    }
    if (!is_mode("refuse") && rounds == 0) {
        return false;
    }
    *error = calloc(1, sizeof(**error));
    if (*error != NULL) {
        (*error)->message = strdup("No such interface \"org.freedesktop.Secret.Collection\"");
    }
    return true;
}

static void path_of(const char *attribute, const char *account, char *path, size_t size)
{
    const char *folder = getenv("FAKE_SECRET_DIR");

    (void)snprintf(path, size, "%s/%s-%s", folder != NULL ? folder : "/nonexistent", attribute, account);
}

#define FIND(last, path)                                                                                     \
    va_list attributes;                                                                                      \
    va_start(attributes, last);                                                                              \
    const char *attribute = va_arg(attributes, const char *);                                                \
    const char *account = va_arg(attributes, const char *);                                                  \
    bool ends = va_arg(attributes, const char *) == NULL;                                                    \
    va_end(attributes);                                                                                      \
    char path[4096];                                                                                         \
    path_of(attribute, account, path, sizeof(path));                                                         \
    if (!ends || strcmp(schema->attributes[0].name, attribute) != 0) {                                       \
        abort();                                                                                             \
    }

char *secret_password_lookup_sync(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error,
                                  ...)
{
    FIND(error, path)
    if (fails(cancellable, error)) {
        return NULL;
    }
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    char *text = calloc(1, TEXT_MAX);
    if (text != NULL && fread(text, 1, TEXT_MAX - 1, file) == 0) {
        free(text);
        text = NULL;
    }
    (void)fclose(file);
    return text;
}

int secret_password_store_sync(const gh_secret_schema *schema, const char *collection, const char *label,
                               const char *text, void *cancellable, gh_secret_error **error, ...)
{
    FIND(error, path)
    if (fails(cancellable, error) || collection != NULL || label == NULL) {
        return 0;
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return 0;
    }
    (void)fputs(text, file);
    return fclose(file) == 0;
}

int secret_password_clear_sync(const gh_secret_schema *schema, void *cancellable, gh_secret_error **error,
                               ...)
{
    FIND(error, path)
    return !fails(cancellable, error) && unlink(path) == 0;
}

void secret_password_free(char *text)
{
    free(text);
}

void g_error_free(gh_secret_error *error)
{
    free(error->message);
    free(error);
}

void *g_cancellable_new(void)
{
    return calloc(1, sizeof(atomic_bool));
}

void g_cancellable_cancel(void *cancellable)
{
    atomic_store((atomic_bool *)cancellable, true);
}

void g_object_unref(void *object)
{
    free(object);
}
