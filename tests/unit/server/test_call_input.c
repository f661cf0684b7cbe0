/* Asking the client, its answers, and the state between rounds. */
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/unit/server/call_fixture.h"

#define FORM "{\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"
#define URL "{\"mode\":\"url\",\"message\":\"Sign in\",\"url\":\"https://example.org\"}"
#define SAMPLE "{\"messages\":[],\"maxTokens\":10}"
#define SAMPLE_TOOLS "{\"messages\":[],\"maxTokens\":10,\"tools\":[]}"

typedef struct asked {
    const char *method;
    const char *params;
} asked;

static int asks_once(void *data, gatehouse_call *call)
{
    const asked *what = data;
    (void)host.set_text(call, "not used");
    return host.ask(call, "k", what->method, what->params);
}

/* Returns 0 whatever ask said. */
static int asks_and_goes(void *data, gatehouse_call *call)
{
    const asked *what = data;
    (void)host.ask(call, "k", what->method, what->params);
    return 0;
}

static gh_call_outcome ask_with(gh_call *call, const char *capabilities, gatehouse_handler handler,
                                const asked *what)
{
    gh_call_question question = question_of(GH_CALL_TOOL);
    question.capabilities = capabilities;
    return run_with(call, &question, &NO_HOOKS, handler, (void *)(uintptr_t)what);
}

START_TEST(what_is_asked_comes_out_compact)
{
    gh_call call;
    const asked what = {"elicitation/create",
                        " { \"message\" : \"Who?\", \"requestedSchema\": {\"n\":1.0} } "};
    ck_assert_int_eq(ask_with(&call, "{\"elicitation\":{}}", asks_once, &what), GH_CALL_ASKS);
    ck_assert_uint_eq(call.told.ask_count, 1);
    ck_assert_str_eq(call.told.asks[0].key, "k");
    ck_assert_str_eq(call.told.asks[0].method, "elicitation/create");
    ck_assert_str_eq(call.told.asks[0].params, "{\"message\":\"Who?\",\"requestedSchema\":{\"n\":1.0}}");
    ck_assert(!call.told.has_state);
    gh_call_clear(&call);
}
END_TEST

typedef struct lack {
    const char *method;
    const char *params;
    const char *capabilities;
    const char *lacking; /* NULL: it can be asked */
} lack;

static const lack LACKS[] = {
    {"elicitation/create", FORM, "{}", "{\"elicitation\":{}}"},
    {"elicitation/create", FORM, "{\"elicitation\":{\"url\":{}}}", "{\"elicitation\":{}}"},
    {"elicitation/create", FORM, "{\"elicitation\":{\"form\":{}}}", NULL},
    {"elicitation/create", URL, "{\"elicitation\":{}}", "{\"elicitation\":{\"url\":{}}}"},
    {"elicitation/create", URL, "{\"elicitation\":{\"url\":{}}}", NULL},
    {"sampling/createMessage", SAMPLE, "{}", "{\"sampling\":{}}"},
    {"sampling/createMessage", SAMPLE, "{\"sampling\":{}}", NULL},
    {"sampling/createMessage", SAMPLE_TOOLS, "{\"sampling\":{}}", "{\"sampling\":{\"tools\":{}}}"},
    {"sampling/createMessage", SAMPLE_TOOLS, "{\"sampling\":{\"tools\":{}}}", NULL},
    {"roots/list", NULL, "{\"sampling\":{}}", "{\"roots\":{}}"},
    {"roots/list", NULL, "{\"roots\":{}}", NULL},
};

START_TEST(a_client_is_only_asked_what_it_can)
{
    const lack *one = &LACKS[_i];
    const asked what = {one->method, one->params};
    const gatehouse_handler ways[] = {asks_and_goes, asks_once};
    gh_call call;
    /* asks_once has set content, which counts when it could not ask. */
    gh_call_outcome outcome = ask_with(&call, one->capabilities, ways[0], &what);
    if (one->lacking == NULL) {
        ck_assert_int_eq(outcome, GH_CALL_ASKS);
    } else {
        ck_assert_int_eq(outcome, GH_CALL_LACKS);
        ck_assert_str_eq(call.told.lacking, one->lacking);
    }
    gh_call_clear(&call);
    outcome = ask_with(&call, one->capabilities, ways[1], &what);
    ck_assert_int_eq(outcome, one->lacking == NULL ? GH_CALL_ASKS : GH_CALL_ANSWERED);
    gh_call_clear(&call);
}
END_TEST

static int returns_what_ask_said(void *data, gatehouse_call *call)
{
    (void)data;
    return host.ask(call, "k", "roots/list", NULL);
}

START_TEST(returning_what_ask_said_is_no_fault)
{
    gh_call call;
    ck_assert_int_eq(run(&call, GH_CALL_TOOL, returns_what_ask_said), GH_CALL_LACKS);
    ck_assert_str_eq(call.told.lacking, "{\"roots\":{}}");
    gh_call_clear(&call);
}
END_TEST

static int asks_for_everything(void *data, gatehouse_call *call)
{
    (void)data;
    (void)host.ask(call, "a", "elicitation/create", FORM);
    (void)host.ask(call, "b", "elicitation/create", URL);
    (void)host.ask(call, "c", "sampling/createMessage", SAMPLE);
    (void)host.ask(call, "d", "roots/list", "{}");
    return 0;
}

START_TEST(what_can_be_asked_goes_out_and_only_when_nothing_can_the_lack_is_told)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_TOOL);
    question.capabilities = "{\"sampling\":{}}";
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, asks_for_everything, NULL), GH_CALL_ASKS);
    ck_assert_uint_eq(call.told.ask_count, 1);
    ck_assert_str_eq(call.told.asks[0].method, "sampling/createMessage");
    gh_call_clear(&call);
    question.capabilities = "{}";
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, asks_for_everything, NULL), GH_CALL_LACKS);
    ck_assert_str_eq(call.told.lacking,
                     "{\"elicitation\":{\"form\":{},\"url\":{}},\"roots\":{},\"sampling\":{}}");
    gh_call_clear(&call);
    question.capabilities = "{\"elicitation\":{},\"sampling\":{},\"roots\":{}}";
    question.can_be_asked = false;
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, asks_for_everything, NULL), GH_CALL_LACKS);
    gh_call_clear(&call);
}
END_TEST

/* --- refusals --- */

static const asked NONSENSE[] = {
    {"tools/call", "{}"},
    {NULL, "{}"},
    {"elicitation/create", "{}"},
    {"elicitation/create", NULL},
    {"elicitation/create", "{\"message\":\"x\",\"requestedSchema\":[]}"},
    {"elicitation/create", "{\"mode\":\"voice\",\"message\":\"x\",\"requestedSchema\":{}}"},
    {"elicitation/create", "{\"mode\":\"url\",\"message\":\"x\"}"},
    {"sampling/createMessage", "{\"messages\":{}}"},
    {"roots/list", "[]"},
    {"roots/list", "{"},
};

START_TEST(nonsense_is_a_fault)
{
    gh_call call;
    static const char ALL[] = "{\"elicitation\":{\"form\":{},\"url\":{}},\"sampling\":{},\"roots\":{}}";
    ck_assert_int_eq(ask_with(&call, ALL, asks_and_goes, &NONSENSE[_i]), GH_CALL_FAULT);
    ck_assert_ptr_nonnull(strstr(call.why.message, "ask was refused"));
    gh_call_clear(&call);
}
END_TEST

static int asks_twice(void *data, gatehouse_call *call)
{
    (void)data;
    (void)host.ask(call, "k", "roots/list", NULL);
    (void)host.ask(call, "k", "roots/list", NULL);
    return 0;
}

static int asks_often(void *data, gatehouse_call *call)
{
    char key[8];
    (void)data;
    for (int i = 0; i <= GH_CALL_ASKS_MAX; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        (void)host.ask(call, key, "roots/list", NULL);
    }
    return 0;
}

static int asks_without_a_key(void *data, gatehouse_call *call)
{
    (void)host.ask(call, data, "roots/list", NULL);
    return 0;
}

START_TEST(keys_are_there_once_and_not_too_many)
{
    gh_call call;
    const asked *none = NULL;
    ck_assert_int_eq(ask_with(&call, "{\"roots\":{}}", asks_twice, none), GH_CALL_FAULT);
    ck_assert_ptr_nonnull(strstr(call.why.message, "that key already"));
    gh_call_clear(&call);
    ck_assert_int_eq(ask_with(&call, "{\"roots\":{}}", asks_often, none), GH_CALL_FAULT);
    ck_assert_ptr_nonnull(strstr(call.why.message, "too many"));
    gh_call_clear(&call);
    faults(GH_CALL_TOOL, asks_without_a_key, "there is no text");
    faults(GH_CALL_COMPLETION, returns_what_ask_said, "a completion has no use");
}
END_TEST

/* --- answers --- */

#define ANSWERS                                                                                              \
    "{\"form\":{\"action\":\"accept\",\"content\":{\"name\":\"A\\u00e4\",\"age\":1.50,\"ok\":true,"          \
    "\"list\":[\"x\"]}},"                                                                                    \
    "\"no\":{\"action\":\"decline\",\"content\":{\"name\":\"x\"}},\"odd\":{\"action\":\"perhaps\"},"         \
    "\"bare\":12345,\"model\":{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\","       \
    "\"text\":\"Paris\"}},\"many\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\"},"   \
    "{\"type\":\"text\",\"text\":\"b\"}]},\"picture\":{\"content\":{\"type\":\"image\",\"data\":\"\"}},"     \
    "\"roots\":{\"roots\":[]}}"

static int reads_answers(void *data, gatehouse_call *call)
{
    (void)data;
    ck_assert_str_eq(host.answer_action(call, "form"), "accept");
    ck_assert_str_eq(host.answer_text(call, "form", "name"), "A\xc3\xa4");
    ck_assert_str_eq(host.answer_text(call, "form", "age"), "1.50");
    ck_assert_str_eq(host.answer_text(call, "form", "ok"), "true");
    ck_assert_ptr_null(host.answer_text(call, "form", "list"));
    ck_assert_ptr_null(host.answer_text(call, "form", "none"));
    ck_assert_ptr_null(host.answer_text(call, "form", NULL));
    ck_assert_str_eq(host.answer_action(call, "no"), "decline");
    ck_assert_ptr_null(host.answer_text(call, "no", "name"));
    ck_assert_ptr_null(host.answer_action(call, "odd"));
    ck_assert_ptr_null(host.answer(call, "bare"));
    ck_assert_ptr_null(host.answer(call, "nobody"));
    ck_assert_ptr_null(host.answer(call, NULL));
    ck_assert_str_eq(host.answer_text(call, "model", NULL), "Paris");
    ck_assert_str_eq(host.answer_text(call, "many", NULL), "ab");
    ck_assert_ptr_null(host.answer_text(call, "picture", NULL));
    ck_assert_str_eq(host.answer(call, "roots"), "{\"roots\":[]}");
    return 0;
}

START_TEST(answers_are_read_by_key_and_member)
{
    gh_call call;
    gh_call_question question = question_of(GH_CALL_TOOL);
    question.answers = ANSWERS;
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, reads_answers, NULL), GH_CALL_ANSWERED);
    gh_call_clear(&call);
}
END_TEST

static int has_no_answers(void *data, gatehouse_call *call)
{
    size_t size = 99;
    (void)data;
    ck_assert_ptr_null(host.answer(call, "form"));
    ck_assert_ptr_null(host.answer_text(call, "form", "name"));
    ck_assert_ptr_null(host.answer_action(call, "form"));
    ck_assert_ptr_null(host.state(call, &size));
    ck_assert_uint_eq(size, 0);
    return 0;
}

START_TEST(in_the_first_round_there_are_none)
{
    answers(GH_CALL_TOOL, has_no_answers, "");
}
END_TEST

/* --- state --- */

static int counts_rounds(void *data, gatehouse_call *call)
{
    size_t size = 0;
    const char *state = host.state(call, &size);
    (void)data;
    if (state != NULL) {
        ck_assert_uint_eq(size, 3);
        ck_assert_mem_eq(state, "a\0b", 3);
        return host.set_text(call, "second");
    }
    (void)host.set_state(call, "gone", 4);
    ck_assert_int_eq(host.set_state(call, "a\0b", 3), 0);
    return host.ask(call, "k", "roots/list", NULL);
}

START_TEST(state_comes_back_byte_for_byte)
{
    gh_call first;
    gh_call second;
    gh_call_question question = question_of(GH_CALL_TOOL);
    question.capabilities = "{\"roots\":{}}";
    ck_assert_int_eq(run_with(&first, &question, &NO_HOOKS, counts_rounds, NULL), GH_CALL_ASKS);
    ck_assert(first.told.has_state);
    question.state = gh_buf_view(&first.told.state);
    ck_assert_int_eq(run_with(&second, &question, &NO_HOOKS, counts_rounds, NULL), GH_CALL_ANSWERED);
    gh_call_clear(&second);
    gh_call_clear(&first);
}
END_TEST

static int keeps_too_much(void *data, gatehouse_call *call)
{
    static char bytes[GH_CALL_STATE_MAX + 1];
    (void)data;
    ck_assert_int_eq(host.set_state(call, bytes, GH_CALL_STATE_MAX), 0);
    (void)host.set_state(call, bytes, sizeof bytes);
    return 0;
}

START_TEST(state_has_a_ceiling)
{
    faults(GH_CALL_TOOL, keeps_too_much, "more than 64 KiB");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call input");
    TCase *tc = tcase_create("input");
    tcase_add_checked_fixture(tc, fill_host, NULL);
    tcase_add_test(tc, what_is_asked_comes_out_compact);
    tcase_add_loop_test(tc, a_client_is_only_asked_what_it_can, 0, sizeof LACKS / sizeof LACKS[0]);
    tcase_add_test(tc, returning_what_ask_said_is_no_fault);
    tcase_add_test(tc, what_can_be_asked_goes_out_and_only_when_nothing_can_the_lack_is_told);
    tcase_add_loop_test(tc, nonsense_is_a_fault, 0, sizeof NONSENSE / sizeof NONSENSE[0]);
    tcase_add_test(tc, keys_are_there_once_and_not_too_many);
    tcase_add_test(tc, answers_are_read_by_key_and_member);
    tcase_add_test(tc, in_the_first_round_there_are_none);
    tcase_add_test(tc, state_comes_back_byte_for_byte);
    tcase_add_test(tc, state_has_a_ceiling);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
