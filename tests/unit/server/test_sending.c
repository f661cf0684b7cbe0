/* Sending replies: in steps, for each of which patience begins anew, and to somebody who takes nothing. */
#include "server/http/sending.h"

#include <stdlib.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"
#include "tests/support/tcp_pair.h"

#define STEP ((size_t)64 * 1024)
#define LARGE ((size_t)64 * 1024 * 1024) /* more than any socket's buffers */

typedef struct taker {
    size_t writes, expected, bytes;
    size_t refuses; /* the write with this number; 0: none */
} taker;

static gh_watchdog *watchdog;
static gh_transaction_setting setting;

static void set_up(void)
{
    ck_assert_int_eq(gh_watchdog_start(&watchdog), GH_OK);
    setting = (gh_transaction_setting){.watchdog = watchdog};
}

static void tear_down(void)
{
    gh_watchdog_stop(watchdog);
}

static gh_status take(void *context, gh_view bytes)
{
    taker *self = context;
    ck_assert_uint_le(bytes.len, STEP);
    ck_assert_uint_eq(self->expected, ++self->writes);
    if (self->writes == self->refuses) {
        return GH_ERR_CLOSED;
    }
    for (size_t i = 0; i < bytes.len; i += 997) {
        ck_assert_int_eq(bytes.ptr[i], (char)((self->bytes + i) % 251));
    }
    self->bytes += bytes.len;
    return GH_OK;
}

static bool expect(void *context, gh_expects what)
{
    taker *self = context;
    ck_assert_int_eq(what, GH_EXPECTS_TAKING);
    self->expected++;
    return true;
}

static gh_status send_to(taker *self, size_t len)
{
    const gh_transaction_peer peer = {
        .context = self, .name = {GH_VIEW_LIT("192.0.2.1"), 9, 8080}, .write = take, .expect = expect};
    char *bytes = malloc(len);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(i % 251);
    }
    gh_status status = gh_sending_reply(&setting, &peer, gh_view_make(bytes, len));
    free(bytes);
    return status;
}

START_TEST(all_of_it_is_sent_in_steps)
{
    static const size_t sizes[] = {1, STEP, STEP + 1, 5 * STEP - 1, 5 * STEP};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        taker self = {0};
        ck_assert_int_eq(send_to(&self, sizes[i]), GH_OK);
        ck_assert_uint_eq(self.bytes, sizes[i]);
        ck_assert_uint_eq(self.writes, (sizes[i] + STEP - 1) / STEP);
    }
}
END_TEST

START_TEST(nothing_is_sent_after_what_failed)
{
    taker self = {.refuses = 3};
    ck_assert_int_eq(send_to(&self, 10 * STEP), GH_ERR_CLOSED);
    ck_assert_uint_eq(self.writes, 3);
}
END_TEST

/* --- over a socket, in a crowd --- */

typedef struct reader {
    tcp_pair tcp;
    gh_guest guest;
} reader;

static bool find_name(const void *connection, gh_socket_name *name)
{
    *name = ((const reader *)connection)->tcp.name;
    return true;
}

static gh_status write_all(void *context, gh_view bytes)
{
    const reader *self = context;
    while (bytes.len > 0) {
        ssize_t sent = send(self->tcp.served, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return GH_ERR_CLOSED;
        }
        bytes = gh_view_make(bytes.ptr + sent, bytes.len - (size_t)sent);
    }
    return GH_OK;
}

static bool expect_guest(void *context, gh_expects what)
{
    return gh_guest_expect(&((reader *)context)->guest, what);
}

START_TEST(who_takes_nothing_in_a_crowd_is_cut_long_before_the_deadline)
{
    reader self = {0};
    gh_admission admission;
    gh_patience *patience = NULL;
    char *bytes = calloc(1, LARGE);
    ck_assert_ptr_nonnull(bytes);
    self.tcp = tcp_pair_open();
    const gh_transaction_peer peer = {
        .context = &self, .name = self.tcp.name, .write = write_all, .expect = expect_guest};
    gh_admission_init(&admission, 1);
    ck_assert_int_eq(gh_patience_start(&admission, find_name, NULL, &patience), GH_OK);
    gh_admission_enter(&admission);
    gh_patience_enter(patience, &self.guest, &self);
    int64_t began = gh_clock_mono_ms();
    ck_assert_int_eq(gh_sending_reply(&setting, &peer, gh_view_make(bytes, LARGE)), GH_ERR_CLOSED);
    ck_assert_int_lt(gh_clock_mono_ms() - began, 8000);
    ck_assert(!gh_guest_expect(&self.guest, GH_EXPECTS_BYTES));
    gh_admission_leave(&admission);
    gh_patience_leave(patience, &self.guest);
    gh_patience_stop(patience);
    tcp_pair_close(&self.tcp);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sending");
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, all_of_it_is_sent_in_steps);
    tcase_add_test(cases, nothing_is_sent_after_what_failed);
    tcase_add_test(cases, who_takes_nothing_in_a_crowd_is_cut_long_before_the_deadline);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}
