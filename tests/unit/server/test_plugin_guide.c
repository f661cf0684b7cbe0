/* What the template and its guide show works as the page says. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tests/unit/server/plugin_fixture.h"

#define TEMPLATE PLUGINS "/plugin_template.so"
#define GUIDE PLUGINS "/plugin_guide.so"
#define FORMS "{\"elicitation\":{}}"

static gh_call_outcome round_of(world *w, const char *name, const char *answers, gh_view state)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w->registry);
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, gh_view_of(name));
    ck_assert_ptr_nonnull(tool);
    const gh_call_question question = {.kind = GH_CALL_TOOL,
                                       .principal = &ADA,
                                       .item = tool->label,
                                       .target = name,
                                       .arguments = "{}",
                                       .capabilities = FORMS,
                                       .can_be_asked = true,
                                       .answers = answers,
                                       .state = state};
    gh_call_outcome outcome = run(w, &question, tool->item.call, tool->item.data);
    gh_mcp_catalog_release(catalog);
    return outcome;
}

static const gh_view NO_STATE = {NULL, 0};

START_TEST(the_template_greets_by_name_and_argument)
{
    world w;
    enter_with(&w, TEMPLATE);
    says(&w, "greet", "{\"greeting\":\"Good morning\"}", "Good morning, Ada!");
    says(&w, "greet", "{}", "Hello, Ada!");
    gh_principal nobody = {.issuer = ADA.issuer, .subject = ADA.subject};
    ck_assert_ptr_nonnull(strstr(call_as(&w, &nobody, "greet", "{}"), "Hello, u-1!"));
    leave(&w);
}
END_TEST

START_TEST(divide_answers_with_structured_content_or_an_error)
{
    world w;
    enter_with(&w, GUIDE);
    (void)call(&w, "divide", "{\"a\":1,\"b\":4}");
    ck_assert_str_eq(w.call.told.structured, "{\"quotient\":0.25}");
    says(&w, "divide", "{\"a\":1,\"b\":0}", "These two cannot be divided.");
    ck_assert(w.call.told.is_error);
    leave(&w);
}
END_TEST

START_TEST(order_asks_and_hears_yes_or_no)
{
    world w;
    enter_with(&w, GUIDE);
    ck_assert_int_eq(round_of(&w, "order", NULL, NO_STATE), GH_CALL_ASKS);
    ck_assert_str_eq(w.call.told.asks[0].key, "pizza");
    ck_assert_int_eq(round_of(&w, "order",
                              "{\"pizza\":{\"action\":\"accept\",\"content\":{\"topping\":\"figs\"}}}",
                              NO_STATE),
                     GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "A pizza with figs"));
    ck_assert_int_eq(round_of(&w, "order", "{\"pizza\":{\"action\":\"decline\"}}", NO_STATE),
                     GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "Nothing was ordered"));
    (void)call(&w, "order", "{}");
    ck_assert_int_eq(w.call.told.outcome, GH_CALL_LACKS);
    leave(&w);
}
END_TEST

START_TEST(rename_dog_keeps_the_first_answer_in_its_state)
{
    world w;
    char state[64];
    enter_with(&w, GUIDE);
    ck_assert_int_eq(round_of(&w, "renameDog", NULL, NO_STATE), GH_CALL_ASKS);
    ck_assert(!w.call.told.has_state);
    ck_assert_int_eq(round_of(&w, "renameDog",
                              "{\"name\":{\"action\":\"accept\",\"content\":{\"name\":\"Rex\"}}}", NO_STATE),
                     GH_CALL_ASKS);
    ck_assert(w.call.told.has_state && w.call.told.state.len == 4);
    ck_assert_str_eq(w.call.told.asks[0].key, "sure");
    memcpy(state, w.call.told.state.data, 4);
    const gh_view kept = {state, 4};
    ck_assert_int_eq(
        round_of(&w, "renameDog", "{\"sure\":{\"action\":\"accept\",\"content\":{\"sure\":true}}}", kept),
        GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "called Rex from now on."));
    ck_assert_int_eq(round_of(&w, "renameDog", "{\"sure\":{\"action\":\"cancel\"}}", kept), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "Rex? Then not."));
    leave(&w);
}
END_TEST

START_TEST(long_work_ends)
{
    world w;
    enter_with(&w, GUIDE);
    says(&w, "count", "{}", "Ten.");
    says(&w, "bake", "{}", "The cake is ready.");
    leave(&w);
}
END_TEST

START_TEST(the_forecast_needs_its_secret_and_comes_later)
{
    world w;
    char config[] = "/tmp/gatehouse-guide-XXXXXX";
    static const char TEXT[] = "{\"plugin_guide\":{\"city\":\"Berlin\",\"token\":\"x\"}}";
    int fd = mkstemp(config);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, TEXT, sizeof TEXT - 1), sizeof TEXT - 1);
    (void)close(fd);
    enter(&w);
    ck_assert_int_eq(gh_plugins_configure(w.plugins, config, NULL), GH_OK);
    ck_assert_int_eq(load(&w, GUIDE, NULL), GH_OK);
    ck_assert(!has_tool(&w, "forecast"));
    says(&w, "openBar", "{}", "There is one tool more.");
    says(&w, "forecast", "{}", "Sunny in Berlin.");
    says(&w, "openBar", "{}", "It is open already.");
    leave(&w);
    (void)unlink(config);
    enter_with(&w, GUIDE);
    (void)call(&w, "openBar", "{}");
    says(&w, "forecast", "{}", "This server has no token for the weather service.");
    leave(&w);
}
END_TEST

START_TEST(resources_and_prompts_answer)
{
    world w;
    gh_buf variables = GH_BUF_INIT(1024);
    enter_with(&w, GUIDE);
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w.registry);
    const gh_mcp_resource *menu = gh_mcp_catalog_resource(catalog, gh_view_of("pizza://menu"));
    const gh_mcp_template *recipe =
        gh_mcp_catalog_match(catalog, gh_view_of("pizza://recipes/margherita"), &variables);
    const gh_mcp_prompt *recommend = gh_mcp_catalog_prompt(catalog, gh_view_of("recommend"));
    ck_assert(menu != NULL && recipe != NULL && recommend != NULL);
    gh_call_question question = {.kind = GH_CALL_RESOURCE,
                                 .principal = &ADA,
                                 .item = recipe->label,
                                 .target = "pizza://recipes/margherita",
                                 .arguments = "{}",
                                 .variables = gh_buf_cstr(&variables),
                                 .mime_type = recipe->item.mime_type,
                                 .capabilities = "{}"};
    ck_assert_int_eq(run(&w, &question, recipe->item.read, NULL), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "mozzarella"));
    ck_assert_int_eq(run(&w, &question, menu->item.read, NULL), GH_CALL_ANSWERED);
    question.variables = "{\"dish\":\"stones\"}";
    ck_assert_int_eq(run(&w, &question, recipe->item.read, NULL), GH_CALL_NOT_FOUND);
    question.kind = GH_CALL_COMPLETION;
    question.completing = "dish";
    question.typed = "mar";
    ck_assert_int_eq(run(&w, &question, recipe->item.complete, NULL), GH_CALL_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&w.call.told.content), "\"margherita\"");
    question.kind = GH_CALL_PROMPT;
    question.arguments = "{\"dish\":\"pizza\"}";
    ck_assert_int_eq(run(&w, &question, recommend->item.get, NULL), GH_CALL_ANSWERED);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&w.call.told.content), "goes with pizza."));
    gh_mcp_catalog_release(catalog);
    gh_buf_free(&variables);
    leave(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin guide");
    TCase *tc = tcase_create("guide");
    tcase_add_test(tc, the_template_greets_by_name_and_argument);
    tcase_add_test(tc, divide_answers_with_structured_content_or_an_error);
    tcase_add_test(tc, order_asks_and_hears_yes_or_no);
    tcase_add_test(tc, rename_dog_keeps_the_first_answer_in_its_state);
    tcase_add_test(tc, long_work_ends);
    tcase_add_test(tc, the_forecast_needs_its_secret_and_comes_later);
    tcase_add_test(tc, resources_and_prompts_answer);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
