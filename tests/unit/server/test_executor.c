/* The executor by what its users see: what runs, what is refused, what is told when. Real time, short. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/exec/executor.h"
#include "tests/support/suite.h"

#define SOON_MS 10000 /* how long a test waits for what must happen */

typedef struct probe {
    gh_executor_job job;
    gh_executor *executor;
    atomic_int ran;
    atomic_int done; /* `run` is over */
    atomic_int expired;
    atomic_int dropped;
    atomic_int finished;
    atomic_int go; /* lets a blocking run return */
    atomic_int extended;
    int64_t extend_ms; /* 0: no */
    bool endless;      /* extended once more, for ever */
    int64_t due_ms;    /* the deadline, once it is extended */
    int64_t told_ms;   /* when `expired` came */
    char thread[16];
    size_t stack;
    int signals_open;
} probe;

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool becomes(atomic_int *value, int wanted)
{
    gh_deadline deadline = gh_deadline_in(SOON_MS);
    while (atomic_load(value) != wanted && !gh_deadline_passed(deadline)) {
        pause_ms(1);
    }
    return atomic_load(value) == wanted;
}

static void run_quick(void *context)
{
    probe *self = context;
    atomic_fetch_add(&self->ran, 1);
    atomic_store(&self->done, 1);
}

static void extend(probe *self)
{
    if (self->extend_ms != 0) {
        gh_deadline later = gh_deadline_in(self->extend_ms);
        self->due_ms = later.at_ms;
        bool extended = gh_executor_extend(self->executor, &self->job, later);
        if (self->endless) {
            extended = extended && gh_executor_extend(self->executor, &self->job, gh_deadline_never());
        }
        atomic_store(&self->extended, extended ? 1 : -1);
    }
}

static void run_until_go(void *context)
{
    probe *self = context;
    atomic_fetch_add(&self->ran, 1);
    extend(self);
    (void)becomes(&self->go, 1);
    atomic_store(&self->done, 1);
}

static void note_expired(void *context)
{
    probe *self = context;
    self->told_ms = gh_clock_mono_ms();
    atomic_fetch_add(&self->expired, 1);
}

static void note_dropped(void *context)
{
    probe *self = context;
    atomic_fetch_add(&self->dropped, 1);
}

static void note_finished(void *context)
{
    probe *self = context;
    atomic_fetch_add(&self->finished, 1);
}

static void prepare(probe *self, gh_executor *executor, void (*run)(void *), gh_deadline deadline)
{
    memset(self, 0, sizeof *self);
    self->executor = executor;
    self->job = (gh_executor_job){.context = self,
                                  .run = run,
                                  .expired = note_expired,
                                  .dropped = note_dropped,
                                  .finished = note_finished,
                                  .deadline = deadline};
}

/* Runs until it is let go, and its time begins when it runs: a busy machine may need long to begin. */
static void prepare_late(probe *self, gh_executor *executor, int64_t ms)
{
    prepare(self, executor, run_until_go, gh_deadline_never());
    self->extend_ms = ms;
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

START_TEST(sizes_that_make_no_sense_are_refused)
{
    gh_executor *executor = NULL;
    ck_assert_int_eq(gh_executor_new(&(gh_executor_options){.threads = 0, .queue = 1}, &executor),
                     GH_ERR_INVALID);
    ck_assert_int_eq(gh_executor_new(&(gh_executor_options){.threads = 1025, .queue = 1}, &executor),
                     GH_ERR_INVALID);
    ck_assert_int_eq(gh_executor_new(&(gh_executor_options){.threads = 1, .spare = 5000}, &executor),
                     GH_ERR_INVALID);
    gh_executor_free(NULL);
    gh_executor_free(executor_of(4, 4, 4)); /* one that was never used */
}
END_TEST

START_TEST(every_job_runs_once_and_is_finished_once)
{
    gh_executor *executor = executor_of(4, 200, 1);
    probe *probes = calloc(200, sizeof *probes);
    ck_assert_ptr_nonnull(probes);
    for (size_t i = 0; i < 200; i++) {
        prepare(&probes[i], executor, run_quick, i % 2 == 0 ? gh_deadline_in(SOON_MS) : gh_deadline_never());
        ck_assert_int_eq(gh_executor_submit(executor, &probes[i].job), GH_OK);
    }
    for (size_t i = 0; i < 200; i++) {
        ck_assert(becomes(&probes[i].finished, 1));
    }
    end(executor);
    for (size_t i = 0; i < 200; i++) {
        ck_assert_int_eq(probes[i].ran, 1);
        ck_assert_int_eq(probes[i].finished, 1);
        ck_assert_int_eq(probes[i].expired + probes[i].dropped, 0);
    }
    free(probes);
}
END_TEST

static void run_look_around(void *context)
{
    probe *self = context;
    pthread_attr_t attributes;
    sigset_t blocked;
    (void)pthread_getname_np(pthread_self(), self->thread, sizeof self->thread);
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        (void)pthread_attr_getstacksize(&attributes, &self->stack);
        (void)pthread_attr_destroy(&attributes);
    }
    (void)sigemptyset(&blocked);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    self->signals_open =
        !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGCHLD);
}

START_TEST(a_thread_has_its_name_a_megabyte_of_stack_and_no_signals)
{
    gh_executor *executor = executor_of(1, 1, 0);
    probe look;
    sigset_t mine;
    prepare(&look, executor, run_look_around, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &look.job), GH_OK);
    ck_assert(becomes(&look.finished, 1));
    ck_assert_str_eq(look.thread, "gh-exec");
    ck_assert_uint_ge(look.stack, GH_EXECUTOR_STACK);
    ck_assert_int_eq(look.signals_open, 0);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    ck_assert(!sigismember(&mine, SIGTERM)); /* those of the caller are as they were */
    end(executor);
}
END_TEST

START_TEST(a_full_queue_refuses_and_takes_again_when_there_is_room)
{
    gh_executor *executor = executor_of(1, 2, 0);
    probe busy;
    probe waiting[2];
    probe extra;
    prepare(&busy, executor, run_until_go, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &busy.job), GH_OK);
    ck_assert(becomes(&busy.ran, 1));
    for (size_t i = 0; i < 2; i++) {
        prepare(&waiting[i], executor, run_quick, gh_deadline_never());
        ck_assert_int_eq(gh_executor_submit(executor, &waiting[i].job), GH_OK);
    }
    prepare(&extra, executor, run_quick, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &extra.job), GH_ERR_UNAVAILABLE);
    atomic_store(&busy.go, 1);
    ck_assert(becomes(&waiting[1].finished, 1));
    ck_assert_int_eq(gh_executor_submit(executor, &extra.job), GH_OK);
    ck_assert(becomes(&extra.finished, 1));
    ck_assert_int_eq(extra.dropped, 0);
    end(executor);
}
END_TEST

START_TEST(a_late_job_is_told_once_in_time_and_replaced_by_a_spare_thread)
{
    gh_executor *executor = executor_of(1, 4, 1);
    probe stuck;
    probe next;
    prepare_late(&stuck, executor, 50);
    ck_assert_int_eq(gh_executor_submit(executor, &stuck.job), GH_OK);
    ck_assert(becomes(&stuck.ran, 1));
    prepare(&next, executor, run_quick, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &next.job), GH_OK);
    ck_assert(becomes(&stuck.expired, 1));
    ck_assert_int_ge(stuck.told_ms, stuck.due_ms);
    ck_assert_int_le(stuck.told_ms, stuck.due_ms + 2000); /* a loaded machine is slow */
    ck_assert(becomes(&next.finished, 1));
    ck_assert_int_eq(stuck.done, 0);
    ck_assert(!gh_executor_exhausted(executor));
    pause_ms(100);
    atomic_store(&stuck.go, 1);
    ck_assert(becomes(&stuck.finished, 1));
    ck_assert_int_eq(stuck.expired, 1);
    ck_assert_int_eq(stuck.dropped, 0);
    end(executor);
}
END_TEST

START_TEST(without_a_spare_thread_it_is_exhausted_until_the_late_one_comes_back)
{
    gh_executor *executor = executor_of(1, 4, 0);
    probe stuck;
    probe next;
    prepare_late(&stuck, executor, 20);
    ck_assert_int_eq(gh_executor_submit(executor, &stuck.job), GH_OK);
    ck_assert(becomes(&stuck.expired, 1));
    ck_assert(gh_executor_exhausted(executor));
    prepare(&next, executor, run_quick, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &next.job), GH_OK);
    pause_ms(60);
    ck_assert_int_eq(next.ran, 0);
    atomic_store(&stuck.go, 1);
    ck_assert(becomes(&next.finished, 1));
    ck_assert(!gh_executor_exhausted(executor));
    end(executor);
}
END_TEST

START_TEST(written_off_threads_that_come_back_give_their_places_back)
{
    gh_executor *executor = executor_of(3, 8, 2);
    probe stuck[4];
    probe after[3];
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            prepare_late(&stuck[i], executor, 300);
            ck_assert_int_eq(gh_executor_submit(executor, &stuck[i].job), GH_OK);
            ck_assert(becomes(&stuck[i].ran, 1));
            if (i == 1 || i == 3) {
                ck_assert(becomes(&stuck[i].expired, 1));
            }
        }
        ck_assert(becomes(&stuck[2].expired, 1));
        ck_assert(gh_executor_exhausted(executor));
        for (size_t i = 0; i < 4; i++) {
            atomic_store(&stuck[i].go, 1);
        }
        for (size_t i = 0; i < 4; i++) {
            ck_assert(becomes(&stuck[i].finished, 1));
        }
        ck_assert(!gh_executor_exhausted(executor));
        /* Three, and not more, run at the same time again. */
        for (size_t i = 0; i < 3; i++) {
            prepare(&after[i], executor, run_until_go, gh_deadline_never());
            ck_assert_int_eq(gh_executor_submit(executor, &after[i].job), GH_OK);
        }
        for (size_t i = 0; i < 3; i++) {
            ck_assert(becomes(&after[i].ran, 1));
        }
        probe fourth;
        prepare(&fourth, executor, run_quick, gh_deadline_never());
        ck_assert_int_eq(gh_executor_submit(executor, &fourth.job), GH_OK);
        pause_ms(30);
        ck_assert_int_eq(fourth.ran, 0);
        for (size_t i = 0; i < 3; i++) {
            atomic_store(&after[i].go, 1);
        }
        ck_assert(becomes(&fourth.finished, 1));
        for (size_t i = 0; i < 3; i++) {
            ck_assert(becomes(&after[i].finished, 1));
        }
    }
    end(executor);
}
END_TEST

START_TEST(a_job_that_expires_in_the_queue_never_runs)
{
    gh_executor *executor = executor_of(1, 4, 0);
    probe busy;
    probe late;
    probe patient;
    prepare(&busy, executor, run_until_go, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &busy.job), GH_OK);
    ck_assert(becomes(&busy.ran, 1));
    prepare(&late, executor, run_quick, gh_deadline_in(30));
    prepare(&patient, executor, run_quick, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &late.job), GH_OK);
    ck_assert_int_eq(gh_executor_submit(executor, &patient.job), GH_OK);
    ck_assert(becomes(&late.dropped, 1));
    ck_assert_int_eq(late.expired, 1);
    ck_assert(!gh_executor_exhausted(executor));
    atomic_store(&busy.go, 1);
    ck_assert(becomes(&patient.finished, 1));
    ck_assert_int_eq(late.ran, 0);
    ck_assert_int_eq(late.finished, 0);
    end(executor);
}
END_TEST

START_TEST(an_extended_deadline_counts_from_then_on)
{
    gh_executor *executor = executor_of(2, 4, 1);
    probe task;
    probe shorter;
    prepare_late(&task, executor, 500);
    task.endless = true;
    ck_assert_int_eq(gh_executor_submit(executor, &task.job), GH_OK);
    prepare_late(&shorter, executor, 50);
    ck_assert_int_eq(gh_executor_submit(executor, &shorter.job), GH_OK);
    ck_assert(becomes(&shorter.expired, 1));
    ck_assert(becomes(&task.extended, 1));
    pause_ms(600);
    ck_assert_int_eq(task.expired, 0);
    atomic_store(&task.go, 1);
    atomic_store(&shorter.go, 1);
    ck_assert(becomes(&task.finished, 1));
    end(executor);
}
END_TEST

static void run_too_late_to_extend(void *context)
{
    probe *self = context;
    extend(self);
    (void)becomes(&self->expired, 1);
    atomic_store(&self->extended,
                 gh_executor_extend(self->executor, &self->job, gh_deadline_never()) ? 1 : -1);
}

START_TEST(what_has_expired_cannot_be_extended)
{
    gh_executor *executor = executor_of(1, 1, 1);
    probe late;
    prepare(&late, executor, run_too_late_to_extend, gh_deadline_never());
    late.extend_ms = 50;
    ck_assert_int_eq(gh_executor_submit(executor, &late.job), GH_OK);
    ck_assert(becomes(&late.finished, 1));
    ck_assert_int_eq(late.extended, -1);
    end(executor);
}
END_TEST

START_TEST(stopping_drops_the_queue_and_waits_for_what_runs)
{
    gh_executor *executor = executor_of(1, 4, 1);
    probe busy;
    probe waiting;
    probe refused;
    prepare(&busy, executor, run_until_go, gh_deadline_never());
    prepare(&waiting, executor, run_quick, gh_deadline_in(SOON_MS));
    prepare(&refused, executor, run_quick, gh_deadline_never());
    ck_assert_int_eq(gh_executor_submit(executor, &busy.job), GH_OK);
    ck_assert(becomes(&busy.ran, 1));
    ck_assert_int_eq(gh_executor_submit(executor, &waiting.job), GH_OK);
    ck_assert(!gh_executor_stop(executor, 30));
    ck_assert_int_eq(waiting.dropped, 1);
    ck_assert_int_eq(waiting.ran + waiting.expired + waiting.finished, 0);
    ck_assert_int_eq(gh_executor_submit(executor, &refused.job), GH_ERR_UNAVAILABLE);
    atomic_store(&busy.go, 1);
    ck_assert(gh_executor_stop(executor, SOON_MS));
    ck_assert_int_eq(busy.finished, 1);
    gh_executor_free(executor);
}
END_TEST

START_TEST(a_deadline_is_met_while_it_stops)
{
    gh_executor *executor = executor_of(1, 1, 1);
    probe busy;
    prepare_late(&busy, executor, 60);
    ck_assert_int_eq(gh_executor_submit(executor, &busy.job), GH_OK);
    ck_assert(becomes(&busy.extended, 1));
    ck_assert(!gh_executor_stop(executor, 1));
    ck_assert(becomes(&busy.expired, 1));
    atomic_store(&busy.go, 1);
    end(executor);
}
END_TEST

#define KEYED 8

/* Jobs of one key, that run until they are let go: those that were taken. */
static size_t submit_for(gh_executor *executor, uint64_t key, probe *probes)
{
    size_t taken = 0;
    for (size_t i = 0; i < KEYED; i++) {
        prepare(&probes[i], executor, run_until_go, gh_deadline_never());
        probes[i].job.key = key;
        taken += gh_executor_submit(executor, &probes[i].job) == GH_OK ? 1 : 0;
    }
    return taken;
}

START_TEST(one_user_cannot_have_all_threads_nor_the_whole_queue)
{
    const gh_executor_options options = {.threads = 4, .queue = 4, .share = 3};
    gh_executor *executor = NULL;
    probe greedy[KEYED];
    probe other;
    ck_assert_int_eq(gh_executor_new(&options, &executor), GH_OK);
    ck_assert_uint_eq(submit_for(executor, 7, greedy), 6); /* three threads and three places */
    prepare(&other, executor, run_quick, gh_deadline_in(SOON_MS));
    other.job.key = 8;
    ck_assert_int_eq(gh_executor_submit(executor, &other.job), GH_OK);
    ck_assert_msg(becomes(&other.finished, 1), "the next user waits behind the first");
    int running = 0;
    for (size_t i = 0; i < KEYED; i++) {
        running += atomic_load(&greedy[i].ran);
        atomic_store(&greedy[i].go, 1);
    }
    ck_assert_int_eq(running, 3);
    for (size_t i = 0; i < 6; i++) {
        ck_assert(becomes(&greedy[i].finished, 1)); /* those that waited had their turn */
    }
    end(executor);
}
END_TEST

static bool starts(gh_executor *executor, uint64_t key, probe *one)
{
    prepare(one, executor, run_until_go, gh_deadline_never());
    one->job.key = key;
    ck_assert_int_eq(gh_executor_submit(executor, &one->job), GH_OK);
    return becomes(&one->ran, 1);
}

#define GREEDY 64 /* jobs of each of four users */

START_TEST(four_users_together_leave_threads_for_the_fifth)
{
    const gh_executor_options options = {.threads = 32, .queue = 128, .share = 24};
    gh_executor *executor = NULL;
    probe *greedy = calloc((size_t)4 * GREEDY, sizeof *greedy);
    size_t taken[4] = {0};
    ck_assert_ptr_nonnull(greedy);
    ck_assert_int_eq(gh_executor_new(&options, &executor), GH_OK);
    for (size_t i = 0; i < (size_t)4 * GREEDY; i++) {
        prepare(&greedy[i], executor, run_until_go, gh_deadline_never());
        greedy[i].job.key = i / GREEDY + 1;
        bool took = gh_executor_submit(executor, &greedy[i].job) == GH_OK;
        taken[i / GREEDY] += took ? 1 : 0;
        atomic_store(&greedy[i].extended, took ? 1 : 0);
    }
    ck_assert_uint_ge(taken[3], 1);
    for (int i = 0; i < 20; i++) {
        probe other;
        prepare(&other, executor, run_quick, gh_deadline_in(SOON_MS));
        other.job.key = 9;
        ck_assert_int_eq(gh_executor_submit(executor, &other.job), GH_OK);
        ck_assert_msg(becomes(&other.finished, 1), "the fifth user waits behind the others");
    }
    gh_executor_state state = gh_executor_look(executor);
    ck_assert_uint_ge(state.busy, 28);
    ck_assert_uint_le(state.busy, 31);
    for (size_t i = 0; i < (size_t)4 * GREEDY; i++) {
        atomic_store(&greedy[i].go, 1);
    }
    for (size_t i = 0; i < (size_t)4 * GREEDY; i++) {
        ck_assert(atomic_load(&greedy[i].extended) == 0 || becomes(&greedy[i].finished, 1));
    }
    end(executor);
    free(greedy);
}
END_TEST

/* A thread that ends one user's job and takes another's leaves more to the first: a third must see to it. */
START_TEST(what_was_held_back_runs_as_soon_as_it_may)
{
    const gh_executor_options options = {.threads = 8, .queue = 8, .share = 6};
    gh_executor *executor = NULL;
    probe ada[4], bob[4];
    ck_assert_int_eq(gh_executor_new(&options, &executor), GH_OK);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(starts(executor, 1, &ada[i]));
        ck_assert(starts(executor, 2, &bob[i]));
    }
    prepare(&bob[3], executor, run_until_go, gh_deadline_never());
    prepare(&ada[3], executor, run_until_go, gh_deadline_never());
    bob[3].job.key = 2;
    ada[3].job.key = 1;
    ck_assert_int_eq(gh_executor_submit(executor, &bob[3].job), GH_OK);
    ck_assert_int_eq(gh_executor_submit(executor, &ada[3].job), GH_OK);
    pause_ms(50);
    ck_assert_int_eq(atomic_load(&bob[3].ran) + atomic_load(&ada[3].ran), 0);
    atomic_store(&ada[0].go, 1);
    ck_assert(becomes(&bob[3].ran, 1));
    ck_assert(becomes(&ada[3].ran, 1));
    for (size_t i = 0; i < 4; i++) {
        atomic_store(&ada[i].go, 1);
        atomic_store(&bob[i].go, 1);
        ck_assert(becomes(&ada[i].finished, 1));
        ck_assert(becomes(&bob[i].finished, 1));
    }
    end(executor);
}
END_TEST

START_TEST(with_one_thread_a_user_leaves_places_in_the_queue)
{
    const gh_executor_options options = {.threads = 1, .queue = 4, .share = 1};
    gh_executor *executor = NULL;
    probe greedy[KEYED];
    probe other;
    ck_assert_int_eq(gh_executor_new(&options, &executor), GH_OK);
    ck_assert_uint_eq(submit_for(executor, 7, greedy), 4);
    prepare(&other, executor, run_quick, gh_deadline_never());
    other.job.key = 8;
    ck_assert_int_eq(gh_executor_submit(executor, &other.job), GH_OK);
    for (size_t i = 0; i < KEYED; i++) {
        atomic_store(&greedy[i].go, 1);
    }
    ck_assert(becomes(&other.finished, 1));
    end(executor);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor");
    TCase *tc = tcase_create("executor");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sizes_that_make_no_sense_are_refused);
    tcase_add_test(tc, every_job_runs_once_and_is_finished_once);
    tcase_add_test(tc, a_thread_has_its_name_a_megabyte_of_stack_and_no_signals);
    tcase_add_test(tc, a_full_queue_refuses_and_takes_again_when_there_is_room);
    tcase_add_test(tc, a_late_job_is_told_once_in_time_and_replaced_by_a_spare_thread);
    tcase_add_test(tc, without_a_spare_thread_it_is_exhausted_until_the_late_one_comes_back);
    tcase_add_test(tc, written_off_threads_that_come_back_give_their_places_back);
    tcase_add_test(tc, a_job_that_expires_in_the_queue_never_runs);
    tcase_add_test(tc, an_extended_deadline_counts_from_then_on);
    tcase_add_test(tc, what_has_expired_cannot_be_extended);
    tcase_add_test(tc, stopping_drops_the_queue_and_waits_for_what_runs);
    tcase_add_test(tc, a_deadline_is_met_while_it_stops);
    tcase_add_test(tc, one_user_cannot_have_all_threads_nor_the_whole_queue);
    tcase_add_test(tc, four_users_together_leave_threads_for_the_fifth);
    tcase_add_test(tc, what_was_held_back_runs_as_soon_as_it_may);
    tcase_add_test(tc, with_one_thread_a_user_leaves_places_in_the_queue);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
