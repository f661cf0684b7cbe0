#include <check.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/core/sanitizer.h"
#include "shared/core/sparse.h"
#include "tests/support/suite.h"

#define COUNT 100000U

START_TEST(a_table_is_zeroed_and_can_be_filled)
{
    uint64_t *table = gh_sparse_new(COUNT, sizeof *table);
    ck_assert_ptr_nonnull(table);
    uint64_t seen = 0;
    for (size_t i = 0; i < COUNT; i++) {
        seen |= table[i];
        table[i] = i;
    }
    ck_assert_uint_eq(seen, 0);
    ck_assert_uint_eq(table[COUNT - 1], COUNT - 1);
    gh_sparse_free(table, COUNT, sizeof *table);
}
END_TEST

START_TEST(one_that_follows_a_full_one_is_zeroed_as_well)
{
    for (size_t round = 0; round < 3; round++) {
        unsigned char *table = gh_sparse_new(COUNT, 3);
        ck_assert_ptr_nonnull(table);
        unsigned seen = 0;
        for (size_t i = 0; i < (size_t)COUNT * 3; i++) {
            seen |= table[i];
        }
        ck_assert_uint_eq(seen, 0);
        memset(table, 0xff, (size_t)COUNT * 3);
        gh_sparse_free(table, COUNT, 3);
    }
}
END_TEST

START_TEST(no_table_and_one_beyond_all_memory_are_refused)
{
    ck_assert_ptr_null(gh_sparse_new(0, 8));
    ck_assert_ptr_null(gh_sparse_new(8, 0));
#ifndef GH_CHECKS_MEMORY /* which would end the program */
    ck_assert_ptr_null(gh_sparse_new(SIZE_MAX, 8));
    ck_assert_ptr_null(gh_sparse_new(SIZE_MAX / 2, 1));
#endif
    gh_sparse_free(NULL, 8, 8);
}
END_TEST

/* With a sanitizer that looks at bounds, tables come from calloc. */
START_TEST(pages_that_nobody_touches_are_not_there)
{
#ifndef GH_CHECKS_MEMORY
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    enum { PAGES = 64 };
    unsigned char there[PAGES] = {0};
    size_t count = 0;
    unsigned char *table = gh_sparse_new(PAGES, page);
    ck_assert_ptr_nonnull(table);
    table[5 * page] = 1;
    ck_assert_int_eq(mincore(table, PAGES * page, there), 0);
    for (size_t i = 0; i < PAGES; i++) {
        count += there[i] & 1U;
    }
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(there[5] & 1U, 1);
    gh_sparse_free(table, PAGES, page);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sparse");
    TCase *tests = tcase_create("sparse");
    tcase_add_test(tests, a_table_is_zeroed_and_can_be_filled);
    tcase_add_test(tests, one_that_follows_a_full_one_is_zeroed_as_well);
    tcase_add_test(tests, no_table_and_one_beyond_all_memory_are_refused);
    tcase_add_test(tests, pages_that_nobody_touches_are_not_there);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
