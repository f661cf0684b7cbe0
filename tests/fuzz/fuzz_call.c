/* JSON from a client as arguments, capabilities and answers of a call, and from a handler as all that it may
 * hand over: what comes out of an answer is JSON again. */
#include <string.h>

#include "server/call/call.h"
#include "shared/core/log.h"
#include "shared/json/gate.h"
#include "tests/fuzz/fuzz.h"

static gatehouse_host host;

static void read_all(gatehouse_call *call)
{
    static const char *const NAMES[] = {"a", "b", "content", ""};
    double number = 0;
    int flag = 0;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        (void)host.text_argument(call, NAMES[i]);
        (void)host.number_argument(call, NAMES[i], &number);
        (void)host.boolean_argument(call, NAMES[i], &flag);
        (void)host.answer(call, NAMES[i]);
        (void)host.answer_action(call, NAMES[i]);
        (void)host.answer_text(call, NAMES[i], NULL);
        (void)host.answer_text(call, NAMES[i], "a");
        (void)host.client_can(call, NAMES[i]);
    }
    (void)host.client_can(call, "elicitation.url");
    (void)host.client_can(call, "extensions/a");
}

static int say_all(void *data, gatehouse_call *call)
{
    const char *text = data;
    read_all(call);
    (void)host.ask(call, "k", "elicitation/create", text);
    (void)host.ask(call, text, "sampling/createMessage", text);
    if (call->question.kind == GH_CALL_TOOL) {
        (void)host.set_structured(call, text);
        (void)host.add_content(call, text);
        (void)host.add_text(call, text);
        (void)host.add_resource_bytes(call, text, NULL, text, strlen(text));
    } else {
        (void)host.add_message(call, "user", text);
        (void)host.add_message_content(call, "assistant", text);
    }
    (void)host.set_meta(call, text);
    return 0;
}

static void check(const gh_call *call)
{
    gh_buf all = GH_BUF_INIT((size_t)32 << 20);
    (void)gh_buf_append_char(&all, '[');
    (void)gh_buf_append_view(&all, gh_buf_view(&call->told.content));
    (void)gh_buf_append_char(&all, ']');
    /* One level more than the gate lets a handler nest, so depth is what it may say. */
    if (call->refused == GH_OK) {
        gh_status status = gh_json_gate(gh_buf_view(&all), NULL, NULL);
        GH_FUZZ_REQUIRE(status == GH_OK || status == GH_ERR_TOO_LARGE);
    }
    gh_buf_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char issuer[] = "https://id.example";
    const gh_principal principal = {.issuer = issuer, .subject = issuer};
    const gh_call_hooks hooks = {0};
    char *text = gh_view_dup(gh_fuzz_view(data, size));
    gh_log_set_level(GH_LOG_ERROR);
    gh_call_fill_host(&host);
    if (text != NULL) {
        bool is_json = gh_json_gate(gh_view_of(text), NULL, NULL) == GH_OK;
        const char *json = is_json ? text : "{}";
        for (int kind = 0; kind < 2; kind++) {
            gh_call call;
            const gh_call_question question = {.kind = kind == 0 ? GH_CALL_TOOL : GH_CALL_PROMPT,
                                               .principal = &principal,
                                               .item = "Tool fuzz",
                                               .target = "fuzz",
                                               .arguments = json,
                                               .variables = json,
                                               .answers = json,
                                               .capabilities = json,
                                               .can_be_asked = true};
            gh_call_init(&call, &question, &hooks);
            (void)say_all(text, &call);
            check(&call);
            gh_call_clear(&call);
        }
    }
    free(text);
    return 0;
}
