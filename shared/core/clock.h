/* Time, in milliseconds unless the name says otherwise, and deadlines on the monotonic clock.
 * Thread-safe. Tests may replace the source before any thread starts. */
#ifndef GH_SHARED_CORE_CLOCK_H
#define GH_SHARED_CORE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t gh_clock_mono_ns(void);
int64_t gh_clock_mono_ms(void);
int64_t gh_clock_wall_s(void); /* seconds since the epoch, for expiry that leaves the process */
int64_t gh_clock_wall_ms(void);

typedef struct gh_deadline {
    int64_t at_ms; /* monotonic; INT64_MAX means never */
} gh_deadline;

gh_deadline gh_deadline_in(int64_t ms);
gh_deadline gh_deadline_never(void);
gh_deadline gh_deadline_earlier(gh_deadline a, gh_deadline b);
bool gh_deadline_passed(gh_deadline deadline);
/* For poll(): milliseconds left, 0 when passed, at most `cap` (which is also "never"). */
int gh_deadline_poll_ms(gh_deadline deadline, int cap);

/* "2026/11/22 17:40:16" (local) and "2026-11-22T17:40:16.123Z" (UTC); `out` of at least
 * GH_CLOCK_TEXT_MAX bytes. */
#define GH_CLOCK_TEXT_MAX 40
void gh_clock_format_local(int64_t wall_ms, char *out);
void gh_clock_format_utc(int64_t wall_ms, char *out);
/* "13.98µs", "458.581µs", "1.2ms", "3.04s": as Go prints a duration, at most three decimals. */
void gh_clock_format_duration(int64_t ns, char *out);

/* For tests: a function that returns nanoseconds (mono) or milliseconds (wall); NULL restores. */
void gh_clock_set_source(int64_t (*mono_ns)(void), int64_t (*wall_ms)(void));

#endif
