/* Whatever client and server do, in whatever order: one reply for each request, none for a cancelled one. */
#include "translator_world.h"

#define REQUESTS_MAX 400
#define STEPS 300

typedef enum fate { NOT_SENT, OPEN, REPLIED, CANCELLED } fate;

typedef struct asked { /* a question that the client can answer */
    char id[64];
    bool open;
} asked;

static struct {
    gh_mcp_era client, server; /* UNKNOWN: both */
    fate fates[REQUESTS_MAX];
    int sent;
    char open[WORLD_LINES_MAX][64]; /* raw ids that the server has */
    char methods[WORLD_LINES_MAX][40];
    bool modern[WORLD_LINES_MAX];
    size_t open_count;
    asked questions[WORLD_LINES_MAX];
    size_t question_count;
    char state[128]; /* of an input-required result that was not followed up */
    int last_ask;
    unsigned long long seed;
} play;

static unsigned draw(unsigned below)
{
    play.seed = play.seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(play.seed >> 33) % below;
}

static void see_client_line(const char *line)
{
    gh_rpc_message message;
    gh_view state;
    world_parse(line, &message);
    if (message.kind == GH_RPC_REQUEST) {
        asked *question = &play.questions[play.question_count++];
        (void)snprintf(question->id, sizeof(question->id), "%.*s", (int)message.id.len, message.id.ptr);
        question->open = true;
    } else if (message.kind != GH_RPC_NOTIFICATION) {
        int64_t id = -1;
        ck_assert_msg(gh_view_to_int64(message.id, 0, REQUESTS_MAX, &id) == GH_OK, "a reply to nobody: %s",
                      line);
        ck_assert_msg(play.fates[id] == OPEN, "a reply too many (%d): %s", (int)play.fates[id], line);
        play.fates[id] = REPLIED;
        if (gh_json_slice_path(message.raw, &state, "result", "requestState", (char *)NULL)) {
            (void)snprintf(play.state, sizeof(play.state), "%.*s", (int)state.len, state.ptr);
        }
    }
    gh_rpc_message_clear(&message);
}

static void forget_open(size_t i)
{
    play.open_count--;
    memmove(play.open[i], play.open[play.open_count], sizeof(play.open[i]));
    memmove(play.methods[i], play.methods[play.open_count], sizeof(play.methods[i]));
    play.modern[i] = play.modern[play.open_count];
}

static void see_server_line(const char *line)
{
    gh_rpc_message message;
    gh_view id;
    world_parse(line, &message);
    if (message.kind == GH_RPC_REQUEST) {
        size_t i = play.open_count++;
        for (size_t j = 0; j < i; j++) {
            ck_assert_msg(!gh_view_eq_cstr(message.id, play.open[j]), "an id twice: %s", line);
        }
        (void)snprintf(play.open[i], sizeof(play.open[i]), "%.*s", (int)message.id.len, message.id.ptr);
        (void)snprintf(play.methods[i], sizeof(play.methods[i]), "%s", message.method);
        play.modern[i] = strstr(line, "2026-07-28") != NULL;
    } else if (message.kind == GH_RPC_NOTIFICATION &&
               strcmp(message.method, "notifications/cancelled") == 0 &&
               gh_json_slice_member(message.params, "requestId", &id)) {
        for (size_t i = 0; i < play.open_count; i++) {
            if (gh_view_eq_cstr(id, play.open[i])) {
                forget_open(i);
                break;
            }
        }
    }
    gh_rpc_message_clear(&message);
}

static void see_all(void)
{
    while (world.client.next < world.client.count || world.server.next < world.server.count) {
        if (world.server.next < world.server.count) {
            see_server_line(server_got());
        } else {
            see_client_line(client_got());
        }
    }
    if (world.client.count > WORLD_LINES_MAX / 2 || world.server.count > WORLD_LINES_MAX / 2) {
        world_empty(&world.client);
        world_empty(&world.server);
    }
}

static void say(const char *method, const char *members)
{
    char line[2048];
    int id = play.sent++;
    const char *meta = play.client == GH_MCP_ERA_MODERN ? META : "\"x\":1";
    (void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":{%s%s}}",
                   id, method, meta, members);
    play.fates[id] = OPEN;
    client_says(line);
    see_all();
}

static void client_requests(void)
{
    static const char *const LEGACY_METHODS[] = {"tools/call", "prompts/get",         "tools/list",
                                                 "ping",       "resources/subscribe", "logging/setLevel"};
    static const char *const MODERN_METHODS[] = {"tools/call",      "prompts/get",          "tools/list",
                                                 "server/discover", "subscriptions/listen", "resources/read"};
    const char *method = play.client == GH_MCP_ERA_MODERN ? MODERN_METHODS[draw(6)] : LEGACY_METHODS[draw(6)];
    char members[512];
    (void)snprintf(
        members, sizeof(members), ",\"name\":\"t%u\",\"uri\":\"file:///%u\",\"level\":\"info\"%s", draw(4),
        draw(3),
        strcmp(method, "subscriptions/listen") == 0 ? ",\"notifications\":{\"toolsListChanged\":true}" : "");
    if (play.sent < REQUESTS_MAX) {
        say(method, members);
    }
}

static void client_retries(void)
{
    char members[512];
    if (play.state[0] != '\0' && play.sent < REQUESTS_MAX && play.client == GH_MCP_ERA_MODERN) {
        (void)snprintf(
            members, sizeof(members),
            ",\"name\":\"t%u\",\"inputResponses\":{\"%d\":{\"action\":\"accept\"}},\"requestState\":%s",
            draw(4), play.last_ask, play.state);
        play.state[0] = '\0';
        say("tools/call", members);
    }
}

static void client_cancels(void)
{
    char line[128];
    int id = play.sent > 0 ? (int)draw((unsigned)play.sent) : 0;
    if (id > 0 && play.fates[id] == OPEN) {
        (void)snprintf(line, sizeof(line), CANCEL("%d"), id);
        play.fates[id] = CANCELLED;
        client_says(line);
        see_all();
    }
}

static void client_answers(void)
{
    char line[256];
    for (size_t i = 0; i < play.question_count; i++) {
        if (play.questions[i].open && draw(2) == 0) {
            play.questions[i].open = false;
            (void)snprintf(line, sizeof(line),
                           draw(3) == 0 ? ERROR("%s", "-1") : RESULT("%s", "\"action\":\"accept\""),
                           play.questions[i].id);
            client_says(line);
            see_all();
            return;
        }
    }
}

static const char *result_for(const char *method, bool modern)
{
    if (strcmp(method, "server/discover") == 0) {
        return play.server == GH_MCP_ERA_UNKNOWN ? "\"resultType\":\"complete\",\"supportedVersions\":["
                                                   "\"2026-07-28\",\"2025-11-25\"],\"capabilities\":{}"
                                                 : "\"resultType\":\"complete\",\"supportedVersions\":["
                                                   "\"2026-07-28\"],\"capabilities\":{\"resources\":{"
                                                   "\"subscribe\":true},\"tools\":{\"listChanged\":true}}";
    }
    if (strcmp(method, "initialize") == 0) {
        return "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"logging\":{}}";
    }
    if (strcmp(method, "tools/list") == 0) {
        return modern ? "\"resultType\":\"complete\",\"tools\":[{\"name\":\"t1\"}]"
                      : "\"tools\":[{\"name\":\"t1\"}]";
    }
    if (modern && draw(3) == 0 && strcmp(method, "subscriptions/listen") != 0) {
        return "\"resultType\":\"input_required\",\"requestState\":\"s\",\"inputRequests\":{\"a\":{"
               "\"method\":"
               "\"elicitation/create\",\"params\":{}}}";
    }
    return modern ? "\"resultType\":\"complete\"" : "";
}

static bool speaks(const char *method, bool modern)
{
    bool modern_only = strcmp(method, "server/discover") == 0 || modern;
    if (play.server == GH_MCP_ERA_LEGACY) {
        return !modern_only;
    }
    return play.server == GH_MCP_ERA_UNKNOWN || modern_only;
}

static void server_replies(size_t i)
{
    char line[1024], id[64], method[40];
    bool modern = play.modern[i] && strcmp(play.methods[i], "initialize") != 0;
    unsigned how = draw(20);
    memcpy(id, play.open[i], sizeof(id));
    memcpy(method, play.methods[i], sizeof(method));
    forget_open(i);
    if (how == 0) {
        (void)snprintf(line, sizeof(line), ERROR("%s", "-31000"), id);
        static const int SAID[] = {0, 401, 502};
        server_answers_with(line, SAID[draw(3)], true);
    } else if (!speaks(method, modern)) {
        (void)snprintf(line, sizeof(line), ERROR("%s", "-32601"), id);
        server_answers_with(line, draw(2) == 0 ? 404 : 400, draw(4) == 0);
    } else if (how == 1) {
        (void)snprintf(line, sizeof(line), ERROR("%s", "-32020"), id);
        server_answers_with(line, modern ? 400 : 200, false);
    } else {
        (void)snprintf(line, sizeof(line), RESULT("%s", "%s"), id, result_for(method, modern));
        server_answers(line);
    }
    see_all();
}

static void server_asks(void)
{
    char line[256];
    const char *where =
        play.open_count > 0 && draw(3) > 0 ? play.open[draw((unsigned)play.open_count)] : NULL;
    char id[64] = "";
    if (where != NULL) {
        memcpy(id, where, sizeof(id));
    }
    if (play.server != GH_MCP_ERA_MODERN) {
        (void)snprintf(line, sizeof(line), LEGACY("%d", "elicitation/create", "{}"), ++play.last_ask);
        server_says(line, where != NULL ? id : NULL);
        server_says(NOTE("notifications/tools/list_changed", "{}"), NULL);
    } else if (where != NULL) {
        (void)snprintf(line, sizeof(line),
                       NOTE("notifications/subscriptions/acknowledged",
                            "{\"_meta\":{\"" V
                            "subscriptionId\":%s},\"notifications\":{\"resourceSubscriptions\":["
                            "\"file:///1\"]}}"),
                       id);
        server_says(line, id);
    }
    see_all();
}

static void step(void)
{
    switch (draw(10)) {
    case 0:
    case 1:
    case 2:
        client_requests();
        break;
    case 3:
        client_cancels();
        break;
    case 4:
        client_answers();
        break;
    case 5:
        client_retries();
        break;
    case 6:
        server_asks();
        break;
    case 7:
        world.now_ms += (int64_t)draw(100000);
        gh_translator_tick(world.translator);
        if (draw(8) == 0) {
            (void)gh_translator_answer_ahead(world.translator);
        } else if (draw(8) == 0) {
            gh_translator_session_renewed(world.translator);
        }
        see_all();
        break;
    default:
        if (play.open_count > 0) {
            server_replies(draw((unsigned)play.open_count));
        }
        break;
    }
}

static void finish(void)
{
    char line[256];
    gh_translator_input_ended(world.translator);
    see_all();
    while (play.open_count > 0) {
        char id[64];
        memcpy(id, play.open[0], sizeof(id));
        forget_open(0);
        (void)snprintf(line, sizeof(line), ERROR("%s", "-31002"), id);
        server_answers_with(line, 0, true);
        see_all();
    }
    gh_translator_end(world.translator, -31002, "the end");
    see_all();
    for (int i = 0; i < play.sent; i++) {
        ck_assert_msg(play.fates[i] != OPEN, "no reply to %d", i);
    }
}

static void run(gh_mcp_era client, gh_mcp_era server, gh_mcp_era known, unsigned seed)
{
    memset(&play, 0, sizeof(play));
    play.client = client;
    play.server = server;
    play.seed = seed * 2654435761ULL + 17;
    world_known(known, NULL);
    if (client == GH_MCP_ERA_LEGACY) {
        say("initialize", ",\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"elicitation\":{}}");
        client_says("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }
    for (int i = 0; i < STEPS; i++) {
        step();
    }
    finish();
    world_close();
}

START_TEST(every_request_gets_one_reply_and_a_cancelled_one_none)
{
    static const gh_mcp_era CLIENTS[] = {GH_MCP_ERA_LEGACY, GH_MCP_ERA_MODERN};
    static const gh_mcp_era ERAS[] = {GH_MCP_ERA_UNKNOWN, GH_MCP_ERA_LEGACY, GH_MCP_ERA_MODERN};
    gh_mcp_era server = ERAS[_i % 3];
    gh_mcp_era known = ERAS[_i / 3 % 3];
    for (unsigned seed = 0; seed < 60; seed++) {
        run(CLIENTS[_i / 9], server, known, seed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translator_random");
    TCase *tcase = tcase_create("random");
    tcase_add_loop_test(tcase, every_request_gets_one_reply_and_a_cancelled_one_none, 0, 18);
    return world_run(suite, tcase);
}
