/* The bridge between a client and a server of different eras, whatever either of them says: what comes out is
 * JSON-RPC, a line each. The input: what is known of the server (a digit), then a line each: c, what the
 * client says; s, what the server says on the stream of the last request; a, an answer by HTTP; A, an answer
 * to the last request, without its head; and t, n, h and e for what happens besides. */
#include <string.h>

#include "bridge/translate/translator.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"
#include "tests/fuzz/fuzz.h"

#define LINE_MAX_BYTES ((size_t)64 * 1024)

typedef struct world {
    gh_translator *translator;
    gh_buf last; /* raw id of the last request to the server */
} world;

static void check(gh_view line, gh_rpc_message *message)
{
    GH_FUZZ_REQUIRE(memchr(line.ptr, '\n', line.len) == NULL);
    GH_FUZZ_REQUIRE(gh_rpc_parse(line, NULL, message, NULL) == GH_OK);
}

static void to_server(void *context, gh_view line)
{
    world *all = context;
    gh_rpc_message message;
    check(line, &message);
    if (message.kind == GH_RPC_REQUEST) {
        gh_buf_clear(&all->last);
        (void)gh_buf_append_view(&all->last, message.id);
    }
    gh_rpc_message_clear(&message);
}

static void to_client(void *context, gh_view line)
{
    gh_rpc_message message;
    (void)context;
    check(line, &message);
    gh_rpc_message_clear(&message);
}

static void learned(void *context, const gh_server_memory *memory)
{
    gh_server_memory copy = {.only = GH_MCP_ERA_UNKNOWN};
    (void)context;
    GH_FUZZ_REQUIRE(gh_server_memory_copy(memory, &copy) == GH_OK);
    gh_server_memory_clear(&copy);
}

static void from_server(world *all, const gh_rpc_message *message, gh_view line, bool is_http)
{
    bool answers = message->kind != GH_RPC_REQUEST && message->kind != GH_RPC_NOTIFICATION;
    const gh_translator_origin origin = {.request = answers ? message->id : gh_buf_view(&all->last),
                                         .is_answer = answers,
                                         .http_status = is_http ? 400 : 200};
    gh_translator_from_server(all->translator, message, line, &origin);
}

/* `who` says it, when it can be said. */
static void say(world *all, char who, gh_view text)
{
    gh_rpc_message message;
    gh_buf line = GH_BUF_INIT(LINE_MAX_BYTES);
    if (gh_json_gate(text, NULL, NULL) == GH_OK && gh_json_slice_compact(text, &line) == GH_OK &&
        gh_rpc_parse(gh_buf_view(&line), NULL, &message, NULL) == GH_OK) {
        if (who == 'c') {
            gh_translator_from_client(all->translator, &message);
        } else {
            from_server(all, &message, gh_buf_view(&line), who == 'a');
        }
        gh_rpc_message_clear(&message);
    }
    gh_buf_free(&line);
}

static void answer(world *all, gh_view rest)
{
    gh_buf text = GH_BUF_INIT(LINE_MAX_BYTES);
    if (all->last.len > 0) {
        (void)gh_buf_append_cstr(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
        (void)gh_buf_append_view(&text, gh_buf_view(&all->last));
        (void)gh_buf_append_char(&text, ',');
        (void)gh_buf_append_view(&text, rest);
        if (gh_buf_status(&text) == GH_OK) {
            say(all, 'A', gh_buf_view(&text));
        }
    }
    gh_buf_free(&text);
}

static void act(world *all, gh_view line)
{
    gh_view rest = gh_view_make(line.ptr + 1, line.len - 1);
    switch (line.ptr[0]) {
    case 'c':
    case 's':
    case 'a':
        say(all, line.ptr[0], rest);
        break;
    case 'A':
        answer(all, rest);
        break;
    case 't':
        gh_translator_tick(all->translator);
        break;
    case 'n':
        gh_translator_session_renewed(all->translator);
        break;
    case 'h':
        (void)gh_translator_answer_ahead(all->translator);
        break;
    case 'e':
        gh_translator_input_ended(all->translator);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const CAPABILITIES[] = {NULL, "{\"tools\":{\"listChanged\":true}}", "{}", "null"};
    world all = {.last = GH_BUF_INIT(LINE_MAX_BYTES)};
    gh_view text = gh_fuzz_view(data, size);
    gh_view line;
    unsigned how = size > 0 ? data[0] : '0';
    gh_server_memory known = {.only = how % 3 == 1   ? GH_MCP_ERA_LEGACY
                                      : how % 3 == 2 ? GH_MCP_ERA_MODERN
                                                     : GH_MCP_ERA_UNKNOWN,
                              .capabilities = gh_text_dup(CAPABILITIES[how / 3 % 4])};
    const gh_translator_options options = {.known = how % 3 == 0 ? NULL : &known,
                                           .legacy_only = how % 5 == 4,
                                           .max_message = LINE_MAX_BYTES,
                                           .context = &all,
                                           .to_server = to_server,
                                           .to_client = to_client,
                                           .learned = learned};
    gh_log_set_level(GH_LOG_ERROR);
    GH_FUZZ_REQUIRE(gh_translator_new(&options, &all.translator) == GH_OK);
    (void)gh_view_next(&text, '\n', &line);
    while (text.len > 0 && gh_view_next(&text, '\n', &line)) {
        if (line.len > 0) {
            act(&all, line);
        }
    }
    gh_translator_end(all.translator, -32000, "It is over.");
    gh_translator_free(all.translator);
    gh_server_memory_clear(&known);
    gh_buf_free(&all.last);
    return 0;
}
