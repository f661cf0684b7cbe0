#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/session_fixture.h"

static gh_mcp_sessions *table;
static gh_mcp_session *session;

static void set_up(void)
{
    table = table_of(10, 10);
    session = session_of(table);
}

static void tear_down(void)
{
    gh_mcp_sessions_release(table, session);
    free_table(table);
}

static void announce(gh_mcp_topic topic, const char *subject)
{
    gh_mcp_hub_announce(hub, topic, gh_view_of(subject), gh_view_of(NULL));
}

static void assert_heard(uint64_t after, const char *expected)
{
    char *heard = messages_after(gh_mcp_session_standalone(session), after);
    ck_assert_str_eq(heard, expected);
    free(heard);
}

#define LIST_CHANGED(what) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" what "/list_changed\"}\n"
#define UPDATED(uri)                                                                                         \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"" uri "\"}}"  \
    "\n"

/* --- announcements --- */

START_TEST(changed_lists_are_heard_once_the_client_is_initialized)
{
    announce(GH_MCP_TOPIC_TOOLS, NULL);
    assert_heard(0, "");
    gh_mcp_session_initialized(session);
    announce(GH_MCP_TOPIC_TOOLS, NULL);
    announce(GH_MCP_TOPIC_PROMPTS, NULL);
    announce(GH_MCP_TOPIC_RESOURCES, NULL);
    announce(GH_MCP_TOPIC_TASK, "t-1");
    assert_heard(0, LIST_CHANGED("tools") LIST_CHANGED("prompts") LIST_CHANGED("resources"));
}
END_TEST

START_TEST(only_subscribed_resources_are_heard_of_and_each_once)
{
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://a\"b")), GH_OK);
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://a\"b")), GH_OK);
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://c")), GH_OK);
    announce(GH_MCP_TOPIC_UPDATED, "test://a\"b");
    announce(GH_MCP_TOPIC_UPDATED, "test://a");
    announce(GH_MCP_TOPIC_UPDATED, "test://c");
    assert_heard(0, UPDATED("test://a\\\"b") UPDATED("test://c"));
    gh_mcp_session_unsubscribe(session, GH_VIEW_LIT("test://a\"b"));
    gh_mcp_session_unsubscribe(session, GH_VIEW_LIT("test://never"));
    announce(GH_MCP_TOPIC_UPDATED, "test://a\"b");
    announce(GH_MCP_TOPIC_UPDATED, "test://c");
    assert_heard(2, UPDATED("test://c"));
}
END_TEST

START_TEST(subscriptions_have_a_bound)
{
    char uri[32];
    for (int i = 0; i < GH_MCP_SESSION_SUBSCRIPTIONS_MAX; i++) {
        (void)snprintf(uri, sizeof uri, "test://%d", i);
        ck_assert_int_eq(gh_mcp_session_subscribe(session, gh_view_of(uri)), GH_OK);
    }
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://more")), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_mcp_session_subscribe(session, gh_view_of(uri)), GH_OK);
    gh_mcp_session_unsubscribe(session, gh_view_of(uri));
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://more")), GH_OK);
    char *endless = calloc(1, 10001);
    ck_assert_ptr_nonnull(endless);
    memset(endless, 'a', 10000);
    ck_assert_int_eq(gh_mcp_session_subscribe(session, gh_view_of(endless)), GH_ERR_TOO_LARGE);
    free(endless);
}
END_TEST

/* As many as fit, in these sessions in turn. */
static size_t subscribe_all(gh_mcp_session *const *sessions, size_t count)
{
    static char uri[8193];
    size_t done = 0;
    memset(uri, 'a', sizeof uri - 1);
    for (;; done++) {
        (void)snprintf(uri, 16, "test://%zu", done);
        uri[strlen(uri)] = 'b';
        if (gh_mcp_session_subscribe(sessions[done % count], gh_view_of(uri)) != GH_OK) {
            return done;
        }
    }
}

/* However many sessions a user opens, for they could have 256 URIs of 8 KiB each. */
START_TEST(what_one_user_subscribes_to_has_a_bound_in_bytes)
{
    const size_t most = GH_MCP_SESSION_SUBSCRIBED_BYTES / 8192;
    gh_mcp_session *sessions[4] = {session, session_of(table), session_of(table), session_of(table)};
    gh_mcp_session *grace = NULL;
    ck_assert_uint_eq(subscribe_all(sessions, 4), most);
    ck_assert_int_eq(gh_mcp_sessions_open(table, &GRACE, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &grace),
                     GH_OK);
    ck_assert_uint_eq(subscribe_all(&grace, 1), GH_MCP_SESSION_SUBSCRIPTIONS_MAX);
    gh_mcp_sessions_release(table, grace);
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://more")), GH_ERR_TOO_LARGE);
    /* One that ends gives back what it had, also when somebody holds it still. */
    for (size_t i = 2; i < 4; i++) {
        ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, gh_view_of(gh_mcp_session_id(sessions[i]))), GH_OK);
        gh_mcp_session_unsubscribe(sessions[i], GH_VIEW_LIT("test://2"));
    }
    ck_assert_int_eq(gh_mcp_session_subscribe(session, GH_VIEW_LIT("test://more")), GH_OK);
    gh_mcp_session_unsubscribe(session, GH_VIEW_LIT("test://more"));
    for (size_t i = 1; i < 4; i++) {
        gh_mcp_sessions_release(table, sessions[i]);
    }
}
END_TEST

START_TEST(a_flood_that_nobody_reads_forgets_the_oldest_and_ends_nothing)
{
    gh_mcp_outbox *outbox = gh_mcp_session_standalone(session);
    char *kept = NULL;
    size_t lines = 0;
    gh_mcp_session_initialized(session);
    for (int i = 0; i < 1000; i++) {
        announce(GH_MCP_TOPIC_TOOLS, NULL);
    }
    announce(GH_MCP_TOPIC_PROMPTS, NULL);
    ck_assert(!gh_mcp_outbox_ended(outbox));
    kept = messages_after(outbox, GH_MCP_OUTBOX_UNREAD);
    for (const char *c = kept; *c != '\0'; c++) {
        lines += *c == '\n' ? 1 : 0;
    }
    ck_assert_uint_eq(lines, 256);
    ck_assert_ptr_nonnull(strstr(kept, LIST_CHANGED("prompts")));
    free(kept);
    assert_heard(GH_MCP_OUTBOX_UNREAD, "");
}
END_TEST

START_TEST(an_ended_session_hears_nothing)
{
    gh_mcp_session_initialized(session);
    ck_assert_int_eq(gh_mcp_sessions_end(table, &ADA, gh_view_of(gh_mcp_session_id(session))), GH_OK);
    announce(GH_MCP_TOPIC_TOOLS, NULL);
    assert_heard(0, "");
}
END_TEST

START_TEST(each_session_hears_for_itself)
{
    gh_mcp_session *other = session_of(table);
    gh_mcp_session_initialized(session);
    ck_assert_int_eq(gh_mcp_session_subscribe(other, GH_VIEW_LIT("test://a")), GH_OK);
    announce(GH_MCP_TOPIC_UPDATED, "test://a");
    announce(GH_MCP_TOPIC_TOOLS, NULL);
    assert_heard(0, LIST_CHANGED("tools"));
    char *heard = messages_after(gh_mcp_session_standalone(other), 0);
    ck_assert_str_eq(heard, UPDATED("test://a"));
    free(heard);
    gh_mcp_sessions_release(table, other);
}
END_TEST

/* --- streams --- */

#define LARGE ((size_t)20 * 1024 * 1024) /* three fit into a principal's share, not four */

static uint64_t add(gh_mcp_outbox **outbox)
{
    *outbox = new_outbox();
    return gh_mcp_session_add_stream(session, *outbox);
}

static bool finds(const char *event_id, const gh_mcp_outbox *expected)
{
    gh_mcp_outbox *found = NULL;
    uint64_t stream = 0;
    uint64_t after = 0;
    gh_status status = gh_mcp_session_resume(session, gh_view_of(event_id), &found, &stream, &after);
    bool same = status == GH_OK && found == expected;
    gh_mcp_outbox_release(found);
    return same;
}

START_TEST(a_stream_is_found_again_by_its_events)
{
    gh_mcp_outbox *one = NULL;
    gh_mcp_outbox *two = NULL;
    gh_mcp_outbox *found = NULL;
    uint64_t stream = 0;
    uint64_t after = 0;
    ck_assert_uint_eq(add(&one), 2);
    ck_assert_uint_eq(add(&two), 3);
    ck_assert_uint_eq(gh_mcp_session_add_stream(session, one), 2);
    ck_assert_int_eq(gh_mcp_session_resume(session, GH_VIEW_LIT(" 3-17 "), &found, &stream, &after), GH_OK);
    ck_assert_ptr_eq(found, two);
    ck_assert_uint_eq(stream, 3);
    ck_assert_uint_eq(after, 17);
    gh_mcp_outbox_release(found);
    ck_assert(finds("2-0", one));
    ck_assert(finds("1-5", gh_mcp_session_standalone(session)));
    gh_mcp_outbox_release(one);
    gh_mcp_outbox_release(two);
}
END_TEST

START_TEST(what_is_no_event_of_the_session_is_not_found)
{
    static const char *const nonsense[] = {"",
                                           "-",
                                           "1",
                                           "1-",
                                           "-1",
                                           "a-1",
                                           "1-b",
                                           "1--1",
                                           "0-0",
                                           "1-1-1",
                                           "1 - 1",
                                           "+1-1",
                                           "99999999999999999999-1"};
    gh_mcp_outbox *found = NULL;
    uint64_t stream = 0;
    uint64_t after = 0;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        ck_assert_int_eq(gh_mcp_session_resume(session, gh_view_of(nonsense[i]), &found, &stream, &after),
                         GH_ERR_INVALID);
    }
    ck_assert_int_eq(gh_mcp_session_resume(session, GH_VIEW_LIT("2-0"), &found, &stream, &after),
                     GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(the_oldest_streams_that_have_ended_make_room)
{
    gh_mcp_outbox *streams[GH_MCP_SESSION_STREAMS_MAX];
    gh_mcp_outbox *more = NULL;
    for (size_t i = 0; i < GH_MCP_SESSION_STREAMS_MAX; i++) {
        ck_assert_uint_eq(add(&streams[i]), i + 2);
    }
    ck_assert_uint_eq(add(&more), 0);
    gh_mcp_outbox_release(more);
    gh_mcp_outbox_close(streams[5]);
    gh_mcp_outbox_close(streams[3]);
    ck_assert_uint_eq(add(&more), GH_MCP_SESSION_STREAMS_MAX + 2);
    ck_assert(!finds("5-0", streams[3]));
    ck_assert(finds("7-0", streams[5]));
    ck_assert(finds("2-0", streams[0]));
    gh_mcp_outbox_release(more);
    for (size_t i = 0; i < GH_MCP_SESSION_STREAMS_MAX; i++) {
        gh_mcp_outbox_release(streams[i]);
    }
}
END_TEST

START_TEST(a_stream_that_ended_is_forgotten_after_a_while_and_one_that_goes_on_is_not)
{
    gh_mcp_outbox *ended = NULL;
    gh_mcp_outbox *open = NULL;
    (void)add(&ended);
    (void)add(&open);
    gh_mcp_outbox_close(ended);
    gh_mcp_sessions_sweep(table);
    advance_ms(60000);
    gh_mcp_sessions_sweep(table);
    ck_assert(finds("2-0", ended));
    advance_ms(INT64_C(300000));
    gh_mcp_sessions_sweep(table);
    ck_assert(!finds("2-0", ended));
    ck_assert(finds("3-0", open));
    gh_mcp_outbox_release(ended);
    gh_mcp_outbox_release(open);
}
END_TEST

START_TEST(streams_that_ended_hold_no_more_than_their_share_and_the_oldest_go_first)
{
    static char large[LARGE];
    gh_mcp_session *newer = session_of(table);
    gh_mcp_outbox *streams[4];
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < 3; i++) {
        (void)add(&streams[i]);
        ck_assert(gh_mcp_outbox_finish(streams[i], 200, gh_view_make(large, sizeof large)));
    }
    streams[3] = new_outbox();
    ck_assert_uint_eq(gh_mcp_session_add_stream(newer, streams[3]), 2);
    gh_mcp_sessions_sweep(table);
    ck_assert(finds("2-0", streams[0]) && finds("3-0", streams[1]) && finds("4-0", streams[2]));
    ck_assert(gh_mcp_outbox_finish(streams[3], 200, gh_view_make(large, sizeof large)));
    gh_mcp_sessions_sweep(table);
    ck_assert(!finds("2-0", streams[0]));
    ck_assert(finds("3-0", streams[1]) && finds("4-0", streams[2]));
    for (size_t i = 0; i < 4; i++) {
        gh_mcp_outbox_release(streams[i]);
    }
    gh_mcp_sessions_release(table, newer);
}
END_TEST

/* --- what the client said --- */

START_TEST(what_the_client_said_is_kept)
{
    gh_mcp_session *able = NULL;
    ck_assert_int_eq(
        gh_mcp_sessions_open(table, &ADA, GH_MCP_VERSION_2025_06, GH_VIEW_LIT("{\"roots\":{}}"), &able),
        GH_OK);
    ck_assert_str_eq(gh_mcp_session_capabilities(able), "{\"roots\":{}}");
    ck_assert_str_eq(gh_mcp_session_capabilities(session), "{}");
    ck_assert_int_eq((int)gh_mcp_session_level(session), (int)GATEHOUSE_INFO);
    gh_mcp_session_set_level(session, GATEHOUSE_ERROR);
    ck_assert_int_eq((int)gh_mcp_session_level(session), (int)GATEHOUSE_ERROR);
    ck_assert_int_eq((int)gh_mcp_session_level(able), (int)GATEHOUSE_INFO);
    gh_mcp_sessions_release(table, able);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions_streams");
    TCase *tc = tcase_create("sessions_streams");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, changed_lists_are_heard_once_the_client_is_initialized);
    tcase_add_test(tc, only_subscribed_resources_are_heard_of_and_each_once);
    tcase_add_test(tc, subscriptions_have_a_bound);
    tcase_add_test(tc, what_one_user_subscribes_to_has_a_bound_in_bytes);
    tcase_add_test(tc, a_flood_that_nobody_reads_forgets_the_oldest_and_ends_nothing);
    tcase_add_test(tc, an_ended_session_hears_nothing);
    tcase_add_test(tc, each_session_hears_for_itself);
    tcase_add_test(tc, a_stream_is_found_again_by_its_events);
    tcase_add_test(tc, what_is_no_event_of_the_session_is_not_found);
    tcase_add_test(tc, the_oldest_streams_that_have_ended_make_room);
    tcase_add_test(tc, a_stream_that_ended_is_forgotten_after_a_while_and_one_that_goes_on_is_not);
    tcase_add_test(tc, streams_that_ended_hold_no_more_than_their_share_and_the_oldest_go_first);
    tcase_add_test(tc, what_the_client_said_is_kept);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
