/* What a handler learns of the call, and what becomes of what it returns. */
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/call_fixture.h"

static int returns_seven(void *data, gatehouse_call *call)
{
    (void)data;
    (void)host.set_text(call, "never seen");
    return 7;
}

static int returns_nothing(void *data, gatehouse_call *call)
{
    (void)data;
    (void)call;
    return 0;
}

START_TEST(another_value_than_0_is_a_fault_and_no_answer_is_an_empty_one)
{
    faults(GH_CALL_TOOL, returns_seven, "");
    answers(GH_CALL_TOOL, returns_nothing, "");
}
END_TEST

static int looks_at_the_caller(void *data, gatehouse_call *call)
{
    const gh_principal *who = data;
    ck_assert_str_eq(host.issuer(call), "https://id.example");
    ck_assert_str_eq(host.subject(call), "u-1");
    ck_assert_pstr_eq(host.name(call), who->name);
    ck_assert_pstr_eq(host.email(call), who->email);
    ck_assert_pstr_eq(host.client(call), who->client_id);
    ck_assert_str_eq(host.scope(call), who->scope == NULL ? "" : who->scope);
    ck_assert_int_eq(host.expires(call), who->expires_at);
    return 0;
}

START_TEST(the_caller_is_who_the_token_says)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_TOOL);
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, looks_at_the_caller, &CALLER), GH_CALL_ANSWERED);
    gh_call_clear(&call);
    gh_principal nobody = {.issuer = CALLER.issuer, .subject = CALLER.subject, .expires_at = 5};
    question.principal = &nobody;
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, looks_at_the_caller, &nobody), GH_CALL_ANSWERED);
    gh_call_clear(&call);
}
END_TEST

static int looks_at_arguments(void *data, gatehouse_call *call)
{
    double number = -1;
    int flag = -1;
    (void)data;
    ck_assert_str_eq(host.target(call), "test");
    const char *name = host.text_argument(call, "name");
    ck_assert_str_eq(name, "Gr\xc3\xa4\"ce");
    ck_assert_ptr_eq(host.text_argument(call, "name"), name);
    ck_assert_str_eq(host.text_argument(call, "empty"), "");
    ck_assert_ptr_null(host.text_argument(call, "big"));
    ck_assert_ptr_null(host.text_argument(call, "Name"));
    ck_assert_ptr_null(host.text_argument(call, NULL));
    ck_assert_int_eq(host.number_argument(call, "big", &number), 0);
    ck_assert_double_eq(number, 12345678901234567890.0);
    ck_assert_int_eq(host.number_argument(call, "part", &number), 0);
    ck_assert_double_eq(number, -0.5);
    ck_assert_int_ne(host.number_argument(call, "huge", &number), 0);
    ck_assert_int_ne(host.number_argument(call, "name", &number), 0);
    ck_assert_int_ne(host.number_argument(call, "nothing", &number), 0);
    ck_assert_double_eq(number, -0.5);
    ck_assert_int_ne(host.boolean_argument(call, "big", &flag), 0);
    ck_assert_int_eq(flag, -1);
    ck_assert_int_eq(host.boolean_argument(call, "yes", &flag), 0);
    ck_assert_int_eq(flag, 1);
    ck_assert_int_eq(host.boolean_argument(call, "no", &flag), 0);
    ck_assert_int_eq(flag, 0);
    return host.set_text(call, host.arguments(call));
}

START_TEST(arguments_come_typed_and_as_they_were_sent)
{
    static const char ARGUMENTS[] =
        "{\"name\":\"Gr\\u00e4\\\"ce\",\"empty\":\"\",\"big\":12345678901234567890,"
        "\"part\":-5e-1,\"huge\":1e999,\"yes\":true,\"no\":false,\"nothing\":null}";
    gh_call call;
    gh_call_question question = question_of(GH_CALL_TOOL);
    question.arguments = ARGUMENTS;
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, looks_at_arguments, NULL), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&call.told.content), "12345678901234567890"));
    gh_call_clear(&call);
}
END_TEST

static int looks_at_variables(void *data, gatehouse_call *call)
{
    (void)data;
    ck_assert_str_eq(host.variable(call, "city"), "K\xc3\xb6ln");
    ck_assert_ptr_null(host.variable(call, "land"));
    ck_assert_ptr_null(host.text_argument(call, "city"));
    return 0;
}

START_TEST(a_templates_variables_are_there_by_name)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_RESOURCE);
    question.variables = "{\"city\":\"K\xc3\xb6ln\"}";
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, looks_at_variables, NULL), GH_CALL_ANSWERED);
    gh_call_clear(&call);
}
END_TEST

static int completes(void *data, gatehouse_call *call)
{
    char value[16];
    (void)data;
    ck_assert_str_eq(host.completing(call), "city");
    ck_assert_str_eq(host.typed(call), "pa");
    ck_assert_str_eq(host.text_argument(call, "land"), "fr");
    for (int i = 0; i < 150; i++) {
        (void)snprintf(value, sizeof value, "paris-%d", i);
        ck_assert_int_eq(host.add_completion(call, value), 0);
    }
    return 0;
}

START_TEST(at_most_100_completions_are_kept_and_the_total_says_how_many_there_were)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_COMPLETION);
    question.completing = "city";
    question.typed = "pa";
    question.arguments = "{\"land\":\"fr\"}";
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, completes, NULL), GH_CALL_ANSWERED);
    ck_assert_uint_eq(call.told.count, 100);
    ck_assert_uint_eq(call.told.total, 150);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&call.told.content), "\"paris-0\",\"paris-1\","));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&call.told.content), "paris-100"));
    gh_call_clear(&call);
}
END_TEST

static int completes_by_halves(void *data, gatehouse_call *call)
{
    (void)data;
    (void)host.add_completion(call, "a \"b\"");
    return host.set_completion_total(call, 1000);
}

START_TEST(a_completion_may_say_its_total)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_COMPLETION, completes_by_halves), GH_CALL_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&call.told.content), "\"a \\\"b\\\"\"");
    ck_assert_uint_eq(call.told.total, 1000);
    gh_call_clear(&call);
}
END_TEST

/* --- capabilities --- */

typedef struct capability_case {
    const char *capabilities;
    const char *path;
    bool has;
} capability_case;

static const capability_case CASES[] = {
    {"{}", "sampling", false},
    {"{\"sampling\":{}}", "sampling", true},
    {"{\"sampling\":null}", "sampling", false},
    {"{\"sampling\":{}}", "sampling.tools", false},
    {"{\"sampling\":{\"tools\":{}}}", "sampling.tools", true},
    {"{\"elicitation\":{}}", "elicitation", true},
    {"{\"elicitation\":{}}", "elicitation.form", true},
    {"{\"elicitation\":{}}", "elicitation.url", false},
    {"{\"elicitation\":{\"url\":{}}}", "elicitation.form", false},
    {"{\"elicitation\":{\"url\":{}}}", "elicitation.url", true},
    {"{\"elicitation\":{\"url\":{},\"form\":{}}}", "elicitation.form", true},
    {"{\"elicitation\":{\"applyDefaults\":true}}", "elicitation.form", true},
    {"{\"roots\":{\"listChanged\":true}}", "roots.listChanged", true},
    {"{\"roots\":{\"listChanged\":false}}", "roots.listChanged", false},
    {"{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}", "extensions/io.modelcontextprotocol/tasks",
     true},
    {"{\"extensions\":{}}", "extensions/io.modelcontextprotocol/tasks", false},
    {"{\"tools\":{}}", "", false},
    {"{\"tools\":{}}", "tools..x", false},
    {"[]", "sampling", false},
};

START_TEST(capabilities_are_found_by_their_path)
{
    const capability_case *one = &CASES[_i];
    ck_assert_msg(gh_call_capability(gh_view_of(one->capabilities), one->path) == one->has, "%s in %s",
                  one->path, one->capabilities);
}
END_TEST

static int asks_what_the_client_can(void *data, gatehouse_call *call)
{
    int expected = *(const int *)data;
    ck_assert_int_eq(host.client_can(call, "sampling"), expected);
    ck_assert_int_eq(host.client_can(call, "roots"), 0);
    ck_assert_int_eq(host.client_can(call, NULL), 0);
    return 0;
}

START_TEST(a_client_that_cannot_be_asked_can_nothing)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_TOOL);
    int expected = 1;
    question.capabilities = "{\"sampling\":{}}";
    (void)run_with(&call, &question, &NO_HOOKS, asks_what_the_client_can, &expected);
    gh_call_clear(&call);
    question.can_be_asked = false;
    expected = 0;
    (void)run_with(&call, &question, &NO_HOOKS, asks_what_the_client_can, &expected);
    gh_call_clear(&call);
}
END_TEST

START_TEST(the_host_table_has_every_function_of_a_call)
{
    void *const members[] = {(void *)host.arguments,
                             (void *)host.issuer,
                             (void *)host.subject,
                             (void *)host.text_argument,
                             (void *)host.variable,
                             (void *)host.set_text,
                             (void *)host.add_content,
                             (void *)host.set_not_found,
                             (void *)host.add_message_content,
                             (void *)host.set_meta,
                             (void *)host.progress,
                             (void *)host.log,
                             (void *)host.cancelled,
                             (void *)host.wait,
                             (void *)host.release_connection,
                             (void *)host.ask,
                             (void *)host.answer_text,
                             (void *)host.state,
                             (void *)host.become_task,
                             (void *)host.set_task_status,
                             (void *)host.expires};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        ck_assert_ptr_nonnull(members[i]);
    }
}
END_TEST

START_TEST(functions_without_a_call_are_refused)
{
    double number = 7;
    int truth = 7;
    size_t size = 7;
    ck_assert_int_ne(host.set_text(NULL, "x"), 0);
    ck_assert_int_ne(host.add_text(NULL, NULL), 0);
    ck_assert_int_ne(host.set_error(NULL, "x"), 0);
    ck_assert_int_ne(host.set_structured(NULL, "{}"), 0);
    ck_assert_int_ne(host.add_image(NULL, "x", 1, "image/png"), 0);
    ck_assert_int_ne(host.add_content(NULL, "{}"), 0);
    ck_assert_int_ne(host.add_resource_text(NULL, NULL, NULL, "x"), 0);
    ck_assert_int_ne(host.add_resource_bytes(NULL, "a:b", NULL, "x", 1), 0);
    ck_assert_int_ne(host.set_not_found(NULL), 0);
    ck_assert_int_ne(host.add_message(NULL, "user", "x"), 0);
    ck_assert_int_ne(host.add_message_content(NULL, "user", "{}"), 0);
    ck_assert_int_ne(host.set_description(NULL, "x"), 0);
    ck_assert_int_ne(host.add_completion(NULL, "x"), 0);
    ck_assert_int_ne(host.set_completion_total(NULL, 1), 0);
    ck_assert_int_ne(host.set_meta(NULL, "{}"), 0);
    ck_assert_int_ne(host.set_protocol_error(NULL, 5, "x", NULL), 0);
    ck_assert_int_ne(host.set_protocol_error(NULL, -32700, "x", NULL), 0);
    ck_assert_int_ne(host.ask(NULL, "k", "roots/list", NULL), 0);
    ck_assert_int_ne(host.set_state(NULL, "x", 1), 0);
    ck_assert_int_ne(host.become_task(NULL, 0, 0), 0);
    ck_assert_int_ne(host.number_argument(NULL, "n", &number), 0);
    ck_assert_int_ne(host.boolean_argument(NULL, "b", &truth), 0);
    ck_assert_str_eq(host.arguments(NULL), "{}");
    ck_assert_str_eq(host.issuer(NULL), "");
    ck_assert_str_eq(host.subject(NULL), "");
    ck_assert_str_eq(host.scope(NULL), "");
    ck_assert_ptr_null(host.name(NULL));
    ck_assert_ptr_null(host.target(NULL));
    ck_assert_ptr_null(host.text_argument(NULL, "a"));
    ck_assert_ptr_null(host.variable(NULL, "a"));
    ck_assert_ptr_null(host.answer(NULL, "k"));
    ck_assert_ptr_null(host.answer_text(NULL, "k", "m"));
    ck_assert_ptr_null(host.answer_action(NULL, "k"));
    ck_assert_ptr_null(host.state(NULL, &size));
    ck_assert_uint_eq(size, 0);
    ck_assert_int_eq(host.client_can(NULL, "roots"), 0);
    ck_assert_int_eq(host.cancelled(NULL), 1);
    ck_assert_int_eq(host.wait(NULL, 10000), 1);
    host.progress(NULL, 1, 2, NULL);
    host.log(NULL, GATEHOUSE_ERROR, NULL, "1");
    host.release_connection(NULL, 1);
    host.set_task_status(NULL, "x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call");
    TCase *tc = tcase_create("call");
    tcase_add_checked_fixture(tc, fill_host, NULL);
    tcase_add_test(tc, another_value_than_0_is_a_fault_and_no_answer_is_an_empty_one);
    tcase_add_test(tc, the_caller_is_who_the_token_says);
    tcase_add_test(tc, arguments_come_typed_and_as_they_were_sent);
    tcase_add_test(tc, a_templates_variables_are_there_by_name);
    tcase_add_test(tc, at_most_100_completions_are_kept_and_the_total_says_how_many_there_were);
    tcase_add_test(tc, a_completion_may_say_its_total);
    tcase_add_loop_test(tc, capabilities_are_found_by_their_path, 0, sizeof CASES / sizeof CASES[0]);
    tcase_add_test(tc, a_client_that_cannot_be_asked_can_nothing);
    tcase_add_test(tc, the_host_table_has_every_function_of_a_call);
    tcase_add_test(tc, functions_without_a_call_are_refused);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
