/* A disk that fails while the store is open. */
#include "tests/unit/server/bent_files.h"
#include "tests/unit/server/store_fixture.h"

/* --- time --- */

static _Atomic int64_t mono_ms = 1000000;

static int64_t mono_ns(void)
{
    return mono_ms * 1000000;
}

static gh_store *store;

static void setup(void)
{
    char spec[128];
    fixture_start();
    gh_clock_set_source(mono_ns, fixture_wall);
    bent_install(false);
    fixture_spec(spec, sizeof(spec));
    store = open_spec(spec);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
}

static void teardown(void)
{
    bent_fault = SQLITE_OK;
    gh_store_close(store);
    fixture_end();
}

/* What a disk, a file system that became read-only, a full one and a broken cache give. */
static const int FAULTS[] = {SQLITE_IOERR_WRITE, SQLITE_READONLY, SQLITE_FULL, SQLITE_IOERR_FSYNC};

static void assert_red(const char *reason)
{
    gh_error error = {0};
    ck_assert_int_eq(gh_store_ping(store, &error), GH_ERR_UNAVAILABLE);
    ck_assert_msg(strstr(error.message, "cannot be written") != NULL && strstr(error.message, reason) != NULL,
                  "'%s' does not say '%s'", error.message, reason);
}

static void assert_nothing_changes(void)
{
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    ck_assert_int_eq(add_grant(store, "g3", "code3"), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(take_code(store, "code2"), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(
        gh_store_refresh_rotate(store, "r1", "r2", "client", 30, gh_clock_wall_s() + 7200, &outcome, &grant),
        GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(outcome, GH_REFRESH_UNKNOWN);
    ck_assert_ptr_null(grant.id);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g2"), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_ERR_UNAVAILABLE);
}

START_TEST(writing_that_fails_is_an_outage_that_says_why_and_passes)
{
    uint64_t uses = 0;
    uint64_t failures = 0;
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
    bent_fault = FAULTS[_i];
    assert_nothing_changes();
    /* What is there can still be read. */
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g3"), GH_ERR_NOT_FOUND);
    assert_red(sqlite3_errstr(FAULTS[_i]));
    mono_ms += 60000;
    assert_red(sqlite3_errstr(FAULTS[_i]));
    gh_store_counts(store, &uses, &failures);
    ck_assert_uint_ge(failures, 7);

    bent_fault = SQLITE_OK;
    assert_red(""); /* it is not tried all the time */
    mono_ms += 1000;
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
    ck_assert_int_eq(add_grant(store, "g3", "code3"), GH_OK);
    ck_assert_int_eq(take_code(store, "code2"), GH_OK);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g2"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_store_that_nobody_writes_to_is_seen_to_fail_and_to_recover)
{
    bent_fault = FAULTS[_i];
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK); /* it was written to a moment ago */
    mono_ms += 10000;
    assert_red(sqlite3_errstr(FAULTS[_i]));
    bent_fault = SQLITE_OK;
    mono_ms += 1000;
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
}
END_TEST

START_TEST(the_first_write_that_works_ends_the_outage)
{
    bent_fault = FAULTS[_i];
    ck_assert_int_eq(add_grant(store, "g3", "code3"), GH_ERR_UNAVAILABLE);
    assert_red(sqlite3_errstr(FAULTS[_i]));
    bent_fault = SQLITE_OK;
    ck_assert_int_eq(gh_store_grant_revoke(store, "none"), GH_OK); /* which changes nothing */
    assert_red("");
    ck_assert_int_eq(add_grant(store, "g3", "code3"), GH_OK);
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
}
END_TEST

int main(void)
{
    const int faults = (int)(sizeof(FAULTS) / sizeof(FAULTS[0]));
    Suite *suite = suite_create("store_outages");
    TCase *tests = tcase_create("store_outages");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, writing_that_fails_is_an_outage_that_says_why_and_passes, 0, faults);
    tcase_add_loop_test(tests, a_store_that_nobody_writes_to_is_seen_to_fail_and_to_recover, 0, faults);
    tcase_add_loop_test(tests, the_first_write_that_works_ends_the_outage, 0, faults);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
