/* A table of tasks with a clock that tests move, and a worker that notes what it is told. */
#ifndef GH_TESTS_UNIT_SERVER_TASKS_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_TASKS_FIXTURE_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/mcp/tasks.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"

static gh_principal ADA = {
    .issuer = (char[]){"https://id.example"}, .subject = (char[]){"u-1"}, .client_id = (char[]){"c-1"}};

static _Atomic int64_t fixture_ms = 1000;

static inline int64_t fixture_mono_ns(void)
{
    return atomic_load(&fixture_ms) * 1000000;
}

/* 2026-07-28T12:00:00.000Z and as far as the other has come. */
static inline int64_t fixture_wall_ms(void)
{
    return INT64_C(1785240000000) + atomic_load(&fixture_ms) - 1000;
}

typedef struct fixture {
    gh_mcp_hub *hub;
    gh_mcp_tasks *tasks;
    gh_mcp_listener listener;
    atomic_int announced;
    char last[8192]; /* what was announced last */
    gh_mcp_topic topic;
} fixture;

typedef struct worker {
    atomic_int cancelled;
    atomic_int resumed;
    atomic_int gone;
    atomic_int after_gone; /* it was told something, or was told twice that it is over */
    char answers[4096];
} worker;

static inline void worker_cancel(void *context)
{
    worker *self = context;
    atomic_fetch_add(&self->after_gone, atomic_load(&self->gone));
    atomic_fetch_add(&self->cancelled, 1);
}

static inline void worker_resume(void *context, gh_view answers)
{
    worker *self = context;
    atomic_fetch_add(&self->after_gone, atomic_load(&self->gone));
    (void)snprintf(self->answers, sizeof self->answers, "%.*s", (int)answers.len, answers.ptr);
    atomic_fetch_add(&self->resumed, 1);
}

static inline void worker_gone(void *context)
{
    worker *self = context;
    atomic_fetch_add(&self->after_gone, atomic_load(&self->gone));
    atomic_fetch_add(&self->gone, 1);
}

static inline gh_mcp_task_worker worker_of(worker *self)
{
    memset(self, 0, sizeof *self);
    return (gh_mcp_task_worker){self, worker_cancel, worker_resume, worker_gone};
}

static inline void fixture_hear(void *context, gh_mcp_topic topic, gh_view subject, gh_view detail)
{
    fixture *self = context;
    (void)subject;
    atomic_fetch_add(&self->announced, 1);
    self->topic = topic;
    (void)snprintf(self->last, sizeof self->last, "%.*s", (int)detail.len, detail.ptr);
}

static inline void fixture_start(fixture *self, size_t max, size_t each)
{
    memset(self, 0, sizeof *self);
    atomic_store(&fixture_ms, 1000);
    gh_clock_set_source(fixture_mono_ns, fixture_wall_ms);
    self->hub = gh_mcp_hub_new();
    self->listener.context = self;
    self->listener.hear = fixture_hear;
    gh_mcp_hub_add(self->hub, &self->listener);
    gh_mcp_tasks_options options = {.hub = self->hub,
                                    .max = max,
                                    .max_per_principal = each,
                                    .ttl_ms = 60000,
                                    .ttl_max_ms = 3600000,
                                    .poll_ms = 500};
    ck_assert_int_eq(gh_mcp_tasks_new(&options, &self->tasks), GH_OK);
}

static inline void fixture_end(fixture *self)
{
    gh_mcp_tasks_free(self->tasks);
    gh_mcp_hub_remove(self->hub, &self->listener);
    gh_mcp_hub_free(self->hub);
}

static inline void fixture_create(fixture *self, worker *who, char id[GH_MCP_TASK_ID_MAX])
{
    gh_mcp_task_worker told = worker_of(who);
    gh_buf out = GH_BUF_INIT(10000);
    ck_assert_int_eq(gh_mcp_tasks_create(self->tasks, &ADA, NULL, 0, 0, &told, id, &out), GH_OK);
    gh_buf_free(&out);
}

/* The DetailedTask as Ada gets it; NULL when it is not found. To be deleted. */
static inline cJSON *fixture_get(fixture *self, const char *id)
{
    static const gh_json_limits limits = {64U * 1024 * 1024, 64, 100000, 1000};
    gh_buf out = GH_BUF_INIT((size_t)16 * 1024 * 1024);
    cJSON *json = NULL;
    (void)gh_buf_append_char(&out, '{');
    gh_status status = gh_mcp_tasks_get(self->tasks, &ADA, gh_view_of(id), &out);
    (void)gh_buf_append_char(&out, '}');
    if (status == GH_OK) {
        ck_assert_int_eq(gh_json_parse(gh_buf_view(&out), &limits, &json, NULL), GH_OK);
    } else {
        ck_assert_int_eq(status, GH_ERR_NOT_FOUND);
    }
    gh_buf_free(&out);
    return json;
}

static inline void fixture_check_status(int line, fixture *self, const char *id, const char *status)
{
    cJSON *json = fixture_get(self, id);
    const char *got = json ? gh_json_get_string(json, "status") : "not found";
    ck_assert_msg(strcmp(got, status) == 0, "line %d: %s", line, got);
    cJSON_Delete(json);
}

#define expect_status(self, id, status) fixture_check_status(__LINE__, self, id, status)

static inline gh_status fixture_ask(fixture *self, const char *id, const char *key, const char *params)
{
    char key_copy[2048];
    gh_call_ask ask = {key_copy, "elicitation/create", (char *)(uintptr_t)params};
    (void)snprintf(key_copy, sizeof key_copy, "%s", key);
    return gh_mcp_tasks_ask(self->tasks, id, &ask, 1);
}

static inline gh_status fixture_update(fixture *self, const char *id, const char *responses)
{
    gh_error error = {0};
    return gh_mcp_tasks_update(self->tasks, &ADA, gh_view_of(id), gh_view_of(responses), &error);
}

#endif
