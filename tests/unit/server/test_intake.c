/* Taking a port out of service: who was there before is served, and nobody comes after. */
#include "server/http/intake.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "tests/support/suite.h"
#include "tests/support/tcp_pair.h"

#define CLIENTS 20
#define SOON_MS 10000

static int listening;
static struct sockaddr_in address;
static uint16_t port;
static pthread_t closing;

static void sleep_ms(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void set_up(void)
{
    listening = tcp_listen(CLIENTS + 1, &address);
    port = ntohs(address.sin_port);
}

static void tear_down(void)
{
    (void)close(listening);
}

static void *run_close(void *context)
{
    (void)context;
    gh_intake_close(port, gh_deadline_in(SOON_MS));
    return NULL;
}

static void begin_close(void)
{
    ck_assert_int_eq(pthread_create(&closing, NULL, run_close, NULL), 0);
}

static void end_close(void)
{
    ck_assert_int_eq(pthread_join(closing, NULL), 0);
}

/* The next that waits to be accepted; -1 when there is none, or no more will come. */
static int next_accepted(int ms)
{
    struct pollfd state = {.fd = listening, .events = POLLIN};
    return poll(&state, 1, ms) == 1 ? accept(listening, NULL, NULL) : -1;
}

static bool can_read(int fd, int ms)
{
    struct pollfd state = {.fd = fd, .events = POLLIN};
    return poll(&state, 1, ms) == 1;
}

START_TEST(who_is_in_the_queue_is_accepted_and_answered)
{
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = tcp_connect(&address);
        ck_assert_int_eq(write(clients[i], "?", 1), 1);
    }
    begin_close();
    for (int i = 0; i < CLIENTS; i++) {
        char byte = 0;
        sleep_ms(3);
        int fd = next_accepted(SOON_MS);
        ck_assert_msg(fd >= 0, "client %d: %s", i, strerror(errno));
        ck_assert_int_eq(read(fd, &byte, 1), 1);
        ck_assert_int_eq(write(fd, "!", 1), 1);
        (void)close(fd);
    }
    end_close();
    for (int i = 0; i < CLIENTS; i++) {
        char byte = 0;
        ck_assert_int_eq(read(clients[i], &byte, 1), 1);
        (void)close(clients[i]);
    }
}
END_TEST

START_TEST(nobody_comes_after)
{
    begin_close();
    end_close();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_lt(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(errno, ECONNREFUSED);
    (void)close(fd);
    ck_assert_int_lt(next_accepted(0), 0);
}
END_TEST

static bool is_bolted(void)
{
    socklen_t instructions = 0;
    return getsockopt(listening, SOL_SOCKET, SO_GET_FILTER, NULL, &instructions) == 0 && instructions > 0;
}

/* Whether it is one, then or after a while. */
static bool gets_a_connection(int ms)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    bool got = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (!got && errno == EINPROGRESS) {
        struct pollfd state = {.fd = fd, .events = POLLOUT};
        got = poll(&state, 1, ms) == 1 && (state.revents & (POLLERR | POLLHUP)) == 0;
    }
    (void)close(fd);
    return got;
}

/* As long as somebody waits to be accepted, that goes on. */
static void begin_close_and_bolt(void)
{
    gh_deadline end = gh_deadline_in(SOON_MS);
    begin_close();
    while (!is_bolted()) {
        sleep_ms(1);
        ck_assert(!gh_deadline_passed(end));
    }
}

/* Some systems keep filters to the privileged. */
static bool may_filter(void)
{
    struct sockaddr_in other;
    int fd = tcp_listen(1, &other);
    bool may = gh_sockets_bolt(fd);
    (void)close(fd);
    return may;
}

START_TEST(who_comes_while_the_queue_is_emptied_does_not_get_into_it)
{
    if (!may_filter()) {
        return;
    }
    ck_assert(gets_a_connection(SOON_MS));
    (void)close(next_accepted(SOON_MS));
    int before = tcp_connect(&address);
    begin_close_and_bolt();
    ck_assert(!gets_a_connection(50));
    int accepted = next_accepted(SOON_MS);
    ck_assert_int_ge(accepted, 0);
    (void)close(accepted);
    ck_assert(!gets_a_connection(10));
    end_close();
    ck_assert_int_lt(next_accepted(0), 0);
    (void)close(before);
}
END_TEST

/* Over a network the client's last word of the handshake is under way for a while, and it takes itself for
 * connected. Here it says nothing until it has something to send. */
START_TEST(who_has_begun_to_connect_is_accepted_and_answered)
{
    int off = 0;
    char byte = 0;
    if (!may_filter()) {
        return;
    }
    int before = tcp_connect(&address);
    int from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(setsockopt(from, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off), 0);
    ck_assert_int_eq(connect(from, (const struct sockaddr *)&address, sizeof address), 0);
    begin_close_and_bolt();
    ck_assert_int_eq(write(from, "?", 1), 1);
    int first = next_accepted(SOON_MS);
    int fd = next_accepted(SOON_MS);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    ck_assert_int_eq(write(fd, "!", 1), 1);
    (void)close(fd);
    ck_assert_int_eq(read(from, &byte, 1), 1);
    (void)close(first);
    (void)close(from);
    (void)close(before);
    end_close();
}
END_TEST

START_TEST(who_had_no_reply_yet_has_some_time_and_who_had_one_less)
{
    char byte = 0;
    int clients[3];
    int accepted[3];
    enum { SILENT, HALF_WAY, ANSWERED };
    for (int i = SILENT; i <= ANSWERED; i++) {
        clients[i] = tcp_connect(&address);
        accepted[i] = next_accepted(SOON_MS);
        ck_assert_int_ge(accepted[i], 0);
    }
    for (int i = HALF_WAY; i <= ANSWERED; i++) {
        ck_assert_int_eq(write(clients[i], "?", 1), 1);
        ck_assert_int_eq(read(accepted[i], &byte, 1), 1);
    }
    ck_assert_int_eq(write(accepted[ANSWERED], "!", 1), 1);
    ck_assert_int_eq(read(clients[ANSWERED], &byte, 1), 1);
    begin_close();
    ck_assert(can_read(accepted[ANSWERED], SOON_MS)); /* the end */
    ck_assert_int_eq(read(accepted[ANSWERED], &byte, 1), 0);
    for (int i = SILENT; i <= HALF_WAY; i++) {
        ck_assert(!can_read(accepted[i], 0));
        ck_assert_int_eq(write(clients[i], ".", 1), 1);
        ck_assert_int_eq(read(accepted[i], &byte, 1), 1);
        ck_assert_int_eq(byte, '.');
    }
    for (int i = SILENT; i <= ANSWERED; i++) {
        (void)close(accepted[i]);
    }
    end_close();
    for (int i = SILENT; i <= ANSWERED; i++) {
        (void)close(clients[i]);
    }
}
END_TEST

START_TEST(who_says_nothing_is_not_waited_for_for_ever)
{
    char byte = 0;
    int silent_client = tcp_connect(&address);
    int silent = next_accepted(SOON_MS);
    gh_deadline end = gh_deadline_in(5000);
    begin_close();
    ck_assert(can_read(silent, SOON_MS));
    ck_assert_int_eq(read(silent, &byte, 1), 0);
    (void)close(silent);
    end_close();
    ck_assert(!gh_deadline_passed(end));
    (void)close(silent_client);
}
END_TEST

START_TEST(in_the_end_whoever_waits_on_a_socket_wakes_up)
{
    char byte = 0;
    int from = tcp_connect(&address);
    int fd = next_accepted(SOON_MS);
    gh_intake_shut(port);
    ck_assert_int_eq(read(fd, &byte, 1), 0);
    ck_assert_int_eq(read(from, &byte, 1), 0);
    (void)close(fd);
    (void)close(from);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("intake");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, who_is_in_the_queue_is_accepted_and_answered);
    tcase_add_test(cases, nobody_comes_after);
    tcase_add_test(cases, who_comes_while_the_queue_is_emptied_does_not_get_into_it);
    tcase_add_test(cases, who_has_begun_to_connect_is_accepted_and_answered);
    tcase_add_test(cases, who_had_no_reply_yet_has_some_time_and_who_had_one_less);
    tcase_add_test(cases, who_says_nothing_is_not_waited_for_for_ever);
    tcase_add_test(cases, in_the_end_whoever_waits_on_a_socket_wakes_up);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}
