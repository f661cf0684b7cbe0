/* Tasks by what client and worker see (SEP-2663). */
#include <stdlib.h>

#include "tests/support/suite.h"
#include "tests/unit/server/tasks_fixture.h"

static gh_principal GRACE = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-2"}, .client_id = (char[]){"c-1"}};

START_TEST(a_new_task_is_told_with_all_its_members)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    gh_buf out = GH_BUF_INIT(10000);
    char expected[512];
    fixture_start(&self, 10, 10);
    gh_mcp_task_worker told = worker_of(&who);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &ADA, NULL, 5000, 50, &told, id, &out), GH_OK);
    (void)snprintf(expected, sizeof expected,
                   "\"taskId\":\"%s\",\"status\":\"working\",\"createdAt\":\"2026-07-28T12:00:00.000Z\","
                   "\"lastUpdatedAt\":\"2026-07-28T12:00:00.000Z\",\"ttlMs\":5000,\"pollIntervalMs\":50",
                   id);
    ck_assert_str_eq(gh_buf_cstr(&out), expected);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_mcp_tasks_get(self.tasks, &ADA, gh_view_of(id), &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), expected);
    gh_buf_free(&out);
    fixture_end(&self);
    ck_assert_int_eq(who.cancelled, 1);
    ck_assert_int_eq(who.gone, 1);
}
END_TEST

START_TEST(times_that_the_handler_does_not_say_are_the_servers_and_long_ones_are_cut)
{
    fixture self;
    worker who[2];
    char id[2][GH_MCP_TASK_ID_MAX];
    gh_buf out = GH_BUF_INIT(10000);
    int64_t ms = 0;
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who[0], id[0]);
    gh_mcp_task_worker told = worker_of(&who[1]);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &ADA, NULL, INT64_MAX, 7, &told, id[1], &out), GH_OK);
    cJSON *plain = fixture_get(&self, id[0]);
    cJSON *longest = fixture_get(&self, id[1]);
    ck_assert(gh_json_get_int64(plain, "ttlMs", &ms) && ms == 60000);
    ck_assert(gh_json_get_int64(plain, "pollIntervalMs", &ms) && ms == 500);
    ck_assert(gh_json_get_int64(longest, "ttlMs", &ms) && ms == 3600000);
    ck_assert_str_ne(id[0], id[1]);
    ck_assert_uint_ge(strlen(id[0]), 43);
    cJSON_Delete(plain);
    cJSON_Delete(longest);
    gh_buf_free(&out);
    fixture_end(&self);
}
END_TEST

START_TEST(another_principal_finds_nothing_and_can_do_nothing)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    gh_buf out = GH_BUF_INIT(10000);
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(fixture_ask(&self, id, "name", "{}"), GH_OK);
    ck_assert_int_eq(gh_mcp_tasks_get(self.tasks, &GRACE, gh_view_of(id), &out), GH_ERR_NOT_FOUND);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &GRACE, gh_view_of(id)), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_mcp_tasks_update(self.tasks, &GRACE, gh_view_of(id),
                                         GH_VIEW_LIT("{\"name\":{\"action\":\"accept\"}}"), NULL),
                     GH_ERR_NOT_FOUND);
    expect_status(&self, id, "input_required");
    ck_assert_int_eq(who.cancelled + who.resumed + who.gone, 0);
    gh_buf_free(&out);
    fixture_end(&self);
}
END_TEST

START_TEST(ids_that_never_were_are_not_found)
{
    static const char *const IDS[] = {"", "x", "../../etc/passwd",
                                      "0000000000000000000000000000000000000000000"};
    fixture self;
    char huge[3000];
    memset(huge, 'a', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    fixture_start(&self, 10, 10);
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) {
        ck_assert_ptr_null(fixture_get(&self, IDS[i]));
        ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &ADA, gh_view_of(IDS[i])), GH_ERR_NOT_FOUND);
        ck_assert_int_eq(fixture_update(&self, IDS[i], "{}"), GH_ERR_NOT_FOUND);
        ck_assert_int_eq(fixture_ask(&self, IDS[i], "a", "{}"), GH_ERR_CLOSED);
        gh_mcp_tasks_say(self.tasks, IDS[i], "x");
        gh_mcp_tasks_complete(self.tasks, IDS[i], GH_VIEW_LIT("{}"));
        gh_mcp_tasks_cancelled(self.tasks, IDS[i]);
    }
    ck_assert_ptr_null(fixture_get(&self, huge));
    ck_assert_int_eq(self.announced, 0);
    fixture_end(&self);
}
END_TEST

START_TEST(a_result_is_kept_as_it_came_and_announced_as_it_is_asked_for)
{
    static const char RESULT[] = "{\"content\":[],\"big\":12345678901234567890,\"isError\":true}";
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    gh_buf out = GH_BUF_INIT(10000);
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    atomic_fetch_add(&fixture_ms, 1234);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_of(RESULT));
    (void)gh_buf_append_char(&out, '{');
    ck_assert_int_eq(gh_mcp_tasks_get(self.tasks, &ADA, gh_view_of(id), &out), GH_OK);
    (void)gh_buf_append_char(&out, '}');
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), RESULT));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), "\"status\":\"completed\""));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), "\"lastUpdatedAt\":\"2026-07-28T12:00:01.234Z\""));
    ck_assert_int_eq(self.announced, 1);
    ck_assert_int_eq(self.topic, GH_MCP_TOPIC_TASK);
    ck_assert_str_eq(self.last, gh_buf_cstr(&out));
    ck_assert_int_eq(who.gone, 1); /* the worker is done; the record stays */
    ck_assert_int_eq(who.cancelled, 0);
    gh_buf_free(&out);
    fixture_end(&self);
    ck_assert_int_eq(who.gone, 1);
    ck_assert_int_eq(who.after_gone, 0);
}
END_TEST

START_TEST(a_new_listener_is_told_what_an_announcement_would_say)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char announced[512];
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    gh_mcp_tasks_say(self.tasks, id, "busy");
    (void)snprintf(announced, sizeof announced, "%.500s", self.last);
    self.last[0] = '\0';
    ck_assert_int_eq(gh_mcp_tasks_tell(self.tasks, &GRACE, gh_view_of(id), &self.listener), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(self.announced, 1);
    ck_assert_int_eq(gh_mcp_tasks_tell(self.tasks, &ADA, gh_view_of(id), &self.listener), GH_OK);
    ck_assert_int_eq(self.announced, 2);
    ck_assert_str_eq(self.last, announced);
    fixture_end(&self);
}
END_TEST

START_TEST(a_protocol_error_makes_it_failed_with_that_error)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    int64_t code = 0;
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    gh_mcp_tasks_fail(self.tasks, id, GH_VIEW_LIT("{\"code\":-32602,\"message\":\"no\"}"));
    cJSON *json = fixture_get(&self, id);
    ck_assert_str_eq(gh_json_get_string(json, "status"), "failed");
    ck_assert(gh_json_get_int64(gh_json_get_object(json, "error"), "code", &code) && code == -32602);
    ck_assert_ptr_null(gh_json_get(json, "result"));
    cJSON_Delete(json);
    fixture_end(&self);
}
END_TEST

START_TEST(what_ended_first_stays)
{
    fixture self;
    worker who[3];
    char id[3][GH_MCP_TASK_ID_MAX];
    fixture_start(&self, 10, 10);
    for (size_t i = 0; i < 3; i++) {
        fixture_create(&self, &who[i], id[i]);
    }
    ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &ADA, gh_view_of(id[0])), GH_OK);
    gh_mcp_tasks_complete(self.tasks, id[1], GH_VIEW_LIT("{}"));
    gh_mcp_tasks_cancelled(self.tasks, id[2]);
    int announced = self.announced;
    for (size_t i = 0; i < 3; i++) {
        gh_mcp_tasks_complete(self.tasks, id[i], GH_VIEW_LIT("{\"late\":1}"));
        gh_mcp_tasks_fail(self.tasks, id[i], GH_VIEW_LIT("{\"code\":1}"));
        gh_mcp_tasks_say(self.tasks, id[i], "late");
        ck_assert_int_eq(fixture_ask(&self, id[i], "late", "{}"), GH_ERR_CLOSED);
        ck_assert_int_eq(fixture_update(&self, id[i], "{\"late\":{}}"), GH_OK);
        ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &ADA, gh_view_of(id[i])), GH_OK);
    }
    expect_status(&self, id[0], "cancelled");
    expect_status(&self, id[1], "completed");
    expect_status(&self, id[2], "cancelled");
    ck_assert_int_eq(self.announced, announced); /* and nobody hears of what came late */
    ck_assert_int_eq(who[0].cancelled, 1);
    ck_assert_int_eq(who[1].cancelled + who[2].cancelled, 0);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(who[i].gone, 1);
        ck_assert_int_eq(who[i].after_gone + who[i].resumed, 0);
    }
    fixture_end(&self);
}
END_TEST

START_TEST(a_status_message_is_shown_escaped_cut_at_a_character_and_told_once)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char text[3 * GH_MCP_TASK_MESSAGE_MAX + 1];
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    gh_mcp_tasks_say(self.tasks, id, "2 of \"3\"\n");
    gh_mcp_tasks_say(self.tasks, id, "2 of \"3\"\n");
    ck_assert_int_eq(self.announced, 1);
    ck_assert_ptr_nonnull(strstr(self.last, "\"statusMessage\":\"2 of \\\"3\\\"\\n\""));
    for (size_t i = 0; i < GH_MCP_TASK_MESSAGE_MAX; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    }
    text[sizeof text - 1] = '\0';
    gh_mcp_tasks_say(self.tasks, id, text);
    cJSON *json = fixture_get(&self, id);
    size_t len = strlen(gh_json_get_string(json, "statusMessage"));
    ck_assert_uint_eq(len, GH_MCP_TASK_MESSAGE_MAX - GH_MCP_TASK_MESSAGE_MAX % 3);
    ck_assert(strncmp(gh_json_get_string(json, "statusMessage"), text, len) == 0);
    cJSON_Delete(json);
    gh_mcp_tasks_say(self.tasks, id, NULL);
    ck_assert_ptr_null(strstr(self.last, "statusMessage"));
    gh_mcp_tasks_say(self.tasks, id, "almost");
    ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &ADA, gh_view_of(id)), GH_OK);
    ck_assert_ptr_null(strstr(self.last, "statusMessage"));
    fixture_end(&self);
}
END_TEST

START_TEST(after_its_time_it_is_forgotten_and_an_unfinished_one_is_cancelled_first)
{
    fixture self;
    worker done;
    worker working;
    char id[2][GH_MCP_TASK_ID_MAX];
    fixture_start(&self, 10, 10);
    fixture_create(&self, &done, id[0]);
    fixture_create(&self, &working, id[1]);
    gh_mcp_tasks_complete(self.tasks, id[0], GH_VIEW_LIT("{}"));
    atomic_fetch_add(&fixture_ms, 59999);
    gh_mcp_tasks_sweep(self.tasks);
    ck_assert_uint_eq(gh_mcp_tasks_count(self.tasks), 2);
    expect_status(&self, id[1], "working");
    atomic_fetch_add(&fixture_ms, 1);
    expect_status(&self, id[0], "not found"); /* even before somebody sweeps */
    gh_mcp_tasks_sweep(self.tasks);
    ck_assert_uint_eq(gh_mcp_tasks_count(self.tasks), 0);
    ck_assert_int_eq(done.cancelled, 0);
    ck_assert_int_eq(working.cancelled, 1);
    ck_assert_int_eq(working.gone, 1);
    ck_assert_ptr_nonnull(strstr(self.last, "\"status\":\"cancelled\""));
    gh_mcp_tasks_complete(self.tasks, id[1], GH_VIEW_LIT("{}"));
    expect_status(&self, id[1], "not found");
    fixture_end(&self);
    ck_assert_int_eq(working.after_gone, 0);
}
END_TEST

START_TEST(bounds_hold_per_principal_and_in_all_until_time_frees_them)
{
    fixture self;
    worker who[6];
    char id[GH_MCP_TASK_ID_MAX];
    gh_buf out = GH_BUF_INIT(10000);
    gh_mcp_task_worker told = worker_of(&who[5]);
    fixture_start(&self, 3, 2);
    fixture_create(&self, &who[0], id);
    gh_mcp_tasks_complete(self.tasks, id, GH_VIEW_LIT("{}")); /* what has ended counts, too */
    fixture_create(&self, &who[1], id);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &ADA, NULL, 0, 0, &told, id, &out), GH_ERR_UNAVAILABLE);
    gh_principal ada_elsewhere = ADA;
    ada_elsewhere.client_id = (char[]){"c-2"};
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &ada_elsewhere, NULL, 0, 0, &told, id, &out),
                     GH_ERR_UNAVAILABLE);
    told = worker_of(&who[2]);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &GRACE, NULL, 0, 0, &told, id, &out), GH_OK);
    told = worker_of(&who[5]);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &GRACE, NULL, 0, 0, &told, id, &out),
                     GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(who[5].gone + who[5].cancelled, 0); /* it never had a task */
    atomic_fetch_add(&fixture_ms, 60000);
    fixture_create(&self, &who[3], id); /* without a sweep */
    ck_assert_uint_eq(gh_mcp_tasks_count(self.tasks), 1);
    ck_assert_int_eq(who[1].cancelled, 1);
    gh_buf_free(&out);
    fixture_end(&self);
}
END_TEST

START_TEST(a_result_beyond_the_bound_makes_the_task_failed_and_says_why)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    size_t len = GH_MCP_TASK_PAYLOAD_MAX + 1;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', len);
    text[0] = '{';
    text[len - 2] = '}';
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len - 1)); /* just fits, and can be read */
    expect_status(&self, id, "completed");
    fixture_create(&self, &who, id);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len));
    expect_status(&self, id, "failed");
    ck_assert_ptr_nonnull(strstr(self.last, "too large"));
    free(text);
    fixture_end(&self);
}
END_TEST

START_TEST(all_results_of_one_principal_have_a_bound_and_those_of_others_do_not_count)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char first[GH_MCP_TASK_ID_MAX];
    size_t len = 13 * 1024 * 1024;
    char *text = malloc(len);
    gh_buf out = GH_BUF_INIT(10000);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', len);
    text[0] = '{';
    text[len - 1] = '}';
    fixture_start(&self, 20, 20);
    gh_mcp_hub_remove(self.hub, &self.listener);
    fixture_create(&self, &who, first);
    gh_mcp_tasks_complete(self.tasks, first, gh_view_make(text, len));
    atomic_fetch_add(&fixture_ms, 10000);
    for (size_t used = 2 * len; used <= GH_MCP_TASK_BYTES_PER_PRINCIPAL; used += len) {
        fixture_create(&self, &who, id);
        gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len));
        expect_status(&self, id, "completed");
    }
    fixture_create(&self, &who, id);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len));
    expect_status(&self, id, "failed");
    gh_mcp_task_worker told = worker_of(&who);
    ck_assert_int_eq(gh_mcp_tasks_create(self.tasks, &GRACE, NULL, 0, 0, &told, id, &out), GH_OK);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len));
    gh_buf_free(&out);
    out = GH_BUF_INIT((size_t)16 * 1024 * 1024);
    ck_assert_int_eq(gh_mcp_tasks_get(self.tasks, &GRACE, gh_view_of(id), &out), GH_OK);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&out), "\"status\":\"completed\""));
    gh_buf_free(&out);
    atomic_fetch_add(&fixture_ms, 50000); /* the first is forgotten: room again */
    gh_mcp_tasks_sweep(self.tasks);
    fixture_create(&self, &who, id);
    gh_mcp_tasks_complete(self.tasks, id, gh_view_make(text, len));
    expect_status(&self, id, "completed");
    free(text);
    fixture_end(&self);
}
END_TEST

START_TEST(bounds_of_nothing_are_refused)
{
    gh_mcp_tasks *tasks = NULL;
    gh_mcp_hub *hub = gh_mcp_hub_new();
    gh_mcp_tasks_options options = {hub, 0, 1, 1, 1, 1};
    ck_assert_int_eq(gh_mcp_tasks_new(&options, &tasks), GH_ERR_INVALID);
    options = (gh_mcp_tasks_options){hub, 1, 1, 0, 1, 1};
    ck_assert_int_eq(gh_mcp_tasks_new(&options, &tasks), GH_ERR_INVALID);
    options = (gh_mcp_tasks_options){NULL, 1, 1, 1, 1, 1};
    ck_assert_int_eq(gh_mcp_tasks_new(&options, &tasks), GH_ERR_INVALID);
    gh_mcp_tasks_free(NULL);
    gh_mcp_hub_free(hub);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tasks");
    TCase *tc = tcase_create("tasks");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_new_task_is_told_with_all_its_members);
    tcase_add_test(tc, times_that_the_handler_does_not_say_are_the_servers_and_long_ones_are_cut);
    tcase_add_test(tc, another_principal_finds_nothing_and_can_do_nothing);
    tcase_add_test(tc, ids_that_never_were_are_not_found);
    tcase_add_test(tc, a_result_is_kept_as_it_came_and_announced_as_it_is_asked_for);
    tcase_add_test(tc, a_new_listener_is_told_what_an_announcement_would_say);
    tcase_add_test(tc, a_protocol_error_makes_it_failed_with_that_error);
    tcase_add_test(tc, what_ended_first_stays);
    tcase_add_test(tc, a_status_message_is_shown_escaped_cut_at_a_character_and_told_once);
    tcase_add_test(tc, after_its_time_it_is_forgotten_and_an_unfinished_one_is_cancelled_first);
    tcase_add_test(tc, bounds_hold_per_principal_and_in_all_until_time_frees_them);
    tcase_add_test(tc, a_result_beyond_the_bound_makes_the_task_failed_and_says_why);
    tcase_add_test(tc, all_results_of_one_principal_have_a_bound_and_those_of_others_do_not_count);
    tcase_add_test(tc, bounds_of_nothing_are_refused);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
