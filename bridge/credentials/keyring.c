#include "bridge/credentials/keyring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/credentials/libsecret.h"
#include "shared/core/clock.h"
#include "shared/core/secret.h"
#include "shared/core/text.h"

#define SLICE_MS 50     /* between two looks for signals */
#define SCHEMA_STRING 0 /* SECRET_SCHEMA_ATTRIBUTE_STRING */
#define ACCOUNT "account"

static const gh_secret_schema SCHEMA = {
    .name = "org.gatehouse.Bridge",
    .attributes = {{ACCOUNT, SCHEMA_STRING}},
};

typedef enum job_kind { JOB_READ, JOB_WRITE, JOB_REMOVE } job_kind;

/* One call, shared by the thread that makes it and the one that waits; the last of the two frees it. */
typedef struct job {
    gh_libsecret library;
    job_kind kind;
    char *account;
    char *label;
    char *text; /* to write, or what was read; wiped */
    void *cancellable;
    gh_status status;
    gh_error error;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool done;
    int owners;
} job;

struct gh_keyring {
    gh_libsecret library;
    char *account;
    char *label;
    int64_t wait_ms;
    bool given_up;
};

static void job_free(job *over)
{
    if (over->cancellable != NULL) {
        over->library.unref(over->cancellable);
    }
    (void)pthread_mutex_destroy(&over->mutex);
    (void)pthread_cond_destroy(&over->ended);
    gh_wipe_free(over->text);
    free(over->account);
    free(over->label);
    free(over);
}

static void job_leave(job *shared)
{
    (void)pthread_mutex_lock(&shared->mutex);
    bool last = --shared->owners == 0;
    (void)pthread_mutex_unlock(&shared->mutex);
    if (last) {
        job_free(shared);
    }
}

static void take_text(job *mine, char *found)
{
    if (found == NULL) {
        mine->status =
            gh_error_set(&mine->error, GH_ERR_NOT_FOUND, "the keyring has nothing for this server");
        return;
    }
    mine->text = gh_text_dup(found);
    mine->library.free_secret(found);
    if (mine->text == NULL) {
        mine->status = gh_error_set(&mine->error, GH_ERR_NOMEM, "out of memory");
    }
}

static void call(job *mine)
{
    const gh_libsecret *library = &mine->library;
    gh_secret_error *problem = NULL;
    char *found = NULL;
    bool made = true;

    switch (mine->kind) {
    case JOB_READ:
        found = library->lookup(&SCHEMA, mine->cancellable, &problem, ACCOUNT, mine->account, (char *)NULL);
        break;
    case JOB_WRITE:
        made = library->store(&SCHEMA, NULL, mine->label, mine->text, mine->cancellable, &problem, ACCOUNT,
                              mine->account, (char *)NULL) != 0;
        break;
    case JOB_REMOVE:
        (void)library->clear(&SCHEMA, mine->cancellable, &problem, ACCOUNT, mine->account, (char *)NULL);
        break;
    }
    if (problem != NULL) {
        mine->status = gh_error_set(&mine->error, GH_ERR_UNAVAILABLE, "the keyring cannot be used: %s",
                                    problem->message);
        library->free_error(problem);
    } else if (!made) {
        mine->status = gh_error_set(&mine->error, GH_ERR_UNAVAILABLE, "the keyring did not take the tokens");
    } else if (mine->kind == JOB_READ) {
        take_text(mine, found);
    }
}

static void *run(void *context)
{
    job *mine = context;

    call(mine);
    (void)pthread_mutex_lock(&mine->mutex);
    mine->done = true;
    (void)pthread_cond_signal(&mine->ended);
    (void)pthread_mutex_unlock(&mine->mutex);
    job_leave(mine);
    return NULL;
}

gh_status gh_keyring_open(const char *library, const char *account, const char *label, int64_t wait_ms,
                          gh_keyring **keyring, gh_error *error)
{
    gh_keyring *opened = calloc(1, sizeof(*opened));
    gh_status status = GH_OK;

    if (opened != NULL) {
        opened->wait_ms = wait_ms;
        opened->account = gh_text_dup(account);
        opened->label = gh_text_dup(label);
    }
    if (opened == NULL || opened->account == NULL || opened->label == NULL) {
        gh_keyring_close(opened);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    status = gh_libsecret_load(library != NULL ? library : GH_KEYRING_LIBRARY, &opened->library, error);
    if (status != GH_OK) {
        gh_keyring_close(opened);
        return status;
    }
    *keyring = opened;
    return GH_OK;
}

void gh_keyring_close(gh_keyring *keyring)
{
    if (keyring == NULL) {
        return;
    }
    free(keyring->account);
    free(keyring->label);
    free(keyring);
}

static job *job_new(const gh_keyring *keyring, job_kind kind, const char *text)
{
    job *made = calloc(1, sizeof(*made));
    pthread_condattr_t clock;

    if (made == NULL) {
        return NULL;
    }
    made->library = keyring->library;
    made->kind = kind;
    made->owners = 2;
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->ended, &clock);
    (void)pthread_condattr_destroy(&clock);
    made->account = gh_text_dup(keyring->account);
    made->label = gh_text_dup(keyring->label);
    made->text = gh_text_dup(text);
    made->cancellable = made->library.cancellable_new();
    if (made->account == NULL || made->label == NULL || (text != NULL && made->text == NULL)) {
        job_free(made);
        return NULL;
    }
    return made;
}

/* Signals are for the loop's thread. */
static bool start(job *ready)
{
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;
    bool started;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    (void)pthread_attr_init(&detached);
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &detached, run, ready) == 0;
    (void)pthread_attr_destroy(&detached);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* The loop, which takes signals, does not run meanwhile. */
static bool is_told_to_stop(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* True when it ended in time. */
static bool wait_for(job *under_way, int64_t wait_ms)
{
    gh_deadline deadline = gh_deadline_in(wait_ms);
    bool done;

    (void)pthread_mutex_lock(&under_way->mutex);
    while (!under_way->done && !gh_deadline_passed(deadline) && !is_told_to_stop()) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SLICE_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&under_way->ended, &under_way->mutex, &until);
    }
    done = under_way->done;
    (void)pthread_mutex_unlock(&under_way->mutex);
    return done;
}

static gh_status perform(gh_keyring *keyring, job_kind kind, const char *text, gh_buf *out, gh_error *error)
{
    job *mine;
    gh_status status;

    if (keyring->given_up) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE, "the keyring has not answered yet; is it locked?");
    }
    mine = job_new(keyring, kind, text);
    if (mine == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    if (!start(mine)) {
        job_free(mine);
        return gh_error_set(error, GH_ERR_NOMEM, "no thread could be started for the keyring");
    }
    if (!wait_for(mine, keyring->wait_ms)) {
        mine->library.cancel(mine->cancellable);
        job_leave(mine);
        keyring->given_up = true;
        return gh_error_set(error, GH_ERR_TIMEOUT, "the keyring did not answer within %lld s; is it locked?",
                            (long long)(keyring->wait_ms / 1000));
    }
    status = mine->status;
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "%s", mine->error.message);
    } else if (out != NULL) {
        status = gh_buf_append_cstr(out, mine->text);
    }
    job_leave(mine);
    return status;
}

gh_status gh_keyring_read(gh_keyring *keyring, gh_buf *out, gh_error *error)
{
    return perform(keyring, JOB_READ, NULL, out, error);
}

gh_status gh_keyring_write(gh_keyring *keyring, const char *text, gh_error *error)
{
    return perform(keyring, JOB_WRITE, text, NULL, error);
}

gh_status gh_keyring_remove(gh_keyring *keyring, gh_error *error)
{
    return perform(keyring, JOB_REMOVE, NULL, NULL, error);
}
