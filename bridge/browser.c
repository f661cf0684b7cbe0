#include "bridge/browser.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/core/bytes.h"
#include "shared/net/url.h"

enum { WORDS_MAX = 32, WORD_BYTES_MAX = 8192, DESCRIPTORS_MAX = 1024 };

typedef struct words {
    char *items[WORDS_MAX + 2]; /* one more for the URL, one for NULL */
    size_t count;
} words;

static void words_clear(words *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    memset(list, 0, sizeof(*list));
}

/* One word of the command, with each %s replaced by the URL. */
static char *expand(gh_view word, const char *url, bool *used)
{
    gh_buf text = GH_BUF_INIT(WORD_BYTES_MAX);
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '%' && i + 1 < word.len && word.ptr[i + 1] == 's') {
            gh_buf_append_cstr(&text, url);
            *used = true;
            i++;
        } else {
            gh_buf_append_char(&text, word.ptr[i]);
        }
    }
    return gh_buf_steal(&text);
}

static gh_status split(gh_view command, const char *url, words *list)
{
    bool used = false;
    gh_view word;
    while (gh_view_next(&command, ' ', &word)) {
        if (word.len == 0) {
            continue;
        }
        if (list->count == WORDS_MAX) {
            return GH_ERR_TOO_LARGE;
        }
        char *text = expand(word, url, &used);
        if (text == NULL) {
            return GH_ERR_NOMEM;
        }
        list->items[list->count++] = text;
    }
    if (list->count == 0) {
        return GH_ERR_INVALID;
    }
    if (!used) {
        list->items[list->count] = gh_text_dup(url);
        if (list->items[list->count] == NULL) {
            return GH_ERR_NOMEM;
        }
        list->count++;
    }
    return GH_OK;
}

/* The streams go to /dev/null, the blocked signals of this program are the child's no more. */
static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
    int failed = 0;
    sigset_t none;
    sigset_t ordinary;
    sigemptyset(&none);
    sigemptyset(&ordinary);
    sigaddset(&ordinary, SIGPIPE);
    sigaddset(&ordinary, SIGCHLD);
    for (int fd = 0; fd <= 2; fd++) {
        failed |= posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    }
    failed |= posix_spawnattr_setsigmask(attributes, &none);
    failed |= posix_spawnattr_setsigdefault(attributes, &ordinary);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef POSIX_SPAWN_SETSID
    flags |= POSIX_SPAWN_SETSID;
#endif
    failed |= posix_spawnattr_setflags(attributes, flags);
    return failed;
}

/* A browser lives for days: connections, and what this program itself inherited, must not live on in it. */
static void keep_descriptors(void)
{
    for (int fd = 3; fd < DESCRIPTORS_MAX; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        }
    }
}

static gh_status start(char **argv)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return GH_ERR_NOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return GH_ERR_NOMEM;
    }
    keep_descriptors();
    int failed = prepare(&actions, &attributes);
    if (failed == 0) {
        failed = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? GH_OK : GH_ERR_NOT_FOUND;
}

static gh_status try_command(gh_view command, const char *url)
{
    words list = {{NULL}, 0};
    gh_status status = split(command, url, &list);
    if (status == GH_OK) {
        status = start(list.items);
    }
    words_clear(&list);
    return status;
}

static gh_status try_defaults(const char *url)
{
    static const char *const PROGRAMS[] = {"xdg-open", "open"};
    const char *preferred = getenv("BROWSER");
    if (preferred != NULL && preferred[0] != '\0') {
        gh_view rest = gh_view_of(preferred);
        gh_view command;
        while (gh_view_next(&rest, ':', &command)) {
            if (try_command(command, url) == GH_OK) {
                return GH_OK;
            }
        }
    }
    for (size_t i = 0; i < sizeof(PROGRAMS) / sizeof(PROGRAMS[0]); i++) {
        if (try_command(gh_view_of(PROGRAMS[i]), url) == GH_OK) {
            return GH_OK;
        }
    }
    return GH_ERR_NOT_FOUND;
}

gh_status gh_browser_open(const char *command, const char *url, gh_error *error)
{
    gh_url parsed;
    gh_error cause = {GH_OK, ""};
    if (gh_url_parse(gh_view_of(url), &parsed, &cause) != GH_OK) {
        return gh_error_set(error, GH_ERR_DENIED, "refusing to open what is no usable http or https URL: %s",
                            cause.message);
    }
    if (!gh_url_is_http(&parsed)) {
        return gh_error_set(error, GH_ERR_DENIED, "refusing to open a URL that is neither http nor https");
    }
    if (command == NULL) {
        if (try_defaults(url) != GH_OK) {
            return gh_error_set(
                error, GH_ERR_NOT_FOUND,
                "no browser could be started; open the URL yourself, or name one with --browser");
        }
        return GH_OK;
    }
    if (try_command(gh_view_of(command), url) != GH_OK) {
        return gh_error_set(
            error, GH_ERR_NOT_FOUND,
            "the browser \"%s\" could not be started; open the URL yourself, or correct --browser", command);
    }
    return GH_OK;
}

void gh_browser_reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}
