/* The executor while jobs end, expire, are submitted and are dropped at the same moment. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "server/exec/executor.h"
#include "tests/support/suite.h"

#define SOON_MS 10000

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static gh_executor *executor_of(size_t threads, size_t queue, size_t spare)
{
    gh_executor *executor = NULL;
    gh_executor_options options = {.threads = threads, .queue = queue, .spare = spare};
    ck_assert_int_eq(gh_executor_new(&options, &executor), GH_OK);
    return executor;
}

static void end(gh_executor *executor)
{
    ck_assert(gh_executor_stop(executor, SOON_MS));
    gh_executor_free(executor);
}

/* A job on the heap that `finished` or `dropped` frees, while `expired` may be on its way. */
typedef struct loose {
    gh_executor_job job;
    long work_us;
    atomic_int *gone;
    atomic_int *expired;
} loose;

static void loose_run(void *context)
{
    const loose *self = context;
    struct timespec time = {0, self->work_us * 1000};
    (void)nanosleep(&time, NULL);
}

static void loose_expired(void *context)
{
    const loose *self = context;
    atomic_fetch_add(self->expired, 1);
}

static void loose_gone(void *context)
{
    loose *self = context;
    atomic_int *gone = self->gone;
    free(self);
    atomic_fetch_add(gone, 1);
}

typedef struct crowd {
    gh_executor *executor;
    atomic_int gone;
    atomic_int refused;
    atomic_int expired;
    int jobs;
} crowd;

static void *submit_many(void *argument)
{
    crowd *self = argument;
    for (int i = 0; i < self->jobs; i++) {
        loose *item = calloc(1, sizeof *item);
        if (!item) {
            atomic_fetch_add(&self->refused, 1);
            continue;
        }
        *item = (loose){.work_us = (i % 5) * 900, .gone = &self->gone, .expired = &self->expired};
        item->job = (gh_executor_job){.context = item,
                                      .run = loose_run,
                                      .expired = loose_expired,
                                      .dropped = loose_gone,
                                      .finished = loose_gone,
                                      .deadline = gh_deadline_in(i % 4)};
        if (gh_executor_submit(self->executor, &item->job) != GH_OK) {
            free(item);
            atomic_fetch_add(&self->refused, 1);
            pause_ms(1);
        }
    }
    return NULL;
}

START_TEST(jobs_that_end_as_they_expire_are_let_go_exactly_once)
{
    crowd self = {.executor = executor_of(3, 16, 2), .jobs = 300};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_many, &self), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    end(self.executor);
    ck_assert_int_eq(self.gone + self.refused, 4 * self.jobs);
    ck_assert_int_gt(self.expired, 0);
}
END_TEST

START_TEST(stopping_while_others_submit_loses_no_job)
{
    for (int round = 0; round < 10; round++) {
        crowd self = {.executor = executor_of(2, 8, 1), .jobs = 40};
        pthread_t threads[3];
        for (size_t i = 0; i < 3; i++) {
            ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_many, &self), 0);
        }
        pause_ms(round);
        ck_assert(gh_executor_stop(self.executor, SOON_MS));
        for (size_t i = 0; i < 3; i++) {
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        }
        gh_executor_free(self.executor);
        ck_assert_int_eq(self.gone + self.refused, 3 * self.jobs);
    }
}
END_TEST

/* A job that returns while it is being told that it is late. Its time begins when it runs: before, it could
 * expire in the queue of a busy machine. */
typedef struct crossing {
    gh_executor_job job;
    gh_executor *executor;
    atomic_bool telling;
    atomic_bool told;
    atomic_int finished; /* 1: after it was told; 2: too early */
} crossing;

static void crossing_run(void *context)
{
    crossing *self = context;
    ck_assert(gh_executor_extend(self->executor, &self->job, gh_deadline_in(10)));
    while (!atomic_load(&self->telling)) {
        pause_ms(1);
    }
}

static void crossing_expired(void *context)
{
    crossing *self = context;
    atomic_store(&self->telling, true);
    pause_ms(40);
    atomic_store(&self->told, true);
}

static void crossing_finished(void *context)
{
    crossing *self = context;
    atomic_store(&self->finished, atomic_load(&self->told) ? 1 : 2);
}

START_TEST(a_job_is_only_let_go_when_it_has_been_told_that_it_expired)
{
    gh_executor *executor = executor_of(1, 1, 1);
    crossing self = {.job = {.context = &self,
                             .run = crossing_run,
                             .expired = crossing_expired,
                             .finished = crossing_finished,
                             .deadline = gh_deadline_never()},
                     .executor = executor};
    ck_assert_int_eq(gh_executor_submit(executor, &self.job), GH_OK);
    while (atomic_load(&self.finished) == 0) {
        pause_ms(1);
    }
    ck_assert_int_eq(self.finished, 1);
    end(executor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor_races");
    TCase *tc = tcase_create("races");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_job_is_only_let_go_when_it_has_been_told_that_it_expired);
    tcase_add_test(tc, jobs_that_end_as_they_expire_are_let_go_exactly_once);
    tcase_add_test(tc, stopping_while_others_submit_loses_no_job);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
