/* Several processes at one file, and one that is killed at work. */

#include "tests/unit/server/store_kill.h"

#define PROCESSES 3
#define ROUNDS 25

static char db_spec[160];

static void setup(void)
{
    fixture_start();
    fixture_spec(db_spec, sizeof(db_spec));
}

static gh_status add_login(gh_store *store, const char *state)
{
    const gh_upstream_login login = {.state_hash = lit(state),
                                     .cookie_hash = lit("cookie"),
                                     .flow_hash = lit("flow"),
                                     .nonce = lit("nonce"),
                                     .sealed_verifier = lit("sealed"),
                                     .expires_at = NOW + 600};
    return gh_store_upstream_login_add(store, &login, 100000);
}

static gh_status take_login(gh_store *store, const char *state)
{
    gh_upstream_login login = {0};
    gh_status status = gh_store_upstream_login_take(store, state, &login);
    gh_upstream_login_clear(&login);
    return status;
}

static gh_status put_tokens(gh_store *store, const char *grant, int64_t version)
{
    const gh_upstream_tokens tokens = {lit(grant), lit("sealed"), 0, version};
    return gh_store_upstream_tokens_put(store, &tokens);
}

static gh_status add_device(gh_store *store, const char *device_code, const char *user_code)
{
    const gh_device device = {.device_hash = lit(device_code),
                              .user_code_hash = lit(user_code),
                              .client_id = lit("client"),
                              .scope = lit("mcp"),
                              .resource = lit("r"),
                              .interval_s = 5,
                              .expires_at = NOW + 600};
    return gh_store_device_add(store, &device, 100000);
}

static gh_status approve(gh_store *store, const char *user_code, const char *grant_id)
{
    const gh_grant grant = {.id = lit(grant_id),
                            .client_id = lit("client"),
                            .subject = lit("alice"),
                            .scope = lit("mcp"),
                            .resource = lit("r"),
                            .created_at = NOW,
                            .expires_at = NOW + 3600};
    return gh_store_device_decide(store, user_code, &grant);
}

static gh_device_poll poll(gh_store *store, const char *device_code)
{
    gh_grant grant = {0};
    gh_device_poll outcome = GH_DEVICE_POLL_PENDING;
    if (gh_store_device_poll(store, device_code, "client", &outcome, &grant) != GH_OK) {
        outcome = GH_DEVICE_POLL_SLOW_DOWN; /* nobody expects it here */
    }
    gh_grant_clear(&grant);
    return outcome;
}

/* ---- one winner ---- */

typedef enum prize { LEASE, LOGIN, TOKENS, DEVICE, PRIZES } prize;

/* 1: won, 0: lost, -1: something else. */
static int try_for(gh_store *store, int process, prize what, int round)
{
    char name[16];
    char holder[16];
    gh_status status = GH_OK;
    gh_status loss = GH_ERR_CONFLICT;
    switch (what) {
    case LEASE:
        name_of(name, sizeof(name), "l", round);
        name_of(holder, sizeof(holder), "p", process);
        status = gh_store_lease_take(store, name, holder, 60);
        break;
    case LOGIN:
        name_of(name, sizeof(name), "s", round);
        status = take_login(store, name);
        loss = GH_ERR_NOT_FOUND;
        break;
    case TOKENS:
        name_of(name, sizeof(name), "g", round);
        status = put_tokens(store, name, 0);
        break;
    default:
        name_of(name, sizeof(name), "d", round);
        switch (poll(store, name)) {
        case GH_DEVICE_POLL_GRANTED:
            return 1;
        case GH_DEVICE_POLL_UNKNOWN:
            return 0;
        default:
            return -1;
        }
    }
    return status == GH_OK ? 1 : status == loss ? 0 : -1;
}

static void compete(int process, int fd)
{
    gh_store *store = NULL;
    if (gh_store_open(db_spec, &store, NULL) != GH_OK) {
        _exit(2);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int what = LEASE; what < PRIZES; what++) {
            int won = try_for(store, process, (prize)what, i);
            unsigned char report[2] = {(unsigned char)what, (unsigned char)i};
            if (won < 0 || (won == 1 && write(fd, report, 2) != 2)) {
                _exit(3);
            }
        }
    }
    gh_store_close(store);
    _exit(0);
}

static void prepare_prizes(void)
{
    gh_store *store = open_spec(db_spec);
    for (int i = 0; i < ROUNDS; i++) {
        char names[5][16];
        static const char *const prefixes[] = {"s", "g", "code", "d", "u"};
        for (size_t n = 0; n < 5; n++) {
            name_of(names[n], sizeof(names[n]), prefixes[n], i);
        }
        char grant[16];
        name_of(grant, sizeof(grant), "dg", i);
        ck_assert_int_eq(add_login(store, names[0]), GH_OK);
        ck_assert_int_eq(add_grant(store, names[1], names[2]), GH_OK);
        ck_assert_int_eq(add_device(store, names[3], names[4]), GH_OK);
        ck_assert_int_eq(approve(store, names[4], grant), GH_OK);
    }
    gh_store_close(store);
}

START_TEST(of_several_processes_one_wins_each_time)
{
    int fds[2];
    int wins[PRIZES][ROUNDS] = {{0}};
    pid_t children[PROCESSES];
    prepare_prizes();
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            compete(i, fds[1]);
        }
    }
    close(fds[1]);
    unsigned char report[2];
    while (read(fds[0], report, 2) == 2) {
        ck_assert(report[0] < PRIZES && report[1] < ROUNDS);
        wins[report[0]][report[1]]++;
    }
    close(fds[0]);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int what = LEASE; what < PRIZES; what++) {
        for (int i = 0; i < ROUNDS; i++) {
            ck_assert_msg(wins[what][i] == 1, "prize %d, round %d: %d winners", what, i, wins[what][i]);
        }
    }
}
END_TEST

/* A process that takes the lease "g1" and is killed. */
static void leave_a_lease(void)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        gh_store *own = NULL;
        char ready = 'r';
        if (gh_store_open(db_spec, &own, NULL) != GH_OK ||
            gh_store_lease_take(own, "g1", "child", 20) != GH_OK || write(fds[1], &ready, 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    char ready = 0;
    int status = 0;
    close(fds[1]);
    ck_assert_int_eq(read(fds[0], &ready, 1), 1);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    close(fds[0]);
}

START_TEST(the_lease_of_a_killed_process_ends_by_itself)
{
    gh_store *store = open_spec(db_spec);
    leave_a_lease();
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "parent", 20), GH_ERR_CONFLICT);
    fixture_now_s += 20;
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "parent", 20), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(who_starts_again_alone_does_not_wait_for_it)
{
    leave_a_lease();
    gh_store *store = open_spec(db_spec);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "parent", 20), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(who_comes_second_takes_no_lease_away)
{
    gh_store *store = open_spec(db_spec);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "first", 20), GH_OK);
    for (int i = 0; i < 3; i++) {
        gh_store *second = open_spec(db_spec);
        ck_assert_int_eq(gh_store_lease_take(second, "g1", "second", 20), GH_ERR_CONFLICT);
        gh_store_close(second);
    }
    gh_store_close(store);
    store = open_spec(db_spec);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "third", 20), GH_OK);
    gh_store_close(store);
}
END_TEST

/* ---- kill -9 ---- */

/* Works until it is killed; each report is a round that was answered for: its login, its device's grant and
 * its tokens are used up or kept. */
static void work_until_killed(int fd, int first)
{
    gh_store *store = NULL;
    if (gh_store_open(db_spec, &store, NULL) != GH_OK) {
        _exit(2);
    }
    for (int i = first;; i++) {
        char state[16];
        char device[16];
        char user[16];
        char grant[16];
        name_of(state, sizeof(state), "s", i);
        name_of(device, sizeof(device), "d", i);
        name_of(user, sizeof(user), "u", i);
        name_of(grant, sizeof(grant), "g", i);
        if (add_login(store, state) != GH_OK || take_login(store, state) != GH_OK ||
            add_device(store, device, user) != GH_OK || approve(store, user, grant) != GH_OK ||
            poll(store, device) != GH_DEVICE_POLL_GRANTED || put_tokens(store, grant, 0) != GH_OK ||
            write(fd, &i, sizeof(i)) != sizeof(i)) {
            _exit(3);
        }
    }
}

static void assert_nothing_is_lost_or_spent_twice(const int *rounds, size_t count)
{
    gh_store *store = open_spec(db_spec);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        name_of(name, sizeof(name), "s", rounds[i]);
        ck_assert_int_eq(take_login(store, name), GH_ERR_NOT_FOUND);
        name_of(name, sizeof(name), "d", rounds[i]);
        ck_assert_int_eq(poll(store, name), GH_DEVICE_POLL_UNKNOWN);
        name_of(name, sizeof(name), "g", rounds[i]);
        ck_assert_int_eq(gh_store_grant_alive(store, name), GH_OK);
        ck_assert_int_eq(put_tokens(store, name, 0), GH_ERR_CONFLICT);
        ck_assert_int_eq(put_tokens(store, name, 1), GH_OK);
    }
    gh_store_close(store);
}

START_TEST(a_killed_process_loses_nothing_and_nothing_is_spent_twice)
{
    for (int round = 0; round < 6; round++) {
        int rounds[KILL_REPORTS];
        size_t count = work_and_kill(work_until_killed, round, rounds, sizeof(int));
        assert_nothing_is_lost_or_spent_twice(rounds, count);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_processes");
    TCase *tests = tcase_create("store_processes");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, of_several_processes_one_wins_each_time);
    tcase_add_test(tests, the_lease_of_a_killed_process_ends_by_itself);
    tcase_add_test(tests, who_starts_again_alone_does_not_wait_for_it);
    tcase_add_test(tests, who_comes_second_takes_no_lease_away);
    tcase_add_test(tests, a_killed_process_loses_nothing_and_nothing_is_spent_twice);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}
