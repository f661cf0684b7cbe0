#include "shared/core/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

static int64_t system_mono_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static int64_t (*mono_source)(void) = system_mono_ns;
static int64_t (*wall_source)(void) = system_wall_ms;

void gh_clock_set_source(int64_t (*mono_ns)(void), int64_t (*wall_ms)(void))
{
    mono_source = mono_ns ? mono_ns : system_mono_ns;
    wall_source = wall_ms ? wall_ms : system_wall_ms;
}

int64_t gh_clock_mono_ns(void)
{
    return mono_source();
}

int64_t gh_clock_mono_ms(void)
{
    return mono_source() / NS_PER_MS;
}

int64_t gh_clock_wall_s(void)
{
    return wall_source() / 1000;
}

int64_t gh_clock_wall_ms(void)
{
    return wall_source();
}

gh_deadline gh_deadline_in(int64_t ms)
{
    gh_deadline deadline = {0};

    if (__builtin_add_overflow(gh_clock_mono_ms(), ms, &deadline.at_ms)) {
        deadline.at_ms = ms > 0 ? INT64_MAX : INT64_MIN;
    }
    return deadline;
}

gh_deadline gh_deadline_never(void)
{
    return (gh_deadline){INT64_MAX};
}

gh_deadline gh_deadline_earlier(gh_deadline a, gh_deadline b)
{
    return a.at_ms <= b.at_ms ? a : b;
}

bool gh_deadline_passed(gh_deadline deadline)
{
    return deadline.at_ms != INT64_MAX && gh_clock_mono_ms() >= deadline.at_ms;
}

int gh_deadline_poll_ms(gh_deadline deadline, int cap)
{
    int64_t left = 0;

    if (deadline.at_ms == INT64_MAX) {
        return cap;
    }
    if (__builtin_sub_overflow(deadline.at_ms, gh_clock_mono_ms(), &left) || left <= 0) {
        return 0;
    }
    return left < cap ? (int)left : cap;
}

/* Floors, so that times before the epoch keep a positive remainder. */
static time_t whole_seconds(int64_t wall_ms, int *ms)
{
    int64_t rest = wall_ms % 1000;

    if (rest < 0) {
        rest += 1000;
    }
    *ms = (int)rest;
    return (time_t)((wall_ms - rest) / 1000);
}

void gh_clock_format_local(int64_t wall_ms, char *out)
{
    int ms = 0;
    time_t seconds = whole_seconds(wall_ms, &ms);
    struct tm tm = {0};

    if (!localtime_r(&seconds, &tm) || strftime(out, GH_CLOCK_TEXT_MAX, "%Y/%m/%d %H:%M:%S", &tm) == 0) {
        (void)snprintf(out, GH_CLOCK_TEXT_MAX, "0000/00/00 00:00:00");
    }
}

void gh_clock_format_utc(int64_t wall_ms, char *out)
{
    int ms = 0;
    time_t seconds = whole_seconds(wall_ms, &ms);
    struct tm tm = {0};
    size_t len = 0;

    if (gmtime_r(&seconds, &tm)) {
        len = strftime(out, GH_CLOCK_TEXT_MAX - 6, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    if (len == 0) {
        (void)snprintf(out, GH_CLOCK_TEXT_MAX, "0000-00-00T00:00:00.000Z");
        return;
    }
    (void)snprintf(out + len, GH_CLOCK_TEXT_MAX - len, ".%03dZ", ms);
}

/* `value` counts thousandths of `unit`. Without printf: every line of the access log has one. */
static void format_decimal(const char *prefix, uint64_t value, const char *unit, char *out)
{
    static const unsigned places[] = {100, 10, 1};
    char digits[24];
    size_t at = sizeof(digits);
    size_t prefix_len = strlen(prefix);
    uint64_t whole = value / 1000;
    unsigned rest = (unsigned)(value % 1000);

    do {
        digits[--at] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole > 0);
    memcpy(out, prefix, prefix_len);
    memcpy(out + prefix_len, digits + at, sizeof(digits) - at);
    out += prefix_len + sizeof(digits) - at;
    if (rest > 0) {
        *out++ = '.';
    }
    for (size_t i = 0; i < sizeof places / sizeof places[0] && rest > 0; i++) {
        *out++ = (char)('0' + rest / places[i]);
        rest %= places[i];
    }
    memcpy(out, unit, strlen(unit) + 1);
}

void gh_clock_format_duration(int64_t ns, char *out)
{
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    const char *sign = ns < 0 ? "-" : "";
    char prefix[32] = "";
    uint64_t minutes = left / NS_PER_S / 60;

    if (left == 0) {
        (void)snprintf(out, GH_CLOCK_TEXT_MAX, "0s");
    } else if (left < 1000) {
        (void)snprintf(out, GH_CLOCK_TEXT_MAX, "%s%lluns", sign, (unsigned long long)left);
    } else if (left < NS_PER_MS) {
        format_decimal(sign, left, "µs", out);
    } else if (left < NS_PER_S) {
        format_decimal(sign, left / 1000, "ms", out);
    } else {
        if (minutes >= 60) {
            (void)snprintf(prefix, sizeof(prefix), "%s%lluh%llum", sign, (unsigned long long)(minutes / 60),
                           (unsigned long long)(minutes % 60));
        } else if (minutes > 0) {
            (void)snprintf(prefix, sizeof(prefix), "%s%llum", sign, (unsigned long long)minutes);
        } else {
            (void)snprintf(prefix, sizeof(prefix), "%s", sign);
        }
        format_decimal(prefix, (left - minutes * 60 * NS_PER_S) / NS_PER_MS, "s", out);
    }
}
