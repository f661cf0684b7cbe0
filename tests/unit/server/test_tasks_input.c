/* Tasks that ask their client: keys, partial answers, and what resumes the worker. */
#include <stdlib.h>

#include "tests/support/suite.h"
#include "tests/unit/server/tasks_fixture.h"

#define ASKS(...) ((gh_call_ask[]){__VA_ARGS__})

static gh_call_ask ask_of(char *key, char *params)
{
    return (gh_call_ask){key, "elicitation/create", params};
}

START_TEST(what_is_asked_is_shown_under_its_key)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char key[] = "a \"key\"";
    char params[] = "{\"message\":\"Who?\"}";
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(gh_mcp_tasks_ask(self.tasks, id, ASKS(ask_of(key, params)), 1), GH_OK);
    ck_assert_ptr_nonnull(strstr(self.last, "\"status\":\"input_required\""));
    ck_assert_ptr_nonnull(strstr(self.last,
                                 "\"inputRequests\":{\"a \\\"key\\\"\":{\"method\":\"elicitation/create\","
                                 "\"params\":{\"message\":\"Who?\"}}}"));
    cJSON *json = fixture_get(&self, id);
    ck_assert_ptr_nonnull(gh_json_get_object(gh_json_get_object(json, "inputRequests"), key));
    cJSON_Delete(json);
    ck_assert_int_eq(fixture_update(&self, id, "{\"a \\u0022key\\u0022\":{\"action\":\"accept\"}}"), GH_OK);
    ck_assert_str_eq(who.answers, "{\"a \\\"key\\\"\":{\"action\":\"accept\"}}");
    expect_status(&self, id, "working");
    ck_assert_ptr_null(strstr(self.last, "inputRequests"));
    fixture_end(&self);
}
END_TEST

START_TEST(it_waits_until_all_is_answered_and_shows_only_what_is_not)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char keys[3][8] = {"one", "two", "three"};
    char params[] = "{}";
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(
        gh_mcp_tasks_ask(self.tasks, id,
                         ASKS(ask_of(keys[0], params), ask_of(keys[1], params), ask_of(keys[2], params)), 3),
        GH_OK);
    ck_assert_int_eq(fixture_update(&self, id, "{\"two\":{\"n\":2},\"other\":7}"), GH_OK);
    cJSON *json = fixture_get(&self, id);
    const cJSON *left = gh_json_get_object(json, "inputRequests");
    ck_assert_str_eq(gh_json_get_string(json, "status"), "input_required");
    ck_assert_int_eq(cJSON_GetArraySize(left), 2);
    ck_assert_ptr_null(gh_json_get(left, "two"));
    cJSON_Delete(json);
    int announced = self.announced;
    ck_assert_int_eq(fixture_update(&self, id, "{\"two\":{\"n\":22}}"), GH_OK); /* answered: ignored */
    ck_assert_int_eq(fixture_update(&self, id, "{}"), GH_OK);
    ck_assert_int_eq(self.announced, announced);
    ck_assert_int_eq(who.resumed, 0);
    ck_assert_int_eq(fixture_update(&self, id, "{\"three\":{\"n\":3},\"one\":{\"n\":1}}"), GH_OK);
    ck_assert_int_eq(who.resumed, 1);
    ck_assert_str_eq(who.answers, "{\"one\":{\"n\":1},\"two\":{\"n\":2},\"three\":{\"n\":3}}");
    expect_status(&self, id, "working");
    ck_assert_int_eq(fixture_update(&self, id, "{\"one\":{\"n\":1}}"), GH_OK);
    ck_assert_int_eq(who.resumed, 1);
    fixture_end(&self);
    ck_assert_int_eq(who.gone, 1);
}
END_TEST

START_TEST(responses_that_are_not_objects_are_refused_and_none_of_them_counts)
{
    static const char *const BAD[] = {"[]",
                                      "7",
                                      "null",
                                      "",
                                      "\"one\"",
                                      "{\"one\":{},\"two\":\"yes\"}",
                                      "{\"one\":{},\"two\":null}",
                                      "{\"two\":[],\"one\":{}}"};
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char keys[2][8] = {"one", "two"};
    char params[] = "{}";
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(
        gh_mcp_tasks_ask(self.tasks, id, ASKS(ask_of(keys[0], params), ask_of(keys[1], params)), 2), GH_OK);
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        gh_error error = {0};
        ck_assert_int_eq(gh_mcp_tasks_update(self.tasks, &ADA, gh_view_of(id), gh_view_of(BAD[i]), &error),
                         GH_ERR_INVALID);
        ck_assert_str_ne(error.message, "");
    }
    cJSON *json = fixture_get(&self, id);
    ck_assert_int_eq(cJSON_GetArraySize(gh_json_get_object(json, "inputRequests")), 2);
    cJSON_Delete(json);
    ck_assert_int_eq(who.resumed, 0);
    fixture_end(&self);
}
END_TEST

/* The client never sees a key twice; the handler only knows its own. */
START_TEST(a_key_that_was_used_gets_a_suffix_and_resume_hears_the_handlers_own)
{
    static const struct {
        const char *key;
        const char *wire;
    } ROUNDS[] = {{"name", "name"},   {"name", "name-2"}, {"name", "name-3"},     {"name-5", "name-5"},
                  {"name", "name-4"}, {"name", "name-6"}, {"name-2", "name-2-2"}, {"other", "other"}};
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char text[128];
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    for (size_t i = 0; i < sizeof ROUNDS / sizeof ROUNDS[0]; i++) {
        ck_assert_int_eq(fixture_ask(&self, id, ROUNDS[i].key, "{}"), GH_OK);
        cJSON *json = fixture_get(&self, id);
        const cJSON *asks = gh_json_get_object(json, "inputRequests");
        ck_assert_int_eq(cJSON_GetArraySize(asks), 1);
        ck_assert_str_eq(asks->child->string, ROUNDS[i].wire);
        cJSON_Delete(json);
        /* An answer to what was asked before does not answer this. */
        (void)snprintf(text, sizeof text, "{\"%s\":{}}", i > 0 ? ROUNDS[i - 1].wire : "nobody");
        ck_assert_int_eq(fixture_update(&self, id, text), GH_OK);
        ck_assert_int_eq(who.resumed, (int)i);
        (void)snprintf(text, sizeof text, "{\"%s\":{\"i\":%zu}}", ROUNDS[i].wire, i);
        ck_assert_int_eq(fixture_update(&self, id, text), GH_OK);
        (void)snprintf(text, sizeof text, "{\"%s\":{\"i\":%zu}}", ROUNDS[i].key, i);
        ck_assert_str_eq(who.answers, text);
    }
    fixture_end(&self);
}
END_TEST

START_TEST(asks_that_make_no_sense_are_refused_and_change_nothing)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char key[] = "key";
    char params[] = "{}";
    char long_key[1200];
    gh_call_ask many[GH_CALL_ASKS_MAX + 1];
    memset(long_key, 'k', sizeof long_key);
    long_key[sizeof long_key - 1] = '\0';
    for (size_t i = 0; i <= GH_CALL_ASKS_MAX; i++) {
        many[i] = ask_of(key, params);
    }
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(gh_mcp_tasks_ask(self.tasks, id, NULL, 0), GH_ERR_INVALID);
    ck_assert_int_eq(gh_mcp_tasks_ask(self.tasks, id, many, 2), GH_ERR_INVALID);
    ck_assert_int_eq(gh_mcp_tasks_ask(self.tasks, id, many, GH_CALL_ASKS_MAX + 1), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(fixture_ask(&self, id, long_key, "{}"), GH_ERR_TOO_LARGE);
    expect_status(&self, id, "working");
    ck_assert_int_eq(self.announced, 0);
    ck_assert_int_eq(fixture_ask(&self, id, "key", "{}"), GH_OK);
    ck_assert_int_eq(fixture_ask(&self, id, "more", "{}"), GH_ERR_CONFLICT);
    fixture_end(&self);
}
END_TEST

START_TEST(a_task_can_ask_a_thousand_times_but_not_for_ever)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    char text[64];
    fixture_start(&self, 10, 10);
    fixture_create(&self, &who, id);
    for (int i = 1; i <= GH_MCP_TASK_KEYS_MAX; i++) {
        ck_assert_int_eq(fixture_ask(&self, id, "again", "{}"), GH_OK);
        (void)snprintf(text, sizeof text, i == 1 ? "{\"again\":{}}" : "{\"again-%d\":{}}", i);
        ck_assert_int_eq(fixture_update(&self, id, text), GH_OK);
        ck_assert_int_eq(who.resumed, i);
    }
    ck_assert_int_eq(fixture_ask(&self, id, "again", "{}"), GH_ERR_TOO_LARGE);
    fixture_end(&self);
}
END_TEST

START_TEST(asks_and_answers_without_room_are_refused)
{
    fixture self;
    worker who;
    char id[GH_MCP_TASK_ID_MAX];
    size_t len = GH_MCP_TASK_PAYLOAD_MAX;
    char *params = malloc(len + 1);
    ck_assert_ptr_nonnull(params);
    memset(params, ' ', len);
    params[0] = '{';
    params[len - 1] = '}';
    params[len] = '\0';
    fixture_start(&self, 20, 20);
    gh_mcp_hub_remove(self.hub, &self.listener);
    fixture_create(&self, &who, id);
    ck_assert_int_eq(fixture_ask(&self, id, "key", params), GH_ERR_TOO_LARGE);
    for (int i = 0; i < 4; i++) { /* fills what the principal may have */
        fixture_create(&self, &who, id);
        gh_mcp_tasks_complete(self.tasks, id, gh_view_make(params, len));
    }
    fixture_create(&self, &who, id);
    ck_assert_int_eq(fixture_ask(&self, id, "key", "{}"), GH_OK);
    gh_buf huge = GH_BUF_INIT(len + 100);
    (void)gh_buf_append_cstr(&huge, "{\"key\":");
    (void)gh_buf_append(&huge, params, len);
    (void)gh_buf_append_cstr(&huge, "}");
    ck_assert_int_eq(fixture_update(&self, id, gh_buf_cstr(&huge)), GH_ERR_TOO_LARGE);
    expect_status(&self, id, "input_required");
    ck_assert_int_eq(fixture_update(&self, id, "{\"key\":{}}"), GH_OK);
    ck_assert_int_eq(who.resumed, 1);
    gh_buf_free(&huge);
    free(params);
    fixture_end(&self);
}
END_TEST

START_TEST(a_task_that_waits_can_be_cancelled_completed_and_forgotten)
{
    fixture self;
    worker who[3];
    char id[3][GH_MCP_TASK_ID_MAX];
    fixture_start(&self, 10, 10);
    for (size_t i = 0; i < 3; i++) {
        fixture_create(&self, &who[i], id[i]);
        ck_assert_int_eq(fixture_ask(&self, id[i], "key", "{}"), GH_OK);
    }
    ck_assert_int_eq(gh_mcp_tasks_cancel(self.tasks, &ADA, gh_view_of(id[0])), GH_OK);
    gh_mcp_tasks_complete(self.tasks, id[1], GH_VIEW_LIT("{}"));
    for (size_t i = 0; i < 2; i++) {
        cJSON *json = fixture_get(&self, id[i]);
        ck_assert_ptr_null(gh_json_get(json, "inputRequests"));
        cJSON_Delete(json);
        ck_assert_int_eq(fixture_update(&self, id[i], "{\"key\":{}}"), GH_OK);
        ck_assert_int_eq(who[i].resumed, 0);
        ck_assert_int_eq(who[i].gone, 1);
    }
    ck_assert_int_eq(who[0].cancelled, 1);
    ck_assert_int_eq(who[1].cancelled, 0);
    atomic_fetch_add(&fixture_ms, 60000);
    gh_mcp_tasks_sweep(self.tasks);
    ck_assert_int_eq(who[2].cancelled, 1);
    ck_assert_int_eq(who[2].gone, 1);
    fixture_end(&self);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tasks_input");
    TCase *tc = tcase_create("input");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_asked_is_shown_under_its_key);
    tcase_add_test(tc, it_waits_until_all_is_answered_and_shows_only_what_is_not);
    tcase_add_test(tc, responses_that_are_not_objects_are_refused_and_none_of_them_counts);
    tcase_add_test(tc, a_key_that_was_used_gets_a_suffix_and_resume_hears_the_handlers_own);
    tcase_add_test(tc, asks_that_make_no_sense_are_refused_and_change_nothing);
    tcase_add_test(tc, a_task_can_ask_a_thousand_times_but_not_for_ever);
    tcase_add_test(tc, asks_and_answers_without_room_are_refused);
    tcase_add_test(tc, a_task_that_waits_can_be_cancelled_completed_and_forgotten);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
