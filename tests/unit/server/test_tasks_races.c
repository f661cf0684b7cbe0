/* One task, and several threads that end it, answer it and forget it at the same moment. */
#include <pthread.h>

#include "tests/support/suite.h"
#include "tests/unit/server/tasks_fixture.h"

static gh_principal GRACE = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-2"}, .client_id = (char[]){"c-1"}};

#define ROUNDS 300

typedef struct scene {
    fixture fixture;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    pthread_barrier_t start;
    atomic_int bad;
} scene;

static void *complete_it(void *argument)
{
    scene *self = argument;
    (void)pthread_barrier_wait(&self->start);
    gh_mcp_tasks_complete(self->fixture.tasks, self->id, GH_VIEW_LIT("{\"content\":[]}"));
    return NULL;
}

static void *cancel_it(void *argument)
{
    scene *self = argument;
    (void)pthread_barrier_wait(&self->start);
    gh_status status = gh_mcp_tasks_cancel(self->fixture.tasks, &ADA, gh_view_of(self->id));
    atomic_fetch_add(&self->bad, status != GH_OK && status != GH_ERR_NOT_FOUND);
    return NULL;
}

static void *answer_it(void *argument)
{
    scene *self = argument;
    (void)pthread_barrier_wait(&self->start);
    gh_status status = fixture_update(&self->fixture, self->id, "{\"key\":{\"action\":\"accept\"}}");
    atomic_fetch_add(&self->bad, status != GH_OK && status != GH_ERR_NOT_FOUND);
    return NULL;
}

static void *expire_it(void *argument)
{
    scene *self = argument;
    (void)pthread_barrier_wait(&self->start);
    atomic_fetch_add(&fixture_ms, 60000);
    gh_mcp_tasks_sweep(self->fixture.tasks);
    return NULL;
}

/* What it says must never go back: an ended task does not work again. */
static void *watch_it(void *argument)
{
    scene *self = argument;
    char ended[32] = "";
    gh_buf out = GH_BUF_INIT(10000);
    (void)pthread_barrier_wait(&self->start);
    for (int i = 0; i < 50; i++) {
        gh_buf_clear(&out);
        if (gh_mcp_tasks_get(self->fixture.tasks, &ADA, gh_view_of(self->id), &out) != GH_OK) {
            break;
        }
        const char *now = strstr(gh_buf_cstr(&out), "\"status\":\"completed\"")   ? "completed"
                          : strstr(gh_buf_cstr(&out), "\"status\":\"cancelled\"") ? "cancelled"
                                                                                  : "";
        atomic_fetch_add(&self->bad, ended[0] != '\0' && strcmp(ended, now) != 0);
        (void)snprintf(ended, sizeof ended, "%s", now);
    }
    gh_buf_free(&out);
    return NULL;
}

static void play(scene *self, void *(*const parts[])(void *), size_t count)
{
    pthread_t threads[8];
    ck_assert_int_eq(pthread_barrier_init(&self->start, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, parts[i], self), 0);
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    (void)pthread_barrier_destroy(&self->start);
}

START_TEST(a_task_cancelled_while_it_completes_has_one_end)
{
    static void *(*const PARTS[])(void *) = {complete_it, cancel_it, cancel_it, watch_it};
    int cancelled = 0;
    for (int round = 0; round < ROUNDS; round++) {
        scene self = {.bad = 0};
        fixture_start(&self.fixture, 10, 10);
        fixture_create(&self.fixture, &self.who, self.id);
        play(&self, PARTS, 4);
        expect_status(&self.fixture, self.id, self.who.cancelled ? "cancelled" : "completed");
        ck_assert_int_eq(self.fixture.announced, 1);
        ck_assert_int_le(self.who.cancelled, 1);
        ck_assert_int_eq(self.who.gone, 1);
        ck_assert_int_eq(self.who.after_gone + self.bad, 0);
        cancelled += self.who.cancelled;
        fixture_end(&self.fixture);
        ck_assert_int_eq(self.who.gone, 1);
    }
    ck_assert_int_le(cancelled, ROUNDS);
}
END_TEST

START_TEST(a_worker_hears_nothing_after_it_was_told_that_it_is_gone)
{
    static void *(*const PARTS[])(void *) = {answer_it,   answer_it, cancel_it,
                                             complete_it, expire_it, watch_it};
    for (int round = 0; round < ROUNDS; round++) {
        scene self = {.bad = 0};
        fixture_start(&self.fixture, 10, 10);
        fixture_create(&self.fixture, &self.who, self.id);
        ck_assert_int_eq(fixture_ask(&self.fixture, self.id, "key", "{}"), GH_OK);
        play(&self, PARTS, 6);
        ck_assert_uint_eq(gh_mcp_tasks_count(self.fixture.tasks), 0);
        ck_assert_int_le(self.who.resumed, 1);
        ck_assert_int_le(self.who.cancelled, 1);
        ck_assert_int_eq(self.who.gone, 1);
        ck_assert_int_eq(self.who.after_gone + self.bad, 0);
        fixture_end(&self.fixture);
    }
}
END_TEST

/* Many tasks of a life each, while somebody sweeps. */
static void *live_many_lives(void *argument)
{
    scene *self = argument;
    for (int i = 0; i < 200; i++) {
        worker who;
        gh_mcp_task_worker told = worker_of(&who);
        char id[GH_MCP_TASK_ID_MAX];
        gh_buf out = GH_BUF_INIT(10000);
        gh_status status = gh_mcp_tasks_create(self->fixture.tasks, i % 2 ? &ADA : &GRACE, "a b", 1 + i % 3,
                                               1, &told, id, &out);
        gh_buf_free(&out);
        if (status != GH_OK) {
            gh_mcp_tasks_sweep(self->fixture.tasks);
            continue;
        }
        gh_mcp_tasks_say(self->fixture.tasks, id, "on my way");
        (void)fixture_ask(&self->fixture, id, "key", "{}");
        (void)fixture_update(&self->fixture, id, "{\"key\":{}}");
        atomic_fetch_add(&fixture_ms, 1);
        gh_mcp_tasks_complete(self->fixture.tasks, id, GH_VIEW_LIT("{}"));
        /* It ended by its result or by its time; in the second case a sweep, perhaps of another thread, says
         * so. */
        while (atomic_load(&who.gone) == 0) {
            gh_mcp_tasks_sweep(self->fixture.tasks);
        }
        atomic_fetch_add(&self->bad, who.after_gone);
    }
    return NULL;
}

START_TEST(eight_threads_live_and_expire_within_the_bounds)
{
    static void *(*const PARTS[])(void *) = {live_many_lives, live_many_lives, live_many_lives,
                                             live_many_lives, live_many_lives, live_many_lives,
                                             live_many_lives, live_many_lives};
    scene self = {.bad = 0};
    fixture_start(&self.fixture, 6, 4);
    play(&self, PARTS, 8);
    ck_assert_int_eq(self.bad, 0);
    ck_assert_uint_le(gh_mcp_tasks_count(self.fixture.tasks), 6);
    atomic_fetch_add(&fixture_ms, 60000);
    gh_mcp_tasks_sweep(self.fixture.tasks);
    ck_assert_uint_eq(gh_mcp_tasks_count(self.fixture.tasks), 0);
    fixture_end(&self.fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tasks_races");
    TCase *tc = tcase_create("races");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_task_cancelled_while_it_completes_has_one_end);
    tcase_add_test(tc, a_worker_hears_nothing_after_it_was_told_that_it_is_gone);
    tcase_add_test(tc, eight_threads_live_and_expire_within_the_bounds);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
