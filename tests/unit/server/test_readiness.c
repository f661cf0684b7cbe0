/* /readyz: what it answers, and how often it asks. */
#include "server/http/pages.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"

#define SECOND INT64_C(1000000000)

static int64_t now_ns;
static atomic_int asked;
static atomic_bool hangs;
static bool up;
static gh_site *site;
static gh_pages *pages;

static int64_t read_clock(void)
{
    return now_ns;
}

static gh_status ready(void *context, gh_error *error)
{
    ck_assert_ptr_eq(context, &up);
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&hangs)) {
        const struct timespec pause = {.tv_nsec = 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    return up ? GH_OK : gh_error_set(error, GH_ERR_UNAVAILABLE, "The store does not answer.");
}

static void set_up(void)
{
    now_ns = 1000 * SECOND;
    gh_clock_set_source(read_clock, NULL);
    ck_assert_int_eq(gh_site_new("http://localhost:8080", NULL, &site, NULL), GH_OK);
    const gh_pages_options options = {
        .site = site, .server_name = "Gatehouse", .scopes = "mcp", .context = &up, .ready = ready};
    ck_assert_int_eq(gh_pages_new(&options, &pages), GH_OK);
    up = true;
    atomic_store(&asked, 0);
    atomic_store(&hangs, false);
}

static void tear_down(void)
{
    gh_pages_free(pages);
    gh_site_free(site);
    gh_clock_set_source(NULL, NULL);
}

static void assert_says(int status, const char *part)
{
    const gh_request request = {.method = GH_VIEW_LIT("GET"), .path = GH_VIEW_LIT("/readyz")};
    gh_response response;
    gh_response_init(&response, NULL);
    gh_pages_handle_ready(pages, &request, &response);
    ck_assert_int_eq(response.status, status);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.body), part));
    gh_response_clear(&response);
}

START_TEST(it_asks_once_a_second_however_often_it_is_asked)
{
    for (int i = 0; i < 100; i++) {
        assert_says(200, "\"ready\"");
    }
    ck_assert_int_eq(atomic_load(&asked), 1);
    now_ns += SECOND - 1000000;
    assert_says(200, "\"ready\"");
    ck_assert_int_eq(atomic_load(&asked), 1);
    now_ns += 2000000;
    assert_says(200, "\"ready\"");
    ck_assert_int_eq(atomic_load(&asked), 2);
}
END_TEST

START_TEST(what_changes_is_said_within_a_second_with_the_reason)
{
    assert_says(200, "\"ready\"");
    up = false;
    now_ns += SECOND;
    assert_says(503, "The store does not answer.");
    assert_says(503, "The store does not answer.");
    ck_assert_int_eq(atomic_load(&asked), 2);
    up = true;
    now_ns += SECOND;
    assert_says(200, "\"ready\"");
}
END_TEST

static void *ask_often(void *context)
{
    (void)context;
    for (int i = 0; i < 500; i++) {
        assert_says(200, "\"ready\"");
    }
    return NULL;
}

START_TEST(many_who_ask_at_once_make_one_question)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_int_eq(atomic_load(&asked), 1);
}
END_TEST

static void *ask_once(void *context)
{
    (void)context;
    assert_says(200, "\"ready\"");
    return NULL;
}

static int64_t real_ms(void)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(who_asks_while_the_store_hangs_is_told_so_and_does_not_wait_for_it)
{
    pthread_t first;
    atomic_store(&hangs, true);
    ck_assert_int_eq(pthread_create(&first, NULL, ask_once, NULL), 0);
    while (atomic_load(&asked) == 0) {
        (void)sched_yield();
    }
    assert_says(503, "takes long"); /* after a second, as the answer comes within one as a rule */
    now_ns += SECOND;
    int64_t begun_ms = real_ms();
    for (int i = 0; i < 20; i++) {
        assert_says(503, "takes long");
    }
    ck_assert_int_lt(real_ms() - begun_ms, 500);
    atomic_store(&hangs, false);
    ck_assert_int_eq(pthread_join(first, NULL), 0);
    assert_says(200, "\"ready\"");
    ck_assert_int_eq(atomic_load(&asked), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("readiness");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, it_asks_once_a_second_however_often_it_is_asked);
    tcase_add_test(cases, what_changes_is_said_within_a_second_with_the_reason);
    tcase_add_test(cases, many_who_ask_at_once_make_one_question);
    tcase_add_test(cases, who_asks_while_the_store_hangs_is_told_so_and_does_not_wait_for_it);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}
