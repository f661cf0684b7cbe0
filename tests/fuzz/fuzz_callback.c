/* What any program on the machine may send to the listener that waits for the browser: only a GET for the
 * callback with our Host reaches the sign-in, once, and what does not is told so. In the input, HOST stands
 * for the host and port that the listener is bound to. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/login/authorization.h"
#include "bridge/loop.h"
#include "bridge/loopback.h"
#include "shared/core/bytes.h"
#include "tests/fuzz/fuzz.h"

static const char STATE[] = "right-state";

typedef struct world {
    gh_loop *loop;
    gh_loopback *loopback;
    gh_loop_watch *watch;
    gh_buf reply;
    int called;
    bool accepted, has_code;
} world;

static gh_loopback_verdict on_callback(void *context, const gh_form *query)
{
    world *all = context;
    const char *state = gh_form_get(query, "state");
    const gh_authorization_issuer issuer = {"https://as.example", true};
    gh_secret *code = NULL;
    gh_error error = {0};
    all->called++;
    if (state == NULL || strcmp(state, STATE) != 0) {
        return GH_LOOPBACK_REFUSE;
    }
    all->accepted = true;
    gh_status status = gh_authorization_response(query, &issuer, &code, &error);
    GH_FUZZ_REQUIRE((status == GH_OK) == (code != NULL));
    if (status == GH_OK) {
        const char *from = gh_form_get(query, "iss");
        GH_FUZZ_REQUIRE(from != NULL && strcmp(from, issuer.issuer) == 0);
        all->has_code = true;
    } else {
        GH_FUZZ_REQUIRE(error.message[0] != '\0');
    }
    gh_secret_free(code);
    gh_loopback_finish(all->loopback, status == GH_OK, error.message);
    return GH_LOOPBACK_HOLD;
}

static void on_reply(void *context, int fd, short revents)
{
    world *all = context;
    char chunk[4096];
    (void)revents;
    ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
    if (got > 0) {
        gh_buf_append(&all->reply, chunk, (size_t)got);
        return;
    }
    gh_loop_stop(all->loop, 0);
}

/* The text with the listener's host in the place of HOST. */
static void fill_in(gh_view text, const char *host, gh_buf *out)
{
    while (text.len > 0) {
        const char *mark = memmem(text.ptr, text.len, "HOST", 4);
        size_t len = mark != NULL ? (size_t)(mark - text.ptr) : text.len;
        gh_buf_append(out, text.ptr, len);
        if (mark != NULL) {
            gh_buf_append_cstr(out, host);
            len += 4;
        }
        text.ptr += len;
        text.len -= len;
    }
}

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct linger now = {1, 0}; /* or the ports run out within seconds */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    GH_FUZZ_REQUIRE(fd >= 0);
    GH_FUZZ_REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    return fd;
}

static void check(const world *all, gh_view sent)
{
    gh_view reply = gh_buf_view(&all->reply);
    GH_FUZZ_REQUIRE(all->called <= 1);
    if (all->called > 0) {
        GH_FUZZ_REQUIRE(memmem(sent.ptr, sent.len, "GET /callback", 13) != NULL);
        GH_FUZZ_REQUIRE(memmem(sent.ptr, sent.len, "127.0.0.1:", 10) != NULL);
    }
    GH_FUZZ_REQUIRE(reply.len == 0 || gh_view_starts_with(reply, GH_VIEW_LIT("HTTP/1.1 ")));
    bool good = gh_view_starts_with(reply, GH_VIEW_LIT("HTTP/1.1 200"));
    GH_FUZZ_REQUIRE(!good || all->has_code);
    if (memmem(sent.ptr, sent.len, "\r\n\r\n", 4) != NULL) {
        GH_FUZZ_REQUIRE(reply.len > 0);
        GH_FUZZ_REQUIRE(memmem(reply.ptr, reply.len, "<script", 7) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 8192) {
        return -1;
    }
    world all = {.reply = GH_BUF_INIT(1 << 20)};
    gh_buf sent = GH_BUF_INIT(1 << 20);
    char host[32];
    unsigned port = 0;
    GH_FUZZ_REQUIRE(gh_loop_new(NULL, &all.loop) == GH_OK);
    GH_FUZZ_REQUIRE(gh_loopback_new(all.loop, 0, on_callback, &all, &all.loopback, NULL) == GH_OK);
    GH_FUZZ_REQUIRE(sscanf(gh_loopback_redirect_uri(all.loopback), "http://127.0.0.1:%u/callback", &port) ==
                    1);
    (void)snprintf(host, sizeof(host), "127.0.0.1:%u", port);
    fill_in(gh_fuzz_view(data, size), host, &sent);
    int fd = connect_to(port);
    gh_view text = gh_buf_view(&sent);
    GH_FUZZ_REQUIRE(gh_buf_status(&sent) == GH_OK);
    GH_FUZZ_REQUIRE(send(fd, text.ptr, text.len, MSG_NOSIGNAL) == (ssize_t)text.len);
    (void)shutdown(fd, SHUT_WR);
    GH_FUZZ_REQUIRE(gh_loop_watch_add(all.loop, fd, POLLIN, on_reply, &all, &all.watch) == GH_OK);
    (void)gh_loop_run(all.loop);
    check(&all, text);
    gh_loop_watch_remove(all.watch);
    (void)close(fd);
    gh_loopback_free(all.loopback);
    gh_loop_free(all.loop);
    gh_buf_free(&all.reply);
    gh_buf_free(&sent);
    return 0;
}
