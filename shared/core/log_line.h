/* The text of one log line, built on the caller's stack. Private to the log. Thread-safe.
 *
 * A line is kept without its time: the one who writes it puts the time in front, which lets the writer
 * thread format a second once. */
#ifndef GH_SHARED_CORE_LOG_LINE_H
#define GH_SHARED_CORE_LOG_LINE_H

#include "shared/core/clock.h"
#include "shared/core/log.h"

/* Leaves room for the time, the tag and the newline within GH_LOG_LINE_MAX. */
#define GH_LOG_HEAD_MAX 96
#define GH_LOG_BODY_MAX (GH_LOG_LINE_MAX - GH_LOG_HEAD_MAX)

typedef struct gh_log_line {
    int64_t wall_ms;
    size_t len;
    char body[GH_LOG_BODY_MAX];
} gh_log_line;

void gh_log_line_message(gh_log_line *line, gh_log_format format, gh_log_level level, gh_view text);
void gh_log_line_event(gh_log_line *line, gh_log_format format, gh_log_level level, const char *event,
                       const gh_log_field *fields, size_t count);

/* The text of the last time, which mostly serves again. Start with zeros. */
typedef struct gh_log_head {
    int64_t second;
    bool valid;
    char text[GH_CLOCK_TEXT_MAX];
} gh_log_head;

/* The whole line of that body with time, tag (may be NULL) and newline; `out` has GH_LOG_LINE_MAX bytes. */
size_t gh_log_line_compose(gh_log_head *head, int64_t wall_ms, gh_view body, gh_log_format format,
                           const char *tag, char *out);

#endif
