#include "server/http/admission.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "server/http/descriptors.h"
#include "server/http/proxies.h"
#include "tests/support/suite.h"

START_TEST(nobody_waits_while_every_connection_has_a_worker)
{
    gh_admission admission;
    gh_admission_init(&admission, 8);
    for (int i = 0; i < 8; i++) {
        gh_admission_arrive(&admission);
        ck_assert(!gh_admission_is_awaited(&admission)); /* one is free */
        gh_admission_enter(&admission);
        ck_assert(!gh_admission_is_awaited(&admission));
    }
    gh_admission_arrive(&admission);
    ck_assert(gh_admission_is_awaited(&admission));
    gh_admission_leave(&admission);
    ck_assert(!gh_admission_is_awaited(&admission));
    gh_admission_enter(&admission);
    ck_assert(!gh_admission_is_awaited(&admission));
    ck_assert_uint_eq(gh_admission_connections(&admission), 8);
}
END_TEST

START_TEST(who_never_arrived_does_not_wait)
{
    gh_admission admission;
    gh_admission_init(&admission, 1);
    gh_admission_enter(&admission);
    gh_admission_enter(&admission);
    ck_assert(!gh_admission_is_awaited(&admission));
    gh_admission_arrive(&admission);
    ck_assert(gh_admission_is_awaited(&admission));
}
END_TEST

START_TEST(few_free_workers_make_it_full)
{
    static const struct {
        size_t workers;
        size_t full_at;
    } cases[] = {{1, 1}, {8, 8}, {16, 15}, {256, 225}, {1300, 1269}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gh_admission admission;
        gh_admission_init(&admission, cases[i].workers);
        for (size_t taken = 1; taken <= cases[i].full_at; taken++) {
            gh_admission_enter(&admission);
            ck_assert_int_eq(gh_admission_is_full(&admission), taken == cases[i].full_at);
        }
    }
}
END_TEST

START_TEST(the_limit_on_open_files_is_raised_or_explained)
{
    struct rlimit limit;
    gh_error error = {0};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    limit.rlim_max = 128;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(gh_descriptors_ensure(100, &error), GH_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_ge(limit.rlim_cur, 100);
    ck_assert_int_eq(gh_descriptors_ensure(50, &error), GH_OK);
    ck_assert_int_eq(gh_descriptors_ensure(129, &error), GH_ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(error.message, "--workers"));
}
END_TEST

static gh_proxies *proxies_of(const char *first, const char *second)
{
    char *items[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second};
    const gh_text_list list = {items, second != NULL ? 2 : 1};
    gh_proxies *proxies = NULL;
    gh_error error = {0};
    gh_status status = gh_proxies_new(&list, &proxies, &error);
    ck_assert(status == GH_OK || (status == GH_ERR_INVALID && error.message[0] != '\0'));
    return proxies;
}

START_TEST(networks_are_matched_by_their_bits)
{
    gh_proxies *proxies = proxies_of("10.1.0.0/15", "fd00::/8");
    ck_assert_ptr_nonnull(proxies);
    ck_assert(gh_proxies_trust(proxies, GH_VIEW_LIT("10.0.0.1")));
    ck_assert(gh_proxies_trust(proxies, GH_VIEW_LIT("10.1.255.255")));
    ck_assert(!gh_proxies_trust(proxies, GH_VIEW_LIT("10.2.0.0")));
    ck_assert(gh_proxies_trust(proxies, GH_VIEW_LIT("::ffff:10.1.2.3")));
    ck_assert(gh_proxies_trust(proxies, GH_VIEW_LIT("fdab::1")));
    ck_assert(!gh_proxies_trust(proxies, GH_VIEW_LIT("fe80::1")));
    ck_assert(!gh_proxies_trust(proxies, GH_VIEW_LIT("localhost")));
    ck_assert(!gh_proxies_trust(proxies, GH_VIEW_LIT("")));
    gh_proxies_free(proxies);
}
END_TEST

START_TEST(what_is_no_network_is_refused)
{
    static const char *const bad[] = {"",          "localhost",   "10.0.0.0/33", "::/129",
                                      "10.0.0.0/", "10.0.0.0/8x", "10.0.0/8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gh_proxies *proxies = proxies_of(bad[i], NULL);
        ck_assert_msg(proxies == NULL, "\"%s\" passed", bad[i]);
    }
}
END_TEST

static const char *client(const gh_proxies *proxies, const char *peer, const char *forwarded)
{
    static char text[64];
    gh_view found = gh_proxies_client(proxies, gh_view_of(peer), gh_view_of(forwarded));
    (void)snprintf(text, sizeof text, "%.*s", (int)found.len, found.ptr);
    return text;
}

START_TEST(the_client_is_the_last_address_that_is_no_proxy)
{
    gh_proxies *proxies = proxies_of("10.0.0.0/8", NULL);
    ck_assert_str_eq(client(proxies, "10.0.0.1", "203.0.113.9"), "203.0.113.9");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "1.1.1.1, 203.0.113.9 , 10.0.0.2"), "203.0.113.9");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "203.0.113.9:4711"), "203.0.113.9");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "203.0.113.9, 10.0.0.2:80"), "203.0.113.9");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "[2001:db8::1]:4711"), "2001:db8::1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "2001:db8::1"), "2001:db8::1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "[2001:db8::1"), "10.0.0.1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", ":"), "10.0.0.1");
    ck_assert_str_eq(client(proxies, "192.0.2.1", "203.0.113.9"), "192.0.2.1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", NULL), "10.0.0.1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "unknown"), "10.0.0.1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "203.0.113.9, <script>"), "10.0.0.1");
    ck_assert_str_eq(client(proxies, "10.0.0.1", "10.0.0.3,10.0.0.2"), "10.0.0.3");
    gh_proxies_free(proxies);
    ck_assert_int_eq(gh_proxies_new(NULL, &proxies, NULL), GH_OK);
    ck_assert_str_eq(client(proxies, "10.0.0.1", "203.0.113.9"), "10.0.0.1");
    gh_proxies_free(proxies);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admission");
    TCase *tests = tcase_create("admission");
    tcase_add_test(tests, nobody_waits_while_every_connection_has_a_worker);
    tcase_add_test(tests, who_never_arrived_does_not_wait);
    tcase_add_test(tests, few_free_workers_make_it_full);
    tcase_add_test(tests, the_limit_on_open_files_is_raised_or_explained);
    tcase_add_test(tests, networks_are_matched_by_their_bits);
    tcase_add_test(tests, what_is_no_network_is_refused);
    tcase_add_test(tests, the_client_is_the_last_address_that_is_no_proxy);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
