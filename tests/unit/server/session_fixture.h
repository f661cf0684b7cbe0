/* Sessions with works that only remember what was done to them, and a clock that the test moves. */
#ifndef GH_TESTS_UNIT_SERVER_SESSION_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_SESSION_FIXTURE_H

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/session.h"
#include "server/mcp/work.h"
#include "shared/core/clock.h"
#include "shared/rpc/mcp.h"

__attribute__((unused)) static gh_principal ADA = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-1"}, .client_id = (char[]){"c-1"}};
__attribute__((unused)) static gh_principal GRACE = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-2"}, .client_id = (char[]){"c-1"}};
__attribute__((unused)) static gh_principal ADA_ELSEWHERE = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-1"}, .client_id = (char[]){"c-2"}};

/* --- works --- */

struct gh_mcp_work {
    atomic_int holders;
    const char *id;
    gh_mcp_outbox *outbox;
    atomic_int cancelled;
    int failed; /* the code */
    int answered;
    char *answers;
};

gh_mcp_work *gh_mcp_work_hold(gh_mcp_work *work)
{
    atomic_fetch_add(&work->holders, 1);
    return work;
}

void gh_mcp_work_release(gh_mcp_work *work)
{
    ck_assert_int_gt(atomic_fetch_sub(&work->holders, 1), 0);
}

void gh_mcp_work_cancel(gh_mcp_work *work)
{
    atomic_fetch_add(&work->cancelled, 1);
    gh_mcp_outbox_close(work->outbox);
}

void gh_mcp_work_answer(gh_mcp_work *work, gh_view answers)
{
    work->answered++;
    free(work->answers);
    work->answers = gh_view_dup(answers);
}

void gh_mcp_work_fail(gh_mcp_work *work, int code, const char *message)
{
    ck_assert_uint_gt(strlen(message), 0);
    work->failed = code;
}

gh_view gh_mcp_work_id(const gh_mcp_work *work)
{
    return gh_view_of(work->id);
}

gh_mcp_outbox *gh_mcp_work_outbox(gh_mcp_work *work)
{
    return work->outbox;
}

__attribute__((unused)) static gh_mcp_outbox *new_outbox(void)
{
    const gh_mcp_outbox_options options = {.max_messages = 100, .max_bytes = 100000, .keep = true};
    gh_mcp_outbox *outbox = NULL;
    ck_assert_int_eq(gh_mcp_outbox_new(&options, &outbox), GH_OK);
    return outbox;
}

__attribute__((unused)) static gh_mcp_work new_work(const char *id)
{
    return (gh_mcp_work){.holders = 1, .id = id, .outbox = new_outbox()};
}

/* Nobody else holds it any more. */
__attribute__((unused)) static void drop_work(gh_mcp_work *work)
{
    ck_assert_int_eq(atomic_load(&work->holders), 1);
    gh_mcp_outbox_release(work->outbox);
    free(work->answers);
}

/* --- sessions --- */

static int64_t fake_now_ns;
static gh_mcp_hub *hub;

static inline int64_t fake_clock(void)
{
    return fake_now_ns;
}

static inline void advance_ms(int64_t ms)
{
    fake_now_ns += ms * 1000000;
}

/* Sessions end after a second of nothing. */
static inline gh_mcp_sessions *table_of(size_t max, size_t each)
{
    gh_mcp_sessions *table = NULL;
    fake_now_ns = INT64_C(1000000000);
    gh_clock_set_source(fake_clock, NULL);
    hub = gh_mcp_hub_new();
    ck_assert_ptr_nonnull(hub);
    ck_assert_int_eq(gh_mcp_sessions_new(max, each, 1000, hub, &table), GH_OK);
    return table;
}

static inline void free_table(gh_mcp_sessions *table)
{
    gh_mcp_sessions_free(table);
    gh_mcp_hub_free(hub);
    gh_clock_set_source(NULL, NULL);
}

__attribute__((unused)) static gh_mcp_session *session_of(gh_mcp_sessions *table)
{
    gh_mcp_session *session = NULL;
    ck_assert_int_eq(gh_mcp_sessions_open(table, &ADA, GH_MCP_VERSION_2025_11, gh_view_of(NULL), &session),
                     GH_OK);
    return session;
}

/* The messages of an outbox from `after` on, each followed by a line feed; owned by the caller. */
__attribute__((unused)) static char *messages_after(gh_mcp_outbox *outbox, uint64_t after)
{
    gh_buf all = GH_BUF_INIT(1000000);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000000)};
    uint64_t reader = 0;
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, gh_mcp_outbox_nearest(outbox, after), &reader), GH_OK);
    while (gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item) <= GH_MCP_TAKEN_LAST &&
           item.text.len > 0) {
        (void)gh_buf_append_view(&all, gh_buf_view(&item.text));
        (void)gh_buf_append_char(&all, '\n');
    }
    gh_mcp_outbox_detach(outbox, reader);
    gh_buf_free(&item.text);
    char *text = gh_text_dup(gh_buf_cstr(&all));
    gh_buf_free(&all);
    return text;
}

#endif
