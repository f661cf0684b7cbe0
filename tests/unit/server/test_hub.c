/* The hub: who hears what, and that nobody hears anything after it was removed. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/hub.h"
#include "tests/support/suite.h"

typedef struct ear {
    gh_mcp_listener listener;
    int heard;
    gh_mcp_topic topic;
    char subject[64];
    char detail[64];
} ear;

static void keep(char *out, size_t size, gh_view text)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

static void hear(void *context, gh_mcp_topic topic, gh_view subject, gh_view detail)
{
    ear *self = context;
    self->heard++;
    self->topic = topic;
    keep(self->subject, sizeof self->subject, subject);
    keep(self->detail, sizeof self->detail, detail);
}

static void listen(gh_mcp_hub *hub, ear *self)
{
    memset(self, 0, sizeof *self);
    self->listener.context = self;
    self->listener.hear = hear;
    gh_mcp_hub_add(hub, &self->listener);
}

static void announce(gh_mcp_hub *hub, gh_mcp_topic topic, const char *subject, const char *detail)
{
    gh_mcp_hub_announce(hub, topic, gh_view_of(subject), gh_view_of(detail));
}

START_TEST(all_who_listen_hear_what_is_announced)
{
    gh_mcp_hub *hub = gh_mcp_hub_new();
    ear ears[3];
    ck_assert_ptr_nonnull(hub);
    announce(hub, GH_MCP_TOPIC_TOOLS, "", ""); /* to nobody */
    for (size_t i = 0; i < 3; i++) {
        listen(hub, &ears[i]);
    }
    announce(hub, GH_MCP_TOPIC_UPDATED, "file:///a", "");
    announce(hub, GH_MCP_TOPIC_TASK, "t-1", "{\"status\":\"working\"}");
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(ears[i].heard, 2);
        ck_assert_int_eq(ears[i].topic, GH_MCP_TOPIC_TASK);
        ck_assert_str_eq(ears[i].subject, "t-1");
        ck_assert_str_eq(ears[i].detail, "{\"status\":\"working\"}");
        gh_mcp_hub_remove(hub, &ears[i].listener);
    }
    gh_mcp_hub_free(hub);
    gh_mcp_hub_free(NULL);
}
END_TEST

START_TEST(the_one_who_leaves_hears_nothing_more_and_the_others_do)
{
    for (size_t leaver = 0; leaver < 3; leaver++) {
        gh_mcp_hub *hub = gh_mcp_hub_new();
        ear ears[3];
        for (size_t i = 0; i < 3; i++) {
            listen(hub, &ears[i]);
        }
        gh_mcp_hub_remove(hub, &ears[leaver].listener);
        gh_mcp_hub_remove(hub, &ears[leaver].listener); /* twice is harmless */
        announce(hub, GH_MCP_TOPIC_PROMPTS, "", "");
        for (size_t i = 0; i < 3; i++) {
            ck_assert_int_eq(ears[i].heard, i == leaver ? 0 : 1);
        }
        listen(hub, &ears[leaver]);
        announce(hub, GH_MCP_TOPIC_RESOURCES, "", "");
        ck_assert_int_eq(ears[leaver].heard, 1);
        for (size_t i = 0; i < 3; i++) {
            gh_mcp_hub_remove(hub, &ears[i].listener);
        }
        announce(hub, GH_MCP_TOPIC_TOOLS, "", "");
        ck_assert_int_eq(ears[leaver].heard, 1);
        gh_mcp_hub_free(hub);
    }
}
END_TEST

typedef struct scene {
    gh_mcp_hub *hub;
    atomic_bool over;
} scene;

static void *announce_always(void *argument)
{
    scene *self = argument;
    while (!atomic_load(&self->over)) {
        announce(self->hub, GH_MCP_TOPIC_UPDATED, "file:///a", "{}");
    }
    return NULL;
}

/* Listeners live on the heap and are freed as soon as they are removed: one that still heard something would
 * be a use after free, which the sanitizers see, and one that heard between would have heard too much. */
static void *come_and_go(void *argument)
{
    scene *self = argument;
    for (int i = 0; i < 2000; i++) {
        ear *mine = malloc(sizeof *mine);
        if (!mine) {
            return argument;
        }
        listen(self->hub, mine);
        gh_mcp_hub_remove(self->hub, &mine->listener);
        int heard = mine->heard;
        if (i % 100 == 0) {
            announce(self->hub, GH_MCP_TOPIC_TOOLS, "", "");
        }
        bool silent = mine->heard == heard;
        free(mine);
        if (!silent) {
            return argument;
        }
    }
    return NULL;
}

START_TEST(who_was_removed_hears_nothing_while_others_announce)
{
    scene self = {.hub = gh_mcp_hub_new()};
    pthread_t announcers[2];
    pthread_t guests[3];
    ear steady;
    listen(self.hub, &steady);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&announcers[i], NULL, announce_always, &self), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_create(&guests[i], NULL, come_and_go, &self), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        void *bad = NULL;
        ck_assert_int_eq(pthread_join(guests[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    atomic_store(&self.over, true);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(announcers[i], NULL), 0);
    }
    ck_assert_int_ge(steady.heard, 60);
    gh_mcp_hub_remove(self.hub, &steady.listener);
    gh_mcp_hub_free(self.hub);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub");
    TCase *tc = tcase_create("hub");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, all_who_listen_hear_what_is_announced);
    tcase_add_test(tc, the_one_who_leaves_hears_nothing_more_and_the_others_do);
    tcase_add_test(tc, who_was_removed_hears_nothing_while_others_announce);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}
