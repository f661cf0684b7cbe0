/* The log: lines to a descriptor by a writer thread over a bounded ring.
 *
 * A caller never blocks and never does I/O: when the ring is full the line is dropped and counted, and
 * the writer reports "N log lines dropped" when it has caught up. Control characters in any value are
 * escaped, so that a line stays one line. Never pass a token, code, verifier, cookie, secret or query
 * string. The level is tested before anything is formatted. Every function is safe from any thread;
 * without gh_log_start, lines are written synchronously to stderr (tests, early start-up).
 *
 * Text: `2026/11/22 17:40:16 [HTTP REQUEST] Method: POST | Path: /mcp` for events, and
 *       `2026/11/22 17:40:16 message` for messages (`WARN: `, `ERROR: `, `DEBUG: ` before the message).
 * JSON: {"time":"…Z","level":"info","event":"HTTP REQUEST","method":"POST","path":"/mcp"} and
 *       {"time":"…Z","level":"warn","message":"…"}. */
#ifndef GH_SHARED_CORE_LOG_H
#define GH_SHARED_CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

typedef enum gh_log_level { GH_LOG_ERROR, GH_LOG_WARN, GH_LOG_INFO, GH_LOG_DEBUG } gh_log_level;

typedef enum gh_log_format { GH_LOG_TEXT, GH_LOG_JSON } gh_log_format;

typedef struct gh_log_options {
    int fd; /* borrowed; normally 2 */
    gh_log_format format;
    gh_log_level level;
    size_t ring_lines; /* 0 for the default of 4096 */
    const char *tag;   /* prefix of text lines ("gatehouse-bridge: "), NULL for none; must outlive the log */
} gh_log_options;

GH_MUST_USE gh_status gh_log_start(const gh_log_options *options);
void gh_log_stop(void); /* writes what is left, within a second, and joins the writer */
/* Waits until everything logged so far has been written, at most `ms`. */
void gh_log_flush(int ms);
uint64_t gh_log_dropped(void);

bool gh_log_enabled(gh_log_level level);
void gh_log_set_level(gh_log_level level);

/* One line; longer than GH_LOG_LINE_MAX bytes is cut with "…". */
#define GH_LOG_LINE_MAX 1024
void gh_log_message(gh_log_level level, const char *format, ...) GH_PRINTF(2, 3);

#define gh_log_error(...) gh_log_message(GH_LOG_ERROR, __VA_ARGS__)
#define gh_log_warn(...) gh_log_message(GH_LOG_WARN, __VA_ARGS__)
#define gh_log_info(...) gh_log_message(GH_LOG_INFO, __VA_ARGS__)
#define gh_log_debug(...)                                                                                    \
    do {                                                                                                     \
        if (gh_log_enabled(GH_LOG_DEBUG)) {                                                                  \
            gh_log_message(GH_LOG_DEBUG, __VA_ARGS__);                                                       \
        }                                                                                                    \
    } while (0)

typedef enum gh_log_kind { GH_LOG_STR, GH_LOG_INT, GH_LOG_DURATION_NS } gh_log_kind;

typedef struct gh_log_field {
    const char *key; /* as in the text form: "Method", "RemoteAddr"; JSON uses snake_case of it */
    gh_log_kind kind;
    gh_view str;    /* GH_LOG_STR */
    int64_t number; /* GH_LOG_INT, GH_LOG_DURATION_NS (JSON: duration_ns as a number) */
} gh_log_field;

/* An event such as "HTTP REQUEST" with its fields, at `level`. */
void gh_log_event(gh_log_level level, const char *event, const gh_log_field *fields, size_t count);

#endif
