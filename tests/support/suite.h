/* The end of every Check program: run the suite, report, and say by the exit code whether all passed. */
#ifndef GH_TESTS_SUPPORT_SUITE_H
#define GH_TESTS_SUPPORT_SUITE_H

#include <check.h>

static inline int gh_suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
