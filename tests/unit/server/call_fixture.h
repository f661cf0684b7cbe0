/* Runs handlers as the server does, without a server: one call at a time. */
#ifndef GH_TESTS_UNIT_SERVER_CALL_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_CALL_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server/call/call.h"
#include "shared/core/log.h"

static gatehouse_host host; /* filled before each test */

__attribute__((unused)) static gh_principal CALLER = {.issuer = (char[]){"https://id.example"},
                                                      .subject = (char[]){"u-1"},
                                                      .name = (char[]){"Ada"},
                                                      .email = (char[]){"ada@example.org"},
                                                      .client_id = (char[]){"client-1"},
                                                      .scope = (char[]){"mcp files"},
                                                      .expires_at = INT64_C(4102444800)};

static const gh_call_hooks NO_HOOKS = {0};

static inline void fill_host(void)
{
    memset(&host, 0, sizeof host);
    gh_call_fill_host(&host);
    gh_log_set_level(GH_LOG_ERROR);
}

static inline gh_call_question question_of(gh_call_kind kind)
{
    return (gh_call_question){.kind = kind,
                              .principal = &CALLER,
                              .item = "Tool test of test.so",
                              .target = "test",
                              .arguments = "{}",
                              .capabilities = "{}",
                              .can_be_asked = true};
}

/* Clear the call afterwards. */
static inline gh_call_outcome run_with(gh_call *call, const gh_call_question *question,
                                       const gh_call_hooks *hooks, gatehouse_handler handler, void *data)
{
    gh_call_init(call, question, hooks);
    gh_call_run(call, handler, data);
    return call->told.outcome;
}

static inline gh_call_outcome run(gh_call *call, gh_call_kind kind, gatehouse_handler handler)
{
    const gh_call_question question = question_of(kind);
    return run_with(call, &question, &NO_HOOKS, handler, NULL);
}

/* Exactly this content comes out. */
static inline void answers(gh_call_kind kind, gatehouse_handler handler, const char *content)
{
    gh_call call;
    gh_call_outcome outcome = run(&call, kind, handler);
    ck_assert_msg(outcome == GH_CALL_ANSWERED, "%s", call.why.message);
    ck_assert_str_eq(gh_buf_cstr(&call.told.content), content);
    gh_call_clear(&call);
}

/* It is the handler's fault, and the log says so with this part of a sentence. */
static inline void faults(gh_call_kind kind, gatehouse_handler handler, const char *part)
{
    gh_call call;
    ck_assert_int_eq(run(&call, kind, handler), GH_CALL_FAULT);
    ck_assert_msg(strstr(call.why.message, part) != NULL, "%s", call.why.message);
    gh_call_clear(&call);
}

#endif
